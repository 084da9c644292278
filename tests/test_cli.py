"""The command line: every line gets its answer, misuse is one line, and nothing that a user gives is a traceback."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.analysis.encoder import encode_isolation
from policyengine.analysis.expressions import Unsupported
from policyengine.backends.python import emit_python
from policyengine.cli import main, reading
from policyengine.cli.authorize import answers
from policyengine.compiler import compile_folders
from policyengine.frontend.printer import print_declarations
from policyengine.interpreter import decide as interpret
from policyengine.ir.printer import print_program
from tests.conftest import ROOT
from tests.studio import Row, check_form, data, folder, grant, person, record, refuses, without
from tests.worlds import requests, world

BROKEN = 'forbid oops: fly on Host when "x" == 7\n'


class Shell:
    """Calls `main` as the entry point does, from the root of the checkout unless a test goes elsewhere."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: str | Path, given: bytes = b"") -> tuple[int, str, str]:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    def misuse(self, *arguments: str | Path, given: bytes = b"") -> str:
        """What is said of a misuse: one line, nothing else, exit code 2."""
        code, out, err = self(*arguments, given=given)
        assert (code, out) == (2, "")
        assert err.endswith("\n")
        assert err.count("\n") == 1
        assert err.startswith("policyengine")
        assert "; " in err
        return err.rstrip("\n")

    def decisions(self, *arguments: str | Path, given: bytes = b"") -> list[Row]:
        code, out, err = self("authorize", *arguments, given=given)
        assert (code, err) == (0, "")
        assert out.isascii()
        assert out == "" or out.endswith("\n")
        found = [json.loads(line) for line in out.splitlines()]
        for decision in found:
            check_form(decision)
        return found


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(ROOT)
    return Shell(capsys, monkeypatch)


def process(*arguments: str, given: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "policyengine", *arguments]
    done = subprocess.run(command, input=given, capture_output=True, cwd=ROOT, timeout=60, check=False, **more)
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Exception ignored" not in done.stderr
    return done


def line(request: Any) -> bytes:
    return json.dumps(request).encode() + b"\n"


OTTO = person("otto")
HOST = record("Host", "ORG", ownerId="otto")
SOUND: Row = {"principal": OTTO, "action": "read", "resource": HOST}
ALLOWED = line(SOUND)


# ---- The program


def test_without_a_command_it_says_so(shell: Shell) -> None:
    assert "COMMAND" in shell.misuse()


@pytest.mark.parametrize("command", ["check", "authorize", "build"])
def test_help_names_each_option(shell: Shell, command: str) -> None:
    code, out, err = shell(command, "--help")
    assert (code, err) == (0, "")
    assert "--policies" in out
    assert "--schemas" in out
    assert f"usage: policyengine {command}" in out
    assert command in shell("--help")[1]


def test_version_is_one_line(shell: Shell) -> None:
    code, out, err = shell("--version")
    assert (code, err) == (0, "")
    assert out.startswith("policyengine")
    assert out.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["chek"],
        ["check", "--nope"],
        ["check", "extra"],
        ["check", "--format", "xml"],
        ["check", "--pol", "policies"],
        ["check", "--schemas"],
        ["authorize", "a.jsonl", "b.jsonl"],
        ["build", "--emit", "wasm"],
        ["build", "--emit", "x\ny\x1b[31m"],
    ],
    ids=repr,
)
def test_arguments_that_nothing_asks_for_are_misuse(shell: Shell, arguments: list[str]) -> None:
    assert "\x1b" not in shell.misuse(*arguments)


def test_it_runs_as_a_module() -> None:
    done = process("check")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"ok: ")
    assert process("chek").returncode == 2
    assert process("check", "--policies", "nowhere").returncode == 2


def test_the_package_alone_imports_nothing_of_the_compiler() -> None:
    text = "import sys, policyengine; print(sorted(m for m in sys.modules if m.startswith(('policyengine', 'lark'))))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "['policyengine']\n"


# ---- check


def test_sound_policies_are_one_line(shell: Shell, studio: Any) -> None:
    rules, types = len(studio.program.rules), len(studio.program.schema.resources)
    assert shell("check") == (0, f"ok: {rules} rules, {types} types\n", "")


