"""docs/studio.md, "Grants": which rows count, for whom, where, and until when."""

from itertools import product
from typing import Any

import pytest

from tests.studio import (
    ABROAD,
    FUTURE,
    HOME,
    NOW,
    PAST,
    SCOPED,
    Row,
    allows,
    decide,
    denies,
    folder,
    grant,
    person,
    record,
    without,
)

VIEWER = "Scoped.CUSTOM.grant_viewer"
EDITOR = "Scoped.CUSTOM.grant_editor"
CARA = person()
R = record()
F = folder("f", "CUSTOM")
INSIDE = record("Host", "INHERIT", "f")

KEY = ("orgId", "resourceType", "resourceId", "memberId", "memberOrgId")
NOT_A_STRING: tuple[Any, ...] = (7, 0, 1.5, True, False, [], ["r"], {}, {"id": "r"})
NOT_AN_ID: tuple[Any, ...] = (None, *NOT_A_STRING, "", "\ud800", "r\udfff")
NOT_AN_ORG: tuple[Any, ...] = (
    *NOT_AN_ID,
    "o" * 65,
    "org home",
    "org_home\n",
    " org_home",
    "org#home",
    "org_h\u00f6me",
    "org_home\x00",
)
MALFORMED_GRANTS: dict[str, tuple[Any, ...]] = {
    "orgId": NOT_AN_ORG,
    "resourceType": (*NOT_AN_ID, "host", "Nonsense", "Host "),
    "resourceId": NOT_AN_ID,
    "memberId": NOT_AN_ID,
    "memberOrgId": NOT_AN_ORG,
    "role": (None, *NOT_A_STRING, "", "owner", "Editor", "EDITOR", "editor ", "admin", "member"),
    "expiresAt": (*NOT_A_STRING, "", "never", "2999-01-01", "2999-01-01 00:00:00Z", "2999-01-01T00:00:00z"),
    "type": (7, True, [], {}, "", "Host", "Folder", "Grant"),
}
NOT_ROWS: tuple[Any, ...] = (None, "r", 7, True, [], [grant(R, CARA)], {})
MALFORMED_ROWS: list[Any] = [
    *(
        pytest.param(grant(R, CARA, "editor") | {attribute: value}, id=f"{attribute}={value!r}")
        for attribute, values in MALFORMED_GRANTS.items()
        for value in values
    ),
    *(pytest.param(without(grant(R, CARA, "editor"), name), id=f"no {name}") for name in (*KEY, "role")),
    *(pytest.param(row, id=f"row={row!r}") for row in NOT_ROWS),
]


def is_editor(studio: Any, row: Any, r: Row = R, who: Row = CARA, now: str | None = NOW) -> bool:
    """Whether the one row makes the caller an editor: then he is a viewer too, else nothing at all."""
    more: Row = {"folders": [F], "grants": [row], "context": {"now": now}}
    editor: bool = decide(studio, who, "update", r, **more)["decision"] == "allow"
    for action, rule in (("read", VIEWER), ("list", VIEWER), ("update", EDITOR)):
        decision = decide(studio, who, action, r, **more)
        assert allows(decision, rule) if editor else denies(decision)
    return editor


@pytest.mark.parametrize("who", [CARA, person(org=ABROAD)], ids=["home", "abroad"])
@pytest.mark.parametrize("type", SCOPED)
def test_a_row_on_the_record_counts_for_its_member(studio: Any, type: str, who: Row) -> None:
    r = record(type)
    assert is_editor(studio, grant(r, who, "editor"), r, who)
    assert not is_editor(studio, grant(r, person("dora", who["orgId"]), "editor"), r, who)


@pytest.mark.parametrize("role", ["member", "admin"])
@pytest.mark.parametrize("org", [HOME, ABROAD])
def test_a_viewer_reads_and_lists_and_an_editor_updates_too(studio: Any, org: str, role: str) -> None:
    who = person("cara", org, role)
    for share_role, action in product(("viewer", "editor"), ("create", "read", "list", "update", "delete", "share")):
        decision = decide(studio, who, action, R, grants=[grant(R, who, share_role)])
        if action in ("read", "list"):
            assert allows(decision, VIEWER)
        elif action == "update" and share_role == "editor":
            assert allows(decision, EDITOR)
        else:
            assert denies(decision)


