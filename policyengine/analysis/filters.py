"""Claims about list plans: what a plan selects, held against what is allowed, for all requests on its cells.

filter exact     of the own tenant's records the plan selects those that are allowed, and no other
filter superset  it leaves out none that is allowed; what it selects besides, the check of each record finds
filter abroad    of other tenants' records, lists that say so miss none: where no permit crosses none is allowed, and
                 where one does, a grant row on the record itself names the principal, and that is where lists look

Types without a tenant are not listed by tenant, and have no claim; a cell whose plan the bundle refuses has no list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from policyengine.analysis.claims import Claim, Goal, Settling
from policyengine.analysis.encoder import ALLOWED, Encoding, encode
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.facts import Facts
from policyengine.analysis.selecting import Terms, selects
from policyengine.analysis.terms import all_of, any_of, negated
from policyengine.analysis.verdict import Verdict
from policyengine.analysis.vocabulary import THE_ACTION
from policyengine.backends.dynamodb import Condition, Plan, Unfetchable, plan
from policyengine.ir.nodes import Program
from policyengine.partial.specializer import Partly

Cells = tuple[tuple[str, str], ...]
"""(action, type), in the order of the schema."""

Plans = dict[tuple[str, str], Plan]

Key = TypeVar("Key", str, bool, tuple[str, bool])

EXACT, SUPERSET, ABROAD = "filter exact", "filter superset", "filter abroad"
RESTS_ON = (
    "a list plan's condition is rendered, and judged by DynamoDB, as the operator table says: tested, not proved",
)


def plans_of(program: Program) -> Plans:
    """The plan of each cell of a type that has a tenant, as the bundle carries it."""
    found: Plans = {}
    for action, name in program.schema.cells():
        if not program.schema.resource[name].global_reason:
            try:
                found[action, name] = plan(program, Partly(action, name))
            except Unfetchable:
                continue
    return found


def filter_verdicts(settling: Settling, plans: Plans) -> list[Verdict]:
    """A verdict for each condition that plans share, and one on other tenants' records for lists of each kind.

    Raises SolverMissing and InternalError.
    """
    encoding = encode(settling.program)
    declared = set(encoding.met.literals)
    put = [*claims(settling.program, encoding, plans)]
    asking = replace(settling, encoding=_with_literals(encoding, declared))
    answers = iter(asking.settle([claim for claim in put if isinstance(claim, Claim)]))
    return [next(answers) if isinstance(claim, Claim) else claim for claim in put]


def claims(program: Program, encoding: Encoding, plans: Plans) -> Iterator[Claim | Verdict]:
    """All claims; a refusal in place of one that has no encoding. The encoding then lacks their literals."""
    for (_, exact), cells in _alike(plans, lambda one: (json.dumps(one.selection.condition), one.selection.exact)):
        asked = _Asked(program, encoding, cells, plans[cells[0]].selection.condition)
        try:
            yield asked.exact() if exact else asked.superset()
        except Unsupported as why:
            yield Verdict(EXACT if exact else SUPERSET, subject(cells), "refused", reason=str(why), refused=(str(why),))
    for crosses, cells in _alike(plans, lambda one: one.crosses):
        yield _Asked(program, encoding, cells, False).abroad(crosses)


def _alike(plans: Plans, key: Callable[[Plan], Key]) -> Iterator[tuple[Key, Cells]]:
    groups: dict[Key, list[tuple[str, str]]] = {}
    for cell, one in plans.items():
        groups.setdefault(key(one), []).append(cell)
    yield from ((its, tuple(cells)) for its, cells in groups.items())


def subject(cells: Iterable[tuple[str, str]]) -> str:
    """`list, read on Connector, Tool; configure on Tool`."""
    actions: dict[str, list[str]] = {}
    for action, name in cells:
        actions.setdefault(name, []).append(action)
    types: dict[str, list[str]] = {}
    for name, its in actions.items():
        types.setdefault(", ".join(its), []).append(name)
    return "; ".join(f"{its} on {', '.join(names)}" for its, names in types.items())


@dataclass(frozen=True, slots=True)
class _Asked:
    """Claims about the cells that share one condition."""

    program: Program
    encoding: Encoding
    cells: Cells
    condition: Condition

    def exact(self) -> Claim:
        selected = self._selected()
        differ = any_of([all_of([ALLOWED, negated(selected)]), all_of([selected, negated(ALLOWED)])])
        broken = Goal(
            (self.encoding.within, self._here, differ),
            lambda facts: self._own(facts) and facts.allowed is not self._selects(facts),
            "the plan leaves out a record that is allowed, or selects one that is denied and says that it does not",
        )
        return self._claim(EXACT, broken)

    def superset(self) -> Claim:
        broken = Goal(
            (ALLOWED, self.encoding.within, self._here, negated(self._selected())),
            lambda facts: self._own(facts) and facts.allowed and not self._selects(facts),
            "the plan leaves out a record that is allowed",
        )
        return self._claim(SUPERSET, broken)

    def _claim(self, check: str, broken: Goal) -> Claim:
        """It shows a record that is allowed; where the plan selects none at all, one that is not."""
        nothing = self.condition is False
        listed = Goal(
            (self.encoding.within, self._here, *(() if nothing else (ALLOWED,))),
            lambda facts: self._own(facts) and facts.allowed is not nothing,
            "no record is allowed, though the plan selects some",
        )
        return Claim(check, subject(self.cells), broken, shows=(listed,), rests_on=RESTS_ON)

    def abroad(self, crosses: bool) -> Claim:
        """Where permits cross, what the rows that lists look for do not cover; elsewhere, anything at all."""
        broken = Goal(
            (ALLOWED, self.encoding.across, self._here, *((negated(self.encoding.covered),) if crosses else ())),
            lambda f: self._in(f) and f.allowed and f.across and not (crosses and f.given(crossing=True)),
            "a record of another tenant is allowed, and no list would show it",
        )
        listed = Goal(
            (self.encoding.across, self._here, *((ALLOWED,) if crosses else ())),
            lambda facts: self._in(facts) and facts.across and facts.allowed is crosses,
            "no record of another tenant is allowed, though lists look for them",
        )
        return Claim(ABROAD, subject(self.cells), broken, shows=(listed,))

    @property
    def _here(self) -> str:
        return any_of(
            all_of([self.encoding.words.is_a("resource", [name]), f"(= {THE_ACTION} |action {action}|)"])
            for action, name in self.cells
        )

    def _selected(self) -> str:
        names = dict.fromkeys(name for _, name in self.cells)
        terms: dict[str, list[str]] = {}
        for name in names:
            terms.setdefault(Terms(self.encoding.met, name).term(self.condition), []).append(name)
        return any_of(all_of([self.encoding.words.is_a("resource", types), term]) for term, types in terms.items())

    # ---- The same by the interpreter

    def _in(self, facts: Facts) -> bool:
        return (facts.request["action"], facts.request["resource"]["type"]) in self.cells

    def _own(self, facts: Facts) -> bool:
        return self._in(facts) and not facts.across

    def _selects(self, facts: Facts) -> bool:
        request, schema = facts.request, self.program.schema
        said = {name: value for name, value in (request.get("context") or {}).items() if value is not None}
        context = {a.name: a.default for a in schema.context if a.default is not None} | said
        return selects(self.condition, request["resource"], request["principal"], context)


def _with_literals(encoding: Encoding, declared: set[str]) -> Encoding:
    """With the texts that only conditions of plans write, which differ from all others too."""
    literals = encoding.met.literals
    lines = [f"(declare-fun {symbol} () {sort})" for symbol, (sort, _) in literals.items() if symbol not in declared]
    for sort in sorted({literals[symbol][0] for symbol in literals.keys() - declared}):
        same = sorted(symbol for symbol, (its, _) in literals.items() if its == sort)
        if len(same) > 1:
            lines.append(f"(assert (! (distinct {' '.join(same)}) :named |given of plans {sort.strip('|')}: texts|))")
    return replace(encoding, text=encoding.text + "".join(f"{line}\n" for line in lines))
