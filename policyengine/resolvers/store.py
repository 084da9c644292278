"""Rows by key, and transactions with conditions: all that writing needs of DynamoDB.

A condition is data (`When`), so that the tests' store in memory and DynamoDB judge the same one. Amazon DynamoDB
Developer Guide, "Amazon DynamoDB Transactions": at most 100 items, each named once, all or nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from botocore.exceptions import ClientError

from policyengine.resolvers.calls import Calls
from policyengine.resolvers.items import item_of, item_value, plain
from policyengine.resolvers.layout import RECORD, Key, Layout, listed_under

MAX_ITEMS = 100
"""How many items one transaction can hold."""

Row = dict[str, Any]


class Conflict(Exception):
    """A condition did not hold: somebody else wrote in between. Nothing was written; read again and decide again."""


class When(NamedTuple):
    """What must be true of an item for a transaction: `equal` attributes (None: absent), numbers that are `above`.

    `there`: True where the item must exist, False where it must not.
    """

    equal: Mapping[str, Any] = {}
    above: Mapping[str, int] = {}
    there: bool | None = None


class Change(NamedTuple):
    """One item of a transaction: a `row` replaces it, `set` changes attributes (None removes), neither deletes it.

    An empty `set` only checks: nothing is written.
    """

    key: Key
    when: When = When()
    row: Mapping[str, Any] | None = None
    set: Mapping[str, Any] | None = None


class Store(Protocol):
    """Every read is consistent. Each may raise Incomplete; `write` raises Conflict besides."""

    def get(self, key: Key) -> Row | None: ...
    def partition(self, partition: str) -> list[tuple[Key, Row]]: ...
    def write(self, changes: Sequence[Change]) -> None: ...


class DynamoStore:
    """The store over a DynamoDB client, which may be a guard."""

    def __init__(self, calls: Calls, layout: Layout) -> None:
        self._calls = calls
        self._layout = layout

    def get(self, key: Key) -> Row | None:
        layout = self._layout
        answer = self._calls.call("get_item", TableName=layout.table, Key=layout.attributes(key), ConsistentRead=True)
        return plain(answer["Item"], layout.own) if "Item" in answer else None

    def partition(self, partition: str) -> list[tuple[Key, Row]]:
        return list(self._pages(partition))

    def _pages(self, partition: str) -> Iterator[tuple[Key, Row]]:
        layout = self._layout
        start: dict[str, Any] = {}
        while True:
            answer = self._calls.call(
                "query",
                TableName=layout.table,
                KeyConditionExpression="#partition = :partition",
                ExpressionAttributeNames={"#partition": layout.partition},
                ExpressionAttributeValues={":partition": {"S": partition}},
                ConsistentRead=True,
                **start,
            )
            yield from ((layout.key(item), plain(item, layout.own)) for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def write(self, changes: Sequence[Change]) -> None:
        """All or nothing. A try that is repeated carries the same token, so that nothing is written twice."""
        if len(changes) > MAX_ITEMS:
            raise ValueError("a transaction holds at most 100 items")
        try:
            self._calls.call(
                "transact_write_items",
                TransactItems=[self._item(change) for change in changes],
                ClientRequestToken=str(uuid.uuid4()),
            )
        except ClientError as problem:
            raise Conflict from problem

    def _listed(self, change: Change) -> dict[str, str]:
        """A record stands in the index by type."""
        if change.row is None or change.key.place != RECORD:
            return {}
        organization, type_name, _ = change.key.partition.split("#", 2)
        return {self._layout.by_kind_partition: listed_under(organization, type_name)}

    def _item(self, change: Change) -> dict[str, Any]:
        layout = self._layout
        expression = _Expression()
        made: dict[str, Any] = {"TableName": layout.table}
        condition = expression.condition(change.when, layout.partition)
        if change.row is not None:
            kind = "Put"
            made["Item"] = {**item_of({**change.row, **self._listed(change)}), **layout.attributes(change.key)}
        else:
            made["Key"] = layout.attributes(change.key)
            kind = "Delete" if change.set is None else "Update" if change.set else "ConditionCheck"
            if change.set:
                made["UpdateExpression"] = expression.update(change.set)
        if condition:
            made["ConditionExpression"] = condition
        if expression.names:
            made["ExpressionAttributeNames"] = expression.names
        if expression.values:
            made["ExpressionAttributeValues"] = expression.values
        return {kind: made}


class _Expression:
    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}

    def condition(self, when: When, key_attribute: str) -> str:
        parts = []
        if when.there is not None:
            function = "attribute_exists" if when.there else "attribute_not_exists"
            parts.append(f"{function}({self._name(key_attribute)})")
        for name, value in when.equal.items():
            place = self._name(name)
            parts.append(f"attribute_not_exists({place})" if value is None else f"{place} = {self._value(value)}")
        parts += [f"{self._name(name)} > {self._value(bound)}" for name, bound in when.above.items()]
        return " AND ".join(parts)

    def update(self, changes: Mapping[str, Any]) -> str:
        set_ = [f"{self._name(name)} = {self._value(value)}" for name, value in changes.items() if value is not None]
        remove = [self._name(name) for name, value in changes.items() if value is None]
        parts = ([f"SET {', '.join(set_)}"] if set_ else []) + ([f"REMOVE {', '.join(remove)}"] if remove else [])
        return " ".join(parts)

    def _name(self, name: str) -> str:
        place = f"#n{len(self.names)}"
        self.names[place] = name
        return place

    def _value(self, value: Any) -> str:
        place = f":v{len(self.values)}"
        self.values[place] = item_value(value)
        return place
