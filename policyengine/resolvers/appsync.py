"""The shapes in which AppSync calls a Lambda resolver: one event, or a list of them; and the filter of a subscription.

AWS AppSync Developer Guide: "JavaScript resolver function reference for Lambda" (direct resolvers, batching), "Defining
enhanced subscription filters". What a client sent stands in `arguments` and is a claim; who asks stands in
`identity.resolverContext` and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.identity import Identity, read_identity
from policyengine.resolvers.settings import Settings

Event = dict[str, Any]


class Asked(NamedTuple):
    """One field of one request. `source` is what the parent's resolver gave, null at the root: not decided on here."""

    identity: Identity
    parent: str
    field: str
    arguments: Mapping[str, Any]
    source: Any


Resolver = Callable[[Asked], Any]

ABSENT = "absent"
"""What a caller hears of all that he may not know of, whether it is there or not."""
ERRORS = {
    ABSENT: "NotFound",
    "denied": "Forbidden",
    "busy": "Conflict",
    "incomplete": "TryAgain",
    "identity": "Forbidden",
    "digest": "Forbidden",
}
"""Code -> the error's type for the client; any other refusal is `BadRequest`, any other failure `InternalError`."""


def handler(resolve: Resolver, settings: Settings, digests: Collection[str]) -> Callable[[Any, Any], Any]:
    """A Lambda's entry point: of a direct resolver, batched or not.

    In a batch each entry is judged by itself, with its own identity: one that fails has its own error, and the others
    their data. An unbatched failure is raised as `FieldError`, whose text is a code and nothing of a row.
    """

    def handle(event: Any, context: Any) -> Any:
        if isinstance(event, list):
            return [_entry(resolve, each, settings, digests) for each in event]
        answer = _entry(resolve, event, settings, digests)
        if "errorType" in answer:
            raise field_error(answer["errorType"], answer["errorMessage"])
        return answer["data"]

    return handle


def field_error(kind: str, message: str) -> Exception:
    """An exception whose class has the error's name: Lambda hands its name on as the type of the error."""
    made: Exception = type(kind, (FieldError,), {})(message)
    return made


class FieldError(Exception):
    """A field that has no answer for this caller."""


def _entry(resolve: Resolver, event: Any, settings: Settings, digests: Collection[str]) -> dict[str, Any]:
    try:
        return {"data": resolve(_asked(event, settings, digests))}
    except Refused as refusal:
        return _failed(ERRORS.get(refusal.code, "BadRequest"), refusal.code)
    except Incomplete:
        return _failed(ERRORS["incomplete"], "incomplete")
    except Exception:  # its text may hold a row
        return _failed("InternalError", "internal")


def _failed(kind: str, message: str) -> dict[str, Any]:
    return {"data": None, "errorType": kind, "errorMessage": message}


def _asked(event: Any, settings: Settings, digests: Collection[str]) -> Asked:
    identity = read_identity(event, settings, digests)
    info, arguments = event.get("info"), event.get("arguments")
    if not isinstance(info, dict) or not isinstance(arguments, dict):
        raise Refused("parameter", "event")
    names = (info.get("parentTypeName"), info.get("fieldName"))
    if not all(isinstance(name, str) and name for name in names):
        raise Refused("parameter", "info")
    parent, field = (str(name) for name in names)
    return Asked(identity, parent, field, arguments, event.get("source"))


# ---- Subscriptions

EVENT = ("type", "id")
"""What an event carries, with the organization: who may see more asks for the record (docs/studio.md, Writes)."""
OPERATORS = frozenset({"eq", "in", "beginsWith"})
"""None that is negated: an event without the attribute would pass one."""
MAX_IN = 5


def subscription_filter(
    identity: Identity, tenant: str, types: Iterable[str] = (), narrowing: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The filter that a subscription sets, with the organization in every group: groups are joined by `or`.

    `tenant` is the attribute that names the organization, `types` are those whose events are wanted (at most five a
    group). Each further group of `narrowing` is `{attribute: {operator: value}}` on what an event carries. Raises
    Refused for any other attribute or operator.
    """
    own = {"fieldName": tenant, "operator": "eq", "value": identity.tenant}
    wanted = sorted(set(types))
    parts = [wanted[start : start + MAX_IN] for start in range(0, len(wanted), MAX_IN)] or [[]]
    groups = [_rules(group) for group in narrowing] or [[]]
    return {
        "filterGroup": [
            {"filters": [own, *([_rule("type", "in", part)] if part else []), *group]}
            for part in parts
            for group in groups
        ]
    }


def _rules(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_rule(name, operator, value) for name, rule in group.items() for operator, value in rule.items()]


def _rule(name: str, operator: str, value: Any) -> dict[str, Any]:
    values = value if operator == "in" else [value]
    texts = isinstance(values, list) and 0 < len(values) <= MAX_IN and all(isinstance(each, str) for each in values)
    if name not in EVENT or operator not in OPERATORS or not texts:
        raise Refused("parameter", "filter")
    return {"fieldName": name, "operator": operator, "value": value}


def event_of(record: Mapping[str, Any], tenant: str) -> dict[str, Any]:
    """What a mutation publishes of a record: its type, id and organization, and nothing else."""
    return {name: record[name] for name in (*EVENT, tenant)}
