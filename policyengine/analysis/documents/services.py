"""Claims about who gets a session of which role, about the service roles, and about the bucket."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.analysis.documents.claims import ALLOWS, BOTH, DENIES, Claim, Row, of_rows
from policyengine.analysis.documents.facts import (
    Acts,
    Below,
    CalledBy,
    Fact,
    Flag,
    Has,
    Is,
    Named,
    Not,
    OfAccount,
    Some,
    SomeOther,
    both,
    either,
    on,
)
from policyengine.analysis.documents.sessions import DYNAMODB, KMS, ROWS, S3, tenant_like
from policyengine.backends.aws.view import Aws

SIGNING_IN = ("sts:AssumeRoleWithWebIdentity", "sts:TagSession")
ASSUMING = ("sts:AssumeRole", "sts:TagSession")
TAG_NAMES = "aws:TagKeys"
_AT = ("session",)
_REACH = ("reach",)
_RULE = ("administration",)


# ---- Trust


def authenticated_trust(aws: Aws) -> Iterator[Claim]:
    pools = "cognito-identity-us-gov.amazonaws.com" if "gov" in aws.one("partition") else COGNITO
    tenant, user = (f"aws:RequestTag/{name}" for name in aws.tags)
    others = SomeOther(TAG_NAMES, tuple((name,) for name in aws.tags))
    here = Is(f"{pools}:aud", ((aws.one("identity_pool"),),))
    signed_in = Some(f"{pools}:amr", (("authenticated",),))
    return of_rows(
        ("pool", "nobody gets a session but from the identity pool", _AT, ALLOWS, Not(both(Named(pools), here))),
        ("signed-in", "nobody gets a session who has not signed in", _AT, ALLOWS, Not(signed_in)),
        ("tenant-tag", f"no session is without the tag of a {aws.tenant}", _AT, ALLOWS, Not(tenant_like(aws, tenant))),
        ("user-tag", "no session is without the tag of its user", _AT, ALLOWS, Not(Has(user))),
        ("other-tags", "no session has other tags", _AT, ALLOWS, others),
        ("assumed", "it is assumed in this way and no other", _AT, ALLOWS, Not(Acts(SIGNING_IN))),
    )


COGNITO = "cognito-identity.amazonaws.com"


def tenant_trust(aws: Aws) -> Iterator[Claim]:
    callers = CalledBy((aws.role("resolver"), aws.role("signer")))
    return of_rows(
        ("callers", "nobody assumes it but resolver and signer", _AT, ALLOWS, Not(callers)),
        *_one_tag(aws, ALLOWS),
        ("assumed", "it is assumed in this way and no other", _AT, ALLOWS, Not(Acts(ASSUMING))),
    )


def _one_tag(aws: Aws, worlds: tuple[str, ...]) -> Iterator[Row]:
    """The tenant's role is assumed with the tag of the tenant, and with that alone."""
    assume = Acts(ASSUMING)
    untagged = both(assume, Not(tenant_like(aws, f"aws:RequestTag/{aws.tenant_key}")))
    yield "tenant-tag", f"no session is without the tag of a {aws.tenant}", ("isolation",), ALLOWS, untagged
    others = both(assume, SomeOther(TAG_NAMES, ((aws.tenant_key,),)))
    yield "other-tags", "no session has other tags", ("isolation",), ALLOWS, others


def service_trust(aws: Aws, role: str) -> Iterator[Claim]:
    """Of a role that a function runs as, or that an operator assumes."""
    operated = ("assumed_by", role) in aws.values
    callers: Fact = CalledBy((aws.operator(role),)) if operated else Named("lambda.amazonaws.com")
    who = "its operator" if operated else "its function"
    rows: list[Row] = [
        ("callers", f"nobody assumes it but {who}", _REACH, ALLOWS, Not(callers)),
        ("assumed", "it is assumed in this way and no other", _REACH, ALLOWS, Not(Acts(("sts:AssumeRole",)))),
    ]
    if operated and aws.one("assumed_by", role).startswith("user/"):
        factor = Not(Flag("aws:MultiFactorAuthPresent", True))
        rows.append(("second-factor", "nobody assumes it without a second factor", _RULE, ALLOWS, factor))
    return of_rows(*rows)


