"""The operators of the core in one table: a row each, a column a reader; cells are templates or refusals.

`{0}` and `{1}` in a template are the operands, printed by the same reader. A `Refusal` names a diagnostic code: a reader
agrees or refuses, it never approximates. `meaning` serves the reference interpreter, on values of one type;
Times reach it as instants.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from policyengine.model.types import INT, TIME, Type, comparable


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a reader cannot express an operator; `code` is what its diagnostic carries."""

    code: str


Cell = str | Refusal


@dataclass(frozen=True, slots=True)
class Operator:
    types: Callable[[Type, Type], bool]
    meaning: Callable[[Any, Any], bool]
    python: Cell
    dynamodb: Cell
    smt: Cell
    iam: Cell


def _ordered(left: Type, right: Type) -> bool:
    return left == right and left in (INT, TIME)


_NO_ORDER = Refusal("iam-order")  # IAM sees tags and context names: strings, which policies never order
_ROW_CHECK = Refusal("dynamodb-order")  # the text of a Time is unordered: such a row is checked afterwards

OPERATORS: dict[str, Operator] = {
    "==": Operator(comparable, operator.eq, "{0} == {1}", "{0} = {1}", "(= {0} {1})", "StringEquals"),
    "!=": Operator(comparable, operator.ne, "{0} != {1}", "NOT {0} = {1}", "(not (= {0} {1}))", "StringNotEquals"),
    "<": Operator(_ordered, operator.lt, "{0} < {1}", _ROW_CHECK, "(< {0} {1})", _NO_ORDER),
    "<=": Operator(_ordered, operator.le, "{0} <= {1}", _ROW_CHECK, "(<= {0} {1})", _NO_ORDER),
    ">": Operator(_ordered, operator.gt, "{0} > {1}", _ROW_CHECK, "(> {0} {1})", _NO_ORDER),
    ">=": Operator(_ordered, operator.ge, "{0} >= {1}", _ROW_CHECK, "(>= {0} {1})", _NO_ORDER),
}
"""The comparisons. Ordered enums do not reach them: lowering turns `trust >= SUPERVISED` into membership."""
