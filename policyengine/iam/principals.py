"""Who asks, and how directly a policy on a resource names them.

How a policy reaches a principal decides what may still take an Allow away: IAM User Guide, "Policy evaluation logic"
and "AWS JSON policy elements: Principal".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from policyengine.iam.document import Principals
from policyengine.iam.verdict import NO, OPEN, UNMODELLED, YES, Verdict, any_of, of

Kind = Literal["role", "session", "user", "root", "federated-user", "service", "federated", "anonymous"]


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is a role's without its path, which a session's ARN does not tell; a user's with it."""

    kind: Kind
    text: str
    partition: str = ""
    account: str = ""
    name: str = ""
    session: str = ""

    @property
    def arn(self) -> str | None:
        """The value of aws:PrincipalArn: of a session, the role's, whose path is taken to be `/`."""
        if self.kind == "session":
            return f"arn:{self.partition}:iam::{self.account}:role/{self.name}"
        return self.text if self.account else None


class Reach(Enum):
    """How a statement's Principal comes to cover a caller."""

    DIRECT = "the user, the session, the root user or the service itself"
    ROLE = "the role of the session"
    EVERYONE = "everyone"
    ACCOUNT = "the account, which delegates to its own policies"


_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:"
    r"iam::(?P<account>[0-9]{12}):(?:(?P<root>root)|user/(?P<user>[!-)+->@-~]+)|role/(?:[!-)+->@-~]+/)?(?P<role>[\w+=,.@-]+))"
    r"|sts::(?P<sts>[0-9]{12}):(?:assumed-role/(?P<assumed>[\w+=,.@-]+)/(?P<session>[\w+=,.@-]+)"
    r"|federated-user/(?P<federated>[\w+=,.@-]+)))",
    re.ASCII,
)
_PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(oidc|saml)-provider/[!-)+->@-~]+")
_WEB_IDENTITY = ("cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com")
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|aws\.internal)")
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")


def read_caller(text: str) -> Caller | None:
    """A principal as a request names it; None if it is none."""
    if text in ("anonymous", "*"):
        return Caller("anonymous", text)
    if text in _WEB_IDENTITY or _PROVIDER.fullmatch(text):
        return Caller("federated", text)
    return Caller("service", text) if _SERVICE.fullmatch(text) else _read_arn(text)


def _read_arn(text: str) -> Caller | None:
    found = _ARN.fullmatch(text)
    if not found:
        return None
    at = found["partition"], found["account"] or found["sts"]
    if found["assumed"]:
        return Caller("session", text, *at, found["assumed"], found["session"])
    kinds: dict[str, Kind] = {"root": "root", "user": "user", "role": "role", "federated": "federated-user"}
    return next(Caller(kind, text, *at, found[group]) for group, kind in kinds.items() if found[group])


def reaches(principals: Principals, caller: Caller) -> dict[Reach, Verdict]:
    """In which ways the Principal covers the caller; what is absent, it does not."""
    if principals.everyone:
        return {Reach.EVERYONE: YES}
    found: dict[Reach, list[Verdict]] = {}
    for kind, name in principals.named:
        reach, verdict = _reach(kind, name, caller)
        found.setdefault(reach, []).append(verdict)
    return {reach: any_of(verdicts) for reach, verdicts in found.items()}


def _reach(kind: str, name: str, caller: Caller) -> tuple[Reach, Verdict]:
    if kind == "AWS":
        return _aws(name, caller)
    if kind == "CanonicalUser":
        return Reach.DIRECT, UNMODELLED
    if kind.lower() != caller.kind:
        return Reach.DIRECT, NO
    return Reach.DIRECT, UNMODELLED if "*" in name else of(name == caller.text)


def _aws(name: str, caller: Caller) -> tuple[Reach, Verdict]:
    """`{"AWS": "*"}` equals `"*"` "for anonymous users"; whether for services and providers too, AWS does not say."""
    if name == "*":
        return Reach.EVERYONE, OPEN if caller.kind in ("service", "federated") else YES
    if re.fullmatch(r"[0-9]{12}", name):
        return Reach.DIRECT if caller.kind == "root" else Reach.ACCOUNT, of(name == caller.account)
    named = _read_arn(name)
    if named is None:
        return Reach.DIRECT, UNMODELLED if not _UNIQUE_ID.fullmatch(name) or caller.account else NO
    if (named.partition, named.account) != (caller.partition, caller.account):
        return Reach.DIRECT, NO
    return _in_account(named, caller)


def _in_account(named: Caller, caller: Caller) -> tuple[Reach, Verdict]:
    match named.kind, caller.kind:
        case "root", "root":
            return Reach.DIRECT, YES
        case "root", _:
            return Reach.ACCOUNT, YES
        case "role", "role" | "session":
            return Reach.ROLE, of(named.name == caller.name)
        case "session", "role":  # some session of the role asks: perhaps this one
            return Reach.DIRECT, OPEN if named.name == caller.name else NO
        case "user", "federated-user":  # perhaps the user who called GetFederationToken
            return Reach.ROLE, OPEN
        case _:
            same = (named.kind, named.name, named.session) == (caller.kind, caller.name, caller.session)
            return Reach.DIRECT, of(same)
