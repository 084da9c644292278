"""docs/studio.md, "Obligations", "Sharing" and the rules of `invoke`: what an allow costs, and what pays for it."""

from itertools import product
from typing import Any

import pytest

from tests.studio import (
    ABROAD,
    HOME,
    SCOPED,
    Row,
    allows,
    approval,
    connector,
    decide,
    denies,
    folder,
    grant,
    member,
    person,
    record,
    rewrap,
    tool,
    without,
)

OWNER = "Scoped.always.record_owner"
INVOKE = "Tool.always.role_member"
OTTO = person("otto")
CLASSES = ("READ_ONLY", "MODERATE", "DANGEROUS", "UNKNOWN")
TRUSTS = ("MANUAL", "SUPERVISED", "AUTONOMOUS")
# The cells of the table that need no approval.
FREE = {("READ_ONLY", "SUPERVISED"), ("READ_ONLY", "AUTONOMOUS"), ("MODERATE", "AUTONOMOUS")}


def may(studio: Any, discharged: Any, who: Row, action: str, r: Row, **more: Any) -> bool:
    """The short answer. `decide` has checked `filter` and the full decision against it."""
    decision = decide(studio, who, action, r, discharged=discharged, **more)
    assert decision["decision"] == "allow"
    assert decision["obligations"]
    context = more.get("context")
    return bool(studio.allowed(who, action, r, studio.entities({}), context=context, discharged=discharged))


# Approval of an invocation


@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("trust", TRUSTS)
@pytest.mark.parametrize("tool_class", CLASSES)
def test_an_invocation_asks_for_approval_by_class_and_trust(
    studio: Any, tool_class: str, trust: str, role: str
) -> None:
    r = tool(tool_class)
    obligations = [] if (tool_class, trust) in FREE else [approval(r)]
    decision = decide(studio, person(role=role), "invoke", r, context={"trust": trust})
    assert allows(decision, INVOKE, obligations=obligations)


@pytest.mark.parametrize("context", [None, {}, {"trust": None}, {"trust": "MANUAL"}], ids=repr)
@pytest.mark.parametrize("tool_class", CLASSES)
def test_absent_trust_is_manual_and_always_asks(studio: Any, tool_class: str, context: Any) -> None:
    r = tool(tool_class)
    assert allows(decide(studio, person(), "invoke", r, context=context), INVOKE, obligations=[approval(r)])


@pytest.mark.parametrize("action", ["read", "list", "configure"])
def test_only_an_invocation_asks_for_approval(studio: Any, action: str) -> None:
    decision = decide(studio, person(role="admin"), action, tool("DANGEROUS"))
    assert decision["decision"] == "allow"
    assert decision["obligations"] == []


# Tools and connectors that are off

CONNECTORS: dict[str, tuple[list[Any], bool]] = {
    "missing": ([], True),
    "disabled": ([connector(enabled=False)], False),
    "abroad only": ([connector(orgId=ABROAD)], True),
    "disabled here and enabled abroad": ([connector(enabled=False), connector(orgId=ABROAD)], False),
    "present twice": ([connector(), connector()], True),
    "present twice, once disabled": ([connector(), connector(enabled=False)], True),
    "of another id": ([connector("C")], True),
    "malformed: enabled is 1": ([connector() | {"enabled": 1}], True),
    "malformed: enabled is a string": ([connector() | {"enabled": "true"}], True),
    "malformed: enabled is null": ([connector() | {"enabled": None}], True),
    "malformed: no enabled": ([without(connector(), "enabled")], True),
    "malformed: no organization": ([without(connector(), "orgId")], True),
    "malformed: of another type": ([connector(type="Tool")], True),
    "malformed: no object": ([None, "c", True], True),
}
SOUND_CONNECTORS: dict[str, list[Any]] = {
    "enabled": [connector()],
    "enabled here and disabled abroad": [connector(), connector(enabled=False, orgId=ABROAD)],
    "enabled beside a malformed row": [connector(), connector() | {"enabled": 0}],
    "without a type": [without(connector(), "type")],
    "with null for a type": [connector() | {"type": None}],
}


