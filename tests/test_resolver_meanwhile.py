"""What a right rests on is taken away between the decision and the write: the write is decided anew, and refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.model.values import instant
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.layout import record_key, wrap_key
from policyengine.resolvers.sharing import Target, revoke, share, wrap_for
from policyengine.resolvers.sweeping import sweep_member
from policyengine.resolvers.writes import change, create, delete
from tests.memory_store import Kms, Memory
from tests.resolver_world import who
from tests.test_resolver_sharing import BOB, EVE, HOST, NOW, RULES, Bench, check_whole

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


def test_a_wrap_is_handed_out_on_what_is_stored_then(bench: Bench) -> None:
    """The wrap stays for Fay, and the request has read Eve's grant row before it went."""
    memory = bench.state("both")
    rows = bench.rows(memory, who("eve", "org_x"))
    assert wrap_for(rows, memory, HOST) is not None
    assert rows.allows("read", memory.rows[record_key(*HOST)])
    bench.revoke(EVE, memory, Kms())
    assert wrap_key(*HOST, "org_x") in memory.rows
    assert wrap_for(rows, memory, HOST) is None


# ---- The sweeper


def test_a_copy_is_not_swept_from_under_a_grant_that_is_made_meanwhile(bench: Bench) -> None:
    memory = bench.fresh()
    share(bench.rows(memory), memory, BOB, "editor")
    del memory.rows[BOB.grant]
    store = before_writing(memory, lambda other: share(bench.rows(other), other, BOB, "viewer"))
    sweep_member(store, "org_1", "bob", [], instant(NOW) or 0)
    check_whole(memory)
    assert memory.rows.get(BOB.copy, {}).get("role") == "viewer"
    del memory.rows[BOB.grant]
    assert sweep_member(memory, "org_1", "bob", [], instant(NOW) or 0) == 1
    assert BOB.copy not in memory.rows


def test_a_sweep_that_others_kept_from_writing_does_not_say_that_it_is_done(bench: Bench) -> None:
    memory = bench.fresh()
    share(bench.rows(memory), memory, BOB, "editor")

    def step(operation: str) -> None:
        if operation == "write":
            memory.rows[record_key(*HOST)]["shareVersion"] += 1

    with pytest.raises(Incomplete):
        sweep_member(Memory(memory.rows, step), "org_1", "bob", [], instant(NOW) or 0)
    assert BOB.grant in memory.rows
    sweep_member(memory, "org_1", "bob", [], instant(NOW) or 0)
    assert BOB.grant not in memory.rows


# ---- What stands above a record


def shared_folder(bench: Bench) -> tuple[Memory, Target]:
    """Ann's host below her folder, which is shared with Bob, an editor there."""
    memory = bench.fresh(scope="INHERIT", parentId="f1")
    memory.rows[record_key("org_1", "Folder", "f1")]["scope"] = "CUSTOM"
    target = Target("org_1", "Folder", "f1", "bob", "org_1")
    assert share(bench.rows(memory), memory, target, "editor") == "granted"
    return memory, target


def rename(bench: Bench, store: Memory) -> Any:
    return change(bench.rows(store, BOBS), store, RULES, "Host", "h1", {"name": "mine"})


def add(bench: Bench, store: Memory) -> Any:
    given = {"scope": "PRIVATE", "parentId": "f1"}
    return create(bench.rows(store, BOBS), store, RULES, "Host", "h2", given)


@pytest.mark.parametrize("write", [rename, add])
@pytest.mark.parametrize("taken", ["revoked", "demoted", "private"])
def test_a_right_by_a_folder_that_goes_meanwhile_is_none(bench: Bench, write: Any, taken: str) -> None:
    memory, target = shared_folder(bench)

    def take(other: Memory) -> None:
        rows = bench.rows(other)
        if taken == "revoked":
            revoke(rows, other, target)
        elif taken == "demoted":
            share(rows, other, target, "viewer")
        else:
            change(rows, other, RULES, "Folder", "f1", {"scope": "PRIVATE"})

    store = before_writing(memory, take)
    with pytest.raises(Refused, match=r"absent|denied|parent"):
        write(bench, store)
    assert memory.rows[record_key(*HOST)]["name"] == "core"
    assert record_key("org_1", "Host", "h2") not in memory.rows


@pytest.mark.parametrize("write", [rename, add])
def test_a_right_by_a_folder_that_stays_is_written_on(bench: Bench, write: Any) -> None:
    memory, _ = shared_folder(bench)
    write(bench, memory)
    assert (memory.rows[record_key(*HOST)]["name"] == "mine") is (write is rename)
    assert (record_key("org_1", "Host", "h2") in memory.rows) is (write is add)


def test_a_folder_above_the_folder_counts_too(bench: Bench) -> None:
    """The holder is two levels up: an administrator deletes what was the organization's a moment ago."""
    memory = bench.fresh(scope="INHERIT", parentId="f2")
    above = memory.rows[record_key("org_1", "Folder", "f1")]
    below = {**above, "id": "f2", "scope": "INHERIT", "parentId": "f1", "children": 1}
    memory.rows[record_key("org_1", "Folder", "f2")] = below
    boss = who("boss", "org_1", "admin")
    hide = {"scope": "PRIVATE"}
    store = before_writing(memory, lambda other: change(bench.rows(other), other, RULES, "Folder", "f1", hide))
    with pytest.raises(Refused, match=r"absent|denied"):
        delete(bench.rows(store, boss), store, RULES, "Host", "h1")
    assert record_key(*HOST) in memory.rows
    memory.rows[record_key("org_1", "Folder", "f1")]["scope"] = "ORG"
    delete(bench.rows(memory, boss), memory, RULES, "Host", "h1")
    assert record_key(*HOST) not in memory.rows
