"""Every finding, with the smallest document that shows it and its nearest neighbour that does not.

Sources: AWS IAM User Guide, "IAM Access Analyzer policy check reference", "Grammar of the IAM JSON policy language", "IAM
and AWS STS quotas"; AWS KMS Developer Guide, "Key policies in AWS KMS", "AWS KMS condition keys"; Amazon Cognito Developer
Guide, "Role trust and permissions".
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from policyengine.iam import parse, parse_text
from policyengine.iam.lint import CODES, KINDS, Kind, guess_kind, lint_text
from tests.conftest import ROOT
from tests.test_iam_evaluation import ALL, AWAY, HOME, ROLE, TRUST, Json, allow, deny, document, wild_documents

ACCOUNT = f"arn:aws:iam::{HOME}:root"
PLAIN = allow("s3:GetObject", "arn:aws:s3:::studio-objects/*")
KMS = allow("kms:Decrypt", Principal={"AWS": ROLE})


def when(operator: str, key: str = "aws:PrincipalTag/orgId", value: Any = "org_1", **more: Any) -> Json:
    return {**PLAIN, "Condition": {operator: {key: value}, **more}}


def unless(operator: str, key: str = "aws:PrincipalTag/orgId", value: Any = "org_1") -> Json:
    return {**when(operator, key, value), "Effect": "Deny"}


def without(statement: Json, name: str) -> Json:
    return {key: value for key, value in statement.items() if key != name}


def padded(size: int) -> Json:
    return document({**PLAIN, "Sid": "x" * size})


TAG = "${aws:PrincipalTag/orgId}"
MANY = "ForAllValues:StringEquals"
COGNITO = TRUST["Statement"][0]

SHOWN: list[tuple[str, Kind, Any, Any]] = [  # code, kind, a document with the finding, one without
    ("malformed", "identity", document({**PLAIN, "Effect": "Permit"}), document(PLAIN)),
    ("malformed", "identity", [], document(PLAIN)),
    ("missing-version", "identity", {"Statement": [PLAIN]}, document(PLAIN)),
    ("missing-version", "identity", document(PLAIN, version="2008-10-17"), document(PLAIN)),
    (
        "character",
        "identity",
        document({**PLAIN, "Resource": "arn:aws:s3:::Ā"}),
        document({**PLAIN, "Resource": "arn:aws:s3:::ä"}),
    ),
    ("too-large", "identity", padded(7000), padded(5900)),
    ("too-large", "session", padded(2100), padded(1800)),
    ("too-large", "kms", document({**KMS, "Sid": "x" * 33000}), document({**KMS, "Sid": "x" * 32000})),
    ("unknown-element", "identity", document({**PLAIN, "Actions": "s3:*"}), document(PLAIN)),
    ("missing-element", "identity", document(without(PLAIN, "Resource")), document(PLAIN)),
    ("missing-element", "bucket", document(PLAIN), document({**PLAIN, "Principal": {"AWS": ROLE}})),
    ("misplaced-element", "identity", document({**PLAIN, "Principal": {"AWS": ROLE}}), document(PLAIN)),
    ("misplaced-element", "trust", document({**COGNITO, "Resource": "*"}), TRUST),
    ("misplaced-element", "boundary", {**document(PLAIN), "Id": "x"}, document(PLAIN)),
    ("inert-statement", "kms", document(without(KMS, "Resource")), document(KMS)),
    ("inert-statement", "kms", document(without(deny(Principal="*"), "Action")), document(deny(Principal="*"))),
    ("empty-list", "identity", document({**PLAIN, "Action": []}), document(PLAIN)),
    ("empty-list", "bucket", document({**PLAIN, "Principal": {}}), document({**PLAIN, "Principal": {"AWS": ROLE}})),
    ("empty-list", "identity", document(when("StringEquals", value=[])), document(when("StringEquals"))),
    ("sid-characters", "identity", document({**PLAIN, "Sid": "Two words"}), document({**PLAIN, "Sid": "TwoWords"})),
    ("sid-characters", "trust", document({**COGNITO, "Sid": "a-b"}), document({**COGNITO, "Sid": "ab"})),
    (
        "sid-repeated",
        "identity",
        document({**PLAIN, "Sid": "A"}, {**PLAIN, "Sid": "A"}),
        document({**PLAIN, "Sid": "A"}, PLAIN, PLAIN),
    ),
    ("action-format", "identity", document({**PLAIN, "Action": "GetObject"}), document({**PLAIN, "Action": "*"})),
    ("resource-format", "identity", document({**PLAIN, "Resource": "bucket/*"}), document({**PLAIN, "Resource": "*"})),
    ("resource-format", "identity", document({**PLAIN, "Resource": "arn:aws:*:::b"}), document(PLAIN)),
    ("principal-format", "kms", document({**KMS, "Principal": {"AWS": f"arn:aws:iam::{HOME}:role/*"}}), document(KMS)),
    ("unknown-operator", "identity", document(when("StringEqual")), document(when("StringEquals"))),
    (
        "wrong-type",
        "identity",
        document(when("Bool", "aws:SecureTransport", "no")),
        document(when("Bool", "aws:SecureTransport", False)),
    ),
    ("wrong-type", "identity", document(when("Null", value="yes")), document(when("Null", value="true"))),
    (
        "wrong-type",
        "identity",
        document(when("ArnLike", "aws:PrincipalArn", "*")),
        document(when("ArnLike", "aws:PrincipalArn", ROLE)),
    ),
    (
        "key-case",
        "identity",
        document({**PLAIN, "Condition": {"StringEquals": {"aws:A": "1", "AWS:A": "1"}}}),
        document(when("StringEquals")),
    ),
    ("null-modified", "identity", document(when("NullIfExists", value="true")), document(when("Null", value="true"))),
    (
        "forallvalues-without-null",
        "identity",
        document(when(MANY, "aws:TagKeys")),
        document(when(MANY, "aws:TagKeys", Null={"aws:TagKeys": "false"})),
    ),
    (
        "forallvalues-without-null",
        "trust",
        document({**COGNITO, "Condition": {MANY: {"aws:TagKeys": ["orgId"]}}}),
        TRUST,
    ),
    (
        "forallvalues-without-null",
        "identity",
        document(when(MANY, "aws:TagKeys")),
        document(unless(MANY, "aws:TagKeys")),
    ),
    (
        "set-operator-on-single-value",
        "identity",
        document(when(f"ForAnyValue:{'StringEquals'}")),
        document(when("ForAnyValue:StringEquals", "aws:TagKeys")),
    ),
    (
        "unqualified-list",
        "identity",
        document(when("StringEquals", "dynamodb:LeadingKeys")),
        document(when("ForAnyValue:StringEquals", "dynamodb:LeadingKeys")),
    ),
    (
        "ifexists-in-allow",
        "identity",
        document(when("StringEqualsIfExists")),
        document(unless("StringNotEqualsIfExists")),
    ),
    (
        "ifexists-in-allow",
        "identity",
        document(when("StringEqualsIfExists")),
        document(when("StringEqualsIfExists", Null={"aws:PrincipalTag/orgId": "false"})),
    ),
    (
        "wildcard-without-like",
        "identity",
        document(when("StringEquals", value="org_*")),
        document(when("StringLike", value="org_*")),
    ),
    (
        "wildcard-without-like",
        "identity",
        document(when("StringNotEquals", value="a?")),
        document(when("StringNotEquals", value="a${?}")),
    ),
    (
        "variable-literal",
        "identity",
        {"Statement": [when("StringEquals", "aws:A", TAG)]},
        document(when("StringEquals", "aws:A", TAG)),
    ),
    (
        "variable-malformed",
        "identity",
        document(when("StringEquals", "aws:A", "${ aws:B }")),
        document(when("StringEquals", "aws:A", "${aws:B}")),
    ),
    (
        "variable-malformed",
        "identity",
        document({**PLAIN, "Resource": "arn:aws:s3:::${aws:B"}),
        document({**PLAIN, "Resource": "arn:aws:s3:::${aws:B}"}),
    ),
    (
        "variable-misplaced",
        "identity",
        document({**PLAIN, "Resource": "arn:aws:s3:::${aws:B}", "Condition": {"NumericEquals": {"aws:A": "${aws:B}"}}}),
        document({**PLAIN, "Resource": "arn:aws:s3:::${aws:B}"}),
    ),
    (
        "variable-misplaced",
        "identity",
        document({**PLAIN, "Resource": "arn:aws:s3::${aws:B}:x"}),
        document({**PLAIN, "Resource": "arn:aws:s3:::${aws:B}"}),
    ),
    (
        "variable-default",
        "identity",
        document(when("StringEquals", "aws:A", "${aws:B, 'x'}")),
        document(when("StringEquals", "aws:A", "${aws:B}")),
    ),
    (
        "variable-in-deny",
        "identity",
        document(unless("StringNotEquals", "aws:A", TAG)),
        document(when("StringEquals", "aws:A", TAG)),
    ),
    (
        "variable-in-deny",
        "identity",
        document(deny("s3:*", f"arn:aws:s3:::{TAG}")),
        document(deny("s3:*", "arn:aws:s3:::${*}")),
    ),
    (
        "not-principal",
        "bucket",
        document({**without(PLAIN, "Principal"), "NotPrincipal": {"AWS": ROLE}}),
        document({**PLAIN, "Principal": {"AWS": ROLE}}),
    ),
    (
        "allow-not-action",
        "identity",
        document({**without(PLAIN, "Action"), "NotAction": "iam:*"}),
        document({**without(deny(), "Action"), "NotAction": "iam:*"}),
    ),
    (
        "allow-not-resource",
        "identity",
        document({**without(PLAIN, "Resource"), "NotResource": "arn:aws:s3:::b"}),
        document({**without(deny(), "Resource"), "NotResource": "arn:aws:s3:::b"}),
    ),
    (
        "public-allow",
        "bucket",
        document({**PLAIN, "Principal": "*"}),
        document({**when("StringEquals", "aws:PrincipalOrgID", "o-1"), "Principal": "*"}),
    ),
    (
        "public-allow",
        "bucket",
        document({**PLAIN, "Principal": {"AWS": ["*"]}}),
        document(deny("s3:*", "*", Principal="*")),
    ),
    (
        "kms-root-use",
        "kms",
        document(allow("kms:*", Principal={"AWS": ACCOUNT})),
        document(allow(["kms:PutKeyPolicy", "kms:Describe*"], Principal={"AWS": ACCOUNT})),
    ),
    (
        "kms-root-use",
        "kms",
        document(allow("kms:Create*", Principal={"AWS": AWAY})),
        document(allow("kms:Decrypt", Principal={"AWS": ROLE})),
    ),
    (
        "deny-keys-anded",
        "kms",
        document(
            deny(
                Principal="*",
                Condition={"StringNotEquals": {"aws:PrincipalTag/orgId": "a", "kms:EncryptionContext:orgId": "a"}},
            )
        ),
        document(
            deny(
                Principal="*",
                Condition={
                    "StringNotEquals": {"aws:PrincipalTag/orgId": "a"},
                    "ArnNotEquals": {"aws:PrincipalArn": ROLE},
                },
            )
        ),
    ),
    ("trust-without-audience", "trust", document({**COGNITO, "Condition": {}}), TRUST),
]


def codes(value: Any, kind: Kind | None) -> set[str]:
    return {finding.code for finding in lint_text(json.dumps(value), kind)}


@pytest.mark.parametrize("code, kind, bad, good", SHOWN, ids=[f"{index}-{row[0]}" for index, row in enumerate(SHOWN)])
def test_each_finding_is_found_and_its_neighbour_is_clean(code: str, kind: Kind, bad: Any, good: Any) -> None:
    assert code in codes(bad, kind)
    assert not codes(good, kind) - {"allow-not-action"}


OIDC = f"arn:aws:iam::{HOME}:oidc-provider/Clerk.example/x"
SAML = f"arn:aws:iam::{HOME}:saml-provider/idp"


def trusting(kind: str, name: str, condition: Json | None = None) -> Json:
    return document({**COGNITO, "Principal": {kind: name}, "Condition": condition or {}})


CLEAN: list[tuple[Kind, Json]] = [
    ("trust", trusting("Service", "lambda.amazonaws.com")),
    ("trust", trusting("AWS", ROLE)),
    ("trust", trusting("Federated", SAML)),
    ("trust", trusting("Federated", OIDC, {"StringEquals": {"clerk.EXAMPLE/x:aud": "client"}})),
    ("trust", document({**COGNITO, "Effect": "Deny", "Condition": {}})),
    ("kms", document(deny("kms:*", Principal={"AWS": ACCOUNT}))),
    ("bucket", document(allow("kms:*", Principal={"AWS": ACCOUNT}))),
    ("identity", document(when("Null", value="True"))),
    ("identity", document(when("BoolIfExists", "aws:A", True, Bool={"AWS:a": True}))),
]


@pytest.mark.parametrize("kind, value", CLEAN, ids=range(len(CLEAN)))
def test_what_is_right_is_clean(kind: Kind, value: Json) -> None:
    assert not codes(value, kind)


def test_only_what_fails_without_the_key_requires_it() -> None:
    for other in (
        {"Null": {"aws:Other": "false"}},
        {"Null": {"aws:TagKeys": "true"}},
        {"StringEqualsIfExists": {"aws:RequestTag/a": "1"}},
        {"StringNotEquals": {"aws:RequestTag/a": "1"}},
        {"StringEquals": {"aws:RequestTagged": "1"}},
    ):
        assert "forallvalues-without-null" in codes(document(when(MANY, "aws:TagKeys", **other)), "identity"), other
    assert not codes(document(when(MANY, "aws:TagKeys", StringEquals={"AWS:requesttag/a": "1"})), "identity")


@pytest.mark.parametrize("provider", ["accounts.google.com", OIDC])
def test_a_trusted_provider_needs_its_own_audience(provider: str) -> None:
    value = trusting("Federated", provider, {"StringEquals": {"cognito-identity.amazonaws.com:aud": "x"}})
    assert codes(value, "trust") == {"trust-without-audience"}


@pytest.mark.parametrize("value", [{}, {"Statement": []}, {"Statement": None}, {"Statement": [None]}, None, "x"])
def test_a_document_has_a_statement(value: Any) -> None:
    assert codes(value, None) == {"malformed"}


def test_every_code_is_shown() -> None:
    assert {row[0] for row in SHOWN} | {"duplicate-key"} == CODES.keys()


def test_a_key_that_stands_twice_is_found_where_it_stands() -> None:
    text = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Effect": "Allow", "Action": "*", "Resource": "*"}]}'
    [finding] = lint_text(text)
    assert (finding.code, finding.path, finding.severity) == ("duplicate-key", "$.Statement[0]", "error")
    assert [str(problem) for problem in parse_text(text)[1]] == ["$.Statement[0]: `Effect` stands twice"]


@pytest.mark.parametrize("text", ["", "{", "[1,", "NaN", '{"Statement": Infinity}', "[" * 100_000, '"\\ud800'])
def test_text_that_is_no_json_is_one_finding(text: str) -> None:
    assert [finding.code for finding in lint_text(text)] == ["malformed"]


def test_every_problem_is_found_with_its_path() -> None:
    broken = {
        "Version": 2012,
        "Comment": "x",
        "Statement": [
            {"Effect": "allow", "Action": [1], "NotAction": "*", "Principal": {"Aws": 1}, "Condition": {"Bool": "x"}},
            "x",
            {"Effect": "Allow", "Action": "*", "Resource": {}, "Sid": 1, "Condition": {"Null": {"aws:A": None}}},
        ],
    }
    document, problems = parse(broken)
    assert document is None
    assert [problem.path for problem in problems] == [
        "$.Comment",
        "$.Version",
        "$.Statement[0].Effect",
        "$.Statement[0]",
        "$.Statement[0].Principal.Aws",
        "$.Statement[0].Principal.Aws",
        "$.Statement[0].Action",
        "$.Statement[0].Condition.Bool",
        "$.Statement[1]",
        "$.Statement[1].Effect",
        "$.Statement[2].Sid",
        "$.Statement[2].Resource",
        "$.Statement[2].Condition.Null.aws:A",
    ]


@pytest.mark.parametrize(
    "value, kind",
    [
        (ALL, "identity"),
        (TRUST, "trust"),
        (document(KMS), "kms"),
        (document({**PLAIN, "Principal": "*"}), "bucket"),
        (document(allow("sqs:*", Principal="*")), "resource"),
        (document(KMS, {**PLAIN, "Principal": "*"}), "resource"),
    ],
)
def test_the_kind_is_guessed_from_principals_and_services(value: Json, kind: Kind) -> None:
    parsed, _ = parse(value)
    assert parsed is not None
    assert guess_kind(parsed) == kind


def test_our_own_key_policy_is_clean() -> None:
    assert not lint_text((ROOT / "tests/golden/aws/key-policy-org_1.json").read_text(), "kms")


@given(wild_documents)
def test_no_document_is_an_exception(value: Any) -> None:
    for kind in (None, *KINDS):
        for finding in lint_text(json.dumps(value), kind):
            assert finding.code in CODES
