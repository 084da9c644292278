"""What a verifier is configured with, read from JSON: one object, as a file or as a variable of the environment.

The form is closed: a setting that nobody knows is refused, since a misspelt one would leave its default in place
without a word (docs/aws-authorizer-tokens.md, Settings).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .strict import Malformed, is_number, is_text, json_object

TOKEN_VARIABLE = "POLICYENGINE_TOKEN"


class SettingsError(ValueError):
    """Which setting is wrong, and what it may be. It repeats no value."""


class Settings(NamedTuple):
    """How tokens are judged. Times are seconds. What is left out takes the strictest default that lets Clerk's own
    session tokens in.

    `azp` None: no check; else the origins that may have asked for the token. `audience` None: a session token must
    have none, and a template's token is refused, since its audience alone tells it from others. `max_lifetime` None:
    no bound, and `iat` may be absent. `roles` are without the prefix `org:`.
    """

    issuer: str
    kind: str = "session"
    azp: tuple[str, ...] | None = ()
    azp_absent: str = "deny"
    audience: str | None = None
    skew: int | float = 5
    max_lifetime: int | float | None = 60
    act: str = "deny"
    roles: tuple[str, ...] = ("admin", "member")

    def narrowed(self, roles: Iterable[str]) -> Settings:
        """The same, with only those roles that are also in `roles`: the values of the schema's enum, say."""
        wanted = frozenset(roles)
        return self._replace(roles=tuple(role for role in self.roles if role in wanted))


def bare_role(role: str) -> str:
    """A role in its one form: version 1 of the claims writes `org:admin` where version 2 writes `admin`."""
    return role.removeprefix("org:")


def parse_settings(value: object) -> Settings:
    """Settings from a JSON object. Raises SettingsError."""
    if not isinstance(value, dict):
        raise SettingsError("the settings are not a JSON object")
    unknown = sorted(set(value) - set(_FORMS))
    if unknown:
        raise SettingsError(f"unknown setting; there are: {', '.join(_FORMS)}")
    if "issuer" not in value:
        raise SettingsError("`issuer` is missing")
    for name, given in value.items():
        form, holds = _FORMS[name]
        if not holds(given):
            raise SettingsError(f"`{name}` is not {form}")
    made: dict[str, Any] = {name: tuple(given) if isinstance(given, list) else given for name, given in value.items()}
    if "roles" in made:
        made["roles"] = tuple(map(bare_role, made["roles"]))
    return Settings(**made)


def settings_from_environment(environ: Mapping[str, str]) -> Settings:
    """Settings from the variable POLICYENGINE_TOKEN, which holds the same JSON object. Raises SettingsError."""
    try:
        return parse_settings(json_object(environ[TOKEN_VARIABLE].encode()))
    except KeyError:
        raise SettingsError(f"{TOKEN_VARIABLE} is not set") from None
    except (Malformed, UnicodeEncodeError):
        raise SettingsError(f"{TOKEN_VARIABLE} is not a JSON object") from None


# ---- The form of each setting


def is_seconds(value: object) -> bool:
    """Whether a JSON value is a number of seconds: not negative, and small enough to be exact."""
    return is_number(value) and value >= 0


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(is_text, value))


def _one_of(*words: str) -> tuple[str, Callable[[object], bool]]:
    return " or ".join(f"`{word}`" for word in words), lambda value: type(value) is str and value in words


_FORMS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "issuer": ("a text", is_text),
    "kind": _one_of("session", "template"),
    "azp": ("a list of texts, or null", lambda value: value is None or _is_texts(value)),
    "azp_absent": _one_of("deny", "allow"),
    "audience": ("a text, or null", lambda value: value is None or is_text(value)),
    "skew": ("a number of seconds from 0 to 300", lambda value: is_seconds(value) and value <= 300),
    "max_lifetime": ("a number of seconds, or null", lambda value: value is None or is_seconds(value)),
    "act": _one_of("deny", "allow"),
    "roles": ("a list of texts", lambda value: _is_texts(value) and all(map(bare_role, value))),
}
