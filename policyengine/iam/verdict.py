"""Whether something holds, where AWS's words may leave it open and where it may lie outside what is modelled."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(Enum):
    """OPEN: AWS's documentation leaves the answer open. UNMODELLED: a construct that this package does not evaluate."""

    YES = "yes"
    NO = "no"
    OPEN = "open"
    UNMODELLED = "unmodelled"


YES, NO, OPEN, UNMODELLED = Verdict.YES, Verdict.NO, Verdict.OPEN, Verdict.UNMODELLED


def of(holds: bool) -> Verdict:
    return YES if holds else NO


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """A certain "no" settles it, whatever else is unknown."""
    return _first((NO, UNMODELLED, OPEN), verdicts, YES)


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    return _first((YES, UNMODELLED, OPEN), verdicts, NO)


def negated(verdict: Verdict) -> Verdict:
    return {YES: NO, NO: YES}.get(verdict, verdict)


def agreed(readings: Iterable[Verdict]) -> Verdict:
    """What every reading of AWS's words says; OPEN where they differ."""
    found = set(readings)
    return found.pop() if len(found) == 1 else UNMODELLED if UNMODELLED in found else OPEN


def _first(order: tuple[Verdict, ...], verdicts: Iterable[Verdict], otherwise: Verdict) -> Verdict:
    found = set(verdicts)
    return next((verdict for verdict in order if verdict in found), otherwise)
