"""IAM behind the guard: the tenant's role for one organization, and the narrow one for a record of another.

moto holds tables and issues credentials; it enforces no policy, so that what they may do is asked of `policyengine.iam`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from policyengine.backends.aws import emit_documents
from policyengine.compiler import compile_folders, program_of
from policyengine.iam import Request, evaluate, read_request
from policyengine.resolvers import GrantKeys, Guard, Incomplete, Refused, TenantRole
from policyengine.resolvers.roles import KEPT, session_policy
from tests.dynamodb import KEYS, TABLE, create_tables, identity, studio_settings
from tests.red_team import fill

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent
ROLE = "arn:aws:iam::123456789012:role/StudioTenant"
"""In the account of moto's tables."""


def typed(**attributes: Any) -> Json:
    return {name: {"S": value} if isinstance(value, str) else value for name, value in attributes.items()}


class World:
    """A table in moto, and what was assumed."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb", **KEYS)
        create_tables(self.client, studio_settings())
        self.sts = boto3.client("sts", **KEYS)
        self.session = boto3.Session()
        self.assumed: list[Json] = []
        self.sts.meta.events.register(
            "provide-client-params.sts.AssumeRole", lambda params, **_: self.assumed.append(dict(params))
        )

    def begin(self) -> None:
        fill(self.client, [])
        self.assumed.clear()
        self.now = 0.0
        self.role = TenantRole(ROLE, "orgId", "us-east-1", self.sts, lambda: self.now, self.session)

    def guard(self, tenant: str = "org_2", id: str = "eve", **more: Any) -> Guard:
        given = {"role": self.role, "log": lambda record: None, **more}
        return Guard(identity(tenant, id), studio_settings(), given.pop("around", self.client), **given)

    def put(self, **attributes: Any) -> Json:
        item = typed(**attributes)
        self.client.put_item(TableName=TABLE, Item=item)
        return item


@pytest.fixture(scope="module")
def moto() -> Iterator[World]:
    with mock_aws():
        yield World()


@pytest.fixture
def world(moto: World) -> World:
    moto.begin()
    return moto


def key(partition: str, sort: str = "record") -> Json:
    return typed(pk=partition, sk=sort)


# ---- The tenant's role


def test_the_role_is_assumed_for_the_organization_of_the_identity(world: World) -> None:
    world.put(pk="org_2#Host#h1", sk="record", orgId="org_2")
    guard = world.guard()
    assert world.assumed == []  # not before it is needed
    for _ in range(3):
        assert "Item" in guard.get_item(TableName=TABLE, Key=key("org_2#Host#h1"))
    assert world.assumed == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "resolver-org_2",
            "DurationSeconds": 900,
            "Tags": [{"Key": "orgId", "Value": "org_2"}],
        }
    ]


def test_the_calls_are_made_under_its_credentials(world: World) -> None:
    client = world.role.client("org_2", world.client, False)
    credentials = client._request_signer._credentials.get_frozen_credentials()
    assert credentials.access_key.startswith("ASIA")
    assert credentials.token
    assert client.meta.endpoint_url == world.client.meta.endpoint_url
    assert client.meta.region_name == world.client.meta.region_name


def test_clients_are_kept_by_organization_and_not_too_long(world: World) -> None:
    clients = [world.role.client(tenant, world.client, False) for tenant in ("org_1", "org_2", "org_1")]
    assert clients[0] is clients[2]
    assert clients[0] is not clients[1]
    world.now = KEPT - 1
    assert world.role.client("org_1", world.client, False) is clients[0]
    world.now = KEPT + 1
    assert world.role.client("org_1", world.client, False) is not clients[0]
    assert [each["Tags"][0]["Value"] for each in world.assumed] == ["org_1", "org_2", "org_1"]
    assert KEPT < world.assumed[0]["DurationSeconds"] <= 900


def test_a_table_of_boto3_keeps_its_form_under_the_role(world: World) -> None:
    world.put(pk="org_2#Host#h1", sk="record", orgId="org_2")
    around = boto3.resource("dynamodb", **KEYS).Table(TABLE)
    found = world.guard(around=around).table(TABLE).get_item(Key={"pk": "org_2#Host#h1", "sk": "record"})
    assert found["Item"]["orgId"] == "org_2"
    assert len(world.assumed) == 1


def test_a_role_that_cannot_be_assumed_is_a_denial_that_says_no_more(world: World) -> None:
    class Failing:
        def assume_role(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ROLE}}, "AssumeRole")

    role = TenantRole(ROLE, "orgId", "us-east-1", Failing(), session=world.session)
    with pytest.raises(Incomplete) as found:
        world.guard(role=role).get_item(TableName=TABLE, Key=key("org_2#Host#h1"))
    assert ROLE not in str(found.value)
    assert found.value.__context__ is None


def test_what_is_refused_assumes_nothing(world: World) -> None:
    with pytest.raises(Refused):
        world.guard().get_item(TableName=TABLE, Key=key("org_1#Host#h1"))
    assert world.assumed == []


def test_the_setting_is_on_unless_it_is_turned_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(studio_settings(), tenant_role=ROLE)
    standard = TenantRole.standard(settings)
    assert standard is TenantRole.standard(settings)
    monkeypatch.setattr(standard, "_sts", world.sts)
    guard = Guard(identity("org_7"), settings, world.client, log=lambda record: None)
    guard.get_item(TableName=TABLE, Key=key("org_7#Host#h1"))
    assert [each["RoleArn"] for each in world.assumed] == [ROLE]


# ---- Records of others

RECORD = key("org_1#Host#h1")
GRANT = GrantKeys(row=key("org_1#Host#h1", "grant#org_2#eve"), copy=key("org_2#@member#eve", "org_1#Host#h1"))
ROW = {"resourceType": "Host", "resourceId": "h1", "memberId": "eve", "memberOrgId": "org_2", "role": "editor"}


def shared_host(world: World, row: Json | None = None, copy: Json | None = None, **record: Any) -> None:
    """A host of org_1 with a grant row for eve of org_2, and its copy; None leaves the row, or the copy, out."""
    named = {"orgId": "org_1", "name": "h1", "version": {"N": "1"}, **record}
    world.put(**{name: value["S"] for name, value in RECORD.items()}, **named)
    if row is not None:
        world.put(pk="org_1#Host#h1", sk="grant#org_2#eve", **{"orgId": "org_1", **ROW, **row})
    if copy is not None:
        named = {"orgId": "org_2", "originId": "org_1", **ROW, **copy}
        world.put(pk="org_2#@member#eve", sk="org_1#Host#h1", **named)


def yes(record: Any, row: Any) -> bool:
    return True


class Asked:
    """A check that allows, and remembers what it was asked about."""

    def __init__(self) -> None:
        self.about: list[Any] = []

    def __call__(self, record: Any, row: Any) -> bool:
        self.about.append((record, row))
        return True


def test_a_grant_row_opens_the_one_record(world: World) -> None:
    shared_host(world, row={}, copy={})
    asked = Asked()
    found = world.guard().shared(TABLE, RECORD, GRANT, asked)
    assert found is not None
    assert found.record["name"] == {"S": "h1"}
    assert asked.about == [(found.record, found.row)]
    assert [each["Tags"][0]["Value"] for each in world.assumed] == ["org_2", "org_1"]
    assert "Policy" not in world.assumed[0]
    assert json.loads(world.assumed[1]["Policy"])["Statement"][0]["Condition"]["ForAllValues:StringEquals"] == {
        "dynamodb:LeadingKeys": ["org_1#Host#h1"]
    }


def test_so_it_does_in_the_form_of_a_boto3_table(world: World) -> None:
    shared_host(world, row={}, copy={})

    def plain(key: Mapping[str, Any]) -> Json:
        return {name: value["S"] for name, value in key.items()}

    guard = world.guard(around=boto3.resource("dynamodb", **KEYS))
    found = guard.shared(TABLE, plain(RECORD), GrantKeys(plain(GRANT.row), plain(GRANT.copy)), yes)
    assert found is not None
    assert (found.record["name"], found.row["role"]) == ("h1", "editor")
    given: Json = {"UpdateExpression": "SET extra = :x", "ExpressionAttributeValues": {":x": 1}}
    assert found.update(yes, content=["extra"], **given) is True
    written = world.client.get_item(TableName=TABLE, Key=RECORD)["Item"]
    assert (written["extra"], written["version"]) == ({"N": "1"}, {"N": "2"})


@pytest.mark.parametrize(
    "rows, assumed",
    [
        ({"row": None, "copy": None}, ["org_2"]),
        ({"row": {}, "copy": None}, ["org_2"]),
        ({"row": {}, "copy": {"originId": "org_3"}}, ["org_2"]),
        ({"row": {}, "copy": {"memberId": "bob"}}, ["org_2"]),
        ({"row": {}, "copy": {"memberOrgId": "org_3"}}, ["org_2"]),
        ({"row": {}, "copy": {"resourceId": "h2"}}, ["org_2"]),
        ({"row": {}, "copy": {"resourceType": "Folder"}}, ["org_2"]),
        ({"row": {}, "copy": {"orgId": "org_1"}}, ["org_2"]),
        ({"row": None, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {"memberId": "bob"}, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {"memberOrgId": "org_3"}, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {"resourceId": "h2"}, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {"resourceType": "Folder"}, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {"orgId": "org_3"}, "copy": {}}, ["org_2", "org_1"]),
        ({"row": {}, "copy": {}, "orgId": "org_3"}, ["org_2", "org_1"]),
    ],
    ids=repr,
)
def test_whatever_does_not_fit_there_is_no_record(world: World, rows: Json, assumed: list[str]) -> None:
    """And without a copy that names the member and the origin, no credentials of the origin are made at all."""
    shared_host(world, **rows)
    asked = Asked()
    assert world.guard().shared(TABLE, RECORD, GRANT, asked) is None
    assert asked.about == []
    assert [each["Tags"][0]["Value"] for each in world.assumed] == assumed


def test_the_check_has_the_last_word(world: World) -> None:
    shared_host(world, row={}, copy={})
    assert world.guard().shared(TABLE, RECORD, GRANT, lambda record, row: False) is None


def test_rows_are_read_consistently_the_grant_first(world: World) -> None:
    shared_host(world, row={}, copy={})
    calls: list[tuple[str, bool]] = []

    def called(params: Json, **_: Any) -> None:
        calls.append((params["Key"]["sk"]["S"], params["ConsistentRead"]))

    world.client.meta.events.register("provide-client-params.dynamodb.GetItem", called)
    world.guard(role=None).shared(TABLE, RECORD, GRANT, yes)
    world.client.meta.events.unregister("provide-client-params.dynamodb.GetItem", called)
    assert calls == [("org_1#Host#h1", True), ("grant#org_2#eve", True), ("record", True)]


@pytest.mark.parametrize(
    "record, grant",
    [
        (key("org_2#Host#h1"), GRANT),  # the own organization's records are read as such
        (key("org_3#Host#h1"), GRANT),
        (RECORD, GrantKeys(row=key("org_3#Host#h1", "grant#org_2#eve"), copy=GRANT.copy)),
        (RECORD, GrantKeys(row=key("org_1#Host#h2", "grant#org_2#eve"), copy=GRANT.copy)),
        (RECORD, GrantKeys(row=GRANT.row, copy=key("org_1#@member#eve", "org_1#Host#h1"))),
        (RECORD, GrantKeys(row=key("org_1#Host#h1", "intent#org_2#eve"), copy=GRANT.copy)),
        (RECORD, GrantKeys(row=RECORD, copy=GRANT.copy)),
        (key("org_1#Host#h1", "wrap#org_2"), GRANT),
        (GRANT.row, GRANT),
        (typed(pk="org_1#Host#h1"), GRANT),
        (typed(pk="org_1", sk="record"), GRANT),
        ({}, GRANT),
        (None, GRANT),
    ],
    ids=repr,
)
def test_keys_that_are_not_where_they_belong_are_refused(world: World, record: Any, grant: GrantKeys) -> None:
    shared_host(world, row={}, copy={})
    with pytest.raises(Refused, match=r"refused\[key\]"):
        world.guard().shared(TABLE, record, grant, yes)
    assert world.assumed == []


def test_the_red_team_reaches_records_of_others_by_live_rows_alone(world: World) -> None:
    """Random keys over random rows and copies; what may be opened is worked out from the rows by themselves."""
    rng = Random(5)
    tenants, ids, members = ("org_1", "org_2", "org_20"), ("h1", "h2"), ("eve", "bob")
    for tenant in tenants:
        for id in ids:
            world.put(pk=f"{tenant}#Host#{id}", sk="record", orgId=tenant, name=f"{tenant}/{id}", version="v1")
    rows: set[tuple[str, ...]] = set()
    copies: set[tuple[str, ...]] = set()
    for _ in range(30):
        tenant, id, member, home = (rng.choice(each) for each in (tenants, ids, members, tenants))
        named = {"resourceType": "Host", "resourceId": id, "memberId": member, "memberOrgId": home, "role": "viewer"}
        if rng.random() < 0.7:
            world.put(pk=f"{tenant}#Host#{id}", sk=f"grant#{home}#{member}", orgId=tenant, **named)
            rows.add((tenant, id, member, home))
        if rng.random() < 0.7:
            place = {"pk": f"{home}#@member#{member}", "sk": f"{tenant}#Host#{id}"}
            world.put(**place, orgId=home, originId=tenant, **named)
            copies.add((tenant, id, member, home))
    guard = world.guard(role=None)
    opened = refused = nothing = 0
    for _ in range(600):
        tenant, id = rng.choice(tenants), rng.choice(ids)
        row = (tenant if rng.random() < 0.8 else rng.choice(tenants), id if rng.random() < 0.8 else rng.choice(ids))
        whose = rng.choice(members), rng.choice(("org_2", "org_2", "org_1", "org_20"))
        copy = row if rng.random() < 0.8 else (rng.choice(tenants), rng.choice(ids))
        owner = whose if rng.random() < 0.8 else (rng.choice(members), rng.choice(tenants))
        grant = GrantKeys(
            row=key(f"{row[0]}#Host#{row[1]}", f"grant#{whose[1]}#{whose[0]}"),
            copy=key(f"{owner[1]}#@member#{owner[0]}", f"{copy[0]}#Host#{copy[1]}"),
        )
        may_ask = tenant != "org_2" and row == (tenant, id) and owner[1] == "org_2"
        try:
            found = guard.shared(TABLE, key(f"{tenant}#Host#{id}"), grant, yes)
        except Refused:
            assert not may_ask
            refused += 1
            continue
        assert may_ask
        leads = (*row, *whose) in rows and (*copy, *owner) in copies and whose == owner == ("eve", "org_2")
        if found is None:
            assert not (leads and copy == row)
            nothing += 1
        else:
            assert leads
            assert copy[0] == row[0] == tenant
            assert copy[1] == row[1] == id
            assert found.record["name"] == {"S": f"{tenant}/{id}"}
            opened += 1
    assert opened > 10
    assert refused > 50
    assert nothing > 50


# ---- Updates of what was shared

CHANGE: Json = {
    "content": ("name",),
    "UpdateExpression": "SET #n = :new",
    "ExpressionAttributeNames": {"#n": "name"},
    "ExpressionAttributeValues": {":new": {"S": "renamed"}},
}


def name_of(world: World) -> str:
    return str(world.client.get_item(TableName=TABLE, Key=RECORD)["Item"]["name"]["S"])


def test_an_update_is_decided_and_tied_to_record_and_row(world: World) -> None:
    shared_host(world, row={}, copy={})
    found = world.guard().shared(TABLE, RECORD, GRANT, yes)
    assert found is not None
    assert found.update(lambda record, row: row["role"] == {"S": "viewer"}, **CHANGE) is False
    assert name_of(world) == "h1"
    assert found.update(lambda record, row: row["role"] == {"S": "editor"}, **CHANGE) is True
    assert name_of(world) == "renamed"


@pytest.mark.parametrize(
    "expression, written",
    [
        ("SET #n = :new", {"name": {"S": "renamed"}, "version": {"N": "2"}}),
        ("remove tags set #n = if_not_exists(nick, :new)", {"name": {"S": "renamed"}, "version": {"N": "2"}}),
        ("REMOVE #n", {"version": {"N": "2"}}),
        ("SET nick.#n = :new", None),  # there is no such map: DynamoDB refuses, and the version stays
        ("SET ownerId = :new", "content"),
        ("SET #n = :new, ownerId = :new", "content"),
        ("SET #n = :new, version = :new", "content"),
        ("SET #n = :new REMOVE children", "content"),
        ("SET #n = ownerId", "content"),  # nor is a value taken from there
        ("SET #n = if_not_exists(ownerId, :new)", "content"),
        ("SET #n = :new, scope.#n = :new", "content"),
        ("SET #n = :new, scope[0] = :new", "content"),
        ("SET #n = :new DELETE shareVersion :new", "content"),
        ("SET #n = :new, SET = :new", None),
    ],
)
def test_an_update_sets_what_it_may_and_raises_the_version(world: World, expression: str, written: Any) -> None:
    shared_host(world, row={}, copy={}, ownerId="ann")
    before = world.client.get_item(TableName=TABLE, Key=RECORD)["Item"]
    found = world.guard().shared(TABLE, RECORD, GRANT, yes)
    assert found is not None
    given = {**CHANGE, "content": ("name", "nick", "tags", "version"), "UpdateExpression": expression}
    if ":new" not in expression:
        del given["ExpressionAttributeValues"]
    if isinstance(written, dict):
        assert found.update(yes, **given) is True
        kept = {name: value for name, value in before.items() if name != "name"}
        assert world.client.get_item(TableName=TABLE, Key=RECORD)["Item"] == {**kept, **written}
        return
    with pytest.raises(Refused if written else ClientError) as failed:
        found.update(yes, **given)
    assert getattr(failed.value, "code", None) == written
    assert world.client.get_item(TableName=TABLE, Key=RECORD)["Item"] == before


@pytest.mark.parametrize("version, after", [(None, "1"), ({"S": "v1"}, None), ({"N": "41"}, "42")])
def test_a_version_is_a_number_or_begins(world: World, version: Any, after: str | None) -> None:
    shared_host(world, row={}, copy={}, version=version or {"N": "1"})
    if version is None:
        world.client.update_item(TableName=TABLE, Key=RECORD, UpdateExpression="REMOVE version")
    found = world.guard().shared(TABLE, RECORD, GRANT, yes)
    assert found is not None
    if after is None:
        with pytest.raises(Refused, match="malformed"):
            found.update(yes, **CHANGE)
    else:
        assert found.update(yes, **CHANGE) is True
        assert world.client.get_item(TableName=TABLE, Key=RECORD)["Item"]["version"] == {"N": after}


@pytest.mark.parametrize("meanwhile", ["revoked", "demoted", "written", "gone", "moved"])
def test_an_update_fails_where_anything_changed_meanwhile(world: World, meanwhile: str) -> None:
    shared_host(world, row={}, copy={})
    found = world.guard().shared(TABLE, RECORD, GRANT, yes)
    assert found is not None
    if meanwhile == "revoked":
        world.client.delete_item(TableName=TABLE, Key=GRANT.row)
    elif meanwhile == "gone":
        world.client.delete_item(TableName=TABLE, Key=RECORD)
    elif meanwhile == "demoted":
        shared_host(world, row={"role": "viewer"}, copy={})
    else:
        shared_host(
            world, row={}, copy={}, **({"version": {"N": "2"}} if meanwhile == "written" else {"orgId": "org_3"})
        )
    with pytest.raises(ClientError, match="TransactionCanceled"):
        found.update(yes, **CHANGE)
    held = world.client.get_item(TableName=TABLE, Key=RECORD).get("Item", {"name": {"S": "h1"}})
    assert held["name"] == {"S": "h1"}


@pytest.mark.parametrize(
    "request_, code",
    [
        ({"Key": RECORD}, "parameter"),
        ({"TableName": TABLE}, "parameter"),
        ({"ReturnValues": "ALL_NEW"}, "parameter"),
        ({"UpdateExpression": "SET orgId = :new"}, "mention"),
        ({"UpdateExpression": "SET memberKey = :new"}, "mention"),
        ({"ConditionExpression": "orgId <> :new"}, "mention"),
        ({"ConditionExpression": "a = :new) OR (a <> :new"}, "expression"),
    ],
)
def test_an_update_of_what_was_shared_is_bound_as_any(world: World, request_: Json, code: str) -> None:
    shared_host(world, row={}, copy={})
    found = world.guard().shared(TABLE, RECORD, GRANT, yes)
    assert found is not None
    names = {} if "UpdateExpression" in request_ else {"ExpressionAttributeNames": {"#n": "name"}}
    with pytest.raises(Refused) as refused:
        found.update(yes, **{**CHANGE, "ExpressionAttributeNames": {}, **names, **request_})
    assert refused.value.code == code


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_fault_at_any_call_gives_and_writes_nothing(world: World, call: int, code: str) -> None:
    """Copy, row, record, and the transaction of an update."""
    shared_host(world, row={}, copy={})
    dynamodb, asked, made = boto3.client("dynamodb", **KEYS), Asked(), count()

    def fail(**_: Any) -> Any:
        answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {}}
        return (SimpleNamespace(status_code=500), answer) if next(made) == call else None

    def flow() -> None:
        found = world.guard(role=None, around=dynamodb).shared(TABLE, RECORD, GRANT, asked)
        assert found is not None
        found.update(asked, **CHANGE)

    dynamodb.meta.events.register("before-call.dynamodb", fail)
    with pytest.raises(ClientError, match=code) as failed:
        flow()
    assert failed.value.__context__ is None
    assert len(asked.about) == (2 if call == 3 else 0)
    assert next(made) == call + 1
    assert name_of(world) == "h1"


# ---- What IAM then allows


@cache
def permissions() -> Json:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    found: Json = emit_documents(program, ["org_1"])["tenant-permissions.json"]
    return found


def decision(action: str, partition: str, policy: str | None, tag: str, resource: str | None = None) -> str:
    """By the tenant's permissions as `build aws` writes them, and the session policy."""
    line: Json = {
        "principal": "arn:aws:sts::111122223333:assumed-role/StudioTenant/resolver",
        "action": f"dynamodb:{action}",
        "resource": resource or studio_settings().labelled("records").arn,
        "account": "111122223333",
        "context": {
            "aws:PrincipalTag/orgId": tag,
            "aws:SecureTransport": "true",
            **({"dynamodb:LeadingKeys": [partition]} if partition else {}),
        },
        "identity": [permissions()],
        **({} if policy is None else {"session": json.loads(policy)}),
    }
    request = read_request(line)
    assert isinstance(request, Request)
    return evaluate(request).decision


