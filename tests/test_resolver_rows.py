"""Row decisions over DynamoDB: the same as beside rows in memory, with few reads, and Incomplete where reads fail."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from policyengine.backends.dynamodb import Unfetchable, emit_plans, plan
from policyengine.backends.dynamodb.plans import plans as plans_of
from policyengine.ir import nodes as ir
from policyengine.model.schema import Known
from policyengine.model.types import BOOL, Entity, Id
from policyengine.partial.specializer import Partly
from policyengine.resolvers.calls import CAUSES, Calls, Limits
from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.guard import Guard
from policyengine.resolvers.rows import Rows, holds
from tests.dynamodb import ROOT, dynalite, studio_settings
from tests.resolver_world import LAYOUT, Faults, client, grant_items, make_table, put, record_item, who
from tests.studio import folder, grant, record
from tests.worlds import requests, world

NUMBERS = itertools.count()
NOW = "2026-06-01T12:00:00Z"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with dynalite() as found:
        yield found


@pytest.fixture(scope="module")
def plans(studio: Any) -> dict[str, Any]:
    return plans_of(studio.program)


class Table:
    """A table of its own, under a name of its own, and the words of these tests."""

    def __init__(self, address: str, name: str, studio: Any, plans: dict[str, Any]) -> None:
        self.layout = LAYOUT._replace(table=name)
        self.studio, self.plans = studio, plans
        self.dynamodb = client("dynamodb", address)
        make_table(self.dynamodb, self.layout)
        self.lines: list[dict[str, Any]] = []
        self.waits: list[float] = []

    def put(self, *records: Any, grants: Any = ()) -> None:
        put(self.dynamodb, [record_item(each, self.layout) for each in records], self.layout)
        for each in grants:
            put(self.dynamodb, grant_items(each, self.layout), self.layout)

    def guard(self, identity: Any) -> Guard:
        settings = studio_settings()
        (table,) = settings.tables.values()
        own = replace(settings, tables={self.layout.table: replace(table, name=self.layout.table)})
        return Guard(identity, own, self.dynamodb, role=None)

    def rows(self, identity: Any, guarded: bool = False, **limits: Any) -> Rows:
        client = self.guard(identity) if guarded else self.dynamodb
        calls = Calls(client, Limits(**limits), sleep=self.waits.append, chance=lambda: 1.0)
        return Rows(self.studio, self.plans, identity, calls, self.layout, None, self.read, lambda: NOW)

    def read(self, line: str) -> None:
        self.lines.append(json.loads(line))


@pytest.fixture
def table(address: str, studio: Any, plans: dict[str, Any]) -> Table:
    return Table(address, f"Table{next(NUMBERS)}", studio, plans)


HOME = "org_home"


def test_decisions_are_those_of_rows_in_memory(address: str, studio: Any, plans: dict[str, Any]) -> None:
    """Random worlds, put into a table as far as it can hold them; every decision is the engine's own."""
    seen = {"allow": 0, "deny": 0, "across": 0}
    for seed in range(2):
        table = Table(address, f"World{seed}", studio, plans)
        rng = Random(seed)
        data = world(rng)
        names = ("Folder", "Connector", "ResourceShareMember")
        data = {name: data.get(name, []) for name in names}
        kept = {name: [row for row in rows if _storable(name, row)] for name, rows in data.items()}
        kept = {name: list({_key(name, row): row for row in rows}.values()) for name, rows in kept.items()}
        stored = [{**row, "type": name} for name in ("Folder", "Connector") for row in kept[name]]
        table.put(*stored, grants=kept["ResourceShareMember"])
        memory = studio.entities(kept)
        for request in _requests(rng, kept, 70):
            principal, action, resource = request["principal"], request["action"], request["resource"]
            identity = who(principal["id"], principal["orgId"], principal["orgRole"])
            rows = table.rows(identity)
            decision = rows.check(action, resource, request["context"])
            given = {**request["context"], "now": NOW}
            assert decision == studio.authorize({**request, "context": given}, memory), request
            listed = table.rows(identity)
            listed.context.update(given)
            assert bool(listed.filter(action, [resource])) is holds(decision)
            seen[decision["decision"]] += 1
            if decision["decision"] == "allow":
                seen["across"] += principal["orgId"] != resource["orgId"]
    assert min(seen.values()) > 0, seen
    assert seen["allow"] > 20
    assert seen["deny"] > 20


