"""Proofs about documents: of what is emitted they hold, and of each planted fault a request shows what it opens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from policyengine.analysis.documents import Place, check_claims, check_documents
from policyengine.analysis.documents.every import ANY_TENANT, emitted
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.solver import LEADS, SOLVERS
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws.index import IAM_LAYERS as DOCUMENTS
from policyengine.backends.aws.view import read_settings
from policyengine.compiler import compile_folders, program_of
from policyengine.iam import evaluate, read_request
from policyengine.ir.nodes import Program
from tests.aws_requests import ACCOUNT
from tests.conftest import ROOT

pytest.importorskip("cvc5")

Json = dict[str, Any]
PLACE = Place(ACCOUNT, tenant=ANY_TENANT, solvers=(LEADS,))


@cache
def program() -> Program:
    return program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))


@cache
def texts() -> dict[str, str]:
    return emitted(program(), ANY_TENANT)


def key_verdicts(document: Json) -> dict[str, Verdict]:
    """Claim and world -> verdict, about a key policy."""
    subject = key_policy(ANY_TENANT)
    claims = [*key_claims(read_settings(program()))]
    found = check_claims(subject, claims, json.dumps(document), PLACE)
    return {verdict.subject.removeprefix(f"{subject.file}: "): verdict for _, verdict in found}


def key_document() -> Json:
    made: Json = json.loads(texts()[f"key-policy-{ANY_TENANT}.json"])
    return made


def statement(document: Json, sid: str) -> Json:
    found: Json = next(each for each in document["Statement"] if each["Sid"] == sid)
    return found


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
        if found := re.fullmatch(r"(\S+\.json): \S+ \((\w+)\)", verdict.subject):
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


def without(*sids: str) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        document["Statement"] = [each for each in document["Statement"] if each["Sid"] not in sids]

    return change


def merged(document: Json) -> None:
    """Tag and context in one Deny: it denies only where both are wrong."""
    tag, context = (statement(document, f"DenyWrongOrMissing{what}") for what in ("Tag", "Context"))
    tag["Condition"]["StringNotEquals"] |= context["Condition"]["StringNotEquals"]
    document["Statement"].remove(context)


def on_use(change: Callable[[Json], None]) -> Callable[[Json], None]:
    return lambda document: change(statement(document, "TenantUse")["Condition"])


TAG, CONTEXT = "aws:PrincipalTag/orgId", "kms:EncryptionContext:orgId"


def if_exists(condition: Json) -> None:
    condition["StringEqualsIfExists"] = condition.pop("StringEquals")


def variable(condition: Json) -> None:
    condition["StringEquals"] = {CONTEXT: f"${{{TAG}}}"}


def for_all_values(condition: Json) -> None:
    condition["ForAllValues:StringEquals"][TAG] = condition["StringEquals"].pop(TAG)


def alike(condition: Json) -> None:
    condition["StringEquals"].pop(TAG)
    condition["StringLike"] = {TAG: f"{ANY_TENANT}*"}


FAULTS: dict[str, tuple[Callable[[Json], None], str, Json]] = {
    "the Deny of a wrong tag is gone": (without("DenyWrongOrMissingTag"), "tag (denies)", {CONTEXT: "org_1"}),
    "two Denies are merged": (merged, "context (denies)", {TAG: "org_1"}),
    "IfExists": (on_use(if_exists), "tag (allows)", {}),
    "a policy variable": (on_use(variable), "tag (allows)", {TAG: "org_2", CONTEXT: "org_2"}),
    "ForAllValues": (on_use(for_all_values), "tag (allows)", {CONTEXT: "org_1"}),
    "a pattern that other ids match": (on_use(alike), "tag (allows)", {CONTEXT: "org_1"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_refuted_by_a_request_that_is_allowed(fault: str) -> None:
    change, claim, context = FAULTS[fault]
    document = deepcopy(key_document())
    change(document)
    found = key_verdicts(document)[claim]
    assert found.status == "refuted"
    request, tenant = found.counterexample["request"], found.counterexample["tenant"]
    assert evaluate(read_request(request)).decision == "allowed"
    assert ANY_TENANT not in json.dumps(request)
    tag, named = request["context"].get(TAG), request["context"].get(CONTEXT)
    assert (tag, named) != (tenant, tenant)
    assert {key: value for key, value in request["context"].items() if key in context}.keys() == context.keys()
    assert found.counterexample["line"] in found.reason
