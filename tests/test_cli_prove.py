"""`prove`, `threats` and `layers` on the command line: what is written, the exit codes, and the tests that are written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyengine.analysis import solver
from policyengine.cli import main
from policyengine.compiler import compile_folders
from policyengine.testing import run_cases
from tests.conftest import ROOT

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")
pytest.importorskip("z3", reason="proofs need the solver z3")

SCHEMA = """
tenant Org by org
enum Level { low < high }
principal User { id: Id as identity, org: Id of Org, level: Level as role }
context { now: Time? from clock, note: String? from argument }
resource Note { id: Id as identity, org: Id of Org, author: Id as owner, size: Int, open: Bool }
action read, edit on Note
obligation look { note: Id }
"""
RULES = """
access Note { always: role low may read  always: record owner may edit }
forbid closed: read on Note when not resource.open
require seen: look { note: resource.id } for edit on Note when resource.size > 10
"""
THREAT = """
threat stranger "Edits what is not his." {
  never edit on Note when resource.author != principal.id
  never edit on Note without look when resource.size > 20
  held by token, resolver, kms
  not expressible by token "it says who asks"
  not expressible by kms "it sees no author"
}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Writes the policies (and the earlier ones), runs a command: exit code, output, errors."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "s.schema").write_text(SCHEMA)

    def command(*words: str, rules: str = RULES + THREAT, before: str | None = None) -> tuple[int, str, str]:
        for name, text in (("policies", rules), ("before", before)):
            if text is not None:
                (tmp_path / name).mkdir(exist_ok=True)
                (tmp_path / name / "r.policy").write_text(text)
        options = ["--policies", str(tmp_path / "policies"), "--schemas", str(tmp_path / "schemas")]
        more = ["--against", str(tmp_path / "before")] if before is not None else []
        code = main([*words, *options, *more])
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_all_is_proved(run: Run) -> None:
    code, out, err = run("prove")
    assert (code, err) == (0, "")
    assert "proved: isolation\n" in out
    assert "proved: not dead x 4\n" in out
    assert "proved: threat x 2 (resolver)\n" in out
    assert out.endswith("threats, line by layer: 4 not expressible, 2 proved\n")


def test_what_does_not_hold_is_shown_in_a_line(run: Run) -> None:
    code, out, _ = run("prove", rules=RULES.replace("record owner may edit", "role high may edit") + THREAT)
    assert code == 1
    line = "refuted: threat, stranger.1: a request is allowed, though the threat says never\n"
    shown = "  ann (org org_1, level high) may edit Note note_1 (org org_1, author bob, size "
    assert line + shown in out
    assert "by Note.always.role_high\n" in out


def test_the_json_says_all(run: Run) -> None:
    code, out, _ = run("prove", "--format", "json")
    report = json.loads(out)
    assert (code, report["held"]) == (0, True)
    for verdict in report["verdicts"]:
        assert [opinion["solver"] for opinion in verdict["opinions"]] == ["cvc5", "z3"]
        assert verdict["status"] == "proved"
        assert verdict["witness"]["request"]["action"] in ("read", "edit")
        assert len(verdict["evidence"]) == 64
    assert {(c["threat"], c["line"], c["layer"], c["status"]) for c in report["threats"]} == {
        ("stranger", line, layer, "proved" if layer == "resolver" else "not expressible")
        for line in (1, 2)
        for layer in ("token", "resolver", "kms")
    }


@pytest.mark.parametrize(
    "threat, said",
    [
        (
            THREAT.replace('  not expressible by kms "it sees no author"\n', ""),
            "kms does not see principal.id, resource",
        ),
        (
            THREAT.replace(
                "never edit on Note when resource.author != principal.id",
                "never edit on Note when principal.org != resource.org",
            ).replace("  never edit on Note without look when resource.size > 20\n", ""),
            "it can say each line: take `not expressible by kms` away",
        ),
        (
            THREAT.replace(
                "never edit on Note when resource.author != principal.id",
                "never edit on Note when principal.org != resource.org",
            ),
            "unknown: threat, stranger.1 by kms: no document of kms was proved to answer it",
        ),
    ],
    ids=["undeclared", "declared in vain", "nobody proved it"],
)
def test_a_line_that_nobody_answers_for_fails(run: Run, threat: str, said: str) -> None:
    code, out, _ = run("prove", rules=RULES + threat)
    assert code == 1
    assert said in out