def test_check_as_json_has_no_findings(shell: Shell) -> None:
    code, out, err = shell("check", "--format", "json")
    assert (code, json.loads(out), err) == (0, {"findings": []}, "")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Studio with one more file, which has errors."""
    folder = tmp_path / "policies"
    folder.mkdir()
    for file in (ROOT / "policies").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "zz.policy").write_text(BROKEN)
    return folder


def test_findings_go_to_standard_output(shell: Shell, broken: Path) -> None:
    code, out, err = shell("check", "--policies", broken)
    assert (code, err) == (1, "")
    assert "error[" in out
    assert "zz.policy:1:" in out
    assert "\x1b" not in out
    assert out.splitlines()[-1].split()[1].startswith("error")


def test_findings_as_json_are_one_object(shell: Shell, broken: Path) -> None:
    code, out, err = shell("check", "--policies", broken, "--format", "json")
    assert (code, err) == (1, "")
    (name, findings), *others = json.loads(out).items()
    assert (name, others) == ("findings", [])
    assert findings
    for finding in findings:
        assert set(finding) == {"code", "severity", "message", "labels", "help", "edits"}
        assert finding["severity"] in ("error", "warning")
        assert finding["labels"][0]["line"] == 1


def test_a_warning_is_no_failure(shell: Shell, tmp_path: Path) -> None:
    text = (ROOT / "policies" / "access.policy").read_text()
    (tmp_path / "access.policy").write_text(
        text.replace("access KeychainEntry {", "access KeychainEntry {//").split("/// Nobody")[0]
    )
    code, out, err = shell("check", "--policies", tmp_path)
    assert (code, err) == (0, "")
    assert "warning[no-access]" in out
    assert out.splitlines()[-1].startswith("ok: ")
    assert "warning" in out.splitlines()[-1]
    code, out, err = shell("check", "--policies", tmp_path, "--format", "json")
    assert (code, err) == (0, "")
    assert {finding["severity"] for finding in json.loads(out)["findings"]} == {"warning"}


@pytest.mark.parametrize("option", ["--policies", "--schemas"])
def test_a_missing_folder_is_misuse(shell: Shell, option: str) -> None:
    for command in ("check", "authorize", "build"):
        said = shell.misuse(command, option, "no/such/folder")
        assert said.startswith(f"policyengine {command}: no such file or folder: no/such/folder; ")


def test_an_empty_folder_is_a_finding(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    assert shell("check", "--policies", tmp_path / "none", "--schemas", tmp_path / "none")[0] == 1


def test_without_a_schema_folder_the_policies_stand_alone(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policies").mkdir()
    for file in (*(ROOT / "policies").iterdir(), *(ROOT / "schemas").iterdir()):
        (tmp_path / "policies" / file.name).write_bytes(file.read_bytes())
    expected = shell("check")
    monkeypatch.chdir(tmp_path)
    assert shell("check") == expected
    assert "schemas" in shell.misuse("check", "--schemas", "schemas")


def test_one_text_on_standard_input_is_checked_with_the_schemas(shell: Shell) -> None:
    text = (ROOT / "policies" / "tools.policy").read_bytes()
    access = (ROOT / "policies" / "access.policy").read_bytes()
    assert shell("check", "--policies", "-", given=text + access)[0] == 0
    code, out, err = shell("check", "--policies", "-", "--format", "json", given=text + access + BROKEN.encode())
    assert (code, err) == (1, "")
    labels = [label for finding in json.loads(out)["findings"] for label in finding["labels"]]
    assert {label["file"] for label in labels} == {"<stdin>"}
    last_line = (text + access).count(b"\n") + 1
    assert {label["line"] for label in labels} == {last_line}


def test_standard_input_needs_no_schema_folder(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"".join(file.read_bytes() for folder in ("schemas", "policies") for file in (ROOT / folder).iterdir())
    monkeypatch.chdir(tmp_path)
    assert shell("check", "--policies", "-", given=whole)[0] == 0
    schema = ROOT / "schemas" / "studio.schema"
    policies = b"".join(file.read_bytes() for file in (ROOT / "policies").iterdir())
    assert shell("check", "--policies", "-", "--schemas", schema, given=policies)[0] == 0
    assert shell("check", "--policies", "-", given=policies)[0] == 1
    assert "schemas" in shell.misuse("check", "--policies", "-", "--schemas", "schemas", given=policies)


@pytest.mark.parametrize(
    "text", [b"\xff", b"\xed\xa0\x80", b"\x00", b"\xef\xbb\xbf", b"(" * 100_000, b"forbid \xe2\x80\xae"]
)
def test_a_hostile_text_is_a_finding(shell: Shell, tmp_path: Path, text: bytes) -> None:
    assert shell("check", "--policies", "-", given=text)[0] == 1
    (tmp_path / "x.policy").write_bytes(text)
    assert shell("check", "--policies", tmp_path)[0] == 1
    assert shell("check", "--policies", tmp_path, "--format", "json")[0] == 1


@pytest.mark.parametrize(
    "terminal, no_color, coloured", [(True, None, True), (True, "", True), (True, "1", False), (False, None, False)]
)
def test_colours_are_for_terminals(
    shell: Shell, broken: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, no_color: str | None, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert ("\x1b[" in shell("check", "--policies", broken)[1]) is coloured
    assert "\x1b" not in shell("check", "--policies", broken, "--format", "json")[1]
    assert "\x1b" not in shell("authorize", "--policies", broken)[2]


def test_what_the_output_cannot_encode_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "\u00e9\udcff.policy").write_text('forbid oops: "\u00e9\u4e16')
    done = process("check", "--policies", str(tmp_path), env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 1
    assert done.stdout.isascii()


# ---- authorize: the answers


def test_the_examples_are_decided_as_they_say(shell: Shell) -> None:
    found = shell.decisions("--data", "examples/data.json", "examples/requests.jsonl")
    assert [(decision["decision"], *decision["rules"]) for decision in found] == [
        ("allow", "Scoped.PRIVATE.holder_owner", "Scoped.always.record_owner"),
        ("deny",),
        ("deny",),
        ("allow", "Scoped.CUSTOM.grant_viewer"),
        ("deny",),
        ("deny",),
        ("allow", "Scoped.always.record_owner"),
        ("allow", "Scoped.CUSTOM.grant_viewer"),
        ("deny",),
        ("deny", "folder_abroad"),
        ("allow", "Tool.always.role_member"),
        ("allow", "Tool.always.role_member"),
        ("deny", "connector_off", "disabled_tool"),
        ("deny",),
        ("deny",),
        ("deny",),
    ]
    assert [[one["name"] for one in decision["obligations"]] for decision in found if decision["obligations"]] == [
        ["rewrap"],
        ["approval"],
    ]
    assert [bool(decision["errors"]) for decision in found] == [False] * 13 + [True] * 3


def test_a_file_standard_input_and_a_dash_are_answered_alike(shell: Shell) -> None:
    lines = (ROOT / "examples" / "requests.jsonl").read_bytes()
    named = shell("authorize", "--data", "examples/data.json", "examples/requests.jsonl")
    assert shell("authorize", "--data", "examples/data.json", given=lines) == named
    assert shell("authorize", "--data", "examples/data.json", "-", given=lines) == named
    assert shell("authorize", "--data", "examples/data.json", given=lines.rstrip(b"\n")) == named
    assert shell("authorize", "--data", "examples/data.json", given=lines.replace(b"\n", b"\r\n")) == named


def test_without_lines_there_are_no_answers(shell: Shell) -> None:
    assert shell("authorize") == (0, "", "")


def test_without_data_there_are_no_rows(shell: Shell) -> None:
    ask = {"principal": person("cara"), "action": "read", "resource": record("Host", "CUSTOM")}
    (decision,) = shell.decisions(given=line(ask))
    assert (decision["decision"], decision["errors"]) == ("deny", [])


REFUSED: dict[str, bytes] = {
    "blank": b"",
    "spaces": b" \t ",
    "a carriage return": b"\r",
    "a form feed": b"\f",
    "a byte order mark": b"\xef\xbb\xbf" + ALLOWED.strip(),
    "UTF-16": ALLOWED.decode().strip().encode("utf-16-le"),
    "not UTF-8": ALLOWED.strip().replace(b"otto", b"\xff"),
    "an encoded surrogate": ALLOWED.strip().replace(b"otto", b"\xed\xa0\x80"),
    "an overlong encoding": ALLOWED.strip().replace(b"otto", b"\xc1\xaf"),
    "garbage after": ALLOWED.strip() + b" x",
    "two values": ALLOWED.strip() + ALLOWED.strip(),
    "a NUL after": ALLOWED.strip() + b"\0",
    "half a request": ALLOWED[: len(ALLOWED) // 2],
    "a comment": b"// read",
    "NaN": ALLOWED.strip()[:-1] + b', "more": NaN}',
    "Infinity": ALLOWED.strip()[:-1] + b', "more": [Infinity]}',
    "-Infinity": ALLOWED.strip()[:-1] + b', "more": {"x": -Infinity}}',
    "a trailing comma": ALLOWED.strip()[:-1] + b",}",
    "single quotes": ALLOWED.strip().replace(b'"', b"'"),
    "a control character": ALLOWED.strip().replace(b"otto", b"ot\x01to"),
    "a key twice": ALLOWED.strip()[:-1] + b', "action": "read"}',
    "a key twice, once as an escape": ALLOWED.strip()[:-1] + b', "a\\u0063tion": "read"}',
    "a key twice, deep": ALLOWED.strip()[:-1] + b', "more": [[{"x": [{"y": 1, "y": 1}]}]]}',
    "a key twice in the principal": ALLOWED.strip().replace(b'"orgRole"', b'"orgRole": "admin", "orgRole"'),
    "an integer of 100000 digits": ALLOWED.strip()[:-1] + b', "more": ' + b"9" * 100_000 + b"}",
    "an integer of 100000 digits alone": b"-" + b"9" * 100_000,
    "an integer as an id": ALLOWED.strip().replace(b'"otto"', b"9" * 100_000),
    "nested arrays": b"[" * 100_000 + b"]" * 100_000,
    "nested objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "open arrays": b"[" * 100_000,
    "closed arrays": b"]" * 100_000,
    "open objects": b'{"a":' * 100_000,
    "escaped quotes without an end": b'"' + b'\\"' * 100_000,
    "nested within": ALLOWED.strip()[:-1] + b', "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested as an id": ALLOWED.strip().replace(b'"otto"', b"[" * 500 + b"]" * 500),
    "a surrogate as an id": ALLOWED.strip().replace(b"otto", b"\\ud800"),
    "null": b"null",
    "true": b"true",
    "a number": b"7",
    "a float": b"1e999999999",
    "a text": b'"read"',
    "an array": b"[" + ALLOWED.strip() + b"]",
    "an empty object": b"{}",
    "a wrong role": ALLOWED.strip().replace(b'"member"', b'"Member"'),
    "a separator of lines": ALLOWED.strip().replace(b'", "', b'"\xe2\x80\xa8, "'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_that_is_no_request_is_denied_with_an_error(shell: Shell, name: str) -> None:
    before, decision, after = shell.decisions(given=ALLOWED + REFUSED[name] + b"\n" + ALLOWED)
    assert refuses(decision)
    assert before == after
    assert before["decision"] == "allow"
    assert len(json.dumps(decision)) < 600  # nothing of the line is repeated


def test_the_last_line_counts_without_its_end(shell: Shell) -> None:
    assert len(shell.decisions(given=ALLOWED + b" ")) == 2
    assert len(shell.decisions(given=ALLOWED + b"\n")) == 2
    assert len(shell.decisions(given=b"\n")) == 1


@pytest.mark.parametrize("mark", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_nothing_but_a_line_feed_ends_a_line(shell: Shell, mark: str) -> None:
    assert len(shell.decisions(given=mark.join(["1", "2"]).encode())) == 1


def test_what_is_not_declared_may_be_anything_within_bounds(shell: Shell) -> None:
    more = b', "more": ' + b"[" * 90 + b'"[[[[\\"{{{"' + b"]" * 90 + b', "n": ' + b"9" * 640 + b', "f": -0.5e400}'
    assert [d["decision"] for d in shell.decisions(given=ALLOWED.strip()[:-1] + more)] == ["allow"]
    brackets = json.dumps(SOUND | {"more": "[" * 1000, "wide": [[]] * 1000}).encode()
    assert [d["decision"] for d in shell.decisions(given=brackets)] == ["allow"]


def test_the_answer_is_that_of_the_engine(shell: Shell, studio: Any, tmp_path: Path) -> None:
    rng = random.Random(7)
    rows = world(rng)
    asked = list(requests(rng, rows, 300))
    (tmp_path / "data.json").write_text(json.dumps(rows))
    found = shell.decisions("--data", tmp_path / "data.json", given=b"".join(line(request) for request in asked))
    entities = studio.entities(json.loads(json.dumps(rows)))
    assert found == [studio.authorize(json.loads(json.dumps(request)), entities) for request in asked]
    assert {decision["decision"] for decision in found} == {"allow", "deny"}


# ---- authorize: the data

CARA = person("cara")
CHAINED: Row = {"principal": CARA, "action": "read", "resource": record("Host", "INHERIT", "f")}
HELD = folder("f", "CUSTOM")
ROWS = data([HELD], [grant(HELD, CARA)])


def asked_with(shell: Shell, tmp_path: Path, rows: str | bytes) -> Row:
    (tmp_path / "data.json").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    (decision,) = shell.decisions("--data", tmp_path / "data.json", given=line(CHAINED))
    return decision


def test_rows_come_from_the_data(shell: Shell, tmp_path: Path) -> None:
    assert asked_with(shell, tmp_path, json.dumps(ROWS))["decision"] == "allow"
    assert asked_with(shell, tmp_path, json.dumps(ROWS, indent=1).replace("\n", "\r\n\t"))["decision"] == "allow"
    assert asked_with(shell, tmp_path, json.dumps(ROWS | {"Unheard": [1, None, {}]}))["decision"] == "allow"
    assert asked_with(shell, tmp_path, "{}")["decision"] == "deny"
    assert asked_with(shell, tmp_path, ' { "Folder" : [ ] } ')["decision"] == "deny"


SPOILT = {
    "a key twice": '{"id": "x", "id": "x"}',
    "a key twice, deep": '{"id": [{"x": [{"y": 1, "y": 1}]}]}',
    "a long integer": '{"id": ' + "9" * 100_000 + "}",
    "null": "null",
    "a surrogate": '{"id": "\\ud800"}',
    "an array": "[]",
}


@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.parametrize("array", ["Folder", "ResourceShareMember", "Unheard"])
def test_a_spoilt_row_is_absent_and_the_others_are_not(shell: Shell, tmp_path: Path, name: str, array: str) -> None:
    rows = ROWS | {"Unheard": []}
    for places in ([SPOILT[name], *map(json.dumps, rows[array])], [*map(json.dumps, rows[array]), SPOILT[name]]):
        text = json.dumps(rows | {array: "HERE"}).replace('"HERE"', f"[{', '.join(places)}]")
        assert asked_with(shell, tmp_path, text)["decision"] == "allow"


@pytest.mark.parametrize("name", [name for name in SPOILT if SPOILT[name].startswith("{")])
def test_a_row_that_would_have_counted_does_not_once_it_is_spoilt(shell: Shell, tmp_path: Path, name: str) -> None:
    undeclared = json.dumps(ROWS).replace('"ownerId": "hugo"', '"ownerId": "hugo", "more": ' + SPOILT[name])
    assert asked_with(shell, tmp_path, undeclared)["decision"] == "allow"
    decision = asked_with(shell, tmp_path, json.dumps(ROWS).replace('"hugo"', SPOILT[name]))
    assert decision["decision"] == "deny"
    assert "missing" in decision["errors"][0]


@pytest.mark.parametrize(
    "rows",
    [
        "", " ", "[]", "null", "7", '"x"', "{", "}", '{"Folder"}', '{"Folder": }', '{"Folder": {}}', '{"Folder": null}',
        '{"Folder": "[]"}', '{"Unheard": {}}', '{"Unheard": 1, "Folder": []}', '{"Folder": [], "Folder": []}',
        '{"Folder": [], "F\\u006flder": []}', '{"Folder": [],}', '{"Folder": [],', '{"Folder": [1,]}', '{"Folder": [,]}',
        '{"Folder": [1 2]}', '{"Folder": []} x', '{"Folder": []}{}', '{"Folder": [NaN]}', '{"Folder": [{"x": Infinity}]}',
        '{"Unheard": [-Infinity]}', "{'Folder': []}", "{Folder: []}", '{"Folder": [}', '{"Folder": ["\x01"]}', '{1: []}',
        '{"Folder": [{"a": 1, "a": 1}, junk]}', '{"Folder": [' + "[" * 100_000, "[" * 100_000, '{"a":' * 100_000,
        b"\xef\xbb\xbf{}", b'{"Folder": ["\xff"]}', '{"Folder": []}'.encode("utf-16"), "{}".encode("utf-32"),
    ],
    ids=lambda rows: repr(rows[:40]),
)  # fmt: skip
def test_data_that_is_no_object_of_arrays_is_misuse(shell: Shell, tmp_path: Path, rows: str | bytes) -> None:
    (tmp_path / "data.json").write_bytes(rows if isinstance(rows, bytes) else rows.encode())
    said = shell.misuse("authorize", "--data", tmp_path / "data.json", given=ALLOWED)
    assert "object of arrays" in said
    assert len(said) < 300


def test_files_that_are_not_there_are_misuse(shell: Shell, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert f"{missing}: no such file" in shell.misuse("authorize", missing)
    assert f"{missing}: no such file" in shell.misuse("authorize", "--data", missing)
    assert f"{tmp_path}: " in shell.misuse("authorize", tmp_path)
    assert f"{tmp_path}: " in shell.misuse("authorize", "--data", tmp_path)
    assert shell.misuse("authorize", "a\n\x1b[31mb" + "c" * 300)


def test_broken_policies_answer_nothing(shell: Shell, broken: Path) -> None:
    for command in ("authorize", "build"):
        code, out, err = shell(command, "--policies", broken, given=ALLOWED)
        assert (code, out) == (1, "")
        assert "zz.policy:1:" in err


# ---- authorize: as a process


def test_a_process_answers_hostile_lines_and_lives() -> None:
    lines = [ALLOWED.strip(), *REFUSED.values(), ALLOWED.strip()]
    done = process("authorize", given=b"\n".join(lines))
    assert (done.returncode, done.stderr) == (0, b"")
    found = [json.loads(answer) for answer in done.stdout.splitlines()]
    assert [decision["decision"] for decision in found] == ["allow", *["deny"] * len(REFUSED), "allow"]
    assert all(decision["errors"] for decision in found[1:-1])


def test_a_reader_that_has_read_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "policyengine", "authorize"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdin.write(ALLOWED * 400)  # more than a buffer of answers, less than a pipe holds
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["decision"] == "allow"
        running.stdout.close()
        try:
            for _ in range(100):
                running.stdin.write(ALLOWED * 400)
            running.stdin.close()
        except BrokenPipeError:
            pass
        assert running.stderr.read() == b""
        assert running.wait(60) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "policyengine", "authorize", "examples/requests.jsonl"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"policyengine authorize: reading or writing: ")


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_closed_streams_are_misuse(closed: str) -> None:
    command = f'"{sys.executable}" -m policyengine authorize {closed}'
    done = subprocess.run(command, shell=True, capture_output=True, cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"closed" in done.stderr


# ---- authorize: whatever a line holds


class Repeated(Exception):
    pass


def as_request(text: bytes) -> Any:
    """A line as another reader has it; an exception where it is not JSON."""

    def once(pairs: list[tuple[str, Any]]) -> Row:
        if len(dict(pairs)) != len(pairs):
            raise Repeated
        return dict(pairs)

    def never(name: str) -> Any:
        raise ValueError(name)

    return json.loads(text.decode("utf-8"), object_pairs_hook=once, parse_constant=never)


def judge(engine: Any, lines: list[bytes], rows: Row) -> None:
    """One decision a line: the interpreter's where the line is a request, and else a denial with an error."""
    entities = engine.entities(rows)
    found = [json.loads(answer) for answer in answers(engine, io.BytesIO(b"\n".join(lines)), entities)]
    expected = lines if lines[-1:] != [b""] else lines[:-1]
    assert len(found) == len(expected)
    for text, decision in zip(expected, found, strict=True):
        check_form(decision)
        try:
            request = as_request(text)
        except (ValueError, RecursionError, Repeated):
            assert refuses(decision)
            continue
        assert decision == interpret(engine.program, request, entities)


