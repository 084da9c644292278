"""What the guard adds to an operation: its own work, beside botocore's to write the same request and read the answer.

DynamoDB is not called: both sides get the same answer at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.session import get_session

from benchmarks.measuring import Figure, compare
from benchmarks.workloads import ROOT
from policyengine.backends.aws import emit_documents
from policyengine.compiler import compile_folders, program_of
from policyengine.resolvers import Guard, Identity, read_settings

Json = dict[str, Any]
TABLE = "StudioRecords"
ROUNDS, PIECES = 15, 200
BOUND = 50e-6
"""What the guard may add to an operation, in seconds."""


def typed(**attributes: str) -> Json:
    return {name: {"S": value} for name, value in attributes.items()}


def key(id: str) -> Json:
    return typed(pk=f"org_1#Host#{id}", sk="record")


def host(id: str) -> Json:
    more = typed(orgId="org_1", name=id, kindKey="org_1#Host", ownerId="ann", scope="ORG", address=f"10.0.0.{len(id)}")
    return {**key(id), **more}


NAMED = {"ExpressionAttributeNames": {"#n": "name"}}
EITHER: Json = {
    "ExpressionAttributeNames": {"#n": "name", "#s": "scope"},
    "ExpressionAttributeValues": {":n": {"S": "h1"}, ":s": {"S": "ORG"}},
}
CHANGE: Json = {
    "UpdateExpression": "SET #n = :n",
    "ConditionExpression": "#s = :s OR attribute_not_exists(#s)",
    **EITHER,
}

OPERATIONS: dict[str, tuple[str, Json, Json]] = {
    "GetItem": ("get_item", {"TableName": TABLE, "Key": key("h1")}, {"Item": host("h1")}),
    "GetItem with a projection": (
        "get_item",
        {"TableName": TABLE, "Key": key("h1"), "ProjectionExpression": "#n, ownerId", **NAMED},
        {"Item": host("h1")},
    ),
    "Query with a filter, ten items": (
        "query",
        {
            "TableName": TABLE,
            "IndexName": "StudioByKind",
            "KeyConditionExpression": "kindKey = :k",
            "FilterExpression": "#n = :n OR #s = :s",
            **EITHER,
            "ExpressionAttributeValues": {**EITHER["ExpressionAttributeValues"], ":k": {"S": "org_1#Host"}},
        },
        {"Items": [host(f"h{number}") for number in range(10)], "Count": 10, "ScannedCount": 10},
    ),
    "PutItem": ("put_item", {"TableName": TABLE, "Item": host("h1")}, {}),
    "UpdateItem with a condition": ("update_item", {"TableName": TABLE, "Key": key("h1"), **CHANGE}, {}),
    "DeleteItem": ("delete_item", {"TableName": TABLE, "Key": key("h1")}, {}),
    "BatchGetItem, ten keys": (
        "batch_get_item",
        {"RequestItems": {TABLE: {"Keys": [key(f"h{number}") for number in range(10)]}}},
        {"Responses": {TABLE: [host(f"h{number}") for number in range(10)]}, "UnprocessedKeys": {}},
    ),
    "TransactWriteItems, put and update": (
        "transact_write_items",
        {
            "TransactItems": [
                {"Put": {"TableName": TABLE, "Item": host("h1")}},
                {"Update": {"TableName": TABLE, "Key": key("h2"), **CHANGE}},
            ]
        },
        {},
    ),
}


class Meta:
    """That of a client, not of a resource."""


class Answering:
    """A client whose every operation is answered at once."""

    meta = Meta()

    def __init__(self, answer: Json) -> None:
        self._answer = answer

    def __getattr__(self, method: str) -> Any:
        return lambda **request: {**self._answer, "ResponseMetadata": {"RequestId": "r", "HTTPStatusCode": 200}}


def operations() -> Iterator[Figure | str]:
    model = get_session().get_service_model("dynamodb")
    protocol = model.metadata["protocol"]
    serializer, parser = create_serializer(protocol), create_parser(protocol)
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    settings = read_settings(emit_documents(program, ["org_1"])["resolver-settings.json"])
    who = Identity("org_1", "ann", {"id": "ann", "orgId": "org_1", "orgRole": "member"}, "digest", "request")
    by_method = {name.lower(): name for name in model.operation_names}
    for what, (method, request, answer) in OPERATIONS.items():
        operation = model.operation_model(by_method[method.replace("_", "")])
        body = {"status_code": 200, "headers": {}, "body": json.dumps(answer).encode()}
        guarded, bare = Guard(who, settings, Answering(answer), role=None), Answering(answer)

        def guard(_: object, *, guarded: Any = guarded, method: str = method, request: Json = request) -> None:
            for _ in range(PIECES):
                getattr(guarded, method)(**request)

        def botocore(
            _: object, *, bare: Any = bare, method: str = method, request: Json = request, operation: Any = operation,
            body: Json = body,
        ) -> None:  # fmt: skip
            for _ in range(PIECES):
                getattr(bare, method)(**request)
                serializer.serialize_to_request(request, operation)
                parser.parse(body, operation.output_shape)

        found = compare(what, guard, botocore, lambda: None, pieces=PIECES, rounds=ROUNDS)
        yield found
        assert found.ours is not None
        yield Figure("  against 50 us", found.ours / BOUND, 1.0)
