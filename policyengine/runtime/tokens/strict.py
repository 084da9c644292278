"""Strict base64url and JSON: what two readers could understand differently has no meaning here.

RFC 4648 section 5 without padding (RFC 7515 section 2), canonical; RFC 8259 in UTF-8, with no name twice in one object
(RFC 7519 section 4 leaves that to the reader: refuse it) and without NaN and Infinity.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, TypeGuard


class Malformed(ValueError):
    """The input is not of the form; it says nothing of what the input was."""


def base64url(text: str) -> bytes:
    """The bytes that `text` stands for, where it is exactly what an encoder writes for them. Raises Malformed."""
    try:
        made = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if urlsafe_b64encode(made).rstrip(b"=") == text.encode("ascii"):
            return made
    except ValueError:
        pass
    raise Malformed


def json_object(given: bytes) -> dict[str, Any]:
    """The one JSON object in `given`. Raises Malformed."""
    try:
        made = _DECODER.decode(given.decode())
    except (ValueError, RecursionError) as problem:
        raise Malformed from problem
    if type(made) is not dict:
        raise Malformed
    return made


def is_text(value: object) -> bool:
    """Whether a JSON value is a text that is not empty and holds no lone surrogate."""
    if type(value) is not str or not value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a number that arithmetic keeps exact: JSON has some that no clock shows."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -(2**53) <= value <= 2**53


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed
    return made


def _no_constant(_: str) -> Any:
    raise Malformed


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats, parse_constant=_no_constant)
