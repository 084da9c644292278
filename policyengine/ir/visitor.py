"""Walking and rewriting expressions, so that no pass spells out the shape of every node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, get_args

from policyengine.ir.nodes import Expr, GrantExists, Holder, Program, Reference, Rule


def children(expr: Expr) -> Iterator[Expr]:
    """The expressions directly inside one, from left to right."""
    for name in _PARTS[type(expr)]:
        part = getattr(expr, name)
        if isinstance(part, tuple):
            yield from part
        else:
            yield part


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all inside it, outer before inner, left before right."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression rebuilt from the inside out, each node replaced by what `change` makes of it."""
    changed: dict[str, Any] = {}
    for name in _PARTS[type(expr)]:
        part = getattr(expr, name)
        if isinstance(part, tuple):
            changed[name] = tuple(rewrite(child, change) for child in part)
        else:
            changed[name] = rewrite(part, change)
    if any(_differs(part, getattr(expr, name)) for name, part in changed.items()):
        expr = replace(expr, **changed)
    return change(expr)


def _differs(new: Any, old: Any) -> bool:
    """Whether a part was replaced: by identity, since comparing whole trees at each level would be quadratic."""
    if isinstance(new, tuple):
        return any(a is not b for a, b in zip(new, old, strict=True))
    return new is not old


def rewrite_rule(rule: Rule, change: Callable[[Expr], Expr]) -> Rule:
    """The same on a rule's condition and on the fields of its obligation."""
    obliges = rule.obliges
    if obliges:
        obliges = replace(obliges, fields=tuple((name, rewrite(value, change)) for name, value in obliges.fields))
    return replace(rule, condition=rewrite(rule.condition, change), obliges=obliges)


def rewrite_program(program: Program, change: Callable[[Expr], Expr]) -> Program:
    """The same on every rule of a program; declarations stay as they are."""
    return replace(program, rules=tuple(rewrite_rule(rule, change) for rule in program.rules))


def can_err(expr: Expr) -> bool:
    """Whether its value may be an error: a Holder or a Reference stands in it, or grant rows that must be loaded."""
    return any(isinstance(node, Holder | Reference | GrantExists) for node in walk(expr))


_NODES = ("Expr", "Object", "Attr", "Var | Holder", "tuple[Expr, ...]")
_PARTS: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind) if field.type in _NODES) for kind in get_args(Expr)
}
"""The fields of each node that hold expressions: those annotated with a node's name."""
