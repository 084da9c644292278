"""AppSync's side of the contract, for tests: events as it sends them, and an authorizer that takes them.

AWS AppSync Developer Guide, "Configuring authorization and authentication to secure your GraphQL APIs".
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from policyengine.backends.python import emit_python
from policyengine.ir.nodes import Program
from policyengine.runtime.authorizer import Authorizer
from policyengine.runtime.authorizer.environment import Options
from policyengine.runtime.authorizer.mapping import mapping
from policyengine.runtime.tokens import Switches, Verifier
from tests import tokens

Event = dict[str, Any]

MEMBER = {**tokens.V2, "o": {"id": "org_1", "rol": "member"}}
ADMIN = tokens.V2


def event(query: str, variables: Any = None, claims: Any = MEMBER, **more: Any) -> Event:
    """An event for a query; `more` goes into its requestContext."""
    context = {
        "apiId": "aaaaaa123123123example123",
        "accountId": "111122223333",
        "requestId": "f4081827-1111-4444-5555-5cf4695f339f",
        "queryString": query,
        "variables": {} if variables is None else variables,
    }
    return {"authorizationToken": tokens.token(claims), "requestContext": {**context, **more}, "requestHeaders": {}}


DEFAULT, OFF = Options(), Switches()
CONNECT = {"operationName": "DeepDish:Connect"}


def bundle(program: Program, folder: Path, name: str) -> tuple[Any, Any]:
    """The built package and its module `api`; each name is imported once in a process."""
    package = folder / name
    package.mkdir(parents=True)
    for module, text in emit_python(program).items():
        (package / f"{module}.py").write_text(text, "utf-8")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name), importlib.import_module(f"{name}.api")
    finally:
        sys.path.remove(str(folder))


class Stage:
    """An authorizer on its own, its clock at `tokens.NOW`; `records` are all that it wrote."""

    def __init__(self, built: tuple[Any, Any], options: Options = DEFAULT, switches: Switches = OFF) -> None:
        self.records: list[dict[str, Any]] = []
        self.now: float = tokens.NOW
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        verifier = Verifier(tokens.settings(), tokens.pinned(), switches)
        self.authorizer = Authorizer(mapping(*built), verifier, options, clock=clock, write=self.records.append)

    def ask(self, query: str, variables: Any = None, claims: Any = MEMBER, **more: Any) -> dict[str, Any]:
        return self.handle(event(query, variables, claims, **more))

    def handle(self, given: Any) -> dict[str, Any]:
        return self.authorizer.handle(given)

    @property
    def reason(self) -> str:
        """Why the last request was refused; empty where it was not."""
        return str(self.records[-1].get("reason", ""))
