"""`policyengine init`: a new project, small, commented, and passing its own tests."""

from __future__ import annotations

import argparse
from importlib.resources import files
from pathlib import Path

from policyengine.cli.failures import Misuse

SUMMARY = "start a new project"
DESCRIPTION = (
    "Writes schemas/notes.schema and policies/notes.policy, with tests, into a folder, and never over a file. "
    "Exit code: 0 done, 2 misuse."
)
_FILES = ("schemas/notes.schema", "policies/notes.policy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default=".", metavar="FOLDER", help="where it goes (default: here)")


def run(arguments: argparse.Namespace) -> int:
    folder = Path(arguments.folder)
    taken = [folder / name for name in _FILES if (folder / name).exists()]
    if taken:
        raise Misuse(f"{taken[0]} is there already", "name another folder")
    for name in _FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(files("policyengine.cli").joinpath("new_project", name).read_bytes())
        print(folder / name)
    print("next: policyengine check, and policyengine test")
    return 0
