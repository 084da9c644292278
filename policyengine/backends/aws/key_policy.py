"""The policy of one tenant's KMS key: the layer that must hold when the others have fallen (docs/studio.md, Isolation).

Administration is delegated to the account and holds no use. Use is allowed to roles by name, under the tenant's tag
and context, and denied to whoever lacks either, however he came by an Allow: an identity policy, a grant, a tag that he
gave himself. Every tenant stands as a literal. AWS KMS Developer Guide: "Key policies in AWS KMS", "AWS KMS condition
keys", "Grants in AWS KMS".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policyengine.backends.aws.statements import EVERYONE, Policy, Statement, Text, allow, deny
from policyengine.backends.aws.view import Aws

USE = ("kms:Decrypt", "kms:GenerateDataKey")
"""What a session needs: it unwraps data keys and makes them."""

ANY_USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*")
"""Every operation of a symmetric key that takes an encryption context. The Denies name these and not `kms:*`: an
operation without a context would be denied to everyone, changing this policy among them."""

RE_ENCRYPT = ("kms:ReEncryptFrom", "kms:ReEncryptTo")

PINNED = ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource")
"""What changes who may use the key, or ends it."""

ADMINISTRATION = (
    *PINNED,
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)

DELETION_DAYS = "30"
"""The longest waiting period that KMS has: time to notice."""


def key_policy(aws: Aws, tenant: Text, denied_users: Sequence[str], denied_before: str | None, name: str) -> Policy:
    statements = (
        _administration(aws),
        _use(aws, tenant),
        *_rewrap(aws, tenant),
        *_wrong_use(aws, tenant),
        *_by_others(aws),
        *_wrong_rewrap(aws),
        *_standing(aws),
        *emergency(aws, denied_users, denied_before, actions=ANY_USE, principal=EVERYONE),
    )
    return Policy(f"key-policy-{name}.json", "key", "kms", f"the key of one {aws.tenant}", statements)


# ---- Allows


def _administration(aws: Aws) -> Statement:
    return allow(
        "AccountAdministration",
        "The account's identity policies may give administration of the key, and no use of it.",
        ("administration",),
        ADMINISTRATION,
        principal={"AWS": aws.account_root},
    )


def _use(aws: Aws, tenant: Text) -> Statement:
    """ForAllValues holds of an empty context too: StringEquals on the tenant's pair rules that out."""
    return allow(
        "TenantUse",
        f"The {aws.tenant}'s users unwrap and make data keys: tag and context both name this {aws.tenant}.",
        ("isolation", "session"),
        USE,
        principal={"AWS": aws.role("authenticated")},
        conditions={
            "StringEquals": {aws.tenant_tag: tenant, aws.tenant_context: tenant},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": aws.context_names},
        },
    )


def _rewrap(aws: Aws, tenant: Text) -> Iterator[Statement]:
    """Its wraps are of single records: the tenant's own data key has no record in its context."""
    if not aws.crossing_types:
        return
    type_context, id_context = _record_context(aws)
    yield allow(
        "Rewrap",
        f"The re-wrap role moves a record's data key from or to another {aws.tenant}'s key, for types that are shared.",
        ("sharing",),
        RE_ENCRYPT,
        principal={"AWS": aws.role("rewrap")},
        conditions={
            "StringEquals": {aws.tenant_context: tenant, type_context: aws.crossing_types},
            "Null": {id_context: "false"},
            "Bool": {"kms:ReEncryptOnSameKey": "false"},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": aws.context_names},
        },
    )


# ---- Denies: use that is wrong, whoever asks


def _wrong_use(aws: Aws, tenant: Text) -> Iterator[Statement]:
    """StringNotEquals is true of a key that is missing. The re-wrap role serves every tenant and so carries no tag."""
    exempt = {"ArnNotEquals": {"aws:PrincipalArn": aws.role("rewrap")}} if aws.crossing_types else {}
    yield deny(
        "DenyWrongOrMissingTag",
        f"No use without the session tag of this {aws.tenant}; the re-wrap role has none.",
        ("isolation", "session"),
        ANY_USE,
        principal=EVERYONE,
        conditions={"StringNotEquals": {aws.tenant_tag: tenant}, **exempt},
    )
    yield deny(
        "DenyWrongOrMissingContext",
        f"No use without this {aws.tenant} in the encryption context.",
        ("isolation",),
        ANY_USE,
        principal=EVERYONE,
        conditions={"StringNotEquals": {aws.tenant_context: tenant}},
    )
    yield deny(
        "DenyUnexpectedContextNames",
        "No use under a context with other names; they compare by case here, and without case everywhere else.",
        ("isolation",),
        ANY_USE,
        principal=EVERYONE,
        conditions={"ForAnyValue:StringNotEquals": {"kms:EncryptionContextKeys": aws.context_names}},
    )


# ---- Denies: who else asks


