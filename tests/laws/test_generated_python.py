"""The generated module decides as the interpreter does, and its short answers say what follows from that."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import given

from policyengine.interpreter import Rows, decide
from tests.laws.situations import Decision, Situation, Tally, arguments, seeded, situations
from tests.strategies import Object


def _decides_as_the_interpreter(situation: Situation, tally: Tally) -> None:
    """Each request on rows and on the engine's own entities; then all once more, from the last to the first."""
    engine = situation.engine
    rows, entities = Rows(situation.schema, situation.data), engine.entities(situation.data)
    decisions = [decide(situation.program, request, rows) for request in situation.requests]
    asked = list(zip(situation.requests, decisions, strict=True))
    for request, decision in asked:
        assert engine.authorize(request, rows) == decision
        assert engine.authorize(request, entities) == decision
        assert decide(situation.program, request, entities) == decision
        tally.see(situation.schema, request, decision)
    for request, decision in reversed(asked):
        assert engine.authorize(request, entities) == decision


def _short_answers_follow(situation: Situation, tally: Tally) -> None:
    """`allowed`: an allow, every obligation of which is discharged. `filter`: the records that are allowed."""
    engine = situation.engine
    entities = engine.entities(situation.data)
    records = [resource for *_, resource in map(arguments, situation.requests)]
    for request in situation.requests:
        principal, action, resource = arguments(request)
        given, context = deepcopy(request), request.get("context")
        decision = engine.authorize({**request, "context": context}, entities)
        for discharged in _discharges(decision):
            expected = decision["decision"] == "allow" and _covers(discharged, decision["obligations"])
            assert engine.allowed(principal, action, resource, entities, context, discharged) is expected
            kept = engine.filter(principal, action, records, entities, context, discharged)
            single = [r for r in records if engine.allowed(principal, action, r, entities, context, discharged)]
            assert list(map(id, kept)) == list(map(id, single))
            twice = engine.filter(principal, action, [*records, *records[::-1]], entities, context, discharged)
            assert list(map(id, twice)) == list(map(id, [*single, *single[::-1]]))
            tally["kept"] += len(kept)
            tally["undischarged"] += decision["decision"] == "allow" and not expected
            tally["discharged"] += expected and bool(decision["obligations"])
        assert repr(request) == repr(given)


def _discharges(decision: Decision) -> Iterator[Any]:
    """Nothing; exactly what is owed, in other containers; one too few; the same with one field a little wrong."""
    owed: list[Object] = decision["obligations"]
    yield ()
    if not owed:
        return
    yield owed
    yield tuple({name: one[name] for name in reversed(one)} for one in reversed(owed))
    yield owed[1:]
    yield [{"name": "other"}, None, 1, *owed[:-1]]
    first, *rest = owed
    yield [{**first, "more": None}, *rest]
    for name, value in first.items():
        yield [{**first, name: _other(value)}, *rest]
        yield [{other: first[other] for other in first if other != name}, *rest]


def _other(value: Any) -> Any:
    """Another value that Python takes for the same one, or nearly: 1 for true, 1.0 for 1, a list for a text."""
    return int(value) if isinstance(value, bool) else float(value) if isinstance(value, int) else [value]


def _covers(discharged: Any, owed: list[Object]) -> bool:
    """Whether every obligation is among the discharged ones, compared as JSON text."""
    texts = {json.dumps(one, sort_keys=True) for one in discharged}
    return all(json.dumps(one, sort_keys=True) in texts for one in owed)


@given(situations())
def test_the_generated_module_decides_as_the_interpreter(situation: Situation) -> None:
    _decides_as_the_interpreter(situation, Tally())


def test_the_generated_module_decides_as_the_interpreter_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for situation in seeded(200):
        _decides_as_the_interpreter(situation, tally)
    tally.check()


@given(situations())
def test_allowed_and_filter_follow_from_the_decision(situation: Situation) -> None:
    _short_answers_follow(situation, Tally())


def test_allowed_and_filter_follow_from_the_decision_and_every_kind_of_discharge_was_seen() -> None:
    tally = Tally()
    for situation in seeded(200):
        _short_answers_follow(situation, tally)
    assert min(tally[name] for name in ("kept", "undischarged", "discharged")) > 100, tally
