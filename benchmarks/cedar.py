"""The same decisions by Cedar, through cedarpy: Studio's permits and forbids, written by hand.

Cedar's policies cannot search: who holds the scope, which grant rows live, whether a tool's connector is on is found
beforehand, and timed apart. They have no obligations either, and a forbid that errs does not deny.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import reference
from benchmarks.deciding import READS, studio
from benchmarks.measuring import Figure, agree, compare
from benchmarks.workloads import Ask, Object, hostile, reads
from policyengine.compiler import Engine

POLICIES = """
permit (principal, action in [Action::"create", Action::"read", Action::"list", Action::"update", Action::"delete",
                              Action::"share", Action::"revoke"], resource is Scoped)
when { principal.orgId == resource.orgId && principal.id == resource.ownerId };

permit (principal, action == Action::"revoke", resource is Scoped)
when { principal.orgId == resource.orgId && principal.orgRole == "admin" };

permit (principal, action in [Action::"read", Action::"list"], resource is Scoped)
when { principal.orgId == resource.orgId && resource has holder
       && ["PRIVATE", "CUSTOM"].contains(resource.holder.scope) && resource.holder.ownerId == principal.id };

permit (principal, action in [Action::"read", Action::"list"], resource is Scoped)
when { principal.orgId == resource.orgId && resource has holder && resource.holder.scope == "ORG" };

permit (principal, action in [Action::"update", Action::"delete"], resource is Scoped)
when { principal.orgId == resource.orgId && resource has holder && resource.holder.scope == "ORG"
       && principal.orgRole == "admin" };

permit (principal, action in [Action::"read", Action::"list"], resource is Scoped)
when { (principal.orgId == resource.orgId || !resource.inherits) && resource has holder
       && resource.holder.scope == "CUSTOM" && resource.holder.roles.containsAny(["viewer", "editor"]) };

permit (principal, action == Action::"update", resource is Scoped)
when { (principal.orgId == resource.orgId || !resource.inherits) && resource has holder
       && resource.holder.scope == "CUSTOM" && resource.holder.roles.contains("editor") };

permit (principal, action in [Action::"create", Action::"read", Action::"list", Action::"update", Action::"delete"],
        resource is KeychainEntry)
when { principal.orgId == resource.orgId && principal.id == resource.ownerId };

permit (principal, action in [Action::"read", Action::"list"], resource)
when { (resource is Connector || resource is Tool) && principal.orgId == resource.orgId };

permit (principal, action == Action::"configure", resource)
when { (resource is Connector || resource is Tool) && principal.orgId == resource.orgId
       && principal.orgRole == "admin" };

permit (principal, action == Action::"invoke", resource is Tool)
when { principal.orgId == resource.orgId };

forbid (principal, action == Action::"invoke", resource is Tool) when { !resource.enabled };
forbid (principal, action == Action::"invoke", resource is Tool) when { !resource.connectorOn };
forbid (principal, action == Action::"share", resource is Scoped)
when { resource.type == "Folder" && context has memberOrg && context.memberOrg != resource.orgId };
"""

_NAMES = {
    "Scoped": ("type", "orgId", "ownerId", "scope"),
    "KeychainEntry": ("orgId", "ownerId"),
    "Connector": ("orgId",),
    "Tool": ("orgId", "enabled", "connectorId"),
}
"""What the policies read of a record itself."""

Query = tuple[Object, str]
"""A request as Cedar wants it, and its entities as JSON."""


# ---- What Cedar's policies cannot find by themselves


def query(who: Object, action: str, record: Object, context: Object | None, entities: Any) -> Query:
    """One well-formed request, resolved."""
    kind = record["type"] if record["type"] not in reference.SCOPED else "Scoped"
    attributes = {name: record[name] for name in _NAMES[kind] if record.get(name) is not None}
    if kind == "Scoped":
        attributes["inherits"] = record["scope"] == "INHERIT"
        holder = _holder(record, entities)
        if holder is not None:
            roles = _roles(who, holder, context, entities)
            attributes["holder"] = {"scope": holder["scope"], "ownerId": holder["ownerId"], "roles": roles}
    elif kind == "Tool":
        connector = attributes.get("connectorId")
        row = None if connector is None else entities.get(record["orgId"], "Connector", connector)
        attributes["connectorOn"] = connector is None or (row is not None and row["enabled"])
    user = {"type": "User", "id": who["id"]}
    resource = {"type": kind, "id": record["id"]}
    member = (context or {}).get("member")
    request = {
        "principal": user,
        "action": {"type": "Action", "id": action},
        "resource": resource,
        "context": {} if member is None else {"memberOrg": member["orgId"]},
    }
    known = [
        {"uid": user, "attrs": {name: who[name] for name in ("id", "orgId", "orgRole")}, "parents": []},
        {"uid": resource, "attrs": attributes, "parents": []},
    ]
    return request, json.dumps(known)


def _holder(record: Object, entities: Any) -> Object | None:
    """The record, or the nearest folder up that does not inherit, at most 32 up and none met twice."""
    met = {record["id"]} if record["type"] == "Folder" else set()
    found: Object | None = record
    for _ in range(reference.MAX_STEPS):
        if found is None or found["scope"] != "INHERIT":
            return found
        parent = found.get("parentId")
        if parent is None or parent in met:
            return None
        met.add(parent)
        row = entities.get(record["orgId"], "Folder", parent)
        found = None if row is None else {**row, "type": "Folder"}
    return found if found is not None and found["scope"] != "INHERIT" else None


def _roles(who: Object, holder: Object, context: Object | None, entities: Any) -> list[str]:
    """The roles of the principal's live grant rows on the holder."""
    now = reference.instant((context or {}).get("now"))
    rows = entities.grants(holder["orgId"], holder["type"], holder["id"], who["id"])
    return [row["role"] for row in rows if row["memberOrgId"] == who["orgId"] and _lives(row, now)]