def test_who_gains_and_who_loses(run: Run) -> None:
    after = RULES.replace("record owner may edit", "role high may edit").replace("not resource.open", "false")
    code, out, _ = run("prove", rules=after, before=RULES)
    assert code == 1
    assert (
        "refuted: nobody gains, Note.always.role_high: a request is newly allowed, by `Note.always.role_high` as it is new\n"
        in out
    )
    assert "refuted: nobody gains, closed: a request is newly allowed, by `closed` as it was changed\n" in out
    assert (
        "refuted: nobody loses, Note.always.record_owner: a request is no longer allowed, by `Note.always.record_owner` as it was taken away\n"
        in out
    )
    assert "proved: nobody is freed\n" in out


def test_an_obligation_that_goes_is_told(run: Run) -> None:
    code, out, _ = run("prove", rules=RULES.replace("resource.size > 10", "resource.size > 11"), before=RULES)
    assert code == 1
    assert "proved: nobody gains\n" in out
    assert "refuted: nobody is freed, look: an allow comes without it that came with it\n" in out
    assert "proved: nobody is obliged\n" in out


def test_the_same_in_other_words_is_equivalent(run: Run) -> None:
    words = RULES.replace(
        "not resource.open", "not (resource.open or (resource.size < 3 and not (resource.size <= 3)))"
    )
    words = words.replace("closed:", "shut:").replace("resource.size > 10", "not (resource.size <= 10)")
    code, out, _ = run("prove", rules=words, before=RULES)
    assert code == 0
    assert out.startswith(
        "proved: nobody gains\nproved: nobody loses\nproved: nobody is freed\nproved: nobody is obliged\n"
    )


def test_other_vocabularies_are_not_compared(run: Run) -> None:
    code, out, _ = run("prove", rules=RULES, before=RULES + "define f(a: Int) = a > 1\n")
    assert code == 0
    inherit = RULES.replace(
        "access Note", "resource Box { id: Id as identity, org: Id of Org }\naction read on Box\naccess Note"
    )
    code, out, _ = run("prove", rules=RULES, before=inherit)
    assert code == 1
    assert "refused: equivalent, policies: the two differ in their resources\n" in out


def test_what_changing_an_attribute_needs_is_compared(run: Run) -> None:
    code, out, _ = run("prove", rules=RULES, before=RULES + "changing size on Note needs read\n")
    assert code == 1
    assert "refused: equivalent, policies: the two differ in their rights to change attributes\n" in out


@pytest.mark.parametrize(
    "line",
    [
        "never read on Note when principal.org == resource.org",
        "never read on Note when principal.org == resource.org and resource.open",
    ],
)
def test_no_document_proves_a_line_that_is_not_about_what_crosses(run: Run, line: str) -> None:
    threat = f'threat own "It reads its own." {{ {line} held by kms }}'
    code, out, _ = run("threats", rules=RULES + threat)
    assert code == 1
    assert "| 1 | kms | refused | " in out


def test_a_threat_in_words_says_why_a_layer_has_no_line(run: Run) -> None:
    words = 'threat words "Something." { held by LAYERS }'
    assert run("threats", rules=RULES + words.replace("LAYERS", "token, audit"))[0] == 0
    code, out, _ = run("threats", rules=RULES + words.replace("LAYERS", "resolver"))
    assert code == 1
    assert "said in words only, and resolver could say a line" in out
    declared = words.replace("held by LAYERS", 'held by resolver not expressible by resolver "it is about people"')
    assert run("threats", rules=RULES + declared)[0] == 0