# ---- What service roles may do


def assuming_claims(aws: Aws, role: str) -> Iterator[Claim]:
    """Of resolver and signer: rows and objects as the tenant's role, and in no other way."""
    others = both(Acts(("sts:*",)), Not(on(aws.role("tenant_data"), begins=False)))
    rows: list[Row] = [
        ("roles", "it assumes the tenant's role and no other", ("isolation",), ALLOWS, others),
        *_one_tag(aws, ALLOWS),
    ]
    wraps = role == "resolver" and bool(aws.crossing_types)
    if wraps:
        rewrap = aws.here("lambda", f"function:{aws.one('function', 'rewrap')}")
        other = both(Acts(("lambda:*",)), Not(on(rewrap, begins=False)))
        rows.append(("functions", "it invokes the re-wrap function and no other", ("sharing",), ALLOWS, other))
    rows.append(_services(*ASSUMING, *(("lambda:InvokeFunction",) if wraps else ()), *LOGS))
    return of_rows(*rows, _own_logs(aws, role))


LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")


def _own_logs(aws: Aws, role: str) -> Row:
    group = aws.here("logs", f"log-group:/aws/lambda/{aws.one('function', role)}:")
    return "logs", "it writes its own log", ("audit",), ALLOWS, both(Acts(("logs:*",)), Not(on(group)))


def _services(*actions: str) -> Row:
    return "services", "it does nothing that its work does not need", _REACH, ALLOWS, Not(Acts(actions))


CROSSING = tuple(action for action in ROWS if action != "dynamodb:BatchWriteItem")


def rewrap_claims(aws: Aws) -> Iterator[Claim]:
    """Key policies give it what it has of keys; rows it has of every tenant."""
    see = Acts(("kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"))
    foreign = both(KMS, Not(on(aws.here("kms", "key/"))))
    elsewhere = both(DYNAMODB, Not(on(*(aws.table(name) for name in aws.named("table")), begins=False)))
    return of_rows(
        ("foreign-keys", "it does nothing with a key of another account or region", ("sharing",), BOTH, foreign),
        ("sees-nothing", "it neither sees nor makes a data key, nor makes a grant", ("sharing",), BOTH, see),
        ("tables", "it reaches rows of the source's tables, by their keys, and no others", _REACH, ALLOWS, elsewhere),
        _services(*LOGS, *CROSSING),
        _own_logs(aws, "rewrap"),
    )


# ---- The bucket


def bucket_claims(aws: Aws) -> Iterator[Claim]:
    objects, bucket = on(f"{aws.bucket}/"), on(aws.bucket, begins=False)
    users = CalledBy((aws.role("tenant_data"), *aws.bucket_roles()))
    lists = Acts(("s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"))
    changes = ("s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketOwnershipControls")
    pinned = Acts((*changes, "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"))
    deployers = CalledBy((aws.role("deployment"), aws.role("break_glass")))
    age, limit = "s3:signatureAge", int(aws.one("signature_seconds")) * 1000 + 1
    old = both(S3, objects, Has(age), Not(Below(age, limit)))
    weak = both(S3, objects, Is("s3:signatureversion", (("AWS",),)))
    plain = both(S3, either(objects, bucket), Flag("aws:SecureTransport", False))
    listers: Fact = CalledBy(tuple(aws.bucket_roles()))
    return of_rows(
        ("tls", "nothing is done without TLS", ("transport",), DENIES, plain),
        ("callers", "no object is reached but by roles of the source", _REACH, DENIES, both(S3, objects, Not(users))),
        ("lists", "nobody lists but roles of the source", _REACH, DENIES, both(lists, bucket, Not(listers))),
        ("old-signatures", "no signature works that is older than the source allows", _REACH, DENIES, old),
        ("weak-signatures", "no signature of version 2 works", _REACH, DENIES, weak),
        (
            "policy-changes",
            "nobody changes the policy, or what stands beside it, but deployment and break-glass",
            _RULE,
            DENIES,
            both(pinned, bucket, Not(deployers)),
        ),
        (
            "account",
            "nobody beyond the account does anything",
            _REACH,
            ALLOWS,
            both(S3, Not(OfAccount(aws.one("account")))),
        ),
    )
