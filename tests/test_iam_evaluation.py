"""The decision order, how policies name principals, and the traps.

Each section names the page of AWS's documentation that it restates. "IAM" is the IAM User Guide, "KMS" the AWS KMS
Developer Guide, "DynamoDB" the Amazon DynamoDB Developer Guide, "Cognito" the Amazon Cognito Developer Guide.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.iam import Malformed, Result, evaluate, read_request

Json = dict[str, Any]

HOME, AWAY = "111122223333", "999988887777"
ROLE = f"arn:aws:iam::{HOME}:role/Studio"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/Studio/alice"
USER = f"arn:aws:iam::{HOME}:user/alice"
ROOT = f"arn:aws:iam::{HOME}:root"
BUCKET = "arn:aws:s3:::studio-objects/a"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/11111111-2222-3333-4444-555555555555"


def document(*statements: Json, version: str = "2012-10-17") -> Json:
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def names(principal: Any) -> Json:
    """A policy on a resource that allows this principal everything."""
    return document(allow(Principal=principal))


ALL, NONE = document(allow()), document(allow("none:None"))
"""Documents that allow everything, and nothing that anyone asks here."""


def ask(principal: str = SESSION, action: str = "s3:GetObject", resource: str = BUCKET, **more: Any) -> Result:
    plain = {"principal": principal, "action": action, "resource": resource, "account": HOME}
    return evaluate(read_request({**plain, "context": {}, "identity": [], **more}))


def decision(*given: Any, **more: Any) -> str:
    return ask(*given, **more).decision


# ---- The order within an account (IAM, "Policy evaluation logic")

ROWS = """
principal  resource-policy  identity  boundary  session  decision
SESSION    -                -         -         -        implicit_deny
SESSION    -                ALL       -         -        allowed
SESSION    -                NONE      -         -        implicit_deny
SESSION    -                ALL       ALL       ALL      allowed
SESSION    -                ALL       NONE      -        implicit_deny
SESSION    -                ALL       -         NONE     implicit_deny
SESSION    -                -         ALL       ALL      implicit_deny
SESSION    SESSION          -         -         -        allowed
SESSION    SESSION          NONE      NONE      NONE     allowed
SESSION    ROLE             -         -         -        allowed
SESSION    ROLE             NONE      ALL       ALL      allowed
SESSION    ROLE             -         NONE      -        implicit_deny
SESSION    ROLE             -         -         NONE     implicit_deny
SESSION    ROLE             ALL       NONE      ALL      implicit_deny
SESSION    ROOT             -         -         -        implicit_deny
SESSION    ROOT             ALL       -         -        allowed
SESSION    USER             -         -         -        implicit_deny
SESSION    *                -         -         -        allowed
SESSION    *                -         ALL       ALL      allowed
SESSION    *                -         NONE      -        undetermined
ROLE       ROLE             -         -         -        allowed
ROLE       SESSION          -         -         -        undetermined
USER       -                ALL       -         -        allowed
USER       -                ALL       NONE      -        implicit_deny
USER       USER             -         -         -        allowed
USER       USER             NONE      NONE      -        allowed
USER       ROOT             -         -         -        implicit_deny
USER       ROLE             -         -         -        implicit_deny
USER       *                -         -         -        allowed
ROOT       -                -         -         -        allowed
ROOT       USER             NONE      NONE      -        allowed
SERVICE    -                ALL       -         -        implicit_deny
SERVICE    SERVICE          -         -         -        allowed
SERVICE    *                -         -         -        allowed
SERVICE    ROOT             -         -         -        implicit_deny
ANONYMOUS  -                ALL       -         -        implicit_deny
ANONYMOUS  *                -         -         -        allowed
ANONYMOUS  ROOT             -         -         -        implicit_deny
FEDERATED  -                ALL       ALL       -        implicit_deny
FEDERATED  -                ALL       -         ALL      allowed
FEDERATED  FEDERATED        -         -         -        allowed
"""
"""FEDERATED is a session of GetFederationToken: without a session policy it may do nothing of its own."""

ARNS = {
    "SESSION": SESSION,
    "ROLE": ROLE,
    "USER": USER,
    "ROOT": ROOT,
    "SERVICE": "dynamodb.amazonaws.com",
    "ANONYMOUS": "anonymous",
    "FEDERATED": f"arn:aws:sts::{HOME}:federated-user/bob",
}
DOCUMENTS = {"ALL": ALL, "NONE": NONE}
LINES = [tuple(line.split()) for line in ROWS.strip().splitlines()[1:]]


def principal_of(word: str) -> Any:
    return "*" if word == "*" else {"Service" if word == "SERVICE" else "AWS": ARNS[word]}


@pytest.mark.parametrize("who, named, identity, boundary, session, expected", LINES)
def test_the_order_within_an_account(
    who: str, named: str, identity: str, boundary: str, session: str, expected: str
) -> None:
    given: Json = {"boundary": DOCUMENTS.get(boundary), "session": DOCUMENTS.get(session)}
    given["identity"] = [DOCUMENTS[identity]] if identity in DOCUMENTS else []
    given["resource_policy"] = None if named == "-" else names(principal_of(named))
    assert decision(ARNS[who], **given) == expected
    for layer in ("identity", "boundary", "session", "resource_policy"):  # an explicit Deny in any of them is final
        if layer == "resource_policy" or who not in ("ROOT", "SERVICE", "ANONYMOUS"):
            everyone = {"Principal": "*"} if layer == "resource_policy" else {}
            held = given[layer][0] if layer == "identity" and given[layer] else given[layer]
            statements = held["Statement"] if held else []
            denying = document(*statements, deny(**everyone))
            assert (
                decision(ARNS[who], **given | {layer: [denying] if layer == "identity" else denying}) == "explicit_deny"
            )


@pytest.mark.parametrize("word", ARNS)
def test_a_deny_binds_whom_it_names(word: str) -> None:
    """A Deny of the account binds everyone in it, the root user too; one of the role, its sessions."""
    binds = {"SESSION": {"SESSION", "ROLE", "ROOT"}, "USER": {"USER", "ROOT"}, "ROOT": {"ROOT"}}
    policy = document(allow(Principal="*"), deny(Principal=principal_of(word)))
    for who in ("SESSION", "USER", "ROOT"):
        denied = decision(ARNS[who], resource_policy=policy) == "explicit_deny"
        assert denied == (word in binds[who]), who


def test_an_allow_to_everyone_that_names_roles_by_principal_arn_is_not_capped() -> None:
    """IAM, "AWS JSON policy elements: Principal": boundaries and session policies "do not limit" it."""
    condition = {"ArnEquals": {"aws:PrincipalArn": ROLE}}
    policy = document(allow(Principal="*", Condition=condition))
    assert decision(SESSION, resource_policy=policy, boundary=NONE, session=NONE) == "allowed"
    assert decision(USER, resource_policy=policy) == "implicit_deny"
    for operator, key, value in (("ArnNotEquals", "aws:PrincipalArn", USER), ("StringEquals", "aws:A", "1")):
        policy = document(allow(Principal="*", Condition={operator: {key: value}}))
        assert decision(SESSION, resource_policy=policy, context={"aws:A": "1"}, session=NONE) == "undetermined"


def test_of_several_principals_one_is_enough() -> None:
    several = {"AWS": [f"arn:aws:iam::{HOME}:role/Other", ROLE], "Service": "lambda.amazonaws.com"}
    assert decision(resource_policy=names(several)) == "allowed"
    assert decision("lambda.amazonaws.com", resource_policy=names(several)) == "allowed"
    assert decision(identity=[ALL], resource_policy=document(deny(Principal=several))) == "explicit_deny"


@pytest.mark.parametrize("who", ["anonymous", "*", "lambda.amazonaws.com", "cognito-identity.amazonaws.com", ROOT])
def test_who_has_no_identity_policies_is_bound_by_none(who: str) -> None:
    barred = document(deny())
    layers = {"identity": [barred], "boundary": barred, "session": barred}
    assert decision(who, resource_policy=names("*"), **layers) == "allowed"


@pytest.mark.parametrize(
    "who, principal, expected",
    [
        ("lambda.amazonaws.com", {"AWS": "*"}, "undetermined"),  # it equals "*" "for anonymous users"
        ("cognito-identity.amazonaws.com", {"AWS": "*"}, "undetermined"),
        ("anonymous", {"AWS": "*"}, "allowed"),
        ("lambda.amazonaws.com", {"Service": "*"}, "unsupported"),
        (USER, {"Service": "*"}, "implicit_deny"),
        ("anonymous", {"AWS": "AROAEXAMPLEEXAMPLE123"}, "implicit_deny"),
        ("anonymous", {"AWS": "studio"}, "unsupported"),
        (USER, {"AWS": HOME}, "implicit_deny"),
        (ROLE, {"AWS": f"arn:aws:sts::{HOME}:assumed-role/Other/alice"}, "implicit_deny"),
    ],
)
def test_who_is_named_by_odd_principals(who: str, principal: Json, expected: str) -> None:
    assert decision(who, resource_policy=names(principal)) == expected


def test_naming_a_user_may_name_the_sessions_that_the_user_federates() -> None:
    """IAM, "Policy evaluation logic", "IAM federated user sessions": the session's name does not tell whose it is."""
    federated = ARNS["FEDERATED"]
    assert decision(federated, resource_policy=names({"AWS": USER}), session=ALL) == "undetermined"
    assert decision(federated, resource_policy=names({"AWS": USER}), session=NONE) == "implicit_deny"


