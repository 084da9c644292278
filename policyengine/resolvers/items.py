"""Items of DynamoDB as plain records, and back. Nothing is converted: a number that is no whole one stays none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from policyengine.resolvers.filters import dynamodb_value


def _number(text: str) -> int | Decimal:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "BOOL": bool,
    "N": _number,
    "NULL": lambda _: None,
    "M": lambda value: {name: plain_value(inner) for name, inner in value.items()},
    "L": lambda value: [plain_value(inner) for inner in value],
    "B": bytes,
    "SS": list,
    "NS": lambda value: [_number(inner) for inner in value],
    "BS": list,
}


def plain_value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return content if kind == "S" else _PLAIN[kind](content)


def plain(item: Mapping[str, Mapping[str, Any]], without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """A record or row, without the attributes that are the table's own."""
    return {name: plain_value(value) for name, value in item.items() if name not in without}


def item_value(value: Any) -> dict[str, Any]:
    """A plain value in DynamoDB's JSON; TypeError for what has no place there."""
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool | int | str):
        return dynamodb_value(value)
    if isinstance(value, Decimal):
        return {"N": str(value)}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, Mapping):
        return {"M": {name: item_value(inner) for name, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [item_value(inner) for inner in value]}
    raise TypeError(f"no value of DynamoDB: {type(value).__name__}")


def item_of(row: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A row as an item; an attribute that is None is left out: absence, and nothing else, is absence."""
    return {name: item_value(value) for name, value in row.items() if value is not None}
