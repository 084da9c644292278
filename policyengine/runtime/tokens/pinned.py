"""Keys that are given, not fetched: a JWK set, or one key in PEM."""

from __future__ import annotations

from .codes import Rejected
from .signature import Key, key_of_pem, keys_of_jwks


class PinnedSet:
    """The keys of a JWK set, told apart by `kid`."""

    def __init__(self, jwks: object) -> None:
        """Raises Malformed for what is no set; one without a usable key is one that verifies nothing."""
        self._keys = keys_of_jwks(jwks)
        self._fingerprints = frozenset(key.fingerprint for key in self._keys.values())

    def find(self, kid: object, now: float) -> Key | Rejected:
        if not isinstance(kid, str):
            return Rejected("key_id")
        return self._keys.get(kid) or Rejected("key_unknown")

    def holds(self, key: str, now: float) -> bool:
        return key in self._fingerprints


class PinnedKey:
    """One key for every token, whatever `kid` it names: a PEM has no id, and the signature decides."""

    def __init__(self, pem: str) -> None:
        """Raises Malformed where the text is not one public RSA key."""
        self._key = key_of_pem(pem)

    def find(self, kid: object, now: float) -> Key | Rejected:
        return self._key

    def holds(self, key: str, now: float) -> bool:
        return key == self._key.fingerprint