def test_the_statements_that_decided() -> None:
    both = document(allow(Sid="First"), allow(), deny("s3:Put*", Sid="NoPut"))
    assert ask(identity=[both]).statements == (("identity[0]", "First"), ("identity[0]", 1))
    assert ask(identity=[NONE, both], boundary=ALL).statements[-1] == ("boundary", 0)
    assert ask(action="s3:PutObject", identity=[both]) == Result("explicit_deny", (("identity[0]", "NoPut"),))
    assert ask(action="s3:PutObject") == Result("implicit_deny")
    policy = document(allow(Principal={"AWS": ROLE}, Sid="Role"))
    assert ask(resource_policy=policy, session=ALL).statements == (("resource_policy", "Role"), ("session", 0))


# ---- Across accounts (IAM, "Cross-account policy evaluation logic"): both sides must allow

OUTSIDERS = {
    "session": (f"arn:aws:sts::{AWAY}:assumed-role/Vendor/s", f"arn:aws:iam::{AWAY}:role/Vendor"),
    "user": (f"arn:aws:iam::{AWAY}:user/vendor", f"arn:aws:iam::{AWAY}:user/vendor"),
}


@pytest.mark.parametrize("kind", OUTSIDERS)
def test_across_accounts_both_sides_must_allow(kind: str) -> None:
    who, named = OUTSIDERS[kind]
    for principal in ("*", {"AWS": "*"}, {"AWS": named}, {"AWS": AWAY}, {"AWS": f"arn:aws:iam::{AWAY}:root"}):
        assert decision(who, resource_policy=names(principal), identity=[ALL]) == "allowed"
        assert decision(who, resource_policy=names(principal)) == "implicit_deny"
        assert decision(who, resource_policy=names(principal), identity=[ALL], boundary=NONE) == "implicit_deny"
        assert decision(who, resource_policy=names(principal), identity=[ALL], session=NONE) == "implicit_deny"
    assert decision(who, identity=[ALL]) == "implicit_deny"
    assert decision(who, resource_policy=names({"AWS": ROOT}), identity=[ALL]) == "implicit_deny"


