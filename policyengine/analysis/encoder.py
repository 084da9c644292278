"""A program as SMT-LIB 2.6 text: one definition a rule, and a question, whose model is a request.

What rules read is free: the principal, the record, its holder, the context, rows that references name, and which live
grant rows there are. The same program gives the same text. It is evidence: any SMT-LIB solver can be asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from policyengine.analysis import way
from policyengine.analysis.axioms import GIVEN, axioms, in_range, inherits
from policyengine.analysis.expressions import Expressions, Unsupported
from policyengine.analysis.granting import granting
from policyengine.analysis.terms import all_of, any_of, implies, negated
from policyengine.analysis.vocabulary import ID, RESOLVES, THE_ACTION, Vocabulary, sort_of
from policyengine.ir.nodes import Never, Program, Rule
from policyengine.model.types import TIME

WAS_ALLOWED = "|request was allowed|"
ALLOWED, PERMITTED, GRANTED = "|request is allowed|", "|some permit holds|", "|some grant gives it|"


@dataclass(frozen=True, slots=True)
class Encoding:
    """`text` declares and defines. `covered`: a grant row on the record itself gives the action to another tenant.

    `nevers` has the term of each threat's line, by threat and place; or why the line has none. `met` holds the
    literals, references and grant rows for which a model can be asked.
    """

    words: Vocabulary
    text: str
    covered: str
    nevers: dict[tuple[str, int], str | Unsupported]
    met: Expressions

    @property
    def across(self) -> str:
        """The principal's tenant is not the record's, which has one."""
        same = f"(= {self.words.tenant('principal')} {self.words.tenant('resource')})"
        return all_of([negated(same), negated(self.words.is_global())])

    @property
    def within(self) -> str:
        same = f"(= {self.words.tenant('principal')} {self.words.tenant('resource')})"
        return all_of([same, negated(self.words.is_global())])

    @property
    def complete(self) -> str:
        """No row is missing that a rule would look up: the chain resolves, and what the record names is there."""
        met, inherits = self.met, self.words.schema.inherits
        chain = implies(self.words.is_a("resource", inherits), RESOLVES) if inherits else "true"
        named = (implies(met.named[exists], exists) for exists in met.references)
        return all_of([chain, *named])


def encode(program: Program, before: Program | None = None) -> Encoding:
    """Everything but the question; with the rules of another program of the same schema. Raises `Unsupported`."""
    met = Expressions(program)
    words = met.words
    earlier = renamed(before) if before else ()
    rules = [line for rule in (*program.rules, *earlier) for line in _rule(rule, met)]
    granted, covered = (_given(program, met, crossing) for crossing in (False, True))
    met.granted = GRANTED
    nevers = {(threat.id, i): _never(line, met) for threat in program.threats for i, line in enumerate(threat.nevers)}
    lines = [
        "(set-logic QF_UFDTLIA)",
        "(set-option :produce-models true)",
        "(set-option :produce-unsat-cores true)",
        *words.sorts(),
        *(f"(declare-fun {name} {kind})" for name, kind in sorted(_declared(met).items())),
        *_scopes(program, words),
        *_given_names(_assumed(met)),
        *rules,
        f"(define-fun {GRANTED} () Bool {granted})",
        *_decision(program.rules, PERMITTED, ALLOWED),
        *(_decision(earlier, "|some permit held|", WAS_ALLOWED) if before else ()),
    ]
    _refuse_ambiguous(lines, program)
    return Encoding(words, "\n".join(lines) + "\n", covered, nevers, met)


def encode_isolation(program: Program) -> str:
    """Is a request allowed across tenants, with no granted row on the record itself? `sat` is a leak."""
    encoding = encode(program)
    goal = [ALLOWED, encoding.across, negated(encoding.covered)]
    return encoding.text + "".join(f"(assert {part})\n" for part in goal) + "(check-sat)\n"


def _scopes(program: Program, words: Vocabulary) -> list[str]:
    paths = ("resource", "holder") if program.schema.inherits else ("resource",)
    return [f"(define-fun |{path} inherits| () Bool {inherits(words, path)})" for path in paths]


def _assumed(met: Expressions) -> Iterator[tuple[str, str]]:
    """Every condition that is taken for granted, with the assumption that it is."""
    yield from (("texts", term) for term in _distinct(met))
    yield from axioms(met.words)
    yield from (("well-formed", term) for term in _times_of_rows(met))
    yield from (("rows", term) for term in met.live)
    yield from (("walk", term) for term in way.conditions(met))


def _given_names(assumed: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Assertions, each with a name: a proof's core then tells the assumptions on which it rests."""
    terms: dict[str, str] = {}
    for name, term in assumed:
        terms.setdefault(term, name)
    terms.pop("true", None)
    for index, (term, name) in enumerate(terms.items()):
        yield f"(assert (! {term} :named |given {index}: {name}|))"


