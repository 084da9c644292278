"""The encoder guards itself: each of its axioms and operators, dropped or turned round, changes some verdict.

A mutant is judged by one battery: claims about a policy set in which every part matters, each with the verdict that the
whole encoder gives it. A request that does not replay counts as found too. A mutant that nothing notices would be a
part that nothing needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest

from policyengine.analysis import axioms, checks, claims, encoder, way
from policyengine.analysis.claims import Claim, Goal, Settling
from policyengine.analysis.encoder import ALLOWED, encode
from policyengine.analysis.expressions import Expressions, Pair
from policyengine.analysis.facts import Facts
from policyengine.analysis.solver import ask
from policyengine.analysis.terms import all_of, any_of, negated
from policyengine.analysis.verdict import InternalError
from policyengine.analysis.vocabulary import RESOLVES, Vocabulary
from policyengine.compiler import compile_sources, program_of
from policyengine.interpreter import Rows, decide
from policyengine.interpreter.evaluation import Error
from policyengine.ir import nodes as ir
from policyengine.model.operators import OPERATORS
from policyengine.model.types import TIME
from policyengine.source import Source

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")

VOCABULARY = """
tenant Org by org
enum Reach { OWN, GIVEN, UP }
enum Rank { reader < writer }
enum Level { low < high }
principal User { id: Id as identity, org: Id of Org, level: Level as role }
context { now: Time? from clock, count: Int = 0 from argument }
shape Filed { id: Id as identity, org: Id of Org, keeper: Id as owner, reach: Reach, up: Id of Box?, lent: Id of Box?, via: Id of Box?, size: Int }
resource Box, Item is Filed
resource Note { id: Id as identity, org: Id of Org, label: Id of Label?, open: Bool, at: Time, size: Int?, much: Int, text: String }
resource Memo { id: Id as identity, org: Id of Org, size: Int }
resource Label { id: Id as identity, org: Id of Org, live: Bool, due: Time, owner: Id? }
resource Notice { id: Id as identity, text: String } global "for everyone"
action read, edit on Filed
action read on Note, Memo, Label, Notice
action burn on Label
grant Loan on Filed by type_, record to User by member, home {
  org: Id of Org, type_: Type, record: Id, member: Id, home: Id of Org, rank: Rank as role, until: Time?
} counts when not (has row.until) or (has context.now and context.now < row.until)
crosses on the record itself
obligation note { id: Id }
access Filed by reach { UP: as up  OWN: role low may read  GIVEN: grant reader may read, edit  GIVEN: grant writer may edit }
access Label { always: role low may read }
permit memos: read on Memo when resource.size > 0
permit notices: read on Notice when true
permit notes: read on Note when resource.open
permit either: read on Note when not (resource.open and (has resource.label and resource.label.live))
permit any_of: read on Note when resource.open or (has resource.label and not (resource.label.live or resource.much > 1))
permit owned: read on Note when has resource.label and has resource.label.owner and resource.label.owner == principal.id
permit heavy: read on Filed when holder.size > 3 and resource.keeper == principal.id
permit ranks: edit on Filed when holder.reach in { OWN, GIVEN } and not (holder.size <= 3)
permit own: edit on Filed when resource.keeper == principal.id
permit named: read on Filed when has holder.up
forbid closed: read on Note when resource.much < 0 or (has resource.label and resource.label.due < resource.at)
forbid folder: edit on Box when holder.size < 0 or holder.size == 7
require noted: note { id: holder.keeper } for edit on Filed when resource.size >= 0
"""

POSSIBLE = """
never any on Note when resource.size2 <= 3 and resource.size2 >= 3
never any on Note when resource.size2 < 3 and resource.size2 >= 3
never any on Note when resource.size2 > 3 and resource.size2 <= 3
never any on Note when resource.size2 == 3 and resource.size2 != 3
never any on Note when resource.size2 != 3 and resource.size2 != 4
never any on Note when resource.text == "a" and resource.text == "b"
never any on Note when has resource.size and resource.size in { 1, 2 } and resource.size != 1
never any on Note when resource.open and not resource.open
never any on Note when has resource.label and not (resource.open or resource.label.live) and resource.open
never any on Note when has resource.label and resource.at < resource.label.due and resource.label.due < resource.at
never any on Memo when resource.size > 0
never any on Notice when principal.id == resource.id
never any on Filed when holder.reach == UP
never any on Filed when resource.reach == OWN and holder.keeper != resource.keeper
never any on Filed when resource.reach == UP and holder.keeper != resource.keeper
never any on Filed when resource.reach == UP and not has resource.up and holder.reach == OWN
never any on Box when resource.reach == UP and holder.id == resource.id
never any on Box when resource.reach == UP and has resource.up and resource.up == resource.id and holder.reach == OWN
never any on Filed when resource.reach == UP and holder.reach == GIVEN and granted
never any on Filed when resource.reach == GIVEN and granted and principal.org != resource.org
never any on Item when LENT and resource.lent == resource.up and resource.lent.reach == UP and holder.id == resource.up
never any on Item when LENT and holder.id == resource.lent and resource.lent.keeper != holder.keeper
never any on Item when LENT and resource.lent == resource.up and resource.lent.reach == OWN and holder.id != resource.up
never any on Item when LENT and resource.lent == resource.up and holder.reach == OWN and resource.lent.reach == UP
  and has resource.lent.up and resource.lent.up == resource.up
