"""Keys from the issuer's own address, kept for a while (docs/aws-authorizer-tokens.md, Keys).

A set of keys belongs to one address, and a verifier has one issuer: two issuers whose keys have the same `kid` never
meet. All of it happens inside a call, since between two calls an environment may stand still.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

from .codes import Rejected
from .fetching import Address, Attempt, FetchError
from .signature import Key

AHEAD = 0.8
"""The part of their lifetime after which keys are looked for again while they still count."""

AHEAD_LIMIT = 0.25
"""The part of the timeout that a caller waits while the keys that are there still count."""

PAUSE, RETRY = 30, 5
"""Seconds between two looks: while some keys count, and while none do."""


class Kept(NamedTuple):
    """Keys as they were found. `fetched` is when the look for them began, in seconds since 1970."""

    keys: dict[str, Key]
    fingerprints: frozenset[str]
    fetched: float
    serial: int


class Health(NamedTuple):
    """For the records: the age of the keys in seconds, or None where there are none; how many looks have failed since
    one succeeded, and the word for the last of them."""

    age: float | None
    failures: int
    failure: str


class Endpoint:
    """The keys behind one address."""

    def __init__(self, url: str, *, lifetime: float = 300, stale: float = 3600, timeout: float = 2) -> None:
        """Times are in seconds. Keys count for `lifetime`, and for `stale` more while the address gives no others;
        a look takes `timeout` at most. Raises Malformed for an address that is not `https`."""
        self._address = Address(url)
        self._lifetime, self._stale, self._timeout = lifetime, stale, timeout
        self._lock = threading.Lock()
        self._kept: Kept | None = None
        self._attempt: Attempt | None = None
        self._asked: float | None = None
        self._serial = 0
        self._failures = 0
        self._failure = ""

    def find(self, kid: object, now: float) -> Key | Rejected:
        """The key of that id, or why there is none. An id that is not known is worth one look, now and then."""
        if not isinstance(kid, str):
            return Rejected("key_id")
        kept = self._counting(now)
        if kept is not None and kid not in kept.keys:
            self._look(now, self._timeout, usable=True)
            kept = self._counting(now)
        if kept is None:
            return Rejected("keys_unavailable")
        return kept.keys.get(kid) or Rejected("key_unknown")

    def holds(self, key: str, now: float) -> bool:
        """Whether the key of that fingerprint is among those that count."""
        kept = self._counting(now)
        return kept is not None and key in kept.fingerprints

    def health(self, now: float) -> Health:
        kept, attempt = self._kept, self._attempt
        failed = attempt.failure if attempt is not None and self._failures else ""
        return Health(None if kept is None else abs(now - kept.fetched), self._failures, failed or self._failure)

    # ---- When to look

    def _counting(self, now: float) -> Kept | None:
        """The keys that count at `now`, after a look if one is due."""
        age = self._age(now)
        if age >= AHEAD * self._lifetime:
            limit = self._timeout * (AHEAD_LIMIT if age < self._lifetime else 1)
            self._look(now, limit, usable=age < self._lifetime + self._stale)
            age = self._age(now)
        return self._kept if age < self._lifetime + self._stale else None

    def _age(self, now: float) -> float:
        """How old the keys are. A clock that went back makes them old too: nobody knows by how much it was wrong."""
        kept = self._kept
        return float("inf") if kept is None else abs(now - kept.fetched)

    def _look(self, now: float, limit: float, usable: bool) -> None:
        """Looks once, unless the last look began a short while ago; waits `limit` seconds at most.

        Where keys are usable, a look that another caller began is not waited for: one in flight is enough.
        """
        with self._lock:
            attempt, mine = self._attempt, False
            if attempt is None or attempt.over:
                if self._asked is not None and abs(now - self._asked) < (PAUSE if usable else RETRY):
                    return
                attempt, mine = self._begin(now), True
        if attempt is not None and (mine or not usable) and not attempt.wait(limit) and attempt.over:
            attempt.abandon()

    def _begin(self, now: float) -> Attempt | None:
        """A look in a thread of its own; the lock is held."""
        if self._attempt is not None:
            self._attempt.abandon()
        self._asked = now
        self._serial += 1
        serial = self._serial
        self._failures += 1  # until it is known to have succeeded: one that never ends has failed
        self._failure = "slow"
        try:
            self._attempt = Attempt(self._address, self._timeout, lambda made: self._keep(made, now, serial))
        except FetchError as failure:
            self._attempt, self._failure = None, str(failure)
        return self._attempt

    def _keep(self, attempt: Attempt, fetched: float, serial: int) -> None:
        """Takes the keys of a look that succeeded, unless those of a later one are there."""
        with self._lock:
            if self._kept is None or serial > self._kept.serial:
                fingerprints = frozenset(key.fingerprint for key in attempt.keys.values())
                self._kept = Kept(attempt.keys, fingerprints, fetched, serial)
                self._failures, self._failure = 0, ""
