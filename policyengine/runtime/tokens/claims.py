"""What the claims of a signed token have to say, as one table, and what they say of the person.

Clerk, "Session tokens" and "Manual JWT verification"; RFC 7519 section 4.1. The claims come in two versions that say
the same in different places. A token is of one version, told by `v`, and the places of the other are never looked at:
a customer may add claims of his own, and may call one `org_id`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .permissions import permissions_1, permissions_2
from .settings import Settings, bare_role
from .strict import is_number, is_text

Claims = dict[str, Any]


class Verified(NamedTuple):
    """What a token has been shown to say; nothing in it can change. Times are seconds since 1970, UTC.

    `role` is without the prefix `org:`. `actor` is the subject of whoever impersonates. `permissions` are the custom
    ones, as `org:<feature>:<permission>`, or empty where nobody asked for them. `key` is the fingerprint of the key.
    """

    subject: str
    organization: str
    role: str
    session: str | None
    token_id: str | None
    actor: str | None
    not_before: int | float
    issued: int | float | None
    expires: int | float
    permissions: frozenset[str]
    key: str


class Organization(NamedTuple):
    """Where the claims of one version name the active organization; None stands for what is absent."""

    id: object
    role: object
    permissions: Callable[[], frozenset[str]]


def judge(claims: Claims, settings: Settings, now: float) -> str:
    """The code of the first check that fails, or an empty text."""
    for code, holds in _CHECKS:
        if not holds(claims, settings, now):
            return code
    return ""


def verified(claims: Claims, key: str, want_permissions: bool) -> Verified:
    """What claims that passed `judge` say."""
    organization = _organization(claims)
    assert organization is not None  # the check `organization` has held
    act = claims.get("act")
    token_id = claims.get("jti")
    return Verified(
        subject=claims["sub"],
        organization=str(organization.id),
        role=bare_role(str(organization.role)),
        session=claims.get("sid"),
        token_id=token_id if is_text(token_id) else None,
        actor=act["sub"] if act is not None else None,
        not_before=claims.get("nbf", 0),
        issued=claims.get("iat"),
        expires=claims["exp"],
        permissions=organization.permissions() if want_permissions else frozenset(),
        key=key,
    )


def in_time(token: Verified, skew: float, now: float) -> bool:
    """Whether a verified token is valid at `now`: the checks that one which was kept has to pass again."""
    return now < token.expires + skew and max(token.not_before, token.issued or 0) <= now + skew


# ---- The checks


def _times(claims: Claims, settings: Settings, now: float) -> bool:
    """Each is a NumericDate (RFC 7519 section 2)."""
    return is_number(claims.get("exp")) and all(is_number(claims[name]) for name in ("nbf", "iat") if name in claims)


def _lifetime(claims: Claims, settings: Settings, now: float) -> bool:
    if settings.max_lifetime is None:
        return True
    return "iat" in claims and bool(claims["exp"] - claims["iat"] <= settings.max_lifetime)


def _session(claims: Claims, settings: Settings, now: float) -> bool:
    return is_text(claims["sid"]) if "sid" in claims else settings.kind != "session"


def _audience(claims: Claims, settings: Settings, now: float) -> bool:
    if settings.audience is None:
        return settings.kind == "session" and "aud" not in claims
    audience = claims.get("aud")
    if isinstance(audience, list):
        return all(map(is_text, audience)) and settings.audience in audience
    return bool(audience == settings.audience)


def _authorized_party(claims: Claims, settings: Settings, now: float) -> bool:
    if settings.azp is None:
        return True
    return claims["azp"] in settings.azp if "azp" in claims else settings.azp_absent == "allow"


def _actor(claims: Claims, settings: Settings, now: float) -> bool:
    if "act" not in claims:
        return True
    act = claims["act"]
    return settings.act == "allow" and isinstance(act, dict) and is_text(act.get("sub"))


def _is_organization(claims: Claims, settings: Settings, now: float) -> bool:
    organization = _organization(claims)
    return (
        organization is not None and type(organization.id) is str and bool(_ORGANIZATION_ID.fullmatch(organization.id))
    )


def _role(claims: Claims, settings: Settings, now: float) -> bool:
    organization = _organization(claims)
    assert organization is not None
    return type(organization.role) is str and bare_role(organization.role) in settings.roles


_ORGANIZATION_ID = re.compile(r"org_[A-Za-z0-9]{1,60}")
"""Clerk's form; at most 64 characters, since it becomes a tenant's id (docs/language.md, Types). A template that
interpolates an id where there is none writes `null` or a bare `org_`."""

_CHECKS: tuple[tuple[str, Callable[[Claims, Settings, float], bool]], ...] = (
    ("issuer", lambda c, s, now: c.get("iss") == s.issuer),
    ("times", _times),
    ("expired", lambda c, s, now: now < c["exp"] + s.skew),
    ("not_yet_valid", lambda c, s, now: c.get("nbf", 0) <= now + s.skew),
    ("issued_ahead", lambda c, s, now: c.get("iat", 0) <= now + s.skew),
    ("lifetime", _lifetime),
    ("subject", lambda c, s, now: is_text(c.get("sub"))),
    ("session", _session),
    ("status", lambda c, s, now: c.get("sts", "active") == "active"),
    ("audience", _audience),
    ("authorized_party", _authorized_party),
    ("actor", _actor),
    ("version", lambda c, s, now: _version(c) in _PLACES),
    ("organization", _is_organization),
    ("role", _role),
)


# ---- The two versions


def _version(claims: Claims) -> int | None:
    """1 where `v` is absent, 2 where it is the number 2, else None."""
    if "v" not in claims:
        return 1
    return 2 if type(claims["v"]) is int and claims["v"] == 2 else None


def _flat(claims: Claims) -> Organization:
    return Organization(
        claims.get("org_id"), claims.get("org_role"), lambda: permissions_1(claims.get("org_permissions"))
    )


def _nested(claims: Claims) -> Organization | None:
    o = claims.get("o")
    if not isinstance(o, dict):
        return None
    return Organization(o.get("id"), o.get("rol"), lambda: permissions_2(claims.get("fea"), o.get("per"), o.get("fpm")))


_PLACES: dict[int, Callable[[Claims], Organization | None]] = {1: _flat, 2: _nested}


def _organization(claims: Claims) -> Organization | None:
    """The active organization as the token's version names it, or None."""
    version = _version(claims)
    return _PLACES[version](claims) if version is not None else None
