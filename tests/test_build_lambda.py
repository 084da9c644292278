"""The function's bundle: the same bytes each time, whole by its manifest, and at work in AWS's own runtime client."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from policyengine.backends import authorizer
from policyengine.cli import main
from policyengine.compiler import compile_sources, program_of
from policyengine.source import Source

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda")
    assert main(["build", "lambda", *SOURCES, "--out", str(folder)]) == 0
    return folder


def verify(bundle: Path, manifest: Path, capsys: Any) -> tuple[int, list[str]]:
    code = main(["bundle", "verify", str(bundle), "--manifest", str(manifest)])
    return code, capsys.readouterr().out.splitlines()


def test_the_same_policies_give_the_same_bytes(out: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "policyengine", "build", "lambda", *SOURCES, "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "7"})
    assert (tmp_path / "lambda.zip").read_bytes() == (out / "lambda.zip").read_bytes()
    assert (tmp_path / "lambda.json").read_bytes() == (out / "lambda.json").read_bytes()


def test_the_folder_and_the_archive_are_what_the_manifest_says(out: Path, capsys: Any) -> None:
    for bundle in (out / "lambda", out / "lambda.zip"):
        code, lines = verify(bundle, out / "lambda.json", capsys)
        assert (code, len(lines)) == (0, 1)


def test_every_difference_is_told(out: Path, tmp_path: Path, capsys: Any) -> None:
    with zipfile.ZipFile(out / "lambda.zip") as archive:
        archive.extractall(tmp_path)
    (tmp_path / "handler.py").write_text("handler = lambda event, context: {'isAuthorized': True}\n")
    (tmp_path / "policy_bundle/api.py").unlink()
    (tmp_path / "sitecustomize.py").write_text("")
    assert verify(tmp_path, out / "lambda.json", capsys) == (
        1,
        ["changed handler.py", "missing policy_bundle/api.py", "unknown sitecustomize.py"],
    )


def test_an_archive_that_was_packed_again_is_told(out: Path, tmp_path: Path, capsys: Any) -> None:
    with zipfile.ZipFile(out / "lambda.zip") as old, zipfile.ZipFile(tmp_path / "again.zip", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert verify(tmp_path / "again.zip", out / "lambda.json", capsys) == (1, ["changed again.zip"])


@pytest.mark.parametrize(
    "text", ["", "{}", '{"files": {"a": 1}, "codeSha256": "x"}', "[]", '{"files": [], "codeSha256": "x"}']
)
def test_what_is_no_manifest_is_misuse(out: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    assert main(["bundle", "verify", str(out / "lambda"), "--manifest", str(tmp_path / "m.json")]) == 2


def test_what_is_no_archive_is_misuse(out: Path) -> None:
    assert main(["bundle", "verify", str(out / "lambda.json"), "--manifest", str(out / "lambda.json")]) == 2


def test_the_bundle_needs_nothing_of_the_compiler(out: Path) -> None:
    """With the requirements beside it and nothing else of this checkout."""
    text = "import sys, handler; print(sorted(n for n in sys.modules if n.split('.')[0] in ('policyengine', 'lark')))"
    environment = {"PYTHONPATH": str(out / "lambda"), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-B", "-c", text], cwd=out, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "[]"
    assert '"settings":"POLICYENGINE_TOKEN is not set"' in done.stdout


MINIMAL = """
tenant Org by org
principal User { id: Id as identity%s, org: Id of Org%s }
resource Note { id: Id as identity, org: Id of Org }
action read on Note
permit p: read on Note
%s
"""
API = "api { Query.note: read on Note by id }"


@pytest.mark.parametrize(
    ("id", "org", "api", "cause"),
    [
        (" from claim sub", " from claim org_id", "", "no `api` block"),
        ("", "", API, "the principal's `id`"),
        (" from claim sub", ' from claim org_id, left: Bool? from permission "org:a:b"', API, "`left`"),
    ],
)
def test_a_policy_set_without_an_authorizer_is_refused(id: str, org: str, api: str, cause: str) -> None:
    program = program_of(compile_sources([Source("m.policy", MINIMAL % (id, org, api))]))
    with pytest.raises(authorizer.Refused, match=cause):
        authorizer.emit_authorizer(program)


def wheel(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, "x = 1\n")
        archive.writestr("p-1.data/scripts/p", "no")
    return made.getvalue()


def test_only_wheels_that_the_requirements_allow_are_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = wheel("p/__init__.py"), wheel("../p.py")
    allowed = "".join(f"p==1 \\\n    --hash=sha256:{hashlib.sha256(w).hexdigest()}\n" for w in (good, bad))
    with pytest.raises(authorizer.Refused, match="none of the files"):
        authorizer.unpacked({"p.whl": good})
    monkeypatch.setattr(authorizer, "requirements", lambda: allowed.encode())
    made = authorizer.unpacked({"p.whl": good})
    assert made.pop("p/__init__.py") == b"x = 1\n"
    assert [*made] == [f"p/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"]
    with pytest.raises(authorizer.Refused, match="leaves its folder"):
        authorizer.unpacked({"p.whl": bad})


def test_the_demo_shows_what_it_says() -> None:
    """The archive in AWS's runtime client, keys from a server, and AppSync's stand-in in front."""
    pytest.importorskip("awslambdaric")
    command = [sys.executable, "-m", "examples.demo_authorizer"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"start": "cold"') == 1
    assert "Not Authorized to access connectorSettings on type Query" in done.stdout
