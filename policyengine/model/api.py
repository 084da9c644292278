"""What `check --graphql` can find in an API, by name: the names with which a policy waives a finding."""

from __future__ import annotations

GRAPHQL_FINDINGS: dict[str, str] = {
    "unreadable_schema": "the file is no GraphQL schema",
    "unmapped_field": "a field of Query, Mutation or Subscription to which the policy maps no action",
    "unknown_field": "a mapped field that the schema does not have",
    "unknown_argument": "a mapped argument that the field does not have",
    "unmarked_tenant": "an argument with the tenant's name that the mapping marks neither as the tenant nor otherwise",
    "unmarked_json": "an argument of type AWSJSON, whose content nobody can check, that the mapping does not mark",
    "tenant_default": "a default in the schema for an argument that is marked as the tenant",
    "unguarded_path": "a way from a root field to a type of the policy that no rule on the way speaks of",
    "other_mode": "a directive that lets a caller of another mode skip the authorizer",
    "expired_waiver": "a waiver whose day has passed",
    "unused_waiver": "a waiver of something that is not found",
}
"""All but the first, `expired_waiver` and `unused_waiver` can be waived."""

WAIVABLE = tuple(
    name for name in GRAPHQL_FINDINGS if name not in ("unreadable_schema", "expired_waiver", "unused_waiver")
)
ROOTS = ("Query", "Mutation", "Subscription")
"""The names of the root types: as AppSync's schemas have them."""
