"""From an event to an answer, and the record that it leaves. Nothing is raised, and what goes wrong denies.

The shapes are AppSync's ("Configuring authorization and authentication to secure your GraphQL APIs", AWS Lambda
authorization). An answer is kept by AppSync for the token alone, so that all but answers from the token have no time to
live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from json import dumps
from typing import Any, NamedTuple

from cachetools import LRUCache

from ..tokens import (
    Rejected,
    SettingsError,
    Verified,
    Verifier,
    principal_of,
    verifier_from_environment,
    wants_permissions,
)
from . import records
from .codes import Refusal
from .deciding import LEFT, Outcome, decide, decide_by_token
from .document import Operation, read, select
from .environment import Options, options_from_environment
from .mapping import Api, mapping

CONNECT = "deepdish:connect"
"""What AppSync calls the start of a real-time connection, in lower case; its query is empty."""

KEPT = "kept"
"""Stands for the request's id where the answer will serve other requests too."""

DOCUMENTS = 256
"""Plans of queries that are kept."""


class Asked(NamedTuple):
    """An event, as far as it is understood."""

    token: str
    query: str
    operation: str | None
    variables: Any
    request_id: str


class Authorizer:
    """What a Lambda function holds for its whole life. One call at a time, as AWS Lambda calls it."""

    def __init__(
        self,
        api: Api,
        verifier: Verifier,
        options: Options,
        *,
        clock: Callable[[], float] = time.time,
        write: Callable[[dict[str, Any]], None] = records.write,
    ) -> None:
        """`clock` gives seconds since 1970; what `write` raises denies."""
        self.api, self.verifier, self.options = api, verifier, options
        self._clock, self._write = clock, write
        self._documents: LRUCache[str, tuple[Operation, ...] | Refusal] = LRUCache(DOCUMENTS)
        self._start = "cold"

    def handle(self, event: Any, context: Any = None) -> dict[str, Any]:
        """The answer to an event; `context` is Lambda's and is not looked at. Never raises."""
        began = time.perf_counter()
        record: dict[str, Any] = {"time": "", "decision": "deny"}
        answer = _denial()
        try:
            now = self._clock()
            record["time"] = records.instant(now)
            answer = self._answer(event, now, record)
            record["decision"] = "allow"
        except Refusal as refusal:
            record["reason"] = refusal.code
        except Exception:  # a defect: whatever it is, it must not let anybody in, nor say anything
            record["reason"] = "fault"
        record["digest"] = self.api.digest
        record["start"], self._start = self._start, "warm"
        record["duration_us"] = int((time.perf_counter() - began) * 1_000_000)
        try:
            self._write(record)
        except Exception:  # a decision that leaves no record does not count
            return _denial()
        return answer

    # ---- The steps

    def _answer(self, event: Any, now: float, record: dict[str, Any]) -> dict[str, Any]:
        """The answer of a request that is let through. Raises Refusal; what is known by then is in the record."""
        asked = understood(event)
        record["request"] = asked.request_id
        verified = self.verifier.verify(asked.token, now)
        self._add_health(record, now)
        if isinstance(verified, Rejected):
            raise Refusal(f"token:{verified}")
        principal: dict[str, Any] = dict(principal_of(verified, self.api.claims))
        if not self.api.is_principal(principal):
            raise Refusal("principal")
        record["principal"] = principal[self.api.identity]
        record["organization"] = principal[self.api.tenant_key]
        ttl = self._ttl(verified, now)
        if ttl > 0:
            outcome = decide_by_token(principal, self.api)
            record["operation"] = "any"
        else:
            outcome = self._decide(asked, principal, record)
        record["fields"] = [records.described(judged) for judged in outcome.fields]
        if outcome.refused:
            raise Refusal(outcome.refused)
        return self._allowed(asked, principal, outcome, ttl)

    def _decide(self, asked: Asked, principal: dict[str, Any], record: dict[str, Any]) -> Outcome:
        if not asked.query:
            if (asked.operation or "").lower() != CONNECT or asked.variables:
                raise Refusal("event")
            record["operation"] = "connect"
            return Outcome((), ())
        operation = select(self._document(asked.query), asked.operation)
        record["operation"] = operation.kind
        if operation.name:
            record["name"] = operation.name[: records.LONGEST]
        try:
            return decide(
                operation,
                asked.variables,
                principal,
                self.api,
                read_only=self.verifier.switches.read_only,
                introspection=self.options.introspection,
            )
        except RecursionError:  # variables nest as deeply as a client likes
            raise Refusal("arguments") from None

    def _document(self, text: str) -> tuple[Operation, ...]:
        """The plan of a query, or its refusal, which is a function of the text as well."""
        found = self._documents.get(text)
        if found is None:
            try:
                found = read(text, self.options.limits)
            except Refusal as refusal:
                found = Refusal(refusal.code)
            if len(text) <= self.options.limits.size:
                self._documents[text] = found
        if isinstance(found, Refusal):
            raise Refusal(found.code)
        return found

    def _ttl(self, verified: Verified, now: float) -> int:
        """Seconds for which AppSync may keep the answer: none, unless it rests on the token alone.

        While a switch is thrown, each request is looked at.
        """
        if not self.api.token_alone or self.verifier.switches.read_only:
            return 0
        return max(0, min(self.options.ttl, int(verified.expires - now)))

    def _allowed(self, asked: Asked, principal: dict[str, Any], outcome: Outcome, ttl: int) -> dict[str, Any]:
        """Texts alone, and never empty: an answer without a context can be taken for a denial.

        An answer that is kept says nothing of the request that it was made for.
        """
        context = {name: value if type(value) is str else dumps(value) for name, value in principal.items()}
        context |= {"policyDigest": self.api.digest, "requestId": KEPT if ttl else asked.request_id}
        if ttl == 0:
            left = sorted({judged.field for judged in outcome.fields if judged.decision == LEFT})
            if left:
                context["left"] = " ".join(left)
        return {
            "isAuthorized": True,
            "resolverContext": context,
            "deniedFields": list(outcome.denied),
            "ttlOverride": ttl,
        }

    def _add_health(self, record: dict[str, Any], now: float) -> None:
        """How old the keys are, and how many looks for them have failed since one did not; for alarms."""
        health = getattr(self.verifier.keys, "health", None)
        if health is not None:
            age, failures, failure = health(now)
            record["keys_age"] = None if age is None else int(age)
            if failures:
                record["keys_failures"], record["keys_failure"] = failures, failure


