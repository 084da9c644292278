"""Sharing: what each flow does, and that no two flows, no fault and no crash leave anything half-shared."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.model.values import instant
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.layout import GRANT, INTENT, WRAP, Key, Layout, copy_key, partition_of, record_key, wrap_key
from policyengine.resolvers.rewrapping import encryption_context, rewrap
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import Target, is_live, revoke, share, wrap_for
from policyengine.resolvers.sweeping import sweep_member, sweep_record
from policyengine.resolvers.writes import TypeRules, change, delete
from tests.memory_store import Crash, FaultAt, Kms, Memory, Turns, schedules, sealed
from tests.resolver_world import who

NOW, LATER = "2026-06-01T12:00:00Z", "2026-06-01T13:00:00Z"
SECONDS = 1780315200
HOST = ("org_1", "Host", "h1")
EVE = Target(*HOST, "eve", "org_x")
FAY = Target(*HOST, "fay", "org_x")
BOB = Target(*HOST, "bob", "org_1")
RULES = TypeRules()
ANN = who("ann", "org_1")

Flow = Callable[[Memory, Kms], Any]


@pytest.fixture(scope="module")
def plans(studio: Any) -> dict[str, Any]:
    return plans_of(studio.program)


def key_of(org_id: str) -> str:
    return f"key-{org_id}"


class Bench:
    """The flows under test, on one store."""

    def __init__(self, studio: Any, plans: dict[str, Any]) -> None:
        self.studio, self.plans = studio, plans
        self.now, self.seconds = NOW, SECONDS
        self.lines: list[str] = []

    def rows(self, memory: Memory, identity: Any = ANN) -> Rows:
        calls = Calls(memory, sleep=lambda _: None)
        return Rows(self.studio, self.plans, identity, calls, Layout(), None, self.lines.append, lambda: self.now)

    def fresh(self, **changed: Any) -> Memory:
        """Ann's host, shared with nobody yet, in nobody's folder; and a folder of hers."""
        org_id, type_name, id = HOST
        record = {"type": type_name, "id": id, "orgId": org_id, "ownerId": "ann", "scope": "CUSTOM", "version": 1}
        record |= {"dekVersion": "1", "name": "core", **changed}
        folder = {"type": "Folder", "id": "f1", "orgId": org_id, "ownerId": "ann", "scope": "ORG", "version": 1}
        own = {"orgId": org_id, "forOrgId": org_id, "dekVersion": "1"}
        wrap: dict[str, Any] = own | {"wrap": sealed(key_of(org_id), encryption_context(org_id, EVE, "1"))}
        rows: dict[Key, dict[str, Any]] = {
            record_key(*HOST): record,
            wrap_key(*HOST, org_id): wrap,
            record_key(org_id, "Folder", "f1"): folder,
        }
        return Memory(rows)

    # ---- Flows: each on its own, as a process of its own would run it

    def share(self, target: Target, memory: Memory, kms: Kms) -> Any:
        return share(self.rows(memory), memory, target, "editor")

    def rewrap(self, target: Target, memory: Memory, kms: Kms) -> Any:
        return rewrap(memory, kms, lambda identity: self.rows(memory, identity), key_of, target, lambda: self.seconds)

    def revoke(self, target: Target, memory: Memory, kms: Kms) -> Any:
        return revoke(self.rows(memory), memory, target)

    def change(self, memory: Memory, kms: Kms, **given: Any) -> Any:
        return bool(change(self.rows(memory), memory, RULES, "Host", "h1", given))

    def delete(self, memory: Memory, kms: Kms) -> Any:
        return delete(self.rows(memory), memory, RULES, "Host", "h1")

    def sweep(self, memory: Memory, kms: Kms) -> Any:
        return sweep_record(memory, HOST, instant(self.now) or 0)

    @property
    def flows(self) -> dict[str, Flow]:
        return {
            "share eve": partial(self.share, EVE),
            "share bob": partial(self.share, BOB),
            "rewrap eve": partial(self.rewrap, EVE),
            "rewrap fay": partial(self.rewrap, FAY),
            "revoke eve": partial(self.revoke, EVE),
            "revoke fay": partial(self.revoke, FAY),
            "leave CUSTOM": partial(self.change, scope="ORG"),
            "move": partial(self.change, parentId="f1"),
            "delete": self.delete,
            "sweep": self.sweep,
        }

    def state(self, name: str) -> Memory:
        """Where flows begin: nothing shared; intended for Eve; Fay has it and it is intended for Eve; both have it."""
        memory = self.fresh()
        if name != "none":
            self.share(FAY, memory, Kms())
        if name in ("fay, and eve intended", "both"):
            self.rewrap(FAY, memory, Kms())
        if name in ("fay, and eve intended", "both"):
            self.share(EVE, memory, Kms())
        if name == "both":
            self.rewrap(EVE, memory, Kms())
        return memory


STATES = ("none", "fay intended", "fay, and eve intended", "both")


@pytest.fixture(scope="module")
def bench(studio: Any, plans: dict[str, Any]) -> Bench:
    return Bench(studio, plans)


def named(memory: Memory, prefix: str) -> dict[str, Any]:
    return {key.place.removeprefix(prefix): row for key, row in memory.rows.items() if key.place.startswith(prefix)}


def check_whole(memory: Memory, now: str = NOW) -> None:
    """Nothing is half-shared: grants and copies in pairs, no crossing grant without its wrap, nothing off CUSTOM."""
    record = memory.rows.get(record_key(*HOST))
    grants = named(memory, GRANT)
    wraps = {org_id: row for org_id, row in named(memory, WRAP).items() if org_id != "org_1"}
    copies = {key: row for key, row in memory.rows.items() if "#@member#" in key.partition}
    expected = {copy_key(row["memberOrgId"], row["memberId"], *HOST): row["role"] for row in grants.values()}
    assert {key: row["role"] for key, row in copies.items()} == expected
    assert all(row["orgId"] == row["memberOrgId"] and row["originId"] == "org_1" for row in copies.values())
    if record is None or record["scope"] != "CUSTOM":
        assert not grants
        assert not wraps
        assert not named(memory, INTENT)
        assert record is not None or not named(memory, WRAP)
        return
    for row in grants.values():
        if row["memberOrgId"] != "org_1":
            wrap = wraps[row["memberOrgId"]]
            context = encryption_context(row["memberOrgId"], EVE, record["dekVersion"])
            assert wrap["wrap"] == sealed(key_of(row["memberOrgId"]), context)
    assert named(memory, WRAP)["org_1"]


def check_swept(bench: Bench, memory: Memory) -> None:
    """After the sweeper no wrap is without a live grant; sweeping again changes nothing."""
    bench.sweep(memory, Kms())
    live = {row["memberOrgId"] for row in named(memory, GRANT).values() if is_live(row, instant(bench.now) or 0)}
    assert set(named(memory, WRAP)) <= live | {"org_1"}
    check_whole(memory)
    assert bench.sweep(memory, Kms()) == 0


@pytest.mark.parametrize(
    "expires", [None, "2026-06-01T11:59:59.999Z", NOW, "2026-06-01T14:00:00.001+02:00", LATER, "x"]
)
def test_a_grant_row_is_live_exactly_where_the_policy_counts_it(studio: Any, expires: str | None) -> None:
    """Two places say it: `counts when` in the schema, and `is_live`, which has no principal to ask the bundle about."""
    host = {"type": "Host", "id": "h1", "orgId": "org_1", "ownerId": "ann", "scope": "CUSTOM"}
    row = {"orgId": "org_1", "resourceType": "Host", "resourceId": "h1", "memberId": "eve", "memberOrgId": "org_x"}
    row |= {"role": "viewer"} | ({"expiresAt": expires} if expires else {})
    request = {"principal": who("eve", "org_x").principal, "action": "read", "resource": host, "context": {"now": NOW}}
    decision = studio.authorize(request, studio.entities({"ResourceShareMember": [row]}))
    assert (decision["decision"] == "allow") is is_live(row, instant(NOW) or 0)
    assert is_live(row, instant(NOW) or 0) is (expires in (None, LATER, "2026-06-01T14:00:00.001+02:00"))


# ---- One flow at a time


def test_within_the_organization_a_grant_is_there_at_once(bench: Bench) -> None:
    memory = bench.fresh()
    assert bench.share(BOB, memory, Kms()) == "granted"
    check_whole(memory)
    assert bench.rows(memory, who("bob")).allows("update", memory.rows[record_key(*HOST)])
    assert not named(memory, INTENT)
    assert bench.revoke(BOB, memory, Kms()) == "revoked"
    assert not bench.rows(memory, who("bob")).allows("read", memory.rows[record_key(*HOST)])
    assert bench.revoke(BOB, memory, Kms()) == "nothing"


def test_a_grant_to_another_organization_comes_with_its_wrap(bench: Bench) -> None:
    memory, eve = bench.fresh(), who("eve", "org_x")
    record = memory.rows[record_key(*HOST)]
    assert bench.share(EVE, memory, Kms()) == "intended"
    check_whole(memory)
    assert not bench.rows(memory, eve).allows("read", record)
    assert bench.rewrap(EVE, memory, Kms()) == "granted"
    check_whole(memory)
    assert bench.rows(memory, eve).allows("update", record)
    assert wrap_for(bench.rows(memory, eve), memory, HOST) == named(memory, WRAP)["org_x"]["wrap"]
    assert wrap_for(bench.rows(memory, who("fay", "org_x")), memory, HOST) is None
    assert bench.rewrap(EVE, memory, Kms()) == "closed"
    assert bench.revoke(EVE, memory, Kms()) == "revoked"
    assert set(named(memory, WRAP)) == {"org_1"}
    assert wrap_for(bench.rows(memory, eve), memory, HOST) is None


def test_a_second_member_needs_no_second_wrap_and_keeps_the_first(bench: Bench) -> None:
    memory = bench.state("both")
    assert len(named(memory, GRANT)) == 2
    assert bench.revoke(FAY, memory, Kms()) == "revoked"
    assert set(named(memory, WRAP)) == {"org_1", "org_x"}
    assert bench.revoke(EVE, memory, Kms()) == "revoked"
    assert set(named(memory, WRAP)) == {"org_1"}


def test_a_late_rewrap_finds_a_closed_intent(bench: Bench) -> None:
    memory = bench.fresh()
    bench.share(EVE, memory, Kms())
    assert bench.revoke(EVE, memory, Kms()) == "revoked"
    before = dict(memory.rows)
    assert bench.rewrap(EVE, memory, Kms()) == "closed"
    assert memory.rows == before


def test_an_intent_lives_five_minutes(studio: Any, plans: dict[str, Any]) -> None:
    bench = Bench(studio, plans)
    memory = bench.fresh()
    bench.share(EVE, memory, Kms())
    bench.seconds += 299
    assert bench.rewrap(EVE, Memory(dict(memory.rows)), Kms()) == "granted"
    bench.seconds += 1
    assert bench.rewrap(EVE, memory, Kms()) == "closed"
    bench.now = "2026-06-01T12:05:00Z"
    bench.sweep(memory, Kms())
    assert not named(memory, INTENT)


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"version": 2}, "stale"),
        ({"scope": "ORG"}, "stale"),
        ({"dekVersion": "2"}, "stale"),
        ({"ownerId": "bob"}, "stale"),
        ({}, "granted"),
    ],
    ids=repr,
)
def test_a_record_that_changed_is_not_shared(bench: Bench, changed: dict[str, Any], outcome: str) -> None:
    memory = bench.fresh()
    bench.share(EVE, memory, Kms())
    memory.rows[record_key(*HOST)] |= changed
    assert bench.rewrap(EVE, memory, Kms()) == outcome
    assert bool(named(memory, GRANT)) is (outcome == "granted")


def test_the_requester_is_decided_on_again(bench: Bench) -> None:
    memory = bench.fresh()
    bench.share(EVE, memory, Kms())
    (intent,) = [key for key in memory.rows if key.place.startswith(INTENT)]
    memory.rows[intent]["requester"] = {"id": "mallory", "orgId": "org_1", "orgRole": "admin"}
    assert bench.rewrap(EVE, memory, Kms()) == "denied"
    assert not named(memory, GRANT)


def test_kms_that_fails_leaves_the_intent_open(bench: Bench) -> None:
    from botocore.exceptions import ClientError

    class Denying(Kms):
        def re_encrypt(self, **asked: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ReEncrypt")

    memory = bench.fresh()
    bench.share(EVE, memory, Kms())
    with pytest.raises(Incomplete, match="rewrap"):
        bench.rewrap(EVE, memory, Denying())
    assert not named(memory, GRANT)
    assert bench.rewrap(EVE, memory, Kms()) == "granted"


@pytest.mark.parametrize(
    ("who_asks", "record", "target", "role", "expires", "code"),
    [
        ("bob", {}, EVE, "viewer", None, "absent"),
        ("bob", {"scope": "ORG"}, EVE, "viewer", None, "denied"),
        ("ann", {"scope": "ORG"}, EVE, "viewer", None, "scope"),
        ("ann", {"scope": "PRIVATE"}, BOB, "viewer", None, "scope"),
        ("ann", {"scope": "INHERIT", "parentId": "f1"}, BOB, "viewer", None, "scope"),
        ("ann", {}, EVE, "owner", None, "grant-row"),
        ("ann", {}, EVE, "viewer", NOW, "grant-row"),
        ("ann", {}, EVE, "viewer", "tomorrow", "grant-row"),
        ("ann", {}, EVE._replace(member_org_id="org#x"), "viewer", None, "member"),
        ("ann", {}, EVE._replace(member_id=""), "viewer", None, "member"),
        ("ann", {}, EVE._replace(id="h2"), "viewer", None, "absent"),
    ],
)
def test_what_cannot_be_shared(
    bench: Bench, who_asks: str, record: Any, target: Target, role: str, expires: Any, code: str
) -> None:
    memory = bench.fresh(**record)
    before = dict(memory.rows)
    with pytest.raises(Refused) as refused:
        share(bench.rows(memory, who(who_asks)), memory, target, role, expires)
    assert refused.value.code == code
    assert memory.rows == before


def test_a_folder_is_never_shared_abroad(bench: Bench) -> None:
    memory = bench.fresh()
    memory.rows[record_key("org_1", "Folder", "f1")]["scope"] = "CUSTOM"
    with pytest.raises(Refused, match="denied"):
        bench.share(EVE._replace(type="Folder", id="f1"), memory, Kms())
    assert bench.share(BOB._replace(type="Folder", id="f1"), memory, Kms()) == "granted"


def test_no_more_is_shared_than_one_transaction_can_remove(bench: Bench) -> None:
    memory = bench.fresh()
    for given in itertools.count():
        try:
            bench.share(BOB._replace(member_id=f"m{given}"), memory, Kms())
        except Refused as refused:
            assert refused.code == "full"  # noqa: PT017
            break
    assert 45 <= given <= 49
    assert bench.share(BOB._replace(member_id="m0"), memory, Kms()) == "granted"  # granting again replaces
    bench.change(memory, Kms(), parentId="f1")
    bench.delete(memory, Kms())
    assert {key.partition for key in memory.rows} == {partition_of("org_1", "Folder", "f1")}


def test_a_member_gives_up_his_row_and_nobody_else_revokes(bench: Bench) -> None:
    memory = bench.state("both")
    with pytest.raises(Refused, match="denied"):
        revoke(bench.rows(memory, who("fay", "org_x")), memory, EVE)
    with pytest.raises(Refused, match="absent"):
        revoke(bench.rows(memory, who("zoe", "org_x")), memory, EVE)
    assert revoke(bench.rows(memory, who("eve", "org_x")), memory, EVE) == "revoked"
    assert revoke(bench.rows(memory, who("boss", "org_1", "admin")), memory, FAY) == "revoked"
    check_swept(bench, memory)
    assert not named(memory, GRANT)


def test_giving_up_what_one_was_not_given_tells_and_writes_nothing(bench: Bench) -> None:
    """Of four records, the last two name Eve: one that is none, Fay's with a wrap for both, an intent, and a grant."""
    fays, intended, given = bench.state("both"), bench.fresh(), bench.state("both")
    bench.revoke(EVE, fays, Kms())
    wrap = wrap_key(*HOST, "org_x")
    fays.rows = {key: row for key, row in fays.rows.items() if not key.place.startswith(GRANT)}  # as a sweeper finds it
    assert wrap in fays.rows
    bench.share(EVE, intended, Kms())
    answers = []
    for memory in (Memory({}), fays, intended, given):
        before = dict(memory.rows)
        answers.append(revoke(bench.rows(memory, who("eve", "org_x")), memory, EVE))
        assert (memory.rows == before) is (answers[-1] == "nothing")
        assert not {EVE.grant, EVE.intent} & memory.rows.keys()
    assert answers == ["nothing", "nothing", "revoked", "revoked"]


