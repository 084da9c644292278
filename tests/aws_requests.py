"""Requests to AWS, each with the decision that docs/studio.md demands: the table by which the emitted documents are judged.

A row is data: who asks, for what, with which context, and which documents stand in the way, by file name. What it
expects is written down here from the page, part by part (a tag is right or wrong, a context is right or wrong), and
never computed from a document. `documents` are those of the organizations org_1, org_2 and org_10.

Beside the decision a denial says what must bring it about alone: `denies`, though every Allow were there (a grant,
somebody's identity policy); `allows`, though every Deny were gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

Json = dict[str, Any]

ACCOUNT, OTHER = "111122223333", "444455556666"
POOL = "us-east-1:11111111-2222-3333-4444-555555555555"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/StudioRecords"
BUCKET = "arn:aws:s3:::studio-objects"
ORGS = ("org_1", "org_2", "org_10")

ANYTHING = {"Version": "2012-10-17", "Statement": [{"Sid": "Any", "Effect": "Allow", "Action": "*", "Resource": "*"}]}
"""What somebody attached, and should not have."""

DELEGATING = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Root",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
"""The policy that a key has by default: the account's own policies decide."""


def role(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def session(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{name}/session-1"


USER = session("StudioAuthenticated")
TENANT = session("StudioTenant")
REWRAP = session("StudioRewrap")
DEPLOY = session("StudioDeploy")
BREAK_GLASS = session("StudioBreakGlass")
RESOLVER = session("StudioResolver")
SIGNER = session("StudioSigner")
ADMIN = session("SomeAdministrator")


@dataclass(frozen=True)
class Row:
    """`identity`, `policy` and `boundary` name documents; an object instead of a name is the document."""

    why: str
    principal: str
    action: str
    resource: str
    context: Json
    expected: str
    identity: tuple[str | Json, ...] = ()
    policy: str | Json | None = None
    boundary: str | None = None
    account: str = ACCOUNT
    alone: frozenset[str] = field(default_factory=frozenset)

    def request(self, documents: dict[str, Json]) -> Json:
        """As a line of `policyengine aws simulate`."""
        identity = [documents[each] if isinstance(each, str) else each for each in self.identity]
        made: Json = {
            "principal": self.principal,
            "action": self.action,
            "resource": self.resource,
            "account": self.account,
            "context": self.context,
            "identity": identity,
        }
        if self.policy:
            made["resource_policy"] = documents[self.policy] if isinstance(self.policy, str) else self.policy
        if self.boundary:
            made["boundary"] = documents[self.boundary]
        return made


def _expected(allowed: bool) -> str:
    return "allowed" if allowed else "denied"


BOTH = frozenset({"allows", "denies"})
DENIES = frozenset({"denies"})
ALLOWS = frozenset({"allows"})


# ---- Use of a key

TAGS = {
    "the right tag": ("org_1", True),
    "another organization's tag": ("org_2", False),
    "no tag": (None, False),
    "the tag in another case": ("ORG_1", False),
    "a tag that the id begins": ("org_10", False),
    "a tag that begins the id": ("org_", False),
    "a tag that is a wildcard": ("*", False),
    "a tag with a space at its end": ("org_1 ", False),
}

FULL = {"orgId": "org_1", "resourceType": "Host", "resourceId": "h1", "dekVersion": "3"}
CONTEXTS: dict[str, tuple[dict[str, str], bool]] = {
    "the context of a record's wrap": (FULL, True),
    "the context of the organization's own key": ({"orgId": "org_1"}, True),
    "the same with a version": ({"orgId": "org_1", "dekVersion": "3"}, True),
    "no context": ({}, False),
    "a context without the organization": ({"resourceType": "Host", "resourceId": "h1"}, False),
    "another organization's context": ({**FULL, "orgId": "org_2"}, False),
    "the organization in another case": ({"orgId": "Org_1"}, False),
    "an organization that the id begins": ({"orgId": "org_10"}, False),
    "the name in another case": ({"ORGID": "org_1"}, False),
    "the name twice, in two cases": ({"orgId": "org_1", "OrgId": "org_1"}, False),
    "one name more": ({**FULL, "purpose": "backup"}, False),
    "a name in another case beside": ({"orgId": "org_1", "DEKVERSION": "3"}, False),
}


def encryption(context: dict[str, str]) -> Json:
    """As KMS shows an encryption context to policies."""
    shown: Json = {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
    return {**shown, "kms:EncryptionContextKeys": list(context)} if context else {}


def key_context(tag: str | None, context: dict[str, str], owner: str = "org_1", user: str = "user_1") -> Json:
    tags = {} if tag is None else {"aws:PrincipalTag/orgId": tag, "aws:PrincipalTag/userId": user}
    always = {
        "aws:ResourceTag/orgId": owner,
        "aws:SecureTransport": "true",
        "aws:TokenIssueTime": "2026-06-01T12:00:00Z",
    }
    return {**tags, **encryption(context), **always}


def on_key(why: str, principal: str, action: str, context: Json, expected: str, org: str = "org_1", **more: Any) -> Row:
    return Row(why, principal, action, KEY, context, expected, policy=f"key-policy-{org}.json", **more)


AS_USER: Json = {"identity": ("authenticated-permissions.json",), "boundary": "authenticated-boundary.json"}
USES = ("kms:Decrypt", "kms:GenerateDataKey")


def use_of_keys() -> Iterator[Row]:
    for (tag_is, (tag, tagged)), (context_is, (context, bound)), action in product(
        TAGS.items(), CONTEXTS.items(), USES
    ):
        right = tagged and bound
        yield on_key(
            f"{tag_is}, {context_is}",
            USER,
            action,
            key_context(tag, context),
            _expected(right),
            alone=frozenset() if right else BOTH,
            **AS_USER,
        )
    for org in ("org_2", "org_10"):
        own = key_context(org, {**FULL, "orgId": org}, owner=org)
        foreign = key_context("org_1", {**FULL, "orgId": org}, owner=org)
        for action in USES:
            yield on_key(f"{org} on its own key", USER, action, own, "allowed", org=org, **AS_USER)
            yield on_key(f"org_1 on the key of {org}", USER, action, foreign, "denied", org=org, alone=BOTH, **AS_USER)


def keys_by_default() -> Iterator[Row]:
    """By itself, too, the role's own policy opens no key but one that carries the session's organization as its tag."""
    for (tag_is, (tag, tagged)), (context_is, (context, bound)) in product(TAGS.items(), CONTEXTS.items()):
        theirs = tag == "org_2" and context == {**FULL, "orgId": "org_2"}
        for owner, right in (("org_1", tagged and bound), ("org_2", theirs)):
            yield Row(
                f"a key with the tag {owner}, {tag_is}, {context_is}",
                USER,
                "kms:Decrypt",
                KEY,
                key_context(tag, context, owner=owner),
                _expected(right),
                policy=DELEGATING,
                alone=frozenset() if right else ALLOWS,
                **AS_USER,
            )
    for principal, permissions in {DEPLOY: "deployment", BREAK_GLASS: "break-glass", REWRAP: "rewrap"}.items():
        own: tuple[str | Json, ...] = (f"{permissions}-permissions.json", ANYTHING)
        context = key_context("org_1", FULL)
        for action in (*USES, "kms:Encrypt", "kms:CreateGrant"):
            yield Row("no other role at all", principal, action, KEY, context, "denied", own, DELEGATING, alone=DENIES)


OTHER_KEY_ACTIONS = (
    "kms:Encrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateDataKeyPair",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:ReplicateKey",
    "kms:ImportKeyMaterial",
    "kms:UpdatePrimaryRegion",
)


def other_actions_of_users() -> Iterator[Row]:
    """Whatever else is attached to their role, the boundary holds; it takes two mistakes."""
    right = key_context("org_1", FULL)
    for action in OTHER_KEY_ACTIONS:
        yield on_key("a user wraps and administers nothing", USER, action, right, "denied", alone=ALLOWS, **AS_USER)
        careless = {**AS_USER, "identity": (ANYTHING,)}
        yield on_key("though any action were attached", USER, action, right, "denied", alone=ALLOWS, **careless)


OTHERS = {
    "the tenant's role": TENANT,
    "the deployment role": DEPLOY,
    "the break-glass role": BREAK_GLASS,
    "the resolver": RESOLVER,
    "the signer": SIGNER,
    "an administrator": ADMIN,
    "a role whose name begins like the user's": session("StudioAuthenticatedToo"),
    "the user's role in another case": session("studioauthenticated"),
    "an IAM user": f"arn:aws:iam::{ACCOUNT}:user/StudioAuthenticated",
    "the root user": f"arn:aws:iam::{ACCOUNT}:root",
    "a role of that name in another account": session("StudioAuthenticated", OTHER),
    "the re-wrap role's name in another account": session("StudioRewrap", OTHER),
    "another account's root user": f"arn:aws:iam::{OTHER}:root",
    "nobody": "anonymous",
    "DynamoDB itself": "dynamodb.amazonaws.com",
    "S3 itself": "s3.amazonaws.com",
    "Lambda itself": "lambda.amazonaws.com",
}


def use_by_others() -> Iterator[Row]:
    """A tag that the caller gave himself, and every right that his own account can give him."""
    for (who, principal), action in product(
        OTHERS.items(), ("kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo")
    ):
        context = key_context("org_1", FULL)
        yield on_key(
            f"{who}, with tag and context", principal, action, context, "denied", identity=(ANYTHING,), alone=BOTH
        )


# ---- Administration of a key


def administration() -> Iterator[Row]:
    tagged: Json = {"aws:ResourceTag/orgId": "org_1", "aws:SecureTransport": "true"}
    plain = (
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:EnableKey",
        "kms:DisableKey",
        "kms:EnableKeyRotation",
        "kms:CancelKeyDeletion",
        "kms:ListGrants",
        "kms:RevokeGrant",
    )
    for action in plain:
        yield on_key("delegated to the account", ADMIN, action, tagged, "allowed", identity=(ANYTHING,))
        yield on_key("and to nobody without a policy of his own", ADMIN, action, tagged, "denied", alone=ALLOWS)
        abroad = session("SomeAdministrator", OTHER)
        yield on_key("not to another account", abroad, action, tagged, "denied", identity=(ANYTHING,), alone=ALLOWS)
        yield on_key("nor to nobody", "anonymous", action, tagged, "denied", alone=ALLOWS)
    pinned = ("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource")
    for action, (who, principal) in product(
        pinned,
        {
            "an administrator": ADMIN,
            "the root user": f"arn:aws:iam::{ACCOUNT}:root",
            "the resolver": RESOLVER,
            "the re-wrap role": REWRAP,
            "the deployment role of another account": session("StudioDeploy", OTHER),
        }.items(),
    ):
        yield on_key(f"not by {who}", principal, action, tagged, "denied", identity=(ANYTHING,), alone=DENIES)
    by_name = {DEPLOY: "deployment-permissions.json", BREAK_GLASS: "break-glass-permissions.json"}
    window = "kms:ScheduleKeyDeletionPendingWindowInDays"
    bypass = "kms:BypassPolicyLockoutSafetyCheck"
    for principal, permissions in by_name.items():
        own: Json = {"identity": (permissions,)}
        yield on_key("by name", principal, "kms:PutKeyPolicy", tagged, "allowed", **own)
        yield on_key("with the check", principal, "kms:PutKeyPolicy", {**tagged, bypass: "false"}, "allowed", **own)
        bypassed = {**tagged, bypass: "true"}
        yield on_key("not past the check", principal, "kms:PutKeyPolicy", bypassed, "denied", alone=DENIES, **own)
        yield on_key("by name", principal, "kms:ScheduleKeyDeletion", {**tagged, window: "30"}, "allowed", **own)
        for days in ("7", "29"):
            short = {**tagged, window: days}
            yield on_key(
                f"not in {days} days", principal, "kms:ScheduleKeyDeletion", short, "denied", alone=DENIES, **own
            )
        yield on_key("a key of no organization", principal, "kms:PutKeyPolicy", {}, "denied", alone=ALLOWS, **own)
    escapes = ("kms:CreateGrant", "kms:ReplicateKey", "kms:ImportKeyMaterial", "kms:UpdatePrimaryRegion")
    everyone = {**by_name, ADMIN: ANYTHING, REWRAP: ANYTHING, USER: ANYTHING, f"arn:aws:iam::{ACCOUNT}:root": ANYTHING}
    for action, principal in product(escapes, everyone):
        yield on_key(
            "to nobody", principal, action, key_context("org_1", FULL), "denied", identity=(ANYTHING,), alone=BOTH
        )


# ---- Re-wrap, in each direction

SHARED = ("Conversation", "Diagram", "File", "Host", "Memory", "Procedure")
UNSHARED = ("Folder", "KeychainEntry", "Connector", "Tool", "ResourceShareMember", "host", "Host ", "*")
SIDES = {"kms:ReEncryptFrom": "org_1", "kms:ReEncryptTo": "org_2"}


def rewraps() -> Iterator[Row]:
    def side(context: dict[str, str], same: str = "false") -> Json:
        return {**encryption(context), "kms:ReEncryptOnSameKey": same, "aws:SecureTransport": "true"}

    as_rewrap: Json = {"identity": ("rewrap-permissions.json",)}
    for action, org in SIDES.items():
        full = {**FULL, "orgId": org}

        def row(why: str, context: Json, expected: str, action: str = action, org: str = org, **more: Any) -> Row:
            return on_key(why, REWRAP, action, context, expected, org=org, **{**as_rewrap, **more})

        for kind in SHARED:
            yield row(f"a {kind}", side({**full, "resourceType": kind}), "allowed")
        for kind in UNSHARED:
            yield row(f"not a {kind}", side({**full, "resourceType": kind}), "denied", alone=BOTH)
        wrong: dict[str, Json] = {
            "another organization's context": side({**full, "orgId": "org_10"}),
            "no organization": side({name: value for name, value in full.items() if name != "orgId"}),
            "no context": side({}),
            "the organization's own key": side({"orgId": org}),
            "the organization's own key, with a version": side({"orgId": org, "dekVersion": "3"}),
            "no record": side({name: value for name, value in full.items() if name != "resourceId"}),
            "no type": side({name: value for name, value in full.items() if name != "resourceType"}),
            "one name more": side({**full, "purpose": "share"}),
            "the same key on both sides": side(full, same="true"),
        }
        for why, context in wrong.items():
            yield row(why, context, "denied", alone=BOTH)
        yield row("unknown whether the key is the same", encryption(full), "denied", alone=ALLOWS)
        yield row("with a tag of its own", {**side(full), "aws:PrincipalTag/orgId": "org_10"}, "allowed")
        yield row("on the other's key", side(full), "denied", org={"org_1": "org_2"}.get(org, "org_1"), alone=BOTH)
        yield row("in another account", side(full), "denied", account=OTHER, alone=ALLOWS)
        for other in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"):
            tagged = {**side(full), "aws:PrincipalTag/orgId": org}
            yield row("nothing but re-encryption", tagged, "denied", action=other, alone=BOTH)
        user = {**key_context(org, full, owner=org), "kms:ReEncryptOnSameKey": "false"}
        yield on_key("no user re-encrypts", USER, action, user, "denied", org=org, alone=BOTH, **AS_USER)
    foreign = f"arn:aws:kms:us-east-1:{OTHER}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    own = "rewrap-permissions.json"
    beside: dict[str, tuple[str | Json, ...]] = {"its own policy": (own,), "any policy beside": (own, ANYTHING)}
    for why, identity in beside.items():
        yield Row(
            f"no key of another account is a destination, with {why}",
            REWRAP,
            "kms:ReEncryptTo",
            foreign,
            side(FULL),
            "denied",
            identity=identity,
            account=OTHER,
            alone=DENIES if ANYTHING in identity else ALLOWS,
        )


# ---- Sessions


def sessions() -> Iterator[Row]:
    base: Json = {
        "cognito-identity.amazonaws.com:aud": POOL,
        "cognito-identity.amazonaws.com:amr": ["authenticated", "clerk.studio.example"],
        "aws:RequestTag/orgId": "org_1",
        "aws:RequestTag/userId": "user_1",
        "aws:TagKeys": ["orgId", "userId"],
    }

    def changed(**changes: Any) -> Json:
        renamed = {"aud": "cognito-identity.amazonaws.com:aud", "amr": "cognito-identity.amazonaws.com:amr"}
        renamed |= {"org": "aws:RequestTag/orgId", "user": "aws:RequestTag/userId", "names": "aws:TagKeys"}
        made = {**base, **{renamed[name]: value for name, value in changes.items()}}
        return {key: value for key, value in made.items() if value is not None}

    cases: dict[str, tuple[Json, bool]] = {
        "signed in at our pool, with both tags": (base, True),
        "the tags in the other order": (changed(names=["userId", "orgId"]), True),
        "another pool": (changed(aud="us-east-1:99999999-2222-3333-4444-555555555555"), False),
        "no pool": (changed(aud=None), False),
        "not signed in": (changed(amr=["unauthenticated"]), False),
        "nothing about signing in": (changed(amr=None), False),
        "no organization": (changed(org=None, names=["userId"]), False),
        "an organization that is only a prefix": (changed(org="org_"), False),
        "an organization that is the word null": (changed(org="null"), False),
        "an organization of another form": (changed(org="acme"), False),
        "no user": (changed(user=None, names=["orgId"]), False),
        "no tags": (changed(org=None, user=None, names=None), False),
        "a third tag": (changed(names=["orgId", "userId", "admin"]), False),
        "the tag in another case": (changed(names=["OrgId", "userId"]), False),
    }
    trust: Json = {"policy": "authenticated-trust.json"}
    for (why, (context, right)), action in product(cases.items(), ("sts:AssumeRoleWithWebIdentity", "sts:TagSession")):
        alone = frozenset() if right else ALLOWS
        pool = "cognito-identity.amazonaws.com"
        resource = role("StudioAuthenticated")
        yield Row(why, pool, action, resource, context, _expected(right), alone=alone, **trust)
    for who, principal in {
        "an administrator": ADMIN,
        "the resolver": RESOLVER,
        "Lambda": "lambda.amazonaws.com",
    }.items():
        for action in ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"):
            resource = role("StudioAuthenticated")
            yield Row(f"not {who}", principal, action, resource, base, "denied", (ANYTHING,), alone=ALLOWS, **trust)

    one: Json = {"aws:RequestTag/orgId": "org_1", "aws:TagKeys": ["orgId"]}
    tagged: dict[str, tuple[Json, bool]] = {
        "the verified organization": (one, True),
        "no tag": ({}, False),
        "another tag": ({"aws:RequestTag/userId": "user_1", "aws:TagKeys": ["userId"]}, False),
        "a tag more": ({**one, "aws:TagKeys": ["orgId", "admin"]}, False),
        "an empty form of an id": ({**one, "aws:RequestTag/orgId": "org_"}, False),
    }
    assumed = role("StudioTenant")
    for (why, (context, right)), (principal, permissions), action in product(
        tagged.items(),
        {RESOLVER: "resolver-permissions.json", SIGNER: "signer-permissions.json"}.items(),
        ("sts:AssumeRole", "sts:TagSession"),
    ):
        alone = frozenset() if right else ALLOWS
        mine: Json = {"identity": (permissions,), "policy": "tenant-trust.json", "alone": alone}
        yield Row(why, principal, action, assumed, context, _expected(right), **mine)
    for who, principal in {
        "a user": USER,
        "the re-wrap role": REWRAP,
        "an administrator": ADMIN,
        "the resolver of another account": session("StudioResolver", OTHER),
        "nobody": "anonymous",
    }.items():
        row = Row(f"not {who}", principal, "sts:AssumeRole", assumed, one, "denied", (ANYTHING,), "tenant-trust.json")
        yield Row(**{**row.__dict__, "alone": ALLOWS})
    for name in ("resolver", "signer", "rewrap"):
        resource = role(f"Studio{name.capitalize()}")
        policy = f"{name}-trust.json"
        yield Row("the function", "lambda.amazonaws.com", "sts:AssumeRole", resource, {}, "allowed", policy=policy)
        for principal in (USER, ADMIN, "ec2.amazonaws.com"):
            yield Row(
                "no other", principal, "sts:AssumeRole", resource, {}, "denied", (ANYTHING,), policy, alone=ALLOWS
            )
    operators = {
        "deployment": (role("StudioPipeline"), "StudioDeploy", {}),
        "break-glass": (
            f"arn:aws:iam::{ACCOUNT}:user/studio-break-glass",
            "StudioBreakGlass",
            {"aws:MultiFactorAuthPresent": "true"},
        ),
    }
    for name, (principal, assumes, context) in operators.items():
        policy, resource = f"{name}-trust.json", role(assumes)
        yield Row("the operator", principal, "sts:AssumeRole", resource, context, "allowed", (ANYTHING,), policy)
        for other in (ADMIN, USER, f"arn:aws:iam::{ACCOUNT}:user/someone", session("StudioPipeline", OTHER)):
            yield Row(
                "no other", other, "sts:AssumeRole", resource, context, "denied", (ANYTHING,), policy, alone=ALLOWS
            )
    user, resource = operators["break-glass"][0], role("StudioBreakGlass")
    for context in ({}, {"aws:MultiFactorAuthPresent": "false"}):
        why = "break-glass without a second factor"
        policy = "break-glass-trust.json"
        yield Row(why, user, "sts:AssumeRole", resource, context, "denied", (ANYTHING,), policy, alone=ALLOWS)


# ---- Rows

KEYED = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
    "dynamodb:DeleteItem",
    "dynamodb:BatchGetItem",
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
)
UNKEYED = (
    "dynamodb:Scan",
    "dynamodb:PartiQLSelect",
    "dynamodb:PartiQLUpdate",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetRecords",
    "dynamodb:DescribeStream",
    "dynamodb:DeleteTable",
    "dynamodb:UpdateTable",
    "dynamodb:CreateBackup",
    "dynamodb:PutResourcePolicy",
)
LEADING: dict[str, tuple[list[str] | None, bool]] = {
    "its own rows": (["org_1#Host#h1"], True),
    "several of its own": (["org_1#Host#h1", "org_1#Folder#f1"], True),
    "another organization's": (["org_2#Host#h1"], False),
    "an organization that the id begins": (["org_10#Host#h1"], False),
    "the id without its end": (["org_1"], False),
    "the id in another case": (["ORG_1#Host#h1"], False),
    "its own and another's": (["org_1#Host#h1", "org_2#Host#h1"], False),
    "no leading key": (None, False),
}


def rows_of_tables() -> Iterator[Row]:
    def context(keys: list[str] | None, tag: str | None = "org_1") -> Json:
        tags = {} if tag is None else {"aws:PrincipalTag/orgId": tag}
        return {**tags, **({} if keys is None else {"dynamodb:LeadingKeys": keys}), "aws:SecureTransport": "true"}

    mine: Json = {"identity": ("tenant-permissions.json",)}
    own = context(["org_1#Host#h1"])
    for action, (why, (keys, right)) in product(KEYED, LEADING.items()):
        alone = frozenset() if right else ALLOWS
        yield Row(why, TENANT, action, TABLE, context(keys), _expected(right), alone=alone, **mine)
    for action in KEYED:
        untagged = context(["org_1#Host#h1"], tag=None)
        yield Row("no tag", TENANT, action, TABLE, untagged, "denied", alone=BOTH, **mine)
        other = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/StudioRecordsToo"
        yield Row("another table", TENANT, action, other, own, "denied", alone=ALLOWS, **mine)
        yield Row("a user", USER, action, TABLE, own, "denied", alone=ALLOWS, **AS_USER)
        for principal, permissions in {RESOLVER: "resolver", SIGNER: "signer"}.items():
            identity = (f"{permissions}-permissions.json",)
            yield Row("a function by itself", principal, action, TABLE, own, "denied", identity, alone=ALLOWS)
        both = context(["org_1#Host#h1", "org_2#@member#user_2"], tag=None)
        right = action != "dynamodb:BatchWriteItem"
        alone = frozenset() if right else ALLOWS
        wraps: Json = {"identity": ("rewrap-permissions.json",)}
        yield Row(
            "the re-wrap, for two organizations", REWRAP, action, TABLE, both, _expected(right), alone=alone, **wraps
        )
        yield Row("the re-wrap, in another table", REWRAP, action, other, both, "denied", alone=ALLOWS, **wraps)
    for action in UNKEYED:
        yield Row("no whole-table action", TENANT, action, TABLE, context(None), "denied", alone=ALLOWS, **mine)
        yield Row("nor with a key that it has not", TENANT, action, TABLE, own, "denied", alone=ALLOWS, **mine)
        wraps = {"identity": ("rewrap-permissions.json",)}
        yield Row("nor by the re-wrap", REWRAP, action, TABLE, context(None, tag=None), "denied", alone=ALLOWS, **wraps)
    index = f"{TABLE}/index/StudioByMember"
    for why, (keys, right) in LEADING.items():
        alone = frozenset() if right else ALLOWS
        yield Row(
            f"by an index, {why}", TENANT, "dynamodb:Query", index, context(keys), _expected(right), alone=alone, **mine
        )
    for action in ("dynamodb:Scan", "dynamodb:GetItem", "dynamodb:PutItem"):
        yield Row("an index is queried only", TENANT, action, index, own, "denied", alone=ALLOWS, **mine)
    other = f"{TABLE}/index/StudioByType"
    yield Row("an index that begins otherwise", TENANT, "dynamodb:Query", other, own, "denied", alone=ALLOWS, **mine)
    plain = {**own, "aws:SecureTransport": "false"}
    yield Row("without TLS", TENANT, "dynamodb:Query", TABLE, plain, "denied", alone=DENIES, **mine)


# ---- Objects

OBJECTS: dict[str, tuple[str, bool]] = {
    "its own": (f"{BUCKET}/org_1/h1/v1", True),
    "its own, deeper": (f"{BUCKET}/org_1/a/b/c", True),
    "another organization's": (f"{BUCKET}/org_2/h1/v1", False),
    "an organization that the id begins": (f"{BUCKET}/org_10/h1/v1", False),
    "the id without its end": (f"{BUCKET}/org_1", False),
    "the id in another case": (f"{BUCKET}/ORG_1/h1/v1", False),
    "another bucket": ("arn:aws:s3:::studio-objects-too/org_1/h1/v1", False),
}
FRESH: Json = {
    "aws:SecureTransport": "true",
    "s3:signatureAge": "1000",
    "s3:signatureversion": "AWS4-HMAC-SHA256",
    "s3:authType": "REST-QUERY-STRING",
}


def objects() -> Iterator[Row]:
    mine: Json = {"identity": ("tenant-permissions.json",), "policy": "bucket-policy.json"}
    tagged = {**FRESH, "aws:PrincipalTag/orgId": "org_1"}
    verbs = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")
    for action, (why, (resource, right)) in product(verbs, OBJECTS.items()):
        alone = frozenset() if right else ALLOWS
        yield Row(why, TENANT, action, resource, tagged, _expected(right), alone=alone, **mine)
    own = OBJECTS["its own"][0]
    for action in verbs:
        for why, changes in {
            "without TLS": {"aws:SecureTransport": "false"},
            "a signature that is too old": {"s3:signatureAge": "300001"},
            "a signature of version 2": {"s3:signatureversion": "AWS"},
        }.items():
            yield Row(why, TENANT, action, own, {**tagged, **changes}, "denied", alone=DENIES, **mine)
        yield Row("at the last moment", TENANT, action, own, {**tagged, "s3:signatureAge": "300000"}, "allowed", **mine)
        yield Row("no tag", TENANT, action, own, FRESH, "denied", alone=BOTH, **mine)
        inside = {**tagged, "aws:PrincipalTag/orgId": "org_1/h1"}
        yield Row("a tag that reaches into a folder", TENANT, action, own, inside, "denied", alone=DENIES, **mine)
        for who, principal in OTHERS.items():
            if principal == TENANT:
                continue
            identity: tuple[str | Json, ...] = (ANYTHING,)
            policy = "bucket-policy.json"
            yield Row(f"not {who}", principal, action, own, tagged, "denied", identity, policy, alone=DENIES)
    for action in ("s3:PutObjectAcl", "s3:GetObjectVersion", "s3:PutObjectTagging", "s3:RestoreObject"):
        yield Row("nothing else with objects", TENANT, action, own, tagged, "denied", alone=ALLOWS, **mine)
    for action, principal in product(
        ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"), (TENANT, SIGNER, ADMIN, DEPLOY)
    ):
        listing = {**tagged, "s3:prefix": "org_1/"}
        policy = "bucket-policy.json"
        yield Row("nobody lists", principal, action, BUCKET, listing, "denied", (ANYTHING,), policy, alone=DENIES)
    for action in ("s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"):
        for principal, permissions in {DEPLOY: "deployment", BREAK_GLASS: "break-glass"}.items():
            identity = (f"{permissions}-permissions.json",)
            yield Row("by name", principal, action, BUCKET, FRESH, "allowed", identity, "bucket-policy.json")
        for principal in (ADMIN, TENANT, SIGNER, "anonymous"):
            policy = "bucket-policy.json"
            yield Row("by nobody else", principal, action, BUCKET, FRESH, "denied", (ANYTHING,), policy, alone=DENIES)


# ---- Models, the gateway, and what else roles might reach


def models_and_more() -> Iterator[Row]:
    model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0"
    tagged: Json = {
        "aws:PrincipalTag/orgId": "org_1",
        "aws:PrincipalTag/userId": "user_1",
        "aws:SecureTransport": "true",
    }
    for action in ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"):
        yield Row("a session of an organization", USER, action, model, tagged, "allowed", **AS_USER)
        untagged = {"aws:SecureTransport": "true"}
        yield Row("no tag", USER, action, model, untagged, "denied", alone=BOTH, **AS_USER)
        prefix = {**tagged, "aws:PrincipalTag/orgId": "org_"}
        yield Row("an empty form of an id", USER, action, model, prefix, "denied", alone=ALLOWS, **AS_USER)
        plain = {**tagged, "aws:SecureTransport": "false"}
        yield Row("without TLS", USER, action, model, plain, "denied", alone=DENIES, **AS_USER)
        for odd in ("org_1/x", "org_1 x", "org_1:x", "org_1@x", "org_1.x", "org_1+x", "org_1=x"):
            tag = {**tagged, "aws:PrincipalTag/orgId": odd}
            yield Row("no id at all", USER, action, model, tag, "denied", alone=DENIES, **AS_USER)
        for other in ("foundation-model/meta.llama3-70b-instruct-v1:0", "foundation-model/xanthropic.claude"):
            resource = f"arn:aws:bedrock:us-east-1::{other}"
            yield Row("another model", USER, action, resource, tagged, "denied", alone=ALLOWS, **AS_USER)
    for action, resource in {
        "bedrock:CreateModelCustomizationJob": model,
        "bedrock:PutFoundationModelEntitlement": "*",
        "appsync:GraphQL": f"arn:aws:appsync:us-east-1:{ACCOUNT}:apis/studioapi/types/Query/fields/listHosts",
        "s3:GetObject": f"{BUCKET}/org_1/h1/v1",
        "lambda:InvokeFunction": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:studio-rewrap",
        "iam:PutRolePolicy": role("StudioAuthenticated"),
        "sts:AssumeRole": role("StudioTenant"),
        "cognito-identity:SetPrincipalTagAttributeMap": "*",
        "kms:CreateKey": "*",
    }.items():
        yield Row("no user", USER, action, resource, tagged, "denied", alone=ALLOWS, **AS_USER)
        careless: Json = {**AS_USER, "identity": (ANYTHING,)}
        yield Row("though any action were attached", USER, action, resource, tagged, "denied", alone=ALLOWS, **careless)
    yield from _service_roles()


def _service_roles() -> Iterator[Row]:
    permissions = {
        RESOLVER: "resolver-permissions.json",
        SIGNER: "signer-permissions.json",
        REWRAP: "rewrap-permissions.json",
        DEPLOY: "deployment-permissions.json",
        BREAK_GLASS: "break-glass-permissions.json",
    }
    logs = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda/studio-"
    rewrap = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:studio-rewrap"
    new: Json = {
        "aws:RequestTag/orgId": "org_3",
        "aws:TagKeys": ["orgId"],
        "kms:KeySpec": "SYMMETRIC_DEFAULT",
        "kms:KeyUsage": "ENCRYPT_DECRYPT",
        "kms:KeyOrigin": "AWS_KMS",
        "kms:MultiRegion": "false",
    }
    cases: list[tuple[str, str, str, Json, set[str]]] = [
        ("a record of decisions", "logs:PutLogEvents", f"{logs}resolver:log-stream:a", {}, {RESOLVER}),
        ("a record of signatures", "logs:PutLogEvents", f"{logs}signer:log-stream:a", {}, {SIGNER}),
        ("a record of re-wraps", "logs:PutLogEvents", f"{logs}rewrap:log-stream:a", {}, {REWRAP}),
        ("no record is removed", "logs:DeleteLogStream", f"{logs}resolver:log-stream:a", {}, set()),
        ("the wrap of a share", "lambda:InvokeFunction", rewrap, {}, {RESOLVER}),
        ("its code is not theirs", "lambda:UpdateFunctionCode", rewrap, {}, set()),
        ("a new key", "kms:CreateKey", "*", new, {DEPLOY}),
        ("a key of no organization", "kms:CreateKey", "*", {**new, "aws:RequestTag/orgId": "x"}, set()),
        ("a key in several regions", "kms:CreateKey", "*", {**new, "kms:MultiRegion": "true"}, set()),
        ("a key of imported material", "kms:CreateKey", "*", {**new, "kms:KeyOrigin": "EXTERNAL"}, set()),
        ("a key for signatures", "kms:CreateKey", "*", {**new, "kms:KeyUsage": "SIGN_VERIFY"}, set()),
        ("a key of two halves", "kms:CreateKey", "*", {**new, "kms:KeySpec": "RSA_4096"}, set()),
        ("the tag of a new key", "kms:TagResource", KEY, {"aws:RequestTag/orgId": "org_3"}, {DEPLOY}),
        ("a tag of another form", "kms:TagResource", KEY, {"aws:RequestTag/orgId": "x"}, set()),
        ("another tag", "kms:TagResource", KEY, {"aws:RequestTag/admin": "true"}, set()),
        ("a key past the check", "kms:CreateKey", "*", {**new, "kms:BypassPolicyLockoutSafetyCheck": "true"}, set()),
        ("the emergency deny", "iam:PutRolePolicy", role("StudioAuthenticated"), {}, {DEPLOY, BREAK_GLASS}),
        ("the tenant's documents", "iam:PutRolePolicy", role("StudioTenant"), {}, {DEPLOY}),
        ("trust of the resolver", "iam:UpdateAssumeRolePolicy", role("StudioResolver"), {}, {DEPLOY}),
        ("not one's own rights", "iam:PutRolePolicy", role("StudioDeploy"), {}, set()),
        ("nor those of break-glass", "iam:PutRolePolicy", role("StudioBreakGlass"), {}, set()),
        ("nor any other's", "iam:PutRolePolicy", role("SomeAdministrator"), {}, set()),
        ("no boundary is taken off", "iam:DeleteRolePermissionsBoundary", role("StudioAuthenticated"), {}, set()),
        ("no role is passed on", "iam:PassRole", role("StudioAuthenticated"), {}, set()),
        ("the tag map stays", "cognito-identity:SetPrincipalTagAttributeMap", "*", {}, set()),
        ("no object", "s3:GetObject", f"{BUCKET}/org_1/h1/v1", {}, set()),
        ("no row, but for a re-wrap", "dynamodb:GetItem", TABLE, {"dynamodb:LeadingKeys": ["org_1#Host#h1"]}, {REWRAP}),
        ("no model", "bedrock:InvokeModel", "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude", {}, set()),
        ("no other role", "sts:AssumeRole", role("StudioAuthenticated"), {"aws:RequestTag/orgId": "org_1"}, set()),
    ]
    for why, action, resource, context, allowed in cases:
        for principal, document in permissions.items():
            right = principal in allowed
            policy = DELEGATING if resource == KEY else None
            alone = frozenset() if right or "Bypass" in str(context) else ALLOWS
            yield Row(why, principal, action, resource, context, _expected(right), (document,), policy, alone=alone)
    for principal, document in ((DEPLOY, "deployment"), (BREAK_GLASS, "break-glass")):
        own = (f"{document}-permissions.json", ANYTHING)
        for action in ("s3:GetObject", "s3:PutObject"):
            why = "who sets the bucket's rules reaches no object"
            yield Row(why, principal, action, f"{BUCKET}/org_1/h1/v1", {}, "denied", own, alone=DENIES)
        past = {"kms:BypassPolicyLockoutSafetyCheck": "true"}
        if principal == DEPLOY:
            yield Row("nor past the check", principal, "kms:CreateKey", "*", past, "denied", own, alone=DENIES)


GROUPS = {
    "use of keys": use_of_keys,
    "keys by default": keys_by_default,
    "other actions of users": other_actions_of_users,
    "use by others": use_by_others,
    "administration": administration,
    "re-wraps": rewraps,
    "sessions": sessions,
    "rows": rows_of_tables,
    "objects": objects,
    "models and more": models_and_more,
}


# ---- In an emergency: user_9 is denied, and every token from before noon of the first of June


def emergency() -> Iterator[Row]:
    """Judged by the documents of a build with `--deny-user user_9 --deny-tokens-before 2026-06-01T12:00:00Z`."""
    noon = "2026-06-01T12:00:00Z"
    cases = {
        "another user, a later token": ("user_1", "2026-06-01T12:00:01Z", True),
        "a token of that very moment": ("user_1", noon, True),
        "an earlier token": ("user_1", "2026-06-01T11:59:59Z", False),
        "an earlier token, in another zone": ("user_1", "2026-06-01T13:59:59+02:00", False),
        "the user": ("user_9", "2026-06-01T12:00:01Z", False),
        "the user, with an earlier token": ("user_9", "2026-06-01T11:00:00Z", False),
        "a user whose id begins so": ("user_90", "2026-06-01T12:00:01Z", True),
        "the id in another case": ("USER_9", "2026-06-01T12:00:01Z", True),
    }
    on_role: Json = {"identity": ("authenticated-permissions.json", "authenticated-emergency.json")}
    for why, (user, issued, right) in cases.items():
        context = {**key_context("org_1", FULL, user=user), "aws:TokenIssueTime": issued}
        alone = frozenset() if right else DENIES
        for action in USES:
            yield on_key(f"by the key: {why}", USER, action, context, _expected(right), alone=alone, **AS_USER)
            yield on_key(f"by both: {why}", USER, action, context, _expected(right), alone=alone, **on_role)
        model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude"
        expected = _expected(right)
        yield Row(f"models: {why}", USER, "bedrock:InvokeModel", model, context, expected, alone=alone, **on_role)
    old = "2026-06-01T11:00:00Z"
    tagged = {"aws:ResourceTag/orgId": "org_1", "aws:TokenIssueTime": old, "aws:PrincipalTag/userId": "user_9"}
    for principal, document in {DEPLOY: "deployment", BREAK_GLASS: "break-glass"}.items():
        own = (f"{document}-permissions.json",)
        yield on_key("who must undo it still can", principal, "kms:PutKeyPolicy", tagged, "allowed", identity=own)
    wrap = {**encryption(FULL), "kms:ReEncryptOnSameKey": "false", "aws:TokenIssueTime": old}
    yield on_key("shares go on", REWRAP, "kms:ReEncryptFrom", wrap, "allowed", identity=("rewrap-permissions.json",))
