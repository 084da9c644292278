"""`policyengine aws`: every line gets its answer, every document its findings, and nothing that is given is a traceback."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.cli import aws
from tests.test_iam_evaluation import ALL, GOOD, Json, allow, deny, document

Shell = Any


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    def call(*arguments: str | Path, given: bytes = b"") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        parser = argparse.ArgumentParser()
        aws.add_arguments(parser)
        capsys.readouterr()
        code = aws.run(parser.parse_args([str(argument) for argument in arguments]))
        return code, capsys.readouterr().out

    return call


def line(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode() + b"\n"


ANSWERS: list[tuple[bytes, Json]] = [
    (line(identity=[ALL]), {"decision": "allowed", "statements": [{"document": "identity[0]", "statement": 0}]}),
    (line(), {"decision": "implicit_deny", "statements": []}),
    (
        line(identity=[document(allow(), deny(Sid="No"))]),
        {"decision": "explicit_deny", "statements": [{"document": "identity[0]", "statement": "No"}]},
    ),
    (
        line(identity=[document(allow(Sid="Odd", Condition={"StringIs": {"aws:A": "1"}}))]),
        {"decision": "unsupported", "statements": [{"document": "identity[0]", "statement": "Odd"}]},
    ),
    (
        line(identity=[document(allow(Condition={"StringEquals": {"aws:A": "1"}}))], context={"aws:A": ["1", "2"]}),
        {"decision": "undetermined", "statements": [{"document": "identity[0]", "statement": 0}]},
    ),
    (b"\n", {"decision": "unsupported", "statements": [], "error": "request: not JSON"}),
    (b"\xff\n", {"decision": "unsupported", "statements": [], "error": "request: not UTF-8"}),
    (b'{"a": 1, "a": 1}\n', {"decision": "unsupported", "statements": [], "error": "request: a key is repeated"}),
    (
        line(identity=[{"Statement": 1}]),
        {"decision": "unsupported", "statements": [], "error": "request: identity[0]: $.Statement: not an object"},
    ),
    (line(account="1"), {"decision": "unsupported", "statements": [], "error": "request: account: not twelve digits"}),
]


def test_simulate_answers_each_line_in_order(shell: Shell, tmp_path: Path) -> None:
    given = b"".join(asked for asked, _ in ANSWERS)
    (tmp_path / "requests.jsonl").write_bytes(given)
    for code, out in (shell("simulate", given=given), shell("simulate", tmp_path / "requests.jsonl")):
        assert code == 0
        assert [json.loads(answer) for answer in out.splitlines()] == [answer for _, answer in ANSWERS]


@given(st.lists(st.binary(max_size=40).filter(lambda given: b"\n" not in given)))
def test_every_line_gets_one_answer(lines: list[bytes]) -> None:
    answers = [json.loads(answer) for answer in aws.answers(lines)]
    assert [answer["decision"] for answer in answers] == ["unsupported"] * len(lines)


def test_lint_prints_findings_and_exits_by_them(shell: Shell, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document(allow("s3:GetObject"))))
    bad.write_text(json.dumps(document(allow("GetObject", Sid="x\u202e"))))
    assert shell("lint", good) == (0, "ok\n")
    code, out = shell("lint", good, bad)
    assert code == 1
    assert f"{bad}: $.Statement[0].Action: error[action-format]: `GetObject` is no action\n  help: name service" in out
    assert out.endswith("3 findings\n")
    assert out.isascii()


def test_lint_writes_json(shell: Shell, tmp_path: Path) -> None:
    code, out = shell("lint", "-", "--format", "json", "--kind", "kms", given=json.dumps(ALL).encode())
    assert code == 1
    [found] = json.loads(out)["findings"]
    assert found == {
        "file": "-",
        "path": "$.Statement[0].Principal",
        "code": "missing-element",
        "severity": "error",
        "message": "the statement has no Principal",
        "help": "add it",
    }
    assert json.loads(shell("lint", "-", "--format", "json", given=json.dumps(ALL).encode())[1]) == {"findings": []}


def test_lint_of_what_is_no_document_is_a_finding(shell: Shell) -> None:
    for text in (b"", b"\xff", b"{", b"[]"):
        code, out = shell("lint", "-", given=text)
        assert code == 1
        assert "error[malformed]" in out


def test_misuse_is_a_usage_error(shell: Shell) -> None:
    for arguments in ((), ("lint",), ("lint", "-", "--kind", "x"), ("fly",)):
        with pytest.raises(SystemExit):
            shell(*arguments)
    with pytest.raises(FileNotFoundError):
        shell("lint", "nowhere.json")
