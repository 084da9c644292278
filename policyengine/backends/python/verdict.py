"""The functions that say yes or no on one cell, asking for as little as they can: one for a record, one for many.

They check principal, context and record themselves, attribute by attribute as these are read; what is malformed is not
allowed. A record that inherits and one that holds its own scope are decided apart: in the second case the holder is the
record, nothing can err, and the conditions shrink.
INVARIANT: where every row can be loaded, the verdict is the report's, with every obligation discharged.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import takewhile

from policyengine.backends.python.text import indent, text
from policyengine.backends.python.writer import Writer
from policyengine.ir.nodes import (
    FALSE,
    TRUE,
    And,
    Attr,
    Expr,
    GrantExists,
    Holder,
    Isolation,
    Not,
    Obliges,
    Or,
    Program,
    Rule,
    Var,
)
from policyengine.ir.simplifier import simplify
from policyengine.ir.visitor import can_err, rewrite, walk
from policyengine.model.schema import Attribute, Known
from policyengine.model.types import BOOL, INT, STRING, TYPE, Basic, Entity, Enum, Id, Shape

_RECORD = Var("resource", Entity("resource"))


def emit_verdict(program: Program, type_name: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """The body of `_allows_...(p, r, entities, c, discharged)`: a bool; what is malformed gives False or raises."""
    cell = _Cell(program, type_name, rules)
    yield from cell.principal("return False")
    yield from cell.record()
    yield from cell.decision(memo=False)


def has_decider(program: Program, type_name: str, rules: tuple[Rule, ...]) -> bool:
    """Whether records have something to share in one call of `filter`: what is above them."""
    return program.schema.inherits.get(type_name) is not None and any(_speaks_of_holder(rule) for rule in rules)


def emit_decider(program: Program, type_name: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """The body of `_each_...(p, entities, c, discharged, memos)`: a function of a record, for one call of `filter`.

    `memos` holds what is remembered in that call, by what is asked: types that ask the same share it.
    """
    cell = _Cell(program, type_name, rules)
    decision = list(indent(cell.decision(memo=True)))
    yield from cell.principal("return never")
    if cell.remembers:
        yield f"memo = memos.setdefault({text(cell.remembers)}, {{}})"
    yield "def decide(r):"
    yield from indent(cell.record())
    yield from decision
    yield "return decide"


class _Cell:
    def __init__(self, program: Program, type_name: str, rules: tuple[Rule, ...]) -> None:
        self.program = program
        self.schema = program.schema
        self.type = type_name
        self.rules = rules
        self.inherit = program.schema.inherits.get(type_name)
        self.remembers = ""
        """What is remembered in one call of `filter`, in short; empty if nothing is."""

    # ---- Input: every attribute is read into a variable and checked

    def principal(self, refuse: str) -> Iterator[str]:
        """The principal and the context; `refuse` is what to do with a malformed one."""
        schema = self.schema
        yield 'p_type = p.get("type")'
        yield from (_read("p", a) for a in schema.principal.attributes)
        tests = ["isinstance(p, dict)", f'(p_type is None or p_type == "{schema.principal.name}")']
        yield from _refuse_unless([*tests, *(_test("p", a) for a in schema.principal.attributes)], refuse)
        if not schema.context:
            yield from _refuse_unless(["(c is None or isinstance(c, dict))"], refuse)
            return
        names = [f"c_{a.name}" for a in schema.context]
        yield "if c is None:"
        yield f"    {' = '.join(names)} = None" if not any(a.required for a in schema.context) else f"    {refuse}"
        yield "else:"
        yield from indent(_read("c", a) for a in schema.context)
        yield from indent(_refuse_unless(["isinstance(c, dict)", *(_test("c", a) for a in schema.context)], refuse))
        for a in schema.context:
            if a.default is not None:
                yield f"if c_{a.name} is None:"
                yield f"    c_{a.name} = {text(a.default) if isinstance(a.default, str) else repr(a.default)}"

    def record(self) -> Iterator[str]:
        """The record; that its organization is the principal's, which is checked, checks it."""
        attributes = self.schema.resource[self.type].attributes
        key = self.schema.tenant_key
        yield from (_read("r", a) for a in attributes)
        tests = ["isinstance(r, dict)"]
        for a in attributes:
            test = _test("r", a)
            tests.append(f"(r_{key} == p_{key} or {test})" if a.name == key and _is_tenant(a) else test)
        yield from _refuse_unless(tests, "return False")

    # ---- The decision

    def decision(self, *, memo: bool) -> Iterator[str]:
        if not any(rule.effect == "permit" for rule in self.rules):
            yield "return False"
            return
        own = [(rule, _own_scope(rule.condition)) for rule in self.rules]
        if self.inherit is None or not any(_speaks_of_holder(rule) for rule in self.rules):
            yield from self._case(own, Writer(self.program, self.type, local=True), memo=False)
            return
        above = [(rule, _inherited(rule.condition)) for rule in self.rules]
        yield f'if r_{self.inherit.attribute} == "{self.inherit.value}":'
        yield from indent(self._case(above, Writer(self.program, self.type, local=True, above=True), memo=memo))
        yield from self._case(own, Writer(self.program, self.type, local=True), memo=False)

    def _case(self, rules: list[tuple[Rule, Expr]], writer: Writer, *, memo: bool) -> Iterator[str]:
        """What blocks, then what permits; a rule whose condition has become false is gone."""
        rules = [(rule, condition) for rule, condition in rules if condition != FALSE]
        blocking = [(rule, condition) for rule, condition in rules if rule.effect != "permit"]
        permits = _needed([_conjuncts(condition) for rule, condition in rules if rule.effect == "permit"])
        values = [value for rule, _ in blocking if rule.obliges for _, value in rule.obliges.fields]
        for slot in writer.slots(*(condition for _, condition in rules), *values):
            yield f"{slot} = None"
        for rule, condition in blocking:
            yield from self._block(writer, rule, condition)
        yield from self._permits(writer, permits, memo=memo)
        yield "return False"

    # ---- What blocks

    def _block(self, writer: Writer, rule: Rule, condition: Expr) -> Iterator[str]:
        """A forbid that does not fail, or a require that does not fail and is not discharged, denies."""
        parts = _conjuncts(condition)
        cheap = list(takewhile(lambda part: not can_err(part), parts))
        costly = list(parts[len(cheap) :])
        inner = [*_load(writer, writer.slots(*costly))]
        body = ["return False"] if rule.obliges is None else list(_outstanding(writer, rule.obliges, costly))
        if costly:
            inner += [f"if not {writer.holds(And(tuple(costly)), False)}:", *indent(body)]
        else:
            inner += body
        if cheap:
            yield f"if {writer.plain(And(tuple(cheap)))}:"
            inner = list(indent(inner))
        yield from inner

    # ---- What permits

    def _permits(self, writer: Writer, permits: list[tuple[Expr, ...]], *, memo: bool) -> Iterator[str]:
        """Permits that begin with the same test stand under it."""
        by_first: dict[Expr, list[tuple[Expr, ...]]] = {}
        for parts in permits:
            by_first.setdefault(parts[0], []).append(parts[1:])
        for first, rests in by_first.items():
            if len(rests) == 1 or can_err(first):
                for rest in rests:
                    yield from self._permit(writer, [(first, *rest)])
                continue
            yield f"if {writer.plain(first)}:"
            cheap = [rest for rest in rests if not any(map(can_err, rest))]
            costly = [rest for rest in rests if any(map(can_err, rest))]
            key = self._memo_key(first, costly, writer) if memo else ""
            for rest in cheap:
                yield from indent(self._permit(writer, [rest]))
            if costly:
                yield from indent(self._remember(writer, costly, key) if key else self._permit(writer, costly))

    def _permit(self, writer: Writer, permits: list[tuple[Expr, ...]]) -> Iterator[str]:
        """Return True where one of these holds; they need the same rows."""
        slots = writer.slots(*(part for parts in permits for part in parts))
        yield from _load(writer, slots)
        for parts in permits:
            yield f"if {_holds(writer, parts)}:"
            yield "    return True"

    def _memo_key(self, first: Expr, costly: list[tuple[Expr, ...]], writer: Writer) -> str:
        """What a verdict through the holder depends on, in one call for one principal, is often the parent alone.

        That is so where the record is of the principal's organization, cannot be met on its own chain, and is not
        spoken of otherwise. Else there is no key.
        """
        parts = tuple(part for rest in costly for part in rest)
        if self.inherit is None or writer.climbs_itself or not isinstance(first, Isolation) or first.crosses:
            return ""
        alone = writer.slots(*parts) == ["h"] and not any(node == _RECORD for part in parts for node in walk(part))
        return f"r_{self.inherit.parent}" if alone else ""

    def _remember(self, writer: Writer, costly: list[tuple[Expr, ...]], key: str) -> Iterator[str]:
        holds = " or ".join(f"({_holds(writer, parts)})" for parts in costly)
        self.remembers = hashlib.sha256(f"{writer.find('h')}: {holds}".encode()).hexdigest()[:16]
        yield f"verdict = memo.get({key})"
        yield "if verdict is None:"
        yield from indent(_load(writer, ["h"]))
        yield f"    verdict = memo[{key}] = {holds}"
        yield "if verdict:"
        yield "    return True"


