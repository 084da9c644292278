"""The minute that shows what policyengine is for: one source decides, opens keys, and is proved; break it, and see.

Run it with `make demo`. Each step prints the command that does the same by hand, where there is one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from policyengine.analysis.telling import told
from policyengine.cli import main
from policyengine.compiler import compile_folders, program_of
from policyengine.proving import prove_isolation, without_isolation

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]


def run(title: str, *command: str) -> None:
    """One command of the command line, as a person would type it; a failure ends the demo."""
    shown = [word.removeprefix(f"{ROOT}/") for word in command]
    print(f"\n--- {title}\n$ policyengine {' '.join(shown)}", flush=True)
    if code := main([*command, *SOURCE]):
        sys.exit(f"the demo stopped: exit code {code}")


def demo() -> None:
    examples = ROOT / "examples"
    run("check the policies", "check")
    run("run the tests in the policy files", "test")
    with tempfile.TemporaryDirectory() as out:
        run("build the evaluator", "build", "--out", out)
    run(
        "decide requests from a file against data from a file",
        "authorize",
        "--data",
        str(examples / "data.json"),
        str(examples / "requests.jsonl"),
    )
    with tempfile.TemporaryDirectory() as out:
        run("the key, role and bucket policies, from the same source", "build", "aws", "--org", "org_1", "--out", out)
        index = json.loads((Path(out) / "index.json").read_text("utf-8"))
    for sid, entry in index["key-policy-org_1.json"].items():
        print(f"{sid}: {entry['purpose']}")

    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    print("\n--- no request of one organization reaches another's record but by a grant on it")
    verdict = prove_isolation(program)
    print(f"isolation: {verdict.status}")

    print("\n--- the same with the boundary taken out of the core")
    without = without_isolation(program)
    broken = prove_isolation(without)
    print(f"isolation: {broken.status}")
    if verdict.status != "proved" or broken.status != "refuted":
        sys.exit("the demo stopped: the proof did not come out as it must")
    print(told(without, broken.counterexample))
    print(json.dumps(broken.counterexample, indent=2))


if __name__ == "__main__":
    demo()
