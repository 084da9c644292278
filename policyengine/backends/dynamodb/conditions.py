"""Conditions of the core as DynamoDB can judge them: what a list selects before a row is decided on.

In: the rules that are left for an action and a type. Out: a `Selection`: a condition on the record's attributes, the
principal and the context, as plain JSON, and the codes of what it leaves to the check of each row. Where there are no
codes it holds of exactly the records that are allowed; with codes it holds of all of them, and of more.

Records are those of the principal's own tenant, so that isolation holds. What DynamoDB cannot know has two bounds, as
in any specialization without rows: true from above in a permit, false from above in a forbid; `not` swaps them.

A condition is true, false, or a list whose head names its kind:

    ["all", c, ...]  ["any", c, ...]  ["not", c]      of conditions
    ["is", operator, template, left, right]           a comparison; a template is a cell of the operator table
    ["in", template, operand, [value, ...]]           one of these values
    ["has", template, operand]                        it is there, with its declared type
    ["holds", template, operand]                      a Bool that is true
    ["absent", name], ["filled", name]                of an attribute: not there or null; not empty

and an operand is ["record", name, DynamoDB type], ["principal", name], ["context", name, ...] or ["value", value].

DynamoDB Developer Guide: "Comparison operator and function reference". A comparison with an attribute that is absent is
false there, and so is its meaning here; what stands under a `not` is therefore guarded by the attribute's type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from policyengine.ir.nodes import (
    TRUE,
    And,
    Attr,
    Compare,
    Expr,
    Granted,
    GrantExists,
    Has,
    Holder,
    Isolation,
    Literal,
    Member,
    Not,
    Or,
    Program,
    Reference,
    Rule,
    Var,
)
from policyengine.ir.simplifier import simplify
from policyengine.ir.visitor import rewrite, walk
from policyengine.model.operators import OPERATORS, Refusal
from policyengine.model.schema import Attribute, Known, Resource
from policyengine.model.types import BOOL, INT, STRING, TIME, TYPE, Entity, Enum, Id, Type

Condition = bool | list[Any]

MAX_IN = 100
"""How many values `IN` takes (DynamoDB Developer Guide, "Comparison operator and function reference")."""


@dataclass(frozen=True, slots=True)
class Selection:
    """`codes` name what the condition cannot say, sorted; without any it selects exactly what is allowed."""

    condition: Condition
    codes: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return not self.codes


def select(program: Program, type_name: str, rules: Iterable[Rule]) -> Selection:
    """The records of the principal's own tenant for which these rules, specialized to the type, may allow."""
    rules = tuple(rules)
    bounds = _Bounds(program, type_name)
    permits = [bounds.above(rule.condition) for rule in rules if rule.effect == "permit"]
    forbids = [bounds.below(rule.condition) for rule in rules if rule.effect == "forbid"]
    if any(rule.effect == "require" for rule in rules):
        bounds.codes.add("dynamodb-obligation")  # an open obligation denies, and only the platform knows of it
    well_formed = bounds.well_formed(program.schema.resource[type_name])
    condition = every((some(permits), negated(some(forbids)), well_formed))
    return Selection(condition, () if condition is False else tuple(sorted(bounds.codes)))


# ---- Joining conditions


def every(conditions: Iterable[Condition]) -> Condition:
    return _joined("all", conditions, decides=False)


def some(conditions: Iterable[Condition]) -> Condition:
    return _joined("any", conditions, decides=True)


def negated(condition: Condition) -> Condition:
    return not condition if isinstance(condition, bool) else ["not", condition]


def _joined(head: str, conditions: Iterable[Condition], decides: bool) -> Condition:
    parts: list[Condition] = []
    for condition in conditions:
        if condition is decides:
            return decides
        inner = condition[1:] if isinstance(condition, list) and condition[0] == head else [condition]
        parts += [part for part in inner if part is not (not decides) and part not in parts]
    if not parts:
        return not decides
    return parts[0] if len(parts) == 1 else [head, *parts]


# ---- Bounds


