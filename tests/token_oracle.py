"""A second verifier of tokens, slow and plain: what docs/aws-authorizer-tokens.md says, read again from the page.

It shares nothing with the one that is deployed: its own base64url, its own JSON, `cryptography` for the signature. It
says who the principal is, or None.
"""

from __future__ import annotations

from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
ABSENT = object()


class No(Exception):
    """The token is refused."""


def principal(value: str, settings: dict[str, Any], keys: dict[str, RSAPublicKey], now: float) -> dict[str, str] | None:
    """Whom the value of a header speaks for; `settings` are complete, `keys` are by `kid`."""
    try:
        return _principal(value, settings, keys, now)
    except No:
        return None


def need(holds: bool) -> None:
    if not holds:
        raise No


def _principal(value: str, settings: dict[str, Any], keys: dict[str, RSAPublicKey], now: float) -> dict[str, str]:
    if value[0:6].lower() == "bearer" and value[6:7] == " ":
        value = value[7:]
    need(len(value) <= 2048)
    need(value.count(".") == 2)
    header_part, claims_part, signature_part = value.split(".")
    header, claims_bytes, signature = read_base64(header_part), read_base64(claims_part), read_base64(signature_part)
    head = read_object(header)
    need(head.get("alg") == "RS256")
    need("crit" not in head and "b64" not in head)
    need(isinstance(head.get("kid"), str) and head["kid"] in keys)
    try:
        keys[head["kid"]].verify(signature, f"{header_part}.{claims_part}".encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise No from None
    claims = read_object(claims_bytes)
    for check in (issuer, times, subject, session, status, audience, party, actor):
        check(claims, settings, now)
    organization, role = active(claims)
    need(isinstance(organization, str) and organization.startswith("org_"))
    need(0 < len(organization[4:]) <= 60)
    need(set(organization[4:]) <= set(ALPHABET) - set("-_"))
    need(isinstance(role, str))
    known = [name[4:] if name.startswith("org:") else name for name in settings["roles"]]
    bare = role[4:] if role.startswith("org:") else role
    need(bare in known)
    return {"id": claims["sub"], "orgId": organization, "orgRole": bare}


# ---- The claims


def issuer(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    need(claims.get("iss") == settings["issuer"])


def times(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    for name in ("exp", "nbf", "iat"):
        if name in claims:
            need(type(claims[name]) in (int, float) and abs(claims[name]) <= 9007199254740992)
    need("exp" in claims)
    need(now - settings["skew"] < claims["exp"])
    for name in ("nbf", "iat"):
        need(name not in claims or now + settings["skew"] >= claims[name])
    if settings["max_lifetime"] is not None:
        need("iat" in claims)
        need(claims["exp"] <= claims["iat"] + settings["max_lifetime"])


def subject(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    need(is_text(claims.get("sub")))


def session(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    if settings["kind"] == "session" or "sid" in claims:
        need(is_text(claims.get("sid")))


def status(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    need("sts" not in claims or claims["sts"] == "active")


def audience(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    wanted = settings["audience"]
    if wanted is None:
        need(settings["kind"] == "session")
        need("aud" not in claims)
    else:
        given = claims.get("aud")
        listed = given if isinstance(given, list) else [given]
        need(all(is_text(one) for one in listed))
        need(wanted in listed)


def party(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    if settings["azp"] is None:
        return
    if "azp" in claims:
        need(isinstance(claims["azp"], str) and claims["azp"] in settings["azp"])
    else:
        need(settings["azp_absent"] == "allow")


def actor(claims: dict[str, Any], settings: dict[str, Any], now: float) -> None:
    if "act" in claims:
        need(settings["act"] == "allow")
        need(isinstance(claims["act"], dict) and is_text(claims["act"].get("sub")))


def active(claims: dict[str, Any]) -> tuple[Any, Any]:
    version = claims.get("v", ABSENT)
    if version is ABSENT:
        return claims.get("org_id"), claims.get("org_role")
    need(type(version) is int and version == 2)
    need(isinstance(claims.get("o"), dict))
    return claims["o"].get("id"), claims["o"].get("rol")


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not any(0xD800 <= ord(c) <= 0xDFFF for c in value)


# ---- base64url


def read_base64(text: str) -> bytes:
    need(set(text) <= set(ALPHABET))
    need(len(text) % 4 != 1)
    bits = "".join(f"{ALPHABET.index(c):06b}" for c in text)
    whole = len(bits) // 8 * 8
    need("1" not in bits[whole:])
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))


# ---- JSON


def read_object(raw: bytes) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise No from None
    value, end = read_value(text, skip(text, 0))
    need(skip(text, end) == len(text))
    need(isinstance(value, dict))
    return value  # type: ignore[no-any-return]


def skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def read_value(text: str, at: int) -> tuple[Any, int]:
    first = text[at : at + 1]
    if first == "{" or first == "[":
        items: list[Any] = []
        names: list[str] = []
        last = "}" if first == "{" else "]"
        at = skip(text, at + 1)
        if text[at : at + 1] == last:
            return ({} if first == "{" else []), at + 1
        while True:
            if first == "{":
                name, at = read_text(text, at)
                need(name not in names)
                names.append(name)
                at = skip(text, at)
                need(text[at : at + 1] == ":")
                at = skip(text, at + 1)
            item, at = read_value(text, at)
            items.append(item)
            at = skip(text, at)
            if text[at : at + 1] == last:
                return (dict(zip(names, items, strict=True)) if first == "{" else items), at + 1
            need(text[at : at + 1] == ",")
            at = skip(text, at + 1)
    if first == '"':
        return read_text(text, at)
    for word, value in (("true", True), ("false", False), ("null", None)):
        if text.startswith(word, at):
            return value, at + len(word)
    return read_number(text, at)


def read_number(text: str, at: int) -> tuple[int | float, int]:
    begin = at
    at += text[at : at + 1] == "-"
    if text[at : at + 1] == "0":
        at += 1
    else:
        at = read_digits(text, at)
    whole = at
    if text[at : at + 1] == "." and text[at + 1 : at + 2] in DIGITS:
        at = read_digits(text, at + 1)
    if text[at : at + 1] in ("e", "E"):
        sign = at + 1 + (text[at + 1 : at + 2] in ("+", "-"))
        if text[sign : sign + 1] in DIGITS:
            at = read_digits(text, sign)
    written = text[begin:at]
    return (int(written) if at == whole else float(written)), at


DIGITS = tuple("0123456789")


def read_digits(text: str, at: int) -> int:
    need(text[at : at + 1] in DIGITS)
    while text[at : at + 1] in DIGITS:
        at += 1
    return at


ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def read_text(text: str, at: int) -> tuple[str, int]:
    need(text[at : at + 1] == '"')
    at += 1
    made: list[str] = []
    while True:
        need(at < len(text))
        c = text[at]
        at += 1
        if c == '"':
            return join_surrogates(made), at
        if c == "\\":
            kind = text[at : at + 1]
            at += 1
            if kind == "u":
                digits = text[at : at + 4]
                need(len(digits) == 4 and set(digits) <= set("0123456789abcdefABCDEF"))
                made.append(chr(int(digits, 16)))
                at += 4
            else:
                need(kind in ESCAPES)
                made.append(ESCAPES[kind])
        else:
            need(ord(c) >= 0x20)
            made.append(c)


def join_surrogates(characters: list[str]) -> str:
    """A high and a low half that were written as two escapes are one character."""
    made: list[str] = []
    for c in characters:
        if made and "\udc00" <= c <= "\udfff" and "\ud800" <= made[-1] <= "\udbff":
            c = chr(0x10000 + ((ord(made.pop()) - 0xD800) << 10) + (ord(c) - 0xDC00))
        made.append(c)
    return "".join(made)
