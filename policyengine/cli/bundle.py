"""`policyengine bundle verify`: whether what is deployed is what was built."""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

from policyengine.cli.failures import Misuse
from policyengine.cli.reading import Unreadable, read_value

SUMMARY = "compare a function with the manifest of its build"
DESCRIPTION = (
    "Compares a function, as a folder or an archive, with the manifest that `policyengine build lambda` wrote: each "
    "file's digest, no file more and none less, and of an archive its own digest. Run it where the manifest is kept, "
    "on what was downloaded from AWS Lambda: a check that is part of a bundle proves nothing of it. "
    "Exit code: 0 the same, 1 differences, each on a line, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", choices=("verify",), help="what to do")
    parser.add_argument("bundle", metavar="BUNDLE", help="a folder or an archive")
    parser.add_argument("--manifest", required=True, metavar="FILE", help="what `build lambda` wrote as lambda.json")


def run(arguments: argparse.Namespace) -> int:
    from policyengine.backends.authorizer import code_sha256, differences

    told, code = _manifest(Path(arguments.manifest))
    path = Path(arguments.bundle)
    if path.is_dir():
        found = {
            str(file.relative_to(path).as_posix()): file.read_bytes() for file in path.rglob("*") if file.is_file()
        }
        wrong = []
    else:
        content = path.read_bytes()
        found = _archived(path)
        wrong = [] if code_sha256(content) == code else [f"changed {path.name}"]
    wrong += differences(told, found)
    print("\n".join(wrong) or f"the same: {len(found)} files")
    return 1 if wrong else 0


def _manifest(path: Path) -> tuple[dict[str, str], str]:
    try:
        told = read_value(path.read_bytes())
        files, code = told["files"], told["codeSha256"]
        if isinstance(files, dict) and all(type(digest) is str for digest in (*files.values(), code)):
            return files, code
    except (Unreadable, KeyError, TypeError):
        pass
    raise Misuse(f"{path} is no manifest", "name the lambda.json that `policyengine build lambda` wrote")


def _archived(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [entry.filename for entry in archive.infolist()]
            if len(set(names)) != len(names):
                raise Misuse(f"{path} holds a file twice", "build it again")
            return {name: archive.read(name) for name in names if not name.endswith("/")}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as problem:
        raise Misuse(f"{path} is no archive", "name a folder, or an archive as AWS Lambda gives it") from problem
