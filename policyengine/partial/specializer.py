"""One pass that code generation (known: action and type) and list plans (known: the principal too) share.

Law: specializing preserves every decision that agrees with what is known (tests/laws).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from policyengine.ir.nodes import (
    FALSE,
    TRUE,
    Attr,
    Expr,
    GrantExists,
    Has,
    Holder,
    Isolation,
    Literal,
    Program,
    Reference,
    Rule,
    Var,
)
from policyengine.ir.printer import print_expr
from policyengine.ir.simplifier import simplify
from policyengine.ir.visitor import rewrite_rule, walk
from policyengine.model.schema import Known


@dataclass(frozen=True, slots=True)
class Partly:
    """What is known. `principal` is a well-formed principal as JSON, or None where it is not known."""

    action: str
    type: str
    principal: Mapping[str, Any] | None = None


def specialize(program: Program, known: Partly) -> Program:
    """The rules that are left for such requests; one that can no longer hold is gone."""
    rules = [_specialize(rule, program, known) for rule in program.rules_for(known.action, known.type)]
    return replace(program, rules=tuple(rule for rule in rules if rule.condition != FALSE))


def _specialize(rule: Rule, program: Program, known: Partly) -> Rule:
    rule = replace(rule, actions=(known.action,), types=(known.type,))
    rule = rewrite_rule(rule, lambda expr: _known(expr, program, known))
    obliges = rule.obliges
    if obliges:
        obliges = replace(obliges, fields=tuple((name, simplify(value)) for name, value in obliges.fields))
    return replace(rule, condition=simplify(rule.condition), obliges=obliges)


def _known(expr: Expr, program: Program, known: Partly) -> Expr:
    """One node, with what is known in its place; an attribute that is known to be absent is left for its `has`."""
    match expr:
        case Attr(of=Var(name="resource"), name="type", type=type_):
            return Literal(known.type, type_)
        case Attr(of=Var(name="principal"), name=name, type=type_) if known.principal is not None:
            value = known.principal.get(name)
            return expr if value is None else Literal(value, type_)
        case Has(attr=Literal()):
            return TRUE
        case Has(attr=Attr(of=Var(name="principal"))) if known.principal is not None:
            return FALSE
        case Isolation() if program.schema.resource[known.type].global_reason:
            return TRUE
    return expr


def reads(program: Program, action: str, type_name: str) -> tuple[tuple[Known, str], ...]:
    """The fetch plan: every attribute that a decision may read, as (where it is known, its path), sorted, each once."""
    rules = specialize(program, Partly(action, type_name)).rules
    found: set[tuple[Known, str]] = set()
    for expr in _expressions(rules):
        for node in walk(expr):
            match node:
                case Attr():
                    found.add((node.known, print_expr(node)))
                    if isinstance(node.of, Holder):  # which may be the record itself
                        found.add((Known.RECORD, f"resource.{node.name}"))
                case Reference(target=target):
                    names = (program.schema.tenant_key, program.schema.resource[target].identity)
                    found |= {(Known.REFERENCED, f"{print_expr(node)}.{name}") for name in names}
                    found.add((Known.RECORD, f"resource.{program.schema.tenant_key}"))
                case Holder():
                    found |= _chain_reads(program, type_name)
                case GrantExists():
                    found |= _grant_reads(program, type_name)
    return tuple(sorted(found))


def _expressions(rules: Iterable[Rule]) -> Iterator[Expr]:
    for rule in rules:
        yield rule.condition
        if rule.obliges:
            yield from (value for _, value in rule.obliges.fields)


def _chain_reads(program: Program, type_name: str) -> set[tuple[Known, str]]:
    """What finding the holder reads of the record and of each row on the way: its id, its scope and its parent."""
    schema, inherit = program.schema, program.schema.inherits[type_name]
    names = (inherit.attribute, inherit.parent, schema.tenant_key)
    above = {(Known.ANCESTOR, f"holder.{name}") for name in (*names, schema.resource[inherit.parent_type].identity)}
    own = (Known.ARGUMENT, f"resource.{schema.resource[type_name].identity}")
    return {own, *above, *((Known.RECORD, f"resource.{name}") for name in names)}


def _grant_reads(program: Program, type_name: str) -> set[tuple[Known, str]]:
    """What judging grant rows reads: their keys and role, and whatever says whether a row counts."""
    grant = program.schema.grant_on[type_name]
    live = [node for node in walk(program.live_when(grant.name)) if isinstance(node, Attr)]
    own = (Known.ARGUMENT, f"resource.{program.schema.resource[type_name].identity}")
    rows = {(Known.GRANT, f"row.{a.name}") for a in grant.attributes}
    return {own, *rows, *((node.known, print_expr(node)) for node in live)}
