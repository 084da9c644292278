"""Documents for AWS: how long it takes to make them for many organizations, and to prove a claim about one of them.

Neither has another program to be compared with. The first time is set against the time that it is allowed; the proofs
against what an earlier experiment measured of the same questions, by the same solver, on another machine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.measuring import Figure
from benchmarks.workloads import ROOT
from policyengine.analysis.documents import questions
from policyengine.analysis.documents.claims import stack_in
from policyengine.analysis.documents.every import ANY_TENANT, emitted
from policyengine.analysis.documents.facts import Acts, Fact, both, on
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.documents.stacks import Stack
from policyengine.backends.aws import emit_texts
from policyengine.backends.aws.view import read_settings
from policyengine.compiler import compile_folders, program_of

ORGANIZATIONS, ALLOWED_SECONDS = 10_000, 3.0
ACCOUNT = "111122223333"

EARLIER = {"a claim about a key policy": 0.011, "the same, for every organization": 0.008}
EARLIER_DIFFERENCES = {30: 0.05, 100: 0.12, 300: 0.41}
"""Seconds of cvc5 alone. The differences are of identity policies with wildcards in their ARNs: so many statements, the
last Deny dropped, and a request found that it denied."""

ROUNDS = 5


def documents() -> Iterator[Figure | str]:
    yield from _made()
    for what, spent in _claims().items():
        yield Figure(what, spent / EARLIER[what], None, spent, EARLIER[what])
    for count, earlier in EARLIER_DIFFERENCES.items():
        spent = median(difference(count) for _ in range(ROUNDS))
        yield Figure(f"a difference, {count} statements", spent / earlier, None, spent, earlier)


def _made() -> Iterator[Figure]:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    orgs = [f"org_{number}" for number in range(ORGANIZATIONS)]
    start = time.process_time()
    texts = emit_texts(program, orgs)
    spent = time.process_time() - start
    note = f"{len(texts):,} documents, {sum(map(len, texts.values())) // 2**20} MB"
    yield Figure(f"{ORGANIZATIONS:,} organizations", spent / ALLOWED_SECONDS, 1.0, spent, ALLOWED_SECONDS, note)


# ---- Proofs


def _claims() -> dict[str, float]:
    """The median over all claims about a key policy, of one organization and of every one."""
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    claims = [claim for claim in key_claims(read_settings(program)) if "denies" in claim.worlds]
    text = emitted(program, ANY_TENANT)[f"key-policy-{ANY_TENANT}.json"]
    spent = {}
    for what, written, tenant in (
        ("a claim about a key policy", text.replace(ANY_TENANT, "org_1"), ""),
        ("the same, for every organization", text, ANY_TENANT),
    ):
        stack = stack_in("denies", key_policy(ANY_TENANT), written, account=ACCOUNT, partition="aws", tenant=tenant)
        asked = [claim.forbidden for claim in claims]
        encoded = questions.encode(stack, asked, "allowed")
        fixed = [] if tenant else ['(= |tenant| "org_1")']
        put = [questions.possible(encoded, at, *fixed) for at in range(len(asked))]
        answers, _ = questions.put(encoded, put)
        assert all(answer.status == "unsat" for answer in answers)
        spent[what] = median(answer.opinions[0].seconds for answer in answers)
    return spent


def difference(count: int) -> float:
    """Seconds to find a request that a policy of so many statements allows once its last Deny is dropped."""
    statements = [_statement(number, count) for number in range(count - 1)]
    dropped, bucket = f"team-{count}", "arn:aws:s3:::data"
    allow: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": f"{bucket}/*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow, *statements]})
    lost: Fact = both(Acts(("s3:GetObject",)), on(f"{bucket}/{dropped}/"))
    encoded = questions.encode(Stack(ACCOUNT, (text,), kind="delegating"), [lost], "allowed")
    (answer,), _ = questions.put(encoded, [questions.certain(encoded, 0)])
    assert answer.status == "sat"
    return answer.opinions[0].seconds


def _statement(number: int, count: int) -> dict[str, Any]:
    effect = "Deny" if number % 3 else "Allow"
    where = f"arn:aws:s3:::data/team-{number}/*/secret-{number % 7}*"
    return {"Effect": effect, "Action": ["s3:GetObject", f"s3:Put{number % 5}*"], "Resource": where}
