"""docs/studio.md, "Malformed input": a principal, record, context or request that breaks the schema is refused."""

from typing import Any

import pytest

from tests.studio import (
    ABROAD,
    FUTURE,
    HOME,
    NOW,
    SCOPED,
    Row,
    allows,
    answer,
    connector,
    decide,
    keychain_entry,
    member,
    person,
    record,
    refuses,
    tool,
    without,
)

NOT_A_STRING: tuple[Any, ...] = (7, 0, 1, 1.5, True, False, [], ["x"], {}, {"id": "x"})
NOT_AN_OBJECT: tuple[Any, ...] = (7, 0, True, False, 1.5, "", "x", [], [{}], ["id", "orgId"])
NOT_A_TIME: tuple[Any, ...] = (
    *NOT_A_STRING,
    1780315200,
    "",
    "now",
    "2026-06-01",
    "12:00:00Z",
    "2026-06-01T12:00:00",
    "2026-06-01T12:00Z",
    "2026-06-01t12:00:00Z",
    "2026-06-01T12:00:00z",
    "2026-06-01 12:00:00Z",
    " 2026-06-01T12:00:00Z",
    "2026-06-01T12:00:00Z ",
    "2026-06-01T12:00:00Z\n",
    "2026-06-01T12:00:00Z\x00",
    "2026-06-01T12:00:00 Z",
    "2026-06-01T12:00:00.Z",
    "2026-06-01T12:00:00,5Z",
    "2026-06-01T12:00:00.0000000001Z",
    "2026-06-01T12:00:00.1234567890Z",
    "2026-06-01T12:00:00+0200",
    "2026-06-01T12:00:00+02",
    "2026-06-01T12:00:00+2:00",
    "2026-06-01T12:00:00+24:00",
    "2026-06-01T12:00:00+02:60",
    "2026-06-01T12:00:00+02:00:00",
    "2026-06-01T12:00:00\u221202:00",
    "2026-06-01T12:00:00UTC",
    "2026-06-01T12:00:00Z+00:00",
    "2026-06-01T24:00:00Z",
    "2026-06-01T12:60:00Z",
    "2026-06-01T12:00:60Z",
    "2016-12-31T23:59:60Z",
    "2026-00-01T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "2026-06-00T12:00:00Z",
    "2026-06-31T12:00:00Z",
    "2025-02-29T12:00:00Z",
    "1900-02-29T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "+2026-06-01T12:00:00Z",
    "-2026-06-01T12:00:00Z",
    "26-06-01T12:00:00Z",
    "2026-6-1T12:00:00Z",
    "20260601T120000Z",
    "2026-W23-1T12:00:00Z",
    "2026-152T12:00:00Z",
    "\uff12\uff10\uff12\uff16-06-01T12:00:00Z",
    "\u0662\u0660\u0662\u0666-06-01T12:00:00Z",
    "2026-06-01T12:00:00.\u0665Z",
)
TIMES = (
    NOW,
    "2026-06-01T12:00:00.1Z",
    "2026-06-01T12:00:00.123456789Z",
    "2026-06-01T12:00:00+00:00",
    "2026-06-01T12:00:00-00:00",
    "2026-06-01T12:00:00+14:00",
    "2026-06-01T12:00:00-23:59",
    "2024-02-29T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-23:59",
)
# What breaks an attribute of each kind, beside a missing one.
BREAKS: dict[str, tuple[Any, ...]] = {
    "id": (*NOT_A_STRING, "", "\ud800", "\udfff", "otto\ud83d", "\ud83d\ude00", "\udc00x"),
    "org": (
        *NOT_A_STRING,
        "",
        "o" * 65,
        "org home",
        " org_home",
        "org_home ",
        "org_home\n",
        "\n",
        "org_home\r",
        "org_home\x00",
        "org#home",
        "org/home",
        "org.home",
        "org:home",
        "*",
        "org_h\u00f6me",
        "org_\uff11",
        "org_\u0661",
        "org_home\u200b",
        "org_home\ud800",
        "\ud800",
    ),
    "role": (*NOT_A_STRING, "", "Member", "ADMIN", "admin ", "admin\n", "owner", "viewer", "org:admin", "\ud800"),
    "scope": (*NOT_A_STRING, "", "org", "Org", "ORG\n", "PUBLIC", "always", "INHERITED", "\ud800"),
    "trust": (*NOT_A_STRING, "", "manual", "Autonomous", "AUTONOMOUS ", "FULL", "READ_ONLY", "\ud800"),
    "class": (*NOT_A_STRING, "", "read_only", "READ-ONLY", "SAFE", "MANUAL", "\ud800"),
    "bool": (0, 1, 1.0, "", "true", "false", "True", [], [True], {}, {"enabled": True}),
    "string": NOT_A_STRING,
    "time": NOT_A_TIME,
}
SCOPED_KINDS = {"id": "id", "orgId": "org", "ownerId": "id", "scope": "scope", "parentId": "id?"}
KINDS: dict[str, dict[str, str]] = {
    **dict.fromkeys(SCOPED, SCOPED_KINDS),
    "Conversation": SCOPED_KINDS | {"trust": "trust?"},
    "File": SCOPED_KINDS | {"key": "string?"},
    "KeychainEntry": {"id": "id", "orgId": "org", "ownerId": "id"},
    "Connector": {"id": "id", "orgId": "org", "enabled": "bool"},
    "Tool": {"id": "id", "orgId": "org", "toolClass": "class", "enabled": "bool", "connectorId": "id?"},
}
SOUND: dict[str, Row] = {
    **{type: record(type, "ORG", "p") for type in SCOPED},
    "Conversation": record("Conversation", "ORG", "p", trust="SUPERVISED"),
    "File": record("File", "ORG", "p", key="org_home/r/1"),
    "KeychainEntry": keychain_entry(),
    "Connector": connector(),
    "Tool": tool(connector="c"),
}
PRINCIPAL = {"id": "id", "orgId": "org", "orgRole": "role"}
CONTEXT = {"now": "time", "trust": "trust"}
OTTO = person("otto", role="admin")
FULL_CONTEXT = {"now": NOW, "trust": "AUTONOMOUS", "member": member()}


