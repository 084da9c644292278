"""The solvers against brute force: every request in every small world, asked of the interpreter, one by one.

The worlds are large enough for these policies: a person and two others, two tenants, a record and a folder above it, a grant
row on either. So a claim is true of them exactly where it is proved of all requests. Policies are random, and some have
a fault planted in their core, which no text could say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest

from policyengine.analysis import checks
from policyengine.analysis.claims import Claim, Settling
from policyengine.analysis.encoder import encode
from policyengine.analysis.facts import Facts
from policyengine.analysis.threats import lines
from policyengine.compiler import compile_sources, program_of
from policyengine.interpreter import Rows, decide
from policyengine.ir import nodes as ir
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_rule
from policyengine.source import Source

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")
pytest.importorskip("z3", reason="proofs need the solver z3")

VOCABULARY = """
tenant Org by org
enum Reach { OWN, GIVEN, UP }
enum Rank { reader < writer }
enum Level { low < high }
principal User { id: Id as identity, org: Id of Org, level: Level as role }
shape Filed { id: Id as identity, org: Id of Org, keeper: Id as owner, reach: Reach, up: Id of Box? }
resource Box, Item is Filed
action read, edit on Filed
grant Loan on Filed by type_, record to User by member, home {
  org: Id of Org, type_: Type, record: Id, member: Id, home: Id of Org, rank: Rank as role
} crosses on the record itself
obligation note { id: Id }
"""
ROWS = {
    "OWN": ("role low", "holder owner", "role high"),
    "GIVEN": ("grant reader", "grant writer", "holder owner"),
    "always": ("record owner", "role high"),
}
ATOMS = (
    "resource.keeper == principal.id",
    "holder.keeper == principal.id",
    "holder.keeper == resource.keeper",
    "principal.level == high",
    "principal.level < high",
    "resource.reach == GIVEN",
    "holder.reach == OWN",
    "resource.reach in { OWN, UP }",
    "has resource.up",
    "resource.id == holder.id",
)
PEOPLE = ("p", "q")


def condition(rng: Random, depth: int = 2, more: tuple[str, ...] = ()) -> str:
    kind = rng.randrange(4) if depth else 0
    if kind < 2:
        return rng.choice((*ATOMS, *more))
    if kind == 2:
        return f"not ({condition(rng, depth - 1, more)})"
    parts = [condition(rng, depth - 1, more) for _ in range(2)]
    return f"({rng.choice((' and ', ' or ')).join(parts)})"


def policy(rng: Random) -> ir.Program:
    rows = [
        f"{label}: {who} may {rng.choice(('read', 'edit', 'read, edit'))}"
        for label, some in ROWS.items()
        for who in rng.sample(some, rng.randint(1, len(some)))
    ]
    on = [rng.choice(("Item", "Filed")) for _ in range(5)]
    rules = [
        f"permit p1: read on {on[0]} when {condition(rng)}",
        f"permit p2: edit on {on[1]} when {condition(rng)}",
        f"forbid f1: read, edit on {on[2]} when {condition(rng)}",
        f"forbid f2: edit on {on[3]} when {condition(rng)}",
        f"require q1: note {{ id: {rng.choice(('resource.id', 'holder.id'))} }} for edit on {on[4]} when {condition(rng)}",
    ]
    granted = ("granted", "principal.org != resource.org", "principal.org == resource.org")
    nevers = [
        f"never {rng.choice(('any', 'read', 'edit'))} on Filed{rng.choice(('', ' without note'))} "
        f"when {condition(rng, 2, granted)}"
        for _ in range(3)
    ]
    text = f"access Filed by reach {{ UP: as up {' '.join(rows)} }}\n" + "\n".join(rng.sample(rules, rng.randint(1, 4)))
    threat = f'threat t "t" {{ {" ".join(nevers)} held by resolver }}'
    return program_of(compile_sources([Source("small.policy", f"{VOCABULARY}\n{text}\n{threat}")]))


def faulty(rng: Random, program: ir.Program) -> ir.Program:
    """Sometimes without the isolation of a permit, or with one that crosses where it must not."""
    permits = [rule for rule in program.rules if rule.effect == "permit"]
    fault, chosen = rng.randrange(5), rng.choice(permits)

    def change(expr: ir.Expr) -> ir.Expr:
        if not isinstance(expr, ir.Isolation) or fault > 1:
            return expr
        return ir.TRUE if fault == 0 else replace(expr, crosses=True)

    changed = replace(rewrite_rule(chosen, change), crosses=chosen.crosses or fault in (1, 2))
    rules = tuple(changed if rule.id == chosen.id else rule for rule in program.rules)
    return simplify_program(replace(program, rules=rules))


@cache
def requests() -> tuple[dict[str, Any], ...]:
    """All of them: who asks is `p` of `t1`; another person is `q`, another tenant `t2`."""
    return tuple(_requests())


def _requests() -> Iterator[dict[str, Any]]:
    folders = [None, *product((*PEOPLE, "s"), ("OWN", "GIVEN", "UP"))]
    grants = [None, *product(("record", "folder"), ("reader", "writer"))]
    orgs, types, reaches, levels = ("t1", "t2"), ("Item", "Box"), ("OWN", "GIVEN", "UP"), ("low", "high")
    for org, type_, keeper, reach, up in product(orgs, types, PEOPLE, reaches, (None, "f")):
        record = {"type": type_, "id": "r", "org": org, "keeper": keeper, "reach": reach} | ({"up": up} if up else {})
        for level, action, folder, grant in product(levels, ("read", "edit"), folders, grants):
            data: dict[str, Any] = {}
            if folder:
                data["Box"] = [{"id": "f", "org": org, "keeper": folder[0], "reach": folder[1]}]
            if grant:
                on = {"type_": type_, "record": "r"} if grant[0] == "record" else {"type_": "Box", "record": "f"}
                data["Loan"] = [{"org": org, **on, "member": "p", "home": "t1", "rank": grant[1]}]
            principal = {"id": "p", "org": "t1", "level": level}
            request = {"principal": principal, "action": action, "resource": record, "context": {}}
            yield {"request": request, "data": data}


def enumerated(program: ir.Program, claims: list[Claim]) -> list[bool]:
    """For each goal of the claims, in their order, whether some request meets it."""
    goals = [goal for claim in claims for goal in claim.goals]
    open_ = set(range(len(goals)))
    for found in requests():
        facts = Facts(program, found)
        open_ -= {index for index in open_ if goals[index].seen(facts)}
    return [index not in open_ for index in range(len(goals))]


def check(seed: int) -> Counter[str]:
    rng = Random(f"enumeration {seed}")
    program = faulty(rng, policy(rng))
    encoding = encode(program)
    every = [*checks.claims(program, encoding), *dict(lines(program, encoding)).values()]
    claims = [claim for claim in every if isinstance(claim, Claim)]
    settling = Settling(program, encoding, lambda request, data: decide(program, request, Rows(program.schema, data)))
    seen: Counter[str] = Counter()
    met = iter(enumerated(program, claims))
    for claim, verdict in zip(claims, settling.settle(claims), strict=True):
        first, *shows = [next(met) for _ in claim.goals]
        expected = "refuted" if first is claim.never else "proved" if all(shows) else "vacuous"
        assert verdict.status == expected, (seed, claim.check, claim.subject, verdict)
        seen[f"{claim.check}: {verdict.status}"] += 1
    return seen


def test_the_solvers_agree_with_brute_force() -> None:
    seen: Counter[str] = Counter()
    for seed in (7,):
        seen += check(seed)
    assert sum(seen.values()) >= 12, seen


@pytest.mark.soak
def test_the_solvers_agree_with_brute_force_on_many_policies() -> None:
    seen: Counter[str] = Counter()
    for seed in range(100, 250):
        seen += check(seed)
    print(dict(seen))
    for outcome in (
        "isolation: refuted",
        "isolation: proved",
        "threat: refuted",
        "threat: proved",
        "not dead: refuted",
    ):
        assert seen[outcome] >= 20, seen
