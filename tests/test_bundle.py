"""The built bundle: it stands alone, needs nothing, decides as the engine does, and is the same bytes each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policyengine.cli import main, reading
from policyengine.cli.authorize import answers
from tests.conftest import ROOT

MODULE = Path("policy_bundle") / "__init__.py"


def build(out: Path, *more: str, **variables: str) -> str:
    """What a build in a process of its own prints."""
    command = [sys.executable, "-m", "policyengine", "build", "--out", str(out), *more]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ | variables, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def alone(out: Path, text: str, given: bytes = b"") -> bytes:
    """What a bare Python prints that has the bundle on its path, and neither this package nor any other."""
    start = f"import sys; sys.path.insert(0, {str(out)!r})\n"
    command = [sys.executable, "-S", "-I", "-B", "-c", start + text]
    done = subprocess.run(command, input=given, capture_output=True, cwd=out, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built")
    build(out)
    return out


def test_the_path_and_the_digest_are_printed(built: Path, studio: Any, capsys: pytest.CaptureFixture[str]) -> None:
    here = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    assert main(["build", *here, "--out", str(built)]) == 0
    assert capsys.readouterr() == (f"{built / 'policy_bundle'}\ndigest {studio.digest}\n", "")


def test_it_goes_to_build_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["build", "--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]) == 0
    assert [path.name for path in (tmp_path / "build").iterdir()] == ["policy_bundle"]
    assert (tmp_path / "build" / MODULE).is_file()


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for seed in ("0", "1", "31337"):
        build(tmp_path / seed, PYTHONHASHSEED=seed)
        texts.append((tmp_path / seed / MODULE).read_bytes())
    assert len(set(texts)) == 1
    build(tmp_path / "0")
    assert (tmp_path / "0" / MODULE).read_bytes() == texts[0]


def test_the_order_of_declarations_is_without_effect(tmp_path: Path, built: Path) -> None:
    """One file, whose name and order are others."""
    parts = [file.read_text() for folder in ("policies", "schemas") for file in sorted((ROOT / folder).iterdir())]
    (tmp_path / "all.policy").write_text("\n".join(reversed(parts)))
    build(tmp_path / "out", "--policies", str(tmp_path / "all.policy"), "--schemas", str(tmp_path / "all.policy"))
    assert (tmp_path / "out" / MODULE).read_bytes() == (built / MODULE).read_bytes()


def test_a_bundle_decides_as_the_engine_does(built: Path, studio: Any) -> None:
    lines = (ROOT / "examples" / "requests.jsonl").read_bytes().splitlines()
    rows = reading.read_data((ROOT / "examples" / "data.json").read_bytes())
    requests, expected = [], []
    for line, answer in zip(lines, answers(studio, lines, studio.entities(rows)), strict=True):
        try:
            requests.append(reading.read_value(line))
        except reading.Unreadable:
            continue
        expected.append(json.loads(answer))
    text = """
import policy_bundle
import json
requests, rows = json.load(sys.stdin)
held = policy_bundle.entities(rows)
for one in requests:
    who, action, record, context = one["principal"], one["action"], one["resource"], one.get("context")
    decision = policy_bundle.authorize(one, held)
    short = policy_bundle.allowed(who, action, record, held, context, decision["obligations"])
    assert short == (decision["decision"] == "allow"), decision
    assert policy_bundle.allowed(who, action, record, held, context) == (short and not decision["obligations"])
    kept = policy_bundle.filter(who, action, [record], held, context, decision["obligations"])
    assert kept == [record] * short
    print(json.dumps(decision))
try:
    import policyengine
except ImportError:
    print("alone")
"""
    *found, last = alone(built, text, json.dumps([requests, rows]).encode()).decode().splitlines()
    assert last == "alone"
    assert [json.loads(decision) for decision in found] == expected
    assert {decision["decision"] for decision in expected} == {"allow", "deny"}


def test_a_bundle_imports_nothing(built: Path) -> None:
    text = "before = set(sys.modules); import policy_bundle; print(*sorted(set(sys.modules) - before))"
    loaded = set(alone(built, text).decode().split())
    assert loaded - {"__future__"} == {"policy_bundle"}


def test_using_a_bundle_imports_nothing_either(built: Path) -> None:
    text = """
import policy_bundle
before = set(sys.modules)
who = {"id": "ana", "orgId": "o", "orgRole": "member"}
record = {"type": "Host", "id": "h", "orgId": "o", "ownerId": "ana", "scope": "PRIVATE"}
held, now = policy_bundle.entities({}), {"now": "2026-06-01T00:00:00+01:00"}
assert policy_bundle.allowed(who, "read", record, held, now)
assert policy_bundle.authorize({"principal": who, "action": "read", "resource": record, "context": now}, held)["rules"]
assert policy_bundle.authorize({"principal": {"id": "\\ud800"}}, held)["errors"]
assert set(sys.modules) - before == {"policy_bundle.on_Diagram"}
print(policy_bundle.digest)
"""
    alone(built, text)


def test_a_bundle_has_the_digest_of_the_engine(built: Path, studio: Any) -> None:
    assert alone(built, "import policy_bundle; print(policy_bundle.digest)").decode().strip() == studio.digest


def test_the_public_names_are_there(built: Path) -> None:
    text = "import policy_bundle as b; print(all(map(callable, (b.allowed, b.filter, b.authorize, b.entities, b.Incomplete))))"
    assert alone(built, text) == b"True\n"


def test_a_build_leaves_nothing_beside_the_module(built: Path) -> None:
    assert [path.name for path in built.iterdir()] == ["policy_bundle"]


def test_a_new_build_is_not_hidden_by_an_old_cache(tmp_path: Path, built: Path) -> None:
    """Python tells that a cache is stale by second and size, and here both are the same."""
    text = "import policy_bundle; print(policy_bundle.digest)"
    command = [sys.executable, "-S", "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {text}"]
    build(tmp_path)
    path = tmp_path / MODULE
    sound = path.read_text()
    stat = path.stat()
    digest = sound.split('digest = "')[1][:64]
    path.write_text(sound.replace(digest, "0" * 64))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0" * 64 + "\n"
    assert (path.parent / "__pycache__").exists()
    build(tmp_path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == digest + "\n"


def test_a_failed_build_leaves_the_old_bundle(tmp_path: Path) -> None:
    build(tmp_path / "out")
    before = (tmp_path / "out" / MODULE).read_bytes()
    (tmp_path / "bad.policy").write_text("permit everything")
    assert main(["build", "--policies", str(tmp_path / "bad.policy"), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / MODULE).read_bytes() == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["policy_bundle"]


@pytest.mark.parametrize("name", ["file", "file/below", ""])
def test_a_place_that_cannot_be_written_is_misuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "file").write_text("")
    out = tmp_path / name if name else tmp_path / "taken"
    if not name:
        (out / MODULE).mkdir(parents=True)  # a folder in the module's place
    named = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    assert main(["build", *named, "--out", str(out)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("policyengine build: ")
    assert said.err.count("\n") == 1
