"""The guard, operation by operation, against dynalite: what is bound, what is refused, what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError
from botocore.session import get_session

from policyengine.resolvers import CODES, Guard, Refused, reading
from policyengine.resolvers.allowed import IN_BATCH, IN_TRANSACTION, METHODS, PAGINATORS
from policyengine.resolvers.expressions import Expression
from policyengine.resolvers.guard import Record
from tests.dynamodb import ROOT, TABLE, client_of, create_tables, dynalite, identity, resource_of, studio_settings
from tests.red_team import fill

Json = dict[str, Any]


def typed(**attributes: str) -> Json:
    return {name: {"S": value} for name, value in attributes.items()}


def key(tenant: str, id: str = "h1") -> Json:
    return typed(pk=f"{tenant}#Host#{id}", sk="record")


def host(tenant: str, id: str = "h1", **more: str) -> Json:
    named = {
        "orgId": tenant,
        "name": f"{tenant}/{id}",
        "kindKey": f"{tenant}#Host",
        "memberKey": f"{tenant}#ann",
        **more,
    }
    return {**key(tenant, id), **typed(**named)}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with dynalite() as found:
        create_tables(client_of(found), studio_settings())
        yield found


@pytest.fixture(scope="module")
def connected(address: str) -> Any:
    return client_of(address)


@pytest.fixture
def client(connected: Any) -> Any:
    """The client, unguarded, of a table that holds three hosts each of three organizations, and nothing else."""
    fill(connected, [host(tenant, id) for tenant in ("org_1", "org_10", "org_2") for id in ("h1", "h2", "h3")])
    return connected


@pytest.fixture
def records() -> list[Record]:
    return []


@pytest.fixture
def guard(client: Any, records: list[Record]) -> Guard:
    return Guard(identity("org_1"), studio_settings(), client, role=None, log=records.append)


@pytest.fixture
def lenient(client: Any, records: list[Record]) -> Guard:
    return Guard(identity("org_1"), studio_settings(), client, role=None, mode="lenient", log=records.append)


def refused(code: str, call: Any, **request: Any) -> None:
    with pytest.raises(Refused) as found:
        call(**request)
    assert found.value.code == code


def names(answer: Json) -> list[str]:
    return sorted(item["name"]["S"] for item in answer["Items"])


OWN = ["org_1/h1", "org_1/h2", "org_1/h3"]
MINE = {":mine": {"S": "org_1"}}
THEIRS = {":theirs": {"S": "org_2"}}


# ---- One item


def test_an_own_item_is_read(guard: Guard) -> None:
    assert guard.get_item(TableName=TABLE, Key=key("org_1"))["Item"] == host("org_1")
    found = guard.get_item(
        TableName=TABLE, Key=key("org_1"), ProjectionExpression="#n", ExpressionAttributeNames={"#n": "name"}
    )
    assert found["Item"] == typed(name="org_1/h1")
    assert guard.get_item(TableName=TABLE, Key=key("org_1"), ProjectionExpression="orgId, pk")["Item"] == typed(
        orgId="org_1", pk="org_1#Host#h1"
    )


@pytest.mark.parametrize(
    "given",
    [
        key("org_2"),
        key("org_10"),
        key("org_"),
        key("ORG_1"),
        key(""),
        key(" org_1"),
        typed(pk="org_1", sk="record"),
        typed(pk="org_1#Host#h1"),
        {**key("org_1"), "orgId": {"S": "org_2"}},
        {**key("org_1"), "pk": {"B": b"org_1#Host#h1"}},
        {**key("org_1"), "pk": {"S": "org_1#Host#h1", "N": "1"}},
        {**key("org_1"), "pk": "org_1#Host#h1"},
        {},
        None,
        [],
    ],
    ids=repr,
)
def test_a_key_of_no_own_item_is_refused_in_both_modes(guard: Guard, lenient: Guard, given: Any) -> None:
    for each in (guard, lenient):
        refused("key", each.get_item, TableName=TABLE, Key=given)
        refused("key", each.delete_item, TableName=TABLE, Key=given)
        refused("key", each.update_item, TableName=TABLE, Key=given, UpdateExpression="REMOVE a")
        refused("key", each.batch_get_item, RequestItems={TABLE: {"Keys": [key("org_1"), given]}})
        refused("key", each.batch_write_item, RequestItems={TABLE: [{"DeleteRequest": {"Key": given}}]})
        refused("key", each.transact_get_items, TransactItems=[{"Get": {"TableName": TABLE, "Key": given}}])
        refused("key", each.transact_write_items, TransactItems=[{"Delete": {"TableName": TABLE, "Key": given}}])


def test_an_item_that_names_another_organization_under_an_own_key_is_absent(guard: Guard, client: Any) -> None:
    client.put_item(TableName=TABLE, Item={**host("org_1", "odd"), "orgId": {"S": "org_2"}})
    odd, absent = ({"TableName": TABLE, "Key": key("org_1", id)} for id in ("odd", "none"))
    for projection in ({}, {"ProjectionExpression": "sk"}):
        answers = [guard.get_item(**each, **projection) for each in (odd, absent)]
        assert ["Item" in answer for answer in answers] == [False, False]
    for method, more in (("delete_item", {}), ("update_item", {"UpdateExpression": "REMOVE sealed"})):
        said = [attempt(getattr(guard, method), **each, **more) for each in (odd, absent)]
        assert said[0] == said[1]
    failing = {"ConditionExpression": "attribute_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    said = [attempt(guard.delete_item, **each, **failing) for each in (odd, absent)]
    assert said[0] == said[1] == ("ConditionalCheckFailedException", None, None)
    assert client.get_item(**odd)["Item"]["orgId"] == {"S": "org_2"}


def attempt(call: Any, **request: Any) -> Any:
    """What comes back, or the error's code, its item, and the error in whose place it stands."""
    try:
        answer = call(**request)
    except ClientError as problem:
        return problem.response["Error"]["Code"], problem.response.get("Item"), problem.__context__
    assert set(answer.pop("ResponseMetadata")) <= {"RequestId", "HTTPStatusCode", "RetryAttempts"}
    return answer


