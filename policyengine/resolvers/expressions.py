"""Expressions of DynamoDB, cut into signs: what they mention, and how one is bound to more than it says.

No grammar is known here. An expression whose signs are all known and whose brackets are balanced is closed: in
parentheses it stays one operand, whatever it says. DynamoDB refuses what is no expression.

Amazon DynamoDB Developer Guide: "Condition and filter expressions, operators, and functions", "Expression attribute
names (aliases)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from policyengine.resolvers.codes import Refused

_SIGN = re.compile(r"[#:]?[A-Za-z0-9_]+|<>|<=|>=|[=<>(),.\[\]+-]")
_SPACE = " \t\r\n"
_CLOSES = {"(": ")", "[": "]"}


@lru_cache(maxsize=4096)
def _cut(text: str) -> tuple[str, ...] | None:
    """The signs of a text; None where one is unknown, or brackets are not balanced."""
    signs: list[str] = []
    open_: list[str] = []
    place = 0
    while True:
        while place < len(text) and text[place] in _SPACE:
            place += 1
        if place == len(text):
            return tuple(signs) if signs and not open_ else None
        found = _SIGN.match(text, place)
        if found is None:
            return None
        sign, place = found[0], found.end()
        if sign in _CLOSES:
            open_.append(_CLOSES[sign])
        elif sign in (")", "]") and (not open_ or open_.pop() != sign):
            return None
        signs.append(sign)


class Expression:
    """One expression of a request, with its names resolved. Raises Refused: `expression`, `placeholder`."""

    __slots__ = ("_values", "paths", "signs", "text")

    def __init__(self, parameter: str, text: Any, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        signs = _cut(text) if type(text) is str else None
        if signs is None:
            raise Refused("expression", parameter)
        for sign in signs:
            if sign[0] in "#:" and sign not in (names if sign[0] == "#" else values):
                raise Refused("placeholder", parameter)
        self.text: str = text
        self.signs = signs
        self._values = values
        self.paths = [names[sign] if sign[0] == "#" else sign for sign in signs]
        """The signs with names in place of their placeholders."""

    def mentions(self, attributes: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        """Where one of these attributes of the item is mentioned. What stands behind a dot is no attribute of it."""
        for place, path in enumerate(self.paths):
            if path in attributes and (place == 0 or self.signs[place - 1] != "."):
                yield place, path

    @property
    def operand(self) -> str:
        """The expression as one operand. DynamoDB refuses brackets that stand doubled."""
        return self.text if _is_enclosed(self.signs) else f"({self.text})"

    def equal_to(self, place: int) -> Any:
        """The value that the attribute at this place is compared with by `=`; None where it is not."""
        signs = self.signs
        if _at(signs, place + 1) == "=" and _at(signs, place + 2)[:1] == ":":
            return self._values[signs[place + 2]]
        if _at(signs, place - 1) == "=" and _at(signs, place - 2)[:1] == ":" and _at(signs, place + 1) not in _DEEPER:
            return self._values[signs[place - 2]]
        return None

    def goes_deeper(self, place: int) -> bool:
        """Whether a part of the attribute is meant, not all of it."""
        return _at(self.signs, place + 1) in _DEEPER

    def sets(self, place: int) -> bool:
        """Whether this is `attribute = :value` and no more, in a list of such."""
        after = _at(self.signs, place + 3)
        before = _at(self.signs, place - 1).upper()
        return before in _BEGINS and (after in ("", ",") or after.upper() in _CLAUSES)

    def asked_of(self, place: int) -> str:
        """The function whose only argument the attribute at this place is, or nothing."""
        signs = self.signs
        alone = _at(signs, place - 1) == "(" and _at(signs, place + 1) == ")"
        return _at(signs, place - 2) if alone else ""


_DEEPER = (".", "[")
_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
_BEGINS = ("SET", ",")


def _is_enclosed(signs: tuple[str, ...]) -> bool:
    """Whether the first sign is a bracket that the last one closes."""
    depth = 0
    for place, sign in enumerate(signs):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return sign == ")" and place == len(signs) - 1
    return False


def _at(signs: tuple[str, ...], place: int) -> str:
    return signs[place] if 0 <= place < len(signs) else ""


def fresh(stem: str, taken: Mapping[str, Any]) -> str:
    """A placeholder that the author did not take."""
    while stem in taken:
        stem += "_"
    return stem


def names_of(parameter: str, given: Any) -> dict[str, str]:
    """ExpressionAttributeNames as given, copied. Raises Refused where it is no map of placeholders to names."""
    found = values_of(parameter, given, "#")
    if not all(type(name) is str for name in found.values()):
        raise Refused("parameter", parameter, "it is no map of placeholders to names")
    return found


def values_of(parameter: str, given: Any, begins: str = "") -> dict[str, Any]:
    """A map, copied, whose keys are texts that begin so. Raises Refused."""
    if given is None:
        return {}
    if type(given) is not dict or not all(type(key) is str and key.startswith(begins) for key in given):
        raise Refused("parameter", parameter, "it is no map, or a key of it is odd")
    return dict(given)
