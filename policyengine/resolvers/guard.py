"""The guard: a boto3 table or client for one identity, through which no operation leaves the organization.

It is an allow list. A method, parameter or value that it does not bind is refused with a code before a call is made;
what comes back is checked again. docs/aws-resolvers.md says how each operation is bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

from botocore.exceptions import ClientError

from policyengine.resolvers import reading, writing
from policyengine.resolvers.allowed import METHODS, PAGINATORS, TABLE_METHODS
from policyengine.resolvers.answers import TYPED, metadata, without_foreign
from policyengine.resolvers.binding import Binding, Form, Request, known
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.conditions import written
from policyengine.resolvers.crossing import Check, GrantKeys, Item, Shared, way_to
from policyengine.resolvers.identity import Identity
from policyengine.resolvers.roles import TenantRole
from policyengine.resolvers.settings import Settings

Mode = Literal["strict", "lenient"]
Record = Mapping[str, Any]

_BOUND: Mapping[str, Callable[[Binding, reading.Call, Request], dict[str, Any]]] = {
    name: getattr(writing if hasattr(writing, name) else reading, name) for name in METHODS
}


def to_log(record: Record) -> None:
    """Where records go unless told otherwise: a line of JSON on standard output, which is the function's log."""
    print(json.dumps(record, separators=(",", ":")), flush=True)


