"""Writes, bound: no item of another organization is overwritten, and none becomes another organization's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from policyengine.resolvers.allowed import IN_TRANSACTION
from policyengine.resolvers.binding import Binding, Request, known, one_of
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.expressions import values_of
from policyengine.resolvers.reading import Call, _by_table, _list

_FAILED = "ConditionalCheckFailedException"


def put_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    put(bind, request)
    return call("put_item", request)


def update_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    update(bind, request)
    return call("update_item", request)


def delete_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    """Deleting what is not there succeeds, as DynamoDB has it; what is another's is not there."""
    unconditional = request.get("ConditionExpression") is None
    delete(bind, request)
    try:
        return call("delete_item", request)
    except ClientError as problem:
        if not unconditional or problem.response["Error"]["Code"] != _FAILED:
            raise
        return {"ResponseMetadata": {**problem.response["ResponseMetadata"], "HTTPStatusCode": 200}}


# ---- One write, alone or in a transaction


def put(bind: Binding, part: Request, parameter: str = "") -> None:
    table = bind.table(part.get("TableName"))
    part["Item"] = bind.item(table, part.get("Item"), parameter + "Item")
    _returns(part)
    bind.condition(table, part, parameter, or_absent=True)


def update(bind: Binding, part: Request, parameter: str = "") -> None:
    table = bind.table(part.get("TableName"))
    bind.key(table, part.get("Key"), parameter + "Key")
    _returns(part)
    bind.update(table, part, parameter)
    bind.condition(table, part, parameter)


def delete(bind: Binding, part: Request, parameter: str = "") -> None:
    table = bind.table(part.get("TableName"))
    bind.key(table, part.get("Key"), parameter + "Key")
    _returns(part)
    bind.condition(table, part, parameter)


def _returns(part: Request) -> None:
    for name in ("ReturnValues", "ReturnValuesOnConditionCheckFailure"):
        one_of(part, name)


# ---- Several


def batch_write_item(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    """A batch takes no conditions: what binds it are its keys, which begin with the organization."""
    bound: dict[str, list[Request]] = {}
    for name, given in _by_table(request).items():
        table, parameter = bind.table(name), f"RequestItems.{name}"
        bound[name] = []
        for each in _list(given, parameter):
            write = values_of(parameter, each)
            known(write, ("DeleteRequest", "PutRequest"), parameter + ".")
            if len(write) != 1:
                raise Refused("parameter", parameter, "each names one request")
            ((kind, inner),) = write.items()
            inside = values_of(f"{parameter}.{kind}", inner)
            known(inside, ("Item",) if kind == "PutRequest" else ("Key",), f"{parameter}.{kind}.")
            if kind == "PutRequest":
                inside["Item"] = bind.item(table, inside.get("Item"), f"{parameter}.{kind}.Item")
            else:
                bind.key(table, inside.get("Key"), f"{parameter}.{kind}.Key")
            bound[name].append({kind: inside})
    return call("batch_write_item", {"RequestItems": bound})


_PARTS: dict[str, Callable[[Binding, Request, str], None]] = {
    "ConditionCheck": delete,  # bound alike: a key, and a condition that the item is the organization's
    "Delete": delete,
    "Put": put,
    "Update": update,
}


def transact_write_items(bind: Binding, call: Call, request: Request) -> dict[str, Any]:
    """All of it or nothing, each part bound.

    A token makes a transaction happen once; tokens are the account's, so that one is made the organization's own: else
    it would tell that another organization used the same.
    """
    parts: list[Request] = []
    for number, given in enumerate(_list(request.get("TransactItems"), "TransactItems")):
        parameter = f"TransactItems.{number}."
        outer = values_of(parameter, given)
        known(outer, _PARTS, parameter)
        if len(outer) != 1:
            raise Refused("parameter", parameter, "each names one part")
        ((kind, inner),) = outer.items()
        part = values_of(parameter + kind, inner)
        known(part, IN_TRANSACTION[kind], f"{parameter}{kind}.")
        if kind == "ConditionCheck" and part.get("ConditionExpression") is None:
            raise Refused("expression", f"{parameter}{kind}.ConditionExpression")
        _PARTS[kind](bind, part, f"{parameter}{kind}.")
        parts.append({kind: part})
    bound: Request = {"TransactItems": parts}
    token = request.get("ClientRequestToken")
    if token is not None:
        if type(token) is not str or not token:
            raise Refused("parameter", "ClientRequestToken")
        whole = f"{bind.tenant}#{token}".encode("utf-8", "surrogatepass")
        bound["ClientRequestToken"] = hashlib.sha256(whole).hexdigest()[:36]
    return call("transact_write_items", bound)
