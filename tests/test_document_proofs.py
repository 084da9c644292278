"""Proofs about documents: of what is emitted they hold, and of each planted fault a request shows what it opens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from examples import demo_keys
from examples.demo_keys import CONTEXT, TAG
from policyengine.analysis.documents import Place, check_claims, check_documents
from policyengine.analysis.documents.every import ANY_TENANT, emitted
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.documents.needs import ASSUMPTIONS
from policyengine.analysis.documents.symbols import ASSUMED
from policyengine.analysis.documents.tables import all_needs, claims
from policyengine.analysis.solver import LEADS, SOLVERS
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws.index import IAM_LAYERS as DOCUMENTS
from policyengine.backends.aws.view import read_settings
from policyengine.compiler import compile_folders, program_of
from policyengine.iam import evaluate, read_request
from policyengine.ir.nodes import Program
from tests.aws_requests import ACCOUNT
from tests.conftest import ROOT
from tests.test_docs import check_copy

pytest.importorskip("cvc5")

Json = dict[str, Any]


@cache
def program() -> Program:
    return program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))


@cache
def verdicts() -> tuple[Verdict, ...]:
    return tuple(check_documents(program(), ["org_1"], solvers=(LEADS,)))


def test_every_claim_about_the_documents_is_proved() -> None:
    assert [(verdict.subject, verdict.reason) for verdict in verdicts() if not verdict.held] == []
    asked = [verdict for verdict in verdicts() if verdict.opinions]
    assert len(asked) >= 160
    assert all(verdict.witness and verdict.evidence for verdict in asked)
    assert {verdict.layer for verdict in asked} == {"iam", "kms", "s3"}


def test_every_document_has_claims_in_both_halves() -> None:
    """But a document that only denies, or only allows, has one half."""
    worlds: dict[str, set[str]] = {}
    for verdict in verdicts():
        if found := re.fullmatch(r"(?:in an emergency, )?(\S+\.json): \S+ \((\w+)\)", verdict.subject):
            worlds.setdefault(found[1], set()).add(found[2])
    assert set(worlds) == {file.replace(ANY_TENANT, "<org>") for file in emitted(program(), ANY_TENANT, emergency=True)}
    for file, found_worlds in worlds.items():
        if not file.endswith(("trust.json", "emergency.json", "resolver-permissions.json", "signer-permissions.json")):
            assert found_worlds >= {"denies", "allows"}


def test_each_threat_that_a_layer_holds_is_answered_there() -> None:
    held = {f"{threat.id} on {layer}" for threat in program().threats for layer in threat.held_by if layer in DOCUMENTS}
    assert {verdict.subject for verdict in verdicts() if verdict.check == "threat in documents"} == held
    assert {"curious_co_tenant on kms", "stolen_storage on s3", "network_adversary on s3"} <= held


@pytest.mark.soak
def test_the_second_solver_contradicts_no_proof() -> None:
    found = [*check_documents(program(), solvers=SOLVERS)]
    assert all(verdict.held for verdict in found)
    opinions = [{each.solver: each.status for each in verdict.opinions} for verdict in found if verdict.opinions]
    agreed = sum(each == {"cvc5": "unsat", "z3": "unsat"} for each in opinions)
    assert agreed >= 0.85 * len(opinions)


# ---- Planted faults: what each opens

OPENED: dict[str, Json] = {
    "one Deny is deleted": {TAG: None, CONTEXT: "org_1"},
    "two Denies are merged into one": {TAG: "org_1", CONTEXT: None},
    "IfExists, so that old sessions go on working": {TAG: None, CONTEXT: None},
    "a policy variable, so that one policy serves all": {TAG: "org_2", CONTEXT: "org_2"},
    "ForAllValues, on a key that has one value": {TAG: None, CONTEXT: "org_1"},
    "a pattern that other ids match too": {CONTEXT: "org_1"},
    "a Deny of wrong tags, where there is a tag": {TAG: None, CONTEXT: "org_1"},
    "ForAnyValue in a Deny": {TAG: None, CONTEXT: "org_1"},
    "kms:* for the account, as the console writes it": {},
}


def test_a_planted_fault_is_refuted_by_a_request_that_is_allowed() -> None:
    document = json.loads(emitted(program(), "org_1")["key-policy-org_1.json"])
    found = dict(demo_keys.broken(program(), document, "org_1"))
    assert found.keys() == OPENED.keys()
    for fault, verdict in found.items():
        assert verdict.status == "refuted", fault
        request = verdict.counterexample["request"]
        assert evaluate(read_request(request)).decision == "allowed"
        context = request["context"]
        assert {key: context.get(key) for key in OPENED[fault]} == OPENED[fault], fault
        assert verdict.counterexample["line"] in verdict.reason
        assert request["action"] in verdict.counterexample["line"]


def test_a_counterexample_holds_nothing_that_it_can_do_without() -> None:
    """Take any key from it, and it shows nothing more."""
    document = json.loads(emitted(program(), "org_1")["key-policy-org_1.json"])
    verdict = dict(demo_keys.broken(program(), document, "org_1"))["a policy variable, so that one policy serves all"]
    request = verdict.counterexample["request"]
    assert set(request["context"]) == {TAG, CONTEXT, "kms:EncryptionContextKeys"}
    for key in (TAG, CONTEXT):
        fewer = {name: value for name, value in request["context"].items() if name != key}
        assert evaluate(read_request({**request, "context": fewer})).decision != "allowed"


def test_what_is_not_encoded_is_refused_by_name() -> None:
    """No answer is guessed: of each construct, the verdicts on its document name it."""
    aws = read_settings(program())
    for construct, change in NOT_ENCODED.items():
        document = json.loads(emitted(program(), "org_1")["key-policy-org_1.json"])
        change(demo_keys.statement(document, "TenantUse"))
        place = Place(ACCOUNT, tenant="org_1", solvers=(LEADS,))
        found = [v for _, v in check_claims(key_policy("org_1"), [*key_claims(aws)], json.dumps(document), place)]
        assert {verdict.status for verdict in found} == {"refused"}, construct
        assert all(construct in verdict.refused[0] for verdict in found), construct


NOT_ENCODED: dict[str, Callable[[Json], None]] = {
    "NotPrincipal": lambda made: made.update(NotPrincipal=made.pop("Principal")),
    "the operator IpAddress": lambda made: made["Condition"].update(IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
    "a variable with a default": lambda made: made["Condition"].update(StringEquals={CONTEXT: f"${{{TAG}, 'none'}}"}),
    "a variable other than a tag": lambda made: made["Condition"].update(StringEquals={CONTEXT: "${aws:username}"}),
    "without a set operator": lambda made: made["Condition"]["StringEquals"].update(
        {"kms:EncryptionContextKeys": "orgId"}
    ),
    "follows from the rest of the request": lambda made: made["Condition"].update(
        StringLike={"aws:PrincipalAccount": ACCOUNT}
    ),
    "operators of two types": lambda made: made["Condition"].update(Bool={TAG: "true"}),
    "a wildcard within the name of an action": lambda made: made.update(Action="kms:*Key"),
    "Foo": lambda made: made.update(Foo="bar"),
}
"""Constructs by a part of their name, and how they come into the statement that lets users in."""


# ---- The page

PAGE = ROOT / "docs/proofs-documents.md"


def test_the_page_has_every_assumption() -> None:
    check_copy(PAGE, "document-assumptions", "".join(f"- {text}.\n" for text in ASSUMED.values()))
    check_copy(PAGE, "document-needs", "".join(f"- {text}.\n" for text in ASSUMPTIONS))


def test_the_page_has_every_claim() -> None:
    aws = read_settings(program())
    parts = []
    for subject, found in claims(aws, "<org>"):
        rows = [f"| {claim.name} | {claim.sentence} | {', '.join(claim.worlds)} |\n" for claim in found]
        parts.append(f"### `{subject.file}`\n\n| Claim | In words | Of |\n| --- | --- | --- |\n{''.join(rows)}")
    wanted = [f"| {need.name} | {need.sentence} |\n" for need in all_needs(aws, "<org>")]
    parts.append(f"### What the source needs\n\n| Need | In words |\n| --- | --- |\n{''.join(wanted)}")
    check_copy(PAGE, "document-claims", "\n".join(parts))
