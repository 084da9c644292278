"""Ratios: two ways to do the same work, in turns, within one run.

A round times each side once, and who goes first changes with every round; a figure is the median of the rounds'
ratios. So neither the machine nor what else runs on it matters much; absolute times stand beside for orientation only.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

Work = TypeVar("Work")


@dataclass(frozen=True, slots=True)
class Figure:
    """What was compared: the ratio of our time to theirs, the bound it must keep, both times in seconds."""

    what: str
    ratio: float
    bound: float | None = None
    ours: float | None = None
    theirs: float | None = None
    note: str = ""

    @property
    def missed(self) -> bool:
        return self.bound is not None and self.ratio > self.bound


class Disagreement(AssertionError):
    """The two sides answer differently, so that their times say nothing."""


def agree(what: str, ours: object, theirs: object) -> None:
    if ours != theirs:
        raise Disagreement(f"{what}: the two sides give different answers")


def compare(
    what: str,
    ours: Callable[[Work], object],
    theirs: Callable[[Work], object],
    prepare: Callable[[], Work],
    *,
    pieces: int,
    rounds: int,
    bound: float | None = None,
    collecting: bool = False,
    warm: bool = False,
) -> Figure:
    """Time both sides on what `prepare` makes anew for each, untimed; `pieces` is how many answers one call gives.

    The clock is this process's own time on the processor, so that waiting for other processes does not count.
    The garbage collector is off unless `collecting`: what it costs depends on all else that the process holds. Unless
    the sides are `warm` already, there is a round before the first one.
    """
    if not warm:
        ours(prepare())
        theirs(prepare())
    gc.collect()
    gc.freeze()  # so that to tidy up between two times takes no time itself
    spent: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            later = _time(theirs, prepare(), collecting)
            spent.append((_time(ours, prepare(), collecting), later))
        else:
            spent.append((_time(ours, prepare(), collecting), _time(theirs, prepare(), collecting)))
    gc.unfreeze()
    return figure(what, spent, pieces=pieces, bound=bound)


def figure(what: str, spent: list[tuple[float, float]], *, pieces: int = 1, bound: float | None = None) -> Figure:
    """The figure that follows from the rounds: seconds of both sides in each."""
    ratio = median(ours / theirs for ours, theirs in spent)
    ours, theirs = (median(side) / pieces for side in zip(*spent, strict=True))
    return Figure(what, ratio, bound, ours, theirs)


def _time(side: Callable[[Work], object], work: Work, collecting: bool) -> float:
    gc.collect()
    if not collecting:
        gc.disable()
    try:
        start = time.process_time()
        result = side(work)
        spent = time.process_time() - start
    finally:
        gc.enable()
    del result  # only now: taking it apart is not part of the work
    return spent


# ---- Printing


def headline(title: str, theirs: str) -> str:
    return f"\n{title}\n{'':<46} {'ratio':>7} {'bound':>6}        {'ours':>10} {theirs:>10}"


def line(figure: Figure) -> str:
    bound = "" if figure.bound is None else f"{figure.bound:.2f}"
    verdict = "" if figure.bound is None else "MISSED" if figure.missed else "ok"
    times = f"{_spelled(figure.ours):>10} {_spelled(figure.theirs):>10}"
    return f"{figure.what:<46} {figure.ratio:>7.3f} {bound:>6} {verdict:<6} {times}  {figure.note}".rstrip()


def _spelled(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if seconds * factor < 10_000:
            return f"{seconds * factor:,.{0 if seconds * factor >= 100 else 1}f} {unit}"
    return f"{seconds:,.1f} s"
