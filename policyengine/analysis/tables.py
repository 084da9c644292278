"""Threats by line and layer, rules by layer: Markdown tables for reviewers, the same text for the same input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policyengine.analysis.layers import LAYER, LAYERS, enforcement
from policyengine.analysis.threats import Cell, line_text
from policyengine.ir.nodes import Program

CLAIMS = {
    "core": "the rules, as the resolver decides them",
    "documents": "the documents for AWS, as they are emitted",
    "none": "nothing is proved of it; tests show what it does",
}


def threat_table(program: Program, cells: Iterable[Cell]) -> Iterator[str]:
    """A section for each threat: its lines, what came of them on each layer, and what is not ours."""
    found = list(cells)
    yield "# Threats"
    yield ""
    yield "What must never happen, and what is proved of it. This page is written by `policyengine threats`."
    yield ""
    yield from _rows(
        ("Layer", "It sees", "What a proof is about"),
        ((layer.name, layer.what, CLAIMS[layer.proof]) for layer in LAYERS),
    )
    yield ""
    yield "`not expressible`: the layer does not see what the line reads, for the reason given. `no line`: the layer"
    yield "holds the threat in a way that no line says, so nothing is claimed here."
    for threat in program.threats:
        yield from ("", f"## {threat.id}", "", threat.description, "")
        for index, line in enumerate(threat.nevers):
            yield f"{index + 1}. `{line_text(line)}`"
        if threat.nevers:
            yield ""
        own = [cell for cell in found if cell.threat == threat.id]
        if own:
            rows = ((_line(cell), cell.layer, _status(cell), cell.reason) for cell in own)
            yield from _rows(("Line", "Layer", "Status", "Why"), rows)
        for reason in threat.not_ours:
            yield from ("", f"Not ours: {reason}.") if own else (f"Not ours: {reason}.",)


def _line(cell: Cell) -> str:
    return str(cell.line) if cell.line else "-"


def _status(cell: Cell) -> str:
    if LAYER[cell.layer].proof == "documents" and cell.status == "proved":
        return "proved, as the tenant boundary" if cell.line else "proved, of the statements that answer it"
    return cell.status


def layer_table(program: Program) -> Iterator[str]:
    """Rule by layer; the reasons, each once, stand below the table."""
    layers = [layer for layer in LAYERS if layer.decides]
    reasons: dict[str, int] = {}
    rows = []
    for rule in program.rules:
        row = [f"{rule.effect} {rule.id}"]
        for layer in layers:
            word, why = enforcement(program, layer, rule)
            note = f" [{reasons.setdefault(why, len(reasons) + 1)}]" if why else ""
            row.append(word + note)
        rows.append(row)
    yield from _rows(("Rule", *(layer.name for layer in layers)), rows)
    yield ""
    yield from (f"[{number}] {why}" for why, number in reasons.items())


def _rows(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield _row(heads)
    yield _row("---" for _ in heads)
    yield from map(_row, rows)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
