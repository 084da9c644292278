"""The rows that decisions need, by the fetch plan: level by level, in batches, each row once a request, consistently.

In: records, and the plan of an action on their type (policy_bundle/plans.py). Out: `Fetched`, the entities that a
bundle asks. What a plan does not name is not there to be asked for: asking is Incomplete, so that a wrong plan denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from policyengine.model.values import is_tenant_id
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.items import plain
from policyengine.resolvers.layout import RECORD, Key, Layout, grant_key, record_key

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
        self._snapshot: tuple[int, Any] | None = None
        self._tenant = plans["tenant"]
        self._principal = principal
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
        self._snapshot = None

    def found(self) -> dict[Key, dict[str, Any]]:
        """The rows that were read and are there."""
        return {key: row for key, row in self._rows.items() if row is not None}

    def snapshot(self, entities: Callable[[dict[str, Any]], Any]) -> Any:
        """What was read, as the bundle's own entities, which are checked once instead of at each decision.

        A row that says it is another than the one that its key names is left out, as a decision would not take it.
        """
        if self._snapshot is None or self._snapshot[0] != len(self._rows):
            data: dict[str, list[dict[str, Any]]] = {}
            for key, row in self._rows.items():
                name = row and self._kind(key, row)
                if row and name:
                    data.setdefault(name, []).append(row)
            self._snapshot = (len(self._rows), entities(data))
        return self._snapshot[1]

    def _kind(self, key: Key, row: Record) -> str:
        """What kind of row stands at a key, or nothing where it is not what the key says."""
        org_id, type_name, id = key.partition.split("#", 2)
        if row.get(self._tenant) != org_id:
            return ""
        if key.place == RECORD:
            return type_name if row.get(self._plans["types"][type_name]["identity"]) == id else ""
        for name, grant in self._plans["grants"].items():
            named = tuple(row.get(attribute) for attribute in grant["key"])
            if type_name in grant["types"] and named == (type_name, id, self._me, self._my_tenant):
                return str(name)
        return ""

    # ---- Reading ahead

    def fetch(self, plan: Plan, records: Iterable[Record], context: Mapping[str, Any]) -> None:
        """All that deciding on these records, of one type, may ask for. Raises Incomplete.

        A record that another tenant owns is decided without what stands above it: isolation fails before that, unless
        it holds its own scope, or a rule that forbids asks for what holds it.
        """
        well_placed = [record for record in records if _is_tenant(record.get(self._tenant))]
        if plan["references"]:
            self._load(self._referenced(plan, well_placed, context))
        if not (plan["chain"] or plan["grants"]):
            return
        inheriting: set[Key] = set()
        own: list[Record] = []
        for record in well_placed:
            inherits = self._plans["inherits"].get(record["type"])
            if inherits is None or record.get(inherits[0]) != inherits[1]:
                own.append(record)
            elif (plan["chain_abroad"] or self._is_mine(record)) and (up := self._above(inherits, record)):
                inheriting.add(up)
        if plan["chain"]:
            self._climb(inheriting)
        if plan["grants"]:
            holders = [(record["type"], record) for record in own if plan["crosses"] or self._is_mine(record)]
            holders += [found for key in inheriting if (found := self._holder(key))]
            self._load(self._granted(plan, holders))

    def _is_mine(self, record: Record) -> bool:
        return bool(record[self._tenant] == self._my_tenant)

    def _referenced(self, plan: Plan, records: list[Record], context: Mapping[str, Any]) -> Iterator[Key]:
        for source, name, target in plan["references"]:
            for record in records:
                id = {"resource": record, "context": context, "principal": self._principal}[source].get(name)
                if isinstance(id, str) and id:
                    yield record_key(record[self._tenant], target, id)

    def _climb(self, level: set[Key]) -> None:
        for _ in range(MAX_CHAIN):
            self._load(level)
            level = {up for key in level if (up := self._up(key))} - self._rows.keys()
            if not level:
                return

    def _up(self, key: Key) -> Key | None:
        """The row from which a row that was read takes its scope, or None: it holds its own, or names none."""
        row = self._rows.get(key)
        inherits = self._plans["inherits"].get(key.partition.split("#", 2)[1])
        if row is None or inherits is None or row.get(inherits[0]) != inherits[1]:
            return None
        return self._above(inherits, row)

    def _above(self, inherits: list[str], row: Record) -> Key | None:
        """What a record or row that inherits names as above it, if it names anything."""
        id, tenant = row.get(inherits[2]), row.get(self._tenant)
        return record_key(str(tenant), inherits[3], id) if isinstance(id, str) and id and _is_tenant(tenant) else None

    def _holder(self, key: Key | None) -> tuple[str, Record] | None:
        """The type and the row that holds the scope, from the first row above a record."""
        for _ in range(MAX_CHAIN):
            row = self._rows.get(key) if key else None
            if key is None or row is None:
                return None
            up = self._up(key)
            if up is None:
                return key.partition.split("#", 2)[1], row
            key = up
        return None

    def _granted(self, plan: Plan, holders: list[tuple[str, Record]]) -> Iterator[Key]:
        """The one grant row for me on each holder, where its scope lets such a row count."""
        for type_name, holder in holders:
            if any(holder.get(name) not in values for name, values in plan["granted_where"].items()):
                continue
            id, tenant = holder.get(self._plans["types"][type_name]["identity"]), holder.get(self._tenant)
            if isinstance(id, str) and id and _is_tenant(tenant):
                yield grant_key(str(tenant), type_name, id, self._my_tenant, self._me)

    def _load(self, keys: Iterable[Key]) -> None:
        """Reads rows that were not read before, 100 a call, in the order of their keys."""
        new = set(keys) - self._rows.keys()
        wanted = sorted(key for key in new if _can_be(key))
        self._rows |= dict.fromkeys(new.difference(wanted))
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
        try:
            answer = self._calls.call("batch_get_item", RequestItems={layout.table: asked})
        except Refused:  # the guard: these rows are another organization's
            raise Incomplete("refused") from None
        items = answer.get("Responses", {}).get(layout.table, [])
        left = answer.get("UnprocessedKeys", {}).get(layout.table, {}).get("Keys", [])
        return {layout.key(item): plain(item, layout.own) for item in items}, [layout.key(key) for key in left]


MAX_KEY = (2048, 1024)
"""How many bytes a partition and a sort key have, at most (Amazon DynamoDB Developer Guide, "Constraints")."""


def _can_be(key: Key) -> bool:
    """Whether a row can stand at a key: one that DynamoDB cannot hold is absent, and spoils no batch."""
    try:
        return all(len(part.encode()) <= most for part, most in zip(key, MAX_KEY, strict=True))
    except UnicodeEncodeError:  # a lone surrogate
        return False


def _is_tenant(value: Any) -> bool:
    return type(value) is str and _is_tenant_id(value)


_is_tenant_id = lru_cache(1024)(is_tenant_id)
