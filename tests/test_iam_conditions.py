"""Every operator of a condition, with every modifier, against a table written out by hand.

Sources, in the AWS IAM User Guide: "IAM JSON policy elements: Condition operators" (the operators, a missing key,
IfExists, Null), "Single-valued vs. multivalued context keys" and "Multivalued context key examples" (the set operators),
"Conditions with multiple context keys or values" (AND of keys, OR of values, NOR under negation), "IAM JSON policy
elements: Condition" (names of keys compare without case), "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.iam import evaluate, read_request
from policyengine.iam.conditions import OPERATORS
from tests.studio import Row

ALLOW: dict[str, Any] = {"Sid": "Allow", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
USER = "arn:aws:iam::111122223333:user/alice"


def ask(*statements: dict[str, Any], context: dict[str, Any], version: str | None = "2012-10-17") -> str:
    """The decision for a user who has one identity policy."""
    document = {"Version": version, "Statement": list(statements)} if version else {"Statement": list(statements)}
    request = {
        "principal": USER,
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::studio-objects/org_1/a",
        "account": "111122223333",
        "context": context,
        "identity": [document],
    }
    return evaluate(read_request(request)).decision


def verdict(condition: dict[str, Any], version: str | None = "2012-10-17", **context: Any) -> str:
    """What a condition is, seen both ways: as the only reason to allow, and as the only reason to deny."""
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    allowed = ask(ALLOW | {"Condition": condition}, context=keys, version=version)
    denied = ask(
        ALLOW, {**ALLOW, "Sid": "Deny", "Effect": "Deny", "Condition": condition}, context=keys, version=version
    )
    both = {
        ("allowed", "explicit_deny"): "yes",
        ("implicit_deny", "allowed"): "no",
        ("undetermined", "undetermined"): "open",
        ("unsupported", "unsupported"): "unsupported",
    }
    return both[allowed, denied]


# ---- The table

SAMPLES = {  # operator: the policy's value, a value that it matches, and one that it does not
    "StringEquals": ("org_1", "org_1", "ORG_1"),
    "StringNotEquals": ("org_1", "org_1", "ORG_1"),
    "StringEqualsIgnoreCase": ("org_1", "ORG_1", "org_2"),
    "StringNotEqualsIgnoreCase": ("org_1", "ORG_1", "org_2"),
    "StringLike": ("org_?*", "org_1", "org_"),
    "StringNotLike": ("org_?*", "org_1", "org_"),
    "NumericEquals": ("10", "10.0", "9"),
    "NumericNotEquals": ("10", "10.0", "9"),
    "NumericLessThan": ("10", "9", "10"),
    "NumericLessThanEquals": ("10", "10", "10.5"),
    "NumericGreaterThan": ("10", "11", "10"),
    "NumericGreaterThanEquals": ("10", "10", "9.5"),
    "DateEquals": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z"),
    "DateNotEquals": ("2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z"),
    "DateLessThan": ("2026-01-01T00:00:00Z", "2025-12-31T23:59:59.5Z", "2026-01-01T00:00:00Z"),
    "DateLessThanEquals": ("2026-01-01T00:00:00Z", "1767225600", "1767225601"),
    "DateGreaterThan": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z", "2026-01-01T00:00:00Z"),
    "DateGreaterThanEquals": ("1767225600", "2026-01-01T00:00Z", "2025-12-31T23:59:00Z"),
    "Bool": ("true", True, False),
    "BinaryEquals": ("QmluYXJ5", "QmluYXJ5", "b3RoZXI="),
    "IpAddress": ("203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
    "NotIpAddress": ("203.0.113.0/24", "203.0.113.7", "203.0.114.7"),
    "ArnEquals": ("arn:aws:iam::*:role/R", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:role/S"),
    "ArnNotEquals": ("arn:aws:iam::*:role/R", "arn:aws:iam::111122223333:role/R", "arn:aws:iam::111122223333:role/S"),
    "ArnLike": ("arn:aws:iam::*:role/R?", "arn:aws:iam::111122223333:role/R1", "arn:aws:iam::111122223333:role/R"),
    "ArnNotLike": ("arn:aws:iam::*:role/R?", "arn:aws:iam::111122223333:role/R1", "arn:aws:iam::111122223333:role/R"),
}

POSITIVE = """
modifier               missing  equal  different  both-values  two-different  empty-list
-                      no       yes    no         open         no             no
IfExists               yes      yes    no         open         no             open
ForAllValues           yes      yes    no         no           no             yes
ForAnyValue            no       yes    no         yes          no             no
ForAllValues+IfExists  yes      yes    no         no           no             yes
ForAnyValue+IfExists   open     yes    no         yes          no             open
"""
NEGATED = """
modifier               missing  equal  different  both-values  two-different  empty-list
-                      yes      no     yes        open         yes            yes
IfExists               yes      no     yes        open         yes            yes
ForAllValues           yes      no     yes        no           yes            yes
ForAnyValue            no       no     yes        yes          yes            no
ForAllValues+IfExists  yes      no     yes        no           yes            yes
ForAnyValue+IfExists   open     no     yes        yes          yes            open
"""


def rows(table: str) -> list[Row]:
    head, *lines = (line.split() for line in table.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def spelled(operator: str, modifier: str) -> str:
    qualifier = next((f"{word}:" for word in ("ForAllValues", "ForAnyValue") if word in modifier), "")
    return f"{qualifier}{operator}{'IfExists' if 'IfExists' in modifier else ''}"


CASES = [
    (operator, row["modifier"], case, expected)
    for operator in SAMPLES
    for row in rows(NEGATED if "Not" in operator else POSITIVE)
    for case, expected in row.items()
    if case != "modifier"
]


def test_the_table_covers_every_operator() -> None:
    assert SAMPLES.keys() == OPERATORS.keys()
    assert len(CASES) == 26 * 6 * 6


@pytest.mark.parametrize("operator", SAMPLES)
def test_each_operator_with_each_modifier_is_as_the_table_says(operator: str) -> None:
    wanted, equal, different = SAMPLES[operator]
    contexts: dict[str, dict[str, Any]] = {
        "missing": {},
        "equal": {"aws:Key": equal},
        "different": {"aws:Key": different},
        "both-values": {"aws:Key": [equal, different]},
        "two-different": {"aws:Key": [different, different]},
        "empty-list": {"aws:Key": []},
    }
    for name, modifier, case, expected in CASES:
        if name == operator:
            condition = {spelled(operator, modifier): {"aws:Key": wanted}}
            assert verdict(condition, **contexts[case]) == expected, (modifier, case)


NULL = [  # the policy's value, the context, what it is
    ("true", {}, "yes"),
    ("false", {}, "no"),
    ("true", {"aws:Key": "x"}, "no"),
    ("false", {"aws:Key": "x"}, "yes"),
    ("true", {"aws:Key": None}, "yes"),
    ("false", {"aws:Key": None}, "no"),
    ("true", {"aws:Key": ["x", "y"]}, "no"),
    (True, {}, "yes"),
    (["true", "false"], {}, "yes"),
    (
        "false",
        {"aws:Key": ""},
        "open",
    ),  # "the key exists and its value is not null": of an empty value, it does not say
    ("false", {"aws:Key": []}, "open"),
    ("maybe", {}, "unsupported"),
]


@pytest.mark.parametrize("wanted, context, expected", NULL)
def test_null_tests_the_key_itself(wanted: Any, context: dict[str, Any], expected: str) -> None:
    assert verdict({"Null": {"aws:Key": wanted}}, **context) == expected


@pytest.mark.parametrize(
    "operator",
    ["NullIfExists", "ForAllValues:Null", "stringEquals", "StringEqual", "ForAll:StringEquals", "", "IfExists"],
)
def test_what_is_no_operator_is_unsupported(operator: str) -> None:
    assert verdict({operator: {"aws:Key": "x"}}, **{"aws:Key": "x"}) == "unsupported"


# ---- Several keys, several values ("Conditions with multiple context keys or values")


def test_keys_and_operators_are_anded() -> None:
    two = {"StringEquals": {"aws:A": "1", "aws:B": "2"}}
    assert verdict(two, aws__A="1", aws__B="2") == "yes"
    assert verdict(two, aws__A="1", aws__B="x") == "no"
    split = {"StringEquals": {"aws:A": "1"}, "StringNotEquals": {"aws:B": "2"}}
    assert verdict(split, aws__A="1", aws__B="x") == "yes"
    assert verdict(split, aws__A="1", aws__B="2") == "no"


def test_the_values_of_a_key_are_ored_and_under_negation_nored() -> None:
    assert verdict({"StringEquals": {"aws:A": ["1", "2"]}}, aws__A="2") == "yes"
    assert verdict({"StringNotEquals": {"aws:A": ["1", "2"]}}, aws__A="2") == "no"
    assert verdict({"StringNotEquals": {"aws:A": ["1", "2"]}}, aws__A="3") == "yes"
    assert verdict({"ForAnyValue:StringNotEquals": {"aws:A": ["1", "2"]}}, aws__A=["1", "2"]) == "no"
    assert verdict({"ForAllValues:StringEquals": {"aws:A": ["1", "2", "3"]}}, aws__A=["1", "2"]) == "yes"


def test_numbers_and_booleans_may_stand_without_quotes() -> None:
    assert verdict({"NumericLessThan": {"aws:A": 300000}}, aws__A=299999) == "yes"
    assert verdict({"Bool": {"aws:A": False}}, aws__A="false") == "yes"


def test_a_condition_of_no_values_is_open_and_an_empty_block_has_no_effect() -> None:
    assert verdict({"StringEquals": {"aws:A": []}}, aws__A="1") == "open"
    assert verdict({"StringEquals": {}}) == verdict({}) == "yes"


def test_an_empty_string_is_an_empty_data_set_to_set_operators_and_a_value_to_others() -> None:
    assert verdict({"ForAllValues:StringEquals": {"aws:A": "1"}}, aws__A="") == "yes"
    assert verdict({"ForAnyValue:StringEquals": {"aws:A": ""}}, aws__A="") == "no"
    assert verdict({"StringLike": {"s3:prefix": ["", "home/"]}}, s3__prefix="") == "yes"
    assert verdict({"ForAllValues:StringEquals": {"aws:A": "1"}}, aws__A=["1", ""]) == "open"


# ---- Case


def test_names_of_keys_compare_without_case_and_so_does_the_part_after_the_slash() -> None:
    assert (
        verdict({"StringEquals": {"AWS:principaltag/ORGID": "org_1"}}, **{"aws:PrincipalTag/orgId": "org_1"}) == "yes"
    )


def test_only_ascii_letters_have_a_case_in_names() -> None:
    assert verdict({"StringEquals": {"aws:PrincipalTag/k": "x"}}, **{"aws:PrincipalTag/\u212a": "x"}) == "no"


def test_two_spellings_of_one_key_in_a_request_leave_open_which_counts() -> None:
    """An encryption context is a case-sensitive map, and the key in a policy is not (AWS KMS condition keys)."""
    both = {"kms:EncryptionContext:orgId": "org_1", "kms:EncryptionContext:ORGID": "org_2"}
    assert verdict({"StringEquals": {"kms:EncryptionContext:orgId": "org_1"}}, **both) == "open"
    assert verdict({"StringEquals": {"kms:EncryptionContext:orgId": "org_3"}}, **both) == "no"


def test_a_key_that_stands_twice_under_one_operator_is_unsupported() -> None:
    assert verdict({"StringEquals": {"aws:A": "1", "aws:a": "2"}}, aws__A="1") == "unsupported"


def test_which_letters_beyond_ascii_are_one_letter_is_open() -> None:
    assert verdict({"StringEqualsIgnoreCase": {"aws:A": "Ä"}}, aws__A="ä") == "open"


# ---- Types


@pytest.mark.parametrize(
    "operator, wanted, actual, expected",
    [
        ("NumericEquals", "ten", "10", "unsupported"),
        ("NumericEquals", "10", "ten", "open"),
        ("NumericNotEquals", "10", "ten", "open"),
        ("DateLessThan", "2026-01-01", "2025-01-01T00:00:00Z", "unsupported"),  # no zone, so no instant
        ("DateLessThan", "2026-13-01T00:00:00Z", "1", "unsupported"),
        ("DateEquals", "2026-01-01T00:00:00+00:00", "1767225600", "yes"),
        ("DateEquals", "2026-01-01T00:00:00-05:30", "2026-01-01T05:30:00Z", "yes"),
        ("DateEquals", "2026-01-01T00:00:60Z", "1", "unsupported"),
        ("DateEquals", "2026-01-01T00:00:00+24:00", "1", "unsupported"),
        ("DateEquals", "2026-01-01T00:00:00+00:60", "1", "unsupported"),
        ("DateEquals", "2026-01-01T23:59:59+23:59", "2026-01-01T00:00:59Z", "yes"),
        ("Bool", "True", "true", "yes"),
        ("Bool", "yes", "true", "unsupported"),
        ("Bool", "false", "yes", "open"),
        ("BinaryEquals", "!", "AA==", "unsupported"),
        ("IpAddress", "203.0.113.7", "203.0.113.7", "yes"),  # without a prefix: /32
        ("IpAddress", "203.0.113.9/24", "203.0.113.7", "yes"),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", "yes"),
        ("IpAddress", "2001:db8::/32", "203.0.113.7", "no"),
        ("IpAddress", "203.0.113.0/24", "2001:db8::1", "no"),
        ("StringEqualsIgnoreCase", "ORG_1", "org_1", "yes"),
        ("IpAddress", "203.0.113.0/255.255.255.0", "203.0.113.7", "unsupported"),
        ("IpAddress", "203.0.113.0/24", "nowhere", "open"),
        ("ArnEquals", "*", "arn:aws:iam::111122223333:role/R", "unsupported"),
        ("ArnEquals", "arn:aws:iam::111122223333:role/R", "R", "no"),
    ],
)
def test_a_value_of_another_type_is_never_converted(operator: str, wanted: str, actual: str, expected: str) -> None:
    assert verdict({operator: {"aws:Key": wanted}}, **{"aws:Key": actual}) == expected


def test_the_parts_of_an_arn_are_compared_one_by_one() -> None:
    """The example of "Amazon Resource Name (ARN) condition operators"."""
    wanted = "arn:aws:someservice:*:111122223333:finance/*"
    actual = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
    assert verdict({"StringLike": {"aws:Key": wanted}}, **{"aws:Key": actual}) == "yes"
    assert verdict({"ArnLike": {"aws:Key": wanted}}, **{"aws:Key": actual}) == "no"


def test_stars_are_wildcards_under_like_and_arn_alone() -> None:
    assert verdict({"StringEquals": {"aws:Key": "org_*"}}, **{"aws:Key": "org_1"}) == "no"
    assert verdict({"StringEquals": {"aws:Key": "org_*"}}, **{"aws:Key": "org_*"}) == "yes"
    assert verdict({"StringLike": {"aws:Key": "${*}org_${?}"}}, **{"aws:Key": "*org_?"}) == "yes"
    assert verdict({"StringLike": {"aws:Key": "${*}org_${?}"}}, **{"aws:Key": "xorg_1"}) == "no"


# ---- Variables ("IAM policy elements: Variables and tags")

TAG = "${aws:PrincipalTag/orgId}"
TAGGED = {"aws:PrincipalTag/orgId": "org_1"}


def test_a_variable_takes_the_value_of_its_key_whatever_the_case_of_its_name() -> None:
    for operator in ("StringEquals", "StringLike", "StringEqualsIgnoreCase"):
        assert verdict({operator: {"aws:Key": TAG}}, **TAGGED, **{"aws:Key": "org_1"}) == "yes"
        assert (
            verdict({operator: {"aws:Key": TAG.upper().replace("AWS", "aws")}}, **TAGGED, **{"aws:Key": "org_1"})
            == "yes"
        )
        assert verdict({operator: {"aws:Key": TAG}}, **TAGGED, **{"aws:Key": "org_2"}) == "no"


@pytest.mark.parametrize("version", [None, "2008-10-17"])
def test_before_2012_a_variable_is_literal_text(version: str | None) -> None:
    condition = {"StringEquals": {"aws:Key": TAG}}
    assert verdict(condition, version, **TAGGED, **{"aws:Key": "org_1"}) == "no"
    assert verdict(condition, version, **TAGGED, **{"aws:Key": TAG}) == "yes"


@pytest.mark.parametrize(
    "operator, expected",
    [
        ("StringEquals", "no"),  # "there is no equal or like value"
        ("StringLike", "no"),
        ("StringNotEquals", "open"),  # "inverted operators match", but "the entire statement" may be "invalid"
        ("StringNotLike", "open"),
        ("ForAnyValue:StringLike", "no"),
        ("ForAnyValue:StringNotLike", "open"),
        ("ForAllValues:StringLike", "no"),
    ],
)
def test_a_variable_without_a_value_equals_nothing_and_may_void_the_statement(operator: str, expected: str) -> None:
    assert verdict({operator: {"aws:Key": TAG}}, **{"aws:Key": "org_1"}) == expected


def test_if_exists_of_a_missing_key_never_looks_at_its_variable() -> None:
    """ "To prevent variables from causing invalid statements, use the ...IfExists condition operator"."""
    assert verdict({"StringEqualsIfExists": {"aws:Key": TAG}}) == "yes"
    assert verdict({"StringNotEqualsIfExists": {"aws:Key": TAG}}, **{"aws:Key": "org_1"}) == "open"
    assert verdict({"StringNotEquals": {"aws:Key": TAG}}) == "open"


def test_what_no_reading_understands_is_unsupported_whatever_the_others_say() -> None:
    values: dict[str, Any] = {"aws:Key": ["1", "2"]}
    assert verdict({"NumericEquals": {"aws:Key": "one"}}, **values) == "unsupported"
    readings: dict[str, Any] = {"aws:Key": "1", "AWS:KEY": None}
    assert verdict({"NumericEquals": {"aws:Key": "one"}}, **readings) == "unsupported"


def test_a_default_is_a_real_string_and_makes_the_untagged_equal() -> None:
    condition = {"StringEquals": {"aws:Key": "${aws:PrincipalTag/orgId, 'none'}"}}
    assert verdict(condition, **{"aws:Key": "none"}) == "yes"
    assert verdict(condition, **TAGGED, **{"aws:Key": "none"}) == "no"


def test_an_empty_value_of_a_variable_may_be_null() -> None:
    condition = {"StringEquals": {"aws:Key": f"x{TAG}"}}
    assert verdict(condition, **{"aws:Key": "x", "aws:PrincipalTag/orgId": ""}) == "open"
    assert verdict(condition, **{"aws:Key": "y", "aws:PrincipalTag/orgId": ""}) == "no"


def test_whether_a_star_in_a_variable_is_a_wildcard_is_open() -> None:
    condition = {"StringLike": {"aws:Key": f"{TAG}#*"}}
    assert verdict(condition, **{"aws:PrincipalTag/orgId": "org_*", "aws:Key": "org_1#a"}) == "open"
    assert verdict(condition, **{"aws:PrincipalTag/orgId": "org_*", "aws:Key": "org_*#a"}) == "yes"
    assert verdict(condition, **{"aws:PrincipalTag/orgId": "org_*", "aws:Key": "x"}) == "no"


def test_a_set_operator_needs_like_with_a_variable() -> None:
    values: dict[str, Any] = {"aws:Key": ["org_1"], **TAGGED}
    assert verdict({"ForAnyValue:StringLike": {"aws:Key": TAG}}, **values) == "yes"
    assert verdict({"ForAnyValue:StringEquals": {"aws:Key": TAG}}, **values) == "open"


@pytest.mark.parametrize(
    "text",
    ["${aws:PrincipalTag/orgId", "${ aws:PrincipalTag/orgId }", "${}", "${orgId}", "${aws:A,'x'}", "${aws:A, x}"],
)
def test_a_malformed_variable_is_unsupported(text: str) -> None:
    assert verdict({"StringEquals": {"aws:Key": text}}, **TAGGED, **{"aws:Key": "org_1"}) == "unsupported"


def test_a_variable_stands_under_string_and_arn_operators_alone() -> None:
    assert (
        verdict({"NumericEquals": {"aws:Key": "${aws:Other}"}}, **{"aws:Key": "1", "aws:Other": "1"}) == "unsupported"
    )
    role = {"aws:Key": "arn:aws:s3:::org_1", **TAGGED}
    assert verdict({"ArnEquals": {"aws:Key": f"arn:aws:s3:::{TAG}"}}, **role) == "yes"


def test_a_key_of_several_values_is_no_variable() -> None:
    assert verdict({"StringEquals": {"aws:A": "${aws:B}"}}, aws__A="1", aws__B=["1", "2"]) == "unsupported"
