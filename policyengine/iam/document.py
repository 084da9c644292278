"""IAM policy documents as values, and the strict reading of them from JSON.

In: parsed JSON, or its text. Out: a frozen Document, or every problem with the JSON path at which it stands. What AWS
refuses outright is a problem; an element or operator that is merely unknown is kept, for the evaluator to call
unsupported. IAM User Guide: "Grammar of the IAM JSON policy language".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Strings = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document cannot be used, and where: `$` is the document itself."""

    path: str
    message: str
    code: str = "malformed"

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator."""

    operator: str
    key: str
    values: Strings
    path: str


@dataclass(frozen=True, slots=True)
class Principals:
    """`everyone` is the bare `"*"`; `named` are pairs such as ("AWS", "111122223333")."""

    everyone: bool
    named: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """An element that the statement does not have is None; `unknown` are elements of no known name."""

    index: int
    path: str
    sid: str | None
    effect: Literal["Allow", "Deny"]
    principal: Principals | None
    not_principal: Principals | None
    action: Strings | None
    not_action: Strings | None
    resource: Strings | None
    not_resource: Strings | None
    conditions: tuple[Condition, ...]
    unknown: Strings

    @property
    def name(self) -> str | int:
        """The Sid, or the index where there is none."""
        return self.sid or self.index


@dataclass(frozen=True, slots=True)
class Document:
    version: str | None
    id: str | None
    statements: tuple[Statement, ...]

    @property
    def has_variables(self) -> bool:
        """Before 2012-10-17, and without a Version, `${...}` is literal text."""
        return self.version == "2012-10-17"


class _Repeating(dict[str, Any]):
    """A JSON object in which a key stands twice."""

    repeated: str


def parse_text(text: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """As `parse`, from JSON text; a key that stands twice in one object is a problem at its place."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError) as problem:
        detail = f", line {problem.lineno} column {problem.colno}" if isinstance(problem, json.JSONDecodeError) else ""
        return None, (Problem("$", f"not JSON{detail}"),)
    return parse(value)


def parse(value: object) -> tuple[Document | None, tuple[Problem, ...]]:
    """The document, or None and what is wrong with it."""
    parser = _Parser()
    document = parser.document(value)
    return (None if parser.problems else document), tuple(parser.problems)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    names = [name for name, _ in pairs]
    repeating = _Repeating(made)
    repeating.repeated = next(name for name in names if names.count(name) > 1)
    return repeating


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_LISTS = {"Action": "NotAction", "Resource": "NotResource", "Principal": "NotPrincipal"}
_ELEMENTS = {"Sid", "Effect", "Condition", *_LISTS, *_LISTS.values()}
_PRINCIPAL_KINDS = ("AWS", "Federated", "Service", "CanonicalUser")


class _Parser:
    """Reads on after a problem, so that all of them are found; what it makes then is not used."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def document(self, value: object) -> Document:
        given = self._object(value, "$")
        for name in given.keys() - {"Version", "Id", "Statement"}:
            self._problem(f"$.{name}", "unknown element")
        version = self._text(given.get("Version"), "$.Version")
        if version not in (None, "2008-10-17", "2012-10-17"):
            self._problem("$.Version", "no version of the policy language")
        return Document(version, self._text(given.get("Id"), "$.Id"), tuple(self._statements(given.get("Statement"))))

    def _statements(self, value: object) -> Iterator[Statement]:
        statements = value if isinstance(value, list) else [value]
        if value is None or not statements:
            self._problem("$.Statement", "a document needs at least one statement")
            return
        for index, statement in enumerate(statements):
            yield self._statement(statement, index, f"$.Statement[{index}]" if value is statements else "$.Statement")

    def _statement(self, value: object, index: int, path: str) -> Statement:
        given = self._object(value, path)
        effect = given.get("Effect")
        if effect not in ("Allow", "Deny"):
            self._problem(f"{path}.Effect", "neither `Allow` nor `Deny`")
        for name, opposite in _LISTS.items():
            if name in given and opposite in given:
                self._problem(path, f"both {name} and {opposite}")

        def strings(name: str) -> Strings | None:
            return self._strings(given[name], f"{path}.{name}") if name in given else None

        def principals(name: str) -> Principals | None:
            return self._principals(given[name], f"{path}.{name}") if name in given else None

        return Statement(
            index=index,
            path=path,
            sid=self._text(given.get("Sid"), f"{path}.Sid"),
            effect="Deny" if effect == "Deny" else "Allow",
            principal=principals("Principal"),
            not_principal=principals("NotPrincipal"),
            action=strings("Action"),
            not_action=strings("NotAction"),
            resource=strings("Resource"),
            not_resource=strings("NotResource"),
            conditions=tuple(self._conditions(given.get("Condition", {}), f"{path}.Condition")),
            unknown=tuple(name for name in given if name not in _ELEMENTS),
        )

    def _principals(self, value: object, path: str) -> Principals:
        if value == "*":
            return Principals(True, ())
        named = []
        for kind, names in self._object(value, path).items():
            if kind not in _PRINCIPAL_KINDS:
                self._problem(f"{path}.{kind}", "unknown kind of principal")
            named += [(kind, name) for name in self._strings(names, f"{path}.{kind}")]
        return Principals(False, tuple(named))

    def _conditions(self, value: object, path: str) -> Iterator[Condition]:
        for operator, keys in self._object(value, path).items():
            for key, values in self._object(keys, f"{path}.{operator}").items():
                where = f"{path}.{operator}.{key}"
                yield Condition(operator, key, tuple(self._values(values, where)), where)

    def _values(self, value: object, path: str) -> Iterator[str]:
        for each in value if isinstance(value, list) else [value]:
            text = scalar(each)
            if text is None:
                self._problem(path, "neither a string, a number, a Boolean, nor a list of them")
            else:
                yield text

    def _strings(self, value: object, path: str) -> Strings:
        listed = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str) for each in listed):
            self._problem(path, "neither a string nor a list of strings")
        return tuple(each for each in listed if isinstance(each, str))

    def _text(self, value: object, path: str) -> str | None:
        if value is None or isinstance(value, str):
            return value
        self._problem(path, "not a string")
        return None

    def _object(self, value: object, path: str) -> Mapping[str, Any]:
        if isinstance(value, _Repeating):
            self.problems.append(Problem(path, f"`{value.repeated}` stands twice", "duplicate-key"))
        if isinstance(value, dict):
            return value
        self._problem(path, "not an object")
        return {}

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))


def scalar(value: object) -> str | None:
    """A value of a condition, or of the request's context, as the text that AWS compares; None if it is no value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    try:
        return repr(value) if isinstance(value, int | float) else None
    except ValueError:  # an integer of more digits than Python writes
        return None
