"""The one door to cryptography: RS256 (RFC 7518 section 3.3) by PyJWT, and the public keys that it takes.

Which algorithm verifies is fixed here. No header of a token, and no member of a key, chooses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from jwt import PyJWTError, get_algorithm_by_name

from .strict import Malformed, base64url, is_text

_RS256: Any = get_algorithm_by_name("RS256")

_LEAST_BITS, _MOST_BITS = 2048, 8192
"""NIST SP 800-131A asks for 2,048 at least; a longer key than 8,192 only makes each look expensive."""

_PUBLIC_PEM = "-----BEGIN PUBLIC KEY-----"


class Key(NamedTuple):
    """A public key. `fingerprint` is its modulus and exponent as a JWK writes them: equal for equal keys alone."""

    fingerprint: str
    public: Any


def signed(signing_input: bytes, signature: bytes, key: Key) -> bool:
    """Whether `signature` is the key's own over these bytes."""
    return bool(_RS256.verify(signing_input, key.public, signature))


def key_of_pem(text: str) -> Key:
    """The key in one PEM block `PUBLIC KEY` (RFC 7468 section 13). Raises Malformed for anything else."""
    if not text.strip().startswith(_PUBLIC_PEM):
        raise Malformed
    try:
        public = _RS256.prepare_key(text.strip())
        numbers = _RS256.to_jwk(public, as_dict=True)
    except (PyJWTError, ValueError, TypeError) as problem:
        raise Malformed from problem
    return _checked(Key(f"{numbers['n']}.{numbers['e']}", public))


def keys_of_jwks(value: object) -> dict[str, Key]:
    """The usable keys of a JWK set (RFC 7517) by `kid`.

    A key is usable if it is a public RSA key for RS256 signatures, of 2,048 to 8,192 bits, with a `kid`; others are
    passed over, and so are two different keys with one `kid`. Raises Malformed for what is no set.
    """
    if not isinstance(value, dict) or not isinstance(value.get("keys"), list):
        raise Malformed
    found: dict[str, list[Key]] = {}
    for kid, key in _usable(value["keys"]):
        found.setdefault(kid, []).append(key)
    return {kid: keys[0] for kid, keys in found.items() if all(key.fingerprint == keys[0].fingerprint for key in keys)}


def _usable(jwks: Iterable[object]) -> Iterable[tuple[str, Key]]:
    for jwk in jwks:
        try:
            if isinstance(jwk, dict) and is_text(jwk.get("kid")) and _is_for_signatures(jwk):
                yield jwk["kid"], _key_of_jwk(jwk)
        except Malformed:
            continue


def _is_for_signatures(jwk: dict[str, Any]) -> bool:
    """RFC 7517 section 4; `d` would make it a private key, which no one should have published."""
    return (
        jwk.get("kty") == "RSA"
        and jwk.get("use", "sig") == "sig"
        and jwk.get("alg", "RS256") == "RS256"
        and jwk.get("key_ops", ["verify"]) == ["verify"]
        and "d" not in jwk
    )


def _key_of_jwk(jwk: dict[str, Any]) -> Key:
    modulus, exponent = jwk.get("n"), jwk.get("e")
    if type(modulus) is not str or type(exponent) is not str or len(modulus) > _MOST_BITS:
        raise Malformed
    for number in (modulus, exponent):
        if base64url(number)[:1] in (b"", b"\0"):  # RFC 7518 section 2: no leading zeros
            raise Malformed
    try:
        public = _RS256.from_jwk({"kty": "RSA", "n": modulus, "e": exponent})
    except (PyJWTError, ValueError, TypeError, OverflowError) as problem:
        raise Malformed from problem
    return _checked(Key(f"{modulus}.{exponent}", public))


def _checked(key: Key) -> Key:
    if not _LEAST_BITS <= getattr(key.public, "key_size", 0) <= _MOST_BITS:
        raise Malformed
    return key
