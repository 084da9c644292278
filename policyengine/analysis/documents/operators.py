"""Deployment and break-glass: they keep the documents, and use neither keys nor objects; what they need for it."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.analysis.documents.claims import ALLOWS, BOTH, DENIES, Claim, Row, of_rows
from policyengine.analysis.documents.facts import (
    Acts,
    Begins,
    Below,
    CalledBy,
    Fact,
    Flag,
    Has,
    Is,
    Not,
    both,
    either,
    on,
)
from policyengine.analysis.documents.keys import DELETION_DAYS, USE
from policyengine.analysis.documents.needs import ANY_POLICY, TLS, Need
from policyengine.analysis.documents.sessions import KMS, S3, session_of, tenant_like
from policyengine.backends.aws.view import Aws, file_of

ROLES = ("deployment", "break_glass")
_RULE = ("administration",)

_KEYS = (
    *("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:DisableKey", "kms:EnableKey", "kms:GetKeyPolicy"),
    *("kms:ListGrants", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion"),
)
_ALIASES = ("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias")
_MORE_KEYS = (
    *_ALIASES,
    *("kms:EnableKeyRotation", "kms:GetKeyRotationStatus", "kms:ListKeyPolicies", "kms:ListKeyRotations"),
    *("kms:ListResourceTags", "kms:RotateKeyOnDemand", "kms:UpdateKeyDescription"),
)
_LEVER = ("iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:PutRolePolicy")
_VERSIONS = ("iam:CreatePolicyVersion", "iam:DeletePolicyVersion", "iam:GetPolicyVersion", "iam:ListPolicyVersions")
_BOUNDARY = (*_VERSIONS, "iam:GetPolicy")
_MADE = ("kms:CreateKey", "kms:TagResource")
_STACKS = (
    *(f"cloudformation:{verb}ChangeSet" for verb in ("Create", "Delete", "Describe", "Execute")),
    *("cloudformation:DescribeStackEvents", "cloudformation:DescribeStacks", "cloudformation:GetTemplate"),
)
_BUCKET = tuple(
    f"s3:{verb}{what}"
    for verb in ("Get", "Put")
    for what in ("BucketOwnershipControls", "BucketPolicy", "BucketPublicAccessBlock")
)
WORK: dict[str, dict[str, tuple[str, ...]]] = {
    "break_glass": {"keys": _KEYS, "roles": _LEVER, "bucket": _BUCKET},
    "deployment": {
        "keys": (*_KEYS, *_MORE_KEYS),
        "new keys": ("kms:CreateKey",),
        "tags": ("kms:TagResource",),
        "aliases": _ALIASES,
        "roles": (*_LEVER, "iam:GetRole", "iam:UpdateAssumeRolePolicy"),
        "boundary": _BOUNDARY,
        "bucket": _BUCKET,
        "stacks": _STACKS,
    },
}
"""What each role does, and nothing else."""


# ---- Claims


def operator_claims(aws: Aws, role: str) -> Iterator[Claim]:
    done = Acts(tuple(action for actions in WORK[role].values() for action in actions))
    foreign = both(IAM, Not(Acts(_BOUNDARY)), Not(on(*_kept_roles(aws, role), begins=False)))
    loose = both(KMS, Not(Has(f"aws:ResourceTag/{aws.tenant_key}")), Not(Acts((*_MADE, *_ALIASES))))
    keys = on(aws.here("kms", "key/"), *([_alias(aws)] if role == "deployment" else []))
    abroad = both(KMS, Not(Acts(("kms:CreateKey",))), Not(keys))
    rows: list[Row] = [
        ("no-use", "it uses no key, and gives its use to nobody", (*_RULE, "reach"), BOTH, either(USE, GRANT)),
        ("no-objects", "it reaches no object", (*_RULE, "reach"), BOTH, both(S3, on(f"{aws.bucket}/"))),
        ("bucket", "it keeps no other bucket", _RULE, ALLOWS, both(S3, Not(on(aws.bucket, begins=False)))),
        ("roles", "it keeps no other role, not its own either", _RULE, ALLOWS, foreign),
        ("keys", f"it keeps no key without a {aws.tenant}", _RULE, ALLOWS, loose),
        ("keys-here", "it keeps no key of another account or region", _RULE, ALLOWS, abroad),
        ("services", "it does nothing that its work does not need", ("reach",), ALLOWS, Not(done)),
    ]
    return of_rows(*rows, *(_new_keys(aws) if role == "deployment" else ()))


IAM, GRANT = Acts(("iam:*",)), Acts(("kms:CreateGrant",))
_KINDS = {"kms:KeyOrigin": "AWS_KMS", "kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT"}


def _kept_roles(aws: Aws, role: str) -> list[str]:
    names = ("authenticated", "tenant_data", "resolver", "signer", *(("rewrap",) if aws.crossing_types else ()))
    return [aws.role(name) for name in (names if role == "deployment" else names[:1])]


def _alias(aws: Aws) -> str:
    """How the aliases of the source's keys begin."""
    return aws.here("kms", f"alias/{aws.one('kms', 'alias')}")


