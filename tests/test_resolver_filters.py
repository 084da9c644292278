"""Filter = check: DynamoDB's filter, the generated Python and the interpreter agree on hostile rows, or there is a code."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from policyengine.analysis.selecting import selects
from policyengine.backends.dynamodb import select
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.interpreter import Rows, decide
from policyengine.ir import nodes as ir
from policyengine.ir.nodes import TRUE
from policyengine.ir.visitor import walk
from policyengine.model.operators import OPERATORS
from policyengine.model.schema import Known, attribute
from policyengine.model.types import Entity
from policyengine.partial.specializer import Partly, specialize
from policyengine.resolvers.filters import NOTHING, instantiate
from policyengine.resolvers.items import item_of, plain
from policyengine.source import Source
from tests.dynamodb import dynalite
from tests.resolver_world import client

SCHEMA = """
tenant Org by org
enum Level { low, mid, high }
principal User { id: Id as identity, org: Id of Org, nick: Id?, staff: Bool, limit: Int, level: Level }
context { now: Time?, level: Level = mid }
resource Doc {
  id: Id as identity, org: Id of Org, by: Id, peer: Id?, kind: Level?, open: Bool?, size: Int?, note: String?, at: Time?, until: Time?
}
action see on Doc
"""
PROGRAM = program_of(compile_sources([Source("s.schema", SCHEMA), Source("p.policy", "access Doc { }")]))
ME = {"id": "ann", "org": "o1", "staff": True, "limit": 7, "level": "mid"}
NICKED = {**ME, "nick": "anna", "staff": False}
CONTEXT = {"now": "2026-06-01T00:00:00Z"}
BASE: dict[str, Any] = {"type": "Doc", "id": "d", "org": "o1", "by": "ann"}
VALUES: dict[str, list[Any]] = {
    "by": ["ann", "anna", "an", "Ann", "", 1, True, None, "NULL", ...],
    "peer": ["ann", "anna", "", 7, None, ["ann"], ...],
    "kind": ["low", "mid", "mi", "midd", "", 1, None, {"S": "mid"}, ...],
    "open": [True, False, 1, 0, "true", "", None, ...],
    "size": [7, 8, -1, 0, 10**18 - 1, "7", True, None, ...],
    "note": ["", "ann", "mid", 7, None, ...],
    "at": ["2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2026-06-01T00:00:00.5Z", "x", 3, None, ...],
    "org": ["o1", "o", "o11", "o2", "", 1, None, ...],
    "id": ["d", "", 5, None, ...],
}
"""Values that an attribute may have in the table, `...` for none at all."""


def hostile_rows() -> list[dict[str, Any]]:
    """Each attribute wrong by itself, and every pair of values for the attributes that conditions read."""
    rows = [{**BASE, name: value} for name, values in VALUES.items() for value in values]
    for one, other in itertools.combinations(("by", "peer", "kind", "open", "size", "note"), 2):
        rows += [{**BASE, one: a, other: b} for a in [*VALUES[one][:3], ...] for b in [*VALUES[other][:3], ...]]
    rows = [{name: value for name, value in row.items() if value is not ...} for row in rows]
    return [row for n, row in enumerate(rows) if row not in rows[:n]]


LISTED: dict[str, tuple[str | int, ...]] = {
    "kind": ("high", "mid"),
    "note": ("", "mid"),
    "size": (7, 8),
    "peer": ("ann", "x"),
}

# ---- Core conditions to depth 2 over the operator table

RECORD, PRINCIPAL, GIVEN = (ir.Var(name, Entity(name)) for name in ("resource", "principal", "context"))


def read(of: ir.Var, name: str) -> ir.Attr:
    schema = PROGRAM.schema
    where = {"resource": schema.resource["Doc"].attributes, "principal": schema.principal.attributes}
    found = attribute(where.get(of.name, schema.context), name)
    assert found
    return ir.Attr(of, name, found.type, Known.RECORD, found.optional)


def guarded(condition: ir.Expr, *reads: ir.Attr) -> ir.Expr:
    """As the checker demands it: an optional attribute is read behind a `has`."""
    needed = tuple(ir.Has(each) for each in reads if each.optional)
    return ir.And((*needed, condition)) if needed else condition


def atoms() -> Iterator[tuple[str, ir.Expr]]:
    """Conditions of depth 1, each with the operator that it shows, over every type that may stand there."""
    r, p = partial(read, RECORD), partial(read, PRINCIPAL)
    pairs: list[tuple[ir.Attr, ir.Attr | ir.Literal]] = [
        (r("by"), p("id")),
        (r("peer"), p("id")),
        (r("peer"), p("nick")),
        (r("by"), r("peer")),
        (r("note"), ir.Literal("", r("note").type)),
        (r("kind"), p("level")),
        (r("kind"), read(GIVEN, "level")),
        (r("kind"), ir.Literal("mid", r("kind").type)),
        (r("open"), p("staff")),
        (r("size"), p("limit")),
        (r("size"), ir.Literal(0, r("size").type)),
        (p("level"), ir.Literal("mid", p("level").type)),
    ]
    for left, right in pairs:
        reads = [side for side in (left, right) if isinstance(side, ir.Attr)]
        for sign in ("==", "!="):
            yield sign, guarded(ir.Compare(left, sign, right), *reads)
    for sign in ("<", "<=", ">", ">="):
        for left, right in pairs[9:11]:
            yield sign, guarded(ir.Compare(left, sign, right), r("size"))
        yield sign, guarded(ir.Compare(ir.Literal(5, r("size").type), sign, r("size")), r("size"))
    for name in ("kind", "note", "size", "peer"):
        yield "in", guarded(ir.Member(r(name), LISTED[name]), r(name))
    yield "in", ir.Member(p("level"), ("high", "mid"))
    for name in ("peer", "kind", "open", "size", "note", "at"):
        yield "has", ir.Has(r(name))
    yield "has", ir.Has(p("nick"))
    yield "has", guarded(r("open"), r("open"))
    for sign in ("==", "<"):
        yield f"time {sign}", guarded(ir.Compare(r("at"), sign, read(GIVEN, "now")), r("at"), read(GIVEN, "now"))
        yield f"time {sign}", guarded(ir.Compare(r("at"), sign, r("until")), r("at"), r("until"))


def conditions() -> Iterator[tuple[str, ir.Expr]]:
    """Depth 1, negated, and joined two by two."""
    single = [*atoms()]
    yield from single
    yield from (("not", ir.Not(condition)) for _, condition in single)
    for (_, one), (_, other) in itertools.combinations(single, 2):
        yield "and", ir.And((one, ir.Not(other)))
        yield "or", ir.Or((ir.Not(one), other))


def engine_of(condition: ir.Expr) -> Engine:
    isolation = ir.Isolation(read(PRINCIPAL, "org"), read(RECORD, "org"), False)
    rule = ir.Rule("r", "permit", ("see",), ("Doc",), ir.And((isolation, condition)))
    return Engine(ir.Program(PROGRAM.schema, (rule,)))


@pytest.fixture(scope="module")
def table() -> Iterator[Any]:
    with dynalite() as address:
        dynamodb = client("dynamodb", address)
        dynamodb.create_table(
            TableName="Rows",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind} for name, kind in (("k", "S"), ("n", "N"))
            ],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for number, row in enumerate(hostile_rows()):
            item = {
                name: {"NULL": True} if value is None else item_of({name: value})[name] for name, value in row.items()
            }
            dynamodb.put_item(TableName="Rows", Item={"k": {"S": "rows"}, "n": {"N": str(number)}, **item})
        yield dynamodb


def filtered(dynamodb: Any, arguments: dict[str, Any]) -> set[int]:
    """The numbers of the rows that a filter selects, in the partition of the principal's organization."""
    arguments["ExpressionAttributeNames"] = {**arguments.get("ExpressionAttributeNames", {}), "#org": "org"}
    values = {**arguments.get("ExpressionAttributeValues", {}), ":org": {"S": "o1"}, ":rows": {"S": "rows"}}
    arguments["ExpressionAttributeValues"] = values
    inner = arguments.get("FilterExpression")
    arguments["FilterExpression"] = f"#org = :org AND ({inner})" if inner else "#org = :org"
    answer = dynamodb.query(TableName="Rows", KeyConditionExpression="k = :rows", ProjectionExpression="n", **arguments)
    assert "LastEvaluatedKey" not in answer
    return {int(item["n"]["N"]) for item in answer["Items"]}


