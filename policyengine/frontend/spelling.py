"""The name that was probably meant: "did you mean". The time for a guess does not grow with the number of names.

Names that differ by at most two letters agree once up to two letters of each are left out; so an index of such
remainders, made once for each set of names, finds all that come near. Of many names, only one letter is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

_LIKE = 0.6
"""How much of two names must agree, from 0 to 1."""
_MANY = 300
_LONGEST = 60
"""A name with more letters than this is not compared."""
_MOST = 8
"""How many names one remainder stands for, at most."""


def nearest(name: str, among: Iterable[str]) -> str:
    """The one of the names that comes nearest, or an empty string."""
    return _nearest(name, frozenset(among)) if len(name) <= _LONGEST else ""


def did_you_mean(name: str, among: Iterable[str]) -> str:
    """A help text with the nearest of the names, or nothing."""
    near = nearest(name, among)
    return f"did you mean `{near}`?" if near else ""


@lru_cache(maxsize=1000)
def _nearest(name: str, among: frozenset[str]) -> str:
    index = _index(among)
    found = {near for remainder in _remainders(name, len(among)) for near in index.get(remainder, ())}
    likeness = {near: SequenceMatcher(None, name.lower(), near.lower()).ratio() for near in found}
    best = max(sorted(found), key=lambda near: likeness[near], default="")
    return best if best and best != name and likeness[best] >= _LIKE else ""


@lru_cache(maxsize=64)
def _index(names: frozenset[str]) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for name in sorted(name for name in names if len(name) <= _LONGEST):
        for remainder in _remainders(name, len(names)):
            near = index.setdefault(remainder, [])
            if len(near) < _MOST:
                near.append(name)
    return index


def _remainders(name: str, among: int) -> set[str]:
    """The name in lower case, and what is left of it without one letter; of a longer one also without two."""
    whole = name.lower()
    ones = _without_one(whole)
    twos = {two for one in ones for two in _without_one(one)} if len(whole) > 4 and among <= _MANY else set()
    return {whole} | ones | twos


def _without_one(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}