def assumptions(core: tuple[str, ...]) -> tuple[str, ...]:
    """The assumptions whose assertions a core names, in the order of the table."""
    names = {name.split(": ", 1)[1] for name in core if name.startswith("given ")}
    return tuple(text for name, text in GIVEN.items() if name in names)


def _given(program: Program, met: Expressions, crossing: bool) -> str:
    """A grant row on the record itself gives the action: the record holds its own scope, and such a permit holds."""
    permits = [all_of([*_cell(rule, met.words), met.pair(e).value]) for rule, e in granting(program, crossing=crossing)]
    return all_of(["(not |resource inherits|)", any_of(permits)])


def _never(line: Never, met: Expressions) -> str | Unsupported:
    """A request meets the line's condition; an error meets nothing."""
    try:
        return all_of([*_cells(line.actions, line.types, met.words), met.pair(line.condition).value])
    except Unsupported as refused:
        return refused


def _rule(rule: Rule, met: Expressions) -> Iterator[str]:
    """A rule holds or errs within its cells; a require errs too where a field of its obligation does."""
    condition, cell = met.pair(rule.condition), _cell(rule, met.words)
    fields = any_of(met.pair(value).error for _, value in rule.obliges.fields) if rule.obliges else "false"
    error = any_of([condition.error, all_of([condition.value, fields])])
    yield f"(define-fun |{rule.id}| () Bool {all_of([*cell, condition.value, negated(fields)])})"
    yield f"(define-fun |{rule.id}.err| () Bool {all_of([*cell, error])})"


def _cell(rule: Rule, words: Vocabulary) -> list[str]:
    return _cells(rule.actions, rule.types, words)


def _cells(actions: Iterable[str], types: Iterable[str], words: Vocabulary) -> list[str]:
    return [any_of(f"(= {THE_ACTION} |action {action}|)" for action in actions), words.is_a("resource", types)]


def renamed(before: Program) -> tuple[Rule, ...]:
    """The rules of an earlier program, by names that no rule has: `before <id>`."""
    return tuple(replace(rule, id=f"before {rule.id}") for rule in before.rules)


def _decision(rules: Iterable[Rule], permitted: str, allowed: str) -> Iterator[str]:
    """Some permit holds, no forbid holds, and no forbid or require errs."""
    kept = tuple(rules)
    yield f"(define-fun {permitted} () Bool {any_of(f'|{rule.id}|' for rule in kept if rule.effect == 'permit')})"
    yield f"(define-fun {allowed} () Bool {all_of([permitted, negated(any_of(blocking(kept)))])})"


def blocking(rules: Iterable[Rule]) -> Iterator[str]:
    """What denies, whatever permits: a forbid that holds or errs, a require that errs."""
    kept = tuple(rules)
    yield from (f"|{rule.id}|" for rule in kept if rule.effect == "forbid")
    yield from (f"|{rule.id}.err|" for rule in kept if rule.effect != "permit")


def _declared(met: Expressions) -> dict[str, str]:
    """Constants of the request, literals, and the functions that give a referenced row its attributes."""
    found = met.words.declarations() | {symbol: f"() {sort}" for symbol, (sort, _) in met.literals.items()}
    for target in sorted({target for target, _ in met.references.values()}):
        found[f"|{target} exists|"] = f"({ID}) Bool"
        for a in met.words.columns(target):
            found[f"|{target}.{a.name}|"] = f"({ID}) {sort_of(a.type)}"
            if a.optional:
                found[f"|has {target}.{a.name}|"] = f"({ID}) Bool"
    found |= way.declared(met)
    for row in met.rows.values():
        for a in row.own:
            found[row.columns[a.name]] = f"() {sort_of(a.type)}"
            if a.optional:
                found[f"|has {row.path}.{a.name}|"] = "() Bool"
    return found


def _distinct(met: Expressions) -> Iterator[str]:
    for sort in sorted({sort for sort, _ in met.literals.values()}):
        symbols = sorted(symbol for symbol, (its, _) in met.literals.items() if its == sort)
        if len(symbols) > 1:
            yield f"(distinct {' '.join(symbols)})"


def _times_of_rows(met: Expressions) -> Iterator[str]:
    for target, id in met.references.values():
        for a in met.words.columns(target):
            if a.type == TIME:
                yield in_range(f"(|{target}.{a.name}| {id})")
    for row in met.rows.values():
        yield from (in_range(row.columns[a.name]) for a in row.own if a.type == TIME)


def _refuse_ambiguous(lines: list[str], program: Program) -> None:
    """INVARIANT: every symbol is declared once. Some solvers overload, and answer another question."""
    declared = [line.split("|")[1] for line in lines if line.startswith(("(declare-fun", "(define-fun"))]
    declared += [f"{enum.name}.{value}" for enum in program.schema.enums for value in enum.values]
    if twice := [name for name, count in Counter(declared).items() if count > 1]:
        raise Unsupported(f"two things are called `{min(twice)}`")