# ---- Many items


def test_pages_hold_own_items_and_count_them(guard: Guard) -> None:
    by_kind = {
        "TableName": TABLE,
        "IndexName": "StudioByKind",
        "KeyConditionExpression": "kindKey = :k",
        "ExpressionAttributeValues": {":k": {"S": "org_1#Host"}},
    }
    found = guard.query(**by_kind)
    assert names(found) == OWN
    assert set(found) == {"Items", "Count", "ResponseMetadata"}
    assert guard.query(**by_kind, Select="COUNT")["Count"] == 3
    assert names(guard.scan(TableName=TABLE)) == OWN
    counted = guard.scan(TableName=TABLE, Select="COUNT")
    assert (counted["Count"], "Items" in counted, "ScannedCount" in counted) == (3, False, False)


def test_a_cursor_is_the_key_of_an_own_item(guard: Guard) -> None:
    seen: list[str] = []
    for page in guard.get_paginator("scan").paginate(TableName=TABLE, Limit=1, ProjectionExpression="sk, #n",
                                                     ExpressionAttributeNames={"#n": "name"}):  # fmt: skip
        assert all(set(item) == {"sk", "name"} for item in page["Items"])
        assert page.get("LastEvaluatedKey", key("org_1"))["pk"]["S"].startswith("org_1#")
        seen += names(page)
    assert sorted(seen) == OWN


