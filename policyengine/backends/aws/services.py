"""The service roles, which no user has: resolver, signer, re-wrap, deployment, break-glass; each no more than it needs.

A function does nothing with rows and objects by its own right: it assumes the tenant's role. Who deploys is
trusted (docs/studio.md, Assumptions), but not with use: what it keeps, it cannot read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from policyengine.backends.aws import key_policy
from policyengine.backends.aws.roles import READ, WRITE, only_tagged
from policyengine.backends.aws.statements import Policy, Statement, allow, deny
from policyengine.backends.aws.storage import PINNED as BUCKET_ADMINISTRATION
from policyengine.backends.aws.view import Aws, file_of


def service_roles(aws: Aws) -> Iterator[Policy]:
    """The permissions and the trust of each role that no user has."""
    made: dict[str, Callable[[Aws], Iterator[Statement]]] = {
        "resolver": _resolver,
        "signer": _signer,
        "deployment": _deployment,
        "break_glass": _break_glass,
    }
    if aws.crossing_types:
        made["rewrap"] = _rewrap
    for name, statements in sorted(made.items()):
        file = file_of(name)
        operated = ("assumed_by", name) in aws.values
        trust = _by_operator(aws, name) if operated else _by_lambda()
        yield Policy(f"{file}-permissions.json", "inline", "iam", f"the {file} role", tuple(statements(aws)))
        yield Policy(f"{file}-trust.json", "trust", "iam", f"the {file} role", (trust,))


def _by_lambda() -> Statement:
    return allow(
        "Lambda",
        "The function runs as this role.",
        ("reach",),
        ["sts:AssumeRole"],
        principal={"Service": "lambda.amazonaws.com"},
    )


def _by_operator(aws: Aws, name: str) -> Statement:
    """A user shows a second factor; of a role's session AWS knows none."""
    person = aws.one("assumed_by", name).startswith("user/")
    return allow(
        "Operator",
        "One principal of the account assumes it, by name" + (", with a second factor." if person else "."),
        ("administration",),
        ["sts:AssumeRole"],
        principal={"AWS": aws.operator(name)},
        conditions={"Bool": {"aws:MultiFactorAuthPresent": "true"}} if person else {},
    )


def _resolver(aws: Aws) -> Iterator[Statement]:
    yield _assume_tenant(aws)
    if aws.crossing_types:
        yield allow(
            "InvokeRewrap",
            f"A share with another {aws.tenant} asks the re-wrap function for the wrap.",
            ("sharing",),
            ["lambda:InvokeFunction"],
            resources=[aws.here("lambda", f"function:{aws.one('function', 'rewrap')}")],
        )
    yield _logs(aws, "resolver")


def _signer(aws: Aws) -> Iterator[Statement]:
    yield _assume_tenant(aws)
    yield _logs(aws, "signer")


def _assume_tenant(aws: Aws) -> Statement:
    return allow(
        "AssumeTenant",
        f"Rows and objects are reached as the tenant's role, tagged with the {aws.tenant}, and in no other way.",
        ("isolation",),
        ["sts:AssumeRole", "sts:TagSession"],
        resources=[aws.role("tenant_data")],
        conditions=only_tagged(aws),
    )


