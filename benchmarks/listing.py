"""A list of 1,000 records that inherit their scopes: how many calls, and how long beside a resolver written by hand.

Both sides do the same reads through botocore, decide on every record, and write a line for each. DynamoDB is not
called: answers are given in the form in which it sends them, and read by botocore as ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import ceil
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from benchmarks import reference
from benchmarks.measuring import Disagreement, Figure, agree, compare
from benchmarks.workloads import ROOT
from policyengine import load
from policyengine.backends.dynamodb import plans
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.cursors import Cursors
from policyengine.resolvers.identity import Identity
from policyengine.resolvers.items import item_of
from policyengine.resolvers.layout import Key, Layout, grant_key, listed_under, record_key
from policyengine.resolvers.listing import list_own
from policyengine.resolvers.rows import Rows

Row = dict[str, Any]
ORG, ME, NOW = "org_1", "mia", "2026-06-01T12:00:00Z"
LAYOUT = Layout()
RECORDS, PAGE = 1000, 250
LEVELS = (150, 30, 6)
"""How many folders there are a level, from the lowest: each inherits but those of the highest."""
ROUNDS = 15
BOUND = 1.2


class Answers:
    """Stands for DynamoDB behind a client: the answer to a request is made once, and then sent again as it is."""

    def __init__(self, rows: dict[Key, Row], listed: list[Key]) -> None:
        self.calls = 0
        self._rows = rows
        self._listed = listed
        self._made: dict[tuple[str, bytes], bytes] = {}

    def client(self) -> Any:
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
        made = boto3.session.Session().client("dynamodb", region_name="us-east-1", config=config, **keys)
        made.meta.events.register("before-send.dynamodb", self._send)
        return made

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        asked = request.headers["X-Amz-Target"].decode().rpartition(".")[2], request.body
        if asked not in self._made:
            self._made[asked] = json.dumps(getattr(self, asked[0])(json.loads(request.body))).encode()
        content = self._made[asked]

        class Raw:
            def stream(self, **_: Any) -> Iterator[bytes]:
                yield content

        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, Raw())

    def Query(self, asked: Row) -> Row:
        start = self._listed.index(LAYOUT.key(asked["ExclusiveStartKey"])) + 1 if "ExclusiveStartKey" in asked else 0
        page = self._listed[start : start + PAGE]
        answer: Row = {"Items": [self._item(key) for key in page], "Count": len(page), "ScannedCount": len(page)}
        if start + PAGE < len(self._listed):
            answer["LastEvaluatedKey"] = LAYOUT.attributes(page[-1]) | {"kindKey": {"S": listed_under(ORG, "Host")}}
        return answer

    def BatchGetItem(self, asked: Row) -> Row:
        keys = [LAYOUT.key(key) for key in asked["RequestItems"][LAYOUT.table]["Keys"]]
        found = [self._item(key) for key in keys if key in self._rows]
        return {"Responses": {LAYOUT.table: found}, "UnprocessedKeys": {}}

    def _item(self, key: Key) -> Row:
        return LAYOUT.attributes(key) | item_of(self._rows[key])


def table() -> Answers:
    """1,000 hosts in folders three levels deep; those at the top are CUSTOM, and every other one is shared with me."""
    rows: dict[Key, Row] = {}
    for level, count in reversed([*enumerate(LEVELS)]):
        top = level == len(LEVELS) - 1
        for number in range(count):
            parent = {} if top else {"parentId": f"f{level + 1}-{number % LEVELS[level + 1]}"}
            folder = {"type": "Folder", "id": f"f{level}-{number}", "orgId": ORG, "ownerId": "otto", **parent}
            rows[record_key(ORG, "Folder", folder["id"])] = folder | {"scope": "CUSTOM" if top else "INHERIT"}
            if top and number % 2:
                row = {"orgId": ORG, "resourceType": "Folder", "resourceId": folder["id"], "role": "viewer"}
                rows[grant_key(ORG, "Folder", folder["id"], ORG, ME)] = row | {"memberId": ME, "memberOrgId": ORG}
    listed = [record_key(ORG, "Host", f"h{number}") for number in range(RECORDS)]
    for number, key in enumerate(listed):
        host = {"type": "Host", "id": f"h{number}", "orgId": ORG, "ownerId": "otto", "scope": "INHERIT"}
        rows[key] = host | {"parentId": f"f0-{number % LEVELS[0]}", "name": f"core-{number}.example", "version": 1}
    return Answers(rows, listed)


def calls_at_most() -> int:
    """Pages, and for each level its distinct parents by the hundred, and grant rows by the hundred."""
    return ceil(RECORDS / PAGE) + sum(ceil(count / 100) for count in LEVELS) + ceil(LEVELS[-1] / 100)


# ---- By hand


def by_hand(client: Any, lines: list[str]) -> list[str]:
    """As a careful person would write it for Studio alone, with boto3's own deserializer; ids of what is allowed."""
    plain = TypeDeserializer().deserialize
    folders: dict[str, Any] = {}
    grants: dict[str, Any] = {}
    allowed: list[str] = []
    user = {"id": ME, "orgId": ORG, "orgRole": "member"}
    start: Row = {}
    while True:
        answer = client.query(
            TableName=LAYOUT.table,
            IndexName=LAYOUT.by_kind,
            KeyConditionExpression="kindKey = :kind",
            FilterExpression="orgId = :org AND (ownerId = :me OR NOT #scope = :private)",
            ExpressionAttributeNames={"#scope": "scope"},
            ExpressionAttributeValues=item_of({":kind": f"{ORG}#Host", ":org": ORG, ":me": ME, ":private": "PRIVATE"}),
            **start,
        )
        hosts = [{name: plain(value) for name, value in item.items()} for item in answer["Items"]]
        level = {host["parentId"] for host in hosts if host["scope"] == "INHERIT" and host.get("parentId")}
        while level := level - folders.keys():
            found = _batch(client, [record_key(ORG, "Folder", id) for id in sorted(level)], plain)
            folders |= dict.fromkeys(level) | {row["id"]: row for row in found}
            above = [folders[id] for id in level if folders[id]]
            level = {row["parentId"] for row in above if row["scope"] == "INHERIT" and row.get("parentId")}
        shared = [id for id, row in folders.items() if row and row["scope"] == "CUSTOM" and id not in grants]
        rows = _batch(client, [grant_key(ORG, "Folder", id, ORG, ME) for id in shared], plain) if shared else []
        grants |= dict.fromkeys(shared) | {row["resourceId"]: row for row in rows}
        data = {
            "Folder": [row for row in folders.values() if row],
            "ResourceShareMember": [row for row in grants.values() if row],
        }
        entities = reference.entities(data)
        for host in hosts:
            decision, rules, _ = reference.decide(user, "list", host, entities, {"now": NOW})
            entry = {"at": NOW, "user": ME, "org": ORG, "action": "list", "type": "Host", "id": host["id"]}
            lines.append(json.dumps(entry | {"decision": decision, "rules": rules}))
            if decision == "allow":
                allowed.append(host["id"])
        if "LastEvaluatedKey" not in answer:
            return allowed
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _batch(client: Any, keys: list[Key], plain: Any) -> list[Row]:
    found: list[Row] = []
    for first in range(0, len(keys), 100):
        asked = {"Keys": [LAYOUT.attributes(key) for key in keys[first : first + 100]], "ConsistentRead": True}
        answer = client.batch_get_item(RequestItems={LAYOUT.table: asked})
        assert not answer.get("UnprocessedKeys")
        items = answer["Responses"][LAYOUT.table]
        found += [{name: plain(value) for name, value in item.items()} for item in items]
    return found


