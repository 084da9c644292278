"""One solver in a process of its own: a question as JSON on standard input, what the solver said as JSON on output.

Run as a script, by `solver.py` alone, and imports nothing of ours. In: `{"solver", "text", "wanted", "questions",
"limit"}`, where each question is `{"assert": [term], "wanted": [term]}`, asked after the text and apart from the other
questions. Out: `{"version", "outputs", "values", "answers"}`: what the commands of the text printed, the values of
`wanted` if the last of them said `sat`, and for each question `{"status", "values", "core", "seconds"}`.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


class Cvc5:
    """cvc5 by its parser: an InputParser for each piece of text, since one takes a second piece badly."""

    def __init__(self, limit: int) -> None:
        import cvc5

        self.cvc5, self.version = cvc5, str(cvc5.__version__)
        manager = cvc5.TermManager()
        self.solver = cvc5.Solver(manager)
        self.symbols = cvc5.SymbolManager(manager)
        for option, value in (("incremental", "true"), ("produce-unsat-cores", "true"), ("rlimit-per", str(limit))):
            self.solver.setOption(option, value)

    def _parser(self, text: str) -> Any:
        made = self.cvc5.InputParser(self.solver, self.symbols)
        made.setStringInput(self.cvc5.InputLanguage.SMT_LIB_2_6, text, "question")
        return made

    def run(self, text: str) -> list[str]:
        outputs, commands = [], self._parser(text)
        while not (command := commands.nextCommand()).isNull():
            if output := command.invoke(self.solver, self.symbols).strip():
                outputs.append(output)
        return outputs

    def values(self, wanted: list[str]) -> dict[str, str]:
        read = self._parser(" ".join(wanted))
        return {term: str(self.solver.getValue(read.nextTerm())) for term in wanted}


class Z3:
    """z3 by its text interface: it says sat or unsat, and no more is asked of a second opinion."""

    def __init__(self, limit: int) -> None:
        import z3

        self.z3, self.version = z3, str(z3.get_version_string())
        self.context = z3.Context()
        self.run(f"(set-option :rlimit {limit})")

    def run(self, text: str) -> list[str]:
        printed: str = self.z3.Z3_eval_smtlib2_string(self.context.ref(), text)
        return [line for line in printed.split("\n") if line.strip()]

    def values(self, wanted: list[str]) -> dict[str, str]:
        return {}


SOLVERS: dict[str, type[Cvc5] | type[Z3]] = {"cvc5": Cvc5, "z3": Z3}


def answer(solver: Cvc5 | Z3, question: dict[str, Any]) -> dict[str, Any]:
    """One question, on top of the text; nothing of it stays."""
    began = time.perf_counter()
    asserted = "".join(f"(assert {term})\n" for term in question["assert"])
    said = solver.run(f"(push 1)\n{asserted}(check-sat)\n")
    status = said[0].split()[0] if len(said) == 1 else "unknown"  # "unknown (RESOURCEOUT)"; or an error came first
    values = solver.values(question["wanted"]) if status == "sat" else {}
    core = solver.run("(get-unsat-core)") if status == "unsat" and isinstance(solver, Cvc5) else []
    solver.run("(pop 1)\n")
    seconds = time.perf_counter() - began
    return {"status": status, "values": values, "core": "".join(core), "seconds": seconds}


def main() -> None:
    asked = json.load(sys.stdin)
    solver = SOLVERS[asked["solver"]](asked["limit"])
    outputs = solver.run(asked["text"])
    values = solver.values(asked["wanted"]) if outputs and outputs[-1] == "sat" else {}
    answers = [answer(solver, question) for question in asked["questions"]]
    json.dump({"version": solver.version, "outputs": outputs, "values": values, "answers": answers}, sys.stdout)


if __name__ == "__main__":
    main()
