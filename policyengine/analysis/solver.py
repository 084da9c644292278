"""The one door to the solvers: SMT-LIB text in, statuses and values out; whatever is unexpected is `unknown`.

cvc5 answers, z3 is the second opinion. Each runs in a process of its own (`solver_process.py`), with a limit that
counts the same on every machine and a hard stop besides: no input can hang or kill the caller. Where one says sat and
the other unsat, nothing is known, and the answer says so loudly.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from policyengine.analysis.verdict import Opinion

Status = Literal["sat", "unsat", "unknown"]

LIMIT = 5_000_000
"""Steps that a solver may take for each question: some seconds. The same question stops at the same step."""

SECOND_LIMIT = 300_000
"""The same for the second opinion: it is welcome and may be silent, so it never costs much more than the answer."""

SECONDS = 120.0
"""When the processes are stopped in any case."""

LEADS, SECOND = "cvc5", "z3"
SOLVERS = (LEADS, SECOND)


class SolverMissing(Exception):
    """There is no solver to ask; the text says how to install it."""

    def __init__(self, name: str = LEADS) -> None:
        super().__init__(f"proofs need the solver {name}: pip install policyengine-authz[prove]")


@dataclass(frozen=True, slots=True)
class Question:
    """Terms asserted together on top of a text. If they hold together, the values of the wanted terms are told."""

    asserts: tuple[str, ...]
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the solvers say of one question. `core` has the names of the assertions on which `unsat` rests.

    Of `solve`, `statuses` holds each `(check-sat)` and `status` the last. `contradiction` is true where the solvers
    contradict each other; the status is `unknown` then.
    """

    status: Status = "unknown"
    values: dict[str, str] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()
    core: tuple[str, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    contradiction: bool = False


def ask(
    text: str,
    questions: Sequence[Question],
    *,
    limit: int = LIMIT,
    seconds: float = SECONDS,
    solvers: Sequence[str] = SOLVERS,
) -> list[Answer]:
    """Each question apart from the others, put to each of the solvers. Raises SolverMissing."""
    asked = [{"assert": q.asserts, "wanted": q.wanted} for q in questions]
    heard = _run({"text": text, "wanted": [], "questions": asked, "limit": limit}, solvers, seconds)
    answers = []
    for index in range(len(questions)):
        parts = {name: _part(said, index) for name, said in heard.items()}
        opinions = tuple(
            Opinion(name, heard[name].get("version", ""), str(part["status"]), float(part["seconds"]))
            for name, part in parts.items()
        )
        lead = parts[solvers[0]]
        status, contradiction = _agreed([_status(part["status"]) for part in parts.values()])
        values = lead["values"] if status == "sat" else {}
        core = tuple(re.findall(r"\|([^|]*)\|", lead["core"])) if status == "unsat" else ()
        answers.append(Answer(status, values, (status,), core, opinions, contradiction))
    return answers


def solve(
    text: str,
    wanted_terms: Iterable[str] = (),
    *,
    limit: int = LIMIT,
    seconds: float = SECONDS,
    solvers: Sequence[str] = SOLVERS,
) -> Answer:
    """A whole text with its own `(check-sat)` commands, put to each of the solvers. Raises SolverMissing."""
    began = time.perf_counter()
    asked = {"text": text, "wanted": list(wanted_terms), "questions": [], "limit": limit}
    heard = _run(asked, solvers, seconds)
    took = time.perf_counter() - began
    statuses = {name: [_status(line) for line in said.get("outputs", ())] for name, said in heard.items()}
    opinions = tuple(
        Opinion(name, said.get("version", ""), (statuses[name] or ["unknown"])[-1], took)
        for name, said in heard.items()
    )
    lead = statuses[solvers[0]]
    if not lead or any(status == "unreadable" for status in lead):
        return Answer(opinions=opinions)
    others = [found if len(found) == len(lead) else ["unknown"] * len(lead) for found in statuses.values()]
    merged = [_agreed(list(column)) for column in zip(*others, strict=True)]
    found = tuple(status for status, _ in merged)
    contradiction = any(bad for _, bad in merged)
    values = heard[solvers[0]].get("values", {}) if found[-1] == "sat" else {}
    return Answer(found[-1], values, found, (), opinions, contradiction)


def _agreed(statuses: list[str]) -> tuple[Status, bool]:
    """The first solver's word, unless it is none or another contradicts it."""
    said = set(statuses) & {"sat", "unsat"}
    first = statuses[0]
    if len(said) > 1:
        return "unknown", True
    return ("sat" if first == "sat" else "unsat" if first == "unsat" else "unknown"), False


def _status(word: Any) -> str:
    first = str(word).split()[0] if str(word).split() else ""
    return first if first in ("sat", "unsat", "unknown") else "unreadable"


def _part(said: dict[str, Any], index: int) -> dict[str, Any]:
    if any(_status(line) == "unreadable" for line in said.get("outputs", ["?"])) or index >= len(said["answers"]):
        return {"status": "unknown", "values": {}, "core": "", "seconds": 0.0}
    found: dict[str, Any] = said["answers"][index]
    return found


def _run(asked: dict[str, Any], solvers: Sequence[str], seconds: float) -> dict[str, dict[str, Any]]:
    """What each solver's process wrote; nothing where it failed, or was stopped. They run side by side."""
    for name in solvers:
        if find_spec(name) is None:
            raise SolverMissing(name)
    with ThreadPoolExecutor(len(solvers)) as pool:
        heard = pool.map(lambda name: _heard({**asked, **_own(name, asked["limit"])}, seconds), solvers)
        return dict(zip(solvers, heard, strict=True))


def _own(name: str, limit: int) -> dict[str, Any]:
    return {"solver": name, "limit": limit if name == LEADS else min(limit, SECOND_LIMIT)}


def _heard(asked: dict[str, Any], seconds: float) -> dict[str, Any]:
    command = [sys.executable, "-P", str(Path(__file__).with_name("solver_process.py"))]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=seconds, check=True
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said
    except (subprocess.SubprocessError, OSError, ValueError):
        return {}
