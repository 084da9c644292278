"""Small pieces of Python text that all parts of the back end lay out alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from policyengine.model.operators import OPERATORS


def text(value: str) -> str:
    """A text as a literal."""
    return json.dumps(value, ensure_ascii=False)  # an escaped surrogate pair would be two characters to Python


def cell(operator: str, *operands: str) -> str:
    """An operator's template, filled."""
    template = OPERATORS[operator].python
    assert isinstance(template, str), "every operator has a Python template"
    return template.format(*operands)


def function(head: str, body: Iterable[str]) -> Iterator[str]:
    yield "\n"
    yield f"def {head}:"
    yield from indent(body)


def indent(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def conjunction(before: str, tests: list[str], after: str = "") -> list[str]:
    """Tests joined by `and`, one a line."""
    return [f"{before}(", *(f"    {test} and" for test in tests[:-1]), f"    {tests[-1]}", f"){after}"]
