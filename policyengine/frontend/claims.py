"""`from claim` and `from permission` behind the attributes of the principal (docs/language.md, principal)."""

from __future__ import annotations

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.mending import article, listed, suggest
from policyengine.model.claims import CLAIMS, PERMISSION
from policyengine.model.schema import Attributes
from policyengine.model.types import BOOL, Enum, Id, Type

_TYPES = {"sub": "an `Id`, but not of the tenant", "org_id": "the tenant's `Id`", "org_role": "an enum"}
_EXAMPLE = "org:reports:read"


def claim_of(a: ast.Attribute, type_: Type | None, findings: Findings) -> str:
    """The claim or permission that an attribute comes from. `type_` is None where nobody knows the type."""
    match a.claim:
        case ast.Name() as name:
            return _claim(a, name, type_, findings)
        case ast.Value(value=str(name)) as value:
            return _permission(a, name, value, type_, findings)
    return ""


def _claim(a: ast.Attribute, name: ast.Name, type_: Type | None, findings: Findings) -> str:
    if name.text not in CLAIMS:
        message, help = f"no claim is called `{name.text}`", f"there is {listed(CLAIMS)}"
        findings.error("unknown-name", message, name.span, *suggest(name, CLAIMS, help))
    elif type_ is not None and not _fits(name.text, type_):
        message = f"the claim `{name.text}` is {CLAIMS[name.text]}, and `{a.name.text}` is {article(type_)}"
        findings.error("wrong-type", message, a.type.span, f"its type is {_TYPES[name.text]}")
    else:
        return name.text
    return ""


def _fits(claim: str, type_: Type) -> bool:
    if claim == "org_role":
        return isinstance(type_, Enum)
    return isinstance(type_, Id) and type_.tenant == (claim == "org_id")


def _permission(a: ast.Attribute, name: str, value: ast.Value, type_: Type | None, findings: Findings) -> str:
    if not PERMISSION.fullmatch(name):
        message = "this is not the name of a custom permission"
        findings.error(
            "bad-value", message, value.span, f'write it as `"{_EXAMPLE}"`; those of the system are in no token'
        )
    elif type_ not in (BOOL, None):
        message = f"whether there is a permission is a `Bool`, and `{a.name.text}` is {article(type_)}"
        findings.error("wrong-type", message, a.type.span, "write `Bool`")
    else:
        return name
    return ""


def need_claims(declared: tuple[ast.Attribute, ...], read: Attributes, findings: Findings) -> None:
    """If one attribute of the principal comes from a token, all that are required do: else no token makes one."""
    if not any(a.claim for a in declared):
        return
    required = {a.name for a in read if a.required}
    for a in declared:
        if a.source is None and a.name.text in required:
            message = f"`{a.name.text}` does not come from the token, though other attributes do"
            help = f'write `from claim` with {listed(CLAIMS)}, or `from permission "{_EXAMPLE}"`'
            findings.error("missing-mark", message, a.name.span, help)
