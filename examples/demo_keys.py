"""The documents of two organizations, proved; then broken as people break them, and what each break opens.

Run it with `make demo-keys`. Every refutation is a request that `policyengine aws simulate` allows too.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from policyengine.analysis.documents import Place, check_claims, check_documents
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.solver import LEADS
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws import emit_documents
from policyengine.backends.aws.view import read_settings
from policyengine.compiler import compile_folders, program_of
from policyengine.ir.nodes import Program

ROOT = Path(__file__).resolve().parent.parent
ORGS = ("org_1", "org_2")
TAG, CONTEXT = "aws:PrincipalTag/orgId", "kms:EncryptionContext:orgId"

Json = dict[str, Any]
Change = Callable[[Json], None]


# ---- Ways to break a key policy


def statement(document: Json, sid: str) -> Json:
    found: Json = next(each for each in document["Statement"] if each["Sid"] == sid)
    return found


def without_a_deny(document: Json) -> None:
    document["Statement"].remove(statement(document, "DenyWrongOrMissingTag"))


def two_denies_in_one(document: Json) -> None:
    tag, context = (statement(document, f"DenyWrongOrMissing{what}") for what in ("Tag", "Context"))
    tag["Condition"]["StringNotEquals"] |= context["Condition"]["StringNotEquals"]
    document["Statement"].remove(context)


def if_exists(document: Json) -> None:
    condition = statement(document, "TenantUse")["Condition"]
    condition["StringEqualsIfExists"] = condition.pop("StringEquals")


def a_variable(document: Json) -> None:
    statement(document, "TenantUse")["Condition"]["StringEquals"] = {CONTEXT: f"${{{TAG}}}"}


def for_all_values(document: Json) -> None:
    condition = statement(document, "TenantUse")["Condition"]
    condition["ForAllValues:StringEquals"][TAG] = condition["StringEquals"].pop(TAG)


def a_pattern(document: Json) -> None:
    condition = statement(document, "TenantUse")["Condition"]
    condition["StringLike"] = {TAG: f"{condition['StringEquals'].pop(TAG)}*"}


def a_deny_of_tags_that_are_there(document: Json) -> None:
    statement(document, "DenyWrongOrMissingTag")["Condition"]["Null"] = {TAG: "false"}


def a_deny_for_any_value(document: Json) -> None:
    condition = statement(document, "DenyWrongOrMissingTag")["Condition"]
    condition["ForAnyValue:StringNotEquals"] = condition.pop("StringNotEquals")


def the_account_opens_it(document: Json) -> None:
    statement(document, "AccountAdministration")["Action"] = "kms:*"


FAULTS: dict[str, tuple[Change, str]] = {
    "one Deny is deleted": (without_a_deny, "tag (denies)"),
    "two Denies are merged into one": (two_denies_in_one, "context (denies)"),
    "IfExists, so that old sessions go on working": (if_exists, "tag (allows)"),
    "a policy variable, so that one policy serves all": (a_variable, "tag (allows)"),
    "ForAllValues, on a key that has one value": (for_all_values, "tag (allows)"),
    "a pattern that other ids match too": (a_pattern, "tag (allows)"),
    "a Deny of wrong tags, where there is a tag": (a_deny_of_tags_that_are_there, "tag (denies)"),
    "ForAnyValue in a Deny": (a_deny_for_any_value, "tag (denies)"),
    "kms:* for the account, as the console writes it": (the_account_opens_it, "administration (allows)"),
}
"""What is done to a key policy, and the claim that it breaks."""


def broken(program: Program, document: Json, org: str) -> Iterator[tuple[str, Verdict]]:
    """Each fault, and the verdict on the claim that it breaks."""
    aws = read_settings(program)
    claims, subject = [*key_claims(aws)], key_policy(org)
    for fault, (change, claim) in FAULTS.items():
        changed = deepcopy(document)
        change(changed)
        name, _, world = claim.partition(" ")
        asked = [each for each in claims if each.name == name]
        place = Place(aws.one("account"), tenant=org, solvers=(LEADS,))
        for _, verdict in check_claims(subject, asked, json.dumps(changed), place):
            if verdict.subject.endswith(f"{name} {world}"):
                yield fault, verdict


def demo() -> None:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    print(f"--- the documents of {' and '.join(ORGS)}, from policies/ and schemas/")
    documents = emit_documents(program, ORGS)
    print(f"{len(documents)} documents, {sum(len(d.get('Statement', ())) for d in documents.values())} statements")

    print("\n--- proved from their text, for every organization, whatever anybody else may be given")
    verdicts = [*check_documents(program, ORGS)]
    for check, count in Counter(verdict.check for verdict in verdicts).items():
        held = sum(verdict.held for verdict in verdicts if verdict.check == check)
        print(f"{check:<20} {held} of {count} proved")

    print("\n--- and broken")
    found = [*broken(program, documents["key-policy-org_1.json"], "org_1")]
    for fault, verdict in found:
        print(f"{verdict.status}: {fault}\n         {(verdict.counterexample or {}).get('line', verdict.reason)}")
    if not all(verdict.held for verdict in verdicts) or {verdict.status for _, verdict in found} != {"refuted"}:
        sys.exit("the demo stopped: a proof did not come out as it must")


if __name__ == "__main__":
    demo()
