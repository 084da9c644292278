"""Which permits a grant row gives, and what such a permit asks of a row on the record itself.

Used twice, by the encoding and by the replay of what it finds, so that `covered` has one meaning.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.ir.nodes import TRUE, And, Expr, GrantExists, Holder, Isolation, Program, Rule, Var
from policyengine.ir.visitor import rewrite
from policyengine.model.types import Entity

RECORD = Var("resource", Entity("resource"))


def granting(program: Program, *, crossing: bool = False) -> Iterator[tuple[Rule, Expr]]:
    """Each permit that holds only by a grant row, with its condition asked of the record in place of the holder.

    With `crossing`, only the permits that cross. The condition says nothing of tenants; it counts where the record
    holds its own scope, for only then is the row on the record itself one on the holder (docs/studio.md, Isolation).
    """
    for rule in program.rules:
        parts = rule.condition.operands if isinstance(rule.condition, And) else (rule.condition,)
        given = any(isinstance(part, GrantExists) for part in parts)  # not where it is one way among others
        if rule.effect == "permit" and given and (rule.crosses or not crossing):
            yield rule, rewrite(rule.condition, _of_the_record)


def _of_the_record(expr: Expr) -> Expr:
    if isinstance(expr, Isolation):
        return TRUE
    return RECORD if isinstance(expr, Holder) else expr
