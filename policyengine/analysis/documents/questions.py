"""Claims about a stack put to the solvers, and what they find brought back as a request that people can read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from policyengine.analysis import terms
from policyengine.analysis.documents import facts, stacks
from policyengine.analysis.documents.actions import ACTION, Actions, classes
from policyengine.analysis.documents.facts import Fact, Request
from policyengine.analysis.documents.lists import Needs, told_apart
from policyengine.analysis.documents.readings import Reading
from policyengine.analysis.documents.stacks import Encoder, Layer, Stack
from policyengine.analysis.documents.symbols import (
    ARN,
    CALLER,
    LISTS,
    NAME,
    NAMES,
    RESOURCE,
    TENANT,
    Sort,
    Symbols,
    fixed,
    quoted,
)
from policyengine.analysis.documents.texts import from_literal
from policyengine.analysis.solver import LEADS, LIMIT, Answer, Question, ask
from policyengine.iam import evaluate, read_request
from policyengine.iam.document import Condition
from policyengine.iam.matching import fold

Json = dict[str, Any]
ITS_TENANT = "org_1"
"""What the symbolic tenant is called where a request is shown."""


@dataclass(frozen=True)
class Encoded:
    """A stack and the facts that are asked about it, as text. `facts` are terms, in their order."""

    stack: Stack
    symbols: Symbols
    actions: Actions
    text: str
    allowed: Reading
    facts: tuple[str, ...]
    spelled: Mapping[str, str]

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """All that a request is made of."""
        made = [CALLER, ARN, NAME, ACTION, RESOURCE, TENANT]
        for key in sorted(self.symbols.sorts):
            if key in LISTS:
                made += [value.present for value in self.symbols.values(key)]
                made += [value.term for value in self.symbols.values(key) if key not in self.symbols.elements]
            else:
                made += [quoted("has", key), quoted(key)]
                made += [quoted(key, "again")] if key in self.symbols.paired else []
        return tuple(made)

    @property
    def evidence(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def encode(stack: Stack, asked: Sequence[Fact], needs: Needs, also: Sequence[str] = ()) -> Encoded:
    """The text that all questions about these facts share: which requests `needs` says.

    `also` are actions to be told apart from all others. Raises Unsupported.
    """
    found = stacks.layers(stack)
    placed = [(s.effect, c) for layer in found for s in layer.document.statements for c in s.conditions]
    conditions = [condition for _, condition in placed]
    elements, slots = told_apart(placed, asked, tenant=stack.tenant, needs=needs)
    typed = {key: sort for fact in asked for key, sort in facts.sorts(fact).items()} | stacks.sorts(found)
    symbols = Symbols(stack.partition, _alphabet(conditions, found, asked), elements, slots, typed)
    patterns = [
        *also,
        *stacks.ALWAYS_TOLD_APART,
        *(p for fact in asked for p in facts.patterns(fact)),
        *_patterns(found),
    ]
    actions = classes(patterns)
    encoder = Encoder(stack, symbols, actions)
    definitions, allowed = encoder.decision(found)
    asked_terms = tuple(facts.term(fact, symbols, actions) for fact in asked)
    assumed: dict[str, list[str]] = {}
    for name, term in symbols.conditions():
        assumed.setdefault(name, []).append(term)
    lines = [
        "(set-option :produce-models true)",
        "(set-logic ALL)",
        actions.declarations,
        *symbols.declarations(),
        *definitions,
        f"(define-fun |allowed certainly| () Bool {allowed.certain})",
        f"(define-fun |allowed possibly| () Bool {allowed.possible})",
        f"(assert {encoder.domain()})",
        *(f"(assert (! {terms.all_of(parts)} :named {quoted('assumed', name)}))" for name, parts in assumed.items()),
    ]
    reading = Reading("|allowed certainly|", "|allowed possibly|")
    return Encoded(stack, symbols, actions, "\n".join(lines) + "\n", reading, asked_terms, _spellings(found, asked))


def _alphabet(conditions: Iterable[Condition], found: Iterable[Layer], asked: Iterable[Fact]) -> frozenset[str]:
    texts = [value for condition in conditions for value in condition.values]
    texts += [r for layer in found for s in layer.document.statements for r in (s.resource or s.not_resource or ())]
    texts += [word for fact in asked for word in facts.words(fact)]
    return frozenset("".join(texts))


def _patterns(found: Iterable[Layer]) -> Iterable[str]:
    for layer in found:
        for statement in layer.document.statements:
            yield from (*(statement.action or ()), *(statement.not_action or ()))


def _spellings(found: Iterable[Layer], asked: Iterable[Fact]) -> dict[str, str]:
    """Folded key -> how documents, or else claims, spell it."""
    made: dict[str, str] = {}
    for fact in asked:
        made |= {fold(part.key): part.key for part in facts.parts_of(fact) if hasattr(part, "key")}
    for layer in found:
        for statement in layer.document.statements:
            made |= {fold(condition.key): condition.key for condition in statement.conditions}
    return made


# ---- Asking


def possible(encoded: Encoded, index: int, *more: str) -> Question:
    """Whether a request of this kind may be allowed, in some reading of AWS's words."""
    return Question((encoded.allowed.possible, encoded.facts[index], *more))


def certain(encoded: Encoded, index: int, *, plain: bool = True) -> Question:
    """A request of this kind that is allowed in every reading, with all that it is made of; `plain`: the tenant of
    such a request is called `ITS_TENANT`."""
    named = (fixed(TENANT, ITS_TENANT),) if plain else ()
    return Question((encoded.allowed.certain, encoded.facts[index], *named), encoded.wanted)


