"""Isolation is out of an author's reach: no permit that anyone can add makes an allow across tenants.

Only a grant row does: live, on the record itself, of a kind that crosses, for this member of this other tenant.
"""

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks import reference
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.interpreter import Rows, decide, evaluation
from policyengine.interpreter.checking import well_formed
from policyengine.ir.nodes import Program
from policyengine.source import Source
from tests.laws.situations import Situation, Tally, arguments, crosses, seeded, situation, studio_engine, studio_sources
from tests.strategies import TENANTS, Choices, Object, choices, permits
from tests.worlds import ORGS, requests, world


def _abroad(schema_key: str, tenants: Iterable[str], asked: Iterable[Object]) -> list[Object]:
    """The requests, and each once more from a principal of every other tenant."""
    found = []
    for request in asked:
        found.append(request)
        if isinstance(principal := request.get("principal"), dict):
            others = [tenant for tenant in tenants if tenant != principal.get(schema_key)]
            found += [{**request, "principal": {**principal, schema_key: tenant}} for tenant in others]
    return found


def _has_crossing_row(program: Program, data: Object, request: Object) -> bool:
    """Whether such a row is there: its five keys are compared here; that it counts, the interpreter says."""
    schema = program.schema
    principal, _, resource = arguments(request)
    grant = schema.grant_on.get(resource["type"])
    if grant is None or not grant.crosses:
        return False
    wanted = {
        schema.tenant_key: resource[schema.tenant_key],
        grant.resource_type: resource["type"],
        grant.resource_id: resource[schema.resource[resource["type"]].identity],
        grant.member_id: principal[schema.principal.identity],
        grant.member_tenant: principal[schema.tenant_key],
    }
    known = evaluation(program, request, Rows(schema, data))
    live = program.live_when(grant.name)
    for row in data.get(grant.name, []):
        if well_formed(schema, grant.name, grant.attributes, row) and row.items() >= wanted.items():
            judged = replace(known, given={**known.given, "row": row})
            if judged.value(live) is True:
                return True
    return False


def _nothing_crosses(engine: Engine, data: Object, asked: Iterable[Object], tally: Tally) -> None:
    program = engine.program
    entities, rows = engine.entities(data), Rows(program.schema, data)
    for request in asked:
        decision = engine.authorize(request, entities)
        assert decide(program, request, rows)["decision"] == decision["decision"]
        tally.see(program.schema, request, decision)
        principal, action, resource = arguments(request)
        allowed = engine.allowed(principal, action, resource, entities, request.get("context"), decision["obligations"])
        assert allowed == (decision["decision"] == "allow")
        if decision["reason"] == "The request is malformed." or not crosses(program.schema, request):
            continue
        tally["asked abroad"] += 1
        if decision["decision"] == "allow":
            assert _has_crossing_row(program, data, request)
            assert all(rule.crosses for rule in program.rules if rule.id in decision["rules"])


def _widened(c: Choices, found: Situation) -> Engine:
    more = permits(c, found.schema, "wide")
    return Engine(program_of(compile_sources((found.policies + more).sources)))


@st.composite
def _widenings(draw: st.DrawFn) -> tuple[Engine, Situation]:
    c = draw(choices())
    found = situation(c, 4)
    return _widened(c, found), found


@given(_widenings())
def test_no_added_permit_makes_an_allow_across_tenants(drawn: tuple[Engine, Situation]) -> None:
    engine, found = drawn
    _nothing_crosses(engine, found.data, _abroad(found.schema.tenant_key, TENANTS, found.requests), Tally())


def test_no_added_permit_crosses_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for seed, found in enumerate(seeded(70)):
        engine = _widened(Choices.seeded(seed), found)
        _nothing_crosses(engine, found.data, _abroad(found.schema.tenant_key, TENANTS, found.requests), tally)
    tally.check()
    assert tally["asked abroad"] > 0.3 * tally["all"], tally


def _studio_row_crosses(data: Object, request: Object) -> bool:
    """The same in Studio's own words, without the engine: docs/studio.md, Grants."""
    principal, action, resource = arguments(request)
    now = reference.instant((request.get("context") or {}).get("now"))
    wanted = {
        "orgId": resource["orgId"],
        "resourceType": resource["type"],
        "resourceId": resource["id"],
        "memberId": principal["id"],
        "memberOrgId": principal["orgId"],
    }
    rows = [
        row for row in data.get("ResourceShareMember", []) if isinstance(row, dict) and row.items() >= wanted.items()
    ]
    ends = [(row, reference.instant(row.get("expiresAt"))) for row in rows]
    live = [row for row, end in ends if row.get("expiresAt") is None or (end is not None and now and now < end)]
    roles = {"read": ("viewer", "editor"), "list": ("viewer", "editor"), "update": ("editor",)}.get(action, ())
    return resource.get("scope") == "CUSTOM" and any(row.get("role") in roles for row in live)


def test_no_permit_added_to_studio_makes_an_allow_across_organizations() -> None:
    schema = studio_engine().program.schema
    tally = Tally()
    for seed in range(8):
        c, rng = Choices.seeded(seed), Random(seed)
        more = [Source("zz.policy", "\n".join(permits(c, schema, "wide")))]
        engine = Engine(program_of(compile_sources([*studio_sources(), *more])))
        data = world(rng)
        asked = _abroad("orgId", ORGS, requests(rng, data, 80))
        _nothing_crosses(engine, data, asked, tally)
        entities = engine.entities(data)
        for request in asked:
            decision = engine.authorize(request, entities)
            if decision["decision"] == "allow" and crosses(schema, request):
                assert _studio_row_crosses(data, request)
                tally["crossed"] += 1
    assert tally["crossed"] > 10, tally
    tally.check()


def test_a_permit_that_says_nothing_but_true_holds_within_the_tenant_only() -> None:
    every = "permit everything: create, read, list, update, delete, share, revoke on Scoped when true"
    engine = Engine(program_of(compile_sources([*studio_sources(), Source("zz.policy", every)])))
    record: Any = {"type": "Host", "id": "h", "orgId": "org_1", "ownerId": "u", "scope": "PRIVATE"}
    for org, expected in (("org_1", "allow"), ("org_2", "deny")):
        person = {"id": "v", "orgId": org, "orgRole": "admin"}
        request = {"principal": person, "action": "delete", "resource": record}
        assert engine.authorize(request, engine.entities({}))["decision"] == expected
