"""The minute that shows what policyengine is for: one source decides, opens keys, and is proved; break it, and see.

Run it with `make demo`. Each step prints the command that does the same by hand, where there is one.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from policyengine.analysis.documents import Place, check_claims
from policyengine.analysis.documents.every import emitted
from policyengine.analysis.documents.tables import claims as document_claims
from policyengine.analysis.solver import LEADS
from policyengine.analysis.telling import told
from policyengine.analysis.threats import threat_claims
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws.view import read_settings
from policyengine.cli import main
from policyengine.compiler import compile_folders, program_of
from policyengine.ir.nodes import Program
from policyengine.proving import prove_isolation, settling_of, without_isolation

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

    prove_and_break(program_of(compile_folders(ROOT / "policies", ROOT / "schemas")))


# ---- Proved, then broken


def prove_and_break(program: Program) -> None:
    """Isolation is proved; then one line is taken out of each layer, and the layer objects with a request."""
    print("\n--- no request of one organization reaches another's record but by a grant on it, whatever the data")
    verdict = prove_isolation(program)
    print(f"isolation: {verdict.status}; `make prove` asks for the rest")
    if not verdict.held:
        sys.exit("the demo stopped: isolation is not proved")

    print("\n--- one line less, in a copy: every layer objects")
    without = without_isolation(program)
    object_to("resolver", "the boundary that the compiler conjoins", [prove_isolation(without)], without)
    unguarded = replace(program, rules=tuple(rule for rule in program.rules if rule.id != "disabled_tool"))
    object_to("resolver", "the rule `disabled_tool`", threat_claims(settling_of(unguarded)), unguarded)
    texts = emitted(program, ORG)
    for layer, (file, sid, key) in DOCUMENT_LINES.items():
        line = f"`{key}` of {sid} in {file}" if key else f"the statement {sid} of {file}"
        object_to(layer, line, broken_document(program, file, without_line(texts[file], sid, key)), program)


ORG = "org_1"
DOCUMENT_LINES = {
    "iam": ("tenant-permissions.json", "Rows", "ForAllValues:StringLike"),
    "kms": (f"key-policy-{ORG}.json", "DenyWrongOrMissingTag", ""),
    "s3": ("bucket-policy.json", "DenyObjectsToOthers", ""),
}
"""What is taken out of a document of each layer: a condition of a statement, or all of it."""


def without_line(text: str, sid: str, key: str) -> str:
    document = json.loads(text)
    statement = next(each for each in document["Statement"] if each["Sid"] == sid)
    if key:
        del statement["Condition"][key]
    else:
        document["Statement"].remove(statement)
    return json.dumps(document)


def broken_document(program: Program, file: str, text: str) -> Iterator[Verdict]:
    """The verdicts on all that is claimed of that document, by the first solver alone."""
    aws = read_settings(program)
    place = Place(aws.one("account"), tenant=ORG, solvers=(LEADS,))
    for subject, claims in document_claims(aws, ORG):
        if subject.file == file:
            yield from (verdict for _, verdict in check_claims(subject, claims, text, place))


def object_to(layer: str, line: str, verdicts: Iterable[Verdict], program: Program) -> None:
    """One line: what was taken out, and the first request by which the layer objects."""
    refuted = next((verdict for verdict in verdicts if verdict.status == "refuted"), None)
    if refuted is None:
        sys.exit(f"the demo stopped: {layer} did not object to the loss of {line}")
    found = refuted.counterexample
    print(f"{layer}, without {line}:\n  {found['line'] if 'line' in found else told(program, found)}", flush=True)


if __name__ == "__main__":
    demo()
