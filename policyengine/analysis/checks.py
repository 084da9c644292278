"""The claims that every policy set is held to, by name: isolation, never errs, not dead, not shadowed, and its threats.

isolation     no request is allowed across tenants but by a grant row on the record itself that gives the action
never errs    a rule errs nowhere but where a row is missing: its chain does not resolve, or what it names is not there
not dead      a request is decided by the rule: a permit allows it, a forbid denies what is permitted, a require obliges
not shadowed  a request would be decided otherwise without the rule
threat        no request is allowed of which a line of a threat speaks (docs/language.md, threat)
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from policyengine.analysis.claims import Claim, Goal
from policyengine.analysis.encoder import ALLOWED, PERMITTED, Encoding, blocking
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.facts import Facts
from policyengine.analysis.granting import granting
from policyengine.analysis.terms import all_of, any_of, negated
from policyengine.interpreter.evaluation import Error
from policyengine.ir.nodes import Never, Program, Rule, Threat

REFERENCES = "a row that a record names is looked up in the record's tenant; one that is missing is an error"


def claims(program: Program, encoding: Encoding) -> Iterator[Claim]:
    """All of them but the threats."""
    yield isolation(program, encoding)
    yield from never_errs(program, encoding)
    yield from lives(program)


def isolation(program: Program, encoding: Encoding) -> Claim:
    """Raises nothing: a program without grants that cross has one goal less to show."""
    leak = Goal(
        (ALLOWED, encoding.across, negated(encoding.covered)),
        lambda facts: facts.allowed and facts.across and not facts.given(crossing=True),
        "a request is allowed across tenants, and no grant row on the record itself gives it",
    )
    within = Goal(
        (ALLOWED, encoding.within), lambda f: f.allowed and not f.across, "no request is allowed within a tenant"
    )
    across = Goal(
        (ALLOWED, encoding.across), lambda f: f.allowed and f.across, "no request is allowed across tenants by a grant"
    )
    crosses = any(True for _ in granting(program, crossing=True))
    return Claim(
        "isolation", "policies", leak, shows=(across, within) if crosses else (within,), rests_on=_form(encoding)
    )


def _form(encoding: Encoding) -> tuple[str, ...]:
    return (REFERENCES,) if encoding.met.references else ()


def never_errs(program: Program, encoding: Encoding) -> Iterator[Claim]:
    for rule in program.rules:
        what = "the rule errs though no row is missing"
        errs = Goal((f"|{rule.id}.err|", encoding.complete), partial(_errs, rule), what)
        speaks = Goal((_speaks_of(rule), encoding.complete), partial(_has_value, rule), "no request is of its cells")
        yield Claim("never errs", rule.id, errs, shows=(speaks,), rests_on=_form(encoding), blamed=rule.id)


def _errs(rule: Rule, facts: Facts) -> bool:
    """Errs, and not since a row is not there: that an attribute names none is the policy's own fault."""
    value = facts.rule(rule)
    return isinstance(value, Error) and value.cause.startswith("no ")


def _has_value(rule: Rule, facts: Facts) -> bool:
    return rule in facts.cell and not isinstance(facts.rule(rule), Error)


def lives(program: Program) -> Iterator[Claim]:
    """Not dead, and not shadowed: a request for each."""
    for rule in program.rules:
        for check, goal in _decides(program, rule):
            yield Claim(check, rule.id, goal, never=False)


def _decides(program: Program, rule: Rule) -> Iterator[tuple[str, Goal]]:
    own, errs = f"|{rule.id}|", f"|{rule.id}.err|"
    denies = any_of([own, errs]) if rule.effect == "forbid" else errs
    others = [term for term in blocking(program.rules) if term not in (own, errs)]
    match rule.effect:
        case "permit":
            yield (
                "not dead",
                Goal(
                    (own, ALLOWED),
                    lambda f: f.allowed and rule.id in f.decision["rules"],
                    "no request is allowed by it",
                ),
            )
            rest = any_of(f"|{r.id}|" for r in program.rules if r.effect == "permit" and r.id != rule.id)
            alone = Goal(
                (own, ALLOWED, negated(rest)), lambda f: f.allowed and f.decision["rules"] == [rule.id], _ALONE
            )
            yield "not shadowed", alone
        case "forbid":
            holds = Goal(
                (own, PERMITTED), lambda f: f.permitted and f.rule(rule) is True, "no permitted request is denied by it"
            )
            yield "not dead", holds
            alone = Goal(
                (denies, PERMITTED, negated(any_of(others))),
                lambda f: f.permitted and f.decision["rules"] == [rule.id],
                _ALONE,
            )
            yield "not shadowed", alone
        case "require":
            obliges = Goal(
                (own, ALLOWED), lambda f: f.allowed and f.rule(rule) is True, "no allowed request is obliged by it"
            )
            yield "not dead", obliges


_ALONE = "wherever it decides, other rules decide the same"


def threat_line(program: Program, encoding: Encoding, threat: Threat, index: int) -> Claim | Unsupported:
    """The claim of one line of a threat, about the whole policy; or why it cannot be put."""
    line, term = threat.nevers[index], encoding.nevers[threat.id, index]
    if isinstance(term, Unsupported):
        return term
    owed = [rule for rule in program.rules if rule.obliges and rule.obliges.name == line.without]
    free = all_of(negated(f"|{rule.id}|") for rule in owed)
    broken = Goal(
        (ALLOWED, term, free),
        lambda facts: facts.allowed and facts.meets(line) and line.without not in facts.obliged,
        "a request is allowed, though the threat says never",
    )
    met = Goal((term,), lambda facts: facts.meets(line), "no request meets its condition")
    cells = Goal(
        (ALLOWED, _speaks_of(line)),
        lambda f: f.allowed and _cell(f, line),
        "no request on its actions and types is allowed at all",
    )
    shows = (
        (
            met,
            Goal(
                (ALLOWED, term),
                lambda f: f.allowed and f.meets(line),
                "no request that meets its condition is allowed with the obligation",
            ),
        )
        if owed
        else (met, cells)
    )
    return Claim(
        "threat", threat_subject(threat, index), broken, shows=shows, layer="resolver", rests_on=_form(encoding)
    )


def _cell(facts: Facts, line: Never) -> bool:
    return facts.request["action"] in line.actions and facts.request["resource"]["type"] in line.types


def _speaks_of(line: Never | Rule) -> str:
    actions = any_of(f"(= |the action| |action {action}|)" for action in line.actions)
    return all_of([actions, any_of(f"(= |resource type| |type {name}|)" for name in line.types)])


def threat_subject(threat: Threat, index: int) -> str:
    """`<threat>.<number of the line, from 1>`."""
    return f"{threat.id}.{index + 1}"
