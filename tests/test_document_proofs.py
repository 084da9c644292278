"""Proofs about documents: of what is emitted they hold, and of each planted fault a request shows what it opens."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from policyengine.analysis.documents import Place, check_claims, check_documents
from policyengine.analysis.documents.every import ANY_TENANT, emitted
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.solver import LEADS
from policyengine.analysis.verdict import Verdict
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
    return {verdict.subject.removeprefix(f"{subject.file}: "): verdict for verdict in found}


def key_document() -> Json:
    made: Json = json.loads(texts()[f"key-policy-{ANY_TENANT}.json"])
    return made


def statement(document: Json, sid: str) -> Json:
    found: Json = next(each for each in document["Statement"] if each["Sid"] == sid)
    return found


def test_every_claim_about_the_documents_is_proved_by_both_solvers() -> None:
    verdicts = [*check_documents(program(), ["org_1"])]
    assert [(verdict.subject, verdict.reason) for verdict in verdicts if not verdict.held] == []
    asked = [verdict for verdict in verdicts if verdict.opinions]
    assert len(asked) >= 25
    assert all({opinion.status for opinion in verdict.opinions} == {"unsat"} for verdict in asked)
    assert all(verdict.witness and verdict.assumptions and verdict.evidence for verdict in asked)


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
