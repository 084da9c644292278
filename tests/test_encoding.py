"""The encoding against the reference interpreter on random policy sets, data and requests of any vocabulary."""

from __future__ import annotations

from collections import Counter

import pytest

from policyengine.analysis.encoder import encode
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.solver import solve
from policyengine.compiler import compile_sources, program_of
from policyengine.interpreter import Rows, decide
from tests.agreeing import agreement
from tests.strategies import Choices, World, policy_set

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")

MALFORMED = "The request is malformed."


def compare(seed: int, worlds: int, count: int) -> Counter[str]:
    """One random policy set; in so many worlds so many requests. What was seen of decisions that agree."""
    c = Choices.seeded(f"encoding {seed}")
    program = program_of(compile_sources(policy_set(c).sources))
    try:
        encoding = encode(program)
    except Unsupported:
        return Counter(refused=1)
    seen: Counter[str] = Counter(policies=1)
    chunks = []
    for _ in range(worlds):
        world = World(c, program.schema)
        for _ in range(count):
            request = world.request()
            decision = decide(program, request, Rows(program.schema, world.data))
            if decision["reason"] != MALFORMED:
                seen.update(requests=1, errors=bool(decision["errors"]))
                seen[decision["decision"]] += 1
                chunks.append(agreement(encoding, request, world.data))
    answer = solve(encoding.text + "\n".join(chunks), solvers=("cvc5",), seconds=600)
    assert answer.statuses == ("sat", "unsat") * len(chunks), f"seed {seed}"
    return seen


def test_random_policies_mean_what_their_encoding_says() -> None:
    seen: Counter[str] = Counter()
    for seed in range(14):
        seen += compare(seed, 2, 25)
    assert seen["requests"] >= 300, seen
    assert min(seen["allow"], seen["deny"]) >= seen["requests"] / 10, seen
    assert seen["errors"] >= 20, seen


@pytest.mark.soak
def test_twenty_thousand_requests_agree() -> None:
    seen: Counter[str] = Counter()
    seed = 1000
    while seen["requests"] < 20_000:
        seen += compare(seed, 4, 40)
        seed += 1
    print(dict(seen))
    assert min(seen["allow"], seen["deny"]) >= seen["requests"] / 10, seen
