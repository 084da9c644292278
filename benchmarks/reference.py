"""Studio's rules written by hand in Python: what a good engineer would write without an engine.

It serves as a yardstick in the benchmarks and as an oracle in the tests, so it shares no code with the engine and is
written from docs/studio.md alone. The rules are there twice. :func:`allowed` and :func:`filter` are direct code: they
stop at the first answer. :func:`decide` reads the permissions off a table, one line per rule, and names all that hold.
The tests hold the two against each other, and both against the engine.

Input is JSON: exact ``dict``, ``list``, ``str`` and ``bool``; nothing is converted, and subclasses are not JSON. What
is malformed is denied and never raises.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, TypeGuard

# The vocabulary -------------------------------------------------------------------------------------------------------

MAX_STEPS = 32  # how many steps up a chain may take; the parent is one (docs/studio.md, Who may do what)

SCOPED = frozenset({"Folder", "Host", "Diagram", "Procedure", "Memory", "Conversation", "File"})
SCOPES = frozenset({"PRIVATE", "ORG", "CUSTOM", "INHERIT"})
ORG_ROLES = frozenset({"member", "admin"})
SHARE_ROLES = frozenset({"viewer", "editor"})
TRUSTS = frozenset({"MANUAL", "SUPERVISED", "AUTONOMOUS"})
TOOL_CLASSES = frozenset({"READ_ONLY", "MODERATE", "DANGEROUS", "UNKNOWN"})

_SCOPED_ACTIONS = frozenset({"create", "read", "list", "update", "delete", "share", "revoke"})
ACTIONS: dict[str, frozenset[str]] = {
    **dict.fromkeys(SCOPED, _SCOPED_ACTIONS),
    "KeychainEntry": frozenset({"create", "read", "list", "update", "delete"}),
    "Connector": frozenset({"read", "list", "configure"}),
    "Tool": frozenset({"read", "list", "configure", "invoke"}),
}

Obligation = dict[str, str]
Decision = tuple[Literal["allow", "deny"], list[str], list[Obligation]]
Object = dict[str, Any]  # a JSON object whose named attributes have been checked

# Values (docs/studio.md, Records) -------------------------------------------------------------------------------------

_SURROGATE = re.compile("[\ud800-\udfff]")
_ORGANIZATION = re.compile("[A-Za-z0-9_-]{1,64}")
_TIME = re.compile(
    "([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


def _is_text(value: object) -> TypeGuard[str]:
    """A string of Unicode scalar values: no lone surrogate."""
    return type(value) is str and (value.isascii() or _SURROGATE.search(value) is None)


def _is_id(value: object) -> TypeGuard[str]:
    """A non-empty string of Unicode scalar values."""
    return type(value) is str and value != "" and (value.isascii() or _SURROGATE.search(value) is None)


def _is_organization(value: object) -> TypeGuard[str]:
    """An organization's id: 1 to 64 of ``[A-Za-z0-9_-]``, to the very end of the string."""
    return type(value) is str and _ORGANIZATION.fullmatch(value) is not None


def _is_one_of(value: object, names: frozenset[str]) -> TypeGuard[str]:
    """One of an enumeration's names. The type is looked at first: the value may not be hashable."""
    return type(value) is str and value in names


def instant(value: object) -> int | None:
    """The instant that an RFC 3339 date-time names, in nanoseconds; ``None`` if it is not one.

    An integer, so that instants compare exactly, also where the offset moves them out of the years 1 to 9999.
    """
    if type(value) is not str:
        return None
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal()
    except ValueError:  # year 0, a thirteenth month, the 29th of February of a common year
        return None
    if hour > "23" or minute > "59" or second > "59":  # two ASCII digits each, so they compare as numbers
        return None
    seconds = ((days * 24 + int(hour)) * 60 + int(minute)) * 60 + int(second)
    if sign is not None:
        if offset_hour > "23" or offset_minute > "59":
            return None
        offset = (int(offset_hour) * 60 + int(offset_minute)) * 60
        seconds += -offset if sign == "+" else offset
    return seconds * 1_000_000_000 + (int(fraction.ljust(9, "0")) if fraction else 0)


