"""Rows that a record names by a reference and that may also lie on the way up to its holder, or be the holder.

Such a row is seen twice: by its id, and as a link or the end of the chain. So what the chain needs of it is said here,
for each id by which rules look up a row of a parent type (docs/studio.md, Chains). `on the way` and `place` are
constants of an id; the first is true at least where it must be. Only rows that rules see are spoken of. Between them,
and from the last of them to the holder, there may be further rows; the decoder makes them up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policyengine.analysis.expressions import Expressions
from policyengine.analysis.terms import all_of, any_of, implies, negated
from policyengine.analysis.vocabulary import RESOLVES, Vocabulary, sort_of
from policyengine.model.types import Shape


@dataclass(frozen=True, slots=True)
class Link:
    """A row of the parent type by its id: terms of whether it is there, inherits, and names a parent, and which."""

    id: str
    exists: str
    inherits: str
    has_parent: str
    parent: str
    on_the_way: str
    place: str


def links(met: Expressions) -> Iterator[tuple[str, Link]]:
    """The type of each row that a reference names and that may be on the way, with its terms."""
    schema = met.words.schema
    parents = {inherit.parent_type for inherit in schema.inherits.values()}
    for index, (exists, (target, id)) in enumerate(met.references.items()):
        if target in parents:
            inherit = schema.inherits[target]
            scope = next(a for a in schema.resource[target].attributes if a.name == inherit.attribute)
            value = f"|{sort_of(scope.type).strip('|')}.{inherit.value}|"
            has = next(a for a in schema.resource[target].attributes if a.name == inherit.parent).optional
            yield (
                target,
                Link(
                    id,
                    exists,
                    f"(= (|{target}.{inherit.attribute}| {id}) {value})",
                    f"(|has {target}.{inherit.parent}| {id})" if has else "true",
                    f"(|{target}.{inherit.parent}| {id})",
                    f"|on the way {index}|",
                    f"|place {index}|",
                ),
            )


def declared(met: Expressions) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, link in links(met):
        found |= {link.on_the_way: "() Bool", link.place: "() Int"}
    return found


def conditions(met: Expressions) -> Iterator[str]:
    """What holds of the rows and the chain together, whatever the data."""
    yield from (term for _, term in tagged(met))


def tagged(met: Expressions) -> Iterator[tuple[str, str]]:
    """The conditions, each with what it says."""
    words, all_links = met.words, [*links(met)]
    for target in dict.fromkeys(target for target, _ in all_links):
        yield from _of_type(words, target, [link for name, link in all_links if name == target])


def _of_type(words: Vocabulary, target: str, rows: list[Link]) -> Iterator[tuple[str, str]]:
    below = sorted(name for name, inherit in words.schema.inherits.items() if inherit.parent_type == target)
    climbs = all_of(["|resource inherits|", words.is_a("resource", below)])
    starts = [_start(words, name) for name in below]
    for x in rows:
        itself = _is_the_record(words, target, x.id)
        first = any_of(all_of([here, f"(= {parent} {x.id})"]) for here, parent in starts)
        holds = all_of([RESOLVES, climbs, f"(= {words.identity('holder')} {x.id})"])
        before = [(y, all_of([y.on_the_way, y.inherits, y.has_parent, f"(= {y.parent} {x.id})"])) for y in rows]
        there = all_of([x.exists, negated(itself)])
        met = any_of([all_of([climbs, first]), *(step for _, step in before)])
        yield "the walk comes to it", implies(all_of([met, there]), x.on_the_way)
        yield "the walk ends where nothing inherits", implies(all_of([x.on_the_way, negated(x.inherits)]), holds)
        same = all_of([x.exists, negated(x.inherits), *_same(words, target, x.id)])
        yield "the holder is the row of its id", implies(holds, same)
        yield "the parent is there", implies(all_of([RESOLVES, climbs, first]), there)
        for y, step in before:
            then = all_of([there, f"(< {y.place} {x.place})"])
            yield "the next is there, and nothing is met twice", implies(all_of([RESOLVES, step]), then)
        on = all_of([RESOLVES, x.on_the_way, x.inherits])
        again = any_of(all_of([here, f"(= {parent} {x.parent})"]) for here, parent in starts)
        back = _is_the_record(words, target, x.parent)
        then = all_of([x.has_parent, negated(again), negated(back)])
        yield "the walk goes on, and never back to where it began", implies(on, then)


def _is_the_record(words: Vocabulary, target: str, id: str) -> str:
    return all_of([words.is_a("resource", [target]), f"(= {words.identity('resource')} {id})"])


def _start(words: Vocabulary, name: str) -> tuple[str, str]:
    """Whether it is a record of that type that names a parent, and which."""
    inherit = words.schema.inherits[name]
    attribute = next(a for a in words.schema.resource[name].attributes if a.name == inherit.parent)
    has = f"|has resource.{inherit.parent}|"
    here = all_of([words.is_a("resource", [name]), has if has in words.declarations() else "true"])
    return here, words.constant("resource", inherit.parent, sort_of(attribute.type))


def _same(words: Vocabulary, target: str, id: str) -> Iterator[str]:
    """The row of that id is the holder: attribute by attribute."""
    for a in words.columns(target):
        if a.optional:
            yield f"(= (|has {target}.{a.name}| {id}) |has holder.{a.name}|)"
        if not isinstance(a.type, Shape):
            yield f"(= (|{target}.{a.name}| {id}) {words.constant('holder', a.name, sort_of(a.type))})"