def test_a_query_that_finds_little_ends_and_goes_on(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter may let nothing through for long: the page ends, and its cursor goes on, as DynamoDB has it."""
    monkeypatch.setattr(reading, "LOOKS", 1)
    monkeypatch.setattr(reading, "SPARSE", 1)
    request = {
        "TableName": TABLE,
        "IndexName": "StudioByKind",
        "KeyConditionExpression": "kindKey = :k",
        "FilterExpression": "#n = :n",
        "ExpressionAttributeNames": {"#n": "name"},
        "ExpressionAttributeValues": {":k": {"S": "org_1#Host"}, ":n": {"S": "org_1/h2"}},
        "Limit": 1,
    }
    pages = list(guard.get_paginator("query").paginate(**request))
    assert len(pages) > 2
    assert [name for page in pages for name in names(page)] == ["org_1/h2"]
    assert all(page.get("LastEvaluatedKey", key("org_1"))["pk"]["S"].startswith("org_1#") for page in pages)


@pytest.mark.parametrize("begins_with_tenant", [True, False])
def test_where_a_query_of_a_mixed_index_is_cut_tells_of_nobody(
    client: Any, monkeypatch: pytest.MonkeyPatch, begins_with_tenant: bool
) -> None:
    """An index that does not begin with the tenant holds items of all: its queries read on, so that no cut counts them."""
    monkeypatch.setattr(reading, "LOOKS", 2)
    monkeypatch.setattr(reading, "SPARSE", 1)
    settings = studio_settings()
    table = settings.tables[TABLE]
    index = table.indexes["StudioByMember"]
    index = replace(index, separator="#" if begins_with_tenant else None)
    table = replace(table, indexes={**table.indexes, index.name: index})
    mixed = Guard(identity("org_1"), replace(settings, tables={TABLE: table}), client, role=None, log=lambda _: None)
    request = {
        "TableName": TABLE,
        "IndexName": index.name,
        "KeyConditionExpression": "memberKey = :m",
        "FilterExpression": "#n = :n",
        "ExpressionAttributeNames": {"#n": "name"},
        "ExpressionAttributeValues": {":m": {"S": "org_1#ann"}, ":n": {"S": "nobody's"}},
        "Limit": 1,
    }
    cursors = []
    for id in ("h1", "a", "b", "z"):
        client.put_item(TableName=TABLE, Item=host("org_2", id, memberKey="org_1#ann"))
        cursors.append(mixed.query(**request).get("LastEvaluatedKey"))
    assert any(cursors) is begins_with_tenant


def test_items_of_others_in_an_index_change_no_page(guard: Guard, client: Any) -> None:
    """Others may stand in an own partition of an index: whoever writes a row writes where it is listed."""
    request = {
        "TableName": TABLE,
        "IndexName": "StudioByMember",
        "KeyConditionExpression": "memberKey = :m",
        "ExpressionAttributeValues": {":m": {"S": "org_1#ann"}},
        "Limit": 2,
    }
    before = guard.query(**request)
    for id in ("a", "b", "z"):
        client.put_item(TableName=TABLE, Item=host("org_2", id, memberKey="org_1#ann"))
    after = guard.query(**request)
    assert {**before, "ResponseMetadata": None} == {**after, "ResponseMetadata": None}


@pytest.mark.parametrize(
    "condition",
    [
        "pk = :theirs",
        "pk = :near",
        "pk = :mine AND pk = :theirs",
        "pk = :mine OR pk = :theirs",
        "NOT pk = :mine",
        "pk <> :mine",
        "begins_with(pk, :mine)",
        "pk BETWEEN :mine AND :theirs",
        "pk IN (:mine)",
        "sk = :mine",
        "#k = :theirs",
        "(#k = :theirs)",
    ],
)
def test_a_key_condition_pins_the_partition_to_the_organization(guard: Guard, lenient: Guard, condition: str) -> None:
    values = {":mine": "org_1#Host#h1", ":theirs": "org_2#Host#h1", ":near": "org_10#Host#h1"}
    used = {name: {"S": value} for name, value in values.items() if name in condition}
    more = {"ExpressionAttributeNames": {"#k": "pk"}} if "#k" in condition else {}
    for each in (guard, lenient):
        refused(
            "key-condition",
            each.query,
            TableName=TABLE,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=used,
            **more,
        )


VIOLATIONS = [
    "orgId = :theirs",
    "orgId <> :mine",
    ":theirs = orgId",
    "#t = :theirs",
    "attribute_exists(orgId)",
    "contains(orgId, :mine)",
    "orgId IN (:mine, :theirs)",
    "orgId = :mine OR orgId = :theirs",
    "orgId BETWEEN :mine AND :theirs",
    "size(orgId) > :mine",
    "begins_with(pk, :theirs)",
    "attribute_exists(pk)",
    "orgId = memberKey",
    "memberKey = orgId",
    ":mine <> orgId",
    ":mine = orgId.x",
    ":mine = orgId[0]",
]


def filtered(condition: str) -> Json:
    return {
        "TableName": TABLE,
        "FilterExpression": condition,
        "ExpressionAttributeValues": {k: v for k, v in {**MINE, **THEIRS}.items() if k in condition},
        **({"ExpressionAttributeNames": {"#t": "orgId"}} if "#t" in condition else {}),
    }


@pytest.mark.parametrize("condition", VIOLATIONS)
def test_a_filter_that_mentions_the_tenant_is_refused_or_logged(
    guard: Guard, lenient: Guard, records: list[Record], condition: str
) -> None:
    request = filtered(condition)
    if not request["ExpressionAttributeValues"]:
        del request["ExpressionAttributeValues"]
    refused("mention", guard.scan, **request)
    assert [record["outcome"] for record in records] == ["refused"]
    answer = attempt(lenient.scan, **request)
    if isinstance(answer, tuple):  # what is no filter at all, DynamoDB refuses
        assert answer[0] == "ValidationException"
    else:
        assert set(names(answer)) <= set(OWN)
    assert records[1] == {**records[0], "outcome": "strict would refuse", "mode": "lenient"}
    assert "org_2" not in json.dumps(records)


@pytest.mark.parametrize(
    "condition",
    [
        "orgId = :mine",
        "a.orgId = :theirs",
        "a[0].orgId <> :theirs",
        ":mine = orgId",
        "(orgId = :mine)",
        "a.orgId = :mine OR orgId = :mine",
        "NOT orgId = :mine",
    ],
)
def test_equality_with_the_own_organization_is_no_violation(guard: Guard, condition: str) -> None:
    assert set(names(guard.scan(**filtered(condition)))) <= set(OWN)


@pytest.mark.parametrize(
    "condition",
    [
        "sk = :mine) OR (sk <> :mine",
        "sk <> :mine OR sk = :mine)",
        "(sk <> :mine",
        "sk <> :mine OR (sk = :mine",
        "sk <> :mine]",
        "sk[(0])",
        "sk <> :mine # x",
        "sk <> :mine; x",
        "sk = 'x' OR sk <> :mine",
        'sk = "x"',
        "sk\u00a0<> :mine",
        "sk <> :mine /* x */",
        "ѕk <> :mine",
        "sk <> :mine\x00",
        "",
        "   ",
        7,
        ["sk <> :mine"],
    ],
    ids=repr,
)
def test_what_is_no_closed_expression_is_refused(guard: Guard, lenient: Guard, condition: Any) -> None:
    for each in (guard, lenient):
        more = {"TableName": TABLE, "ExpressionAttributeValues": MINE}
        refused("expression", each.scan, FilterExpression=condition, **more)
        refused("expression", each.put_item, Item=host("org_1"), ConditionExpression=condition, **more)
        refused("expression", each.update_item, Key=key("org_1"), UpdateExpression=condition, **more)
        refused("expression", each.get_item, TableName=TABLE, Key=key("org_1"), ProjectionExpression=condition)


def test_an_alternative_does_not_reach_past_the_binding(guard: Guard) -> None:
    either: Json = {"FilterExpression": "#n = :x OR #n <> :x", "ExpressionAttributeNames": {"#n": "name"}}
    values = {":x": {"S": "-"}, ":k": {"S": "org_1#Host#h1"}}
    assert names(guard.scan(TableName=TABLE, **either, ExpressionAttributeValues={":x": {"S": "-"}})) == OWN
    more = {"TableName": TABLE, "KeyConditionExpression": "pk = :k", "ExpressionAttributeValues": values}
    assert names(guard.query(**more, **either)) == ["org_1/h1"]


@pytest.mark.parametrize(
    "text, operand",
    [
        ("a = b", "(a = b)"),
        ("(a = b)", "(a = b)"),
        (" (a = b) ", " (a = b) "),
        ("((a = b) OR c = d)", "((a = b) OR c = d)"),
        ("(a = b) OR (c = d)", "((a = b) OR (c = d))"),
        ("a IN (b)", "(a IN (b))"),
        ("size(a) > size(b)", "(size(a) > size(b))"),
        ("NOT (a = b)", "(NOT (a = b))"),
    ],
)
def test_an_expression_is_bound_as_one_operand(text: str, operand: str) -> None:
    """DynamoDB refuses brackets that stand doubled, and nothing may stand outside of them."""
    assert Expression("", text, {}, {}).operand == operand


@pytest.mark.parametrize("condition", ["attribute_exists(pk.x)", "attribute_not_exists(pk[0])", "size(pk) > :mine"])
def test_a_write_may_ask_whether_its_key_is_there_and_no_more(guard: Guard, condition: str) -> None:
    used = {"ExpressionAttributeValues": MINE} if ":mine" in condition else {}
    request: Json = {"TableName": TABLE, "ConditionExpression": condition, **used}
    refused("mention", guard.put_item, Item=host("org_1"), **request)


def test_placeholders_of_the_author_are_left_alone(guard: Guard) -> None:
    request = {
        "TableName": TABLE,
        "FilterExpression": "#own = :own OR #own_ = :own_",
        "ExpressionAttributeNames": {"#own": "name", "#own_": "name"},
        "ExpressionAttributeValues": {":own": {"S": "org_1/h1"}, ":own_": {"S": "org_2/h1"}},
    }
    assert names(guard.scan(**request)) == ["org_1/h1"]


@pytest.mark.parametrize("condition", ["#own <> :x", "#t = :own", "name = :own_"])
def test_a_placeholder_that_is_not_given_is_refused(guard: Guard, condition: str) -> None:
    more = {"TableName": TABLE, "ExpressionAttributeValues": {":x": {"S": "-"}}}
    refused("placeholder", guard.put_item, Item=host("org_1"), ConditionExpression=condition, **more)
    refused("placeholder", guard.scan, FilterExpression=condition, **more)


@pytest.mark.parametrize(
    "cursor",
    [key("org_2"), {**key("org_1"), "kindKey": {"S": "org_1#Host"}}, {}, "x", typed(pk="org_1#Host#h1")],
    ids=repr,
)
def test_a_cursor_of_another_place_is_refused(guard: Guard, cursor: Any) -> None:
    refused("key", guard.scan, TableName=TABLE, ExclusiveStartKey=cursor)


def test_in_an_index_the_cursor_is_of_table_and_index(guard: Guard) -> None:
    request = {
        "TableName": TABLE,
        "IndexName": "StudioByKind",
        "KeyConditionExpression": "kindKey = :k",
        "ExpressionAttributeValues": {":k": {"S": "org_1#Host"}},
    }
    own = {**key("org_1"), "kindKey": {"S": "org_1#Host"}}
    assert guard.query(**request, ExclusiveStartKey=own)["Count"] < 3
    for odd in ({**own, "pk": {"S": "org_2#Host#h1"}}, {**own, "kindKey": {"S": "org_2#Host"}}, key("org_1")):
        refused("key", guard.query, **request, ExclusiveStartKey=odd)


# ---- Writes


def test_no_item_is_put_for_another_organization(guard: Guard, lenient: Guard, client: Any) -> None:
    for each in (guard, lenient):
        refused("key", each.put_item, TableName=TABLE, Item=host("org_2"))
        refused("key", each.put_item, TableName=TABLE, Item=typed(sk="record"))
        refused("key", each.put_item, TableName=TABLE, Item=host("org_1", memberKey="org_2#eve"))
        refused("tenant", each.put_item, TableName=TABLE, Item={**host("org_1"), "orgId": {"S": "org_2"}})
        refused("tenant", each.put_item, TableName=TABLE, Item={**host("org_1"), "orgId": {"SS": ["org_1"]}})
        for write in ({**host("org_1"), "orgId": {"S": "org_2"}},):
            refused("tenant", each.batch_write_item, RequestItems={TABLE: [{"PutRequest": {"Item": write}}]})
            refused("tenant", each.transact_write_items, TransactItems=[{"Put": {"TableName": TABLE, "Item": write}}])
    guard.put_item(TableName=TABLE, Item=key("org_1", "h9"))
    assert client.get_item(TableName=TABLE, Key=key("org_1", "h9"))["Item"] == {
        **key("org_1", "h9"),
        "orgId": {"S": "org_1"},
    }


def test_a_condition_of_the_author_still_holds(guard: Guard, client: Any) -> None:
    new = {"TableName": TABLE, "ConditionExpression": "attribute_not_exists(pk)"}
    guard.put_item(Item=host("org_1", "h9"), **new)
    assert attempt(guard.put_item, Item=host("org_1", "h9"), **new)[0] == "ConditionalCheckFailedException"
    both = {
        **new,
        "ConditionExpression": "#n = :a OR #n = :b",
        "ExpressionAttributeNames": {"#n": "name"},
        "ExpressionAttributeValues": {":a": {"S": "org_1/h1"}, ":b": {"S": "-"}},
    }
    guard.update_item(Key=key("org_1"), UpdateExpression="REMOVE #n", **both)
    assert "name" not in client.get_item(TableName=TABLE, Key=key("org_1"))["Item"]


def test_no_update_makes_an_item(guard: Guard, client: Any) -> None:
    absent = {"TableName": TABLE, "Key": key("org_1", "none")}
    said = attempt(guard.update_item, **absent, UpdateExpression="SET a = :mine", ExpressionAttributeValues=MINE)
    assert said == ("ConditionalCheckFailedException", None, None)
    assert "Item" not in client.get_item(**absent)


@pytest.mark.parametrize(
    "expression",
    [
        "SET orgId = :theirs",
        "SET orgId = :mine",
        "SET #t = :theirs",
        "set a = :mine, orgId = :theirs",
        "REMOVE orgId",
        "SET a = orgId",
        "SET a = if_not_exists(orgId, :mine)",
        "ADD orgId :mine",
        "DELETE orgId :mine",
        "SET orgId.x = :mine",
        "SET memberKey = :theirs",
        "SET memberKey = :mine",
        "SET memberKey = :own + :own",
        "SET a = memberKey = :own",
        "SET a = :mine REMOVE memberKey, pk",
        "SET pk = :own",
    ],
)
def test_no_update_moves_an_item(guard: Guard, lenient: Guard, expression: str) -> None:
    values = {**MINE, **THEIRS, ":own": {"S": "org_1#x"}}
    request = {
        "TableName": TABLE,
        "Key": key("org_1"),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": {k: v for k, v in values.items() if k in expression},
        **({"ExpressionAttributeNames": {"#t": "orgId"}} if "#t" in expression else {}),
    }
    refused("mention", guard.update_item, **request)
    refused("mention", lenient.update_item, **request)
    refused("mention", guard.transact_write_items, TransactItems=[{"Update": request}])


def test_an_update_sets_where_an_item_is_listed_within_the_organization(guard: Guard) -> None:
    request = {"TableName": TABLE, "Key": key("org_1"), "ReturnValues": "UPDATED_NEW"}
    values = {":k": {"S": "org_1#bob"}, ":l": {"S": "org_1#Folder"}, ":n": {"S": "new"}}
    expression = "SET memberKey = :k, kindKey = :l SET #n = :n"
    with pytest.raises(ClientError):  # SET twice is no update
        guard.update_item(**request, UpdateExpression=expression, ExpressionAttributeValues=values,
                          ExpressionAttributeNames={"#n": "name"})  # fmt: skip
    found = guard.update_item(
        **request,
        UpdateExpression=expression.replace(" SET", ","),
        ExpressionAttributeValues=values,
        ExpressionAttributeNames={"#n": "name"},
    )
    assert found["Attributes"] == typed(memberKey="org_1#bob", kindKey="org_1#Folder", name="new")


def test_batches_keep_what_the_author_asked(guard: Guard, client: Any) -> None:
    guard.batch_write_item(
        RequestItems={TABLE: [{"PutRequest": {"Item": host("org_1", "h9")}}, {"DeleteRequest": {"Key": key("org_1")}}]}
    )
    found = guard.batch_get_item(
        RequestItems={
            TABLE: {
                "Keys": [key("org_1"), key("org_1", "h9")],
                "ProjectionExpression": "#n",
                "ExpressionAttributeNames": {"#n": "name"},
            }
        }
    )
    assert found["Responses"] == {TABLE: [typed(name="org_1/h9")]}
    assert found["UnprocessedKeys"] == {}


def test_what_a_batch_left_comes_back_as_it_was_asked(guard: Guard, client: Any) -> None:
    """dynalite leaves nothing unprocessed: the answer is put in its place."""
    asked = {"Keys": [key("org_1"), key("org_1", "h2")], "ProjectionExpression": "sk", "ConsistentRead": True}

    def leave(http_response: Any, parsed: Json, **_: Any) -> None:
        sent = {"Keys": [key("org_1", "h2")], "ProjectionExpression": "sk, #own0"}
        parsed["UnprocessedKeys"] = {TABLE: {**sent, "ExpressionAttributeNames": {"#own0": "orgId"}}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", leave)
    found = guard.batch_get_item(RequestItems={TABLE: asked})
    client.meta.events.unregister("after-call.dynamodb.BatchGetItem", leave)
    assert found["UnprocessedKeys"] == {TABLE: {**asked, "Keys": [key("org_1", "h2")]}}


# ---- The allow list


def test_every_parameter_of_every_operation_is_allowed_or_refused_by_name(guard: Guard) -> None:
    """Over the service's model as botocore has it: what is new there is refused until somebody binds it."""
    model = get_session().get_service_model("dynamodb")
    for operation in model.operation_names:
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)[1:]
        if method not in METHODS:
            refused("method", lambda name=method: getattr(guard, name))
            continue
        members = model.operation_model(operation).input_shape.members
        assert METHODS[method] <= set(members)
        for name in set(members) - METHODS[method]:
            refused("parameter", getattr(guard, method), **{name: "NONE"})


