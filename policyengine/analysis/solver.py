"""The one door to the solver: SMT-LIB text in, statuses and values out; whatever is unexpected is `unknown`.

cvc5 runs in a process of its own (this file, run as a script), with a limit that counts the same on every machine and
a hard stop besides: no input can hang or kill the caller.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

Status = Literal["sat", "unsat", "unknown"]

LIMIT = 5_000_000
"""Steps that cvc5 may take for each question: some tens of seconds. The same question stops at the same step."""

SECONDS = 120.0
"""When the process is stopped in any case."""


class SolverMissing(Exception):
    """There is no solver to ask; the text says how to install it."""

    def __init__(self) -> None:
        super().__init__("proofs need the solver cvc5: pip install policyengine-authz[prove]")


@dataclass(frozen=True, slots=True)
class Answer:
    """`statuses` holds each `(check-sat)`, `status` the last; `values` has the wanted terms if that one is `sat`."""

    status: Status = "unknown"
    values: dict[str, str] = field(default_factory=dict)
    statuses: tuple[Status, ...] = ()


def solve(text: str, wanted_terms: Iterable[str] = (), *, limit: int = LIMIT, seconds: float = SECONDS) -> Answer:
    """Asks the solver. Raises SolverMissing where it is not installed."""
    if find_spec("cvc5") is None:
        raise SolverMissing
    question = json.dumps({"text": text, "wanted": list(wanted_terms), "limit": limit})
    command = [sys.executable, "-P", __file__]
    try:
        done = subprocess.run(command, input=question, capture_output=True, text=True, timeout=seconds, check=True)
        return _answer(json.loads(done.stdout))
    except (subprocess.SubprocessError, OSError, ValueError):
        return Answer()


def _answer(said: Any) -> Answer:
    outputs, values = said["outputs"], said["values"]
    statuses: list[Status] = []
    for output in outputs:
        word = output.split()[0]  # "unknown (RESOURCEOUT)"
        if word not in ("sat", "unsat", "unknown"):
            return Answer()
        statuses.append(word)
    return Answer(statuses[-1], values, tuple(statuses)) if statuses else Answer()


def _main() -> None:
    """Reads a question as JSON, writes what the solver printed and the values, as JSON."""
    question = json.load(sys.stdin)
    import cvc5

    terms = cvc5.TermManager()
    solver = cvc5.Solver(terms)
    symbols = cvc5.SymbolManager(terms)
    solver.setOption("incremental", "true")
    solver.setOption("rlimit-per", str(question["limit"]))

    def parser(text: str) -> Any:  # one for each piece of text: a parser takes a second piece badly
        made = cvc5.InputParser(solver, symbols)
        made.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
        return made

    outputs = []
    commands = parser(question["text"])
    while not (command := commands.nextCommand()).isNull():
        if output := command.invoke(solver, symbols).strip():
            outputs.append(output)
    values = {}
    if outputs and outputs[-1] == "sat":
        read = parser(" ".join(question["wanted"]))
        values = {term: str(solver.getValue(read.nextTerm())) for term in question["wanted"]}
    json.dump({"outputs": outputs, "values": values}, sys.stdout)


if __name__ == "__main__":
    _main()
