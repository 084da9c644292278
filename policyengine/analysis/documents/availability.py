"""Checks that what the source needs is let through: each need as one verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from policyengine.analysis.documents import facts, questions
from policyengine.analysis.documents.checking import Place, allowed_one
from policyengine.analysis.documents.needs import ASSUMPTIONS, Need
from policyengine.analysis.documents.questions import Encoded
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.shrinking import line, shrunk
from policyengine.analysis.documents.symbols import ASSUMED
from policyengine.analysis.verdict import InternalError, Status, Verdict

AVAILABILITY = "availability"


def check_need(need: Need, texts: Mapping[str, str], place: Place) -> Verdict:
    """Whether the documents let every such request through. `texts` holds them by file."""
    began = time.perf_counter()
    subject = f"{' + '.join(need.files)}: {need.name}"

    def verdict(status: Status, reason: str = "", **more: Any) -> Verdict:
        more = {"assumptions": ASSUMPTIONS, "seconds": time.perf_counter() - began, **more}
        return Verdict(AVAILABILITY, subject, status, need.layer, reason, **more)

    stack = need.stack(texts, account=place.account, partition=place.partition, tenant=place.tenant)
    try:
        encoded = questions.encode(stack, [need.wanted], "denied")
    except Unsupported as found:
        return verdict("refused", str(found), refused=(str(found),))
    asked, others = [questions.blocked(encoded, 0)], [questions.certain(encoded, 0)]
    (blocked,), (passes,) = questions.put(encoded, asked, others, limit=place.limit, solvers=place.solvers)
    if blocked.contradiction:
        raise InternalError(f"the solvers contradict each other about {subject}")
    more: dict[str, Any] = {"opinions": blocked.opinions, "evidence": encoded.evidence}
    if blocked.status == "unknown":
        return verdict("unknown", "the solvers gave up", **more)
    if blocked.status == "sat":
        return _refuted_or_open(encoded, need, verdict, more)
    witness = allowed_one(encoded, passes)
    if witness is None:
        return verdict("vacuous", "there is no such request", **more)
    names = [name.removeprefix("assumed ") for name in blocked.core if name.startswith("assumed ")]
    assumed = (*ASSUMPTIONS, *(ASSUMED[name] for name in names))
    return verdict("proved", witness=witness, **{**more, "assumptions": assumed})


def _refuted_or_open(encoded: Encoded, need: Need, verdict: Callable[..., Verdict], more: dict[str, Any]) -> Verdict:
    """A request that is needed and denied, if it is denied in every reading of AWS's words."""
    for plain in (True, False):
        (answer,), _ = questions.put(encoded, [questions.barred(encoded, 0, plain=plain)])
        if answer.status == "sat":
            break
    else:
        return verdict("unknown", "AWS's words leave it open whether such a request is denied", **more)
    request, tenant = questions.decoded(encoded, answer.values)
    shows = questions.shows("denied", need.wanted, tenant)
    if not shows(request):
        raise InternalError(f"the evaluator says {questions.decision(request)} of {request}")
    request = shrunk(request, shows, tenant)
    said = line(request, "denied", tenant, facts.keys(need.wanted))
    found = {"request": request, "tenant": tenant, "line": said}
    return verdict("refuted", f"not so that {need.sentence}: {said}", counterexample=found, **more)