CODES = {"dynamodb-time", "dynamodb-int"}
ROWS = hostile_rows()
CELLS = [*conditions()]


def check_cell(dynamodb: Any, condition: ir.Expr, seen: Counter[str], *principals: dict[str, Any]) -> None:
    """One condition: what DynamoDB selects, the interpreter allows, and generated Python allows."""
    engine = engine_of(condition)
    for me in principals:
        rules = specialize(engine.program, Partly("see", "Doc")).rules
        selection = select(engine.program, "Doc", rules)
        known = select(engine.program, "Doc", specialize(engine.program, Partly("see", "Doc", me)).rules)
        context = {"level": "mid", **CONTEXT}
        made = [instantiate(each.condition, me, context) for each in (selection, known)]
        early, late = made[1], made[0]
        selected = set() if late is NOTHING else filtered(dynamodb, late.arguments())
        replayed = {n for n, row in enumerate(ROWS) if selects(selection.condition, row, me, context)}
        assert selected == {n for n in replayed if ROWS[n].get("org") == "o1"}  # what proofs replay is what is sent
        if early != late:  # what is known early and what is known late select alike
            assert selected == (set() if early is NOTHING else filtered(dynamodb, early.arguments()))
        entities, rows = engine.entities({}), Rows(engine.program.schema, {})
        request = {"principal": me, "action": "see", "context": CONTEXT}
        allowed = set()
        for number, row in enumerate(ROWS):
            decision = decide(engine.program, {**request, "resource": row}, rows)["decision"]
            assert engine.allowed(me, "see", row, entities, CONTEXT) is (decision == "allow")
            if decision == "allow":
                allowed.add(number)
        codes = set(selection.codes)
        assert codes <= CODES
        assert allowed <= selected, (ROWS[min(allowed - selected, default=0)], condition)
        surplus = [ROWS[number] for number in selected - allowed]
        if codes & {"dynamodb-time"} and mentions_time(condition):
            seen["refused"] += 1
        else:  # a time that is none, of an attribute that no condition reads, is all that may be too many
            assert all(bad_time(row) for row in surplus), (surplus[0], condition)
        seen["all" if len(allowed) == len(well_formed()) else "some" if allowed else "none"] += 1