def _storable(name: str, row: Any) -> bool:
    names = {"Folder": ("orgId", "id"), "Connector": ("orgId", "id")}.get(
        name, ("orgId", "resourceType", "resourceId", "memberId", "memberOrgId")
    )
    texts = isinstance(row, dict) and all(isinstance(row.get(each), str) and row[each] for each in names)
    return bool(texts and "\ud800" not in json.dumps(row) and "\\ud" not in json.dumps(row) and _tenant(row["orgId"]))


def _tenant(text: str) -> bool:
    return text.replace("_", "").replace("-", "").isalnum() and len(text) <= 64


def _key(name: str, row: Any) -> tuple[Any, ...]:
    names = (
        ("orgId", "resourceType", "resourceId", "memberId", "memberOrgId")
        if name == "ResourceShareMember"
        else ("orgId", "id")
    )
    return tuple(row[each] for each in names)


def _requests(rng: Random, data: Any, count: int) -> Iterator[dict[str, Any]]:
    """Requests that an authorizer lets through: the principal is whole. The rest is as hostile as it comes."""
    for request in requests(rng, data, count):
        principal, context = request.get("principal"), request.get("context")
        if not isinstance(principal, dict) or not set(principal) >= {"id", "orgId", "orgRole"}:
            continue
        if all(isinstance(value, str) and value for value in principal.values()):
            asked = {"action": request.get("action"), "resource": request.get("resource")}
            yield {**asked, "principal": principal, "context": context if isinstance(context, dict) else {}}


def test_a_list_reads_each_row_once_in_few_calls(table: Table) -> None:
    """250 hosts under 150 folders under 3, half of them shared: by level, and grant rows at the end."""
    tops = [folder(f"top{n}", "CUSTOM") for n in range(3)]
    inner = [folder(f"in{n}", parent=f"top{n % 3}") for n in range(150)]
    hosts = [record(id=f"h{n}", scope="INHERIT", parent=f"in{n % 150}", ownerId="otto") for n in range(240)]
    hosts += [record(id=f"c{n}", scope="CUSTOM", ownerId="otto") for n in range(10)]
    mia = {"id": "mia", "orgId": HOME}
    table.put(*tops, *inner, grants=[grant(tops[1], mia), grant(hosts[244], mia)])
    rows = table.rows(who("mia", HOME))
    allowed = rows.filter("list", hosts)
    expected = [host for n, host in enumerate(hosts) if (n < 240 and n % 150 % 3 == 1) or n == 244]
    assert allowed == expected
    assert rows.calls.made == 2 + 1 + 1  # 150 folders, 3 above them, 3 + 10 grant rows
    assert rows.filter("read", hosts) == expected
    assert rows.calls.made == 4  # nothing is read a second time in one request
    assert len(table.lines) == 500
    line = table.lines[1]
    assert line["resource"] == {"type": "Host", "id": "h1", "orgId": HOME}
    assert (line["event"], line["allowed"], line["rules"]) == ("row", True, ["Scoped.CUSTOM.grant_viewer"])
    assert line["principal"] == {"id": "mia", "tenant": HOME}
    assert line["policy"] == table.studio.digest
    assert table.lines[0]["decision"] == "deny"


def test_a_foreign_record_is_decided_without_what_stands_above_it(table: Table) -> None:
    inside = record(scope="INHERIT", parent="f")
    table.put(folder("f", "CUSTOM"), grants=[grant(folder("f"), {"id": "eve", "orgId": "org_x"})])
    rows = table.rows(who("eve", "org_x"))
    assert rows.check("read", inside)["decision"] == "deny"
    assert rows.calls.made == 0
    shared = record(id="s", scope="CUSTOM")
    table.put(grants=[grant(shared, {"id": "eve", "orgId": "org_x"})])
    assert rows.allows("read", shared)
    assert not rows.allows("update", shared)
    assert rows.calls.made == 1


CODES = ["ProvisionedThroughputExceededException", "ThrottlingException", "InternalServerError", "RequestLimitExceeded"]


