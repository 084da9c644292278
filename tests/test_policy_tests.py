"""`policyengine test` and `policyengine init`: cases that pass, cases that fail with their facts, and coverage."""

import json
from pathlib import Path
from typing import Any

import pytest

from policyengine.cli import main
from policyengine.compiler import compile_folders, compile_sources, program_of
from policyengine.source import Source
from policyengine.testing import coverage, run_cases
from tests.test_core import SMALL

ROOT = Path(__file__).resolve().parent.parent

FIXTURES = """
  let ann = User { id: "ann", org: "o1" }
  let note = Note { id: "n", org: "o1", author: "ann", size: 3, open: true, at: "2026-01-01T00:00:00Z" }
"""


def outcomes_of(body: str, more: str = "") -> Any:
    compiled = compile_sources([Source("small.policy", f'{SMALL}{more}\ntest "it" {{{FIXTURES}{body}\n}}')])
    program = program_of(compiled)
    return program, run_cases(program, compiled.cases)


def codes(body: str) -> list[str]:
    compiled = compile_sources([Source("small.policy", f'{SMALL}\ntest "it" {{{FIXTURES}{body}\n}}')])
    assert (compiled.program is None) == bool(compiled.diagnostics)
    return [found.code for found in compiled.diagnostics]


def test_every_rule_of_studio_is_seen_to_decide_and_not_to() -> None:
    compiled = compile_folders(ROOT / "policies", ROOT / "schemas")
    program = program_of(compiled)
    outcomes = run_cases(program, compiled.cases)
    assert len(outcomes) > 80
    assert not [outcome.problems for outcome in outcomes if outcome.problems]
    assert coverage(program, outcomes).never_decides == ()
    assert coverage(program, outcomes).always_decides == ()


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        ("deny ann read note", "expected deny, got allow (Allowed by Note.always.record_owner.)"),
        ("allow ann read note by Memo.always.record_owner",
         "expected the rules Memo.always.record_owner, got Note.always.record_owner"),
        ('deny ann read note errs "x"', "expected the error 'x', got none"),
        ("let bob = ann with { id: \"bob\" }\n allow bob read note", "expected allow, got deny (No rule allows it.)"),
    ],
)  # fmt: skip
def test_what_does_not_come_as_expected_is_told(expectation: str, problem: str) -> None:
    _, (outcome,) = outcomes_of(expectation)
    assert problem in outcome.problems


def test_a_failure_shows_the_facts_that_decided() -> None:
    _, (outcome,) = outcomes_of('let bob = ann with { id: "bob" }\n allow bob read note')
    assert outcome.facts == (
        "permit Note.always.record_owner: false",
        "  resource.author == principal.id is false: resource.author is 'ann', principal.id is 'bob'",
    )


def test_an_obligation_that_is_not_expected_fails_and_so_does_one_that_is_missing() -> None:
    more = "obligation ask { id: Id }\nrequire r: ask { id: resource.id } for read on Note"
    _, (outcome,) = outcomes_of("allow ann read note", more)
    assert outcome.problems[0].startswith("expected the obligations [], got [{")
    _, (outcome,) = outcomes_of('allow ann read note obliges ask { id: "n" }', more)
    assert not outcome.problems
    _, (outcome,) = outcomes_of('allow ann read note obliges ask { id: "m" }', more)
    assert outcome.problems


def test_rows_and_context_count_from_where_they_stand() -> None:
    more = """
    context { level: Int? }
    forbid high: read on Note when has context.level and context.level > 3
    """
    _, outcomes = outcomes_of("allow ann read note\ncontext { level: 4 }\ndeny ann read note by high", more)
    assert not [outcome.problems for outcome in outcomes if outcome.problems]


def test_rules_that_no_test_sees_are_named() -> None:
    program, outcomes = outcomes_of("allow ann read note", "forbid big: read on Note when resource.size > 5")
    seen = coverage(program, outcomes)
    assert seen.never_decides == ("Memo.always.record_owner", "big")
    assert seen.always_decides == ("Memo.always.record_owner", "Note.always.record_owner")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("allow ann raed note", "unknown-name"),
        ("allow eve read note", "unknown-name"),
        ("allow note read ann", "wrong-type"),
        ("allow ann read note by Nope", "unknown-name"),
        ("allow ann read note obliges nope { }", "unknown-name"),
        ('let bob = User { id: "bob" }', "missing-mark"),
        ('let bob = User { id: "", org: "o1" }', "wrong-type"),
        ('let bob = User { id: "bob", org: "o 1" }', "wrong-type"),
        ("let bob = ann with { name: true }", "unknown-name"),
        ("let bob = nobody with { }", "unknown-name"),
        ("let bob = Usr { }", "unknown-name"),
        ("let ann = json `{}`", "duplicate"),
        ("let bob = json `{`", "bad-value"),
        ("row Nope { }", "unknown-name"),
        ("context { level: 1 }", "unknown-name"),
    ],
)
def test_a_test_that_says_nothing_true_does_not_compile(body: str, code: str) -> None:
    assert code in codes(body)


def test_tests_do_not_change_the_digest() -> None:
    with_test = compile_sources([Source("a", f'{SMALL}\ntest "it" {{{FIXTURES}}}')])
    assert program_of(with_test) == program_of(compile_sources([Source("a", SMALL)]))


# ---- The commands


def test_a_new_project_passes_its_own_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path)]) == 0
    named = ["--policies", str(tmp_path / "policies"), "--schemas", str(tmp_path / "schemas")]
    assert main(["check", *named]) == 0
    assert main(["test", *named]) == 0
    assert capsys.readouterr().out.endswith("ok: 4 rules, 1 type\n11 passed, 0 failed\n")
    assert main(["init", str(tmp_path)]) == 2


def test_a_failed_test_gives_exit_code_one_and_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", str(tmp_path)])
    path = tmp_path / "policies" / "notes.policy"
    path.write_text(path.read_text().replace("deny bob delete note", "allow bob delete note"))
    named = ["--policies", str(tmp_path / "policies"), "--schemas", str(tmp_path / "schemas")]
    capsys.readouterr()
    assert main(["test", *named]) == 1
    said = capsys.readouterr().out
    assert f'{path}:21:3: "members read, writers edit, authors do both"' in said
    assert "expected allow, got deny (No rule allows it.)" in said
    assert said.endswith("10 passed, 1 failed\n")
    assert main(["test", *named, "--format", "json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [test["passed"] for test in report["tests"]].count(False) == 1


def test_broken_policies_are_findings_not_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.policy").write_text("tenant")
    assert main(["test", "--policies", str(tmp_path)]) == 1
    assert "error[" in capsys.readouterr().err