class Guard:
    """The operations of a DynamoDB client, bound to the organization of an identity.

    `around` is a client of boto3, or a table or resource of it: then values are Python's. `role` makes the clients that
    are called in its place, for the organization alone; None is the setting off: `around` itself is called. `mode` is
    `strict`, or `lenient` for a rollout: a filter that strict refuses is logged, and bound all the same. `log` takes
    each record of a refusal or finding.

    Each method of `allowed.METHODS` takes its parameters as boto3 does. Raises Refused, and ClientError as boto3 does,
    without what it holds of others.
    """

    __slots__ = ("_around", "_bind", "_identity", "_log", "_mode", "_native", "_role", "_settings")

    def __init__(
        self,
        identity: Identity,
        settings: Settings,
        around: Any,
        *,
        role: TenantRole | Literal["standard"] | None = "standard",
        mode: Mode = "strict",
        log: Callable[[Record], None] = to_log,
    ) -> None:
        if mode not in ("strict", "lenient"):
            raise ValueError(f"no mode {mode}")
        self._identity = identity
        self._settings = settings
        self._native = hasattr(around.meta, "client")
        self._around = around.meta.client if self._native else around
        self._role = TenantRole.standard(settings) if role == "standard" else role
        self._mode = mode
        self._log = log
        finding = self._found if mode == "lenient" else None
        self._bind = Binding(settings, identity.tenant, Form(self._native), finding)

    # ---- Methods

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            return partial(self._operate, name)
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._refuse(Refused("method", name))

    def table(self, name: str) -> GuardedTable:
        """The methods of one table, as a boto3 table has them. `name` is DynamoDB's. Raises Refused."""
        if name not in self._settings.tables:
            raise self._refuse(Refused("table", "TableName"))
        return GuardedTable(self, name)

    def get_paginator(self, name: str) -> Pages:
        if name not in PAGINATORS:
            raise self._refuse(Refused("method", f"paginator {name}"))
        return Pages(partial(self._operate, name))

    def shared(self, table: str, record_key: Item, grant: GrantKeys, check: Check) -> Shared | None:
        """A record of another organization, if a grant row on it leads there and `check` allows; else None.

        `check` is given record and row as they were read. Raises Refused where a key is not of this table, or not
        where it belongs; Incomplete where the role could not be assumed; ClientError.
        """
        try:
            return self._shared(table, record_key, grant, check)
        except Refused as refusal:
            raise self._refuse(refusal, "shared", table) from None

    def _shared(self, name: str, record_key: Item, grant: GrantKeys, check: Check) -> Shared | None:
        table = self._bind.table(name)
        way = way_to(self._settings, self._bind, self._identity.id, table, record_key, grant.row)
        there = Binding(self._settings, way.origin, self._bind.form, None)
        for key in (record_key, grant.row):
            there.key(table, key, "record_key")
        copy = reading.get_item(self._bind, self._call, _consistently(name, grant.copy)).get("Item", {})
        if not way.leads(copy):
            return None
        client = self._around
        if self._role is not None:
            client = self._role.narrowed(way.origin, self._around, self._native, table, way.partition)
        call = partial(self._call_of, lambda: client, way.origin)
        row = reading.get_item(there, call, _consistently(name, grant.row)).get("Item", {})
        if not way.counts(row):
            return None
        record = reading.get_item(there, call, _consistently(name, record_key)).get("Item")
        if record is None or not check(record, row):
            return None
        return Shared(there, call, table, (record_key, grant.row), record, row)

    def _operate(self, method: str, /, *positional: Any, **request: Any) -> dict[str, Any]:
        try:
            if positional:
                raise Refused("parameter", "positional")
            known(request, METHODS[method])
            if self._native:
                written(request)
            return _BOUND[method](self._bind, self._call, request)
        except Refused as refusal:
            raise self._refuse(refusal, method, request.get("TableName")) from None

    def _call(self, method: str, request: Request) -> dict[str, Any]:
        return self._call_of(self._client, self._identity.tenant, method, request)

    def _client(self) -> Any:
        if self._role is None:
            return self._around
        return self._role.client(self._identity.tenant, self._around, self._native)

    def _call_of(self, client: Callable[[], Any], tenant: str, method: str, request: Request) -> dict[str, Any]:
        """One call. What comes back, and what is raised, holds nothing of other organizations than this."""
        for name in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            if name in request and not request[name]:
                del request[name]
        try:
            answer: dict[str, Any] = getattr(client(), method)(**request)
        except ClientError as problem:
            bind = Binding(self._settings, tenant, TYPED, None)
            tables = self._settings.tables.values()
            failure = without_foreign(problem, lambda item: any(bind.is_visible(table, item) for table in tables))
        else:
            return {**answer, "ResponseMetadata": metadata(answer)}
        raise failure  # outside the clause: an error remembers the one in whose clause it is raised

    # ---- Records

    def _refuse(self, refusal: Refused, method: str | None = None, table: Any = None) -> Refused:
        self._log(self._record("refused", refusal, table, method))
        return refusal

    def _found(self, refusal: Refused, method: str, table: str) -> None:
        self._log(self._record("strict would refuse", refusal, table, method))

    def _record(self, outcome: str, refusal: Refused, table: Any, method: str | None) -> Record:
        """Names and places alone: no value of a request, and so of no row."""
        who = self._identity
        return {
            "event": "guard",
            "outcome": outcome,
            "code": refusal.code,
            "parameter": refusal.parameter,
            "mode": self._mode,
            "method": method,
            "table": table if type(table) is str and table in self._settings.tables else None,
            "request": who.request_id,
            "policy": who.digest,
            "principal": {"id": who.id, "tenant": who.tenant},
        }


def _consistently(name: str, key: Item) -> Request:
    return {"TableName": name, "Key": key, "ConsistentRead": True}


class GuardedTable:
    """One table of a guard: the methods of `allowed.TABLE_METHODS`, as a boto3 table has them."""

    __slots__ = ("_guard", "name")

    def __init__(self, guard: Guard, name: str) -> None:
        self._guard = guard
        self.name = name

    def __getattr__(self, name: str) -> Any:
        if name in TABLE_METHODS:
            return partial(self._operate, name)
        return getattr(self._guard, f"table.{name}")

    def _operate(self, method: str, /, *positional: Any, **request: Any) -> dict[str, Any]:
        if "TableName" in request:
            raise self._guard._refuse(Refused("parameter", "TableName"), method, self.name)
        answer: dict[str, Any] = getattr(self._guard, method)(*positional, TableName=self.name, **request)
        return answer


class Pages:
    """A paginator: page after page through the guard. There is no PaginationConfig: `Limit` sizes a page."""

    __slots__ = ("_operate",)

    def __init__(self, operate: Callable[..., dict[str, Any]]) -> None:
        self._operate = operate

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        while True:
            page = self._operate(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