never any on Item when LENT and resource.lent == resource.up and holder.reach == OWN and resource.lent.reach == UP
  and not has resource.lent.up
never any on Box when LENT and resource.lent == resource.up and holder.reach == OWN and resource.lent.reach == UP
  and has resource.lent.up and resource.lent.up == resource.id
never any on Item when LENT and has resource.via and resource.up.reach == UP and has resource.up.up
  and resource.up.up == resource.lent and resource.lent.reach == UP and has resource.lent.up and resource.via == resource.lent.up
  and resource.via.reach == UP and has resource.via.up and resource.via.up == resource.lent and holder.reach == OWN
never any on Box when LENT and resource.lent == resource.up and resource.lent == resource.id and holder.reach == OWN
never any on Item when LENT and resource.lent != resource.up and holder.id == resource.lent
never any on Item when LENT and resource.lent == resource.up and holder.reach == OWN and resource.lent.reach == UP
never edit on Filed when granted and not (principal.level == low or principal.level == high)
"""
"""Lines of which some can be met and some cannot; each is asked for, whether or not the request is allowed."""


@cache
def program() -> ir.Program:
    lines = POSSIBLE.replace("size2", "much").replace(
        "LENT", "resource.reach == UP and has resource.up and has resource.lent"
    )
    return program_of(
        compile_sources([Source("mutants.policy", f'{VOCABULARY}\nthreat t "t" {{ {lines} held by resolver }}')])
    )


def battery(whole: ir.Program) -> Iterator[Claim]:
    """That each line can be met, that each rule can hold, err, and do neither, and isolation."""
    encoding = encode(whole)
    [threat] = whole.threats
    for index, line in enumerate(threat.nevers):
        term = encoding.nevers[threat.id, index]
        assert isinstance(term, str)
        yield Claim("met", str(index), Goal((term,), partial(meets, line)), never=False)
    for rule in whole.rules:
        own, errs = f"|{rule.id}|", f"|{rule.id}.err|"
        yield Claim("holds", rule.id, Goal((own,), partial(holds, rule)), never=False)
        yield Claim("errs", rule.id, Goal((errs,), partial(fails, rule)), never=False)
        for state, term in (("holds", own), ("errs", errs)) if rule.effect != "permit" else ():
            yield Claim("is allowed", f"{rule.id} {state}", Goal((ALLOWED, term), allowed), never=False)
        for exists in encoding.met.references if rule.effect == "forbid" else ():
            lacking = (own, encoding.met.named[exists], negated(exists))
            yield Claim("holds though a row is missing", rule.id, Goal(lacking, partial(holds, rule)), never=False)
        neither = (checks._speaks_of(rule), negated(own), negated(errs))
        yield Claim("does neither", rule.id, Goal(neither, partial(idle, rule)), never=False)
    for term in impossible(whole):
        yield Claim("malformed", term, Goal((term,), lambda _: False), never=False)
    more = ("|Filed.GIVEN.grant_writer|", "(not |Filed.GIVEN.grant_reader|)")
    yield Claim("a writer is a reader too", "grants", Goal(more, lambda _: False), never=False)
    less = ("|Filed.GIVEN.grant_reader|", "(not |Filed.GIVEN.grant_writer|)", "(= |the action| |action edit|)")
    yield Claim("a reader need not be a writer", "grants", Goal(less, allowed_or_not), never=False)
    yield checks.isolation(whole, encoding)


def impossible(whole: ir.Program) -> Iterator[str]:
    """What no well-formed request is: an action that a type lacks, an attribute that is not there, a time before time."""
    schema, words = whole.schema, Vocabulary(whole.schema)
    for name, actions in schema.actions:
        here = f"(= |resource type| |type {name}|)"
        yield from (f"(and {here} (= |the action| |action {a}|))" for a in ("read", "edit", "burn") if a not in actions)
        for a in schema.resource[name].attributes:
            if a.required and f"|has resource.{a.name}|" in words.declarations():
                yield f"(and {here} (not |has resource.{a.name}|))"
            if a.type == TIME:
                yield f"(and {here} (< |resource.{a.name}| 0))"
    yield "(< |context.now| 0)"
    named = "(= |resource type| |type Item|) |has resource.up| |has resource.lent| (= |resource.lent| |resource.up|)"
    yield f"(and |holder resolves| |resource inherits| {named} (not (|Box exists| |resource.lent|)))"


def allowed_or_not(facts: Facts) -> bool:
    return bool(facts.decision)


def allowed(facts: Facts) -> bool:
    return facts.allowed


def meets(line: ir.Never, facts: Facts) -> bool:
    return facts.meets(line)


def holds(rule: ir.Rule, facts: Facts) -> bool:
    return facts.rule(rule) is True


def fails(rule: ir.Rule, facts: Facts) -> bool:
    return isinstance(facts.rule(rule), Error)


def idle(rule: ir.Rule, facts: Facts) -> bool:
    return rule in facts.cell and facts.rule(rule) is False


def outcome(monkeypatch: pytest.MonkeyPatch) -> list[str] | str:
    """The verdicts of the battery, by one solver; or that a request does not replay, or cannot be written at all."""
    monkeypatch.setattr(claims, "ask", partial(ask, solvers=("cvc5",)))
    monkeypatch.setattr(claims, "smallest", lambda _, found, __: found)
    whole = program()
    try:
        settling = Settling(whole, encode(whole), lambda r, d: decide(whole, r, Rows(whole.schema, d)))
        return [verdict.status for verdict in settling.settle([*battery(whole)])]
    except (InternalError, ValueError, KeyError, OverflowError) as wrong:
        return type(wrong).__name__


@cache
def verdicts() -> tuple[str, ...]:
    with pytest.MonkeyPatch.context() as patch:
        found = outcome(patch)
    assert isinstance(found, list), found
    return tuple(found)


def test_the_battery_has_answers_of_both_kinds() -> None:
    counts = {status: verdicts().count(status) for status in ("proved", "refuted", "unknown", "vacuous", "refused")}
    assert counts["proved"] >= 20, counts
    assert counts["refuted"] >= 15, counts
    assert counts["unknown"] == counts["vacuous"] == counts["refused"] == 0


def changes(monkeypatch: pytest.MonkeyPatch) -> bool:
    expected = list(verdicts())
    return outcome(monkeypatch) != expected


def some_fast(values: Iterable[Any]) -> list[Any]:
    """Some in `make test`, the rest in `make soak`: a mutant takes half a second."""
    return [value if n % 6 == 0 else pytest.param(value, marks=pytest.mark.soak) for n, value in enumerate(values)]


# ---- Axioms


ASSUMED = [*dict.fromkeys(axioms.axioms(Vocabulary(program().schema)))]


@pytest.mark.parametrize(
    "dropped", some_fast(a for a in ASSUMED if a[1] != "true"), ids=lambda a: f"{a[0]}: {a[1][:60]}"
)
def test_each_axiom_is_needed(dropped: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = axioms.axioms
    monkeypatch.setattr(encoder, "axioms", lambda words: (a for a in real(words) if a != dropped))
    assert changes(monkeypatch)


WAY = [*dict.fromkeys(tag for tag, _ in way.tagged(encode(program()).met))]


@pytest.mark.parametrize("dropped", some_fast(WAY))
def test_each_condition_of_the_way_is_needed(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = way.tagged
    monkeypatch.setattr(way, "tagged", lambda met: ((tag, term) for tag, term in real(met) if tag != dropped))
    assert changes(monkeypatch)


@pytest.mark.parametrize("part", ["_distinct", "_times_of_rows"])
def test_each_further_condition_is_needed(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, part, lambda met: ())
    assert changes(monkeypatch)


# ---- Operators

SWAPPED = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}


@pytest.mark.parametrize("operator", some_fast(SWAPPED))
def test_each_operator_is_needed(operator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATORS, operator, replace(OPERATORS[operator], smt=OPERATORS[SWAPPED[operator]].smt))
    assert changes(monkeypatch)


Change = Callable[[Callable[[ir.Expr], Pair], Any], Pair]


def strict(whole: Callable[[ir.Expr], Pair], expr: ir.And | ir.Or) -> Pair:
    """An error of any part is an error of the whole."""
    error = any_of(whole(operand).error for operand in expr.operands)
    return Pair(all_of([whole(expr).value, negated(error)]), error)


def fails_silently(whole: Callable[[ir.Expr], Pair], expr: ir.Expr) -> Pair:
    return Pair(whole(expr).value)


NODES: dict[str, tuple[type, Change]] = {
    "and as or": (ir.And, lambda whole, e: whole(ir.Or(e.operands))),
    "or as and": (ir.Or, lambda whole, e: whole(ir.And(e.operands))),
    "not left out": (ir.Not, lambda whole, e: whole(e.operand)),
    "false and error is an error": (ir.And, strict),
    "true or error is an error": (ir.Or, strict),
    "the error of `and` is lost": (ir.And, fails_silently),
    "the error of `or` is lost": (ir.Or, fails_silently),
    "the error of `not` is lost": (ir.Not, fails_silently),
    "not error is true": (ir.Not, lambda whole, e: Pair(negated(whole(e.operand).value), "false")),
    "the error of a comparison is lost": (ir.Compare, fails_silently),
    "the error of an attribute is lost": (ir.Attr, fails_silently),
    "the error of `has` is lost": (ir.Has, fails_silently),
    "has is always true": (ir.Has, lambda whole, e: Pair("true", whole(e).error)),
    "one of the values is forgotten": (ir.Member, lambda whole, e: whole(replace(e, values=e.values[:1]))),
    "isolation is always true": (ir.Isolation, lambda whole, e: Pair("true")),
    "isolation never crosses": (ir.Isolation, lambda whole, e: whole(replace(e, crosses=False))),
    "isolation crosses everywhere": (ir.Isolation, lambda whole, e: whole(replace(e, crosses=True))),
    "a grant needs no holder": (ir.GrantExists, fails_silently),
    "a grant counts by any role": (ir.GrantExists, lambda whole, e: whole(replace(e, roles=("reader", "writer")))),
    "a grant counts by its first role": (ir.GrantExists, lambda whole, e: whole(replace(e, roles=e.roles[:1]))),
    "a grant is looked for on the record": (
        ir.GrantExists,
        lambda whole, e: Pair(whole(replace(e, on=ir.Var("resource", e.member.type))).value, negated(RESOLVES)),
    ),
    "granted is never true": (ir.Granted, lambda whole, e: Pair("false")),
    "granted is always true": (ir.Granted, lambda whole, e: Pair("true")),
}


@pytest.mark.parametrize("name", some_fast(NODES))
def test_each_node_is_needed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, change = NODES[name]
    real = Expressions.pair

    def pair(self: Expressions, expr: ir.Expr) -> Pair:
        return change(partial(real, self), expr) if isinstance(expr, kind) else real(self, expr)

    monkeypatch.setattr(Expressions, "pair", pair)
    assert changes(monkeypatch)


# ---- Decisions


@pytest.mark.parametrize("part", ["forbids that hold", "forbids that err", "requires that err"])
def test_each_way_to_deny_is_needed(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fewer(rules: Any) -> Iterator[str]:
        for rule in rules:
            if rule.effect == "forbid" and part != "forbids that hold":
                yield f"|{rule.id}|"
            if rule.effect == "forbid" and part != "forbids that err":
                yield f"|{rule.id}.err|"
            if rule.effect == "require" and part != "requires that err":
                yield f"|{rule.id}.err|"

    monkeypatch.setattr(encoder, "blocking", fewer)
    assert changes(monkeypatch)
