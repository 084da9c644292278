"""The rows that decisions need, by the fetch plan: level by level, in batches, each row once a request, consistently.

In: records, and the plan of an action on their type (policy_bundle/plans.py). Out: `Fetched`, the entities that a
bundle asks. What a plan does not name is not there to be asked for: asking is Incomplete, so that a wrong plan denies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.items import plain
from policyengine.resolvers.layout import Key, Layout, grant_key, record_key

MAX_CHAIN = 32
"""How many rows up a scope may be held (docs/studio.md, Chains)."""
BATCH = 100
"""How many keys one BatchGetItem takes (Amazon DynamoDB API Reference)."""

Plan = Mapping[str, Any]
Record = Mapping[str, Any]


class Fetched:
    """Rows by key, as far as they were read; `None` where there is none. What a bundle asks for beside a record."""

    def __init__(self, calls: Calls, layout: Layout, plans: Mapping[str, Any], principal: Mapping[str, Any]) -> None:
        self._calls = calls
        self._layout = layout
        self._plans = plans
        self._rows: dict[Key, dict[str, Any] | None] = {}
        self._tenant = plans["tenant"]
        self._me = principal[plans["principal"]["identity"]]
        self._my_tenant = principal[plans["principal"]["tenant"]]

    # ---- What a bundle asks (docs/language.md, Data)

    def get(self, org_id: str, type_name: str, id: str) -> dict[str, Any] | None:
        return self._row(record_key(org_id, type_name, id))

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> list[dict[str, Any]]:
        row = self._row(grant_key(org_id, type_name, id, self._my_tenant, member_id))
        return [] if row is None else [row]

    def _row(self, key: Key) -> dict[str, Any] | None:
        try:
            return self._rows[key]
        except KeyError:
            raise Incomplete("not planned") from None

    def know(self, key: Key, row: dict[str, Any]) -> None:
        """A row that was read by another way, consistently and in this request."""
        self._rows[key] = row

    # ---- Reading ahead

    def fetch(self, plan: Plan, records: Iterable[Record], context: Mapping[str, Any]) -> None:
        """All that deciding on these records, of one type, may ask for. Raises Incomplete.

        A record that another tenant owns is decided without what stands above it: isolation fails before that, unless
        it holds its own scope.
        """
        well_placed = [record for record in records if isinstance(record.get(self._tenant), str)]
        if plan["references"]:
            self._load(self._referenced(plan, well_placed, context))
        if plan["chain"]:
            self._climb([record for record in well_placed if self._is_mine(record)])
        if plan["grants"]:
            self._load(self._granted(plan, well_placed))

    def _is_mine(self, record: Record) -> bool:
        return bool(record[self._tenant] == self._my_tenant)

    def _referenced(self, plan: Plan, records: list[Record], context: Mapping[str, Any]) -> Iterator[Key]:
        for source, name, target in plan["references"]:
            for record in records:
                id = {"resource": record, "context": context}.get(source, {}).get(name)
                if isinstance(id, str) and id:
                    yield record_key(record[self._tenant], target, id)

    def _climb(self, records: list[Record]) -> None:
        level = {key for record in records if (key := self._above(record["type"], record))}
        for _ in range(MAX_CHAIN):
            self._load(level)
            rows = [(key, row) for key in level if (row := self._rows[key])]
            level = {up for key, row in rows if (up := self._above(key.partition.split("#", 2)[1], row))}
            level -= self._rows.keys()
            if not level:
                return

    def _above(self, type_name: str, row: Record) -> Key | None:
        """The row from which a record or row takes its scope, or None: it holds its own, or names none."""
        inherits = self._plans["inherits"].get(type_name)
        if inherits is None:
            return None
        attribute, value, parent, parent_type = inherits
        id = row.get(parent)
        tenant = row.get(self._tenant)
        if row.get(attribute) != value or not (isinstance(id, str) and id and isinstance(tenant, str)):
            return None
        return record_key(tenant, parent_type, id)

    def _granted(self, plan: Plan, records: list[Record]) -> Iterator[Key]:
        """The one grant row for me on each record's holder, where its scope lets such a row count."""
        for record in records:
            type_name, holder = self._holder(plan, record)
            if holder is None or any(holder.get(name) not in values for name, values in plan["granted_where"].items()):
                continue
            id, tenant = holder.get(self._plans["types"][type_name]["identity"]), record[self._tenant]
            if isinstance(id, str) and id and (plan["crosses"] or self._is_mine(record)):
                yield grant_key(tenant, type_name, id, self._my_tenant, self._me)

    def _holder(self, plan: Plan, record: Record) -> tuple[str, Record | None]:
        type_name, holder = record["type"], record
        for _ in range(MAX_CHAIN + 1):
            inherits = self._plans["inherits"].get(type_name)
            if inherits is None or holder.get(inherits[0]) != inherits[1]:
                return type_name, holder
            up = self._above(type_name, holder)
            above = self._rows.get(up) if up else None
            if above is None:
                break
            type_name, holder = inherits[3], above
        return type_name, None

    def _load(self, keys: Iterable[Key]) -> None:
        """Reads rows that were not read before, 100 a call, in the order of their keys."""
        wanted = sorted(set(keys) - self._rows.keys())
        if len(self._rows) + len(wanted) > self._calls.limits.rows:
            raise Incomplete("too many rows")
        failed = 0
        while wanted:
            batch, wanted = wanted[:BATCH], wanted[BATCH:]
            found, left = self._batch(batch)
            wanted = left + wanted
            failed = 0 if len(left) < len(batch) else failed + 1
            if failed >= self._calls.limits.attempts:
                raise Incomplete("unprocessed")
            if failed:
                self._calls.wait(failed)
            self._rows |= {key: found.get(key) for key in batch if key not in left}

    def _batch(self, keys: list[Key]) -> tuple[dict[Key, dict[str, Any]], list[Key]]:
        layout = self._layout
        asked = {"Keys": [layout.attributes(key) for key in keys], "ConsistentRead": True}
        answer = self._calls.call("batch_get_item", RequestItems={layout.table: asked})
        items = answer.get("Responses", {}).get(layout.table, [])
        left = answer.get("UnprocessedKeys", {}).get(layout.table, {}).get("Keys", [])
        return {layout.key(item): plain(item, layout.own) for item in items}, [layout.key(key) for key in left]