def mentions_time(condition: ir.Expr) -> bool:
    return any(
        isinstance(node, ir.Compare) and str(getattr(node.left, "type", "")) == "Time" for node in walk(condition)
    )


def bad_time(row: dict[str, Any]) -> bool:
    return row.get("at") == "x"


def well_formed() -> list[dict[str, Any]]:
    engine = engine_of(TRUE)
    return [row for row in ROWS if engine.allowed(ME, "see", row, engine.entities({}))]


def test_the_table_of_operators_is_covered() -> None:
    shown = {name for name, _ in CELLS}
    assert set(OPERATORS) <= shown
    assert {name for name in shown if name not in OPERATORS} == {"time ==", "time <"}
    assert len(CELLS) > 2000


def test_filters_select_what_is_allowed(table: Any) -> None:
    seen: Counter[str] = Counter()
    single = [condition for name, condition in CELLS if name not in ("and", "or", "not")]
    joined = [condition for name, condition in CELLS if name in ("and", "or", "not")]
    for number, condition in enumerate(single + Random(6).sample(joined, 12)):
        check_cell(table, condition, seen, (ME, NICKED)[number % 2])
    assert seen["some"] > 3 * (seen["all"] + seen["none"]), seen
    assert seen["refused"] > 5, seen


@pytest.mark.soak
def test_all_filters_select_what_is_allowed(table: Any) -> None:
    seen: Counter[str] = Counter()
    for _, condition in CELLS:
        check_cell(table, condition, seen, ME, NICKED)


def test_nothing_and_everything(table: Any) -> None:
    assert select(PROGRAM, "Doc", ()).condition is False
    assert instantiate(False, ME, {}) is NOTHING
    assert instantiate(True, ME, {}) == ("", {}, {})
    denied = ir.Rule("f", "forbid", ("see",), ("Doc",), TRUE)
    assert select(PROGRAM, "Doc", (ir.Rule("r", "permit", ("see",), ("Doc",), TRUE), denied)).condition is False


def test_a_filter_that_is_too_large_is_left_to_the_check() -> None:
    long = ir.Member(read(RECORD, "by"), tuple(f"{n:0100}" for n in range(90)))
    rules = (ir.Rule("r", "permit", ("see",), ("Doc",), long),)
    made = instantiate(select(PROGRAM, "Doc", rules).condition, ME, {})
    assert made is not None
    assert len(made.expression) < 4096
    more = ir.Member(read(RECORD, "by"), tuple(f"{n:03}" for n in range(101)))
    assert "dynamodb-size" in select(PROGRAM, "Doc", (ir.Rule("r", "permit", ("see",), ("Doc",), more),)).codes


def test_round_trip_of_items() -> None:
    row = {"a": "x", "b": 1, "c": True, "d": None, "e": ["y", {"f": 2}], "g": {"h": False}}
    assert plain(item_of(row)) == {name: value for name, value in row.items() if value is not None}
    assert type(plain({"n": {"N": "1"}})["n"]) is int
    assert plain({"n": {"N": "1.5"}})["n"] != 1
