"""Why a command gives no answer. Each ends in one line on standard error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Misuse(Exception):
    """What is wrong with the call, and what would mend it: exit code 2."""

    def __init__(self, wrong: str, mend: str) -> None:
        super().__init__(f"{wrong}; {mend}")


class Refused(Exception):
    """What a back end cannot express, which it refuses rather than guesses: exit code 1."""


def unknown(what: str, name: str, known: Iterable[str]) -> Misuse:
    """A name that the policy set does not have, and the nearest one that it has, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    return Misuse(
        f"unknown {what} `{name}`", f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(names)}"
    )