def _lives(row: Object, now: int | None) -> bool:
    expires = reference.instant(row.get("expiresAt"))
    return expires is None or (now is not None and now < expires)


# ---- The section


def asking(cedarpy: Any) -> Callable[[tuple[Object, Any]], bool]:
    """Whether Cedar allows a request, with entities as JSON or parsed already; the policies are parsed once."""
    policies = cedarpy.PolicySet.from_str(POLICIES)

    def allows(asked: tuple[Object, Any]) -> bool:
        request, entities = asked
        allowed: bool = cedarpy.is_authorized(request, policies, entities).allowed
        return allowed

    return allows


def decisions() -> Iterator[Figure | str]:
    """`allowed` against Cedar on ordinary reads; first Cedar's best case: what it needs has been found and parsed."""
    try:
        import cedarpy
    except ImportError:
        yield "cedarpy is not installed: skipped"
        return
    engine = studio()
    cedar_allows = asking(cedarpy)
    answered = check(engine, cedar_allows, 3000)
    work = reads(READS)
    entities = engine.entities(work.data)
    queries = [query(who, "read", record, context, entities) for who, record, context in work.asks]
    parsed = [(request, cedarpy.Entities.from_json_str(text)) for request, text in queries]

    def ours(asks: list[Ask]) -> list[bool]:
        allowed = engine.allowed
        return [allowed(who, "read", record, entities, context) for who, record, context in asks]

    def with_parsed(_: object) -> list[bool]:
        return [cedar_allows(asked) for asked in parsed]

    def with_text(_: object) -> list[bool]:
        return [cedar_allows(asked) for asked in queries]

    def resolving(asks: list[Ask]) -> list[Query]:
        return [query(who, "read", record, context, entities) for who, record, context in asks]

    agree("ordinary reads by Cedar", ours(work.asks), with_text(None))
    sides: tuple[tuple[str, Callable[[list[Ask]], object]], ...] = (
        ("allowed / cedarpy, its entities parsed before", with_parsed),
        ("allowed / cedarpy, its entities as JSON", with_text),
        ("allowed / only finding what Cedar needs", resolving),
    )
    for what, theirs in sides:
        yield compare(what, ours, theirs, work.hot, pieces=READS, rounds=9)
    yield f"the same answers on these, and on {answered:,} well-formed requests of the hostile kind, all actions"


def check(engine: Engine, allows: Callable[[tuple[Object, Any]], bool], count: int) -> int:
    """Every well-formed request of some hostile worlds is decided alike, obligations apart; how many there were."""
    answered = 0
    for data, requests in hostile(count):
        entities = engine.entities(data)
        for request in requests:
            decision = engine.authorize(request, entities)
            if decision["reason"] == "The request is malformed.":
                continue
            who, action, record = (request[name] for name in ("principal", "action", "resource"))
            asked = query(who, action, record, request.get("context"), entities)
            agree(f"Cedar on {request}", decision["decision"] == "allow", allows(asked))
            answered += 1
    return answered
