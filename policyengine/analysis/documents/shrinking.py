"""A request that shows something, made as small and as plain as it can be, and said in one line.

Nothing here trusts the solver: every step is taken only if the changed request still shows the same, by the evaluator
of `policyengine.iam` and on the plain request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from policyengine.analysis.documents.symbols import NAMES
from policyengine.iam.matching import fold

Request = dict[str, Any]
Test = Callable[[Request], bool]

OTHER_TENANT = "org_2"
LEADING_KEYS = "dynamodb:leadingkeys"
WORDS = ("1", "x")
"""Plain values, the plainest first."""

KEY = "arn:aws:kms:us-east-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def shrunk(request: Request, shows: Test, tenant: str) -> Request:
    """The smallest request that these steps reach. `shows` holds of the one that is given."""
    while True:
        smaller = next((each for each in _less(request) if shows(each)), None)
        if smaller is None:
            break
        request = smaller
    for change in (_plainer_actions, _plainer_callers, _plainer_values, _plainer_resources):
        request = next((each for each in change(request, tenant) if _fits(each, shows)), request)
    return request


def _fits(request: Request, shows: Test) -> bool:
    try:
        return shows(request)
    except ValueError:  # no request at all
        return False


def _less(request: Request) -> Iterator[Request]:
    """Without one key, or one value of a list; a pair goes with its name."""
    context = request["context"]
    for key, value in context.items():
        if isinstance(value, list):
            for each in value:
                yield {**request, "context": _without_value(context, key, each)}
        elif not _named(key, context):
            yield {**request, "context": {k: v for k, v in context.items() if k != key}}


def _named(key: str, context: dict[str, Any]) -> bool:
    """Whether a list of the request names the pair: it then goes with its name."""
    return any(fold(key).startswith(prefix) and names in map(fold, context) for names, prefix in NAMES.items())


def _without_value(context: dict[str, Any], key: str, value: str) -> dict[str, Any]:
    left = [each for each in context[key] if each != value]
    prefix = NAMES.get(fold(key), "\0")
    gone = {k for k in context if fold(k).startswith(prefix) and k[len(prefix) :] == value}
    kept = {k: v for k, v in context.items() if k not in gone}
    if not left:
        return {k: v for k, v in kept.items() if k != key}
    return {**kept, key: left}


PLAIN_ACTIONS = {"dynamodb": "GetItem", "kms": "Decrypt", "s3": "GetObject"}
"""What everybody knows of a service."""


def _plainer_actions(request: Request, tenant: str) -> Iterator[Request]:
    service = request["action"].partition(":")[0]
    if service in PLAIN_ACTIONS:
        yield {**request, "action": f"{service}:{PLAIN_ACTIONS[service]}"}


def _plainer_callers(request: Request, tenant: str) -> Iterator[Request]:
    """A caller that no document names is called so; a name that a document has stays."""
    account, principal = request["account"], request["principal"]
    other = "444455556666" if account != "444455556666" else "111122223333"
    named = re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/.*", principal)
    if named:
        yield {**request, "principal": f"arn:aws:sts::{account}:assumed-role/AnyRole/session-1"}
        yield {**request, "principal": f"arn:aws:sts::{other}:assumed-role/AnyRole/session-1"}
    elif ":user/" in principal:
        yield {**request, "principal": f"arn:aws:iam::{account}:user/anybody"}
        yield {**request, "principal": f"arn:aws:iam::{other}:user/anybody"}


def _plainer_values(request: Request, tenant: str) -> Iterator[Request]:
    """All at once, and then one after the other as far as it goes."""
    context = request["context"]
    candidates = {key: _candidates(key, value, tenant) for key, value in context.items()}
    made = dict(context)
    for key, values in candidates.items():
        made[key] = values[0]
    yield {**request, "context": made}
    made = {key: values[-1] for key, values in candidates.items()}
    yield {**request, "context": made}


def _candidates(key: str, value: Any, tenant: str) -> list[Any]:
    if fold(key) == LEADING_KEYS and len(value) == 1:
        return [[f"{tenant}#1"], value]
    if isinstance(value, list) or value in ("true", "false") or value == tenant or re.fullmatch(r"[\dTZ:.-]+", value):
        return [value]
    return [OTHER_TENANT, value] if "tag/" in fold(key) or "context:" in fold(key) else [WORDS[1], value]


def _plainer_resources(request: Request, tenant: str) -> Iterator[Request]:
    yield {**request, "resource": KEY.format(account=request["account"])}
    bucket = re.match(r"arn:[^:]+:s3:::[^/]+(?=/)", request["resource"])
    if bucket:
        yield {**request, "resource": f"{bucket[0]}/{tenant}/1"}
    service = request["action"].partition(":")[0]
    yield {**request, "resource": f"arn:aws:{service}:us-east-1:{request['account']}:any"}


# ---- One line


def line(request: Request, decided: str, tenant: str, keys: Iterable[str]) -> str:
    """Who does what on what, under which conditions, and what came of it. `keys` are those that the claim names: of
    tags and of a context, that one is missing is said too."""
    context = request["context"]
    named = {names for names, prefix in NAMES.items() if any(fold(key).startswith(prefix) for key in context)}
    shown = [_said(key, value) for key, value in context.items() if fold(key) not in named]
    there = set(map(fold, context))
    missing = [f"no {_word(key)} {_name(key)}" for key in dict.fromkeys(keys) if _word(key) and fold(key) not in there]
    conditions = "".join(f", {each}" for each in (*missing, *shown))
    return f"{_caller(request)}{conditions}: {request['action']} on {_resource(request, tenant)} is {decided}"


def _caller(request: Request) -> str:
    principal = str(request["principal"])
    found = re.fullmatch(r"arn:aws:(?:sts::(\d+):assumed-role/([^/]+)/.*|iam::(\d+):(.*))", principal)
    if not found:
        return principal
    account, name = found[1] or found[3], f"role {found[2]}" if found[2] else found[4].replace("/", " ", 1)
    return name if account == request["account"] else f"{name} of account {account}"


def _resource(request: Request, tenant: str) -> str:
    on_key = "resource_policy" in request and request["action"].startswith("kms:")
    return f"the key of {tenant}" if on_key else str(request["resource"])


_WORDS = {"kms:encryptioncontext:": "context", "aws:principaltag/": "tag", "aws:requesttag/": "new tag"}


def _word(key: str) -> str:
    return next((word for prefix, word in _WORDS.items() if fold(key).startswith(prefix)), "")


def _name(key: str) -> str:
    """The name of a tag or of a pair; of another key, the key."""
    return next((key[len(prefix) :] for prefix in _WORDS if fold(key).startswith(prefix)), key)


def _said(key: str, value: Any) -> str:
    said = ", ".join(value) if isinstance(value, list) else value
    return f"{_word(key)} {_name(key)}={said}".strip()
