"""How long each layer may still honour a session that has been revoked, and why.

All times are counted from the revocation, in the worst case: everything that the session can ask for was asked for at
the last moment, and is used until it ends. Clocks are taken to be right, save for the skew that is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policyengine.ir.nodes import Program

COGNITO_SKEW = 300
"""Seconds after its end for which Cognito still takes an OIDC token (Cognito, "Open ID Connect providers")."""

CREDENTIALS = 3600
"""Seconds that credentials of an identity pool's enhanced flow live; no setting changes it."""

DATA_KEY = 12 * 3600
"""Seconds that a client keeps a data key in its keychain (docs/studio.md, Identity)."""

CONNECTION = 24 * 3600
"""Seconds after which AppSync ends a real-time connection."""


class Session(NamedTuple):
    """What a session's tokens are held to; seconds. `life` is None where nothing bounds it."""

    life: float | None
    skew: float
    kept: float
    """How long the gateway may keep an answer of the authorizer."""
    template_life: float
    """How long a token lives that is traded for AWS credentials."""


class Survival(NamedTuple):
    """One layer: `seconds` at most, or None for ever; why; and what ends it sooner."""

    layer: str
    seconds: float | None
    why: str
    sooner: str


def survivals(program: Program, session: Session) -> tuple[Survival, ...]:
    """Every layer that this policy set uses, those nearest to the user first."""
    return tuple(_survivals(program, session))


def _survivals(program: Program, session: Session) -> Iterator[Survival]:
    token = None if session.life is None else session.life + session.skew
    yield Survival("session token", token, _token(session), "POLICYENGINE_BLOCKED_SESSIONS or ..._SUBJECTS")
    kept = session.kept if program.api.token_alone else 0
    yield Survival(
        "authorizer's answer", session.life if kept else 0, _answer(kept, program), "a shorter time to live, or 0"
    )
    if any(field.type == "Subscription" for field in program.api.fields):
        why = "it is not asked about again: begun with the last token, it lasts as long as AppSync keeps a connection"
        yield Survival("live subscription", _sum(token, CONNECTION), why, "invalidating it when a membership ends")
    settings = {(kind, name): value for kind, name, value in program.aws}
    if ("signature_seconds", "") in settings:
        signed = int(settings["signature_seconds", ""])
        why = f"signed with the last token, it is good for {spoken(signed)}; a URL belongs to whoever has it"
        yield Survival("presigned URL", _sum(token, signed), why, "a shorter signature_seconds")
    if ("identity_pool", "") in settings:
        credentials = session.template_life + COGNITO_SKEW + CREDENTIALS
        yield Survival(
            "AWS credentials", credentials, _credentials(session), "build aws --deny-user, --deny-tokens-before"
        )
        if ("context_version", "") in settings:
            why = f"fetched with the last credentials, it stays in the client's keychain for {spoken(DATA_KEY)}"
            sooner = "nothing reaches it; a new key for what is written from now on"
            yield Survival("plaintext data key", credentials + DATA_KEY, why, sooner)
    yield Survival("content already read", None, "it is the reader's", "nothing reaches it")


def _token(session: Session) -> str:
    if session.life is None:
        return "`max_lifetime` is null: a token is good for as long as its issuer made it"
    return f"one made just before lives {spoken(session.life)}, and {spoken(session.skew)} of skew; no new one is made"


def _answer(kept: float, program: Program) -> str:
    if kept:
        return f"kept for {spoken(kept)}, but no longer than its token lives; no switch reaches it in that time"
    why = "the time to live is 0" if program.api.token_alone else "the source does not say `answers from token alone`"
    return f"nothing is kept: {why}"


def _credentials(session: Session) -> str:
    return (
        f"a template's token made just before lives {spoken(session.template_life)}, Cognito takes it for "
        f"{spoken(COGNITO_SKEW)} more, and its credentials live {spoken(CREDENTIALS)}"
    )


def _sum(one: float | None, other: float) -> float | None:
    return None if one is None else one + other


def spoken(seconds: float) -> str:
    """A length of time for people: `13 h 6 min`, `65 s`."""
    if seconds < 120:
        return f"{seconds:g} s"
    whole = int(seconds)
    parts = ((whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)
