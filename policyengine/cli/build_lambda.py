"""`policyengine build lambda`: the authorizer's function, as a folder, an archive, and a manifest of digests."""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from policyengine.cli import policies
from policyengine.cli.failures import Misuse, Refused

SUMMARY = "write the AppSync authorizer as a function for AWS Lambda"
DESCRIPTION = (
    "Writes OUT/lambda, the files of the function; OUT/lambda.zip, the same as an archive; and OUT/lambda.json, the "
    "digest of each, which `policyengine bundle verify` compares with what is deployed. Without --wheels the packages "
    "of requirements.txt have to be in a layer. Exit code: 0 done, 1 errors in the policies or a refusal, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument("--out", default="build", metavar="FOLDER", help="where it goes (default: build)")
    parser.add_argument(
        "--wheels",
        metavar="FOLDER",
        help="put the packages in: wheels that `pip download` fetched for the function's platform by requirements.txt",
    )


def run(arguments: argparse.Namespace) -> int:
    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    from policyengine.backends import authorizer

    try:
        made = authorizer.emit_authorizer(program)
        if arguments.wheels is not None:
            made = {**authorizer.unpacked(_wheels(Path(arguments.wheels))), **made}
    except authorizer.Refused as refusal:
        raise Refused(f"refused: {refusal}") from refusal
    out = Path(arguments.out)
    archive = authorizer.zipped(made)
    _write(out / "lambda", made)
    (out / "lambda.zip").write_bytes(archive)
    (out / "lambda.json").write_text(authorizer.manifest(program, made, archive), "utf-8", newline="\n")
    print(f"{out / 'lambda.zip'}: {len(made)} files, {len(archive):,} bytes")
    print(f"code sha256 {authorizer.code_sha256(archive)}")
    return 0


def _wheels(folder: Path) -> dict[str, bytes]:
    found = {file.name: file.read_bytes() for file in sorted(folder.glob("*.whl"))}
    if not found:
        raise Misuse(f"{folder} holds no wheels", "name the folder that `pip download --dest` filled")
    return found


def _write(folder: Path, made: dict[str, bytes]) -> None:
    """The folder holds this build alone. What is no earlier build is left as it is."""
    if folder.exists() and not (folder / "handler.py").is_file():
        raise Misuse(f"{folder} is there and is no function", "move it away, or name another folder with --out")
    new = folder.with_name(f".lambda-{os.getpid()}")
    try:
        for path, content in made.items():
            file = new / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        shutil.rmtree(folder, ignore_errors=True)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
