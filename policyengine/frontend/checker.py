"""Conditions, checked and typed: an expression of the syntax tree to an expression of the core.

In: `Names` and one expression with the scope that it stands in. Out: a typed core expression, or None, mostly with a
finding (what is built on a broken part is not reported again). Orders of enums become membership here.
"""

from __future__ import annotations

from collections.abc import Iterable

from policyengine.diagnostics import Findings
from policyengine.frontend import ast, mending
from policyengine.frontend.attributes import UNKNOWN
from policyengine.frontend.definitions import Definitions, size_of
from policyengine.frontend.mending import Mend, article, put, retyped, suggest
from policyengine.frontend.paths import UNSURE, Facts, Paths, Scope, text_of
from policyengine.frontend.resolver import SUBJECTS, Names, no_value
from policyengine.ir import nodes as ir
from policyengine.model.operators import OPERATORS
from policyengine.model.types import BOOL, INT, STRING, TIME, TYPE, Enum, Id, Type, comparable
from policyengine.model.values import is_tenant_id

_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_WRITE = {
    "Bool": "write a condition, such as a comparison",
    "Time": "a `Time` cannot be written: it comes from an attribute",
}
_ABSENT = ("null", "nil", "none", "None", "undefined")
"""What other languages write for a value that is absent."""


