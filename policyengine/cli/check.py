"""`policyengine check`: what is wrong with a policy set."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from policyengine.cli import policies
from policyengine.cli.failures import Misuse
from policyengine.compiler import Compiled
from policyengine.diagnostics import Diagnostic
from policyengine.source import Source

SUMMARY = "say what is wrong with a policy set"
DESCRIPTION = "Says what is wrong with a policy set. Exit code: 0 no error, 1 errors, 2 misuse."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser, also=", or - for one text on standard input")
    parser.add_argument(
        "--graphql", metavar="FILE", help="the schema of the API: say too where it and the `api` blocks do not fit"
    )
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how findings are written (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    typed = arguments.policies == "-"
    compiled = policies.compile_typed(arguments) if typed else policies.compile_named(arguments)
    found = (*compiled.diagnostics, *_of_the_api(compiled, arguments.graphql))
    if arguments.format == "json":
        print(json.dumps({"findings": [one.as_json() for one in found]}, indent=2))
    else:
        policies.show(found, sys.stdout)
        print(_summary(compiled, found))
    return 1 if any(one.severity == "error" for one in found) else 0


def _of_the_api(compiled: Compiled, file: str | None) -> tuple[Diagnostic, ...]:
    """Where the schema in a file and the mapping do not fit; nothing is said while the policies have errors."""
    if file is None or compiled.program is None:
        return ()
    try:
        from policyengine.appsync import check_api
    except ModuleNotFoundError as problem:
        raise Misuse("--graphql needs graphql-core", "install the extra `authorizer`") from problem
    try:
        source = Source(file, Path(file).read_text("utf-8"))
    except UnicodeDecodeError as problem:
        raise Misuse(f"{file} is not UTF-8", "save it as UTF-8") from problem
    return check_api(compiled.program, source, datetime.now(UTC).date())


def _summary(compiled: Compiled, found: tuple[Diagnostic, ...]) -> str:
    severities = [one.severity for one in found]
    parts = [_count(severities.count("warning"), "warning")] if "warning" in severities else []
    if compiled.program is None or "error" in severities:
        return ", ".join([_count(severities.count("error"), "error"), *parts])
    counts = (len(compiled.program.rules), "rule"), (len(compiled.program.schema.resources), "type")
    return "ok: " + ", ".join([*(_count(*count) for count in counts), *parts])


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
