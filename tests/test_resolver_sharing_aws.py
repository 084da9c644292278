"""The flows of sharing over moto: DynamoDB's transactions, KMS's encryption contexts, and a fault at every call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.model.values import instant
from policyengine.resolvers.calls import Calls, Limits
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.items import plain
from policyengine.resolvers.layout import WRAP, record_key, wrap_key
from policyengine.resolvers.rewrapping import encryption_context, rewrap
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import Target, revoke, share, wrap_for
from policyengine.resolvers.store import Change, Conflict, DynamoStore, When
from policyengine.resolvers.sweeping import sweep_record
from policyengine.resolvers.writes import TypeRules, change, create, delete
from tests.memory_store import Memory, sealed
from tests.resolver_world import LAYOUT, Faults, client, make_table, put, record_item, stored, who
from tests.test_resolver_sharing import NOW, SECONDS, check_whole

HOST = ("org_1", "Host", "h1")
EVE = Target(*HOST, "eve", "org_x")
RULES = TypeRules()


class Cloud:
    """Two organizations' keys, Ann's host and its own wrap, in moto."""

    def __init__(self, studio: Any, plans: dict[str, Any]) -> None:
        self.studio, self.plans = studio, plans
        self.dynamodb, self.kms = client("dynamodb"), client("kms")
        make_table(self.dynamodb)
        self.keys = {org: self.kms.create_key()["KeyMetadata"]["Arn"] for org in ("org_1", "org_x")}
        context = encryption_context("org_1", EVE, "1")
        made = self.kms.generate_data_key(KeyId=self.keys["org_1"], KeySpec="AES_256", EncryptionContext=context)
        self.plaintext = made["Plaintext"]
        record = {"type": "Host", "id": "h1", "orgId": "org_1", "ownerId": "ann", "scope": "CUSTOM", "version": 1}
        wrap = {"orgId": "org_1", "forOrgId": "org_1", "dekVersion": "1", "wrap": made["CiphertextBlob"]}
        put(self.dynamodb, [record_item(record | {"dekVersion": "1"}), stored(wrap_key(*HOST, "org_1"), wrap)])
        self.faults = {"dynamodb": Faults(self.dynamodb, {}), "kms": Faults(self.kms, {}, "kms")}

    @property
    def store(self) -> DynamoStore:
        return DynamoStore(Calls(self.dynamodb, Limits(attempts=1), sleep=lambda _: None), LAYOUT)

    def rows(self, identity: Any) -> Rows:
        calls = Calls(self.dynamodb, Limits(attempts=1), sleep=lambda _: None)
        return Rows(self.studio, self.plans, identity, calls, LAYOUT, None, lambda _: None, lambda: NOW)

    def share(self) -> str:
        return share(self.rows(who()), self.store, EVE, "viewer")

    def rewrap(self) -> str:
        return rewrap(self.store, self.kms, self.rows, self.keys.__getitem__, EVE, lambda: SECONDS)

    def revoke(self) -> str:
        return revoke(self.rows(who()), self.store, EVE)

    def memory(self) -> Memory:
        """What is in the table, for the check that nothing is half-shared."""
        items = self.dynamodb.scan(TableName=LAYOUT.table, ConsistentRead=True)["Items"]
        return Memory({LAYOUT.key(item): plain(item, LAYOUT.own) for item in items})

    def whole(self) -> None:
        memory = self.memory()
        for key, row in memory.rows.items():  # moto's wraps are no text of ours: compare them by what they open
            if key.place.startswith(WRAP):
                context = encryption_context(row["forOrgId"], EVE, "1")
                opened = self.kms.decrypt(CiphertextBlob=row["wrap"], EncryptionContext=context)
                assert opened["Plaintext"] == self.plaintext
                row["wrap"] = sealed(f"key-{row['forOrgId']}", context)
        check_whole(memory)


@pytest.fixture(scope="module")
def plans(studio: Any) -> dict[str, Any]:
    return plans_of(studio.program)


@pytest.fixture
def cloud(studio: Any, plans: dict[str, Any]) -> Iterator[Cloud]:
    with mock_aws():
        yield Cloud(studio, plans)


def test_a_share_from_intent_to_revocation(cloud: Cloud) -> None:
    eve = who("eve", "org_x")
    assert cloud.share() == "intended"
    record = cloud.store.get(record_key(*HOST))
    assert record is not None
    assert not cloud.rows(eve).allows("read", record)
    assert cloud.rewrap() == "granted"
    cloud.whole()
    wrap = wrap_for(cloud.rows(eve), cloud.store, HOST)
    assert wrap is not None
    theirs = encryption_context("org_x", EVE, "1")
    assert cloud.kms.decrypt(CiphertextBlob=wrap, EncryptionContext=theirs)["Plaintext"] == cloud.plaintext
    with pytest.raises(ClientError):  # the origin's context does not open it
        cloud.kms.decrypt(CiphertextBlob=wrap, EncryptionContext=encryption_context("org_1", EVE, "1"))
    assert cloud.revoke() == "revoked"
    assert wrap_for(cloud.rows(eve), cloud.store, HOST) is None
    assert cloud.rewrap() == "closed"
    cloud.whole()


@pytest.mark.parametrize("code", ["ThrottlingException", "TransactionConflictException", "AccessDeniedException"])
def test_a_fault_at_every_call_of_every_flow(cloud: Cloud, code: str) -> None:
    """Each call fails once; what is there is whole; a fresh process then does it, and the sweeper finds nothing."""
    failed = 0
    for service, name in (("dynamodb", "share"), ("dynamodb", "rewrap"), ("kms", "rewrap"), ("dynamodb", "revoke")):
        faults, index = cloud.faults[service], 0
        while True:
            faults.plan = {faults.made + index: code}
            try:
                result = getattr(cloud, name)()
            except (Incomplete, ClientError, Refused):
                failed += 1
                index += 1
                faults.plan = {}
                cloud.whole()
                continue
            faults.plan = {}
            assert index > 0, (name, result)
            break
        if service == "dynamodb" and name == "rewrap":  # so that KMS has its turn
            cloud.revoke()
            cloud.share()
        cloud.whole()
        assert sweep_record(cloud.store, HOST, instant(NOW) or 0) == 0
    assert failed == 2 + 3 + 1 + 2


def test_conditions_mean_in_memory_what_they_mean_in_dynamodb(cloud: Cloud) -> None:
    """Every kind of condition and change, on an item that is there, another one, and none."""
    key = record_key("org_1", "Host", "c")
    rows = [None, {"a": "x", "n": 1}, {"a": "y", "n": 2}, {"n": 3}]
    conditions = [
        When(),
        When(there=True),
        When(there=False),
        When({"a": "x"}),
        When({"a": None}),
        When({"a": None, "n": 3}, there=True),
        When({}, {"n": 1}),
        When({"a": "y"}, {"n": 1}, True),
    ]
    changes: list[Callable[[Any, When], Change]] = [
        partial(Change, row={"orgId": "org_1", "type": "Host", "b": True}),
        partial(Change, set={"a": "z", "n": None}),
    ]
    for row in rows:
        for when in conditions:
            for make in [*changes, Change]:
                memory = Memory({} if row is None else {key: row})
                cloud.dynamodb.delete_item(TableName=LAYOUT.table, Key=LAYOUT.attributes(key))
                if row is not None:
                    put(cloud.dynamodb, [stored(key, row)])
                outcomes = []
                for store in (memory, cloud.store):
                    try:
                        store.write([make(key, when)])
                        outcomes.append("written")
                    except Conflict:
                        outcomes.append("conflict")
                assert outcomes[0] == outcomes[1], (row, when)
                assert memory.get(key) == cloud.store.get(key), (row, when)


# ---- Records


def test_records_are_created_moved_rescoped_and_deleted(cloud: Cloud) -> None:
    store, ann, bob = cloud.store, cloud.rows(who()), cloud.rows(who("bob"))
    folder = create(ann, store, RULES, "Folder", "f1", {"scope": "ORG", "name": "racks"})
    assert folder == {
        "type": "Folder",
        "id": "f1",
        "orgId": "org_1",
        "ownerId": "ann",
        "version": 1,
        "scope": "ORG",
        "name": "racks",
    }
    inside = create(ann, store, RULES, "Host", "h2", {"scope": "INHERIT", "parentId": "f1"})
    assert store.get(record_key("org_1", "Folder", "f1")) == folder | {"children": 1}
    with pytest.raises(Refused, match="children"):
        delete(ann, store, RULES, "Folder", "f1")
    with pytest.raises(Refused, match="parent"):  # not his folder
        create(bob, store, RULES, "Host", "h3", {"scope": "PRIVATE", "parentId": "f1"})
    with pytest.raises(Refused, match="parent"):
        create(ann, store, RULES, "Host", "h3", {"scope": "PRIVATE", "parentId": "nowhere"})
    with pytest.raises(Refused, match="busy"):  # an id that is taken, by whomever
        create(bob, store, RULES, "Host", "h2", {"scope": "PRIVATE"})
    for attribute in ("id", "orgId", "ownerId", "version", "type", "shareVersion", "key", "children", "dekVersion"):
        with pytest.raises(Refused, match="content"):
            create(ann, store, RULES, "Host", "h4", {"scope": "PRIVATE", attribute: "x"})
        with pytest.raises(Refused, match="content"):
            change(ann, store, RULES, "Host", "h2", {attribute: "x"})
    moved = change(ann, store, RULES, "Host", "h2", {"parentId": None, "scope": "ORG"})
    assert (moved["version"], moved.get("parentId")) == (2, None)
    assert store.get(record_key("org_1", "Host", "h2")) == moved
    assert (store.get(record_key("org_1", "Folder", "f1")) or {})["children"] == 0
    boss = cloud.rows(who("boss", role="admin"))
    assert change(boss, store, RULES, "Host", "h2", {"name": "edge"})["name"] == "edge"  # ORG: an admin updates
    with pytest.raises(Refused, match="denied"):  # but the scope is its owner's
        change(boss, store, RULES, "Host", "h2", {"scope": "PRIVATE"})
    with pytest.raises(Refused, match="denied"):
        change(cloud.rows(who("bob")), store, RULES, "Host", "h2", {"name": "x"})
    with pytest.raises(Refused, match="malformed"):
        change(ann, store, RULES, "Host", "h2", {"scope": "EVERYONE"})
    change(ann, store, RULES, "Host", "h2", {"scope": "PRIVATE"})
    with pytest.raises(Refused, match="absent"):  # what he may not read is not there
        change(cloud.rows(who("bob")), store, RULES, "Host", "h2", {"name": "x"})
    delete(ann, store, RULES, "Folder", "f1")
    assert store.get(record_key("org_1", "Folder", "f1")) is None
    assert inside["id"] == "h2"


def test_leaving_custom_takes_everything_along(cloud: Cloud) -> None:
    cloud.share()
    cloud.rewrap()
    share(cloud.rows(who()), cloud.store, EVE._replace(member_id="bob", member_org_id="org_1"), "viewer")
    change(cloud.rows(who()), cloud.store, RULES, "Host", "h1", {"scope": "PRIVATE"})
    keys = {key.place for key in cloud.memory().rows}
    assert keys == {"record", "wrap#org_1"}
    delete(cloud.rows(who()), cloud.store, RULES, "Host", "h1")
    assert cloud.memory().rows == {}


def test_a_write_checks_what_it_rests_on_and_writes_nothing_there(cloud: Cloud) -> None:
    key, record = record_key(*HOST), cloud.store.get(record_key(*HOST))
    assert record is not None
    other = record_key("org_1", "Host", "h2")
    made = Change(other, row={**record, "id": "h2"})
    with pytest.raises(Conflict):
        cloud.store.write([made, Change(key, When({**record, "scope": "ORG"}, there=True), set={})])
    with pytest.raises(Conflict):
        cloud.store.write([made, Change(record_key("org_1", "Host", "h3"), When(there=True), set={})])
    assert cloud.store.get(other) is None
    cloud.store.write([made, Change(key, When(record, there=True), set={})])
    assert cloud.store.get(other) is not None
    assert cloud.store.get(key) == record


def test_an_editor_by_a_folder_writes_on_condition_of_his_grant(cloud: Cloud) -> None:
    ann, bob = cloud.rows(who()), cloud.rows(who("bob"))
    create(ann, cloud.store, RULES, "Folder", "f1", {"scope": "CUSTOM", "name": "f"})
    create(ann, cloud.store, RULES, "Host", "h2", {"scope": "INHERIT", "parentId": "f1"})
    folder = Target("org_1", "Folder", "f1", "bob", "org_1")
    share(ann, cloud.store, folder, "editor")
    asked: list[Any] = []
    cloud.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems", lambda params, **_: asked.append(params)
    )
    assert change(bob, cloud.store, RULES, "Host", "h2", {"name": "ours"})["name"] == "ours"
    checks = [each["ConditionCheck"]["Key"] for each in asked[-1]["TransactItems"] if "ConditionCheck" in each]
    assert {LAYOUT.key(key) for key in checks} == {folder.grant, record_key("org_1", "Folder", "f1")}