def _by_others(aws: Aws) -> Iterator[Statement]:
    """aws:PrincipalArn compares by text, and so holds when a role is deleted and made again."""
    users = [aws.role("authenticated"), *([aws.role("rewrap")] if aws.crossing_types else [])]
    yield deny(
        "DenyUseByOthers",
        "No use by any other role, whatever grant, policy or tag it has: a tag is not a password.",
        ("reach", "session"),
        ANY_USE,
        principal=EVERYONE,
        conditions={"ArnNotEquals": {"aws:PrincipalArn": users}},
    )
    yield deny(
        "DenyReEncryptByOthers",
        "Re-encryption carries a data key to any key that the caller chooses: no user may.",
        ("sharing", "reach"),
        ["kms:ReEncrypt*"],
        principal=EVERYONE,
        conditions={"ArnNotEquals": {"aws:PrincipalArn": aws.role("rewrap")}} if aws.crossing_types else {},
    )


def _wrong_rewrap(aws: Aws) -> Iterator[Statement]:
    if not aws.crossing_types:
        return
    type_context, id_context = _record_context(aws)
    yield deny(
        "DenyOtherUseByRewrap",
        "The re-wrap role never sees a data key, and makes none.",
        ("sharing",),
        ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"],
        principal=EVERYONE,
        conditions={"ArnEquals": {"aws:PrincipalArn": aws.role("rewrap")}},
    )
    yield deny(
        "DenyRewrapOfOtherTypes",
        "Only types that can be shared are re-wrapped, and those alone of which a record is named.",
        ("sharing",),
        ["kms:ReEncrypt*"],
        principal=EVERYONE,
        conditions={"StringNotEquals": {type_context: aws.crossing_types}},
    )
    yield deny(
        "DenyRewrapWithoutRecord",
        f"The {aws.tenant}'s own data key is never re-wrapped.",
        ("sharing",),
        ["kms:ReEncrypt*"],
        principal=EVERYONE,
        conditions={"Null": {id_context: "true"}},
    )
    yield deny(
        "DenyRewrapOnSameKey",
        "Re-encryption under the same key could change the context of a wrap.",
        ("sharing",),
        ["kms:ReEncrypt*"],
        principal=EVERYONE,
        conditions={"Bool": {"kms:ReEncryptOnSameKey": "true"}},
    )


def _record_context(aws: Aws) -> tuple[str, str]:
    type_name, id_name = aws.record_names or ("", "")
    return f"kms:EncryptionContext:{type_name}", f"kms:EncryptionContext:{id_name}"


# ---- Denies: what would undo the others


def _standing(aws: Aws) -> Iterator[Statement]:
    yield deny(
        "DenyGrants",
        "A grant is an Allow that stands in no policy: nobody makes one.",
        ("reach", "administration"),
        ["kms:CreateGrant"],
        principal=EVERYONE,
    )
    yield deny(
        "DenyCopiesAndImports",
        "Key material stays where it was made: a replica has a policy of its own, imported material has a copy.",
        ("administration",),
        ["kms:ImportKeyMaterial", "kms:ReplicateKey", "kms:UpdatePrimaryRegion"],
        principal=EVERYONE,
    )
    yield deny(
        "DenyPolicyChangesByOthers",
        "Only deployment and break-glass change this policy or the key's tags, or schedule its deletion.",
        ("administration",),
        PINNED,
        principal=EVERYONE,
        conditions={"ArnNotEquals": {"aws:PrincipalArn": [aws.role("deployment"), aws.role("break_glass")]}},
    )
    yield deny(
        "DenyLockoutBypass",
        "No policy is put that its author could not change again.",
        ("administration",),
        ["kms:PutKeyPolicy"],
        principal=EVERYONE,
        conditions={"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
    )
    yield deny(
        "DenyShortDeletionWindow",
        f"Deletion waits {DELETION_DAYS} days, so that it can be noticed and cancelled.",
        ("administration",),
        ["kms:ScheduleKeyDeletion"],
        principal=EVERYONE,
        conditions={"NumericLessThan": {"kms:ScheduleKeyDeletionPendingWindowInDays": DELETION_DAYS}},
    )


# ---- The emergency lever, for keys and for the role alike


def emergency(
    aws: Aws, denied_users: Sequence[str], denied_before: str | None, *, actions: Sequence[str], principal: str | None
) -> Iterator[Statement]:
    """They are about the authenticated role alone, or a slip of the hand would lock out whoever has to undo it."""
    role = {"aws:PrincipalArn": aws.role("authenticated")}
    if denied_users:
        yield deny(
            "EmergencyDenyUsers",
            "These users lose access now, not when their credentials end.",
            ("session",),
            actions,
            principal=principal,
            conditions={"ArnEquals": role, "StringEquals": {aws.user_tag: denied_users}},
        )
    if denied_before:
        yield deny(
            "EmergencyDenyOldTokens",
            "Credentials from before this moment end now.",
            ("session",),
            actions,
            principal=principal,
            conditions={"ArnEquals": role, "DateLessThan": {"aws:TokenIssueTime": denied_before}},
        )
