"""Lists: what the plan selects and the check allows, page by page; and cursors that nobody else can use."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from policyengine.backends.dynamodb.plans import plans as plans_of
from policyengine.resolvers import Refused
from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.cursors import Cursors
from policyengine.resolvers.items import plain
from policyengine.resolvers.listing import list_own, list_shared
from tests.dynamodb import dynalite
from tests.resolver_world import Faults, grant_items, put, record_item, who
from tests.studio import folder, grant, record, tool
from tests.test_resolver_rows import HOME, Table

NUMBERS = itertools.count()
KEYS = [b"1" * 32]
MIA = {"id": "mia", "orgId": HOME}
EVE = {"id": "eve", "orgId": "org_x"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with dynalite() as found:
        yield found


@pytest.fixture
def table(address: str, studio: Any) -> Table:
    return Table(address, f"Listed{next(NUMBERS)}", studio, plans_of(studio.program))


def everything(page: Callable[..., Any], table: Table, me: Any, *asked: Any, limit: int) -> list[Any]:
    """All pages, one after the other, each by a request of its own and no longer than the limit."""
    found: list[Any] = []
    cursor, cursors = None, Cursors(KEYS)
    while True:
        made = page(table.rows(me, guarded=True), cursors, *asked, limit=limit, cursor=cursor)
        assert len(made[0]) <= limit
        found += made[0]
        cursor = made.cursor
        if cursor is None:
            return found


def hosts(table: Table, rng: Random) -> list[dict[str, Any]]:
    """Hosts of every scope and owner, some malformed, some of another organization, some with its look-alike id."""
    table.put(folder("open", "ORG"), folder("shut", "PRIVATE"), folder("some", "CUSTOM"), folder("lost", parent="gone"))
    made = []
    for number in range(120):
        org = rng.choice([HOME, HOME, HOME, "org_x", HOME + "_1"])
        scope = rng.choice(["PRIVATE", "ORG", "CUSTOM", "INHERIT"])
        parent = rng.choice(["open", "shut", "some", "lost", "nowhere", None])
        owner = rng.choice(["mia", "mia_", "otto"])
        made.append(record(id=f"h{number:03}", orgId=org, scope=scope, parent=parent, ownerId=owner, name="x" * number))
    made += [record(id="bad1", scope="ORG", ownerId=7), record(id="bad2", scope="org"), record(id="bad3", parentId=[])]
    grants = [grant(made[n], rng.choice([MIA, EVE])) for n in rng.sample(range(120), 60)]
    table.put(*made, grants=[*grants, grant(folder("some"), MIA)])
    return made


@pytest.mark.parametrize("limit", [9, 100])
def test_pages_together_hold_what_the_engine_allows(table: Table, limit: int) -> None:
    made = hosts(table, Random(limit))
    grants = [plain(i, table.layout.own) for i in scanned(table) if i[table.layout.place]["S"].startswith("grant#")]
    folders = [
        plain(i, table.layout.own) for i in scanned(table) if "#Folder#" in i["pk"]["S"] and i["sk"]["S"] == "record"
    ]
    memory = table.studio.entities({"Folder": folders, "ResourceShareMember": grants})
    for role in ("member", "admin"):
        me = who("mia", HOME, role)
        expected = [h for h in made if h["orgId"] == HOME and table.studio.allowed(me.principal, "list", h, memory)]
        assert 0 < len(expected) < len(made)
        found = everything(list_own, table, me, "Host", limit=limit)
        assert sorted(h["id"] for h in found) == sorted(h["id"] for h in expected)


def scanned(table: Table) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    for page in table.dynamodb.get_paginator("scan").paginate(TableName=table.layout.table):
        items += page["Items"]
    return items


def test_a_row_in_the_wrong_place_is_not_listed(table: Table) -> None:
    """An item under my organization's key that says it is another's, or of another type: nothing believes the key."""
    item = record_item(record(id="h1", scope="ORG"), table.layout)
    put(table.dynamodb, [item | {"orgId": {"S": "org_x"}, "pk": {"S": "a"}}], table.layout)
    put(table.dynamodb, [item | {"type": {"S": "Diagram"}, "pk": {"S": "b"}}], table.layout)
    put(table.dynamodb, [{k: v for k, v in item.items() if k != "orgId"} | {"pk": {"S": "c"}}], table.layout)
    rows = table.rows(who("mia", HOME), guarded=True)
    put(table.dynamodb, [item | {"pk": {"S": "org_home#Host#h2"}}, item | {"sk": {"S": "wrap#x"}}], table.layout)
    assert list_own(rows, Cursors(KEYS), "Host") == ([], None, False)
    put(table.dynamodb, [item], table.layout)
    assert [h["id"] for h in list_own(rows, Cursors(KEYS), "Host").records] == ["h1"]


def test_a_plan_that_allows_nothing_reads_nothing_and_says_so(table: Table) -> None:
    table.put(tool())
    rows = table.rows(who("mia", HOME))
    page = list_own(rows, Cursors(KEYS), "Tool", action="configure")
    assert page == ([], None, True)
    assert rows.calls.made == 0
    admin = table.rows(who("boss", HOME, "admin"))
    assert [t["id"] for t in list_own(admin, Cursors(KEYS), "Tool", action="configure").records] == ["t"]


def test_a_failing_page_is_incomplete_and_a_late_one_goes_on(table: Table) -> None:
    table.put(*(record(id=f"h{n}", scope="ORG") for n in range(5)))
    cursors = Cursors(KEYS)
    faults = Faults(table.dynamodb, dict.fromkeys(range(50), "ThrottlingException"))
    with pytest.raises(Incomplete, match="throttled"):
        list_own(table.rows(who("mia", HOME)), cursors, "Host")
    faults.plan = {}
    assert len(list_own(table.rows(who("mia", HOME)), cursors, "Host").records) == 5


# ---- What others shared


def test_shared_records_are_listed_by_a_query_of_their_own_and_marked(table: Table) -> None:
    shared = [record(id=f"s{n}", scope="CUSTOM") for n in range(5)]
    closed = record(id="closed", scope="PRIVATE")
    other = record("Diagram", id="d", scope="CUSTOM")
    mine = record(id="mine", scope="ORG", orgId="org_x")
    table.put(*shared, closed, other, mine)
    for each in (*shared, closed, other):
        table.put(grants=[grant(each, EVE, "editor")])
    forged = grant_items(grant(record(id="ghost", scope="CUSTOM"), EVE), table.layout)[1]
    without_row = grant_items(grant(record(id="s9", scope="CUSTOM"), EVE), table.layout)[1]
    put(table.dynamodb, [forged, without_row], table.layout)
    table.put(record(id="s9", scope="CUSTOM"))
    me, cursors = who("eve", "org_x"), Cursors(KEYS)
    found = everything(list_shared, table, me, "Host", table.guard(me), limit=2)
    assert [(each.record["id"], each.role) for each in found] == [(f"s{n}", "editor") for n in range(5)]
    assert [h["id"] for h in list_own(table.rows(me), cursors, "Host").records] == ["mine"]
    assert list_shared(table.rows(me), cursors, "Host", table.guard(me), action="delete") == ([], None)
    assert list_shared(table.rows(who("eve", HOME)), cursors, "Host", table.guard(who("eve", HOME))).shared == []


def test_every_call_of_a_shared_list_can_fail_and_none_makes_it_short(table: Table) -> None:
    shared = record(id="s", scope="CUSTOM")
    table.put(shared, grants=[grant(shared, EVE)])
    me, cursors = who("eve", "org_x"), Cursors(KEYS)
    faults = Faults(table.dynamodb, {})

    def listed(**limits: Any) -> list[str]:
        found = list_shared(table.rows(me, True, **limits), cursors, "Host", table.guard(me)).shared
        return [each.record["id"] for each in found]

    assert listed() == ["s"]
    assert faults.made == 4  # copies; then copy, row and record
    for index in range(4):
        faults.plan = {faults.made + index: "ThrottlingException"}
        assert listed() == ["s"]
        faults.plan = {faults.made + index: "ThrottlingException"}
        with pytest.raises(Incomplete):
            listed(attempts=1)


# ---- Cursors


def test_a_cursor_is_of_one_principal_query_and_time(table: Table) -> None:
    table.put(
        *(record(id=f"h{n}", scope="ORG") for n in range(5)),
        *(record("Diagram", id=f"d{n}", scope="ORG") for n in range(3)),
    )
    time = [1000.0]
    cursors = Cursors(KEYS, life=60, clock=lambda: time[0])
    cursor = list_own(table.rows(who("mia", HOME)), cursors, "Host", 2).cursor
    assert cursor

    def use(identity: Any, type_name: str, limit: int, by: Cursors = cursors) -> Any:
        return list_own(table.rows(identity), by, type_name, limit, cursor)

    assert len(use(who("mia", HOME), "Host", 2).records) == 2
    for identity, type_name in [
        (who("eve", HOME), "Host"),
        (who("mia", "org_x"), "Host"),
        (who("mia", HOME, "admin"), "Host"),
        (who("mia", HOME), "Diagram"),
    ]:
        with pytest.raises(Refused, match="cursor"):
            use(identity, type_name, 2)
    with pytest.raises(Refused, match="cursor"):
        list_own(table.rows(who("mia", HOME)), cursors, "Host", 2, cursor, action="read")
    with pytest.raises(Refused, match="cursor"):
        list_shared(table.rows(who("mia", HOME)), cursors, "Host", table.guard(who("mia", HOME)), 2, cursor)
    rotated = Cursors([b"2" * 32, *KEYS], clock=lambda: time[0])
    assert use(who("mia", HOME), "Host", 2, by=rotated).records
    with pytest.raises(Refused, match="cursor"):
        use(who("mia", HOME), "Host", 2, by=Cursors([b"2" * 32], clock=lambda: time[0]))
    time[0] += 60
    with pytest.raises(Refused, match="cursor"):
        use(who("mia", HOME), "Host", 2)


def test_a_cursor_that_is_changed_anywhere_does_not_open() -> None:
    cursors = Cursors(KEYS)
    cursor = cursors.seal({"pk": "org_1#Host#secret"}, {"a": 1})
    assert cursors.open(cursor, {"a": 1}) == {"pk": "org_1#Host#secret"}
    for index, character in enumerate(cursor):
        for other in {"A", "-", "é", ""} - {character}:
            changed = cursor[:index] + other + cursor[index + 1 :]
            if changed + "=" * (-len(changed) % 4) != cursor:
                with pytest.raises(Refused):
                    cursors.open(changed, {"a": 1})
    for wrong in ("", "AAAA", "x" * 5000, None, 7, b"AAAA"):
        with pytest.raises(Refused):
            cursors.open(wrong, {"a": 1})  # type: ignore[arg-type]


def test_a_cursor_tells_no_key(table: Table) -> None:
    """Where DynamoDB stopped is a record that may be another's: its id is not to be read in the cursor."""
    import base64

    table.put(
        *(record(id=f"hidden{n}", scope="PRIVATE" if n else "ORG") for n in range(3)), record(id="x", scope="ORG")
    )
    cursor = list_own(table.rows(who("mia", HOME)), Cursors(KEYS), "Host", 1).cursor
    assert cursor
    assert b"hidden" not in base64.urlsafe_b64decode(cursor + "==")


@pytest.mark.parametrize("limit", [0, -1, 1001, True, 1.5, "7"], ids=repr)
def test_a_limit_is_a_number(table: Table, limit: Any) -> None:
    with pytest.raises(Refused, match="limit"):
        list_own(table.rows(who("mia", HOME)), Cursors(KEYS), "Host", limit)


@pytest.mark.parametrize("keys", [[], [b"short"], [b"1" * 33]], ids=repr)
def test_keys_are_of_32_bytes(keys: Any) -> None:
    with pytest.raises(ValueError):
        Cursors(keys)
