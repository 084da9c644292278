"""`policyengine prove`: every claim about a policy set, put to the solvers (docs/proofs.md)."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine.cli import policies
from policyengine.cli.failures import Refused

if TYPE_CHECKING:
    from policyengine.analysis.threats import Cell
    from policyengine.analysis.verdict import Verdict
    from policyengine.ir.nodes import Program
    from policyengine.proving import Report

SUMMARY = "prove what holds of all requests"
DESCRIPTION = (
    "Proves isolation and every line of every threat, that no rule errs, is dead or is shadowed, "
    "and that no list's filter leaves out what is allowed; "
    "a claim that does not hold comes with a request that shows it. "
    "With --against, says who gains and who loses access. "
    "Exit code: 0 all proved, 1 something is not, or the policies have errors, 2 misuse, 3 an error of the prover."
)
INTERNAL = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument(
        "--against", metavar="FOLDER", help="compare with the policies of this folder, under the same schemas"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how verdicts are written (default: text)"
    )
    parser.add_argument(
        "--write-tests", metavar="FILE", help="write a test for each request that was found to this file"
    )


def run(arguments: argparse.Namespace) -> int:
    from policyengine.analysis.solver import SolverMissing
    from policyengine.analysis.verdict import InternalError

    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    try:
        report = _report(program, arguments)
    except SolverMissing as missing:
        raise Refused(str(missing)) from missing
    except InternalError as problem:
        print(f"policyengine prove: internal error, please report it: {problem}", file=sys.stderr)
        return INTERNAL
    if report is None:
        return 1
    if arguments.format == "json":
        print(json.dumps(report.as_json(), indent=2))
    else:
        print("\n".join(text(program, report)))
    if arguments.write_tests:
        _write(program, report.verdicts, Path(arguments.write_tests))
    return INTERNAL if any(verdict.contradicted for verdict in report.verdicts) else 0 if report.held else 1


def _report(program: Program, arguments: argparse.Namespace) -> Report | None:
    from policyengine.proving import compare, prove

    if arguments.against is None:
        return prove(program)
    before = policies.program_or_findings(policies.compile_instead(arguments, arguments.against))
    return compare(before, program) if before else None


# ---- For people


def text(program: Program, report: Report) -> Iterator[str]:
    """What is not proved, one by one; what is, counted; the assumptions of all proofs; and the sum."""
    from policyengine.analysis.telling import told

    for verdict in report.verdicts:
        if not verdict.held:
            yield f"{verdict.status}: {verdict.check}, {verdict.subject}: {verdict.reason}"
            if isinstance(verdict.counterexample, dict) and "request" in verdict.counterexample:
                yield f"  {told(program, verdict.counterexample)}"
    yield from (_cell(cell) for cell in report.cells if not cell.settled and not cell.verdicts)
    yield from _proved(report.verdicts)
    yield from _assumed(report.verdicts)
    statuses = Counter(verdict.status for verdict in report.verdicts)
    lines = Counter(cell.status for cell in report.cells)
    yield f"claims: {_counted(statuses)}"
    if report.cells:
        yield f"threats, line by layer: {_counted(lines)}"


def _cell(cell: Cell) -> str:
    return f"{cell.status}: threat, {cell.threat}.{cell.line or 'all'} by {cell.layer}: {cell.reason}"


def _proved(verdicts: Iterable[Verdict]) -> Iterator[str]:
    counts = Counter((v.layer, v.check) for v in verdicts if v.held)
    for (layer, check), count in counts.items():
        yield f"proved: {check}" + (f" x {count}" if count > 1 else "") + (f" ({layer})" if layer != "policy" else "")


def _assumed(verdicts: Iterable[Verdict]) -> Iterator[str]:
    used = dict.fromkeys(assumption for verdict in verdicts for assumption in verdict.assumptions)
    yield from (f"given that {assumption}" for assumption in used)


def _counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"


def _write(program: Program, verdicts: Iterable[Verdict], path: Path) -> None:
    from policyengine.analysis.telling import test_block

    found = [v for v in verdicts if isinstance(v.counterexample, dict) and "request" in v.counterexample]
    blocks = [test_block(program, f"{v.check}, {v.subject}: {v.reason}", v.counterexample) for v in found]
    path.write_text("\n".join(blocks), "utf-8")
