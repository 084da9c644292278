"""The roles: what each may do, and who may assume it.

Two roles carry a tenant in a session tag: the user's, from the token, and the tenant's, which resolver and signer
assume with the organization that they verified. A missing tag matches nothing in an Allow. IAM cannot see who owns a
record, nor its scope: of these documents the tenant boundary can be claimed, and nothing else (docs/studio.md,
Isolation).

Amazon DynamoDB Developer Guide: "Using IAM policy conditions for fine-grained access control"; IAM User Guide: "IAM
policy elements: Variables and tags", "Permissions boundaries for IAM entities"; Service Authorization Reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policyengine.backends.aws import key_policy
from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.statements import Conditions, Policy, Statement, allow, deny
from policyengine.backends.aws.view import Aws

READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
WRITE = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""Actions whose requests carry their leading keys. Whole-table reads do not, and are nowhere allowed."""

ODD = (" ", "+", ".", "/", ":", "=", "@")
"""What a tag's value may hold and a tenant's id may not; a slash would reach into another tenant's objects."""

UNSCOPED = "organization only: scopes not enforced"
"""What is said of everything that IAM gives a user beside keys and models."""


# ---- The user's session


def authenticated_permissions(aws: Aws) -> Policy:
    statements = (*_session(aws), *_session_denies(aws))
    return Policy("authenticated-permissions.json", "inline", "iam", "the authenticated role", statements)


def authenticated_boundary(aws: Aws) -> Policy:
    """The same statements: whatever else is attached to the role one day, or names it in a key policy, adds nothing."""
    statements = authenticated_permissions(aws).statements
    return Policy(
        "authenticated-boundary.json", "managed", "iam", "the authenticated role, as its boundary", statements
    )


def authenticated_emergency(aws: Aws, denied_users: Sequence[str], denied_before: str | None) -> Policy:
    """On the role everything is denied; a key policy, which administrators share, denies use alone."""
    statements = tuple(key_policy.emergency(aws, denied_users, denied_before, actions=["*"], principal=None))
    return Policy("authenticated-emergency.json", "inline", "iam", "the authenticated role", statements)


def _session(aws: Aws) -> Iterator[Statement]:
    yield allow(
        "UseOwnKey",
        f"Keys that carry the {aws.tenant} of the session as a tag, under a context that names it too.",
        ("isolation", "session"),
        key_policy.USE,
        resources=[aws.here("kms", "key/*")],
        conditions={
            "StringEquals": {
                f"aws:ResourceTag/{aws.tenant_key}": aws.its_tenant,
                aws.tenant_context: aws.its_tenant,
            },
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": aws.context_names},
        },
    )
    if models := aws.named("model"):
        yield allow(
            "InvokeModels",
            "Models belong to no tenant: any session of one may use them.",
            ("session",),
            ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
            resources=[aws.foundation_model(model) for model in models.values()],
            conditions=_of_a_tenant(aws),
        )
    yield from _direct_fields(aws)
    yield from _direct_reads(aws)


