"""The types of values. A value has its one type or is malformed (docs/studio.md, Malformed input)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Basic:
    """String, Int, Bool, Time or Type; a Type is the name of a declared resource type."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Id:
    """A non-empty string of Unicode scalar values. `of` names what it identifies; the tenant's ids are narrower."""

    of: str = ""
    tenant: bool = False

    def __str__(self) -> str:
        return f"Id of {self.of}" if self.of else "Id"


@dataclass(frozen=True, slots=True)
class Enum:
    """A closed list of names; where it is `ordered`, from the least to the greatest."""

    name: str
    values: tuple[str, ...]
    ordered: bool

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Shape:
    """An object inside the context, with attributes of its own."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Entity:
    """What a path may start at or pass through: a principal, a record, a row, the context. Never compared."""

    name: str

    def __str__(self) -> str:
        return self.name


Type = Basic | Id | Enum | Shape | Entity

STRING, INT, BOOL, TIME, TYPE = (Basic(name) for name in ("String", "Int", "Bool", "Time", "Type"))
BASICS: dict[str, Basic | Id] = {str(basic): basic for basic in (STRING, INT, BOOL, TIME, TYPE, Id())}


def comparable(left: Type, right: Type) -> bool:
    """Whether `==` may stand between the two types.

    A plain Id compares with the id of any resource; ids of two different things, and the tenant's ids with any
    other, do not: such a comparison could only be a mistake.
    """
    if isinstance(left, Id) and isinstance(right, Id):
        return left == right or (not left.tenant and not right.tenant and "" in (left.of, right.of))
    return left == right and not isinstance(left, Shape | Entity)