class _Bounds:
    """What DynamoDB can judge of a condition, from above and from below; `codes` gathers what it cannot."""

    def __init__(self, program: Program, type_name: str) -> None:
        self.schema = program.schema
        self.type_name = type_name
        self.codes: set[str] = set()

    def above(self, condition: Expr) -> Condition:
        """True wherever the condition holds."""
        return self._bound(simplify(rewrite(condition, self._at_home)), True)

    def below(self, condition: Expr) -> Condition:
        """True only where the condition holds or errs."""
        return self._bound(simplify(rewrite(condition, self._at_home)), False)

    def _at_home(self, expr: Expr) -> Expr:
        return TRUE if isinstance(expr, Isolation) else expr

    def _bound(self, expr: Expr, unknown: bool) -> Condition:
        """`unknown` is the bound of what DynamoDB cannot judge."""
        match expr:
            case Literal(value=bool(value)):
                return value
            case Not(operand=operand):
                return negated(self._bound(operand, not unknown))
            case And(operands=operands):
                return every([self._bound(operand, unknown) for operand in operands])
            case Or(operands=operands):
                return some([self._bound(operand, unknown) for operand in operands])
        code = _beyond(expr)
        if code:
            self.codes.add(code)
            return unknown
        if any(isinstance(node, Holder) for node in walk(expr)):
            return self._of_the_holder(expr, unknown)
        return self._leaf(expr, unknown)

    def _of_the_holder(self, expr: Expr, unknown: bool) -> Condition:
        """Of the record itself where it holds its own scope; where it inherits, nobody knows without its folders."""
        self.codes.add("dynamodb-holder")
        own = self._bound(simplify(rewrite(expr, _itself)), unknown)
        inherit = self.schema.inherits.get(self.type_name)
        if inherit is None:
            return own
        attribute = _attribute(self._resource, inherit.attribute)
        scope = Attr(_RECORD, inherit.attribute, attribute.type, Known.RECORD)
        inherits = self._leaf(Compare(scope, "==", Literal(inherit.value, attribute.type)), unknown)
        return some((inherits, own)) if unknown else every((negated(inherits), own))

    @property
    def _resource(self) -> Resource:
        return self.schema.resource[self.type_name]

    def _leaf(self, expr: Expr, unknown: bool) -> Condition:
        match expr:
            case Compare(left=left, operator=operator, right=right):
                ends = (_operand(left), _operand(right))
                cell = OPERATORS[operator].dynamodb
                if None not in ends and not isinstance(cell, Refusal):
                    there = [_there(end) for end in (left, right) if operator == "!=" and _is_optional(end)]
                    return every([*there, ["is", operator, cell, *ends]] if there else [["is", operator, cell, *ends]])
            case Member(item=item, values=values) if len(values) <= MAX_IN:
                end, cell = _operand(item), OPERATORS["in"].dynamodb
                if end and not isinstance(cell, Refusal):
                    filled = [value for value in values if value != ""]  # dynalite's `IN` is false of the empty text
                    empty = [["is", "==", _template("=="), end, ["value", ""]]] if "" in values else []
                    return some((["in", cell, end, filled], *empty)) if filled else some(empty)
            case Has(attr=attr):
                if _operand(attr):
                    return _there(attr)
            case Attr(type=type_) if type_ == BOOL and (end := _operand(expr)):
                return ["holds", _template("=="), end]
        self.codes.add("dynamodb-size" if isinstance(expr, Member) else "dynamodb-expression")
        return unknown

    # ---- The shape of a record

    def well_formed(self, resource: Resource) -> Condition:
        """What of the schema DynamoDB can judge: a malformed record is never allowed."""
        return every([self._attribute_fits(a) for a in resource.attributes if a.name != self.schema.tenant_key])

    def _attribute_fits(self, a: Attribute) -> Condition:
        read = Attr(_RECORD, a.name, a.type, Known.RECORD)
        fits: list[Condition] = [_there(read)]
        if isinstance(a.type, Id):
            fits.append(["filled", a.name])
            if a.type.tenant:
                self.codes.add("dynamodb-tenant-id")  # 1 to 64 of a few characters: no function says so
        elif isinstance(a.type, Enum) or a.type == TYPE:
            values = a.type.values if isinstance(a.type, Enum) else self.schema.type_names
            fits = [self._leaf(Member(read, tuple(sorted(values))), True)]
        elif a.type == TIME:
            self.codes.add("dynamodb-time")  # whether a text is a time, and which
        elif a.type == INT:
            self.codes.add("dynamodb-int")  # whether a number is whole
        return every(fits) if a.required else some((["absent", a.name], every(fits)))


_RECORD = Var("resource", Entity("resource"))


def _itself(expr: Expr) -> Expr:
    return _RECORD if isinstance(expr, Holder) else expr


def _attribute(resource: Resource, name: str) -> Attribute:
    return next(a for a in resource.attributes if a.name == name)


def _beyond(expr: Expr) -> str:
    """The code of what no condition on the record alone can say, or nothing."""
    for node in walk(expr):
        if isinstance(node, GrantExists | Granted):
            return "dynamodb-grant"
        if isinstance(node, Reference):
            return "dynamodb-reference"
    if isinstance(expr, Compare) and TIME in (_type(expr.left), _type(expr.right)):
        return "dynamodb-time"  # one instant has many texts, and their order is not that of the instants
    return ""


def _type(expr: Expr) -> Type | None:
    return expr.type if isinstance(expr, Attr | Literal) else None


def _operand(expr: Expr) -> list[Any] | None:
    match expr:
        case Literal(value=value):
            return ["value", value]
        case Attr(of=Var(name="resource"), name=name, type=type_):
            return ["record", name, dynamodb_type(type_)]
        case Attr(of=Var(name="principal"), name=name):
            return ["principal", name]
        case Attr(of=Var(name="context"), name=name):
            return ["context", name]
        case Attr(of=Attr() as of, name=name):
            path = _operand(of)
            return [*path, name] if path and path[0] == "context" else None
    return None


def dynamodb_type(type_: Type) -> str:
    """The one type of DynamoDB in which values of a type are kept."""
    return "BOOL" if type_ == BOOL else "N" if type_ == INT else "S"


def _is_optional(expr: Expr) -> bool:
    return isinstance(expr, Attr) and isinstance(expr.of, Var) and expr.of.name == "resource" and expr.optional


def _there(expr: Expr) -> Condition:
    """That an attribute is there, with its declared type.

    A Bool is one of two values, and a text may be empty: dynalite's `attribute_type` is false of `false` and of the
    empty text, where AWS's is true. What is said here means the same to both.
    """
    operand, type_ = _operand(expr), _type(expr)
    if operand and operand[0] == "record" and type_ == BOOL:
        return some(["is", "==", _template("=="), operand, ["value", value]] for value in (True, False))
    there: Condition = ["has", _template("has"), operand]
    if operand and operand[0] == "record" and type_ == STRING:
        return some((there, ["is", "==", _template("=="), operand, ["value", ""]]))
    return there


def _template(operator: str) -> str:
    cell = OPERATORS[operator].dynamodb
    assert isinstance(cell, str), operator
    return cell