# The principal, the record, the context: each whole, before any rule --------------------------------------------------


def _is_user(value: object) -> TypeGuard[Object]:
    """A principal as docs/studio.md, Records, declares it; ``type`` may be left out."""
    return (
        type(value) is dict
        and _is_id(value.get("id"))
        and _is_organization(value.get("orgId"))
        and _is_one_of(value.get("orgRole"), ORG_ROLES)
        and _is_named(value, "User")
    )


def _is_record(value: object) -> TypeGuard[Object]:
    """A record of any type that can be asked about (docs/studio.md, Records)."""
    if type(value) is not dict:
        return False
    kind = value.get("type")
    if not _is_one_of(kind, _TYPES) or not _is_id(value.get("id")) or not _is_organization(value.get("orgId")):
        return False
    if kind == "Connector":
        return type(value.get("enabled")) is bool
    if kind == "Tool":
        return (
            type(value.get("enabled")) is bool
            and _is_one_of(value.get("toolClass"), TOOL_CLASSES)
            and ((connector := value.get("connectorId")) is None or _is_id(connector))
        )
    if not _is_id(value.get("ownerId")):
        return False
    if kind == "KeychainEntry":
        return True
    return (
        _is_one_of(value.get("scope"), SCOPES)
        and ((parent := value.get("parentId")) is None or _is_id(parent))
        and (kind != "Conversation" or (trust := value.get("trust")) is None or _is_one_of(trust, TRUSTS))
        and (kind != "File" or (key := value.get("key")) is None or _is_text(key))
    )


_TYPES = frozenset(ACTIONS)


def _is_named(row: Object, kind: str) -> bool:
    """Whether an object's ``type``, where it has one, is the expected one."""
    name = row.get("type")
    return name is None or (type(name) is str and name == kind)


class Context(NamedTuple):
    """What the platform says about the request: its clock, the conversation's trust, whose share it is."""

    now: int | None = None
    trust: str = "MANUAL"
    member_org: str | None = None


_NO_CONTEXT = Context()


def _context(value: object) -> Context | None:
    """The context, read whole; ``None`` if it is malformed. Absent trust is MANUAL (docs/studio.md, Records)."""
    if value is None:
        return _NO_CONTEXT
    if type(value) is not dict:
        return None
    now, trust, member, member_org = value.get("now"), value.get("trust"), value.get("member"), None
    if now is not None:
        now = instant(now)
        if now is None:
            return None
    if trust is None:
        trust = "MANUAL"
    elif not _is_one_of(trust, TRUSTS):
        return None
    if member is not None:
        if type(member) is not dict or not _is_id(member.get("id")):
            return None
        member_org = member.get("orgId")
        if not _is_organization(member_org):
            return None
    return Context(now, trust, member_org)


# The data beside the request ------------------------------------------------------------------------------------------


class Folder(NamedTuple):
    """What a chain needs to know of a folder."""

    owner_id: str
    scope: str
    parent_id: str | None


class Grant(NamedTuple):
    """A grant row, without the part of its key that it is found by."""

    member_org: str
    role: str
    expires: int | None


@dataclass(frozen=True, slots=True)
class Entities:
    """Folders and connectors by (orgId, id), grant rows by (orgId, resourceType, resourceId, memberId)."""

    folders: dict[tuple[str, str], Folder]
    connectors: dict[tuple[str, str], bool]
    grants: dict[tuple[str, str, str, str], tuple[Grant, ...]]


def entities(data: object) -> Entities:
    """Validate and index the data once.

    A malformed row counts as absent; of two well-formed rows with one type, organization and id, both do. Data that
    is not an object of arrays is the caller's mistake: ``ValueError``.
    """
    if type(data) is not dict or any(type(rows) is not list for rows in data.values()):
        raise ValueError("data must be an object of arrays")
    folders: dict[tuple[str, str], Folder] = {}
    for row in _unique(data.get("Folder", []), "Folder"):
        folders[row["orgId"], row["id"]] = Folder(row["ownerId"], row["scope"], row.get("parentId"))
    connectors: dict[tuple[str, str], bool] = {}
    for row in _unique(data.get("Connector", []), "Connector"):
        connectors[row["orgId"], row["id"]] = row["enabled"]
    grants: dict[tuple[str, str, str, str], tuple[Grant, ...]] = {}
    for row in data.get("ResourceShareMember", []):
        if not _is_grant(row):
            continue
        key = (row["orgId"], row["resourceType"], row["resourceId"], row["memberId"])
        grant = Grant(row["memberOrgId"], row["role"], instant(row.get("expiresAt")))
        grants[key] = (*grants.get(key, ()), grant)
    return Entities(folders, connectors, grants)