def _load(writer: Writer, slots: Iterable[str]) -> Iterator[str]:
    for slot in slots:
        yield f"if {slot} is None:"
        yield f"    {slot} = {writer.find(slot)}"
        yield f"ok_{slot} = type({slot}) is not Err"


def _outstanding(writer: Writer, obliges: Obliges, costly: list[Expr]) -> Iterator[str]:
    """An obligation that is not discharged denies, and so does an error in the condition or in a field."""
    values = [value for _, value in obliges.fields]
    needed = writer.slots(*values)
    yield from _load(writer, needed)
    there = [f"ok_{slot}" for slot in needed]
    if costly:
        there.append(writer.holds(And(tuple(costly))))
    fields = "".join(f", {text(name)}: {writer.plain(value)}" for name, value in obliges.fields)
    made = f"is_discharged({{{text('name')}: {text(obliges.name)}{fields}}}, discharged)"
    yield f"if not ({' and '.join([*there, made])}):"
    yield "    return False"


def _holds(writer: Writer, parts: tuple[Expr, ...]) -> str:
    """That all parts hold, asked in their order: one may guard what a later one reads.

    Where each that can err is one test on the same rows, these are looked at once.
    """
    costly = [part for part in parts if can_err(part)]
    slots = writer.slots(*costly)
    single = all(writer.slots(part) == slots and not isinstance(part, And | Or | Not) for part in costly)
    if single:
        tests = [*(f"ok_{slot}" for slot in slots), *map(writer.inside, parts)]
    else:
        tests = [writer.holds(part) if can_err(part) else writer.inside(part) for part in parts]
    return " and ".join(tests) or "True"


