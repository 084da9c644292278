"""Strict JSON from bytes: how a request, a principal and the data beside requests are read.

Stricter than `json`: UTF-8 alone, no NaN, no Infinity, no key twice in one object. Causes are fixed texts: nothing of
the input is repeated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from policyengine.cli.failures import Misuse


class Unreadable(ValueError):
    """The cause, in a fixed text."""


FLAW = object()
"""Stands in a row for what cannot be read. It is of no type, so that a row which needs it is malformed."""


def standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise Misuse("standard input is closed", "open it, or name a file")
    return sys.stdin.buffer


def read_value(given: bytes) -> Any:
    """One value and nothing else. Raises Unreadable."""

    def refuse(cause: str) -> Any:
        raise Unreadable(cause)

    return _read(given, refuse)


def read_data(given: bytes) -> dict[str, list[Any]]:
    """An object of arrays of rows; a flaw inside a row spoils this row alone. Raises Unreadable for anything else."""
    data = _read(given, lambda cause: FLAW)
    if not isinstance(data, dict) or not all(isinstance(rows, list) for rows in data.values()):
        raise Unreadable("not an object of arrays")
    return data


def _read(given: bytes, flaw: Callable[[str], Any]) -> Any:
    """A JSON value; `flaw` says what stands for an object with a repeated key, or an endless integer."""

    def pairs(found: list[tuple[str, Any]]) -> Any:
        made = dict(found)
        return made if len(made) == len(found) else flaw("a key is repeated")

    def integer(digits: str) -> Any:
        try:
            return int(digits)
        except ValueError:
            return flaw("an integer is too long")

    def constant(name: str) -> Any:
        raise Unreadable("not JSON")

    try:
        return json.loads(given.decode(), object_pairs_hook=pairs, parse_int=integer, parse_constant=constant)
    except UnicodeDecodeError as problem:
        raise Unreadable("not UTF-8") from problem
    except json.JSONDecodeError as problem:
        raise Unreadable("not JSON") from problem
    except RecursionError as problem:
        raise Unreadable("nested too deeply") from problem
