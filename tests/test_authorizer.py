"""The authorizer decides on the operation that AppSync runs, and denies whatever it cannot tell."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import graphql
import pytest

from policyengine.compiler import compile_sources, program_of
from policyengine.runtime.authorizer import lean
from policyengine.runtime.authorizer.codes import CODES
from policyengine.runtime.authorizer.document import Limits
from policyengine.runtime.authorizer.environment import Options
from policyengine.runtime.authorizer.lean import language
from policyengine.runtime.tokens import Switches, Verifier
from policyengine.source import Source
from tests import tokens
from tests.appsync import ADMIN, CONNECT, MEMBER, Stage, bundle, event
from tests.appsync_mutations import REQUESTS

DENIED = {"isAuthorized": False, "ttlOverride": 0}


@pytest.fixture(scope="module")
def studio_built(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bundle(studio.program, tmp_path_factory.mktemp("studio"), "studio_for_authorizer")


@pytest.fixture
def stage(studio_built: Any) -> Stage:
    return Stage(studio_built)


# ---- Answers


def test_a_request_that_a_row_decides_is_let_through_and_marked(stage: Stage, studio: Any) -> None:
    answer = stage.ask("query Q($id: ID!) { getHost(id: $id) { name } viewer { id } }", {"id": "h1"})
    assert answer == {
        "isAuthorized": True,
        "resolverContext": {
            "id": "user_1",
            "orgId": "org_1",
            "orgRole": "member",
            "policyDigest": studio.digest,
            "requestId": "f4081827-1111-4444-5555-5cf4695f339f",
            "left": "Query.getHost",
        },
        "deniedFields": [],
        "ttlOverride": 0,
    }


def test_what_is_handed_on_is_flat_and_of_texts(stage: Stage) -> None:
    context = stage.ask("{ viewer { id } }")["resolverContext"]
    assert context
    assert {type(value) for value in context.values()} == {str}


def test_a_field_of_a_query_that_the_token_denies_is_hidden_wherever_it_stands(stage: Stage) -> None:
    query = "{ a: connectorSettings(id: 1) ...F viewer { id } } fragment F on Query { connectorSettings(id: 2) }"
    assert stage.ask(query)["deniedFields"] == ["Query.connectorSettings"]
    assert stage.ask(query, claims=ADMIN)["deniedFields"] == []


def test_a_mutation_that_the_token_denies_is_refused_whole(stage: Stage) -> None:
    query = 'mutation { deleteHost(id: "h1") { id } configureTool(id: "t", enabled: true) { id } }'
    assert stage.ask(query) == DENIED
    assert stage.reason == "denied"
    assert stage.ask(query, claims=ADMIN)["isAuthorized"]


SHARE = """mutation S($type: String!, $org: ID!) {
  shareRecord(input: {resourceType: $type, resourceId: "r", memberId: "bob", memberOrgId: $org, role: "viewer"}) { role }
}"""


@pytest.mark.parametrize(
    ("kind", "org", "goes"), [("Folder", "org_2", False), ("Folder", "org_1", True), ("Host", "org_2", True)]
)
def test_a_folder_is_shared_with_no_other_organization(stage: Stage, kind: str, org: str, goes: bool) -> None:
    answer = stage.ask(SHARE, {"type": kind, "org": org})
    assert answer["isAuthorized"] is goes
    if not goes:
        assert stage.records[-1]["fields"][0]["rules"] == ("folder_abroad",)


@pytest.mark.parametrize(
    ("member", "org"),
    [("bob", None), (None, "org_2"), ("bob", "not an org"), ("", "org_1"), (1, "org_1"), (["bob"], ["org_1", "org_2"])],
)
def test_a_grantee_that_is_malformed_or_named_by_half_is_refused(stage: Stage, member: Any, org: Any) -> None:
    query = SHARE.replace("$org: ID!", "$who: ID, $org: ID").replace('"bob"', "$who")
    assert not stage.ask(query, {"type": "Host", "who": member, "org": org})["isAuthorized"]


def test_a_type_that_is_none_of_the_mapping_is_refused(stage: Stage) -> None:
    assert not stage.ask(SHARE, {"type": "Tool", "org": "org_1"})["isAuthorized"]
    assert not stage.ask(SHARE, {"type": 7, "org": "org_1"})["isAuthorized"]


# ---- The tenant


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('{ listHosts(orgId: "org_2") { nextToken } }', {}),
        ("query Q($o: ID) { listHosts(orgId: $o) { nextToken } }", {"o": "org_2"}),
        ('query Q($o: ID = "org_2") { listHosts(orgId: $o) { nextToken } }', {}),
        ('{ listHosts(filter: {orgId: {eq: "org_2"}}) { nextToken } }', {}),
        ("query Q($f: HostFilter) { listHosts(filter: $f) { nextToken } }", {"f": {"orgId": {"eq": "org_2"}}}),
        (
            "query Q($f: HostFilter) { listHosts(filter: $f) { nextToken } }",
            {"f": {"orgId": {"eq": ["org_1", "org_2"]}}},
        ),
        ("query Q($f: HostFilter) { listHosts(filter: $f) { nextToken } }", {"f": [{"orgId": [{"eq": "org_2"}]}]}),
        ("query Q($f: IdFilter) { listHosts(filter: {orgId: $f}) { nextToken } }", {"f": {"eq": "org_2"}}),
        ('{ a: listHosts(orgId: "org_1") { nextToken } b: listHosts(orgId: "org_2") { nextToken } }', {}),
        ("{ listHosts(orgId: org_1) { nextToken } }", {}),
        ("{ listHosts(orgId: 1) { nextToken } }", {}),
        ('{ listHosts(orgId: "ORG_1") { nextToken } }', {}),
        ('mutation { createHost(input: {orgId: "org_2"}) { id } }', {}),
    ],
)
def test_another_organization_in_a_tenants_place_is_refused(stage: Stage, query: str, variables: Any) -> None:
    assert stage.ask(query, variables) == DENIED
    assert stage.reason == "tenant"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (
            '{ listHosts(orgId: "org_1", filter: {orgId: {eq: "org_1"}, name: {beginsWith: "org_2"}}) { nextToken } }',
            {},
        ),
        ("query Q($o: ID) { listHosts(orgId: $o) { nextToken } }", {}),
        ("query Q($o: ID) { listHosts(orgId: $o) { nextToken } }", {"o": None}),
        ('query Q($o: ID = "org_2") { listHosts(orgId: $o) { nextToken } }', {"o": "org_1"}),
        ('query Q($o: ID = "org_2") { listHosts(orgId: $o) @skip(if: true) { nextToken } viewer { id } }', {}),
        ("{ listHosts(filter: null) { nextToken } }", {}),
    ],
)
def test_the_active_organization_or_none_is_let_through(stage: Stage, query: str, variables: Any) -> None:
    assert stage.ask(query, variables)["isAuthorized"], stage.reason


@pytest.mark.parametrize(
    "query",
    [
        '{ getHost(id: "h", orgId: "org_1") { id } }',
        '{ listHosts(filter: {orgId: {ne: "org_3"}}) { nextToken } }',
        '{ listHosts(filter: {and: [{orgId: {eq: "org_1"}}]}) { nextToken } }',
    ],
)
def test_the_tenants_name_in_a_place_that_nothing_marks_is_refused(stage: Stage, query: str) -> None:
    assert stage.ask(query) == DENIED
    assert stage.reason == "tenant_unmarked"


@pytest.mark.parametrize(
    ("below", "variables", "reason"),
    [
        ('notes(of: "o2") { id }', {}, "tenant"),
        ("notes(of: $o) { id }", {"o": "o2"}, "tenant"),
        ("notes(of: [$o]) { id }", {"o": "o2"}, "tenant"),
        ("...F", {"o": "o2"}, "tenant"),
        ('... on Note { notes(where: {orgId: "org_1"}) { id } }', {}, "tenant_unmarked"),
        ('anything(orgId: "org_1") { id }', {}, "tenant_unmarked"),
        ('notes(of: "org_1") { id }', {}, ""),
        ("notes(of: $o) { id }", {}, ""),
        ('notes(limit: 2, of: null) { anything(limit: "o2") }', {}, ""),
    ],
)
def test_below_the_root_too_a_tenants_place_holds_the_active_organization(
    tmp_path_factory: pytest.TempPathFactory, below: str, variables: Any, reason: str
) -> None:
    text = ALONE.replace("  authorizer answers from token alone\n", "  Note.notes: read on Note in of passing limit\n")
    program = program_of(compile_sources([Source("below.policy", text)]))
    stage = Stage(bundle(program, tmp_path_factory.mktemp("below"), "below_for_authorizer"))
    query = f"query Q($o: ID) {{ note(id: 1) {{ {below} }} }}"
    if "...F" in below:
        query += " fragment F on Note { notes(of: $o) { id } }"
    assert stage.ask(query, variables)["isAuthorized"] is not bool(reason)
    assert stage.records[-1].get("reason", "") == reason


def test_a_text_in_place_of_an_input_is_refused(stage: Stage) -> None:
    assert stage.ask('{ listHosts(filter: "{}") { nextToken } }') == DENIED
    assert stage.reason == "arguments"


# ---- Which operation runs


TWO = "query A { viewer { id } } mutation B { configureTool(id: 1, enabled: true) { id } }"


@pytest.mark.parametrize(
    ("query", "more", "reason"),
    [
        (TWO, {"operationName": "A"}, ""),
        (TWO, {"operationName": "B"}, "denied"),
        (TWO, {"operationName": "C"}, "operation"),
        (TWO, {"operationName": "a"}, "operation"),
        (TWO, {"operationName": None}, "ambiguous"),
        (TWO, {"operationName": ""}, "ambiguous"),
        (TWO, {}, "ambiguous"),
        ("query A { viewer { id } }", {"operationName": "B"}, "operation"),
        ("query A { viewer { id } } query A { viewer { id } }", {"operationName": "A"}, "ambiguous"),
        ("{ viewer { id } } query A { viewer { id } }", {"operationName": "A"}, "ambiguous"),
        ("fragment F on Query { viewer { id } }", {}, "ambiguous"),
        ("{ ...F } fragment F on Query { viewer { id } } fragment F on Query { nothing }", {}, "ambiguous"),
        ("query A($a: ID, $a: ID) { getHost(id: $a) { id } }", {}, "ambiguous"),
        ("{ getHost(id: 1, id: 2) { id } }", {}, "ambiguous"),
        ("{ ...F }", {}, "fragment"),
        ("{ ...F } fragment F on Query { ...F }", {}, "fragment"),
        ("{ viewer { ...F } } fragment F on Viewer { id ...G } fragment G on Viewer { ...F }", {}, "fragment"),
        ("{ ... on Mutation { viewer { id } } }", {}, "fragment"),
        ("{ ... { viewer { id } } }", {}, ""),
        ("{ ... on Query { viewer { id } } }", {}, ""),
        ("{ getHost(id: $a) { id } }", {}, "variable"),
        ("query A($a: Boolean) { viewer @include(if: $b) { id } }", {}, "variable"),
        ("query A($a: Boolean) { viewer @include(if: $a) { id } }", {}, "directive"),
        ('query A($a: Boolean) { viewer @include(if: "true") { id } }', {}, "directive"),
        ("{ viewer @skip(if: true) @skip(if: false) { id } }", {}, "directive"),
        ("{ viewer @defer { id } }", {}, "directive"),
        ("{ viewer { id @stream } }", {}, "directive"),
        ("query A @live { viewer { id } }", {}, "directive"),
        ("{ nothing }", {}, "unmapped"),
        ("{ nothing @include(if: false) viewer { id } }", {}, ""),
        ("{ __typename viewer { __typename } }", {}, ""),
        ("{ __schema { types { name } } }", {}, "introspection"),
        ('{ a: __type(name: "Host") { name } }', {}, "introspection"),
        ("type Query { a: Int }", {}, "definitions"),
        ("{", {}, "query_text"),
        ("query", {}, "query_text"),
        ("", {}, "event"),
        (" ", {}, "query_text"),
        ("{ viewer { id } }", {"variables": None}, ""),
        ("{ viewer { id } }", {"variables": []}, "variable"),
        ("{ viewer { id } }", {"variables": "{}"}, "variable"),
        ('subscription { onHostChanged(id: "h") { id } }', {}, ""),
        ('subscription { a: onHostChanged(id: "h") { id } b: onHostChanged(id: "i") { id } }', {}, "subscription"),
        ("subscription { nothing { id } }", {}, "unmapped"),
    ],
)
def test_the_operation_that_runs_is_found_or_the_request_is_refused(
    stage: Stage, query: str, more: Any, reason: str
) -> None:
    answer = stage.ask(query, **more)
    assert stage.reason == reason
    assert answer == DENIED if reason else answer["isAuthorized"]


def test_skip_and_include_take_variables_with_defaults(stage: Stage) -> None:
    query = "query A($a: Boolean = false) { nothing @include(if: $a) viewer @skip(if: $a) { id } }"
    assert stage.ask(query)["isAuthorized"]
    assert not stage.ask(query, {"a": True})["isAuthorized"]
    assert not stage.ask(query, {"a": "false"})["isAuthorized"]


def test_a_connection_starts_for_whoever_has_a_token_and_gives_nothing(stage: Stage) -> None:
    assert stage.ask("", **CONNECT)["isAuthorized"]
    assert stage.records[-1]["operation"] == "connect"
    assert not stage.ask("", {"a": 1}, **CONNECT)["isAuthorized"]
    assert stage.ask("{ nothing }", **CONNECT) == DENIED
    expired = {**MEMBER, "exp": tokens.NOW - 60, "iat": tokens.NOW - 100}
    assert stage.ask("", claims=expired, **CONNECT) == DENIED


@pytest.mark.parametrize(
    "change",
    [
        {"requestContext": None},
        {"requestContext": []},
        {"authorizationToken": None},
        {"authorizationToken": 7},
        {"requestContext": {"operation": "EVENT_CONNECT", "requestId": "r", "channel": "/a"}},
        {"requestContext": {"queryString": "{ viewer { id } }", "requestId": None}},
        {"requestContext": {"queryString": "{ viewer { id } }", "requestId": "a\nb"}},
        {"requestContext": {"queryString": None, "requestId": "r"}},
        {"requestContext": {"queryString": "{ viewer { id } }", "requestId": "r", "operationName": 3}},
        {"requestContext": {"queryString": "{ viewer { id } }", "requestId": "r", "operation": "x"}},
    ],
)
def test_an_event_of_another_shape_is_refused(stage: Stage, change: Any) -> None:
    assert stage.handle({**event("{ viewer { id } }"), **change}) == DENIED
    assert stage.reason == "event"


@pytest.mark.parametrize("given", [None, [], "event", {}, 1])
def test_what_is_no_event_at_all_is_refused(stage: Stage, given: Any) -> None:
    assert stage.handle(given) == DENIED


# ---- Bounds


@pytest.mark.parametrize(
    ("limits", "fits", "beyond", "reason"),
    [
        (Limits(size=20), "{ viewer { id   } }", "{ viewer { id    }  }", "query_size"),
        (Limits(depth=2), "{ viewer { id } }", "{ ... { viewer { id { id } } } }", "query_depth"),
        (Limits(aliases=1), "{ a: viewer { id } }", "{ a: viewer { b: id } }", "query_aliases"),
        (
            Limits(fields=3),
            "{ viewer { id orgId } }",
            "{ viewer { ...F ...F } } fragment F on V { a b }",
            "query_fields",
        ),
    ],
)
def test_each_bound_holds_at_its_edge(studio_built: Any, limits: Limits, fits: str, beyond: str, reason: str) -> None:
    stage = Stage(studio_built, Options(limits=limits))
    assert stage.ask(fits)["isAuthorized"], stage.reason
    assert stage.ask(beyond) == DENIED
    assert stage.reason == reason


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer " + "{ a " * 5000 + "}" * 5001,
        "{ getHost(id: " + "[" * 5000 + "]" * 5000 + ") { id } }",
        "{ viewer { ...F0 } } "
        + "".join(f"fragment F{n} on V {{ ...F{n + 1} ...F{n + 1} }} " for n in range(60))
        + "fragment F60 on V { id }",
        "{ " + "a " * 15_000 + "}",
    ],
)
def test_a_query_that_would_take_long_is_refused_soon(stage: Stage, query: str) -> None:
    assert stage.ask(query) == DENIED
    assert stage.reason in ("query_text", "query_fields", "query_depth", "query_size")
    assert stage.records[-1]["duration_us"] < 2_000_000


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\x85", "\x0c", "\ufeff", "\x00", "\ud800", "\u202e"])
def test_what_could_end_a_comment_for_another_reader_is_refused(stage: Stage, odd: str) -> None:
    """For GraphQL as it is today the mutation stands in a comment."""
    assert stage.ask(f'{{ viewer {{ id }} }} #{odd} mutation {{ deleteHost(id: "h") {{ id }} }}') == DENIED
    assert stage.reason == "characters"
    assert stage.ask('{ viewer { id } } # \t\u00e9\u4e2d "x"\r\n')["isAuthorized"]


def test_variables_that_nest_beyond_all_measure_are_refused(stage: Stage) -> None:
    deep: Any = "org_1"
    for _ in range(20_000):
        deep = [deep]
    assert stage.ask("query Q($o: ID) { listHosts(orgId: $o) { nextToken } }", {"o": deep}) == DENIED
    assert stage.reason == "arguments"


# ---- Switches, settings, failures


def test_while_only_reading_is_let_through_nothing_takes_effect(studio_built: Any) -> None:
    stage = Stage(studio_built, switches=Switches(read_only=True))
    assert stage.ask('mutation { deleteHost(id: "h") { id } }') == DENIED
    assert stage.reason == "read_only"
    assert stage.ask('{ fileUrl(id: "f") }') == DENIED
    assert stage.ask('{ getHost(id: "h") { id } }')["isAuthorized"]
    assert stage.ask('subscription { onHostChanged(id: "h") { id } }')["isAuthorized"]


def test_introspection_is_let_through_where_it_is_allowed(studio_built: Any) -> None:
    stage = Stage(studio_built, Options(introspection=True))
    assert stage.ask("{ __schema { types { name } } }")["isAuthorized"]


def test_a_refused_token_leaves_its_code_and_nothing_of_itself(stage: Stage) -> None:
    given = event("{ viewer { id } }", claims={**MEMBER, "exp": tokens.NOW - 60, "iat": tokens.NOW - 100})
    assert stage.handle(given) == DENIED
    assert stage.reason == "token:expired"
    assert given["authorizationToken"] not in json.dumps(stage.records)


class Failing:
    """Keys that fail in a way that nobody has thought of."""

    def find(self, kid: object, now: float) -> Any:
        raise MemoryError("secret")

    holds = find


def test_no_failure_lets_anybody_in_or_says_anything(studio_built: Any) -> None:
    stage = Stage(studio_built)
    stage.authorizer.verifier = Verifier(tokens.settings(), Failing())
    assert stage.ask("{ viewer { id } }") == DENIED
    assert stage.reason == "token:fault"
    stage = Stage(studio_built)
    stage.authorizer.api = stage.authorizer.api._replace(claims=(("id", "nothing"),))
    assert stage.ask("{ viewer { id } }") == DENIED
    assert stage.reason == "fault"
    assert "nothing" not in json.dumps(stage.records)


def test_a_failure_at_the_very_end_is_a_denial_in_the_record_too(studio_built: Any) -> None:
    stage = Stage(studio_built)
    stage.authorizer._allowed = None  # type: ignore[assignment,method-assign]
    assert stage.ask("{ viewer { id } }") == DENIED
    assert (stage.records[-1]["decision"], stage.reason) == ("deny", "fault")
    stage.authorizer._clock = None  # type: ignore[assignment]
    assert stage.ask("{ viewer { id } }") == DENIED
    assert (stage.records[-1]["decision"], stage.records[-1]["time"]) == ("deny", "")


def test_a_decision_that_leaves_no_record_does_not_count(studio_built: Any) -> None:
    stage = Stage(studio_built)

    def broken(record: dict[str, Any]) -> None:
        raise OSError("the disk is full")

    stage.authorizer._write = broken
    assert stage.ask("{ viewer { id } }") == DENIED


# ---- Records


def test_a_record_says_what_was_decided_and_no_argument_but_the_id(stage: Stage, studio: Any) -> None:
    stage.ask('{ getHost(id: "h1") { id } connectorSettings(id: "c1") }')
    stage.ask('mutation M { updateHost(id: "h2", input: {name: "very secret"}) { id } }', claims=ADMIN)
    first, second = stage.records
    assert {name: first[name] for name in first if name != "duration_us"} == {
        "time": "2026-09-21T14:13:20.000Z",
        "decision": "allow",
        "request": "f4081827-1111-4444-5555-5cf4695f339f",
        "principal": "user_1",
        "organization": "org_1",
        "operation": "query",
        "fields": [
            {"field": "Query.getHost", "decision": "left", "action": "read", "id": "h1"},
            {"field": "Query.connectorSettings", "decision": "deny", "action": "configure", "id": "c1"},
        ],
        "digest": studio.digest,
        "start": "cold",
    }
    assert (second["start"], second["name"], second["fields"][0]["id"]) == ("warm", "M", "h2")
    assert "secret" not in json.dumps(stage.records)


def test_every_reason_is_a_code_of_the_table(stage: Stage) -> None:
    stage.ask("{ nothing }")
    stage.handle(None)
    assert {record["reason"] for record in stage.records} <= set(CODES)


# ---- From the token alone

ALONE = """
tenant Organization by orgId
enum OrgRole { member < admin }
principal User {
  id: Id as identity from claim sub,
  orgId: Id of Organization from claim org_id,
  orgRole: OrgRole as role from claim org_role,
}
resource Note { id: Id as identity, orgId: Id of Organization }
action read, audit on Note
access Note { always: role member may read  always: role admin may audit }
api {
  authorizer answers from token alone
  Query.note: read on Note by id
  Query.audit: audit on Note by id
  Note.audit, Page.audit: audit on Note
}
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    program = program_of(compile_sources([Source("alone.policy", ALONE)]))
    return bundle(program, tmp_path_factory.mktemp("alone"), "alone_for_authorizer")


