"""Conditions: one table of operators, and what becomes of each where its key is missing, or holds several values.

| operator                | key missing | key present                                        |
|-------------------------|-------------|----------------------------------------------------|
| positive                | no          | the value matches one of the policy's              |
| negated (`...Not...`)   | yes         | the value matches none of the policy's             |
| `...IfExists`           | yes         | as without                                         |
| `ForAllValues:...`      | yes         | every value does; yes of no values                 |
| `ForAnyValue:...`       | no          | some value does; no of no values                   |
| `Null` true / false     | yes / no    | no / yes                                           |

IAM User Guide: "IAM JSON policy elements: Condition operators", "Single-valued vs. multivalued context keys". OPEN, for
AWS does not say: several values without a set operator; `ForAnyValue:...IfExists` of a missing key, since the two
sentences contradict each other; an empty list of values in the policy; a value that is not of the operator's type.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from policyengine.iam.document import Condition
from policyengine.iam.matching import Context, Expansion, Pattern, Values, expand, fold, matches, matches_arn
from policyengine.iam.verdict import NO, OPEN, UNMODELLED, YES, Verdict, agreed, all_of, any_of, negated, of

Compare = Callable[[str, str], Verdict]
"""The policy's value, and the request's."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Either `pattern` compares texts in which variables may stand, or `typed` compares values of another type."""

    negated: bool
    pattern: Callable[[Pattern, str], Verdict] | None = None
    typed: Compare | None = None
    wildcards: bool = False


# ---- Comparisons of texts


def _equal(wanted: Pattern, actual: str) -> Verdict:
    return of(wanted == tuple(actual))


def _equal_ignoring_case(wanted: Pattern, actual: str) -> Verdict:
    """Which letters beyond ASCII are one letter in two cases, AWS does not say."""
    text = "".join(map(str, wanted))
    return YES if fold(text) == fold(actual) else OPEN if text.casefold() == actual.casefold() else NO


def _like(wanted: Pattern, actual: str) -> Verdict:
    return of(matches(wanted, actual))


def _like_arn(wanted: Pattern, actual: str) -> Verdict:
    return of(matches_arn(wanted, actual)) if wanted.count(":") >= 5 else UNMODELLED


# ---- Comparisons of other types


def _typed(read: Callable[[str], Any], relation: Callable[[Any, Any], bool]) -> Compare:
    """`relation(request's value, policy's value)`, of values as `read` reads them; None is what it cannot read."""

    def compare(wanted: str, actual: str) -> Verdict:
        right, left = read(wanted), read(actual)
        return UNMODELLED if right is None else OPEN if left is None else of(relation(left, right))

    return compare