LINES = [ALLOWED.strip(), line(CHAINED).strip(), *(ROOT / "examples" / "requests.jsonl").read_bytes().splitlines()]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A request's line with a few bytes changed, taken out, put in or moved."""
    text = draw(st.sampled_from(LINES))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        pieces = [
            b"",
            b'"',
            b"{",
            b"}",
            b"[",
            b",",
            b":",
            b"\\u0000",
            b"\\ud800",
            b"1",
            b"null",
            b"admin",
            text[start:end] * 2,
        ]
        piece = draw(st.one_of(st.sampled_from(pieces), st.binary(max_size=4)))
        text = text[:start] + piece.replace(b"\n", b"") + text[end:]
    return text


def no_line_feed(text: bytes) -> bytes:
    return text.replace(b"\n", b"")


@settings(deadline=None, max_examples=300)
@given(lines=st.lists(st.one_of(st.binary(max_size=40).map(no_line_feed), mutated()), min_size=1, max_size=8))
def test_fuzzed_lines_are_each_answered(studio: Any, lines: list[bytes]) -> None:
    judge(studio, lines, ROWS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "orgId", "type", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
PARTS = ("principal", "action", "resource", "context")


@settings(deadline=None, max_examples=200)
@given(
    part=st.sampled_from(PARTS),
    name=st.sampled_from(["", "id", "orgId", "orgRole", "type", "scope", "now"]),
    value=JSON,
)
def test_fuzzed_parts_are_each_answered(studio: Any, part: str, name: str, value: Any) -> None:
    request = json.loads(json.dumps(SOUND | {"context": {}}))
    if name and part != "action":
        request[part][name] = value
    else:
        request[part] = value
    judge(
        studio,
        [json.dumps(request).encode(), json.dumps(without(request, part)).encode(), json.dumps(value).encode()],
        ROWS,
    )


@settings(deadline=None, max_examples=300)
@given(
    text=st.one_of(
        st.binary(max_size=60),
        st.dictionaries(st.sampled_from("ab"), st.lists(JSON, max_size=3), max_size=2).map(
            lambda rows: json.dumps(rows).encode()
        ),
    )
)
def test_fuzzed_data_is_read_as_another_reader_reads_it_or_refused(text: bytes) -> None:
    try:
        rows = as_request(text)
        readable = isinstance(rows, dict) and all(isinstance(array, list) for array in rows.values())
    except Repeated:
        return  # whole, or with a row that is None: the tests above say which
    except ValueError:
        readable = False
    if readable:
        assert reading.read_data(text) == rows
    else:
        with pytest.raises(reading.Unreadable):
            reading.read_data(text)


# ---- build: what it shows


def test_each_representation_is_printed(shell: Shell, studio: Any) -> None:
    compiled = compile_folders("policies", "schemas")
    assert shell("build", "--emit", "ast") == (0, print_declarations(compiled.declarations), "")
    assert shell("build", "--emit", "core") == (0, print_program(studio.program), "")
    code, shown, said = shell("build", "--emit", "python")
    assert (code, said) == (0, "")
    assert all(text in shown for text in emit_python(studio.program).values())


def test_what_is_shown_is_not_written(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = ("--policies", ROOT / "policies", "--schemas", ROOT / "schemas")
    monkeypatch.chdir(tmp_path)
    for emit in ("ast", "core", "python"):
        assert shell("build", *named, "--emit", emit)[0] == 0
    assert list(tmp_path.iterdir()) == []


def test_the_ast_is_read_back(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "all.policy").write_text(shell("build", "--emit", "ast")[1])
    again = shell("build", "--emit", "core", "--policies", tmp_path, "--schemas", tmp_path)
    assert again == shell("build", "--emit", "core")


def test_the_residual_says_what_is_known_and_what_is_left(shell: Shell) -> None:
    code, out, err = shell("build", "--emit", "residual", "--action", "read", "--type", "Host")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "// known: action read, type Host"
    assert "permit Scoped.CUSTOM.grant_viewer" in out
    assert "principal.id" in out
    cara = json.dumps(CARA | {"nickname": "C", "type": "User"})
    code, out, err = shell("build", "--emit", "residual", "--action", "read", "--type", "Host", "--principal", cara)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"// known: action read, type Host, principal {json.dumps(CARA)}"
    assert '"cara"' in out
    assert "principal." not in out


def test_the_principal_may_stand_in_a_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "cara.json").write_text(json.dumps(CARA))
    asked = ("build", "--emit", "residual", "--action", "read", "--type", "Host", "--principal")
    assert shell(*asked, tmp_path / "cara.json") == shell(*asked, json.dumps(CARA))
    assert "--principal: " in shell.misuse(*asked, tmp_path / "missing.json")
    assert "--principal: " in shell.misuse(*asked, tmp_path)
    assert "--principal: " in shell.misuse(*asked, "cara")


def test_where_nothing_is_left_it_says_so(shell: Shell) -> None:
    asked = ("build", "--emit", "residual", "--action", "configure", "--type", "Connector")
    code, out, err = shell(*asked, "--principal", json.dumps(CARA))
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == ["// nothing is left: no rule can allow"]


@pytest.mark.parametrize(
    "principal, cause",
    [
        ("{}", "principal.id: missing"),
        (json.dumps(CARA | {"orgRole": "owner"}), "principal.orgRole: expected OrgRole"),
        (json.dumps(CARA | {"type": "Host"}), "principal.type: expected User"),
        (json.dumps(CARA | {"type": []}), "principal.type: expected User"),
        ('{"id": "\\ud800"}', "principal.id: expected Id"),
        ('{"id": "\ud800"}', "not UTF-8"),
        ("{" + json.dumps(CARA)[1:-1] + ', "id": "otto"}', "a key is repeated"),
        ("{", "not JSON"),
        ('{"id":' * 100_000, "nested too deeply"),
        ('{"id": NaN}', "not JSON"),
    ],
    ids=lambda value: ascii(value[:40]),
)
def test_a_malformed_principal_is_misuse(shell: Shell, principal: str, cause: str) -> None:
    asked = ("build", "--emit", "residual", "--action", "read", "--type", "Host", "--principal")
    assert cause in shell.misuse(*asked, principal)


def test_the_plan_says_what_resolvers_read(shell: Shell) -> None:
    code, out, err = shell("build", "--emit", "plan", "--action", "list", "--type", "Host")
    plan = json.loads(out)
    assert (code, err) == (0, "")
    assert (plan["chain"], plan["grants"], plan["crosses"]) == (True, "ResourceShareMember", True)
    assert plan["codes"] == ["dynamodb-grant", "dynamodb-holder"]
    member = '{"id": "cara", "orgId": "org_1", "orgRole": "member"}'
    code, out, _ = shell("build", "--emit", "plan", "--action", "configure", "--type", "Tool", "--principal", member)
    assert (code, json.loads(out)["select"]) == (0, False)
    assert "--emit plan needs --action and --type" in shell.misuse("build", "--emit", "plan")


def test_a_key_policy_is_shown_as_it_is_written(shell: Shell, tmp_path: Path) -> None:
    assert shell("build", "aws", "--org", "org_1", "--out", tmp_path)[0] == 0
    written = (tmp_path / "key-policy-org_1.json").read_text()
    assert shell("build", "--emit", "kms", "--org", "org_1") == (0, written, "")
    code, out, err = shell("build", "--emit", "kms", "--org", "org/1")
    assert (code, out) == (1, "")
    assert "refused[aws-tenant-id]" in err
    assert "--emit kms needs --org" in shell.misuse("build", "--emit", "kms")
    assert "--org has a use with --emit kms only" in shell.misuse("build", "--org", "org_1")


def test_unknown_names_have_suggestions(shell: Shell) -> None:
    asked = ("build", "--emit", "residual", "--action")
    assert "unknown type `Hots`; did you mean `Host`?" in shell.misuse(*asked, "read", "--type", "Hots")
    assert "unknown action on Host `reed`; did you mean `read`?" in shell.misuse(*asked, "reed", "--type", "Host")
    assert "there are: configure, invoke, list, read" in shell.misuse(*asked, "\n", "--type", "Tool")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--emit", "core", "--out", "x"], "--out"),
        (["--action", "read"], "--action has a use with --emit residual or --emit plan only"),
        (["--emit", "core", "--type", "Host"], "--type has a use with --emit residual or --emit plan only"),
        (
            ["--emit", "core", "--principal", "{}"],
            "--principal has a use with --emit residual or --emit plan only",
        ),
        (["--emit", "residual"], "needs --action and --type; add --action and --type"),
        (["--emit", "residual", "--type", "Host"], "add --action"),
    ],
    ids=repr,
)
def test_options_that_make_no_sense_together_are_misuse(shell: Shell, arguments: list[str], said: str) -> None:
    assert said in shell.misuse("build", *arguments)


def test_the_question_of_isolation_is_printed(shell: Shell, studio: Any) -> None:
    assert shell("build", "--emit", "smt") == (0, encode_isolation(studio.program), "")


def test_what_a_back_end_refuses_is_one_line(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in (ROOT / "policies").iterdir():
        if file.name != "aws.policy":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    code, out, err = shell("build", "aws", "--org", "org_acme", "--policies", tmp_path, "--out", tmp_path / "out")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("policyengine build aws: refused[aws-setting-missing]: ")
    assert not (tmp_path / "out").exists()

    def refuse(_: Any) -> str:
        raise Unsupported("`x`\nhas no encoding")

    monkeypatch.setattr("policyengine.analysis.encoder.encode_isolation", refuse)
    code, out, err = shell("build", "--emit", "smt")
    assert (code, out, err) == (1, "", "policyengine build: refused: `x`\\nhas no encoding\n")
