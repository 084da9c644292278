"""An issuer for tests: keys made anew for each run, and tokens signed with them, well-formed or not."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from policyengine.runtime.tokens import PinnedSet, Settings, parse_settings

NOW = 1_790_000_000
ISSUER = "https://clerk.studio.example"
ORIGIN = "https://studio.example"
AUDIENCE = "studio-aws"

SESSION: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "user_1",
    "sid": "sess_1",
    "azp": ORIGIN,
    "iat": NOW - 10,
    "nbf": NOW - 15,
    "exp": NOW + 50,
}
V1 = {**SESSION, "org_id": "org_1", "org_role": "org:admin", "org_slug": "one", "org_permissions": ["org:teams:read"]}
V2 = {**SESSION, "v": 2, "jti": "j1", "sts": "active", "o": {"id": "org_1", "rol": "admin", "slg": "one"}}
TEMPLATE = {name: V1[name] for name in ("iss", "sub", "azp", "iat", "nbf", "exp", "org_id", "org_role")} | {
    "aud": AUDIENCE,
    "jti": "j2",
}
SETTINGS: dict[str, Any] = {
    "issuer": ISSUER,
    "kind": "session",
    "azp": [ORIGIN],
    "azp_absent": "deny",
    "audience": None,
    "skew": 5,
    "max_lifetime": 60,
    "act": "deny",
    "roles": ["admin", "member"],
}


def settings(**changed: Any) -> Settings:
    return parse_settings({**SETTINGS, **changed})


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def private_key(name: str = "k1", bits: int = 2048) -> rsa.RSAPrivateKey:
    return _made(name, bits)


@cache
def _made(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def jwk(name: str = "k1", bits: int = 2048, **more: Any) -> dict[str, Any]:
    numbers = private_key(name, bits).public_key().public_numbers()
    members = {"n": b64(_big_endian(numbers.n)), "e": b64(_big_endian(numbers.e))}
    return {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256", **members, **more}


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def jwks(*names: str) -> dict[str, Any]:
    return {"keys": [jwk(name) for name in names or ("k1",)]}


def pem(name: str = "k1") -> str:
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private_key(name).public_key().public_bytes(*form).decode()


@cache
def pinned() -> PinnedSet:
    return PinnedSet(jwks())


def sign(header: Any, payload: Any, key: str = "k1", bits: int = 2048) -> str:
    """A compact token with a true signature over whatever is given: a JSON value, or bytes as they are."""
    parts = [b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload)]
    signing_input = ".".join(parts)
    raw = private_key(key, bits).sign(signing_input.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{b64(raw)}"


HEADER: dict[str, Any] = {"alg": "RS256", "kid": "k1", "typ": "JWT"}


def token(claims: Any = V2, without: tuple[str, ...] = (), **changed: Any) -> str:
    """A token of the issuer: `claims` with some changed and some taken away."""
    kept = {name: value for name, value in {**claims, **changed}.items() if name not in without}
    return sign(HEADER, kept)
