"""Patterns: wildcards, ARNs part by part, variables, and the context that gives variables their values.

AWS's words leave two things open. A variable without a value has "no equal or like value", but "might cause the entire
statement to be invalid"; and nothing says whether `*` in a variable's value is a wildcard. Each such text has several
readings here, and a comparison holds only if it holds in all. IAM User Guide: "IAM policy elements: Variables and
tags", "IAM JSON policy elements: Resource".
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import product
from math import prod

from policyengine.iam.verdict import NO, OPEN, UNMODELLED, YES, Verdict, agreed, of

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def fold(text: str) -> str:
    """Names of keys and actions compare without case; ASCII only, so that no other letter becomes one of theirs."""
    return text.translate(_LOWER)


# ---- Wildcards


class Wild(Enum):
    MANY = "*"
    ONE = "?"


Pattern = tuple[str | Wild, ...]
"""Single characters and wildcards."""

_WILD = {"*": Wild.MANY, "?": Wild.ONE}


@lru_cache(maxsize=4096)
def pattern(text: str) -> Pattern:
    return tuple(_WILD.get(character, character) for character in text)


def matches(wanted: Pattern, text: str) -> bool:
    return _compiled(wanted).fullmatch(text) is not None


@lru_cache(maxsize=4096)
def _compiled(wanted: Pattern) -> re.Pattern[str]:
    """Between two stars the first occurrence is as good as any: never tried again, so that no pattern takes long."""
    runs = [""]
    for token in wanted:
        if token is Wild.MANY:
            runs.append("")
        else:
            runs[-1] += "." if isinstance(token, Wild) else re.escape(token)
    between = "".join(f"(?>.*?{run})" for run in runs[1:-1])
    last = f".*{runs[-1]}" if len(runs) > 1 else ""
    return re.compile(runs[0] + between + last, re.DOTALL)


def matches_arn(wanted: Pattern, text: str) -> bool:
    """Each of the six parts by itself, as the ARN operators compare."""
    parts, actual = _parts(wanted), text.split(":", 5)
    return len(parts) == len(actual) == 6 and all(map(matches, parts, actual))


def matches_resource(wanted: Pattern, arn: str) -> Verdict:
    """A wildcard stays within its segment, but a `*` at the end of one "can expand to match beyond the colon"."""
    if not matches(wanted, arn):
        return NO
    ends = (*wanted[1:], ":")
    inside = any(
        token is Wild.ONE or (token is Wild.MANY and after != ":") for token, after in zip(wanted, ends, strict=False)
    )
    return OPEN if inside and not matches_arn(wanted, arn) else YES


@lru_cache(maxsize=4096)
def _parts(wanted: Pattern) -> tuple[Pattern, ...]:
    parts: list[list[str | Wild]] = [[]]
    for token in wanted:
        if token == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append(token)
    return tuple(tuple(part) for part in parts)


def matches_action(wanted: str, action: str) -> Verdict:
    """Without case; a pattern names a service, unless it is `*`."""
    if wanted != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", wanted):
        return UNMODELLED
    return of(matches(pattern(fold(wanted)), fold(action)))


# ---- The context, and the variables that it fills

Values = tuple[str, ...]
Readings = tuple[Values | None, ...]
"""What a key may hold: None is absence. More than one, where a request can be read in more than one way."""


@dataclass(frozen=True, slots=True)
class Context:
    """The keys of a request, by folded name."""

    entries: Mapping[str, Readings]

    @staticmethod
    def of(given: Mapping[str, Values | None]) -> Context:
        """Spellings of one name that differ in case are readings of it; a null or an empty list may be absence."""
        entries: dict[str, Readings] = {}
        for name, values in given.items():
            entries[fold(name)] = (*entries.get(fold(name), ()), *((None, ()) if values == () else (values,)))
        return Context(entries)

    def readings(self, key: str) -> Readings:
        return self.entries.get(fold(key), (None,))


@dataclass(frozen=True, slots=True)
class Expansion:
    """The readings of a policy's text; None matches nothing. `voids`: for lack of a value the statement may be void."""

    readings: tuple[Pattern | None, ...]
    voids: bool = False


_VARIABLE = re.compile(
    r"\$\{(?:(?P<special>[*?$])|(?P<key>[A-Za-z0-9._/-]+:[^\s{}$*?',]+)(?:, '(?P<default>[^'{}$]*)')?)\}"
)
_MOST_READINGS = 64


def expand(text: str, context: Context | None, *, wildcards: bool) -> Expansion | None:
    """The text with its variables filled in; without a context they are literal text. None if it is not understood."""
    if context is None or "${" not in text:
        return Expansion((pattern(text) if wildcards else tuple(text),))
    pieces: list[tuple[Pattern | None, ...]] = []
    end = 0
    for found in (*_VARIABLE.finditer(text), None):
        plain = text[end : found.start() if found else len(text)]
        if "${" in plain:
            return None
        pieces.append((pattern(plain) if wildcards else tuple(plain),))
        if found:
            end = found.end()
            filled = _fill(found, context, wildcards)
            if filled is None:
                return None
            pieces.append(filled)
    if prod(len(piece) for piece in pieces) > _MOST_READINGS:
        return None
    readings = tuple(_joined(choice) for choice in product(*pieces))
    return Expansion(tuple(dict.fromkeys(readings)), None in readings)


def _fill(variable: re.Match[str], context: Context, wildcards: bool) -> tuple[Pattern | None, ...] | None:
    """The readings of one variable. None for a key with several values, which no variable may name."""
    if special := variable["special"]:
        return ((special,),)
    absent = None if variable["default"] is None else tuple(variable["default"])
    filled: list[Pattern | None] = []
    for values in context.readings(variable["key"]):
        if values is not None and len(values) > 1:
            return None
        value = values[0] if values else ""
        filled += [tuple(value)] if value else [absent]
        if values == ("",):
            filled.append(())
        if wildcards and not {"*", "?"}.isdisjoint(value):
            filled.append(pattern(value))
    return tuple(filled)


def _joined(pieces: tuple[Pattern | None, ...]) -> Pattern | None:
    if any(piece is None for piece in pieces):
        return None
    return tuple(token for piece in pieces if piece is not None for token in piece)


def resource_matches(wanted: str, resource: str, context: Context | None) -> tuple[Verdict, bool]:
    """Whether a pattern of Resource covers the ARN, and whether a variable in it may void the statement."""
    if wanted == "*":
        return YES, False
    head = wanted.split(":", 5)
    expansion = expand(wanted, context, wildcards=True)
    if expansion is None or head[0] != "arn" or "${" in "".join(head[:5]) or re.search(r"[*?]", "".join(head[2:3])):
        return UNMODELLED, False
    readings = (NO if one is None else matches_resource(one, resource) for one in expansion.readings)
    return agreed(readings), expansion.voids