def _logs(aws: Aws, name: str) -> Statement:
    group = f"log-group:/aws/lambda/{aws.one('function', name)}"
    return allow(
        "WriteLogs",
        "Every decision leaves a record.",
        ("audit",),
        ["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[aws.here("logs", f"{group}:*")],
    )


CROSSING = tuple(action for action in (*READ, *WRITE) if action != "dynamodb:BatchWriteItem")
"""What reads a record with its rows, and writes some of them in one transaction."""


def _rewrap(aws: Aws) -> Iterator[Statement]:
    """Of keys it has what their policies give it: an Allow here would open every key, of any account, that names it.

    Of rows it has those of every tenant, since a grant and its copy stand under two, and only one transaction keeps
    them together. So its function is trusted with rows, by name; the data keys in them it cannot open.
    """
    yield allow(
        "CrossingRows",
        f"A grant across {aws.tenant}s, its copy and its wrap are written together: no session of one reaches both.",
        ("sharing",),
        CROSSING,
        resources=[aws.table(name) for name in aws.named("table")],
    )
    yield _logs(aws, "rewrap")
    yield deny(
        "DenyForeignKeys",
        "No data key is wrapped for a key of another account or region.",
        ("sharing",),
        ["kms:*"],
        but_resources=[aws.here("kms", "key/*")],
    )
    yield deny(
        "DenyOtherUse",
        "It never sees a data key, makes none, and hands its right to nobody.",
        ("sharing",),
        ["kms:CreateGrant", "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"],
    )


def _deployment(aws: Aws) -> Iterator[Statement]:
    """It deploys keys, and keeps the documents of the other roles; not its own, nor those of break-glass."""
    tenant_like = {f"aws:RequestTag/{aws.tenant_key}": aws.one("tenant_like")}
    yield allow(
        "CreateKeys",
        f"A symmetric key made by KMS, tagged with its {aws.tenant} from the start.",
        ("administration",),
        ["kms:CreateKey"],
        conditions={
            "StringLike": tenant_like,
            "StringEquals": {
                "kms:KeyOrigin": "AWS_KMS",
                "kms:KeySpec": "SYMMETRIC_DEFAULT",
                "kms:KeyUsage": "ENCRYPT_DECRYPT",
            },
            "Bool": {"kms:MultiRegion": "false"},
        },
    )
    yield allow(
        "TagKeys",
        f"The tag of a key is its {aws.tenant}.",
        ("administration",),
        ["kms:TagResource"],
        resources=[aws.here("kms", "key/*")],
        conditions={"StringLike": tenant_like},
    )
    kept = [action for action in key_policy.ADMINISTRATION if action not in ("kms:TagResource", "kms:UntagResource")]
    yield allow(
        "KeepKeys",
        f"Administration of keys that are tagged with their {aws.tenant}.",
        ("administration",),
        kept,
        resources=[aws.here("kms", "key/*")],
        conditions={"Null": {f"aws:ResourceTag/{aws.tenant_key}": "false"}},
    )
    yield allow(
        "NameKeys",
        f"The alias of a key, which names its {aws.tenant}.",
        ("administration",),
        ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
        resources=[aws.here("kms", f"alias/{aws.one('kms', 'alias')}*")],
    )
    yield allow(
        "KeepRoles",
        "The policies in line of the roles that these documents are for; its own and break-glass are not among them.",
        ("administration",),
        [
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:UpdateAssumeRolePolicy",
        ],
        resources=[
            aws.role(name)
            for name in (
                "authenticated",
                "tenant_data",
                "resolver",
                "signer",
                *(["rewrap"] if aws.crossing_types else []),
            )
        ],
    )
    yield allow(
        "KeepBoundary",
        "The boundary of the authenticated role.",
        ("administration",),
        [
            "iam:CreatePolicyVersion",
            "iam:DeletePolicyVersion",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:ListPolicyVersions",
        ],
        resources=[aws.boundary],
    )
    yield _keep_bucket(aws)
    yield allow(
        "RunStacks",
        "The stacks of the two templates, by change sets that can be read first.",
        ("administration",),
        [
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:GetTemplate",
        ],
        resources=[aws.here("cloudformation", f"stack/{aws.one('stack')}-*/*")],
    )
    yield deny(
        "DenyLockoutBypass",
        "No key is made whose policy its author could not change again.",
        ("administration",),
        ["kms:CreateKey", "kms:PutKeyPolicy"],
        conditions={"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}},
    )
    yield from _no_use(aws)


def _break_glass(aws: Aws) -> Iterator[Statement]:
    yield allow(
        "KeepKeys",
        "Puts a key policy right when deployment cannot, and stops a key, or its deletion.",
        ("administration",),
        [
            "kms:CancelKeyDeletion",
            "kms:DescribeKey",
            "kms:DisableKey",
            "kms:EnableKey",
            "kms:GetKeyPolicy",
            "kms:ListGrants",
            "kms:PutKeyPolicy",
            "kms:RevokeGrant",
            "kms:ScheduleKeyDeletion",
        ],
        resources=[aws.here("kms", "key/*")],
        conditions={"Null": {f"aws:ResourceTag/{aws.tenant_key}": "false"}},
    )
    yield allow(
        "DenyOnRole",
        "Puts the emergency deny on the authenticated role, and takes it off.",
        ("administration", "session"),
        ["iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:ListRolePolicies", "iam:PutRolePolicy"],
        resources=[aws.role("authenticated")],
    )
    yield _keep_bucket(aws)
    yield from _no_use(aws)


def _keep_bucket(aws: Aws) -> Statement:
    changes = [action for action in BUCKET_ADMINISTRATION if action.startswith("s3:Put") and "Acl" not in action]
    reads = [action.replace("Put", "Get") for action in changes]
    return allow(
        "KeepBucket",
        "The bucket's policy, and what stands beside it.",
        ("administration",),
        [*changes, *reads],
        resources=[aws.bucket],
    )


def _no_use(aws: Aws) -> Iterator[Statement]:
    yield deny(
        "DenyUse",
        "Who sets the rules does not use the keys, nor gives their use away.",
        ("administration", "reach"),
        ["kms:CreateGrant", *key_policy.ANY_USE],
    )
    yield deny(
        "DenyObjects",
        "Who may put the bucket's policy does not reach its objects by it.",
        ("administration", "reach"),
        ["s3:*"],
        resources=[f"{aws.bucket}/*"],
    )
