"""Entities of any kind: whatever they return never widens a decision, and a row that cannot be loaded denies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.interpreter import Rows, decide
from tests.laws.situations import Decision, Situation, Tally, arguments, seeded, situation
from tests.strategies import JUNK, TENANTS, Choices, World, broken, choices


class Liar:
    """Rows of its own for each key, the same each time: those asked for, others, broken ones, no rows at all."""

    def __init__(self, found: Situation, seed: int) -> None:
        self.schema = found.schema
        self.seed = seed
        people = [arguments(request)[0] for request in found.requests]
        key = found.schema.tenant_key
        self.tenants = [who[key] for who in people if isinstance(who, dict) and isinstance(who.get(key), str)]

    def _choices(self, *key: str) -> Choices:
        return Choices.seeded(repr((self.seed, *key)))

    def get(self, org_id: str, type_name: str, id: str) -> Any:
        c = self._choices(org_id, type_name, id)
        world = World(c, self.schema)
        row = world.record(type_name)
        resource = self.schema.resource[type_name]
        row[resource.identity], row[self.schema.tenant_key] = id, org_id
        if c.chance(50):
            del row["type"]
        chance = c.below(10)
        if chance < 5:
            return row
        if chance < 6:
            return {**row, self.schema.tenant_key: c.pick([*TENANTS, org_id + "1"])}
        if chance < 7:
            return {**row, resource.identity: c.pick((id + "1", "", "a"))}
        if chance < 8:
            return {**row, "type": c.pick((*self.schema.type_names, self.schema.principal.name, "", 1, None))}
        return broken(c, row) if chance < 9 else c.pick(JUNK)

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> Iterable[Any]:
        c = self._choices(org_id, type_name, id, member_id)
        world = World(c, self.schema)
        schema, grant = self.schema, self.schema.grant_on[type_name]
        key = {schema.tenant_key: org_id, grant.resource_type: type_name, grant.resource_id: id}
        rows: list[Any] = []
        for _ in range(c.count(0, 3)):
            row = {**world.grant_row(grant), **key, grant.member_id: member_id}
            if self.tenants and c.chance(80):
                row[grant.member_tenant] = c.pick([*self.tenants, org_id])
            wrong = c.pick([*key, grant.member_id, grant.member_tenant])
            chance = c.below(10)
            if chance > 7:
                row[wrong] = c.pick((*TENANTS, *schema.type_names, "a", "b"))
            rows.append(broken(c, row) if chance == 0 else c.pick(JUNK) if chance == 1 else row)
        return c.pick((rows, tuple(rows), (row for row in rows), dict(enumerate(rows)).values()))


class Unreachable(Exception):
    """What a table says that cannot be reached."""


class Throttled(Exception):
    """Another thing that it may say."""


class Failing:
    """Rows of other entities, save for some keys, for which it raises; `failed` says whether it did."""

    def __init__(self, rows: Any, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self.failed = False

    def _load(self, *key: str) -> None:
        c = Choices.seeded(repr((self.seed, *key)))
        if c.chance(40):
            self.failed = True
            raise c.pick((Unreachable, Throttled))

    def get(self, org_id: str, type_name: str, id: str) -> Any:
        self._load(org_id, type_name, id)
        return self.rows.get(org_id, type_name, id)

    def grants(self, org_id: str, type_name: str, id: str, member_id: str) -> Any:
        self._load(org_id, type_name, id, member_id)
        return self.rows.grants(org_id, type_name, id, member_id)


def _lies_never_widen(found: Situation, seed: int, tally: Tally) -> None:
    """A lying supplier is checked as data is: the interpreter, which checks each row as it is met, agrees."""
    engine, liar = found.engine, Liar(found, seed)
    records = [resource for *_, resource in map(arguments, found.requests)]
    for request in found.requests:
        decision = engine.authorize(request, liar)
        assert decide(found.program, request, liar) == decision
        tally.see(found.schema, request, decision)
        principal, action, resource = arguments(request)
        context, owed = request.get("context"), decision["obligations"]
        allowed = decision["decision"] == "allow"
        assert engine.allowed(principal, action, resource, liar, context, owed) is allowed
        kept = engine.filter(principal, action, records, liar, context, owed)
        single = [r for r in records if engine.allowed(principal, action, r, liar, context, owed)]
        assert list(map(id, kept)) == list(map(id, single))


def _failures_never_allow(found: Situation, seed: int, tally: Tally) -> None:
    """A row that was asked for and not loaded makes the answer incomplete, unless it decides nothing."""
    engine, rows = found.engine, Rows(found.schema, found.data)
    records = [resource for *_, resource in map(arguments, found.requests)]
    for request in found.requests:
        principal, action, resource = arguments(request)
        context = request.get("context")
        complete = engine.authorize(request, rows)
        failing = Failing(rows, seed)
        decision = engine.authorize(request, failing)
        assert decide(found.program, request, Failing(rows, seed)) == decision
        assert decision == complete or (failing.failed and _is_incomplete(decision))
        tally.see(found.schema, request, decision)
        tally["incomplete"] += decision != complete
        tally["failed without harm"] += failing.failed and decision == complete

        owed = complete["obligations"]
        failing = Failing(rows, seed)
        allowed = engine.allowed(principal, action, resource, failing, context, owed)
        assert allowed is (not failing.failed and complete["decision"] == "allow")
        tally["allowed all the same"] += allowed and _is_incomplete(decision)

        right = engine.filter(principal, action, records, rows, context, owed)
        failing = Failing(rows, seed)
        try:
            kept = engine.filter(principal, action, records, failing, context, owed)
        except engine.Incomplete:
            assert failing.failed
            tally["no list"] += 1
        else:
            assert not failing.failed
            assert list(map(id, kept)) == list(map(id, right))


def _is_incomplete(decision: Decision) -> bool:
    """A denial that names nothing but what the entities raised."""
    causes = {f"incomplete: {kind.__name__}" for kind in (Unreachable, Throttled)}
    denied = (decision["decision"], decision["rules"], decision["obligations"]) == ("deny", [], [])
    return denied and set(decision["errors"]) <= causes and len(decision["errors"]) > 0


@st.composite
def _suppliers(draw: st.DrawFn) -> tuple[Situation, int]:
    return situation(draw(choices()), 5), draw(st.integers(0, 2**32))


@given(_suppliers())
def test_entities_that_lie_never_widen_a_decision(drawn: tuple[Situation, int]) -> None:
    _lies_never_widen(*drawn, Tally())


def test_entities_that_lie_never_widen_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for seed, found in enumerate(seeded(140)):
        _lies_never_widen(found, seed, tally)
    tally.check()


@given(_suppliers())
def test_a_row_that_cannot_be_loaded_denies_and_shortens_no_list(drawn: tuple[Situation, int]) -> None:
    _failures_never_allow(*drawn, Tally())


def test_a_row_that_cannot_be_loaded_denies_and_enough_of_them_were_seen() -> None:
    tally = Tally()
    for seed, found in enumerate(seeded(250)):
        _failures_never_allow(found, seed, tally)
    assert tally["allow"] > 0.2 * tally["all"], tally
    assert min(tally[name] for name in ("incomplete", "no list")) > 50, tally
    assert tally["failed without harm"] > 5, tally


@pytest.mark.parametrize("rows", [None, 1, "ab", {}, [[]], object()])
def test_grant_rows_that_are_no_rows_are_absent_or_not_loaded(rows: Any) -> None:
    class Odd:
        def get(self, *key: str) -> Any:
            return rows

        def grants(self, *key: str) -> Any:
            return rows

    for found in seeded(20):
        for request in found.requests:
            assert found.engine.authorize(request, Odd()) == decide(found.program, request, Odd())
