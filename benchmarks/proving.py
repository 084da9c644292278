"""Proofs: what isolation costs at 10, 100 and 1,000 rules, and all claims about Studio; solver by solver.

Times of a first prototype, on two cores, stand beside: another encoding of other rules, so they only give the order.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import replace

from benchmarks.measuring import Figure
from benchmarks.workloads import ROOT, policy_text
from policyengine.analysis import checks
from policyengine.analysis.solver import Answer, Question, ask
from policyengine.compiler import compile_folders, compile_sources, program_of
from policyengine.ir.nodes import TRUE, Expr, Isolation, Program
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_rule
from policyengine.proving import prove, settling_of
from policyengine.source import Source

PROTOTYPE = {  # rules: seconds of z3 and cvc5 on isolation proved, and on a leak found
    10: ((0.018, 0.011), (0.010, 0.004)),
    100: ((0.015, 0.014), (0.015, 0.018)),
    1000: ((0.076, 0.145), (0.080, 0.162)),
}
BOUND = 40.0
"""How much longer isolation may take at 1,000 rules than at 100: it grew 10 times in the prototype."""

Timed = Generator[Figure | str, None, float]


def proofs() -> Iterator[Figure | str]:
    """The lead solver's time, against the second opinion's."""
    took: dict[int, float] = {}
    for rules, (proved, leaked) in PROTOTYPE.items():
        program = program_of(compile_sources([Source("bench.policy", policy_text(rules))]))
        took[rules] = yield from _isolation(program, f"isolation of {rules:,} rules", "unsat", proved)
        yield from _isolation(_leaky(program), f"a leak in one of {rules:,} rules", "sat", leaked)
    yield Figure("isolation at 1,000 rules, against at 100", took[1000] / took[100], BOUND, took[1000], took[100])
    yield from _studio()


def _isolation(program: Program, what: str, expected: str, before: tuple[float, float]) -> Timed:
    settling = settling_of(program)
    goal = checks.isolation(program, settling.encoding).goal
    began = time.perf_counter()
    [answer] = ask(settling.encoding.text, [Question(goal.terms)])
    whole = time.perf_counter() - began
    assert answer.status == expected, answer
    lead, second = _seconds(answer)
    yield Figure(what, lead / second, None, lead, second, f"with both processes {whole:.2f} s")
    yield f"    the prototype: cvc5 {before[1]:.3f} s, z3 {before[0]:.3f} s"
    return lead


def _seconds(answer: Answer) -> tuple[float, float]:
    lead, second = answer.opinions
    return lead.seconds, second.seconds


def _leaky(program: Program) -> Program:
    """Without the isolation of the last permit that has one; the others keep theirs."""

    def drop(expr: Expr) -> Expr:
        return TRUE if isinstance(expr, Isolation) else expr

    last = next(
        rule for rule in reversed(program.rules) if rule.effect == "permit" and rewrite_rule(rule, drop) != rule
    )
    rules = tuple(rewrite_rule(rule, drop) if rule is last else rule for rule in program.rules)
    return simplify_program(replace(program, rules=rules))


def _studio() -> Iterator[str]:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    for what, documents in (("its rules and threats", False), ("its documents too", True)):
        began = time.perf_counter()
        report = prove(program) if documents else prove(replace(program, aws=()))
        seconds = time.perf_counter() - began
        yield f"    Studio, {what}: {len(report.verdicts)} claims, {seconds:.1f} s by the clock"
