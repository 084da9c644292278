"""An expression of the core as a pair of SMT-LIB terms: its value, and whether it errs.

Kleene's table with error as the unknown; a condition's value is false where its error is true. A construct without an
encoding is refused, never approximated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from policyengine.analysis.terms import all_of, any_of, implies, integer, negated
from policyengine.analysis.vocabulary import RESOLVES, Row, Vocabulary, sort_of
from policyengine.ir import nodes as ir
from policyengine.ir.printer import print_expr
from policyengine.ir.visitor import rewrite
from policyengine.model.operators import OPERATORS, Refusal
from policyengine.model.schema import Grant, Schema
from policyengine.model.types import BOOL, INT, TIME, TYPE, Enum, Shape, Type
from policyengine.model.values import instant


def alone_above(schema: Schema, target: str) -> bool:
    """Whether rows of a type are met on no way up, or on ways of that type alone: `way.py` speaks of these."""
    parents = {inherit.parent_type for inherit in schema.inherits.values()}
    return target not in parents or parents == {target}


class Unsupported(Exception):
    """The construct has no encoding: every question about the program is `unknown`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The term of a value, and a condition that is true where it errs."""

    value: str
    error: str = "false"


@dataclass
class Expressions:
    """Expressions to pairs. Keeps what it met: literals to declare; rows, by the term that says whether they exist.

    `named` says of such a term when the record names that row at all. `granted` is the term of `granted`, which only
    a threat may say.
    """

    program: ir.Program
    literals: dict[str, tuple[str, str]] = field(default_factory=dict)
    references: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    granted: str = ""

    def __post_init__(self) -> None:
        self.words = Vocabulary(self.program.schema)

    def pair(self, expr: ir.Expr) -> Pair:
        match expr:
            case ir.Literal(value=value, type=type_):
                return Pair(self._literal(value, type_))
            case ir.Attr(type=type_):
                read, error, _ = self._attribute(expr)
                return Pair(all_of([negated(error), read]) if type_ == BOOL else read, error)
            case ir.Has(attr=attr):
                _, error, has = self._attribute(attr)
                return Pair(all_of([negated(error), has]), error)
            case ir.Not(operand=operand):
                inner = self.pair(operand)
                return Pair(all_of([negated(inner.value), negated(inner.error)]), inner.error)
            case ir.And(operands=operands):
                pairs = [self.pair(operand) for operand in operands]
                no_false = [any_of([pair.value, pair.error]) for pair in pairs]
                return Pair(all_of(p.value for p in pairs), all_of([any_of(p.error for p in pairs), *no_false]))
            case ir.Or(operands=operands):
                pairs = [self.pair(operand) for operand in operands]
                value = any_of(pair.value for pair in pairs)
                return Pair(value, all_of([any_of(pair.error for pair in pairs), negated(value)]))
            case ir.Compare(left=left, operator=operator, right=right):
                a, b = self.pair(left), self.pair(right)
                error = any_of([a.error, b.error])
                return Pair(all_of([negated(error), _compare(operator, a.value, b.value)]), error)
            case ir.Member(item=ir.Attr(type=type_) as item, values=values):
                one_of = [self.pair(ir.Compare(item, "==", ir.Literal(value, type_))) for value in values]
                return Pair(any_of(pair.value for pair in one_of), self.pair(item).error)
            case ir.Isolation(principal=principal, record=record, crosses=crosses):
                own = "(not |resource inherits|)" if crosses else "false"
                same = _compare("==", self.pair(principal).value, self.pair(record).value)
                return Pair(any_of([self.words.is_global(), same, own]))
            case ir.GrantExists(on=ir.Holder()):
                return Pair(all_of([RESOLVES, self._granted(expr, "holder")]), negated(RESOLVES))
            case ir.GrantExists():
                return Pair(self._granted(expr, "resource"))
            case ir.Granted() if self.granted:
                return Pair(self.granted)
        raise Unsupported(f"`{print_expr(expr)}` has no encoding")

    def _literal(self, value: str | int | bool, type_: Type) -> str:
        if isinstance(type_, Enum):
            return f"|{type_}.{value}|"
        if type_ == TYPE:
            return f"|type {value}|"
        if type_ in (BOOL, INT, TIME):
            return str(value).lower() if type_ == BOOL else integer(int(value) if type_ == INT else instant(str(value)))
        symbol = f"{sort_of(type_)[:-1]} {quote(str(value))}|"
        self.literals[symbol] = (sort_of(type_), str(value))
        return symbol

    def _attribute(self, attr: ir.Attr) -> tuple[str, str, str]:
        """The term of a read, where its object errs, and where it is there; an absent one is read after `Has` only."""
        path = print_expr(attr.of)
        has = f"|has {path}.{attr.name}|" if attr.optional else "true"
        match attr.of:
            case ir.Reference(by=by, target=target):
                return self._referenced(attr, by, target)
            case ir.Var(name=name) if name.startswith("row "):
                return next(row.columns[attr.name] for row in self.rows.values() if row.path == name), "false", has
            case ir.Attr():
                error = self._attribute(attr.of)[1]
            case of:
                error = negated(RESOLVES) if isinstance(of, ir.Holder) else "false"
        if attr.type == TYPE and attr.name == "type":
            return f"|{path} type|", error, has
        read = "" if isinstance(attr.type, Shape) else self.words.constant(path, attr.name, sort_of(attr.type))
        return read, error, has

    def _referenced(self, attr: ir.Attr, by: ir.Attr, target: str) -> tuple[str, str, str]:
        """A row's attributes are functions of its id; it is of the record's tenant (docs/studio.md, Other types)."""
        schema = self.words.schema
        if not alone_above(schema, target):
            raise Unsupported(f"`{print_expr(attr)}` may be on the way to a holder, between rows of other types")
        id, error, named = self._attribute(by)
        self.references[f"(|{target} exists| {id})"] = (target, id)
        self.named[f"(|{target} exists| {id})"] = all_of([negated(error), named])
        error = any_of([error, negated(named), f"(not (|{target} exists| {id}))"])
        has = f"(|has {target}.{attr.name}| {id})" if attr.optional else "true"
        if attr.name in (schema.tenant_key, schema.resource[target].identity):
            return self.words.tenant("resource") if attr.name == schema.tenant_key else id, error, has
        return f"(|{target}.{attr.name}| {id})", error, has

    def _granted(self, expr: ir.GrantExists, path: str) -> str:
        """Whether one of the live rows on the object at that path serves."""
        words, kinds = self.words, []
        who = [self.pair(expr.member).value, self.pair(expr.member_tenant).value]
        for grant in words.schema.grants:
            role = words.role(grant.name)
            values = [f"|{role}.{value}|" for value in expr.roles if value in role.values]
            rows = [self._row(grant, [f"|{path} type|", words.identity(path), *who, value]) for value in values]
            several = len(words.schema.grants) > 1
            kinds.append(all_of([words.is_a(path, grant.types) if several else "true", any_of(rows)]))
        return any_of(kinds)

    def _row(self, grant: Grant, key: list[str]) -> str:
        """Whether there is a live row of that key and role; if so, one with attributes by which it counts."""
        term = f"(|row {grant.name}| {' '.join(key)})"
        if term not in self.rows:
            path = f"row {len(self.rows) + 1}"
            names = (grant.resource_type, grant.resource_id, grant.member_id, grant.member_tenant, grant.role)
            columns = {a.name: f"|{path}.{a.name}|" for a in grant.attributes} | dict(zip(names, key, strict=True))
            tenant = {self.words.schema.tenant_key: self.words.tenant("resource")}
            self.rows[term] = Row(grant, path, columns | tenant)
            counts = self.program.live_when(grant.name)
            live = rewrite(counts, lambda e: ir.Var(path, e.type) if isinstance(e, ir.Var) and e.name == "row" else e)
            self.live.append(implies(term, self.pair(live).value))
        return term


def _compare(operator: str, left: str, right: str) -> str:
    cell = OPERATORS[operator].smt
    if isinstance(cell, Refusal):
        raise Unsupported(f"`{operator}` has no encoding: {cell.code}")
    return cell.format(left, right)
