"""Cursors: where a list goes on, sealed. A cursor is of one principal, organization, query and policy, and ends.

The key at which DynamoDB stopped names a record that the caller may not read, so a cursor is encrypted, not only
authenticated: AES-256-GCM (NIST SP 800-38D) with all that it is bound to as associated data. Keys rotate: the first one
seals, each opens. A cursor that does not open says nothing about why.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from policyengine.resolvers.codes import Refused

LIFE = 3600
"""How many seconds a cursor can be used."""
_NONCE = 12


class Cursors:
    """`keys` are of 32 bytes each, the newest first. `clock` counts seconds since 1970."""

    def __init__(self, keys: Sequence[bytes], life: int = LIFE, clock: Callable[[], float] = time.time) -> None:
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("a cursor's key has 32 bytes, and there is at least one")
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # slow to import: only lists need it

        self._ciphers = [AESGCM(key) for key in keys]
        self._life = life
        self._clock = clock

    def seal(self, place: Mapping[str, Any], bound: Mapping[str, Any]) -> str:
        """A cursor for a place, which has JSON; it opens with the same `bound` only."""
        content = json.dumps({"until": int(self._clock()) + self._life, "place": place}).encode()
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._ciphers[0].encrypt(nonce, content, _bytes(bound))
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, cursor: str, bound: Mapping[str, Any]) -> Any:
        """The place. Raises Refused(`cursor`): forged, another's, of another query or policy, or too old."""
        content = self._content(cursor, _bytes(bound))
        if content is None or self._clock() >= content["until"]:
            raise Refused("cursor", "cursor")
        return content["place"]

    def _content(self, cursor: str, bound: bytes) -> Any:
        from cryptography.exceptions import InvalidTag

        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (ValueError, TypeError):
            return None
        if len(sealed) <= _NONCE:
            return None
        for cipher in self._ciphers:
            try:
                return json.loads(cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound))
            except InvalidTag:
                continue
        return None


def _bytes(bound: Mapping[str, Any]) -> bytes:
    return json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()
