"""Where the attributes of the principal come from: the claims of a token, by names that hold for all their versions."""

from __future__ import annotations

import re

from policyengine.model.schema import Principal

CLAIMS: dict[str, str] = {
    "sub": "who the user is",
    "org_id": "the active organization",
    "org_role": "the role in it, without the prefix `org:`",
}
"""What `from claim` may name. Each is in every token that is accepted (docs/aws-authorizer-tokens.md)."""

PERMISSION = re.compile(r"org:(?!sys_)[a-z0-9_-]+:[a-z0-9_-]+")
"""What `from permission` may name: a custom permission. A token never holds those of the system (Clerk, "Session
tokens")."""


def claims_of(principal: Principal) -> tuple[tuple[str, str], ...]:
    """Pairs of an attribute and its claim or permission, in the declared order; none where the schema maps none."""
    return tuple((a.name, a.claim) for a in principal.attributes if a.claim)
