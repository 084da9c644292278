"""What holds of every well-formed request and of the walk to the holder, as SMT-LIB conditions.

A chain of any depth needs no recursion: a rule sees the record and the holder only, so the holder is one more object,
with a flag that says whether the walk found it (docs/studio.md, Chains). That it is of the record's tenant is assumed
here and enforced by the evaluators, which look for each row within the record's tenant. Each condition carries the
name of the assumption that it is, so that a proof can say on which of them it rests.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.analysis.terms import all_of, any_of, implies, integer, negated
from policyengine.analysis.vocabulary import RESOLVES, THE_ACTION, Vocabulary, sort_of
from policyengine.model.schema import Inheritance, attribute
from policyengine.model.types import TIME, Shape, Type
from policyengine.model.values import instant

GIVEN = {
    "well-formed": "principal, record and context fit the schema: anything else is denied before any rule",
    "texts": "texts that the policies write differently are different values",
    "own holder": "a record that does not inherit is its own holder",
    "holder": "a holder does not inherit, and is of the record's tenant: rows are looked up within that tenant only",
    "walk": "the way up starts at the parent that the record names, and never comes back to the record",
    "rows": "a grant row for which `counts when` does not hold is as good as absent",
}
"""What a proof may take for granted, by the name of the assumption: tests show each of the evaluators."""

EARLIEST, LATEST = instant("0001-01-01T00:00:00+23:59"), instant("9999-12-31T23:59:59.999999999-23:59")


def axioms(words: Vocabulary) -> Iterator[tuple[str, str]]:
    """All conditions with their assumption, a key of `GIVEN`; in a fixed order."""
    for type_name, actions in words.schema.actions:
        cell = any_of(f"(= {THE_ACTION} |action {action}|)" for action in actions)
        yield "well-formed", implies(words.is_a("resource", [type_name]), cell)
    declared = words.declarations()
    for path, type_name, attributes in words.subjects:
        here = words.is_a(path, [type_name]) if type_name else "true"
        for a in attributes:
            if not a.optional and f"|has {path}.{a.name}|" in declared:
                yield "well-formed", implies(here, f"|has {path}.{a.name}|")
            if a.type == TIME:
                yield "well-formed", implies(here, in_range(words.constant(path, a.name, sort_of(TIME))))
    if words.schema.inherits:
        yield from _chain(words)


def in_range(time: str) -> str:
    """A Time is an instant of the years 0001 to 9999, in whichever offset it is written."""
    return f"(<= {integer(EARLIEST)} {time} {integer(LATEST)})"


def inherits(words: Vocabulary, path: str) -> str:
    """Whether the object at that path takes its scope from above: the body of `|<path> inherits|`."""
    cases = []
    for (inherit, sort), types in _alike(words).items():
        scope = words.constant(path, inherit.attribute, sort)
        cases.append(all_of([words.is_a(path, types), f"(= {scope} |{sort.strip('|')}.{inherit.value}|)"]))
    return any_of(cases)


def _chain(words: Vocabulary) -> Iterator[tuple[str, str]]:
    by_itself = all_of([words.is_a("resource", words.schema.inherits), "(not |resource inherits|)"])
    yield "own holder", implies(by_itself, all_of([RESOLVES, "(= |holder type| |resource type|)", *_the_same(words)]))
    tenant = f"(= {words.tenant('holder')} {words.tenant('resource')})"
    has_one = words.is_a("resource", words.schema.inherits)
    yield "holder", implies(RESOLVES, all_of([has_one, "(not |holder inherits|)", tenant]))
    this = words.identity("resource")
    for (inherit, _), types in _alike(words).items():
        climbs = [RESOLVES, "|resource inherits|", words.is_a("resource", types)]
        has = f"|has resource.{inherit.parent}|"
        named = has if has in words.declarations() else "true"
        yield "walk", implies(all_of(climbs), all_of([f"(= |holder type| |type {inherit.parent_type}|)", named]))
        if inherit.parent_type in types:  # whoever meets the record once more walks in a cycle
            parent = words.constant("resource", inherit.parent, sort_of(_type(words, types[0], inherit.parent)))
            cycle = any_of([f"(= {parent} {this})", f"(= {words.identity('holder')} {this})"])
            again = [RESOLVES, "|resource inherits|", words.is_a("resource", [inherit.parent_type])]
            yield "walk", implies(all_of(again), negated(cycle))


def _the_same(words: Vocabulary) -> Iterator[str]:
    """The holder is the record: attribute by attribute."""
    pairs: dict[str, str] = {}
    for a in (a for path, _, attributes in words.subjects if path == "holder" for a in attributes):
        if not isinstance(a.type, Shape):
            sort = sort_of(a.type)
            pairs[words.constant("holder", a.name, sort)] = words.constant("resource", a.name, sort)
        if a.optional:
            pairs[f"|has holder.{a.name}|"] = f"|has resource.{a.name}|"
    yield from (f"(= {theirs} {own})" for theirs, own in sorted(pairs.items()))


def _alike(words: Vocabulary) -> dict[tuple[Inheritance, str], list[str]]:
    """The types that inherit in one way, with the sort of the attribute that says so."""
    kinds: dict[tuple[Inheritance, str], list[str]] = {}
    for type_name, inherit in sorted(words.schema.inherits.items()):
        sort = sort_of(_type(words, type_name, inherit.attribute))
        kinds.setdefault((inherit, sort), []).append(type_name)
    return kinds


def _type(words: Vocabulary, type_name: str, name: str) -> Type:
    found = attribute(words.schema.resource[type_name].attributes, name)
    assert found is not None
    return found.type
