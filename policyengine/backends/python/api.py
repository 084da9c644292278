"""The bundle's module for the authorizer: the fields of the API, and what is denied on them before any row is read.

`FIELDS` holds, by `Type.field`, what the `api` blocks say of a field. `DENIES[action, type, with_member]` is a function
of the principal and the context: None where a row decides, else the ids of the forbids that hold, perhaps none. A cell
that is missing there is never denied without rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.backends.python.text import function, text
from policyengine.backends.python.writer import Writer
from policyengine.ir.nodes import FALSE, Field, Program
from policyengine.model.api import ROOTS, grantee
from policyengine.model.claims import claims_of
from policyengine.partial.without_rows import Foregone, without_rows


def emit_api(program: Program) -> Iterator[str]:
    """The module's lines. It uses names of the bundle's main module, which has to import them."""
    schema = program.schema
    yield '"""What the fields of the API ask for, and what is denied of it before any row is read."""'
    cells = dict.fromkeys(cell for field in program.api.fields for cell in _cells(program, field))
    names: dict[Foregone, str] = {}
    tables: list[str] = []
    for action, type_name, with_member in cells:
        member = grantee(schema)
        context = frozenset([member[0]]) if member and with_member else frozenset[str]()
        foregone = without_rows(program, action, type_name, context)
        if foregone.denied == FALSE:
            continue
        if foregone not in names:
            names[foregone] = f"_denies_{len(names)}"
            yield from function(f"{names[foregone]}(p, c)", _denies(Writer(program, type_name), foregone))
        tables.append(f"    ({text(action)}, {text(type_name)}, {with_member}): {names[foregone]},")
    yield "\n"
    yield from ("DENIES = {", *tables, "}")
    yield "FIELDS = {"
    for field in program.api.fields:
        yield f"    {text(str(field))}: {_described(program, field)!r},"
    yield "}"
    yield f"MEMBER = {grantee(schema)!r}"
    yield f"TENANT_KEY = {text(schema.tenant_key)}"
    yield f"IDENTITY = {text(schema.principal.identity)}"
    yield f"CLAIMS = {claims_of(schema.principal)!r}"
    yield f"TOKEN_ALONE = {program.api.token_alone}"
    yield "is_principal = _ok_the_principal"
    member = grantee(schema)
    shape = next((a.type for a in schema.context if member and a.name == member[0]), None)
    yield f"is_member = _ok_shape_{shape}" if shape else "is_member = None"


def _denies(writer: Writer, foregone: Foregone) -> Iterator[str]:
    yield f"if not ({writer.plain(foregone.denied)}):"
    yield "    return None"
    yield "found = []"
    for id, condition in foregone.blocking:
        if condition != FALSE:
            yield f"if {writer.plain(condition)}:"
            yield f"    found.append({text(id)})"
    yield "return found"


def _cells(program: Program, field: Field) -> Iterator[tuple[str, str, bool]]:
    asked = [(field.action, field.types), *((action, types) for _, action, types in _needs(program, field))]
    for action, types in asked:
        for type_name in types:
            yield action, type_name, False
            if field.member:
                yield action, type_name, True


def _described(program: Program, field: Field) -> dict[str, object]:
    """What the authorizer has to know of a field; `marked` are all places that have a meaning."""
    root = field.type in ROOTS
    return {
        "action": field.action,
        "types": field.types,
        "by": field.by if root else (),
        "tenants": field.tenants,
        "member": field.member,
        "needs": _needs(program, field),
        "marked": tuple(sorted({*field.by, *field.tenants, *field.member, *field.content, *field.passing})),
        "effect": field.takes_effect or field.type == "Subscription",
    }


def _needs(program: Program, field: Field) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """What else a field asks for, of which types, where an argument changes an attribute guarded by `changing`.

    Without `by` the field names no record that is there: nothing is changed.
    """
    if not field.by:
        return ()
    found: dict[tuple[str, str], set[str]] = {}
    for place in field.content:
        for changing in program.changing:
            if place.split(".")[-1] == changing.attribute and changing.needs != field.action:
                found.setdefault((place, changing.needs), set()).update({*changing.types} & {*field.types})
    return tuple((place, action, tuple(sorted(types))) for (place, action), types in sorted(found.items()) if types)
