"""Kill switches: what an operator sets in the environment when there is no time for anything else.

A switch is on for anything but `off`, an empty text, and absence: in a hurry people write `1`, `true` and `on`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .claims import Verified
from .settings import SettingsError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:|-]*")
"""What an id looks like. A list in brackets or quotation marks would block nobody, so it is refused instead."""


class Switches(NamedTuple):
    """What is switched. `read_only`: nothing that takes effect is allowed; the decision on an operation asks for it."""

    deny_all: bool = False
    read_only: bool = False
    subjects: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()


NONE = Switches()
"""Nothing is switched."""


def switches_from_environment(environ: Mapping[str, str]) -> Switches:
    """POLICYENGINE_DENY_ALL and POLICYENGINE_READ_ONLY; and POLICYENGINE_BLOCKED_SUBJECTS, ..._SESSIONS and
    ..._ORGANIZATIONS: ids with commas or spaces between them. Raises SettingsError for what is not an id."""
    return Switches(
        _is_on(environ, "POLICYENGINE_DENY_ALL"),
        _is_on(environ, "POLICYENGINE_READ_ONLY"),
        _ids(environ, "POLICYENGINE_BLOCKED_SUBJECTS"),
        _ids(environ, "POLICYENGINE_BLOCKED_SESSIONS"),
        _ids(environ, "POLICYENGINE_BLOCKED_ORGANIZATIONS"),
    )


def switched_off(token: Verified, switches: Switches) -> str:
    """The code for a token that the switches refuse, or an empty text."""
    if switches.deny_all:
        return "deny_all"
    blocked = (
        token.subject in switches.subjects
        or token.actor in switches.subjects
        or token.session in switches.sessions
        or token.organization in switches.organizations
    )
    return "blocked" if blocked else ""


def _is_on(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").strip().lower() not in ("", "off")


def _ids(environ: Mapping[str, str], name: str) -> frozenset[str]:
    ids = re.split(r"[,\s]+", environ.get(name, "").strip(", \t\n"))
    found = frozenset(filter(None, ids))
    if not all(map(_ID.fullmatch, found)):
        raise SettingsError(f"{name} is not a list of ids with commas or spaces between them")
    return found
