"""One token: from the value of a header to what it has been shown to say, or to the code of its refusal.

The signature is checked before any claim is looked at (RFC 8725, JSON Web Token Best Current Practices). Nothing in
the token says where a key is: `jku`, `x5u`, `jwk` and `x5c` are never read.
"""

from __future__ import annotations

from typing import Any, Protocol

from .claims import Verified, judge, verified
from .codes import Rejected
from .settings import Settings
from .signature import Key, signed
from .strict import Malformed, base64url, is_text, json_object

MAX_LENGTH = 2048
"""Characters of a token: the gateway passes no longer one on."""

_SCHEME = "bearer "


class Keys(Protocol):
    """Where the keys of the one issuer come from."""

    def find(self, kid: object, now: float, /) -> Key | Rejected:
        """The key of that id at the time `now`, or why there is none."""

    def holds(self, key: str, now: float, /) -> bool:
        """Whether the key of that fingerprint is still one of the issuer's."""


def bare_token(value: str) -> str:
    """The token in the value of an Authorization header: one leading `Bearer ` is taken off, nothing else."""
    return value[len(_SCHEME) :] if value[: len(_SCHEME)].lower() == _SCHEME else value


def verify(value: str, settings: Settings, keys: Keys, now: float, *, permissions: bool = False) -> Verified | Rejected:
    """What the token in a header's value says at `now` (seconds since 1970), or the code of its refusal.

    `permissions`: whether the organization's permissions are wanted too. Never raises.
    """
    try:
        return _verify(bare_token(value), settings, keys, now, permissions)
    except _Refusal as refusal:
        return refusal.code
    except Exception:  # a defect: whatever it is, it must not let anybody in, nor say anything
        return Rejected("fault")


class _Refusal(Exception):
    def __init__(self, code: Rejected) -> None:
        self.code = code


def _refuse(code: str) -> _Refusal:
    return _Refusal(Rejected(code))


def _verify(token: str, settings: Settings, keys: Keys, now: float, permissions: bool) -> Verified:
    if len(token) > MAX_LENGTH:
        raise _refuse("size")
    parts = token.split(".")
    if len(parts) != 3:
        raise _refuse("form")
    try:
        header, payload, signature = map(base64url, parts)
    except Malformed:
        raise _refuse("encoding") from None
    key = _key(_object(header, "header"), keys, now)
    if not signed(token[: token.rindex(".")].encode("ascii"), signature, key):
        raise _refuse("signature")
    claims = _object(payload, "payload")
    code = judge(claims, settings, now)
    if code:
        raise _refuse(code)
    return verified(claims, key.fingerprint, permissions)


def _object(given: bytes, code: str) -> dict[str, Any]:
    try:
        return json_object(given)
    except Malformed:
        raise _refuse(code) from None


def _key(header: dict[str, Any], keys: Keys, now: float) -> Key:
    if header.get("alg") != "RS256":
        raise _refuse("algorithm")
    if "crit" in header or "b64" in header:
        raise _refuse("critical")
    kid = header.get("kid")
    if kid is not None and not is_text(kid):
        raise _refuse("key_id")
    key = keys.find(kid, now)
    if isinstance(key, Rejected):
        raise _Refusal(key)
    return key
