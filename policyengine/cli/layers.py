"""`policyengine layers`: how far each layer enforces each rule."""

from __future__ import annotations

import argparse

from policyengine.cli import policies

SUMMARY = "show how far each layer enforces each rule"
DESCRIPTION = (
    "Writes a table of rules and layers as Markdown: enforced, tenant boundary only, not expressible or not built, and "
    "why. It follows from what a layer sees, and proves nothing. Exit code: 0, 1 the policies have errors, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from policyengine.analysis.tables import layer_table

    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    print("\n".join(layer_table(program)))
    return 0
