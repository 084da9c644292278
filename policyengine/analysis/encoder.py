"""A program as SMT-LIB 2.6 text: one definition a rule, and a question, whose model is a request.

What rules read is free: the principal, the record, its holder, the context, rows that references name, and which live
grant rows there are. The same program gives the same text. It is evidence: any SMT-LIB solver can be asked again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from policyengine.analysis.axioms import axioms, in_range, inherits
from policyengine.analysis.expressions import Expressions, Unsupported
from policyengine.analysis.terms import all_of, any_of, negated
from policyengine.analysis.vocabulary import ID, THE_ACTION, Vocabulary, sort_of
from policyengine.ir.nodes import GrantExists, Program, Rule, Var
from policyengine.ir.visitor import walk
from policyengine.model.types import TIME, Entity

ALLOWED = "|request is allowed|"


@dataclass(frozen=True, slots=True)
class Encoding:
    """`text` declares and defines; `covered` is true where a grant row on the record itself covers the action.

    `met` holds the literals, references and grant rows for which a model can be asked.
    """

    words: Vocabulary
    text: str
    covered: str
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


def encode(program: Program) -> Encoding:
    """Everything but the question. Raises `Unsupported`."""
    met = Expressions(program)
    words = met.words
    rules = [line for rule in program.rules for line in _rule(rule, met)]
    covering = [all_of([*_cell(rule, words), met.pair(grant).value]) for rule, grant in crossing(program)]
    scopes = [f"(define-fun |{path} inherits| () Bool {inherits(words, path)})" for path in ("resource", "holder")]
    assertions = [*_distinct(met), *axioms(words), *_times_of_rows(met), *met.live]
    lines = [
        "(set-logic QF_UFDTLIA)",
        "(set-option :produce-models true)",
        *words.sorts(),
        *(f"(declare-fun {name} {kind})" for name, kind in sorted(_declared(met).items())),
        *(scopes if program.schema.inherits else scopes[:1]),
        *(f"(assert {assertion})" for assertion in dict.fromkeys(assertions) if assertion != "true"),
        *rules,
        f"(define-fun {ALLOWED} () Bool {_decision(program)})",
    ]
    _refuse_ambiguous(lines, program)
    return Encoding(words, "\n".join(lines) + "\n", any_of(covering), met)


def encode_isolation(program: Program) -> str:
    """Is a request allowed across tenants, with no granted row on the record itself? `sat` is a leak."""
    encoding = encode(program)
    goal = [ALLOWED, encoding.across, negated(encoding.covered)]
    return encoding.text + "".join(f"(assert {part})\n" for part in goal) + "(check-sat)\n"


def encode_witnesses(program: Program) -> str:
    """Is a request allowed within a tenant, and across tenants where grants cross? All `sat`, or a proof is vacuous."""
    encoding = encode(program)
    goals = [encoding.within] + ([encoding.across] if any(crossing(program)) else [])
    ask = "(push 1)\n(assert {})\n(check-sat)\n(pop 1)\n"
    return encoding.text + "".join(ask.format(all_of([ALLOWED, goal])) for goal in goals)


def crossing(program: Program) -> Iterator[tuple[Rule, GrantExists]]:
    """Each grant by which a permit crosses, asked of the record itself."""
    for rule in program.rules:
        for node in walk(rule.condition) if rule.crosses else ():
            if isinstance(node, GrantExists):
                yield rule, replace(node, on=Var("resource", Entity("resource")))


def _rule(rule: Rule, met: Expressions) -> Iterator[str]:
    """A rule holds or errs within its cells; a require errs too where a field of its obligation does."""
    condition, cell = met.pair(rule.condition), _cell(rule, met.words)
    fields = any_of(met.pair(value).error for _, value in rule.obliges.fields) if rule.obliges else "false"
    error = any_of([condition.error, all_of([condition.value, fields])])
    yield f"(define-fun |{rule.id}| () Bool {all_of([*cell, condition.value, negated(fields)])})"
    yield f"(define-fun |{rule.id}.err| () Bool {all_of([*cell, error])})"


def _cell(rule: Rule, words: Vocabulary) -> list[str]:
    actions = any_of(f"(= {THE_ACTION} |action {action}|)" for action in rule.actions)
    return [actions, words.is_a("resource", rule.types)]


def _decision(program: Program) -> str:
    """Some permit holds, no forbid holds, and no forbid or require errs."""
    permits = any_of(f"|{rule.id}|" for rule in program.rules if rule.effect == "permit")
    holding = [f"|{rule.id}|" for rule in program.rules if rule.effect == "forbid"]
    erring = [f"|{rule.id}.err|" for rule in program.rules if rule.effect != "permit"]
    return all_of([permits, negated(any_of([*holding, *erring]))])


def _declared(met: Expressions) -> dict[str, str]:
    """Constants of the request, literals, and the functions that give a referenced row its attributes."""
    found = met.words.declarations() | {symbol: f"() {sort}" for symbol, (sort, _) in met.literals.items()}
    for target in sorted({target for target, _ in met.references.values()}):
        found[f"|{target} exists|"] = f"({ID}) Bool"
        for a in met.words.columns(target):
            found[f"|{target}.{a.name}|"] = f"({ID}) {sort_of(a.type)}"
            if a.optional:
                found[f"|has {target}.{a.name}|"] = f"({ID}) Bool"
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
