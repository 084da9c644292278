"""The encoding against the reference interpreter on random policy sets, data and requests of any vocabulary."""

from __future__ import annotations

from collections import Counter

import pytest

from policyengine.analysis.encoder import encode
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.solver import solve
from policyengine.compiler import compile_sources, program_of
from policyengine.interpreter import Rows, decide
from policyengine.proving import prove, without_isolation
from policyengine.source import Source
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
    for seed in range(7):
        seen += compare(seed, 2, 25)
    assert seen["requests"] >= 250, seen
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


def settle(seed: int) -> Counter[str]:
    """Every claim about a random policy set, as it is and without isolation: whatever is found must replay."""
    program = program_of(compile_sources(policy_set(Choices.seeded(f"encoding {seed}")).sources))
    seen: Counter[str] = Counter()
    for one in (program, without_isolation(program)):
        report = prove(one, documents=lambda _: ())
        seen.update(f"{verdict.check}: {verdict.status}" for verdict in report.verdicts)
    return seen


def test_what_is_found_about_random_policies_replays() -> None:
    seen: Counter[str] = Counter()
    for seed in (5,):
        seen += settle(seed)
    assert seen["isolation: refuted"] >= 1, seen
    assert sum(count for name, count in seen.items() if name.startswith("not")) >= 20, seen


@pytest.mark.soak
def test_what_is_found_about_many_random_policies_replays() -> None:
    seen: Counter[str] = Counter()
    for seed in range(2000, 2200):
        seen += settle(seed)
    print(dict(seen))
    assert min(seen["isolation: refuted"], seen["isolation: proved"]) >= 50, seen
    assert not [name for name in seen if name.endswith(("unknown", "refused"))], seen


LENT = """
tenant Org by org
enum Reach { OWN, UP }
principal User { id: Id as identity, org: Id of Org }
shape Filed { id: Id as identity, org: Id of Org, keeper: Id as owner, reach: Reach, up: Id of Box?, from_: Id of Box? }
resource Box, Item is Filed
action read on Filed
access Filed by reach { UP: as up  OWN: holder owner may read }
permit lent: read on Filed when has resource.from_ and COND
"""
"""A record that names a folder by a reference too, which may be its parent, its holder, or neither."""


@pytest.mark.parametrize(
    "condition, possible",
    [
        (
            "resource.reach == UP and has resource.up and resource.from_ == resource.up and resource.from_.reach == UP and holder.id == resource.up",
            False,
        ),
        (
            "has resource.up and resource.from_ == resource.up and resource.from_.reach == UP and holder.reach == OWN",
            True,
        ),
        ("resource.reach == UP and holder.id == resource.from_ and resource.from_.keeper != holder.keeper", False),
        ("resource.reach == OWN and holder.id == resource.from_ and resource.from_.keeper != holder.keeper", True),
        ("resource.reach == UP and holder.id == resource.from_ and resource.from_.keeper == principal.id", True),
        (
            "resource.reach == UP and has resource.up and resource.from_ == resource.up and resource.from_.reach == OWN "
            "and holder.id != resource.up",
            False,
        ),
        (
            "resource.reach == UP and has resource.up and resource.from_ == resource.up and resource.from_.reach == UP "
            "and has resource.from_.up and resource.from_.up == resource.up and holder.reach == OWN",
            False,
        ),
        (
            "resource.reach == UP and has resource.up and resource.from_ == resource.up and resource.from_.reach == UP "
            "and has resource.from_.up and resource.from_.up != holder.id and holder.reach == OWN",
            True,
        ),
        (
            "resource.reach == UP and has resource.up and resource.from_ != resource.up and resource.from_.reach == UP and holder.reach == OWN",
            True,
        ),
    ],
)
def test_a_row_that_is_named_and_on_the_way_is_one_row(condition: str, possible: bool) -> None:
    program = program_of(compile_sources([Source("lent.policy", LENT.replace("COND", condition))]))
    verdicts = {(v.check, v.subject): v for v in prove(program, documents=lambda _: ()).verdicts}
    assert verdicts["not dead", "lent"].status == ("proved" if possible else "refuted")


def test_ways_through_other_types_are_refused() -> None:
    shelf = LENT.replace("COND", "resource.from_.reach == OWN").replace(
        "resource Box, Item is Filed", "resource Box, Item is Filed\n" + SHELVED
    )
    [verdict, *_] = prove(program_of(compile_sources([Source("lent.policy", shelf)]))).verdicts
    assert verdict.status == "refused"
    assert "between rows of other types" in verdict.reason


SHELVED = """
shape Kept { id: Id as identity, org: Id of Org, keeper: Id as owner, reach: Reach, on: Id of Shelf? }
resource Shelf, Book is Kept
action read on Kept
access Kept by reach { UP: as on  OWN: holder owner may read }
"""