def understood(event: Any) -> Asked:
    """The parts of an event for a GraphQL request. Raises Refusal for any other event."""
    if not isinstance(event, dict):
        raise Refusal("event")
    asked = event.get("requestContext")
    token = event.get("authorizationToken")
    if not isinstance(asked, dict) or type(token) is not str or "operation" in asked:
        raise Refusal("event")  # `operation` is what tells an event of the Event API
    query, name, id = asked.get("queryString"), asked.get("operationName"), asked.get("requestId")
    if type(query) is not str or not (name is None or type(name) is str):
        raise Refusal("event")
    if type(id) is not str or not id or not id.isascii() or not id.isprintable():
        raise Refusal("event")
    return Asked(token, query, name, asked.get("variables"), id[: records.LONGEST])


def _denial() -> dict[str, Any]:
    return {"isAuthorized": False, "ttlOverride": 0}


# ---- From the environment


def authorizer_from_environment(
    bundle: Any, api: Any, environ: Mapping[str, str]
) -> Callable[[Any, Any], dict[str, Any]]:
    """The function that answers, for a bundle's main module and its module `api`.

    Where a setting is wrong it refuses every request: the log says once which it is.
    """
    try:
        verifier = verifier_from_environment(environ, permissions=wants_permissions(api.CLAIMS))
        return Authorizer(mapping(bundle, api), verifier, options_from_environment(environ)).handle
    except SettingsError as problem:
        why = str(problem)
    except Exception:
        why = "the bundle cannot be loaded"
    with suppress(Exception):  # what cannot be written is denied all the same
        records.write({"settings": why})

    def refuse(event: Any, context: Any = None) -> dict[str, Any]:
        with suppress(Exception):
            records.write({"time": records.instant(time.time()), "decision": "deny", "reason": "settings"})
        return _denial()

    return refuse
