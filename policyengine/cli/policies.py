"""The options that name a policy set, how it is read, and how its findings are shown."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TextIO

from policyengine.cli.failures import Misuse
from policyengine.cli.reading import standard_input
from policyengine.compiler import Compiled, compile_folders, compile_sources
from policyengine.diagnostics import Diagnostic, render
from policyengine.ir.nodes import Program
from policyengine.source import Source


def add_arguments(parser: argparse.ArgumentParser, also: str = "") -> None:
    parser.add_argument(
        "--policies",
        default="policies",
        metavar="FOLDER",
        help=f"a folder or file of policies{also} (default: policies)",
    )
    parser.add_argument(
        "--schemas", metavar="FOLDER", help="a folder or file of schemas (default: schemas, if it is there)"
    )


def compile_named(arguments: argparse.Namespace) -> Compiled:
    """The policy set in the files that the options name."""
    try:
        return compile_folders(arguments.policies, _schemas(arguments))
    except FileNotFoundError as problem:
        raise Misuse(str(problem), "name the right one with --policies or --schemas") from problem


def compile_instead(arguments: argparse.Namespace, folder: str) -> Compiled:
    """The policies of another folder, with the schemas that the options name."""
    try:
        return compile_folders(folder, _schemas(arguments))
    except FileNotFoundError as problem:
        raise Misuse(str(problem), "name the other folder of policies") from problem


def compile_typed(arguments: argparse.Namespace) -> Compiled:
    """One policy text from standard input, with the schemas.

    Bytes that are not UTF-8 become lone surrogates, which no policy file may hold: the parser says where they are.
    """
    typed = Source("<stdin>", standard_input().read().decode("utf-8", "surrogateescape"))
    schemas = _schemas(arguments)
    if schemas is None:
        return compile_sources([typed])
    path = Path(schemas)
    files = sorted(path.glob("*.schema")) if path.is_dir() else [path]
    read = [Source(str(file), file.read_bytes().decode("utf-8", "surrogateescape")) for file in files]
    return compile_sources([typed, *read])


def _schemas(arguments: argparse.Namespace) -> str | None:
    """Where the schemas are: as named, else in the usual folder, else among the policies."""
    named: str | None = arguments.schemas
    return named if named is not None else "schemas" if Path("schemas").exists() else None


def program_or_findings(compiled: Compiled) -> Program | None:
    """What was compiled, or None after its findings went to standard error."""
    if compiled.program is None:
        show(compiled.diagnostics, sys.stderr)
    return compiled.program


def show(diagnostics: tuple[Diagnostic, ...], stream: TextIO) -> None:
    """The findings for a person: in colour on a terminal, unless NO_COLOR says otherwise."""
    if diagnostics:
        colour = stream.isatty() and not os.environ.get("NO_COLOR")
        print(render(diagnostics, colour=colour), file=stream)
