"""A found request for people: one line that says who may do what, and a `test` block that keeps it from coming back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from policyengine.analysis.facts import Facts, Found
from policyengine.ir.nodes import Program
from policyengine.model.schema import Attributes, Schema
from policyengine.model.types import TYPE, Enum, Shape

QUOTED = {"\\": "\\\\", '"': '\\"'}


def told(program: Program, found: Found) -> str:
    """`ann (orgId org_1) may read Host host_1 (orgId org_2), with ... : by <rules>`, on one line."""
    facts, schema = Facts(program, found), program.schema
    request = found["request"]
    principal, record = request["principal"], request["resource"]
    identity = schema.resource[record["type"]].identity
    who = f"{principal[schema.principal.identity]}{_but(principal, schema.principal.identity)}"
    what = f"{record['type']} {record[identity]}{_but(record, identity, 'type')}"
    beside = [f"context{_but(request['context'])}"] if request.get("context") else []
    beside += [_row(schema, name, row) for name, rows in found["data"].items() for row in rows]
    rules = ", ".join(facts.decision["rules"]) or "no rule"
    verb = "may" if facts.allowed else "may not"
    return f"{who} {verb} {request['action']} {what}{''.join(f', with {part}' for part in beside)}: by {rules}"


def _row(schema: Schema, name: str, row: dict[str, Any]) -> str:
    identity = schema.resource[name].identity if name in schema.resource else ""
    return f"{name} {row[identity]}{_but(row, identity)}" if identity in row else f"{name}{_but(row)}"


def _but(made: dict[str, Any], *names: str) -> str:
    """The attributes beside those named."""
    parts = [f"{name} {_plain(value)}" for name, value in made.items() if name not in names]
    return f" ({', '.join(parts)})" if parts else ""


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} {_plain(part)}" for name, part in value.items()) + "}"
    return value if isinstance(value, str) and value.isprintable() and value else json.dumps(value)


# ---- As a test


def test_block(program: Program, title: str, found: Found) -> str:
    """A `test` that expects a denial of the request, in words of the language (docs/language.md, test).

    What the language has no literal for is written as raw JSON.
    """
    return "\n".join([f"test {_text(title)} {{", *(f"  {line}" for line in _statements(program.schema, found)), "}\n"])


def _statements(schema: Schema, found: Found) -> Iterator[str]:
    request, grants = found["request"], {grant.name: grant.attributes for grant in schema.grants}
    record = request["resource"]
    type_name = record["type"]
    own = {name: value for name, value in record.items() if name != "type"}
    principal = schema.principal
    yield f"let who = {_object(schema, principal.name, principal.attributes, request['principal'])}"
    attributes = schema.resource[type_name].attributes
    yield f"let what = {_object(schema, type_name, attributes, own, {'type': type_name})}"
    for name, rows in found["data"].items():
        attributes = grants[name] if name in grants else schema.resource[name].attributes
        yield from (f"row {_object(schema, name, attributes, row, raw=f'{name} ')}" for row in rows)
    if request.get("context"):
        yield f"context {_object(schema, '', schema.context, request['context'])}"
    yield f"deny who {request['action']} what"


def _object(
    schema: Schema,
    name: str,
    attributes: Attributes,
    made: dict[str, Any],
    more: dict[str, Any] | None = None,
    raw: str = "",
) -> str:
    """An object in words, with its type's name; raw JSON where a value has no literal."""
    written = _members(schema, attributes, made)
    if written is not None:
        return f"{name} {written}".strip()
    text = json.dumps({**(more or {}), **made}).replace("`", "\\u0060")
    return f"{raw}json `{text}`"


def _members(schema: Schema, attributes: Attributes, made: dict[str, Any]) -> str | None:
    types = {a.name: a.type for a in attributes}
    parts = []
    for name, value in made.items():
        type_ = types[name]
        if isinstance(type_, Shape):
            written = _members(schema, schema.shape[type_.name], value)
        elif isinstance(type_, Enum) or type_ == TYPE:
            written = str(value)
        elif isinstance(value, bool):
            written = json.dumps(value)
        elif isinstance(value, int):
            written = str(value) if abs(value) < 10**18 else None
        else:
            written = _text(value) if value.isprintable() else None
        if written is None:
            return None
        parts.append(f"{name}: {written}")
    return "{ " + ", ".join(parts) + " }" if parts else "{}"


def _text(text: str) -> str:
    return '"' + "".join(QUOTED.get(character, character) for character in text) + '"'
