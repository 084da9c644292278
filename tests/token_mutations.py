"""Tokens with something wrong, or nothing: what an attacker, a customer or a careless template could send.

Each comes with settings and a time. Half of them keep a true signature, so that what stands behind the signature is
asked as well.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.tokens import AUDIENCE, HEADER, ISSUER, NOW, ORIGIN, SETTINGS, TEMPLATE, V1, V2, b64, pem, sign

SECRET = "s3cr3t"
"""Stands in tokens in many places, and may stand in no answer."""

Json = dict[str, Any]

VALUES: list[Any] = [
    *(None, True, False, 0, 1, 2, -1, 2.0, 2**53, 2**53 + 1, 1e308, "", " ", "2", "null", "true", [], {}, [None]),
    *(NOW, NOW - 5, NOW - 6, NOW + 5, NOW + 6, NOW + 50, NOW + 51, NOW + 0.5, str(NOW + 50), -NOW, 10**30),
    *("org_1", "org_", "org_1\n", "org_１", "org_" + "a" * 60, "org_" + "a" * 61, "org_1#", "user_1", "org_null"),
    *("admin", "org:admin", "member", "org:member", "org:org:admin", "Admin", "owner", ["admin"], {"id": "org_1"}),
    *("active", "pending", "Active", ISSUER, ISSUER + "/", ORIGIN, [ORIGIN], AUDIENCE, [AUDIENCE], [AUDIENCE, 1]),
    *({"sub": "user_9"}, {"sub": ""}, {"id": "org_1", "rol": "admin"}, {"id": "org_2", "rol": "org:member"}),
    *("\ud800", "\udc00\ud800", "\U0001f600", "a\x00b", SECRET, {"id": "org_1", "rol": SECRET}, f"org_{SECRET}"),
]
POINTED: Json = {
    "exp": [NOW, NOW - 4, NOW - 5, NOW - 299, NOW - 300, NOW + 50, NOW + 51, True, NOW + 0.5, 2**53 + 1, None],
    "nbf": [NOW, NOW + 1, NOW + 5, NOW + 6, NOW + 300, NOW + 301, False, None],
    "iat": [NOW, NOW + 1, NOW + 5, NOW + 6, NOW - 11, True, None],
    "v": [None, 1, 2, 2.0, True, "2", 3],
    "o": [None, {}, [], "org_1", {"id": "org_1"}, {"id": "org_", "rol": "admin"}, {"id": "null", "rol": "admin"}],
    "org_id": [None, "null", "org_", "org_1\n", "org_" + "a" * 61],
    "org_role": [None, "admin", "org:admin", "org:org:admin", "org:owner"],
    "aud": [None, AUDIENCE, [AUDIENCE], [AUDIENCE, 1], [], [AUDIENCE, ""], "x"],
    "azp": [None, "", ORIGIN, [ORIGIN], "https://evil.example"],
    "act": [None, {}, {"sub": "user_9"}, {"sub": ""}, "user_9", []],
    "sid": [None, "", 1, True, "sess_2"],
    "sts": [None, "", "active", "pending", "expired"],
    "sub": [None, "", 7, "\ud800", "user_2"],
    "x": ["x" * 600, "x" * 900, "x" * 1500],
}
"""What is worth trying on each claim: what one check more or less would tell apart."""

CLAIMS = (
    *("iss", "sub", "sid", "azp", "aud", "exp", "nbf", "iat", "act", "sts", "v", "o", "org_id", "org_role"),
    *("org_permissions", "fea", "jti", "x"),
)
HEADERS = ("alg", "kid", "typ", "crit", "b64", "jku", "x5u", "jwk", "x5c", "zip", "x")
HEADER_VALUES: list[Any] = [
    *("RS256", "rs256", "RS384", "RS512", "PS256", "ES256", "HS256", "none", "", None, ["RS256"], "RS256\x00"),
    *("k1", "k2", "k3", "k1 ", "K1", 1, True, False, [], ["b64"], ["exp"], {}, "JWT", "https://evil.example/" + SECRET),
]


def settings(rng: Random) -> Json:
    """Mostly the usual ones; each setting may be another."""
    others: Json = {
        "kind": ["session", "template"],
        "azp": [None, [], [ORIGIN], [ORIGIN, "app://x"]],
        "azp_absent": ["deny", "allow"],
        "audience": [None, AUDIENCE],
        "skew": [0, 5, 300],
        "max_lifetime": [None, 60, 3600, 0],
        "act": ["deny", "allow"],
        "roles": [["admin", "member"], ["org:admin"], ["member"], []],
    }
    return SETTINGS | {name: rng.choice(some) for name, some in others.items() if rng.random() < 0.12}


def case(rng: Random) -> tuple[str, Json, float]:
    """A header's value, settings and a time."""
    chosen = settings(rng)
    claims = rng.choice((V1, V2, TEMPLATE))
    if claims is TEMPLATE and rng.random() < 0.8:
        chosen |= {"kind": "template", "audience": AUDIENCE}
    now = NOW if rng.random() < 0.8 else rng.choice((NOW - 21, NOW - 20, NOW - 15, NOW + 50, NOW + 54, NOW + 55, 0))
    return rng.choice(_KINDS)(rng, claims), chosen, now


