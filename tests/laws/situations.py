"""What the laws are stated of: a policy set with data and requests, and a tally of what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from policyengine.compiler import Engine
from policyengine.diagnostics import Findings
from policyengine.frontend.ast import AnyDeclaration
from policyengine.frontend.lowering import lower
from policyengine.frontend.parser import parse
from policyengine.frontend.resolver import resolve
from policyengine.interpreter.checking import well_formed
from policyengine.ir.nodes import Program
from policyengine.ir.simplifier import simplify_program
from policyengine.model.schema import Schema
from policyengine.source import Source
from tests.strategies import Choices, Object, PolicySet, World, choices, policy_set

Decision = dict[str, Any]
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Situation:
    policies: PolicySet
    data: Object
    requests: tuple[Object, ...]

    @cached_property
    def lowered(self) -> Program:
        """The program as it leaves the front end, before anything is simplified."""
        return lowered(self.policies.sources)

    @cached_property
    def program(self) -> Program:
        return simplify_program(self.lowered)

    @cached_property
    def engine(self) -> Engine:
        return Engine(self.program)

    @property
    def schema(self) -> Schema:
        return self.lowered.schema

    def __repr__(self) -> str:
        asked = "\n".join(map(repr, self.requests))
        return f"{self.policies.text}\ndata = {self.data!r}\nrequests:\n{asked}"


def situation(c: Choices, requests: int) -> Situation:
    policies = policy_set(c)
    world = World(c, lowered(policies.sources).schema)
    return Situation(policies, world.data, tuple(world.request() for _ in range(requests)))


@st.composite
def situations(draw: st.DrawFn, requests: int = 6) -> Situation:
    return situation(draw(choices()), requests)


@cache
def _seeded(seed: int) -> Situation:
    return situation(Choices.seeded(seed), 20)


def seeded(count: int) -> Iterator[Situation]:
    """The first so many of an endless row of situations, kept for the next law."""
    return map(_seeded, range(count))


# ---- Text to programs, step by step


def parsed(sources: Iterable[Source]) -> tuple[AnyDeclaration, ...]:
    findings = Findings()
    declarations = tuple(declaration for source in sources for declaration in parse(source, findings))
    assert findings.ok, findings.sorted()
    return declarations


def lowered(sources: Iterable[Source]) -> Program:
    """What `compile_sources` makes of a policy set, before it simplifies it."""
    findings = Findings()
    declarations = parsed(sources)
    names = resolve(declarations, findings)
    program = lower(declarations, names, findings) if names else None
    assert program is not None, findings.sorted()
    return program


@cache
def studio_sources() -> tuple[Source, ...]:
    paths = sorted([*(ROOT / "schemas").glob("*.schema"), *(ROOT / "policies").glob("*.policy")])
    return tuple(Source(path.name, path.read_text("utf-8")) for path in paths)


@cache
def studio_engine() -> Engine:
    return Engine(simplify_program(lowered(studio_sources())))


# ---- Requests


def arguments(request: Object) -> tuple[Any, Any, Any]:
    """Principal, action and resource, whatever the request holds in their place."""
    return request.get("principal"), request.get("action"), request.get("resource")


def is_well_formed_principal(schema: Schema, principal: Any) -> bool:
    return well_formed(schema, schema.principal.name, schema.principal.attributes, principal)


def crosses(schema: Schema, request: Object) -> bool:
    """Whether a well-formed request is one of a principal about a record of another tenant."""
    principal, _, resource = arguments(request)
    isolated = not schema.resource[resource["type"]].global_reason
    return isolated and bool(principal[schema.tenant_key] != resource[schema.tenant_key])


# ---- What was seen


class Tally(Counter[str]):
    """Counts decisions; `check` fails where what was seen is too much of one kind to prove anything."""

    def see(self, schema: Schema, request: Any, decision: Decision) -> None:
        self["all"] += 1
        self[decision["decision"]] += 1
        if decision["errors"]:
            malformed = decision["reason"] == "The request is malformed."
            self["malformed" if malformed else "erring"] += 1
        if decision["decision"] == "allow":
            self["obliged"] += bool(decision["obligations"])
            self["crossing"] += crosses(schema, request)
        elif decision["rules"]:
            self["blocked"] += 1

    def check(self, *, least: int = 500, crossing: int = 5) -> None:
        """A fifth each of allows and denials, some of everything that is rare, and a few allows across tenants."""
        shares = {name: self[name] / self["all"] for name in self}
        assert self["all"] >= least, self
        assert shares["allow"] >= 0.2, shares
        assert shares["deny"] >= 0.2, shares
        for rare in ("malformed", "erring", "obliged", "blocked"):
            assert shares.get(rare, 0) >= 0.01, (rare, shares)
        assert self["crossing"] >= crossing, self
