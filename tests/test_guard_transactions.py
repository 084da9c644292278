"""The guard against moto: transactions, and the item that a failed condition gives back. And PartiQL, which never leaves.

moto is asked in process; it knows transactions, which dynalite does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from policyengine.resolvers import Guard, Refused
from tests.dynamodb import KEYS, TABLE, create_tables, identity, studio_settings
from tests.red_team import MARK, OWN, STRAY, TOGETHER, Attack, Json, Leak, fill, foreign_items, own_items, typed


@pytest.fixture
def moto() -> Iterator[None]:
    with mock_aws():
        yield


def table_client(region: str) -> Any:
    """A client of a table of its own: moto keeps regions apart."""
    made = boto3.client("dynamodb", **{**KEYS, "region_name": region})
    create_tables(made, studio_settings())
    return made


@pytest.fixture
def client(moto: None) -> Any:
    made = table_client("us-east-1")
    fill(made, own_items() + foreign_items())
    return made


@pytest.fixture
def guard(client: Any) -> Guard:
    return Guard(identity(OWN), studio_settings(), client, role=None, log=lambda record: None)


def key(id: str, tenant: str = OWN) -> Json:
    return typed(pk=f"{tenant}#Host#{id}", sk="record")


def failure(call: Any, **request: Any) -> Json:
    with pytest.raises(ClientError) as found:
        call(**request)
    response: Json = found.value.response
    return response


# ---- The item that a failed condition gives back

GIVE = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
FAILING = {
    "ConditionExpression": "#n = :no",
    "ExpressionAttributeNames": {"#n": "name"},
    "ExpressionAttributeValues": {":no": {"S": "no"}},
    **GIVE,
}


def writes(id: str, tenant: str = OWN) -> dict[str, Json]:
    at = {"TableName": TABLE, "Key": key(id, tenant), **FAILING}
    update = {**at, "UpdateExpression": "REMOVE sealed"}
    put = {"TableName": TABLE, "Item": {**key(id, tenant), "orgId": {"S": tenant}}, **FAILING}
    return {"delete_item": at, "update_item": update, "put_item": put}


@pytest.mark.parametrize("method", ["delete_item", "update_item", "put_item"])
def test_a_failed_condition_gives_back_own_items_alone(guard: Guard, client: Any, method: str) -> None:
    assert MARK in str(failure(getattr(client, method), **writes("h1", "org_2")[method]))  # without the guard
    own = failure(getattr(guard, method), **writes("h1")[method])
    assert own["Item"]["pk"] == {"S": "org_1#Host#h1"}
    stray, absent = (failure(getattr(guard, method), **writes(id)[method]) for id in (STRAY, "none"))
    for each in (stray, absent):
        assert set(each.pop("ResponseMetadata")) <= {"RequestId", "HTTPStatusCode", "RetryAttempts"}
    assert stray == absent
    with pytest.raises(Refused):
        getattr(guard, method)(**writes("h1", "org_2")[method])


def test_so_does_a_cancelled_transaction(guard: Guard, client: Any) -> None:
    def parts(id: str, tenant: str = OWN) -> list[Json]:
        found = writes(id, tenant)
        check = {"ConditionCheck": found["delete_item"]}
        return [check, {"Put": found["put_item"]}, {"Update": found["update_item"]}, {"Delete": found["delete_item"]}]

    for number, part in enumerate(parts(STRAY)):
        bare = failure(client.transact_write_items, TransactItems=[parts("h1", "org_2")[number]])
        assert MARK in str(bare["CancellationReasons"])  # without the guard
        stray = failure(guard.transact_write_items, TransactItems=[part])
        absent = failure(guard.transact_write_items, TransactItems=[parts("none")[number]])
        assert stray["CancellationReasons"] == absent["CancellationReasons"]
        own = failure(guard.transact_write_items, TransactItems=[parts("h1")[number]])
        assert own["CancellationReasons"][0]["Item"]["pk"] == {"S": "org_1#Host#h1"}


def test_without_brackets_an_alternative_reaches_a_foreign_item(guard: Guard, client: Any) -> None:
    """Why the author's condition stands in brackets: a condition that is only appended is no condition."""
    either = "attribute_exists(sealed) OR attribute_exists(pk)"
    request: Json = {"TableName": TABLE, "Key": key(STRAY), "UpdateExpression": "SET extra = :x"}
    values = {":x": {"S": "taken"}}
    appended = {**values, ":own": {"S": OWN}}
    client.update_item(
        **request, ConditionExpression=f"{either} AND orgId = :own", ExpressionAttributeValues=appended
    )  # went through
    said = failure(guard.update_item, **request, ConditionExpression=either, ExpressionAttributeValues=values)
    assert said["Error"]["Code"] == "ConditionalCheckFailedException"


# ---- Transactions


def test_a_transaction_writes_own_items_or_nothing(guard: Guard, client: Any) -> None:
    guard.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": key("new")}},
            {"Update": {"TableName": TABLE, "Key": key("h1"), "UpdateExpression": "REMOVE amount"}},
            {"Delete": {"TableName": TABLE, "Key": key("h2")}},
            {"ConditionCheck": {"TableName": TABLE, "Key": key("h3"), "ConditionExpression": "attribute_exists(pk)"}},
        ],
        ClientRequestToken="once",
    )
    made = client.get_item(TableName=TABLE, Key=key("new"))["Item"]
    assert made == {**key("new"), "orgId": {"S": OWN}}
    found = guard.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": TABLE, "Key": key(id), "ProjectionExpression": "sk"}} for id in ("new", "h2", STRAY)
        ]
    )
    assert found["Responses"] == [{"Item": key("new")}, {}, {}]  # moto gives the whole item, the guard's part taken out