def test_each_counterexample_can_be_kept_as_a_test(run: Run, tmp_path: Path) -> None:
    """The tests fail as long as the fault is there, and pass once it is mended."""
    file = tmp_path / "found.policy"
    faulty = RULES.replace("record owner may edit", "role high may edit")
    code, _, _ = run("prove", "--write-tests", str(file), rules=faulty + THREAT)
    assert code == 1
    for rules, passes in ((faulty, False), (RULES, True)):
        (tmp_path / "policies" / "r.policy").write_text(rules)
        (tmp_path / "policies" / "found.policy").write_text(file.read_text())
        compiled = compile_folders(tmp_path / "policies", tmp_path / "schemas")
        assert compiled.program is not None, compiled.diagnostics
        assert len(compiled.cases) == 1
        outcomes = run_cases(compiled.program, compiled.cases)
        assert [not outcome.problems for outcome in outcomes] == [passes]


def test_a_missing_solver_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "find_spec", lambda name: None)
    code, _, err = run("prove")
    assert code == 1
    assert "pip install policyengine-authz[prove]" in err


def heard(status: str) -> Callable[..., dict[str, Any]]:
    def fake(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
        said = status if asked["solver"] == "z3" else "unsat"
        part = {"status": said, "values": {}, "core": "", "seconds": 0.0}
        return {"version": "1", "outputs": [], "values": {}, "answers": [part] * len(asked["questions"])}

    return fake


def test_solvers_that_contradict_each_other_are_an_error_of_the_prover(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solver, "_heard", heard("sat"))
    code, out, _ = run("prove")
    assert code == 3
    assert "unknown: isolation, policies: THE SOLVERS CONTRADICT EACH OTHER" in out


def test_a_request_that_does_not_replay_is_an_error_of_the_prover(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from policyengine.analysis import facts

    monkeypatch.setattr(facts.Facts, "allowed", property(lambda self: False))
    code, out, err = run("prove")
    assert (code, out) == (3, "")
    assert err.startswith("policyengine prove: internal error, please report it: ")


def test_the_threats_as_a_table(run: Run) -> None:
    code, out, _ = run("threats")
    assert code == 0
    assert "\n## stranger\n\nEdits what is not his.\n" in out
    assert "\n| 1 | resolver | proved |  |\n" in out
    assert "\n| 2 | kms | not expressible | it sees no author |\n" in out
    code, out, _ = run("threats", rules=RULES.replace("record owner may edit", "role high may edit") + THREAT)
    assert code == 1
    assert "\n| 1 | resolver | refuted | a request is allowed, though the threat says never |\n" in out


BUILT = """
aws { partition "aws" }
api { open Query.viewer because "It says who asks." }
"""


def test_a_layer_that_nothing_builds_enforces_nothing(run: Run) -> None:
    code, out, _ = run("layers")
    assert code == 0
    lines = out.splitlines()
    nowhere = " | ".join(["not built [2]"] * 3)
    assert f"| permit Note.always.record_owner | not built [1] | enforced | {nowhere} |" in lines
    assert "[1] no `api` block says what is asked" in lines
    assert "[2] no `aws` block says where it is" in lines


def test_the_layers_as_a_table(run: Run) -> None:
    code, out, _ = run("layers", rules=RULES + THREAT + BUILT)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "| Rule | authorizer | resolver | iam | kms | s3 |"
    held, unseen = "tenant boundary only [2]", "not expressible [4]"
    assert f"| permit Note.always.record_owner | not expressible [1] | enforced | {held} | {held} | {held} |" in lines
    assert f"| forbid closed | {unseen} | enforced | {unseen} | {unseen} | {unseen} |" in lines
    assert "[2] does not see principal.id, resource.author" in lines
    assert "[4] does not see resource.open" in lines


def test_studio_has_no_layer_but_the_resolver_that_sees_an_owner(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["layers", "--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| permit")]
    assert code == 0
    assert len(rows) >= 13
    for row in rows:
        assert row[2] == "enforced"
        assert all(cell.startswith("tenant boundary only") for cell in row[3:])
