"""What claims say of a request, in two readings: as a term about all requests, and as a test of one of them.

The two are apart so that a counterexample is judged without the encoder: by `policyengine.iam` whether it is allowed,
and here, on the plain request, whether it is what the claim forbids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policyengine.analysis import terms
from policyengine.analysis.documents.actions import Actions
from policyengine.analysis.documents.symbols import ARN, NAME, RESOURCE, TENANT, Sort, Symbols
from policyengine.analysis.documents.texts import Symbol, Text, equals, joined, literal
from policyengine.iam.matching import fold

Request = dict[str, Any]
"""In the form of `policyengine aws simulate`; `tenant` is the id that the symbolic tenant has in it."""

Part = str | Symbol
VICTIM = Symbol(TENANT)
"""The tenant whose key, rows or objects are asked for."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The value of a tag of the caller, in a text."""

    key: str


Words = Sequence[Part | Tagged]


@dataclass(frozen=True, slots=True)
class Acts:
    """The action is one of these; a pattern ends in `*`."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """The caller is of one of these kinds."""

    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CalledBy:
    """The caller is, or acts as, one of these: ARNs of roles and users."""

    arns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """The caller is this service, or this identity provider."""

    name: str


@dataclass(frozen=True, slots=True)
class OfAccount:
    account: str


@dataclass(frozen=True, slots=True)
class Has:
    key: str


@dataclass(frozen=True, slots=True)
class Is:
    """The key is there and holds one of these texts."""

    key: str
    texts: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """The key is there and begins with this text, and has so many more characters."""

    key: str
    text: Words
    more: int = 0


@dataclass(frozen=True, slots=True)
class Contains:
    """The key is there and contains one of these texts."""

    key: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """The key is there and says this."""

    key: str
    value: bool


@dataclass(frozen=True, slots=True)
class Below:
    """The key is there and is less than this number, or earlier than this time (seconds since 1970)."""

    key: str
    number: int
    sort: Sort = "Int"


@dataclass(frozen=True, slots=True)
class Some:
    """A value of the list is one of these texts, or begins with it."""

    key: str
    texts: tuple[Words, ...]
    begins: bool = False


@dataclass(frozen=True, slots=True)
class SomeOther:
    """A value of the list is none of these texts, nor begins so."""

    key: str
    texts: tuple[Words, ...]
    begins: bool = False


@dataclass(frozen=True, slots=True)
class On:
    """The resource is this, or begins with it."""

    text: Words
    begins: bool = True


@dataclass(frozen=True, slots=True)
class Not:
    fact: Fact


@dataclass(frozen=True, slots=True)
class All:
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    facts: tuple[Fact, ...]


Fact = (
    Acts
    | Called
    | CalledBy
    | Named
    | OfAccount
    | Has
    | Is
    | Begins
    | Contains
    | Flag
    | Below
    | Some
    | SomeOther
    | On
    | Not
    | All
    | Any_
)


def on(*texts: Words, begins: bool = True) -> Fact:
    """The resource is, or begins with, one of these."""
    return Any_(tuple(On((text,) if isinstance(text, str) else text, begins) for text in texts))


def both(*facts: Fact) -> Fact:
    return All(facts)


def either(*facts: Fact) -> Fact:
    return Any_(facts)


def parts_of(fact: Fact) -> Iterator[Fact]:
    """The fact and all within it."""
    yield fact
    match fact:
        case Not(inner):
            yield from parts_of(inner)
        case All(facts) | Any_(facts):
            for each in facts:
                yield from parts_of(each)


def sorts(fact: Fact) -> dict[str, Sort]:
    """The sort of each key that the fact settles."""
    made: dict[str, Sort] = {}
    for part in parts_of(fact):
        match part:
            case Flag(key, _):
                made[fold(key)] = "Bool"
            case Below(key, _, sort):
                made[fold(key)] = sort
            case Is(key, _) | Begins(key, _, _) | Contains(key, _):
                made[fold(key)] = "String"
    return made


def keys(fact: Fact) -> Iterator[str]:
    """The condition keys that the fact names, its tags among them."""
    for part in parts_of(fact):
        key = getattr(part, "key", None)
        if key:
            yield key


def words(fact: Fact) -> Iterator[str]:
    """The plain parts of all texts in it."""
    for part in parts_of(fact):
        match part:
            case Is(_, texts) | Some(_, texts, _) | SomeOther(_, texts, _) | Contains(_, texts):
                found: Iterator[Words] = iter(texts)
            case Begins(_, text, _) | On(text, _):
                found = iter((text,))
            case _:
                continue
        for text in found:
            yield from (word for word in ([text] if isinstance(text, str) else text) if isinstance(word, str))


def patterns(fact: Fact) -> tuple[str, ...]:
    return tuple(pattern for part in parts_of(fact) if isinstance(part, Acts) for pattern in part.patterns)


# ---- Of all requests


def term(fact: Fact, symbols: Symbols, actions: Actions) -> str:
    """The fact as a term. It speaks of keys that claims name; where one is missing, only `Not` makes it true."""
    match fact:
        case Acts(listed):
            return actions.among(listed, "a claim")
        case Called(kinds):
            return symbols.is_caller(kinds)
        case CalledBy(arns):
            return terms.all_of([symbols.has_account, terms.any_of(f"(= {ARN} {literal(arn)})" for arn in arns)])
        case Named(name):
            return terms.all_of([symbols.is_caller(["service", "federated"]), equals((name,), NAME)])
        case OfAccount(account):
            return terms.all_of([symbols.has_account, symbols.of_account(account)])
        case Has(key):
            return symbols.presence(key, "a claim")
        case Is(key, texts):
            value = symbols.value(key, "String", "a claim")
            found = terms.any_of(_said(text, symbols, lambda t: equals(t, value.term)) for text in texts)
            return terms.all_of([value.present, found])
        case Begins(key, text, more):
            value = symbols.value(key, "String", "a claim")
            return terms.all_of([value.present, _said(text, symbols, lambda t: _prefix(t, value.term, more))])
        case Contains(key, parts):
            value = symbols.value(key, "String", "a claim")
            found = terms.any_of(f"(str.contains {value.term} {literal(part)})" for part in parts)
            return terms.all_of([value.present, found])
        case Flag(key, said):
            value = symbols.value(key, "Bool", "a claim")
            return terms.all_of([value.present, value.term if said else terms.negated(value.term)])
        case Below(key, number, sort):
            value = symbols.value(key, sort, "a claim")
            return terms.all_of([value.present, f"(< {value.term} {terms.integer(number)})"])
        case Some(key, texts, begins) | SomeOther(key, texts, begins):
            found_each = []
            for value in symbols.values(key):
                hit = terms.any_of(
                    _said(text, symbols, lambda t, v=value: _prefix(t, v.term) if begins else equals(t, v.term))
                    for text in texts
                )
                found_each.append(terms.all_of([value.present, hit if isinstance(fact, Some) else terms.negated(hit)]))
            return terms.any_of(found_each)
        case On(text, begins):
            return _said(text, symbols, lambda t: _prefix(t, RESOURCE) if begins else equals(t, RESOURCE))
        case Not(inner):
            return terms.negated(term(inner, symbols, actions))
        case All(facts):
            return terms.all_of(term(each, symbols, actions) for each in facts)
        case Any_(facts):
            return terms.any_of(term(each, symbols, actions) for each in facts)


def _prefix(text: Text, value: str, more: int = 0) -> str:
    begins = f"(str.prefixof {joined(text)} {value})"
    longer = f"(>= (str.len {value}) (+ (str.len {joined(text)}) {more}))" if more else "true"
    return terms.all_of([begins, longer])


def _said(words: Words, symbols: Symbols, make: Any) -> str:
    """What is said of a text with the caller's tags in it holds only if he has them."""
    present: list[str] = []
    text: list[Symbol | str] = []
    for word in words if not isinstance(words, str) else [words]:
        if isinstance(word, Tagged):
            value = symbols.value(word.key, "String", "a claim")
            present.append(value.present)
            text.append(Symbol(value.term))
        else:
            text.append(word)
    return terms.all_of([*present, make(tuple(text))])


