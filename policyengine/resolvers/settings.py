"""The settings of the resolvers: tables, keys, roles, as `policyengine build aws` writes them (resolver-settings.json).

Each partition key of a table begins with the organization, and each item names the same organization in the tenant's
attribute (docs/aws-resolvers.md, Tables).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any


@dataclass(frozen=True, slots=True)
class Index:
    """How items are found, in an index or in the table itself.

    `partition` and `sort` are attributes; `form` is what a partition key's value is made of, such as
    `("tenant", "type", "id")`; `separator` ends the organization in it, and is None where it does not begin with it.
    """

    name: str
    partition: str
    sort: str | None
    form: tuple[str, ...]
    separator: str | None

    @property
    def attributes(self) -> tuple[str, ...]:
        return (self.partition,) if self.sort is None else (self.partition, self.sort)


@dataclass(frozen=True)
class Table:
    """A table: `label` is its name in the `aws` block, `name` that in DynamoDB; `indexes` are by DynamoDB's name."""

    label: str
    name: str
    arn: str
    keys: Index
    indexes: Mapping[str, Index]

    @cached_property
    def bearing(self) -> Mapping[str, str]:
        """Attributes whose values begin with an organization, each with what ends it there: partition keys."""
        found = {index.partition: index.separator for index in (self.keys, *self.indexes.values())}
        return {name: separator for name, separator in found.items() if separator}


@dataclass(frozen=True)
class Settings:
    """`tenant` is the attribute of every item that names its organization; `tables` are by DynamoDB's name.

    `principal` has the attributes of who asks: name -> whether it is required; `texts` those that are texts. `grants`
    has for each kind of grant row the attributes that name record and member.
    """

    tenant: str
    region: str
    tenant_role: str
    principal: Mapping[str, bool]
    identity: str
    principal_tenant: str
    texts: frozenset[str]
    grants: Mapping[str, Mapping[str, str]]
    tables: Mapping[str, Table]

    def labelled(self, label: str) -> Table:
        """The table of a name in the `aws` block. Raises KeyError."""
        return next((table for table in self.tables.values() if table.label == label), None) or _none(label)


def _none(label: str) -> Table:
    raise KeyError(label)


def read_settings(document: Mapping[str, Any]) -> Settings:
    """The settings that `build aws` wrote. Raises KeyError or ValueError where a part is missing or odd."""
    principal = document["principal"]
    tables = [_table(label, each) for label, each in document["tables"].items()]
    return Settings(
        tenant=document["tenant"],
        region=document["region"],
        tenant_role=document["tenantRole"],
        principal={name: each["required"] for name, each in principal["attributes"].items()},
        identity=principal["identity"],
        principal_tenant=principal["tenant"],
        texts=frozenset(name for name, each in principal["attributes"].items() if each["text"]),
        grants=document["grants"],
        tables={table.name: table for table in tables},
    )


def _table(label: str, each: Mapping[str, Any]) -> Table:
    indexes = {found["name"]: _index(found) for found in each["indexes"].values()}
    keys = _index(each)
    if keys.separator is None:
        raise ValueError(f"{label}: its partition key does not begin with the tenant")
    return Table(label, each["name"], each["arn"], keys, indexes)


def _index(each: Mapping[str, Any]) -> Index:
    separator = each["separator"]
    return Index(each["name"], each["partition"], each["sort"], tuple(each["form"]), separator)