class Checker:
    def __init__(self, names: Names, findings: Findings) -> None:
        self.names = names
        self.schema = names.schema
        self.findings = findings
        self.error = findings.error
        self.paths = Paths(names, findings)
        self.definitions = Definitions(names, findings, self.condition)

    # ---- Entry points

    def condition(self, expr: ast.Expression, scope: Scope, facts: Facts = frozenset()) -> ir.Expr | None:
        """A Bool expression."""
        return self.value(expr, BOOL, scope, facts)

    def value(self, expr: ast.Expression, wanted: Type, scope: Scope, facts: Facts) -> ir.Expr | None:
        """An expression of a given type, as for the field of an obligation."""
        checked = self._check(expr, wanted, scope, facts)
        if checked is None:
            return None
        found = type_of(checked)
        if found is not wanted and found != wanted and not (isinstance(wanted, Id) and comparable(found, wanted)):
            if wanted != UNKNOWN:
                help, edits = self._instead(expr, wanted, scope)
                self.error("wrong-type", f"expected {article(wanted)}, found {article(found)}", expr.span, help, edits)
            return None
        return checked

    # ---- Expressions

    def _check(self, expr: ast.Expression, wanted: Type | None, scope: Scope, facts: Facts) -> ir.Expr | None:
        match expr:
            case ast.Path(names=names):
                if len(names) == 1:
                    return self._bare_name(names[0], wanted, scope)
                return self.paths.read(expr, scope, facts)
            case ast.Compare():
                return self._compare(expr, scope, facts)
            case ast.Value():
                return self._literal(expr, wanted)
            case ast.And(operands=operands):
                conjuncts = self._in_turn(operands, True, scope, facts)
                return ir.And(conjuncts) if conjuncts else None
            case ast.Or(operands=operands):
                disjuncts = self._in_turn(operands, False, scope, facts)
                return ir.Or(disjuncts) if disjuncts else None
            case ast.Not(operand=operand):
                inner = self.condition(operand, scope, facts)
                return ir.Not(inner) if inner else None
            case ast.Has():
                return self.paths.presence(expr, scope, facts)
            case ast.In():
                return self._in(expr, scope, facts)
            case ast.Call():
                return self._call(expr, scope, facts)
            case ast.Granted():
                if scope.threat:
                    return ir.Granted()
                self.error("not-available", "`granted` may stand in a threat only", expr.span, "name a role in a table")
                return None

    def _in_turn(
        self, operands: Iterable[ast.Expression], value: bool, scope: Scope, facts: Facts
    ) -> tuple[ir.Expr, ...] | None:
        """Each operand with the facts that hold when all before it had `value`; else it would not be asked."""
        checked: list[ir.Expr | None] = []
        for operand in operands:
            done = self.condition(operand, scope, facts)
            checked.append(done)
            if done is None:
                facts = UNSURE
            elif more := facts_if(done, value):
                facts = facts | more
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
                help = "an id is not empty" if not value else "it is made of 1 to 64 letters, digits, `_` and `-`"
                self.error("bad-value", f"the text is no `{wanted}`", expr.span, help)
                return None
            return ir.Literal(value, wanted)
        return ir.Literal(value, STRING)

    def _bare_name(self, name: ast.Name, wanted: Type | None, scope: Scope) -> ir.Expr | None:
        """A parameter, or a value of the enum (or a resource type) that its place asks for."""
        if name.text in scope.parameters:
            type_ = scope.parameters[name.text]
            return ir.Var(name.text, type_) if type_ != UNKNOWN else None
        if isinstance(wanted, Enum):
            if name.text in wanted.values:
                return ir.Literal(name.text, wanted)
            no_value(name, wanted, self.findings)
        elif wanted == TYPE and name.text in self.schema.resource:
            return ir.Literal(name.text, TYPE)
        elif name.text not in self.names.unread.words:
            mend = self._meant(name, wanted, scope)
            self.error("unknown-name", f"`{name.text}` means nothing here", name.span, *mend)
        return None

    def _meant(self, name: ast.Name, wanted: Type | None, scope: Scope) -> Mend:
        """What a bare name may have been meant for."""
        if attributes := list(self.paths.could_be(name, scope)):
            return f"did you mean `{attributes[0]}`?", put(name.span, attributes[0])
        known = [*scope.parameters, *(self.schema.resource if wanted == TYPE else ())]
        help, edits = suggest(name, known)
        owners = [enum.name for enum in self.schema.enums if name.text in enum.values]
        if name.text in SUBJECTS:
            return f"say which attribute, as in `{name.text}.id`", ()
        if not edits and wanted in (STRING, Id()):
            return retyped(ast.Path(name.span, (name,)), wanted or STRING)
        if not edits and owners:
            return f"compare an attribute of type `{owners[0]}` with it", ()
        return (help, edits) if edits else suggest(name, SUBJECTS)

    # ---- Comparisons

    def _compare(self, expr: ast.Compare, scope: Scope, facts: Facts) -> ir.Expr | None:
        left, right = self._pair(expr, scope, facts)
        if left is None or right is None:
            return None
        lt, rt = type_of(left), type_of(right)
        ordering = expr.operator in _FLIPPED
        if lt == rt == BOOL and not ordering:
            if not self.definitions.affords(2 * (size_of(left) + size_of(right)), expr.span):
                return None
            same = _same(left, right)
            return same if expr.operator == "==" else ir.Not(same)
        if ordering and isinstance(lt, Enum) and lt == rt:
            return self._ordered(left, right, lt, expr)
        if OPERATORS[expr.operator].types(lt, rt):
            return ir.Compare(left, expr.operator, right)
        if comparable(lt, rt):
            message = f"`{expr.operator}` does not compare {article(lt)}"
            self.error("wrong-type", message, expr.span, "only `Int`, `Time` and ordered enums have an order")
        elif lt == rt:
            message = f"{article(lt)} is not compared as a whole"
            self.error("wrong-type", message, expr.span, "compare its attributes, one by one")
        else:
            message = f"{article(lt)} and {article(rt)} cannot be compared"
            self.error("wrong-type", message, expr.span, *self._alike(expr, lt, rt, scope))
        return None

    def _ordered(self, left: ir.Expr, right: ir.Expr, enum: Enum, expr: ast.Compare) -> ir.Expr | None:
        """Two values of an enum, which must have an order."""
        if enum.ordered:
            cases = 1 if isinstance(left, ir.Literal) or isinstance(right, ir.Literal) else len(enum.values)
            affords = self.definitions.affords(cases * len(enum.values), expr.span)
            return _enum_order(left, expr.operator, right, enum) if affords else None
        declared = self.names.enum_declarations.get(enum.name)
        help = "use `==` or `in`, or declare the enum with `<` between its values, the least first"
        edits = mending.ordered(declared) if declared else ()
        self.error("wrong-type", f"the values of `{enum}` have no order", expr.span, help, edits)
        return None

    def _alike(self, expr: ast.Compare, left: Type, right: Type, scope: Scope) -> Mend:
        """One side, so that it has the type of the other."""
        mends = [self._instead(expr.right, left, scope), self._instead(expr.left, right, scope)]
        help = _WRITE["Time"] if TIME in (left, right) else "compare values of one type"
        return next((mend for mend in mends if mend[1]), (help, ()))

    def _instead(self, expr: ast.Expression, wanted: Type, scope: Scope) -> Mend:
        """The same value, written so that it has the type; or for an id, one of the same object that has it."""
        help, edits = retyped(expr, wanted)
        if edits:
            return help, edits
        if isinstance(expr, ast.Path) and isinstance(wanted, Id):
            alike = self.paths.alike(expr, scope, wanted)
            if len(alike) == 1:
                return f"did you mean `{alike[0]}`?", put(expr.span, alike[0])
        return _WRITE.get(str(wanted), f"write {article(wanted)}"), ()

    def _pair(self, expr: ast.Compare, scope: Scope, facts: Facts) -> tuple[ir.Expr | None, ir.Expr | None]:
        """Both sides; a side that is a bare name or a text takes its type from the other one."""
        if self._compares_with_nothing(expr, expr.left, expr.right):
            return None, None
        if self._compares_with_nothing(expr, expr.right, expr.left):
            return None, None
        if _takes_type(expr.left, scope) and not _takes_type(expr.right, scope):
            right = self._check(expr.right, None, scope, facts)
            return (right and self._check(expr.left, type_of(right), scope, facts)), right
        left = self._check(expr.left, None, scope, facts)
        return left, (left and self._check(expr.right, type_of(left), scope, facts))

    def _compares_with_nothing(self, expr: ast.Compare, side: ast.Expression, other: ast.Expression) -> bool:
        """x == null, as other languages ask whether something is there; with its finding."""
        if not (isinstance(side, ast.Path) and len(side.names) == 1 and side.names[0].text in _ABSENT):
            return False
        if not isinstance(other, ast.Path) or any(side.names[0].text in enum.values for enum in self.schema.enums):
            return False
        asked = f"{'not ' if expr.operator == '==' else ''}has {text_of(other)}"
        edits = put(expr.span, asked) if expr.operator in ("==", "!=") else ()
        message = f"`{side.names[0].text}` means nothing here"
        self.error("unknown-name", message, side.span, f"write `{asked}`", edits)
        return True

    def _in(self, expr: ast.In, scope: Scope, facts: Facts) -> ir.Expr | None:
        item = self._check(expr.item, None, scope, facts)
        if item is None:
            return None
        type_ = type_of(item)
        if not OPERATORS["in"].types(type_, type_):
            self.error("wrong-type", f"`in` does not list values of type `{type_}`", expr.span, "write comparisons")
            return None
        values: list[ir.Expr | None] = [self.value(choice, type_, Scope(), facts) for choice in expr.choices]
        chosen = [value.value for value in values if isinstance(value, ir.Literal)]
        if len(chosen) != len(values):
            return None
        return ir.Member(item, tuple(sorted(set(chosen), key=lambda value: (str(type(value)), value))))

    # ---- Definitions

    def _call(self, expr: ast.Call, scope: Scope, facts: Facts) -> ir.Expr | None:
        parameters = self.definitions.parameters_of(expr)
        if parameters is None:
            return None
        given = zip(parameters, expr.arguments, strict=True)
        arguments = [self.value(argument, type_, scope, facts) for (_, type_), argument in given]
        checked = [argument for argument in arguments if argument is not None]
        return self.definitions.expand(expr, checked) if len(checked) == len(arguments) else None


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
    holds = OPERATORS[operator].meaning
    if isinstance(right, ir.Literal):
        bound = enum.values.index(str(right.value))
        return ir.Member(left, tuple(sorted(value for rank, value in enumerate(enum.values) if holds(rank, bound))))
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
