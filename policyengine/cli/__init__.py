"""The command line: thin shells over the compiler, one file a command; nothing below imports it.

Exit codes: 0 fine, 1 findings, 2 misuse, which is one line on standard error.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from policyengine.cli import (
    authorize,
    aws,
    build,
    build_aws,
    build_lambda,
    bundle,
    check,
    init,
    layers,
    prove,
    revocation,
    test,
    threats,
    token,
)
from policyengine.cli.failures import Misuse, Refused

_COMMANDS = {
    "init": init,
    "check": check,
    "test": test,
    "prove": prove,
    "threats": threats,
    "layers": layers,
    "authorize": authorize,
    "build": build,
    "build aws": build_aws,
    "build lambda": build_lambda,
    "bundle": bundle,
    "aws": aws,
    "token": token,
    "revocation": revocation,
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace", newline="\n")
    try:
        arguments = _parse(argv)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    return _run(arguments.run, arguments)


def _run(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    name = f"policyengine {arguments.command}"
    try:
        if sys.stdout is None:
            raise Misuse("standard output is closed", "open it, or send it to a file")
        code = command(arguments)
        sys.stdout.flush()
        return code
    except Misuse as misuse:
        _complain(f"{name}: {misuse}")
    except Refused as refusal:
        _complain(f"{name}: {refusal}")
        return 1
    except BrokenPipeError:  # whoever read has read enough
        _flush_or_drop()
        return 0
    except OSError as problem:
        _flush_or_drop()
        what = (problem.strerror or str(problem)).lower()
        where = f"{problem.filename}: " if problem.filename else "reading or writing: "
        _complain(f"{name}: {where}{what}; mend that, or name another file")
    except KeyboardInterrupt:
        _flush_or_drop()
        return 130
    return 2


def _flush_or_drop() -> None:
    """Output that cannot be written goes nowhere, or Python would try once more on its way out, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    """One line, whatever is in it."""
    print("".join(c if c.isprintable() else ascii(c)[1:-1] for c in text), file=sys.stderr)


# ---- Arguments


class _Parser(argparse.ArgumentParser):
    """Misuse is one line, as everywhere in this program."""

    def error(self, message: str) -> NoReturn:
        _complain(f"{self.prog}: {message}; see {self.prog} --help")
        raise SystemExit(2)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"policyengine {version('policyengine-authz')}")
        except PackageNotFoundError:
            print("policyengine, not installed: run from a checkout")
        raise SystemExit(0)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="policyengine", description="Write policies, check them, ask them, and compile them.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    parsers = {}
    for name, command in _COMMANDS.items():
        parsers[name] = commands.add_parser(
            name, help=command.SUMMARY, description=command.DESCRIPTION, allow_abbrev=False
        )
        command.add_arguments(parsers[name])
        parsers[name].set_defaults(run=command.run)
    given = list(sys.argv[1:] if argv is None else argv)
    if " ".join(given[:2]) in _COMMANDS:  # a command of two words
        given[:2] = [" ".join(given[:2])]
    arguments, unknown = parser.parse_known_args(given)
    if unknown:
        parsers[arguments.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return arguments
