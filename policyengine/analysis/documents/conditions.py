"""Conditions of a statement as readings: the encoder's own table of operators.

It follows the page that `policyengine.iam.conditions` follows (IAM User Guide, "Condition operators" and "Single-valued
vs. multivalued context keys") and shares no rule with it: the two are compared on random requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from policyengine.analysis import terms
from policyengine.analysis.documents import readings, texts
from policyengine.analysis.documents.readings import NO, OPEN, Reading, known
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.symbols import LISTS, NOT_COLON, TAG, TENANT, Sort, Symbols, Value
from policyengine.analysis.documents.texts import Symbol, Text
from policyengine.iam.document import Condition
from policyengine.iam.matching import Wild, fold

Compare = Callable[[Text, str, str], Reading]
"""The policy's text, the request's value as a term, and the place of the condition."""


@dataclass(frozen=True, slots=True)
class Operator:
    sort: Sort
    compare: Compare
    wildcards: bool = False


# ---- Comparisons


def _equal(text: Text, term: str, where: str) -> Reading:
    return known(texts.equals(text, term))


def _equal_ignoring_case(text: Text, term: str, where: str) -> Reading:
    """Which letters beyond ASCII are one letter in two cases, AWS does not say."""
    if any(not isinstance(piece, str) or not piece.isascii() for piece in text):
        raise Unsupported("a variable, or a letter beyond ASCII, without case", where)
    same = f"(str.in_re {term} {texts.any_case(''.join(map(str, text)))})"
    ascii_only = f'(str.in_re {term} (re.* (re.range "\\u{{0}}" "\\u{{7f}}")))'
    return Reading(same, terms.any_of([same, terms.negated(ascii_only)]))


def _like(text: Text, term: str, where: str) -> Reading:
    return known(texts.like(text, term, where=where))


def _like_arn(text: Text, term: str, where: str) -> Reading:
    """Each of six parts by itself: a wildcard stays within the first five."""
    parts = arn_parts(text)
    if parts is None:
        raise Unsupported("an ARN of less than six parts", where)
    return known(like_parts(parts, term, where))


def _boolean(text: Text, term: str, where: str) -> Reading:
    word = fold(_plain(text, where))
    if word not in ("true", "false"):
        raise Unsupported("a Boolean that is neither true nor false", where)
    return known(term if word == "true" else terms.negated(term))


def _number(relation: str) -> Compare:
    def compare(text: Text, term: str, where: str) -> Reading:
        word = _plain(text, where)
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", word):
            raise Unsupported("a number that is not whole", where)
        return known(f"({relation} {term} {terms.integer(int(word))})")

    return compare


def _time(relation: str) -> Compare:
    def compare(text: Text, term: str, where: str) -> Reading:
        word = _plain(text, where)
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", word):
            raise Unsupported("a time that is not written as 2026-06-01T00:00:00Z", where)
        try:
            seconds = int(datetime.fromisoformat(word).timestamp())
        except ValueError:
            raise Unsupported("a time that is none", where) from None
        return known(f"({relation} {term} {terms.integer(seconds)})")

    return compare


def _plain(text: Text, where: str) -> str:
    if not all(isinstance(piece, str) for piece in text):
        raise Unsupported("a variable where no text is compared", where)
    return "".join(map(str, text))


# ---- The table

_RELATIONS = {"Equals": "=", "LessThan": "<", "LessThanEquals": "<=", "GreaterThan": ">", "GreaterThanEquals": ">="}

OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator("String", _equal),
    "StringEqualsIgnoreCase": Operator("String", _equal_ignoring_case),
    "StringLike": Operator("String", _like, wildcards=True),
    "ArnEquals": Operator("String", _like_arn, wildcards=True),
    "ArnLike": Operator("String", _like_arn, wildcards=True),
    "Bool": Operator("Bool", _boolean),
    **{f"Numeric{name}": Operator("Int", _number(relation)) for name, relation in _RELATIONS.items()},
    **{f"Date{name}": Operator("Time", _time(relation)) for name, relation in _RELATIONS.items()},
}
"""The positive ones. The negated have `Not` after the family: StringNotLike, DateNotEquals."""

NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


# ---- One condition


def encode(condition: Condition, symbols: Symbols, tenant: str, *, variables: bool) -> Reading:
    """Whether one key satisfies its operator. `tenant` is the literal that stands for the symbolic tenant."""
    where, key = condition.path, fold(condition.key)
    if condition.operator == "Null":
        return _null(condition, symbols)
    found = re.fullmatch(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?", condition.operator)
    if found is None:
        raise Unsupported("an operator that is not known", where)
    qualifier, base, if_exists = found[1] or "", found[2], found[3] is not None
    operator = OPERATORS.get(NEGATED.get(base, base))
    if operator is None:
        raise Unsupported(f"the operator {base}", where)
    if not condition.values:
        raise Unsupported("a condition that compares with nothing", where)
    test = _Test(condition, operator, base in NEGATED, qualifier, if_exists, symbols, tenant, variables)
    if key in LISTS:
        if not qualifier:
            raise Unsupported("a key of several values without a set operator", where)
        return test.of_list(symbols.values(key))
    value = symbols.value(key, operator.sort, where)
    reading = test.of_one(value)
    again = symbols.again(key)
    if again is None:
        return reading
    other = test.of_one(Value(value.present, again.term))
    return readings.when(again.present, readings.agreed(reading, other), reading)


def _null(condition: Condition, symbols: Symbols) -> Reading:
    """Whether the key is missing. Whether an empty value is one, is open."""
    words = {fold(value) for value in condition.values}
    if len(words) != 1 or not words <= {"true", "false"}:
        raise Unsupported("Null with other than one of true and false", condition.path)
    key = fold(condition.key)
    present = known(symbols.presence(key, condition.path))
    if key not in LISTS and symbols.sort(key) == "String":
        value = symbols.value(key, "String", condition.path)
        present = readings.all_of([present, Reading(terms.negated(f'(= {value.term} "")'), "true")])
    return readings.negated(present) if words == {"true"} else present


@dataclass(frozen=True, slots=True)
class _Test:
    condition: Condition
    operator: Operator
    negated: bool
    qualifier: str
    if_exists: bool
    symbols: Symbols
    tenant: str
    variables: bool

    def of_one(self, value: Value) -> Reading:
        """Of a key with one value, whether it has it or not."""
        full = terms.negated(f'(= {value.term} "")') if self.operator.sort == "String" else "true"
        there = self._values([Value(full, value.term)]) if self.qualifier else self._passes(value.term)
        return self._voided(readings.when(value.present, there, self._missing()), value.present)

    def of_list(self, values: list[Value]) -> Reading:
        present = terms.any_of(value.present for value in values)
        return self._voided(readings.when(present, self._values(values), self._missing()), present)

    def _missing(self) -> Reading:
        if self.qualifier == "ForAnyValue":
            return OPEN if self.if_exists else NO
        return known("true" if self.if_exists or self.qualifier or self.negated else "false")

    def _values(self, values: list[Value]) -> Reading:
        """An empty string is "an empty data set"; lists hold none."""
        each = [(value.present, self._passes(value.term)) for value in values]
        if self.qualifier == "ForAllValues":
            return readings.all_of(readings.any_of([known(terms.negated(there)), passes]) for there, passes in each)
        return readings.any_of(readings.all_of([known(there), passes]) for there, passes in each)

    def _passes(self, term: str) -> Reading:
        matched = readings.any_of([self._matches(text, term) for text in self.condition.values])
        return readings.negated(matched) if self.negated else matched

    def _matches(self, wanted: str, term: str) -> Reading:
        """A variable without a value equals nothing; one with an empty value may be without a value."""
        text, filled = self._text(wanted)
        matched = self.operator.compare(text, term, self.condition.path)
        has = terms.all_of(value.present for value in filled)
        return readings.all_of([Reading(_certainly(filled), has), matched])

    def _voided(self, reading: Reading, present: str) -> Reading:
        """For lack of a value a variable may void its statement."""
        filled = [value for wanted in self.condition.values for value in self._text(wanted)[1]]
        certain = _certainly(filled)
        if self.if_exists:
            certain = terms.any_of([certain, terms.negated(present)])
        return Reading(terms.all_of([certain, reading.certain]), reading.possible)

    def _text(self, wanted: str) -> tuple[Text, list[Value]]:
        if not self.operator.wildcards and self.qualifier and self.variables and "${" in wanted:
            raise Unsupported("a variable under a set operator without wildcards", self.condition.path)
        return read_text(
            wanted,
            self.symbols,
            self.tenant,
            wildcards=self.operator.wildcards,
            variables=self.variables,
            where=self.condition.path,
        )


def _certainly(filled: list[Value]) -> str:
    return terms.all_of(
        terms.all_of([value.present, terms.negated(f'(= {value.term} "")')]) for value in dict.fromkeys(filled)
    )


# ---- Texts

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def read_text(
    wanted: str, symbols: Symbols, tenant: str, *, wildcards: bool, variables: bool, where: str
) -> tuple[Text, list[Value]]:
    """The pieces of a document's text, and the values of the variables in it."""
    pieces: list[texts.Piece] = []
    filled: list[Value] = []
    end = 0
    for found in (*(_VARIABLE.finditer(wanted) if variables else ()), None):
        plain = wanted[end : found.start() if found else len(wanted)]
        if variables and "${" in plain:
            raise Unsupported("a malformed variable", where)
        pieces += _with_tenant(plain, tenant, wildcards)
        if found:
            end = found.end()
            piece, value = _variable(found[1], symbols, where)
            pieces.append(piece)
            filled += [value] if value else []
    return tuple(pieces), filled


