"""The documents of AWS: judged by a table of requests, followed through renamings, and refused where they cannot hold."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from policyengine.backends.aws import Refused, as_text, emit_documents, emit_texts
from policyengine.backends.aws.key_policy import key_policy
from policyengine.backends.aws.limits import LIMITS, check_template
from policyengine.backends.aws.settings import ALWAYS, ANY, CONCERNS, CROSSING, DIRECT, KEYED, NEVER, SETTINGS
from policyengine.backends.aws.view import read_settings
from policyengine.cli import build_aws, failures
from policyengine.compiler import compile_sources
from policyengine.iam import evaluate, read_request
from policyengine.iam.lint import Kind, lint_text
from policyengine.ir.nodes import Program
from policyengine.source import Source
from tests import aws_requests, golden
from tests.aws_requests import Row
from tests.conftest import ROOT
from tests.test_docs import check_copy

Json = dict[str, Any]


# ---- Programs


def compiled(*changes: tuple[str, str], only: str = "") -> Program:
    """Studio with texts replaced, in all its files or in one."""
    sources = []
    for path in sorted((*(ROOT / "policies").iterdir(), *(ROOT / "schemas").iterdir())):
        text = path.read_text("utf-8")
        for old, new in changes if not only or path.name == only else ():
            text = text.replace(old, new)
        if path.name != "tests.policy":
            sources.append(Source(path.name, text))
    done = compile_sources(sources)
    assert done.program is not None, done.diagnostics
    return done.program


@pytest.fixture(scope="module")
def program() -> Program:
    return compiled()


@pytest.fixture(scope="module")
def documents(program: Program) -> dict[str, Json]:
    return emit_documents(program, aws_requests.ORGS)


@pytest.fixture(scope="module")
def in_emergency(program: Program) -> dict[str, Json]:
    return emit_documents(program, ["org_1"], deny_users=["user_9"], deny_tokens_before="2026-06-01T12:00:00Z")


def with_settings(program: Program, settings: Iterable[tuple[str, str, str | None]]) -> Program:
    """Settings added, changed, or taken away with None."""
    kept: dict[tuple[str, str], str | None] = {(kind, name): value for kind, name, value in program.aws}
    kept |= {(kind, name): value for kind, name, value in settings}
    return replace(program, aws=tuple(sorted((k, n, v) for (k, n), v in kept.items() if v is not None)))


def statements(document: Json) -> dict[str, Json]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


def policies(documents: dict[str, Json]) -> dict[str, Json]:
    return {file: document for file, document in documents.items() if "Statement" in document}


# ---- The table


@cache
def rows(group: str) -> tuple[Row, ...]:
    return tuple(aws_requests.emergency() if group == "emergency" else aws_requests.GROUPS[group]())


def decision(row: Row, documents: dict[str, Json]) -> str:
    answer = evaluate(read_request(row.request(documents))).decision
    return {"allowed": "allowed", "explicit_deny": "denied", "implicit_deny": "denied"}.get(answer, answer)


def wrong(table: Iterable[Row], documents: dict[str, Json]) -> list[str]:
    found = []
    for row in table:
        got = decision(row, documents)
        if got != row.expected:
            found.append(
                f"{row.why}: {row.principal} {row.action} {row.resource} {row.context}: {got}, not {row.expected}"
            )
    return found


@pytest.mark.parametrize("group", aws_requests.GROUPS)
def test_every_request_gets_the_decision_that_studio_demands(group: str, documents: dict[str, Json]) -> None:
    assert not wrong(rows(group), documents)


def test_in_an_emergency_who_is_denied_is_denied_and_nobody_else(in_emergency: dict[str, Json]) -> None:
    assert not wrong(rows("emergency"), in_emergency)


def test_the_table_is_as_large_and_as_varied_as_it_claims() -> None:
    table = [row for group in (*aws_requests.GROUPS, "emergency") for row in rows(group)]
    assert len(table) >= 400
    assert len({json.dumps(row.__dict__, default=sorted) for row in table}) >= 0.98 * len(table)
    assert {row.expected for row in table} == {"allowed", "denied"}
    assert sum(row.expected == "allowed" for row in table) >= 100
    assert all((row.expected == "denied") or not row.alone for row in table)
    assert sum(bool(row.alone) for row in table) >= 400


OPEN: Json = {"Sid": "Open", "Effect": "Allow", "Action": "*", "Resource": "*"}


def opened(documents: dict[str, Json]) -> dict[str, Json]:
    """As if every Allow that anybody could wish for were there."""
    changed = deepcopy(policies(documents))
    for file, document in changed.items():
        allow = dict(OPEN)
        if file.startswith("key-policy") or file in ("bucket-policy.json",) or file.endswith("-trust.json"):
            allow["Principal"] = "*"
        if file.endswith("-trust.json"):
            del allow["Resource"]
        document["Statement"].append(allow)
    return changed


def undenied(documents: dict[str, Json]) -> dict[str, Json]:
    """As if no Deny were there."""
    changed = deepcopy(policies(documents))
    for document in changed.values():
        document["Statement"] = [each for each in document["Statement"] if each["Effect"] == "Allow"] or [
            {"Sid": "Nothing", "Effect": "Allow", "Action": "none:Nothing", "Resource": "*"}
        ]
    return changed


@pytest.mark.parametrize("group", [*aws_requests.GROUPS, "emergency"])
def test_denies_hold_though_every_allow_were_there(
    group: str, documents: dict[str, Json], in_emergency: dict[str, Json]
) -> None:
    table = [
        replace(row, identity=(*row.identity, aws_requests.ANYTHING)) for row in rows(group) if "denies" in row.alone
    ]
    assert not wrong(table, opened(in_emergency if group == "emergency" else documents))


@pytest.mark.parametrize("group", aws_requests.GROUPS)
def test_allows_hold_though_no_deny_were_there(group: str, documents: dict[str, Json]) -> None:
    assert not wrong([row for row in rows(group) if "allows" in row.alone], undenied(documents))


# ---- The table is a judge: whatever is taken from a document, some row notices


def without_each_deny(document: Json) -> Iterator[tuple[str, Json]]:
    for at, statement in enumerate(document["Statement"]):
        if statement["Effect"] == "Deny":
            changed = deepcopy(document)
            del changed["Statement"][at]
            yield statement["Sid"], changed


def without_each_condition(document: Json) -> Iterator[tuple[str, Json]]:
    for at, statement in enumerate(document["Statement"]):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys if statement["Effect"] == "Allow" else ():
                changed = deepcopy(document)
                del changed["Statement"][at]["Condition"][operator][key]
                yield f"{statement['Sid']}: {operator} {key}", changed


SAID_TWICE = {
    # A tag without a value never equals one, nor makes a path: the Null says so once more.
    "tenant-permissions.json: Rows: Null aws:PrincipalTag/orgId",
    "tenant-permissions.json: Indexes: Null aws:PrincipalTag/orgId",
    "tenant-permissions.json: Objects: Null aws:PrincipalTag/orgId",
}

Change = Callable[[Json], Iterator[tuple[str, Json]]]


def judged_alone(file: str, document: Json, documents: dict[str, Json]) -> dict[str, Json]:
    """The document as it is, among identity policies that allow everything and resources that leave it all to them."""
    delegated = {**OPEN, "Principal": {"AWS": f"arn:aws:iam::{aws_requests.ACCOUNT}:root"}}
    others = {}
    for other, opened_document in undenied(opened(documents)).items():
        allow = opened_document["Statement"][-1]
        is_identity = "Principal" not in allow
        others[other] = {**opened_document, "Statement": [OPEN if is_identity else {**allow, **delegated}]}
        if "Resource" not in allow:
            del others[other]["Statement"][0]["Resource"]
    return {**others, file: document}


def unnoticed(documents: dict[str, Json], files: Iterable[str], groups: Iterable[str], change: Change) -> list[str]:
    """The changes to a document by which no row of the table is answered otherwise."""
    found = []
    table = [row for group in groups for row in rows(group) if row.expected == "denied"]
    for file in files:
        made = list(change(documents[file]))
        alone = judged_alone(file, documents[file], documents)
        judges = [row for row in table if file in (*row.identity, row.policy, row.boundary)] if made else []
        judges = [row for row in judges if decision(row, alone) == "denied"]
        for what, changed in made:
            if not any(decision(row, {**alone, file: changed}) != "denied" for row in judges):
                found.append(f"{file}: {what}")
    return found


SEEN_ONCE = ("key-policy-org_2.json", "key-policy-org_10.json")
"""They are as the first key policy is, but for the organization."""


def test_a_deny_that_is_missing_is_noticed(documents: dict[str, Json]) -> None:
    whole = opened(documents)
    files = [file for file in whole if file not in SEEN_ONCE]
    assert unnoticed(whole, files, aws_requests.GROUPS, without_each_deny) == []


def test_an_emergency_deny_that_is_missing_is_noticed(in_emergency: dict[str, Json]) -> None:
    whole = opened(in_emergency)

    def change(document: Json) -> Iterator[tuple[str, Json]]:
        return ((what, changed) for what, changed in without_each_deny(document) if what.startswith("Emergency"))

    assert unnoticed(whole, ["key-policy-org_1.json", "authenticated-emergency.json"], ["emergency"], change) == []


def test_a_condition_that_is_missing_from_an_allow_is_noticed(documents: dict[str, Json]) -> None:
    bare = undenied(documents)
    files = [file for file in bare if file not in SEEN_ONCE]
    assert set(unnoticed(bare, files, aws_requests.GROUPS, without_each_condition)) == SAID_TWICE


# ---- Bytes


def test_the_documents_of_two_organizations_are_the_golden_ones(program: Program) -> None:
    emitted = emit_documents(program, ["org_1", "org_2"])
    for file, document in emitted.items():
        golden.check(f"aws/{file}", as_text(document))
    assert {path.name for path in (golden.FOLDER / "aws").iterdir()} == set(emitted)


def test_the_same_source_gives_the_same_bytes_whatever_the_order(program: Program) -> None:
    def texts(orgs: list[str], users: list[str]) -> dict[str, str]:
        emitted = emit_documents(program, orgs, deny_users=users, deny_tokens_before="2026-06-01T00:00:00Z")
        return {file: as_text(document) for file, document in emitted.items()}

    one = texts(["org_1", "org_2"], ["ann", "bob"])
    assert list(one) == sorted(one)
    assert list(texts(["org_2", "org_1", "org_2"], ["bob", "ann", "bob"]).items()) == list(one.items())


def test_the_same_source_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys; from policyengine.compiler import compile_folders; from policyengine.backends import aws;"
        "made = aws.emit_documents(compile_folders('policies', 'schemas').program, ['org_1'], deny_users=['b', 'a']);"
        "sys.stdout.write(''.join(name + aws.as_text(document) for name, document in made.items()))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_time_is_written_in_utc_and_never_earlier_than_it_was_said(program: Program) -> None:
    for said, written in {
        "2026-06-01T00:00:00Z": "2026-06-01T00:00:00Z",
        "2026-06-01T02:30:00+02:30": "2026-06-01T00:00:00Z",
        "2026-05-31T23:59:59.000000001Z": "2026-06-01T00:00:00Z",
        "0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z",
    }.items():
        emitted = emit_documents(program, ["org_1"], deny_tokens_before=said)
        for file in ("key-policy-org_1.json", "authenticated-emergency.json"):
            deny = statements(emitted[file])["EmergencyDenyOldTokens"]
            assert deny["Condition"]["DateLessThan"] == {"aws:TokenIssueTime": written}


# ---- Form


KINDS: dict[str, Kind] = {"trust": "trust", "boundary": "boundary", "permissions": "identity", "emergency": "identity"}


def kind_of(file: str) -> Kind:
    if file.startswith("key-policy"):
        return "kms"
    return "bucket" if file == "bucket-policy.json" else KINDS[file.removesuffix(".json").rpartition("-")[2]]


def test_no_document_has_a_finding(documents: dict[str, Json], in_emergency: dict[str, Json]) -> None:
    for emitted in (documents, in_emergency):
        for file, document in policies(emitted).items():
            assert not lint_text(as_text(document), kind_of(file)), file


def test_statements_are_plainly_named_and_nothing_treacherous_stands_in_them(
    documents: dict[str, Json], in_emergency: dict[str, Json]
) -> None:
    for emitted in (documents, in_emergency):
        for file, document in policies(emitted).items():
            assert document["Version"] == "2012-10-17"
            assert len(statements(document)) == len(document["Statement"])
            for sid, statement in statements(document).items():
                assert re.fullmatch("[A-Za-z0-9]+", sid)
                text = json.dumps(statement)
                assert not re.search(r"NotPrincipal|IfExists|NotAction|\$\{[^}]*,", text), (file, sid)
                assert not (statement["Effect"] == "Deny" and "${" in text), (file, sid)
                assert not (
                    statement["Effect"] == "Allow" and re.search(r"NotResource|Scan|\"dynamodb:\*|PartiQL", text)
                )
                assert ("Resource" in statement or "NotResource" in statement) != file.endswith("-trust.json")


def test_a_key_policy_has_no_variable_and_no_other_organization(documents: dict[str, Json]) -> None:
    for org in aws_requests.ORGS:
        text = json.dumps(documents[f"key-policy-{org}.json"])
        assert "${" not in text
        assert set(re.findall(r'"(org_\w*)"', text)) == {org}


def test_tag_context_and_names_are_denied_each_by_itself(documents: dict[str, Json]) -> None:
    found = statements(documents["key-policy-org_1.json"])
    rewrap = {"aws:PrincipalArn": aws_requests.role("StudioRewrap")}
    names = ["dekVersion", "orgId", "resourceId", "resourceType"]
    assert found["DenyWrongOrMissingTag"]["Condition"] == {
        "ArnNotEquals": rewrap,
        "StringNotEquals": {"aws:PrincipalTag/orgId": "org_1"},
    }
    assert found["DenyWrongOrMissingContext"]["Condition"] == {
        "StringNotEquals": {"kms:EncryptionContext:orgId": "org_1"}
    }
    assert found["DenyUnexpectedContextNames"]["Condition"] == {
        "ForAnyValue:StringNotEquals": {"kms:EncryptionContextKeys": names}
    }


def test_the_boundary_is_made_of_the_same_statements(documents: dict[str, Json]) -> None:
    assert documents["authenticated-boundary.json"] == documents["authenticated-permissions.json"]


def test_the_tag_map_goes_from_tag_to_claim_and_leaves_the_default_off(documents: dict[str, Json]) -> None:
    assert documents["tag-map.json"] == {
        "IdentityPoolId": aws_requests.POOL,
        "IdentityProviderName": "arn:aws:iam::111122223333:oidc-provider/clerk.studio.example",
        "UseDefaults": False,
        "PrincipalTags": {"orgId": "org_id", "userId": "sub"},
    }
    pool = documents["identity-pool.json"]
    assert (pool["AllowUnauthenticatedIdentities"], pool["AllowClassicFlow"]) == (False, False)
    assert set(documents["bucket-public-access.json"].values()) == {True}


def test_without_an_emergency_nothing_of_it_is_there(documents: dict[str, Json], in_emergency: dict[str, Json]) -> None:
    assert "Emergency" not in json.dumps(documents)
    added = {
        file: [sid for sid in statements(document) if sid.startswith("Emergency")]
        for file, document in policies(in_emergency).items()
    }
    both = ["EmergencyDenyUsers", "EmergencyDenyOldTokens"]
    assert {file: sids for file, sids in added.items() if sids} == {
        "key-policy-org_1.json": both,
        "authenticated-emergency.json": both,
    }
    for file, document in policies(documents).items():
        if file in in_emergency:
            kept = [each for each in in_emergency[file]["Statement"] if not each["Sid"].startswith("Emergency")]
            assert kept == document["Statement"]


def test_one_user_can_be_denied_without_a_time_and_the_other_way_round(program: Program) -> None:
    for options, sids in (
        ({"deny_users": ["ann"]}, ["EmergencyDenyUsers"]),
        ({"deny_tokens_before": "2026-06-01T00:00:00Z"}, ["EmergencyDenyOldTokens"]),
    ):
        emitted = emit_documents(program, ["org_1"], **options)
        assert list(statements(emitted["authenticated-emergency.json"])) == sids


# ---- What the policy says is typed once, in the policy


def test_the_tenants_key_is_renamed_everywhere_at_once(documents: dict[str, Json]) -> None:
    renamed = emit_documents(compiled(("orgId", "workspace")), aws_requests.ORGS)
    for file, document in documents.items():
        if file != "index.json":
            text = as_text(document)
            assert json.loads(text.replace("orgId", "workspace")) == _in_order(renamed[file], like=document), file
            assert "orgId" not in as_text(renamed[file])
    shown = as_text(renamed["tenant-permissions.json"]) + as_text(renamed["key-policy-org_1.json"])
    for part in ('"${aws:PrincipalTag/workspace}#*"', "studio-objects/${aws:PrincipalTag/workspace}/*"):
        assert part in shown
    for part in ("aws:PrincipalTag/workspace", "kms:EncryptionContext:workspace", '"workspace"'):
        assert part in shown


def _in_order(document: Any, *, like: Any) -> Any:
    """Lists of names are sorted, so a new name may stand elsewhere in one."""
    if isinstance(document, dict):
        renamed = {key: key.replace("orgId", "workspace") for key in like}
        return {key: _in_order(document[key], like=like[old]) for old, key in renamed.items()}
    if isinstance(document, list) and document and all(isinstance(each, str) for each in document):
        wanted = [each.replace("orgId", "workspace") for each in like]
        return wanted if sorted(wanted) == document else document
    if isinstance(document, list):
        return [_in_order(each, like=other) for each, other in zip(document, like, strict=True)]
    return document


def test_what_names_a_record_follows_the_grant_rows() -> None:
    renamed = emit_documents(compiled(("resourceType", "kind"), ("resourceId", "item")), ["org_1"])
    policy = statements(renamed["key-policy-org_1.json"])
    assert policy["Rewrap"]["Condition"]["Null"] == {"kms:EncryptionContext:item": "false"}
    assert "kms:EncryptionContext:kind" in policy["Rewrap"]["Condition"]["StringEquals"]
    names = policy["TenantUse"]["Condition"]["ForAllValues:StringEquals"]["kms:EncryptionContextKeys"]
    assert names == ["dekVersion", "item", "kind", "orgId"]
    assert "resourceType" not in json.dumps(policies(renamed))


def test_a_type_that_can_be_shared_is_re_wrapped_and_its_folders_are_not() -> None:
    changed = compiled(("Folder, Host, Diagram", "Folder, Host, Playbook, Diagram"))
    for policy in (emit_documents(changed, ["org_1"])["key-policy-org_1.json"],):
        types = statements(policy)["Rewrap"]["Condition"]["StringEquals"]["kms:EncryptionContext:resourceType"]
        assert types == sorted([*aws_requests.SHARED, "Playbook"])
        denied = statements(policy)["DenyRewrapOfOtherTypes"]["Condition"]["StringNotEquals"]
        assert denied == {"kms:EncryptionContext:resourceType": types}


def test_where_nothing_crosses_nothing_is_re_wrapped() -> None:
    home = compiled(("crosses on the record itself", ""))
    gone = [("role", "rewrap", None), ("function", "rewrap", None)]
    emitted = emit_documents(with_settings(home, gone), ["org_1"])
    assert "ewrap" not in json.dumps(policies(emitted))
    assert "rewrap-permissions.json" not in emitted
    policy = statements(emitted["key-policy-org_1.json"])
    assert policy["DenyWrongOrMissingTag"]["Condition"] == {"StringNotEquals": {"aws:PrincipalTag/orgId": "org_1"}}
    assert "Condition" not in policy["DenyReEncryptByOthers"]
    unused = emit_documents(home, ["org_1"])
    assert "RewrapRole" not in unused["cloudformation-shared.json"]["Resources"]


CHANGED_SETTINGS = {
    ("partition", ""): "aws-us-gov",
    ("region", ""): "us-gov-west-1",
    ("account", ""): "999988887777",
    ("role", "authenticated"): "Role.Of@Users",
    ("role", "tenant_data"): "RoleOfTenants",
    ("role", "rewrap"): "RoleOfWraps",
    ("role", "deployment"): "RoleOfDeployment",
    ("role", "break_glass"): "RoleOfGlass",
    ("role", "resolver"): "RoleOfRows",
    ("role", "signer"): "RoleOfUrls",
    ("assumed_by", "deployment"): "role/Pipeline2",
    ("assumed_by", "break_glass"): "role/Glass2",
    ("function", "resolver"): "rows2",
    ("function", "signer"): "urls2",
    ("function", "rewrap"): "wraps2",
    ("issuer", ""): "https://id.example.org/tenant-2",
    ("audience", "desktop"): "client2",
    ("claim", "tenant_id"): "organization",
    ("claim", "user_id"): "person",
    ("tag", "user_id"): "person_tag",
    ("tenant_like", ""): "acme-?*",
    ("identity_pool", ""): "eu-west-1:99999999-2222-3333-4444-555555555555",
    ("pool_name", ""): "pool2",
    ("table", "records"): "Records2",
    ("key", "records"): "tenant|kind|id",
    ("index", "by_member"): "records/Index2",
    ("key", "by_member"): "tenant;member",
    ("index", "by_kind"): "records/Kinds2",
    ("key", "by_kind"): "tenant;kind",
    ("attributes", "records"): "partition2 sort2",
    ("attributes", "by_member"): "whose2",
    ("attributes", "by_kind"): "which2 when2",
    ("bucket", "objects"): "objects-2",
    ("signature_seconds", ""): "77",
    ("model", "chat"): "meta.*",
    ("context_version", ""): "generation",
    ("kms", "alias"): "keys2/",
    ("kms", "rotation_days"): "180",
    ("stack", ""): "stack2",
}


def test_every_setting_is_followed_wherever_it_stands(program: Program, documents: dict[str, Json]) -> None:
    """Each is changed by itself: its old text is gone from all documents, and its new text is there."""
    told_by_others = {("api", ""), ("partition", ""), ("region", ""), ("tag", "user_id")}
    for (kind, name), value in CHANGED_SETTINGS.items():
        old = program.setting(kind, name)
        emitted = json.dumps(emit_documents(with_settings(program, [(kind, name, value)]), ["org_1"]))
        shown = {
            "key": value[6:7] + "*",
            "index": value.partition("/")[2],
            "attributes": value.partition(" ")[0],
            "issuer": "id.example.org/tenant-2",
        }.get(kind, value)
        assert f"{shown}000" in emitted if kind == "signature_seconds" else shown in emitted, (kind, name)
        if (kind, name) not in told_by_others and kind not in (
            "key",
            "role",
            "stack",
            "pool_name",
            "signature_seconds",
        ):
            assert f'"{old}"' not in emitted, (kind, name)
    everything = emit_documents(
        with_settings(program, ((k, n, v) for (k, n), v in CHANGED_SETTINGS.items())), ["acme-1"]
    )
    text = json.dumps({file: document for file, document in everything.items() if file != "index.json"})
    for old in (
        "111122223333",
        "us-east-1",
        "Studio",
        "studio",
        "dekVersion",
        "userId",
        "anthropic",
        "arn:aws:",
        "clerk",
    ):
        assert old not in text, old
    settings = {(kind, name) for kind, name, _ in program.aws if kind not in ("api", "answers")}
    assert settings == set(CHANGED_SETTINGS)


# ---- The index


def test_the_index_says_of_each_statement_what_it_answers(program: Program, in_emergency: dict[str, Json]) -> None:
    rules, threats = {rule.id for rule in program.rules}, {threat.id for threat in program.threats}
    index = in_emergency["index.json"]
    assert {file: list(entries) for file, entries in index.items()} == {
        file: list(statements(document)) for file, document in policies(in_emergency).items()
    }
    for file, entries in index.items():
        for sid, entry in entries.items():
            assert set(entry) == {"purpose", "rules", "threats"}
            assert rules.issuperset(entry["rules"])
            assert threats.issuperset(entry["threats"])
            assert entry["rules"] or entry["threats"], (file, sid)
            assert len(entry["purpose"]) > 10


def test_the_index_tells_isolation_from_sharing_and_from_revocation(in_emergency: dict[str, Json]) -> None:
    entries = in_emergency["index.json"]["key-policy-org_1.json"]
    assert "Scoped.always.record_owner" in entries["DenyWrongOrMissingTag"]["rules"]
    assert entries["Rewrap"]["rules"] == [
        "Scoped.CUSTOM.grant_editor",
        "Scoped.CUSTOM.grant_viewer",
        "folder_abroad",
        "share_rewrap",
    ]
    assert entries["EmergencyDenyUsers"]["threats"] == ["compromised_teammate", "removed_operator"]
    assert entries["DenyWrongOrMissingContext"]["threats"] == ["curious_co_tenant", "stolen_storage"]
    bucket = in_emergency["index.json"]["bucket-policy.json"]
    assert bucket["DenyInsecureTransport"]["threats"] == ["network_adversary"]


def test_without_a_word_on_what_answers_it_a_threat_is_answered_by_its_layers(program: Program) -> None:
    silent = with_settings(program, [("answers", "removed_operator", None)])
    index = emit_documents(silent, ["org_1"])["index.json"]
    layers = {
        file: {threat for entry in entries.values() for threat in entry["threats"]} for file, entries in index.items()
    }
    assert "removed_operator" in layers["key-policy-org_1.json"]
    assert "removed_operator" not in layers["bucket-policy.json"]


# ---- Templates


def test_the_templates_hold_the_documents(program: Program, in_emergency: dict[str, Json]) -> None:
    shared = in_emergency["cloudformation-shared.json"]["Resources"]
    role = shared["AuthenticatedRole"]["Properties"]
    assert role["AssumeRolePolicyDocument"] == in_emergency["authenticated-trust.json"]
    assert role["PermissionsBoundary"] == {"Ref": "AuthenticatedBoundary"}
    in_line = {each["PolicyName"]: each["PolicyDocument"] for each in role["Policies"]}
    assert in_line == {
        "permissions": in_emergency["authenticated-permissions.json"],
        "emergency": in_emergency["authenticated-emergency.json"],
    }
    for name in ("Tenant", "Resolver", "Signer", "Rewrap", "Deployment", "BreakGlass"):
        file = {"BreakGlass": "break-glass"}.get(name, name.lower())
        properties = shared[f"{name}Role"]["Properties"]
        assert properties["AssumeRolePolicyDocument"] == in_emergency[f"{file}-trust.json"]
        assert properties["Policies"][0]["PolicyDocument"] == in_emergency[f"{file}-permissions.json"]
        assert len(properties["Policies"]) == 1
    assert shared["BucketPolicy"]["Properties"]["PolicyDocument"] == in_emergency["bucket-policy.json"]
    assert shared["TagMap"]["Properties"] == in_emergency["tag-map.json"]
    assert (
        shared["AuthenticatedBoundary"]["Properties"]["PolicyDocument"] == in_emergency["authenticated-boundary.json"]
    )
    key = in_emergency["cloudformation-org.json"]["Resources"]["Key"]["Properties"]
    assert filled_in(key["KeyPolicy"], "org_1") == in_emergency["key-policy-org_1.json"]
    assert filled_in(key["Tags"], "org_1") == [{"Key": "orgId", "Value": "org_1"}]
    assert (key["PendingWindowInDays"], key["EnableKeyRotation"], key["MultiRegion"]) == (30, True, False)


def filled_in(value: Any, org: str) -> Any:
    """As CloudFormation puts the parameter in."""
    if value == {"Ref": "TenantId"}:
        return org
    if isinstance(value, dict):
        return {key: filled_in(each, org) for key, each in value.items()}
    return [filled_in(each, org) for each in value] if isinstance(value, list) else value


def test_the_template_of_one_organization_is_for_any(documents: dict[str, Json]) -> None:
    template = documents["cloudformation-org.json"]
    assert "org_1" not in json.dumps(template)
    pattern = template["Parameters"]["TenantId"]["AllowedPattern"]
    assert re.fullmatch(pattern, "A-z_9" + "x" * 59)
    for none in ("", "a b", "x" * 65, "${a}"):
        assert not re.search(pattern, none)


# ---- What the source asks for directly


CATALOG: list[tuple[str, str, str | None]] = [
    ("table", "catalog", "StudioCatalog"),
    ("key", "catalog", "tenant#id"),
    ("direct_read", "tools", "catalog"),
]


def test_what_users_are_given_past_the_resolver_says_so(program: Program) -> None:
    asked = [*CATALOG, ("holds", "catalog", "Connector Tool"), ("direct_field", "list_tools", "Query.listTools")]
    emitted = emit_documents(with_settings(program, asked), ["org_1"])
    entries = emitted["index.json"]["authenticated-permissions.json"]
    for sid in ("ReadTools", "FieldListTools"):
        assert "organization only: scopes not enforced" in entries[sid]["purpose"]
    for file in ("authenticated-permissions.json", "authenticated-boundary.json"):
        found = statements(emitted[file])
        assert found["ReadTools"]["Action"] == ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"]
        assert found["ReadTools"]["Resource"] == "arn:aws:dynamodb:us-east-1:111122223333:table/StudioCatalog"
        assert found["ReadTools"]["Condition"]["Null"]["dynamodb:LeadingKeys"] == "false"
        api = "arn:aws:appsync:us-east-1:111122223333:apis/studioapi1234567890abcdefg"
        assert found["FieldListTools"]["Resource"] == f"{api}/types/Query/fields/listTools"
        assert not lint_text(as_text(emitted[file]), kind_of(file))
    tenant = statements(emitted["tenant-permissions.json"])["Rows"]["Resource"]
    assert [arn.rpartition("/")[2] for arn in tenant] == ["StudioCatalog", "StudioRecords"]


@pytest.mark.parametrize(
    "held", [None, "Host", "Tool Folder", "KeychainEntry", "ResourceShareMember", "Tool wraps", "intents"]
)
def test_no_user_reads_a_table_on_which_only_the_resolver_can_decide(program: Program, held: str | None) -> None:
    with pytest.raises(Refused) as refused:
        emit_documents(with_settings(program, [*CATALOG, ("holds", "catalog", held)]), ["org_1"])
    assert (refused.value.code, refused.value.setting) == ("aws-direct-read", "direct_read tools")


# ---- Refusals


def refusal(program: Program, *orgs: str, **options: Any) -> Refused:
    with pytest.raises(Refused) as refused:
        emit_documents(program, orgs or ["org_1"], **options)
    assert "; " in str(refused.value)
    return refused.value


@pytest.mark.parametrize("taken", ["KeychainEntry"])  # a Tool looks a connector up: the compiler refuses that first
def test_a_type_taken_out_of_isolation_is_refused_with_the_documents_that_no_longer_hold(taken: str) -> None:
    path = ROOT / "schemas/studio.schema"
    declared = re.search(rf"resource {taken} \{{[^}}]*\}}", path.read_text("utf-8"))
    assert declared
    program = compiled((declared[0], f'{declared[0]} global "for a test"'))
    said = refusal(program, "org_1", "org_2")
    assert said.code == "aws-global-type"
    assert f"`{taken}`" in str(said)
    for file in ("key-policy-org_1", "key-policy-org_2", "authenticated-permissions", "tenant-permissions"):
        assert f"{file}.json" in str(said)
    assert "bucket-policy.json" not in str(said)


def test_a_type_that_no_table_holds_may_be_global() -> None:
    theme = 'resource Theme { id: Id as identity } global "no content"\naction read on Theme\naccess Theme { always: role member may read }'
    program = compiled(("/// A credential.", f"{theme}\n/// A credential."))
    assert refusal(program).code == "aws-global-type"
    held = " ".join(
        [*aws_requests.SHARED, "Folder", "KeychainEntry", "Connector", "Tool", "ResourceShareMember", "wraps"]
    )
    assert emit_documents(with_settings(program, [("holds", "records", held)]), ["org_1"])


@pytest.mark.parametrize("org", ["", "org 1", "org*", "${aws:PrincipalTag/orgId}", "o" * 65, "örg", "org_1\n", "../x"])
def test_what_is_no_tenant_id_is_refused(program: Program, org: str) -> None:
    assert refusal(program, org).code == "aws-tenant-id"


@pytest.mark.parametrize("user", ["", "user*", "user?", "${aws:username}", "u" * 257, "üser", "user\n"])
def test_what_is_no_users_tag_is_refused(program: Program, user: str) -> None:
    assert refusal(program, deny_users=[user]).code == "aws-user-id"


@pytest.mark.parametrize("time", ["", "yesterday", "2026-06-01", "2026-06-01T00:00:00", "9999-12-31T23:59:59.5Z"])
def test_what_is_no_time_is_refused(program: Program, time: str) -> None:
    assert refusal(program, deny_tokens_before=time).code == "aws-time"


@pytest.mark.parametrize("row", [row for row in SETTINGS if row.needed == ALWAYS], ids=lambda row: row.words)
def test_a_missing_setting_is_named(program: Program, row: Any) -> None:
    name = "desktop" if row.name == ANY else row.name
    said = refusal(with_settings(program, [(row.kind, name, None)]))
    assert (said.code, said.setting) == ("aws-setting-missing", row.words)
    assert f"`{row.words}" in str(said)


@pytest.mark.parametrize(
    "kind, name, value",
    [
        ("partition", "", "AWS"),
        ("region", "", "virginia"),
        ("account", "", "11112222333"),
        ("account", "", "１11122223333"),
        ("account", "", "111122223333\n"),
        ("role", "authenticated", "*"),
        ("role", "tenant_data", "path/Role"),
        ("role", "rewrap", "r" * 65),
        ("assumed_by", "deployment", "StudioPipeline"),
        ("assumed_by", "break_glass", "root"),
        ("function", "resolver", "f*"),
        ("issuer", "", "http://clerk.studio.example"),
        ("issuer", "", "https://clerk.studio.example/"),
        ("audience", "desktop", "a b"),
        ("claim", "tenant_id", "o id"),
        ("tag", "user_id", "user*"),
        ("tag", "user_id", "OrgID"),
        ("tenant_like", "", "*"),
        ("tenant_like", "", "org_*"),
        ("identity_pool", "", "us-east-1"),
        ("table", "records", "T*"),
        ("key", "records", "tenant"),
        ("key", "records", "tenant#type|id"),
        ("key", "records", "tenant:type"),  # a tag may hold a colon
        ("index", "by_member", "StudioByMember"),
        ("attributes", "records", "pk sk id"),
        ("bucket", "objects", "Studio_Objects"),
        ("signature_seconds", "", "0"),
        ("model", "chat", "*"),
        ("model", "chat", "anthropic.*.v1"),
        ("context_version", "", "resourceid"),
        ("kms", "alias", "studio"),
        ("kms", "rotation_days", "30"),
        ("holds", "records", "Host Hosts"),
        ("answers", "removed_operator", "everything"),
    ],
)
def test_a_malformed_setting_is_refused(program: Program, kind: str, name: str, value: str) -> None:
    said = refusal(with_settings(program, [(kind, name, value)]))
    assert (said.code, said.setting) == ("aws-setting-value", f"{kind} {name}".strip())


@pytest.mark.parametrize(
    "code, settings",
    [
        ("aws-setting-unknown", [("colour", "", "red")]),
        ("aws-setting-unknown", [("role", "janitor", "StudioJanitor")]),
        ("aws-setting-unknown", [("region", "second", "us-west-2")]),
        ("aws-setting-unknown", [("table", "", "StudioRecords")]),
        ("aws-setting-name", [("model", "_x", "anthropic.*")]),
        ("aws-setting-name", [("answers", "nobody", "isolation")]),
        ("aws-role-repeated", [("role", "rewrap", "studioauthenticated")]),
        ("aws-role-repeated", [("bucket_role", "backup", "StudioTenant")]),
        ("aws-setting-missing", [("table", "records", None)]),
        ("aws-setting-missing", [("key", "records", None)]),
        ("aws-setting-missing", [("key", "by_member", None)]),
        ("aws-setting-missing", [("direct_field", "x", "Query.x"), ("api", "", None)]),
        ("aws-setting-missing", [("direct_read", "x", "nowhere")]),
        ("aws-setting-missing", [("holds", "nowhere", "Tool")]),
        ("aws-key", [("key", "records", "type#tenant")]),
        ("aws-partition", [("partition", "", "aws-cn")]),
        ("aws-limit", [("issuer", "", f"https://{'a' * 60}.{'b' * 60}.example")]),
        ("aws-threat-unanswered", [("answers", "network_adversary", "audit")]),
        ("aws-sid", [("model", "a", "a.*"), ("direct_field", "a_b", "Query.a"), ("direct_field", "aB", "Query.b")]),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(
    program: Program, code: str, settings: list[tuple[str, str, str | None]]
) -> None:
    assert refusal(with_settings(program, settings)).code == code


def test_an_index_that_begins_otherwise_is_left_out(program: Program) -> None:
    added = [("index", "by_type", "records/StudioByType"), ("key", "by_type", "type#tenant")]
    assert "StudioByType" not in json.dumps(emit_documents(with_settings(program, added), ["org_1"]))


def test_a_role_that_the_source_names_uses_objects_and_lists_them(program: Program) -> None:
    emitted = emit_documents(with_settings(program, [("bucket_role", "backup", "StudioBackup")]), ["org_1"])
    policy = statements(emitted["bucket-policy.json"])
    backup, tenant = aws_requests.role("StudioBackup"), aws_requests.role("StudioTenant")
    assert policy["DenyObjectsToOthers"]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": [backup, tenant]}}
    assert policy["DenyListing"]["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": backup}}


# ---- Limits


def test_over_a_limit_the_build_fails_with_the_figure(program: Program) -> None:
    users = [f"user_{number:04}" for number in range(1000)]
    said = refusal(program, deny_users=users)
    assert said.code == "aws-limit"
    found = re.search(r"([\w-]+\.json) has (\d+) characters, of (\d+)", str(said))
    assert found
    assert int(found[2]) > int(found[3])


def test_a_document_of_just_the_limit_is_made_and_one_user_more_is_refused(program: Program) -> None:
    def size(count: int) -> int | None:
        try:
            emitted = emit_documents(program, ["org_1"], deny_users=[f"user_{number:04}" for number in range(count)])
        except Refused:
            return None
        return sum(
            len(re.sub(r"\s", "", json.dumps(emitted[f"authenticated-{what}.json"], separators=(",", ":"))))
            for what in ("permissions", "emergency")
        )

    limit, one_more = LIMITS["inline"][0], len('"user_0000",')
    count = (limit - (size(2) or 0)) // one_more + 2
    fits = size(count)
    assert fits is not None
    assert limit - one_more < fits <= limit
    assert size(count + 1) is None


def test_a_template_is_measured_too() -> None:
    large: tuple[Json, ...] = ({str(number): {} for number in range(501)}, {"one": "x" * 1_000_000})
    for resources in large:
        with pytest.raises(Refused, match=r"t\.json has \d+ (resources|bytes), of (500|1000000)"):
            check_template("t.json", {"Resources": resources})


@pytest.mark.parametrize("kind, settings", [("managed", 40), ("bucket", 400)])
def test_every_kind_of_document_is_measured(program: Program, kind: str, settings: int) -> None:
    many: list[tuple[str, str, str | None]] = [
        ("direct_field", f"f{number:03}", f"Query.field{number:03}" + "x" * 90)
        if kind == "managed"
        else ("bucket_role", f"r{number:03}", f"{number:03}" + "R" * 61)
        for number in range(settings)
    ]
    said = refusal(with_settings(program, many))
    assert said.code == "aws-limit"
    file = {"managed": "authenticated-boundary.json", "bucket": "bucket-policy.json"}[kind]
    assert re.search(rf"{file} has \d+ characters, of {LIMITS[kind][0]}", str(said))  # type: ignore[index]


# ---- The command


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    build_aws.add_arguments(parser)
    where = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    return build_aws.run(parser.parse_args([*where, *words]))


def test_the_command_writes_the_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str], program: Program) -> None:
    out = tmp_path / "deep/aws"
    assert run("--org", "org_2", "--org", "org_1", "--out", str(out)) == 0
    emitted = emit_documents(program, ["org_1", "org_2"])
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        file: as_text(document).encode() for file, document in emitted.items()
    }
    assert all(path.read_bytes().endswith(b"}\n") for path in out.iterdir())
    assert capsys.readouterr().out == f"{out}: {len(emitted)} documents\n"


def test_a_build_leaves_nothing_of_an_earlier_one(tmp_path: Path) -> None:
    options = ("--deny-user", "ann", "--deny-user", "bob", "--deny-tokens-before", "2026-06-01T00:00:00Z")
    assert run("--org", "org_1", "--org", "org_3", "--out", str(tmp_path), *options) == 0
    assert (tmp_path / "authenticated-emergency.json").exists()
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "mine.json").write_text("{}")
    assert run("--org", "org_1", "--out", str(tmp_path)) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert {"notes.txt", "mine.json", "key-policy-org_1.json"} <= names
    assert names.isdisjoint({"authenticated-emergency.json", "key-policy-org_3.json"})


@pytest.mark.parametrize("index", ["[]", "{", '{"../kept.json": {}, "/kept.json": {}, "a/kept.json": {}, "kept": {}}'])
def test_an_index_that_is_none_of_ours_removes_nothing(tmp_path: Path, index: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "kept.json").write_text("{}")
    (out / "kept").write_text("")
    (out / "index.json").write_text(index)
    assert run("--org", "org_1", "--out", str(out)) == 0
    assert (tmp_path / "kept.json").exists()
    assert (out / "kept").exists()


def test_a_refusal_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(failures.Refused, match=r"refused\[aws-tenant-id\]: .*; "):
        run("--org", "org_1", "--org", "org*", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_two_organizations_whose_files_may_be_one_are_built_apart(tmp_path: Path) -> None:
    with pytest.raises(failures.Misuse):
        run("--org", "org_a", "--org", "org_A", "--out", str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_what_users_are_given_past_the_resolver_is_shown_by_every_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    for path in (*(ROOT / "policies").iterdir(), *(ROOT / "schemas").iterdir()):
        (folder / path.name).write_text(path.read_text("utf-8"), "utf-8")
    (folder / "more.policy").write_text('aws { direct_field list_tools "Query.listTools" }')
    assert (
        run("--policies", str(folder), "--schemas", str(folder), "--org", "org_1", "--out", str(tmp_path / "out")) == 0
    )
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 2
    assert shown[0].startswith("FieldListTools: ")
    assert "organization only: scopes not enforced" in shown[0]


# ---- The page


PAGE = ROOT / "docs/aws-iam.md"
NEEDED = {
    ALWAYS: "",
    NEVER: " (may be left out)",
    CROSSING: " (where grants cross)",
    DIRECT: " (where a field is asked for)",
    KEYED: " (for each table and index)",
}


def test_the_page_has_the_settings_that_there_are() -> None:
    lines = ["| Setting | Its text | Who needs it |", "| --- | --- | --- |"]
    for row in SETTINGS:
        needed = NEEDED[row.needed]
        lines.append(f"| `{row.words}` | {row.wanted}{needed} | {row.used_by} |")
    check_copy(PAGE, "aws-settings", "\n".join(lines) + "\n")


def test_the_page_has_every_statement(in_emergency: dict[str, Json]) -> None:
    parts = []
    for file, entries in in_emergency["index.json"].items():
        effects = {sid: each["Effect"] for sid, each in statements(in_emergency[file]).items()}
        rows = [f"| `{sid}` | {effects[sid]} | {entry['purpose']} |\n" for sid, entry in entries.items()]
        if file == "authenticated-boundary.json":
            parts.append(f"`{file}`: the statements of `authenticated-permissions.json`, as a ceiling.\n")
            continue
        name = file.replace("org_1", "<org>")
        parts.append(f"### `{name}`\n\n| Statement | Effect | What it is for |\n| --- | --- | --- |\n{''.join(rows)}")
    check_copy(PAGE, "aws-statements", "\n".join(parts))


def test_the_page_has_the_concerns() -> None:
    rows = "".join(f"| `{concern}` | {words} |\n" for concern, words in CONCERNS.items())
    check_copy(PAGE, "aws-concerns", f"| Concern | The statement |\n| --- | --- |\n{rows}")


def test_the_page_names_every_file(in_emergency: dict[str, Json]) -> None:
    page = PAGE.read_text("utf-8")
    assert [file for file in in_emergency if f"`{file.replace('org_1', '<org>')}`" not in page] == []


def test_the_policy_of_a_key_is_one_text_with_another_id_in_it(program: Program) -> None:
    tenants = ["-", "org_1", "org_10", "o" * 64]
    texts = emit_texts(program, tenants, deny_users=["ann"], deny_tokens_before="2026-06-01T00:00:00Z")
    for tenant in tenants:
        policy = key_policy(read_settings(program), tenant, ["ann"], "2026-06-01T00:00:00Z", tenant)
        assert texts[policy.file] == as_text(policy.json())
    assert texts["index.json"] == as_text(json.loads(texts["index.json"]))
    assert {file for file in json.loads(texts["index.json"]) if file.startswith("key-")} == {
        f"key-policy-{tenant}.json" for tenant in tenants
    }