@pytest.mark.parametrize("fault", [*CODES, ReadTimeoutError(endpoint_url="http://x")], ids=str)
def test_what_passes_is_tried_again_and_what_stays_is_incomplete(table: Table, fault: Any) -> None:
    table.put(folder("f", "ORG"))
    host = record(scope="INHERIT", parent="f")
    faults = Faults(table.dynamodb, {0: fault, 1: fault})
    assert table.rows(who("mia", HOME)).filter("list", [host]) == [host]
    assert (faults.made, table.waits) == (3, [0.025, 0.05])
    faults.plan = dict.fromkeys(range(100), fault)
    cause = "unreachable" if isinstance(fault, Exception) else "throttled"
    with pytest.raises(Incomplete) as raised:
        table.rows(who("mia", HOME)).filter("list", [host])
    assert raised.value.cause == cause
    assert cause in CAUSES
    decision = table.rows(who("mia", HOME)).check("read", host)
    assert decision["decision"] == "deny"
    assert decision["errors"] == [f"incomplete: {cause}"]
    assert table.lines[-1]["errors"] == [f"incomplete: {cause}"]


def test_every_call_of_a_list_can_fail_and_none_makes_it_short(table: Table) -> None:
    table.put(folder("a", parent="b"), folder("b", "CUSTOM"), grants=[grant(folder("b"), {"id": "mia", "orgId": HOME})])
    host = record(scope="INHERIT", parent="a")
    faults = Faults(table.dynamodb, {})
    assert table.rows(who("mia", HOME)).filter("list", [host]) == [host]
    assert faults.made == 3
    for index in range(3):
        for code, result in (("ThrottlingException", [host]), ("AccessDeniedException", None)):
            faults.plan = {faults.made + index: code}
            if result is None:
                with pytest.raises(Incomplete, match="refused"):
                    table.rows(who("mia", HOME)).filter("list", [host])
            else:
                assert table.rows(who("mia", HOME)).filter("list", [host]) == result


