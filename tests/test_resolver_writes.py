"""What a client may write comes from the policy's `api` blocks, action by action; the rest is the platform's."""

from __future__ import annotations

from typing import Any

import pytest

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.model.api import KEPT
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.layout import Layout, record_key
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import Target, share
from policyengine.resolvers.writes import TypeRules, change, content_abroad, create
from policyengine.source import Source
from tests.conftest import ROOT
from tests.memory_store import Memory
from tests.resolver_world import who

PLAIN = TypeRules()
CONFIGURED = TypeRules(
    created={"toolClass": "UNKNOWN", "enabled": False},
    resets={"toolClass": "UNKNOWN"},
    resetting=frozenset({"definition"}),
    creating="configure",
    changing="configure",
    deleting="configure",
)
TALK = TypeRules(at_first={"trust": ("MANUAL", "SUPERVISED")})


class Desk:
    """An engine, and rows in memory."""

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.plans = plans_of(engine.program)
        self.store = Memory({})

    def rows(self, id: str = "ann", role: str = "member") -> Rows:
        calls = Calls(self.store, sleep=lambda _: None)
        return Rows(self.engine, self.plans, who(id, role=role), calls, Layout(), None, lambda _: None)

    def create(self, type_name: str, rules: TypeRules = PLAIN, *, role: str = "member", **given: Any) -> Any:
        return create(self.rows(role=role), self.store, rules, type_name, "x1", given)

    def change(self, type_name: str, rules: TypeRules = PLAIN, *, role: str = "member", **given: Any) -> Any:
        return change(self.rows(role=role), self.store, rules, type_name, "x1", given)


ALTERED = {
    "Mutation.updateFolder: update on Folder by id in input.orgId writes input.name, ": (
        "Mutation.updateFolder: update on Folder by id in input.orgId writes "
    ),
    "Mutation.configureTool: configure on Tool by id writes enabled, toolClass\n": (
        "Mutation.configureTool: configure on Tool by id writes enabled, toolClass\n"
        "  Mutation.defineTool: configure on Tool by id writes input.definition\n"
    ),
}
"""Another mapping: an update of a folder writes less than its creation; a tool has a definition, by a field of its own."""


@pytest.fixture(scope="module")
def altered() -> Engine:
    files = [*(ROOT / "policies").glob("*.policy"), *(ROOT / "schemas").glob("*.schema")]
    texts = {file.name: file.read_text() for file in files}
    for before, after in ALTERED.items():
        assert before in texts["api.policy"]
        texts["api.policy"] = texts["api.policy"].replace(before, after)
    return Engine(program_of(compile_sources([Source(name, text) for name, text in texts.items()])))


@pytest.fixture
def desk(studio: Any) -> Desk:
    return Desk(studio)


def test_studios_mapping_as_data(desk: Desk) -> None:
    placed = ["name", "parentId", "scope"]
    host, talk = ["address", "name", "parentId", "port", "scope"], ["name", "parentId", "scope", "trust"]
    assert desk.plans["writes"] == {
        "Host": {"create": host, "update": host},
        "Folder": {"create": placed, "update": placed},
        "Conversation": {"create": talk, "update": talk},
        "File": {"create": placed},
        "KeychainEntry": {"create": ["name", "sealed"]},
        "Connector": {"configure": ["enabled", "settings"]},
        "Tool": {"configure": ["enabled", "toolClass"]},
    }


@pytest.mark.parametrize(
    ("type_name", "given"),
    [
        ("Host", {"scope": "ORG", "trust": "MANUAL"}),  # another type's
        ("File", {"scope": "ORG", "key": "org_1/x1/1"}),  # declared, and the platform's
        ("Diagram", {"scope": "ORG"}),  # no field of the API creates one
        ("Nothing", {"scope": "ORG"}),
    ],
)
def test_what_the_mapping_does_not_list_no_client_creates(desk: Desk, type_name: str, given: Any) -> None:
    with pytest.raises(Refused, match="content"):
        desk.create(type_name, **given)
    assert desk.store.rows == {}


def test_abroad_a_member_sets_nothing_that_takes_a_right_besides(desk: Desk) -> None:
    """Neither scope nor folder, which `changing` guards; nor what no field of the API writes."""
    assert content_abroad(desk.plans, "Host", "update") == {"address", "name", "port"}
    assert content_abroad(desk.plans, "Host", "delete") == set()
    guarded = {name for name, types, _ in desk.plans["changing"] if "Conversation" in types}
    assert guarded
    assert not guarded & content_abroad(desk.plans, "Conversation", "update")


def test_each_action_has_its_own_list(desk: Desk, altered: Engine) -> None:
    desk.create("File", scope="ORG", name="a")
    with pytest.raises(Refused, match="content"):  # no field of the API updates a file
        desk.change("File", name="b")
    other = Desk(altered)
    other.create("Folder", scope="ORG", name="a")
    assert other.change("Folder", scope="PRIVATE")["scope"] == "PRIVATE"
    with pytest.raises(Refused, match="content"):
        other.change("Folder", name="b")


def test_what_is_kept_in_a_record_is_among_what_the_mapping_cannot_list(desk: Desk) -> None:
    """Or a policy could let a client write what flows are conditioned on."""
    desk.create("Folder", scope="ORG")
    create(desk.rows(), desk.store, PLAIN, "Host", "h1", {"scope": "CUSTOM", "parentId": "x1"})
    share(desk.rows(), desk.store, Target("org_1", "Host", "h1", "bob", "org_1"), "viewer")
    records = [desk.store.rows[record_key("org_1", *place)] for place in (("Folder", "x1"), ("Host", "h1"))]
    kept = {name for record in records for name in record} - {"id", "orgId", "ownerId", "scope", "parentId"}
    assert kept == {*KEPT} - {"dekVersion"}  # whoever seals a record sets that one


def test_what_starts_as_it_must_and_what_resets(altered: Engine) -> None:
    desk = Desk(altered)
    made = desk.create("Tool", CONFIGURED, role="admin", definition="a", enabled=True, toolClass="READ_ONLY")
    assert (made["toolClass"], made["enabled"]) == ("UNKNOWN", False)
    assert desk.change("Tool", CONFIGURED, role="admin", toolClass="MODERATE", enabled=True)["enabled"] is True
    assert desk.change("Tool", CONFIGURED, role="admin", definition="b")["toolClass"] == "UNKNOWN"
    with pytest.raises(Refused, match="denied"):
        desk.change("Tool", CONFIGURED, enabled=False)


def test_a_conversation_starts_supervised_at_the_highest(desk: Desk) -> None:
    with pytest.raises(Refused, match="content"):
        desk.create("Conversation", TALK, scope="PRIVATE", trust="AUTONOMOUS")
    desk.create("Conversation", TALK, scope="PRIVATE", trust="SUPERVISED")
    assert desk.change("Conversation", TALK, trust="AUTONOMOUS")["trust"] == "AUTONOMOUS"