def test_an_answer_that_may_be_kept_is_the_same_for_every_query(alone: Any) -> None:
    stage = Stage(alone, Options(ttl=3600))
    answers = [stage.ask(query) for query in ("{ note(id: 1) { id } }", "{ nothing }", "mutation { x }", "", "{")]
    assert answers[0]["ttlOverride"] == tokens.V2["exp"] - tokens.NOW == 50
    assert answers[0]["deniedFields"] == ["Note.audit", "Page.audit", "Query.audit"]
    assert all(answer == answers[0] for answer in answers)
    assert stage.ask("{ nothing }", claims=ADMIN)["deniedFields"] == []


def test_an_answer_is_kept_no_longer_than_configured_or_than_the_token_lives(alone: Any) -> None:
    stage = Stage(alone, Options(ttl=20))
    assert stage.ask("{ note(id: 1) { id } }")["ttlOverride"] == 20
    stage.now = tokens.V2["exp"] - 3
    assert stage.ask("{ note(id: 1) { id } }")["ttlOverride"] == 3
    stage.now = tokens.V2["exp"] + 1  # within the skew
    assert stage.ask("{ note(id: 1) { id } }")["ttlOverride"] == 0
    assert stage.ask("{ nothing }") == DENIED


def test_while_a_switch_is_thrown_nothing_is_kept(alone: Any) -> None:
    stage = Stage(alone, Options(ttl=20), Switches(read_only=True))
    assert stage.ask("{ note(id: 1) { id } }")["ttlOverride"] == 0


