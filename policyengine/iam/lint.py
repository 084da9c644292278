"""What is wrong, or treacherous, in one policy document, without an AWS account: a table of checks.

An `error` is refused by AWS or cannot do what it says; a `warning` is accepted, and opens more or denies less than it
seems to. Which checks apply depends on the kind of document. IAM User Guide: "IAM Access Analyzer policy check
reference", "IAM and AWS STS quotas"; AWS KMS Developer Guide: "Key policies in AWS KMS".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from policyengine.iam.conditions import Name, read_name
from policyengine.iam.document import Condition, Document, Principals, Statement, parse_text
from policyengine.iam.matching import Context, expand, fold, matches_action
from policyengine.iam.verdict import NO, UNMODELLED

Kind = Literal["identity", "resource", "kms", "trust", "bucket", "boundary", "session"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_OF_PRINCIPALS = ("identity", "boundary", "session")

Severity = Literal["error", "warning"]

CODES: dict[str, tuple[Severity, str]] = {
    "malformed": ("error", "AWS refuses it: mend the document"),
    "duplicate-key": ("error", "keep one: readers differ in which of two they take"),
    "missing-version": ("warning", 'write "Version": "2012-10-17"; without it `${...}` is literal text'),
    "character": ("error", "policies hold tab, line feed, carriage return, and U+0020 to U+00FF alone"),
    "too-large": ("error", "split the document, or say less in it"),
    "unknown-element": ("error", "remove it, or spell it as the grammar of policies does"),
    "missing-element": ("error", "add it"),
    "misplaced-element": ("error", "remove it: this kind of document has none"),
    "inert-statement": ("warning", "it does nothing, a Deny too: complete it, or remove it"),
    "empty-list": ("warning", "name something, or remove it"),
    "sid-characters": ("error", "use letters and digits"),
    "sid-repeated": ("error", "give each statement a Sid of its own"),
    "action-format": ("error", "name service and action, such as s3:GetObject"),
    "resource-format": ("error", "write an ARN, without wildcards in its service, or `*`"),
    "principal-format": ("error", "a principal is named whole; compare patterns with aws:PrincipalArn in a condition"),
    "unknown-operator": ("error", "use an operator of AWS's list; they are spelled exactly"),
    "wrong-type": ("error", "write a value of the operator's type"),
    "key-case": ("error", "write the key once: names of keys compare without case"),
    "null-modified": ("error", "write Null alone: it takes neither IfExists nor a set operator"),
    "forallvalues-without-null": ("warning", 'it holds where the key is missing: add Null {key: "false"}'),
    "set-operator-on-single-value": ("warning", "drop ForAllValues or ForAnyValue: the key has at most one value"),
    "unqualified-list": ("warning", "the key has several values: begin the operator with ForAllValues or ForAnyValue"),
    "ifexists-in-allow": ("warning", "it allows where the key is missing: drop IfExists, or require the key by Null"),
    "wildcard-without-like": ("warning", "it is a literal character here: use StringLike, or `${*}` to mean it"),
    "variable-literal": ("error", 'without "Version": "2012-10-17" it is literal text'),
    "variable-malformed": ("error", "write `${key}`: no spaces, and one closing brace"),
    "variable-misplaced": (
        "error",
        "variables stand in Resource after the fifth colon, and under String and Arn alone",
    ),
    "variable-default": ("warning", "principals without the key become equal to each other: drop the default"),
    "variable-in-deny": ("warning", "without a value it may not deny: write the value, or deny Null of the key too"),
    "not-principal": ("warning", "name principals, or except them by aws:PrincipalArn in a condition"),
    "allow-not-action": ("warning", "it allows every other action, of future services too: list actions"),
    "allow-not-resource": ("warning", "it allows every other resource: list resources"),
    "public-allow": ("warning", "everyone may, anonymous callers too: name principals, or bind the caller's account"),
    "kms-root-use": ("warning", "every identity policy of the account can then open the key: delegate administration"),
    "deny-keys-anded": ("warning", "it denies only where all differ: write one Deny for each key"),
    "trust-without-audience": ("error", "any identity pool or client could assume the role: compare the `:aud` key"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    path: str
    message: str

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]

    @property
    def help(self) -> str:
        return CODES[self.code][1]


def lint_text(text: str, kind: Kind | None = None) -> tuple[Finding, ...]:
    """The findings on a document in JSON, in its own order. Without a kind it is guessed from what the text says."""
    document, problems = parse_text(text)
    if document is None:
        return tuple(Finding(problem.code, problem.path, problem.message) for problem in problems)
    kind = kind or guess_kind(document)
    return (*_whole(document, json.loads(text), kind), *_parts(document, kind))


def guess_kind(document: Document) -> Kind:
    """By whether it names principals, and by the services of its actions."""
    if not any(each.principal or each.not_principal for each in document.statements):
        return "identity"
    actions = {action for each in document.statements for action in (*(each.action or ()), *(each.not_action or ()))}
    services = {fold(action).partition(":")[0] for action in actions}
    kinds: dict[str, Kind] = {"kms": "kms", "sts": "trust", "s3": "bucket"}
    return kinds.get(services.pop(), "resource") if len(services) == 1 else "resource"


# ---- The document as a whole

_QUOTAS: dict[Kind, tuple[int, str]] = {
    "identity": (6144, "a managed policy; those in line of one role, 10240 together"),
    "boundary": (6144, "a managed policy"),
    "session": (2048, "a session policy"),
    "trust": (4096, "a trust policy; 2048 unless the quota is raised"),
    "kms": (32768, "a key policy"),
    "bucket": (20480, "a bucket policy"),
}


def _whole(document: Document, value: object, kind: Kind) -> Iterator[Finding]:
    if not document.has_variables:
        yield Finding("missing-version", "$.Version", f"the version is {document.version or 'missing'}")
    if document.id is not None and kind in (*_OF_PRINCIPALS, "trust"):
        yield Finding("misplaced-element", "$.Id", f"Id in a policy of kind {kind}")
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if odd := re.search(r"[^\t\n\r\u0020-\u00ff]", text):
        yield Finding("character", "$", f"the character U+{ord(odd[0]):04X}")
    limit, what = _QUOTAS.get(kind, (None, ""))
    size = len(text.encode("utf-8", "surrogatepass"))
    if limit is not None and size > limit:
        yield Finding("too-large", "$", f"{size} bytes without white space between elements; {limit}: {what}")
    sids = Counter(each.sid for each in document.statements if each.sid)
    for each in document.statements:
        if each.sid and sids[each.sid] > 1:
            yield Finding("sid-repeated", f"{each.path}.Sid", f"`{each.sid}` names {sids[each.sid]} statements")


# ---- Statements


@dataclass(frozen=True, slots=True)
class _Place:
    """A statement in its surroundings."""

    statement: Statement
    kind: Kind
    variables: bool

    def at(self, code: str, element: str, message: str) -> Finding:
        return Finding(code, f"{self.statement.path}.{element}", message)

    @property
    def allows(self) -> bool:
        return self.statement.effect == "Allow"

    def compares(self, key: str) -> bool:
        """Whether a condition fails where the key is missing; `:` or `/` at the end stands for all under it."""
        keys = [fold(each.key) for each in self.statement.conditions if _is_positive(each)]
        return key in keys or (key.endswith((":", "/")) and any(each.startswith(key) for each in keys))

    def requires(self, key: str) -> bool:
        """Whether the key must be there: by Null, or by a positive comparison with it or with what it lists."""
        listed = {"kms:encryptioncontextkeys": "kms:encryptioncontext:", "aws:tagkeys": "aws:requesttag/"}
        nulls = (each for each in self.statement.conditions if each.operator == "Null" and fold(each.key) == fold(key))
        return any(each.values == ("false",) for each in nulls) or self.compares(listed.get(fold(key), fold(key)))


def _is_positive(condition: Condition) -> bool:
    name = read_name(condition.operator)
    negative = name.operator is None or name.operator.negated
    return not (negative or name.if_exists or name.qualifier == "ForAllValues")


def _parts(document: Document, kind: Kind) -> Iterator[Finding]:
    for statement in document.statements:
        place = _Place(statement, kind, document.has_variables)
        for check in _OF_STATEMENTS:
            yield from check(place)
        for condition in statement.conditions:
            name = read_name(condition.operator)
            for check_condition in _OF_CONDITIONS:
                yield from check_condition(place, condition, name)


def _elements(place: _Place) -> Iterator[Finding]:
    statement, kind = place.statement, place.kind
    for name in statement.unknown:
        yield place.at("unknown-element", name, f"no element of a statement is called `{name}`")
    has = {
        "Principal": statement.principal is not None or statement.not_principal is not None,
        "Action": statement.action is not None or statement.not_action is not None,
        "Resource": statement.resource is not None or statement.not_resource is not None,
    }
    unwanted = "Principal" if kind in _OF_PRINCIPALS else "Resource" if kind == "trust" else None
    for name, there in has.items():
        if name == unwanted and there:
            yield place.at("misplaced-element", name, f"{name} in a policy of kind {kind}")
        if name != unwanted and not there:
            silent = kind == "kms" and name != "Principal"
            yield place.at("inert-statement" if silent else "missing-element", name, f"the statement has no {name}")


def _lists(place: _Place) -> Iterator[Finding]:
    statement = place.statement
    lists = {
        "Action": statement.action,
        "NotAction": statement.not_action,
        "Resource": statement.resource,
        "NotResource": statement.not_resource,
        "Principal": _names(statement.principal),
        "NotPrincipal": _names(statement.not_principal),
    }
    for name, listed in lists.items():
        if listed is not None and not listed:
            yield place.at("empty-list", name, f"{name} names nothing")


def _names(principals: Principals | None) -> tuple[str, ...] | None:
    return (
        None if principals is None else ("*",) if principals.everyone else tuple(each for _, each in principals.named)
    )


def _sid(place: _Place) -> Iterator[Finding]:
    sid = place.statement.sid
    if sid and place.kind in (*_OF_PRINCIPALS, "trust") and not re.fullmatch("[A-Za-z0-9]+", sid):
        yield place.at("sid-characters", "Sid", f"`{sid}` holds more than letters and digits")


def _formats(place: _Place) -> Iterator[Finding]:
    statement = place.statement
    for action in (*(statement.action or ()), *(statement.not_action or ())):
        if matches_action(action, "a:b") is UNMODELLED:
            yield place.at("action-format", "Action", f"`{action}` is no action")
    for resource in (*(statement.resource or ()), *(statement.not_resource or ())):
        parts = resource.split(":", 5)
        if resource != "*" and (parts[0] != "arn" or re.search(r"[*?]", "".join(parts[2:3]))):
            yield place.at("resource-format", "Resource", f"`{resource}` is no ARN")
        yield from _variables(place, f"{statement.path}.Resource", resource, allowed="${" not in "".join(parts[:5]))
    for name in _names(statement.principal) or ():
        if name != "*" and re.search(r"[*?]|\$\{", name):
            yield place.at("principal-format", "Principal", f"`{name}` is a pattern")


def _openings(place: _Place) -> Iterator[Finding]:
    """What allows more than it names."""
    statement = place.statement
    if statement.not_principal is not None:
        yield place.at("not-principal", "NotPrincipal", f"NotPrincipal with {statement.effect}")
    if place.allows and statement.not_action is not None:
        yield place.at("allow-not-action", "NotAction", "NotAction with Allow")
    if place.allows and statement.not_resource is not None:
        yield place.at("allow-not-resource", "NotResource", "NotResource with Allow")
    public = place.allows and "*" in (_names(statement.principal) or ())
    if public and not any(map(place.compares, _BINDING)):
        yield place.at("public-allow", "Principal", "Allow to `*`")


_BINDING = (
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "kms:calleraccount",
)
"""A positive comparison with one of these leaves out the world at large."""


def _kms_root(place: _Place) -> Iterator[Finding]:
    if place.kind != "kms" or not place.allows:
        return
    to_account = any(
        re.fullmatch(r"(arn:[a-z-]+:iam::)?[0-9]{12}(:root)?", each) for each in _names(place.statement.principal) or ()
    )
    used = [
        each for each in _USES if any(matches_action(action, each) is not NO for action in place.statement.action or ())
    ]
    if to_account and used:
        yield place.at("kms-root-use", "Action", f"`{used[0]}` is delegated to the account's identity policies")


_USES = (
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:CreateGrant",
)


def _denies(place: _Place) -> Iterator[Finding]:
    """Keys of one statement are ANDed: where two must each be right, one Deny over both lets either be wrong."""
    names = {fold(each.key) for each in place.statement.conditions if _is_negated(each)}
    tested = sorted(names - _EXEMPTIONS)
    if not place.allows and len(tested) > 1:
        yield place.at("deny-keys-anded", "Condition", "one Deny needs " + " and ".join(f"`{key}`" for key in tested))


_EXEMPTIONS = {"aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:sourcearn", "aws:sourceaccount"}
"""Beside another key these except someone from the Deny, on purpose."""


def _is_negated(condition: Condition) -> bool:
    found = read_name(condition.operator).operator
    return found is not None and found.negated


def _trust(place: _Place) -> Iterator[Finding]:
    if place.kind != "trust" or not place.allows or place.statement.principal is None:
        return
    for kind, name in place.statement.principal.named:
        provider = name.partition("oidc-provider/")[2] or name
        oidc = kind == "Federated" and "saml-provider/" not in name
        if oidc and not place.compares(f"{fold(provider)}:aud") and not place.compares(f"{fold(provider)}:app_id"):
            yield place.at("trust-without-audience", "Condition", f"no condition on `{provider}:aud`")


def _key_case(place: _Place) -> Iterator[Finding]:
    found = Counter((each.operator, fold(each.key)) for each in place.statement.conditions)
    for (operator, key), times in found.items():
        if times > 1:
            yield place.at("key-case", f"Condition.{operator}", f"`{key}` stands {times} times, in different case")


# ---- Conditions


def _operator(place: _Place, condition: Condition, name: Name) -> Iterator[Finding]:
    if name.base == "Null":
        if condition.operator != "Null":
            yield Finding("null-modified", condition.path, f"`{condition.operator}`")
        if not {fold(value) for value in condition.values} <= {"true", "false"}:
            yield Finding("wrong-type", condition.path, "Null compares with `true` or `false`")
    elif name.operator is None:
        yield Finding("unknown-operator", condition.path, f"`{condition.operator}` is no operator")
    elif name.operator.typed:
        for value in condition.values:
            if "${" not in value and name.operator.typed(value, value) is UNMODELLED:
                yield Finding("wrong-type", condition.path, f"`{value}` under {condition.operator}")
    elif name.base.startswith("Arn") and any(value.count(":") < 5 and "${" not in value for value in condition.values):
        yield Finding("wrong-type", condition.path, f"{condition.operator} compares the six parts of an ARN")
    if not condition.values:
        yield Finding("empty-list", condition.path, "the condition compares with nothing")


_SINGLE = re.compile(
    r"aws:(principaltag|requesttag|resourcetag)/.*|kms:encryptioncontext:.*|kms:(calleraccount|viaservice|requestalias)"
    r"|aws:(principalarn|principalaccount|principalorgid|principaltype|sourcearn|sourceaccount|sourceip|sourcevpce?"
    r"|securetransport|tokenissuetime|userid|username|currenttime|multifactorauthpresent)|s3:prefix"
)
_LISTS = re.compile(
    r"aws:(tagkeys|calledvia|principalorgpaths|resourceorgpaths|sourceorgpaths|principalservicenameslist)"
    r"|kms:(encryptioncontextkeys|grantoperations|resourcealiases)"
    r"|dynamodb:(leadingkeys|attributes|(first|second|third|fourth)partitionkeyvalues)|.*:amr"
)


def _sets(place: _Place, condition: Condition, name: Name) -> Iterator[Finding]:
    key = fold(condition.key)
    if name.qualifier and _SINGLE.fullmatch(key):
        yield Finding("set-operator-on-single-value", condition.path, f"{name.qualifier} on `{condition.key}`")
    if not name.qualifier and name.base != "Null" and _LISTS.fullmatch(key):
        yield Finding("unqualified-list", condition.path, f"{condition.operator} on `{condition.key}`")
    if place.allows and name.qualifier == "ForAllValues" and not place.requires(condition.key):
        yield Finding("forallvalues-without-null", condition.path, f"Allow with {condition.operator}")
    if place.allows and name.if_exists and name.base != "Null" and not place.requires(condition.key):
        yield Finding("ifexists-in-allow", condition.path, f"Allow with {condition.operator}")


def _texts(place: _Place, condition: Condition, name: Name) -> Iterator[Finding]:
    literal = name.base.startswith("String") and not name.base.endswith("Like")
    for value in condition.values:
        if literal and re.search(r"[*?]", re.sub(r"\$\{[^}]*\}", "", value)):
            yield Finding("wildcard-without-like", condition.path, f"`{value}` under {condition.operator}")
        yield from _variables(place, condition.path, value, allowed=name.base.startswith(("String", "Arn")))


def _variables(place: _Place, path: str, text: str, *, allowed: bool) -> Iterator[Finding]:
    if "${" not in text:
        return
    if not place.variables or not allowed:
        yield Finding("variable-misplaced" if place.variables else "variable-literal", path, f"`{text}`")
    elif expand(text, Context({}), wildcards=False) is None:
        yield Finding("variable-malformed", path, f"`{text}`")
    elif re.search(r"\$\{[^}]*, '", text):
        yield Finding("variable-default", path, f"`{text}`")
    elif not place.allows and re.search(r"\$\{[^*?$]", text):
        yield Finding("variable-in-deny", path, f"`{text}`")


_OF_STATEMENTS: tuple[Callable[[_Place], Iterator[Finding]], ...] = (
    _elements,
    _sid,
    _lists,
    _formats,
    _openings,
    _kms_root,
    _denies,
    _trust,
    _key_case,
)
_OF_CONDITIONS: tuple[Callable[[_Place, Condition, Name], Iterator[Finding]], ...] = (_operator, _sets, _texts)
