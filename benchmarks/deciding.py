"""Decisions: single reads and lists against the hand-written model, and few against many further rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks import reference
from benchmarks.measuring import Figure, agree, compare
from benchmarks.workloads import Ask, Listing, Object, Reads, RowsOnly, hostile, listing, reads, studio_with
from policyengine.compiler import Engine

READS, LISTED, FOLDERS = 2000, 10_000, 800


def studio() -> Engine:
    return studio_with(0)


# ---- allowed


def single_reads() -> Iterator[Figure]:
    """`allowed` on ordinary reads; then on one kind at a time, on rows that nobody has checked, on hostile requests."""
    engine = studio()
    ordinary = reads(READS)
    yield _reads("ordinary reads, hot", engine, ordinary, rounds=80, bound=0.50)
    yield _reads("ordinary reads, records freshly parsed", engine, ordinary, rounds=60, bound=0.65, fresh=True)
    rows = RowsOnly(ordinary.data)
    yield _reads("the same, hot, rows by get() and grants() only", engine, ordinary, rounds=30, entities=rows)
    for kind in ("own", "ORG", "PRIVATE", "CUSTOM", "CUSTOM, expiring", "INHERIT"):
        yield _reads(f"only {kind}, hot", engine, reads(READS, {kind: 1}), rounds=20)
    yield _hostile(engine, 4000, rounds=20)


def _reads(
    what: str,
    engine: Engine,
    work: Reads,
    *,
    rounds: int,
    bound: float | None = None,
    fresh: bool = False,
    entities: Any = None,
) -> Figure:
    ours = _asking(engine.allowed, entities or engine.entities(work.data))
    theirs = _asking(reference.allowed, reference.entities(work.data))
    agree(what, ours(work.asks), theirs(work.asks))
    prepare = work.fresh if fresh else work.hot
    return compare(what, ours, theirs, prepare, pieces=len(work.asks), rounds=rounds, bound=bound)


def _asking(allowed: Callable[..., bool], entities: Any) -> Callable[[list[Ask]], list[bool]]:
    def answer(asks: list[Ask]) -> list[bool]:
        return [allowed(who, "read", record, entities, context) for who, record, context in asks]

    return answer


def _hostile(engine: Engine, count: int, rounds: int) -> Figure:
    """All actions, long chains, malformed input; each request comes with both sides' entities of its world."""
    asked: list[tuple[Any, ...]] = []
    for data, requests in hostile(count):
        ours, theirs = engine.entities(data), reference.entities(data)
        for request in requests:
            parts = (request.get(name) for name in ("principal", "action", "resource", "context"))
            asked.append((ours, theirs, *parts))

    def engine_side(asked: Iterable[tuple[Any, ...]]) -> list[bool]:
        allowed = engine.allowed
        return [allowed(who, action, record, mine, context) for mine, _, who, action, record, context in asked]

    def reference_side(asked: Iterable[tuple[Any, ...]]) -> list[bool]:
        allowed = reference.allowed
        return [allowed(who, action, record, mine, context) for _, mine, who, action, record, context in asked]

    what = "hostile requests, all actions, long chains"
    agree(what, engine_side(asked), reference_side(asked))
    return compare(what, engine_side, reference_side, lambda: asked, pieces=len(asked), rounds=rounds)


# ---- filter


def lists() -> Iterator[Figure]:
    """`filter` over one long list, and over short ones."""
    engine = studio()
    work = listing(LISTED, FOLDERS)
    yield _list("10,000 records, freshly parsed", engine, work, rounds=40, bound=0.32, fresh=True)
    yield _list("10,000 records, hot", engine, work, rounds=20)
    rows = RowsOnly(work.data)
    yield _list("the same, hot, rows by get() and grants() only", engine, work, rounds=20, entities=rows)
    for count in (100, 10, 1):
        yield _list(f"{count} records, hot", engine, listing(count, FOLDERS), rounds=40, calls=1000 // count)


def _list(
    what: str,
    engine: Engine,
    work: Listing,
    *,
    rounds: int,
    bound: float | None = None,
    fresh: bool = False,
    entities: Any = None,
    calls: int = 1,
) -> Figure:
    def listing_with(filter: Callable[..., list[Any]], entities: Any) -> Callable[[list[Object]], list[Object]]:
        def answer(records: list[Object]) -> list[Object]:
            for _ in range(calls):
                found = filter(work.who, "list", records, entities, work.context)
            return found

        return answer

    ours = listing_with(engine.filter, entities or engine.entities(work.data))
    theirs = listing_with(reference.filter, reference.entities(work.data))
    agree(what, ours(work.records), theirs(work.records))
    prepare = work.fresh if fresh else work.hot
    return compare(what, ours, theirs, prepare, pieces=calls * len(work.records), rounds=rounds, bound=bound)


# ---- Further rules


def more_rules(few: int = 10, many: int = 10_000) -> Iterator[Figure]:
    """What a decision costs beside many further rules on other types and actions, against beside few."""
    small, large = studio_with(few), studio_with(many)
    work = reads(READS)
    sides = [(engine, engine.entities(work.data)) for engine in (large, small)]
    asking = [_asking(engine.allowed, entities) for engine, entities in sides]
    reporting = [_reporting(engine, entities) for engine, entities in sides]
    for name, (ours, theirs), rounds in (("allowed", asking, 80), ("authorize", reporting, 40)):
        what = f"{name} beside {many:,} rules, against {few}"
        agree(what, ours(work.asks), theirs(work.asks))
        yield compare(what, ours, theirs, work.hot, pieces=len(work.asks), rounds=rounds, bound=1.10)


def _reporting(engine: Engine, entities: Any) -> Callable[[list[Ask]], list[Object]]:
    def answer(asks: list[Ask]) -> list[Object]:
        authorize = engine.authorize
        return [
            authorize({"principal": who, "action": "read", "resource": record, "context": context}, entities)
            for who, record, context in asks
        ]

    return answer