def test_keys_left_unread_are_asked_again_and_never_taken_for_absent(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [folder(f"f{n}", "ORG") for n in range(5)]
    hosts = [record(id=f"h{n}", scope="INHERIT", parent=f"f{n}") for n in range(5)]
    table.put(*folders)
    whole = table.dynamodb.batch_get_item

    def partial(RequestItems: Any, serve: int) -> Any:
        ((name, asked),) = RequestItems.items()
        rest = {**asked, "Keys": asked["Keys"][serve:]}
        answer = whole(RequestItems={name: {**asked, "Keys": asked["Keys"][:serve]}}) if serve else {"Responses": {}}
        return {**answer, "UnprocessedKeys": {name: rest} if rest["Keys"] else {}}

    monkeypatch.setattr(table.dynamodb, "batch_get_item", lambda **given: partial(serve=2, **given))
    rows = table.rows(who("mia", HOME))
    assert rows.filter("list", hosts) == hosts
    assert rows.calls.made == 3
    assert table.waits == []  # it goes on: no need to wait
    monkeypatch.setattr(table.dynamodb, "batch_get_item", lambda **given: partial(serve=0, **given))
    with pytest.raises(Incomplete, match="unprocessed"):
        table.rows(who("mia", HOME)).filter("list", hosts)
    assert len(table.waits) == 4


def test_a_request_has_bounds(table: Table) -> None:
    hosts = [record(id=f"h{n}", scope="INHERIT", parent=f"f{n}") for n in range(5)]
    with pytest.raises(Incomplete, match="too many rows"):
        table.rows(who("mia", HOME), rows=4).filter("list", hosts)
    with pytest.raises(Incomplete, match="too late"):
        table.rows(who("mia", HOME), seconds=0).filter("list", hosts)
    assert table.rows(who("mia", HOME), seconds=0).check("list", hosts[0])["errors"] == ["incomplete: too late"]


@pytest.mark.parametrize("parent", ["x" * 2049, "\ud800", "é" * 1020, "", 7])
def test_what_no_key_can_hold_is_absent_and_spoils_no_list(table: Table, parent: Any) -> None:
    table.put(folder("f", "ORG"))
    good, bad = record(scope="INHERIT", parent="f"), record(id="b", scope="INHERIT", parentId=parent)
    rows = table.rows(who("mia", HOME))
    assert rows.filter("read", [bad, good]) == [good]
    assert rows.check("read", bad)["decision"] == "deny"


def test_a_record_of_others_beside_the_guard_is_incomplete(table: Table) -> None:
    """The guard refuses rows of another organization: such a record is opened by `shared`, and nothing is told here."""
    rows = table.rows(who("eve", "org_x"), guarded=True)
    assert rows.check("read", record(scope="CUSTOM"))["errors"] == ["incomplete: refused"]
    assert rows.check("read", record(orgId="org_x#Host", scope="CUSTOM"))["decision"] == "deny"


def test_a_plan_that_lacks_a_row_denies(table: Table) -> None:
    table.put(folder("f", "ORG"))
    plans = json.loads(json.dumps(table.plans))
    for each in plans["plans"]:
        each["chain"] = False
    table.plans = plans
    rows = table.rows(who("mia", HOME))
    host = record(scope="INHERIT", parent="f")
    assert rows.check("read", host)["decision"] == "deny"
    with pytest.raises(Incomplete):
        rows.filter("read", [host])


def test_plans_of_another_policy_are_refused(table: Table) -> None:
    table.plans = {**table.plans, "digest": "other"}
    with pytest.raises(ValueError, match="another policy"):
        table.rows(who())


def test_obligations_bind(table: Table) -> None:
    tool = {"type": "Tool", "id": "t", "orgId": HOME, "toolClass": "DANGEROUS", "enabled": True}
    rows = table.rows(who("mia", HOME))
    approval = {"name": "approval", "resourceType": "Tool", "resourceId": "t"}
    assert rows.check("invoke", tool)["obligations"] == [approval]
    assert not rows.allows("invoke", tool)
    assert table.lines[-1]["allowed"] is False
    assert rows.allows("invoke", tool, discharged=[approval])
    assert not holds(rows.check("invoke", tool), [{**approval, "resourceId": "u"}])


@pytest.mark.parametrize(
    "resource", [None, 7, {}, {"type": "Nope"}, {"type": ["Host"]}, {"type": "Host", "orgId": 3}], ids=repr
)
def test_what_is_no_record_is_denied_and_recorded(table: Table, resource: Any) -> None:
    assert table.rows(who("mia", HOME)).check("read", resource)["decision"] == "deny"
    assert table.lines[-1]["decision"] == "deny"


# ---- The plans


def test_the_page_names_every_cause_and_every_code() -> None:
    page = (ROOT / "docs" / "aws-resolver-rows.md").read_text("utf-8")
    source = (ROOT / "policyengine" / "backends" / "dynamodb" / "conditions.py").read_text("utf-8")
    codes = set(re.findall(r'"(dynamodb-[a-z-]+)"', source))
    assert len(codes) == 9
    for name in (*CAUSES, *codes):
        assert f"| `{name}` |" in page, name


def test_a_row_named_by_another_row_has_no_plan(studio: Any) -> None:
    """No policy can say so yet; a core that does is refused, and its decisions come out Incomplete."""
    program = studio.program
    by = ir.Attr(ir.Var("resource", Entity("resource")), "connectorId", Id("Connector"), Known.RECORD, True)
    further = ir.Reference(ir.Attr(ir.Reference(by, "Connector"), "id", Id(), Known.REFERENCED), "Connector")
    rule = ir.Rule("off", "forbid", ("read",), ("Tool",), ir.Attr(further, "enabled", BOOL, Known.REFERENCED))
    longer = replace(program, rules=(*program.rules, rule))
    with pytest.raises(Unfetchable, match="names a row by what another row says"):
        plan(longer, Partly("read", "Tool"))
    assert plans_of(longer)["refused"] == {"Tool": {"read": "fetch-path"}}
    assert "read" not in plans_of(longer)["cells"]["Tool"]


def test_the_plan_of_each_cell_names_what_it_reads(studio: Any) -> None:
    read = plan(studio.program, Partly("read", "Host"))
    assert (read.chain, read.grants, read.crosses) == (True, "ResourceShareMember", True)
    assert read.granted_where == (("scope", ("CUSTOM",)),)
    assert read.selection.codes == ("dynamodb-grant", "dynamodb-holder")
    create = plan(studio.program, Partly("create", "Host"))
    assert (create.chain, create.references, create.grants, create.crosses) == (False, (), "", False)
    assert create.selection.exact
    invoke = plan(studio.program, Partly("invoke", "Tool"))
    assert invoke.references == (("resource", "connectorId", "Connector"),)
    assert invoke.selection.codes == ("dynamodb-obligation", "dynamodb-reference")


def test_the_module_of_plans_is_one_literal(studio: Any, plans: dict[str, Any]) -> None:
    import ast

    module = ast.parse(emit_plans(studio.program))
    assert ast.literal_eval(module.body[1].value) == plans  # type: ignore[attr-defined]
    assert emit_plans(studio.program) == emit_plans(studio.program)
