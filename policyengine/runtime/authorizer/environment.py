"""The authorizer's own settings in the environment; those of tokens, keys and switches are the verifier's.

Each is refused where it is not understood: a misspelt bound would leave the default in place without a word
(docs/aws-authorizer.md, Settings).
"""

from __future__ import annotations

from collections.abc import Mapping
from json import loads
from typing import NamedTuple

from ..tokens import SettingsError
from .document import Limits

TTL, INTROSPECTION, LIMITS = (f"POLICYENGINE_{name}" for name in ("TTL", "INTROSPECTION", "LIMITS"))

MAX_TTL = 3600
"""Seconds: AppSync keeps an answer no longer."""


class Options(NamedTuple):
    """`ttl`: seconds for which an answer that rests on the token alone may be kept. `introspection`: is it allowed?"""

    ttl: int = 0
    introspection: bool = False
    limits: Limits = Limits()


def options_from_environment(environ: Mapping[str, str]) -> Options:
    """The options that the variables give. Raises SettingsError, which names the variable and repeats no value."""
    return Options(_ttl(environ.get(TTL, "0")), _allows(environ.get(INTROSPECTION, "deny")), _limits(environ))


def _ttl(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MAX_TTL):
        raise SettingsError(f"{TTL} is not a number of seconds from 0 to {MAX_TTL}")
    return int(text)


def _allows(text: str) -> bool:
    if text not in ("allow", "deny"):
        raise SettingsError(f"{INTROSPECTION} is neither `allow` nor `deny`")
    return text == "allow"


def _limits(environ: Mapping[str, str]) -> Limits:
    try:
        given = loads(environ.get(LIMITS, "{}"))
        is_sound = all(type(value) is int and 0 < value <= 10**6 for value in given.values())
        if is_sound:
            return Limits(**given)
    except (ValueError, TypeError, AttributeError):
        pass
    raise SettingsError(f"{LIMITS} is not an object of whole numbers above 0; there are: {', '.join(Limits._fields)}")
