"""Conditions, checked and typed: an expression of the syntax tree to an expression of the core.

In: `Names` and one expression with the scope that it stands in. Out: a typed core expression, or None with a finding
(what is built on a broken part is not reported again). Calls are expanded here, within bounds; orders of enums become
membership; every read of an optional attribute must be dominated by a `has`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.parser import MAX_NESTING
from policyengine.frontend.resolver import SUBJECTS, Names, did_you_mean
from policyengine.ir import nodes as ir
from policyengine.ir.visitor import children, rewrite, walk
from policyengine.model import schema as model
from policyengine.model.operators import OPERATORS
from policyengine.model.schema import Known
from policyengine.model.types import BASICS, BOOL, INT, STRING, TYPE, Entity, Enum, Id, Shape, Type, comparable
from policyengine.model.values import is_tenant_id
from policyengine.source import Span

MAX_SIZE = 10_000
"""How many nodes a condition may have once its definitions are expanded."""

Facts = frozenset[ir.Attr]
"""The optional attributes that are known to be there."""

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may speak of. `types`: those of the record; empty where there is none."""

    types: tuple[str, ...] = ()
    row: model.Attributes | None = None
    parameters: Mapping[str, Type] = field(default_factory=dict)
    threat: bool = False


class Checker:
    def __init__(self, names: Names, findings: Findings) -> None:
        self.names = names
        self.schema = names.schema
        self.error = findings.error
        self._bodies: dict[str, ir.Expr | None] = {}
        self._open: list[str] = []

    # ---- Entry points

    def condition(self, expr: ast.Expression, scope: Scope, facts: Facts = frozenset()) -> ir.Expr | None:
        """A Bool expression."""
        return self._typed(expr, BOOL, scope, facts)

    def value(self, expr: ast.Expression, wanted: Type, scope: Scope, facts: Facts) -> ir.Expr | None:
        """An expression of a given type, as for the field of an obligation."""
        return self._typed(expr, wanted, scope, facts)

    def define(self, name: str) -> ir.Expr | None:
        """The body of a definition, expanded, with a `Var` for each parameter; checked once."""
        if name not in self._bodies:
            declaration = self.names.defines[name]
            parameters: dict[str, Type] = {}
            for parameter in declaration.parameters:
                self._declare(parameter, parameters)
            self._open.append(name)
            body = self.condition(declaration.body, Scope(parameters=parameters))
            self._open.pop()
            self._bodies[name] = body
        return self._bodies[name]

    def _declare(self, parameter: ast.Parameter, parameters: dict[str, Type]) -> None:
        name = parameter.name
        taken = {*SUBJECTS, *self.names.groups, *self.names.defines, *self.names.enums, *parameters}
        if name.text in taken or any(name.text in enum.values for enum in self.schema.enums):
            self.error("shadowing", f"the parameter `{name.text}` hides another name", name.span, "rename it")
        text = parameter.type.name.text
        found: Type | None = self.names.enums.get(text) or BASICS.get(text)
        if parameter.type.of is not None and text == "Id":
            of = parameter.type.of.text
            found = Id(of, of == self.schema.tenant)
            if of not in (self.schema.tenant, self.schema.principal.name, *self.schema.resource):
                self.error("unknown-name", f"nothing is called `{of}`", parameter.type.of.span)
        if found is None:
            help = did_you_mean(text, [*self.names.enums, *BASICS])
            self.error("unknown-name", f"no type is called `{text}`", parameter.type.span, help)
        parameters[name.text] = found or BOOL

    # ---- Expressions

    def _typed(self, expr: ast.Expression, wanted: Type, scope: Scope, facts: Facts) -> ir.Expr | None:
        checked = self._check(expr, wanted, scope, facts)
        if checked is None:
            return None
        found = type_of(checked)
        if found != wanted and not (isinstance(wanted, Id) and comparable(found, wanted)):
            self.error("wrong-type", f"expected {_a(wanted)}, found {_a(found)}", expr.span, _mend(wanted))
            return None
        return checked

    def _check(self, expr: ast.Expression, wanted: Type | None, scope: Scope, facts: Facts) -> ir.Expr | None:
        match expr:
            case ast.Value():
                return self._literal(expr, wanted)
            case ast.Path(names=(name,)):
                return self._bare_name(name, wanted, scope)
            case ast.Path():
                return self._path(expr, scope, facts)
            case ast.Has(path=path):
                return self._has(path, scope, facts)
            case ast.Call():
                return self._call(expr, scope, facts)
            case ast.Granted():
                if scope.threat:
                    return ir.Granted()
                self.error("not-available", "`granted` may stand in a threat only", expr.span)
                return None
            case ast.Not(operand=operand):
                inner = self.condition(operand, scope, facts)
                return ir.Not(inner) if inner else None
            case ast.And(operands=operands):
                conjuncts = self._in_turn(operands, True, scope, facts)
                return ir.And(conjuncts) if conjuncts else None
            case ast.Or(operands=operands):
                disjuncts = self._in_turn(operands, False, scope, facts)
                return ir.Or(disjuncts) if disjuncts else None
            case ast.Compare():
                return self._compare(expr, scope, facts)
            case ast.In():
                return self._in(expr, scope, facts)

    def _in_turn(
        self, operands: Iterable[ast.Expression], value: bool, scope: Scope, facts: Facts
    ) -> tuple[ir.Expr, ...] | None:
        """Each operand with the facts that hold when all before it had `value`; else it would not be asked."""
        checked: list[ir.Expr | None] = []
        for operand in operands:
            done = self.condition(operand, scope, facts)
            checked.append(done)
            if done is not None:
                facts = facts | facts_if(done, value)
        whole = tuple(done for done in checked if done is not None)
        return whole if len(whole) == len(checked) else None

    def _literal(self, expr: ast.Value, wanted: Type | None) -> ir.Expr | None:
        value = expr.value
        if isinstance(value, bool):
            return ir.Literal(value, BOOL)
        if isinstance(value, int):
            return ir.Literal(value, INT)
        if isinstance(wanted, Id):
            if not value or (wanted.tenant and not is_tenant_id(value)):
                self.error("bad-value", f"the text is no {wanted}", expr.span, "an id is not empty")
                return None
            return ir.Literal(value, wanted)
        return ir.Literal(value, STRING)

    def _bare_name(self, name: ast.Name, wanted: Type | None, scope: Scope) -> ir.Expr | None:
        """A parameter, or a value of the enum (or a resource type) that its place asks for."""
        if name.text in scope.parameters:
            return ir.Var(name.text, scope.parameters[name.text])
        if isinstance(wanted, Enum):
            if name.text in wanted.values:
                return ir.Literal(name.text, wanted)
            help = did_you_mean(name.text, wanted.values) or f"it is one of {', '.join(wanted.values)}"
            self.error("unknown-name", f"`{name.text}` is no value of {wanted}", name.span, help)
        elif wanted == TYPE and name.text in self.schema.resource:
            return ir.Literal(name.text, TYPE)
        else:
            owners = [enum.name for enum in self.schema.enums if name.text in enum.values]
            help = f"compare an attribute of type {owners[0]} with it" if owners else did_you_mean(
                name.text, [*SUBJECTS, *scope.parameters, *(self.schema.resource if wanted == TYPE else ())]
            )  # fmt: skip
            self.error("unknown-name", f"`{name.text}` means nothing here", name.span, help)
        return None

    # ---- Paths

    def _path(self, path: ast.Path, scope: Scope, facts: Facts) -> ir.Attr | None:
        """A read of an attribute, all of whose optional parts are known to be there."""
        attr = self._resolve(path, scope, facts)
        if attr is not None and attr.optional and attr not in facts:
            self._unguarded(path)
            return None
        return attr

    def _has(self, path: ast.Path, scope: Scope, facts: Facts) -> ir.Expr | None:
        attr = self._resolve(path, scope, facts)
        if attr is None:
            return None
        if not attr.optional:
            self.error("bad-value", f"`{_text(path)}` is never absent", path.span, "remove this test")
            return None
        return ir.Has(attr)

    def _unguarded(self, path: ast.Path) -> None:
        message = f"`{_text(path)}` may be absent here"
        self.error("unguarded-optional", message, path.span, f"write `has {_text(path)} and ...` before it")

    def _resolve(self, path: ast.Path, scope: Scope, facts: Facts) -> ir.Attr | None:
        """The attribute that a path names; the parts before the last must be there."""
        first, *rest = path.names
        if not rest:
            self.error(
                "wrong-type", f"`{first.text}` is no attribute", path.span, "write `resource.` or the like before it"
            )
            return None
        subject: ir.Object | None = self._subject(first, scope)
        attr: ir.Attr | None = None
        for index, name in enumerate(rest):
            if attr is not None:
                so_far = ast.Path(path.span, path.names[: index + 1])
                if attr.optional and attr not in facts:
                    self._unguarded(so_far)
                    return None
                subject = self._step(attr, so_far, scope)
            if subject is None:
                return None
            attr = self._attribute(subject, name, scope)
            if attr is None:
                return None
        return attr

    def _subject(self, name: ast.Name, scope: Scope) -> ir.Object | None:
        match name.text:
            case "principal" if scope.row is None and not scope.parameters:
                return ir.Var("principal", Entity(self.schema.principal.name))
            case "context" if not scope.parameters:
                return ir.Var("context", Entity("context"))
            case "resource" if scope.types:
                return ir.Var("resource", Entity("resource"))
            case "row" if scope.row is not None:
                return ir.Var("row", Entity("row"))
            case "holder" if scope.types:
                if all(type_name in self.schema.inherits for type_name in scope.types):
                    return ir.Holder()
                message = "`holder` needs types whose scope is inherited"
                self.error("not-available", message, name.span, "declare it with `as` in their access declaration")
                return None
        if name.text in SUBJECTS:
            help = "a definition speaks of its parameters only" if scope.parameters else ""
            self.error("not-available", f"`{name.text}` is not available here", name.span, help)
        else:
            known = [*SUBJECTS, *scope.parameters]
            self.error("unknown-name", f"`{name.text}` means nothing here", name.span, did_you_mean(name.text, known))
        return None

    def _step(self, attr: ir.Attr, path: ast.Path, scope: Scope) -> ir.Object | None:
        """What the next name is read from: the object in the context, or the row that an id refers to."""
        if isinstance(attr.type, Shape):
            return attr
        of_resource = isinstance(attr.of, ir.Var) and attr.of.name == "resource"
        if isinstance(attr.type, Id) and attr.type.of in self.schema.resource and of_resource:
            outside = [name for name in scope.types if self.schema.resource[name].global_reason]
            if outside:
                message = f"`{outside[0]}` belongs to no tenant, in which a row could be looked up"
                self.error("not-available", message, path.span, "keep the type isolated, or compare the id")
                return None
            if self.schema.resource[attr.type.of].global_reason:
                message = f"`{attr.type.of}` belongs to no tenant and cannot be looked up"
                self.error("not-available", message, path.span)
                return None
            return ir.Reference(attr, attr.type.of)
        message = f"`{_text(path)}` has no attributes of its own"
        self.error("wrong-type", message, path.span, "only the record's own `Id of` another type refers to a row")
        return None

    def _attribute(self, of: ir.Object, name: ast.Name, scope: Scope) -> ir.Attr | None:
        """The attribute of that name, which every type in question must have, and have alike."""
        if isinstance(of, ir.Var) and of.name == "resource" and name.text == "type":
            return ir.Attr(of, "type", TYPE, Known.ARGUMENT)
        alike: set[model.Attribute | None] = set()
        lacking = ""
        for owner, attributes in self._owners(of, scope):
            found = model.attribute(attributes, name.text)
            alike.add(found and replace(found, mark="", known=Known.RECORD))
            lacking = lacking or ("" if found else owner)
        if len(alike) != 1 or None in alike:
            owners = self._owners(of, scope)
            known = [a.name for _, attributes in owners for a in attributes]
            message = f"`{lacking}` has no attribute `{name.text}`" if lacking else (
                f"`{name.text}` is not the same attribute in all of {', '.join(owner for owner, _ in owners)}"
            )  # fmt: skip
            self.error("unknown-name", message, name.span, did_you_mean(name.text, known))
            return None
        _, attributes = self._owners(of, scope)[0]
        attribute = model.attribute(attributes, name.text)
        assert attribute is not None
        return ir.Attr(of, attribute.name, attribute.type, self._known(of, attribute), attribute.optional)

    def _owners(self, of: ir.Object, scope: Scope) -> list[tuple[str, model.Attributes]]:
        """The declarations that an object may be of, with their attributes."""
        schema = self.schema
        match of:
            case ir.Var(name="principal"):
                return [(schema.principal.name, schema.principal.attributes)]
            case ir.Var(name="context"):
                return [("context", schema.context)]
            case ir.Var(name="row"):
                return [("row", scope.row or ())]
            case ir.Var():
                return [(name, schema.resource[name].attributes) for name in scope.types]
            case ir.Holder():
                names = {*scope.types, *(schema.inherits[name].parent_type for name in scope.types)}
                return [(name, schema.resource[name].attributes) for name in sorted(names)]
            case ir.Reference(target=target):
                return [(target, schema.resource[target].attributes)]
            case ir.Attr(type=type_):
                return [(str(type_), schema.shape[str(type_)])]

    def _known(self, of: ir.Object, attribute: model.Attribute) -> Known:
        match of:
            case ir.Var(name="principal"):
                return Known.TOKEN
            case ir.Var(name="row"):
                return Known.GRANT
            case ir.Holder():
                return Known.ANCESTOR
            case ir.Reference():
                return Known.REFERENCED
            case ir.Attr(known=known):
                return known
            case ir.Var():
                return attribute.known

    # ---- Comparisons

    def _compare(self, expr: ast.Compare, scope: Scope, facts: Facts) -> ir.Expr | None:
        left, right = self._pair(expr, scope, facts)
        if left is None or right is None:
            return None
        lt, rt = type_of(left), type_of(right)
        ordering = expr.operator in _FLIPPED
        if lt == rt == BOOL and not ordering:
            same = _same(left, right)
            return same if expr.operator == "==" else ir.Not(same)
        if ordering and isinstance(lt, Enum) and lt == rt:
            if lt.ordered:
                return _enum_order(left, expr.operator, right, lt)
            message = f"the values of {lt} have no order"
            self.error("wrong-type", message, expr.span, "use `==` or `in`, or declare the enum with `<`")
            return None
        if not OPERATORS[expr.operator].types(lt, rt):
            if lt == rt or comparable(lt, rt):
                self.error(
                    "wrong-type",
                    f"`{expr.operator}` does not compare {_a(lt)}",
                    expr.span,
                    "only Int, Time and ordered enums have an order",
                )
            else:
                message = f"{_a(lt)} and {_a(rt)} cannot be compared"
                self.error("wrong-type", message, expr.span, "compare values of one type")
            return None
        return ir.Compare(left, expr.operator, right)

    def _pair(self, expr: ast.Compare, scope: Scope, facts: Facts) -> tuple[ir.Expr | None, ir.Expr | None]:
        """Both sides; a side that is a bare name or a text takes its type from the other one."""
        if _takes_type(expr.left, scope) and not _takes_type(expr.right, scope):
            right = self._check(expr.right, None, scope, facts)
            return (right and self._check(expr.left, type_of(right), scope, facts)), right
        left = self._check(expr.left, None, scope, facts)
        return left, (left and self._check(expr.right, type_of(left), scope, facts))

    def _in(self, expr: ast.In, scope: Scope, facts: Facts) -> ir.Expr | None:
        item = self._check(expr.item, None, scope, facts)
        if item is None:
            return None
        if not OPERATORS["in"].types(type_of(item), type_of(item)):
            message = f"`in` does not list values of type {type_of(item)}"
            self.error("wrong-type", message, expr.span, "write comparisons")
            return None
        values: list[ir.Expr | None] = [self._typed(choice, type_of(item), Scope(), facts) for choice in expr.choices]
        chosen = [value.value for value in values if isinstance(value, ir.Literal)]
        if len(chosen) != len(values):
            return None
        return ir.Member(item, tuple(sorted(set(chosen), key=lambda value: (str(type(value)), value))))

    # ---- Definitions

    def _call(self, expr: ast.Call, scope: Scope, facts: Facts) -> ir.Expr | None:
        name = expr.name.text
        declaration = self.names.defines.get(name)
        if declaration is None:
            help = did_you_mean(name, self.names.defines)
            self.error("unknown-name", f"no definition is called `{name}`", expr.name.span, help)
            return None
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            self.error("cyclic-define", f"`{name}` uses itself: {chain}", expr.name.span, "break the circle")
            return None
        if len(self._open) >= MAX_NESTING:
            self.error("too-deep", f"definitions nest more than {MAX_NESTING} deep", expr.span, "flatten them")
            return None
        body = self.define(name)
        if len(expr.arguments) != len(declaration.parameters):
            wanted = len(declaration.parameters)
            message = f"`{name}` takes {wanted} argument{'s' * (wanted != 1)}, found {len(expr.arguments)}"
            self.error("wrong-type", message, expr.span, "give one argument for each parameter")
            return None
        if body is None:
            return None
        arguments: dict[ir.Expr, ir.Expr] = {}
        for parameter, given in zip(declaration.parameters, expr.arguments, strict=True):
            wanted_type = self._parameter_type(parameter)
            argument = self._typed(given, wanted_type, scope, facts)
            if argument is None:
                return None
            arguments[ir.Var(parameter.name.text, wanted_type)] = argument
        return self._expand(body, arguments, expr.span)

    def _parameter_type(self, parameter: ast.Parameter) -> Type:
        text, of = parameter.type.name.text, parameter.type.of
        if of is not None:
            return Id(of.text, of.text == self.schema.tenant)
        return self.names.enums.get(text) or BASICS.get(text) or BOOL

    def _expand(self, body: ir.Expr, arguments: dict[ir.Expr, ir.Expr], span: Span) -> ir.Expr | None:
        """The body with the arguments in place of the parameters; its size is counted before it is built."""
        sizes = {parameter: _size(argument) for parameter, argument in arguments.items()}
        if sum(sizes.get(node, 1) for node in walk(body)) > MAX_SIZE:
            help = "say it in fewer steps: definitions that double grow beyond all bounds"
            self.error("too-large", f"the condition has more than {MAX_SIZE} parts when expanded", span, help)
            return None
        expanded = rewrite(body, lambda node: arguments.get(node, node))
        if _depth(expanded) > MAX_NESTING:
            self.error(
                "too-deep", f"nested more than {MAX_NESTING} deep when expanded", span, "flatten the definitions"
            )
            return None
        return expanded


