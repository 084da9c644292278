"""A list plan's condition, with principal and context known, as a filter expression of DynamoDB.

In: the `select` of a plan (policy_bundle/plans.py), a principal, a context. Out: a `Filter`; ALL where every row is to
be read, NOTHING where none can be allowed. What is known is decided here and never sent; an absent attribute of
principal or context makes each comparison with it false, as in a decision.

DynamoDB Developer Guide: "Comparison operator and function reference"; "Service, account, and table quotas" (4 KB an
expression, 300 operators).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

Condition = Any
"""True, false, or a list whose head names its kind, as `build --emit plan` shows it."""

MAX_LENGTH = 4096
MAX_OPERATORS = 300


class Filter(NamedTuple):
    """The arguments of a Query: an expression with its names and values, in the low-level form."""

    expression: str
    names: dict[str, str]
    values: dict[str, dict[str, Any]]

    def arguments(self) -> dict[str, Any]:
        if not self.expression:
            return {}
        made: dict[str, Any] = {"FilterExpression": self.expression}
        made |= {"ExpressionAttributeNames": self.names} if self.names else {}
        return made | ({"ExpressionAttributeValues": self.values} if self.values else {})


ALL: Final = Filter("", {}, {})
NOTHING: Final = None
"""No row can be allowed: nothing is read."""


def instantiate(condition: Condition, principal: Mapping[str, Any], context: Mapping[str, Any]) -> Filter | None:
    """The filter for this principal. One that is too large for DynamoDB becomes ALL: each row is checked anyway."""
    left = remaining(condition, {"principal": principal, "context": context})
    if isinstance(left, bool):
        return ALL if left else NOTHING
    printer = _Printer()
    expression = printer.text(left)
    too_large = len(expression.encode()) > MAX_LENGTH or printer.operators > MAX_OPERATORS
    return ALL if too_large else Filter(expression, printer.names, printer.values)


# ---- What is left when principal and context are known

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Known = Mapping[str, Mapping[str, Any]]


def remaining(condition: Condition, known: Known) -> Condition:
    """What is left of a condition once `principal` and `context` are known: a condition on the record alone."""
    if isinstance(condition, bool):
        return condition
    head, *parts = condition
    match head:
        case "all" | "any":
            return _joined(head, [remaining(part, known) for part in parts])
        case "not":
            inner = remaining(parts[0], known)
            return not inner if isinstance(inner, bool) else ["not", inner]
        case "is":
            sign, template, *ends = parts
            one, other = (_value(end, known) for end in ends)
            if one[0] == other[0] == "value":
                return None not in (one[1], other[1]) and _COMPARE[sign](one[1], other[1])
            return False if ["value", None] in (one, other) else ["is", sign, template, one, other]
        case "in":
            template, end, values = parts
            end = _value(end, known)
            return end[1] in values if end[0] == "value" else ["in", template, end, values]
        case "has" | "holds":
            template, end = parts
            end = _value(end, known)
            if end[0] == "value":
                return end[1] is not None if head == "has" else end[1] is True
            return [head, template, end]
        case "absent" | "filled":
            return condition
    raise ValueError(f"a plan with an unknown condition: {head}")


def _value(operand: list[Any], known: Known) -> list[Any]:
    if operand[0] not in known:
        return operand
    value: Any = known[operand[0]]
    for name in operand[1:]:
        value = value.get(name) if isinstance(value, Mapping) else None
    return ["value", value]


def _joined(head: str, parts: list[Condition]) -> Condition:
    decides = head == "any"
    if any(part is decides for part in parts):
        return decides
    left = [part for part in parts if not isinstance(part, bool)]
    if not left:
        return not decides
    return left[0] if len(left) == 1 else [head, *left]


# ---- Printing


def dynamodb_value(value: str | int | bool) -> dict[str, Any]:
    """A value in DynamoDB's JSON; a Bool is no number."""
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


class _Printer:
    """Names and values are numbered; each is written once."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.operators = 0
        self._numbers: dict[str, str] = {}

    def text(self, condition: list[Any]) -> str:
        self.operators += 1
        head, *parts = condition
        match head:
            case "all" | "any":
                self.operators += len(parts) - 2
                return (" AND " if head == "all" else " OR ").join(map(self.inside, parts))
            case "not":
                return f"NOT {self.inside(parts[0])}"
            case "is":
                _, template, *ends = parts
                return str(template.format(*map(self.operand, ends)))
            case "in":
                template, end, values = parts
                listed = ", ".join(self.value(value) for value in values)
                return str(template.format(self.operand(end), f"({listed})"))
            case "has":
                template, end = parts
                return str(template.format(self.name(end[1]), self.value(end[2])))
            case "holds":
                template, end = parts
                return str(template.format(self.name(end[1]), self.value(True)))
            case "absent":
                name = self.name(parts[0])
                return f"attribute_not_exists({name}) OR attribute_type({name}, {self.value('NULL')})"
            case "filled":
                return f"size({self.name(parts[0])}) > {self.value(0)}"
        raise ValueError(f"a plan with an unknown condition: {head}")

    def inside(self, condition: list[Any]) -> str:
        """A part of another condition, in parentheses unless it is one comparison or function."""
        is_one = condition[0] in ("is", "in", "has", "holds", "filled")
        text = self.text(condition)
        return text if is_one and not text.startswith("NOT ") else f"({text})"

    def operand(self, operand: list[Any]) -> str:
        return self.name(operand[1]) if operand[0] == "record" else self.value(operand[1])

    def name(self, name: str) -> str:
        return self._place("#f", name, self.names, name)

    def value(self, value: str | int | bool) -> str:
        written = dynamodb_value(value)
        return self._place(":f", f"{type(value).__name__} {value}", self.values, written)

    def _place(self, mark: str, key: str, places: dict[str, Any], content: Any) -> str:
        place = self._numbers.setdefault(f"{mark} {key}", f"{mark}{len(places)}")
        places[place] = content
        return place
