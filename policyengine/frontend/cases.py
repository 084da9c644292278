"""`test` blocks to cases: each expectation becomes a request with its data, as plain JSON, and what is expected of it.

In: the syntax trees and the program. Out: cases in their order, or findings. What is written out is checked against the
schema, so that a misspelt attribute cannot make a test pass; what is meant to be malformed is written as raw JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.spelling import did_you_mean
from policyengine.ir.nodes import Program
from policyengine.model.schema import Attributes, attribute
from policyengine.model.types import TYPE, Enum, Shape, Type
from policyengine.model.values import conforms
from policyengine.source import Span


@dataclass(frozen=True, slots=True)
class Case:
    """One expectation. `rules` is None where the test says nothing of them; `errors` must be among the decision's."""

    title: str
    span: Span
    request: dict[str, Any]
    data: dict[str, list[Any]]
    allow: bool
    rules: tuple[str, ...] | None
    obligations: tuple[dict[str, Any], ...]
    errors: tuple[str, ...]


def cases(declarations: Iterable[ast.AnyDeclaration], program: Program, findings: Findings) -> tuple[Case, ...]:
    """The cases of all `test` blocks, in their order."""
    return tuple(
        case
        for declaration in declarations
        if isinstance(declaration, ast.Test)
        for case in _Block(declaration, program, findings).cases()
    )