def test_naming_the_session_from_another_account_does_not_spare_its_identity_policy() -> None:
    who = f"arn:aws:sts::{AWAY}:assumed-role/Vendor/s"
    assert decision(who, resource_policy=names({"AWS": who})) == "implicit_deny"
    assert decision(who, resource_policy=names({"AWS": who}), identity=[ALL]) == "allowed"


def test_the_root_user_of_another_account_has_its_own_side_by_nature() -> None:
    assert decision(f"arn:aws:iam::{AWAY}:root", resource_policy=names({"AWS": AWAY})) == "allowed"
    assert decision(f"arn:aws:iam::{AWAY}:root") == "implicit_deny"


def test_a_partition_is_another_world() -> None:
    assert decision(resource_policy=names({"AWS": ROLE.replace("aws", "aws-cn", 1)})) == "implicit_deny"


# ---- KMS (KMS, "Key policies in AWS KMS", "Default key policy", "Troubleshooting key access")

KMS_ROWS = [  # who, the key policy's principal, identity, decision
    (SESSION, None, [ALL], "implicit_deny"),
    (SESSION, {"AWS": ROLE}, [], "allowed"),
    (SESSION, {"AWS": SESSION}, [], "allowed"),
    (SESSION, {"AWS": ROOT}, [], "implicit_deny"),
    (SESSION, {"AWS": ROOT}, [ALL], "allowed"),
    (SESSION, {"AWS": HOME}, [ALL], "allowed"),
    (SESSION, {"AWS": f"arn:aws:iam::{HOME}:role/Other"}, [ALL], "implicit_deny"),
    (SESSION, "*", [], "allowed"),
    (USER, {"AWS": USER}, [], "allowed"),
    (USER, {"AWS": ROOT}, [ALL], "allowed"),
    (ROOT, {"AWS": ROOT}, [], "allowed"),
    (ROOT, {"AWS": ROLE}, [], "implicit_deny"),
    (f"arn:aws:iam::{AWAY}:user/vendor", {"AWS": AWAY}, [ALL], "allowed"),
    (f"arn:aws:iam::{AWAY}:user/vendor", {"AWS": AWAY}, [], "implicit_deny"),
    (f"arn:aws:iam::{AWAY}:user/vendor", {"AWS": ROOT}, [ALL], "implicit_deny"),
]


@pytest.mark.parametrize("who, principal, identity, expected", KMS_ROWS)
def test_a_key_opens_only_through_its_own_policy(who: str, principal: Any, identity: list[Json], expected: str) -> None:
    policy = None if principal is None else names(principal)
    assert decision(who, "kms:Decrypt", KEY, identity=identity, resource_policy=policy) == expected


def test_boundary_and_session_policy_cap_what_a_key_policy_allows_the_role() -> None:
    for cap in ("boundary", "session"):
        assert (
            decision(SESSION, "kms:Decrypt", KEY, resource_policy=names({"AWS": ROLE}), **{cap: NONE})
            == "implicit_deny"
        )
        assert (
            decision(SESSION, "kms:Decrypt", KEY, resource_policy=names({"AWS": SESSION}), **{cap: NONE}) == "allowed"
        )


def test_the_root_statement_delegates_only_the_actions_that_it_names() -> None:
    policy = document(allow(["kms:Describe*", "kms:PutKeyPolicy"], Principal={"AWS": ROOT}))
    assert decision(USER, "kms:PutKeyPolicy", KEY, identity=[ALL], resource_policy=policy) == "allowed"
    assert decision(USER, "kms:Decrypt", KEY, identity=[ALL], resource_policy=policy) == "implicit_deny"


@pytest.mark.parametrize("missing", ["Action", "Resource"])
def test_a_statement_of_a_key_policy_without_action_or_resource_does_nothing(missing: str) -> None:
    """KMS, "Creating a key policy": it is accepted, and has no effect, a Deny neither."""
    silent = {key: value for key, value in deny(Principal="*").items() if key != missing}
    assert decision(SESSION, "kms:Decrypt", KEY, resource_policy=document(allow(Principal="*"), silent)) == "allowed"
    assert decision(SESSION, resource_policy=document(allow(Principal="*"), silent)) == "unsupported"


def test_an_operation_without_a_key_needs_no_key_policy() -> None:
    assert decision(USER, "kms:CreateKey", "*", identity=[ALL]) == "allowed"


def test_the_names_in_an_encryption_context_follow_from_its_pairs() -> None:
    pinned = {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["orgId"]}}
    policy = document(allow(Principal={"AWS": ROLE}, Condition=pinned))
    for names_given, expected in (
        (["orgId"], "allowed"),
        (["orgId", "x"], "implicit_deny"),
        (["ORGID"], "implicit_deny"),
    ):
        context = {f"kms:EncryptionContext:{name}": "v" for name in names_given}
        assert decision(SESSION, "kms:Decrypt", KEY, resource_policy=policy, context=context) == expected


# ---- Trust policies (IAM, "Policy evaluation logic"; Cognito, "Role trust and permissions"; IAM, "Passing session tags")

