"""Sharing: grant rows, copies, wraps and intents, changed together or not at all (docs/aws-resolver-rows.md, Sharing).

Every transaction here raises the record's `shareVersion` and is conditioned on the one that it read. So whoever reads
the rows of a record, and decides on them, writes only if they are still the rows: a wrap is never removed from under a
grant that somebody adds meanwhile, and no record has more rows than one transaction can remove.

A grant to another organization exists only with its wrap, and the wrap takes a service role. So `share` only leaves an
intent there; `rewrapping` makes wrap and grant of it, and `revoke` closes it: an intent that is gone is closed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from policyengine.model.values import instant, is_tenant_id
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.layout import (
    GRANT,
    INTENT,
    WRAP,
    Key,
    copy_key,
    grant_key,
    intent_key,
    partition_of,
    record_key,
    wrap_key,
)
from policyengine.resolvers.rows import Record, Rows
from policyengine.resolvers.store import MAX_ITEMS, Change, Conflict, Row, Store, When

MAX_ROWS = MAX_ITEMS - 4
"""What may hang on a record, with itself.

A transaction that removes it all counts two folders besides, and checks a row that a rule refers to and a grant row.
"""
INTENT_SECONDS = 300
"""How long an intent can be fulfilled."""
NAMES = ("orgId", "resourceType", "resourceId", "memberId", "memberOrgId")
"""The attributes of a grant row's key, as docs/studio.md has them: under other names nothing is shared."""
TRIES = 5
"""How often a flow starts again because somebody wrote in between."""


class Target(NamedTuple):
    """A record, and a member of an organization."""

    org_id: str
    type: str
    id: str
    member_id: str
    member_org_id: str

    @property
    def record(self) -> tuple[str, str, str]:
        return self.org_id, self.type, self.id

    @property
    def member(self) -> tuple[str, str]:
        return self.member_org_id, self.member_id

    @property
    def crosses(self) -> bool:
        return self.org_id != self.member_org_id

    @property
    def grant(self) -> Key:
        return grant_key(*self.record, *self.member)

    @property
    def copy(self) -> Key:
        return copy_key(*self.member, *self.record)

    @property
    def intent(self) -> Key:
        return intent_key(*self.record, *self.member)


class Around(NamedTuple):
    """A record with all that hangs on it, as one consistent query found it."""

    record: Record
    rows: Mapping[Key, Row]

    def named(self, prefix: str) -> dict[Key, Row]:
        return {key: row for key, row in self.rows.items() if key.place.startswith(prefix)}

    def live_grants(self, for_org_id: str, now: int) -> list[Key]:
        """The grant rows that still count for members of an organization. `now` in nanoseconds."""
        return [key for key, row in self.named(GRANT).items() if row["memberOrgId"] == for_org_id and is_live(row, now)]

    def weight(self, added: Key) -> int:
        """How many items deleting the record would remove with a further row, at most.

        An intent stands for what may become of it: a grant, its copy and a wrap.
        """
        keys = {*self.rows, added}
        members = {key.place.partition("#")[2] for key in keys if key.place.startswith((GRANT, INTENT))}
        intents = sum(key.place.startswith(INTENT) for key in keys)
        wraps = {key.place.removeprefix(WRAP) for key in keys if key.place.startswith(WRAP)}
        wraps |= {key.place.split("#")[1] for key in keys if key.place.startswith(INTENT)}
        return 1 + 2 * len(members) + intents + len(wraps)


def is_live(row: Mapping[str, Any], now: int) -> bool:
    """Whether a grant row has not expired; an expiry that is no time has."""
    expires = row.get("expiresAt")
    if expires is None:
        return True
    at = instant(expires) if isinstance(expires, str) else None
    return at is not None and now < at


_EPOCH = instant("1970-01-01T00:00:00Z") or 0


