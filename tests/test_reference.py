"""The hand-written model of Studio, held against docs/studio.md, and the worlds it is soaked in.

Expectations here are spelled out from the tables of docs/studio.md, never computed from the model.
"""

import itertools
import json
import random
from collections import Counter
from typing import Any

import pytest

from benchmarks import reference
from benchmarks.reference import ACTIONS, SCOPED, Entities, allowed, decide, entities, instant
from tests.worlds import NOT_IDS, NOT_ORGS, NOT_TIMES, ORGS, requests, world

Object = dict[str, Any]

HOME, AWAY = "org_1", "org_2"
ALL = ("create", "read", "list", "update", "delete", "share", "revoke", "configure", "invoke", "grant")
KINDS = sorted(SCOPED)
NOW = "2026-06-01T00:00:00Z"
NOTHING = entities({})


def user(id_: str = "ann", org: str = HOME, role: str = "member", **more: Any) -> Object:
    return {"id": id_, "orgId": org, "orgRole": role, **more}


def record(scope: str = "PRIVATE", kind: str = "Host", **more: Any) -> Object:
    return {"type": kind, "id": "r", "orgId": HOME, "ownerId": "olga", "scope": scope, **more}


def folder(id_: str = "f", scope: str = "CUSTOM", **more: Any) -> Object:
    return {"id": id_, "orgId": HOME, "ownerId": "fred", "scope": scope, **more}


def grant(kind: str = "Host", id_: str = "r", role: str = "viewer", **more: Any) -> Object:
    row = {"orgId": HOME, "resourceType": kind, "resourceId": id_, "memberId": "ann", "memberOrgId": HOME, "role": role}
    return {**row, **more}


def tool(**more: Any) -> Object:
    return {"type": "Tool", "id": "t", "orgId": HOME, "toolClass": "READ_ONLY", "enabled": True, **more}


def connector(**more: Any) -> Object:
    return {"type": "Connector", "id": "c", "orgId": HOME, "enabled": True, **more}


def entry(**more: Any) -> Object:
    return {"type": "KeychainEntry", "id": "k", "orgId": HOME, "ownerId": "olga", **more}


def data(*grants: Any, folders: Any = (), connectors: Any = ()) -> Entities:
    return entities({"ResourceShareMember": list(grants), "Folder": list(folders), "Connector": list(connectors)})


def rules(
    principal: object, action: object, resource: object, held: Entities = NOTHING, context: object = None
) -> list[str]:
    """The permits of an allow; of a denial, which must then say so, nothing."""
    decision, names, obligations = decide(principal, action, resource, held, context)
    paid = allowed(principal, action, resource, held, context, discharged=obligations)
    assert paid == (decision == "allow")
    assert allowed(principal, action, resource, held, context) == (decision == "allow" and not obligations)
    assert reference.filter(principal, action, [resource], held, context, obligations) == [resource] * paid
    return names if decision == "allow" else []


def table(
    principal: object, resource: object, held: Entities = NOTHING, context: object = None
) -> dict[str, list[str]]:
    """What the principal may do, and by which rules."""
    return {action: names for action in ALL if (names := rules(principal, action, resource, held, context))}


def may(*pairs: tuple[str, str]) -> dict[str, list[str]]:
    """An expected table, from (rule, its actions)."""
    found: dict[str, list[str]] = {}
    for rule, actions in pairs:
        for action in actions.split():
            found.setdefault(action, []).append(rule)
    return {action: sorted(names) for action, names in found.items()}


OWNER = ("Scoped.always.record_owner", "create read list update delete share revoke")
ADMIN = ("Scoped.always.role_admin", "revoke")
PRIVATE_OWNER = ("Scoped.PRIVATE.holder_owner", "read list")
ORG_MEMBER = ("Scoped.ORG.role_member", "read list")
ORG_ADMIN = ("Scoped.ORG.role_admin", "update delete")
CUSTOM_OWNER = ("Scoped.CUSTOM.holder_owner", "read list")
VIEWER = ("Scoped.CUSTOM.grant_viewer", "read list")
EDITOR = ("Scoped.CUSTOM.grant_editor", "update")