POOL = "cognito-identity.amazonaws.com"
TRUST = document(
    {
        "Effect": "Allow",
        "Principal": {"Federated": POOL},
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Condition": {
            "StringEquals": {f"{POOL}:aud": "us-east-1:pool"},
            "ForAnyValue:StringLike": {f"{POOL}:amr": "authenticated"},
            "StringLike": {"aws:RequestTag/orgId": "org_?*"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["orgId", "userId"]},
        },
    }
)
SIGNED_IN = {f"{POOL}:aud": "us-east-1:pool", f"{POOL}:amr": ["authenticated", "x"], "aws:RequestTag/orgId": "org_1"}


@pytest.mark.parametrize("action", ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"])
def test_a_web_identity_assumes_a_role_by_its_trust_policy_alone(action: str) -> None:
    def assume(changed: Json | None = None, who: str = POOL) -> str:
        return decision(who, action, ROLE, resource_policy=TRUST, context={**SIGNED_IN, **(changed or {})})

    assert assume() == "allowed"
    assert assume({f"{POOL}:aud": "us-east-1:other"}) == "implicit_deny"
    assert assume({f"{POOL}:amr": ["unauthenticated"]}) == "implicit_deny"
    assert assume({f"{POOL}:amr": None}) == "implicit_deny"
    assert assume({"aws:RequestTag/orgId": "org_"}) == "implicit_deny"
    assert assume({"aws:RequestTag/orgId": None}) == "implicit_deny"
    assert assume({"aws:RequestTag/role": "admin"}) == "implicit_deny"
    for other in ("accounts.google.com", SESSION, "anonymous", "lambda.amazonaws.com"):
        assert assume(who=other) == "implicit_deny"


def test_without_tag_session_a_session_gets_no_tags() -> None:
    statement = {**TRUST["Statement"][0], "Action": "sts:AssumeRoleWithWebIdentity"}
    assert (
        decision(POOL, "sts:TagSession", ROLE, resource_policy=document(statement), context=SIGNED_IN)
        == "implicit_deny"
    )


def trusts(principal: Any) -> Json:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


TRUST_ROWS = [
    (SESSION, None, [ALL], "implicit_deny"),
    (SESSION, {"AWS": ROLE}, [], "allowed"),
    (SESSION, {"AWS": ROOT}, [], "implicit_deny"),
    (SESSION, {"AWS": ROOT}, [ALL], "allowed"),
    (USER, {"AWS": USER}, [], "allowed"),
    (USER, {"AWS": SESSION}, [ALL], "implicit_deny"),
    (ROOT, {"AWS": ROOT}, [], "implicit_deny"),  # STS API, AssumeRole: not with credentials of the root user
    ("lambda.amazonaws.com", {"Service": "lambda.amazonaws.com"}, [], "allowed"),
    ("lambda.amazonaws.com", {"Service": "ec2.amazonaws.com"}, [], "implicit_deny"),
    (f"arn:aws:iam::{AWAY}:role/Vendor", {"AWS": AWAY}, [ALL], "allowed"),
    (f"arn:aws:iam::{AWAY}:role/Vendor", {"AWS": AWAY}, [], "implicit_deny"),
    (
        f"arn:aws:iam::{HOME}:oidc-provider/clerk.example",
        {"Federated": f"arn:aws:iam::{HOME}:oidc-provider/clerk.example"},
        [],
        "allowed",
    ),
]


@pytest.mark.parametrize("who, principal, identity, expected", TRUST_ROWS)
def test_a_role_is_assumed_only_through_its_trust_policy(
    who: str, principal: Any, identity: list[Json], expected: str
) -> None:
    policy = None if principal is None else trusts(principal)
    role = f"arn:aws:iam::{HOME}:role/Target"
    assert decision(who, "sts:AssumeRole", role, identity=identity, resource_policy=policy) == expected


def test_a_trust_policy_has_no_resource() -> None:
    assert decision(SESSION, "sts:AssumeRole", ROLE, resource_policy=names({"AWS": ROLE})) == "unsupported"


# ---- Names (IAM, "IAM JSON policy elements: Action", "...: Resource", "AWS JSON policy elements: Principal")


@pytest.mark.parametrize(
    "wanted, action, matches",
    [
        ("s3:GetObject", "s3:GetObject", True),
        ("S3:getobject", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:*Object", "s3:GetObjectAcl", False),
        ("s3:Get?bject", "s3:GetObject", True),
        ("*", "s3:GetObject", True),
        ("kms:*", "s3:GetObject", False),
        (["kms:*", "s3:GetObject"], "s3:GetObject", True),
        ([], "s3:GetObject", False),
    ],
)
def test_actions_match_without_case(wanted: Any, action: str, matches: bool) -> None:
    assert decision(action=action, identity=[document(allow(wanted))]) == ("allowed" if matches else "implicit_deny")
    if wanted:
        other = {"Effect": "Allow", "NotAction": wanted, "Resource": "*"}
        assert decision(action=action, identity=[document(other)]) == ("implicit_deny" if matches else "allowed")


@pytest.mark.parametrize(
    "wanted, resource, expected",
    [
        ("*", BUCKET, "allowed"),
        ("arn:aws:s3:::studio-objects/*", BUCKET, "allowed"),
        ("arn:aws:s3:::studio-objects", BUCKET, "implicit_deny"),
        ("arn:aws:s3:::Studio-objects/*", BUCKET, "implicit_deny"),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/x/y/z", "allowed"),  # a star crosses slashes
        ("arn:aws:s3:::?/x*z", "arn:aws:s3:::b/x/y/z", "allowed"),
        ("arn:*:s3:::b", "arn:aws:s3:::b", "allowed"),
        ("arn:aws:dynamodb:*:*:table/T", "arn:aws:dynamodb:us-east-1:111122223333:table/T", "allowed"),
        ("arn:aws:dynamodb:*", "arn:aws:dynamodb:us-east-1:111122223333:table/T", "allowed"),  # "beyond the colon"
        ("arn:aws:dynamodb:us*3:table/T", "arn:aws:dynamodb:us-east-1:111122223333:table/T", "undetermined"),
        ("arn:aws:logs:r:a:log-group:/aws/*:x", "arn:aws:logs:r:a:log-group:/aws/a:b:x", "allowed"),
        ("arn:aws:logs:r:a:log-group:*b:x", "arn:aws:logs:r:a:log-group:/aws/a:b:x", "allowed"),  # all of it one part
        ("arn:aws:s*:::b", "arn:aws:s3:::b", "unsupported"),  # no wildcard in the service
        ("studio-objects/*", BUCKET, "unsupported"),
        ([], BUCKET, "implicit_deny"),
    ],
)
def test_resources_match_part_by_part(wanted: Any, resource: str, expected: str) -> None:
    assert decision(resource=resource, identity=[document(allow(resource=wanted))]) == expected


def test_not_resource_allows_all_else_and_does_not_guess_what_an_empty_list_leaves_out() -> None:
    def ask_for(wanted: Any) -> str:
        return decision(identity=[document({"Effect": "Allow", "Action": "*", "NotResource": wanted})])

    assert ask_for("arn:aws:s3:::other/*") == "allowed"
    assert ask_for("arn:aws:s3:::studio-objects/*") == "implicit_deny"
    assert ask_for([]) == "unsupported"


def test_a_role_is_known_by_its_name_whatever_its_path() -> None:
    assert decision(resource_policy=names({"AWS": f"arn:aws:iam::{HOME}:role/team/x/Studio"})) == "allowed"
    assert decision(resource_policy=names({"AWS": f"arn:aws:iam::{HOME}:role/studio"})) == "implicit_deny"


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": f"arn:aws:iam::{HOME}:role/*"},
        {"AWS": "AROAEXAMPLEEXAMPLE123"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},
        {"AWS": "studio"},
    ],
)
def test_a_principal_that_is_not_named_whole_is_unsupported(principal: Json) -> None:
    assert decision(resource_policy=names(principal)) == "unsupported"
    assert decision(resource_policy=names(principal), identity=[ALL]) == "allowed"  # it could not change that


def test_principal_arn_of_a_session_is_its_role_and_follows_from_it() -> None:
    """IAM, "AWS global condition context keys": for a role session, the ARN of the role."""
    condition = {"ArnEquals": {"aws:PrincipalArn": ROLE}, "StringEquals": {"aws:PrincipalAccount": HOME}}
    identity = [document(allow(Condition=condition))]
    assert decision(SESSION, identity=identity) == decision(ROLE, identity=identity) == "allowed"
    assert decision(USER, identity=identity) == "implicit_deny"
    with_path = {"aws:PrincipalArn": f"arn:aws:iam::{HOME}:role/team/Studio"}
    assert decision(SESSION, identity=identity, context=with_path) == "implicit_deny"


@pytest.mark.parametrize(
    "who, keys",
    [
        (SESSION, {"aws:PrincipalArn": ROLE, "aws:PrincipalType": "AssumedRole", "kms:CallerAccount": HOME}),
        (USER, {"aws:PrincipalArn": USER, "aws:PrincipalType": "User", "aws:username": "alice"}),
        (f"arn:aws:iam::{HOME}:user/team/bob", {"aws:username": "bob", "aws:PrincipalIsAWSService": "false"}),
        (ROOT, {"aws:PrincipalArn": ROOT, "aws:PrincipalType": "Account", "aws:PrincipalAccount": HOME}),
        (
            "lambda.amazonaws.com",
            {"aws:PrincipalIsAWSService": "true", "aws:PrincipalServiceName": "lambda.amazonaws.com"},
        ),
        ("anonymous", {"aws:PrincipalType": "Anonymous", "aws:PrincipalIsAWSService": "false"}),
    ],
)
def test_keys_that_follow_from_the_request_are_filled_in(who: str, keys: dict[str, str]) -> None:
    """IAM, "AWS global condition context keys", "Principal key values"."""
    wanted = {**keys, "aws:ResourceAccount": HOME}
    policy = document(allow(Principal="*", Condition={"StringEquals": wanted}))
    assert decision(who, "KMS:Decrypt", KEY, resource_policy=policy) == "allowed"
    for key in wanted:
        assert decision(who, "KMS:Decrypt", KEY, resource_policy=policy, context={key.upper(): None}) == "implicit_deny"


@pytest.mark.parametrize(
    "who, keys",
    [
        (SESSION, ["aws:username", "aws:PrincipalServiceName", "aws:TagKeys", "kms:EncryptionContextKeys"]),
        ("lambda.amazonaws.com", ["aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount", "aws:username"]),
        ("anonymous", ["aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount"]),
    ],
)
def test_keys_that_do_not_follow_stay_missing(who: str, keys: list[str]) -> None:
    for key in keys:
        policy = document(allow(Principal="*", Condition={"Null": {key: "true"}}))
        assert decision(who, "kms:Decrypt", KEY, resource_policy=policy) == "allowed"
    policy = document(allow(Principal="*", Condition={"Null": {"kms:EncryptionContextKeys": "true"}}))
    context = {"kms:EncryptionContext:a": "1"}
    assert decision(who, "s3:GetObject", BUCKET, resource_policy=policy, context=context) == "allowed"
    assert decision(who, "KMS:Decrypt", KEY, resource_policy=policy, context=context) == "implicit_deny"


# ---- Variables in Resource (IAM, "IAM policy elements: Variables and tags")

OWN = "arn:aws:s3:::studio-objects/${aws:PrincipalTag/orgId}/*"
TAGGED = {"aws:PrincipalTag/orgId": "org_1"}


def test_a_variable_in_resource_matches_its_value_and_nothing_without_one() -> None:
    def ask_for(key: str, context: Json, statement: Json) -> str:
        return decision(resource=f"arn:aws:s3:::studio-objects/{key}", identity=[document(statement)], context=context)

    assert ask_for("org_1/a", TAGGED, allow(resource=OWN)) == "allowed"
    assert ask_for("org_2/a", TAGGED, allow(resource=OWN)) == "implicit_deny"
    assert ask_for("org_1/a", {}, allow(resource=OWN)) == "implicit_deny"
    assert ask_for("/a", {}, allow(resource=OWN)) == "implicit_deny"
    assert ask_for("org_1/a", {"aws:PrincipalTag/orgId": "*"}, allow(resource=OWN)) == "undetermined"
    assert (
        ask_for("org_1/a", TAGGED, allow(resource=OWN.replace(":::", "::${aws:PrincipalTag/orgId}:"))) == "unsupported"
    )


def test_a_variable_in_not_resource_matches_everything_without_a_value_or_voids_the_statement() -> None:
    other = {"Effect": "Allow", "Action": "*", "NotResource": OWN}
    assert decision(identity=[document(other)], context=TAGGED) == "allowed"
    assert decision(identity=[document(other)]) == "undetermined"


# ---- The traps


def test_trap_conditions_of_one_deny_are_anded() -> None:
    """KMS, "AWS KMS condition keys"; IAM, "Conditions with multiple context keys or values"."""
    wrong = {"StringNotEquals": {"aws:PrincipalTag/orgId": "org_1", "kms:EncryptionContext:orgId": "org_1"}}
    one = document(allow(Principal={"AWS": ROLE}), deny(Principal="*", Condition=wrong))
    split = [
        deny(Principal="*", Condition={"StringNotEquals": {key: value}})
        for key, value in wrong["StringNotEquals"].items()
    ]
    two = document(allow(Principal={"AWS": ROLE}), *split)
    attacker = {"aws:PrincipalTag/orgId": "org_2", "kms:EncryptionContext:orgId": "org_1"}
    assert decision(SESSION, "kms:Decrypt", KEY, resource_policy=one, context=attacker) == "allowed"
    assert decision(SESSION, "kms:Decrypt", KEY, resource_policy=two, context=attacker) == "explicit_deny"
    assert decision(SESSION, "kms:Decrypt", KEY, resource_policy=two) == "explicit_deny"


def test_trap_for_all_values_opens_the_table_to_scan() -> None:
    """DynamoDB, "Using IAM policy conditions for fine-grained access control": a Scan carries no dynamodb:LeadingKeys."""
    table = f"arn:aws:dynamodb:us-east-1:{HOME}:table/T"
    leading: Json = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["${aws:PrincipalTag/orgId}#*"]}}
    locked = {**leading, "Null": {"dynamodb:LeadingKeys": "false", "aws:PrincipalTag/orgId": "false"}}
    for condition, scan in ((leading, "allowed"), (locked, "implicit_deny")):
        identity = [document(allow("dynamodb:*", Condition=condition))]
        assert decision(SESSION, "dynamodb:Scan", table, identity=identity, context=TAGGED) == scan
        for keys, expected in (
            (["org_1#a"], "allowed"),
            (["org_1#a", "org_2#a"], "implicit_deny"),
            (["org_10#"], "implicit_deny"),
        ):
            context = {**TAGGED, "dynamodb:LeadingKeys": keys}
            assert decision(SESSION, "dynamodb:Query", table, identity=identity, context=context) == expected


def test_trap_if_exists_in_an_allow_lets_the_untagged_in() -> None:
    """IAM, "...IfExists condition operators"."""
    condition = {"StringEqualsIfExists": {"aws:PrincipalTag/orgId": "org_1"}}
    assert decision(identity=[document(allow(Condition=condition))]) == "allowed"
    condition = {"StringEquals": {"aws:PrincipalTag/orgId": "org_1"}}
    assert decision(identity=[document(allow(Condition=condition))]) == "implicit_deny"


def test_trap_the_root_statement_with_kms_star_hands_the_key_to_every_identity_policy() -> None:
    """KMS, "Default key policy"."""
    for action in ("kms:Decrypt", "kms:CreateGrant", "kms:PutKeyPolicy", "kms:ReEncryptFrom"):
        default = document(allow("kms:*", Principal={"AWS": ROOT}))
        assert decision(USER, action, KEY, resource_policy=default, identity=[document(allow("kms:*"))]) == "allowed"


@pytest.mark.parametrize(
    "condition, resource, tagged, untagged",
    [
        (
            {"StringEquals": {"kms:EncryptionContext:orgId": "${aws:PrincipalTag/orgId}"}},
            "*",
            "explicit_deny",
            "allowed",
        ),
        (
            {"StringNotEquals": {"kms:EncryptionContext:orgId": "${aws:PrincipalTag/orgId}"}},
            "*",
            "allowed",
            "undetermined",
        ),
        ({}, "arn:aws:kms:*:*:key/${aws:PrincipalTag/orgId}", "explicit_deny", "allowed"),
        ({"StringNotEquals": {"aws:PrincipalTag/orgId": "org_1"}}, "*", "allowed", "explicit_deny"),
    ],
)
def test_trap_a_deny_with_a_variable_may_not_deny_the_untagged(
    condition: Json, resource: str, tagged: str, untagged: str
) -> None:
    """IAM, "IAM policy elements: Variables and tags": a literal denies for certain."""
    key = f"arn:aws:kms:us-east-1:{HOME}:key/org_1"
    policy = document(allow(Principal={"AWS": ROLE}), deny(resource=resource, Principal="*", Condition=condition))
    context = {"kms:EncryptionContext:orgId": "org_1"}
    assert decision(SESSION, "kms:Decrypt", key, resource_policy=policy, context={**context, **TAGGED}) == tagged
    assert decision(SESSION, "kms:Decrypt", key, resource_policy=policy, context=context) == untagged


def test_trap_bool_false_of_an_absent_key_does_not_deny() -> None:
    """IAM, "AWS global condition context keys", aws:MultiFactorAuthPresent: write BoolIfExists in a Deny."""
    for operator, expected in (("Bool", "allowed"), ("BoolIfExists", "explicit_deny")):
        condition = {operator: {"aws:MultiFactorAuthPresent": "false"}}
        assert decision(USER, identity=[document(allow(), deny(Condition=condition))]) == expected


def test_trap_allow_to_everyone_is_anonymous_as_well() -> None:
    """IAM, "AWS JSON policy elements: Principal", "All principals"."""
    policy = document(allow(Principal="*", Condition={"StringEquals": {"kms:EncryptionContext:orgId": "org_1"}}))
    context = {"kms:EncryptionContext:orgId": "org_1"}
    assert decision("anonymous", "kms:Decrypt", KEY, resource_policy=policy, context=context) == "allowed"


def test_trap_not_principal_is_not_evaluated() -> None:
    """IAM, "AWS JSON policy elements: NotPrincipal": AWS "might validate the account first", or the role, or the session."""
    policy = document({"Effect": "Deny", "NotPrincipal": {"AWS": ROLE}, "Action": "s3:*", "Resource": "*"})
    assert decision(identity=[ALL], resource_policy=policy) == "unsupported"
    assert decision(action="sqs:SendMessage", resource="*", identity=[ALL], resource_policy=policy) == "allowed"


def test_trap_aws_services_are_denied_with_everyone() -> None:
    policy = document(allow(Principal={"Service": "dynamodb.amazonaws.com"}), deny("kms:Decrypt", Principal="*"))
    assert decision("dynamodb.amazonaws.com", "kms:Decrypt", KEY, resource_policy=policy) == "explicit_deny"
    assert decision("dynamodb.amazonaws.com", "kms:Encrypt", KEY, resource_policy=policy) == "allowed"


# ---- What is open or unmodelled counts only where it could change the answer

ODD = {"StringEqualsRoughly": {"aws:A": "1"}}


@pytest.mark.parametrize(
    "statements, expected",
    [
        ([allow(), allow(Condition=ODD)], "allowed"),
        ([allow(Condition=ODD)], "unsupported"),
        ([allow(), deny(Condition=ODD)], "unsupported"),
        ([deny(), deny(Condition=ODD)], "explicit_deny"),
        ([deny(), allow(Condition=ODD)], "explicit_deny"),
        ([deny(Condition=ODD)], "unsupported"),  # explicit or implicit: two answers
        ([allow("kms:*", Condition=ODD)], "implicit_deny"),
        ([allow(Unknown="x")], "unsupported"),
        ([allow(Principal="*")], "unsupported"),  # not in an identity policy
        ([allow(), deny("kms:*", Unknown="x")], "allowed"),
    ],
)
def test_an_unmodelled_statement_counts_only_where_it_could_change_the_answer(
    statements: list[Json], expected: str
) -> None:
    assert decision(USER, identity=[document(*statements)]) == expected


def test_an_undetermined_answer_names_the_statements_that_leave_it_open() -> None:
    doubtful = deny(Sid="Doubtful", Condition={"StringEquals": {"aws:A": "1"}})
    result = ask(USER, identity=[document(allow(Sid="Sure"), doubtful)], context={"aws:A": ["1", "2"]})
    assert result == Result("undetermined", (("identity[0]", "Doubtful"),))


# ---- Laws, on random policies

PRINCIPALS: list[Any] = ["*", *({"AWS": each} for each in ("*", ROLE, SESSION, ROOT, USER, HOME, AWAY, "x"))]
CONDITIONS: list[Json] = [
    {},
    {"StringEquals": {"aws:PrincipalTag/orgId": "org_1"}},
    {"StringNotEquals": {"aws:PrincipalTag/orgId": "org_1"}},
    {"StringNotEquals": {"aws:A": "${aws:PrincipalTag/orgId}"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}},
    {"Null": {"aws:TagKeys": "true"}},
    ODD,
]
CONTEXTS: list[Json] = [
    {},
    TAGGED,
    {"aws:PrincipalTag/orgId": "org_2"},
    {"aws:TagKeys": ["a", "b"]},
    {"aws:A": ["1", "2"]},
]


def statements(principal: bool) -> st.SearchStrategy[Json]:
    parts: Json = {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": st.sampled_from(["*", "kms:*", "kms:Decrypt", "s3:*"]),
        "Resource": st.sampled_from(["*", KEY, BUCKET]),
        "Condition": st.sampled_from(CONDITIONS),
    }
    return st.fixed_dictionaries({**parts, **({"Principal": st.sampled_from(PRINCIPALS)} if principal else {})})


def documents(principal: bool = False) -> st.SearchStrategy[Json]:
    return st.lists(statements(principal), min_size=1, max_size=4).map(lambda listed: document(*listed))


requests = st.fixed_dictionaries(
    {
        "principal": st.sampled_from([SESSION, ROLE, USER, ROOT, "anonymous", f"arn:aws:iam::{AWAY}:user/v"]),
        "action": st.sampled_from(["kms:Decrypt", "s3:GetObject"]),
        "resource": st.sampled_from([KEY, BUCKET]),
        "account": st.just(HOME),
        "context": st.sampled_from(CONTEXTS),
        "identity": st.lists(documents(), max_size=2),
        "resource_policy": st.none() | documents(principal=True),
        "boundary": st.none() | documents(),
        "session": st.none() | documents(),
    }
)


def answer(request: Json) -> str:
    return evaluate(read_request(request)).decision


@given(requests)
def test_a_deny_that_applies_is_final(request: Json) -> None:
    policy = request["resource_policy"] or document(allow("none:None", Principal="*"))
    denying = document(*policy["Statement"], deny(Principal="*"))
    assert answer({**request, "resource_policy": denying}) == "explicit_deny"


@given(requests, documents(), st.sampled_from(["boundary", "session"]))
def test_a_cap_never_allows_what_was_not_allowed_without_it(request: Json, cap: Json, name: str) -> None:
    before, after = answer({**request, name: None}), answer({**request, name: cap})
    assert not (before == "implicit_deny" and after == "allowed")


@given(requests, statements(False))
def test_another_deny_never_opens_and_another_allow_never_closes(request: Json, statement: Json) -> None:
    rank = {"explicit_deny": 0, "implicit_deny": 1, "allowed": 2}
    before = answer(request)
    after = answer({**request, "identity": [*request["identity"], document(statement)]})
    if before in rank and after in rank:
        assert rank[after] <= rank[before] if statement["Effect"] == "Deny" else rank[after] >= rank[before]


@given(requests)
def test_the_order_of_documents_and_statements_does_not_matter(request: Json) -> None:
    def backwards(held: Json | None) -> Json | None:
        return held and {**held, "Statement": held["Statement"][::-1]}

    layers = {name: backwards(request[name]) for name in ("resource_policy", "boundary", "session")}
    assert answer({**request, **layers, "identity": request["identity"][::-1]}) == answer(request)


@given(requests)
def test_what_is_certain_stays_whatever_the_unknown_turns_out_to_be(request: Json) -> None:
    """Replacing the condition that nobody knows by one that holds, or by one that fails, changes no certain answer."""
    certain = answer(request)
    if certain not in ("unsupported", "undetermined"):
        for known in ({}, {"StringEquals": {"aws:Never": "x"}}):
            assert answer(_replaced(request, known)) == certain


def _replaced(value: Any, known: Json) -> Any:
    if value == ODD:
        return known
    if isinstance(value, dict):
        return {key: _replaced(each, known) for key, each in value.items()}
    return [_replaced(each, known) for each in value] if isinstance(value, list) else value


# ---- What is no request

GOOD: Json = {
    "principal": USER,
    "action": "s3:GetObject",
    "resource": BUCKET,
    "account": HOME,
    "context": {},
    "identity": [],
}
SPOILT: dict[str, list[Any]] = {
    "principal": [None, "", "alice", f"arn:aws:iam::{HOME}:role/*", f"{USER}\n", "arn:aws:s3:::b"],
    "action": [None, "GetObject", "s3:*", "s3:Get Object", "s3:GetObject\n"],
    "resource": [None, "", "b", "arn:aws:s3:::"],
    "account": [None, 111122223333, "1111", "１11122223333"],
    "context": [None, [], {"aws:A": {}}, {"aws:A": [None]}, {"aws:A": [[]]}],
    "identity": [None, ALL, [None], [[]], [{}]],
    **{name: ["x"] for name in ("resource_policy", "boundary", "session", "scp")},
}
BAD: list[Any] = [
    None,
    [],
    *({key: value for key, value in GOOD.items() if key != missing} for missing in GOOD),
    *({**GOOD, name: value} for name, values in SPOILT.items() for value in values),
]


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
def test_what_is_no_request_is_refused(value: Any) -> None:
    assert evaluate(read_request(GOOD)).decision == "implicit_deny"
    with pytest.raises(Malformed):
        read_request(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["*", "${", "${aws:A}", USER]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = ["Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition", "Sid"]
OPERATOR_NAMES = st.sampled_from(
    ["StringLike", "ForAnyValue:ArnLike", "DateLessThanIfExists", "IpAddress", "Null", "Bool", "BinaryEquals"]
)
blocks = st.dictionaries(
    OPERATOR_NAMES, st.dictionaries(st.sampled_from(["aws:A", "AWS:a"]), JSON, max_size=2), max_size=3
)
wild_statements = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"])},
    optional={
        **dict.fromkeys(ELEMENTS[1:], JSON),
        "Condition": blocks,
        "Action": st.sampled_from(["*", "s3:*", ["", "s3:Get*"]]),
    },
)
wild_documents = JSON | st.fixed_dictionaries(
    {"Statement": st.lists(wild_statements, max_size=3) | JSON}, optional={"Version": JSON | st.just("2012-10-17")}
)


@given(
    st.fixed_dictionaries({"context": st.dictionaries(st.sampled_from(["aws:A", "aws:a", "x"]), JSON)}),
    wild_documents,
    wild_documents,
)
def test_no_value_is_an_exception(fields: Json, identity: Any, policy: Any) -> None:
    for request in (
        {**GOOD, **fields, "identity": [identity], "resource_policy": policy},
        {**GOOD, "principal": identity},
        policy,
    ):
        try:
            result = evaluate(read_request(request))
        except Malformed:
            continue
        assert result.decision in ("allowed", "explicit_deny", "implicit_deny", "unsupported", "undetermined")
