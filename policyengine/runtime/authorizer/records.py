"""One record for each decision: a line of JSON on standard output (docs/aws-authorizer.md, Records).

It holds no token, no claim but the principal's id and organization, and no argument but the ids that the mapping names.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from json import JSONEncoder
from time import gmtime, strftime
from typing import Any

from .deciding import Judged

_encode = JSONEncoder(separators=(",", ":")).encode

LONGEST = 128
"""Characters of a request's id, or of an operation's name, that a record holds."""


def instant(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return f"{_second(int(seconds))}.{int(seconds % 1 * 1000):03}Z"


@lru_cache(1)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def described(judged: Judged) -> dict[str, Any]:
    """A field in a record."""
    made: dict[str, Any] = {"field": judged.field, "decision": judged.decision}
    if judged.action:
        made["action"] = judged.action
    if judged.rules:
        made["rules"] = judged.rules
    if judged.id is not None:
        made["id"] = judged.id
    return made


def write(record: dict[str, Any]) -> None:
    """One line. What cannot be written raises: a decision that leaves no record does not count."""
    sys.stdout.write(_encode(record) + "\n")
    sys.stdout.flush()