def facts_if(expr: ir.Expr, value: bool) -> Facts:
    """The optional attributes that must be there where the expression has that value.

    They hold too where it errs: an error leaves every `has` that could have decided otherwise in its favour.
    """
    match expr:
        case ir.Has(attr=attr):
            return frozenset([attr]) if value else frozenset()
        case ir.Not(operand=operand):
            return facts_if(operand, not value)
        case ir.And(operands=operands) | ir.Or(operands=operands):
            parts = [facts_if(operand, value) for operand in operands]
            all_hold = isinstance(expr, ir.And) == value
            return frozenset().union(*parts) if all_hold else parts[0].intersection(*parts[1:])
    return frozenset()


def type_of(expr: ir.Expr) -> Type:
    """The type of a core expression; everything but a read and a literal is a Bool."""
    match expr:
        case ir.Literal(type=type_) | ir.Var(type=type_) | ir.Attr(type=type_):
            return type_
    return BOOL


def _enum_order(left: ir.Expr, operator: str, right: ir.Expr, enum: Enum) -> ir.Expr:
    """trust >= SUPERVISED => trust in { AUTONOMOUS, SUPERVISED }; of two reads, one case for each value."""
    if isinstance(left, ir.Literal) and not isinstance(right, ir.Literal):
        return _enum_order(right, _FLIPPED[operator], left, enum)
    rank = enum.values.index
    holds = OPERATORS[operator].meaning
    if isinstance(right, ir.Literal):
        bound = rank(str(right.value))
        return ir.Member(left, tuple(sorted(value for value in enum.values if holds(rank(value), bound))))
    cases = []
    for value in enum.values:
        is_value = ir.Compare(right, "==", ir.Literal(value, enum))
        cases.append(ir.And((is_value, _enum_order(left, operator, ir.Literal(value, enum), enum))))
    return ir.Or(tuple(cases))


def _same(left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """x == true => x; x == false => not x; of two conditions: both or neither. So no comparison is of Bools."""
    for literal, other in ((right, left), (left, right)):
        if isinstance(literal, ir.Literal):
            return other if literal.value else ir.Not(other)
    return ir.Or((ir.And((left, right)), ir.And((ir.Not(left), ir.Not(right)))))


def _takes_type(expr: ast.Expression, scope: Scope) -> bool:
    match expr:
        case ast.Path(names=(name,)):
            return name.text not in scope.parameters
        case ast.Value(value=value):
            return isinstance(value, str)
    return False


def _size(expr: ir.Expr) -> int:
    return sum(1 for _ in walk(expr))


def _depth(expr: ir.Expr) -> int:
    return 1 + max((_depth(child) for child in children(expr)), default=0)


def _text(path: ast.Path) -> str:
    return ".".join(name.text for name in path.names)


def _a(type_: Type) -> str:
    return f"{'an' if str(type_)[0] in 'AEIO' else 'a'} {type_}"


def _mend(wanted: Type) -> str:
    return "write a condition, such as a comparison" if wanted == BOOL else f"write {_a(wanted)}"