def test_when_a_membership_ends_its_rows_go(bench: Bench) -> None:
    memory = bench.state("both")
    bench.share(BOB, memory, Kms())
    now = instant(NOW) or 0
    sweep_member(memory, "org_x", "eve", [], now)
    check_whole(memory)
    assert set(named(memory, GRANT)) == {"org_x#fay", "org_1#bob"}
    sweep_member(memory, "org_1", "ann", [HOST], now)
    check_whole(memory)
    assert set(named(memory, GRANT)) == {"org_1#bob"}
    assert set(named(memory, WRAP)) == {"org_1"}


def test_an_expired_grant_goes_with_its_wrap(studio: Any, plans: dict[str, Any]) -> None:
    bench = Bench(studio, plans)
    memory = bench.fresh()
    share(bench.rows(memory), memory, EVE, "viewer", LATER)
    bench.rewrap(EVE, memory, Kms())
    assert bench.sweep(memory, Kms()) == 0
    bench.now = LATER
    check_swept(bench, memory)
    assert set(named(memory, WRAP)) == {"org_1"}
    assert not named(memory, GRANT)


# ---- Two flows at once


def steps(flow: Flow, memory: Memory) -> int:
    counted = FaultAt(-1, Crash())
    memory.step = counted
    with suppress(Refused):
        flow(memory, Kms(counted))
    return counted.made