def _own_scope(condition: Expr) -> Expr:
    """A condition on a record that does not inherit: it is its own holder, and a grant row on it may cross."""
    return simplify(rewrite(condition, _to_record))


def _to_record(expr: Expr) -> Expr:
    match expr:
        case Holder():
            return _RECORD
        case Isolation(crosses=True):
            return TRUE
        case Attr(of=of) if of == _RECORD:
            return replace(expr, known=Known.RECORD)
    return expr


def _inherited(condition: Expr) -> Expr:
    """A condition on a record that inherits: no grant row crosses."""
    return simplify(
        rewrite(condition, lambda expr: replace(expr, crosses=False) if isinstance(expr, Isolation) else expr)
    )


def _speaks_of_holder(rule: Rule) -> bool:
    exprs = [rule.condition, *(value for _, value in (rule.obliges.fields if rule.obliges else ()))]
    nodes = [node for expr in exprs for node in walk(expr)]
    return any(isinstance(node, Holder) or (isinstance(node, Isolation) and node.crosses) for node in nodes)


def _conjuncts(condition: Expr) -> tuple[Expr, ...]:
    return condition.operands if isinstance(condition, And) else (condition,)


def _needed(permits: list[tuple[Expr, ...]]) -> list[tuple[Expr, ...]]:
    """x or (x and y) => x: a permit that another one implies adds nothing. Those that ask for grant rows come last.

    Each is filed under its rarest conjunct: what implies a permit is filed under one of the permit's own.
    """
    sets = [frozenset(parts) for parts in permits]
    counts = Counter(part for parts in sets for part in parts)
    filed: dict[Expr, list[int]] = {}
    for index, parts in enumerate(sets):
        filed.setdefault(min(parts, key=lambda part: counts[part]), []).append(index)

    def implied(index: int) -> bool:
        mine = sets[index]
        others = (other for part in mine for other in filed.get(part, ()) if other != index)
        return any(sets[other] < mine or (sets[other] == mine and other < index) for other in others)

    needed = [parts for index, parts in enumerate(permits) if not implied(index)]
    return sorted(needed, key=lambda parts: any(isinstance(node, GrantExists) for part in parts for node in walk(part)))


# ---- Reading and checking attributes


def _read(of: str, a: Attribute) -> str:
    value = f'{of}["{a.name}"]' if a.required else f'{of}.get("{a.name}")'
    return f"{of}_{a.name} = {value}"


def _test(of: str, a: Attribute) -> str:
    """Whether the variable holds what is declared; the support's checks, inline (a call costs more than a test)."""
    v = f"{of}_{a.name}"
    match a.type:
        case Id(tenant=True):
            test = f"({v} in tenant_ids or is_tenant_id({v}))"
        case Id():
            test = f"type({v}) is str and {v} and ({v}.isascii() or is_id({v}))"
        case Enum(name=name):
            test = f"{v} in _enum_{name}"
        case Shape(name=name):
            test = f"_ok_shape_{name}({v})"
        case Basic() as basic if basic in (BOOL, INT):
            test = f"type({v}) is {basic.name.lower()}"
        case Basic() as basic if basic == STRING:
            test = f"type({v}) is str and ({v}.isascii() or is_string({v}))"
        case Basic() as basic if basic == TYPE:
            test = f"{v} in _enum_Type"
        case _:
            test = f"is_time({v})"
    return test if a.required else f"({v} is None or {test})"


def _is_tenant(a: Attribute) -> bool:
    return isinstance(a.type, Id) and a.type.tenant


def _refuse_unless(tests: list[str], refuse: str) -> Iterator[str]:
    yield "if not ("
    yield from (f"    {'and ' if index else ''}{test}" for index, test in enumerate(tests))
    yield "):"
    yield f"    {refuse}"
