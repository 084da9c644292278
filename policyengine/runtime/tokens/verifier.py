"""What an authorizer holds for its whole life: the settings, the keys, the switches, and the tokens it has seen.

A token that was verified once is not verified again while its key counts. What is kept is found by the SHA-256 of the
exact token; it is bound to one configuration and one issuer, because it lives inside one verifier, and to its key,
because the keys are asked on each hit. Times are looked at on each hit as well. Refusals are not kept.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cachetools import LRUCache

from .claims import Verified, in_time
from .codes import Rejected
from .endpoint import Endpoint
from .pinned import PinnedKey, PinnedSet
from .settings import Settings, SettingsError, is_seconds, settings_from_environment
from .strict import Malformed, json_object
from .switches import NONE, Switches, switched_off, switches_from_environment
from .verifying import MAX_LENGTH, Keys, bare_token, verify

KEYS_VARIABLE = "POLICYENGINE_KEYS"

MAX_TIMEOUT = 5
"""Seconds. The gateway waits ten for the authorizer."""

SIZE = 1024
"""Tokens that are kept: some two megabytes."""


class Verifier:
    """Verifies tokens for one configuration. Threads may share it."""

    def __init__(self, settings: Settings, keys: Keys, switches: Switches = NONE, *, permissions: bool = False) -> None:
        """`permissions`: whether the organization's permissions are wanted too."""
        self.settings, self.keys, self.switches = settings, keys, switches
        self._permissions = permissions
        self._seen: LRUCache[bytes, Verified] = LRUCache(SIZE)
        self._lock = threading.Lock()

    def verify(self, value: str, now: float) -> Verified | Rejected:
        """What the token in an Authorization header says at `now`, or the code of its refusal. Never raises."""
        if self.switches.deny_all:
            return Rejected("deny_all")
        try:
            found = self._known(value, now)
        except Exception:  # a defect: it must not let anybody in, nor say anything
            return Rejected("fault")
        if isinstance(found, Verified):
            code = switched_off(found, self.switches)
            return Rejected(code) if code else found
        return found

    def _known(self, value: str, now: float) -> Verified | Rejected:
        token = bare_token(value)
        if len(token) > MAX_LENGTH or not token.isascii():
            return verify(value, self.settings, self.keys, now)  # it says why not
        digest = sha256(token.encode()).digest()
        with self._lock:
            seen = self._seen.get(digest)
        if seen is not None and in_time(seen, self.settings.skew, now) and self.keys.holds(seen.key, now):
            return seen
        found = verify(value, self.settings, self.keys, now, permissions=self._permissions)
        with self._lock:
            if isinstance(found, Verified):
                self._seen[digest] = found
            else:
                self._seen.pop(digest, None)
        return found


def verifier_from_environment(environ: Mapping[str, str], *, permissions: bool = False) -> Verifier:
    """A verifier as the variables POLICYENGINE_TOKEN, POLICYENGINE_KEYS and those of the switches configure it.

    Raises SettingsError, which names what is wrong and repeats no value.
    """
    settings = settings_from_environment(environ)
    switches = switches_from_environment(environ)
    return Verifier(settings, _keys(environ.get(KEYS_VARIABLE), settings.issuer), switches, permissions=permissions)


def _keys(text: str | None, issuer: str) -> Keys:
    """Keys from `{"pem"}`, `{"jwks"}` or `{"url", "lifetime", "stale", "timeout"}`, where the issuer's own is meant
    if none is named."""
    try:
        given = json_object(text.encode()) if text is not None else {}
        return _keys_of(given if given.keys() & {"url", "pem", "jwks"} else {**_own(issuer), **given})
    except (Malformed, UnicodeEncodeError):
        raise SettingsError(f"{KEYS_VARIABLE} is not understood, or has no usable key") from None


def _own(issuer: str) -> dict[str, Any]:
    return {"url": f"{issuer}/.well-known/jwks.json"}


def _keys_of(given: dict[str, Any]) -> Keys:
    match given:
        case {"pem": str(pem), **rest} if not rest:
            return PinnedKey(pem)
        case {"jwks": jwks, **rest} if not rest:
            return PinnedSet(jwks)
        case {"url": str(url), **times} if _are_times(times):
            return Endpoint(url, **times)
    raise Malformed


def _are_times(given: dict[str, Any]) -> bool:
    return (
        given.keys() <= {"lifetime", "stale", "timeout"}
        and all(map(is_seconds, given.values()))
        and given.get("lifetime", 1) > 0
        and 0 < given.get("timeout", 1) <= MAX_TIMEOUT
    )
