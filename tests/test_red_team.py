"""The red team against dynalite: nothing it tries through the guard tells it of another organization, or changes it.

`make test` tries 20,000 operations, a few of them by boto3's own client and table; `make soak` tries 100,000 others. That
the tries would find something is shown by guards with a part missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest

from policyengine.resolvers import Guard, reading
from policyengine.resolvers.allowed import METHODS
from policyengine.resolvers.binding import Binding
from policyengine.resolvers.expressions import Expression
from tests.dynamodb import Plain, client_of, create_tables, dynalite, identity, resource_of, studio_settings
from tests.red_team import ALONE, OWN, TOGETHER, Attack, Leak, Tries, fill, native, own_items, said


@pytest.fixture(scope="module")
def addresses() -> Iterator[tuple[str, str]]:
    with dynalite() as full, dynalite() as bare:
        for address in (full, bare):
            create_tables(client_of(address), studio_settings())
        yield full, bare


@pytest.fixture(scope="module")
def tables(addresses: tuple[str, str]) -> tuple[Any, Any]:
    return Plain(addresses[0]), Plain(addresses[1])


@pytest.mark.parametrize("seed", range(4))
def test_the_red_team_learns_and_changes_nothing(tables: tuple[Any, Any], seed: int) -> None:
    worth_trying(Attack(*tables).run(seed, 4400))


def test_nor_in_lenient_mode(tables: tuple[Any, Any]) -> None:
    seen = Attack(*tables, mode="lenient").run(5, 2000)
    assert seen["scan answered"] > 100


def test_nor_by_a_client_of_boto3(tables: tuple[Any, Any], addresses: tuple[str, str]) -> None:
    seen = Attack(*tables, around=[client_of(address) for address in addresses], form=dict).run(6, 200)
    assert answered(seen) > 50


def test_nor_by_a_table_of_boto3(tables: tuple[Any, Any], addresses: tuple[str, str]) -> None:
    seen = Attack(*tables, around=[resource_of(address) for address in addresses], form=native).run(7, 200)
    assert answered(seen) > 50


def answered(seen: Counter[str]) -> int:
    return sum(count for name, count in seen.items() if name.endswith(" answered"))


def test_alone_in_a_table_the_guard_gives_what_dynamodb_gives(tables: tuple[Any, Any]) -> None:
    """Binding takes nothing away: reads that it lets through, where there are own items alone, with it and without."""
    bare = tables[1]
    fill(bare, own_items())
    guard = Guard(identity(OWN), studio_settings(), bare, role=None, log=lambda record: None)
    compared = 0
    for method, request in islice(Tries(Random(6), ("get_item", "batch_get_item", "query", "scan")), 300):
        if "Limit" in request or "ExclusiveStartKey" in request:
            continue  # a page is another thing with the guard: docs/aws-resolvers.md, The guard
        how, bound = said(getattr(guard, method), request)
        if how == "answered":
            _, plain = said(getattr(bare, method), request)
            for told in (bound, plain):
                told.pop("ResponseMetadata")
                told.pop("ScannedCount", None)
            assert bound == plain, (method, request)
            compared += bool(bound.get("Item") or bound.get("Count") or bound.get("Responses"))
    assert compared > 50


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_the_red_team_in_full(tables: tuple[Any, Any], mode: str, seed: int) -> None:
    Attack(*tables, mode=mode).run(100 + seed, 6250)


def worth_trying(seen: Counter[str]) -> None:
    """Each operation was answered, and refused, often enough; each refusal was met."""
    for method in ALONE:
        tried = sum(count for name, count in seen.items() if name.startswith(f"{method} "))
        assert seen[f"{method} answered"] > tried / 8, (method, seen)
        assert seen[f"{method} refused"] > tried / 20, (method, seen)
    for code in ("expression", "key", "key-condition", "mention", "parameter", "placeholder", "table", "tenant"):
        assert seen[f"code {code}"] > 0, (code, seen)
    assert {*ALONE, *TOGETHER} == {*METHODS}


# ---- With a part of the guard missing, the same tries find something


def open_filter(self: Binding, table: Any, request: Any, method: str) -> str:
    return ""


def everything(self: Binding, table: Any, item: Any) -> bool:
    return True


def counted(answer: Any, found: Any, added: Any, counted: bool, last: Any) -> Any:
    return {**reading_answer(answer, found, added, counted, last), "ScannedCount": answer["ScannedCount"]}


def pages_as_read(answer: Any, found: Any, added: Any, counted: bool, last: Any) -> Any:
    cursor = {"LastEvaluatedKey": answer["LastEvaluatedKey"]} if "LastEvaluatedKey" in answer else {}
    return {**reading_answer(answer, found, added, counted, None), **cursor}


reading_answer = reading._answer

MISSING: dict[str, list[tuple[Any, str, Any]]] = {
    "filter and check": [(Binding, "filter", open_filter), (Binding, "is_visible", everything)],
    "brackets": [(Expression, "operand", property(lambda self: self.text)), (Binding, "is_visible", everything)],
    "the check of what was read": [(reading, "_seen", lambda bind, table, item, added: item)],
    "keys": [(Binding, "key", lambda *_: None), (Binding, "is_visible", everything)],
    "conditions": [(Binding, "condition", lambda *_, **__: None)],
    "items": [(Binding, "item", lambda self, table, given, parameter: dict(given))],
    "updates": [(Binding, "update", lambda *_: None)],
    "key conditions": [
        (Binding, "key_condition", lambda *_: None),
        (Binding, "filter", open_filter),
        (Binding, "is_visible", everything),
    ],
    "counts": [(reading, "_answer", counted)],
    "cursors": [(reading, "_answer", pages_as_read)],
}


@pytest.mark.parametrize("part", MISSING)
def test_without_a_part_of_the_guard_the_red_team_finds_something(
    tables: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    for owner, name, replacement in MISSING[part]:
        monkeypatch.setattr(owner, name, replacement)
    with pytest.raises(Leak):
        Attack(*tables).run(3, 1000, every=100)
