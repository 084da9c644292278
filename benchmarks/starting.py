"""Cold start: a process that loads a built bundle and decides once, against one that does nothing."""

from __future__ import annotations

import contextlib
import io
import os
import py_compile
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measuring import Figure, figure
from benchmarks.workloads import ROOT, further_rules
from policyengine.cli import main

ROUNDS = 60

FIRST_DECISION = """
import policy_bundle

entities = policy_bundle.entities({
    "Folder": [
        {"id": "f1", "orgId": "org_1", "ownerId": "user_2", "scope": "INHERIT", "parentId": "f2"},
        {"id": "f2", "orgId": "org_1", "ownerId": "user_2", "scope": "CUSTOM", "parentId": None},
    ],
    "ResourceShareMember": [
        {"orgId": "org_1", "resourceType": "Folder", "resourceId": "f2", "memberId": "user_1", "memberOrgId": "org_1",
         "role": "viewer", "expiresAt": "2026-07-01T00:00:00Z"},
    ],
})
decision = policy_bundle.authorize({
    "principal": {"id": "user_1", "orgId": "org_1", "orgRole": "member"},
    "action": "read",
    "resource": {"type": "Host", "id": "h1", "orgId": "org_1", "ownerId": "user_2", "scope": "INHERIT",
                 "parentId": "f1"},
    "context": {"now": "2026-06-01T00:00:00Z"},
}, entities)
if decision["decision"] != "allow":
    raise SystemExit(3)
"""
"""Compiled beforehand, like any program that uses a bundle: to compile this text takes longer than to decide."""


def cold_starts() -> Iterator[Figure]:
    """From nothing to the first full decision: the holder is two folders up, the grant has its hour."""
    for rules in (10, 1000):
        with tempfile.TemporaryDirectory() as folder:
            size = build(Path(folder), rules)
            sides = (f"import sys; sys.path.insert(0, {folder!r}); import first_decision", "pass")
            spent = []
            for number in range(-1, ROUNDS):  # the first round is not counted: it brings the files into memory
                taken = {code: start(code) for code in sides[:: 1 if number % 2 else -1]}
                if number >= 0:
                    spent.append((taken[sides[0]], taken[sides[1]]))
            found = figure(f"a bundle with {rules:,} further rules", spent, bound=1.25)
            yield replace(found, note=f"{size:,} kB of modules")


def build(folder: Path, rules: int) -> int:
    """Studio with so many further rules, built into the folder; the size of its modules' text in kB."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    (folder / "policies" / "further.policy").write_text(further_rules(rules), "utf-8")
    sources = ["--policies", str(folder / "policies"), "--schemas", str(ROOT / "schemas")]
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(["build", *sources, "--out", str(folder)])
    assert code == 0, "the bundle could not be built"
    (folder / "first_decision.py").write_text(FIRST_DECISION, "utf-8")
    py_compile.compile(str(folder / "first_decision.py"), doraise=True)
    return sum(file.stat().st_size for file in folder.glob("policy_bundle/*.py")) // 1024


def start(code: str) -> float:
    """Seconds on the processor, system calls included, from exec to exit.

    Without `site` (-S), which may load far more than a bundle does; nothing is written (-B).
    """
    process = os.posix_spawn(sys.executable, [sys.executable, "-S", "-B", "-c", code], os.environ)
    _, status, usage = os.wait4(process, 0)
    assert status == 0, "the first decision was not the right one"
    return usage.ru_utime + usage.ru_stime