def since_1970(now: int) -> int:
    """Whole seconds since 1970, as intents and KMS's clock count, of an instant in nanoseconds."""
    return (now - _EPOCH) // 10**9


def around(store: Store, org_id: str, type_name: str, id: str) -> Around | None:
    """A record with its rows; one that says it is another than its key names counts as none."""
    rows = dict(store.partition(partition_of(org_id, type_name, id)))
    record = rows.pop(record_key(org_id, type_name, id), None)
    named = record and (record.get("orgId"), record.get("type"), record.get("id"))
    return Around(record, rows) if record and named == (org_id, type_name, id) else None


def held(found: Around, **more: Any) -> Change:
    """The record's part in a transaction: it is as it was read, and others see that its rows changed."""
    record = found.record
    pinned = ("version", "shareVersion", "ownerId", "scope", "dekVersion")
    equal = {name: record.get(name) for name in pinned}
    key = record_key(record["orgId"], record["type"], record["id"])
    return Change(key, When(equal, there=True), set={"shareVersion": (record.get("shareVersion") or 0) + 1, **more})


# ---- Share


def share(
    rows: Rows, store: Store, target: Target, role: str, expires_at: str | None = None, seconds: int = INTENT_SECONDS
) -> str:
    """Grants a role on a record to a member: `granted` within the organization, `intended` to another's.

    An intent says nothing of success: `rewrapping.rewrap` fulfils it. Raises Refused: `member` or `grant-row` for what
    is none, `absent`, `denied`, `scope` where the record is not CUSTOM, `full`, `busy`; and Incomplete.
    """
    now = rows.now
    if not target.member_id or not is_tenant_id(target.member_org_id):
        raise Refused("member", "member")
    if role not in _grants(rows, target.type)["roles"] or not is_live({"expiresAt": expires_at}, now):
        raise Refused("grant-row", "role or expiresAt")
    for _ in range(TRIES):
        rows.anew()
        found = around(store, *target.record)
        _may_share(rows, found, target)
        assert found is not None
        if found.record["scope"] != "CUSTOM":
            raise Refused("scope", "scope")
        changes = _intended(rows, found, target, role, expires_at, since_1970(now) + min(seconds, INTENT_SECONDS))
        if not target.crosses:
            changes = granted(target, role, expires_at)
        if found.weight(target.intent if target.crosses else target.grant) > MAX_ROWS:
            raise Refused("full", "grants")
        try:
            store.write([held(found), *changes])
            return "intended" if target.crosses else "granted"
        except Conflict:
            continue
    raise Refused("busy", "record")


def _may_share(rows: Rows, found: Around | None, target: Target) -> None:
    if found is None:
        raise Refused("absent", "record")
    member = {"id": target.member_id, "orgId": target.member_org_id}
    rows.demand("share", found.record, {"member": member}, discharged=[rewrap_of(target)])


def rewrap_of(target: Target) -> dict[str, Any]:
    """The obligation that the protocol discharges: the grant exists only with the wrap."""
    return {
        "name": "rewrap",
        "resourceType": target.type,
        "resourceId": target.id,
        "fromOrg": target.org_id,
        "toOrg": target.member_org_id,
    }


def granted(target: Target, role: str, expires_at: str | None) -> list[Change]:
    """The grant row and its copy. Granting again replaces both."""
    row = {
        "orgId": target.org_id,
        "resourceType": target.type,
        "resourceId": target.id,
        "memberId": target.member_id,
        "memberOrgId": target.member_org_id,
        "role": role,
        "expiresAt": expires_at,
    }
    copy = {**row, "orgId": target.member_org_id, "originId": target.org_id}
    return [Change(target.grant, row=row), Change(target.copy, row=copy)]


