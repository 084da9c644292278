"""Declarations to schema: what every name stands for, and whether each declaration has what it needs.

In: the syntax trees of all files. Out: `Names`, which holds the schema and what the later steps look up. Rules are not
looked at here. Nothing is known by its spelling: keys, owners, roles and ids are what the declarations mark as such.
A declaration with a finding still counts for what it is worth, so that rules can be checked beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast, mending
from policyengine.frontend.attributes import UNKNOWN, Attributes, Body, Unread, Vocabulary
from policyengine.frontend.claims import need_claims
from policyengine.frontend.limits import MAX_ATTRIBUTES, MAX_CELLS, Budget
from policyengine.frontend.mending import OTHERWISE, before, listed, put, suggest
from policyengine.model import schema as model
from policyengine.model.schema import Known
from policyengine.model.types import BASICS, TYPE, Enum, Id, Type
from policyengine.source import Source, Span

SUBJECTS = ("principal", "resource", "context", "row", "holder")

TENANT = "tenant Organization by orgId"
PRINCIPAL = "principal User {{ id: Id as identity, {key} }}"

D = TypeVar("D", bound=ast.Declaration)
Unique = TypeVar("Unique", ast.Tenant, ast.Principal)


@dataclass(frozen=True, slots=True)
class Names:
    """The schema, and what a name in a rule may stand for. A group is what `on` may name: a type, a shape's types.

    `flawed` names what has attributes or inheritance that nobody could read: types, the principal, `context`.
    """

    schema: model.Schema
    enums: Mapping[str, Enum]
    enum_declarations: Mapping[str, ast.Enum]
    groups: Mapping[str, tuple[str, ...]]
    defines: Mapping[str, ast.Define]
    bodies: Mapping[str, Body]
    attributes: Attributes
    unread: Unread
    flawed: frozenset[str]

    def may_inherit(self, types: Iterable[str]) -> bool:
        """Whether types may inherit by what could not be read, or by a row with a finding."""
        return self.unread.may_declare("access") or not self.flawed.isdisjoint(types)

    def mark_mend(self, name: str, mark: str, otherwise: str = "") -> mending.Mend:
        """How a type, or the principal, comes to have an attribute with that mark."""
        return self.attributes.mark_mend(self.bodies[name], mark) if name in self.bodies else (otherwise, ())


def resolve(declarations: Sequence[ast.AnyDeclaration], findings: Findings) -> Names:
    """The names of a policy set, as far as they are known."""
    return _Resolver(declarations, findings).resolve()


def refuse_empty(source: Source, findings: Findings) -> None:
    """The finding of a policy set in which nothing stands."""
    start, text = Span(source, 0, 0), f"{TENANT}\n{PRINCIPAL.format(key='orgId: Id of Organization')}\n"
    help = "write a `tenant` and a `principal`"
    findings.error("missing-declaration", "the policy set is empty", start, help, before(start, text))


def types_of(names: Sequence[ast.Name], groups: Mapping[str, tuple[str, ...]], findings: Findings) -> tuple[str, ...]:
    """The types that the names after `on` stand for, each once, sorted; with a finding where a name stands for none."""
    if len(names) == 1 and names[0].text in groups:
        return groups[names[0].text]
    found: set[str] = set()
    for name in names:
        if name.text not in groups:
            message = f"no resource type or shape is called `{name.text}`"
            findings.error("unknown-name", message, name.span, *suggest(name, groups, OTHERWISE))
        found.update(groups.get(name.text, ()))
    return tuple(sorted(found))


def no_value(name: ast.Name, enum: Enum, findings: Findings) -> None:
    """The finding that an enum has no such value."""
    help = f"it is one of {listed(enum.values)}"
    findings.error(
        "unknown-name", f"`{name.text}` is no value of `{enum}`", name.span, *suggest(name, enum.values, help)
    )


def unread(declarations: Iterable[ast.AnyDeclaration]) -> Unread:
    """What the broken ones among the declarations may have said."""
    broken = [d for d in declarations if isinstance(d, ast.Broken)]
    return Unread(frozenset().union(*(d.words for d in broken)), any(not d.keyword for d in broken))


class _Resolver:
    def __init__(self, declarations: Sequence[ast.AnyDeclaration], findings: Findings) -> None:
        self.all = declarations
        self.findings = findings
        self.error = findings.error
        self.resources = {n.text: d for d in self._of(ast.Resource) for n in d.names}
        self.unread = unread(declarations)
        self.flawed: set[str] = set()
        self.bodies: dict[str, Body] = {}

    def resolve(self) -> Names:
        self._refuse_duplicates()
        tenant = self._the_only(ast.Tenant, TENANT)
        key = f"{tenant.key.text}: Id of {tenant.name.text}" if tenant else "orgId: Id of Organization"
        principal = self._the_only(ast.Principal, PRINCIPAL.format(key=key))
        enums = {d.name.text: Enum(d.name.text, self._values(d), d.ordered) for d in self._of(ast.Enum)}
        self.words = Vocabulary(
            tenant.name.text if tenant else "",
            tenant.key.text if tenant else "",
            principal.name.text if principal else "",
            enums,
            {d.name.text: d for d in self._of(ast.Enum)},
            {d.name.text: d for d in self._of(ast.Shape)},
            self.resources,
            self.unread,
        )
        self.attributes = Attributes(self.words, self.findings)
        resources = tuple(sorted(self._resources(), key=lambda resource: resource.name))
        groups = self._groups()
        schema = model.Schema(
            tenant=self.words.tenant,
            tenant_key=self.words.tenant_key,
            principal=self._principal(principal),
            context=self._context(),
            enums=tuple(enums[name] for name in sorted(enums)),
            shapes=self._shapes(),
            resources=resources,
            grants=self._grants(groups),
            obligations=self._obligations(),
            actions=self._actions(groups),
            inheritance=self._inheritance(groups, {r.name: r for r in resources}),
        )
        defines = {d.name.text: d for d in self._of(ast.Define)}
        declared, flawed = self.words.enum_declarations, frozenset(self.flawed)
        return Names(schema, enums, declared, groups, defines, self.bodies, self.attributes, self.unread, flawed)

    def _of(self, kind: type[D]) -> list[D]:
        return [d for d in self.all if isinstance(d, kind)]

    # ---- Names

    def _refuse_duplicates(self) -> None:
        """All declared names share one namespace, whatever file they stand in."""
        seen: dict[str, tuple[ast.AnyDeclaration, ast.Name]] = {}
        taken = {name.text for declaration in self.all for name in _declares(declaration)}
        for declaration in self.all:
            for name in _declares(declaration):
                if name.text in BASICS or name.text in SUBJECTS:
                    message = f"`{name.text}` has a meaning of its own and cannot be declared"
                    help, edits = "choose another name", put(name.span, f"{name.text}_")
                    self.error("shadowing", message, name.span, help, edits)
                    continue
                first, there = seen.setdefault(name.text, (declaration, name))
                alone = isinstance(declaration, ast.Tenant | ast.Principal) and type(declaration) is type(first)
                if there is not name and not alone:
                    self._twice(name, there.span, _rename_or_remove(declaration, name, first, taken))

    def _twice(self, name: ast.Name, first: Span, mend: mending.Mend) -> None:
        help, edits = mend
        also = [Label(first, "first here")]
        self.error("duplicate", f"`{name.text}` is declared twice", name.span, help, edits, also=also)

    def _values(self, declaration: ast.Enum) -> tuple[str, ...]:
        seen: dict[str, Span] = {}
        for index, name in enumerate(declaration.values):
            if name.text in seen:
                edits = mending.without_item(declaration.values, index)
                self._twice(name, seen[name.text], ("remove one of them", edits))
            if name.text == "always":
                message = "`always` cannot be a value: in an access table it stands for every one"
                self.error("shadowing", message, name.span, "choose another name", put(name.span, "always_"))
            seen.setdefault(name.text, name.span)
        return tuple(seen)

    def _the_only(self, kind: type[Unique], example: str) -> Unique | None:
        found = self._of(kind)
        word = kind.__name__.lower()
        for extra in found[1:]:
            also = [Label(found[0].name.span, "first here")]
            help, edits = "remove one: a policy set has exactly one", mending.without(extra)
            self.error("duplicate", f"`{word}` is declared twice", extra.name.span, help, edits, also=also)
        if not found and self.all and not self.unread.may_declare(word):
            start = Span(self.all[0].span.source, 0, 0)
            message, help = f"the policy set declares no `{word}`", f"write for example `{example}`"
            self.error("missing-declaration", message, start, help, before(start, f"{example}\n"))
        return found[0] if found else None

    def _groups(self) -> dict[str, tuple[str, ...]]:
        """What is unread may be a type that nothing is known of; so may a shape be empty that nobody could name."""
        unnamed = self.words.shapes if self.flawed or self.unread.may_declare("resource") else ()
        nothing_known = (*self.unread.words, *unnamed)
        groups: dict[str, tuple[str, ...]] = dict.fromkeys(nothing_known, ())
        groups |= {name: (name,) for name in self.resources}
        shapes: dict[str, list[str]] = {}
        for name, declaration in self.resources.items():
            if declaration.shape is not None and declaration.shape.text not in self.resources:
                shapes.setdefault(declaration.shape.text, []).append(name)
        return groups | {shape: tuple(sorted(names)) for shape, names in shapes.items()}

    # ---- Declarations

    def _principal(self, declaration: ast.Principal | None) -> model.Principal:
        if declaration is None:
            self.flawed.add("")
            return model.Principal("", (), "", self.words.tenant_key)
        name = declaration.name
        body = Body(name, "principal", declaration.body.attributes, name.span, names=frozenset({name.text}))
        self.bodies[name.text] = body
        attributes = self.attributes.read_isolated(body)
        identity = self.attributes.need_mark(body, "identity")
        role = self.attributes.marked(body, "role")
        need_claims(body.attributes, attributes, self.findings)
        return model.Principal(name.text, attributes, identity, self.words.tenant_key, role)

    def _context(self) -> model.Attributes:
        found = self._of(ast.Context)
        for extra in found[1:]:
            word, first = (Span(d.span.source, d.span.start, d.span.start + len("context")) for d in (extra, found[0]))
            help, edits = "write all its attributes in one", mending.merged(found[0], extra)
            self.error("duplicate", "`context` is declared twice", word, help, edits, also=[Label(first, "first here")])
        if self.unread.may_declare("context"):
            self.flawed.add("context")
        if not found:
            return ()
        whose = ast.Name(found[0].span, "context")
        return self.attributes.read(Body(whose, "context", found[0].body.attributes, found[0].span))

    def _shapes(self) -> tuple[tuple[str, model.Attributes], ...]:
        bodies = [Body(d.name, "shape", d.body.attributes, d.name.span) for d in self.words.shapes.values()]
        return tuple(sorted((body.whose.text, self.attributes.read(body)) for body in bodies))

    def _resources(self) -> Iterator[model.Resource]:
        """One for each name; what the names of a declaration share is looked at once."""
        help = "give the shape fewer attributes, or fewer types"
        budget = Budget(MAX_ATTRIBUTES, "attributes", help, self.findings)
        shared: dict[model.Attributes, model.Attributes] = {}
        for d in self._of(ast.Resource):
            shape = self._shape(d)
            if shape and not budget.spend(len(shape.body.attributes), d.names[0].span):
                shape = None
            own = d.body.attributes if d.body else ()
            head = d.shape.span if d.shape and d.body else d.names[-1].span
            if shape is not None and d.body is None:
                head = shape.name.span
            names = frozenset(name.text for name in d.names)
            body = Body(d.names[0], "resource", own, head, shape.body.attributes if shape else (), names)
            reason = self._reason(d.global_reason) if d.global_reason else ""
            nobody_knows = d.shape is not None and shape is None
            read = self.attributes.read if d.global_reason or nobody_knows else self.attributes.read_isolated
            attributes = tuple(_known_in_request(a) for a in read(body))
            attributes = shared.setdefault(attributes, attributes)
            if nobody_knows:
                self.flawed |= {name.text for name in d.names}
                identity = owner = ""
            else:
                identity = self.attributes.need_mark(body, "identity")
                owner = self.attributes.marked(body, "owner")
            for name in d.names:
                if self.resources[name.text] is d:
                    self.bodies[name.text] = body
                    shape_name = d.shape.text if d.shape else ""
                    yield model.Resource(name.text, attributes, identity, owner, shape_name, reason)

    def _shape(self, d: ast.Resource) -> ast.Shape | None:
        if d.shape is None:
            return None
        shape = self.words.shapes.get(d.shape.text)
        if shape is None and d.shape.text not in self.unread.words:
            message = f"no shape is called `{d.shape.text}`"
            self.error("unknown-name", message, d.shape.span, *suggest(d.shape, self.words.shapes, OTHERWISE))
        return shape

    def _reason(self, text: ast.Value) -> str:
        if not text.value:
            message = "a type outside isolation needs a reason"
            self.error("bad-value", message, text.span, "say why in the text")
        return str(text.value)

    def _grants(self, groups: Mapping[str, tuple[str, ...]]) -> tuple[model.Grant, ...]:
        grants: list[model.Grant] = []
        served: set[str] = set()
        for d in self._of(ast.Grant):
            types = types_of([d.on], groups, self.findings)
            twice = not served.isdisjoint(types)
            served.update(types)
            if twice:
                message = f"two kinds of grant row name records of `{d.on.text}`"
                self.error("conflict", message, d.on.span, "one kind of row serves each type")
            if self.words.principal and d.to.text != self.words.principal:
                message, principal = f"`{d.to.text}` is not the principal", self.words.principal
                self.error("unknown-name", message, d.to.span, f"write `to {principal}`", put(d.to.span, principal))
            self._refuse_global(types, d.on, "grants")
            body = Body(d.name, "grant", d.body.attributes, d.member_by[1].span)
            attributes = self.attributes.read_isolated(body)
            keys = [*d.record_by, *d.member_by]
            tenant = Id(self.words.tenant, True)
            wanted: list[Type] = [TYPE, Id(), Id(), tenant if self.words.tenant else UNKNOWN]
            for key, type_ in zip(keys, wanted, strict=True):
                if type_ != UNKNOWN:
                    self.attributes.need_key(body, key, type_)
            k = [key.text for key in keys]
            role = self.attributes.need_mark(body, "role")
            grants.append(model.Grant(d.name.text, types, attributes, k[0], k[1], k[2], k[3], role, d.crosses))
        return tuple(sorted(grants, key=lambda grant: grant.name))

    def _obligations(self) -> tuple[model.Obligation, ...]:
        made: dict[str, model.Obligation] = {}
        for d in self._of(ast.Obligation):
            for a in d.body.attributes:
                if a.optional or a.name.text == "name":
                    message = f"`{a.name.text}` cannot be a field of an obligation"
                    help = "every field is always there, and none is called `name`"
                    edits = mending.required(a) + (put(a.name.span, "name_") if a.name.text == "name" else ())
                    self.error("bad-value", message, a.name.span, help, edits)
            body = Body(d.name, "obligation", d.body.attributes, d.name.span)
            made[d.name.text] = model.Obligation(d.name.text, self.attributes.read(body))
        return tuple(made[name] for name in sorted(made))

    def _actions(self, groups: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        actions: dict[str, set[str]] = {name: set() for name in self.resources}
        help = "declare fewer actions on each type"
        budget = Budget(MAX_CELLS, "pairs of an action and a type", help, self.findings)
        for d in self._of(ast.Action):
            types = types_of(d.on, groups, self.findings)
            if budget.spend(len(types) * len(d.names), d.names[0].span):
                for type_name in types:
                    actions[type_name] |= {name.text for name in d.names}
        return tuple((name, tuple(sorted(actions[name]))) for name in sorted(actions))

    # ---- Inheritance

    def _inheritance(
        self, groups: Mapping[str, tuple[str, ...]], resources: Mapping[str, model.Resource]
    ) -> tuple[tuple[str, model.Inheritance], ...]:
        found: dict[str, model.Inheritance] = {}
        row_of: dict[str, ast.Inherit] = {}
        for d in self._of(ast.Access):
            rows = [row for row in d.rows if isinstance(row, ast.Inherit)]
            for row in rows[1:]:
                message, also = f"`{d.name.text}` inherits twice", [Label(rows[0].span, "first here")]
                self.error("duplicate", message, row.value.span, "keep one `as` row", mending.without(row), also=also)
            types = groups.get(d.name.text, ())
            if rows and d.by is None:
                self._inherits_by_nothing(d, rows[0], types)
            if not rows or d.by is None:
                continue
            self._refuse_global(types, d.name, "inheritance")
            for type_name in types:
                if type_name in found:
                    message = f"`{type_name}` inherits by two access declarations"
                    self.error("conflict", message, rows[0].value.span, "let one of them say what inherits")
                elif inherit := self._inherit(d.by, rows[0], types, resources[type_name]):
                    found[type_name], row_of[type_name] = inherit, rows[0]
                else:
                    self.flawed.add(type_name)
        for type_name, inherit in found.items():
            if found.get(inherit.parent_type) != inherit and inherit.parent_type not in self.flawed:
                message = f"a chain from `{type_name}` would leave `{inherit.parent_type}`"
                help = f"a `{inherit.parent_type}` inherits from a `{inherit.parent_type}`, by the same attributes"
                self.error("conflict", message, row_of[type_name].parent.span, help)
        return tuple(sorted(found.items()))

    def _inherits_by_nothing(self, d: ast.Access, row: ast.Inherit, types: tuple[str, ...]) -> None:
        """An `as` row in a table without labels."""
        attributes = self.bodies[types[0]].attributes if types else ()
        labels = [a.name.text for a in attributes if a.type.name.text in self.words.enums and not a.optional]
        by = labels[0] if len(labels) == 1 else "..."
        message, help = f"`{d.name.text}` inherits without labels", f"write `access {d.name.text} by {by}`"
        edits = mending.behind(d.name.span, f" by {by}") if len(labels) == 1 else ()
        self.error("missing-mark", message, row.value.span, help, edits)

    def _inherit(
        self, by: ast.Name, row: ast.Inherit, types: tuple[str, ...], resource: model.Resource
    ) -> model.Inheritance | None:
        parent = model.attribute(resource.attributes, row.parent.text)
        if parent is not None and isinstance(parent.type, Id) and parent.type.of in types:
            return model.Inheritance(by.text, row.value.text, row.parent.text, parent.type.of)
        if resource.name not in self.flawed and (parent is None or parent.type != UNKNOWN):
            message = f"`{row.parent.text}` names no record that could hold the scope of a `{resource.name}`"
            help = f"its type must be the `Id` of one of {listed(types)}"
            could = [a.name for a in resource.attributes if isinstance(a.type, Id) and a.type.of in types]
            self.error("missing-mark", message, row.parent.span, *suggest(row.parent, could, help))
        return None

    def _refuse_global(self, types: Iterable[str], place: ast.Name, what: str) -> None:
        for type_name in types:
            if self.resources[type_name].global_reason:
                message = f"{what} cannot serve `{type_name}`, which belongs to no tenant"
                self.error("conflict", message, place.span, "keep the type isolated, or leave it out")


def _rename_or_remove(
    declaration: ast.AnyDeclaration, name: ast.Name, first: ast.AnyDeclaration, taken: set[str]
) -> mending.Mend:
    if declaration == first and not isinstance(declaration, ast.Resource):
        return "remove one of them", mending.without(declaration)
    new = next(new for n in range(2, len(taken) + 3) if (new := f"{name.text}_{n}") not in taken)
    return "rename or remove one: every name stands for one thing", put(name.span, new)


def _known_in_request(a: model.Attribute) -> model.Attribute:
    """A request names a record by its type and id; its other attributes are read."""
    known = Known.ARGUMENT if a.mark == "identity" else Known.RECORD
    return model.Attribute(a.name, a.type, a.optional, a.default, a.mark, known)


def _declares(declaration: ast.AnyDeclaration) -> tuple[ast.Name, ...]:
    match declaration:
        case ast.Resource(names=names):
            return names
        case ast.Access() | ast.Action() | ast.Changing() | ast.Aws() | ast.Api() | ast.Context() | ast.Test():
            return ()
        case ast.Broken():
            return ()
        case _:
            return (declaration.name,)
