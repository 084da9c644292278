"""`policyengine check`: what is wrong with a policy set."""

from __future__ import annotations

import argparse
import json
import sys

from policyengine.cli import policies
from policyengine.compiler import Compiled

SUMMARY = "say what is wrong with a policy set"
DESCRIPTION = "Says what is wrong with a policy set. Exit code: 0 no error, 1 errors, 2 misuse."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser, also=", or - for one text on standard input")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how findings are written (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    typed = arguments.policies == "-"
    compiled = policies.compile_typed(arguments) if typed else policies.compile_named(arguments)
    if arguments.format == "json":
        print(json.dumps({"findings": [found.as_json() for found in compiled.diagnostics]}, indent=2))
    else:
        policies.show(compiled.diagnostics, sys.stdout)
        print(_summary(compiled))
    return 0 if compiled.program else 1


def _summary(compiled: Compiled) -> str:
    severities = [found.severity for found in compiled.diagnostics]
    parts = [_count(severities.count("warning"), "warning")] if "warning" in severities else []
    if compiled.program is None:
        return ", ".join([_count(severities.count("error"), "error"), *parts])
    counts = (len(compiled.program.rules), "rule"), (len(compiled.program.schema.resources), "type")
    return "ok: " + ", ".join([*(_count(*count) for count in counts), *parts])


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
