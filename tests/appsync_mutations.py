"""Events that a client might send: Studio's own requests, whole, and with something in them changed."""

from __future__ import annotations

import copy
import re
from random import Random
from typing import Any

from tests import tokens
from tests.appsync import ADMIN, MEMBER, event

CANARY = "canary-7f3a"
"""Stands in arguments that no record and no answer may hold."""

REQUESTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("query Q($id: ID!) { getHost(id: $id) { name folder { id } } viewer { id } }", {"id": "h1"}),
    (
        '{ listHosts(orgId: "org_1", filter: {orgId: {eq: "org_1"}, name: {beginsWith: "canary-7f3a"}}) { items { id } } }',
        {},
    ),
    (
        "query L($o: ID, $f: HostFilter) { listHosts(orgId: $o, filter: $f) { nextToken } }",
        {"o": "org_1", "f": {"orgId": {"eq": "org_1"}}},
    ),
    ('query L($o: ID = "org_2") { listHosts(orgId: $o) { nextToken } }', {"o": "org_1"}),
    (
        "query A { ...F } fragment F on Query { a: viewer { id } b: tools { id enabled } } query B { connectors { id } }",
        {},
    ),
    (
        'query S($yes: Boolean = true) { connectorSettings(id: "c1") @include(if: $yes) viewer @skip(if: $yes) { id } }',
        {},
    ),
    (
        "mutation C($input: HostInput!) { createHost(input: $input) { id } }",
        {"input": {"orgId": "org_1", "name": CANARY, "scope": "ORG"}},
    ),
    (
        'mutation U { updateHost(id: "h1", input: {name: "canary-7f3a", scope: CUSTOM}) { id } deleteFolder(id: "f1") { id } }',
        {},
    ),
    ('mutation T { configureTool(id: "t1", enabled: true) { id } }', {}),
    (
        'mutation S($t: String!, $o: ID!, $m: ID!) { shareRecord(input: {resourceType: $t, resourceId: "r1", memberId: $m, memberOrgId: $o, role: "viewer"}) { role } }',
        {"t": "Folder", "o": "org_2", "m": "bob"},
    ),
    (
        'mutation R { revokeShare(resourceType: "Host", resourceId: "h1", memberId: "bob", memberOrgId: "org_2") { role } }',
        {},
    ),
    ('query A { viewer { id } } mutation B { configureTool(id: "t1", enabled: true) { id } }', {}),
    ('mutation I { invokeTool(id: "t1", arguments: "{}") { status } }', {}),
    ('subscription S { onHostChanged(id: "h1") { id } }', {}),
    ('{ fileUrl(id: "x") grantsOf(resourceType: "Host", resourceId: "h1") { role } keychain { id } }', {}),
)

WORDS = (
    *(
        "org_1",
        "org_2",
        '"org_2"',
        "$o",
        "$id",
        "Host",
        "Folder",
        "null",
        "true",
        "1",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ":",
    ),
    *(
        "...",
        "...F",
        "@skip(if: true)",
        "@include(if: $yes)",
        "@defer",
        "query",
        "mutation",
        "fragment X on Query",
        "!",
    ),
    *(
        "on Mutation",
        "viewer",
        "connectorSettings",
        "configureTool",
        "deleteHost",
        "__schema",
        "__typename",
        "orgId",
        "a:",
    ),
    *(
        'configureTool(id: "t", enabled: true) { id }',
        'listHosts(orgId: "org_2") { nextToken }',
        "... on Query",
        "$f",
        "=",
    ),
    *(
        'connectorSettings(id: "c")',
        "#",
        '"',
        '"""',
        "\n",
        "\ud800",
        "\x00",
        "filter:",
        'orgId: "org_2"',
        '{ eq: "org_2" }',
    ),
)
JUNK: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, "", "x", [], {}, [None], {"a": {}}, "org_2", ["org_2"], {"eq": "org_2"}, "\ud800"),
    *({"orgId": {"eq": "org_2"}}, {"orgId": "org_2"}, "Folder", "DeepDish:Connect", [["org_2"]]),
)


def requests(random: Random, count: int, most: int = 4) -> Any:
    """So many events; each has up to `most` changes, some have none."""
    signed = [tokens.token(claims) for claims in (MEMBER, ADMIN)]
    for _ in range(count):
        query, variables = random.choice(REQUESTS)
        made = event(
            query, copy.deepcopy(variables), operationName=random.choice([None, None, query.split()[1][:1], "B"])
        )
        made["authorizationToken"] = random.choice(signed)
        for _ in range(random.randrange(most + 1)):
            random.choice(CHANGES)(random, made)
        yield made


def in_query(random: Random, made: Any) -> None:
    """A word left out, twice, swapped with another, or put in."""
    asked = made.get("requestContext")
    if not isinstance(asked, dict) or not isinstance(asked.get("queryString"), str):
        return
    words = re.findall(r'\s+|"[^"]*"|\w+|\.\.\.|.', asked["queryString"], re.DOTALL) or [""]
    at, other = random.randrange(len(words)), random.randrange(len(words))
    match random.randrange(5):
        case 0:
            del words[at]
        case 1:
            words.insert(at, words[other])
        case 2:
            words[at], words[other] = words[other], words[at]
        case 3:
            words[at] = random.choice(WORDS)
        case _:
            words.insert(at, f" {random.choice(WORDS)} ")
    asked["queryString"] = "".join(words)


def in_variables(random: Random, made: Any) -> None:
    asked = made.get("requestContext")
    variables = asked.get("variables") if isinstance(asked, dict) else None
    if isinstance(variables, dict):
        anywhere(random, variables, ("o", "f", "t", "id", "input", "yes"))


def in_event(random: Random, made: Any) -> None:
    if random.randrange(3) == 0:
        anywhere(random, made, ("requestHeaders", "requestContext", "authorizationToken"))
    elif isinstance(made.get("requestContext"), dict):
        anywhere(
            random, made["requestContext"], ("operationName", "variables", "queryString", "requestId", "operation")
        )


def in_token(random: Random, made: Any) -> None:
    token = made.get("authorizationToken")
    if isinstance(token, str) and token:
        at = random.randrange(len(token))
        made["authorizationToken"] = random.choice(
            [token[:at] + random.choice("aB3-_.= ") + token[at + 1 :], token[:at], f"Bearer {token}", token + "."]
        )


def anywhere(random: Random, inside: dict[str, Any], names: tuple[str, ...]) -> None:
    """Something in an object, at any depth, taken out or in its place something else."""
    name = random.choice([*inside, *names])
    if isinstance(inside.get(name), dict) and inside[name] and random.randrange(2):
        anywhere(random, inside[name], tuple(inside[name]))
    elif random.randrange(4) == 0:
        inside.pop(name, None)
    else:
        inside[name] = copy.deepcopy(random.choice(JUNK))


CHANGES = (in_query, in_query, in_query, in_variables, in_variables, in_event, in_token)
