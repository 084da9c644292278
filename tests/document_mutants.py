"""Every document, changed in every small way, and whether the proofs notice.

A mutant is caught by a claim in one of its worlds (its Denies with every Allow opened, its Allows with the Denies gone)
or by a need that no longer passes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from policyengine.analysis.documents import Place, check_claims
from policyengine.analysis.documents.availability import check_needs
from policyengine.analysis.documents.claims import ANYTHING
from policyengine.analysis.documents.every import ANY_TENANT, emitted
from policyengine.analysis.documents.needs import ANY_POLICY
from policyengine.analysis.documents.tables import all_needs, claims, emergency_claims
from policyengine.analysis.solver import LEADS
from policyengine.backends.aws.view import read_settings
from policyengine.compiler import compile_folders, program_of
from policyengine.ir.nodes import Program
from tests.aws_requests import ACCOUNT
from tests.conftest import ROOT

Json = dict[str, Any]
PLACE = Place(ACCOUNT, tenant=ANY_TENANT, solvers=(LEADS,))
KEY = f"key-policy-{ANY_TENANT}.json"
EMERGENCY = "in an emergency: "
"""Before the name of a document of a build with the emergency options."""


@cache
def program() -> Program:
    return program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))


@cache
def texts(urgent: bool = False) -> dict[str, str]:
    return emitted(program(), ANY_TENANT, emergency=urgent)


@cache
def documents() -> dict[str, Json]:
    found = {file: json.loads(text) for file, text in texts().items()}
    urgent = {file: json.loads(text) for file, text in texts(urgent=True).items() if "emergency" in file or file == KEY}
    return {**found, **{EMERGENCY + file: document for file, document in urgent.items()}}


# ---- Mutants

WRONG = {"true": "false", "false": "true"}
SWAPPED = {
    "StringEquals": "StringNotEquals",
    "StringLike": "StringNotLike",
    "ArnEquals": "ArnNotEquals",
    "NumericLessThan": "NumericGreaterThan",
    "DateLessThan": "DateGreaterThan",
}
SWAPPED |= {other: one for one, other in SWAPPED.items()}


def mutants(name: str) -> Iterator[tuple[str, Json]]:
    """What is changed, and the document after it. Of a key policy in an emergency, its emergency statements."""
    document = documents()[name]
    for at, statement in enumerate(document["Statement"]):
        if name.startswith(EMERGENCY) and not statement["Sid"].startswith("Emergency"):
            continue
        for what, changed in _statement(statement):
            made = {**document, "Statement": [*document["Statement"]]}
            made["Statement"][at : at + 1] = [changed] if changed else []
            if made["Statement"]:
                yield f"{statement['Sid']}: {what}", made
    yield from _merged(document)


def _statement(statement: Json) -> Iterator[tuple[str, Json | None]]:
    yield "deleted", None
    yield "Effect", {**statement, "Effect": "Deny" if statement["Effect"] == "Allow" else "Allow"}
    yield from _actions(statement)
    yield from _resources(statement)
    yield from _principals(statement)
    for operator, keys in statement.get("Condition", {}).items():
        for key in keys:
            for what, condition in _conditions(statement["Condition"], operator, key):
                yield f"{operator} {key} {what}", {**statement, "Condition": condition}


def _actions(statement: Json) -> Iterator[tuple[str, Json]]:
    actions = _list(statement["Action"])
    if len(actions) > 1:
        for action in actions:
            yield f"without {action}", {**statement, "Action": [each for each in actions if each != action]}
    service = actions[0].partition(":")[0]
    if statement["Effect"] == "Allow":
        yield "any action", {**statement, "Action": f"{service}:*"}
    elif actions != ["*"]:
        yield "another action", {**statement, "Action": f"{service}:Nothing"}


def _resources(statement: Json) -> Iterator[tuple[str, Json]]:
    if "NotResource" in statement:
        changed = {key: value for key, value in statement.items() if key != "NotResource"}
        yield "Resource for NotResource", {**changed, "Resource": statement["NotResource"]}
    if "Resource" not in statement:
        return
    resources = _list(statement["Resource"])
    if statement["Effect"] == "Allow" and resources != ["*"]:
        yield "any resource", {**statement, "Resource": "*"}
    if len(resources) > 1:
        for resource in resources:
            yield f"without {resource}", {**statement, "Resource": [each for each in resources if each != resource]}


def _principals(statement: Json) -> Iterator[tuple[str, Json]]:
    principal = statement.get("Principal")
    if principal is None:
        return
    if principal != "*":
        yield "everyone", {**statement, "Principal": "*"}
        (kind, names), *_ = principal.items()
        if kind == "AWS" and not str(names).endswith("root"):
            yield "the account", {**statement, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        if isinstance(names, list):
            for name in names:
                yield f"without {name}", {**statement, "Principal": {kind: [each for each in names if each != name]}}
        yield "somebody else", {**statement, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/SomebodyElse"}}
    else:
        yield "one account", {**statement, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}


def _conditions(conditions: Json, operator: str, key: str) -> Iterator[tuple[str, Json]]:
    values = _list(conditions[operator][key])

    def with_(new: str | None, changed: Any) -> Json:
        made = deepcopy(conditions)
        del made[operator][key]
        if new:
            made.setdefault(new, {})[key] = changed
        return {name: keys for name, keys in made.items() if keys}

    qualifier, _, base = operator.rpartition(":")
    yield "dropped", with_(None, None)
    if base in SWAPPED:
        yield "the other way round", with_(f"{qualifier}:{SWAPPED[base]}".lstrip(":"), values)
    positive = base != "Null" and "Not" not in base
    if positive and qualifier != "ForAllValues":  # of what is true of a missing key already, IfExists says nothing new
        yield "IfExists", with_(f"{operator}IfExists", values)
    if qualifier:
        other = "ForAnyValue" if qualifier == "ForAllValues" else "ForAllValues"
        yield other, with_(f"{other}:{base}", values)
    elif base.startswith("String"):  # the qualifier that answers otherwise where the key is missing
        other = "ForAllValues" if positive else "ForAnyValue"
        yield other, with_(f"{other}:{base}", values)
    if values[0] in WRONG:
        yield "the other value", with_(operator, WRONG[values[0]])
        return
    if len(values) > 1:
        for value in values:
            yield f"without {value}", with_(operator, [each for each in values if each != value])
    if not base.startswith(("Numeric", "Date")):
        more = f"arn:aws:iam::{ACCOUNT}:role/SomebodyElse" if base.startswith("Arn") else "something-else"
        yield "one value more", with_(operator, [*values, more])
    else:
        yield "another limit", with_(operator, {"3": "7", "2": "2020-01-01T00:00:00Z"}.get(values[0][0], "9"))


def _merged(document: Json) -> Iterator[tuple[str, Json]]:
    """Two Denies of the same actions in one, so that it denies only where both would."""
    denies = [each for each in document["Statement"] if each["Effect"] == "Deny" and "Condition" in each]
    for at, one in enumerate(denies):
        for other in denies[at + 1 :]:
            if one["Action"] != other["Action"] or one.get("Resource") != other.get("Resource"):
                continue
            conditions = deepcopy(one["Condition"])
            for operator, keys in other["Condition"].items():
                conditions[operator] = {**keys, **conditions.get(operator, {})}
            kept = [each for each in document["Statement"] if each not in (one, other)]
            both = {**one, "Condition": conditions}
            yield f"{one['Sid']} and {other['Sid']} in one", {**document, "Statement": [*kept, both]}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# ---- Who notices


def noticed(name: str, document: Json) -> str:
    """The first claim or need that is not proved of the changed document; empty where all are."""
    aws, urgent, file = read_settings(program()), name.startswith(EMERGENCY), name.removeprefix(EMERGENCY)
    text = json.dumps(document)
    found = emergency_claims(aws, ANY_TENANT) if urgent else claims(aws, ANY_TENANT)
    for subject, its in found:
        if subject.file == file:
            for _, verdict in check_claims(subject, its, text, PLACE):
                if not verdict.held:
                    return f"{verdict.subject.rpartition(': ')[2]} {verdict.status}"
    files = {**texts(urgent), file: text, ANY_POLICY: json.dumps(ANYTHING)}
    wanted = [need for need in all_needs(aws, ANY_TENANT) if file in need.files and need.urgent == urgent]
    for verdict in check_needs(wanted, files, PLACE):
        if not verdict.held:
            return f"{verdict.subject.rpartition(': ')[2]} {verdict.status}"
    return ""


# ---- Who does not, and why that is right

SAID_TWICE = {
    r"key-policy-\S+ Deny\w+: one account": "whoever is of no account of ours is shut out by DenyUseByOthers too, and by "
    "DenyPolicyChangesByOthers",
    r"bucket-policy.json Deny\w+Signatures: one account": "nobody of another account reaches an object, "
    "whatever the signature",
    r"key-policy-\S+ \w*Deny\w+: without kms:ReEncrypt\*": "re-encryption is denied to all but one role by name",
    r"key-policy-\S+ Deny(WrongOrMissingTag|ReEncryptByOthers): ArnNotEquals aws:PrincipalArn one value more": "a role "
    "that is exempt here uses no key: DenyUseByOthers",
    r"\S+-permissions.json \w+: Null aws:PrincipalTag/orgId dropped": "a tag that is missing equals nothing, and makes "
    "no path",
}
STRICTER = {
    r"\S+ DenyMalformedTag: StringLike aws:PrincipalTag/orgId (IfExists|ForAllValues)": "denies a session without the tag, as DenyUntagged does",
    r"key-policy-\S+ DenyOtherUseByRewrap: ArnEquals aws:PrincipalArn (IfExists|one value more)": "denies more callers, who have nothing to do there",
    r"key-policy-\S+ DenyRewrapOnSameKey: Bool kms:ReEncryptOnSameKey IfExists": "denies what Rewrap does not allow either",
    r"\S+ EmergencyDeny\w+: .* (IfExists|ForAllValues)": "denies callers without the key too; no session of the role is without it",
    r"\S+ EmergencyDeny\w+: ArnEquals aws:PrincipalArn one value more": "denies a role that has nothing to do there",
    r"key-policy-\S+ AccountAdministration: without kms:UntagResource": "no role of ours takes a tag away",
}
THE_SAME = {
    r"authenticated-emergency.json EmergencyDeny\w+: ArnEquals aws:PrincipalArn dropped": "it is attached to that role alone",
    r"key-policy-\S+ EmergencyDeny\w+: one account": "the role is of the account",
    r"authenticated-trust.json TaggedSessions: StringLike aws:RequestTag/userId one value more": "`?*` matches it already",
}
UNNOTICED = {**SAID_TWICE, **STRICTER, **THE_SAME}
"""Mutants that no proof notices, by a pattern of their names: what they take away is said elsewhere too, or they allow
nothing more and deny nothing that is needed."""