def _new_keys(aws: Aws) -> Iterator[Row]:
    plain = both(*(Is(key, ((value,),)) for key, value in _KINDS.items()), Flag("kms:MultiRegion", False))
    odd = both(Acts(("kms:CreateKey",)), Not(plain))
    untagged = both(Acts(_MADE), Not(tenant_like(aws, f"aws:RequestTag/{aws.tenant_key}")))
    past = both(Acts(("kms:CreateKey", "kms:PutKeyPolicy")), Flag("kms:BypassPolicyLockoutSafetyCheck", True))
    stacks = on(aws.here("cloudformation", f"stack/{aws.one('stack')}-"))
    yield "new-keys", "it makes symmetric keys of one region, of KMS's own material", _RULE, ALLOWS, odd
    yield "new-tags", f"it tags no key but with a {aws.tenant}", _RULE, ALLOWS, untagged
    yield "lockout", "it puts no key policy past the check against lock-out", _RULE, DENIES, past
    yield "stacks", "it runs no other stack", _RULE, ALLOWS, both(Acts(("cloudformation:*",)), Not(stacks))
    others = both(Acts(_BOUNDARY), Not(on(aws.boundary, begins=False)))
    yield "boundary", "it keeps no policy but the boundary", _RULE, ALLOWS, others


# ---- Needs


def operator_needs(aws: Aws, key: str) -> Iterator[Need]:
    for role in ROLES:
        file, name, who = f"{file_of(role)}-permissions.json", file_of(role), session_of(aws, role)
        for urgent in (False, True):
            wanted = both(who, Acts(WORK[role]["keys"]), _kept_key(aws))
            sentence = f"{name} keeps the keys" + (", in an emergency too" if urgent else "")
            which = f"{name}-keys" + ("-in-emergency" if urgent else "")
            yield Need(which, sentence, "kms", wanted, (file,), key, kind="key", urgent=urgent)
        bucket = both(who, Acts(_BUCKET), on(aws.bucket, begins=False), TLS)
        policy = "bucket-policy.json"
        yield Need(f"{name}-bucket", f"{name} keeps the bucket's policy", "s3", bucket, (file,), policy, kind="bucket")
        factor = (Flag("aws:MultiFactorAuthPresent", True),) if aws.one("assumed_by", role).startswith("user/") else ()
        assumes = both(CalledBy((aws.operator(role),)), Acts(("sts:AssumeRole",)), *factor)
        trust, sentence = f"{name}-trust.json", f"its operator assumes {name}"
        yield Need(f"{name}-session", sentence, "iam", assumes, (ANY_POLICY,), trust, kind="trust")
        for what, wanted in _by_permission(aws, role).items():
            yield Need(f"{name}-{what.replace(' ', '-')}", f"{name} keeps {what}", "iam", both(who, wanted), (file,))
    tagged = both(Acts(WORK["deployment"]["tags"]), tenant_like(aws, f"aws:RequestTag/{aws.tenant_key}"))
    wanted = both(session_of(aws, "deployment"), tagged, on(aws.here("kms", "key/")))
    mine = ("deployment-permissions.json",)
    yield Need("deployment-tags", "deployment tags a key", "kms", wanted, mine, key, kind="key")


def _kept_key(aws: Aws) -> Fact:
    return both(
        on(aws.here("kms", "key/")),
        Begins(f"aws:ResourceTag/{aws.tenant_key}", ("",), 1),
        Not(Flag("kms:BypassPolicyLockoutSafetyCheck", True)),
        Not(Below("kms:ScheduleKeyDeletionPendingWindowInDays", DELETION_DAYS)),
    )


def _by_permission(aws: Aws, role: str) -> dict[str, Fact]:
    """What no policy on a resource has a say in."""
    if role == "break_glass":
        return {"the lever": both(Acts(_LEVER), on(aws.role("authenticated"), begins=False))}
    work = {what: Acts(actions) for what, actions in WORK[role].items()}
    kinds = both(*(Is(key, ((value,),)) for key, value in _KINDS.items()), Flag("kms:MultiRegion", False))
    checked = Not(Flag("kms:BypassPolicyLockoutSafetyCheck", True))
    named = tenant_like(aws, f"aws:RequestTag/{aws.tenant_key}")
    stack = aws.here("cloudformation", f"stack/{aws.one('stack')}-shared/")
    return {
        "new keys": both(work["new keys"], on("*", begins=False), kinds, named, checked),
        "aliases": both(work["aliases"], on(_alias(aws))),
        "roles": both(work["roles"], on(*_kept_roles(aws, role), begins=False)),
        "boundary": both(work["boundary"], on(aws.boundary, begins=False)),
        "stacks": both(work["stacks"], on(stack)),
    }
