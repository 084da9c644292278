"""What an attacker would try against the rules of docs/studio.md. Each test is one attempt and must not let him in."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from policyengine.interpreter import decide as interpret
from tests.studio import (
    ABROAD,
    FUTURE,
    HOME,
    NOW,
    PAST,
    SCOPED,
    SCOPED_ACTIONS,
    Row,
    allows,
    answer,
    approval,
    connector,
    data,
    decide,
    denies,
    folder,
    grant,
    keychain_entry,
    member,
    person,
    record,
    refuses,
    rewrap,
    tool,
)

OWNER = "Scoped.always.record_owner"
VIEWER = "Scoped.CUSTOM.grant_viewer"
EDITOR = "Scoped.CUSTOM.grant_editor"
INVOKE = "Tool.always.role_member"
MALLORY = person("mallory", ABROAD, "admin")
CARA = person()


# Ids that are used twice


@pytest.mark.parametrize(("granted", "wanted"), [pair for pair in product(SCOPED, SCOPED) if pair[0] != pair[1]])
def test_a_grant_does_not_reach_a_record_of_another_type_with_the_same_id(
    studio: Any, granted: str, wanted: str
) -> None:
    for who in (CARA, MALLORY):
        row = grant(record(granted), who, "editor")
        assert allows(decide(studio, who, "update", record(granted), grants=[row]), EDITOR)
        for action in ("read", "list", "update"):
            assert denies(decide(studio, who, action, record(wanted), grants=[row]))


def test_a_grant_does_not_reach_a_record_of_another_organization_with_the_same_id(studio: Any) -> None:
    here, there = record(), record(orgId=ABROAD)
    for who in (CARA, person(org=ABROAD)):
        for granted, wanted in ((here, there), (there, here)):
            row = grant(granted, who, "editor")
            assert allows(decide(studio, who, "update", granted, grants=[row]), EDITOR)
            assert denies(decide(studio, who, "update", wanted, grants=[row]))


def test_an_owner_id_of_another_organization_owns_nothing_here(studio: Any) -> None:
    for role, scope, action in product(("member", "admin"), ("PRIVATE", "ORG", "CUSTOM", "INHERIT"), SCOPED_ACTIONS):
        abroad = person("otto", ABROAD, role)
        open_folder = folder("f", "ORG", ownerId="otto")
        assert denies(decide(studio, abroad, action, record("Host", scope, "f"), folders=[open_folder]))


def test_a_folder_of_the_callers_own_organization_does_not_stand_in_for_the_records(studio: Any) -> None:
    mine = folder("f", "CUSTOM", orgId=ABROAD, ownerId="mallory")
    r = record("Host", "INHERIT", "f")
    rows = [grant(mine, MALLORY, "editor"), grant(mine | {"orgId": HOME}, MALLORY, "editor")]
    for action in SCOPED_ACTIONS:
        assert denies(decide(studio, MALLORY, action, r, folders=[mine], grants=rows))


def test_a_connector_of_another_organization_does_not_stand_in_for_a_disabled_one(studio: Any) -> None:
    connectors = [connector(enabled=False), connector(enabled=True, orgId=ABROAD)]
    assert denies(decide(studio, CARA, "invoke", tool(connector="c"), connectors=connectors), "connector_off")


# Rows that someone else wrote


def test_a_row_that_another_tenant_wrote_gives_nothing(studio: Any) -> None:
    r = record()
    for org in (ABROAD, "org_third"):
        for who in (MALLORY, CARA):
            row = grant(r, who, "editor", orgId=org)
            for action in SCOPED_ACTIONS:
                assert denies(decide(studio, who, action, r, grants=[row]))


def test_a_row_of_the_member_under_another_active_organization_gives_nothing(studio: Any) -> None:
    r = record()
    at_home, abroad, third = (person("cara", org) for org in (HOME, ABROAD, "org_third"))
    for named, active in product((at_home, abroad, third), repeat=2):
        decision = decide(studio, active, "read", r, grants=[grant(r, named, "editor")])
        assert allows(decision, VIEWER) if named == active else denies(decision)


def test_rows_on_a_credential_a_connector_or_a_tool_give_nothing(studio: Any) -> None:
    actions = {"KeychainEntry": ("create", "read", "list", "update", "delete"), "Connector": ("read", "list"),
               "Tool": ("read", "list", "invoke")}  # fmt: skip
    for r in (keychain_entry(), connector(), tool()):
        for who in (MALLORY, CARA):
            for action in actions[r["type"]]:
                decision = decide(studio, who, action, r, grants=[grant(r, who, "editor")])
                assert decision == decide(studio, who, action, r)
                assert denies(decision) if who is MALLORY or r["type"] == "KeychainEntry" else decision["rules"]


def test_stored_rows_neither_complete_nor_override_the_record_in_the_request(studio: Any) -> None:
    asked = record("Host", "PRIVATE")
    stored = {"Host": [asked | {"scope": "ORG", "ownerId": "cara"}]}
    request = {"principal": CARA, "action": "read", "resource": asked, "context": None}
    assert denies(answer(studio, request, stored))
    for attribute in ("orgId", "ownerId", "scope"):
        bare = {name: value for name, value in stored["Host"][0].items() if name != attribute}
        assert refuses(answer(studio, request | {"resource": bare}, stored))


def test_arrays_of_unknown_names_are_ignored(studio: Any) -> None:
    request = {"principal": CARA, "action": "read", "resource": record("Host", "INHERIT", "f"), "context": None}
    rows = {"folder": [folder("f", "ORG")], "Folders": [folder("f", "ORG")], "": [], "Grant": [None]}
    assert answer(studio, request, rows) == answer(studio, request, {})
    assert allows(answer(studio, request, rows | {"Folder": [folder("f", "ORG")]}), "Scoped.ORG.role_member")


# Crossings


def test_a_crossing_is_not_inherited_from_a_folder(studio: Any) -> None:
    f = folder("f", "CUSTOM")
    for type in SCOPED:
        r = record(type, "INHERIT", "f")
        for who in (MALLORY, person("otto", ABROAD), person("hugo", ABROAD)):
            rows = [grant(f, who, "editor"), grant(r, who, "editor")]
            for action in SCOPED_ACTIONS:
                assert denies(decide(studio, who, action, r, folders=[f], grants=rows))
        rows = [grant(f, CARA, "editor")]
        assert allows(decide(studio, CARA, "read", r, folders=[f], grants=rows), VIEWER)


def test_a_crossing_to_a_folder_opens_that_folder_only(studio: Any) -> None:
    f = folder("f", "CUSTOM")
    inner = folder("inner", parent="f")
    rows = [grant(f, MALLORY, "editor")]
    assert allows(decide(studio, MALLORY, "read", f, folders=[f, inner], grants=rows), VIEWER)
    assert denies(decide(studio, MALLORY, "read", inner, folders=[f, inner], grants=rows))


def test_a_crossing_opens_nothing_once_the_record_is_no_longer_custom(studio: Any) -> None:
    for scope in ("PRIVATE", "ORG", "INHERIT"):
        r = record("Host", scope, "f")
        for action in SCOPED_ACTIONS:
            decision = decide(
                studio, MALLORY, action, r, folders=[folder("f", "CUSTOM")], grants=[grant(r, MALLORY, "editor")]
            )
            assert denies(decision)


@pytest.mark.parametrize("who", [MALLORY, person("otto", ABROAD, "admin")], ids=["stranger", "owner_abroad"])
@pytest.mark.parametrize("type", SCOPED)
def test_a_crossing_gives_its_row_of_the_table_and_no_more(studio: Any, type: str, who: Row) -> None:
    r = record(type)
    given = {"read": VIEWER, "list": VIEWER, "update": EDITOR}
    for action in SCOPED_ACTIONS:
        decision = decide(studio, who, action, r, grants=[grant(r, who, "editor")])
        assert allows(decision, given[action]) if action in given else denies(decision)


def test_an_expiring_crossing_closes_with_its_hour_and_without_a_clock(studio: Any) -> None:
    r = record()
    for expires, context, is_open in (
        (FUTURE, {"now": NOW}, True),
        (NOW, {"now": NOW}, False),
        (PAST, {"now": NOW}, False),
        (FUTURE, {}, False),
        (FUTURE, None, False),
        (FUTURE, {"now": None}, False),
    ):
        decision = decide(studio, MALLORY, "read", r, grants=[grant(r, MALLORY, expiresAt=expires)], context=context)
        assert allows(decision, VIEWER) if is_open else denies(decision)


def test_a_grantee_never_revokes(studio: Any) -> None:
    f = folder("f", "CUSTOM")
    inside = record("Host", "INHERIT", "f")
    for who in (CARA, MALLORY):
        for r, on in ((record(), record()), (f, f), (inside, f)):
            for context in (None, {"member": member(who["id"], who["orgId"])}):
                decision = decide(
                    studio, who | {"orgRole": "member"}, "revoke", r, folders=[f],
                    grants=[grant(on, who, "editor")], context=context,
                )  # fmt: skip
                assert denies(decision)


def test_an_admin_does_not_read_what_he_may_revoke(studio: Any) -> None:
    admin = person(role="admin")
    for r in (record("Host", "PRIVATE"), record("Host", "CUSTOM")):
        assert allows(decide(studio, admin, "revoke", r), "Scoped.always.role_admin")
        for action in ("create", "read", "list", "update", "delete", "share"):
            assert denies(decide(studio, admin, action, r))


# Folders abroad


@pytest.mark.parametrize("discharged", [False, True])
@pytest.mark.parametrize("scope", ["PRIVATE", "ORG", "CUSTOM", "INHERIT"])
@pytest.mark.parametrize(
    "who",
    [person("otto"), person("otto", role="admin"), CARA, person("otto", ABROAD), MALLORY],
    ids=["owner", "owner_and_admin", "colleague", "owner_abroad", "stranger"],
)
def test_a_folder_is_not_shared_abroad_by_anyone(studio: Any, who: Row, scope: str, discharged: bool) -> None:
    f = record("Folder", scope, "up")
    for folders in ([folder("up", "CUSTOM", ownerId="otto")], []):
        decision = decide(
            studio, who, "share", f, folders=folders, context={"member": member(org=ABROAD)},
            discharged=[rewrap(f, ABROAD)] if discharged else [],
        )  # fmt: skip
        assert denies(decision, "folder_abroad")


def test_abroad_is_seen_from_the_folder_not_from_the_caller(studio: Any) -> None:
    f = record("Folder")
    abroad = person("otto", ABROAD)
    assert denies(decide(studio, abroad, "share", f, context={"member": member(org=ABROAD)}), "folder_abroad")
    assert denies(decide(studio, abroad, "share", f, context={"member": member(org=HOME)}))


def test_a_folder_is_shared_at_home(studio: Any) -> None:
    for context in (None, {"member": member()}):
        assert allows(decide(studio, person("otto"), "share", record("Folder"), context=context), OWNER)


# Trust that a client wrote


@pytest.mark.parametrize("trust", ["AUTONOMOUS", "SUPERVISED", "MANUAL", "HIGH", 7, None, []], ids=repr)
@pytest.mark.parametrize("tool_class", ["READ_ONLY", "MODERATE", "DANGEROUS", "UNKNOWN"])
def test_trust_is_taken_from_the_context_alone(studio: Any, tool_class: str, trust: Any) -> None:
    r = tool(tool_class)
    said = {"trust": trust}
    whole = {"principal": CARA, "action": "invoke", "resource": r, "context": {}}
    for request in (
        whole | {"resource": r | said},
        whole | {"principal": CARA | said},
        whole | said,
        whole | {"context": {"member": member() | said}},
        whole | {"context": {"Trust": trust, "conversation": said, "context": said}},
        whole | {"context": None, **said},
    ):
        assert allows(answer(studio, request), INVOKE, obligations=[approval(r)])


def test_trust_is_not_taken_from_a_conversation_in_the_data(studio: Any) -> None:
    r = tool("MODERATE")
    talk = record("Conversation", "PRIVATE", ownerId="cara", trust="AUTONOMOUS")
    request = {"principal": CARA, "action": "invoke", "resource": r, "context": {}}
    assert allows(answer(studio, request, {"Conversation": [talk]}), INVOKE, obligations=[approval(r)])


@pytest.mark.parametrize("trust", ["", "autonomous", "AUTONOMOUS ", "FULL", 2, True, ["AUTONOMOUS"], {}], ids=repr)
def test_malformed_trust_is_refused_and_not_taken_for_absent(studio: Any, trust: Any) -> None:
    for r, action in ((tool(), "invoke"), (tool("DANGEROUS"), "read"), (record(ownerId="cara"), "read")):
        assert refuses(decide(studio, CARA, action, r, context={"trust": trust}))


def test_a_class_or_a_role_from_elsewhere_changes_nothing(studio: Any) -> None:
    r = tool("DANGEROUS")
    request = {
        "principal": CARA | {"toolClass": "READ_ONLY", "role": "admin"},
        "action": "invoke",
        "resource": r | {"class": "READ_ONLY", "orgRole": "admin"},
        "context": {"trust": "AUTONOMOUS", "toolClass": "READ_ONLY", "orgRole": "admin"},
        "toolClass": "READ_ONLY",
        "discharged": [approval(r)],
    }
    assert allows(answer(studio, request), INVOKE, obligations=[approval(r)])
    assert denies(answer(studio, request | {"action": "configure"}))


# Forbidden tools


@pytest.mark.parametrize("who", [CARA, person(role="admin"), MALLORY], ids=["member", "admin", "stranger"])
@pytest.mark.parametrize("trust", ["MANUAL", "SUPERVISED", "AUTONOMOUS"])
def test_no_standing_and_no_discharge_invokes_a_disabled_tool(studio: Any, trust: str, who: Row) -> None:
    for tool_class in ("READ_ONLY", "MODERATE", "DANGEROUS", "UNKNOWN"):
        r = tool(tool_class, enabled=False)
        decision = decide(studio, who, "invoke", r, context={"trust": trust}, discharged=[approval(r)])
        assert denies(decision, "disabled_tool")


def test_a_stranger_invokes_nothing_even_approved(studio: Any) -> None:
    r = tool()
    decision = decide(studio, MALLORY, "invoke", r, context={"trust": "AUTONOMOUS"}, discharged=[approval(r)])
    assert denies(decision)


# The store


class Listening:
    """A store of rows that notes the organizations it was asked with."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.asked: set[str] = set()

    def get(self, org_id: str, type: str, id: str) -> Any:
        self.asked.add(org_id)
        return self.inner.get(org_id, type, id)

    def grants(self, org_id: str, type: str, id: str, member_id: str) -> Iterable[Any]:
        self.asked.add(org_id)
        rows: Iterable[Any] = self.inner.grants(org_id, type, id, member_id)
        return rows


@pytest.mark.parametrize("who", [CARA, MALLORY], ids=["home", "abroad"])
def test_the_store_is_asked_in_the_records_organization_only(studio: Any, who: Row) -> None:
    f = folder("f", "CUSTOM")
    stray, lost = record("Host", "INHERIT", "abroad"), tool(connector="abroad")
    rows = data(
        [f, folder("abroad", "ORG", orgId=ABROAD)],
        [grant(f, who), grant(record(), who)],
        [connector(), connector("abroad", orgId=ABROAD)],
    )
    for r in (record("Host", "INHERIT", "f"), record(), stray, tool(connector="c"), lost):
        request = {"principal": who, "action": "invoke" if r["type"] == "Tool" else "read", "resource": r}
        for ask in (studio.authorize, lambda *asked: interpret(studio.program, *asked)):
            store = Listening(studio.entities(rows))
            assert ask(request, store) == answer(studio, request, rows)
            assert store.asked <= {HOME}
