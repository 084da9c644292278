"""The one door to a record of another organization: a grant row on the record itself.

First the row's copy under the member's own organization is read, then, under the role of the record's organization, the
row, then the record; all consistently. `check` then decides, in the same request. Whatever is missing or does not fit,
the answer is the same: nothing (docs/studio.md, Grants; docs/aws-resolvers.md, Records of others).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from policyengine.resolvers import reading
from policyengine.resolvers.binding import Binding, Request, known
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.expressions import fresh
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

    def update(self, check: Check, *, version: str = "version", **request: Any) -> bool:
        """Updates the record, if `check` allows it; whether it did. `request` is that of an UpdateItem, without key.

        It takes effect only if the record still has the version on which it was decided, and the row is as it was: both
        are conditions of one transaction. Raises Refused, and ClientError where the transaction is cancelled.
        """
        known(request, _UPDATE)
        if not check(self.record, self.row):
            return False
        bind, table = self._bind, self._table
        record_key, row_key = self._keys
        update: Request = {**request, "TableName": table.name, "Key": dict(record_key)}
        bind.key(table, update["Key"])
        bind.update(table, update)
        bind.condition(table, update)
        _as_read(update, self.record, (version,))
        unchanged: Request = {"TableName": table.name, "Key": dict(row_key)}
        bind.condition(table, unchanged)
        _as_read(unchanged, self.row, tuple(name for name in self.row if name not in table.keys.attributes))
        self._call("transact_write_items", {"TransactItems": [{"ConditionCheck": unchanged}, {"Update": update}]})
        return True


_UPDATE = frozenset(
    {"ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues", "UpdateExpression"}
)


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


def origin_of(bind: Binding, table: Table, key: Any) -> str:
    """The organization that a key of the table begins with. Raises Refused where there is none, or it is the own."""
    given = key.get(table.keys.partition) if type(key) is dict else None
    tenant, separator, _ = (bind.form.text(given) or "").partition(str(table.keys.separator))
    if not separator or tenant == bind.tenant:
        raise Refused("key", "record_key", "it is no key of another organization's record")
    return tenant


def copy_leads_there(settings: Settings, bind: Binding, me: str, origin: str, copy: Item) -> Mapping[str, str] | None:
    """The names of the grant row's attributes, if a copy says that this member was given a record there."""
    for names in settings.grants.values():
        wanted = {names["member"]: me, names["memberTenant"]: bind.tenant, ORIGIN: origin}
        if all(bind.form.text(copy.get(name)) == value for name, value in wanted.items()):
            return names
    return None


def row_counts(names: Mapping[str, str], bind: Binding, me: str, copy: Item, row: Item) -> bool:
    """Whether the row is the one that the copy is of: for the same member, on the same record."""
    same = all(row.get(names[part]) == copy.get(names[part]) for part in ("resourceType", "resourceId"))
    member, tenant = (bind.form.text(row.get(names[part])) for part in ("member", "memberTenant"))
    return same and (member, tenant) == (me, bind.tenant)
