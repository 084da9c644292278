"""Decisions on rows: one record, or a list of one type. Every decision leaves one JSON record.

In: a bundle (allowed, authorize, digest), its plans, an identity, calls. A `Rows` lives for one request: what was read
once is not read again, and one clock serves all its decisions. What cannot be read in full is a denial of the one
record, and no list at all (docs/aws-resolver-rows.md, Row decisions).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from policyengine.model.values import instant
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.fetching import Fetched
from policyengine.resolvers.identity import Identity
from policyengine.resolvers.layout import RECORD, Key, Layout

Decision = dict[str, Any]
Record = dict[str, Any]


class Bundle(Protocol):
    """A built bundle, or an engine: both decide alike."""

    @property
    def digest(self) -> str: ...
    def authorize(self, request: Any, entities: Any) -> Decision: ...
    def entities(self, data: Any) -> Any: ...


def to_log(line: str) -> None:
    """Where records go unless told otherwise: a line of the function's log."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def now() -> str:
    """The platform's clock, as a Time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Rows:
    """What one principal may do with rows, within one request.

    `context` is the platform's (docs/studio.md, Records): its own rows and the parsed arguments, never a client's copy;
    `now` is added here. `record` takes each JSON record of a decision, one line.
    """

    def __init__(
        self,
        bundle: Bundle,
        plans: Mapping[str, Any],
        identity: Identity,
        calls: Calls,
        layout: Layout,
        context: Mapping[str, Any] | None = None,
        record: Callable[[str], None] = to_log,
        clock: Callable[[], str] = now,
    ) -> None:
        if plans["digest"] != bundle.digest:
            raise ValueError("the plans are of another policy than the bundle")
        self.plans = plans
        self.identity = identity
        self.calls = calls
        self.layout = layout
        self.context: dict[str, Any] = {**(context or {}), "now": clock()}
        self._bundle = bundle
        self._record = record
        self._fetched = Fetched(calls, layout, plans, identity.principal)
        who = {"id": identity.id, "tenant": identity.tenant}
        same = {"event": "row", "request": identity.request_id, "policy": bundle.digest, "at": self.context["now"]}
        self._who = _written({**same, "principal": who})[:-1]

    @property
    def now(self) -> int:
        """The request's clock, in nanoseconds as `instant` counts them."""
        return instant(self.context["now"]) or 0

    def check(
        self, action: str, record: Record, context: Mapping[str, Any] | None = None, discharged: Collection[Any] = ()
    ) -> Decision:
        """The full decision on one record, which is complete. Never raises Incomplete: that is a denial too.

        `context` adds to that of the request, such as the member for whom a share is meant; the clock stays. An allow
        with an obligation that is not among the `discharged` ones is no allow yet: `outstanding` says which.
        """
        given = {**self.context, **(context or {}), "now": self.context["now"]}
        try:
            self.fetch(action, [record], given)
            decision = self._decide(action, record, given, self._fetched)
        except Incomplete as failure:
            decision = incomplete(failure.cause)
        self._log(action, record, decision, discharged)
        return decision

    def allows(
        self, action: str, record: Record, context: Mapping[str, Any] | None = None, discharged: Collection[Any] = ()
    ) -> bool:
        """Whether `check` allows, with nothing outstanding."""
        return holds(self.check(action, record, context, discharged), discharged)

    def demand(
        self, action: str, record: Record, context: Mapping[str, Any] | None = None, discharged: Collection[Any] = ()
    ) -> None:
        """That an action is allowed, with nothing outstanding, or an error that a caller may hear.

        Raises Refused: `denied` to who may read the record, and `absent` to anybody else, as if it were not there
        (docs/studio.md, Who may do what). Raises Incomplete where rows could not be read.
        """
        decision = self.check(action, record, context, discharged)
        for error in decision["errors"]:
            if error.startswith("incomplete: "):
                raise Incomplete(error.removeprefix("incomplete: "))
        if not holds(decision, discharged):
            raise Refused("denied" if action != "read" and self.allows("read", record) else "absent", "record")

    def filter(self, action: str, records: Iterable[Record], discharged: Collection[Any] = ()) -> list[Record]:
        """The allowed ones, in order; all of one type or of several. Raises Incomplete: never a shorter list."""
        records = list(records)
        self.fetch(action, records, self.context)
        entities = self._fetched.snapshot(self._bundle.entities)
        kept: list[Record] = []
        for record in records:
            decision = self._decide(action, record, self.context, entities)
            if decision["errors"]:  # a row is missing: whether there is none, or none was read, the slow way knows
                decision = self._decide(action, record, self.context, self._fetched)
                if any(error.startswith("incomplete: ") for error in decision["errors"]):
                    raise Incomplete("not planned")
            if self._log(action, record, decision, discharged):
                kept.append(record)
        return kept

    def anew(self) -> None:
        """Forgets what was read: a flow that starts again decides on what is stored now."""
        self._fetched = Fetched(self.calls, self.layout, self.plans, self.identity.principal)

    def relied_on(self) -> dict[Key, Record]:
        """What decisions since `anew` may rest on, as it was read: each grant row, and the version of each record."""
        found = self._fetched.found().items()
        return {key: {"version": row.get("version")} if key.place == RECORD else row for key, row in found}

    def know(self, key: Key, row: dict[str, Any]) -> None:
        """A row that the guard read, consistently and in this request: decisions need not read it again."""
        self._fetched.know(key, row)

    def fetch(self, action: str, records: Iterable[Record], context: Mapping[str, Any]) -> None:
        """Reads ahead, type by type. A record of no type that has the action asks for nothing: it is denied."""
        by_type: dict[str, list[Record]] = {}
        for record in records:
            type_name = record.get("type") if isinstance(record, dict) else None
            if isinstance(type_name, str) and action in self.plans["cells"].get(type_name, ()):
                by_type.setdefault(type_name, []).append(record)
        given = {**self.plans["defaults"], **{name: value for name, value in context.items() if value is not None}}
        for type_name, same in by_type.items():
            self._fetched.fetch(self.plan(action, type_name), same, given)

    def plan(self, action: str, type_name: str) -> Mapping[str, Any]:
        """The plan of an action on a type. Raises KeyError where the type has no such action."""
        plan: Mapping[str, Any] = self.plans["plans"][self.plans["cells"][type_name][action]]
        return plan

    def _decide(self, action: str, record: Record, context: Mapping[str, Any], entities: Any) -> Decision:
        request = {"principal": self.identity.principal, "action": action, "resource": record, "context": context}
        return self._bundle.authorize(request, entities)

    def _log(self, action: str, record: Any, decision: Decision, discharged: Collection[Any]) -> bool:
        """Writes the record of a decision; whether it allows, with nothing outstanding."""
        named = record if isinstance(record, dict) else {}
        allowed = holds(decision, discharged)
        entry = {
            "action": action,
            "resource": {name: named.get(name) for name in ("type", "id", self.plans["tenant"])},
            "allowed": allowed,
            **decision,
        }
        self._record(f"{self._who},{_written(entry)[1:]}")
        return allowed


def _unknown(value: Any) -> str:
    """What has no JSON stands in a record by its kind: no value of a row can break the record of its denial."""
    return f"<{type(value).__name__}>"


_written = json.JSONEncoder(separators=(",", ":"), default=_unknown).encode


def incomplete(cause: str) -> Decision:
    """The denial of a record beside which rows could not be read (docs/language.md, Decisions)."""
    errors = [f"incomplete: {cause}"]
    return {
        "decision": "deny",
        "rules": [],
        "reason": "A row could not be loaded.",
        "obligations": [],
        "errors": errors,
    }


def outstanding(decision: Decision, discharged: Collection[Any] = ()) -> list[dict[str, Any]]:
    """The obligations of a decision that are not discharged: name and every field alike, and of the same kind."""
    done = [json.dumps(each, sort_keys=True) for each in discharged]
    return [each for each in decision["obligations"] if json.dumps(each, sort_keys=True) not in done]


def holds(decision: Decision, discharged: Collection[Any] = ()) -> bool:
    """Whether it is an allow with nothing outstanding."""
    return decision["decision"] == "allow" and not outstanding(decision, discharged)
