"""Smaller expressions of the same meaning: the same value on every input, and the same error where it errs.

Each case shows its rewrite. None drops a part that could err unless the rest already decides (`false and x => false`
holds for an erring x; `x or not x => true` would not).
"""

from __future__ import annotations

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
)
from policyengine.ir.visitor import can_err, children, rewrite, rewrite_program
from policyengine.model.operators import OPERATORS
from policyengine.model.types import TIME, Enum


def simplify(expr: Expr) -> Expr:
    """The expression in its smallest form; simplifying twice changes nothing more."""
    return rewrite(expr, _simplify)


def simplify_program(program: Program) -> Program:
    """Every rule simplified; a rule that can never hold stays, since reports and warnings name it."""
    return rewrite_program(program, _simplify)


def _simplify(expr: Expr) -> Expr:
    """One node, whose parts are simple already."""
    match expr:
        case Not(operand=Literal(value=bool(value))):  # not true => false
            return FALSE if value else TRUE
        case Not(operand=Not(operand=inner)):  # not not x => x
            return inner
        case Not(operand=Compare(left=left, operator="==", right=right)):  # not x == y => x != y
            return Compare(left, "!=", right)
        case Not(operand=Compare(left=left, operator="!=", right=right)):  # not x != y => x == y
            return Compare(left, "==", right)
        case And(operands=operands):
            return _junction(And, operands, TRUE, FALSE)
        case Or(operands=operands):
            return _junction(Or, operands, FALSE, TRUE)
        case Compare(left=Literal() as left, operator=operator, right=Literal() as right) if left.type != TIME:
            # 1 < 2 => true; a Time is text here, and its order is not the text's
            return TRUE if OPERATORS[operator].meaning(left.value, right.value) else FALSE
        case Compare(left=Literal() as left, operator="==" | "!=" as operator, right=right):  # 1 == x => x == 1
            return Compare(right, operator, left)
        case Member(item=Literal(value=value), values=values):  # 1 in {1, 2} => true
            return TRUE if any(value == v and type(value) is type(v) for v in values) else FALSE
        case Member(values=()):  # x in {} => false, but not where x errs
            return expr if can_err(expr) else FALSE
        case Member(item=Attr(type=Enum(values=all_values)) as item, values=values) if set(values) == set(all_values):
            return expr if can_err(item) else TRUE  # x in {all values of its type} => true
        case Member(item=Attr(type=type_) as item, values=(value,)):  # x in {1} => x == 1
            return Compare(item, "==", Literal(value, type_))
        case Isolation(principal=Literal() as mine, record=record, crosses=False):  # with the principal known
            return Compare(record, "==", mine)
    return expr


def _junction(kind: type[And] | type[Or], operands: tuple[Expr, ...], neutral: Expr, decides: Expr) -> Expr:
    """x and (y and z) => x and y and z; x and true => x; x and false => false; x and x => x."""
    flat = [part for operand in operands for part in (operand.operands if isinstance(operand, kind) else (operand,))]
    if decides in flat:
        return decides
    parts = _cheapest_first(list(dict.fromkeys(part for part in flat if part != neutral)))
    if not parts:
        return neutral
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _cheapest_first(parts: list[Expr]) -> list[Expr]:
    """Parts that cannot err first, so that rows are asked for only where nothing cheaper decides.

    What reads an optional attribute stays behind a part that can err: its `has` may stand inside that part.
    """
    early: list[Expr] = []
    late: list[Expr] = []
    for part in parts:
        (late if can_err(part) or (late and _reads_optional(part)) else early).append(part)
    return early + late


def _reads_optional(expr: Expr) -> bool:
    """Whether it reads, and does not only look for, an attribute that may be absent."""
    if isinstance(expr, Has):
        return _reads_optional(expr.attr.of)
    return (isinstance(expr, Attr) and expr.optional) or any(map(_reads_optional, children(expr)))
