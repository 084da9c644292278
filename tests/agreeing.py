"""An encoding held against the reference interpreter: constants pinned to what the interpreter sees for a request.

Then each rule must hold, or err, exactly where it does there, and the decision must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from policyengine.analysis.encoder import ALLOWED, Encoding
from policyengine.analysis.expressions import Expressions
from policyengine.analysis.terms import all_of, negated
from policyengine.analysis.vocabulary import RESOLVES, THE_ACTION, sort_of
from policyengine.interpreter import Rows, decide
from policyengine.interpreter.evaluation import Error, Evaluation
from policyengine.ir import nodes as ir
from policyengine.ir.visitor import walk
from policyengine.model.schema import Attributes
from policyengine.model.types import Shape


def agreement(encoding: Encoding, request: Any, data: Any) -> str:
    """Two questions: do the pins and what the interpreter says hold together? And can it be otherwise with these pins?"""
    pinned = Pinned(encoding, request, data)
    pins, same = list(pinned.pins()), all_of(pinned.expected())
    declarations = [f"(declare-const {symbol} {sort})" for symbol, sort in pinned.new_literals()]
    asserted = [f"(assert {pin})" for pin in [*pinned.distinct(), *pins]]
    agrees, differs = f"(push 1)(assert {same})(check-sat)(pop 1)", f"(assert {negated(same)})(check-sat)"
    return "\n".join(["(push 1)", *declarations, *asserted, agrees, differs, "(pop 1)"])


class Pinned:
    """The constants of an encoding, tied to one request and its rows as the interpreter sees them."""

    def __init__(self, encoding: Encoding, request: Any, data: Any) -> None:
        self.encoding, self.program, self.schema = encoding, encoding.met.program, encoding.words.schema
        self.request, self.rows = request, Rows(self.schema, data)
        given = {name: value for name, value in (request.get("context") or {}).items() if value is not None}
        defaults = {a.name: a.default for a in self.schema.context if a.default is not None}
        self.objects = {"principal": request["principal"], "resource": request["resource"], "context": defaults | given}
        self.evaluation = Evaluation(self.program, self.objects, self.rows)
        self.met = Expressions(encoding.met.program)
        self.met.literals |= encoding.met.literals

    def new_literals(self) -> Iterator[tuple[str, str]]:
        for symbol, (sort, _) in self.met.literals.items():
            if symbol not in self.encoding.met.literals:
                yield symbol, sort

    def distinct(self) -> Iterator[str]:
        for sort in {sort for sort, _ in self.met.literals.values()}:
            symbols = [symbol for symbol, (its, _) in self.met.literals.items() if its == sort]
            if len(symbols) > 1:
                yield f"(distinct {' '.join(symbols)})"

    def pins(self) -> Iterator[str]:
        type_name = self.request["resource"]["type"]
        yield f"(= {THE_ACTION} |action {self.request['action']}|)"
        yield f"(= |resource type| |type {type_name}|)"
        if type_name in self.schema.inherits:
            holder = self.evaluation.value(ir.Holder())
            yield RESOLVES if not isinstance(holder, Error) else f"(not {RESOLVES})"
            if not isinstance(holder, Error):
                self.objects["holder"] = holder
                yield f"(= |holder type| |type {holder['type']}|)"
        for path, of, attributes in self.encoding.words.subjects:
            found: Any = self.objects
            for part in path.split("."):
                found = (found or {}).get(part)
            if found is not None and of in ("", found.get("type")):
                yield from self._object(path, attributes, found)
        yield from self._rows()

    def _object(self, path: str, attributes: Attributes, found: Any) -> Iterator[str]:
        for a in attributes:
            value = found.get(a.name)
            if a.optional:
                yield f"|has {path}.{a.name}|" if value is not None else f"(not |has {path}.{a.name}|)"
            if value is not None and not isinstance(a.type, Shape):
                term = self.encoding.words.constant(path, a.name, sort_of(a.type))
                yield f"(= {term} {self.met.pair(ir.Literal(value, a.type)).value})"

    def _rows(self) -> Iterator[str]:
        """The rows that references name, and which grant rows serve."""
        for rule in self.program.rules_for(self.request["action"], self.request["resource"]["type"]):
            for node in (node for part in parts(rule) for node in walk(part)):
                match node:
                    case ir.Reference(by=by, target=target) if self.evaluation.value(by) is not None:
                        row, id = self.evaluation.value(node), self.met.pair(by).value
                        if isinstance(row, Error):
                            yield f"(not (|{target} exists| {id}))"
                            continue
                        yield f"(|{target} exists| {id})"
                        for a in self.encoding.words.columns(target):
                            if a.optional:
                                has = f"(|has {target}.{a.name}| {id})"
                                yield has if row.get(a.name) is not None else negated(has)
                            if row.get(a.name) is not None:
                                value = self.met.pair(ir.Literal(row[a.name], a.type)).value
                                yield f"(= (|{target}.{a.name}| {id}) {value})"
                    case ir.GrantExists(roles=roles):
                        for role in roles:
                            one = replace(node, roles=(role,))
                            served = self.evaluation.value(one)
                            if not isinstance(served, Error):
                                term = self.met.pair(one).value
                                yield term if served else negated(term)

    def expected(self) -> Iterator[str]:
        """The decision, and the value and error of every rule of the cell."""
        decision = decide(self.program, self.request, self.rows)["decision"]
        yield ALLOWED if decision == "allow" else negated(ALLOWED)
        for rule in self.program.rules_for(self.request["action"], self.request["resource"]["type"]):
            value = self.evaluation.value(rule.condition)
            if value is True:  # only then are the fields of an obligation asked for
                value = next((e for e in map(self.evaluation.value, parts(rule)) if isinstance(e, Error)), True)
            errs = isinstance(value, Error)
            yield f"|{rule.id}.err|" if errs else f"(not |{rule.id}.err|)"
            yield f"|{rule.id}|" if value is True else f"(not |{rule.id}|)"


def parts(rule: ir.Rule) -> list[ir.Expr]:
    """The condition, then the fields of the obligation."""
    return [rule.condition, *(value for _, value in rule.obliges.fields)] if rule.obliges else [rule.condition]
