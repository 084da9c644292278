"""A Studio table in an emulator, for the tests of the resolvers: rows written as the platform writes them.

dynalite judges expressions as strictly as AWS; moto has transactions and KMS. Both speak to boto3 over loopback.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import boto3
from botocore.config import Config

from policyengine.resolvers.identity import Identity
from policyengine.resolvers.items import item_of
from policyengine.resolvers.layout import Key, Layout, copy_key, grant_key, listed_under, record_key

LAYOUT = Layout()
Row = dict[str, Any]


def client(service: str, address: str | None = None, **config: Any) -> Any:
    """A client with credentials that mean nothing, and without retries of its own."""
    return boto3.session.Session().client(
        service,
        region_name="us-east-1",
        endpoint_url=address,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=True, **config),
    )


def make_table(dynamodb: Any, layout: Layout = LAYOUT) -> None:
    """The table of docs/aws-resolvers.md, with the index that lists records by kind."""
    names = (layout.partition, layout.place, layout.by_kind_partition)
    dynamodb.create_table(
        TableName=layout.table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
        KeySchema=_keys(layout.partition, layout.place),
        GlobalSecondaryIndexes=[
            {
                "IndexName": layout.by_kind,
                "KeySchema": _keys(layout.by_kind_partition, layout.place),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=layout.table, WaiterConfig={"Delay": 0})


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def put(dynamodb: Any, items: Sequence[Row], layout: Layout = LAYOUT) -> None:
    """Items in DynamoDB's JSON."""
    for start in range(0, len(items), 25):
        batch = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={layout.table: batch})


def stored(key: Key, row: Row, layout: Layout = LAYOUT) -> Row:
    return {**layout.attributes(key), **item_of(row)}


def record_item(record: Row, layout: Layout = LAYOUT) -> Row:
    """A record as it is stored."""
    key = record_key(record["orgId"], record["type"], record["id"])
    return stored(key, record, layout) | {
        layout.by_kind_partition: {"S": listed_under(record["orgId"], record["type"])}
    }


def grant_items(grant: Row, layout: Layout = LAYOUT) -> list[Row]:
    """A grant row and its copy under the member's organization."""
    on = (grant["orgId"], grant["resourceType"], grant["resourceId"])
    to = (grant["memberOrgId"], grant["memberId"])
    copy = {**grant, "orgId": grant["memberOrgId"], "originId": grant["orgId"]}
    return [stored(grant_key(*on, *to), grant, layout), stored(copy_key(*to, *on), copy, layout)]


def who(id: str = "ann", org: str = "org_1", role: str = "member") -> Identity:
    return Identity(org, id, {"id": id, "orgId": org, "orgRole": role}, "digest", "request")


class Faults:
    """Makes a client's calls fail: `plan` maps the number of a call, from 0, to an error's code or an exception."""

    def __init__(self, client: Any, plan: dict[int, str | Exception], service: str = "dynamodb") -> None:
        self.made = 0
        self.plan = plan
        self._lock = threading.Lock()
        client.meta.events.register(f"before-send.{service}", self._before)

    def _before(self, request: Any, **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        with self._lock:
            number, self.made = self.made, self.made + 1
        fault = self.plan.get(number)
        if fault is None:
            return None
        if isinstance(fault, Exception):
            raise fault
        content = b'{"__type":"com.amazonaws#%s","message":"injected"}' % fault.encode()

        class Raw:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield content

        return AWSResponse(request.url, 400, {"content-type": "application/x-amz-json-1.0"}, Raw())
