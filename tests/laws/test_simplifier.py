"""Simplifying changes no decision, and no report; simplifying twice changes nothing more."""

from hypothesis import given

from policyengine.interpreter import Rows, decide
from policyengine.ir.simplifier import simplify_program
from tests.laws.situations import Situation, Tally, seeded, situations


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
