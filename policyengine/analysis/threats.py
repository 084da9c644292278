"""Each line of each threat on each layer that is said to hold it: a claim, a declared limit, or a failure.

A line is settled on a layer where it is proved there, or where the source declares it `not expressible by` the layer
and the layer indeed cannot say it. What is neither fails: no line passes because nobody asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from policyengine.analysis.checks import threat_line, threat_subject
from policyengine.analysis.claims import Claim, Settling
from policyengine.analysis.encoder import Encoding
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.layers import LAYER, Layer, sayable
from policyengine.analysis.verdict import Status, Verdict
from policyengine.ir.nodes import Never, Program, Threat
from policyengine.ir.printer import print_expr

DOCUMENTS = "threat in documents"
"""The check by which the proofs of documents answer a threat; its subject is `<threat> on <layer>`."""

CellStatus = Literal[Status, "not expressible", "no line"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A line (its number, from 1; 0 where the threat has none) on a layer, and what came of it.

    `verdicts` are the proofs on which it stands. `not expressible` and `no line` have none, and are not claimed.
    """

    threat: str
    line: int
    layer: str
    status: CellStatus
    reason: str = ""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def settled(self) -> bool:
        return self.status in ("proved", "not expressible", "no line")

    def as_json(self) -> dict[str, Any]:
        proofs = [f"{verdict.check} {verdict.subject}" for verdict in self.verdicts]
        line = {"threat": self.threat, "line": self.line, "layer": self.layer, "status": self.status}
        return {**line, "reason": self.reason, "proofs": proofs}


def threat_claims(settling: Settling) -> list[Verdict]:
    """A verdict about the whole policy for each line that the resolver is said to hold."""
    put = dict(lines(settling.program, settling.encoding))
    verdicts = iter(settling.settle([claim for claim in put.values() if isinstance(claim, Claim)]))
    return [next(verdicts) if isinstance(claim, Claim) else _refused(subject, claim) for subject, claim in put.items()]


def lines(program: Program, encoding: Encoding) -> Iterator[tuple[str, Claim | Unsupported]]:
    """The claim of each such line, or why it cannot be put, by its subject."""
    for threat in program.threats:
        if any(LAYER[layer].proof == "core" for layer in threat.held_by):
            for index in range(len(threat.nevers)):
                yield threat_subject(threat, index), threat_line(program, encoding, threat, index)


def _refused(subject: str, why: Unsupported) -> Verdict:
    return Verdict("threat", subject, "refused", "resolver", str(why), refused=(str(why),))


def cells(program: Program, verdicts: Iterable[Verdict]) -> Iterator[Cell]:
    """What came of each line on each layer, from all verdicts about policies and documents."""
    found = list(verdicts)
    core = {verdict.subject: verdict for verdict in found if verdict.check == "threat"}
    documents = {verdict.subject: verdict for verdict in found if verdict.check == DOCUMENTS}
    for threat in program.threats:
        for name in threat.held_by:
            layer, declared = LAYER[name], dict(threat.inexpressible)
            answer = documents.get(f"{threat.id} on {name}")
            yield from _layer(program, threat, layer, core, answer, declared.get(name, ""))


def _layer(
    program: Program,
    threat: Threat,
    layer: Layer,
    core: Mapping[str, Verdict],
    answer: Verdict | None,
    declared: str,
) -> Iterator[Cell]:
    if not threat.nevers and answer:
        yield _by_documents(threat, 0, layer, answer)
    elif not threat.nevers:
        yield _in_words(threat, layer, declared)
    used = False
    for index, line in enumerate(threat.nevers):
        can, unseen = sayable(program, layer, line.condition)
        if not can:
            used = True
            yield _unsaid(threat, index, layer, declared, unseen)
        elif layer.proof == "core":
            verdict = core[threat_subject(threat, index)]
            yield Cell(threat.id, index + 1, layer.name, verdict.status, verdict.reason, (verdict,))
        elif layer.proof == "documents":
            yield _by_documents(threat, index + 1, layer, answer)
        else:
            yield Cell(threat.id, index + 1, layer.name, "unknown", f"{layer.name} could say it, and nothing proves it")
    if declared and not used and threat.nevers:
        why = f"it can say each line: take `not expressible by {layer.name}` away"
        yield Cell(threat.id, 0, layer.name, "refuted", why)


def _in_words(threat: Threat, layer: Layer, declared: str) -> Cell:
    """A threat without a line: a layer of which something can be proved has to say why nothing is."""
    if declared or layer.proof == "none":
        return Cell(threat.id, 0, layer.name, "no line", declared or "said in words only: nothing is proved")
    advice = f'write a `never`, or `not expressible by {layer.name} "why"`'
    return Cell(threat.id, 0, layer.name, "refused", f"said in words only, and {layer.name} could say a line: {advice}")


def _unsaid(threat: Threat, index: int, layer: Layer, declared: str, unseen: tuple[str, ...]) -> Cell:
    if declared:
        return Cell(threat.id, index + 1, layer.name, "not expressible", declared)
    if layer.proof == "documents" and not unseen:
        why = "denies what crosses tenants, and the line is not about that"
    else:
        why = f"does not see {', '.join(unseen)}" if unseen else "decides no single request"
    advice = f'if that is meant, write `not expressible by {layer.name} "why"`'
    return Cell(threat.id, index + 1, layer.name, "refused", f"{layer.name} {why}: {advice}")


def _by_documents(threat: Threat, line: int, layer: Layer, answer: Verdict | None) -> Cell:
    """As documents can say it: all that the statements claim which answer the threat, on every request to AWS."""
    if answer is None:
        return Cell(threat.id, line, layer.name, "unknown", f"no document of {layer.name} was proved to answer it")
    return Cell(threat.id, line, layer.name, answer.status, answer.reason, (answer,))


def line_text(line: Never) -> str:
    """A line as it is meant, in words of the language."""
    without = f" without {line.without}" if line.without else ""
    return f"never {_some(line.actions)} on {_some(line.types)}{without} when {print_expr(line.condition)}"


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])} and {len(names) - 3} more"
