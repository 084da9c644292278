"""Why a token is refused: every code, and what an operator does about it (docs/aws-authorizer-tokens.md, Codes).

A code is a fixed word. It never repeats anything of the token, so it may be logged and shown.
"""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "size": "the token is longer than 2,048 characters, which the gateway would not pass on",
    "form": "not three parts of base64url with a dot between them",
    "encoding": "a part is not canonical base64url: padding, another alphabet, or bits left over",
    "header": "the header is not a JSON object in UTF-8, or repeats a name",
    "algorithm": "the header's `alg` is not RS256",
    "critical": "the header has `crit` or `b64`: an extension that has to be understood, and is not",
    "key_id": "the header's `kid` is missing or not a text, and the keys are told apart by it",
    "key_unknown": "no key of the issuer has this `kid`, after one more look where that was due",
    "keys_unavailable": "there are no keys: the endpoint cannot be read, and what was kept is too old",
    "signature": "the signature is not that of the key",
    "payload": "the claims are not a JSON object in UTF-8, or repeat a name",
    "issuer": "`iss` is not the configured issuer",
    "times": "`exp` is missing, or a time is not a number",
    "expired": "`exp` has passed, with the skew that is allowed",
    "not_yet_valid": "`nbf` lies ahead, by more than the skew",
    "issued_ahead": "`iat` lies ahead, by more than the skew",
    "lifetime": "`exp` lies further from `iat` than `max_lifetime`, or there is no `iat` to tell",
    "subject": "`sub` is missing, empty or not a text",
    "session": "`sid` is missing where a session token is wanted, or is not a text",
    "status": "`sts` is not `active`: the user has still to choose an organization, or to finish a task",
    "audience": "`aud` is not the configured one, or is there although none is configured",
    "authorized_party": "`azp` is none of the configured origins, or is missing and `azp_absent` is `deny`",
    "actor": "`act` says that somebody impersonates the user, and that is not allowed, or it is malformed",
    "version": "`v` is neither absent nor 2",
    "organization": "no organization is active, or its id has not the form `org_...`",
    "role": "the role in the organization is missing, or none of the configured ones",
    "deny_all": "the switch that denies everything is on",
    "blocked": "the subject, the session, the organization or the impersonator is on a list of blocked ones",
    "fault": "the verifier itself failed: a defect, worth a report",
}


class Rejected(str):
    """A code of the table above, in place of an answer. It is false, so that an unlooked-at answer denies."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False