@pytest.mark.parametrize("attribute", KEY)
def test_a_row_counts_only_where_its_whole_key_fits(studio: Any, attribute: str) -> None:
    sound = grant(R, CARA, "editor")
    other = {"orgId": ABROAD, "resourceType": "Diagram", "memberOrgId": ABROAD}.get(attribute, sound[attribute] + "x")
    assert is_editor(studio, sound)
    assert not is_editor(studio, sound | {attribute: other})


@pytest.mark.parametrize("attribute", ["resourceId", "memberId"])
@pytest.mark.parametrize("near", ["R", "r ", " r", "r\n", "r\x00", "r\u200b", "\uff52"], ids=repr)
def test_ids_are_compared_code_point_by_code_point(studio: Any, attribute: str, near: str) -> None:
    who = person("r")
    assert is_editor(studio, grant(R, who, "editor"), who=who)
    assert not is_editor(studio, grant(R, who, "editor", **{attribute: near}), who=who)
    assert is_editor(studio, grant(R, person(near), "editor"), who=person(near))


def test_the_two_forms_of_an_accented_id_are_two_ids(studio: Any) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert is_editor(studio, grant(R, person(composed), "editor"), who=person(composed))
    assert not is_editor(studio, grant(R, person(composed), "editor"), who=person(decomposed))


@pytest.mark.parametrize(
    "id", ["a", " ", "\n", "\x00", "#", "org_home#r", "\U0001f512", "\ufeff", "x" * 999], ids=ascii
)
def test_an_id_may_be_any_text_that_is_not_empty(studio: Any, id: str) -> None:
    r, who = record(id=id), person(id)
    assert is_editor(studio, grant(r, who, "editor"), r, who)


@pytest.mark.parametrize("row", MALFORMED_ROWS)
def test_a_malformed_row_counts_as_absent(studio: Any, row: Any) -> None:
    assert not is_editor(studio, row)


@pytest.mark.parametrize("row", MALFORMED_ROWS)
def test_a_malformed_row_does_not_disturb_a_sound_one(studio: Any, row: Any) -> None:
    decision = decide(studio, CARA, "update", R, grants=[row, grant(R, CARA, "editor"), row], context={"now": NOW})
    assert allows(decision, EDITOR)


@pytest.mark.parametrize("changes", [{"type": "ResourceShareMember"}, {"type": None}, {"expiresAt": None}, {"x": []}])
def test_a_sound_row_counts_in_each_of_its_forms(studio: Any, changes: Row) -> None:
    assert is_editor(studio, grant(R, CARA, "editor") | changes, now=None)


def test_a_row_on_the_holder_counts_and_a_row_below_it_does_not(studio: Any) -> None:
    lower, higher = folder("lower", parent="higher"), folder("higher", "CUSTOM", parent="top")
    folders = [lower, higher, folder("top", "CUSTOM")]
    r = record("Host", "INHERIT", "lower")
    for on in (r, lower, higher, folders[2]):
        decision = decide(studio, CARA, "update", r, folders=folders, grants=[grant(on, CARA, "editor")])
        assert allows(decision, EDITOR) if on is higher else denies(decision)


@pytest.mark.parametrize("scope", ["PRIVATE", "ORG"])
@pytest.mark.parametrize("org", [HOME, ABROAD])
def test_a_row_on_a_record_that_is_not_custom_gives_nothing(studio: Any, org: str, scope: str) -> None:
    who = person("cara", org)
    own, holder = record(scope=scope), folder("f", scope)
    by_scope = ["Scoped.ORG.role_member"] if scope == "ORG" and org == HOME else []
    for r, on in ((own, own), (INSIDE, holder)):
        for action in ("read", "list", "update"):
            decision = decide(studio, who, action, r, folders=[holder], grants=[grant(on, who, "editor")])
            rules = [] if action == "update" else by_scope
            assert allows(decision, *rules) if rules else denies(decision)


# Time


