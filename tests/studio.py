"""The words of the Studio tests: people, records, rows, and one way to ask for a decision.

In: plain JSON values. Out: decisions, checked for form and for agreement between all ways to ask. What Studio's
policies mean is not known here: each test states it.
"""

import copy
import json
from collections.abc import Collection, Sequence
from typing import Any

from policyengine.interpreter import decide as interpret

Row = dict[str, Any]

SCOPED = ("Folder", "Host", "Diagram", "Procedure", "Memory", "Conversation", "File")
SCOPED_ACTIONS = ("create", "read", "list", "update", "delete", "share", "revoke")
HOME, ABROAD = "org_home", "org_abroad"
NOW = "2026-06-01T12:00:00Z"
PAST, FUTURE = "2026-06-01T11:59:59Z", "2026-06-01T12:00:01Z"
RULES = frozenset(
    {
        "Scoped.always.record_owner",
        "Scoped.always.role_admin",
        "Scoped.PRIVATE.holder_owner",
        "Scoped.ORG.role_member",
        "Scoped.ORG.role_admin",
        "Scoped.CUSTOM.holder_owner",
        "Scoped.CUSTOM.grant_viewer",
        "Scoped.CUSTOM.grant_editor",
        "KeychainEntry.always.record_owner",
        "Connector.always.role_member",
        "Connector.always.role_admin",
        "Tool.always.role_member",
        "Tool.always.role_admin",
        "disabled_tool",
        "connector_off",
        "folder_abroad",
        "tool_approval",
        "share_rewrap",
    }
)


# People, records, rows


def person(id: str = "cara", org: str = HOME, role: str = "member") -> Row:
    return {"id": id, "orgId": org, "orgRole": role}


def record(type: str = "Host", scope: str = "CUSTOM", parent: str | None = None, **changes: Any) -> Row:
    """A scoped record `r` of `otto` in HOME, with the named attributes changed."""
    made = {"type": type, "id": "r", "orgId": HOME, "ownerId": "otto", "scope": scope, "parentId": parent}
    return made | changes


def folder(id: str, scope: str = "INHERIT", parent: str | None = None, **changes: Any) -> Row:
    """A folder of `hugo` in HOME, with the named attributes changed."""
    return record("Folder", scope, parent, **({"id": id, "ownerId": "hugo"} | changes))


def grant(on: Row, to: Row, role: str = "viewer", **changes: Any) -> Row:
    """A grant row on a record to a person, with the named attributes changed."""
    key = {"orgId": on["orgId"], "resourceType": on["type"], "resourceId": on["id"]}
    return key | {"memberId": to["id"], "memberOrgId": to["orgId"], "role": role} | changes


def keychain_entry(**changes: Any) -> Row:
    return {"type": "KeychainEntry", "id": "k", "orgId": HOME, "ownerId": "otto"} | changes


def connector(id: str = "c", enabled: bool = True, **changes: Any) -> Row:
    return {"type": "Connector", "id": id, "orgId": HOME, "enabled": enabled} | changes


def tool(tool_class: str = "READ_ONLY", enabled: bool = True, connector: str | None = None, **changes: Any) -> Row:
    made = {"type": "Tool", "id": "t", "orgId": HOME, "toolClass": tool_class, "enabled": enabled}
    return made | {"connectorId": connector} | changes


def member(id: str = "mia", org: str = HOME) -> Row:
    return {"id": id, "orgId": org}


def approval(on: Row) -> Row:
    return {"name": "approval", "resourceType": on["type"], "resourceId": on["id"]}


def rewrap(on: Row, to_org: str) -> Row:
    return {
        "name": "rewrap",
        "resourceType": on["type"],
        "resourceId": on["id"],
        "fromOrg": on["orgId"],
        "toOrg": to_org,
    }


def without(row: Row, attribute: str) -> Row:
    return {name: value for name, value in row.items() if name != attribute}


def data(folders: Sequence[Any] = (), grants: Sequence[Any] = (), connectors: Sequence[Any] = ()) -> Row:
    return {"Folder": list(folders), "ResourceShareMember": list(grants), "Connector": list(connectors)}


