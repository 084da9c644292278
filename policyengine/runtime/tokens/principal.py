"""The principal of a verified token: attributes from claims, as the schema maps them (docs/language.md, principal)."""

from __future__ import annotations

from .claims import Verified

Mapping = tuple[tuple[str, str], ...]
"""Pairs of an attribute and where its value comes from: `sub`, `org_id`, `org_role`, or a permission `org:...`."""

STANDARD: Mapping = (("id", "sub"), ("orgId", "org_id"), ("orgRole", "org_role"))
"""What is mapped where no schema says otherwise."""

_PERMISSION = "org:"


def wants_permissions(mapping: Mapping) -> bool:
    """Whether an attribute says if the principal has a permission."""
    return any(claim.startswith(_PERMISSION) for _, claim in mapping)


def principal_of(token: Verified, mapping: Mapping) -> dict[str, str | bool]:
    """The principal's attributes; a new dictionary each time, so that nobody can change another's."""
    values = {"sub": token.subject, "org_id": token.organization, "org_role": token.role}
    return {
        attribute: claim in token.permissions if claim.startswith(_PERMISSION) else values[claim]
        for attribute, claim in mapping
    }
