"""Checks of documents: each claim in each of its worlds, as one verdict."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from policyengine.analysis.documents import facts, questions
from policyengine.analysis.documents.claims import WORLDS, Claim, Subject, World, stack_in
from policyengine.analysis.documents.facts import Fact, both
from policyengine.analysis.documents.questions import Encoded, Json
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.shrinking import line, shrunk
from policyengine.analysis.documents.symbols import ASSUMED
from policyengine.analysis.solver import LIMIT, SOLVERS, Answer
from policyengine.analysis.verdict import InternalError, Status, Verdict

BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class Place:
    """Where documents are: the account that owns what they are about. `tenant` stands in them for every tenant.

    `limit` and `solvers` are those of `solver.ask`.
    """

    account: str
    partition: str = "aws"
    tenant: str = ""
    limit: int = LIMIT
    solvers: Sequence[str] = SOLVERS


def check_claims(subject: Subject, claims: Sequence[Claim], text: str, place: Place) -> Iterator[tuple[Claim, Verdict]]:
    """Each claim, with a verdict for each of its worlds, about the document as its text has it.

    Raises InternalError where a counterexample does not replay, and SolverMissing.
    """
    for world in WORLDS:
        here = [claim for claim in claims if world in claim.worlds]
        if here:
            yield from _in_world(subject, here, world, text, place)


def _in_world(
    subject: Subject, claims: list[Claim], world: World, text: str, place: Place
) -> Iterator[tuple[Claim, Verdict]]:
    began = time.perf_counter()
    stack = stack_in(world, subject, text, account=place.account, partition=place.partition, tenant=place.tenant)
    kinds = [both(subject.who, claim.forbidden) for claim in claims]
    try:
        encoded = questions.encode(stack, [*kinds, subject.who], "allowed")
    except Unsupported as refused:
        for claim in claims:
            yield claim, _Case(subject, claim, world).verdict("refused", str(refused), refused=(str(refused),))
        return
    proofs = [questions.possible(encoded, at) for at in range(len(kinds))]
    others = [*(questions.conceivable(encoded, at) for at in range(len(kinds))), questions.certain(encoded, len(kinds))]
    answers, found = questions.put(encoded, proofs, others, limit=place.limit, solvers=place.solvers)
    *conceivable, allowed = found
    witness = allowed_one(encoded, allowed)
    share = (time.perf_counter() - began) / len(kinds)
    for at, (claim, fact) in enumerate(zip(claims, kinds, strict=True)):
        case = _Case(subject, claim, world, encoded, at, fact, answers[at], share)
        yield claim, case.settled(conceivable[at], witness)


def allowed_one(encoded: Encoded, answer: Answer) -> Json | None:
    """A request that is allowed; none, where nothing is."""
    if answer.status != "sat":
        return None
    request, _ = questions.decoded(encoded, answer.values)
    if questions.decision(request) != "allowed":
        raise InternalError(f"the evaluator does not allow {request}")
    return {"request": _shown(request)}


def _shown(request: Json) -> Json:
    """A request without the documents, which are known."""
    return {name: request[name] for name in ("principal", "action", "resource", "account", "context")}


@dataclass(frozen=True, slots=True)
class _Case:
    """One claim in one world, and what was found out about it."""

    subject: Subject
    claim: Claim
    world: World
    encoded: Encoded | None = None
    index: int = 0
    fact: Fact | None = None
    answer: Answer | None = None
    seconds: float = 0.0

    def verdict(self, status: Status, reason: str = "", **more: Any) -> Verdict:
        return Verdict(
            BOUNDARY,
            f"{self.subject.file}: {self.claim.name} ({self.world})",
            status,
            self.subject.layer,
            reason,
            opinions=self.answer.opinions if self.answer else (),
            evidence=self.encoded.evidence if self.encoded else "",
            seconds=self.seconds,
            **more,
        )

    def settled(self, conceivable: Answer, witness: Json | None) -> Verdict:
        assert self.answer is not None
        found = self.answer
        if found.contradiction or conceivable.contradiction:
            raise InternalError(f"the solvers contradict each other about {self.subject.file}: {self.claim.name}")
        if found.status == "unknown":
            return self.verdict("unknown", "the solvers gave up")
        if found.status == "sat":
            return self._broken()
        if conceivable.status != "sat":
            return self.verdict("vacuous", "no request is of the kind that the claim is about")
        if witness is None:
            return self.verdict("vacuous", "nothing at all is allowed")
        names = [name.removeprefix("assumed ") for name in found.core if name.startswith("assumed ")]
        return self.verdict("proved", witness=witness, assumptions=tuple(ASSUMED[name] for name in names))

    def _broken(self) -> Verdict:
        """A counterexample, if such a request is allowed in every reading of AWS's words."""
        assert self.encoded is not None
        assert self.fact is not None
        for plain in (True, False):
            (answer,), _ = questions.put(self.encoded, [questions.certain(self.encoded, self.index, plain=plain)])
            if answer.status == "sat":
                break
        else:
            return self.verdict("unknown", "AWS's words leave it open whether such a request is allowed")
        request, tenant = questions.decoded(self.encoded, answer.values)
        shows = questions.shows("allowed", self.fact, tenant)
        if not shows(request):
            raise InternalError(f"the evaluator says {questions.decision(request)} of {request}")
        request = shrunk(request, shows, tenant)
        said = line(request, questions.decision(request), tenant, facts.keys(self.fact))
        found = {"request": request, "tenant": tenant, "line": said}
        return self.verdict("refuted", f"not so that {self.claim.sentence}: {said}", counterexample=found)