# ---- Of one request


def holds(fact: Fact, request: Request, tenant: str) -> bool:
    """Whether the fact is true of a request, in which the symbolic tenant has this id."""
    context = {fold(key): value for key, value in request["context"].items()}

    def texts_of(words: Words) -> str | None:
        made = ""
        for word in words if not isinstance(words, str) else [words]:
            if isinstance(word, Tagged):
                value = context.get(fold(word.key))
                if value is None:
                    return None
                made += value
            else:
                made += tenant if isinstance(word, Symbol) else word
        return made

    def among(value: Any, texts: Sequence[Words], begins: bool) -> bool:
        wanted = [text for text in map(texts_of, texts) if text is not None]
        return any(value.startswith(text) if begins else value == text for text in wanted)

    match fact:
        case Acts(listed):
            return any(_acts(pattern, request["action"]) for pattern in listed)
        case Called(kinds):
            return kind_of(request["principal"]) in kinds
        case CalledBy(arns):
            return role_of(request["principal"]) in arns
        case Named(name):
            return bool(request["principal"] == name)
        case OfAccount(account):
            return f"::{account}:" in request["principal"]
        case Has(key):
            return context.get(fold(key)) not in (None, [])
        case Is(key, texts):
            return context.get(fold(key)) is not None and among(context[fold(key)], texts, False)
        case Begins(key, text, more):
            value, start = context.get(fold(key)), texts_of(text)
            return (
                value is not None and start is not None and value.startswith(start) and len(value) >= len(start) + more
            )
        case Contains(key, parts):
            return any(part in (context.get(fold(key)) or "") for part in parts)
        case Flag(key, said):
            return context.get(fold(key)) == ("true" if said else "false")
        case Below(key, number, sort):
            value = context.get(fold(key))
            return value is not None and (_seconds(value) if sort == "Time" else int(value)) < number
        case Some(key, texts, begins):
            return any(among(value, texts, begins) for value in context.get(fold(key)) or [])
        case SomeOther(key, texts, begins):
            return any(not among(value, texts, begins) for value in context.get(fold(key)) or [])
        case On(text, begins):
            return among(request["resource"], [text], begins)
        case Not(inner):
            return not holds(inner, request, tenant)
        case All(facts):
            return all(holds(each, request, tenant) for each in facts)
        case Any_(facts):
            return any(holds(each, request, tenant) for each in facts)


def kind_of(principal: str) -> str:
    """The kind of a caller, as `symbols.KINDS` has them."""
    if principal == "anonymous":
        return "anonymous"
    found = re.match(r"arn:[a-z-]+:(?:sts::\d{12}:(assumed-role)|iam::\d{12}:(user|root))", principal)
    if found:
        return "session" if found[1] else found[2]
    return "federated" if principal == "cognito-identity.amazonaws.com" or "-provider/" in principal else "service"


def role_of(principal: str) -> str:
    """The role of a session; else the principal itself."""
    found = re.fullmatch(r"arn:([a-z-]+):sts::(\d{12}):assumed-role/([^/]+)/.*", principal)
    return f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}" if found else principal


def _acts(pattern: str, action: str) -> bool:
    return fold(action).startswith(fold(pattern[:-1])) if pattern.endswith("*") else fold(action) == fold(pattern)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