@pytest.fixture(scope="module")
def narrow() -> str:
    return session_policy(studio_settings().labelled("records"), "org_1#Host#h1")


@pytest.mark.parametrize(
    "action, partition, expected",
    [
        ("GetItem", "org_1#Host#h1", "allowed"),
        ("UpdateItem", "org_1#Host#h1", "allowed"),
        ("ConditionCheckItem", "org_1#Host#h1", "allowed"),
        ("GetItem", "org_1#Host#h10", "implicit_deny"),
        ("GetItem", "org_1#Folder#h1", "implicit_deny"),
        ("GetItem", "org_2#Host#h1", "implicit_deny"),
        ("Query", "org_1#Host#h1", "implicit_deny"),
        ("DeleteItem", "org_1#Host#h1", "implicit_deny"),
        ("PutItem", "org_1#Host#h1", "implicit_deny"),
        ("Scan", "", "implicit_deny"),
        ("GetItem", "", "implicit_deny"),
    ],
)
def test_a_crossing_reaches_one_key(narrow: str, action: str, partition: str, expected: str) -> None:
    assert decision(action, partition, narrow, "org_1") == expected


def test_without_the_session_policy_the_role_reaches_the_organization(narrow: str) -> None:
    assert decision("GetItem", "org_1#Host#h10", None, "org_1") == "allowed"
    assert decision("GetItem", "org_1#Host#h1", None, "org_2") == "implicit_deny"
    assert decision("GetItem", "org_1#Host#h1", narrow, "org_2") == "implicit_deny"


def test_an_id_cannot_speak_to_iam() -> None:
    table = studio_settings().labelled("records")
    policy = session_policy(table, "org_1#Host#${aws:PrincipalTag/orgId}*")
    keys = json.loads(policy)["Statement"][0]["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
    assert keys == ["org_1#Host#${$}{aws:PrincipalTag/orgId}*"]
    for other in ("org_1#Host#org_1", "org_1#Host#h1", "org_1#Host#org_1*"):
        assert decision("GetItem", other, policy, "org_1") == "implicit_deny"


@pytest.mark.parametrize("id", ["\u0100", "a\nb", "\x01", "x" * 2000])
def test_a_key_that_no_session_policy_can_name_is_refused(id: str) -> None:
    with pytest.raises(Refused, match=r"refused\[key\]"):
        session_policy(studio_settings().labelled("records"), f"org_1#Host#{id}")
