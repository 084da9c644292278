"""What documents say of each threat, layer by layer: the claims that answer it, as one verdict.

A threat is held by layers; of IAM, KMS and S3 the strongest form is every claim of the layer's documents about what
answers the threat (`answers` in the `aws` block, or else all of them). A layer that answers nothing fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from policyengine.analysis.verdict import Status, Verdict
from policyengine.backends.aws.index import IAM_LAYERS
from policyengine.backends.aws.settings import CONCERNS
from policyengine.ir.nodes import Program

THREATS = "threat in documents"

WORST: tuple[Status, ...] = ("refuted", "unknown", "refused", "vacuous", "proved")


def threat_verdicts(program: Program, found: Sequence[tuple[frozenset[str], Verdict]]) -> Iterator[Verdict]:
    """One verdict for each threat and layer. `found`: the concerns of each claim, and its verdict."""
    said: Mapping[str, str] = {name: value for kind, name, value in program.aws if kind == "answers"}
    for threat in program.threats:
        concerns = frozenset(said.get(threat.id, " ".join(CONCERNS)).split())
        for layer in (layer for layer in IAM_LAYERS if layer in threat.held_by):
            about = [verdict for its, verdict in found if verdict.layer == layer and its & concerns]
            yield _together(f"{threat.id} on {layer}", layer, about)


def _together(subject: str, layer: str, about: list[Verdict]) -> Verdict:
    if not about:
        return Verdict(THREATS, subject, "vacuous", layer, f"no claim about a document of {layer} answers it")
    worst = min(about, key=lambda verdict: WORST.index(verdict.status))
    broken = tuple(verdict.subject for verdict in about if not verdict.held)
    return Verdict(
        THREATS,
        subject,
        worst.status,
        layer,
        worst.reason,
        witness={"claims": [verdict.subject for verdict in about]},
        assumptions=tuple(sorted({each for verdict in about for each in verdict.assumptions})),
        counterexample=worst.counterexample,
        blamed=broken,
    )
