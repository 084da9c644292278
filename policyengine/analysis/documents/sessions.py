"""Claims about sessions that carry a tenant: the user's, and the one that resolver and signer assume.

IAM sees the tag and what is asked for, never an owner, a scope or a grant: the tenant boundary is claimed, and nothing
else (docs/studio.md, Isolation).
"""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.analysis.documents.claims import ALLOWS, BOTH, DENIES, WHOLE, Claim, Place, Subject, of_rows
from policyengine.analysis.documents.facts import (
    VICTIM,
    Acts,
    Any_,
    Begins,
    Below,
    Called,
    CalledBy,
    Contains,
    Fact,
    Flag,
    Has,
    Is,
    Not,
    Some,
    SomeOther,
    Tagged,
    both,
    on,
)
from policyengine.analysis.documents.keys import NAMES, own_tag
from policyengine.backends.aws.view import Aws

ODD = (" ", "+", ".", "/", ":", "=", "@")
"""What a tag may hold, and a tenant's id may not (docs/studio.md, Records)."""

LEADING = "dynamodb:LeadingKeys"
READS = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
ROWS = (
    *READS,
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
OBJECTS = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
UNWRAP = ("kms:Decrypt", "kms:GenerateDataKey")
MODELS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
KMS, DYNAMODB, S3, BEDROCK = (Acts((f"{service}:*",)) for service in ("kms", "dynamodb", "s3", "bedrock"))


def session_of(aws: Aws, *names: str) -> Fact:
    """A session of one of these roles, by their names in the `aws` block."""
    return both(Called(("session",)), CalledBy(tuple(aws.role(name) for name in names)))


def identity(aws: Aws, role: str, file: str, place: Place = "identity") -> Subject:
    return Subject(file, place, "iam", session_of(aws, role))


def tenant_like(aws: Aws, key: str) -> Fact:
    """The key names a tenant in the form that the source asks for: a beginning, and at least one character more."""
    return Begins(key, (aws.one("tenant_like").removesuffix("?*"),), 1)


# ---- Both sessions


def _tagged(aws: Aws) -> Iterator[Claim]:
    tag = aws.tenant_tag
    return of_rows(
        ("untagged", "a session without the tag does nothing", ("isolation", "session"), BOTH, Not(Has(tag))),
        ("odd-tags", "a session with a tag that is no id does nothing", ("isolation",), DENIES, Contains(tag, ODD)),
        ("tls", "nothing is done without TLS", ("transport",), DENIES, Flag("aws:SecureTransport", False)),
    )


# ---- The user's session


def authenticated_claims(aws: Aws) -> Iterator[Claim]:
    yield from _keys(aws)
    yield from _models(aws)
    yield from _direct(aws)
    services = (*UNWRAP, *(MODELS if aws.named("model") else ()), *_asked_for(aws))
    yield from of_rows(
        ("services", "users do nothing that the source does not ask for", ("reach",), ALLOWS, Not(Acts(services)))
    )
    yield from _tagged(aws)


def _asked_for(aws: Aws) -> tuple[str, ...]:
    fields = ("appsync:GraphQL",) if aws.named("direct_field") else ()
    return (*fields, *(READS if aws.named("direct_read") else ()))


def _keys(aws: Aws) -> Iterator[Claim]:
    owner = f"aws:ResourceTag/{aws.tenant_key}"
    its_own: tuple[Tagged, ...] = (Tagged(aws.tenant_tag),)
    names = tuple((name,) for name in aws.context_names)
    foreign = both(KMS, Is(owner, ((VICTIM,),)), Not(own_tag(aws)))
    unnamed = both(KMS, Not(Is(aws.tenant_context, (its_own,))))
    at = ("isolation", "session")
    return of_rows(
        ("own-keys", f"no key is used that carries another {aws.tenant}", at, ALLOWS, foreign),
        ("tagged-keys", f"no key is used that carries no {aws.tenant}", at, ALLOWS, both(KMS, Not(Has(owner)))),
        ("own-context", f"no context names another {aws.tenant}, or none", at, ALLOWS, unnamed),
        ("context-names", "no context has other names", at, ALLOWS, both(KMS, SomeOther(NAMES, names))),
        ("keys-here", "no key of another account or region", at, ALLOWS, both(KMS, Not(on(aws.here("kms", "key/"))))),
    )


def _models(aws: Aws) -> Iterator[Claim]:
    models = [aws.foundation_model(model) for model in aws.named("model").values()]
    known = Any_(tuple(on(each.removesuffix("*"), begins=each.endswith("*")) for each in models))
    untagged = both(BEDROCK, Not(tenant_like(aws, aws.tenant_tag)))
    return of_rows(
        ("models", "no model is invoked but those of the source", ("reach",), ALLOWS, both(BEDROCK, Not(known))),
        ("model-users", f"models are invoked for a {aws.tenant} alone", ("session",), ALLOWS, untagged),
    )


def _direct(aws: Aws) -> Iterator[Claim]:
    """What the source gives users past the resolver: fields as they are named, rows of the session's tenant."""
    if fields := [field.partition(".") for field in aws.named("direct_field").values()]:
        arns = [aws.here("appsync", f"apis/{aws.one('api')}/types/{kind}/fields/{name}") for kind, _, name in fields]
        others = both(Acts(("appsync:*",)), Not(on(*arns, begins=False)))
        yield from of_rows(("fields", "no field is asked for but those of the source", ("reach",), ALLOWS, others))
    if tables := aws.named("direct_read").values():
        others = both(DYNAMODB, Not(on(*(aws.table(table) for table in tables), begins=False)))
        yield from of_rows(("tables", "no table is read but those of the source", ("reach",), ALLOWS, others))
        yield from _own_rows(aws, {table: aws.table(table) for table in tables})


# ---- The tenant's session


def tenant_claims(aws: Aws) -> Iterator[Claim]:
    tables = {name: aws.table(name) for name in aws.named("table")}
    indexes = {name: aws.index(name) for name in aws.named("index") if aws.separator(name)}
    yield from _own_rows(aws, {**tables, **indexes})
    yield from _objects(aws)
    other_rows = both(DYNAMODB, Not(on(*tables.values(), *indexes.values(), begins=False)))
    queries = both(DYNAMODB, on(*indexes.values(), begins=False), Not(Acts(("dynamodb:Query",))))
    yield from of_rows(
        ("tables", "no table or index but those of the source", ("isolation",), ALLOWS, other_rows),
        ("indexes", "an index is queried, and nothing else", ("isolation",), ALLOWS, queries),
        (
            "services",
            "rows and objects one by one, and nothing else: no scan, no stream, no list",
            ("isolation", "reach"),
            ALLOWS,
            Not(Acts((*ROWS, *OBJECTS))),
        ),
    )
    yield from _tagged(aws)


def _own_rows(aws: Aws, arns: dict[str, str]) -> Iterator[Claim]:
    """The id and what ends it: one id can begin another."""
    at = ("isolation",)
    for separator in sorted({aws.separator(name) or "" for name in arns}):
        those = on(*(arn for name, arn in arns.items() if aws.separator(name) == separator), begins=False)
        end = "" if separator == "#" else f"-by-{ord(separator):x}"
        foreign = both(DYNAMODB, those, Some(LEADING, ((VICTIM, separator),), True), Not(own_tag(aws)))
        other = both(DYNAMODB, those, SomeOther(LEADING, ((Tagged(aws.tenant_tag), separator),), True))
        yield from of_rows(
            (f"foreign-rows{end}", f"no row of another {aws.tenant} is reached", at, WHOLE, foreign),
            (f"own-rows{end}", f"no key but the {aws.tenant}'s own is named", at, ALLOWS, other),
            (f"keyed{end}", "nothing is read without a key", at, ALLOWS, both(DYNAMODB, those, Not(Has(LEADING)))),
        )


def _objects(aws: Aws) -> Iterator[Claim]:
    own = (f"{aws.bucket}/", Tagged(aws.tenant_tag), "/")
    foreign = both(S3, on((f"{aws.bucket}/", VICTIM, "/")), Not(own_tag(aws)))
    return of_rows(
        ("foreign-objects", f"no object of another {aws.tenant} is reached", ("isolation",), WHOLE, foreign),
        ("own-objects", f"no object but the {aws.tenant}'s own", ("isolation",), ALLOWS, both(S3, Not(on(own)))),
    )


# ---- In an emergency

DENIED_USER, DENIED_BEFORE, DENIED_SECOND = "denied-User", "2026-06-01T12:00:00Z", 1780315200
"""Who and what is denied in the documents of an emergency: a user who stands for any, and a time."""


def emergency_claims(aws: Aws, use: Fact) -> Iterator[Claim]:
    """Of the key's policy (then `use` says which actions), and of the role's."""
    users = CalledBy((aws.role("authenticated"),))
    denied = both(use, users, Is(aws.user_tag, ((DENIED_USER,),)))
    old = both(use, users, Below("aws:TokenIssueTime", DENIED_SECOND, "Time"))
    return of_rows(
        ("denied-user", "the user who is denied does nothing more", ("session",), DENIES, denied),
        ("old-tokens", "credentials from before the moment do nothing more", ("session",), DENIES, old),
    )
