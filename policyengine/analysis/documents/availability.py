"""Checks that what the source needs is let through: each need as one verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from policyengine.analysis.documents import facts, questions
from policyengine.analysis.documents.checking import Place, allowed_one
from policyengine.analysis.documents.needs import ASSUMPTIONS, Need
from policyengine.analysis.documents.questions import Encoded
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.shrinking import line, shrunk
from policyengine.analysis.documents.symbols import ASSUMED
from policyengine.analysis.solver import Answer
from policyengine.analysis.verdict import InternalError, Status, Verdict

AVAILABILITY = "availability"


def check_needs(needs: Sequence[Need], texts: Mapping[str, str], place: Place) -> Iterator[Verdict]:
    """Whether the documents let every such request through. `texts` holds them by file. What meets in the same
    documents is asked of one text."""
    together: dict[object, list[Need]] = {}
    for need in needs:
        met = (need.identity, need.policy, need.boundary, need.kind, need.urgent)
        together.setdefault(met, []).append(need)
    for group in together.values():
        yield from _where_they_meet(group, texts, place)


def _where_they_meet(needs: list[Need], texts: Mapping[str, str], place: Place) -> Iterator[Verdict]:
    began = time.perf_counter()
    stack = needs[0].stack(texts, account=place.account, partition=place.partition, tenant=place.tenant)
    try:
        encoded = questions.encode(stack, [need.wanted for need in needs], "denied")
    except Unsupported as found:
        for need in needs:
            yield _verdict(need)("refused", str(found), refused=(str(found),))
        return
    asked = [questions.blocked(encoded, at) for at in range(len(needs))]
    others = [questions.certain(encoded, at) for at in range(len(needs))]
    blocked, passes = questions.put(encoded, asked, others, limit=place.limit, solvers=place.solvers)
    share = (time.perf_counter() - began) / len(needs)
    for at, need in enumerate(needs):
        yield _settled(encoded, at, need, blocked[at], passes[at], share)


def _verdict(need: Need, **fixed: Any) -> Callable[..., Verdict]:
    subject = f"{' + '.join(need.files)}: {need.name}"

    def made(status: Status, reason: str = "", **more: Any) -> Verdict:
        parts = {"assumptions": ASSUMPTIONS, **fixed, **more}
        return Verdict(AVAILABILITY, subject, status, need.layer, reason, **parts)

    return made


def _settled(encoded: Encoded, at: int, need: Need, blocked: Answer, passes: Answer, seconds: float) -> Verdict:
    verdict = _verdict(need, opinions=blocked.opinions, evidence=encoded.evidence, seconds=seconds)
    if blocked.contradiction:
        raise InternalError(f"the solvers contradict each other about {need.name}")
    if blocked.status == "unknown":
        return verdict("unknown", "the solvers gave up")
    if blocked.status == "sat":
        return _refuted_or_open(encoded, at, need, verdict)
    witness = allowed_one(encoded, passes)
    if witness is None:
        return verdict("vacuous", "there is no such request")
    names = [name.removeprefix("assumed ") for name in blocked.core if name.startswith("assumed ")]
    return verdict("proved", witness=witness, assumptions=(*ASSUMPTIONS, *(ASSUMED[name] for name in names)))


def _refuted_or_open(encoded: Encoded, at: int, need: Need, verdict: Callable[..., Verdict]) -> Verdict:
    """A request that is needed and denied, if it is denied in every reading of AWS's words."""
    for plain in (True, False):
        (answer,), _ = questions.put(encoded, [questions.barred(encoded, at, plain=plain)])
        if answer.status == "sat":
            break
    else:
        return verdict("unknown", "AWS's words leave it open whether such a request is denied")
    request, tenant = questions.decoded(encoded, answer.values)
    shows = questions.shows("denied", need.wanted, tenant)
    if not shows(request):
        raise InternalError(f"the evaluator says {questions.decision(request)} of {request}")
    request = shrunk(request, shows, tenant)
    said = line(request, "denied", tenant, facts.keys(need.wanted))
    found = {"request": request, "tenant": tenant, "line": said}
    return verdict("refuted", f"not so that {need.sentence}: {said}", counterexample=found)
