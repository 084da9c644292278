"""`policyengine threats`: the threat table, with what is proved of each line on each layer."""

from __future__ import annotations

import argparse

from policyengine.cli import policies
from policyengine.cli.failures import Refused

SUMMARY = "show the threats, and what is proved of each"
DESCRIPTION = (
    "Writes the threat table as Markdown: each line of each threat, and what came of it on each layer. "
    "Exit code: 0 every line settled, 1 some line is not, or the policies have errors, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from policyengine.analysis.solver import SolverMissing
    from policyengine.analysis.tables import threat_table
    from policyengine.proving import prove

    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    try:
        report = prove(program)
    except SolverMissing as missing:
        raise Refused(str(missing)) from missing
    print("\n".join(threat_table(program, report.cells)))
    return 0 if all(cell.settled for cell in report.cells) else 1
