"""`reads` names everything that a decision reads: what it does not name is not looked at, and changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policyengine.interpreter import Rows, decide, evaluation
from policyengine.interpreter.checking import well_formed
from policyengine.ir.nodes import Program
from policyengine.model.schema import Attributes
from policyengine.model.types import Shape
from policyengine.partial.specializer import reads
from tests.laws.situations import Situation, seeded, situation, studio_engine
from tests.strategies import Choices, Object, choices, value
from tests.worlds import requests, world


class Watched(dict[str, Any]):
    """An object that notes which of its attributes are read."""

    def __init__(self, path: str, value: Object, seen: set[str]) -> None:
        super().__init__(value)
        self.path = path
        self.seen = seen

    def __getitem__(self, name: str) -> Any:
        self.seen.add(f"{self.path}.{name}")
        found = super().__getitem__(name)
        return Watched(f"{self.path}.{name}", found, self.seen) if isinstance(found, dict) else found

    def get(self, name: str, default: Any = None) -> Any:
        self.seen.add(f"{self.path}.{name}")
        return self[name] if name in set(self) else default


def _plan(program: Program, request: Object) -> set[str]:
    """The paths of the fetch plan; that a record states its type is known before."""
    type_name = request["resource"]["type"]
    return {"resource.type", *(path for _, path in reads(program, request["action"], type_name))}


def _is_well_formed(program: Program, request: Any, data: Object) -> bool:
    return bool(decide(program, request, Rows(program.schema, data))["reason"] != "The request is malformed.")


def _seen(program: Program, request: Object, data: Object) -> set[str]:
    """What the conditions and obligations of the cell's rules read of principal, record and context."""
    seen: set[str] = set()
    known = evaluation(program, request, Rows(program.schema, data))
    known = replace(known, given={name: Watched(name, value, seen) for name, value in known.given.items()})
    for rule in program.rules_for(request["action"], request["resource"]["type"]):
        holds = known.value(rule.condition)
        if rule.obliges and holds is True:
            for _, field in rule.obliges.fields:
                known.value(field)
    return seen


def test_all_that_a_decision_reads_is_named_by_reads() -> None:
    program = studio_engine().program
    count: Counter[str] = Counter()
    for seed in range(15):
        rng = Random(seed)
        data = world(rng)
        for request in requests(rng, data, 50):
            if _is_well_formed(program, request, data):
                seen, plan = _seen(program, request, data), _plan(program, request)
                assert seen <= plan, seen - plan
                count.update(seen)
    assert (
        min(count[path] for path in ("context.now", "context.trust", "context.member.orgId", "resource.parentId")) > 9
    )


def _unread(plan: set[str], path: str, attributes: Attributes) -> Iterator[str]:
    """The attributes that the plan names neither themselves nor any part of."""
    for a in attributes:
        if not any(read == f"{path}.{a.name}" or read.startswith(f"{path}.{a.name}.") for read in plan):
            yield a.name


def _what_is_not_read_changes_nothing(c: Choices, program: Program, data: Object, request: Object) -> int:
    """Other values, all well-formed, in place of all that is not read: of the request, and of the rows beside it."""
    schema = program.schema
    plan = _plan(program, request)
    type_name = request["resource"]["type"]
    changed = dict(request)
    count = 0
    parts = {
        "principal": schema.principal.attributes,
        "resource": schema.resource[type_name].attributes,
        "context": schema.context,
    }
    for part, attributes in parts.items():
        if isinstance(changed.get(part), dict):
            names = list(_unread(plan, part, attributes))
            changed[part] = _with_others(c, program, changed[part], attributes, names)
            count += len(names)
    rows = {name: list(array) for name, array in data.items()}
    for resource in schema.resources:
        read = {path.rpartition(".")[2] for path in plan if not path.startswith(("principal.", "context.", "row."))}
        keys = {resource.identity, schema.tenant_key}
        names = [a.name for a in resource.attributes if a.name not in read | keys]
        array = rows.get(resource.name, [])
        for index, row in enumerate(array):
            if well_formed(schema, resource.name, resource.attributes, row):
                array[index] = _with_others(c, program, row, resource.attributes, names)
    for grant in schema.grants:
        if not any(path.startswith("row.") for path in plan):
            rows[grant.name] = []
    expected = decide(program, request, Rows(schema, data))
    assert decide(program, changed, Rows(schema, rows)) == expected
    return count


def _with_others(c: Choices, program: Program, row: Object, attributes: Attributes, names: list[str]) -> Object:
    changed = dict(row)
    for a in attributes:
        if a.name in names:
            changed[a.name] = value(c, program.schema, a.type)
            if not a.required and not isinstance(a.type, Shape) and c.chance(30):
                del changed[a.name]
    return changed


@st.composite
def _changes(draw: st.DrawFn) -> tuple[Choices, Situation]:
    return Choices.seeded(draw(st.integers(0, 2**32))), situation(draw(choices()), 6)


@given(_changes())
def test_what_reads_does_not_name_changes_no_decision(drawn: tuple[Choices, Situation]) -> None:
    c, found = drawn
    for request in found.requests:
        if _is_well_formed(found.program, request, found.data):
            _what_is_not_read_changes_nothing(c, found.program, found.data, request)


def test_what_reads_does_not_name_changes_no_decision_and_much_was_changed() -> None:
    count = 0
    for seed, found in enumerate(seeded(100)):
        for request in found.requests:
            if _is_well_formed(found.program, request, found.data):
                count += _what_is_not_read_changes_nothing(Choices.seeded(seed), found.program, found.data, request)
    assert count > 1000


def test_what_reads_does_not_name_changes_no_decision_of_studio() -> None:
    program = studio_engine().program
    for seed in range(6):
        rng, c = Random(seed), Choices.seeded(seed)
        data = world(rng)
        for request in requests(rng, data, 100):
            if _is_well_formed(program, request, data):
                _what_is_not_read_changes_nothing(c, program, data, request)
