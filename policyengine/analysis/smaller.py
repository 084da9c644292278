"""A found request made as small and as plain as it can be, while it still shows what it was found for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from policyengine.analysis.facts import Facts, Found
from policyengine.ir.nodes import Program
from policyengine.model.schema import Attributes, Schema
from policyengine.model.types import Enum

PARTS = ("context", "resource", "principal")


def smallest(program: Program, found: Found, seen: Callable[[Facts], bool]) -> Found:
    """The smallest that one step at a time leads to; each step is judged by the interpreter."""

    def serves(less: Found) -> bool:
        facts = Facts(program, less)
        return not facts.malformed and seen(facts)

    while smaller := next((less for less in _steps(program.schema, found) if serves(less)), None):
        found = smaller
    return found


def _steps(schema: Schema, found: Found) -> Iterator[Found]:
    """What is one step smaller, the greatest steps first. Every step lowers some count, so that they end."""
    request, data = found["request"], found["data"]
    for name, rows in data.items():
        for row in rows:
            kept = {**data, name: [other for other in rows if other is not row]}
            yield {"request": request, "data": {n: some for n, some in kept.items() if some}}
    yield from _nearer(schema, found)
    for part in PARTS:
        yield from ({**found, "request": {**request, part: less}} for less in _less(request[part]))
    for name, rows in data.items():
        for row in rows:
            for less in _less(row, _optional(schema, name)):
                yield {"request": request, "data": {**data, name: [less if o is row else o for o in rows]}}
    for part in PARTS:
        attributes = _attributes(schema, part, request)
        yield from ({**found, "request": {**request, part: plain}} for plain in _plainer(request[part], attributes))
    yield from _apart(schema, found)


def _less(made: dict[str, Any], names: set[str] | None = None) -> Iterator[dict[str, Any]]:
    """Without one attribute; a required one stays, since without it the request is malformed."""
    for name in made:
        if names is None or name in names:
            yield {key: value for key, value in made.items() if key != name}


def _nearer(schema: Schema, found: Found) -> Iterator[Found]:
    """The record holds its own scope, as its holder does; or it stands right under what was above its parent."""
    request, data = found["request"], found["data"]
    record = request["resource"]
    inherit = schema.inherits.get(record["type"])
    if inherit is None or record[inherit.attribute] != inherit.value:
        return
    up = schema.resource[inherit.parent_type]
    fixed = {"type", up.identity, schema.tenant_key, inherit.parent}
    for row in data.get(inherit.parent_type, ()):
        rest = [other for other in data[inherit.parent_type] if other is not row]
        fewer = {name: rows for name, rows in {**data, inherit.parent_type: rest}.items() if rows}
        if row[up.identity] == record.get(inherit.parent):
            yield {
                "request": {**request, "resource": {**record, inherit.parent: row.get(inherit.parent)}},
                "data": fewer,
            }
        moved = {name: value for name, value in row.items() if name in record and name not in fixed}
        own = {name: value for name, value in {**record, **moved}.items() if name != inherit.parent}
        id = record[schema.resource[record["type"]].identity]
        yield {"request": {**request, "resource": own}, "data": _moved(schema, fewer, row[up.identity], record, id)}


def _moved(schema: Schema, data: Any, old: str, record: Any, new: str) -> Any:
    """Grant rows on what had the old id, as rows on the record under its new one."""
    moved = dict(data)
    for grant in schema.grants:
        here = {grant.resource_type: record["type"], grant.resource_id: new}
        rows = data.get(grant.name, ())
        if rows:
            moved[grant.name] = [{**row, **here} if row[grant.resource_id] == old else row for row in rows]
    return moved


def _plainer(made: dict[str, Any], attributes: Attributes) -> Iterator[dict[str, Any]]:
    """With an earlier value of an enum."""
    for a in attributes:
        if isinstance(a.type, Enum) and a.name in made:
            for value in a.type.values[: a.type.values.index(made[a.name])]:
                yield {**made, a.name: value}


def _apart(schema: Schema, found: Found) -> Iterator[Found]:
    """Another id for the record than for the person who asks, and another owner: what looks like a right is one."""
    request = found["request"]
    record, who = request["resource"], request["principal"][schema.principal.identity]
    resource = schema.resource[record["type"]]
    if record[resource.identity] == who:
        name = f"{resource.name.lower()}_1"
        named = {"request": {**request, "resource": {**record, resource.identity: name}}}
        yield {**named, "data": _moved(schema, found["data"], who, record, name)}
    if resource.owner and record[resource.owner] == who:
        other = "bob" if who != "bob" else "ann"
        yield {**found, "request": {**request, "resource": {**record, resource.owner: other}}}


def _attributes(schema: Schema, part: str, request: Any) -> Attributes:
    if part == "resource":
        return schema.resource[request["resource"]["type"]].attributes
    return schema.principal.attributes if part == "principal" else schema.context


def _optional(schema: Schema, name: str) -> set[str]:
    """The attributes that a row of that name can do without: it would count as absent without another."""
    rows = {**{r.name: r.attributes for r in schema.resources}, **{g.name: g.attributes for g in schema.grants}}
    return {a.name for a in rows[name] if not a.required}
