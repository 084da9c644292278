"""What the mapping of an API shares with all who read it: names of findings, of root types, the grantee's place."""

from __future__ import annotations

from policyengine.model.schema import Known, Schema
from policyengine.model.types import Id, Shape

GRAPHQL_FINDINGS: dict[str, str] = {
    "unreadable_schema": "the file is no GraphQL schema",
    "unmapped_field": "a field of Query, Mutation or Subscription to which the policy maps no action",
    "unknown_field": "a mapped field that the schema does not have",
    "unknown_argument": "a mapped argument that the field does not have",
    "unmarked_tenant": "an argument with the tenant's name that the mapping marks neither as the tenant nor otherwise",
    "unmarked_json": "an argument of type AWSJSON, whose content nobody can check, that the mapping does not mark",
    "tenant_default": "a default in the schema for an argument that is marked as the tenant",
    "unguarded_path": "a way from a root field to a type of the policy that no rule on the way speaks of",
    "root_below": "a field that leads back to a root type, whose fields are judged at the root alone",
    "whole_input": "a whole input that the mapping lets a client write: what is in it is not looked at",
    "other_mode": "a directive that lets a caller of another mode skip the authorizer",
    "expired_waiver": "a waiver whose day has passed",
    "unused_waiver": "a waiver of something that is not found",
}
"""What `check --graphql` finds. All but the first, `expired_waiver` and `unused_waiver` can be waived."""

WAIVABLE = tuple(
    name for name in GRAPHQL_FINDINGS if name not in ("unreadable_schema", "expired_waiver", "unused_waiver")
)
ROOTS = ("Query", "Mutation", "Subscription")
"""The names of the root types: as AppSync's schemas have them."""
KEPT = ("type", "version", "shareVersion", "children", "dekVersion")
"""What the resolvers keep in each stored record beside its id, tenant and owner (docs/aws-resolver-rows.md, Writes)."""


def grantee(schema: Schema) -> tuple[str, str, str] | None:
    """Where the context holds a grantee: an attribute `from argument`, and in its shape the id and the tenant.

    It is the only one with a shape of exactly one Id and one Id of the tenant, both required; else there is none.
    """
    found: list[tuple[str, str, str]] = []
    for a in schema.context:
        if a.known == Known.ARGUMENT and isinstance(a.type, Shape):
            inside = [i for i in schema.shape[a.type.name] if i.required]
            ids = [i.name for i in inside if isinstance(i.type, Id) and not i.type.tenant]
            tenants = [i.name for i in inside if isinstance(i.type, Id) and i.type.tenant]
            if len(ids) == len(tenants) == 1 and len(inside) == 2:
                found.append((a.name, ids[0], tenants[0]))
    return found[0] if len(found) == 1 else None
