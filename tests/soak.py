"""The long run: `python -m tests.soak [N] [--seed S]` asks N random Studio requests (a million unless told otherwise).

Engine, interpreter and the hand-written model must agree on each: decision, rules, obligations; and `allowed` with what
follows from it. N/100 random policy sets are checked besides: the generated module against the interpreter, on whole
decisions. Two processes share the work. Exit 1 on any disagreement, which is printed, and where what was seen would
prove little: less than 20 % allowed, 20 % denied, 1 % allowed across organizations.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import reference
from policyengine import load
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.interpreter import Rows, decide
from tests.strategies import Choices, World, policy_set
from tests.worlds import requests, world

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 100
"""How many requests are asked in one world."""


class Disagreement(AssertionError):
    """Two evaluators say different things about one request."""


def check_world(engine: Any, rng: Random, count: int) -> Counter[str]:
    """One Studio world, and so many requests in it."""
    seen: Counter[str] = Counter()
    data = world(rng)
    entities, theirs = engine.entities(data), reference.entities(data)
    rows = Rows(engine.program.schema, data)
    for index, request in enumerate(requests(rng, data, count)):
        principal, action, resource = (request.get(name) for name in ("principal", "action", "resource"))
        context = request.get("context")
        decision = engine.authorize(request, entities)
        _agree("interpreter", decide(engine.program, request, entities), decision, request, data)
        if index % 10 == 0:  # the interpreter's own rows are slow: every search goes through all of them
            _agree("interpreter on its own rows", decide(engine.program, request, rows), decision, request, data)
        outcome, rules, obligations = reference.decide(principal, action, resource, theirs, context)
        said = {"decision": outcome, "rules": rules, "obligations": obligations}
        _agree("model", said, {name: decision[name] for name in said}, request, data)
        for discharged in ((), obligations) if obligations else ((),):
            expected = outcome == "allow" and len(discharged) == len(obligations)
            allowed = engine.allowed(principal, action, resource, entities, context, discharged)
            _agree("allowed", allowed, expected, request, data)
        seen.update(requests=1, obliged=bool(obligations), errors=bool(decision["errors"]))
        seen[outcome] += 1
        seen["across"] += outcome == "allow" and principal["orgId"] != resource["orgId"]  # type: ignore[index]
    return seen


def check_policies(seed: int, count: int) -> Counter[str]:
    """One random policy set with two worlds, and so many requests."""
    seen: Counter[str] = Counter()
    c = Choices.seeded(f"soak {seed}")
    policies = policy_set(c)
    engine = Engine(program_of(compile_sources(policies.sources)))
    for _ in range(2):
        world = World(c, engine.program.schema)
        rows, entities = Rows(engine.program.schema, world.data), engine.entities(world.data)
        for _ in range(count // 2):
            request = world.request()
            decision = decide(engine.program, request, rows)
            _agree(
                "generated module", engine.authorize(request, entities), decision, request, world.data, policies.text
            )
            who, action, record = (request.get(name) for name in ("principal", "action", "resource"))
            for discharged in ((), decision["obligations"]):
                allowed = engine.allowed(who, action, record, entities, request.get("context"), discharged)
                expected = decision["decision"] == "allow" and len(discharged) == len(decision["obligations"])
                _agree("allowed", allowed, expected, request, world.data, policies.text)
            seen.update(policy_requests=1, policy_allow=decision["decision"] == "allow")
    seen["policies"] += 1
    return seen


def _agree(who: str, one: Any, other: Any, request: Any, data: Any, policies: str = "Studio's policies") -> None:
    if one != other:
        raise Disagreement(f"{who}: {one!r}\nengine: {other!r}\nrequest: {request!r}\ndata: {data!r}\n{policies}")


# ---- Two processes

_engine: Any = None


def _start() -> None:
    global _engine
    _engine = load(str(ROOT / "policies"), schemas=str(ROOT / "schemas"))


def _work(task: tuple[str, int, int]) -> tuple[Counter[str], str]:
    kind, seed, count = task
    try:
        return check_policies(seed, count) if kind == "policies" else check_world(_engine, Random(seed), count), ""
    except Exception as found:
        return Counter(), f"{kind}, seed {seed}: {type(found).__name__}: {found}"


def _tasks(total: int, seed: int) -> Iterator[tuple[str, int, int]]:
    for index in range(-(-total // CHUNK)):
        yield "studio", seed + index, min(CHUNK, total - index * CHUNK)
        yield "policies", seed + index, 20


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("requests", nargs="?", type=int, default=1_000_000, help="how many Studio requests to ask")
    parser.add_argument("--seed", type=int, default=0, help="where the worlds begin")
    given = parser.parse_args(arguments)
    seen: Counter[str] = Counter()
    failures: list[str] = []
    began = shown = time.monotonic()
    with multiprocessing.Pool(2, _start) as pool:
        for found, failure in pool.imap_unordered(_work, _tasks(given.requests, given.seed), chunksize=8):
            seen.update(found)
            if failure:
                failures.append(failure)
                print(f"DISAGREEMENT {failure}\n", flush=True)
                if len(failures) >= 10:
                    pool.terminate()
                    break
            if time.monotonic() - shown > 30:
                shown = time.monotonic()
                print(f"{seen['requests']:,} requests, {seen['policies']:,} policy sets", flush=True)
    elapsed = time.monotonic() - began
    for name in sorted(seen):
        print(f"{name:16}{seen[name]:>12,}")
    print(f"{elapsed:.0f} s, {seen['requests'] / elapsed:,.0f} Studio requests a second", flush=True)
    wanted = {"allow": 0.2, "deny": 0.2, "across": 0.01}
    thin = [name for name, share in wanted.items() if seen[name] < share * max(seen["requests"], 1)]
    for name in thin:
        print(f"too few to prove anything: {name}")
    print(f"{len(failures)} disagreements")
    return 1 if failures or thin else 0


if __name__ == "__main__":
    sys.exit(main())