def interleavings(bench: Bench) -> Iterator[tuple[str, str, str]]:
    for state in STATES:
        for one, other in itertools.combinations_with_replacement(bench.flows, 2):
            yield state, one, other


def run_pair(bench: Bench, state: str, one: str, other: str, seen: Counter[str]) -> None:
    flows = bench.flows
    counts = [steps(flows[name], bench.state(state)) for name in (one, other)]
    for schedule in schedules(*counts):
        memory = bench.state(state)

        def process(name: str, step: Callable[[str], None], memory: Memory = memory) -> Any:
            return flows[name](Memory(memory.rows, step), Kms(step))

        results = Turns(schedule).run([partial(process, one), partial(process, other)])
        for result in results:
            assert not isinstance(result, Exception) or isinstance(result, Refused | Incomplete), result
        try:
            check_whole(memory)
            check_swept(bench, memory)
            _check_results(memory, dict(zip((one, other), results, strict=True)), seen)
        except AssertionError as found:
            raise AssertionError(f"{state}: {one}, {other}, {schedule}: {results}") from found
        seen["schedules"] += 1


def _check_results(memory: Memory, results: dict[str, Any], seen: Counter[str]) -> None:
    """What a flow said it did is so, unless the other one undid it."""
    seen.update(f"{name}: {result}" for name, result in results.items())
    undone = {"revoke eve", "leave CUSTOM", "delete"} & results.keys()
    if results.get("rewrap eve") == "granted" and not undone:
        assert "org_x#eve" in named(memory, GRANT)
    if results.get("leave CUSTOM") is True:
        record = memory.rows.get(record_key(*HOST))
        assert record is None or record["scope"] == "ORG"


