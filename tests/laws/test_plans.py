"""Plans of random policy sets: a fetch plan names every row that a decision asks for, and a list plan misses no record."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.interpreter import Rows, decide
from policyengine.model.schema import Schema
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.fetching import Fetched
from policyengine.resolvers.items import item_of
from policyengine.resolvers.layout import Key, Layout, grant_key, record_key
from tests.laws.situations import Situation, seeded, situations
from tests.memory_store import Memory
from tests.strategies import Object

# ---- A table that holds the data of a situation, as far as one can


def stored(schema: Schema, data: Object) -> tuple[dict[Key, Object], Object]:
    """Rows by key, and the same data without what has no key, or one that is taken."""
    rows: dict[Key, Object] = {}
    kept: Object = {}
    key = schema.tenant_key
    for resource in schema.resources:
        for row in data.get(resource.name, ()):
            if _texts(row, key, resource.identity):
                rows.setdefault(record_key(row[key], resource.name, row[resource.identity]), row)
    for grant in schema.grants:
        names = (key, grant.resource_type, grant.resource_id, grant.member_tenant, grant.member_id)
        for row in data.get(grant.name, ()):
            if _texts(row, *names):
                rows.setdefault(grant_key(*(row[name] for name in names)), row)
    for place, row in rows.items():
        name = place.partition.split("#")[1]
        kind = name if place.place == "record" else schema.grant_on[name].name if name in schema.grant_on else ""
        kept.setdefault(kind, []).append(row)
    return rows, kept


def _texts(row: Any, *names: str) -> bool:
    """Whether DynamoDB can hold a row under a key of these attributes: it has no fractions but decimal ones."""
    try:
        item_of(row)
    except (AttributeError, TypeError):
        return False
    return all(isinstance(row.get(name), str) and row[name] for name in names)


def check_fetch(found: Situation, request: Any, plans: Mapping[str, Any], seen: Counter[str]) -> None:
    """The decision on what was fetched is that on all rows: nothing is asked for that the plan does not name."""
    program, engine = found.engine.program, found.engine
    principal, record, action = request["principal"], request["resource"], request["action"]
    rows, data = stored(program.schema, found.data)
    expected = decide(program, request, Rows(program.schema, data))
    calls = Calls(Memory(rows), sleep=lambda _: None)
    fetched = Fetched(calls, Layout(), plans, principal)
    context = {**plans["defaults"], **{k: v for k, v in (request.get("context") or {}).items() if v is not None}}
    fetched.fetch(plans["plans"][plans["cells"][record["type"]][action]], [record], context)
    assert engine.authorize(request, fetched) == expected, request
    whole = engine.authorize(request, fetched.snapshot(engine.entities))
    assert whole == expected, request
    seen["fetched"] += calls.made > 0
    seen[expected["decision"]] += 1


# ---- What a list plan selects, by DynamoDB's rules

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def selects(condition: Any, known: Mapping[str, Any]) -> bool:
    """Whether a condition of a plan holds of a record: types must agree, and what is absent compares to nothing."""
    if isinstance(condition, bool):
        return condition
    head, *parts = condition
    match head:
        case "all":
            return all(selects(part, known) for part in parts)
        case "any":
            return any(selects(part, known) for part in parts)
        case "not":
            return not selects(parts[0], known)
        case "is":
            one, other = (_value(end, known) for end in parts[2:])
            same = type(one) is type(other) and one is not None
            if parts[0] == "!=":
                return None not in (one, other) and not (same and one == other)
            return bool(same and COMPARE[parts[0]](one, other))
        case "in":
            value = _value(parts[1], known)
            return any(type(value) is type(each) and value == each for each in parts[2])
        case "has":
            value = _value(parts[1], known)
            return value is not None and (parts[1][0] != "record" or _kind(value) == parts[1][2])
        case "holds":
            return _value(parts[1], known) is True
        case "absent":
            return known["record"].get(parts[0]) is None
        case "filled":
            return known["record"].get(parts[0]) not in (None, "")
    raise AssertionError(head)


def _kind(value: Any) -> str:
    return {bool: "BOOL", int: "N", str: "S"}.get(type(value), "?")


def _value(operand: list[Any], known: Mapping[str, Any]) -> Any:
    if operand[0] == "value":
        return operand[1]
    value: Any = known[operand[0]]
    for name in operand[1:2] if operand[0] == "record" else operand[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def check_list(found: Situation, request: Any, plans: Mapping[str, Any], seen: Counter[str]) -> None:
    """An allowed record of the own tenant is selected; where there are no codes, no other is."""
    program = found.engine.program
    schema, record = program.schema, request["resource"]
    principal = request["principal"]
    if record.get(schema.tenant_key) != principal[schema.principal.tenant]:
        return
    plan = plans["plans"][plans["cells"][record["type"]][request["action"]]]
    context = {**plans["defaults"], **{k: v for k, v in (request.get("context") or {}).items() if v is not None}}
    selected = selects(plan["select"], {"record": record, "principal": principal, "context": context})
    decision = decide(program, request, Rows(schema, found.data))
    if decision["decision"] == "allow":
        assert selected, (plan, request)
    elif selected:
        assert plan["codes"], (plan, request, decision)
    seen["selected" if selected else "left out"] += 1
    seen["exact"] += not plan["codes"]


def check(found: Situation, seen: Counter[str]) -> None:
    program = found.engine.program
    plans = plans_of(program)
    assert not plans["refused"]
    for request in found.requests:
        if decide(program, request, Rows(program.schema, found.data))["reason"] != "The request is malformed.":
            check_fetch(found, request, plans, seen)
            check_list(found, request, plans, seen)


@settings(max_examples=6)
@given(situations())
def test_plans_of_any_policy_set(found: Situation) -> None:
    check(found, Counter())


@pytest.mark.parametrize("count", [12, pytest.param(250, marks=pytest.mark.soak)])
def test_plans_see_enough_of_everything(count: int) -> None:
    seen: Counter[str] = Counter()
    for found in seeded(count):
        check(found, seen)
    assert min(seen[name] for name in ("fetched", "allow", "deny", "selected", "left out", "exact")) > count / 4, seen