def test_the_same_holds_inside_batches_and_transactions(guard: Guard) -> None:
    model = get_session().get_service_model("dynamodb")
    keys = model.shape_for("KeysAndAttributes").members
    for name in set(keys) - IN_BATCH:
        refused("parameter", guard.batch_get_item, RequestItems={TABLE: {"Keys": [key("org_1")], name: 1}})
    for part, parameters in IN_TRANSACTION.items():
        for name in set(model.shape_for(part).members) - parameters:
            method = "transact_get_items" if part == "Get" else "transact_write_items"
            refused("parameter", getattr(guard, method), TransactItems=[{part: {name: 1}}])


def test_what_is_no_name_does_not_stand_in_a_record(guard: Guard, records: list[Record]) -> None:
    refused("parameter", guard.transact_write_items, TransactItems=[{"a secret value": 1}])
    refused("parameter", guard.get_item, **{"x" * 65: 1})
    assert [record["parameter"] for record in records] == ["TransactItems.0.?", "?"]


def test_no_paginator_but_two_no_waiter_no_other_name(guard: Guard) -> None:
    for name in ("list_tables", "list_backups", "execute_statement", "batch_get_item"):
        refused("method", lambda name=name: guard.get_paginator(name))
    for name in ("get_waiter", "meta", "exceptions", "batch_writer", "generate_presigned_url", "can_paginate", "close"):
        refused("method", lambda name=name: getattr(guard, name))
        refused("method", lambda name=name: getattr(guard.table(TABLE), name))
    assert {"query", "scan"} == PAGINATORS
    public = {name for name in dir(guard) if not name.startswith("_")}
    assert public == {"get_paginator", "shared", "table"}


