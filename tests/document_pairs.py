"""Random documents and requests, asked of the encoder and of the evaluator of IAM documents: they must agree.

The encoder is asked about all requests at once, so that one request is put to it as equations on top of its text:
whether it is certainly allowed, whether it is certainly denied, and, so that nothing passes for want of a request,
whether its assumptions hold of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from policyengine.analysis import terms
from policyengine.analysis.documents import questions
from policyengine.analysis.documents.facts import kind_of, role_of
from policyengine.analysis.documents.questions import Encoded
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.stacks import Stack
from policyengine.analysis.documents.symbols import ARN, CALLER, LISTS, NAME, RESOURCE, TENANT, fixed, quoted
from policyengine.analysis.documents.texts import literal
from policyengine.analysis.solver import Question
from policyengine.iam import evaluate, read_request
from policyengine.iam.matching import fold

Json = dict[str, Any]

ACCOUNT, OTHER = "111122223333", "444455556666"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k1"
BUCKET = "arn:aws:s3:::b"
CALLERS = (
    f"arn:aws:sts::{ACCOUNT}:assumed-role/A/s",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/A/s",
    f"arn:aws:sts::{ACCOUNT}:assumed-role/Bee/s",
    f"arn:aws:iam::{ACCOUNT}:user/u",
    f"arn:aws:iam::{ACCOUNT}:root",
    f"arn:aws:sts::{OTHER}:assumed-role/A/s",
    f"arn:aws:iam::{OTHER}:root",
    "lambda.amazonaws.com",
    "cognito-identity.amazonaws.com",
    "anonymous",
)
PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": ACCOUNT},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:role/A"},
    {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/Bee", f"arn:aws:iam::{ACCOUNT}:user/u"]},
    {"AWS": f"arn:aws:iam::{OTHER}:root"},
    {"Service": "lambda.amazonaws.com"},
    {"Federated": "cognito-identity.amazonaws.com"},
)
ACTIONS = {
    "kms": ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKeyPair", "kms:ReEncryptFrom"),
    "trust": ("sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"),
    "resource": ("s3:GetObject", "s3:PutObject", "s3:ListBucket"),
    "none": ("s3:GetObject", "dynamodb:Query", "kms:Decrypt", "sts:AssumeRole"),
}
PATTERNS = {
    "kms": ("*", "kms:*", "kms:Decrypt", "KMS:decrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
    "trust": ("*", "sts:*", "sts:AssumeRole", "sts:AssumeRole*", "sts:TagSession"),
    "resource": ("*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject"),
    "none": ("*", "s3:Get*", "dynamodb:*", "dynamodb:Query", "kms:*", "sts:AssumeRole"),
}
RESOURCES = {
    "kms": (KEY,),
    "trust": (f"arn:aws:iam::{ACCOUNT}:role/T",),
    "resource": (f"{BUCKET}/org_1/x", f"{BUCKET}/org_2/x", f"{BUCKET}/org_10/x", BUCKET, f"{BUCKET}b/org_1/x"),
    "none": (
        f"{BUCKET}/org_1/x",
        "arn:aws:s3:::a:b",
        KEY,
        f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t",
        f"arn:aws:iam::{ACCOUNT}:role/T",
    ),
}
COVERED = {
    "kms": ("*",),
    "trust": ("*",),
    "resource": (
        "*",
        f"{BUCKET}/*",
        f"{BUCKET}/${{aws:PrincipalTag/orgId}}/*",
        f"{BUCKET}*",
        BUCKET,
        "arn:aws:s3:::?/*/x",
    ),
    "none": (
        "arn:aws:s3:?*:*:b",
        "*",
        f"{BUCKET}/*",
        f"{BUCKET}/${{aws:PrincipalTag/orgId}}/*",
        f"arn:aws:kms:*:{ACCOUNT}:key/*",
        "arn:aws:s3:?*:*:b",
        KEY,
    ),
}
TEXTS = ("org_1", "org_2", "org_10", "ORG_1", "x", "")
SINGLE = ("aws:PrincipalTag/orgId", "aws:PrincipalTag/userId", "aws:ResourceTag/orgId", "aws:SourceVpce")
OF_KIND = {
    "kms": ("kms:EncryptionContext:orgId", "kms:EncryptionContext:kind"),
    "trust": ("aws:RequestTag/orgId",),
}
LIKE, EQUAL = ("StringLike", "StringNotLike"), ("StringEquals", "StringNotEquals", "StringLike")
LISTED = {
    "kms": ("kms:EncryptionContextKeys", ("orgId", "kind", "ORGID", "x"), EQUAL),
    "trust": ("aws:TagKeys", ("orgId", "kind", "x"), EQUAL),
    "none": ("dynamodb:LeadingKeys", ("org_1#x", "${aws:PrincipalTag/orgId}#*", "org_2#*"), LIKE),
}
SOURCES = ("arn:aws:s3:::b", "arn:aws:s3:::a:b", "arn:aws:s3::111122223333:b")
SOURCED = ("arn:aws:s3:*:*:b", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::?")
BOOLEANS = ("aws:SecureTransport", "aws:MultiFactorAuthPresent")
NUMBERS, TIMES = ("s3:signatureAge",), ("aws:TokenIssueTime",)
MOMENTS = ("2026-06-01T11:59:59Z", "2026-06-01T12:00:00Z", "2026-06-01T12:00:01Z")
STRINGS = (
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
)
RELATIONS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
WANTED = (
    "org_1",
    "org_2",
    "org_1*",
    "*",
    "?rg_1",
    "org_?*",
    "${aws:PrincipalTag/orgId}",
    "${aws:PrincipalTag/orgId}#*",
    "${aws:PrincipalTag/orgId}?*",
)
ARNS = (
    f"arn:aws:iam::{ACCOUNT}:role/A",
    f"arn:aws:iam::{ACCOUNT}:role/*",
    "arn:aws:iam::*:role/A",
    f"arn:aws:iam::{OTHER}:role/A",
)


# ---- Documents


def condition(rng: Random, kind: str) -> tuple[str, str, Any]:
    """An operator, a key, and the values."""

    def some(values: Sequence[str]) -> Any:
        chosen = rng.sample(values, rng.choice((1, 1, 2)))
        return chosen if len(chosen) > 1 or rng.random() < 0.5 else chosen[0]

    def maybe(operator: str) -> str:
        return operator + rng.choice(("", "", "IfExists"))

    operator, several = rng.choice(STRINGS), rng.choice(("ForAllValues:", "ForAnyValue:"))
    single = rng.choice((*SINGLE, *OF_KIND.get(kind, ())))
    match rng.randrange(11):
        case 0 | 1 | 2 | 3:
            plain = operator.endswith("IgnoreCase") or rng.random() < 0.5
            return maybe(operator), single, some(TEXTS[:5] if plain else WANTED)
        case 4:
            return several + maybe(rng.choice(STRINGS[:4])), single, some(TEXTS[:4])
        case 5 if kind in LISTED:
            key, texts, operators = LISTED[kind]
            return several + maybe(rng.choice(operators)), key, some(texts)
        case 6:
            listed = [LISTED[kind][0]] if kind in LISTED else []
            return "Null", rng.choice([single, BOOLEANS[0], *listed]), rng.choice(("true", "false"))
        case 7:
            return maybe("Bool"), rng.choice(BOOLEANS), rng.choice(("true", "false"))
        case 8:
            return maybe("Numeric" + rng.choice(RELATIONS)), NUMBERS[0], str(rng.choice((1, 2, 3)))
        case 9:
            return maybe("Date" + rng.choice(RELATIONS)), TIMES[0], rng.choice(MOMENTS)
        case _:
            key, arns = rng.choice((("aws:PrincipalArn", ARNS), ("aws:SourceArn", SOURCED)))
            return rng.choice(("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike")), key, some(arns)


def statement(rng: Random, kind: str, on_resource: bool) -> Json:
    made: Json = {"Effect": "Deny" if rng.random() < 0.2 else "Allow"}
    if on_resource:
        made["Principal"] = rng.choice(PRINCIPALS[:3] if rng.random() < 0.5 else PRINCIPALS)
    wide = PATTERNS[kind][0] if rng.random() < 0.3 else rng.choice(PATTERNS[kind])
    made["NotAction" if rng.random() < 0.1 else "Action"] = wide
    if not (on_resource and kind == "trust"):
        made["NotResource" if rng.random() < 0.1 and kind != "kms" else "Resource"] = rng.choice(COVERED[kind])
    for _ in range(rng.choice((0, 1, 1, 2))):
        operator, key, values = condition(rng, kind)
        made.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    return made


def document(rng: Random, kind: str, on_resource: bool, few: bool = False) -> str:
    version = "2012-10-17" if rng.random() < 0.9 else "2008-10-17"
    count = rng.choice((1, 2)) if few else rng.choice((1, 2, 2, 3))
    return json.dumps({"Version": version, "Statement": [statement(rng, kind, on_resource) for _ in range(count)]})


def stack(rng: Random) -> Stack:
    kind = rng.choice(("kms", "kms", "trust", "resource", "none"))
    return Stack(
        ACCOUNT,
        tuple(document(rng, kind, False) for _ in range(rng.choice((0, 1, 1, 2)) or kind == "none")),
        None if kind == "none" else document(rng, kind, True),
        document(rng, kind, False, few=True) if rng.random() < 0.2 else None,
        "resource" if kind == "none" else kind,
        rng.choice(("", "org_1")),
    )


# ---- Requests


def request(rng: Random, about: Stack) -> Json:
    kind = "none" if about.resource_policy is None else about.kind
    caller = rng.choice(CALLERS)
    context: Json = {}
    for key in (*SINGLE, "aws:SourceArn", *BOOLEANS, *NUMBERS, *TIMES):
        if rng.random() < 0.6 and (not key.startswith("aws:PrincipalTag") or caller.startswith("arn:")):
            values: dict[str, tuple[str, ...]] = dict.fromkeys(BOOLEANS, ("true", "false"))
            values |= {NUMBERS[0]: ("1", "2", "3"), TIMES[0]: MOMENTS, "aws:SourceArn": SOURCES}
            context[key] = rng.choice(values.get(key, TEXTS))
    if kind == "kms":
        _pairs(rng, context, "kms:EncryptionContextKeys", "kms:EncryptionContext:", ("orgId", "kind", "ORGID", "x"))
    if kind == "trust":
        _pairs(rng, context, "aws:TagKeys", "aws:RequestTag/", ("orgId", "kind", "x"))
    if kind == "none" and rng.random() < 0.7:
        keys = ("org_1#x", "org_2#x", "org_10#x", "org_1")
        context["dynamodb:LeadingKeys"] = rng.sample(keys, rng.choice((1, 1, 2)))
    return about.request(caller, rng.choice(ACTIONS[kind]), rng.choice(RESOURCES[kind]), context, "org_1")


def _pairs(rng: Random, context: Json, listed: str, prefix: str, names: tuple[str, ...]) -> None:
    chosen = [name for name in names if rng.random() < 0.4]
    if chosen:
        context[listed] = chosen
        context.update({prefix + name: rng.choice(TEXTS[:4]) for name in chosen})


# ---- The request as equations


READ: dict[str, Callable[[str], str]] = {
    "String": literal,
    "Bool": str,
    "Int": str,
    "Time": lambda text: str(int(datetime.fromisoformat(text).timestamp())),
}


def equations(encoded: Encoded, asked: Json) -> list[str]:
    """Raises LookupError where the encoding has no room for the request: a list that is longer than it can matter."""
    symbols, kind = encoded.symbols, kind_of(asked["principal"])
    made = [f"(= {CALLER} |{kind}|)", fixed(RESOURCE, asked["resource"]), fixed(TENANT, "org_1")]
    if asked["principal"].startswith("arn:"):
        made.append(fixed(ARN, role_of(asked["principal"])))
    if kind in ("service", "federated"):
        made.append(fixed(NAME, asked["principal"]))
    names = [name for name in encoded.actions.names if fold(name) == fold(asked["action"])]
    made.append(f"(= |action| |{names[0]}|)")
    context = {fold(key): (key, value) for key, value in asked["context"].items()}
    for key, sort in symbols.sorts.items():
        held = context.get(key)
        if key in LISTS:
            made += _list(encoded, key, held[1] if held else [])
            continue
        pairs = [(k, v) for k, v in asked["context"].items() if fold(k) == key]
        made.append(quoted("has", key) if pairs else terms.negated(quoted("has", key)))
        if pairs:
            made.append(f"(= {quoted(key)} {READ[sort](pairs[0][1])})")
        if len(pairs) > 1 and key in symbols.paired:
            made.append(f"(= {quoted(key, 'again')} {READ[sort](pairs[1][1])})")
    return made


def _list(encoded: Encoded, key: str, held: list[str]) -> Iterator[str]:
    values = encoded.symbols.values(key)
    elements = encoded.symbols.elements.get(key)
    if elements is None:
        if len(held) > len(values):
            raise LookupError(key)
        for at, value in enumerate(values):
            yield value.present if at < len(held) else terms.negated(value.present)
            yield from [f"(= {value.term} {literal(held[at])})"] if at < len(held) else []
        return
    there = {element for element in elements if element in held}
    written = "".join((encoded.stack.resource_policy or "", encoded.stack.boundary or "", *encoded.stack.identity))
    for name in (name for name in held if name not in elements):  # another spelling of a pair's name, or any other
        unused = [e for e in elements if fold(e) == fold(name) and e not in there and f'"{e}"' not in written]
        there.add(unused[0] if unused else elements[-1])
    for element, value in zip(elements, values, strict=True):
        yield value.present if element in there else terms.negated(value.present)


# ---- Agreement


@dataclass(frozen=True)
class Disagreement:
    stack: Stack
    request: Json
    encoder: str
    evaluator: str


def compare(about: Stack, requests: list[Json]) -> tuple[Counter[str], list[Disagreement]]:
    """What the evaluator said, how often, and where the encoder says otherwise. Refused stacks are counted."""
    seen: Counter[str] = Counter()
    patterns = tuple(dict.fromkeys(each["action"] for each in requests))
    try:
        encoded = questions.encode(about, [], "all", patterns)
    except Unsupported:
        return Counter(refused=len(requests)), []
    asked, kept = [], []
    for each in requests:
        try:
            fixing = equations(encoded, each)
        except LookupError:
            seen["too long"] += 1
            continue
        kept.append(each)
        asked += [
            Question((*fixing, encoded.allowed.certain)),
            Question((*fixing, terms.negated(encoded.allowed.possible))),
        ]
        asked += [Question(tuple(fixing))]
    answers, _ = questions.put(encoded, asked)
    wrong = []
    for at, each in enumerate(kept):
        certain, barred, there = (answer.status for answer in answers[3 * at : 3 * at + 3])
        said = {("sat", "unsat"): "allowed", ("unsat", "sat"): "denied", ("unsat", "unsat"): "undetermined"}
        encoder = said.get((certain, barred), f"{certain}, {barred}") if there == "sat" else f"no such request: {there}"
        evaluator = decided(each)
        seen[evaluator] += 1
        if encoder != evaluator:
            wrong.append(Disagreement(about, each, encoder, evaluator))
    return seen, wrong


def decided(asked: Json) -> str:
    """The evaluator's answer, with one word for all denials: where only the kind of a denial is open, it is one."""
    found = evaluate(read_request(asked)).decision
    if found == "undetermined" and decided_without_denies(asked) == "implicit_deny":
        return "denied"
    return {"explicit_deny": "denied", "implicit_deny": "denied"}.get(found, found)


def decided_without_denies(asked: Json) -> str:
    def bare(made: Json) -> Json:
        kept = [each for each in made["Statement"] if each["Effect"] == "Allow"]
        return {
            **made,
            "Statement": kept or [{"Effect": "Allow", "Action": "none:None", "Resource": "arn:aws:none:::"}],
        }

    changed = {**asked, "identity": [bare(each) for each in asked["identity"]]}
    changed |= {name: bare(asked[name]) for name in ("boundary",) if name in asked}
    if "resource_policy" in asked:
        kept = [each for each in asked["resource_policy"]["Statement"] if each["Effect"] == "Allow"]
        changed["resource_policy"] = {**asked["resource_policy"], "Statement": kept}
        if not kept:
            nobody = {"Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "none:None"}
            changed["resource_policy"]["Statement"] = [nobody]
    return evaluate(read_request(changed)).decision


def run(seed: int, stacks: int, each: int) -> tuple[Counter[str], list[Disagreement]]:
    rng = Random(seed)
    seen: Counter[str] = Counter()
    wrong: list[Disagreement] = []
    for _ in range(stacks):
        about = stack(rng)
        found, bad = compare(about, [request(rng, about) for _ in range(each)])
        seen += found
        wrong += bad
    return seen, wrong
