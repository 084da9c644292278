"""Texts of a document as SMT-LIB string terms: literals, wildcards, and the symbols that stand in them.

A text is a row of pieces: characters, the two wildcards, and symbols (the tenant, the value of a variable). Equality
and prefixes are asked as such, for solvers are quick at them; other patterns become regular expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.terms import all_of
from policyengine.iam.matching import Wild, pattern


@dataclass(frozen=True, slots=True)
class Symbol:
    """A string of the request, or the tenant, in the middle of a text."""

    term: str


Piece = str | Wild | Symbol
"""A run of characters, a wildcard, a symbol."""

Text = tuple[Piece, ...]
ANY, SOME = Wild.MANY, Wild.ONE


def literal(text: str) -> str:
    """A string literal of SMT-LIB 2.6: printable ASCII as it is, all else by its number."""
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\u{{{ord(c):x}}}" for c in text)
    return f'"{"".join(plain)}"'


def from_literal(term: str) -> str:
    """The text of a string literal, as solvers write it."""
    inner, made, at = term[1:-1].replace('""', '"'), "", 0
    while at < len(inner):
        if inner.startswith("\\u{", at):
            end = inner.index("}", at)
            made, at = made + chr(int(inner[at + 3 : end], 16)), end + 1
        elif inner.startswith("\\u", at):
            made, at = made + chr(int(inner[at + 2 : at + 6], 16)), at + 6
        else:
            made, at = made + inner[at], at + 1
    return made


def with_wildcards(text: str) -> Text:
    """The pieces of a text in which `*` and `?` are wildcards."""
    runs = groupby(pattern(text), key=lambda token: isinstance(token, Wild))
    pieces: list[Piece] = []
    for wild, run in runs:
        pieces += run if wild else ["".join(map(str, run))]
    return tuple(pieces)


def joined(text: Text) -> str:
    """The string term of pieces without wildcards."""
    parts = [literal(piece) if isinstance(piece, str) else piece.term for piece in text if not isinstance(piece, Wild)]
    return f"(str.++ {' '.join(parts)})" if len(parts) > 1 else "".join(parts) or literal("")


def equals(text: Text, term: str) -> str:
    wanted = joined(text)
    if term.startswith('"') and wanted.startswith('"'):
        return "true" if term == wanted else "false"
    return f"(= {term} {wanted})"


def like(text: Text, term: str, *, within: str = "re.allchar", where: str = "") -> str:
    """Whether the whole string matches; `within` is what a wildcard stands for, one character of it.

    Raises Unsupported for a symbol beside wildcards in any other way than before or after them all.
    """
    wild = [isinstance(piece, Wild) for piece in text]
    if not any(wild):
        return equals(text, term)
    if any(isinstance(piece, Symbol) for piece in text):
        return _like_symbol(text, term, wild, where)
    if within == "re.allchar" and text[-1] is ANY and sum(wild) == 1:
        return "true" if len(text) == 1 else f"(str.prefixof {joined(text[:-1])} {term})"
    if within == "re.allchar" and wild == [True, False, True] and text[0] is text[2] is ANY:
        return f"(str.contains {term} {joined(text[1:2])})"
    return f"(str.in_re {term} {regex(text, within)})"


def _like_symbol(text: Text, term: str, wild: list[bool], where: str) -> str:
    """`symbol?*`: a prefix, and what follows is long enough."""
    first = wild.index(True)
    rest = text[first:]
    if not all(wild[first:]) or ANY not in rest:
        raise Unsupported("a variable between wildcards", where)
    prefix, more = joined(text[:first]), sum(piece is SOME for piece in rest)
    longer = f"(>= (str.len {term}) (+ (str.len {prefix}) {more}))" if more else "true"
    return all_of([f"(str.prefixof {prefix} {term})", longer])


def regex(text: Text, within: str = "re.allchar") -> str:
    parts = [*_regexes(text, within)]
    return f"(re.++ {' '.join(parts)})" if len(parts) > 1 else "".join(parts) or f"(str.to_re {literal('')})"


def _regexes(text: Text, within: str) -> Iterator[str]:
    for piece in text:
        if piece is ANY:
            yield f"(re.* {within})" if within != "re.allchar" else "re.all"
        elif piece is SOME:
            yield within
        else:
            assert isinstance(piece, str)
            yield f"(str.to_re {literal(piece)})"


def one_of(characters: str) -> str:
    """A regular expression: one of these characters, or of these ranges such as `a-z`, separated by blanks."""
    parts = []
    for each in characters.split():
        parts.append(f'(re.range "{each[0]}" "{each[2]}")' if len(each) == 3 else f"(str.to_re {literal(each)})")
    return f"(re.union {' '.join(parts)})" if len(parts) > 1 else parts[0]


def any_case(text: str) -> str:
    """A regular expression: the text, whatever the case of its ASCII letters."""
    parts = []
    for letters, run in groupby(text, key=lambda c: c.isascii() and c.isalpha()):
        if letters:
            parts += [f"(re.union (str.to_re {literal(c.lower())}) (str.to_re {literal(c.upper())}))" for c in run]
        else:
            parts.append(f"(str.to_re {literal(''.join(run))})")
    return f"(re.++ {' '.join(parts)})" if len(parts) > 1 else "".join(parts) or f"(str.to_re {literal('')})"