def _with_tenant(text: str, tenant: str, wildcards: bool) -> list[texts.Piece]:
    pieces: list[texts.Piece] = []
    for at, part in enumerate(text.split(tenant) if tenant else [text]):
        pieces += [Symbol(TENANT)] if at else []
        pieces += texts.with_wildcards(part) if wildcards else [part] if part else []
    return pieces


def _variable(inside: str, symbols: Symbols, where: str) -> tuple[texts.Piece, Value | None]:
    """Only tags of the principal: their values hold no wildcards, and they hold one value."""
    if inside in ("*", "?", "$"):
        return inside, None
    if "," in inside:
        raise Unsupported("a variable with a default", where)
    if not fold(inside).startswith(TAG):
        raise Unsupported("a variable other than a tag of the principal", where)
    value = symbols.value(inside, "String", where)
    return Symbol(value.term), value


# ---- ARNs


def arn_parts(text: Text) -> list[Text] | None:
    """The six parts of an ARN; None where there are fewer."""
    parts: list[list[texts.Piece]] = [[]]
    for piece in text:
        runs = piece.split(":", 6 - len(parts)) if isinstance(piece, str) and len(parts) < 6 else [piece]
        for at, run in enumerate(runs):
            if at:
                parts.append([])
            parts[-1] += [run] if run else []
    return [tuple(part) for part in parts] if len(parts) == 6 else None


def like_parts(parts: list[Text], term: str, where: str) -> str:
    """Whether a string is an ARN of these parts: a wildcard of the first five stands for anything but a colon."""
    *first, last = parts
    inside = any(isinstance(piece, Wild) for part in first for piece in part)
    whole = tuple(piece for part in first for piece in (*part, ":")) + last
    merged = _merged(whole)
    if not inside:
        return texts.like(merged, term, where=where)
    if any(isinstance(piece, Symbol) for piece in merged):
        raise Unsupported("a variable beside a wildcard within the first parts of an ARN", where)
    head = texts.regex(_merged(tuple(piece for part in first for piece in (*part, ":"))), NOT_COLON)
    return f"(str.in_re {term} (re.++ {head} {texts.regex(last)}))"


def _merged(text: Text) -> Text:
    """Neighbouring runs of characters as one."""
    pieces: list[texts.Piece] = []
    for piece in text:
        if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return tuple(pieces)