@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("enabled", [True, False], ids=["tool_on", "tool_off"])
@pytest.mark.parametrize("state", CONNECTORS)
def test_a_tool_whose_connector_is_off_or_missing_is_not_invoked(
    studio: Any, state: str, enabled: bool, role: str
) -> None:
    connectors, errs = CONNECTORS[state]
    rules = ["connector_off"] if enabled else ["connector_off", "disabled_tool"]
    for trust, tool_class in product(TRUSTS, CLASSES):
        r = tool(tool_class, enabled, connector="c")
        decision = decide(
            studio, person(role=role), "invoke", r, connectors=connectors, context={"trust": trust},
            discharged=[approval(r)],
        )  # fmt: skip
        assert denies(decision, *rules, errors=["connector_off"] if errs else [])


@pytest.mark.parametrize("state", SOUND_CONNECTORS)
def test_a_tool_whose_connector_is_on_is_invoked(studio: Any, state: str) -> None:
    r = tool(connector="c")
    connectors = SOUND_CONNECTORS[state]
    decision = decide(studio, person(), "invoke", r, connectors=connectors, context={"trust": "SUPERVISED"})
    assert allows(decision, INVOKE)
    off = decide(studio, person(), "invoke", r | {"enabled": False}, connectors=connectors)
    assert denies(off, "disabled_tool")


@pytest.mark.parametrize("r", [tool(), without(tool(), "connectorId")], ids=["null", "absent"])
def test_a_tool_that_names_no_connector_needs_none(studio: Any, r: Row) -> None:
    assert allows(decide(studio, person(), "invoke", r, context={"trust": "SUPERVISED"}), INVOKE)
    assert denies(decide(studio, person(), "invoke", r | {"enabled": False}), "disabled_tool")


# Sharing


@pytest.mark.parametrize("type", SCOPED)
@pytest.mark.parametrize("context", [None, {}, {"member": None}, {"member": member()}], ids=repr)
def test_sharing_at_home_or_with_nobody_yet_costs_nothing(studio: Any, type: str, context: Any) -> None:
    assert allows(decide(studio, OTTO, "share", record(type), context=context), OWNER)


@pytest.mark.parametrize("scope", ["PRIVATE", "ORG", "CUSTOM", "INHERIT"])
@pytest.mark.parametrize("type", SCOPED)
def test_sharing_abroad_costs_a_rewrap_and_is_forbidden_for_a_folder(studio: Any, type: str, scope: str) -> None:
    r = record(type, scope, "f")
    folders = [folder("f", "CUSTOM")]
    decision = decide(studio, OTTO, "share", r, folders=folders, context={"member": member(org=ABROAD)})
    if type == "Folder":
        assert denies(decision, "folder_abroad")
    else:
        assert allows(decision, OWNER, obligations=[rewrap(r, ABROAD)])


@pytest.mark.parametrize("org", ["org_hom", "org_homE", "org_home_", "ORG_HOME", "o"])
def test_every_organization_but_the_records_own_is_abroad(studio: Any, org: str) -> None:
    r = record()
    decision = decide(studio, OTTO, "share", r, context={"member": member(org=org)})
    assert allows(decision, OWNER, obligations=[rewrap(r, org)])


@pytest.mark.parametrize(
    "who", [person(), person(role="admin"), person("otto", ABROAD), person("otto", ABROAD, "admin")]
)
def test_sharing_by_anyone_but_the_owner_is_denied_without_an_obligation(studio: Any, who: Row) -> None:
    for org in (HOME, ABROAD):
        context = {"member": member(org=org)}
        r = record()
        assert denies(decide(studio, who, "share", r, grants=[grant(r, who, "editor")], context=context))


@pytest.mark.parametrize("action", ["create", "read", "list", "update", "delete", "revoke"])
def test_a_member_abroad_means_nothing_to_an_action_other_than_share(studio: Any, action: str) -> None:
    for type in ("Host", "Folder"):
        decision = decide(studio, OTTO, action, record(type, "PRIVATE"), context={"member": member(org=ABROAD)})
        assert decision["decision"] == "allow"
        assert decision["obligations"] == []


# What sheds an obligation, and what does not


@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("scope", ["PRIVATE", "ORG", "CUSTOM", "INHERIT"])
def test_a_second_reason_to_allow_sheds_no_obligation(studio: Any, scope: str, role: str) -> None:
    otto = person("otto", role=role)
    r = record("Host", scope, "f")
    holder = folder("f", "CUSTOM", ownerId="otto")
    grants = [grant(on, otto, "editor") for on in (r, holder)]
    context = {"member": member(org=ABROAD)}
    decision = decide(studio, otto, "share", r, folders=[holder], grants=grants, context=context)
    assert allows(decision, OWNER, obligations=[rewrap(r, ABROAD)])