def broken(sound: Row, kinds: dict[str, str]) -> list[Any]:
    """The object with one attribute broken, in each way."""
    made = []
    for attribute, kind in kinds.items():
        for value in BREAKS[kind.rstrip("?")]:
            made.append(pytest.param(sound | {attribute: value}, id=f"{attribute}={value!r}"))
        if not kind.endswith("?"):
            made.append(pytest.param(sound | {attribute: None}, id=f"{attribute}=None"))
            made.append(pytest.param(without(sound, attribute), id=f"no {attribute}"))
    return made


def action_for(resource: Row) -> str:
    return "configure" if resource["type"] in ("Connector", "Tool") else "delete"


@pytest.mark.parametrize("type", SOUND)
def test_the_sound_request_that_the_others_spoil_is_allowed(studio: Any, type: str) -> None:
    r = SOUND[type]
    decision = decide(studio, OTTO, action_for(r), r, context=FULL_CONTEXT)
    assert decision["decision"] == "allow"
    assert decision["errors"] == []


# The principal


@pytest.mark.parametrize("principal", broken(person(), PRINCIPAL))
def test_a_malformed_principal_is_refused(studio: Any, principal: Row) -> None:
    for r, action in ((record("Host", "ORG"), "read"), (record("Host", "ORG"), "revoke"), (tool(), "invoke")):
        assert refuses(decide(studio, principal, action, r))


@pytest.mark.parametrize("principal", [None, *NOT_AN_OBJECT, {}], ids=repr)
def test_a_principal_that_is_no_object_is_refused(studio: Any, principal: Any) -> None:
    assert refuses(decide(studio, principal, "read", record("Host", "ORG")))


