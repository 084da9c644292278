"""Core expressions as Python expressions.

In generated functions `p`, `r` and `c` are the principal, the record and the context, `row` a grant row. Where
attributes have been read into variables (`local`) these are called `p_<attribute>` and so on. Rows that can be missing
have variables too: `h` for the holder, `x_<attribute>` for a reference.
"""

from __future__ import annotations

from functools import partial, reduce

from policyengine.backends.python.text import cell, text
from policyengine.ir.nodes import (
    And,
    Attr,
    Compare,
    Expr,
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
    Var,
)
from policyengine.ir.visitor import can_err, walk
from policyengine.model.schema import Grant
from policyengine.model.types import TIME, Id


class Writer:
    """For records of one type. `above`: the holder is known to be a row above the record, not the record itself."""

    def __init__(self, program: Program, type_name: str, *, local: bool = False, above: bool = False) -> None:
        self.program = program
        self.schema = program.schema
        self.type = type_name
        self.inherit = program.schema.inherits.get(type_name)
        self.local = local
        self.above = above

    def plain(self, expr: Expr) -> str:
        """A Python expression of the same value, where no row that it reads is an error."""
        match expr:
            case Literal(value=value):
                return text(value) if isinstance(value, str) else repr(value)
            case Var(name=name):
                return {"principal": "p", "resource": "r", "context": "c", "row": "row"}[name]
            case Holder():
                return "h"
            case Reference(by=by):
                return f"x_{by.name}"
            case Attr(of=Var() as of, name=name) if self.local and of.name != "row" and name != "type":
                return f"{self.plain(of)}_{name}"
            case Attr(of=of, name=name, optional=optional):
                return f'{self.plain(of)}.get("{name}")' if optional else f'{self.plain(of)}["{name}"]'
            case Has(attr=attr):
                return cell("has", self.plain(attr))
            case Not(operand=operand):
                return cell("not", self.inside(operand))
            case And(operands=operands) | Or(operands=operands):
                word = "and" if isinstance(expr, And) else "or"
                return reduce(partial(cell, word), map(self.inside, operands)) if operands else ""
            case Compare(left=left, operator=operator, right=right):
                return cell(operator, self._operand(left), self._operand(right))
            case Member(item=item, values=values):
                return cell("in", self._operand(item), repr(values))
            case Isolation(principal=principal, record=record, crosses=crosses):
                same = f"{self.plain(principal)} == {self.plain(record)}"
                return f"({same} or {self._holds_its_own_scope()})" if crosses else same
            case GrantExists():
                return self._granted(expr)
        raise TypeError(f"no Python for {type(expr).__name__}")

    def inside(self, expr: Expr) -> str:
        return (
            f"({self.plain(expr)})" if isinstance(expr, And | Or | Not | Compare | Member | Has) else self.plain(expr)
        )

    def _operand(self, expr: Expr) -> str:
        text = self.inside(expr)
        return f"instant({text})" if isinstance(expr, Attr) and expr.type == TIME else text

    def record(self, name: str, *, optional: bool = False) -> str:
        """An attribute of the record."""
        return f"r_{name}" if self.local else f'r.get("{name}")' if optional else f'r["{name}"]'

    def _holds_its_own_scope(self) -> str:
        return f'{self.record(self.inherit.attribute)} != "{self.inherit.value}"' if self.inherit else "True"

    def _granted(self, grant: GrantExists) -> str:
        row = self.schema.grant_on[self.type]
        own_id = self.schema.resource[self.type].identity
        type_, id = 'r["type"]', self.record(own_id)
        if isinstance(grant.on, Holder) and self.inherit:
            parent = self.inherit.parent_type
            id = parent_id = f'h["{self.schema.resource[parent].identity}"]'
            type_ = f'"{parent}"'
            if not self.above:
                type_ = f'r["type"] if h is r else "{parent}"'
                id = f'r["{own_id}"] if h is r else {parent_id}'
        context = "".join(f", {self.plain(attr)}" for attr in live_reads(self.program, row))
        member, tenant = self.plain(grant.member), self.plain(grant.member_tenant)
        org = self.record(self.schema.tenant_key)
        return f"_granted_{row.name}(entities, {org}, {type_}, {id}, {member}, {tenant}, {grant.roles!r}{context})"

    # ---- With rows that can be missing

    def full(self, expr: Expr) -> str:
        """A Python expression of the same value, or of an `Err`: Kleene's table, each row asked for when needed."""
        if not can_err(expr):
            return self.plain(expr)
        match expr:
            case Not(operand=operand):
                return f"negate({self.full(operand)})"
            case And(operands=operands) | Or(operands=operands):
                parts = ", ".join(f"lambda: {self.full(operand)}" for operand in operands)
                return f"kleene({isinstance(expr, Or)}, {parts})"
        slots = self.slots(expr)
        return f"lift(lambda {', '.join(slots)}: {self.plain(expr)}, {', '.join(f'find_{slot}()' for slot in slots)})"

    def slots(self, *exprs: Expr) -> list[str]:
        """The variables of the rows that can be missing."""
        found = {self.plain(node) for expr in exprs for node in walk(expr) if isinstance(node, Holder | Reference)}
        return sorted(found)

    def find(self, slot: str) -> str:
        """A Python expression for the row of a slot, or for its error."""
        org = self.record(self.schema.tenant_key)
        if slot == "h" and self.inherit:
            if not self.above:
                return f"_holder_{self.inherit.parent_type}(entities, r)"
            own = self.record(self.schema.resource[self.type].identity) if self.climbs_itself else "None"
            up = self.record(self.inherit.parent)
            return f"_above_{self.inherit.parent_type}(entities, {org}, {up}, {own})"
        attribute = slot.removeprefix("x_")
        declared = next(a for a in self.schema.resource[self.type].attributes if a.name == attribute)
        assert isinstance(declared.type, Id)
        target, id = declared.type.of, self.record(attribute, optional=declared.optional)
        return f'reference(entities, {org}, "{target}", {id}, _find_{target})'

    @property
    def climbs_itself(self) -> bool:
        """Whether the record could be met on its own chain."""
        return self.inherit is not None and self.inherit.parent_type == self.type

    def holds(self, expr: Expr, wanted: bool = True) -> str:
        """A Python expression that is true where the value is `wanted`, and false where it is not or is an error.

        Every slot has its variable, and another one, `ok_<slot>`, that says whether it is a row.
        """
        if not can_err(expr):
            return self.inside(expr) if wanted else f"not {self.inside(expr)}"
        match expr:
            case Not(operand=operand):
                return self.holds(operand, not wanted)
            case And(operands=operands) | Or(operands=operands):
                word = " and " if isinstance(expr, And) == wanted else " or "
                return f"({word.join(self.holds(operand, wanted) for operand in operands)})"
        there = [f"ok_{slot}" for slot in self.slots(expr)]
        return f"({' and '.join([*there, self.inside(expr) if wanted else f'not {self.inside(expr)}'])})"


def live_reads(program: Program, grant: Grant) -> list[Attr]:
    """The attributes of the context that decide whether a grant row counts."""
    live = program.live_when(grant.name)
    reads = {node for node in walk(live) if isinstance(node, Attr) and _is_context(node.of)}
    return sorted(reads, key=lambda attr: attr.name)


def _is_context(expr: Expr) -> bool:
    return isinstance(expr, Var) and expr.name == "context"