def test_below_the_root_every_type_that_has_the_field_is_hidden(alone: Any) -> None:
    stage = Stage(alone)
    assert stage.ask("{ note(id: 1) { audit { id } } }")["deniedFields"] == ["Note.audit", "Page.audit"]
    assert stage.ask("{ note(id: 1) { ...F } } fragment F on Note { b: audit { id } }")["deniedFields"]
    assert stage.ask("{ note(id: 1) { id } }")["deniedFields"] == []


def test_below_the_root_too_nothing_takes_effect_while_only_reading_is_let_through(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    text = ALONE.replace(
        "  authorizer answers from token alone\n",
        "  Note.sign: read on Note takes effect\n  Subscription.changed: read on Note by id\n",
    )
    program = program_of(compile_sources([Source("sign.policy", text)]))
    built = bundle(program, tmp_path_factory.mktemp("sign"), "sign_for_authorizer")
    query = "{ note(id: 1) { sign } }"
    assert Stage(built).ask(query)["isAuthorized"]
    stage = Stage(built, switches=Switches(read_only=True))
    for asked in (query, "subscription { changed(id: 1) { sign } }"):
        assert stage.ask(asked) == DENIED
        assert stage.reason == "read_only"
    for asked in ("{ note(id: 1) { id } }", "subscription { changed(id: 1) { id } }"):
        assert stage.ask(asked)["isAuthorized"]


def test_without_a_time_to_live_each_request_is_decided(alone: Any) -> None:
    stage = Stage(alone)
    assert stage.ask("{ nothing }") == DENIED
    assert stage.ask("{ note(id: 1) { id } }")["resolverContext"]["left"] == "Query.note"


CHANGING = """
tenant Organization by orgId
enum OrgRole { member < admin }
principal User {
  id: Id as identity from claim sub,
  orgId: Id of Organization from claim org_id,
  orgRole: OrgRole as role from claim org_role,
}
resource Note, Sheet { id: Id as identity, orgId: Id of Organization, place: String? }
action update on Note, Sheet
action share on Sheet
access Note { always: role member may update }
access Sheet { always: role member may update  always: role admin may share }
changing place on Sheet needs share
api {
  Mutation.move: update on Note, Sheet by id writes place, name
  Mutation.moveSheet: update on Sheet by id writes place, name
  Mutation.moveAny: update on Note, Sheet by type, id writes place
  Mutation.createSheet: update on Sheet writes place
}
"""


def test_changing_an_attribute_asks_for_more_of_the_types_that_say_so(tmp_path: Path) -> None:
    program = program_of(compile_sources([Source("changing.policy", CHANGING)]))
    stage = Stage(bundle(program, tmp_path, "changing_for_authorizer"))

    def goes(arguments: str, claims: Any = MEMBER) -> bool:
        return bool(stage.ask(f"mutation {{ {arguments} }}", claims=claims)["isAuthorized"])

    assert goes('moveSheet(id: "s", name: "x")')
    assert not goes('moveSheet(id: "s", place: "x")')
    assert not goes('moveSheet(id: "s", place: null)')
    assert stage.records[-1]["fields"] == [
        {"field": "Mutation.moveSheet", "decision": "deny", "action": "share", "id": "s"}
    ]
    assert goes('moveSheet(id: "s", place: "x")', ADMIN)
    assert goes('move(id: "s", place: "x")')  # it may be a note
    assert goes('moveAny(type: "Note", id: "s", place: "x")')
    assert not goes('moveAny(type: "Sheet", id: "s", place: "x")')
    assert goes('createSheet(place: "x")')  # nothing is there that changes


def test_no_file_of_the_runtime_needs_the_compiler() -> None:
    folder = Path(__file__).resolve().parent.parent / "policyengine/runtime/authorizer"
    for file in folder.glob("*.py"):
        assert "policyengine" not in file.read_text("utf-8").replace("POLICYENGINE", ""), file


# ---- The parser, loaded without the rest of graphql-core


def tree(node: Any) -> Any:
    """A node as plain values: the name of its class, and what it holds."""
    if isinstance(node, tuple | list):
        return [tree(item) for item in node]
    if hasattr(node, "kind") and hasattr(node, "loc"):
        return (type(node).__name__, {name: tree(value) for name, value in sorted(vars(node).items())})
    return getattr(node, "value", node)


def test_the_parser_that_is_loaded_lean_parses_as_the_whole_one_does() -> None:
    parse, _, error = language()
    assert parse is not graphql.parse
    for query, _variables in REQUESTS:
        assert tree(parse(query, no_location=True)) == tree(graphql.parse(query, no_location=True))
    for query in ("{", "{ a(b: $) }", '{ a(b: "\\q") }', "query Q { a } }"):
        with pytest.raises(error):
            parse(query)
        with pytest.raises(graphql.GraphQLSyntaxError):
            graphql.parse(query)


def test_loading_the_parser_lean_leaves_the_rest_of_the_process_as_it_was() -> None:
    before = {name: module for name, module in sys.modules.items() if name.startswith("graphql")}
    made = dataclasses.dataclass
    language()
    assert {name: module for name, module in sys.modules.items() if name.startswith("graphql")} == before
    assert dataclasses.dataclass is made


def test_a_version_of_graphql_core_that_is_made_otherwise_is_loaded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lean, "_PACKAGES", {"graphql": {}, "graphql.pyutils": {}})
    parse, ast, error = language()
    assert isinstance(parse("{ a }").definitions[0], ast.OperationDefinitionNode)
    with pytest.raises(error):
        parse("{")
