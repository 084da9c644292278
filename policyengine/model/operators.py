"""The operators of the core, one table: a row an operator, a column a reader, a cell a template or a refusal.

`{0}` and `{1}` in a template are the operands, printed by the same reader; `and` and `or` of more operands fold. A
`Refusal` names a diagnostic code: a reader agrees or refuses, it never approximates. `meaning` serves the interpreter,
on values of one type; Times reach it as instants, and errors never do. In DynamoDB an attribute is there if it has its
declared type (`{1}`): null is a type of its own, and absence. Times are beyond it: one instant has many texts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policyengine.model.types import BOOL, INT, TIME, Type, comparable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reader cannot express an operator; `code` is what its diagnostic carries."""

    code: str


Cell = str | Refusal


@dataclass(frozen=True, slots=True)
class Operator:
    """`types` is the type rule: whether the operator may stand between values of two types."""

    types: Callable[[Type, Type], bool]
    meaning: Callable[..., bool]
    python: Cell
    dynamodb: Cell
    smt: Cell
    iam: Cell


def _ordered(left: Type, right: Type) -> bool:
    return left == right and left in (INT, TIME)


def _conditions(left: Type, right: Type) -> bool:
    return left == right == BOOL


def _listed(left: Type, right: Type) -> bool:
    return left == right and left not in (BOOL, TIME)


def _any(left: Type, right: Type) -> bool:
    return True


def _is_one_of(value: Any, choices: Any) -> bool:
    return value in choices


def _is_there(value: Any) -> bool:
    return value is not None


_IAM_ORDER = Refusal("iam-order")  # IAM sees tags and context names: strings, which policies never order
_IAM_SHAPE = Refusal("iam-shape")  # IAM joins conditions by where they stand in a document, not by a word

OPERATORS: dict[str, Operator] = {
    "==": Operator(comparable, operator.eq, "{0} == {1}", "{0} = {1}", "(= {0} {1})", "StringEquals"),
    "!=": Operator(comparable, operator.ne, "{0} != {1}", "NOT {0} = {1}", "(not (= {0} {1}))", "StringNotEquals"),
    "<": Operator(_ordered, operator.lt, "{0} < {1}", "{0} < {1}", "(< {0} {1})", _IAM_ORDER),
    "<=": Operator(_ordered, operator.le, "{0} <= {1}", "{0} <= {1}", "(<= {0} {1})", _IAM_ORDER),
    ">": Operator(_ordered, operator.gt, "{0} > {1}", "{0} > {1}", "(> {0} {1})", _IAM_ORDER),
    ">=": Operator(_ordered, operator.ge, "{0} >= {1}", "{0} >= {1}", "(>= {0} {1})", _IAM_ORDER),
    "in": Operator(_listed, _is_one_of, "{0} in {1}", "{0} IN {1}", "(or {1})", "StringEquals"),
    "has": Operator(_any, _is_there, "{0} is not None", "attribute_type({0}, {1})", "{0}", "Null"),
    "not": Operator(_conditions, operator.not_, "not {0}", "NOT {0}", "(not {0})", _IAM_SHAPE),
    "and": Operator(_conditions, operator.and_, "{0} and {1}", "{0} AND {1}", "(and {0} {1})", _IAM_SHAPE),
    "or": Operator(_conditions, operator.or_, "{0} or {1}", "{0} OR {1}", "(or {0} {1})", _IAM_SHAPE),
}
"""Ordered enums do not reach the order operators: lowering turns `trust >= SUPERVISED` into membership."""
