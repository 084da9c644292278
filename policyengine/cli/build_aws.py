"""`policyengine build aws`: the documents of AWS, written where operators' pipelines read them."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from policyengine.cli import policies
from policyengine.cli.failures import Misuse, Refused

SUMMARY = "write key policies, roles, the bucket policy, the tag map, and templates"
DESCRIPTION = (
    "Writes the documents that keep organizations apart in AWS, from the policies and their `aws` block: a key policy "
    "for each organization, and what all of them share. The folder then holds this build alone: a document of an "
    "earlier one that is not made again is removed. With an emergency option every document that denies is in it, and "
    "without one none is. Exit code: 0 done, 1 errors in the policies or a refusal, and then nothing is written, "
    "2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument(
        "--org", action="append", required=True, metavar="ORG", help="an organization's id; may be given several times"
    )
    parser.add_argument("--out", default="build/aws", metavar="FOLDER", help="where they go (default: build/aws)")
    emergency = parser.add_argument_group("in an emergency: statements that deny at once, in key policies and role")
    emergency.add_argument(
        "--deny-user", action="append", default=[], metavar="USER", help="this user; may be given several times"
    )
    emergency.add_argument(
        "--deny-tokens-before", metavar="TIME", help="credentials issued before, such as 2026-06-01T00:00:00Z"
    )


def run(arguments: argparse.Namespace) -> int:
    _tell_apart(arguments.org)
    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    from policyengine.backends import aws

    try:
        texts = aws.emit_texts(
            program,
            arguments.org,
            deny_users=arguments.deny_user,
            deny_tokens_before=arguments.deny_tokens_before,
        )
    except aws.Refused as refusal:
        raise Refused(f"refused[{refusal.code}]: {refusal}") from refusal
    out = Path(arguments.out)
    _write(out, texts)
    for line in _unscoped(json.loads(texts["index.json"]), aws.UNSCOPED):
        print(line)
    print(f"{out}: {len(texts)} documents")
    return 0


def _tell_apart(orgs: list[str]) -> None:
    """Where names of files compare without case, one key policy would take the place of another."""
    seen: dict[str, str] = {}
    for org in orgs:
        other = seen.setdefault(org.lower(), org)
        if other != org:
            raise Misuse(f"--org {other} and --org {org} name one file on some disks", "build them into two folders")


def _unscoped(index: dict[str, dict[str, Any]], mark: str) -> list[str]:
    """What a user is given past the resolver: shown on every build."""
    found = index["authenticated-permissions.json"]
    return [f"{sid}: {entry['purpose']}" for sid, entry in found.items() if mark in entry["purpose"]]


# ---- Writing


def _write(out: Path, texts: dict[str, str]) -> None:
    """Each file whole or not at all; the index last, so that it never names what is not there."""
    out.mkdir(parents=True, exist_ok=True)
    stale = _listed(out / "index.json") - set(texts)
    for file in sorted(texts, key=lambda file: (file == "index.json", file)):
        new = out / f".{file}.{os.getpid()}"
        try:
            new.write_text(texts[file], "utf-8", newline="\n")
            new.replace(out / file)
        finally:
            new.unlink(missing_ok=True)
    for file in stale:
        (out / file).unlink(missing_ok=True)


def _listed(index: Path) -> set[str]:
    """The documents of an earlier build, as its index lists them; none where there is no such index."""
    try:
        earlier = json.loads(index.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return set()
    names = earlier if isinstance(earlier, dict) else {}
    return {name for name in names if name.endswith(".json") and Path(name).name == name}
