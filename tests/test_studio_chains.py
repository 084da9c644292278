"""docs/studio.md, "Chains": what resolves, what does not, and what a chain that does not resolve still gives."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.studio import (
    ABROAD,
    SCOPED,
    SCOPED_ACTIONS,
    Row,
    allows,
    causes,
    decide,
    denies,
    folder,
    grant,
    member,
    person,
    record,
    rewrap,
    without,
)

BOUND = 32
OWNER = "Scoped.always.record_owner"
ADMIN = "Scoped.always.role_admin"
MEMBER = "Scoped.ORG.role_member"


def tower(height: int, scope: str = "ORG", **top: Any) -> list[Row]:
    """Folders `f1` (one up) to `f<height>`; the last one has the scope, the others inherit."""
    below = [folder(f"f{step}", parent=f"f{step + 1}") for step in range(1, height)]
    return [*below, folder(f"f{height}", scope, **top)]


def ring(length: int) -> list[Row]:
    """Folders `f1` to `f<length>`, each in the next one and the last one in the first."""
    return [folder(f"f{step}", parent=f"f{step % length + 1}") for step in range(1, length + 1)]


INSIDE = record("Host", "INHERIT", "f1")
INNER = record("Folder", "INHERIT", "f1")
ORG_FOLDER = folder("f1", "ORG")

NOT_THERE: dict[str, tuple[Row, Sequence[Any]]] = {
    "no parent": (record("Host", "INHERIT", None), [ORG_FOLDER]),
    "no parent attribute": (without(INSIDE, "parentId"), [ORG_FOLDER]),
    "no parent further up": (INSIDE, [folder("f1", parent=None)]),
    "no data": (INSIDE, []),
    "missing folder": (INSIDE, [folder("f2", "ORG")]),
    "missing folder further up": (INSIDE, [folder("f1", parent="f2"), folder("f3", "ORG")]),
    "folder in another organization": (INSIDE, [folder("f1", "ORG", orgId=ABROAD)]),
    "folder in another organization further up": (
        INSIDE,
        [folder("f1", parent="f2"), folder("f2", "ORG", orgId=ABROAD)],
    ),
    "another id by case": (INSIDE, [folder("F1", "ORG")]),
    "another id by form of unicode": (record("Host", "INHERIT", "\u00e9"), [folder("e\u0301", "ORG")]),
    "folder present twice": (INSIDE, [ORG_FOLDER, folder("f1", "ORG", ownerId="another")]),
    "folder present twice alike": (INSIDE, [ORG_FOLDER, dict(ORG_FOLDER)]),
    "folder present twice alike but for an ignored attribute": (INSIDE, [ORG_FOLDER, ORG_FOLDER | {"name": "x"}]),
    "folder present three times": (INSIDE, [ORG_FOLDER] * 3),
    "folder present twice further up": (INSIDE, [folder("f1", parent="f2"), folder("f2", "ORG"), folder("f2", "ORG")]),
}
CYCLES: dict[str, tuple[Row, Sequence[Any]]] = {
    "folder in itself": (INSIDE, ring(1)),
    "folder in itself further up": (INSIDE, [folder("f1", parent="f2"), folder("f2", parent="f2")]),
    "two folders in each other": (INSIDE, ring(2)),
    "three folders in a ring": (INSIDE, ring(3)),
    "32 folders in a ring": (INSIDE, ring(32)),
    "33 folders in a ring": (INSIDE, ring(33)),
    "r in itself": (record("Folder", "INHERIT", "r"), []),
    "r in itself, stored too": (record("Folder", "INHERIT", "r"), [folder("r", parent="r")]),
    "r in itself, stored with a scope": (record("Folder", "INHERIT", "r"), [folder("r", "ORG")]),
    "r in its child": (INNER, [folder("f1", parent="r")]),
    "r in its child, stored too": (INNER, [folder("f1", parent="r"), folder("r", parent="f1")]),
    "r in its child, stored with a scope": (INNER, [folder("f1", parent="r"), folder("r", "ORG")]),
    "r under a ring": (INNER, ring(2)),
}
TOO_HIGH: dict[str, tuple[Row, Sequence[Any]]] = {
    "33 up": (INSIDE, tower(BOUND + 1)),
    "33 up from a folder": (INNER, tower(BOUND + 1)),
    "50 up": (INSIDE, tower(50)),
    "300 up": (INSIDE, tower(300)),
}
BROKEN = NOT_THERE | CYCLES | TOO_HIGH

# Each attribute of a folder in ways that make its row malformed.
NOT_A_STRING: tuple[Any, ...] = (7, 0, 1.5, True, False, [], ["f1"], {}, {"id": "f1"})
NOT_AN_ID: tuple[Any, ...] = (*NOT_A_STRING, "", "\ud800", "f1\udfff")
MALFORMED_FOLDERS: dict[str, tuple[Any, ...]] = {
    "id": (None, *NOT_AN_ID),
    "orgId": (None, *NOT_AN_ID, "o" * 65, "org home", "org_home\n", "org#home", "org.home"),
    "ownerId": (None, *NOT_AN_ID),
    "scope": (None, *NOT_A_STRING, "", "org", "Org", "ORG ", "OPEN", "always"),
    "parentId": NOT_AN_ID,
    "type": (7, True, [], {}, "", "Host", "folder", "Scoped", "ResourceShareMember"),
}
NOT_ROWS: tuple[Any, ...] = (None, "f1", 7, True, [], [ORG_FOLDER], {})
MALFORMED_ROWS: list[Any] = [
    *(
        pytest.param(ORG_FOLDER | {attribute: value}, id=f"{attribute}={value!r}")
        for attribute, values in MALFORMED_FOLDERS.items()
        for value in values
    ),
    *(
        pytest.param(without(ORG_FOLDER, attribute), id=f"no {attribute}")
        for attribute in ("id", "orgId", "ownerId", "scope")
    ),
    *(pytest.param(row, id=f"row={row!r}") for row in NOT_ROWS),
]


def unjudged(action: str, role: str) -> list[str]:
    """The rules that need e and that nothing else has made false: those which a broken chain leaves in error."""
    if action in ("read", "list"):
        return [
            "Scoped.PRIVATE.holder_owner",
            "Scoped.ORG.role_member",
            "Scoped.CUSTOM.holder_owner",
            "Scoped.CUSTOM.grant_viewer",
        ]
    by_role = ["Scoped.ORG.role_admin"] if role == "admin" and action in ("update", "delete") else []
    return by_role + (["Scoped.CUSTOM.grant_editor"] if action == "update" else [])


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_chain_gives_nothing_and_says_why(studio: Any, broken: str) -> None:
    r, folders = BROKEN[broken]
    hugo = person("hugo")
    grants = [grant(one, hugo, "editor") for one in [r, *folders]]
    for action in SCOPED_ACTIONS:
        decision = decide(studio, hugo, action, r, folders=folders, grants=grants)
        assert denies(decision, errors=unjudged(action, "member")), action
        assert all(causes(decision))


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_chain_takes_nothing_from_the_owner(studio: Any, broken: str) -> None:
    r, folders = BROKEN[broken]
    for action in SCOPED_ACTIONS:
        decision = decide(studio, person("otto"), action, r, folders=folders)
        assert allows(decision, OWNER, errors=unjudged(action, "member")), action


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_chain_leaves_an_admin_to_revoke_and_no_more(studio: Any, broken: str) -> None:
    r, folders = BROKEN[broken]
    for action in SCOPED_ACTIONS:
        decision = decide(studio, person(role="admin"), action, r, folders=folders)
        if action == "revoke":
            assert allows(decision, ADMIN)
        else:
            assert denies(decision, errors=unjudged(action, "admin")), action


@pytest.mark.parametrize("broken", BROKEN)
def test_a_foreigner_learns_nothing_of_a_broken_chain(studio: Any, broken: str) -> None:
    r, folders = BROKEN[broken]
    foreigner = person("otto", ABROAD, "admin")
    grants = [grant(one, foreigner, "editor") for one in [r, *folders]]
    for action in SCOPED_ACTIONS:
        assert denies(decide(studio, foreigner, action, r, folders=folders, grants=grants)), action


@pytest.mark.parametrize("type", SCOPED)
def test_a_chain_breaks_for_every_type_alike(studio: Any, type: str) -> None:
    decision = decide(studio, person(), "read", record(type, "INHERIT", "f1"))
    assert denies(decision, errors=unjudged("read", "member"))


def test_the_reasons_of_broken_chains_are_told_apart(studio: Any) -> None:
    said = [
        causes(decide(studio, person(), "read", BROKEN[broken][0], folders=BROKEN[broken][1]))
        for broken in ("no parent", "missing folder", "two folders in each other", "33 up")
    ]
    assert all(said)
    assert len(set[str]().union(*said)) == sum(len(one) for one in said)


@pytest.mark.parametrize("row", MALFORMED_ROWS)
def test_a_malformed_folder_counts_as_absent(studio: Any, row: Any) -> None:
    decision = decide(studio, person(), "read", INSIDE, folders=[row])
    assert denies(decision, errors=unjudged("read", "member"))
    below = folder("f0", parent="f1")
    decision = decide(studio, person(), "read", record("Host", "INHERIT", "f0"), folders=[row, below])
    assert denies(decision, errors=unjudged("read", "member"))


@pytest.mark.parametrize("row", MALFORMED_ROWS)
def test_a_malformed_folder_does_not_disturb_a_sound_one(studio: Any, row: Any) -> None:
    assert allows(decide(studio, person(), "read", INSIDE, folders=[row, ORG_FOLDER]), MEMBER)
    assert allows(decide(studio, person(), "read", INSIDE, folders=[row, ORG_FOLDER, row]), MEMBER)


@pytest.mark.parametrize(
    "row",
    [
        without(ORG_FOLDER, "type"),
        ORG_FOLDER | {"type": None},
        ORG_FOLDER | {"parentId": None},
        without(ORG_FOLDER, "parentId"),
        ORG_FOLDER | {"name": 7, "version": None, "trust": "HIGH", "key": []},
    ],
    ids=["no type", "type null", "parent null", "no parent", "other attributes"],
)
def test_a_sound_folder_counts_in_each_of_its_forms(studio: Any, row: Row) -> None:
    assert allows(decide(studio, person(), "read", INSIDE, folders=[row]), MEMBER)


def test_two_folders_of_one_id_in_another_organization_do_no_harm(studio: Any) -> None:
    twins = [folder("f1", "ORG", orgId=ABROAD), folder("f1", "PRIVATE", orgId=ABROAD)]
    assert allows(decide(studio, person(), "read", INSIDE, folders=[*twins, ORG_FOLDER]), MEMBER)


@pytest.mark.parametrize("r", [INSIDE, INNER], ids=["host", "folder"])
@pytest.mark.parametrize("height", [1, 2, 3, BOUND - 1, BOUND])
def test_a_holder_at_most_32_up_gives_its_scope(studio: Any, height: int, r: Row) -> None:
    folders = tower(height)
    assert allows(decide(studio, person(), "read", r, folders=folders), MEMBER)
    assert allows(decide(studio, person(role="admin"), "delete", r, folders=folders), "Scoped.ORG.role_admin")
    assert denies(decide(studio, person(), "update", r, folders=folders))


@pytest.mark.parametrize("height", [1, 2, BOUND])
def test_a_grant_on_the_holder_reaches_down(studio: Any, height: int) -> None:
    folders = tower(height, "CUSTOM")
    who = person()
    grants = [grant(folders[-1], who, "editor")]
    assert allows(decide(studio, who, "read", INSIDE, folders=folders, grants=grants), "Scoped.CUSTOM.grant_viewer")
    assert allows(decide(studio, who, "update", INSIDE, folders=folders, grants=grants), "Scoped.CUSTOM.grant_editor")
    assert denies(decide(studio, who, "delete", INSIDE, folders=folders, grants=grants))


@pytest.mark.parametrize("above", ["missing", "holder", "f1"])
def test_the_walk_stops_at_the_holder(studio: Any, above: str) -> None:
    folders = [folder("f1", parent="holder"), folder("holder", "ORG", parent=above)]
    assert allows(decide(studio, person(), "read", INSIDE, folders=folders), MEMBER)


def test_nothing_above_the_holder_gives_anything(studio: Any) -> None:
    cara = person()
    top = folder("top", "CUSTOM", ownerId="cara")
    for scope in ("PRIVATE", "CUSTOM"):
        folders = [folder("f1", scope, parent="top"), top]
        decision = decide(studio, cara, "read", INSIDE, folders=folders, grants=[grant(top, cara, "editor")])
        assert denies(decision)


@pytest.mark.parametrize("scope", ["PRIVATE", "ORG", "CUSTOM"])
@pytest.mark.parametrize("parent", [None, "missing", "r", "f1", "open"])
@pytest.mark.parametrize("type", ["Folder", "Host"])
def test_a_record_that_does_not_inherit_has_its_parent_left_alone(
    studio: Any, type: str, parent: str | None, scope: str
) -> None:
    r = record(type, scope, parent)
    folders = [*ring(1), folder("open", "ORG")]
    decision = decide(studio, person(), "read", r, folders=folders)
    assert allows(decision, MEMBER) if scope == "ORG" else denies(decision)


def test_the_holder_is_found_anew_for_each_decision(studio: Any) -> None:
    for scope, readable in (("ORG", True), ("PRIVATE", False), ("CUSTOM", False), ("ORG", True)):
        decision = decide(studio, person(), "read", INSIDE, folders=[folder("f1", scope)])
        assert (decision["decision"] == "allow") is readable
    moved = INSIDE | {"parentId": "f2"}
    folders = [folder("f1", "PRIVATE"), folder("f2", "ORG")]
    assert denies(decide(studio, person(), "read", INSIDE, folders=folders))
    assert allows(decide(studio, person(), "read", moved, folders=folders), MEMBER)


def test_the_folder_in_the_request_is_taken_as_it_stands_there(studio: Any) -> None:
    stored = folder("r", "ORG", ownerId="cara")
    asked = record("Folder", "PRIVATE")
    assert denies(decide(studio, person(), "read", asked, folders=[stored]))
    opened = record("Folder", "ORG")
    for row in (folder("r", "PRIVATE"), {}, folder("r", parent="r")):
        assert allows(decide(studio, person(), "read", opened, folders=[row, row]), MEMBER)


def test_a_record_that_shares_its_folders_id_is_no_cycle(studio: Any) -> None:
    host = record("Host", "INHERIT", "r")
    assert allows(decide(studio, person(), "read", host, folders=[folder("r", "ORG")]), MEMBER)
    assert allows(decide(studio, person(), "read", host, folders=[folder("r", parent="f"), folder("f", "ORG")]), MEMBER)


def test_an_owner_shares_across_organizations_though_the_chain_is_broken(studio: Any) -> None:
    context = {"member": member(org=ABROAD)}
    decision = decide(studio, person("otto"), "share", INSIDE, context=context)
    assert allows(decision, OWNER, obligations=[rewrap(INSIDE, ABROAD)])
    decision = decide(studio, person("otto"), "share", INNER, context=context)
    assert denies(decision, "folder_abroad")
