"""The public functions of a bundle: the second half of the text that every bundle carries along.

Above them stands what is generated: checks, finders, and the tables named here.
"""

from __future__ import annotations

from policyengine.runtime.support import Entities, Incomplete, denial, faults, never

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    from policyengine.runtime.support import Field, SupportsRows

    PRINCIPAL: str
    ACTIONS: frozenset[str]
    DEFAULTS: dict[str, Any]
    ROWS: dict[str, Any]
    GRANT_ROWS: dict[str, Any]
    PARTS: dict[str, str]
    _fields_the_principal: tuple[Field, ...]
    _fields_the_context: tuple[Field, ...]
    _ok_the_principal: Callable[[Any], bool]

# ---- The public functions


class Unloaded:
    """Stands for the decisions on a type until one is asked for; then its part is loaded and takes its place."""

    __slots__ = ("table", "type_name")

    def __init__(self, table: str, type_name: str) -> None:
        self.table = table
        self.type_name = type_name

    def get(self, action: Any) -> Any:
        return load_part(self.type_name)[self.table].get(action)

    def __getitem__(self, action: Any) -> Any:
        return load_part(self.type_name)[self.table][action]


def load_part(type_name: str) -> dict[str, Any]:
    """The tables of the part that decides on a type; from then on they are found at once."""
    part = vars(__import__(f"{__name__}.{PARTS[type_name]}", fromlist=("ALLOWS",)))
    for name, tables in TABLES.items():
        tables[type_name] = part[name]
    return part


TABLES: dict[str, dict[str, Any]] = {
    name: {type_name: Unloaded(name, type_name) for type_name in PARTS} for name in ("REPORTS", "ALLOWS", "EACH")
}
REPORTS, ALLOWS, EACH = TABLES["REPORTS"], TABLES["ALLOWS"], TABLES["EACH"]


def entities(data: Any) -> Entities:
    """Rows beside a request, from one object of arrays by type: checked and indexed once. Else ValueError."""
    return Entities(data, ROWS, GRANT_ROWS)


def authorize(request: Any, entities: SupportsRows) -> dict[str, Any]:
    """The full decision, as JSON: decision, rules, reason, obligations, errors. It never raises: it denies."""
    try:
        malformed = _malformed(request)
        if malformed:
            return denial([], "The request is malformed.", malformed)
        resource, context = request["resource"], request.get("context")
        given = {**DEFAULTS, **{k: v for k, v in context.items() if v is not None}} if context else DEFAULTS
        decision: dict[str, Any] = REPORTS[resource["type"]][request["action"]](
            entities, request["principal"], resource, given
        )
        return decision
    except Exception as failure:
        return denial([], "The request could not be decided.", [f"internal: {type(failure).__name__}"])


def allowed(
    principal: Any,
    action: Any,
    resource: Any,
    entities: SupportsRows,
    context: Any = None,
    discharged: Collection[Any] = (),
) -> bool:
    """Whether it is allowed, with nothing left to discharge. It never raises: it says no."""
    try:
        verdict: bool = ALLOWS[resource["type"]][action](principal, resource, entities, context, discharged)
        return verdict
    except Exception:
        return False


def filter(
    principal: Any,
    action: Any,
    resources: Iterable[Any],
    entities: SupportsRows,
    context: Any = None,
    discharged: Collection[Any] = (),
) -> list[Any]:
    """Those that are allowed, in order. Raises Incomplete where a row cannot be loaded: never a shorter list."""
    found: list[Any] = []
    deciders: dict[Any, Any] = {}
    given: tuple[Any, ...] = (principal, entities, context, discharged, {})
    for resource in resources:
        try:
            decide = deciders.get(resource["type"])
            if decide is None:
                decide = _decider(deciders, action, resource["type"], given)
            if decide(resource):
                found.append(resource)
        except Incomplete:
            raise
        except Exception:  # a malformed record is not allowed
            continue
    return found


def _decider(deciders: dict[Any, Any], action: Any, type_name: Any, given: tuple[Any, ...]) -> Any:
    """What decides on records of a type, in one call; types with the same rules share what it remembers."""
    try:
        make = EACH[type_name].get(action) or one_by_one(ALLOWS[type_name][action])
        decide = deciders[type_name] = deciders.get(make) or make(*given)
    except Exception:  # no such type or action, or a malformed principal or context
        return never
    deciders[make] = decide
    return decide


def one_by_one(allows: Callable[..., bool]) -> Callable[..., Callable[[Any], bool]]:
    """For cells where records have nothing to share."""

    def make(principal: Any, entities: Any, context: Any, discharged: Any, memos: Any) -> Callable[[Any], bool]:
        return lambda resource: allows(principal, resource, entities, context, discharged)

    return make


def _malformed(request: Any) -> list[str]:
    if not isinstance(request, dict):
        return ["request: expected an object"]
    principal, resource, context = request.get("principal"), request.get("resource"), request.get("context")
    found = faults(_fields_the_principal, principal, "principal")
    if isinstance(principal, dict) and principal.get("type") is not None and principal["type"] != PRINCIPAL:
        found.append(f"principal.type: expected {PRINCIPAL}")
    found += faults(_fields_the_context, {} if context is None else context, "context")
    actions: Any = ACTIONS
    if not isinstance(resource, dict):
        found.append("resource: expected an object")
    elif type(resource.get("type")) is not str or resource["type"] not in PARTS:
        found.append("resource.type: expected a resource type")
    else:
        part = load_part(resource["type"])
        found += faults(part["FIELDS"], resource, "resource")
        actions = part["REPORTS"]
    action = request.get("action")
    if type(action) is not str or action not in actions:
        found.append("action: unknown")
    return sorted(set(found))
