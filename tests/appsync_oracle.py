"""What an answer of the authorizer must be, found the slow way: graphql-core executes the request, and each field of the
root type that really runs is judged by the interpreter, with the arguments that it really gets.

Nothing of the authorizer's own reading of a query is used here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema, execute, parse, validate

from examples.appsync import PREAMBLE
from policyengine.interpreter import Rows
from policyengine.interpreter.deciding import evaluation
from policyengine.ir.nodes import Field, Program
from policyengine.partial.without_rows import without_rows

SCHEMA: GraphQLSchema = build_schema(
    PREAMBLE + (Path(__file__).resolve().parent.parent / "examples/studio.graphql").read_text("utf-8")
)


class Oracle:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.rows = Rows(program.schema, {})

    def objections(self, asked: Any, principal: dict[str, Any], answer: dict[str, Any]) -> Iterator[str]:
        """Why an answer that allows must not: `asked` is the event's requestContext."""
        denied = set(answer["deniedFields"])
        for kind, name, arguments in executed(asked):
            mapped = self.program.api.by_name.get(f"{kind}.{name}")
            if mapped is None:
                yield f"{kind}.{name} is not mapped"
                continue
            for place in mapped.tenants:
                foreign = [v for v in at(arguments, place) if v not in (None, principal["orgId"])]
                if foreign:
                    yield f"{mapped} names another organization"
            if mapped.action and self._is_denied(mapped, arguments, principal):
                if kind != "Query" or mapped.takes_effect:
                    yield f"{mapped} takes effect and is denied"
                elif str(mapped) not in denied:
                    yield f"{mapped} is denied and not hidden"

    def _is_denied(self, mapped: Field, arguments: Any, principal: dict[str, Any]) -> bool:
        named = [v for v in at(arguments, mapped.by[0]) if v is not None] if len(mapped.by) == 2 else []
        types = [t for t in mapped.types if not named or t in named]
        context = {}
        if mapped.member:
            id, tenant = (list(at(arguments, place)) for place in mapped.member)
            context = {"member": {"id": id[0], "orgId": tenant[0]}} if id and tenant and id[0] is not None else {}
        known = {"principal": principal, "action": mapped.action, "resource": {}, "context": context}
        value = evaluation(self.program, known, self.rows).value
        return all(
            value(without_rows(self.program, mapped.action, t, frozenset(context)).denied) is True for t in types
        )


def at(value: Any, place: str) -> Iterator[Any]:
    """The values in a place, through lists."""
    steps, here = place.split("."), [value]
    for step in [*steps, None]:
        here = [item for one in here for item in (flat(one) if isinstance(one, list) else [one])]
        if step is not None:
            here = [one[step] for one in here if isinstance(one, dict) and step in one]
    yield from here


def flat(items: list[Any]) -> Iterator[Any]:
    for item in items:
        yield from flat(item) if isinstance(item, list) else [item]


def executed(asked: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """The fields of a root type that run, with their arguments as graphql-core coerces them. None for what is invalid."""
    ran: list[tuple[str, str, dict[str, Any]]] = []

    def resolve(source: Any, info: Any, **arguments: Any) -> Any:
        if source is None:
            ran.append((info.parent_type.name, info.field_name, arguments))
        return None

    try:
        document = parse(asked["queryString"])
        if validate(SCHEMA, document):
            return []
        execute(
            SCHEMA,
            document,
            variable_values=asked.get("variables") or {},
            operation_name=asked.get("operationName"),
            field_resolver=resolve,
        )
    except Exception:  # AppSync would not run it either
        return []
    return ran
