"""One request and every policy that applies to it, read from a JSON value.

What is not given does not exist: no boundary, no session policy, no policy on the resource. Keys that follow from the
rest of the request (aws:PrincipalArn, kms:EncryptionContextKeys, ...) are filled in where the context lacks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.iam.document import Document, parse, scalar
from policyengine.iam.matching import Context, Values, fold
from policyengine.iam.principals import Caller, read_caller


class Malformed(ValueError):
    """Why a value is no request."""


@dataclass(frozen=True, slots=True)
class Request:
    """`account` owns the resource; the caller's own stands in its ARN."""

    caller: Caller
    action: str
    resource: str
    account: str
    context: Context
    identity: tuple[Document, ...]
    resource_policy: Document | None = None
    boundary: Document | None = None
    session: Document | None = None


_REQUIRED = ("principal", "action", "resource", "account", "context", "identity")
_DOCUMENTS = ("resource_policy", "boundary", "session")


def read_request(value: object) -> Request:
    """Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed("not an object")
    if missing := [name for name in _REQUIRED if name not in value]:
        raise Malformed(f"{missing[0]} is missing")
    if set(value) - {*_REQUIRED, *_DOCUMENTS}:
        raise Malformed(f"a field other than {', '.join((*_REQUIRED, *_DOCUMENTS))}")
    caller = read_caller(_text(value, "principal"))
    if caller is None:
        raise Malformed("principal: neither an ARN of a principal, a service, an identity provider, nor `anonymous`")
    action = _text(value, "action", r"[A-Za-z0-9-]+:[A-Za-z0-9]+", "no action, such as s3:GetObject")
    resource = _text(value, "resource", r"\*|arn(:[^:]*){4}:.+", "neither an ARN nor `*`")
    account = _text(value, "account", r"[0-9]{12}", "not twelve digits")
    if not isinstance(value["identity"], list):
        raise Malformed("identity: not a list of documents")
    return Request(
        caller,
        action,
        resource,
        account,
        Context.of(_filled_in(_context(value["context"]), caller, action, account)),
        tuple(_document(each, f"identity[{index}]") for index, each in enumerate(value["identity"])),
        *(None if value.get(name) is None else _document(value[name], name) for name in _DOCUMENTS),
    )


def _text(value: Mapping[str, Any], name: str, form: str = "", wrong: str = "") -> str:
    text = value[name]
    if not isinstance(text, str):
        raise Malformed(f"{name}: not a string")
    if form and not re.fullmatch(form, text, re.DOTALL):
        raise Malformed(f"{name}: {wrong}")
    return text


def _document(value: object, name: str) -> Document:
    document, problems = parse(value)
    if document is None:
        raise Malformed(f"{name}: {problems[0]}")
    return document


def _context(value: object) -> dict[str, Values | None]:
    if not isinstance(value, dict):
        raise Malformed("context: not an object")
    return {key: _values(each) for key, each in value.items()}


def _values(value: object) -> Values | None:
    if value is None:
        return None
    texts = [scalar(each) for each in value] if isinstance(value, list) else [scalar(value)]
    if None in texts:
        raise Malformed("context: a value that is neither a string, a number, a Boolean, nor a list of them")
    return tuple(text for text in texts if text is not None)


# ---- Keys that follow from the rest

_TYPES = {
    "anonymous": "Anonymous",
    "root": "Account",
    "user": "User",
    "federated-user": "FederatedUser",
    "role": "AssumedRole",
    "session": "AssumedRole",
}
_NAMES_OF_KEYS = {
    "kms:EncryptionContextKeys": ("kms:", "kms:encryptioncontext:"),
    "aws:TagKeys": ("", "aws:requesttag/"),
}


def _filled_in(given: dict[str, Values | None], caller: Caller, action: str, account: str) -> dict[str, Values | None]:
    known = {fold(key) for key in given}
    derived = {key: value for key, value in _derived(given, caller, action, account) if fold(key) not in known}
    return {**given, **derived}


def _derived(
    given: Mapping[str, Values | None], caller: Caller, action: str, account: str
) -> Iterator[tuple[str, Values]]:
    yield "aws:ResourceAccount", (account,)
    yield "aws:PrincipalIsAWSService", ("true" if caller.kind == "service" else "false",)
    if caller.kind in _TYPES:
        yield "aws:PrincipalType", (_TYPES[caller.kind],)
    if caller.arn:
        yield "aws:PrincipalArn", (caller.arn,)
        yield "aws:PrincipalAccount", (caller.account,)
        if fold(action).startswith("kms:"):
            yield "kms:CallerAccount", (caller.account,)
    if caller.kind == "user":
        yield "aws:username", (caller.name.rpartition("/")[2],)
    if caller.kind == "service":
        yield "aws:PrincipalServiceName", (caller.text,)
    for key, (service, prefix) in _NAMES_OF_KEYS.items():
        names = tuple(name[len(prefix) :] for name, values in given.items() if values and fold(name).startswith(prefix))
        if names and fold(action).startswith(service):
            yield key, names
