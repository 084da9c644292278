"""Mutated events: no exception, no allow that the oracle objects to, no secret in what comes out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from policyengine.compiler import compile_sources, program_of
from policyengine.runtime.authorizer.environment import Options
from policyengine.source import Source
from tests import tokens
from tests.appsync import ADMIN, MEMBER, Stage, bundle, event
from tests.appsync_mutations import CANARY, REQUESTS, requests
from tests.appsync_oracle import Oracle, executed

ROLES = {tokens.token(MEMBER): "member", tokens.token(ADMIN): "admin"}


@pytest.fixture(scope="module")
def built(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bundle(studio.program, tmp_path_factory.mktemp("hostile"), "studio_under_attack")


def bare(token: str) -> str:
    return token[7:] if token[:7].lower() == "bearer " else token


def attack(studio: Any, built: Any, seed: int, count: int) -> Counter[str]:
    stage, oracle = Stage(built), Oracle(studio.program)
    seen: Counter[str] = Counter()
    for given in requests(Random(seed), count):
        answer = stage.handle(given)
        record = stage.records.pop()
        assert answer["ttlOverride"] == 0
        assert answer["isAuthorized"] is (record["decision"] == "allow")
        assert_no_secret(given, answer, record)
        if answer["isAuthorized"]:
            role = ROLES[bare(given["authorizationToken"])]
            principal = {"id": "user_1", "orgId": "org_1", "orgRole": role}
            context = answer["resolverContext"]
            assert {name: context[name] for name in principal} == principal
            assert all(type(text) is str and text for text in context.values())
            objections = list(oracle.objections(given["requestContext"], principal, answer))
            assert not objections, f"{objections}\n{given}"
            seen["fields that ran"] += len(executed(given["requestContext"]))
            seen["hidden"] += len(answer["deniedFields"])
        else:
            assert answer == {"isAuthorized": False, "ttlOverride": 0}
        seen[record.get("reason", "allow").partition(":")[0]] += 1
    return seen


def assert_no_secret(given: Any, answer: Any, record: dict[str, Any]) -> None:
    """Nothing of the token but the principal, nothing of other arguments, and nothing of the claims."""
    for field in record.get("fields", ()):
        field.pop("id", None)
    told = json.dumps([answer, {name: value for name, value in record.items() if name != "name"}])
    token = given.get("authorizationToken")
    parts = [part for part in token.split(".") if len(part) > 20] if isinstance(token, str) else []
    for secret in (*parts, "sess_1", tokens.ORIGIN, tokens.ISSUER, CANARY, "Traceback", "Error"):
        assert secret not in told, secret


def test_the_requests_themselves_are_valid_and_run(built: Any) -> None:
    """Or else the oracle would object to nothing."""
    stage = Stage(built)
    for query, variables in REQUESTS:
        names = ["A", "B"] if query.startswith("query A") else [None]
        for name in names:
            given = event(query, variables, claims=ADMIN, operationName=name)
            assert executed(given["requestContext"]), query
            allowed = stage.handle(given)["isAuthorized"]
            assert allowed is ("shareRecord" not in query), stage.reason  # of a folder, abroad


def test_the_oracle_objects_to_answers_that_are_wrong(studio: Any) -> None:
    oracle, wrong = Oracle(studio.program), dict[str, Any](deniedFields=[])
    principal = {"id": "user_1", "orgId": "org_1", "orgRole": "member"}
    for query, variables in (
        ('{ listHosts(orgId: "org_2") { nextToken } }', {}),
        ('{ connectorSettings(id: "c") }', {}),
        ('mutation { configureTool(id: "t", enabled: true) { id } }', {}),
        REQUESTS[9],
    ):
        asked = event(query, variables)["requestContext"]
        assert list(oracle.objections(asked, principal, wrong)), query


def test_mutated_requests_get_nothing_that_the_oracle_does_not_give(studio: Any, built: Any) -> None:
    seen = attack(studio, built, seed=1, count=1_000)
    wanted = ("allow", "denied", "tenant", "unmapped", "query_text", "event", "token", "fields that ran", "hidden")
    assert all(seen[name] >= 2 for name in wanted), seen


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_mutated_requests_get_nothing_that_the_oracle_does_not_give(studio: Any, built: Any, seed: int) -> None:
    assert attack(studio, built, seed, count=10_000)["allow"] > 500


# ---- The law of the cache

ALONE = """
tenant Organization by orgId
enum OrgRole { member < admin }
principal User {
  id: Id as identity from claim sub,
  orgId: Id of Organization from claim org_id,
  orgRole: OrgRole as role from claim org_role,
}
resource Host, Tool { id: Id as identity, orgId: Id of Organization }
action read, configure on Host, Tool
access Host { always: role member may read  always: role admin may configure }
access Tool { always: role member may read, configure }
api {
  authorizer answers from token alone
  Query.getHost: read on Host by id
  Query.connectorSettings, Host.folder: configure on Host by id
  Mutation.configureTool: configure on Tool by id
}
"""


def test_an_answer_that_may_be_kept_is_the_answer_to_every_request(tmp_path: Path) -> None:
    """For random requests q1 and q2 and one token: what is kept for q1 is what q2 would get."""
    program = program_of(compile_sources([Source("alone.policy", ALONE)]))
    stage = Stage(bundle(program, tmp_path, "alone_under_attack"), Options(ttl=300))
    kept: dict[str, Any] = {}
    for given in requests(Random(3), 600):
        answer = stage.handle(given)
        if answer["ttlOverride"] > 0:
            assert answer == kept.setdefault(bare(given["authorizationToken"]), answer)
        else:
            assert answer == {"isAuthorized": False, "ttlOverride": 0}
    assert sorted(len(answer["deniedFields"]) for answer in kept.values()) == [0, 2]
