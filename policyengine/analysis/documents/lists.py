"""What can be told apart in keys of several values, so that a few values stand for all.

Where a list is compared with plain texts alone, a value is one of these texts, another spelling of one that names a
pair of the request, or any other: a flag for each says whether the list holds it. Where patterns or variables are
compared, so many values of any kind: one for each comparison that needs one to come out as it is looked for, two for
each name of a pair, and one for the list's being there at all. To drop a value that no comparison needs changes none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from typing import Literal

from policyengine.analysis.documents import facts
from policyengine.analysis.documents.facts import Fact, Some, SomeOther
from policyengine.analysis.documents.symbols import LISTS, NAMES
from policyengine.iam.document import Condition
from policyengine.iam.matching import fold

Needs = Literal["allowed", "denied", "all"]
"""What the requests are that are looked for; `all`: both at once."""

ANOTHER = "another"
"""A value that no document names."""


def told_apart(
    found: Sequence[tuple[str, Condition]], asked: Iterable[Fact], *, tenant: str, needs: Needs
) -> tuple[dict[str, tuple[str, ...]], dict[str, int]]:
    """The elements of some lists, and of the others how many values matter. `found` are conditions, each with the
    effect of its statement."""
    asked = [*asked]
    compared: dict[str, list[str | None]] = {}
    for _, condition in found:
        key = fold(condition.key)
        if key in LISTS:
            plain = condition.operator == "Null" or not any(c in v for v in condition.values for c in "*?$")
            plain = plain and not (tenant and any(tenant in value for value in condition.values))
            compared.setdefault(key, []).extend(condition.values if plain else [None])
    per_fact: dict[str, int] = {}
    for fact in asked:
        counts: dict[str, int] = {}
        for key, texts in _in_fact(fact):
            compared.setdefault(key, []).extend(texts)
            counts[key] = counts.get(key, 0) + 1
        per_fact = {key: max(per_fact.get(key, 0), counts.get(key, 0)) for key in {*per_fact, *counts}}
    pairs = [fold(c.key) for _, c in found] + [fold(key) for fact in asked for key in facts.keys(fact)]
    named = {
        names: sorted({key.removeprefix(prefix) for key in pairs if key.startswith(prefix)})
        for names, prefix in NAMES.items()
    }
    for names, found_names in named.items():
        if found_names:
            compared.setdefault(names, [])
    elements = {
        key: _elements([text for text in texts if text is not None], named.get(key, ()))
        for key, texts in compared.items()
        if None not in texts
    }
    slots = {
        key: 1
        + sum(fold(c.key) == key and _needs_a_value(e, c, needs) for e, c in found)
        + per_fact.get(key, 0)
        + 2 * len(named.get(key, ()))
        for key in compared
        if key not in elements
    }
    return elements, slots


def _needs_a_value(effect: str, condition: Condition, needs: Needs) -> bool:
    """Whether a value of its own may be needed to show what is asked: for a request that is allowed, by ForAnyValue of
    an Allow and ForAllValues of a Deny; for one that is denied, the other way round."""
    if needs == "all":
        return True
    some = condition.operator.startswith("ForAnyValue")
    return some == ((effect == "Allow") == (needs == "allowed"))


def _in_fact(fact: Fact) -> Iterator[tuple[str, list[str | None]]]:
    for part in facts.parts_of(fact):
        if isinstance(part, Some | SomeOther):
            plain = [text[0] for text in part.texts if len(text) == 1 and isinstance(text[0], str) and not part.begins]
            yield fold(part.key), [*plain, *([] if len(plain) == len(part.texts) else [None])]
        elif isinstance(part, facts.Has) and fold(part.key) in LISTS:
            yield fold(part.key), []


def _elements(texts: list[str], names: Iterable[str]) -> tuple[str, ...]:
    """The texts; of each name two spellings that are none of them, as far as it has so many; and any other value."""
    made = dict.fromkeys(texts)
    for name in names:
        spellings = map("".join, product(*({c.upper(): 0, c.lower(): 0} for c in name)))
        made.update(dict.fromkeys(islice((each for each in spellings if each not in texts), 2)))
    other = ANOTHER
    while fold(other) in {fold(text) for text in made}:
        other += "-one"
    return (*made, other)
