"""Claims about all requests, and how each is settled: asked of the solvers, decoded, made small, replayed.

A claim has two faces that share no code: `goal`, terms of the encoding, and `seen`, the same by the interpreter. A
request that the solvers find by the one has to show the other, or the whole run stops with an InternalError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policyengine.analysis.decoder import decode, wanted_terms
from policyengine.analysis.encoder import Encoding, assumptions
from policyengine.analysis.facts import Authorize, Facts, Found, replayed
from policyengine.analysis.smaller import smallest
from policyengine.analysis.solver import LIMIT, Answer, Question, ask
from policyengine.analysis.verdict import Status, Verdict
from policyengine.ir.nodes import Program

Seen = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Goal:
    """Requests of one kind, by encoding and by interpreter. `what` is told where it comes out as it must not."""

    terms: tuple[str, ...]
    seen: Seen
    what: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """That no request meets the goal (`never`), or that one does.

    A claim that none does is vacuous unless each of `shows` is met by some request. `rests_on` are assumptions that lie
    in the form of the question and so never show in a core. `blamed` is the rule at fault in a counterexample, where
    it is not those that decide.
    """

    check: str
    subject: str
    goal: Goal
    never: bool = True
    shows: tuple[Goal, ...] = ()
    layer: str = "policy"
    rests_on: tuple[str, ...] = ()
    blamed: str = ""

    @property
    def goals(self) -> tuple[Goal, ...]:
        return (self.goal, *self.shows)


@dataclass(frozen=True)
class Settling:
    """What settles claims about one program: its encoding, its generated code, and a budget of solver steps."""

    program: Program
    encoding: Encoding
    authorize: Authorize
    limit: int = LIMIT

    def settle(self, claims: Sequence[Claim]) -> list[Verdict]:
        """A verdict for each claim, in their order. Raises SolverMissing and InternalError."""
        wanted = tuple(wanted_terms(self.encoding))
        questions = [Question(goal.terms, wanted) for claim in claims for goal in claim.goals]
        answers = iter(ask(self.encoding.text, questions, limit=self.limit) if questions else ())
        return [self._verdict(claim, [next(answers) for _ in claim.goals]) for claim in claims]

    def _verdict(self, claim: Claim, answers: list[Answer]) -> Verdict:
        status, reason, found = self._come_to(claim, answers)
        shown = found.found if found else None
        broken = claim.never and status == "refuted"
        first = next((answer for answer in answers if answer.contradiction), answers[0])
        rests_on = (*claim.rests_on, *assumptions(first.core)) if status == "proved" and claim.never else ()
        return Verdict(
            claim.check,
            claim.subject,
            status,
            claim.layer,
            reason,
            witness=None if broken else shown,
            assumptions=rests_on,
            counterexample=shown if broken else None,
            blamed=_blamed(claim, found) if found and broken else (),
            opinions=first.opinions,
            evidence=hashlib.sha256(self.question(claim).encode()).hexdigest(),
            seconds=sum(opinion.seconds for answer in answers for opinion in answer.opinions[:1]),
        )

    def question(self, claim: Claim) -> str:
        """The claim as one SMT-LIB text: `unsat` says that no request meets its goal."""
        return self.encoding.text + "".join(f"(assert {term})\n" for term in claim.goal.terms) + "(check-sat)\n"

    def _come_to(self, claim: Claim, answers: list[Answer]) -> tuple[Status, str, Facts | None]:
        if any(answer.contradiction for answer in answers):
            return "unknown", "THE SOLVERS CONTRADICT EACH OTHER: do not rely on either of them", None
        first = answers[0]
        if first.status == "sat":
            facts = self._shown(claim.goal, first)
            return ("refuted", claim.goal.what, facts) if claim.never else ("proved", "", facts)
        if any(answer.status == "unknown" for answer in answers):
            return "unknown", f"the solver gave up after {self.limit} steps", None
        if not claim.never:
            return "refuted", claim.goal.what, None
        for goal, answer in zip(claim.shows, answers[1:], strict=True):
            if answer.status == "unsat":
                return "vacuous", goal.what, None
        witnesses = [self._shown(goal, answer) for goal, answer in zip(claim.shows, answers[1:], strict=True)]
        return "proved", "", witnesses[0] if witnesses else None

    def _shown(self, goal: Goal, answer: Answer) -> Facts:
        """The request of a model: replayed as it is, made small, and replayed once more."""
        found: Found = decode(self.encoding, answer.values)
        replayed(self.program, found, goal.seen, self.authorize)
        return replayed(self.program, smallest(self.program, found, goal.seen), goal.seen, self.authorize)


def _blamed(claim: Claim, facts: Facts) -> tuple[str, ...]:
    return (claim.blamed,) if claim.blamed else tuple(facts.decision["rules"])
