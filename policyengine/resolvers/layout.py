"""Where rows stand in the table: keys, and the marks that tell rows apart (docs/aws-resolver-rows.md, The table).

A record, its grant rows and its wraps share one partition, `<organization>#<type>#<id>`, so that one consistent query
reads them, one session policy opens them, and the organization leads every key. An organization's id holds no `#`
(docs/studio.md, Records) and neither does a type's name; the free part of a key always stands last: no two rows meet.
A part that begins with `@` is no type, so that no declared type meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from policyengine.resolvers.settings import Table

RECORD = "record"
GRANT = "grant#"
WRAP = "wrap#"
INTENT = "intent#"


class Key(NamedTuple):
    """A row's key: its partition and its place there."""

    partition: str
    place: str


class Layout(NamedTuple):
    """The table, its key attributes, and the index that lists records by type."""

    table: str = "StudioRecords"
    partition: str = "pk"
    place: str = "sk"
    by_kind: str = "StudioByKind"
    by_kind_partition: str = "kindKey"

    @classmethod
    def of(cls, table: Table) -> Layout:
        """The layout of a table of the settings. Raises ValueError where it cannot hold records, rows and wraps."""
        by_kind = next((index for index in table.indexes.values() if index.form == ("tenant", "type")), None)
        if table.keys.sort is None or table.keys.form != ("tenant", "type", "id") or by_kind is None:
            raise ValueError(
                f"{table.label}: the key is not tenant, type and id and a sort key, or no index is by type"
            )
        return cls(table.name, table.keys.partition, table.keys.sort, by_kind.name, by_kind.partition)

    def attributes(self, key: Key) -> dict[str, dict[str, str]]:
        """A key in DynamoDB's JSON."""
        return {self.partition: {"S": key.partition}, self.place: {"S": key.place}}

    def key(self, item: Mapping[str, Mapping[str, str]]) -> Key:
        """The key of an item in DynamoDB's JSON."""
        return Key(item[self.partition]["S"], item[self.place]["S"])

    @property
    def own(self) -> frozenset[str]:
        """Attributes that are the table's, and never a record's."""
        return frozenset({self.partition, self.place, self.by_kind_partition})


def partition_of(org_id: str, type_name: str, id: str) -> str:
    return f"{org_id}#{type_name}#{id}"


def record_key(org_id: str, type_name: str, id: str) -> Key:
    return Key(partition_of(org_id, type_name, id), RECORD)


def grant_key(org_id: str, type_name: str, id: str, member_org_id: str, member_id: str) -> Key:
    """All of a grant row but its role and its end is its key: granting again replaces."""
    return Key(partition_of(org_id, type_name, id), f"{GRANT}{member_org_id}#{member_id}")


def copy_key(member_org_id: str, member_id: str, org_id: str, type_name: str, id: str) -> Key:
    """A grant row's copy, under the member's organization: what a member was given, in one consistent query."""
    return Key(partition_of(member_org_id, "@member", member_id), partition_of(org_id, type_name, id))


def wrap_key(org_id: str, type_name: str, id: str, for_org_id: str) -> Key:
    return Key(partition_of(org_id, type_name, id), f"{WRAP}{for_org_id}")


def intent_key(org_id: str, type_name: str, id: str, member_org_id: str, member_id: str) -> Key:
    """One intent for a member and a record: asking again replaces it."""
    return Key(partition_of(org_id, type_name, id), f"{INTENT}{member_org_id}#{member_id}")


def listed_under(org_id: str, type_name: str) -> str:
    """The partition of the index in which a type's records stand."""
    return f"{org_id}#{type_name}"