# Asking


def decide(
    engine: Any,
    principal: Any,
    action: Any,
    resource: Any,
    *,
    folders: Sequence[Any] = (),
    grants: Sequence[Any] = (),
    connectors: Sequence[Any] = (),
    context: Any = None,
    discharged: Collection[Any] = (),
) -> Row:
    """The decision on one request, after `answer` has checked it."""
    request = {"principal": principal, "action": action, "resource": resource, "context": context}
    return answer(engine, request, data(folders, grants, connectors), discharged)


def answer(engine: Any, request: Any, rows: Row | None = None, discharged: Collection[Any] = ()) -> Row:
    """The decision on a request of any form.

    Checked on the way: the decision has its form, the interpreter gives the same one, the order of rows is without
    effect, nothing is written to the arguments, and `allowed` and `filter` say what follows from the decision.
    """
    rows = rows or {}
    entities = engine.entities(rows)
    given = copy.deepcopy((request, discharged))
    decision: Row = engine.authorize(request, entities)
    check_form(decision)
    assert interpret(engine.program, request, entities) == decision
    backwards = engine.entities({name: array[::-1] for name, array in rows.items()})
    assert engine.authorize(request, backwards) == decision
    if isinstance(request, dict):
        check_short_answers(engine, request, entities, discharged, decision)
    assert (request, discharged) == given
    return decision


def check_form(decision: Row) -> None:
    assert type(decision) is dict
    assert set(decision) == {"decision", "rules", "reason", "obligations", "errors"}
    assert decision["decision"] in ("allow", "deny")
    assert type(decision["reason"]) is str
    for name in ("rules", "errors"):
        assert type(decision[name]) is list
        assert all(type(entry) is str and entry for entry in decision[name])
        assert decision[name] == sorted(decision[name])
    assert len(set(decision["rules"])) == len(decision["rules"])
    assert set(decision["rules"]) <= RULES
    assert type(decision["obligations"]) is list
    assert decision["decision"] == "allow" or decision["obligations"] == []
    assert json.loads(json.dumps(decision)) == decision


def check_short_answers(engine: Any, request: Row, entities: Any, discharged: Collection[Any], decision: Row) -> None:
    who, action, resource = request.get("principal"), request.get("action"), request.get("resource")
    more: Row = {"context": request.get("context"), "discharged": discharged}
    expected = decision["decision"] == "allow" and all(one in discharged for one in decision["obligations"])
    assert engine.allowed(who, action, resource, entities, **more) is expected
    assert list(engine.filter(who, action, [resource], entities, **more)) == ([resource] if expected else [])


# Judging


def allows(decision: Row, *rules: str, obligations: Sequence[Row] = (), errors: Sequence[str] = ()) -> bool:
    """It is an allow with exactly these rules and obligations, and errors of exactly these rules."""
    return is_exactly(decision, "allow", rules, obligations, errors)


def denies(decision: Row, *rules: str, errors: Sequence[str] = ()) -> bool:
    """It is a denial with exactly these rules, and errors of exactly these rules."""
    return is_exactly(decision, "deny", rules, (), errors)


def is_exactly(
    decision: Row, outcome: str, rules: Sequence[str], obligations: Sequence[Row], errors: Sequence[str]
) -> bool:
    assert decision["decision"] == outcome, decision
    assert decision["rules"] == sorted(rules), decision
    assert decision["obligations"] == list(obligations), decision
    assert erring_rules(decision) == sorted(errors), decision
    return True


def refuses(decision: Row) -> bool:
    """It is a denial before any rule: with an error, which is of the input and of no rule."""
    assert decision["decision"] == "deny", decision
    assert decision["rules"] == [], decision
    assert decision["obligations"] == [], decision
    assert decision["errors"], decision
    assert not set(erring_rules(decision)) & RULES, decision
    return True


def erring_rules(decision: Row) -> list[str]:
    return sorted(error.partition(": ")[0] for error in decision["errors"])


def causes(decision: Row) -> set[str]:
    """What the errors say after the name of the rule."""
    return {error.partition(": ")[2] for error in decision["errors"]}
