"""Reads, bound: one item, several, a page of many. What is not the organization's is as if it were not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from policyengine.resolvers.allowed import IN_BATCH, IN_TRANSACTION
from policyengine.resolvers.binding import Binding, Request, known, one_of
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.expressions import fresh, values_of
from policyengine.resolvers.settings import Index, Table

Call = Callable[[str, Request], dict[str, Any]]
"""Makes one call: the method of the client, and its parameters."""

PAGE = 1000
"""How many items a page holds where the request does not say."""
SPARSE = 25
"""How many items are looked at at least in one call where few of them may be wanted."""
LOOKS = 10
"""After how many calls a page of a query ends, full or not: a filter may let little through."""


def get_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    table = bind.table(request.get("TableName"))
    bind.key(table, request.get("Key"))
    added = bind.projection(request, (bind.settings.tenant,))
    answer = call("get_item", request)
    item = _seen(bind, table, answer.pop("Item", None), added)
    return answer if item is None else {**answer, "Item": item}


def _seen(bind: Binding, table: Table, item: Any, added: tuple[str, ...]) -> dict[str, Any] | None:
    """The item as the author asked for it; None where there is none to see."""
    if not isinstance(item, dict) or not bind.is_visible(table, item):
        return None
    return {name: value for name, value in item.items() if name not in added} if added else item


def batch_get_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    asked = _by_table(request)
    bound: dict[str, Request] = {}
    added: dict[str, tuple[str, ...]] = {}
    for name, given in asked.items():
        table, parameter = bind.table(name), f"RequestItems.{name}."
        part = values_of(parameter, given)
        known(part, IN_BATCH, parameter)
        for key in _list(part.get("Keys"), parameter + "Keys"):
            bind.key(table, key, parameter + "Keys")
        added[name] = bind.projection(part, (bind.settings.tenant,), parameter)
        bound[name] = part
    answer = call("batch_get_item", {"RequestItems": bound})
    found: dict[str, list[Any]] = {name: [] for name in answer.get("Responses", {})}
    for name, items in answer.get("Responses", {}).items():
        table = bind.table(name)
        seen = (_seen(bind, table, item, added[name]) for item in items)
        found[name] = [item for item in seen if item is not None]
    left = {name: {**asked[name], "Keys": part["Keys"]} for name, part in answer.get("UnprocessedKeys", {}).items()}
    return {**answer, "Responses": found, "UnprocessedKeys": left}


def transact_get_items(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    parts: list[Request] = []
    seen_as: list[tuple[Table, tuple[str, ...]]] = []
    for number, given in enumerate(_list(request.get("TransactItems"), "TransactItems")):
        parameter = f"TransactItems.{number}."
        outer = values_of(parameter, given)
        known(outer, ("Get",), parameter)
        part = values_of(parameter + "Get", outer.get("Get"))
        known(part, IN_TRANSACTION["Get"], parameter + "Get.")
        table = bind.table(part.get("TableName"))
        bind.key(table, part.get("Key"), parameter + "Key")
        added = bind.projection(part, (bind.settings.tenant,), parameter)
        parts.append({"Get": part})
        seen_as.append((table, added))
    answer = call("transact_get_items", {"TransactItems": parts})
    found = []
    for (table, added), each in zip(seen_as, answer.get("Responses", ()), strict=True):
        item = _seen(bind, table, each.get("Item"), added)
        found.append({} if item is None else {"Item": item})
    return {**answer, "Responses": found}


def _by_table(request: Mapping[str, Any]) -> dict[str, Any]:
    asked = values_of("RequestItems", request.get("RequestItems"))
    if not asked:
        raise Refused("parameter", "RequestItems", "it names no table")
    return asked


def _list(given: Any, parameter: str) -> list[Any]:
    if type(given) is not list or not given:
        raise Refused("parameter", parameter, "it is no list, or an empty one")
    return given


# ---- Pages


def query(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    table, index = _read_through(bind, request)
    bind.key_condition(index, request)
    return _page(bind, call, "query", table, index, request)


def scan(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    table, index = _read_through(bind, request)
    return _page(bind, call, "scan", table, index, request)


def _read_through(bind: Binding, request: Request) -> tuple[Table, Index]:
    table = bind.table(request.get("TableName"))
    name = request.get("IndexName")
    return table, table.keys if name is None else bind.index(table, name)


def _page(bind: Binding, call: Call, method: str, table: Table, index: Index, request: Request) -> dict[str, Any]:
    """As many own items as are wanted, or all there are: what else stands between them changes nothing.

    So `Limit` counts what is given back, a cursor is always the key of the last item given back, and `ScannedCount`,
    which counts what was held back, is left out. An index can hold items of others, and so does a table under `scan`.
    A long query is cut after LOOKS calls, at an own key. A scan is not, nor a query of an index that does not begin
    with the tenant: where it is cut would tell of others.
    """
    wanted = request.pop("Limit", PAGE)
    if type(wanted) is not int or wanted < 1:
        raise Refused("parameter", "Limit")
    if request.get("ExclusiveStartKey") is not None:
        bind.start(table, index, request["ExclusiveStartKey"])
    counted = one_of(request, "Select") == "COUNT"
    keys = (*table.keys.attributes, *(name for name in index.attributes if name not in table.keys.attributes))
    if counted:
        if request.get("ProjectionExpression") is not None:
            raise Refused("parameter", "ProjectionExpression", "there is nothing to project in a count")
        del request["Select"]
        names = request["ExpressionAttributeNames"] = values_of("", request.get("ExpressionAttributeNames"), "#")
        sign = fresh("#seen", names)
        names[sign] = bind.settings.tenant
        request["ProjectionExpression"] = sign
    added = bind.projection(request, (bind.settings.tenant, *keys))
    own = bind.filter(table, request, method)
    found: list[dict[str, Any]] = []
    sparse = method == "scan" or request["FilterExpression"] != own
    size = max(wanted, SPARSE) if sparse else wanted
    looks = 0
    while True:
        looks += 1
        answer = call(method, {**request, "Limit": size})
        for item in answer.get("Items", ()):
            if bind.is_visible(table, item):
                found.append(item)
                if len(found) == wanted:
                    return _answer(answer, found, added, counted, {name: item[name] for name in keys})
        if "LastEvaluatedKey" not in answer:
            return _answer(answer, found, added, counted, None)
        last = request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        is_cut = method == "query" and index.separator is not None and looks >= LOOKS
        if is_cut and bind.is_own(last[table.keys.partition], str(table.keys.separator)):
            return _answer(answer, found, added, counted, last)
        size = min(size * 2, PAGE)


def _answer(
    answer: Mapping[str, Any], found: list[dict[str, Any]], added: tuple[str, ...], counted: bool, last: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {"Count": len(found), "ResponseMetadata": answer["ResponseMetadata"]}
    if not counted:
        made["Items"] = (
            [{name: value for name, value in item.items() if name not in added} for item in found] if added else found
        )
    if last is not None:
        made["LastEvaluatedKey"] = last
    return made
