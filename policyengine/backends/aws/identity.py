"""How a user's session comes to be: the trust of the authenticated role, the tag map, the pool, the OIDC provider.

The identity pool alone makes such a session, and takes its tags from claims of the verified token (docs/studio.md,
Assumptions). Amazon Cognito Developer Guide: "Using attributes for access control", "Role trust and permissions",
"Identity pools authentication flow"; IAM User Guide: "Passing session tags in AWS STS".
"""

from __future__ import annotations

from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.statements import Json, Policy, allow
from policyengine.backends.aws.view import Aws

_COGNITO = {"aws": "cognito-identity.amazonaws.com", "aws-us-gov": "cognito-identity-us-gov.amazonaws.com"}
"""Identity pools as a principal, by partition."""


def authenticated_trust(aws: Aws) -> Policy:
    """ForAllValues holds of a session without tags; the two StringLikes ask for both, with something in them.

    Without the audience any identity pool of any account could assume the role.
    """
    pools = _pools(aws)
    tenant, user = aws.tags
    statement = allow(
        "TaggedSessions",
        f"Only this identity pool, only for those who signed in, and only with the tags `{tenant}` and `{user}`.",
        ("session",),
        ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        principal={"Federated": pools},
        conditions={
            "StringEquals": {f"{pools}:aud": aws.one("identity_pool")},
            "ForAnyValue:StringLike": {f"{pools}:amr": "authenticated"},
            "StringLike": {f"aws:RequestTag/{tenant}": aws.one("tenant_like"), f"aws:RequestTag/{user}": "?*"},
            "ForAllValues:StringEquals": {"aws:TagKeys": aws.tags},
        },
    )
    return Policy("authenticated-trust.json", "trust", "iam", "the authenticated role", (statement,))


def _pools(aws: Aws) -> str:
    partition = aws.one("partition")
    if partition not in _COGNITO:
        mend = f"use one of {', '.join(_COGNITO)}, or find out under which name its identity pools assume roles"
        raise Refused(
            "aws-partition", f"identity pools of the partition `{partition}` are not known", mend, "partition"
        )
    return _COGNITO[partition]


def tag_map(aws: Aws) -> Json:
    """The default map carries no tenant: it is off. In the map the tag is the key, and the claim the value."""
    provider = aws.values.get(("provider_name", ""), aws.oidc_provider)
    if len(provider) > 128:
        raise Refused(
            "aws-limit",
            f"the provider's name in the tag map has {len(provider)} characters, of 128",
            "use a shorter issuer",
            "issuer",
        )
    tenant, user = aws.tags
    return {
        "IdentityPoolId": aws.one("identity_pool"),
        "IdentityProviderName": provider,
        "UseDefaults": False,
        "PrincipalTags": {tenant: aws.one("claim", "tenant_id"), user: aws.one("claim", "user_id")},
    }


def identity_pool(aws: Aws) -> Json:
    """Nobody comes in without signing in, and no client chooses the role (the classic flow would let it)."""
    return {
        "IdentityPoolId": aws.one("identity_pool"),
        "IdentityPoolName": aws.one("pool_name"),
        "AllowUnauthenticatedIdentities": False,
        "AllowClassicFlow": False,
        "OpenIdConnectProviderARNs": [aws.oidc_provider],
    }


def identity_pool_roles(aws: Aws) -> Json:
    """One role for all who sign in: with no mapping there is no rule that could choose a wrong one."""
    return {"IdentityPoolId": aws.one("identity_pool"), "Roles": {"authenticated": aws.role("authenticated")}}


def oidc_provider(aws: Aws) -> Json:
    """Cognito compares `azp` with these, where the token has one; else `aud`."""
    return {"Url": aws.one("issuer"), "ClientIDList": sorted(set(aws.named("audience").values()))}