APPROVAL = approval(tool())
REWRAP = rewrap(record(), ABROAD)
NEAR_APPROVALS: list[Any] = [
    APPROVAL | {"resourceId": "t2"},
    APPROVAL | {"resourceId": "T"},
    APPROVAL | {"resourceId": "t "},
    APPROVAL | {"resourceId": None},
    APPROVAL | {"resourceType": "Connector"},
    APPROVAL | {"resourceType": "tool"},
    APPROVAL | {"name": "rewrap"},
    APPROVAL | {"name": "Approval"},
    APPROVAL | {"name": "tool_approval"},
    APPROVAL | {"name": None},
    APPROVAL | {"orgId": HOME},
    APPROVAL | {"discharged": True},
    APPROVAL | {"": None},
    *(without(APPROVAL, field) for field in APPROVAL),
    {"approval": APPROVAL},
    [APPROVAL],
    {},
    "approval",
    "*",
    None,
    True,
    REWRAP,
]
NEAR_REWRAPS: list[Any] = [
    REWRAP | {"resourceId": "r2"},
    REWRAP | {"resourceType": "Diagram"},
    REWRAP | {"fromOrg": ABROAD},
    REWRAP | {"toOrg": HOME},
    REWRAP | {"toOrg": "org_third"},
    REWRAP | {"fromOrg": ABROAD, "toOrg": HOME},
    REWRAP | {"name": "approval"},
    REWRAP | {"memberId": "mia"},
    REWRAP | {"dekVersion": None},
    *(without(REWRAP, field) for field in REWRAP),
    approval(record()),
    {},
    "rewrap",
    None,
    APPROVAL,
]


def test_an_obligation_is_discharged_by_exactly_itself(studio: Any) -> None:
    context = {"member": member(org=ABROAD)}
    for one in (REWRAP, dict(reversed(REWRAP.items()))):
        for discharged in ([one], (one,), [*NEAR_REWRAPS, one], [one, one]):
            assert may(studio, discharged, OTTO, "share", record(), context=context)
    for one in (APPROVAL, dict(reversed(APPROVAL.items()))):
        for discharged in ([one], (one,), [*NEAR_APPROVALS, one], [one, one]):
            assert may(studio, discharged, person(), "invoke", tool())


@pytest.mark.parametrize("near", NEAR_APPROVALS, ids=repr)
def test_nothing_else_discharges_an_approval(studio: Any, near: Any) -> None:
    assert not may(studio, [near], person(), "invoke", tool())


@pytest.mark.parametrize("near", NEAR_REWRAPS, ids=repr)
def test_nothing_else_discharges_a_rewrap(studio: Any, near: Any) -> None:
    assert not may(studio, [near], OTTO, "share", record(), context={"member": member(org=ABROAD)})


def test_many_near_discharges_do_not_add_up(studio: Any) -> None:
    assert not may(studio, (), person(), "invoke", tool())
    assert not may(studio, NEAR_APPROVALS, person(), "invoke", tool())
    assert not may(studio, NEAR_REWRAPS, OTTO, "share", record(), context={"member": member(org=ABROAD)})


def test_a_discharge_makes_no_denial_an_allow(studio: Any) -> None:
    abroad = {"member": member(org=ABROAD)}
    r, f, off = record(), record("Folder"), tool(enabled=False)
    assert denies(decide(studio, person(), "share", r, context=abroad, discharged=[rewrap(r, ABROAD)]))
    assert denies(decide(studio, OTTO, "share", f, context=abroad, discharged=[rewrap(f, ABROAD)]), "folder_abroad")
    assert denies(decide(studio, person(), "invoke", off, discharged=[approval(off)]), "disabled_tool")


def test_filter_judges_each_record_by_its_own_discharge(studio: Any) -> None:
    tools = [tool("DANGEROUS", id=id) for id in ("t1", "t2", "t3")]
    entities = studio.entities({})
    discharged = [approval(tools[2]), approval(tools[0])]
    assert studio.filter(person(), "invoke", tools, entities) == []
    assert studio.filter(person(), "invoke", tools, entities, discharged=discharged) == [tools[0], tools[2]]
