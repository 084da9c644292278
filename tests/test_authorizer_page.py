"""The page about the authorizer says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from policyengine.model.api import GRAPHQL_FINDINGS
from policyengine.runtime.authorizer.codes import CODES
from policyengine.runtime.authorizer.document import MAX_TOKENS, Limits
from policyengine.runtime.authorizer.environment import INTROSPECTION, LIMITS, TTL
from tests.test_docs import check_copy

PAGE = Path(__file__).resolve().parent.parent / "docs/aws-authorizer.md"


def table(head: str, rows: dict[str, str]) -> str:
    return f"| {head} | What it means |\n| --- | --- |\n" + "".join(
        f"| `{name}` | {of} |\n" for name, of in rows.items()
    )


def test_the_findings_are_all_there_are() -> None:
    check_copy(PAGE, "api findings", table("Finding", GRAPHQL_FINDINGS))


def test_the_codes_are_all_there_are() -> None:
    check_copy(PAGE, "reasons", table("Code", CODES))


def test_every_setting_and_bound_is_named() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in text for name in (TTL, INTROSPECTION, LIMITS))
    told = re.search(r'\{"size": (\d+), "depth": (\d+), "aliases": (\d+), "fields": (\d+)\}', text)
    assert told is not None
    assert tuple(map(int, told.groups())) == Limits()
    assert f"{MAX_TOKENS:,} words" in text
