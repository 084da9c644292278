"""Whatever JSON comes, of any depth, the engine answers: with a denial and an error where it is no request at all."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policyengine.interpreter import Rows, decide
from tests.laws.situations import Decision, Tally, studio_engine
from tests.strategies import JUNK, Choices, broken, json_values
from tests.worlds import requests, world

DEEP = 100_000


def _answers(request: Any, data: Any = None) -> Decision:
    """The decision on anything, of which all ways to ask agree, and none raises."""
    engine = studio_engine()
    rows, entities = Rows(engine.program.schema, data or {}), engine.entities(data or {})
    decision = engine.authorize(request, entities)
    agrees = decide(engine.program, request, rows) == decision
    assert agrees
    json.dumps(decision)
    if isinstance(request, dict):
        who, action, record = (request.get(name) for name in ("principal", "action", "resource"))
        allowed = engine.allowed(who, action, record, entities, request.get("context"))
        assert allowed is (decision["decision"] == "allow" and not decision["obligations"])
        kept = engine.filter(who, action, [record], entities, request.get("context"))
        assert len(kept) == allowed
    if decision["reason"] == "The request is malformed.":
        assert (decision["decision"], decision["rules"]) == ("deny", [])
        assert decision["errors"]
    return decision


@given(json_values())
def test_any_json_is_denied_as_a_request(request: Any) -> None:
    assume(not isinstance(request, dict) or len(request) < 3)
    decision = _answers(request)
    assert decision["decision"] == "deny"
    assert decision["errors"]


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[Any, Any]:
    """A request and data from a world, with any JSON in the place of some part of them."""
    rng = Random(draw(st.integers(0, 10_000)))
    data = world(rng)
    request = requests(rng, data, 1)[0]
    for _ in range(draw(st.integers(1, 3))):
        part = draw(st.sampled_from(("principal", "action", "resource", "context", "rows", "row")))
        name = draw(
            st.sampled_from(("", "id", "orgId", "orgRole", "ownerId", "scope", "parentId", "now", "member", "type"))
        )
        junk = draw(json_values())
        if part in ("rows", "row"):
            array = draw(st.sampled_from(("Folder", "ResourceShareMember", "Connector")))
            rows = [junk] if part == "rows" else [{**row, name: junk} for row in data.get(array, [])[:1] if row]
            data = {**data, array: [*rows, *data.get(array, [])]}
        elif name and isinstance(request.get(part), dict):
            request = {**request, part: {**request[part], name: junk}}
        else:
            request = {**request, part: junk}
    return request, data


@given(_damaged())
def test_any_json_in_a_part_of_a_request_or_of_data_is_answered_alike(drawn: tuple[Any, Any]) -> None:
    _answers(*drawn)


def test_damaged_requests_are_answered_alike_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    schema = studio_engine().program.schema
    for seed in range(12):
        rng, c = Random(seed), Choices.seeded(seed)
        data = world(rng)
        for request in requests(rng, data, 50):
            part = c.pick(("principal", "resource", "context"))
            if c.chance(40) and isinstance(request.get(part), dict):
                request = {**request, part: broken(c, request[part])}
            tally.see(schema, request, _answers(request, data))
    tally.check()
    assert tally["malformed"] > 100


@given(json_values())
def test_data_is_an_object_of_arrays_or_refused(data: Any) -> None:
    engine = studio_engine()
    if isinstance(data, dict) and all(isinstance(rows, list) for rows in data.values()):
        engine.entities(data)
    else:
        with pytest.raises(ValueError):
            engine.entities(data)


@given(json_values(), st.lists(json_values(), max_size=3))
def test_any_json_as_discharged_obligations_discharges_nothing(one: Any, many: list[Any]) -> None:
    engine = studio_engine()
    who = {"id": "u", "orgId": "org_1", "orgRole": "member"}
    tool = {"type": "Tool", "id": "t", "orgId": "org_1", "enabled": True, "toolClass": "DANGEROUS"}
    owed = {"name": "approval", "resourceType": "Tool", "resourceId": "t"}
    entities = engine.entities({})
    for discharged in (one, many, [one, *many]):
        assert engine.allowed(who, "invoke", tool, entities, None, discharged) is False
        assert engine.filter(who, "invoke", [tool], entities, None, discharged) == []
        found: Any = [*discharged, owed] if isinstance(discharged, list) else [owed]
        assert engine.allowed(who, "invoke", tool, entities, None, found) is True


def _deep(kind: str) -> Any:
    value: Any = "x"
    for _ in range(DEEP):
        value = [value] if kind == "array" else {"id": value}
    return value


@pytest.mark.parametrize("kind", ["array", "object"])
def test_nesting_without_end_is_answered(kind: str) -> None:
    """Values nested 100,000 deep, made without recursion, in every place that JSON can stand in."""
    deep = _deep(kind)
    who: Any = {"id": "u", "orgId": "org_1", "orgRole": "member"}
    host: Any = {"type": "Host", "id": "h", "orgId": "org_1", "ownerId": "u", "scope": "INHERIT", "parentId": "f"}
    folder: Any = {"id": "f", "orgId": "org_1", "ownerId": "u", "scope": "ORG"}
    good: Any = {"principal": who, "action": "read", "resource": host, "context": {}}
    assert _answers(deep)["decision"] == "deny"
    for part in good:
        unheard = part == "context" and kind == "object"  # an object all right, with an attribute nobody knows
        assert _answers({**good, part: deep})["decision"] == ("allow" if unheard else "deny")
        if part != "action":
            for name in (*good[part], "now", "trust", "member"):
                changed = {**good, part: {**good[part], name: deep}}
                unheard = part != "context" and name not in good[part]
                assert _answers(changed)["decision"] == ("allow" if unheard else "deny")
    for rows in ([deep], [{**folder, "id": deep}], [{**folder, "ownerId": deep}], [folder, {**folder, "type": deep}]):
        _answers(good, {"Folder": rows, "ResourceShareMember": [deep, {"memberId": deep}], "Other": [deep]})
    assert _answers(good, {"Folder": [{**folder, "more": deep}]})["errors"] == []
    engine = studio_engine()
    tool = {"type": "Tool", "id": "t", "orgId": "org_1", "enabled": True, "toolClass": "DANGEROUS"}
    owed = {"name": "approval", "resourceType": "Tool", "resourceId": deep}
    for discharged in (deep, [deep], [owed], {"name": deep}):
        assert engine.allowed(who, "invoke", tool, engine.entities({}), None, discharged) is False


@pytest.mark.parametrize("junk", [value for value in JUNK if value is not None], ids=lambda value: repr(value)[:20])
def test_junk_in_the_place_of_any_attribute_is_denied_and_named(junk: Any) -> None:
    who: Any = {"id": "u", "orgId": "org_1", "orgRole": "member"}
    host: Any = {"type": "Host", "id": "h", "orgId": "org_1", "ownerId": "u", "scope": "ORG"}
    good: Any = {"principal": who, "resource": host, "action": "read", "context": {"now": "2026-06-01T00:00:00Z"}}
    for part in ("principal", "resource", "context"):
        for name in good[part]:
            decision = _answers({**good, part: {**good[part], name: junk}})
            fits = isinstance(junk, str) and junk not in ("", "\ud800", "a\udfff") and name in ("id", "ownerId")
            fits = fits or (name == "orgId" and junk == "other")
            if not fits:
                assert decision["decision"] == "deny"
                assert [error for error in decision["errors"] if error.startswith(f"{part}.{name}: ")]
