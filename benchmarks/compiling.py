"""Compilation: text to a loaded evaluator against the parser generator alone on the same text, and how it grows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

from lark import Lark

from benchmarks.measuring import Figure, compare
from benchmarks.workloads import ROOT, one_cell_text, policy_text
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.frontend.parser import grammar
from policyengine.source import Source

ROUNDS = {10: 21, 100: 15, 1000: 7, 10_000: 3}
BOUND = 5.0


def compilations() -> Iterator[Figure]:
    """A policy set of 10 to 10,000 rules: types grow with the rules, 25 rules a type."""
    compile_text(policy_text(100))
    per_rule: dict[int, float] = {}
    for rules, rounds in ROUNDS.items():
        text = policy_text(rules)
        bound = BOUND if rules == max(ROUNDS) else None
        found = _compare(f"{rules:,} rules, {len(text) // 1024:,} kB", text, rounds, bound)
        per_rule[rules] = (found.ours or 0) / rules
        yield replace(found, note=_memory(rules, len(text)) if rules >= 1000 else "")
    yield _compare("the same, with the garbage collector on", text, 1, collecting=True)
    yield _compare("4,000 rules on one action of one type", one_cell_text(4000), 1)
    small, large = per_rule[100], per_rule[10_000]
    yield Figure("time per rule: of 10,000, against of 100", large / small, None, large, small)


@cache
def _lark() -> Lark:
    """The parser generator by itself, which makes trees of its own."""
    return Lark(grammar(), parser="lalr", maybe_placeholders=True)


def _compare(what: str, text: str, rounds: int, bound: float | None = None, collecting: bool = False) -> Figure:
    return compare(
        what,
        compile_text,
        _lark().parse,
        lambda: text,
        pieces=1,
        rounds=rounds,
        bound=bound,
        collecting=collecting,
        warm=True,
    )


def compile_text(text: str) -> Engine:
    return Engine(program_of(compile_sources([Source("bench.policy", text)])))


# ---- Memory, at its peak, in a process of its own


def _memory(rules: int, size: int) -> str:
    command = f"from benchmarks.compiling import peak; print(peak({rules}))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True, capture_output=True, text=True)
    grown = int(done.stdout)
    return f"peak +{grown / 2**20:.0f} MB, {grown / size:.0f} times the text" if grown else ""


def peak(rules: int) -> int:
    """By how many bytes the process has grown at most while it compiled; 0 where the system does not say."""
    compile_text(policy_text(1))
    text = policy_text(rules)
    before = _high_water()
    engine = compile_text(text)
    after = _high_water()
    del engine
    return after - before


def _high_water() -> int:
    """Linux's own count for this program; what the resource module tells includes the process that started it."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)
