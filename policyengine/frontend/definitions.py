"""Definitions: their bodies, checked once, and their calls, expanded within bounds.

In: `Names`, and a way to check a condition. Out: expressions of the core without a call. A definition is not a rule: it
speaks of its parameters only, which stand in its body as variables until a call puts arguments in their place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.attributes import UNKNOWN
from policyengine.frontend.limits import MAX_EXPANDED, MAX_NESTING, MAX_SIZE, Budget
from policyengine.frontend.mending import OTHERWISE, listed, put, suggest
from policyengine.frontend.paths import Scope
from policyengine.frontend.resolver import SUBJECTS, Names
from policyengine.ir import nodes as ir
from policyengine.ir.visitor import children, rewrite, walk
from policyengine.model.types import BASICS, Id, Type
from policyengine.source import Span

Check = Callable[[ast.Expression, Scope], ir.Expr | None]
Parameters = list[tuple[str, Type]]


class Definitions:
    def __init__(self, names: Names, findings: Findings, check: Check) -> None:
        self.names = names
        self.error = findings.error
        self._check = check
        self._parameters: dict[str, Parameters] = {}
        self._bodies: dict[str, ir.Expr | None] = {}
        self._weights: dict[str, tuple[int, dict[str, int]]] = {}
        self._open: list[str] = []
        help = "say it in smaller definitions, or in fewer calls"
        self._budget = Budget(MAX_EXPANDED, "parts when its calls are expanded", help, findings)
        values = {value for enum in names.schema.enums for value in enum.values}
        self._taken = {*SUBJECTS, *names.groups, *names.defines, *names.enums, *values} - names.unread.words

    def body(self, name: str) -> ir.Expr | None:
        """The body of a definition, expanded, with a `Var` for each parameter; checked once."""
        if name not in self._bodies:
            declaration = self.names.defines[name]
            parameters = dict(reversed(self._declared(name)))
            self._open.append(name)
            body = self._check(declaration.body, Scope(parameters=parameters, root=declaration.body))
            self._open.pop()
            self._bodies[name] = body
        return self._bodies[name]

    # ---- Parameters

    def _declared(self, name: str) -> Parameters:
        """The parameters of a definition, with findings when it is seen for the first time."""
        if name not in self._parameters:
            declaration = self.names.defines[name]
            found: Parameters = []
            for parameter in declaration.parameters:
                self._refuse_shadowing(parameter, declaration, {name for name, _ in found})
                found.append((parameter.name.text, self._type(parameter.type)))
            self._parameters[name] = found
        return self._parameters[name]

    def _refuse_shadowing(self, parameter: ast.Parameter, declaration: ast.Define, before: set[str]) -> None:
        name = parameter.name
        if name.text in self._taken or name.text in before:
            new = f"{name.text}_"
            uses = [] if name.text in before else list(_uses(name.text, declaration.body))
            edits = tuple(edit for use in (name, *uses) for edit in put(use.span, new))
            message = f"the parameter `{name.text}` hides another name"
            free = new not in self._taken and new not in before
            self.error("shadowing", message, name.span, "rename it", edits if free else ())

    def _type(self, name: ast.TypeName) -> Type:
        schema, text, unread = self.names.schema, name.name.text, self.names.unread.words
        if name.of is not None and text == "Id":
            of = name.of.text
            known = (schema.tenant, schema.principal.name, *schema.resource)
            if of not in known and of not in unread and "" not in known:
                message = f"`{of}` is no tenant, principal or resource type"
                self.error("unknown-name", message, name.of.span, *suggest(name.of, known, f"there is {listed(known)}"))
            return Id(of, of == schema.tenant)
        found = self.names.enums.get(text) or BASICS.get(text)
        if found is None and text not in unread:
            known = (*self.names.enums, *BASICS)
            help = f"there is {listed(known)}"
            self.error("unknown-name", f"no type is called `{text}`", name.name.span, *suggest(name.name, known, help))
        if found is not None and name.of is not None:
            message = f"`{text}` takes no `of`"
            self.error("wrong-type", message, name.name.span, "only an `Id` is of something", put(name.name.span, "Id"))
        return found or UNKNOWN

    # ---- Calls

    def parameters_of(self, call: ast.Call) -> Parameters | None:
        """What a call takes, where it may be made at all."""
        name = call.name.text
        if name not in self.names.defines:
            if name not in self.names.unread.words:
                message = f"no definition is called `{name}`"
                self.error("unknown-name", message, call.name.span, *suggest(call.name, self.names.defines, OTHERWISE))
            return None
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            self.error("cyclic-define", f"`{name}` uses itself: `{chain}`", call.name.span, "break the circle")
            return None
        if len(self._open) >= MAX_NESTING:
            message = f"definitions nest more than {MAX_NESTING} deep"
            self.error("too-deep", message, call.name.span, "let one of them say it all")
            return None
        parameters = self._declared(name)
        if len(call.arguments) != len(parameters):
            wanted = len(parameters)
            message = f"`{name}` takes {wanted} argument{'s' * (wanted != 1)}, found {len(call.arguments)}"
            self.error("wrong-type", message, call.span, "give one argument for each parameter")
            return None
        self.body(name)
        return parameters

    def expand(self, call: ast.Call, arguments: Sequence[ir.Expr]) -> ir.Expr | None:
        """The body with the arguments in place of the parameters; its size is counted before it is built."""
        name = call.name.text
        body = self.body(name)
        if body is None:
            return None
        parameters = self._declared(name)
        own, uses = self._weight(name, body)
        size = own + sum(
            uses[parameter] * size_of(argument)
            for (parameter, _), argument in zip(parameters, arguments, strict=True)
            if parameter in uses
        )
        if not self.affords(size, call.span):
            return None
        by_variable: dict[ir.Expr, ir.Expr] = {
            ir.Var(*parameter): argument for parameter, argument in zip(parameters, arguments, strict=True)
        }
        expanded = rewrite(body, lambda node: by_variable.get(node, node))
        if _depth(expanded) > MAX_NESTING:
            message = f"nested more than {MAX_NESTING} deep when expanded"
            self.error("too-deep", message, call.span, "flatten the definitions")
            return None
        return expanded

    def _weight(self, name: str, body: ir.Expr) -> tuple[int, dict[str, int]]:
        """How many parts a body has besides its parameters, and how often it uses each of these."""
        if name not in self._weights:
            uses = Counter(node.name for node in walk(body) if isinstance(node, ir.Var))
            self._weights[name] = size_of(body) - uses.total(), dict(uses)
        return self._weights[name]

    def affords(self, size: int, span: Span) -> bool:
        """Whether an expression of that size may be built; with a finding where it may not."""
        if size > MAX_SIZE:
            message = f"this has more than {MAX_SIZE:,} parts when expanded"
            self.error("too-large", message, span, "say it in fewer steps: what doubles grows beyond all bounds")
            return False
        return self._budget.spend(size, span)


def _uses(name: str, expr: ast.Expression | ast.Value) -> list[ast.Name]:
    """Where a parameter is used."""
    match expr:
        case ast.Path(names=(ast.Name(text=text) as use,)) if text == name:
            return [use]
        case ast.And(operands=parts) | ast.Or(operands=parts) | ast.Call(arguments=parts):
            return [use for part in parts for use in _uses(name, part)]
        case ast.Not(operand=part):
            return _uses(name, part)
        case ast.Compare(left=left, right=right):
            return _uses(name, left) + _uses(name, right)
        case ast.In(item=item):
            return _uses(name, item)
    return []


def size_of(expr: ir.Expr) -> int:
    """How many parts an expression has."""
    return sum(1 for _ in walk(expr))


def _depth(expr: ir.Expr) -> int:
    return 1 + max((_depth(child) for child in children(expr)), default=0)
