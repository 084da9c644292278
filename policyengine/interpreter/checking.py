"""What is wrong with an object, read straight from the schema (docs/studio.md, Malformed input)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policyengine.model.schema import Attributes, Schema
from policyengine.model.types import Shape
from policyengine.model.values import conforms


def faults(schema: Schema, attributes: Attributes, value: Any, path: str) -> Iterator[str]:
    """What breaks the schema, as `path: cause`; nothing where the object is well-formed. Null is absence."""
    if not isinstance(value, dict):
        yield f"{path}: expected an object"
        return
    for attribute in attributes:
        found, where = value.get(attribute.name), f"{path}.{attribute.name}"
        if found is None:
            if attribute.required:
                yield f"{where}: missing"
        elif isinstance(attribute.type, Shape):
            yield from faults(schema, schema.shape[attribute.type.name], found, where)
        elif not conforms(schema, attribute.type, found):
            yield f"{where}: expected {attribute.type}"


def well_formed(schema: Schema, name: str, attributes: Attributes, row: Any) -> bool:
    """Whether a row beside the request is one of that name; its `type` may be left out."""
    return not any(faults(schema, attributes, row, name)) and row.get("type") in (None, name)
