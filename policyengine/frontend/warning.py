"""Warnings: what a policy set that may be used says in vain.

In: the syntax trees and the simplified program. Out: warnings about types that nobody has access to, and about rules
whose condition no request can meet. A rule is called idle only where that can be seen at a glance; a solver sees more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from policyengine.diagnostics import Findings
from policyengine.frontend import ast, mending
from policyengine.frontend.mending import Edits, behind
from policyengine.frontend.tables import row_id
from policyengine.ir import nodes as ir
from policyengine.ir.visitor import can_err
from policyengine.model import schema as model
from policyengine.model.types import Enum


def warn(declarations: Sequence[ast.AnyDeclaration], program: ir.Program, findings: Findings) -> None:
    """The warnings of a policy set without errors."""
    _warn_of_types_without_access(declarations, program, findings)
    _warn_of_idle_rules(declarations, program, findings)


# ---- Types that nobody has access to


def _warn_of_types_without_access(
    declarations: Sequence[ast.AnyDeclaration], program: ir.Program, findings: Findings
) -> None:
    open_types = {type_name for rule in program.rules if rule.effect == "permit" for type_name in rule.types}
    for d in (d for d in declarations if isinstance(d, ast.Resource)):
        for name in (name for name in d.names if name.text not in open_types):
            help, edits = _access(name.text, d, program.schema)
            findings.warning("no-access", f"nobody has access to `{name.text}`", name.span, help, edits)


def _access(type_name: str, d: ast.Resource, schema: model.Schema) -> mending.Mend:
    """A table that gives all actions to the owner, or else to the greatest role."""
    role = model.attribute(schema.principal.attributes, schema.principal.role)
    who = f"role {role.type.values[-1]}" if role and isinstance(role.type, Enum) else ""
    who = "record owner" if schema.resource[type_name].owner else who
    actions = ", ".join(schema.actions_on[type_name])
    if not who or not actions:
        missing = "action" if not actions else "owner"
        return f"declare an {missing}, and write `access {type_name} {{ ... }}`", ()
    table = f"access {type_name} {{ always: {who} may {actions} }}"
    return f"write for example `{table}`", behind(mending.end_of(d), f"\n\n{table}\n")


# ---- Rules that cannot decide


def _warn_of_idle_rules(declarations: Sequence[ast.AnyDeclaration], program: ir.Program, findings: Findings) -> None:
    idle = {rule.id for rule in program.rules if _never_holds(rule.condition, rule.effect == "permit")}
    for name, edits in _written(declarations, idle) if idle else ():
        message = f"`{name.text}` can never decide: no request meets its condition"
        findings.warning("never-decides", message, name.span, "mend its condition, or remove the rule", edits)


def _written(declarations: Iterable[ast.AnyDeclaration], ids: set[str]) -> Iterator[tuple[ast.Name, Edits]]:
    """Where the rules with these ids are written, and how the text is without them."""
    for d in declarations:
        if isinstance(d, ast.Rule) and d.name.text in ids:
            yield d.name, mending.without(d)
        if isinstance(d, ast.Access):
            for row in (row for row in d.rows if isinstance(row, ast.Permission)):
                if row_id(d, row) in ids:
                    yield ast.Name(row.who.span, row_id(d, row)), mending.without(row)


def _never_holds(expr: ir.Expr, errors_too: bool) -> bool:
    """Whether a condition is false for every request: in a permit an error counts as false, in others it denies."""
    match expr:
        case ir.Literal(value=value):
            return value is False
        case ir.Or(operands=operands):
            return all(_never_holds(operand, errors_too) for operand in operands)
        case ir.And(operands=operands):
            parts = [part for part in operands if errors_too or not can_err(part)]
            return any(_never_holds(part, errors_too) for part in parts) or _contradict(parts)
    return False


def _contradict(parts: Sequence[ir.Expr]) -> bool:
    """x == A and x == B, x and not x, x < 1 and x > 2: tests of one thing that no value passes."""
    tests = _Tests()
    return any(not tests.passes(part) for part in parts)


class _Tests:
    """Tests that must all be passed: which values, or which numbers, each attribute may still have."""

    def __init__(self) -> None:
        self.held: set[ir.Expr] = set()
        self.values: dict[ir.Expr, set[str | int | bool]] = {}
        self.refused: dict[ir.Expr, set[str | int | bool]] = {}
        self.least: dict[ir.Expr, int] = {}
        self.most: dict[ir.Expr, int] = {}

    def passes(self, test: ir.Expr) -> bool:
        """Whether anything can pass this test and all before it."""
        if _opposite(test) in self.held:
            return False
        self.held.add(test)
        match test:
            case ir.Isolation(principal=mine, record=record, crosses=False):
                return self.passes(ir.Compare(mine, "==", record))
            case ir.Compare(left=item, operator=operator, right=ir.Literal(value=value)):
                return self._compared(item, operator, value)
            case ir.Member(item=item, values=values):
                return self._one_of(item, set(values))
            case ir.Not(operand=ir.Member(item=item, values=values)):
                return self._none_of(item, set(values))
        return True

    def _compared(self, item: ir.Expr, operator: str, value: str | int | bool) -> bool:
        match operator:
            case "==":
                return self._one_of(item, {value})
            case "!=":
                return self._none_of(item, {value})
        if not isinstance(value, int):
            return True
        if operator in ("<", "<="):
            self.most[item] = min(self.most.get(item, value), value - (operator == "<"))
        else:
            self.least[item] = max(self.least.get(item, value), value + (operator == ">"))
        return self._any_left(item)

    def _one_of(self, item: ir.Expr, values: set[str | int | bool]) -> bool:
        self.values[item] = self.values.get(item, values) & values
        return self._any_left(item)

    def _none_of(self, item: ir.Expr, values: set[str | int | bool]) -> bool:
        self.refused.setdefault(item, set()).update(values)
        return self._any_left(item)

    def _any_left(self, item: ir.Expr) -> bool:
        least, most = self.least.get(item), self.most.get(item)
        if least is not None and most is not None and least > most:
            return False
        if item not in self.values:
            return True
        left = self.values[item] - self.refused.get(item, set())
        return any(_within(value, least, most) for value in left)


def _within(value: str | int | bool, least: int | None, most: int | None) -> bool:
    return not isinstance(value, int) or ((least is None or value >= least) and (most is None or value <= most))


def _opposite(test: ir.Expr) -> ir.Expr:
    match test:
        case ir.Not(operand=operand):
            return operand
        case ir.Compare(left=left, operator="==", right=right):
            return ir.Compare(left, "!=", right)
        case ir.Compare(left=left, operator="!=", right=right):
            return ir.Compare(left, "==", right)
    return ir.Not(test)
