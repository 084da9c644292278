"""A schema as SMT-LIB: its sorts, and a constant for each attribute of a request.

Knows nothing of rules. Attributes (`resource.scope`), values (`Scope.CUSTOM`) and rules keep their names; every other
symbol holds a space, which no name in a policy does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from policyengine.analysis.terms import any_of
from policyengine.model.schema import Attribute, Attributes, Grant, Schema, attribute
from policyengine.model.types import BOOL, INT, STRING, TIME, TYPE, Enum, Id, Shape, Type

TENANT, ID, TEXT, TYPES, ACTIONS = "|tenant id|", "|other id|", "|a text|", "|a type|", "|an action|"
THE_ACTION, RESOLVES = "|the action|", "|holder resolves|"
_SORTS: dict[Type, str] = {BOOL: "Bool", INT: "Int", TIME: "Int", STRING: TEXT, TYPE: TYPES}


def sort_of(type_: Type) -> str:
    """Ids of tenants, other ids and texts are sorts of their own: no rule compares them, so no proof rests on it."""
    if isinstance(type_, Id):
        return TENANT if type_.tenant else ID
    return f"|{type_}|" if isinstance(type_, Enum) else _SORTS[type_]


@dataclass(frozen=True, slots=True)
class Row:
    """A grant row that may be there: the constants of its own are `|<path>.<name>|`; a term for each attribute."""

    grant: Grant
    path: str
    columns: dict[str, str]

    @property
    def own(self) -> list[Attribute]:
        """The attributes beside key and role, which are terms of the request."""
        return [a for a in self.grant.attributes if self.columns[a.name] == f"|{self.path}.{a.name}|"]


@dataclass(frozen=True)
class Vocabulary:
    schema: Schema

    @cached_property
    def subjects(self) -> tuple[tuple[str, str, Attributes], ...]:
        """Every object of a request: its path, the type for which it has these attributes (or none), and them."""
        schema = self.schema
        found = [("principal", "", schema.principal.attributes), *self._shaped("context", schema.context)]
        found += [("resource", resource.name, resource.attributes) for resource in schema.resources]
        return (*found, *(("holder", name, schema.resource[name].attributes) for name in sorted(schema.inherits)))

    def _shaped(self, path: str, attributes: Attributes) -> Iterator[tuple[str, str, Attributes]]:
        yield path, "", attributes
        for a in attributes:
            if isinstance(a.type, Shape):
                yield from self._shaped(f"{path}.{a.name}", self.schema.shape[a.type.name])

    @cached_property
    def _sorts(self) -> dict[tuple[str, str], set[str]]:
        sorts: dict[tuple[str, str], set[str]] = {("resource", self.schema.tenant_key): {TENANT}}
        for path, _, attributes in self.subjects:
            for a in attributes:
                if not isinstance(a.type, Shape):
                    sorts.setdefault((path, a.name), set()).add(sort_of(a.type))
        return sorts

    def constant(self, path: str, name: str, sort: str) -> str:
        """The constant of an attribute: one for all types that declare it of that sort."""
        alone = len(self._sorts[path, name]) == 1
        return f"|{path}.{name}|" if alone else f"|{path}.{name} {sort.strip('|')}|"

    def tenant(self, path: str) -> str:
        return self.constant(path, self.schema.tenant_key, TENANT)

    def identity(self, path: str) -> str:
        """The id of the resource or the holder, under whichever name its type declares it."""
        names = {type_: self.schema.resource[type_].identity for at, type_, _ in self.subjects if at == path}
        term = ""
        for name in sorted(set(names.values()), reverse=True):
            this = self.constant(path, name, ID)
            here = self.is_a(path, [type_ for type_ in names if names[type_] == name])
            term = f"(ite {here} {this} {term})" if term else this
        return term

    def is_a(self, path: str, types: Iterable[str]) -> str:
        return any_of(f"(= |{path} type| |type {name}|)" for name in sorted(types))

    def is_global(self) -> str:
        return self.is_a("resource", (r.name for r in self.schema.resources if r.global_reason))

    def columns(self, target: str) -> Iterator[Attribute]:
        """The attributes of a row that a reference names, beside its id and its tenant, which are known."""
        row = self.schema.resource[target]
        yield from (a for a in row.attributes if a.name not in (row.identity, self.schema.tenant_key))

    # ---- Text

    def declarations(self) -> dict[str, str]:
        """What each symbol is declared with, by symbol; sorts are declared apart, by `sorts`."""
        found = {THE_ACTION: f"() {ACTIONS}", "|resource type|": f"() {TYPES}", self.tenant("resource"): f"() {TENANT}"}
        if self.schema.inherits:
            found |= {"|holder type|": f"() {TYPES}", RESOLVES: "() Bool"}
        for path, _, attributes in self.subjects:
            for a in attributes:
                if a.optional:
                    found[f"|has {path}.{a.name}|"] = "() Bool"
                if not isinstance(a.type, Shape):
                    found[self.constant(path, a.name, sort_of(a.type))] = f"() {sort_of(a.type)}"
        for grant in self.schema.grants:
            found[f"|row {grant.name}|"] = f"({TYPES} {ID} {ID} {TENANT} {sort_of(self.role(grant.name))}) Bool"
        return found

    def role(self, grant_name: str) -> Enum:
        grant = next(grant for grant in self.schema.grants if grant.name == grant_name)
        role = attribute(grant.attributes, grant.role)
        assert role is not None
        assert isinstance(role.type, Enum)
        return role.type

    def sorts(self) -> Iterator[str]:
        yield from (f"(declare-sort {sort} 0)" for sort in (ID, TEXT, TENANT))
        actions = sorted({action for action, _ in self.schema.cells()})
        enums = {ACTIONS: [f"action {a}" for a in actions], TYPES: [f"type {t}" for t in self.schema.type_names]}
        enums |= {f"|{enum.name}|": [f"{enum.name}.{value}" for value in enum.values] for enum in self.schema.enums}
        for sort, values in enums.items():
            yield f"(declare-datatype {sort} ({' '.join(f'(|{value}|)' for value in values)}))"