def _unique(rows: list[object], kind: str) -> list[Object]:
    """The well-formed rows of a type whose organization and id no other well-formed row has."""
    found: dict[tuple[str, str], Object | None] = {}
    for row in rows:
        if type(row) is dict and _is_named(row, kind) and _is_record(named := {**row, "type": kind}):
            key = (named["orgId"], named["id"])
            found[key] = None if key in found else named
    return [row for row in found.values() if row is not None]


def _is_grant(row: object) -> TypeGuard[Object]:
    """A well-formed ``ResourceShareMember`` (docs/studio.md, Records)."""
    return (
        type(row) is dict
        and _is_organization(row.get("orgId"))
        and _is_one_of(row.get("resourceType"), SCOPED)
        and _is_id(row.get("resourceId"))
        and _is_id(row.get("memberId"))
        and _is_organization(row.get("memberOrgId"))
        and _is_one_of(row.get("role"), SHARE_ROLES)
        and ((expires := row.get("expiresAt")) is None or instant(expires) is not None)
        and _is_named(row, "ResourceShareMember")
    )


# Holders and grants (docs/studio.md, Who may do what on a scoped record) ----------------------------------------------


class Holder(NamedTuple):
    """The record that holds a record's scope. It is always of that record's organization."""

    type: str
    id: str
    owner_id: str
    scope: str


def _holder(record: Object, entities: Entities) -> Holder | None:
    """The record itself, or the nearest folder up that does not inherit; ``None`` where the chain does not resolve."""
    if record["scope"] != "INHERIT":
        return Holder(record["type"], record["id"], record["ownerId"], record["scope"])
    met = {record["id"]} if record["type"] == "Folder" else set()  # a Host with a folder's id is another record
    parent = record.get("parentId")
    for _ in range(MAX_STEPS):
        if parent is None or parent in met:
            return None
        folder = entities.folders.get((record["orgId"], parent))
        if folder is None:
            return None
        if folder.scope != "INHERIT":
            return Holder("Folder", parent, folder.owner_id, folder.scope)
        met.add(parent)
        parent = folder.parent_id
    return None


def _granted(user: Object, org: str, kind: str, id_: str, editor: bool, now: int | None, entities: Entities) -> bool:
    """Whether a grant row on this record counts for the user and gives viewer, or editor, or above."""
    return any(
        grant.member_org == user["orgId"]
        and (grant.role == "editor" or not editor)
        and (grant.expires is None or (now is not None and now < grant.expires))
        for grant in entities.grants.get((org, kind, id_, user["id"]), ())
    )


# Direct code: a yes or a no -------------------------------------------------------------------------------------------


def allowed(
    principal: object,
    action: object,
    resource: object,
    entities: Entities,
    context: object = None,
    discharged: Iterable[object] = (),
) -> bool:
    """Whether the principal may, and owes nothing any more (docs/studio.md, Obligations bind)."""
    given = _context(context)
    if given is None or not _is_user(principal) or type(action) is not str:
        return False
    return _may(principal, action, resource, entities, given, discharged)


def filter(
    principal: object,
    action: object,
    resources: Iterable[object],
    entities: Entities,
    context: object = None,
    discharged: Iterable[object] = (),
) -> list[Any]:
    """The records for which :func:`allowed` says yes, in their order. The rest of the request is checked once."""
    given = _context(context)
    if given is None or not _is_user(principal) or type(action) is not str:
        return []
    if not isinstance(resources, Iterable):
        return []
    paid = list(discharged) if isinstance(discharged, Iterable) else []  # it is read again for each record
    return [record for record in resources if _may(principal, action, record, entities, given, paid)]


