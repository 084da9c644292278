"""What `prove` says of list plans: on Studio, on Studio's plans with one fault each, and on random policy sets.

That a condition selects in DynamoDB what its replay says is asked of dynalite, in tests/test_resolver_filters.py.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import pytest

from policyengine.analysis import claims
from policyengine.analysis.claims import Settling
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.facts import Facts
from policyengine.analysis.filters import ABROAD, EXACT, SUPERSET, Plans, filter_verdicts, plans_of
from policyengine.analysis.selecting import selects
from policyengine.analysis.solver import LEADS, ask
from policyengine.analysis.verdict import Verdict
from policyengine.backends.dynamodb import Plan, conditions, plans
from policyengine.compiler import compile_folders, compile_sources, program_of
from policyengine.ir.nodes import Program
from policyengine.proving import settling_of
from policyengine.source import Source
from tests.conftest import ROOT
from tests.laws.situations import seeded

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")
pytest.importorskip("z3", reason="proofs need the solver z3")


@pytest.fixture(autouse=True)
def one_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "ask", partial(ask, solvers=(LEADS,)))  # that a second one is heard, others show


@cache
def studio() -> Settling:
    return settling_of(program_of(compile_folders(ROOT / "policies", ROOT / "schemas")))


def of(*lines: str, attributes: str = "") -> Program:
    """Policies on one type, Doc."""
    schema = f"""
tenant Org by org
enum Level {{ low, mid, high }}
principal User {{ id: Id as identity, org: Id of Org, level: Level? }}
context {{ level: Level = mid, open: Bool? }}
resource Doc {{ id: Id as identity, org: Id of Org{attributes} }}
action see, edit on Doc
"""
    return program_of(compile_sources([Source("s.schema", schema), Source("p.policy", "\n".join(lines))]))


def verdicts(program: Program) -> list[Verdict]:
    return filter_verdicts(settling_of(program), plans_of(program))


# ---- Studio


def test_every_list_of_studio_misses_nothing() -> None:
    found = filter_verdicts(studio(), plans_of(studio().program))
    assert {verdict.status for verdict in found} == {"proved"}
    checks = {verdict.subject: verdict.check for verdict in found if verdict.check != ABROAD}
    assert checks["list, read on Tool"] == checks["revoke on File"] == EXACT
    assert checks["list, read on File"] == checks["invoke on Tool"] == SUPERSET
    spoken_of = sum(map(cells, checks))
    assert spoken_of == len(list(studio().program.schema.cells()))
    assert sum(cells(verdict.subject) for verdict in found if verdict.check == ABROAD) == spoken_of


def cells(subject: str) -> int:
    parts = [part.split(" on ") for part in subject.split("; ")]
    return sum(len(actions.split(", ")) * len(types.split(", ")) for actions, types in parts)


HOSTILE: list[Any] = [..., None, "", "x", "INHERITS", 0, 1, -7, True, False, ["x"], {"x": "x"}]
"""Values of an attribute that fit no type, or some: `...` for none at all."""


def malformed_but_selected() -> tuple[int, int]:
    """Of records that do not fit, one attribute off from an allowed one: those that exact plans select, and all."""
    settling = studio()
    program, schema = settling.program, settling.program.schema
    selected = count = 0
    for verdict in filter_verdicts(settling, plans_of(program)):
        if verdict.check != EXACT or not verdict.held:
            continue
        request = verdict.witness["request"]
        record = request["resource"]
        plan = plans_of(program)[request["action"], record["type"]]
        context = {a.name: a.default for a in schema.context if a.default is not None} | request["context"]
        for a in schema.resource[record["type"]].attributes:
            if a.name == schema.tenant_key:  # which the list itself binds
                continue
            for value in HOSTILE:
                other = {name: v for name, v in {**record, a.name: value}.items() if v is not ...}
                if Facts(program, {**verdict.witness, "request": {**request, "resource": other}}).malformed:
                    count += 1
                    selected += selects(plan.selection.condition, other, request["principal"], context)
    return selected, count


def test_exact_plans_select_no_record_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoding knows records that fit alone; the others are asked about here, attribute by attribute."""
    selected, count = malformed_but_selected()
    assert selected == 0
    assert count > 200
    monkeypatch.setattr(conditions._Bounds, "well_formed", lambda self, resource: True)
    assert malformed_but_selected()[0] > 50


# ---- Faults in a plan

OWNER = ["is", "==", "{0} = {1}", ["record", "ownerId", "S"], ["principal", "id"]]
ENABLED = ["holds", "{0} = {1}", ["record", "enabled", "BOOL"]]
INHERITS = ["is", "==", "{0} = {1}", ["record", "scope", "S"], ["value", "INHERIT"]]


@dataclass(frozen=True)
class Fault:
    name: str
    cell: tuple[str, str]
    change: Callable[[Plan], Plan]
    check: str


def condition(change: Callable[[Any], Any]) -> Callable[[Plan], Plan]:
    return lambda one: replace(one, selection=replace(one.selection, condition=change(one.selection.condition)))


def without(part: Any) -> Callable[[Any], Any]:
    """The condition without a part, wherever it stands; a join of nothing that is left over is true."""

    def drop(found: Any) -> Any:
        if not isinstance(found, list) or found[0] not in ("all", "any", "not"):
            return found
        return [found[0], *(drop(each) for each in found[1:] if each != part)]

    return drop


