"""What an expression is worth for one request: a value, or an `Error`, by Kleene's table with error as the unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from policyengine.interpreter.checking import well_formed
from policyengine.ir import nodes as ir
from policyengine.model.operators import OPERATORS
from policyengine.model.types import TIME
from policyengine.model.values import instant

MAX_CHAIN = 32
"""How many rows up a scope may be held; the parent is one up (docs/studio.md, Chains)."""


@dataclass(frozen=True, slots=True)
class Error:
    """No value, for this cause. `incomplete`: a row could not be loaded, and nothing else decided."""

    cause: str
    incomplete: bool = False


class Entities(Protocol):
    """Where rows come from. What it gives is checked; what it raises makes the answer Incomplete."""

    def get(self, org_id: str, type_name: str, id: str, /) -> Any: ...
    def grants(self, org_id: str, type_name: str, id: str, member_id: str, /) -> Iterable[Any]: ...


@dataclass(frozen=True)
class Evaluation:
    """`given` holds the principal, the resource and the context, checked; a grant's condition also has its row."""

    program: ir.Program
    given: Mapping[str, Any]
    entities: Entities

    def value(self, expr: ir.Expr) -> Any:
        match expr:
            case ir.Literal(value=value):
                return value
            case ir.Var(name=name):
                return self.given[name]
            case ir.Attr(of=of, name=name):
                return lift(lambda row: row.get(name), self.value(of))
            case ir.Has(attr=attr):
                return lift(lambda value: value is not None, self.value(attr))
            case ir.Not(operand=operand):
                return lift(lambda value: not value, self.value(operand))
            case ir.And(operands=operands):
                return self._kleene(operands, decides=False)
            case ir.Or(operands=operands):
                return self._kleene(operands, decides=True)
            case ir.Compare(left=left, operator=operator, right=right):
                is_time = isinstance(left, ir.Attr) and left.type == TIME
                return lift(lambda a, b: _compare(operator, a, b, is_time), self.value(left), self.value(right))
            case ir.Member(item=item, values=values):
                return lift(lambda value: value in values, self.value(item))
            case ir.Isolation(principal=principal, record=record, crosses=crosses):
                type_name = self.given["resource"]["type"]
                same = bool(self.program.schema.resource[type_name].global_reason) or (
                    self.value(principal) == self.value(record)
                )
                return same or (crosses and self._holds_its_own_scope(self.given["resource"], type_name))
            case ir.Holder():
                return self._holder()
            case ir.Reference(by=by, target=target):
                id = self.value(by)
                return self._row(target, id) if id is not None else Error(f"no {target} is named")
            case ir.GrantExists(on=on):
                return lift(lambda record: self._granted(expr, record), self.value(on))
            case ir.Granted():
                raise ValueError("`granted` is a question about all requests, not about one")

    def _kleene(self, operands: tuple[ir.Expr, ...], decides: bool) -> Any:
        """`and` (decided by false) or `or` (by true): what decides wins over an error, an error over the rest."""
        errors: list[Error] = []
        for operand in operands:
            value = self.value(operand)
            if value is decides:
                return decides
            if isinstance(value, Error):
                errors.append(value)
        return lift(lambda *_: not decides, *errors)

    def _holds_its_own_scope(self, record: Any, type_name: str) -> bool:
        inherit = self.program.schema.inherits.get(type_name)
        return inherit is None or record[inherit.attribute] != inherit.value

    def _holder(self) -> Any:
        """The record itself, or the nearest row up that does not inherit; the walk looks at nothing above it."""
        schema, record = self.program.schema, self.given["resource"]
        type_name = record["type"]
        met = {(type_name, record[schema.resource[type_name].identity])}
        while not self._holds_its_own_scope(record, type_name):
            inherit = schema.inherits[type_name]
            type_name, id = inherit.parent_type, record.get(inherit.parent)
            if id is None:
                return Error("the chain does not resolve: a record that inherits has no parent")
            if len(met) > MAX_CHAIN:
                return Error(f"the chain does not resolve: it is longer than {MAX_CHAIN}")
            if (type_name, id) in met:
                return Error("the chain does not resolve: a record is met twice")
            met.add((type_name, id))
            record = self._row(type_name, id)
            if isinstance(record, Error):
                return record if record.incomplete else Error(f"the chain does not resolve: {record.cause}")
        return {**record, "type": type_name}

    def _row(self, type_name: str, id: str) -> Any:
        """A row of the record's organization, which must be what was asked for, whoever supplied it."""
        schema, resource = self.program.schema, self.program.schema.resource[type_name]
        org_id = self.given["resource"][schema.tenant_key]
        row = _ask(self.entities.get, org_id, type_name, id)
        if isinstance(row, Error):
            return row
        if not well_formed(schema, type_name, resource.attributes, row):
            return Error(f"a {type_name} is missing")
        asked_for = (row[schema.tenant_key], row[resource.identity]) == (org_id, id)
        return row if asked_for else Error(f"a {type_name} is missing")

    def _granted(self, expr: ir.GrantExists, record: Any) -> Any:
        """Whether one of the rows on the record, each judged by itself, is the member's, live, and of such a role."""
        schema, type_name = self.program.schema, record["type"]
        grant, org_id = schema.grant_on[type_name], self.given["resource"][schema.tenant_key]
        names = (schema.tenant_key, grant.resource_type, grant.resource_id, grant.member_id, grant.member_tenant)
        key = (org_id, type_name, record[schema.resource[type_name].identity], self.value(expr.member))
        rows = _ask(lambda *key: list(self.entities.grants(*key)), *key)
        for row in () if isinstance(rows, Error) else rows:
            if well_formed(schema, grant.name, grant.attributes, row):
                named = tuple(row[name] for name in names) == (*key, self.value(expr.member_tenant))
                with_row = Evaluation(self.program, {**self.given, "row": row}, self.entities)
                if named and row[grant.role] in expr.roles and with_row.value(self.program.live_when(grant.name)):
                    return True
        return rows if isinstance(rows, Error) else False


def _ask(function: Callable[..., Any], *key: str) -> Any:
    """What the entities give; whatever they raise means that the answer cannot be complete."""
    try:
        return function(*key)
    except Exception as failure:
        return Error(type(failure).__name__, incomplete=True)


def lift(function: Callable[..., Any], *values: Any) -> Any:
    """The function of the values; of errors an incomplete one first, then the least cause, whatever their order."""
    errors = [value for value in values if isinstance(value, Error)]
    return min(errors, key=lambda error: (not error.incomplete, error.cause)) if errors else function(*values)


def _compare(operator: str, a: Any, b: Any, is_time: bool) -> bool:
    """Of an absent attribute false: a `has` beside it decides then."""
    if a is None or b is None:
        return False
    return OPERATORS[operator].meaning(*((instant(a), instant(b)) if is_time else (a, b)))
