"""The one door to a record of another organization: a grant row on the record itself.

First the row's copy under the member's own organization is read, then, under the role of the record's organization, the
row, then the record; all consistently. `check` then decides, in the same request. Whatever is missing or does not fit,
the answer is the same: nothing (docs/studio.md, Grants; docs/aws-resolvers.md, Records of others).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from policyengine.model.values import is_tenant_id
from policyengine.resolvers import reading
from policyengine.resolvers.binding import Binding, Request, known
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.expressions import Expression, fresh
from policyengine.resolvers.layout import GRANT, RECORD
from policyengine.resolvers.settings import Settings, Table

Item = Mapping[str, Any]
Check = Callable[[Item, Item], bool]
"""Decides on a record, given the grant row: both as they were read."""

ORIGIN = "originId"
"""The attribute of a row's copy that names the record's organization; the tenant's attribute names the member's."""


class GrantKeys(NamedTuple):
    """Where a grant row stands (beside its record), and where its copy does (under the member's organization)."""

    row: Item
    copy: Item


class Shared:
    """A record of another organization, as it was read and decided on in this request, with its grant row."""

    __slots__ = ("_bind", "_call", "_keys", "_table", "record", "row")

    def __init__(
        self, bind: Binding, call: reading.Call, table: Table, keys: tuple[Item, Item], record: Item, row: Item
    ) -> None:
        self._bind = bind
        self._call = call
        self._table = table
        self._keys = keys
        self.record = record
        self.row = row

    def update(self, check: Check, *, content: Collection[str], version: str = "version", **request: Any) -> bool:
        """Updates the record, if `check` allows it; whether it did. `request` is that of an UpdateItem, without key.

        `content` are the attributes that a member of another organization may set (`writes.content_abroad`): an
        expression that mentions any other, to set it or to take its value, is refused.
        It takes effect only if the record still has the version on which it was decided, and the row is as it was: both
        are conditions of one transaction, which raises the version. Raises Refused (`content`: the attribute is not the
        member's; `malformed`: the version is no number), and ClientError where the transaction is cancelled.
        """
        known(request, _UPDATE)
        if not check(self.record, self.row):
            return False
        bind, table = self._bind, self._table
        record_key, row_key = self._keys
        update: Request = {**request, "TableName": table.name, "Key": dict(record_key)}
        bind.key(table, update["Key"])
        bind.update(table, update)
        _only(update, {*content} - {version})
        bind.condition(table, update)
        _raise(update, version, _next(self.record.get(version), bind.form.native))
        _as_read(update, self.record, (version,))
        unchanged: Request = {"TableName": table.name, "Key": dict(row_key)}
        bind.condition(table, unchanged)
        _as_read(unchanged, self.row, tuple(name for name in self.row if name not in table.keys.attributes))
        self._call("transact_write_items", {"TransactItems": [{"ConditionCheck": unchanged}, {"Update": update}]})
        return True


_UPDATE = frozenset(
    {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues", "UpdateExpression"}
)


def _only(request: Request, content: Collection[str]) -> None:
    """That an update mentions no other attributes. What is no clause, function, or place in a list is one."""
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    expression = Expression("UpdateExpression", request["UpdateExpression"], names, values)
    signs = ["", *expression.signs, ""]
    for before, sign, after, path in zip(signs, signs[1:], signs[2:], expression.paths, strict=False):
        is_path = sign[0] == "#" or ((sign[0].isalpha() or sign[0] == "_") and sign.upper() not in _CLAUSES)
        if is_path and before != "." and path not in content and (sign[0] == "#" or (sign, after) not in _FUNCTIONS):
            raise Refused("content", "UpdateExpression")


_CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")
_FUNCTIONS = (("if_not_exists", "("), ("list_append", "("))
_SET = re.compile(r"(?<![#:.\w])SET(?!\w)", re.IGNORECASE | re.ASCII)


def _next(value: Any, native: bool) -> Any:
    """The version after this one, in the form of the request; the first one where there was none."""
    number = value if native else value and value.get("N")
    if value is None:
        number = 0
    elif type(number) not in ((int, Decimal) if native else (str,)):
        raise Refused("malformed", "version")
    return int(number) + 1 if native else {"N": str(int(number) + 1)}


def _raise(request: Request, attribute: str, number: Any) -> None:
    """Adds to a bound update that an attribute becomes a number. DynamoDB takes each clause once."""
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    name, value = fresh("#raised", names), fresh(":raised", values)
    names[name], values[value] = attribute, number
    text = request["UpdateExpression"]
    found = f"SET {name} = {value}"
    request["UpdateExpression"] = _SET.sub(f"{found},", text, count=1) if _SET.search(text) else f"{found} {text}"


def _as_read(request: Request, item: Item, attributes: tuple[str, ...]) -> None:
    """Adds to a bound condition that these attributes are as they were read, or are still not there."""
    names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
    for attribute in attributes:
        name = fresh("#read", names)
        names[name] = attribute
        if attribute in item:
            value = fresh(":read", values)
            values[value] = item[attribute]
            request["ConditionExpression"] += f" AND {name} = {value}"
        else:
            request["ConditionExpression"] += f" AND attribute_not_exists({name})"


FORM = ("tenant", "type", "id")
"""What a record's partition key is made of; its grant rows stand in the same partition."""


class Way(NamedTuple):
    """Who wants to cross, and to which record: the partition of record and row, which begins with the origin."""

    settings: Settings
    bind: Binding
    me: str
    origin: str
    partition: str
    separator: str

    def leads(self, copy: Item) -> bool:
        """Whether a copy says that this member was given this record."""
        return self._says(copy, {ORIGIN: self.origin})

    def counts(self, row: Item) -> bool:
        """Whether a row gives this record to this member."""
        return self._says(row, {})

    def _says(self, item: Item, wanted: Mapping[str, str]) -> bool:
        text = {name: self.bind.form.text(value) for name, value in item.items()}
        return any(
            text.get(names["member"]) == self.me
            and text.get(names["memberTenant"]) == self.bind.tenant
            and all(text.get(name) == value for name, value in wanted.items())
            and self.partition
            == self.separator.join(
                (self.origin, text.get(names["resourceType"]) or "", text.get(names["resourceId"]) or "")
            )
            for names in self.settings.grants.values()
        )


def way_to(settings: Settings, bind: Binding, me: str, table: Table, record_key: Any, row_key: Any) -> Way:
    """The way to a record by a row beside it.

    Raises Refused (`key`) where the record is of no other organization, or the row does not stand beside it. Other rows
    stand there too: an intent names the same member, and a role that he was not given yet.
    """
    partition, beside = (_text(bind, key, table.keys.partition) for key in (record_key, row_key))
    separator = str(table.keys.separator)
    tenant, found, _ = partition.partition(separator)
    if not found or tenant == bind.tenant or not is_tenant_id(tenant) or table.keys.form != FORM:
        raise Refused("key", "record_key", "it is no key of another organization's record")
    if beside != partition:
        raise Refused("key", "grant.row", "it does not stand beside the record")
    place, row_place = (_text(bind, key, table.keys.sort) for key in (record_key, row_key))
    if place != RECORD or not row_place.startswith(GRANT):
        raise Refused("key", "record_key", "it is no key of a record, or of a grant row")
    return Way(settings, bind, me, tenant, partition, separator)


def _text(bind: Binding, key: Any, attribute: str | None) -> str:
    given = key.get(attribute) if type(key) is dict else None
    return bind.form.text(given) or ""
