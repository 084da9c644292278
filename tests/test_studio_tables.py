"""Who may do what: each table of docs/studio.md as a full matrix, allowed cells and denied neighbours alike."""

from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.studio import (
    ABROAD,
    HOME,
    SCOPED,
    SCOPED_ACTIONS,
    Row,
    allows,
    connector,
    decide,
    denies,
    folder,
    grant,
    keychain_entry,
    person,
    record,
    refuses,
    tool,
)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "studio.md"

# docs/studio.md, "Who may do what": label, who, what, and the rule that says so.
ACCESS = (
    ("always", "the owner of r", "create, read, list, update, delete, share, revoke", "Scoped.always.record_owner"),
    ("always", "an admin", "revoke", "Scoped.always.role_admin"),
    ("PRIVATE", "the owner of e", "read, list", "Scoped.PRIVATE.holder_owner"),
    ("ORG", "a member", "read, list", "Scoped.ORG.role_member"),
    ("ORG", "an admin", "update, delete", "Scoped.ORG.role_admin"),
    ("CUSTOM", "the owner of e", "read, list", "Scoped.CUSTOM.holder_owner"),
    ("CUSTOM", "a grant on e, at least viewer", "read, list", "Scoped.CUSTOM.grant_viewer"),
    ("CUSTOM", "a grant on e, at least editor", "update", "Scoped.CUSTOM.grant_editor"),
)

# docs/studio.md, "Other types": type, who, what, and the rule that says so.
OTHERS = (
    ("KeychainEntry", "its owner", "create, read, list, update, delete", "KeychainEntry.always.record_owner"),
    ("Connector", "a member", "read, list", "Connector.always.role_member"),
    ("Connector", "an admin", "configure", "Connector.always.role_admin"),
    ("Tool", "a member", "read, list, invoke", "Tool.always.role_member"),
    ("Tool", "an admin", "configure", "Tool.always.role_admin"),
)

ACTIONS_OF = {
    **dict.fromkeys(SCOPED, SCOPED_ACTIONS),
    "KeychainEntry": ("create", "read", "list", "update", "delete"),
    "Connector": ("read", "list", "configure"),
    "Tool": ("read", "list", "configure", "invoke"),
}
ALL_ACTIONS = (*SCOPED_ACTIONS, "configure", "invoke")
HEADINGS = (
    "Identity",
    "Isolation",
    "Records",
    "Who may do what",
    "Grants",
    "Sharing",
    "Chains",
    "Malformed input",
    "Other types",
    "Obligations",
    "Writes",
    "Across organizations",
    "Threat model",
    "Assumptions",
)


class Caller(NamedTuple):
    """One caller of the matrix: where his session is active, and what ties him to r and e."""

    org: str
    role: str
    owns_record: bool
    owns_holder: bool
    grant: str | None


def standing(caller: Caller, steps_up: int) -> set[str]:
    """What the caller is, in the words of the table."""
    who: set[str] = set()
    if caller.org == HOME:
        who.add("a member")
        who |= {"an admin"} if caller.role == "admin" else set()
        who |= {"the owner of r"} if caller.owns_record else set()
        who |= {"the owner of e"} if caller.owns_holder else set()
    if caller.grant and (caller.org == HOME or steps_up == 0):
        who.add("a grant on e, at least viewer")
        who |= {"a grant on e, at least editor"} if caller.grant == "editor" else set()
    return who


def rules_for(scope: str, who: set[str], action: str) -> list[str]:
    return [
        rule
        for label, row_who, may, rule in ACCESS
        if label in ("always", scope) and row_who in who and action in may.split(", ")
    ]


def callers(steps_up: int) -> Iterator[Caller]:
    for made in product((HOME, ABROAD), ("member", "admin"), (False, True), (False, True), (None, "viewer", "editor")):
        caller = Caller(*made)
        if steps_up or caller.owns_record == caller.owns_holder:
            yield caller


def situation(type: str, scope: str, steps_up: int, caller: Caller) -> tuple[Row, Row, list[Row], list[Row]]:
    """The caller, r, the folders, and the grant rows.

    Where r inherits, the caller also owns the folder below e and is an editor on everything below e: that gives nothing.
    """
    who = person("cara", caller.org, caller.role)
    owner = "cara" if caller.owns_record else "otto"
    if steps_up == 0:
        r = holder = record(type, scope, ownerId=owner)
        folders = []
    else:
        names = [f"up{step}" for step in range(1, steps_up + 1)]
        r = record(type, "INHERIT", names[0], ownerId=owner)
        holder = folder(names[-1], scope, ownerId="cara" if caller.owns_holder else "hugo")
        between = [folder(name, parent=above, ownerId="cara") for name, above in pairwise(names)]
        folders = [*between, holder]
    decoys = [grant(below, who, "editor") for below in [r, *folders] if below is not holder]
    return who, r, folders, decoys + ([grant(holder, who, caller.grant)] if caller.grant else [])