@pytest.mark.parametrize(
    ("expires", "now", "counts"),
    [
        (None, None, True),
        (None, NOW, True),
        (FUTURE, NOW, True),
        (NOW, NOW, False),
        (PAST, NOW, False),
        (FUTURE, None, False),
        (PAST, None, False),
        ("9999-12-31T23:59:59.999999999Z", None, False),
        # One instant, written in several ways.
        ("2026-06-01T12:00:00.0Z", NOW, False),
        ("2026-06-01T12:00:00.000000000Z", NOW, False),
        ("2026-06-01T14:00:00+02:00", NOW, False),
        ("2026-06-01T06:30:00-05:30", NOW, False),
        ("2026-06-02T11:59:00+23:59", NOW, False),
        ("2026-06-01T12:00:00-00:00", NOW, False),
        # Instants, not texts: later as a text and earlier in time, and the other way round.
        ("2026-06-01T13:00:00+02:00", NOW, False),
        ("2026-06-01T11:00:00-02:00", NOW, True),
        ("2026-05-31T23:00:00-14:00", NOW, True),
        # Exactly, to the nanosecond.
        ("2026-06-01T12:00:00.000000001Z", NOW, True),
        ("2026-06-01T12:00:00.1Z", "2026-06-01T12:00:00.10Z", False),
        ("2026-06-01T12:00:00.1Z", "2026-06-01T12:00:00.09Z", True),
        ("2026-06-01T12:00:00.123456789Z", "2026-06-01T12:00:00.123456788Z", True),
        ("2026-06-01T12:00:00.123456788Z", "2026-06-01T12:00:00.123456789Z", False),
        ("2026-06-01T12:00:00.123456789Z", "2026-06-01T14:00:00.123456789+02:00", False),
        # Days that exist in some years only, and the ends of time.
        ("2024-02-29T00:00:00Z", "2024-02-28T23:59:59Z", True),
        ("2000-02-29T00:00:00Z", "2000-02-28T23:59:59Z", True),
        ("0001-01-01T00:00:01Z", "0001-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:58Z", True),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", True),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z", False),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", True),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-23:59", False),
    ],
)
@pytest.mark.parametrize("org", [HOME, ABROAD])
def test_a_row_counts_until_its_hour_has_come(
    studio: Any, org: str, expires: str | None, now: str | None, counts: bool
) -> None:
    who = person("cara", org)
    assert is_editor(studio, grant(R, who, "editor", expiresAt=expires), R, who, now) is counts


def test_an_expiring_row_does_not_count_without_a_clock_in_any_form(studio: Any) -> None:
    for context in (None, {}, {"now": None}):
        decision = decide(studio, CARA, "read", R, grants=[grant(R, CARA, expiresAt=FUTURE)], context=context)
        assert denies(decision)


def test_an_expiring_row_on_a_folder_expires_for_what_is_inside(studio: Any) -> None:
    for expires in (PAST, NOW, FUTURE):
        assert is_editor(studio, grant(F, CARA, "editor", expiresAt=expires), INSIDE) is (expires == FUTURE)


# Rows one by one


def test_rows_of_one_key_are_each_judged(studio: Any) -> None:
    expired_editor = grant(R, CARA, "editor", expiresAt=PAST)
    live_viewer = grant(R, CARA, "viewer", expiresAt=FUTURE)
    rows = [expired_editor, live_viewer]
    assert allows(decide(studio, CARA, "read", R, grants=rows, context={"now": NOW}), VIEWER)
    assert denies(decide(studio, CARA, "update", R, grants=rows, context={"now": NOW}))
    rows.append(grant(R, CARA, "editor", expiresAt=FUTURE))
    assert allows(decide(studio, CARA, "update", R, grants=rows, context={"now": NOW}), EDITOR)


def test_rows_never_make_up_for_each_other(studio: Any) -> None:
    sound = grant(R, CARA, "editor")
    wrong = {"orgId": ABROAD, "resourceType": "Diagram", "resourceId": "s", "memberId": "dora", "memberOrgId": ABROAD}
    rows = [sound | {attribute: value} for attribute, value in wrong.items()] + [sound | {"expiresAt": PAST}]
    for action in ("read", "list", "update"):
        assert denies(decide(studio, CARA, action, R, grants=rows, context={"now": NOW}))
