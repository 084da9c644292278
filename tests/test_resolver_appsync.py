"""AppSync's shapes: who asks is read from each entry by itself, failures tell nothing, and events stay at home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policyengine.resolvers.appsync import Asked, FieldError, event_of, handler, subscription_filter
from policyengine.resolvers.codes import Incomplete, Refused
from tests.dynamodb import studio_settings
from tests.resolver_world import who


def event(id: str = "ann", org: str = "org_1", **changed: Any) -> dict[str, Any]:
    context = {"id": id, "orgId": org, "orgRole": "member", "policyDigest": "d1", "requestId": "r1"}
    info = {"fieldName": "host", "parentTypeName": "Query", "selectionSetList": ["id"], "variables": {}}
    made = {"arguments": {"id": "h1"}, "identity": {"resolverContext": context}, "source": None, "info": info}
    return {**made, "request": {"headers": {}, "domainName": None}, "prev": None, "stash": {}, **changed}


def resolve(asked: Asked) -> Any:
    """Says who asked; by the id in its arguments it fails in one way or another."""
    failures = {
        "gone": Refused("absent", "record"),
        "no": Refused("denied", "record"),
        "odd": Refused("limit", "limit"),
        "late": Incomplete("throttled"),
        "broken": RuntimeError("row: secret"),
    }
    if asked.arguments["id"] in failures:
        raise failures[asked.arguments["id"]]
    return [asked.identity.tenant, asked.identity.id, asked.parent, asked.field, asked.source]


@pytest.fixture
def handle() -> Any:
    return handler(resolve, studio_settings(), {"d1"})


def test_one_event_has_one_answer(handle: Any) -> None:
    assert handle(event(), None) == ["org_1", "ann", "Query", "host", None]
    nested = event(source={"id": "f1", "orgId": "org_2"}, info={"fieldName": "hosts", "parentTypeName": "Folder"})
    assert handle(nested, None) == ["org_1", "ann", "Folder", "hosts", {"id": "f1", "orgId": "org_2"}]


def test_in_a_batch_each_entry_is_judged_by_itself(handle: Any) -> None:
    """Of several principals and organizations, and with every kind of failure between them."""
    ids = ["h1", "gone", "no", "odd", "late", "broken", "h2"]
    entries: list[Any] = [event(f"u{n}", f"org_{n}", arguments={"id": id}) for n, id in enumerate(ids)]
    entries += [event(identity={}), event(identity=None), event(info=None), "no event", None]
    answers = handle(entries, None)
    assert len(answers) == len(entries)
    assert answers[0] == {"data": ["org_0", "u0", "Query", "host", None]}
    assert answers[6] == {"data": ["org_6", "u6", "Query", "host", None]}
    kinds = [answer.get("errorType") for answer in answers]
    assert kinds[1:6] == ["NotFound", "Forbidden", "BadRequest", "TryAgain", "InternalError"]
    assert kinds[7:] == ["Forbidden", "Forbidden", "BadRequest", "Forbidden", "Forbidden"]
    assert all(answer["data"] is None for answer in answers if "errorType" in answer)
    assert "secret" not in str(answers)


def test_a_failure_is_an_error_of_its_type_without_a_cause(handle: Any) -> None:
    with pytest.raises(FieldError) as failed:
        handle(event(arguments={"id": "broken"}), None)
    assert (type(failed.value).__name__, str(failed.value)) == ("InternalError", "internal")
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    with pytest.raises(FieldError) as failed:
        handle(event(arguments={"id": "gone"}), None)
    assert (type(failed.value).__name__, str(failed.value)) == ("NotFound", "absent")


@pytest.mark.parametrize(
    "identity", [{}, {"resolverContext": {}}, {"sub": "x", "resolverContext": {}}, {"accountId": "1"}, []], ids=repr
)
def test_no_identity_no_answer(handle: Any, identity: Any) -> None:
    with pytest.raises(FieldError, match="identity"):
        handle(event(identity=identity), None)


# ---- Subscriptions


def delivers(made: dict[str, Any], carried: dict[str, Any]) -> bool:
    """Whether AppSync would deliver an event: groups are joined by or, filters by and."""
    meaning: dict[str, Callable[[Any, Any], bool]] = {
        "eq": lambda value, wanted: value == wanted,
        "in": lambda value, wanted: value in wanted,
        "beginsWith": lambda value, wanted: str(value).startswith(wanted),
    }
    return any(
        all(
            f["fieldName"] in carried and meaning[f["operator"]](carried[f["fieldName"]], f["value"])
            for f in group["filters"]
        )
        for group in made["filterGroup"]
    )


def test_the_organization_stands_in_every_group() -> None:
    types = ["Host", "Diagram", "File", "Memory", "Procedure", "Folder", "Conversation"]
    made = subscription_filter(who(), "orgId", types, [{"id": {"eq": "h1"}}, {"id": {"beginsWith": "x"}}])
    assert len(made["filterGroup"]) == 4
    for group in made["filterGroup"]:
        assert {"fieldName": "orgId", "operator": "eq", "value": "org_1"} in group["filters"]
        for rule in group["filters"]:
            assert rule["operator"] != "in" or len(rule["value"]) <= 5
    assert delivers(made, {"type": "Host", "id": "h1", "orgId": "org_1"})
    assert not delivers(made, {"type": "Host", "id": "h1", "orgId": "org_2"})
    assert not delivers(made, {"type": "Host", "id": "h1"})
    assert not delivers(made, {"type": "Tool", "id": "h1", "orgId": "org_1"})
    everything = subscription_filter(who(), "orgId")
    assert delivers(everything, {"type": "Tool", "id": "t", "orgId": "org_1"})
    assert not delivers(everything, {"type": "Tool", "id": "t", "orgId": "org_10"})


@pytest.mark.parametrize(
    "group",
    [
        {"orgId": {"eq": "org_2"}},
        {"ownerId": {"eq": "ann"}},
        {"id": {"ne": "h1"}},
        {"id": {"notIn": ["h1"]}},
        {"id": {"in": []}},
        {"id": {"in": list("abcdef")}},
        {"id": {"eq": None}},
        {"id": {"eq": {"x": 1}}},
    ],
    ids=repr,
)
def test_a_group_only_narrows(group: Any) -> None:
    with pytest.raises(Refused):
        subscription_filter(who(), "orgId", ["Host"], [group])


def test_an_event_says_no_more_than_which_record() -> None:
    record = {"type": "Host", "id": "h1", "orgId": "org_1", "ownerId": "ann", "name": "core"}
    assert event_of(record, "orgId") == {"type": "Host", "id": "h1", "orgId": "org_1"}