# docs/studio.md, Who may do what on a scoped record -------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "scope, owner, admin, member",
    [
        ("PRIVATE", [PRIVATE_OWNER], [], []),
        ("ORG", [ORG_MEMBER], [ORG_MEMBER, ORG_ADMIN], [ORG_MEMBER]),
        ("CUSTOM", [CUSTOM_OWNER], [], []),
        ("INHERIT", [], [], []),  # without a parent: only the rows that always hold
    ],
)
def test_the_table_where_the_record_holds_its_scope(
    kind: str, scope: str, owner: list[tuple[str, str]], admin: list[tuple[str, str]], member: list[tuple[str, str]]
) -> None:
    r = record(scope, kind)
    assert table(user("olga"), r) == may(OWNER, *owner)
    assert table(user(role="admin"), r) == may(ADMIN, *admin)
    assert table(user(), r) == may(*member)
    assert table(user("olga", AWAY, "admin"), r) == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "scope, owner, admin, member",
    [
        ("PRIVATE", [PRIVATE_OWNER], [], []),
        ("ORG", [ORG_MEMBER], [ORG_MEMBER, ORG_ADMIN], [ORG_MEMBER]),
        ("CUSTOM", [CUSTOM_OWNER], [], []),
    ],
)
def test_the_table_where_a_folder_holds_the_scope(
    kind: str, scope: str, owner: list[tuple[str, str]], admin: list[tuple[str, str]], member: list[tuple[str, str]]
) -> None:
    r = record("INHERIT", kind, parentId="m")
    held = data(folders=[folder("m", "INHERIT", ownerId="max", parentId="f"), folder("f", scope)])
    assert table(user("fred"), r, held) == may(*owner)
    assert table(user("max"), r, held) == may(*member)  # a folder in between gives its owner nothing
    assert table(user(role="admin"), r, held) == may(ADMIN, *admin)
    assert table(user("fred", AWAY, "admin"), r, held) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_grant_gives_what_its_role_gives(kind: str) -> None:
    r = record("CUSTOM", kind)
    assert table(user(), r, data(grant(kind))) == may(VIEWER)
    assert table(user(), r, data(grant(kind, role="editor"))) == may(VIEWER, EDITOR)
    assert table(user(role="admin"), r, data(grant(kind))) == may(VIEWER, ADMIN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_grant_on_the_record_itself_crosses_and_nothing_else_does(kind: str) -> None:
    r, abroad = record("CUSTOM", kind), user(org=AWAY, role="admin")
    assert table(abroad, r, data(grant(kind, memberOrgId=AWAY))) == may(VIEWER)
    assert table(abroad, r, data(grant(kind, role="editor", memberOrgId=AWAY))) == may(VIEWER, EDITOR)
    assert table(abroad, r, data(grant(kind))) == {}
    inherited = record("INHERIT", kind, parentId="f")
    both = data(grant("Folder", "f", memberOrgId=AWAY), grant("Folder", "f"), folders=[folder()])
    assert table(abroad, inherited, both) == {}
    assert table(user(), inherited, both) == may(VIEWER)
    for scope in ("PRIVATE", "ORG", "INHERIT"):
        assert table(abroad, record(scope, kind, parentId="f"), data(grant(kind, memberOrgId=AWAY))) == {}


@pytest.mark.parametrize(
    "row",
    [
        grant(orgId=AWAY),
        grant("File"),
        grant(id_="r2"),
        grant(id_="f"),
        grant(memberId="ann2"),
        grant(memberOrgId=AWAY),
        grant(expiresAt=NOW),
        grant(expiresAt="2026-06-01T00:59:59.999999999+01:00"),
    ],
)
def test_a_row_that_does_not_count(row: Object) -> None:
    held = data(row, folders=[folder()])
    assert table(user(), record("CUSTOM", parentId="f"), held, {"now": NOW}) == {}


def test_an_expiring_row_needs_a_clock() -> None:
    held = data(grant(expiresAt="2026-06-01T00:00:00.000000001Z"))
    r = record("CUSTOM")
    assert table(user(), r, held, {"now": NOW}) == may(VIEWER)
    for context in (None, {}, {"now": None}, {"now": "2026-06-01T00:00:00.000000001Z"}):
        assert table(user(), r, held, context) == {}
    assert table(user(), r, data(grant(expiresAt=None))) == may(VIEWER)


def test_rows_of_one_key_are_judged_one_by_one() -> None:
    live, stale = grant(role="editor", expiresAt="2027-01-01T00:00:00Z"), grant(expiresAt="2025-01-01T00:00:00Z")
    for rows in itertools.permutations([live, stale, grant(role="owner")]):
        assert table(user(), record("CUSTOM"), data(*rows), {"now": NOW}) == may(VIEWER, EDITOR)


def test_a_row_where_the_scope_is_not_custom_or_not_held_gives_nothing() -> None:
    chain = [folder("m", "INHERIT", parentId="f"), folder("f", "CUSTOM")]
    rows = [grant(), grant("Folder", "m"), grant("Host", "f"), grant("Folder", "r")]
    assert table(user(), record("INHERIT", parentId="m"), data(*rows, folders=chain)) == {}
    assert table(user(), record("PRIVATE"), data(grant())) == {}
    assert table(user(), record("ORG"), data(grant(role="editor"))) == may(ORG_MEMBER)
    for scope in ("PRIVATE", "ORG"):
        held = data(grant("Folder", "f", "editor"), folders=[folder("f", scope)])
        assert "update" not in table(user(), record("INHERIT", parentId="f"), held)


# Chains ---------------------------------------------------------------------------------------------------------------


def resolves(r: Object, *folders: Any) -> bool:
    """Whether a member reads by the holder's ORG scope; what always holds must hold in any case."""
    held = data(folders=folders)
    assert rules(user("olga"), "update", r, held) == ["Scoped.always.record_owner"]
    assert rules(user(role="admin"), "revoke", r, held) == ["Scoped.always.role_admin"]
    return rules(user(), "read", r, held) == ["Scoped.ORG.role_member"]


@pytest.mark.parametrize("steps, found", [(1, True), (2, True), (31, True), (32, True), (33, False), (40, False)])
def test_a_chain_is_at_most_32_long(steps: int, found: bool) -> None:
    chain = [folder(f"f{i}", "INHERIT", parentId=f"f{i + 1}") for i in range(1, steps)]
    assert resolves(record("INHERIT", parentId="f1"), *chain, folder(f"f{steps}", "ORG")) is found


@pytest.mark.parametrize(
    "folders",
    [
        [],
        [folder("f", "ORG", orgId=AWAY)],
        [folder("f", "ORG", parentId="")],
        [folder("f", "ORG", ownerId=None)],
        [folder("f", "ORG", type="Host")],
        [folder("f", "ORG"), folder("f", "ORG")],
        [folder("f", "ORG"), folder("f", "PRIVATE", type="Folder", ownerId="x")],
        [folder("f", "INHERIT")],
        [folder("f", "INHERIT", parentId=None)],
        [folder("f", "INHERIT", parentId="f")],
        [folder("f", "INHERIT", parentId="g"), folder("g", "INHERIT", parentId="f")],
        [folder("f", "INHERIT", parentId="g"), folder("g", "ORG", orgId=AWAY)],
        [["f"], None, "f", 1],
    ],
)
def test_a_chain_that_does_not_resolve_gives_nothing(folders: list[Any]) -> None:
    assert not resolves(record("INHERIT", parentId="f"), *folders)


def test_without_a_parent_nothing_is_inherited() -> None:
    assert not resolves(record("INHERIT"), folder("f", "ORG"))
    assert not resolves(record("INHERIT", parentId=None), folder("f", "ORG"))


def test_a_cycle_through_the_record_itself() -> None:
    own, up = folder("r", "ORG"), folder("f", "INHERIT", parentId="r")
    assert not resolves(record("INHERIT", "Folder", parentId="r"), own)
    assert not resolves(record("INHERIT", "Folder", parentId="f"), own, up)
    assert resolves(record("INHERIT", "Host", parentId="r"), own)  # a Host with a folder's id is another record
    assert resolves(record("INHERIT", "Host", parentId="f"), own, up)


def test_the_record_in_the_request_is_complete() -> None:
    """Data supplies other records; it never fills in or overrides the one that is asked about."""
    stored = folder("r", "ORG", ownerId="ann")
    assert table(user(), record("PRIVATE", "Folder"), data(folders=[stored])) == {}
    assert rules(user(), "read", record("ORG", "Folder"), data(folders=[folder("r", "PRIVATE")])) == [ORG_MEMBER[0]]


def test_nothing_above_the_holder_is_looked_at() -> None:
    for parent in ("nowhere", "f", "g"):
        assert resolves(record("INHERIT", parentId="f"), folder("f", "ORG", parentId=parent))
        assert resolves(record("ORG", parentId=parent))


def test_a_malformed_twin_is_no_duplicate() -> None:
    sound = folder("f", "ORG")
    for twin in (folder("f", "org"), folder("f", "ORG", ownerId=""), folder("f", "ORG", type="File")):
        assert resolves(record("INHERIT", parentId="f"), sound, twin)
        assert resolves(record("INHERIT", parentId="f"), twin, sound)
    assert resolves(record("INHERIT", parentId="f"), sound, folder("f", "ORG", orgId=AWAY), folder("f2", "ORG"))


# Sharing, tools, keychain ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_share(kind: str) -> None:
    r, olga = record("CUSTOM", kind), user("olga")
    abroad = {"member": {"id": "bob", "orgId": AWAY}}
    rewrap = {"name": "rewrap", "resourceType": kind, "resourceId": "r", "fromOrg": HOME, "toOrg": AWAY}
    for context in (None, {"member": None}, {"member": {"id": "bob", "orgId": HOME}}):
        assert decide(olga, "share", r, NOTHING, context) == ("allow", [OWNER[0]], [])
    if kind == "Folder":
        assert decide(olga, "share", r, NOTHING, abroad) == ("deny", ["folder_abroad"], [])
        assert decide(user(), "share", r, NOTHING, abroad) == ("deny", ["folder_abroad"], [])
        assert not allowed(olga, "share", r, NOTHING, abroad, [rewrap])
    else:
        assert decide(olga, "share", r, NOTHING, abroad) == ("allow", [OWNER[0]], [rewrap])
        assert decide(user(), "share", r, NOTHING, abroad) == ("deny", [], [])
    assert decide(olga, "revoke", r, NOTHING, abroad) == ("allow", [OWNER[0]], [])


def test_an_obligation_is_discharged_by_itself_alone() -> None:
    ask = (user("olga"), "share", record("CUSTOM"), NOTHING, {"member": {"id": "bob", "orgId": AWAY}})
    whole = decide(*ask)[2][0]
    assert allowed(*ask, discharged=[{"name": "other"}, whole])
    assert allowed(*ask, discharged=(dict(reversed(whole.items())),))
    assert reference.filter(*ask[:2], [record(), record("CUSTOM")], *ask[3:], discharged=iter([whole])) == [
        record(),
        record("CUSTOM"),
    ]
    for name in whole:
        assert not allowed(*ask, discharged=[{**whole, name: "x"}])
        assert not allowed(*ask, discharged=[{k: v for k, v in whole.items() if k != name}])
    absurd: list[Any] = [(), None, whole, [None], [[whole]], [{**whole, "extra": "x"}], ["rewrap"], 1, [{"name": []}]]
    for discharged in absurd:
        assert not allowed(*ask, discharged=discharged)


@pytest.mark.parametrize(
    "tool_class, trust, asks",
    [
        ("READ_ONLY", "MANUAL", True),
        ("READ_ONLY", "SUPERVISED", False),
        ("READ_ONLY", "AUTONOMOUS", False),
        ("MODERATE", "MANUAL", True),
        ("MODERATE", "SUPERVISED", True),
        ("MODERATE", "AUTONOMOUS", False),
        *itertools.product(["DANGEROUS", "UNKNOWN"], ["MANUAL", "SUPERVISED", "AUTONOMOUS"], [True]),
    ],
)
def test_approval(tool_class: str, trust: str, asks: bool) -> None:
    t, approval = tool(toolClass=tool_class), {"name": "approval", "resourceType": "Tool", "resourceId": "t"}
    assert decide(user(), "invoke", t, NOTHING, {"trust": trust}) == (
        "allow",
        ["Tool.always.role_member"],
        [approval] * asks,
    )
    for context in (None, {}, {"trust": None}):
        assert decide(user(), "invoke", t, NOTHING, context)[2] == [approval]
    assert decide(user("bob", AWAY), "invoke", t, NOTHING, {"trust": trust}) == ("deny", [], [])


def test_tools_connectors_and_keychain() -> None:
    member, admin, abroad = user(), user(role="admin"), user(org=AWAY, role="admin")
    reads, configures = ("Tool.always.role_member", "read list invoke"), ("Tool.always.role_admin", "configure")
    assert table(member, tool()) == may(reads)
    assert table(admin, tool()) == may(reads, configures)
    reads, configures = ("Connector.always.role_member", "read list"), ("Connector.always.role_admin", "configure")
    assert table(member, connector()) == may(reads)
    assert table(admin, connector(enabled=False)) == may(reads, configures)
    assert table(user("olga"), entry()) == may(("KeychainEntry.always.record_owner", "create read list update delete"))
    assert table(admin, entry()) == {}
    for r in (tool(), connector(), entry()):
        assert table({**abroad, "id": "olga"}, r) == {}


@pytest.mark.parametrize(
    "rows, usable",
    [
        ([connector()], True),
        ([connector(enabled=False)], False),
        ([], False),
        ([connector(orgId=AWAY)], False),
        ([connector(enabled=1)], False),
        ([connector(), connector(enabled=1)], True),
        ([connector(), connector()], False),
        ([connector(type="Tool")], False),
        ([connector(type=None)], True),
    ],
)
def test_invoke_needs_the_connector(rows: list[Object], usable: bool) -> None:
    held = data(connectors=rows)
    on, off = tool(connectorId="c"), tool(connectorId="c", enabled=False)
    assert rules(user(), "invoke", on, held) == ["Tool.always.role_member"] * usable
    assert rules(user(), "read", on, held) == ["Tool.always.role_member"]
    for principal in (user(), user(org=AWAY)):  # a denial lists its forbids, whether or not a permit holds
        listed = [] if usable else ["connector_off"]
        assert usable or decide(principal, "invoke", on, held) == ("deny", listed, [])
        assert decide(principal, "invoke", off, held) == ("deny", [*listed, "disabled_tool"], [])
    assert rules(user(), "invoke", tool(connectorId=None), held) == ["Tool.always.role_member"]


# Times ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [value for value in NOT_TIMES if type(value) is str])
def test_not_a_time(text: str) -> None:
    assert instant(text) is None


@pytest.mark.parametrize("value", [None, True, 0, 1.5, b"2026-06-01T00:00:00Z", [], {}, ("2026-06-01T00:00:00Z",)])
def test_a_time_is_a_string(value: object) -> None:
    assert instant(value) is None


@pytest.mark.parametrize(
    "text",
    [
        "1900-02-29T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "2026-06-01T00:60:00Z",
        "2026-06-01T00:00:00-24:00",
        "2026-06-01T00:00:00+1:00",
        "2026-06-01T00:00:00\u221200:00",
        "2026-06-01T00:00:00+00:00:00",
        "2026-06-01T00:00:00.1234567890Z",
        "2026-06-01T00:00:00Z ",
        "2026-06-01T00:00:00ZZ",
        "2026-W23-1T00:00:00Z",
        "20260601T000000Z",
        "2026-06-01T00:00:0\u00b2Z",
        "2026-06-0\uff11T00:00:00Z",
        "",
    ],
)
def test_more_that_is_not_a_time(text: str) -> None:
    assert instant(text) is None


@pytest.mark.parametrize(
    "earlier, later, nanoseconds",
    [
        ("2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", 0),
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00-00:00", 0),
        ("2026-06-01T00:00:00Z", "2026-06-01T00:00:00.000000001Z", 1),
        ("2026-06-01T00:00:00.25Z", "2026-06-01T00:00:00.5Z", 250_000_000),
        ("2026-06-01T00:00:00.1Z", "2026-06-01T00:00:00.100000000Z", 0),
        ("2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", 86_400_000_000_000),
        ("2000-02-29T00:00:00Z", "2000-03-01T00:00:00Z", 86_400_000_000_000),
        ("2026-06-01T00:00:00+23:59", "2026-06-01T00:00:00-23:59", 2 * (23 * 60 + 59) * 60 * 1_000_000_000),
        ("0001-01-01T00:00:00+00:01", "0001-01-01T00:00:00Z", 60_000_000_000),  # in the year 0
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01", 60_000_000_000),  # in the year 10000
        ("1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z", 1),
    ],
)
def test_instants_are_exact(earlier: str, later: str, nanoseconds: int) -> None:
    first, second = instant(earlier), instant(later)
    assert first is not None
    assert second is not None
    assert second - first == nanoseconds


# Malformed input ------------------------------------------------------------------------------------------------------


class Text(str):
    """Not a JSON string, whatever it says."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Truth:
    """Raises whatever is asked of it."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


class Mapping(dict[str, Any]):
    """Not a JSON object."""


BAD_TIMES: list[Any] = [*NOT_TIMES, True, "", [], Truth()]
BAD_IDS: list[Any] = [*NOT_IDS, "\ud83d\ude00", None, 1, True, b"a", ["a"], {}, Text("olga"), Truth()]
BAD_ORGS: list[Any] = [*NOT_ORGS, None, 1, [HOME], Text(HOME), Truth(), "org_1\x00", "org_1 "]
BAD_NAMES: list[Any] = ["", "x", "ORG ", "org", 1, True, ["ORG"], {}, Text("ORG"), Truth()]
BAD_BOOLS: list[Any] = [0, 1, None, "true", "True", [], Truth()]
ABSURD: list[Any] = [True, False, 0, 1.5, float("nan"), "", "x", b"", [], ["x"], (), {1}, Truth(), Truth, len]


def denies(principal: object, action: object, resource: object, context: object = None) -> bool:
    assert allowed(principal, action, resource, NOTHING, context) is False
    assert reference.filter(principal, action, [resource], NOTHING, context) == []
    return decide(principal, action, resource, NOTHING, context) == ("deny", [], [])


@pytest.mark.parametrize("value", [None, {}, *ABSURD])
def test_absurd_input_is_denied(value: object) -> None:
    olga = user("olga")
    assert denies(value, "read", record())
    assert denies(olga, value, record())
    assert denies(olga, "read", value)
    assert denies(value, value, value)
    if value is None or type(value) is dict:  # no context, and one that says nothing
        assert allowed(olga, "read", record(), NOTHING, value)
    else:
        assert denies(olga, "read", record(), value)


def test_every_attribute_of_the_principal_is_checked() -> None:
    r = record("ORG")
    assert rules(user(type="User"), "read", r)
    assert rules(user(type=None, unknown=Truth()), "read", r)
    for name, values in (("id", BAD_IDS), ("orgId", BAD_ORGS), ("orgRole", [None, *BAD_NAMES])):
        for value in values:
            assert denies(user() | {name: value}, "read", r)
        assert denies({k: v for k, v in user().items() if k != name}, "read", r)
    for value in ("user", "Folder", *BAD_NAMES):
        assert denies(user(type=value), "read", r)
    assert denies(Mapping(user()), "read", r)


REQUIRED: dict[str, tuple[Object, dict[str, list[Any]]]] = {
    "scoped": (record("ORG"), {"id": BAD_IDS, "orgId": BAD_ORGS, "ownerId": BAD_IDS, "scope": [None, *BAD_NAMES]}),
    "keychain": (entry(), {"id": BAD_IDS, "orgId": BAD_ORGS, "ownerId": BAD_IDS}),
    "connector": (connector(), {"id": BAD_IDS, "orgId": BAD_ORGS, "enabled": BAD_BOOLS}),
    "tool": (tool(), {"id": BAD_IDS, "orgId": BAD_ORGS, "enabled": BAD_BOOLS, "toolClass": [None, *BAD_NAMES]}),
}


@pytest.mark.parametrize("name", REQUIRED)
def test_every_required_attribute_of_the_record_is_checked(name: str) -> None:
    good, attributes = REQUIRED[name]
    olga = user("olga", role="admin")
    assert rules(olga, "read", good)
    for attribute, values in {**attributes, "type": [None, "User", "host", *BAD_NAMES]}.items():
        for value in values:
            assert denies(olga, "read", good | {attribute: value}), (attribute, value)
        assert denies(olga, "read", {k: v for k, v in good.items() if k != attribute})
    assert denies(olga, "read", Mapping(good))
    assert rules(olga, "read", good | {"unknown": Truth(), "trust": 1, "key": 1, "toolClasses": []})


def test_every_optional_attribute_of_the_record_is_checked() -> None:
    olga = user("olga")
    checked: list[tuple[Object, str, list[Any]]] = [
        *((record("ORG", kind), "parentId", BAD_IDS) for kind in KINDS),
        (tool(), "connectorId", BAD_IDS),
        (record(kind="Conversation"), "trust", BAD_NAMES),
        (record(kind="File"), "key", ["\ud800", 1, True, [], Text("k"), Truth()]),
    ]
    for good, name, values in checked:
        assert rules(olga, "read", good | {name: None})
        for value in values:
            if value is not None:
                assert denies(olga, "read", good | {name: value}), (name, value)
    assert rules(olga, "read", record(kind="File", key=""))
    assert rules(olga, "read", record(kind="Conversation", trust="AUTONOMOUS"))


def test_the_context_is_checked_whole_whatever_the_action() -> None:
    olga = user("olga")
    bad: list[Any] = [
        *({"now": value} for value in BAD_TIMES),
        *({"trust": value} for value in BAD_NAMES),
        *({"member": value} for value in ABSURD),
        *({"member": {"id": value, "orgId": HOME}} for value in BAD_IDS),
        *({"member": {"id": "bob", "orgId": value}} for value in BAD_ORGS),
        {"member": {}},
        {"member": {"id": "bob"}},
        Mapping(),
    ]
    for action, context in itertools.product(("read", "delete"), bad):
        assert denies(olga, action, record(), context), context
    assert rules(olga, "read", record(), context={"unknown": Truth(), "member": {"id": "b", "orgId": HOME, "x": 1}})


def test_an_action_that_the_type_does_not_have() -> None:
    everything = {action for names in ACTIONS.values() for action in names}
    for r in (record("ORG"), entry(), connector(), tool(enabled=False)):
        for action in {*everything, "Read", "read ", "\ud800", ""} - ACTIONS[r["type"]]:
            assert denies(user("olga", role="admin"), action, r)


@pytest.mark.parametrize(
    "row",
    [
        *(grant() | {name: value} for name in ("resourceId", "memberId") for value in BAD_IDS),
        *(grant() | {name: value} for name in ("orgId", "memberOrgId") for value in BAD_ORGS),
        *(grant() | {name: value} for name in ("role", "resourceType") for value in [None, *BAD_NAMES]),
        *(grant(expiresAt=value) for value in BAD_TIMES),
        *(grant(type=value) for value in ("Host", *BAD_NAMES)),
        *({k: v for k, v in grant().items() if k != name} for name in grant()),
        Mapping(grant()),
        *ABSURD,
    ],
)
def test_a_malformed_grant_row_is_absent(row: object) -> None:
    r = record("CUSTOM")
    assert table(user(), r, data(row)) == {}
    assert table(user(), r, data(row, grant(type="ResourceShareMember", unknown=Truth()), row)) == may(VIEWER)


def test_data_is_an_object_of_arrays() -> None:
    absurd: list[Any] = [*ABSURD, None, {"Folder": None}, {"Folder": {}}, {"Folder": ()}, {"Unheard": 1}, Mapping()]
    for value in absurd:
        with pytest.raises(ValueError):
            entities(value)
    rows = ["x", None, folder()]
    assert entities({"Unheard": rows, "Host": rows, "User": rows}) == NOTHING


def test_entities_keep_nothing_of_the_data() -> None:
    rows: Any = {"Folder": [folder(scope="ORG")], "ResourceShareMember": [grant()], "Connector": [connector()]}
    held = entities(rows)
    before = repr(held)
    rows["Folder"][0]["scope"] = "PRIVATE"
    rows["ResourceShareMember"][0]["role"] = "editor"
    rows["Connector"].clear()
    assert repr(held) == before


def test_filter_keeps_the_order_and_survives_what_it_is_given() -> None:
    first, second = record("ORG"), record("ORG", "File")
    mixed = [second, None, record("PRIVATE"), first, Truth(), second]
    kept = reference.filter(user(), "list", mixed, NOTHING)
    assert [id(r) for r in kept] == [id(second), id(first), id(second)]
    for nothing in (None, 1, Truth()):
        assert reference.filter(user(), "list", nothing, NOTHING) == []  # type: ignore[arg-type]


# The worlds -----------------------------------------------------------------------------------------------------------


def test_the_worlds_are_worth_soaking_in() -> None:
    """The ratios that a soak relies on; and the model's two forms agree on every request."""
    rng = random.Random(20260601)
    total, seen = 20_000, Counter[str]()
    for _ in range(total // 100):
        rows = world(rng)
        held = entities(rows)
        for request in requests(rng, rows, 100):
            principal, action, resource, context = (
                request.get(name) for name in ("principal", "action", "resource", "context")
            )
            decision, names, obligations = decide(principal, action, resource, held, context)
            assert allowed(principal, action, resource, held, context) == (decision == "allow" and not obligations)
            assert allowed(principal, action, resource, held, context, obligations) == (decision == "allow")
            seen.update([decision, *names, *(obligation["name"] for obligation in obligations)])
            if decision == "allow":
                assert principal is not None
                assert resource is not None
                seen["across"] += principal["orgId"] != resource["orgId"]
    assert seen["allow"] >= 0.25 * total
    assert seen["deny"] >= 0.25 * total
    assert seen["across"] >= 0.02 * total
    rare = {
        *("Scoped.always.record_owner", "Scoped.always.role_admin", "Scoped.PRIVATE.holder_owner"),
        *("Scoped.ORG.role_member", "Scoped.ORG.role_admin", "Scoped.CUSTOM.holder_owner"),
        *("Scoped.CUSTOM.grant_viewer", "Scoped.CUSTOM.grant_editor", "KeychainEntry.always.record_owner"),
        *("Connector.always.role_member", "Connector.always.role_admin"),
        *("Tool.always.role_member", "Tool.always.role_admin"),
        *("disabled_tool", "connector_off", "folder_abroad", "approval", "rewrap"),
    }
    assert {name for name in rare if seen[name] < 0.002 * total} == set()


def test_the_worlds_repeat_and_are_json() -> None:
    def make(seed: int) -> tuple[Object, list[Object]]:
        rng = random.Random(seed)
        rows = world(rng)
        return rows, requests(rng, rows, 200)

    for seed in range(20):
        made = make(seed)
        assert made == make(seed)
        assert json.loads(json.dumps(made)) == list(made)
    assert make(1) != make(2)
    assert {row["orgId"] for row in make(3)[0]["Folder"] if isinstance(row, dict) and "orgId" in row} >= set(ORGS)
