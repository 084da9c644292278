"""Rows that a record names by a reference and that may also lie on the way up to its holder, or be the holder.

Such a row is seen twice: by its id, and as a link or the end of the chain. So what the chain needs of it is said here,
for each id by which rules look up a row of a parent type (docs/studio.md, Chains). `on the way` and `place` are
constants of an id. Only rows that rules see are spoken of. Between them, and from the last of them to the holder, there
may be further rows; the decoder makes them up.
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
    words, all_links = met.words, [*links(met)]
    for target in dict.fromkeys(target for target, _ in all_links):
        yield from _of_type(words, target, [link for name, link in all_links if name == target])


def _of_type(words: Vocabulary, target: str, rows: list[Link]) -> Iterator[str]:
    schema = words.schema
    below = sorted(name for name, inherit in schema.inherits.items() if inherit.parent_type == target)
    climbs = all_of(["|resource inherits|", words.is_a("resource", below)])
    starts = {name: _start(words, name) for name in below}
    for x in rows:
        itself = all_of([words.is_a("resource", [target]), f"(= {words.identity('resource')} {x.id})"])
        first = any_of(
            all_of([words.is_a("resource", [name]), here, f"(= {p} {x.id})"]) for name, (here, p) in starts.items()
        )
        holds = all_of([RESOLVES, climbs, f"(= {words.identity('holder')} {x.id})"])
        before = [(y, all_of([y.on_the_way, y.inherits, y.has_parent, f"(= {y.parent} {x.id})"])) for y in rows]
        there = all_of([x.exists, negated(itself)])
        yield implies(any_of([all_of([climbs, first]), *(step for _, step in before)]), implies(there, x.on_the_way))
        yield implies(x.on_the_way, all_of([climbs, there, any_of([first, holds, *(step for _, step in before)])]))
        yield implies(all_of([x.on_the_way, negated(x.inherits)]), holds)
        yield implies(holds, all_of([x.exists, negated(x.inherits), *_same(words, target, x.id)]))
        yield implies(all_of([RESOLVES, climbs, first]), there)
        yield from (
            implies(all_of([RESOLVES, step]), all_of([there, f"(< {y.place} {x.place})"])) for y, step in before
        )
        again = any_of(
            all_of([words.is_a("resource", [name]), f"(= {p} {x.parent})"]) for name, (_, p) in starts.items()
        )
        back = all_of([words.is_a("resource", [target]), f"(= {words.identity('resource')} {x.parent})"])
        on = all_of([RESOLVES, x.on_the_way, x.inherits])
        yield implies(on, all_of([x.has_parent, negated(again), negated(back)]))


def _start(words: Vocabulary, name: str) -> tuple[str, str]:
    """Whether a record of that type names a parent, and which."""
    inherit = words.schema.inherits[name]
    attribute = next(a for a in words.schema.resource[name].attributes if a.name == inherit.parent)
    has = f"|has resource.{inherit.parent}|"
    return has if has in words.declarations() else "true", words.constant(
        "resource", inherit.parent, sort_of(attribute.type)
    )


def _same(words: Vocabulary, target: str, id: str) -> Iterator[str]:
    """The row of that id is the holder: attribute by attribute."""
    for a in words.columns(target):
        if a.optional:
            yield f"(= (|has {target}.{a.name}| {id}) |has holder.{a.name}|)"
        if not isinstance(a.type, Shape):
            yield f"(= (|{target}.{a.name}| {id}) {words.constant('holder', a.name, sort_of(a.type))})"
