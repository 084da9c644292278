"""What a policy set declares about its data: who asks, what is asked about, and which rows give access."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from policyengine.model.types import Enum, Type


class Known(StrEnum):
    """Where the value of an attribute comes to be known: from what a fetch plan must read, to nothing at all."""

    TOKEN = "token"
    ARGUMENT = "argument"
    RECORD = "record"
    ANCESTOR = "ancestor row"
    REFERENCED = "referenced row"
    GRANT = "grant row"
    CLOCK = "clock"


CONTEXT_SOURCES = (Known.TOKEN, Known.ARGUMENT, Known.RECORD, Known.CLOCK)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One declared attribute. `default` makes an absent value that value; it may stand in the context only.

    `claim` is where an attribute of the principal comes from: a name of `model.claims`, or a permission `org:...`.
    """

    name: str
    type: Type
    optional: bool = False
    default: str | int | bool | None = None
    mark: str = ""
    known: Known = Known.RECORD
    claim: str = ""

    @property
    def required(self) -> bool:
        return not self.optional and self.default is None


Attributes = tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `identity`, `tenant` and `role` name attributes; a policy set without roles has an empty `role`."""

    name: str
    attributes: Attributes
    identity: str
    tenant: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """A type of record. With a `global_reason` it belongs to no tenant and is not isolated."""

    name: str
    attributes: Attributes
    identity: str
    owner: str = ""
    shape: str = ""
    global_reason: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A kind of row that gives one member a role on one record.

    A row names the record by `resource_type` and `resource_id` (and the tenant key), the member by `member_id` and
    `member_tenant`. `crosses`: a row on the record itself reaches a member of another tenant.
    """

    name: str
    types: tuple[str, ...]
    attributes: Attributes
    resource_type: str
    resource_id: str
    member_id: str
    member_tenant: str
    role: str
    crosses: bool


@dataclass(frozen=True, slots=True)
class Inheritance:
    """Where `attribute` has `value`, a record's scope is held above: by the `parent_type` that `parent` names."""

    attribute: str
    value: str
    parent: str
    parent_type: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """What an allow may ask of the platform before it counts."""

    name: str
    attributes: Attributes


@dataclass(frozen=True)
class Schema:
    """All declarations about data, sorted by name wherever their order has no meaning."""

    tenant: str
    tenant_key: str
    principal: Principal
    context: Attributes = ()
    enums: tuple[Enum, ...] = ()
    shapes: tuple[tuple[str, Attributes], ...] = ()
    resources: tuple[Resource, ...] = ()
    grants: tuple[Grant, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    actions: tuple[tuple[str, tuple[str, ...]], ...] = ()
    inheritance: tuple[tuple[str, Inheritance], ...] = ()

    @cached_property
    def resource(self) -> dict[str, Resource]:
        return {resource.name: resource for resource in self.resources}

    @cached_property
    def grant_on(self) -> dict[str, Grant]:
        """The kind of grant row that can name records of a type, by type."""
        return {type_name: grant for grant in self.grants for type_name in grant.types}

    @cached_property
    def inherits(self) -> dict[str, Inheritance]:
        return dict(self.inheritance)

    @cached_property
    def actions_on(self) -> dict[str, tuple[str, ...]]:
        return dict(self.actions)

    @cached_property
    def shape(self) -> dict[str, Attributes]:
        return dict(self.shapes)

    @cached_property
    def obligation(self) -> dict[str, Obligation]:
        return {obligation.name: obligation for obligation in self.obligations}

    @property
    def type_names(self) -> tuple[str, ...]:
        return tuple(resource.name for resource in self.resources)

    def cells(self) -> Iterator[tuple[str, str]]:
        """Every (action, type) that a request may name."""
        for type_name, actions in self.actions:
            for action in actions:
                yield action, type_name


def attribute(attributes: Attributes, name: str) -> Attribute | None:
    """The attribute of that name, or None."""
    return next((a for a in attributes if a.name == name), None)