def test_no_two_flows_leave_anything_half_shared(bench: Bench) -> None:
    seen: Counter[str] = Counter()
    hot = {"share eve", "rewrap eve", "revoke eve", "leave CUSTOM", "move", "sweep"}
    for state, one, other in interleavings(bench):
        if state in ("fay, and eve intended", "both") and {one, other} <= hot:
            run_pair(bench, state, one, other, seen)
    assert seen["schedules"] > 500
    assert {"rewrap eve: granted", "rewrap eve: closed", "rewrap eve: stale"} <= seen.keys()


@pytest.mark.soak
def test_no_two_flows_at_all_leave_anything_half_shared(bench: Bench) -> None:
    seen: Counter[str] = Counter()
    for state, one, other in interleavings(bench):
        run_pair(bench, state, one, other, seen)


# ---- Faults at every step, and a fresh process afterwards


@pytest.mark.parametrize("fault", [Incomplete("throttled"), Crash()], ids=repr)
def test_a_fault_at_any_step_leaves_what_can_be_done_again(bench: Bench, fault: BaseException) -> None:
    tried = 0
    for state, (name, flow) in itertools.product(STATES, bench.flows.items()):
        whole = bench.state(state)
        for index in range(steps(flow, bench.state(state))):
            memory = bench.state(state)
            step = FaultAt(index, fault)
            with pytest.raises(type(fault)):
                flow(Memory(memory.rows, step), Kms(step))
            assert memory.rows.keys() == whole.rows.keys(), (name, index)  # the one write is the last step
            check_whole(memory)
            try:
                flow(memory, Kms())
            except Refused:
                continue
            check_swept(bench, memory)
            tried += 1
    assert tried > 80


def test_a_write_whose_answer_is_lost_can_be_repeated(bench: Bench) -> None:
    """The transaction happened, and the process died before it knew."""
    for state, (_, flow) in itertools.product(STATES, bench.flows.items()):
        memory = bench.state(state)
        try:
            flow(memory, Kms())
            flow(memory, Kms())
        except Refused:
            pass
        check_whole(memory)
        check_swept(bench, memory)
