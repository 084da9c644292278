"""The door to the solvers: what they say of a question, what becomes of a word that cannot be trusted."""

from typing import Any

import pytest

from policyengine.analysis import solver
from policyengine.analysis.solver import Question, SolverMissing, ask, solve

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")
pytest.importorskip("z3", reason="proofs need the solver z3")

TEXT = """
(set-logic QF_UF)
(set-option :produce-models true)
(declare-const |a b| Bool)
(declare-const c Bool)
(assert (! (=> |a b| c) :named |a rule|))
(assert (! (or c (not c)) :named |nothing|))
"""


def test_both_solvers_answer_each_question_apart() -> None:
    yes, no = ask(TEXT, [Question(("|a b|",), ("c", "|a b|")), Question(("|a b|", "(not c)"))])
    assert (yes.status, yes.values) == ("sat", {"c": "true", "|a b|": "true"})
    assert (no.status, no.core) == ("unsat", ("a rule",))
    assert [(o.solver, o.status) for o in no.opinions] == [("cvc5", "unsat"), ("z3", "unsat")]
    assert all(opinion.version for opinion in no.opinions)


def heard(monkeypatch: pytest.MonkeyPatch, second: Any) -> list[solver.Answer]:
    """What is made of a second solver that says this of the only question."""
    real = solver._heard

    def fake(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
        return real(asked, seconds) if asked["solver"] == "cvc5" else second

    monkeypatch.setattr(solver, "_heard", fake)
    return [*ask(TEXT, [Question(("|a b|", "(not c)"))]), solve(TEXT + "(assert |a b|)(assert (not c))(check-sat)")]


def said(status: str) -> dict[str, Any]:
    part = {"status": status, "values": {}, "core": "", "seconds": 0.0}
    return {"version": "9", "outputs": [], "answers": [part]}


def test_a_contradiction_is_unknown_and_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = heard(monkeypatch, said("sat"))
    assert (asked.status, asked.contradiction, asked.core) == ("unknown", True, ())
    _, solved = heard(monkeypatch, {"version": "9", "outputs": ["sat"], "answers": []})
    assert (solved.status, solved.contradiction) == ("unknown", True)


@pytest.mark.parametrize("second", [said("unknown"), {}, {"version": "9", "outputs": ["(error)"], "answers": []}])
def test_a_second_opinion_that_is_none_is_told_and_does_no_harm(monkeypatch: pytest.MonkeyPatch, second: Any) -> None:
    asked, solved = heard(monkeypatch, second)
    assert (asked.status, asked.contradiction) == ("unsat", False)
    assert asked.opinions[1].status == "unknown"
    assert (solved.status, solved.contradiction) == ("unsat", False)


def test_the_second_solver_never_proves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "_heard", lambda asked, _: said("unsat") if asked["solver"] == "z3" else {})
    [answer] = ask(TEXT, [Question(("|a b|", "(not c)"))])
    assert answer.status == "unknown"


def test_a_budget_stops_every_question_and_a_clock_the_process() -> None:
    hard = "(set-logic QF_NIA)" + "".join(f"(declare-const {n} Int)(assert (< 1 {n} 900000000))" for n in "xyz")
    cube = Question(("(= (+ (* x x x) (* y y y)) (* z z z))",))
    [stopped] = ask(hard, [cube], limit=20_000)
    assert stopped.status == "unknown"
    [killed] = ask(hard, [cube], limit=10**9, seconds=0.5)
    assert killed.status == "unknown"


def test_a_text_that_is_not_understood_answers_nothing() -> None:
    assert [answer.status for answer in ask("(assert nothing)", [Question(("true",))])] == ["unknown"]
    assert [answer.status for answer in ask(TEXT, [Question(("absent",)), Question(())])] == ["unknown", "unknown"]


def test_either_missing_solver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cvc5", "z3"):
        monkeypatch.setattr(solver, "find_spec", lambda asked, missing=name: None if asked == missing else object())
        with pytest.raises(SolverMissing, match=rf"{name}: pip install policyengine-authz\[prove\]"):
            ask(TEXT, [Question(())])