@pytest.mark.parametrize("type", [*NOT_A_STRING, "", "user", "Admin", "Host", "Scoped", "User "], ids=repr)
def test_a_principal_of_another_type_is_refused(studio: Any, type: Any) -> None:
    assert refuses(decide(studio, person() | {"type": type}, "read", record("Host", "ORG")))


@pytest.mark.parametrize("more", [{"type": "User"}, {"type": None}, {"orgRoles": 7}, {"": []}, {"ownerId": ""}])
def test_a_principal_may_say_its_type_and_more(studio: Any, more: Row) -> None:
    assert allows(decide(studio, person() | more, "read", record("Host", "ORG")), "Scoped.ORG.role_member")


# The record


@pytest.mark.parametrize("type", SOUND)
def test_a_malformed_record_is_refused(studio: Any, type: str) -> None:
    for spoilt in broken(SOUND[type], KINDS[type]):
        assert refuses(decide(studio, OTTO, action_for(SOUND[type]), spoilt.values[0])), spoilt.id


@pytest.mark.parametrize("type", SOUND)
def test_an_optional_attribute_may_be_null_or_missing(studio: Any, type: str) -> None:
    r = SOUND[type]
    for attribute in (name for name, kind in KINDS[type].items() if kind.endswith("?")):
        for spared in (r | {attribute: None}, without(r, attribute)):
            assert decide(studio, OTTO, action_for(r), spared)["decision"] == "allow", attribute


@pytest.mark.parametrize("type", SOUND)
def test_an_attribute_that_is_not_declared_is_ignored(studio: Any, type: str) -> None:
    r = SOUND[type]
    strange: Row = {"name": 7, "": None, "expiresAt": "never", "orgRole": [], "role": "editor", "memberId": {}}
    foreign = {name: "" for kinds in KINDS.values() for name in kinds if name not in KINDS[type]}
    action = action_for(r)
    assert decide(studio, OTTO, action, r | strange | foreign) == decide(studio, OTTO, action, r)


@pytest.mark.parametrize("resource", [None, *NOT_AN_OBJECT, {}], ids=repr)
def test_a_record_that_is_no_object_is_refused(studio: Any, resource: Any) -> None:
    assert refuses(decide(studio, OTTO, "read", resource))


@pytest.mark.parametrize(
    "type",
    [None, *NOT_A_STRING, "", "host", "Host ", "Host\n", "Hosts", "Scoped", "Member", "User", "Organization",
     "ResourceShareMember", "Scope", "\ud800"],
    ids=repr,
)  # fmt: skip
def test_a_record_of_no_known_type_is_refused(studio: Any, type: Any) -> None:
    r = record("Host", "ORG", ownerId="otto")
    assert refuses(decide(studio, OTTO, "read", r | {"type": type}))
    assert refuses(decide(studio, OTTO, "read", without(r, "type")))


@pytest.mark.parametrize("org", ["", "o" * 65, "org home", "org_home\n", "\ud800", None, 7, [], {}], ids=repr)
def test_principal_and_record_with_the_same_malformed_organization_are_refused(studio: Any, org: Any) -> None:
    for type, r in SOUND.items():
        assert refuses(decide(studio, OTTO | {"orgId": org}, action_for(r), r | {"orgId": org})), type


@pytest.mark.parametrize("owner", ["", "\ud800", None, 7, True, [], {}], ids=repr)
def test_principal_and_owner_with_the_same_malformed_id_are_refused(studio: Any, owner: Any) -> None:
    for r in (record(), keychain_entry()):
        assert refuses(decide(studio, person() | {"id": owner}, "read", r | {"ownerId": owner}))


@pytest.mark.parametrize("org", ["o", "-", "_", "0", "o" * 64, "org_2ABCdef-", "-_-_"])
def test_an_organization_id_has_1_to_64_letters_digits_underscores_and_hyphens(studio: Any, org: str) -> None:
    r = record("Host", "ORG", orgId=org)
    assert allows(decide(studio, person(org=org), "read", r), "Scoped.ORG.role_member")


