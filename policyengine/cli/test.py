"""`policyengine test`: the `test` blocks of a policy set, run (docs/language.md, Declarations)."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from policyengine.cli import policies
from policyengine.testing import Coverage, Outcome, coverage, run_cases

SUMMARY = "run the tests in the policy files"
DESCRIPTION = (
    "Runs every `test` block through the reference interpreter and the generated code, "
    "and names the rules that no test sees decide, or not decide. "
    "Exit code: 0 all as expected, 1 a test failed or the policies have errors, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="how outcomes are written (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    compiled = policies.compile_named(arguments)
    program = policies.program_or_findings(compiled)
    if program is None:
        return 1
    outcomes = run_cases(program, compiled.cases)
    failed = [outcome for outcome in outcomes if outcome.problems]
    seen = coverage(program, outcomes)
    if arguments.format == "json":
        print(json.dumps(_as_json(outcomes, seen), indent=2))
    else:
        print("\n".join([*(line for outcome in failed for line in _failure(outcome)), *_coverage(seen)]), end="")
        print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _failure(outcome: Outcome) -> Iterator[str]:
    yield f'{outcome.case.span}: "{outcome.case.title}"'
    yield from (f"  {problem}" for problem in outcome.problems)
    yield from (f"    {fact}" for fact in outcome.facts)
    yield ""


def _coverage(seen: Coverage) -> Iterator[str]:
    for ids, what in ((seen.never_decides, "decide"), (seen.always_decides, "not decide")):
        yield from (f"no test sees {id} {what}" for id in ids)
    if seen.never_decides or seen.always_decides:
        yield ""


def _as_json(outcomes: tuple[Outcome, ...], seen: Coverage) -> dict[str, object]:
    return {
        "tests": [
            {
                "place": str(outcome.case.span),
                "title": outcome.case.title,
                "passed": not outcome.problems,
                "problems": outcome.problems,
                "facts": outcome.facts,
                "decision": outcome.decision,
            }
            for outcome in outcomes
        ],
        "neverDecides": seen.never_decides,
        "alwaysDecides": seen.always_decides,
    }
