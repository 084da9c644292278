"""Lists: the records of the own organization by the list plan, and, by a query of their own, those that others shared.

Every record that comes out was decided on, whatever the filter said of it. A page is full, or the list is at its end,
or there was no time for more: then a cursor goes on. What cannot be read in full raises Incomplete: no list is
silently short. AWS: Amazon DynamoDB Developer Guide, "Querying tables", "Global secondary indexes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from policyengine.resolvers.codes import Refused
from policyengine.resolvers.crossing import ORIGIN, GrantKeys
from policyengine.resolvers.cursors import Cursors
from policyengine.resolvers.filters import NOTHING, Filter, instantiate
from policyengine.resolvers.guard import Guard
from policyengine.resolvers.items import item_of, plain
from policyengine.resolvers.layout import copy_key, grant_key, listed_under, partition_of, record_key
from policyengine.resolvers.rows import Record, Rows

MAX_LIMIT = 1000
READ_AHEAD = 1000
"""How many items a page of DynamoDB looks at, at most: some more than are wanted, since a filter lets few through."""


class Page(NamedTuple):
    """Allowed records, and where to go on. `nothing`: no record could be allowed, so that none was read."""

    records: list[Record]
    cursor: str | None
    nothing: bool = False


class Foreign(NamedTuple):
    """A record of another organization, marked as such (docs/studio.md, Writes), with the role of its grant row."""

    record: Record
    role: str


class SharedPage(NamedTuple):
    shared: list[Foreign]
    cursor: str | None


# ---- The own organization


def list_own(
    rows: Rows, cursors: Cursors, type_name: str, limit: int = 100, cursor: str | None = None, action: str = "list"
) -> Page:
    """A page of the principal's own organization: at most `limit` records of a type, on which `action` is allowed.

    Raises Refused for a limit or cursor that is none, and Incomplete.
    """
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise Refused("limit", "limit")
    selected = instantiate(rows.plan(action, type_name)["select"], rows.identity.principal, _context(rows))
    bound = _bound(rows, action, type_name, "own")
    start = cursors.open(cursor, bound) if cursor is not None else None
    if selected is NOTHING:
        return Page([], None, nothing=True)
    found: list[Record] = []
    while True:
        items, start = _page(rows, type_name, selected, start, limit)
        records = [plain(item, rows.layout.own) for item in items if _stands_right(rows, type_name, item)]
        allowed = rows.filter(action, records)
        if len(found) + len(allowed) > limit:
            last = allowed[limit - len(found) - 1]
            start = _place(rows, last, type_name)
            allowed = allowed[: limit - len(found)]
        found += allowed
        if start is None:
            return Page(found, None)
        if len(found) == limit or rows.calls.is_late:
            return Page(found, cursors.seal(start, bound))


def _page(
    rows: Rows, type_name: str, selected: Filter, start: Mapping[str, str] | None, limit: int
) -> tuple[list[Any], Mapping[str, str] | None]:
    """Items of one page that the filter selects, and the place after it."""
    layout, plans = rows.layout, rows.plans
    tenant = rows.identity.tenant
    names = {"#kind": layout.by_kind_partition, "#type": "type", "#tenant": plans["tenant"]}
    values = {":kind": listed_under(tenant, type_name), ":type": type_name, ":tenant": tenant}
    arguments = selected.arguments()
    bound_to = "(#type = :type) AND (#tenant = :tenant)"
    inner = arguments.get("FilterExpression")
    answer = rows.calls.call(
        "query",
        TableName=layout.table,
        IndexName=layout.by_kind,
        KeyConditionExpression="#kind = :kind",
        FilterExpression=f"{bound_to} AND ({inner})" if inner else bound_to,
        ExpressionAttributeNames={**arguments.get("ExpressionAttributeNames", {}), **names},
        ExpressionAttributeValues={**arguments.get("ExpressionAttributeValues", {}), **item_of(values)},
        Limit=min(max(4 * limit, 50), READ_AHEAD),
        **({"ExclusiveStartKey": item_of(start)} if start else {}),
    )
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], {name: value["S"] for name, value in last.items()} if last else None


def _stands_right(rows: Rows, type_name: str, item: Mapping[str, Any]) -> bool:
    """Whether an item has the key of the record that it says it is: any other is no record."""
    id = item.get(rows.plans["types"][type_name]["identity"], {}).get("S")
    return id is not None and rows.layout.key(item) == record_key(rows.identity.tenant, type_name, id)


def _place(rows: Rows, record: Record, type_name: str) -> dict[str, str]:
    """The key of a record in the index: a list goes on after it."""
    layout, tenant = rows.layout, rows.identity.tenant
    key = record_key(tenant, type_name, record[rows.plans["types"][type_name]["identity"]])
    return {
        layout.by_kind_partition: listed_under(tenant, type_name),
        layout.partition: key.partition,
        layout.place: key.place,
    }


def _context(rows: Rows) -> dict[str, Any]:
    given = {name: value for name, value in rows.context.items() if value is not None}
    return {**rows.plans["defaults"], **given}


def _bound(rows: Rows, *query: str) -> dict[str, Any]:
    """What a cursor belongs to."""
    principal = dict(rows.identity.principal)
    return {"principal": principal, "policy": rows.plans["digest"], "query": list(query)}


# ---- What others shared


def list_shared(
    rows: Rows,
    cursors: Cursors,
    type_name: str,
    guard: Guard,
    limit: int = 100,
    cursor: str | None = None,
    action: str = "list",
) -> SharedPage:
    """Records of other organizations that grant rows name for the principal, each decided on; at most `limit`.

    The rows' copies under the principal's organization say where to look; a copy gives nothing by itself. `guard` opens
    each record by its grant row (docs/aws-resolvers.md, Records of others). Raises Refused and Incomplete.
    """
    if type(limit) is not int or not 1 <= limit <= MAX_LIMIT:
        raise Refused("limit", "limit")
    bound = _bound(rows, action, type_name, "shared")
    start = cursors.open(cursor, bound) if cursor is not None else None
    if not rows.plan(action, type_name)["crosses"]:
        return SharedPage([], None)
    found: list[Foreign] = []
    while True:
        copies, start = _copies(rows, limit - len(found), start)
        for copy in copies:
            shared = _open(rows, copy, type_name, guard, action)
            found += [shared] if shared else []
        if start is None:
            return SharedPage(found, None)
        if len(found) >= limit or rows.calls.is_late:
            return SharedPage(found, cursors.seal(start, bound))


def _copies(
    rows: Rows, limit: int, start: Mapping[str, str] | None
) -> tuple[list[dict[str, Any]], Mapping[str, str] | None]:
    layout, identity = rows.layout, rows.identity
    answer = rows.calls.call(
        "query",
        TableName=layout.table,
        KeyConditionExpression="#partition = :partition",
        ExpressionAttributeNames={"#partition": layout.partition},
        ExpressionAttributeValues={":partition": {"S": partition_of(identity.tenant, "@member", identity.id)}},
        ConsistentRead=True,
        Limit=limit,
        **({"ExclusiveStartKey": item_of(start)} if start else {}),
    )
    last = answer.get("LastEvaluatedKey")
    copies = [plain(item) for item in answer["Items"]]
    return copies, {name: value["S"] for name, value in last.items()} if last else None


def _open(rows: Rows, copy: Mapping[str, Any], type_name: str, guard: Guard, action: str) -> Foreign | None:
    """The record behind a copy, if it is of that type, of another organization, and allowed."""
    grant = next(grant for grant in rows.plans["grants"].values() if type_name in grant["types"])
    of_type, of_id, *_ = (copy.get(name) for name in grant["key"])
    org_id, identity = copy.get(ORIGIN), rows.identity
    if of_type != type_name or org_id == identity.tenant or not (isinstance(org_id, str) and isinstance(of_id, str)):
        return None
    record = open_shared(rows, guard, action, (org_id, type_name, of_id))
    return None if record is None else Foreign(record, str(copy.get(grant["role"])))


def open_shared(rows: Rows, guard: Guard, action: str, place: tuple[str, str, str]) -> Record | None:
    """A record of another organization (its id, type and id), if a grant row on it allows the action to the principal.

    The guard reads copy, row and record, each consistently; the row is then what the decision is made on. Raises
    Incomplete.
    """
    layout, identity = rows.layout, rows.identity
    row_key = grant_key(*place, identity.tenant, identity.id)
    keys = (record_key(*place), row_key, copy_key(identity.tenant, identity.id, *place))
    at_record, at_row, at_copy = (layout.attributes(key) for key in keys)

    def check(record: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
        rows.know(row_key, plain(row, layout.own))
        return bool(rows.filter(action, [plain(record, layout.own)]))

    found = rows.calls.attempt(lambda: guard.shared(layout.table, at_record, GrantKeys(at_row, at_copy), check))
    return None if found is None else plain(found.record, layout.own)