# The context


@pytest.mark.parametrize("context", broken(FULL_CONTEXT, {name: kind + "?" for name, kind in CONTEXT.items()}))
def test_a_malformed_context_is_refused_whatever_the_action(studio: Any, context: Row) -> None:
    for r, action in ((record(ownerId="otto"), "read"), (record(ownerId="otto"), "share"), (tool(), "invoke")):
        assert refuses(decide(studio, OTTO, action, r, context=context))


@pytest.mark.parametrize(
    "value",
    [
        *NOT_AN_OBJECT,
        {},
        *(spoilt.values[0] for spoilt in broken(member(), {"id": "id", "orgId": "org"})),
    ],
    ids=repr,
)
def test_a_malformed_member_is_refused_whatever_the_action(studio: Any, value: Any) -> None:
    for r, action in ((record(), "share"), (record(), "read"), (record("Folder"), "share"), (tool(), "invoke")):
        assert refuses(decide(studio, OTTO, action, r, context={"member": value}))


@pytest.mark.parametrize("context", NOT_AN_OBJECT, ids=repr)
def test_a_context_that_is_no_object_is_refused(studio: Any, context: Any) -> None:
    assert refuses(decide(studio, OTTO, "read", record("Host", "ORG"), context=context))


@pytest.mark.parametrize(
    "context",
    [
        None,
        {},
        {"now": None, "trust": None, "member": None},
        {"now": FUTURE, "trust": "MANUAL", "member": member(org=ABROAD)},
        {"member": member() | {"orgRole": 7}},
        {"ip": 7, "": []},
        *({"now": time} for time in TIMES),
    ],
    ids=repr,
)
def test_a_sound_context_is_no_obstacle(studio: Any, context: Any) -> None:
    decision = decide(studio, person(), "read", record("Host", "ORG"), context=context)
    assert allows(decision, "Scoped.ORG.role_member")


# The request


@pytest.mark.parametrize("request_", [None, 7, True, "", "read", [], [{}], {}], ids=repr)
def test_a_request_that_is_no_request_is_refused(studio: Any, request_: Any) -> None:
    assert refuses(answer(studio, request_))


@pytest.mark.parametrize("part", ["principal", "action", "resource"])
def test_a_request_without_one_of_its_parts_is_refused(studio: Any, part: str) -> None:
    whole = {"principal": OTTO, "action": "read", "resource": record("Host", "ORG"), "context": {}}
    assert allows(answer(studio, whole), "Scoped.ORG.role_member", "Scoped.always.record_owner")
    assert allows(answer(studio, without(whole, "context")), "Scoped.ORG.role_member", "Scoped.always.record_owner")
    assert refuses(answer(studio, without(whole, part)))
    assert refuses(answer(studio, whole | {part: None}))


def test_everything_wrong_at_once_is_refused(studio: Any) -> None:
    request = {"principal": {"id": ""}, "action": "fly", "resource": {"type": "Host"}, "context": []}
    assert refuses(answer(studio, request))


def test_a_forbidding_rule_is_not_reached_by_malformed_input(studio: Any) -> None:
    off = tool(enabled=False, connector="missing")
    assert refuses(decide(studio, OTTO | {"orgRole": "owner"}, "invoke", off))
    assert refuses(decide(studio, OTTO, "invoke", off | {"toolClass": "SAFE"}))
    assert refuses(decide(studio, OTTO, "invoke", off, context={"trust": "FULL"}))
    abroad = {"member": member(org=ABROAD), "now": "noon"}
    assert refuses(decide(studio, OTTO, "share", record("Folder"), context=abroad))


def test_a_foreigner_is_refused_alike(studio: Any) -> None:
    foreigner = person(org=ABROAD)
    assert refuses(decide(studio, foreigner, "fly", record()))
    assert refuses(decide(studio, foreigner, "read", record(scope="OPEN")))
    assert refuses(decide(studio, foreigner | {"orgId": HOME + "\n"}, "read", record()))
