"""Hostile Studio worlds, made fast from a seed, and requests about them: what a soak feeds to the engine.

Names are few and used again on purpose: ids extend one another, an organization's id names users and records too, the
same ids live in every organization and under every type. The data holds what docs/studio.md warns of: chains of up
to 35 folders, cycles, parents that dangle or live abroad, duplicates, malformed twins, grant rows that are stale, of
another tenant, on the wrong record. Requests are aimed at what the data holds, or most would be denied for dull
reasons. Everything is JSON (a lone surrogate is written as an escape), so that any layer can be fed with it.

Use the same generator for a world and its requests::

    rng = random.Random(seed)
    data = world(rng)
    for request in requests(rng, data, 100): ...
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar

Object = dict[str, Any]
T = TypeVar("T")

ORGS = ("org", "org_1", "org_1-2")
USERS = ("u", "u1", "u11", "org_1")
IDS = ("a", "a1", "a11", "org_1", "u1", "c", "\u00e9", "e\u0301", "\U0001f600")
CHAIN = tuple(f"c{step}" for step in range(36))  # c0 is the lowest folder of the long chain
SCOPED = ("Folder", "Host", "Diagram", "Procedure", "Memory", "Conversation", "File")
OTHERS = ("KeychainEntry", "Connector", "Tool", "Tool", "Tool", "Tool")
HOLDING = ("PRIVATE", "ORG", "CUSTOM", "CUSTOM")
SCOPES = (*HOLDING, "INHERIT", "INHERIT")
SHARE_ROLES = ("viewer", "editor")
ORG_ROLES = ("member", "member", "admin")
TRUSTS = ("MANUAL", "SUPERVISED", "AUTONOMOUS")
TOOL_CLASSES = ("READ_ONLY", "READ_ONLY", "MODERATE", "MODERATE", "DANGEROUS", "UNKNOWN")
SCOPED_ACTIONS = ("create", "read", "list", "update", "delete", "share", "share", "revoke")
OTHER_ACTIONS = {
    "KeychainEntry": ("create", "read", "list", "update", "delete", "share"),
    "Connector": ("read", "list", "configure", "configure", "invoke"),
    "Tool": ("read", "list", "configure", "invoke", "invoke", "invoke", "invoke", "update"),
}

TIMES = (
    "2026-06-01T00:00:00Z",
    "2026-06-01T02:00:00+02:00",  # the same instant
    "2026-05-31T23:59:59.999999999-00:00",  # one nanosecond before
    "2026-05-31T12:00:00.000000001-12:00",  # one nanosecond after
    "2026-06-01T00:00:00.25Z",
    "2026-06-01T00:00:00.5Z",
    "2024-02-29T23:59:59+23:59",
    "0001-01-01T00:00:00+23:59",  # an instant before the year 1
    "9999-12-31T23:59:59.9-23:59",  # an instant after the year 9999
)
NOT_TIMES = (
    "2026-06-01t00:00:00Z",
    "2026-06-01T00:00:00z",
    "2026-06-01 00:00:00Z",
    "2026-06-01T00:00:00",
    "2026-06-01T00:00Z",
    "2026-06-01",
    "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-06-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "2026-06-01T24:00:00Z",
    "2026-06-01T23:59:60Z",
    "2026-06-01T00:00:00+24:00",
    "2026-06-01T00:00:00+00:60",
    "2026-06-01T00:00:00+0000",
    "2026-06-01T00:00:00.Z",
    "2026-06-01T00:00:00,5Z",
    "2026-06-01T00:00:00.0000000001Z",
    "2026-06-01T00:00:00Z\n",
    "2027-06-01T00:00:00ZZ",
    "2027-06-01T00:00:00+00:00:00",
    " 2026-06-01T00:00:00Z",
    "2026-06-01T00:00:00\u0660Z",
    "\u0662\u0660\u0662\u0666-06-01T00:00:00Z",
    "+2026-06-01T00:00:00Z",
    1780272000,
)
NOT_IDS = ("", "\ud800", "a\udfff")  # no pair of surrogates: JSON would join them on the way
NOT_ORGS = ("", "org\n", "org 1", "\u00f6rg", "org.1", "o" * 65, "org_1\u0661")
NOTHINGS: tuple[Any, ...] = (None, True, False, 0, 1, 1.5, "", [], {})
JUNK: tuple[Any, ...] = (*NOTHINGS, "\ud800", "other", ["a"], [None], {"id": "a", "orgId": "org"})

# A float in [0, 1) from the generator decides everything: it is several times faster than its other methods.
_Draw = Callable[[], float]


def _pick(draw: _Draw, values: Sequence[T]) -> T:
    return values[int(draw() * len(values))]


# The data -------------------------------------------------------------------------------------------------------------


def world(rng: Random) -> Object:
    """The data of one world: folders, connectors, grant rows, and a few arrays that must not matter."""
    draw = rng.random
    folders, chain = _folders(draw), _chain(draw)
    grants = _grants(draw, folders + chain)
    connectors: list[Any] = [
        {"id": id_, "orgId": org, "enabled": draw() < 0.7} for org in ORGS for id_ in IDS[:6] if draw() < 0.7
    ]
    data: Object = {}
    for name, rows in (("Folder", folders), ("ResourceShareMember", grants), ("Connector", connectors)):
        _damage(draw, name, rows)
        if name == "Folder":
            if draw() < 0.15:  # rarely: a chain of thirty links breaks at each
                _damage(draw, name, chain)
            rows += chain
        rng.shuffle(rows)
        data[name] = rows
    if draw() < 0.1:  # data supplies folders, connectors and grant rows only
        data["Host"] = [{"id": "a", "orgId": "org", "ownerId": "u", "scope": "ORG"}]
        data["Unheard"] = [1, None]
    if draw() < 0.03:
        del data[_pick(draw, ("Folder", "ResourceShareMember", "Connector"))]
    return data


def _folders(draw: _Draw) -> list[Any]:
    folders: list[Any] = []
    for org in ORGS:
        for id_ in IDS:
            if draw() < 0.85:
                scope = _pick(draw, SCOPES)
                row: Object = {"id": id_, "orgId": org, "ownerId": _pick(draw, USERS), "scope": scope}
                _set_parent(draw, row)
                folders.append(row)
    return folders


def _chain(draw: _Draw) -> list[Any]:
    """One long chain in one organization: in every other world it reaches the bound of 32 steps, or nearly."""
    org = _pick(draw, ORGS)
    top = int(draw() * 36) if draw() < 0.5 else 29 + int(draw() * 7)
    chain: list[Any] = []
    for step in range(top):
        row = {"id": CHAIN[step], "orgId": org, "ownerId": _pick(draw, USERS), "scope": "INHERIT"}
        row["parentId"] = CHAIN[step + 1]
        chain.append(row)
    last: Object = {"id": CHAIN[top], "orgId": org, "ownerId": _pick(draw, USERS), "scope": _pick(draw, HOLDING)}
    if draw() < 0.15:  # the chain ends in a cycle, in a folder that is not there, or in none
        last["scope"] = "INHERIT"
        last["parentId"] = _pick(draw, (CHAIN[int(draw() * (top + 1))], "nowhere", None))
    elif draw() < 0.5:  # nothing above the holder is looked at
        last["parentId"] = _pick(draw, ("nowhere", CHAIN[0], CHAIN[top]))
    chain.append(last)
    return chain


def _set_parent(draw: _Draw, row: Object) -> None:
    """Mostly a folder that may be there or not, may be the row itself, may live in another organization only."""
    chance = draw()
    if chance < 0.8:
        row["parentId"] = _pick(draw, IDS)
    elif chance < 0.85:
        row["parentId"] = _pick(draw, CHAIN)
    elif chance < 0.9:
        row["parentId"] = row["id"]
    elif chance < 0.93:
        row["parentId"] = "nowhere"
    elif chance < 0.96:
        row["parentId"] = None


def _grants(draw: _Draw, folders: list[Any]) -> list[Any]:
    grants: list[Any] = []
    for _ in range(40):
        if draw() < 0.45:  # on a folder, whatever its scope: also where it inherits
            folder = _pick(draw, folders)
            kind, id_, org = "Folder", folder["id"], folder["orgId"]
            if draw() < 0.1:
                kind = "Host"
        else:
            kind, id_, org = _pick(draw, SCOPED), _pick(draw, IDS), _pick(draw, ORGS)
        row: Object = {
            "orgId": org,
            "resourceType": kind,
            "resourceId": id_,
            "memberId": _pick(draw, USERS),
            "memberOrgId": org if draw() < 0.55 else _pick(draw, ORGS),
            "role": _pick(draw, SHARE_ROLES),
        }
        chance = draw()
        if chance < 0.35:
            row["expiresAt"] = _pick(draw, TIMES)
        elif chance < 0.4:
            row["expiresAt"] = None
        elif chance < 0.43:
            row["expiresAt"] = _pick(draw, NOT_TIMES)
        grants.append(row)
        if draw() < 0.1:  # a second row of one key: each is judged by itself
            grants.append({**row, "role": _pick(draw, SHARE_ROLES), "expiresAt": _pick(draw, TIMES)})
    return grants


def _damage(draw: _Draw, name: str, rows: list[Any]) -> None:
    """Break some rows, add a broken or a sound twin to others, write a type, an attribute that nobody knows."""
    for place in range(len(rows)):
        chance = draw()
        if chance < 0.05:
            rows[place] = _broken(draw, rows[place])
        elif chance < 0.09:
            rows.append(_broken(draw, rows[place]))
        elif chance < 0.12:
            rows.append(dict(rows[place]))
        elif chance < 0.14 and name == "Folder":
            rows.append({**rows[place], "ownerId": _pick(draw, USERS), "scope": "ORG", "parentId": None})
        elif chance < 0.16:
            rows[place]["type"] = _pick(draw, (name, name, None, "Host", "Folder", "Connector", 1))
        elif chance < 0.18:
            rows[place][_pick(draw, ("key", "trust", "tags"))] = _pick(draw, JUNK)
    if draw() < 0.2:
        rows.append(_pick(draw, JUNK))


def _broken(draw: _Draw, row: Object) -> Object:
    """A copy with one attribute missing or wrong. (Where the attribute is optional, the copy may still be sound.)"""
    row = dict(row)
    names = list(row)
    name = _pick(draw, names)
    chance = draw()
    if chance < 0.2:
        del row[name]
    elif chance < 0.5:
        row[name] = _pick(draw, JUNK)
    elif chance < 0.6:
        row["type"] = _pick(draw, ("", "folder", "User", "Folders", True, []))
    elif name in ("orgId", "memberOrgId"):
        row[name] = _pick(draw, NOT_ORGS)
    elif name in ("expiresAt", "now"):
        row[name] = _pick(draw, NOT_TIMES)
    elif name == "scope" or name == "role":
        row[name] = _pick(draw, ("custom", "owner", "CUSTOM ", "Viewer", ["CUSTOM"], 2))
    elif name == "enabled":
        row[name] = _pick(draw, (1, 0, "true", None))
    else:
        row[name] = _pick(draw, NOT_IDS)
    return row


# The requests ---------------------------------------------------------------------------------------------------------


def requests(rng: Random, data: Object, n: int) -> list[Object]:
    """``n`` requests about this data. A request without a context has no such member; a broken one may lack others."""
    draw = rng.random
    grants = [row for row in data.get("ResourceShareMember", ()) if _is_aimable(row, "resourceId")]
    folders = [row for row in data.get("Folder", ()) if _is_aimable(row, "id")]
    foot = next((row["orgId"] for row in folders if row["id"] in CHAIN), "org")
    made = []
    for _ in range(n):
        chance = draw()
        if chance < 0.42 and grants:
            request = _about_grant(draw, _pick(draw, grants))
        elif chance < 0.82:
            request = _about_scoped(draw, folders, foot)
        else:
            request = _about_other(draw)
        if draw() < 0.85:
            request["context"] = _context(draw, request["resource"]["orgId"])
        if draw() < 0.032:
            _break_request(draw, request)
        made.append(request)
    return made


def _is_aimable(row: object, name: str) -> bool:
    """Whether a row names a record that a sound request can name too; the rest of it may well be malformed."""
    return type(row) is dict and row.get("orgId") in ORGS and row.get(name) in _KNOWN


_KNOWN = (*IDS, *CHAIN)


def _about_grant(draw: _Draw, grant: Object) -> Object:
    """Aimed at a grant row: the record it is on, or one that inherits from it; its member, or nearly."""
    kind, id_, org = grant.get("resourceType"), grant["resourceId"], grant["orgId"]
    if kind not in SCOPED:
        kind = "Folder"
    record: Object = {"type": kind, "id": id_, "orgId": org, "ownerId": _pick(draw, USERS), "scope": "CUSTOM"}
    chance = draw()
    if kind == "Folder" and chance < 0.5:
        record["type"], record["id"] = _pick(draw, SCOPED), _pick(draw, IDS)
        record["scope"], record["parentId"] = "INHERIT", id_
    elif chance > 0.9:
        record["scope"] = _pick(draw, SCOPES)
        _set_parent(draw, record)
    elif chance > 0.85:
        record["orgId"] = _pick(draw, ORGS)
    _adorn(draw, record)
    member_id, member_org = grant.get("memberId"), grant.get("memberOrgId")
    if draw() < 0.1 or member_id not in USERS:
        member_id = _pick(draw, USERS)
    if draw() < 0.1 or member_org not in ORGS:
        member_org = _pick(draw, ORGS)
    action = _pick(draw, ("read", "read", "list", "update", "update")) if draw() < 0.9 else _pick(draw, SCOPED_ACTIONS)
    return {
        "principal": {"id": member_id, "orgId": member_org, "orgRole": _pick(draw, ORG_ROLES)},
        "action": action,
        "resource": record,
    }


def _about_scoped(draw: _Draw, folders: list[Object], foot: str) -> Object:
    """Any scoped record: a folder as it is stored, the foot of the long chain, or one made up."""
    chance = draw()
    if chance < 0.15 and folders:
        record = {**_pick(draw, folders), "type": "Folder"}
    elif chance < 0.4 and folders:
        folder = _pick(draw, folders)
        record = {"type": _pick(draw, SCOPED), "id": _pick(draw, IDS), "orgId": folder["orgId"]}
        record["ownerId"], record["scope"], record["parentId"] = _pick(draw, USERS), "INHERIT", folder["id"]
        if draw() < 0.2:  # a Host with a folder's id is no cycle; a Folder with it is
            record["id"] = folder["id"]
    elif chance < 0.5:
        record = {"type": _pick(draw, SCOPED), "id": _pick(draw, IDS), "orgId": foot}
        record["ownerId"], record["scope"], record["parentId"] = _pick(draw, USERS), "INHERIT", CHAIN[int(draw() * 6)]
    else:
        record = {"type": _pick(draw, SCOPED), "id": _pick(draw, IDS), "orgId": _pick(draw, ORGS)}
        record["ownerId"], record["scope"] = _pick(draw, USERS), _pick(draw, SCOPES)
        _set_parent(draw, record)
    _adorn(draw, record)
    action = _pick(draw, SCOPED_ACTIONS)
    return {"principal": _principal(draw, record), "action": action, "resource": record}


def _about_other(draw: _Draw) -> Object:
    kind = _pick(draw, OTHERS)
    record: Object = {"type": kind, "id": _pick(draw, IDS), "orgId": _pick(draw, ORGS)}
    if kind == "KeychainEntry":
        record["ownerId"] = _pick(draw, USERS)
    else:
        record["enabled"] = draw() < 0.8
    if kind == "Tool":
        record["toolClass"] = _pick(draw, TOOL_CLASSES)
        chance = draw()
        if chance < 0.6:
            record["connectorId"] = _pick(draw, IDS[:7])
        elif chance < 0.7:
            record["connectorId"] = None
    return {"principal": _principal(draw, record), "action": _pick(draw, OTHER_ACTIONS[kind]), "resource": record}


def _adorn(draw: _Draw, record: Object) -> None:
    """What only some types have; elsewhere it is an attribute that nobody knows, and ignored whatever it holds."""
    kind = record["type"]
    if kind == "Conversation" and draw() < 0.5:
        record["trust"] = _pick(draw, (*TRUSTS, None))
    elif kind == "File" and draw() < 0.5:
        record["key"] = _pick(draw, ("org/a/1", "", "\u00e9", None))
    elif draw() < 0.04:
        record[_pick(draw, ("trust", "key", "enabled"))] = _pick(draw, JUNK)


def _principal(draw: _Draw, record: Object) -> Object:
    chance = draw()
    user: Object = {
        "id": record.get("ownerId", "u") if chance < 0.25 else _pick(draw, USERS),
        "orgId": record["orgId"] if draw() < 0.8 else _pick(draw, ORGS),
        "orgRole": _pick(draw, ORG_ROLES),
    }
    if chance > 0.9:
        user["type"] = _pick(draw, ("User", "User", None))
    return user


def _context(draw: _Draw, org: str) -> Object | None:
    chance = draw()
    if chance < 0.06:
        return None
    context: Object = {}
    if chance < 0.8:
        context["now"] = _pick(draw, TIMES)
    elif chance < 0.85:
        context["now"] = None
    chance = draw()
    if chance < 0.7:
        context["trust"] = _pick(draw, TRUSTS)
    elif chance < 0.75:
        context["trust"] = None
    chance = draw()
    if chance < 0.4:
        context["member"] = {"id": _pick(draw, USERS), "orgId": org if chance < 0.15 else _pick(draw, ORGS)}
    elif chance < 0.45:
        context["member"] = None
    return context


def _break_request(draw: _Draw, request: Object) -> None:
    """Spoil one thing: the principal, the record, the context, the action."""
    chance = draw()
    if chance < 0.04:
        del request[_pick(draw, list(request))]
    elif chance < 0.12:
        request[_pick(draw, ("principal", "resource", "context"))] = _pick(draw, JUNK)
    elif chance < 0.25:
        request["action"] = _pick(draw, (None, "", "Read", "read ", "invoke", "grant", ["read"], {}, 1, True, "\ud800"))
    elif chance < 0.5:
        request["principal"] = _broken(draw, request["principal"])
    elif chance < 0.8:
        request["resource"] = _broken(draw, request["resource"])
    else:
        context = dict(request.get("context") or {})
        name = _pick(draw, ("now", "trust", "member"))
        if name == "member" and draw() < 0.7:
            context[name] = _broken(draw, {"id": "u", "orgId": "org_1"})
        elif name == "now" and draw() < 0.8:
            context[name] = _pick(draw, NOT_TIMES)
        else:
            context[name] = _pick(draw, JUNK)
        request["context"] = context
