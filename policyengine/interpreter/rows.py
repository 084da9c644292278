"""The rows beside a request, in memory: found by scanning, judged when met. Malformed rows count as absent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from policyengine.interpreter.checking import well_formed
from policyengine.model.schema import Schema


@dataclass(frozen=True)
class Rows:
    """`data` is one object of arrays by type (docs/language.md, Data); arrays of unknown names are ignored."""

    schema: Schema
    data: dict[str, list[Any]]

    def get(self, org_id: str, type_name: str, id: str) -> dict[str, Any] | None:
        """The one well-formed row of that type and id in that organization; two are none."""
        resource, key = self.schema.resource[type_name], self.schema.tenant_key
        rows = [
            row for row in self.data.get(type_name, []) if well_formed(self.schema, type_name, resource.attributes, row)
        ]
        found = [row for row in rows if (row[key], row[resource.identity]) == (org_id, id)]
        return found[0] if len(found) == 1 else None

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> Iterator[dict[str, Any]]:
        """Every grant row on that record for that member, whatever its role and its time."""
        grant = self.schema.grant_on[type_name]
        names = (self.schema.tenant_key, grant.resource_type, grant.resource_id, grant.member_id)
        for row in self.data.get(grant.name, []):
            is_row = well_formed(self.schema, grant.name, grant.attributes, row)
            if is_row and tuple(row[name] for name in names) == (org_id, type_name, id, member_id):
                yield row
