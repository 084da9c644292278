"""The arguments of a field: variables filled in, and the values that stand in a place such as `input.orgId`.

A place goes through lists: where an input is a list, every item has one. GraphQL takes a single value for a list of
one (GraphQL specification, section 3.11), so the two are looked at alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .codes import Refusal
from .document import ABSENT, Operation, Root, Variable

Place = tuple[str, ...]


def given(operation: Operation, variables: Any) -> dict[str, Any]:
    """The values of the operation's variables: as sent, else its default. Raises Refusal where nothing can be told."""
    if variables is None:
        variables = {}
    if not isinstance(variables, dict):
        raise Refusal("variable")
    return {name: variables.get(name, default) for name, default in operation.variables.items()}


def runs(root: Root, values: dict[str, Any]) -> bool:
    """Whether @skip and @include let a field run. Raises Refusal where a condition is no Bool."""
    for condition, wanted in root.conditions:
        holds = values[condition.name] if isinstance(condition, Variable) else condition
        if type(holds) is not bool:
            raise Refusal("directive")
        if holds is not wanted:
            return False
    return True


def filled(root: Root, values: dict[str, Any]) -> dict[str, Any]:
    """The arguments with values for variables; what is absent is left out."""
    return root.arguments if root.is_fixed else filled_object(root.arguments, values)


def filled_object(made: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The same of any arguments; a variable that the operation does not declare is one that is not given."""
    found = {name: _filled(value, values) for name, value in made.items()}
    return {name: value for name, value in found.items() if value is not ABSENT}


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if isinstance(value, Variable):
        return values.get(value.name, ABSENT)
    if isinstance(value, dict):
        return filled_object(value, values)
    if isinstance(value, list):
        items = [_filled(item, values) for item in value]
        return [None if item is ABSENT else item for item in items]
    return value


def values_at(arguments: dict[str, Any], place: Place) -> list[Any]:
    """What stands in a place: nothing where it is absent, None where it is null, more than one value through lists."""
    if len(place) == 1 and type(arguments.get(place[0])) is not list:  # as most are
        return [arguments[place[0]]] if place[0] in arguments else []
    return list(_walk(arguments, place, 0))


def _walk(value: Any, place: Place, depth: int) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, place, depth)
    elif depth == len(place):
        yield value
    elif isinstance(value, dict):
        if place[depth] in value:
            yield from _walk(value[place[depth]], place, depth + 1)
    elif value is not None:
        raise Refusal("arguments")


def is_stray(value: Any, name: str, marked: frozenset[Place], path: Place = (), named: bool = False) -> bool:
    """Whether something under the tenant's name stands where the mapping says nothing of it.

    `marked` are places; what stands inside a marked place is marked with it.
    """
    if path in marked:
        return False
    if isinstance(value, dict):
        return any(is_stray(inner, name, marked, (*path, key), named or key == name) for key, inner in value.items())
    if isinstance(value, list):
        return any(is_stray(item, name, marked, path, named) for item in value)
    return named and value is not None
