"""What a right rests on is taken away between the decision and the write: the write is decided anew, and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.layout import record_key
from policyengine.resolvers.sharing import revoke, share
from policyengine.resolvers.writes import change
from tests.memory_store import Kms, Memory
from tests.resolver_world import who
from tests.test_resolver_sharing import BOB, HOST, RULES, Bench

BOBS = who("bob", "org_1")


@pytest.fixture(scope="module")
def bench(studio: Any) -> Bench:
    return Bench(studio, plans_of(studio.program))


def before_writing(memory: Memory, act: Callable[[Memory], Any]) -> Memory:
    """The same rows, on which somebody else acts once, just before the first write."""
    left = [act]

    def step(operation: str) -> None:
        if operation == "write" and left:
            left.pop()(Memory(memory.rows))

    return Memory(memory.rows, step)


def test_an_editor_whose_grant_goes_meanwhile_is_refused(bench: Bench) -> None:
    memory = bench.fresh()
    share(bench.rows(memory), memory, BOB, "editor")
    store = before_writing(memory, lambda other: revoke(bench.rows(other), other, BOB))
    with pytest.raises(Refused, match="absent"):
        change(bench.rows(store, BOBS), store, RULES, "Host", "h1", {"name": "mine"})
    assert memory.rows[record_key(*HOST)]["name"] == "core"


def test_an_editor_who_keeps_his_grant_goes_on_after_a_conflict(bench: Bench) -> None:
    memory = bench.fresh()
    share(bench.rows(memory), memory, BOB, "editor")
    store = before_writing(memory, lambda other: bench.change(other, Kms(), port=22))
    change(bench.rows(store, BOBS), store, RULES, "Host", "h1", {"name": "ours"})
    record = memory.rows[record_key(*HOST)]
    assert (record["name"], record["port"], record["version"]) == ("ours", 22, 3)
