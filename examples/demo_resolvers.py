"""The resolvers at work: two organizations, folders, a share between them, and what each step decided.

Run it with `make demo-resolvers`. DynamoDB, KMS, S3 and STS are moto's, over HTTP on this machine; moto enforces no IAM
and no key policy, so that all that is refused here is refused by the guard, by a decision, or by an encryption context.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

os.environ["MOTO_ACCOUNT_ID"] = "111122223333"  # the account of Studio's roles; moto reads it when it is imported
from moto.server import ThreadedMotoServer

from policyengine.backends.aws import emit_documents
from policyengine.cli import main
from policyengine.compiler import compile_folders, program_of
from policyengine.resolvers import Guard, Identity, Incomplete, Refused, read_identity, read_settings
from policyengine.resolvers.appsync import event_of, subscription_filter
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.cursors import Cursors
from policyengine.resolvers.layout import Layout, record_key, wrap_key
from policyengine.resolvers.listing import list_own, list_shared, open_shared
from policyengine.resolvers.objects import Signer, sign_get
from policyengine.resolvers.rewrapping import encryption_context, rewrap
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import Target, revoke, share, wrap_for
from policyengine.resolvers.store import Change, DynamoStore
from policyengine.resolvers.sweeping import sweep_record
from policyengine.resolvers.writes import TypeRules, change, create

ROOT = Path(__file__).resolve().parent.parent
RULES = TypeRules()
EDGE = ("org_1", "Host", "edge")
TO_EVE = Target(*EDGE, "eve", "org_x")
TO_BOB = Target(*EDGE, "bob", "org_1")


class Studio:
    """What a function would hold: bundle, plans, settings, and clients of moto."""

    def __init__(self, out: Path) -> None:
        sources = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
        if main(["build", *sources, "--out", str(out)]):
            sys.exit("the demo stopped: the bundle could not be built")
        sys.path.insert(0, str(out))
        self.bundle: Any = import_module("policy_bundle")
        self.plans = import_module("policy_bundle.plans").PLANS
        program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
        self.settings = read_settings(emit_documents(program, ["org_1"])["resolver-settings.json"])
        self.table = self.settings.labelled("records")
        self.layout = Layout.of(self.table)
        self.dynamodb, self.kms = client("dynamodb"), client("kms")
        self.keys = {org: self.kms.create_key()["KeyMetadata"]["Arn"] for org in ("org_1", "org_x")}
        self.cursors = Cursors([os.urandom(32)])
        self.written: list[dict[str, Any]] = []

    def make_table(self) -> None:
        every = (self.table.keys, *self.table.indexes.values())
        names = sorted({name for index in every for name in index.attributes})
        self.dynamodb.create_table(
            TableName=self.table.name,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=_schema(self.table.keys.attributes),
            GlobalSecondaryIndexes=[
                {"IndexName": name, "KeySchema": _schema(index.attributes), "Projection": {"ProjectionType": "ALL"}}
                for name, index in self.table.indexes.items()
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def identity(self, id: str, org: str, role: str = "member") -> Identity:
        """Who asks, as AppSync hands on what the authorizer said."""
        context = {"id": id, "orgId": org, "orgRole": role, "policyDigest": self.bundle.digest, "requestId": "demo"}
        event = {"identity": {"resolverContext": context}, "arguments": {}}
        return read_identity(event, self.settings, {self.bundle.digest})

    def guard(self, who: Identity, mode: Any = "strict") -> Guard:
        return Guard(who, self.settings, self.dynamodb, mode=mode, log=self.log)

    def log(self, entry: Any) -> None:
        print(f"      guard: {entry['outcome']} [{entry['code']}] in {entry['parameter']}")

    def rows(self, who: Identity, by: Any = None) -> Rows:
        calls = Calls(self.guard(who) if by is None else by)
        return Rows(self.bundle, self.plans, who, calls, self.layout, record=self.record)

    def record(self, line: str) -> None:
        self.written.append(json.loads(line))

    def store(self, by: Any) -> DynamoStore:
        return DynamoStore(Calls(by), self.layout)


def client(service: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, signature_version="s3v4" if service == "s3" else None)
    return boto3.client(service, config=config)


def _schema(attributes: tuple[str, ...]) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(attributes, kinds, strict=False)]


def shown(studio: Studio, title: str, expected: Any, do: Callable[[], Any]) -> None:
    """One step: what came of it, which must be what is expected, and the decisions on which it rests."""
    before = len(studio.written)
    try:
        result = do()
    except (Refused, Incomplete, ClientError) as failure:
        result = failure.code if isinstance(failure, Refused) else type(failure).__name__
    print(f"  {title}: {result}")
    for entry in studio.written[before:]:
        resource, by = entry["resource"], ", ".join(entry["rules"]) or entry["reason"]
        print(f"      {entry['action']} {resource['type']} {resource['id']}: {entry['decision']} ({by})")
    if result != expected:
        sys.exit(f"the demo stopped: {expected!r} was expected")


def ids(records: Any) -> list[str]:
    return sorted(record["id"] for record in records)


def demo(studio: Studio) -> None:
    step = partial(shown, studio)
    ann, bob = studio.identity("ann", "org_1"), studio.identity("bob", "org_1")
    eve = studio.identity("eve", "org_x")
    store = studio.store(studio.guard(ann))
    # Copies of crossing grants stand under another organization's key: the share function's role writes them.
    service = studio.store(studio.dynamodb)

    print("\n--- Ann's folder and hosts, and what a colleague sees of them")
    create(studio.rows(ann), store, RULES, "Folder", "racks", {"scope": "ORG", "name": "Racks"})
    create(studio.rows(ann), store, RULES, "Host", "core", {"scope": "INHERIT", "parentId": "racks"})
    create(studio.rows(ann), store, RULES, "Host", "edge", {"scope": "CUSTOM", "name": "Edge"})
    data_key = seal(studio, service)
    step("bob lists hosts", ["core"], lambda: ids(list_own(studio.rows(bob), studio.cursors, "Host").records))
    step("ann lists hosts", ["core", "edge"], lambda: ids(list_own(studio.rows(ann), studio.cursors, "Host").records))
    step(
        "bob moves core",
        "denied",
        lambda: change(studio.rows(bob), store, RULES, "Host", "core", {"scope": "PRIVATE"}),
    )
    step(
        "ann sets its owner",
        "content",
        lambda: change(studio.rows(ann), store, RULES, "Host", "edge", {"ownerId": "x"}),
    )
    step("bob renames edge", "absent", lambda: change(studio.rows(bob), store, RULES, "Host", "edge", {"name": "x"}))

    print("\n--- strict and lenient: a query that names another organization")
    foreign = {
        "TableName": studio.table.name,
        "IndexName": studio.layout.by_kind,
        "KeyConditionExpression": "kindKey = :k",
        "FilterExpression": "orgId = :o",
        "ExpressionAttributeValues": {":k": {"S": "org_1#Host"}, ":o": {"S": "org_x"}},
    }
    step("bob, strict", "mention", lambda: studio.guard(bob).query(**foreign)["Count"])
    step("bob, lenient", 0, lambda: studio.guard(bob, "lenient").query(**foreign)["Count"])
    of_others = {"TableName": studio.table.name, "Key": studio.layout.attributes(record_key("org_1", "Host", "edge"))}
    step("eve reads ann's record by its key", "key", lambda: studio.guard(eve).get_item(**of_others))

    print("\n--- shared within the organization: at once")
    step("ann shares edge with bob", "granted", lambda: share(studio.rows(ann), store, TO_BOB, "viewer"))
    step("bob lists hosts", ["core", "edge"], lambda: ids(list_own(studio.rows(bob), studio.cursors, "Host").records))

    print("\n--- shared with another organization: an intent, then a wrap and a grant in one transaction")

    def opened() -> Any:
        found = open_shared(studio.rows(eve), studio.guard(eve), "read", EDGE)
        return found and found["name"]

    def rewrapped() -> str:
        def rows_of(who: Identity) -> Rows:
            return studio.rows(who, studio.dynamodb)

        return rewrap(service, studio.kms, rows_of, studio.keys.__getitem__, TO_EVE, lambda: int(time.time()))

    step("bob shares edge with eve", "denied", lambda: share(studio.rows(bob), service, TO_EVE, "viewer"))
    step("ann shares edge with eve", "intended", lambda: share(studio.rows(ann), service, TO_EVE, "viewer"))
    step("eve reads edge", None, opened)
    step("the re-wrap function", "granted", rewrapped)
    step("the re-wrap function, once more", "closed", rewrapped)
    step("eve reads edge", "Edge", opened)
    step("eve lists her own hosts", [], lambda: ids(list_own(studio.rows(eve), studio.cursors, "Host").records))
    shared = list_shared(studio.rows(eve), studio.cursors, "Host", studio.guard(eve)).shared
    step("eve lists what is shared with her", [("edge", "viewer")], lambda: [(s.record["id"], s.role) for s in shared])
    record = shared[0].record
    step("eve may update it", False, lambda: studio.rows(eve, studio.dynamodb).allows("update", record))

    def unwrapped(org: str) -> bool:
        wrap = wrap_for(studio.rows(eve, studio.dynamodb), service, EDGE)
        context = encryption_context(org, TO_EVE, "1")
        return (
            bool(wrap) and studio.kms.decrypt(CiphertextBlob=wrap, EncryptionContext=context)["Plaintext"] == data_key
        )

    step("her wrap opens the data key under org_x", True, lambda: unwrapped("org_x"))
    step("her wrap under org_1", "InvalidCiphertextException", lambda: unwrapped("org_1"))

    print("\n--- revoked")
    step("ann revokes", "revoked", lambda: revoke(studio.rows(ann), service, TO_EVE))
    step("eve reads edge", None, opened)
    step("eve is given a wrap", None, lambda: wrap_for(studio.rows(eve, studio.dynamodb), service, EDGE))
    step("a late re-wrap", "closed", rewrapped)
    step("the sweeper finds", 0, lambda: sweep_record(service, EDGE, studio.rows(ann).now))

    print("\n--- an object, and an event")
    file = {"type": "File", "id": "f1", "orgId": "org_1", "ownerId": "ann", "scope": "ORG", "key": "org_1/f1/1"}
    signer = Signer(client("s3"), "studio-objects", until=time.time() + 900)
    step("bob downloads, for so many seconds", 60, lambda: sign_get(studio.rows(bob), signer, file).seconds)
    step("eve downloads", "absent", lambda: sign_get(studio.rows(eve, studio.dynamodb), signer, file))
    print(f"  an event says {event_of(record, 'orgId')}")
    print(f"  and passes {json.dumps(subscription_filter(bob, 'orgId', ['Host']))}")

    allowed = sum(entry["allowed"] for entry in studio.written)
    print(f"\n{len(studio.written)} decisions on rows, {allowed} allowed, each with a record such as this one:")
    print(json.dumps(studio.written[-1]))


def seal(studio: Studio, service: DynamoStore) -> bytes:
    """The platform gives edge a data key of its own, wrapped for its organization."""
    context = encryption_context("org_1", TO_EVE, "1")
    made = studio.kms.generate_data_key(KeyId=studio.keys["org_1"], KeySpec="AES_256", EncryptionContext=context)
    wrap = {"orgId": "org_1", "forOrgId": "org_1", "dekVersion": "1", "wrap": made["CiphertextBlob"]}
    service.write(
        [Change(wrap_key(*EDGE, "org_1"), row=wrap), Change(record_key(*EDGE), set={"dekVersion": "1", "version": 2})]
    )
    plaintext: bytes = made["Plaintext"]
    return plaintext


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    try:
        with tempfile.TemporaryDirectory() as out:
            studio = Studio(Path(out))
            studio.make_table()
            demo(studio)
    finally:
        server.stop()