def _may(
    user: Object, action: str, record: object, entities: Entities, context: Context, discharged: Iterable[object]
) -> bool:
    if not _is_record(record) or action not in ACTIONS[record["type"]]:
        return False
    kind = record["type"]
    if kind in SCOPED:
        if not _may_scoped(user, action, record, entities, context):
            return False
    elif user["orgId"] != record["orgId"]:
        return False
    elif kind == "KeychainEntry":
        return bool(user["id"] == record["ownerId"])
    elif action == "configure":
        return bool(user["orgRole"] == "admin")
    elif action == "invoke" and _unusable(record, entities):
        return False
    obligation = _obligation(action, record, context)
    return obligation is None or _is_discharged(obligation, discharged)


def _may_scoped(user: Object, action: str, record: Object, entities: Entities, context: Context) -> bool:
    """The table of docs/studio.md, Who may do what on a scoped record, with isolation and `folder_abroad`."""
    org = record["orgId"]
    if user["orgId"] != org:  # only a grant row on the record itself crosses
        return (
            record["scope"] == "CUSTOM"
            and action in _GRANTABLE
            and _granted(user, org, record["type"], record["id"], action == "update", context.now, entities)
        )
    if user["id"] == record["ownerId"]:
        return action != "share" or record["type"] != "Folder" or context.member_org in (None, org)
    if action == "revoke":
        return bool(user["orgRole"] == "admin")
    if action == "create" or action == "share":
        return False
    holder = _holder(record, entities)
    if holder is None:
        return False
    reading = action in _READING
    if holder.scope == "ORG":
        return reading or user["orgRole"] == "admin"
    if reading and user["id"] == holder.owner_id:
        return True
    return (
        holder.scope == "CUSTOM"
        and action in _GRANTABLE
        and _granted(user, org, holder.type, holder.id, action == "update", context.now, entities)
    )


_READING = frozenset({"read", "list"})
_GRANTABLE = frozenset({"read", "list", "update"})


def _unusable(tool: Object, entities: Entities) -> bool:
    """A tool is not invoked while it is disabled, or its connector is missing or disabled (docs/studio.md)."""
    if not tool["enabled"]:
        return True
    connector = tool.get("connectorId")
    return connector is not None and not entities.connectors.get((tool["orgId"], connector), False)


def _obligation(action: str, record: Object, context: Context) -> Obligation | None:
    """What an allow of this action obliges to: one obligation at most (docs/studio.md, Sharing, Other types)."""
    if action == "invoke":
        if record["toolClass"] == "READ_ONLY" and context.trust != "MANUAL":
            return None
        if record["toolClass"] == "MODERATE" and context.trust == "AUTONOMOUS":
            return None
        return {"name": "approval", "resourceType": record["type"], "resourceId": record["id"]}
    if action == "share" and context.member_org is not None and context.member_org != record["orgId"]:
        return {
            "name": "rewrap",
            "resourceType": record["type"],
            "resourceId": record["id"],
            "fromOrg": record["orgId"],
            "toOrg": context.member_org,
        }
    return None


def _is_discharged(obligation: Obligation, discharged: Iterable[object]) -> bool:
    """Whether the platform has discharged this very obligation: the same name, the same fields, no other."""
    return isinstance(discharged, Iterable) and any(
        type(paid) is dict
        and len(paid) == len(obligation)
        and all(type(paid.get(name)) is str and paid[name] == value for name, value in obligation.items())
        for paid in discharged
    )


# The table: which rules hold, which obligations follow ----------------------------------------------------------------


class _Case(NamedTuple):
    """A well-formed request, and what the table's conditions ask about it."""

    user: Object
    record: Object
    holder: Holder | None
    context: Context
    entities: Entities

    def at_home(self) -> bool:
        return bool(self.user["orgId"] == self.record["orgId"])

    def owns_record(self) -> bool:
        return self.at_home() and self.user["id"] == self.record["ownerId"]

    def owns_holder(self) -> bool:
        return self.at_home() and self.holder is not None and self.user["id"] == self.holder.owner_id

    def is_member(self) -> bool:
        return self.at_home()

    def is_admin(self) -> bool:
        return self.at_home() and self.user["orgRole"] == "admin"

    def has_viewer(self) -> bool:
        return self._has_grant(editor=False)

    def has_editor(self) -> bool:
        return self._has_grant(editor=True)

    def _has_grant(self, editor: bool) -> bool:
        e, org = self.holder, self.record["orgId"]
        if e is None or not (self.at_home() or self.record["scope"] != "INHERIT"):
            return False
        return _granted(self.user, org, e.type, e.id, editor, self.context.now, self.entities)


