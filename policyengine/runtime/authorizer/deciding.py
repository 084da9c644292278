"""What token and arguments decide of an operation; what needs a row is left to the resolver, and said to be.

Nothing is allowed here that a row could deny: a field is denied, left, or open (docs/aws-authorizer.md, Decisions).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .arguments import Place, filled, filled_object, given, is_stray, runs, values_at
from .codes import Refusal
from .document import ROOTS, Operation
from .mapping import Api, Field

DENIED, LEFT, OPEN = "deny", "left", "open"
"""What is decided of a field. `left`: the resolver decides on the row."""

Principal = dict[str, Any]
Asked = list[tuple[str, tuple[str, ...]]]
"""Actions, and the types of which each is asked."""


class Judged(NamedTuple):
    """A field that the operation runs: what it asks for, what came of it, by which rules, and the id that is named."""

    field: str
    action: str
    decision: str
    rules: tuple[str, ...] = ()
    id: str | None = None


class Outcome(NamedTuple):
    """`refused` is the code for which the whole request is, or empty. `denied` are the fields to be hidden."""

    fields: tuple[Judged, ...]
    denied: tuple[str, ...]
    refused: str = ""


def decide(
    operation: Operation, variables: Any, principal: Principal, api: Api, *, read_only: bool, introspection: bool
) -> Outcome:
    """What comes of an operation. Raises Refusal where it cannot even be told what is asked."""
    values = given(operation, variables)
    judged: list[Judged] = []
    refused = ""
    on = ROOTS[operation.kind]
    for root in operation.roots:
        if not runs(root, values):
            continue
        if root.name == "__typename":
            continue
        if root.name in ("__schema", "__type"):
            if not introspection:
                raise Refusal("introspection")
            continue
        field = api.fields.get(f"{on}.{root.name}")
        if field is None:
            raise Refusal("unmapped")
        found = _judge(field, filled(root, values), principal, api)
        judged.append(found)
        if field.effect:  # to subscribe changes nothing
            refused = refused or _effect(found, read_only and operation.kind != "subscription")
    for name, arguments in operation.asked:
        fields = api.nested.get(name, ())
        tenants = tuple(place for field in fields for place in field.tenants)
        marked = frozenset(place for field in fields for place in field.marked)
        _keep_to_tenant(filled_object(arguments, values), tenants, marked, principal, api)
    for field in _nested(operation.nested, api):
        found = _judge_by_token(field, principal, api)
        if found.decision == DENIED or field.effect:
            judged.append(found)
        if field.effect:
            refused = refused or _effect(found, read_only)
    if refused:
        return Outcome(tuple(judged), (), refused)
    return Outcome(tuple(judged), _names(judged))


def decide_by_token(principal: Principal, api: Api) -> Outcome:
    """What comes of every field of the API, whatever is asked: the fields to hide, and nothing else.

    The compiler has seen to it that nothing has to be kept from running (docs/language.md, api).
    """
    judged = [_judge_by_token(field, principal, api) for field in api.fields.values()]
    denied = tuple(found for found in judged if found.decision == DENIED)
    return Outcome(denied, _names(denied))


def _names(judged: Iterable[Judged]) -> tuple[str, ...]:
    return tuple(sorted({found.field for found in judged if found.decision == DENIED}))


def _effect(found: Judged, read_only: bool) -> str:
    """Why a field that takes effect keeps the whole request from running."""
    if found.decision == DENIED:
        return "denied"
    return "read_only" if read_only else ""


def _nested(names: frozenset[str], api: Api) -> Iterator[Field]:
    for name in names & api.nested.keys() if api.nested else ():
        yield from api.nested[name]


# ---- One field


def _keep_to_tenant(
    arguments: dict[str, Any], tenants: Iterable[Place], marked: frozenset[Place], principal: Principal, api: Api
) -> None:
    """Raises Refusal where the arguments name another tenant, or name one where nothing marks it."""
    tenant = principal[api.tenant_key]
    for place in tenants:
        for value in values_at(arguments, place):
            if value is not None and (type(value) is not str or value != tenant):
                raise Refusal("tenant")
    is_flat = all(type(value) is str for value in arguments.values())
    if (api.tenant_key in arguments or not is_flat) and is_stray(arguments, api.tenant_key, marked):
        raise Refusal("tenant_unmarked")


def _judge(field: Field, arguments: dict[str, Any], principal: Principal, api: Api) -> Judged:
    _keep_to_tenant(arguments, field.tenants, field.marked, principal, api)
    if not field.action:
        return Judged(field.name, "", OPEN)
    id = _id(field, arguments)
    types = _types(field, arguments) if len(field.by) == 2 else field.types
    contexts = list(_contexts(field, arguments, api)) if field.member else []
    if not types or None in contexts:  # malformed, which denies whatever the record
        return Judged(field.name, field.action, DENIED, (), id)
    asked = [(field.action, types)]
    for place, action, changed in field.needs:
        if values_at(arguments, place):
            asked.append((action, changed))
    for context in contexts or [{}]:
        found = _denied(types, asked, principal, context, api)
        if found is not None:
            return Judged(field.name, found[0], DENIED, found[1], id)
    return Judged(field.name, field.action, LEFT, (), id)


def _judge_by_token(field: Field, principal: Principal, api: Api) -> Judged:
    if not field.action:
        return Judged(field.name, "", OPEN)
    found = _denied(field.types, [(field.action, field.types)], principal, {}, api)
    return Judged(field.name, field.action, *((LEFT,) if found is None else (DENIED, found[1])))


def _denied(
    types: tuple[str, ...], asked: Asked, principal: Principal, context: Any, api: Api
) -> tuple[str, tuple[str, ...]] | None:
    """An action that is denied, and the rules that deny, where each type is denied something that is asked of it; else
    None: some type is left to its rows."""
    action, found = "", set[str]()
    for type_name in types:
        for wanted, among in asked:
            denies = api.denies.get((wanted, type_name, bool(context))) if type_name in among else None
            rules = denies(principal, context) if denies is not None else None
            if rules is not None:
                break
        else:
            return None
        action = action or wanted
        found.update(rules)
    return action, tuple(sorted(found))


def _types(field: Field, arguments: dict[str, Any]) -> tuple[str, ...]:
    """The types that the record may have: the one that is named, or all of the mapping; none where another is named."""
    named = [value for value in values_at(arguments, field.by[0]) if value is not None]
    if not named:
        return field.types
    return tuple(t for t in field.types if t in named) if all(value in field.types for value in named) else ()


def _id(field: Field, arguments: dict[str, Any]) -> str | None:
    """The id that the arguments name, for the record; one alone, and no longer than an id can sensibly be."""
    found = values_at(arguments, field.by[-1]) if field.by else []
    is_one = len(found) == 1 and type(found[0]) is str and len(found[0]) <= 128
    return found[0] if is_one else None


def _contexts(field: Field, arguments: dict[str, Any], api: Api) -> Iterator[Any]:
    """A context for each grantee that the arguments name, or None for one that is malformed."""
    if api.member is None:
        return
    attribute, id, tenant = api.member
    ids, tenants = (values_at(arguments, place) for place in field.member)
    if len(ids) != len(tenants):
        yield None
        return
    for one, other in zip(ids, tenants, strict=True):
        if one is None and other is None:
            continue
        member = {id: one, tenant: other}
        yield {attribute: member} if api.is_member is not None and api.is_member(member) else None