def test_a_token_is_the_organizations_own(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens are the account's: two organizations with one token must not meet."""
    sent: list[str] = []
    client.meta.events.register(
        "before-parameter-build.dynamodb.TransactWriteItems",
        lambda params, **_: sent.append(params["ClientRequestToken"]),
    )
    for tenant in (OWN, OWN, "org_2"):
        made = Guard(identity(tenant), studio_settings(), client, role=None, log=lambda record: None)
        part = {"Put": {"TableName": TABLE, "Item": key("same", tenant)}}
        made.transact_write_items(TransactItems=[part], ClientRequestToken="same")
    assert len(sent) == 3
    assert sent[0] == sent[1] != sent[2]
    assert all(len(token) == 36 and "same" not in token for token in sent)


@pytest.mark.parametrize(
    "parts, code",
    [
        ([], "parameter"),
        ({}, "parameter"),
        ([{}], "parameter"),
        ([{"Put": {"TableName": TABLE, "Item": {}}}], "key"),
        ([{"Update": {"TableName": TABLE, "Key": key("h1")}}], "expression"),
        ([{"ConditionCheck": {"TableName": TABLE, "Key": key("h1")}}], "expression"),
        ([{"Delete": {"TableName": TABLE, "Key": key("h1")}, "Put": {}}], "parameter"),
        ([{"Get": {"TableName": TABLE, "Key": key("h1")}}], "parameter"),
        ([{"Delete": {"TableName": "Others", "Key": key("h1")}}], "table"),
    ],
    ids=repr,
)
def test_an_odd_transaction_is_refused(guard: Guard, parts: Any, code: str) -> None:
    with pytest.raises(Refused) as found:
        guard.transact_write_items(TransactItems=parts)
    assert found.value.code == code


# ---- The red team, with transactions


@pytest.mark.parametrize("seed, count", [(11, 600), pytest.param(12, 20_000, marks=pytest.mark.soak)])
def test_the_red_team_learns_nothing_by_transactions(moto: None, seed: int, count: int) -> None:
    single = ("put_item", "update_item", "delete_item", "get_item")
    seen = Attack(table_client("us-east-1"), table_client("us-west-2")).run(
        seed, count, (*TOGETHER, *TOGETHER, *single)
    )
    for method in TOGETHER:
        tried = sum(found for name, found in seen.items() if name.startswith(f"{method} "))
        assert seen[f"{method} answered"] > tried / 20, seen
        assert seen[f"{method} refused"] > tried / 20, seen
    assert seen["broken"] < count / 10, seen


def test_the_same_tries_without_clean_errors_find_something(moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyengine.resolvers.guard.without_foreign", lambda error, is_own: without_headers(error))
    with pytest.raises(Leak):
        Attack(table_client("us-east-1"), table_client("us-west-2")).run(13, 1500, ("update_item", "delete_item"))


def without_headers(error: ClientError) -> ClientError:
    error.response["ResponseMetadata"] = {}
    return error


# ---- PartiQL

TARGETS = ('"StudioRecords"', '"StudioRecords"."StudioByKind"', "StudioRecords")
CLAUSES = (
    "SELECT * FROM {}",
    "SELECT * FROM {} WHERE orgId = 'org_2'",
    "SELECT * FROM {} WHERE pk = 'org_2#Host#h1'",
    "SELECT * FROM {} WHERE pk IN ['org_1#Host#h1', 'org_2#Host#h1']",
    "SELECT * FROM {} WHERE pk = 'org_1#Host#h1' OR orgId <> 'org_1'",
    "SELECT COUNT(*) FROM {}",
    "SELECT sealed FROM {} WHERE begins_with(pk, 'org_2#')",
    "SELECT * FROM {} WHERE orgId = ?",
    "INSERT INTO {} VALUE {{'pk': 'org_2#Host#x', 'sk': 'record', 'orgId': 'org_2'}}",
    "UPDATE {} SET sealed = 'x' WHERE pk = 'org_2#Host#h1' AND sk = 'record'",
    "UPDATE {} SET orgId = 'org_2' WHERE pk = 'org_1#Host#h1' AND sk = 'record'",
    "UPDATE {} REMOVE sealed WHERE pk = 'org_2#Host#h1' AND sk = 'record' RETURNING ALL OLD *",
    "DELETE FROM {} WHERE pk = 'org_2#Host#h1' AND sk = 'record'",
    "DELETE FROM {} WHERE pk = 'org_2#Host#h1' AND sk = 'record' RETURNING ALL OLD *",
    "EXISTS(SELECT * FROM {} WHERE pk = 'org_2#Host#h1' AND sk = 'record')",
    "select * from {} where pk = 'org_1#Host#h1'",
    "SELECT * FROM {} WHERE pk = 'org_1#Host#h1' -- and orgId = 'org_1'",
)
STATEMENTS = [clause.format(target) for clause in CLAUSES for target in TARGETS]


def test_no_statement_of_partiql_leaves_the_process(guard: Guard, client: Any) -> None:
    calls: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    assert len(STATEMENTS) >= 50
    for statement in STATEMENTS:
        many = [{"Statement": statement}]
        for method, request in (
            ("execute_statement", {"Statement": statement}),
            ("batch_execute_statement", {"Statements": many}),
            ("execute_transaction", {"TransactStatements": many}),
        ):
            with pytest.raises(Refused, match=r"refused\[method\]"):
                getattr(guard, method)(**request)
        for method in ("query", "scan", "get_item", "transact_write_items"):
            with pytest.raises(Refused, match=r"refused\[parameter\]"):
                getattr(guard, method)(TableName=TABLE, Statement=statement)
    assert calls == []