@pytest.mark.parametrize("steps_up", [0, 1, 2], ids=["own_scope", "one_up", "two_up"])
@pytest.mark.parametrize("scope", ["PRIVATE", "ORG", "CUSTOM"])
@pytest.mark.parametrize("type", SCOPED)
def test_a_scoped_record_gives_what_the_table_says_and_no_more(
    studio: Any, type: str, scope: str, steps_up: int
) -> None:
    for caller in callers(steps_up):
        who, r, folders, grants = situation(type, scope, steps_up, caller)
        for action in SCOPED_ACTIONS:
            rules = rules_for(scope, standing(caller, steps_up), action)
            decision = decide(studio, who, action, r, folders=folders, grants=grants)
            assert allows(decision, *rules) if rules else denies(decision), (caller, action)


def test_every_row_of_the_scoped_table_is_both_given_and_withheld() -> None:
    for label, who, may, rule in ACCESS:
        scope = "PRIVATE" if label == "always" else label
        for action in may.split(", "):
            assert rules_for(scope, {who}, action) == [rule]
            assert rules_for(scope, set(), action) == []


@pytest.mark.parametrize("org", [HOME, ABROAD])
@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("owner", [True, False], ids=["owner", "not_owner"])
@pytest.mark.parametrize("type", ["KeychainEntry", "Connector", "Tool"])
def test_another_type_gives_what_its_table_says_and_no_more(
    studio: Any, type: str, owner: bool, role: str, org: str
) -> None:
    who = person("cara", org, role)
    made = {"KeychainEntry": keychain_entry(), "Connector": connector(), "Tool": tool()}[type]
    r = made | {"ownerId": "cara" if owner else "otto"}
    words = {"a member", *(["an admin"] if role == "admin" else []), *(["its owner"] if owner else [])}
    for action in ACTIONS_OF[type]:
        rules = [
            rule
            for row_type, row_who, may, rule in OTHERS
            if (row_type, org) == (type, HOME) and row_who in words and action in may.split(", ")
        ]
        decision = decide(studio, who, action, r, context={"trust": "AUTONOMOUS"})
        assert allows(decision, *rules) if rules else denies(decision), action


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("action", ["read", "list", "configure"])
def test_what_is_disabled_can_still_be_seen_and_configured(studio: Any, action: str, enabled: bool) -> None:
    admin = person(role="admin")
    rule = "role_admin" if action == "configure" else "role_member"
    assert allows(decide(studio, admin, action, connector(enabled=enabled)), f"Connector.always.{rule}")
    r = tool("UNKNOWN", enabled, connector="missing")
    assert allows(decide(studio, admin, action, r), f"Tool.always.{rule}")


@pytest.mark.parametrize("type", ACTIONS_OF)
def test_an_action_that_the_type_lacks_is_refused(studio: Any, type: str) -> None:
    others = {"KeychainEntry": keychain_entry(), "Connector": connector(), "Tool": tool()}
    r = {"ownerId": "cara"} | (others[type] if type in others else record(type, ownerId="cara")) | {"ownerId": "cara"}
    for action in set(ALL_ACTIONS) - set(ACTIONS_OF[type]):
        for role in ("member", "admin"):
            assert refuses(decide(studio, person(role=role), action, r)), action


@pytest.mark.parametrize(
    "action",
    ["", "fly", "Read", "READ", "read ", " read", "read\n", "reads", "*", "any", "Scoped", "approval", "r\u0435ad",
     None, 0, 1, True, False, 1.5, [], ["read"], {}, {"read": True}],
    ids=repr,
)  # fmt: skip
def test_an_unknown_action_is_refused(studio: Any, action: Any) -> None:
    for r in (record(ownerId="cara"), keychain_entry(ownerId="cara"), connector(), tool()):
        assert refuses(decide(studio, person(role="admin"), action, r))


def test_filter_keeps_the_allowed_ones_in_their_order(studio: Any) -> None:
    who = person()
    mine = record("Host", "PRIVATE", id="mine", ownerId="cara")
    ours = record("Diagram", "ORG", id="ours")
    shared = record("File", "INHERIT", "f", id="shared")
    theirs = record("Host", "PRIVATE", id="theirs")
    malformed = record("Host", "ORG", id="")
    stray = record("Host", "INHERIT", "nowhere", id="stray")
    holder = folder("f", "CUSTOM")
    entities = studio.entities({"Folder": [holder], "ResourceShareMember": [grant(holder, who)]})
    everything = [theirs, ours, malformed, mine, None, stray, shared, ours]
    assert studio.filter(who, "list", everything, entities) == [ours, mine, shared, ours]
    assert studio.filter(who, "delete", everything, entities) == [mine]
    assert studio.filter(who, "fly", everything, entities) == []
    assert studio.filter(who, "list", [], entities) == []


def section(heading: str) -> list[str]:
    """The lines of one section of the document."""
    return DOCUMENT.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0].splitlines()


def table(heading: str, header: str) -> list[tuple[str, ...]]:
    """The rows of the table with that header, in one section of the document."""
    lines = section(heading)
    start = lines.index(header) + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return rows


def test_the_document_has_the_headings_that_others_cite() -> None:
    found = [line[3:] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert tuple(found) == HEADINGS


def test_the_document_has_the_tables_of_this_file() -> None:
    assert table("Who may do what", "| Label | Who | May |") == [row[:3] for row in ACCESS]
    assert table("Other types", "| Type | Who | May |") == [row[:3] for row in OTHERS]
