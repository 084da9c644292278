"""A condition as two terms: that it certainly holds, and that it possibly does; between them AWS's words leave it open.

What must never be allowed is asked of the possible Allows and the certain Denies, what must be allowed of the certain
Allows and the possible Denies. So an answer that holds, holds in every reading of AWS's documentation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policyengine.analysis import terms


@dataclass(frozen=True, slots=True)
class Reading:
    """SMT-LIB terms; `certain` implies `possible`."""

    certain: str
    possible: str


YES, NO, OPEN = Reading("true", "true"), Reading("false", "false"), Reading("false", "true")


def known(term: str) -> Reading:
    return Reading(term, term)


def all_of(parts: Iterable[Reading]) -> Reading:
    listed = list(parts)
    return Reading(terms.all_of(each.certain for each in listed), terms.all_of(each.possible for each in listed))


def any_of(parts: Iterable[Reading]) -> Reading:
    listed = list(parts)
    return Reading(terms.any_of(each.certain for each in listed), terms.any_of(each.possible for each in listed))


def negated(one: Reading) -> Reading:
    return Reading(terms.negated(one.possible), terms.negated(one.certain))


def agreed(one: Reading, other: Reading) -> Reading:
    """What both readings of AWS's words say; open where they differ."""
    return Reading(terms.all_of([one.certain, other.certain]), terms.any_of([one.possible, other.possible]))


def when(condition: str, then: Reading, otherwise: Reading) -> Reading:
    return Reading(
        _if(condition, then.certain, otherwise.certain),
        _if(condition, then.possible, otherwise.possible),
    )


def _if(condition: str, then: str, otherwise: str) -> str:
    if then == otherwise or condition == "true":
        return then
    if condition == "false":
        return otherwise
    no = terms.negated(condition)
    if then in ("true", "false"):
        return terms.any_of([condition, otherwise]) if then == "true" else terms.all_of([no, otherwise])
    if otherwise in ("true", "false"):
        return terms.all_of([condition, then]) if otherwise == "false" else terms.any_of([no, then])
    return f"(ite {condition} {then} {otherwise})"