@pytest.mark.parametrize(
    "method, request_",
    [
        ("get_item", {"TableName": "Others", "Key": key("org_1")}),
        ("scan", {"TableName": "arn:aws:dynamodb:us-east-1:111122223333:table/StudioRecords"}),
        ("scan", {}),
        ("batch_get_item", {"RequestItems": {"Others": {"Keys": [key("org_1")]}}}),
    ],
)
def test_a_table_that_the_settings_do_not_name_is_refused(guard: Guard, method: str, request_: Json) -> None:
    refused("table", getattr(guard, method), **request_)


@pytest.mark.parametrize(
    "request_",
    [
        {"Limit": 0},
        {"Limit": True},
        {"Limit": "1"},
        {"Select": "EVERYTHING"},
        {"Select": "COUNT", "ProjectionExpression": "sk"},
        {"ExpressionAttributeNames": {"orgId": "name"}, "FilterExpression": "orgId <> :x"},
        {"ExpressionAttributeNames": {"#a": 1}},
        {"ExpressionAttributeValues": {"x": 1}, "FilterExpression": "a <> :x"},
        {"ExpressionAttributeValues": [], "FilterExpression": "a <> :x"},
    ],
    ids=repr,
)
def test_odd_values_of_parameters_are_refused(guard: Guard, request_: Json) -> None:
    refused("parameter", guard.scan, TableName=TABLE, **request_)