def _session_denies(aws: Aws) -> Iterator[Statement]:
    yield deny(
        "DenyUntagged",
        "A session without the tag may do nothing: in an Allow a missing tag matches nothing, and here it is said.",
        ("isolation", "session"),
        ["*"],
        conditions={"Null": {aws.tenant_tag: "true"}},
    )
    yield deny(
        "DenyMalformedTag",
        "No id has these characters: a tag that has one is somebody's mistake, or attempt.",
        ("isolation",),
        ["*"],
        conditions={"StringLike": {aws.tenant_tag: [f"*{character}*" for character in ODD]}},
    )
    yield deny(
        "DenyInsecureTransport",
        "Nothing but TLS.",
        ("transport",),
        ["*"],
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def _of_a_tenant(aws: Aws) -> Conditions:
    return {"StringLike": {aws.tenant_tag: aws.one("tenant_like")}}


# ---- What the source asks for beside it


def _direct_fields(aws: Aws) -> Iterator[Statement]:
    for name, field in aws.named("direct_field").items():
        type_name, _, field_name = field.partition(".")
        yield allow(
            f"Field{_camel(name)}",
            f"appsync:GraphQL on {field}, as the source asks: {UNSCOPED}.",
            ("session",),
            ["appsync:GraphQL"],
            resources=[aws.here("appsync", f"apis/{aws.one('api')}/types/{type_name}/fields/{field_name}")],
            conditions=_of_a_tenant(aws),
        )


def _direct_reads(aws: Aws) -> Iterator[Statement]:
    for name, table in aws.named("direct_read").items():
        words = f"direct_read {name}"
        held = aws.values.get(("holds", table))
        if held is None:
            wrong = f"`{words}` gives users a table that can hold anything"
            raise Refused("aws-direct-read", wrong, f'say what it holds: `holds {table} "..."`', words)
        for word in held.split():
            if reason := _needs_a_decision(aws, word):
                wrong = f"`{words}` gives users a table that can hold `{word}`, {reason}"
                raise Refused("aws-direct-read", wrong, "only the resolver can decide on it: let it read", words)
        yield allow(
            f"Read{_camel(name)}",
            f"Reads of the table {aws.one('table', table)}, as the source asks: {UNSCOPED}.",
            ("isolation", "session"),
            READ,
            resources=[aws.table(table)],
            conditions=_leading(aws, aws.separator(table) or ""),
        )


def _needs_a_decision(aws: Aws, word: str) -> str:
    """Why rows of this kind are not for IAM to give; empty where they are a whole tenant's."""
    schema = aws.program.schema
    if word in schema.resource:
        resource = schema.resource[word]
        return "which has owners" if resource.owner else "which can be shared" if word in schema.grant_on else ""
    return {"wraps": "wrapped data keys", "intents": "intents of the platform"}.get(word, "a kind of grant row")


def _camel(name: str) -> str:
    """Sids are alphanumeric."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


# ---- The tenant's session, for resolver and signer


def tenant_permissions(aws: Aws) -> Policy:
    statements = (*_rows(aws), _objects(aws), *_session_denies(aws))
    return Policy("tenant-permissions.json", "inline", "iam", "the tenant's role", statements)


def tenant_trust(aws: Aws) -> Policy:
    statement = allow(
        "ResolverAndSigner",
        f"Resolver and signer assume it, with the verified {aws.tenant} as the one tag.",
        ("session",),
        ["sts:AssumeRole", "sts:TagSession"],
        principal={"AWS": [aws.role("resolver"), aws.role("signer")]},
        conditions=only_tagged(aws),
    )
    return Policy("tenant-trust.json", "trust", "iam", "the tenant's role", (statement,))


def _rows(aws: Aws) -> Iterator[Statement]:
    """Index by index and table by table: the leading key of a query is that of the index which it reads."""
    kinds = (
        ("Rows", "table", (*READ, *WRITE), aws.table, "Rows"),
        ("Indexes", "index", ("dynamodb:Query",), aws.index, "Queries of indexes"),
    )
    for sid, kind, actions, arn, what in kinds:
        for number, (separator, names) in enumerate(aws.by_separator(aws.named(kind)), 1):
            yield allow(
                sid if number == 1 else f"{sid}{number}",
                f"{what} whose partition key begins with the {aws.tenant} of the session and `{separator}`.",
                ("isolation",),
                actions,
                resources=[arn(name) for name in names],
                conditions=_leading(aws, separator),
            )


def _leading(aws: Aws, separator: str) -> Conditions:
    """ForAllValues holds of a request without leading keys, so that Null has to ask for them.

    Without the separator one tenant's id could begin another's.
    """
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{aws.its_tenant}{separator}*"},
        "Null": {"dynamodb:LeadingKeys": "false", aws.tenant_tag: "false"},
    }


def _objects(aws: Aws) -> Statement:
    return allow(
        "Objects",
        f"Objects under the {aws.tenant} of the session; the slash ends its id.",
        ("isolation",),
        ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
        resources=[f"{aws.bucket}/{aws.its_tenant}/*"],
        conditions={"Null": {aws.tenant_tag: "false"}},
    )


def only_tagged(aws: Aws) -> Conditions:
    """A session with the tag of the tenant, and no other: StringLike asks for the tag, ForAllValues bounds the rest."""
    return {
        "StringLike": {f"aws:RequestTag/{aws.tenant_key}": aws.one("tenant_like")},
        "ForAllValues:StringEquals": {"aws:TagKeys": aws.tenant_key},
    }
