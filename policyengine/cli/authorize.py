"""`policyengine authorize`: one request a line in, one decision a line out (docs/language.md, Decisions)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from policyengine.cli import policies
from policyengine.cli.failures import Misuse
from policyengine.cli.reading import Unreadable, read_data, read_value, standard_input
from policyengine.compiler import Engine
from policyengine.runtime.support import denial

SUMMARY = "decide requests"
DESCRIPTION = (
    "Reads one request a line (JSON) and writes one decision a line, in the same order. "
    "A line that is no request is denied, with an error. "
    "Exit code: 0 when every line is answered, whatever the answers; 1 errors in the policies; 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument(
        "--data", metavar="FILE", help="rows beside the requests: one JSON object of arrays by type (default: no rows)"
    )
    parser.add_argument(
        "requests", nargs="?", default="-", metavar="REQUESTS.jsonl", help="default, or -: standard input"
    )


def run(arguments: argparse.Namespace) -> int:
    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    engine = Engine(program)
    entities = engine.entities(_data(arguments.data))
    typed = arguments.requests == "-"
    with nullcontext(standard_input()) if typed else Path(arguments.requests).open("rb") as lines:
        for answer in answers(engine, lines, entities):
            print(answer)
    return 0


def answers(engine: Engine, lines: Iterable[bytes], entities: Any) -> Iterator[str]:
    """The decision on each line, as one line of ASCII."""
    for line in lines:
        yield json.dumps(_decision(engine, line, entities))


def _data(path: str | None) -> dict[str, list[Any]]:
    if path is None:
        return {}
    try:
        return read_data(Path(path).read_bytes())
    except Unreadable as problem:
        raise Misuse(f"{path}: {problem}", 'write one object of arrays by type: {"Type": [row, ...]}') from problem


def _decision(engine: Engine, line: bytes, entities: Any) -> dict[str, Any]:
    try:
        request = read_value(line)
    except Unreadable as problem:
        return denial([], "The request is malformed.", [f"request: {problem}"])
    return engine.authorize(request, entities)