def blocked(encoded: Encoded, index: int) -> Question:
    """Whether a request of this kind may be denied, in some reading of AWS's words."""
    return Question((terms.negated(encoded.allowed.certain), encoded.facts[index]))


def barred(encoded: Encoded, index: int, *, plain: bool = True) -> Question:
    """A request of this kind that is denied in every reading, with all that it is made of."""
    named = (fixed(TENANT, ITS_TENANT),) if plain else ()
    return Question((terms.negated(encoded.allowed.possible), encoded.facts[index], *named), encoded.wanted)


def conceivable(encoded: Encoded, index: int) -> Question:
    """Whether there are requests of this kind, whatever is allowed."""
    return Question((encoded.facts[index],))


SECOND_LIMIT = 400_000
"""Steps of the second opinion. On texts it either needs few, or gives up whatever it is given."""


def put(
    encoded: Encoded,
    asked: Sequence[Question],
    others: Sequence[Question] = (),
    *,
    limit: int = LIMIT,
    solvers: Sequence[str] = (LEADS,),
) -> tuple[list[Answer], list[Answer]]:
    """The answers of the first solver to all; beside them, of what is `asked`, what the further solvers say.

    `others` are about requests that are looked for: what is found is replayed, and needs no second opinion.
    """

    def heard(name: str) -> list[Answer]:
        if name == solvers[0]:
            return ask(encoded.text, [*asked, *others], limit=limit, solvers=(name,))
        return ask(encoded.text, asked, limit=min(limit, SECOND_LIMIT), solvers=(name,))

    with ThreadPoolExecutor(len(solvers)) as pool:
        first, *further = pool.map(heard, solvers)
    return [_merged([*column]) for column in zip(first, *further, strict=False)][: len(asked)], first[len(asked) :]


def _merged(answers: list[Answer]) -> Answer:
    opinions = tuple(opinion for answer in answers for opinion in answer.opinions)
    words = {answer.status for answer in answers} - {"unknown"}
    if len(words) > 1:
        return Answer("unknown", opinions=opinions, contradiction=True)
    return replace(answers[0], opinions=opinions)


# ---- A request, from the values of a model


def decoded(encoded: Encoded, values: Mapping[str, str]) -> tuple[Request, str]:
    """The request, and the id of the tenant in it."""
    stack = encoded.stack
    tenant = from_literal(values[TENANT])
    context: Json = {}
    names: dict[str, list[str]] = {}
    for key in sorted(encoded.symbols.sorts):
        if key in LISTS:
            found = [
                from_literal(values.get(v.term, v.term))
                for v in encoded.symbols.values(key)
                if values[v.present] == "true"
            ]
            if found:
                names[key] = list(dict.fromkeys(found))
                context[LISTS[key]] = names[key]
    for key, sort in sorted(encoded.symbols.sorts.items()):
        if key in LISTS or values[quoted("has", key)] != "true":
            continue
        read = _READ[sort]
        value = read(values[quoted(key)])
        spelled = _names_of(key, names)
        for at, name in enumerate(spelled or [encoded.spelled.get(key, key)]):
            context[name] = value if not at else read(values[quoted(key, "again")])
    caller = _principal(stack, values)
    action, resource = values[ACTION].strip("|"), from_literal(values[RESOURCE])
    return stack.request(caller, action, resource, context, tenant), tenant


def _names_of(key: str, names: Mapping[str, list[str]]) -> list[str]:
    """The keys of a pair, as the list of names spells it."""
    for listed, prefix in NAMES.items():
        if key.startswith(prefix):
            shown = "kms:EncryptionContext:" if listed.startswith("kms") else "aws:RequestTag/"
            return [shown + name for name in names.get(listed, ()) if fold(name) == key.removeprefix(prefix)]
    return []


def _integer(raw: str) -> str:
    return raw.strip("()").replace(" ", "")


def _time(raw: str) -> str:
    return datetime.fromtimestamp(int(_integer(raw)), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_READ: dict[Sort, Callable[[str], str]] = {"String": from_literal, "Bool": str, "Int": _integer, "Time": _time}


def _principal(stack: Stack, values: Mapping[str, str]) -> str:
    arn, name = from_literal(values[ARN]), from_literal(values[NAME])
    match values[CALLER].strip("|"):
        case "session":
            start, _, role = arn.partition(":role/")
            return f"{start.replace(':iam:', ':sts:')}:assumed-role/{role}/session-1"
        case "user" | "root":
            return arn
        case "service":
            return name if name.endswith(".amazonaws.com") and name != COGNITO else "ec2.amazonaws.com"
        case "federated":
            return name if name in (COGNITO, *OTHER_PROVIDERS) else OTHER_PROVIDERS[0]
        case _:
            return "anonymous"


COGNITO = "cognito-identity.amazonaws.com"
OTHER_PROVIDERS = ("accounts.google.com", "graph.facebook.com", "www.amazon.com")


# ---- Replay


def decision(request: Request) -> str:
    return evaluate(read_request(request)).decision


def shows(wanted: str, fact: Fact, tenant: str) -> Callable[[Request], bool]:
    """The test whether a request is of this kind, and is `allowed` or `denied` for certain."""

    def test(request: Request) -> bool:
        found = decision(request)
        known = {"allowed": "allowed", "explicit_deny": "denied", "implicit_deny": "denied"}.get(found)
        return known == wanted and facts.holds(fact, request, tenant)

    return test
