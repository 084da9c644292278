"""SMT-LIB terms as text, each in its smallest form: what is decided already never reaches the solver."""

from __future__ import annotations

from collections.abc import Iterable


def all_of(parts: Iterable[str]) -> str:
    """A conjunction in its smallest form; of nothing it is true."""
    return _junction("and", parts, "true", "false")


def any_of(parts: Iterable[str]) -> str:
    """A disjunction in its smallest form; of nothing it is false."""
    return _junction("or", parts, "false", "true")


def negated(term: str) -> str:
    if term in ("true", "false"):
        return "false" if term == "true" else "true"
    return term[5:-1] if term.startswith("(not ") else f"(not {term})"


def implies(condition: str, then: str) -> str:
    if condition == "true" or then == "true":
        return then
    return f"(=> {condition} {then})"


def _junction(word: str, parts: Iterable[str], neutral: str, decides: str) -> str:
    kept = [part for part in dict.fromkeys(parts) if part != neutral]
    if decides in kept:
        return decides
    return f"({word} {' '.join(kept)})" if len(kept) > 1 else "".join(kept) or neutral


def integer(value: int | None) -> str:
    assert value is not None
    return str(value) if value >= 0 else f"(- {-value})"