# ---- Kinds of mutations


def _untouched(rng: Random, claims: Json) -> str:
    return rng.choice(("", "", "Bearer ", "bearer ", "Bearer  ", "Basic ")) + sign(HEADER, claims)


def _claims(rng: Random, claims: Json) -> str:
    return sign(HEADER, _changed(rng, claims, CLAIMS, VALUES))


def _pointed(rng: Random, claims: Json) -> str:
    """One claim with a value that is just inside or just outside, and the other version's places filled beside it."""
    name = rng.choice(list(POINTED))
    beside: Json = {"org_id": "org_1", "org_role": "org:admin", "o": {"id": "org_1", "rol": "admin"}}
    others = beside if rng.random() < 0.3 else {}
    made = {**others, **claims, name: rng.choice(POINTED[name])}
    if rng.random() < 0.1:
        del made[name]
    if rng.random() < 0.1:
        made.pop("o" if "v" in made else "org_id", None)
    return sign(HEADER, made)


def _organization(rng: Random, claims: Json) -> str:
    o = _changed(rng, {"id": "org_1", "rol": "admin"}, ("id", "rol", "per", "fpm", "x"), VALUES)
    return sign(HEADER, {**claims, "v": 2, "o": o})


def _header(rng: Random, claims: Json) -> str:
    changed = _changed(rng, HEADER, HEADERS, HEADER_VALUES)
    return sign(changed, claims, key=rng.choice(("k1", "k1", "k2", "k3")))


def _changed(rng: Random, value: Json, names: tuple[str, ...], values: list[Any]) -> Json:
    made = dict(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        name = rng.choice(names)
        if rng.random() < 0.25:
            made.pop(name, None)
        else:
            made[name] = rng.choice(values)
    return made


def _json_text(rng: Random, claims: Json) -> str:
    """The claims, or the header, as a text that a reader could take in two ways, or in none."""
    raw = json.dumps(claims, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    name = json.dumps(rng.choice(CLAIMS)).encode()
    value = json.dumps(rng.choice(VALUES)).encode()
    made = rng.choice(
        (
            raw[:-1] + b", " + name + b": " + value + b"}",
            b"{" + name + b": " + value + b", " + raw[1:],
            raw[:-1] + b", " + name.replace(b"s", b"\\u0073") + b": " + value + b"}",
            raw[:-1] + b', "x": {"a": 1, "a": 1}}',
            raw[:-1]
            + b', "x": '
            + rng.choice((b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b".5", b"1e5", b"+1"))
            + b"}",
            raw[:-1] + b', "x": ' + b"[" * 300 + b"]" * 300 + b"}",
            raw[:-1] + b",}",
            raw + rng.choice((b" ", b"\n", b"\x00", b"{}", b"//", b"\xa0", b"\xc2\xa0", b"\xe2\x80\xa8")),
            rng.choice((b" ", b"\r\n\t", b"\xef\xbb\xbf", b"\xff", b"\x00", b"\x0b")) + raw,
            raw.replace(
                b"user_1", rng.choice((b"user_\xff", b"user_\x01", b"user_\xed\xa0\x80", b"user_\\x", b"\\ud800"))
            ),
            raw.replace(b"user_1", rng.choice((b"user\\u005f1", b"\\ud83d\\ude00", b"\xf0\x9f\x98\x80", b"user_\\/1"))),
            raw.replace(
                str(claims["exp"]).encode(), rng.choice((b"1.79e9", b"1790000050.0", b"179000005e1", b"1e400", b"-0"))
            ),
            _bytes(rng, raw),
        )
    )
    return sign(made, claims) if rng.random() < 0.2 else sign(HEADER, made)


def _bytes(rng: Random, raw: bytes) -> bytes:
    made = bytearray(raw)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(made))
        kind = rng.random()
        if kind < 0.5:
            made[at] = rng.randrange(256)
        elif kind < 0.75:
            del made[at]
        else:
            made.insert(at, rng.choice(b'{}[]",:\\ 0e'))
    return bytes(made)


def _text(rng: Random, claims: Json) -> str:
    """The token as characters: what a line on the wire could do to it, or somebody without the key."""
    made = list(_some_token(rng, claims))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(made))
        kind = rng.random()
        if kind < 0.4:
            made[at] = rng.choice("Aa0-_.+/= \n\r\té\x00\ud800" + SECRET)
        elif kind < 0.7:
            del made[at]
        else:
            made.insert(at, rng.choice("A.-_= \n=.é"))
    return "".join(made)