def test_an_index_that_the_settings_do_not_name_is_refused(guard: Guard) -> None:
    refused("index", guard.scan, TableName=TABLE, IndexName="Other")


# ---- A table of boto3


def test_a_table_of_boto3_is_guarded_alike(address: str, client: Any, records: list[Record]) -> None:
    found = Guard(identity("org_1"), studio_settings(), resource_of(address), role=None, log=records.append)
    table = found.table(TABLE)
    own, theirs = ({"pk": f"{tenant}#Host#h1", "sk": "record"} for tenant in ("org_1", "org_2"))
    assert table.get_item(Key=own)["Item"]["name"] == "org_1/h1"
    refused("key", table.get_item, Key=theirs)
    refused("key", table.get_item, Key=key("org_1"))
    answer = table.query(
        KeyConditionExpression=Key("pk").eq("org_1#Host#h1") & Key("sk").begins_with("rec"),
        FilterExpression=Attr("name").eq("org_1/h1") | Attr("#v").exists(),
    )
    assert [item["name"] for item in answer["Items"]] == ["org_1/h1"]
    refused("key-condition", table.query, KeyConditionExpression=Key("pk").eq("org_2#Host#h1"))
    refused("mention", table.scan, FilterExpression=Attr("orgId").ne("org_1"))
    refused("method", lambda: table.batch_writer())
    refused("parameter", table.get_item, Key=own, TableName="Others")
    both = table.scan(
        FilterExpression=Attr("name").eq("org_1/h1") | Attr("name").eq("org_2/h1"),
        ProjectionExpression="#built0",
        ExpressionAttributeNames={"#built0": "name"},
    )
    assert both["Items"] == [{"name": "org_1/h1"}]


def test_the_page_says_what_each_code_means() -> None:
    page = (ROOT / "docs" / "aws-resolvers.md").read_text("utf-8")
    assert [code for code, meaning in CODES.items() if f"| `{code}` | {meaning} |" not in page] == []