# ---- Both


def lists() -> Iterator[Figure | str]:
    engine = load(str(ROOT / "policies"), schemas=str(ROOT / "schemas"))
    of_policy = plans(engine.program)
    identity = Identity(ORG, ME, {"id": ME, "orgId": ORG, "orgRole": "member"}, engine.digest, "request")
    cursors = Cursors([b"1" * 32])
    answers = table()
    client = answers.client()

    def ours(_: object) -> list[str]:
        lines: list[str] = []
        calls = Calls(client)
        rows = Rows(engine, of_policy, identity, calls, LAYOUT, None, lines.append, lambda: NOW)
        return [record["id"] for record in list_own(rows, cursors, "Host", RECORDS).records]

    def theirs(_: object) -> list[str]:
        return by_hand(client, [])

    agree("a list", ours(None), theirs(None))
    answers.calls = 0
    made = len(ours(None)), answers.calls
    bound = calls_at_most()
    yield f"{RECORDS} records in folders {len(LEVELS)} levels deep, {made[0]} allowed: {made[1]} calls, at most {bound}"
    if made[1] > bound:
        raise Disagreement(f"a list took {made[1]} calls")
    yield compare("a list of 1,000, per record", ours, theirs, lambda: None, pieces=RECORDS, rounds=ROUNDS, bound=BOUND)
