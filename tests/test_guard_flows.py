"""The flows of one organization, each call through the guard: the table is then as it is without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from moto import mock_aws

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.resolvers import Guard, Identity
from policyengine.resolvers.calls import Calls, Limits
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.cursors import Cursors
from policyengine.resolvers.layout import record_key
from policyengine.resolvers.listing import list_own
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import Target, granted, revoke, share
from policyengine.resolvers.store import DynamoStore
from policyengine.resolvers.writes import TypeRules, change, create, delete
from tests.dynamodb import studio_settings
from tests.resolver_world import LAYOUT, client, make_table, who
from tests.test_resolver_sharing import NOW

RULES = TypeRules()
Made = tuple[Rows, DynamoStore]
Through = Callable[[Identity, Any], Any]


def unguarded(identity: Identity, dynamodb: Any) -> Any:
    return dynamodb


def guarded(identity: Identity, dynamodb: Any) -> Any:
    return Guard(identity, studio_settings(), dynamodb, role=None)


def flows(studio: Any, dynamodb: Any, through: Through) -> list[Any]:
    """What each step gave; the table is left as the steps made it."""
    plans = plans_of(studio.program)

    def of(identity: Identity) -> Made:
        calls = Calls(through(identity, dynamodb), Limits(attempts=1), sleep=lambda _: None)
        rows = Rows(studio, plans, identity, calls, LAYOUT, None, lambda _: None, lambda: NOW)
        return rows, DynamoStore(calls, LAYOUT)

    ann, bob, eve = who(), who("bob"), who("eve", "org_x")
    host, to_bob = ("org_1", "Host", "h1"), Target("org_1", "Host", "h1", "bob", "org_1")
    told: list[Any] = [
        create(*of(ann), RULES, "Folder", "f1", {"scope": "ORG", "name": "racks"}),
        create(*of(ann), RULES, "Host", "h1", {"scope": "CUSTOM", "name": "edge"}),
        create(*of(ann), RULES, "Host", "h2", {"scope": "INHERIT", "parentId": "f1"}),
        share(*of(ann), to_bob, "viewer"),
        share(*of(ann), Target(*host, "eve", "org_x"), "viewer"),
    ]
    listed = [list_own(of(each)[0], Cursors([b"1" * 32]), "Host") for each in (ann, bob, eve)]
    told += [sorted(record["id"] for record in page.records) for page in listed]
    told += [
        change(*of(ann), RULES, "Host", "h2", {"parentId": None, "scope": "ORG"}),
        revoke(*of(ann), to_bob),
        revoke(*of(ann), Target(*host, "eve", "org_x")),
    ]
    delete(*of(ann), RULES, "Folder", "f1")
    return [*told, of(ann)[1].get(record_key("org_1", "Host", "h2"))]


def test_the_flows_of_one_organization_are_the_same_through_the_guard(studio: Any) -> None:
    seen = []
    for through in (unguarded, guarded):
        with mock_aws():
            dynamodb = client("dynamodb")
            make_table(dynamodb)
            told = flows(studio, dynamodb, through)
            items = dynamodb.scan(TableName=LAYOUT.table)["Items"]
            seen.append((told, sorted(items, key=str)))
    assert seen[0] == seen[1]
    told, items = seen[1]
    assert told[3:8] == ["granted", "intended", ["h1", "h2"], ["h1", "h2"], []]
    assert len(items) == 2


def test_what_reaches_into_another_organization_is_the_service_roles(studio: Any) -> None:
    """A crossing grant's copy stands under the member's organization: no guard of one organization writes both."""
    with mock_aws():
        dynamodb = client("dynamodb")
        make_table(dynamodb)
        flows(studio, dynamodb, unguarded)
        calls = Calls(guarded(who(), dynamodb), Limits(attempts=1), sleep=lambda _: None)
        target = Target("org_1", "Host", "h1", "eve", "org_x")
        with pytest.raises(Refused, match=r"refused\[key\]"):
            DynamoStore(calls, LAYOUT).write(granted(target, "viewer", None))