def _number(text: str) -> Decimal | None:
    return Decimal(text) if re.fullmatch(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", text) else None


_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(?::([0-9]{2})(\.[0-9]{1,9})?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


def _instant(text: str) -> Decimal | None:
    """Seconds since 1970: "W3C implementations of the ISO 8601 date formats or epoch (UNIX) time", with their zone."""
    if re.fullmatch(r"[0-9]{5,15}", text):
        return Decimal(text)
    found = _DATE_TIME.fullmatch(text)
    if not found:
        return None
    minute, seconds, fraction, sign, hours, minutes = found.groups(default="0")
    if int(seconds) > 59 or int(hours) > 23 or int(minutes) > 59:
        return None
    try:
        start = datetime.fromisoformat(minute).replace(tzinfo=UTC)
    except ValueError:
        return None
    whole = (start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) + int(seconds)
    offset = int(hours) * 3600 + int(minutes) * 60
    return Decimal(whole - (-offset if sign == "-" else offset)) + Decimal(fraction)


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(fold(text))


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> _Network | None:
    """An address without a prefix is itself. (AWS says `/32` of both families; of IPv6 that cannot be meant.)"""
    if not re.fullmatch(r"[0-9A-Fa-f.:]+(/[0-9]{1,3})?", text):
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _within(inner: _Network, outer: _Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


# ---- The table


def _both(positive: str, negative: str, **comparison: Any) -> dict[str, Operator]:
    return {positive: Operator(False, **comparison), negative: Operator(True, **comparison)}


_RELATIONS = {
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}


def _ordered(family: str, read: Callable[[str], Any]) -> dict[str, Operator]:
    return {
        **_both(f"{family}Equals", f"{family}NotEquals", typed=_typed(read, operator.eq)),
        **{f"{family}{name}": Operator(False, typed=_typed(read, relation)) for name, relation in _RELATIONS.items()},
    }


OPERATORS: dict[str, Operator] = {
    **_both("StringEquals", "StringNotEquals", pattern=_equal),
    **_both("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", pattern=_equal_ignoring_case),
    **_both("StringLike", "StringNotLike", pattern=_like, wildcards=True),
    **_both("ArnEquals", "ArnNotEquals", pattern=_like_arn, wildcards=True),
    **_both("ArnLike", "ArnNotLike", pattern=_like_arn, wildcards=True),
    **_ordered("Numeric", _number),
    **_ordered("Date", _instant),
    "Bool": Operator(False, typed=_typed(_boolean, operator.eq)),
    "BinaryEquals": Operator(False, typed=_typed(_bytes, operator.eq)),
    **_both("IpAddress", "NotIpAddress", typed=_typed(_network, _within)),
}
"""All but Null, which tests the key itself."""


@dataclass(frozen=True, slots=True)
class Name:
    """An operator's name taken apart. `qualifier` is "", "ForAllValues" or "ForAnyValue"."""

    qualifier: str
    base: str
    if_exists: bool

    @property
    def operator(self) -> Operator | None:
        return OPERATORS.get(self.base)


def read_name(text: str) -> Name:
    found = re.fullmatch(r"(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?", text, re.DOTALL)
    return Name(found[1] or "", found[2], found[3] is not None) if found else Name("", text, False)


# ---- Evaluation


def holds(condition: Condition, context: Context, *, variables: bool) -> Verdict:
    """Whether one key satisfies its operator. `variables`: whether the document's version has them."""
    name = read_name(condition.operator)
    readings = context.readings(condition.key)
    if condition.operator == "Null":
        return agreed(_null(condition.values, values) for values in readings)
    if name.operator is None:
        return UNMODELLED
    if not condition.values:
        return OPEN
    test = _Test(name, name.operator, condition.values, context if variables else None)
    return agreed(test.of(values) for values in readings)


def _null(wanted: Values, values: Values | None) -> Verdict:
    """ "The key exists and its value is not null": whether an empty value is null, is open."""
    flags = [_boolean(text) for text in wanted]
    if not flags or None in flags:
        return UNMODELLED
    presences = (False,) if values is None else (True, False) if values == ("",) else (True,)
    return agreed(of((not present) in flags) for present in presences)


@dataclass(frozen=True, slots=True)
class _Test:
    name: Name
    operator: Operator
    wanted: Values
    context: Context | None

    def of(self, values: Values | None) -> Verdict:
        """Whether a reading of the key's values passes."""
        if values is None:
            verdict = self._missing()
        elif self.name.qualifier:
            verdict = agreed(self._set(reading) for reading in _without_empty(values))
        elif len(values) == 1:
            verdict = self._one(values[0])
        else:
            verdict = self._several(values)
        skipped = values is None and self.name.if_exists
        return agreed((verdict, NO)) if self._voided() and not skipped else verdict

    def _missing(self) -> Verdict:
        if self.name.qualifier == "ForAnyValue":
            return OPEN if self.name.if_exists else NO
        return of(self.name.if_exists or self.name.qualifier == "ForAllValues" or self.operator.negated)

    def _set(self, values: Values) -> Verdict:
        combine: Callable[[Iterable[Verdict]], Verdict] = all_of if self.name.qualifier == "ForAllValues" else any_of
        return combine([self._one(value) for value in values])

    def _several(self, values: Values) -> Verdict:
        """Without a set operator nothing says which value counts; where none matches, it does not matter."""
        matched = any_of(self._matches(value) for value in values)
        known = matched in (NO, UNMODELLED)
        return OPEN if not known else negated(matched) if self.operator.negated else matched

    def _one(self, value: str) -> Verdict:
        matched = self._matches(value)
        return negated(matched) if self.operator.negated else matched

    def _matches(self, value: str) -> Verdict:
        return any_of([self._compare(wanted, value) for wanted in self.wanted])

    def _compare(self, wanted: str, value: str) -> Verdict:
        if self.operator.typed:
            return UNMODELLED if self.context and "${" in wanted else self.operator.typed(wanted, value)
        expansion = self._expand(wanted)
        compare = self.operator.pattern
        if expansion is None or compare is None:
            return UNMODELLED
        return agreed(NO if one is None else compare(one, value) for one in expansion.readings)

    def _expand(self, wanted: str) -> Expansion | None:
        """Against a key of several values, "you must use StringLike" with a variable: else it may stay literal text."""
        expansion = expand(wanted, self.context, wildcards=self.operator.wildcards)
        literal = self.name.qualifier and not self.operator.wildcards and "${" in wanted
        if expansion is None or not literal:
            return expansion
        return Expansion((*expansion.readings, tuple(wanted)), expansion.voids)

    def _voided(self) -> bool:
        expansions = (self._expand(wanted) for wanted in self.wanted)
        return self.operator.typed is None and any(expansion and expansion.voids for expansion in expansions)


def _without_empty(values: Values) -> tuple[Values, ...]:
    """An empty string is "an empty data set"; beside other values it may count, or not."""
    full = tuple(value for value in values if value)
    return (values,) if full == values else (full, values) if full else ((),)