FAULTS = [
    Fault("a conjunct too many", ("read", "Tool"), condition(lambda c: ["all", c, ENABLED]), EXACT),
    Fault("a conjunct dropped", ("read", "KeychainEntry"), condition(without(OWNER)), EXACT),
    Fault("a conjunct too many before a check", ("read", "File"), condition(lambda c: ["all", c, OWNER]), SUPERSET),
    Fault("records that inherit are left out", ("list", "Host"), condition(without(INHERITS)), SUPERSET),
    Fault("owners alone", ("revoke", "Host"), condition(lambda c: ["all", c, OWNER]), EXACT),
    Fault("a condition turned round", ("invoke", "Tool"), condition(lambda c: ["not", c]), SUPERSET),
    Fault("nothing is read", ("list", "Memory"), condition(lambda c: False), SUPERSET),
    Fault(
        "a check is needed, and none is named",
        ("delete", "Host"),
        lambda one: replace(one, selection=replace(one.selection, codes=())),
        EXACT,
    ),
    Fault("lists do not look abroad", ("read", "File"), lambda one: replace(one, crosses=False), ABROAD),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_in_a_plan_is_refuted_and_shown(fault: Fault) -> None:
    settling = studio()
    right = plans_of(settling.program)[fault.cell]
    planted: Plans = {fault.cell: fault.change(right)}
    assert planted[fault.cell] != right
    refuted = [one for one in filter_verdicts(settling, planted) if one.status == "refuted"]
    assert [one.check for one in refuted] == [fault.check]
    found = refuted[0].counterexample
    assert found["request"]["action"] == fault.cell[0]
    facts = Facts(settling.program, found)
    assert facts.across is (fault.check == ABROAD)
    assert facts.allowed or fault.check == EXACT
    assert settling.authorize(found["request"], found["data"]) == facts.decision


def test_a_plan_that_reads_for_nobody_is_vacuous() -> None:
    program = of(
        "permit p: see on Doc", "forbid f: see on Doc when resource.a or not resource.a", attributes=", a: Bool"
    )
    found = [one for one in verdicts(program) if one.subject == "see on Doc"]
    assert [(one.check, one.status) for one in found] == [(EXACT, "vacuous")]


# ---- Faults in what makes conditions


def test_absence_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NOT a = b` holds of a record without `a`: what makes conditions has to say that it is there."""
    program = of(
        'permit p: see on Doc when has resource.a and resource.a != "x"',
        'permit q: edit on Doc when not (has resource.a and resource.a != "")',
        attributes=", a: String?",
    )
    assert {one.status for one in verdicts(program)} == {"proved"}
    monkeypatch.setattr(conditions, "_there", lambda expr: True)
    assert "refuted" in {one.status for one in verdicts(program) if one.check == EXACT}


def test_bounds_from_the_wrong_side_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = conditions._Bounds
    right = bounds._of_the_holder
    monkeypatch.setattr(bounds, "_of_the_holder", lambda self, expr, unknown: right(self, expr, not unknown))
    settling = studio()
    refuted = [one for one in filter_verdicts(settling, plans_of(settling.program)) if one.status == "refuted"]
    assert {one.check for one in refuted} == {SUPERSET}
    assert len(refuted) >= 4


def test_a_kind_of_condition_that_nobody_knows_is_refused() -> None:
    settling = studio()
    plan = plans_of(settling.program)["read", "Tool"]
    planted: Plans = {("read", "Tool"): condition(lambda c: ["xor", c, c])(plan)}
    [one, _] = filter_verdicts(settling, planted)
    assert (one.status, one.check) == ("refused", EXACT)
    assert one.refused


# ---- What conditions say, kind by kind


@pytest.mark.parametrize(
    ("line", "attributes", "check"),
    [
        ("when has context.open and context.open", "", EXACT),
        ("when has principal.level and principal.level in { low, mid }", "", EXACT),
        ("when has principal.level and principal.level != context.level", "", EXACT),
        ("when has resource.n and resource.n < 7 and not (resource.n <= -3)", ", n: Int?", SUPERSET),
        ('when has resource.a and resource.a in { "", "x" }', ", a: String?", EXACT),
        ("when has resource.b and resource.b", ", b: Bool?", EXACT),
        ("when not has resource.b", ", b: Bool?", EXACT),
        ("when has principal.level and resource.l != principal.level", ", l: Level", EXACT),
        ("when has resource.p and resource.p == principal.id", ", p: Id of User?", EXACT),
        ("when has resource.p and resource.p == resource.q", ", p: Id of User?, q: Id of User", EXACT),
    ],
)
def test_kinds_of_conditions(line: str, attributes: str, check: str) -> None:
    program = of(f"permit p: see on Doc {line}", attributes=attributes)
    found = {one.check: one for one in verdicts(program) if one.subject == "see on Doc"}
    assert found[check].status == "proved", found[check]
    plan = plans_of(program)["see", "Doc"]
    turned: Plans = {("see", "Doc"): condition(lambda c: ["not", c])(plan)}
    assert filter_verdicts(settling_of(program), turned)[0].status == "refuted"


# ---- Random policy sets


@pytest.mark.parametrize("count", [8, pytest.param(200, marks=pytest.mark.soak)])
def test_plans_of_random_policy_sets_are_proved(count: int) -> None:
    seen: Counter[str] = Counter()
    for found in seeded(count):
        program = found.engine.program
        try:
            settling = settling_of(program)
        except Unsupported:
            seen["refused"] += 1
            continue
        for verdict in filter_verdicts(settling, plans_of(program)):
            assert verdict.status in ("proved", "vacuous"), (verdict, json.dumps(plans(program)))
            seen[verdict.check] += verdict.status == "proved"
    assert min(seen[check] for check in (EXACT, SUPERSET)) >= count / 2, seen
    assert seen["refused"] < count / 2, seen
