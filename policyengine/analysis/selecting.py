"""A list plan's condition twice over: as a term of the encoding, and evaluated on one record as DynamoDB would.

The condition is the `select` of a plan (`backends/dynamodb/conditions.py` says what each kind means). The two share no
code: the term is what proofs are about, the evaluation replays what they find. A comparison is read from its template,
which is what is sent, wherever the record stands in it; so an attribute that is absent makes `NOT a = b` true.

DynamoDB Developer Guide: "Comparison operator and function reference".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.analysis.expressions import Expressions, Unsupported
from policyengine.analysis.terms import all_of, any_of, negated
from policyengine.analysis.vocabulary import sort_of
from policyengine.ir.nodes import Literal
from policyengine.model.operators import OPERATORS, Refusal
from policyengine.model.schema import Attribute, Attributes, attribute
from policyengine.model.types import Shape, Type
from policyengine.resolvers.filters import remaining

Condition = Any

ABSENT: Any = ...
"""What is not there. Null is: it has a type of its own, and equals itself."""

# ---- As a term


@dataclass(frozen=True, slots=True)
class Operand:
    """The term of a value, where it is there, its type, and whether it is the record's."""

    term: str
    there: str
    type: Type
    of_record: bool


_TERMS = {
    "{0} = {1}": "(= {0} {1})",
    "{0} < {1}": "(< {0} {1})",
    "{0} <= {1}": "(<= {0} {1})",
    "{0} > {1}": "(> {0} {1})",
    "{0} >= {1}": "(>= {0} {1})",
}
"""What a template means of values of one type, as a term; before each there may be a `NOT`."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Conditions on the records of one type, which fit the schema, as terms. Raises `Unsupported`."""

    met: Expressions
    type_name: str

    def term(self, condition: Condition) -> str:
        if isinstance(condition, bool):
            return str(condition).lower()
        head, *parts = condition
        match head:
            case "all":
                return all_of(map(self.term, parts))
            case "any":
                return any_of(map(self.term, parts))
            case "not":
                return negated(self.term(parts[0]))
            case "is":
                return self._compared(*parts)
            case "in":
                _, end, values = parts
                item = self._operand(end)
                return all_of([item.there, any_of(f"(= {item.term} {self._literal(v, item.type)})" for v in values)])
            case "has":
                return self._operand(parts[1]).there
            case "holds":
                holds = self._operand(parts[1])
                return all_of([holds.there, holds.term])
            case "absent":
                return negated(self._operand(["record", parts[0]]).there)
            case "filled":  # an id that fits the schema is not empty
                return self._operand(["record", parts[0]]).there
        raise Unsupported(f"a plan's condition of the kind `{head}` has no encoding")

    def _compared(self, sign: str, template: str, *ends: Any) -> str:
        typed = next((self._operand(end).type for end in ends if end[0] != "value"), None)
        if typed is None:
            raise Unsupported("a plan compares two values")
        one, other = (
            Operand(self._literal(end[1], typed), "true", typed, False) if end[0] == "value" else self._operand(end)
            for end in ends
        )
        known = all_of(end.there for end in (one, other) if not end.of_record)
        if not (one.of_record or other.of_record):  # decided before anything is sent
            cell = OPERATORS[sign].smt
            assert not isinstance(cell, Refusal)
            return all_of([known, cell.format(one.term, other.term)])
        positive = template.removeprefix("NOT ")
        if positive not in _TERMS:
            raise Unsupported(f"a plan's template `{template}` has no encoding")
        there = [end.there for end in (one, other) if end.of_record]
        holds = all_of([*there, _TERMS[positive].format(one.term, other.term)])
        return all_of([known, holds if positive == template else negated(holds)])

    def _literal(self, value: Any, type_: Type) -> str:
        return self.met.pair(Literal(value, type_)).value

    def _operand(self, operand: list[Any]) -> Operand:
        """An attribute's constant; of a shape, whether each of its levels is there."""
        schema, words = self.met.words.schema, self.met.words
        source, *names = operand
        names = names[:1] if source == "record" else names
        path = {"record": "resource"}.get(source, source)
        attributes: dict[str, Attributes] = {
            "record": schema.resource[self.type_name].attributes,
            "principal": schema.principal.attributes,
            "context": schema.context,
        }
        here, declared = attributes[source], words.declarations()
        there: list[str] = []
        for name in names[:-1]:
            there.append(_there(declared, path, name))
            path, here = f"{path}.{name}", schema.shape[str(_found(here, name).type)]
        last = _found(here, names[-1])
        there.append(_there(declared, path, last.name))
        term = "" if isinstance(last.type, Shape) else words.constant(path, last.name, sort_of(last.type))
        return Operand(term, all_of(there), last.type, source == "record")


def _there(declared: Collection[str], path: str, name: str) -> str:
    has = f"|has {path}.{name}|"
    return has if has in declared else "true"


def _found(attributes: Attributes, name: str) -> Attribute:
    found = attribute(attributes, name)
    assert found is not None, name
    return found


# ---- On one record

_ON_VALUES: dict[str, Callable[[Any, Any], bool]] = {
    "{0} = {1}": operator.eq,
    "{0} < {1}": operator.lt,
    "{0} <= {1}": operator.le,
    "{0} > {1}": operator.gt,
    "{0} >= {1}": operator.ge,
}


def selects(condition: Condition, record: Mapping[str, Any], principal: Any, context: Any) -> bool:
    """Whether DynamoDB selects a record, plain JSON as it is kept, of whatever types; the context with its defaults."""
    return _holds(remaining(condition, {"principal": principal, "context": context}), record)


def _holds(condition: Condition, record: Mapping[str, Any]) -> bool:
    if isinstance(condition, bool):
        return condition
    head, *parts = condition
    match head:
        case "all":
            return all(_holds(part, record) for part in parts)
        case "any":
            return any(_holds(part, record) for part in parts)
        case "not":
            return not _holds(parts[0], record)
        case "is":
            _, template, *ends = parts
            values = [_value(end, record) for end in ends]
            positive = template.removeprefix("NOT ")
            return _compares(positive, *values) is (positive == template)
        case "in":
            return any(_compares("{0} = {1}", _value(parts[1], record), each) for each in parts[2])
        case "has":
            return bool(_kind(_value(parts[1], record)) == parts[1][2])
        case "holds":
            return bool(_value(parts[1], record) is True)
        case "absent":
            return record.get(parts[0]) is None
        case "filled":
            value = record.get(parts[0])
            return isinstance(value, str | list | dict) and len(value) > 0
    raise ValueError(f"a plan with an unknown condition: {head}")


def _compares(template: str, one: Any, other: Any) -> bool:
    """Values of two types compare to nothing; what is absent neither."""
    alike = type(one) is type(other) and one is not ABSENT
    return bool(alike and _ON_VALUES[template](one, other))


def _kind(value: Any) -> str:
    return {bool: "BOOL", int: "N", str: "S"}.get(type(value), "")


def _value(operand: list[Any], record: Mapping[str, Any]) -> Any:
    return operand[1] if operand[0] == "value" else record.get(operand[1], ABSENT)