def _last_bits(rng: Random, claims: Json) -> str:
    """Another spelling of the same bytes, where a reader is not strict."""
    parts = _some_token(rng, claims).split(".")
    at = rng.randrange(3)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts[at] = parts[at][:-1] + alphabet[alphabet.index(parts[at][-1]) ^ rng.randrange(1, 16)]
    return ".".join(parts)


def _form(rng: Random, claims: Json) -> str:
    whole = _some_token(rng, claims)
    head, body, signature = whole.split(".")
    return rng.choice(
        (
            *("", ".", "..", "...", head, f"{head}.{body}", f"{head}.{body}.", f"{whole}.", f"{whole}.{signature}"),
            *(
                f".{body}.{signature}",
                f"{body}.{head}.{signature}",
                f"{head}.{signature}.{body}",
                f"{head}..{signature}",
            ),
            *(
                whole + "=",
                whole + "==",
                f" {whole}",
                f"{whole}\n",
                whole.lower(),
                whole.upper(),
                whole[::-1],
                whole * 3,
            ),
            *(f"{whole},{whole}", f"Bearer {whole} {SECRET}", f"Bearer Bearer {whole}", "x" * 3000, whole + "A" * 2048),
            *(f"{head}.{body}.{b64(bytes(256))}", f"{head}.{body}.{b64(bytes([255]) * 256)}", f"{head}.{body}.AA"),
        )
    )


def _forged(rng: Random, claims: Json) -> str:
    """Without the key: `none`, a public key as a secret, a key of the forger's own, a signature from elsewhere."""
    claims = {**claims, "sub": SECRET}
    body = b64(json.dumps(claims).encode())
    kind = rng.randrange(4)
    if kind == 0:
        head = b64(json.dumps({**HEADER, "alg": rng.choice(("none", "None", "NONE", ""))}).encode())
        return f"{head}.{body}."
    if kind == 1:
        head = b64(json.dumps({**HEADER, "alg": rng.choice(("HS256", "RS256"))}).encode())
        return f"{head}.{body}.{b64(hmac.digest(pem().encode(), f'{head}.{body}'.encode(), 'sha256'))}"
    if kind == 2:
        return sign(HEADER, claims, key="k3")
    return ".".join((*sign(HEADER, claims).split(".")[:2], sign(HEADER, V1).split(".")[2]))


_TOKENS: dict[str, str] = {}


def _some_token(rng: Random, claims: Json) -> str:
    """A good token; the same one each time for the same claims, since signing is what costs."""
    text = json.dumps(claims)
    if text not in _TOKENS:
        _TOKENS[text] = sign(HEADER, claims)
    return _TOKENS[text]


_KINDS: list[Callable[[Random, Json], str]] = [
    *(_untouched, _claims, _claims, _pointed, _pointed, _pointed, _organization, _header, _json_text, _json_text),
    *(_text, _text, _last_bits, _form, _forged),
]
