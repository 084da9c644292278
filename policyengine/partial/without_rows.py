"""What a decision comes to before any row is read: from the principal, and what the arguments say of the context.

In: a program, an action, a type. Out: `Foregone`, conditions of the core on principal and context alone.
Law: where `denied` holds, the request is denied for every record of the type, whatever the rows beside it (tests/laws).
Nothing here ever allows: an allow may need a row.

Each expression gets two bounds. `may` is true wherever some record and rows make it true; `must` is true only where all
of them make it true or an error. So `not` swaps them:  may(not e) = not must(e),  must(not e) = not may(e). A permit
counts by `may`; a forbid by `must`, since an error in it denies too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from policyengine.ir.nodes import (
    FALSE,
    TRUE,
    And,
    Attr,
    Compare,
    Expr,
    Has,
    Isolation,
    Literal,
    Member,
    Not,
    Or,
    Program,
    Rule,
    Var,
)
from policyengine.ir.simplifier import simplify
from policyengine.ir.visitor import rewrite
from policyengine.model.schema import Known
from policyengine.model.types import Entity, Id
from policyengine.partial.specializer import Partly, specialize


@dataclass(frozen=True, slots=True)
class Foregone:
    """`denied` holds where every record is denied; of the forbids, `blocking` says which then hold (id, condition)."""

    denied: Expr
    blocking: tuple[tuple[str, Expr], ...]


def without_rows(program: Program, action: str, type_name: str, context: frozenset[str]) -> Foregone:
    """What is foregone where the principal, and these attributes of the context, are known (absent ones too)."""
    rules = specialize(program, Partly(action, type_name)).rules
    isolated = not program.schema.resource[type_name].global_reason
    worlds = [_at_home(program), _abroad(program)] if isolated else [_unchanged]
    bounds = [_World(context, change) for change in worlds]
    denied = simplify(And(tuple(_denied(world, rules) for world in bounds)))
    blocking = tuple((rule.id, bounds[0].must(rule.condition)) for rule in rules if rule.effect == "forbid")
    return Foregone(denied, tuple((id, simplify(condition)) for id, condition in blocking))


def _denied(world: _World, rules: Iterable[Rule]) -> Expr:
    permits = tuple(world.may(rule.condition) for rule in rules if rule.effect == "permit")
    forbids = tuple(world.must(rule.condition) for rule in rules if rule.effect == "forbid")
    return Or((Not(_any(permits)), _any(forbids)))


def _any(conditions: tuple[Expr, ...]) -> Expr:
    return Or(conditions) if conditions else FALSE


# ---- Two worlds: the record is of the principal's tenant, or of another


def _unchanged(expr: Expr) -> Expr:
    return expr


def _at_home(program: Program) -> Callable[[Expr], Expr]:
    """The record's tenant is the principal's, and so it is known."""
    key = program.schema.tenant_key

    def change(expr: Expr) -> Expr:
        match expr:
            case Isolation():
                return TRUE
            case Attr(of=Var(name="resource"), name=name) if name == key:
                principal = Var("principal", Entity(program.schema.principal.name))
                return Attr(principal, key, Id(program.schema.tenant, True), Known.TOKEN)
        return expr

    return change


def _abroad(program: Program) -> Callable[[Expr], Expr]:
    """The record's tenant is another one: nothing isolated holds but what a grant row on the record itself gives."""
    key = program.schema.tenant_key

    def is_key(expr: Expr, of: str) -> bool:
        return isinstance(expr, Attr) and isinstance(expr.of, Var) and (expr.of.name, expr.name) == (of, key)

    def change(expr: Expr) -> Expr:
        match expr:
            case Isolation(crosses=False):
                return FALSE
            case Compare(left=left, operator=operator, right=right):
                for one, other in ((left, right), (right, left)):
                    if is_key(one, "principal") and is_key(other, "resource"):
                        return TRUE if operator == "!=" else FALSE
        return expr

    return change


# ---- Bounds


class _World:
    """`context` is what is known of the context; `change` says what one of the two worlds makes of a node."""

    def __init__(self, context: frozenset[str], change: Callable[[Expr], Expr]) -> None:
        self.context = context
        self.change = change

    def may(self, condition: Expr) -> Expr:
        return self._bound(rewrite(condition, self.change), TRUE)

    def must(self, condition: Expr) -> Expr:
        return self._bound(rewrite(condition, self.change), FALSE)

    def _bound(self, expr: Expr, unknown: Literal) -> Expr:
        """`unknown` is the bound of what is not known: TRUE from above, FALSE from below."""
        match expr:
            case Not(operand=operand):
                return Not(self._bound(operand, FALSE if unknown == TRUE else TRUE))
            case And(operands=operands):
                return And(tuple(self._bound(operand, unknown) for operand in operands))
            case Or(operands=operands):
                return Or(tuple(self._bound(operand, unknown) for operand in operands))
            case Literal() | Has() | Compare() | Member() | Attr() if self._is_known(expr):
                return expr
        return unknown

    def _is_known(self, expr: Expr) -> bool:
        match expr:
            case Literal():
                return True
            case Attr(of=Var(name="principal")):
                return True
            case Attr(of=Var(name="context"), name=name):
                return name in self.context
            case Attr(of=of):
                return self._is_known(of)
            case Has(attr=attr):
                return self._is_known(attr)
            case Compare(left=left, right=right):
                return self._is_known(left) and self._is_known(right)
            case Member(item=item):
                return self._is_known(item)
        return False
