"""Which JSON values each type has, and what a Time means. Nothing is converted (docs/studio.md, Malformed input)."""

from __future__ import annotations

import string
from datetime import date
from typing import Any

from policyengine.model.schema import Schema
from policyengine.model.types import BOOL, INT, STRING, TIME, TYPE, Enum, Id, Type

TENANT_ID_CHARACTERS = string.ascii_letters + string.digits + "_-"
TENANT_ID_LENGTH = 64


def conforms(schema: Schema, type_: Type, value: Any) -> bool:
    """Whether a JSON value has a type: `1` is not `true`, nor `"1"` a number; texts hold no lone surrogate."""
    if type_ in (BOOL, INT):
        return type(value) is (bool if type_ == BOOL else int)
    if type(value) is not str or any("\ud800" <= character <= "\udfff" for character in value):
        return False
    if isinstance(type_, Id):
        return is_tenant_id(value) if type_.tenant else value != ""
    if isinstance(type_, Enum):
        return value in type_.values
    if type_ == TIME:
        return instant(value) is not None
    return value in schema.resource if type_ == TYPE else type_ == STRING


def is_tenant_id(text: str) -> bool:
    """Whether a text is 1 to 64 of `[A-Za-z0-9_-]` (docs/studio.md, Records): keys, tags and proofs rest on it."""
    return 0 < len(text) <= TENANT_ID_LENGTH and all(character in TENANT_ID_CHARACTERS for character in text)


def instant(text: str) -> int | None:
    """The nanoseconds of an RFC 3339 date-time, counted from before year 1 (UTC); None where the text is none.

    Capital `T`, `Z` or `±hh:mm`, at most nine digits of a fraction, years 0001 to 9999, no leap second.
    """
    head, rest = text[:19], text[19:]
    zone = rest[-1:] if rest.endswith("Z") else rest[-6:]
    fraction = rest[: len(rest) - len(zone)]
    if not _like(head, "0000-00-00T00:00:00") or not (zone == "Z" or _like(zone, "+00:00") or _like(zone, "-00:00")):
        return None
    if fraction and not (2 <= len(fraction) <= 10 and _like(fraction, "." + "0" * (len(fraction) - 1))):
        return None
    hour, minute, second = int(head[11:13]), int(head[14:16]), int(head[17:19])
    ahead_hours, ahead_minutes = (0, 0) if zone == "Z" else (int(zone[1:3]), int(zone[4:6]))
    if hour > 23 or minute > 59 or second > 59 or ahead_hours > 23 or ahead_minutes > 59:
        return None
    try:
        days = date(int(head[:4]), int(head[5:7]), int(head[8:10])).toordinal()
    except ValueError:
        return None
    ahead = (ahead_hours * 60 + ahead_minutes) * (-1 if zone[0] == "-" else 1)
    minutes = days * 1440 + hour * 60 + minute - ahead
    return (minutes * 60 + second) * 10**9 + int(fraction[1:].ljust(9, "0"))


def _like(text: str, shape: str) -> bool:
    """Whether a text has the shape's length, an ASCII digit where it has `0`, and its other characters."""
    if len(text) != len(shape):
        return False
    return all(t in string.digits if s == "0" else t == s for t, s in zip(text, shape, strict=True))