def _intended(rows: Rows, found: Around, target: Target, role: str, expires_at: str | None, until: int) -> list[Change]:
    record = found.record
    intent = {
        "orgId": target.org_id,
        "intentId": str(uuid.uuid4()),
        "resourceType": target.type,
        "resourceId": target.id,
        "memberId": target.member_id,
        "memberOrgId": target.member_org_id,
        "role": role,
        "expiresAt": expires_at,
        "requester": dict(rows.identity.principal),
        "requestId": rows.identity.request_id,
        "policyDigest": rows.identity.digest,
        "version": record.get("version"),
        "ownerId": record["ownerId"],
        "dekVersion": record.get("dekVersion"),
        "until": until,
    }
    return [Change(target.intent, row=intent)]


# ---- Revoke


def revoke(rows: Rows, store: Store, target: Target) -> str:
    """Takes back what a member was given, and closes what is intended for him: `revoked`, or `nothing` to revoke.

    It takes the right to `revoke` the record; anybody may give up a row that names himself. Where there is none, he
    gets the same answer whether or not there is such a record, and nothing is written. Raises Refused (`absent`,
    `denied`, `busy`) and Incomplete.
    """
    mine = (rows.identity.tenant, rows.identity.id) == target.member
    for _ in range(TRIES):
        rows.anew()
        found = around(store, *target.record)
        if mine and (found is None or not {target.grant, target.intent} & found.rows.keys()):
            return "nothing"  # who was given nothing learns nothing of the record
        if found is None:
            raise Refused("absent", "record")
        if not mine:
            rows.demand("revoke", found.record)
        gone = removed(found, target, rows.now)
        if not gone:
            return "nothing"
        try:
            store.write([held(found), *gone])
            return "revoked"
        except Conflict:
            continue
    raise Refused("busy", "record")


def removed(found: Around, target: Target, now: int) -> list[Change]:
    """The grant row, its copy and the intent; the wrap too, with the last live grant of that organization."""
    gone = [Change(key) for key in (target.grant, target.intent) if key in found.rows]
    if target.grant in found.rows:
        gone.append(Change(target.copy))
    others = [key for key in found.live_grants(target.member_org_id, now) if key != target.grant]
    wrap = wrap_key(*target.record, target.member_org_id)
    if target.crosses and not others and wrap in found.rows:
        gone.append(Change(wrap))
    return gone


def everything(found: Around, org_id: str, with_own_wrap: bool = False) -> list[Change]:
    """All that hangs on a record, and the copies of its grants; its own wrap only if it goes itself."""
    gone = []
    for key, row in found.rows.items():
        if key.place != f"{WRAP}{org_id}" or with_own_wrap:
            gone.append(Change(key))
        if key.place.startswith(GRANT):
            gone.append(Change(target_of(row).copy))
    return gone


def target_of(row: Mapping[str, Any]) -> Target:
    """The target that a grant row or an intent is about."""
    return Target(row["orgId"], row["resourceType"], row["resourceId"], row["memberId"], row["memberOrgId"])


# ---- Wraps are handed out with an allowed read, and in no other way


def wrap_for(rows: Rows, store: Store, place: tuple[str, str, str]) -> bytes | None:
    """The wrap of a record's data key for the caller's organization, or None: not allowed, or there is none.

    `place` is the record's organization, type and id. One consistent query reads record and wrap, so that the decision
    and the wrap are of the same moment; what else it rests on is read after, whatever the request read before.
    """
    rows.anew()
    found = around(store, *place)
    if found is None or not rows.allows("read", found.record):
        return None
    row = found.rows.get(wrap_key(*place, rows.identity.tenant))
    if row is None or row.get("dekVersion") != found.record.get("dekVersion"):
        return None
    return bytes(row["wrap"])


def _grants(rows: Rows, type_name: str) -> Mapping[str, Any]:
    """The kind of grant row on a type. Raises Refused where there is none."""
    for grant in rows.plans["grants"].values():
        if type_name in grant["types"] and (rows.plans["tenant"], *grant["key"]) == NAMES:
            found: Mapping[str, Any] = grant
            return found
    raise Refused("denied", "type")