class _Block:
    def __init__(self, test: ast.Test, program: Program, findings: Findings) -> None:
        self.test = test
        self.program = program
        self.schema = program.schema
        self.error = findings.error
        self.named: dict[str, tuple[str, Any]] = {}  # name -> (the type that it was written as, or "", its JSON)
        self.data: dict[str, list[Any]] = {}
        self.context: Any = None

    def cases(self) -> list[Case]:
        found: list[Case] = []
        for statement in self.test.statements:
            match statement:
                case ast.Let():
                    self._let(statement)
                case ast.Row(of=of, value=value):
                    self._row(of, value)
                case ast.TestContext(value=value):
                    self.context = self._json(value, self.schema.context, "the context")
                case ast.Expectation():
                    case = self._expectation(statement)
                    found += [case] if case else []
        return found

    # ---- Fixtures

    def _let(self, let: ast.Let) -> None:
        name = let.name.text
        if name in self.named:
            self.error("duplicate", f"`{name}` is named twice", let.name.span, "choose another name")
        if let.of is None:
            self.named[name] = ("", self._json(let.value, (), name))
        elif let.changed:
            base, before = self.named.get(let.of.text, ("", None))
            if not isinstance(before, dict) or not base:
                help = did_you_mean(let.of.text, self.named)
                self.error("unknown-name", f"nothing called `{let.of.text}` can be changed", let.of.span, help)
                return
            self.named[name] = (base, self._object(base, let.value, before))
        else:
            value = self._typed(let.of, let.value)
            self.named[name] = (let.of.text if value is not None else "", value)

    def _typed(self, of: ast.Name, value: ast.Object | ast.Raw) -> Any:
        known = (self.schema.principal.name, *self.schema.type_names)
        if of.text not in known:
            message = f"`{of.text}` is no principal and no resource type"
            self.error("unknown-name", message, of.span, did_you_mean(of.text, known))
            return None
        return self._object(of.text, value, {})

    def _object(self, type_name: str, value: ast.Object | ast.Raw, before: dict[str, Any]) -> Any:
        principal = self.schema.principal
        is_principal = type_name == principal.name
        attributes = principal.attributes if is_principal else self.schema.resource[type_name].attributes
        own = {} if is_principal else {"type": type_name}
        return self._json(value, attributes, type_name, {**own, **before})

    def _row(self, of: ast.Name, value: ast.Object | ast.Raw) -> None:
        rows = {resource.name: resource.attributes for resource in self.schema.resources}
        rows |= {grant.name: grant.attributes for grant in self.schema.grants}
        if of.text not in rows:
            self.error("unknown-name", f"no rows are called `{of.text}`", of.span, did_you_mean(of.text, rows))
            return
        self.data = {**self.data, of.text: [*self.data.get(of.text, []), self._json(value, rows[of.text], of.text)]}

    def _json(
        self, value: ast.Object | ast.Raw, attributes: Attributes, whose: str, before: dict[str, Any] | None = None
    ) -> Any:
        """The value as JSON; with a finding for whatever the attributes do not say."""
        if isinstance(value, ast.Raw):
            try:
                return json.loads(value.text)
            except (ValueError, RecursionError):
                self.error("bad-value", "the text between the backticks is not JSON", value.span, "mend the JSON")
                return None
        made = dict(before or {})
        for name, given in value.members:
            declared = attribute(attributes, name.text)
            if declared is None:
                help = did_you_mean(name.text, [a.name for a in attributes])
                self.error("unknown-name", f"`{whose}` has no attribute `{name.text}`", name.span, help)
                continue
            made[name.text] = self._value(given, declared.type)
        for a in attributes:
            if a.required and a.name not in made:
                self.error("missing-mark", f"`{whose}` lacks `{a.name}`", value.span, f"add `{a.name}: ...`")
        return made

    def _value(self, given: ast.Value | ast.Path | ast.Object, type_: Type) -> Any:
        if isinstance(given, ast.Object):
            if isinstance(type_, Shape):
                return self._json(given, self.schema.shape[type_.name], type_.name)
        elif isinstance(given, ast.Path):
            name = given.names[0].text
            if len(given.names) == 1 and (isinstance(type_, Enum) or type_ == TYPE):
                if conforms(self.schema, type_, name):
                    return name
                known = type_.values if isinstance(type_, Enum) else self.schema.type_names
                self.error("unknown-name", f"`{name}` is no `{type_}`", given.span, did_you_mean(name, known))
                return name
        elif not isinstance(type_, Enum) and type_ != TYPE and conforms(self.schema, type_, given.value):
            return given.value
        self.error(
            "wrong-type", f"this is no `{type_}`", given.span, "write malformed values as `json` between backticks"
        )
        return None

    # ---- Expectations

    def _expectation(self, e: ast.Expectation) -> Case | None:
        principal = self._fixture(e.principal, (self.schema.principal.name,))
        record = self._fixture(e.record, self.schema.type_names)
        actions = sorted({action for action, _ in self.schema.cells()})
        if e.action.text not in actions:
            help = did_you_mean(e.action.text, actions)
            self.error("unknown-name", f"no action is called `{e.action.text}`", e.action.span, help)
        request = {"principal": principal, "action": e.action.text, "resource": record, "context": self.context}
        rules = tuple(sorted(self._rule(path) for path in e.rules)) or None
        obligations = tuple(self._owed(name, value) for name, value in e.obligations)
        errors = tuple(str(error.value) for error in e.errors)
        title = str(self.test.title.value)
        return Case(title, e.span, request, self.data, e.allow, rules, obligations, errors)

    def _fixture(self, name: ast.Name, types: tuple[str, ...]) -> Any:
        if name.text not in self.named:
            help = did_you_mean(name.text, self.named) or f"write `let {name.text} = ...` before it"
            self.error("unknown-name", f"nothing is called `{name.text}` here", name.span, help)
            return None
        type_name, value = self.named[name.text]
        if type_name and type_name not in types:
            help = "write `allow` or `deny`, the principal, the action, the record"
            self.error("wrong-type", f"`{name.text}` is a `{type_name}`", name.span, help)
        return value

    def _rule(self, path: ast.Path) -> str:
        id = ".".join(name.text for name in path.names)
        known = [rule.id for rule in self.program.rules]
        if id not in known:
            self.error("unknown-name", f"no rule is called `{id}`", path.span, did_you_mean(id, known))
        return id

    def _owed(self, name: ast.Name, value: ast.Object) -> dict[str, Any]:
        declared = self.schema.obligation.get(name.text)
        if declared is None:
            help = did_you_mean(name.text, self.schema.obligation)
            self.error("unknown-name", f"no obligation is called `{name.text}`", name.span, help)
            return {}
        fields: dict[str, Any] = self._json(value, declared.attributes, name.text)
        return {"name": name.text, **fields}
