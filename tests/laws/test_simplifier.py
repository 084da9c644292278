"""Simplifying changes no decision, and no report; simplifying twice changes nothing more."""

from itertools import product
from typing import Any

from hypothesis import given

from policyengine.interpreter import Rows, decide, evaluation
from policyengine.ir.nodes import And, Expr, Not, Or
from policyengine.ir.simplifier import simplify, simplify_program
from policyengine.source import Source
from tests.laws.situations import Situation, Tally, lowered, seeded, situations


def _simplifying_changes_no_decision(situation: Situation, tally: Tally) -> None:
    rows = Rows(situation.schema, situation.data)
    assert simplify_program(situation.program) == situation.program
    for request in situation.requests:
        decision = decide(situation.lowered, request, rows)
        assert decide(situation.program, request, rows) == decision
        tally.see(situation.schema, request, decision)
    tally["smaller"] += situation.program != situation.lowered


@given(situations())
def test_simplifying_changes_no_decision(situation: Situation) -> None:
    _simplifying_changes_no_decision(situation, Tally())


def test_simplifying_changes_no_decision_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for situation in seeded(120):
        _simplifying_changes_no_decision(situation, tally)
    tally.check()
    assert tally["smaller"] > 100


def test_simplifying_twice_changes_nothing_more() -> None:
    for situation in seeded(150):
        assert simplify_program(situation.program) == situation.program


# Every small condition

_SCHEMA = """
tenant Org by org
enum Grade { low < high }
principal Person { id: Id as identity, org: Id of Org }
resource Box { id: Id as identity, org: Id of Org, open: Bool, grade: Grade }
resource Bag { id: Id as identity, org: Id of Org, open: Bool }
resource Page {
  id: Id as identity, org: Id of Org, grade: Grade, size: Int?,
  box: Id of Box, lost: Id of Box, gone: Id of Bag
}
action read on Page
"""
_ATOMS = (
    *("true", "false", "1 < 2", "resource.type == Page", "resource.grade >= low", "resource.grade < low"),
    *("resource.grade in { high }", '"p" == resource.id', "has resource.size", "resource.box.open"),
    *("resource.box.grade >= low", "resource.box.grade < low"),  # true and false, and could err
    *("resource.lost.open", "resource.lost.grade >= low", "resource.lost.grade < low", "resource.gone.open"),  # errors
)


def test_every_small_condition_has_the_same_value_when_it_is_simplified() -> None:
    """All conditions of up to three parts: the same value, or the same error, where one of them errs."""
    rules = "\n".join(f"forbid f{n:02}: read on Page when {atom}" for n, atom in enumerate(_ATOMS))
    program = lowered([Source("small.policy", _SCHEMA + rules)])
    resource = {"type": "Page", "id": "p", "org": "o", "grade": "low", "box": "b", "lost": "l", "gone": "g"}
    request: Any = {"principal": {"id": "u", "org": "o"}, "action": "read", "resource": resource}
    data = {"Box": [{"id": "b", "org": "o", "open": True, "grade": "high"}]}
    known = evaluation(program, request, Rows(program.schema, data))
    atoms: list[Expr] = [rule.condition for rule in program.rules]
    pairs: list[Expr] = [kind(pair) for kind in (And, Or) for pair in product(atoms, atoms)]
    triples: list[Expr] = [kind(pair) for kind in (And, Or) for pair in product(pairs, atoms)]
    seen: dict[str, int] = {}
    for condition in (*atoms, *pairs, *map(Not, atoms), *map(Not, pairs), *triples):
        value = known.value(condition)
        assert known.value(simplify(condition)) == value, condition
        assert simplify(simplify(condition)) == simplify(condition)
        seen[str(value)] = seen.get(str(value), 0) + 1
    assert len(seen) == 4, seen  # true, false, and two errors
    assert min(seen.values()) > 1000, seen
