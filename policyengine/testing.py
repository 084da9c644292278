"""Running the `test` blocks of a policy set, through interpreter and generated code, with coverage of the rules.

In: a program and its cases. Out: an `Outcome` for each case, which says what was expected, what came, and the facts
that decided; and, for each rule, whether it was seen to decide and seen not to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from policyengine.compiler import Engine
from policyengine.frontend.cases import Case
from policyengine.interpreter import Rows, decide, evaluation
from policyengine.interpreter.evaluation import Error, Evaluation
from policyengine.ir.nodes import And, Attr, Expr, Program, Rule
from policyengine.ir.printer import print_expr
from policyengine.ir.visitor import walk


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case. `problems` is empty where it is as expected; `facts` are there where it is not."""

    case: Case
    decision: dict[str, Any]
    problems: tuple[str, ...]
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """The ids of rules that no case saw decide, and of those that no case of their cells saw not decide."""

    never_decides: tuple[str, ...]
    always_decides: tuple[str, ...]


def run_cases(program: Program, cases: Iterable[Case]) -> tuple[Outcome, ...]:
    """Every case, decided twice; that the two differ is a problem of the case, and a bug of ours."""
    engine = Engine(program)
    return tuple(_run(engine, case) for case in cases)


def coverage(program: Program, outcomes: Iterable[Outcome]) -> Coverage:
    """Over all outcomes. A permit decides an allow, a forbid a denial, a require an obligation."""
    decided: set[str] = set()
    not_decided: set[str] = set()
    for outcome in outcomes:
        request = outcome.case.request
        if outcome.decision["reason"] == "The request is malformed.":
            continue
        for rule in program.rules_for(request["action"], request["resource"]["type"]):
            (decided if _decides(program, rule, outcome) else not_decided).add(rule.id)
    ids = {rule.id for rule in program.rules}
    return Coverage(tuple(sorted(ids - decided)), tuple(sorted(ids - not_decided)))


def _run(engine: Engine, case: Case) -> Outcome:
    meant = decide(engine.program, case.request, Rows(engine.program.schema, case.data))
    generated = engine.authorize(case.request, engine.entities(case.data))
    problems = tuple(_problems(case, meant))
    if generated != meant:
        problems += (f"internal: the generated code decides otherwise: {generated}",)
    return Outcome(case, meant, problems, tuple(facts(engine.program, case)) if problems else ())


def _problems(case: Case, decision: dict[str, Any]) -> Iterator[str]:
    expected = "allow" if case.allow else "deny"
    if decision["decision"] != expected:
        yield f"expected {expected}, got {decision['decision']} ({decision['reason']})"
    if case.rules is not None and list(case.rules) != decision["rules"]:
        yield f"expected the rules {_listed(case.rules)}, got {_listed(decision['rules'])}"
    if case.allow and not _same(case.obligations, decision["obligations"]):
        yield f"expected the obligations {list(case.obligations)}, got {decision['obligations']}"
    for error in case.errors:
        if error not in decision["errors"]:
            yield f"expected the error {error!r}, got {_listed(decision['errors'])}"


def _same(expected: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> bool:
    def key(obligation: dict[str, Any]) -> str:
        return repr(sorted(obligation.items()))

    return sorted(map(key, expected)) == sorted(map(key, found))


def _listed(ids: Iterable[str]) -> str:
    return ", ".join(ids) or "none"


def _decides(program: Program, rule: Rule, outcome: Outcome) -> bool:
    if rule.effect != "require":
        return rule.id in outcome.decision["rules"]
    return outcome.decision["decision"] == "allow" and _evaluation(program, outcome.case).value(rule.condition) is True


# ---- The facts that decided


def facts(program: Program, case: Case) -> Iterator[str]:
    """For each rule of the cell, its value, and of the conditions that failed it what they read."""
    if decide(program, case.request, Rows(program.schema, case.data))["reason"] == "The request is malformed.":
        return
    known = _evaluation(program, case)
    for rule in program.rules_for(case.request["action"], case.request["resource"]["type"]):
        value = known.value(rule.condition)
        yield f"{rule.effect} {rule.id}: {_shown(value)}"
        parts = rule.condition.operands if isinstance(rule.condition, And) else (rule.condition,)
        for part in parts:
            if value is not True and known.value(part) is not True:
                read = ", ".join(_reads(known, part))
                yield f"  {print_expr(part)} is {_shown(known.value(part))}" + (f": {read}" if read else "")


def _reads(known: Evaluation, expr: Expr) -> Iterator[str]:
    for node in dict.fromkeys(walk(expr)):
        if isinstance(node, Attr):
            yield f"{print_expr(node)} is {_shown(known.value(node))}"


def _shown(value: Any) -> str:
    match value:
        case Error(cause=cause):
            return f"an error ({cause})"
        case None:
            return "absent"
        case bool():
            return str(value).lower()
    return repr(value)


def _evaluation(program: Program, case: Case) -> Evaluation:
    return evaluation(program, case.request, Rows(program.schema, case.data))
