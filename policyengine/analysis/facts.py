"""One request with its data, as the evaluators see it: what a counterexample must show before anybody hears of it.

Nothing here reads the encoding. The reference interpreter says what holds; the generated code must say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from policyengine.analysis.granting import granting
from policyengine.analysis.verdict import InternalError
from policyengine.interpreter import Rows, decide, evaluation
from policyengine.interpreter.evaluation import Error, Evaluation
from policyengine.ir import nodes as ir
from policyengine.ir.visitor import rewrite

Authorize = Callable[[Any, Any], dict[str, Any]]
"""The generated code: a request and its data to a whole decision."""

Found = dict[str, Any]
"""`{"request": ..., "data": ...}`, plain JSON."""


@dataclass(frozen=True)
class Facts:
    program: ir.Program
    found: Found

    @cached_property
    def decision(self) -> dict[str, Any]:
        """The reference interpreter's decision."""
        return decide(self.program, self.request, Rows(self.program.schema, self.found["data"]))

    @property
    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = self.found["request"]
        return request

    @property
    def malformed(self) -> bool:
        return bool(self.decision["reason"] == "The request is malformed.")

    @property
    def allowed(self) -> bool:
        return bool(self.decision["decision"] == "allow")

    @property
    def across(self) -> bool:
        """The principal's tenant is not the record's, which has one."""
        schema, key = self.program.schema, self.program.schema.tenant_key
        record = self.request["resource"]
        is_global = bool(schema.resource[record["type"]].global_reason)
        return not is_global and self.request["principal"][key] != record[key]

    def value(self, expr: ir.Expr) -> Any:
        """What an expression is worth, an `Error` among others; `granted` is allowed in it."""
        return self._evaluation.value(rewrite(expr, self._granted))

    def rule(self, rule: ir.Rule) -> Any:
        """Whether a rule holds for this request, False outside its cells; an Error where it or an obligation errs."""
        if rule not in self.cell:
            return False
        value = self.value(rule.condition)
        if value is True and rule.obliges:
            fields = (self.value(field) for _, field in rule.obliges.fields)
            return next((field for field in fields if isinstance(field, Error)), True)
        return value

    @property
    def cell(self) -> tuple[ir.Rule, ...]:
        return self.program.rules_for(self.request["action"], self.request["resource"]["type"])

    @property
    def permitted(self) -> bool:
        return any(rule.effect == "permit" and self.rule(rule) is True for rule in self.cell)

    def given(self, *, crossing: bool) -> bool:
        """Whether a grant row on the record itself gives the action (`granting`)."""
        record = self.request["resource"]
        inherit = self.program.schema.inherits.get(record["type"])
        if inherit is not None and record[inherit.attribute] == inherit.value:
            return False
        permits = granting(self.program, crossing=crossing)
        return any(rule in self.cell and self._evaluation.value(condition) is True for rule, condition in permits)

    def meets(self, line: ir.Never) -> bool:
        """Whether it is a request of which a threat's line speaks."""
        cell = self.request["action"] in line.actions and self.request["resource"]["type"] in line.types
        return cell and self.value(line.condition) is True

    @property
    def obliged(self) -> set[str]:
        return {obligation["name"] for obligation in self.decision["obligations"]}

    @cached_property
    def _evaluation(self) -> Evaluation:
        return evaluation(self.program, self.request, Rows(self.program.schema, self.found["data"]))

    def _granted(self, expr: ir.Expr) -> ir.Expr:
        if not isinstance(expr, ir.Granted):
            return expr
        return ir.TRUE if self.given(crossing=False) else ir.FALSE


def replayed(program: ir.Program, found: Found, seen: Callable[[Facts], bool], authorize: Authorize) -> Facts:
    """The facts, where both evaluators show what the solver found. Raises InternalError where one does not."""
    facts = Facts(program, found)
    if facts.malformed or not seen(facts):
        raise InternalError(f"the interpreter does not see what the solver found: {found}")
    generated = authorize(found["request"], found["data"])
    if generated != facts.decision:
        raise InternalError(f"the generated code decides otherwise ({generated}) on {found}")
    return facts
