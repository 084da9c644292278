"""What the generated module says of the API, laid out for deciding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .arguments import Place

Denies = Callable[[Any, Any], "list[str] | None"]
"""Of a principal and a context: None where a row decides, else the ids of the forbids that hold."""


class Field(NamedTuple):
    """A field of the API. `by` is the place of the id, or the places of type and id. `needs` are places that ask for an
    action besides, of some of the types, where they are given."""

    name: str
    action: str
    types: tuple[str, ...]
    by: tuple[Place, ...]
    tenants: tuple[Place, ...]
    member: tuple[Place, ...]
    needs: tuple[tuple[Place, str, tuple[str, ...]], ...]
    marked: frozenset[Place]
    effect: bool


class Api(NamedTuple):
    """`fields` by `Type.field`; `nested` by the bare name of a field, those that are not on a root type."""

    fields: dict[str, Field]
    nested: dict[str, tuple[Field, ...]]
    denies: dict[tuple[str, str, bool], Denies]
    member: tuple[str, str, str] | None
    tenant_key: str
    identity: str
    claims: tuple[tuple[str, str], ...]
    token_alone: bool
    digest: str
    is_principal: Callable[[Any], bool]
    is_member: Callable[[Any], bool] | None


_ROOTS = ("Query", "Mutation", "Subscription")


def mapping(bundle: Any, api: Any) -> Api:
    """The API of a bundle: its main module, and its module `api`."""
    fields = {name: _field(name, of) for name, of in api.FIELDS.items()}
    nested: dict[str, tuple[Field, ...]] = {}
    for name, field in fields.items():
        type_, _, bare = name.partition(".")
        if type_ not in _ROOTS:
            nested[bare] = (*nested.get(bare, ()), field)
    return Api(
        fields,
        nested,
        api.DENIES,
        api.MEMBER,
        api.TENANT_KEY,
        api.IDENTITY,
        api.CLAIMS,
        api.TOKEN_ALONE,
        bundle.digest,
        api.is_principal,
        api.is_member,
    )


def _field(name: str, of: dict[str, Any]) -> Field:
    return Field(
        name,
        of["action"],
        of["types"],
        _places(of["by"]),
        _places(of["tenants"]),
        _places(of["member"]),
        tuple((_place(place), action, types) for place, action, types in of["needs"]),
        frozenset(_places(of["marked"])),
        of["effect"],
    )


def _places(texts: tuple[str, ...]) -> tuple[Place, ...]:
    return tuple(map(_place, texts))


def _place(text: str) -> Place:
    return tuple(text.split("."))
