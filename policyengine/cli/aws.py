"""`policyengine aws`: what IAM policy documents mean, without an AWS account. Works on any document, ours or not."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from policyengine.cli.reading import Unreadable, read_value, standard_input
from policyengine.iam import Malformed, evaluate, read_request
from policyengine.iam.lint import KINDS, Finding, lint_text

SUMMARY = "evaluate and lint IAM policy documents, without AWS"
DESCRIPTION = "Evaluates and lints IAM policy documents of any origin. No AWS account is asked."

_SIMULATE = (
    "Reads one request a line (JSON), with every policy that applies to it, and writes one decision a line, in the "
    "same order, with the statements that decided. A line that is no request is unsupported, with an error. "
    "Exit code: 0 when every line is answered, whatever the answers; 2 misuse."
)
_LINT = "Says what is wrong, or treacherous, in policy documents. Exit code: 0 no findings, 1 findings, 2 misuse."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="aws_command", metavar="COMMAND", required=True, title="commands")
    simulate = commands.add_parser("simulate", help="decide one request", description=_SIMULATE, allow_abbrev=False)
    simulate.add_argument(
        "requests", nargs="?", default="-", metavar="REQUESTS.jsonl", help="default, or -: standard input"
    )
    lint = commands.add_parser("lint", help="check documents", description=_LINT, allow_abbrev=False)
    lint.add_argument("files", nargs="+", metavar="FILE", help="policy documents in JSON; - is standard input")
    lint.add_argument("--kind", choices=KINDS, help="what the documents are attached to (default: guessed of each)")
    lint.add_argument(
        "--format", choices=("text", "json"), default="text", help="how findings are written (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    return _simulate(arguments) if arguments.aws_command == "simulate" else _lint(arguments)


# ---- simulate


def _simulate(arguments: argparse.Namespace) -> int:
    typed = arguments.requests == "-"
    with nullcontext(standard_input()) if typed else Path(arguments.requests).open("rb") as lines:
        for answer in answers(lines):
            print(answer)
    return 0


def answers(lines: Iterable[bytes]) -> Iterator[str]:
    """The decision on each line, as one line of ASCII."""
    for line in lines:
        yield json.dumps(_decision(line))


def _decision(line: bytes) -> dict[str, Any]:
    try:
        result = evaluate(read_request(read_value(line)))
    except (Unreadable, Malformed) as problem:
        return {"decision": "unsupported", "statements": [], "error": f"request: {problem}"}
    statements = [{"document": label, "statement": name} for label, name in result.statements]
    return {"decision": result.decision, "statements": statements}


# ---- lint


def _lint(arguments: argparse.Namespace) -> int:
    found = [(file, finding) for file in arguments.files for finding in _findings(file, arguments.kind)]
    if arguments.format == "json":
        print(json.dumps({"findings": [_as_json(file, finding) for file, finding in found]}, indent=2))
    else:
        for file, finding in found:
            where = f"{'<stdin>' if file == '-' else file}: {finding.path}"
            text = f"{where}: {finding.severity}[{finding.code}]: {finding.message}\n  help: {finding.help}"
            print("\n".join(_printable(line) for line in text.split("\n")))
        print(f"{len(found)} finding{'' if len(found) == 1 else 's'}" if found else "ok")
    return 1 if found else 0


def _findings(file: str, kind: Any) -> tuple[Finding, ...]:
    given = standard_input().read() if file == "-" else Path(file).read_bytes()
    try:
        text = given.decode()
    except UnicodeDecodeError:
        return (Finding("malformed", "$", "not UTF-8"),)
    return lint_text(text, kind)


def _as_json(file: str, finding: Finding) -> dict[str, str]:
    said = {"code": finding.code, "severity": finding.severity, "message": finding.message, "help": finding.help}
    return {"file": file, "path": finding.path, **said}


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