class _Permission(NamedTuple):
    """A line of the table: under this label, who this condition describes may do these things."""

    rule: str
    label: str
    who: Callable[[_Case], bool]
    actions: frozenset[str]


def _line(rule: str, who: Callable[[_Case], bool], *actions: str) -> _Permission:
    return _Permission(rule, rule.split(".")[1], who, frozenset(actions))


_SCOPED_TABLE = (
    _line("Scoped.always.record_owner", _Case.owns_record, *_SCOPED_ACTIONS),
    _line("Scoped.always.role_admin", _Case.is_admin, "revoke"),
    _line("Scoped.PRIVATE.holder_owner", _Case.owns_holder, "read", "list"),
    _line("Scoped.ORG.role_member", _Case.is_member, "read", "list"),
    _line("Scoped.ORG.role_admin", _Case.is_admin, "update", "delete"),
    _line("Scoped.CUSTOM.holder_owner", _Case.owns_holder, "read", "list"),
    _line("Scoped.CUSTOM.grant_viewer", _Case.has_viewer, "read", "list"),
    _line("Scoped.CUSTOM.grant_editor", _Case.has_editor, "update"),
)
_TABLES: dict[str, tuple[_Permission, ...]] = {
    **dict.fromkeys(SCOPED, _SCOPED_TABLE),
    "KeychainEntry": (_line("KeychainEntry.always.record_owner", _Case.owns_record, *ACTIONS["KeychainEntry"]),),
    "Connector": (
        _line("Connector.always.role_member", _Case.is_member, "read", "list"),
        _line("Connector.always.role_admin", _Case.is_admin, "configure"),
    ),
    "Tool": (
        _line("Tool.always.role_member", _Case.is_member, "read", "list", "invoke"),
        _line("Tool.always.role_admin", _Case.is_admin, "configure"),
    ),
}


def decide(principal: object, action: object, resource: object, entities: Entities, context: object = None) -> Decision:
    """The decision, the ids of the rules behind it, and the obligations.

    An allow lists every permit that holds; a denial every forbid that holds or errs, whether or not a permit holds;
    malformed input is denied before any rule, so it lists none (docs/language.md, Meaning: Reports are exact).
    """
    given = _context(context)
    if given is None or not _is_user(principal) or not _is_record(resource):
        return "deny", [], []
    kind = resource["type"]
    if not _is_one_of(action, ACTIONS[kind]):
        return "deny", [], []
    forbids = _forbids(action, resource, entities, given)
    if forbids:
        return "deny", sorted(forbids), []
    holder = _holder(resource, entities) if kind in SCOPED else None
    case = _Case(principal, resource, holder, given, entities)
    labels = {"always"} if holder is None else {"always", holder.scope}
    permits = [
        line.rule for line in _TABLES[kind] if action in line.actions and line.label in labels and line.who(case)
    ]
    if not permits:
        return "deny", [], []
    obligation = _obligation(action, resource, given)
    return "allow", sorted(permits), [] if obligation is None else [obligation]


def _forbids(action: str, record: Object, entities: Entities, context: Context) -> list[str]:
    """The forbids that hold, or err: a tool whose connector is missing errs, and an error in a forbid denies."""
    forbids = []
    if action == "invoke":
        if not record["enabled"]:
            forbids.append("disabled_tool")
        connector = record.get("connectorId")
        if connector is not None and not entities.connectors.get((record["orgId"], connector), False):
            forbids.append("connector_off")
    if action == "share" and record["type"] == "Folder" and context.member_org not in (None, record["orgId"]):
        forbids.append("folder_abroad")
    return forbids
