"""The key policy of one organization: a tracer of the core as a back end reads it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policyengine.backends.kms import CRYPTOGRAPHIC, Refused, emit_key_policy
from policyengine.compiler import compile_folders, compile_sources
from policyengine.ir.nodes import Program
from policyengine.source import Source
from tests import golden
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def program() -> Program:
    compiled = compile_folders(ROOT / "policies", ROOT / "schemas").program
    assert compiled is not None
    return compiled


def with_settings(program: Program, *settings: tuple[str, str, str]) -> Program:
    kept = {(kind, name): value for kind, name, value in program.aws} | {(k, n): v for k, n, v in settings}
    return replace(program, aws=tuple(sorted((k, n, v) for (k, n), v in kept.items())))


def renamed(*, key: str) -> Program:
    """Studio with another name for the key of the tenant."""
    files = [path for folder in ("policies", "schemas") for path in Path(ROOT / folder).iterdir()]
    compiled = compile_sources(Source(path.name, path.read_text().replace("orgId", key)) for path in files)
    assert compiled.program is not None
    return compiled.program


def statements(policy: dict[str, Any]) -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def test_the_key_policy_of_studio_is_the_golden_one(program: Program) -> None:
    golden.check("kms-org_1.json", json.dumps(emit_key_policy(program, "org_1"), indent=2) + "\n")


def test_every_statement_is_complete_and_plainly_named(program: Program) -> None:
    policy = emit_key_policy(program, "org_1")
    assert policy["Version"] == "2012-10-17"
    for sid, statement in statements(policy).items():
        assert sid.isascii()
        assert sid.isalnum()
        assert set(statement) == {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    for treacherous in ("${", "IfExists", "NotPrincipal", "NotAction", "ForAllValues", "ForAnyValue"):
        assert treacherous not in json.dumps(policy)


def test_tag_and_context_are_denied_each_by_itself(program: Program) -> None:
    denies = [s for s in emit_key_policy(program, "org_1")["Statement"] if s["Effect"] == "Deny"]
    conditions = [deny["Condition"] for deny in denies]
    assert conditions == [
        {"StringNotEquals": {"aws:PrincipalTag/orgId": "org_1"}},
        {"StringNotEquals": {"kms:EncryptionContext:orgId": "org_1"}},
    ]
    assert all(deny["Principal"] == "*" and deny["Action"] == CRYPTOGRAPHIC for deny in denies)


def test_only_the_authenticated_role_is_allowed_and_only_with_both(program: Program) -> None:
    [allow] = [s for s in emit_key_policy(program, "org_1")["Statement"] if s["Effect"] == "Allow"]
    assert allow["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/StudioAuthenticated"}
    assert allow["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    both = {"aws:PrincipalTag/orgId": "org_1", "kms:EncryptionContext:orgId": "org_1"}
    assert allow["Condition"] == {"StringEquals": both}


def test_the_names_follow_the_declared_key_of_the_tenant() -> None:
    policy = json.dumps(emit_key_policy(renamed(key="workspace"), "org_1"))
    assert "orgId" not in policy
    assert policy.count("aws:PrincipalTag/workspace") == policy.count("kms:EncryptionContext:workspace") == 2


def test_the_arn_follows_partition_account_and_role(program: Program) -> None:
    settings = (("partition", "", "aws-us-gov"), ("account", "", "000000000001"), ("role", "authenticated", "A.b@c"))
    policy = emit_key_policy(with_settings(program, *settings), "org_1")
    assert statements(policy)["AllowTenantUse"]["Principal"] == {"AWS": "arn:aws-us-gov:iam::000000000001:role/A.b@c"}


@pytest.mark.parametrize("org_id", ["", "org 1", "org*", "org?", "${aws:PrincipalTag/orgId}", "org\n", "o" * 65, "örg"])
def test_what_is_no_tenant_id_is_refused(program: Program, org_id: str) -> None:
    with pytest.raises(Refused) as refused:
        emit_key_policy(program, org_id)
    assert refused.value.code == "kms-tenant-id"


@pytest.mark.parametrize("kind, name", [("partition", ""), ("account", ""), ("role", "authenticated")])
def test_a_missing_setting_is_named(program: Program, kind: str, name: str) -> None:
    without = replace(program, aws=tuple(s for s in program.aws if s[:2] != (kind, name)))
    with pytest.raises(Refused, match=f"{kind} {name}".strip()) as refused:
        emit_key_policy(without, "org_1")
    assert refused.value.code == "aws-setting-missing"


@pytest.mark.parametrize(
    "kind, name, value",
    [
        ("account", "", "11112222333"),
        ("account", "", "1111222233334"),
        ("account", "", "11112222333a"),
        ("account", "", "１11122223333"),
        ("account", "", "111122223333\n"),
        ("partition", "", "AWS"),
        ("partition", "", "aws:iam"),
        ("partition", "", ""),
        ("role", "authenticated", ""),
        ("role", "authenticated", "*"),
        ("role", "authenticated", "path/Role"),
        ("role", "authenticated", "r" * 65),
    ],
)
def test_a_malformed_setting_is_refused(program: Program, kind: str, name: str, value: str) -> None:
    with pytest.raises(Refused, match=f"{kind} {name}".strip()) as refused:
        emit_key_policy(with_settings(program, (kind, name, value)), "org_1")
    assert refused.value.code == "aws-setting-value"
