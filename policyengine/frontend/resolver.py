"""Declarations to schema: what every name stands for, and whether each declaration has what it needs.

In: the syntax trees of all files. Out: `Names`, which holds the schema and what the later steps look up. Rules are not
looked at here. Nothing is known by its spelling: keys, owners, roles and ids are what the declarations mark as such.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast
from policyengine.model import schema as model
from policyengine.model.schema import CONTEXT_SOURCES, Known
from policyengine.model.types import BASICS, BOOL, INT, STRING, TYPE, Enum, Id, Shape, Type
from policyengine.source import Span

SUBJECTS = ("principal", "resource", "context", "row", "holder")
MARKS = {
    "identity": ("principal", "resource", "shape"),
    "owner": ("resource", "shape"),
    "role": ("principal", "grant"),
}
"""Where an attribute can be marked `as` what."""

D = TypeVar("D", ast.Tenant, ast.Principal)


@dataclass(frozen=True, slots=True)
class Names:
    """The schema, and what a name in a rule may stand for. A group is what `on` may name: a type, a shape's types."""

    schema: model.Schema
    enums: dict[str, Enum]
    groups: dict[str, tuple[str, ...]]
    defines: dict[str, ast.Define]


def resolve(declarations: Sequence[ast.AnyDeclaration], findings: Findings) -> Names | None:
    """The names of a policy set; None where a finding stands in the way."""
    return _Resolver(declarations, findings).resolve()


def did_you_mean(name: str, among: Iterable[str]) -> str:
    """A help text with the nearest of the names, or nothing."""
    near = difflib.get_close_matches(name, list(among), 1)
    return f"did you mean `{near[0]}`?" if near else ""


def types_of(names: Iterable[ast.Name], groups: dict[str, tuple[str, ...]], findings: Findings) -> tuple[str, ...]:
    """The types that the names after `on` stand for, each once, sorted; with a finding where a name stands for none."""
    found: set[str] = set()
    for name in names:
        if name.text not in groups:
            message = f"no resource type or shape is called `{name.text}`"
            findings.error("unknown-name", message, name.span, did_you_mean(name.text, groups))
        found.update(groups.get(name.text, ()))
    return tuple(sorted(found))


class _Resolver:
    def __init__(self, declarations: Sequence[ast.AnyDeclaration], findings: Findings) -> None:
        self.all = declarations
        self.findings = findings
        self.error = findings.error
        self.enums: dict[str, Enum] = {}
        self.shapes = {d.name.text: d for d in declarations if isinstance(d, ast.Shape)}
        self.resources = {n.text: d for d in declarations if isinstance(d, ast.Resource) for n in d.names}
        self.tenant = self.tenant_key = self.principal = ""

    def resolve(self) -> Names | None:
        self._refuse_duplicates()
        tenant = self._the_only(ast.Tenant, "tenant Organization by orgId")
        principal = self._the_only(ast.Principal, "principal User { id: Id as identity, orgId: Id of Organization }")
        if tenant is None or principal is None:
            return None
        self.tenant, self.tenant_key, self.principal = tenant.name.text, tenant.key.text, principal.name.text
        self._read_enums()
        resources = tuple(self._resource(name, d) for name, d in sorted(self.resources.items()))
        groups = self._groups()
        schema = model.Schema(
            tenant=self.tenant,
            tenant_key=self.tenant_key,
            principal=self._principal(principal),
            context=self._context(),
            enums=tuple(self.enums[name] for name in sorted(self.enums)),
            shapes=self._context_shapes(),
            resources=resources,
            grants=self._grants(groups),
            obligations=self._obligations(),
            actions=self._actions(groups),
            inheritance=self._inheritance(groups, {r.name: r for r in resources}),
        )
        defines = {d.name.text: d for d in self.all if isinstance(d, ast.Define)}
        return Names(schema, self.enums, groups, defines) if self.findings.ok else None

    # ---- Names

    def _refuse_duplicates(self) -> None:
        """All declared names share one namespace, whatever file they stand in."""
        seen: dict[str, ast.Name] = {}
        for name in (name for declaration in self.all for name in _declares(declaration)):
            if name.text in BASICS or name.text in SUBJECTS:
                message = f"`{name.text}` has a meaning of its own and cannot be declared"
                self.error("shadowing", message, name.span, "choose another name")
            elif name.text in seen:
                self._twice(name, seen[name.text].span)
            seen.setdefault(name.text, name)

    def _twice(self, name: ast.Name, first: Span) -> None:
        help = "rename or remove one: every name stands for one thing"
        self.error("duplicate", f"`{name.text}` is declared twice", name.span, help, also=[Label(first, "first here")])

    def _each_once(self, names: Iterable[ast.Name]) -> Iterator[ast.Name]:
        seen: dict[str, Span] = {}
        for name in names:
            if name.text in seen:
                self._twice(name, seen[name.text])
            else:
                seen[name.text] = name.span
                yield name

    def _the_only(self, kind: type[D], example: str) -> D | None:
        found = [d for d in self.all if isinstance(d, kind)]
        word = kind.__name__.lower()
        for extra in found[1:]:
            self.error("duplicate", f"`{word}` is declared twice", extra.span, "a policy set has exactly one")
        if not found and self.all:
            help = f"write for example `{example}`"
            self.error("missing-declaration", f"the policy set declares no `{word}`", self.all[0].span, help)
        return found[0] if found else None

    def _read_enums(self) -> None:
        for declaration in self.all:
            if isinstance(declaration, ast.Enum):
                values = tuple(name.text for name in self._each_once(declaration.values))
                self.enums[declaration.name.text] = Enum(declaration.name.text, values, declaration.ordered)

    def _groups(self) -> dict[str, tuple[str, ...]]:
        groups: dict[str, tuple[str, ...]] = {name: (name,) for name in self.resources}
        for name, declaration in self.resources.items():
            if declaration.shape is not None:
                shape = declaration.shape.text
                groups[shape] = tuple(sorted({*groups.get(shape, ()), name}))
        return groups

    # ---- Attributes

    def _type(self, name: ast.TypeName, *, shapes: bool) -> Type:
        """The type that a name stands for; Bool, with a finding, where it stands for none."""
        text = name.name.text
        if name.of is not None:
            of = name.of.text
            if text != "Id":
                self.error("wrong-type", f"`{text}` takes no `of`", name.span, "only an Id is of something")
            elif of not in (self.tenant, self.principal, *self.resources):
                known = (self.tenant, self.principal, *self.resources)
                message = f"`{of}` is no tenant, principal or resource type"
                self.error("unknown-name", message, name.of.span, did_you_mean(of, known))
            return Id(of, of == self.tenant)
        if text in BASICS:
            return BASICS[text]
        if text in self.enums:
            return self.enums[text]
        if text in self.shapes:
            if not shapes:
                message = f"an attribute of shape `{text}` may stand in the context only"
                self.error("wrong-type", message, name.span, "write its attributes out")
            return Shape(text)
        known = (*BASICS, *self.enums, *(self.shapes if shapes else ()))
        self.error("unknown-name", f"no type is called `{text}`", name.span, did_you_mean(text, known))
        return BOOL

    def _attributes(self, body: ast.Body | None, place: str) -> model.Attributes:
        """The attributes of a body; `place` (context, shape, ...) decides what may stand there."""
        by_name = {a.name: a for a in body.attributes} if body else {}
        return tuple(self._attribute(by_name[name], place) for name in self._each_once(by_name))

    def _attribute(self, a: ast.Attribute, place: str) -> model.Attribute:
        if a.name.text == "type":
            help = "every object may carry `type`: it names the object's own type"
            self.error("shadowing", "`type` cannot be declared as an attribute", a.name.span, help)
        type_ = self._type(a.type, shapes=place == "context")
        if place != "context" and (extra := a.default or a.source):
            message = "a default and `from` may stand in the context only"
            self.error("not-available", message, extra.span, "remove it")
        if a.mark and a.mark.text not in MARKS:
            message = f"`as {a.mark.text}` means nothing"
            self.error("unknown-name", message, a.mark.span, f"an attribute is {', '.join(MARKS)}, or unmarked")
        elif a.mark and place not in MARKS[a.mark.text]:
            message = f"`as {a.mark.text}` means nothing here"
            self.error("not-available", message, a.mark.span, "remove the mark")
        if a.default is not None and a.optional:
            message = f"`{a.name.text}` is never absent, for it has a default"
            self.error("conflict", message, a.default.span, "remove the `?` or the default")
        return model.Attribute(
            a.name.text,
            type_,
            a.optional,
            self._default(a.default, type_),
            a.mark.text if a.mark else "",
            self._source(a.source),
        )

    def _default(self, default: ast.Value | ast.Path | None, type_: Type) -> str | int | bool | None:
        match default:
            case None:
                return None
            case ast.Value(value=value) if type_ == {str: STRING, int: INT, bool: BOOL}[type(value)]:
                return value
            case ast.Path(names=(ast.Name(text=text),)) if isinstance(type_, Enum) and text in type_.values:
                return text
        self.error("wrong-type", f"this default is no {type_}", default.span, f"write a {type_}")
        return None

    def _source(self, source: ast.Name | None) -> Known:
        if source is None:
            return Known.RECORD
        if source.text not in CONTEXT_SOURCES:
            message = f"the platform takes nothing from `{source.text}`"
            self.error("unknown-name", message, source.span, f"expected {', '.join(CONTEXT_SOURCES)}")
            return Known.RECORD
        return Known(source.text)

    def _marked(self, attributes: model.Attributes, mark: str, whose: ast.Name) -> str:
        """The name of the attribute with a mark, or an empty string; two are an error."""
        found = [a for a in attributes if a.mark == mark]
        if len(found) > 1:
            message = f"`{whose.text}` has two attributes marked `as {mark}`"
            self.error("duplicate", message, whose.span, "keep one mark")
        for a in found:
            ids = ("", self.principal) if mark == "owner" else ("", whose.text)
            is_id = isinstance(a.type, Id) and a.type.of in ids
            if not a.required or (mark != "role" and not is_id):
                help = "it is always there, and its type is Id" if mark != "role" else "it is always there"
                self.error("wrong-type", f"`{a.name}` cannot be marked `as {mark}`", whose.span, help)
            if mark == "role" and not (isinstance(a.type, Enum) and a.type.ordered):
                help = "declare the enum with `<` between its values, the least first"
                self.error("wrong-type", f"the role `{a.name}` is no ordered enum", whose.span, help)
        return found[0].name if found else ""

    def _need_mark(self, attributes: model.Attributes, mark: str, whose: ast.Name) -> str:
        name = self._marked(attributes, mark, whose)
        if not name:
            message = f"`{whose.text}` has no attribute marked `as {mark}`"
            self.error("missing-mark", message, whose.span, f"mark one, as in `id: Id as {mark}`")
        return name

    def _need_tenant_key(self, attributes: model.Attributes, whose: ast.Name) -> None:
        key = model.attribute(attributes, self.tenant_key)
        if key is None or not key.required or key.type != Id(self.tenant, True):
            message = f"`{whose.text}` does not carry the tenant key `{self.tenant_key}`"
            help = f"add `{self.tenant_key}: Id of {self.tenant}`"
            self.error("missing-mark", message, whose.span, help)

    # ---- Declarations

    def _principal(self, declaration: ast.Principal) -> model.Principal:
        attributes = self._attributes(declaration.body, "principal")
        self._need_tenant_key(attributes, declaration.name)
        identity = self._need_mark(attributes, "identity", declaration.name)
        role = self._marked(attributes, "role", declaration.name)
        return model.Principal(declaration.name.text, attributes, identity, self.tenant_key, role)

    def _context(self) -> model.Attributes:
        found = [d for d in self.all if isinstance(d, ast.Context)]
        for extra in found[1:]:
            self.error("duplicate", "`context` is declared twice", extra.span, "keep one declaration")
        return self._attributes(found[0].body, "context") if found else ()

    def _context_shapes(self) -> tuple[tuple[str, model.Attributes], ...]:
        return tuple((name, self._attributes(d.body, "shape")) for name, d in sorted(self.shapes.items()))

    def _resource(self, name: str, declaration: ast.Resource) -> model.Resource:
        whose = next(n for n in declaration.names if n.text == name)
        inherited: tuple[ast.Attribute, ...] = ()
        if declaration.shape is not None:
            if shape := self.shapes.get(declaration.shape.text):
                inherited = shape.body.attributes
            else:
                message = f"no shape is called `{declaration.shape.text}`"
                help = did_you_mean(declaration.shape.text, self.shapes)
                self.error("unknown-name", message, declaration.shape.span, help)
        own = declaration.body.attributes if declaration.body else ()
        attributes = self._attributes(ast.Body(declaration.span, (*inherited, *own)), "resource")
        reason = str(declaration.global_reason.value) if declaration.global_reason else ""
        if not reason:
            self._need_tenant_key(attributes, whose)
        if declaration.global_reason and not reason:
            self.error("bad-value", "a type outside isolation needs a reason", declaration.span, "say why in the text")
        return model.Resource(
            name,
            tuple(_known_in_request(a) for a in attributes),
            self._need_mark(attributes, "identity", whose),
            self._marked(attributes, "owner", whose),
            declaration.shape.text if declaration.shape else "",
            reason,
        )

    def _grants(self, groups: dict[str, tuple[str, ...]]) -> tuple[model.Grant, ...]:
        grants: list[model.Grant] = []
        for d in (d for d in self.all if isinstance(d, ast.Grant)):
            types = types_of([d.on], groups, self.findings)
            if any(set(types) & set(other.types) for other in grants):
                message = f"two kinds of grant row name records of `{d.on.text}`"
                self.error("conflict", message, d.name.span, "one kind of row serves each type")
            if d.to.text != self.principal:
                message = f"`{d.to.text}` is not the principal"
                self.error("unknown-name", message, d.to.span, f"write `to {self.principal}`")
            self._refuse_global(types, d.on, "grants")
            attributes = self._attributes(d.body, "grant")
            self._need_tenant_key(attributes, d.name)
            keys = [*d.record_by, *d.member_by]
            wanted: list[tuple[Type, str]] = [(TYPE, "Type"), (Id(), "Id"), (Id(), "Id")]
            wanted.append((Id(self.tenant, True), f"Id of {self.tenant}"))
            for key, (type_, text) in zip(keys, wanted, strict=True):
                found = model.attribute(attributes, key.text)
                if found is None or not found.required or found.type != type_:
                    message = f"the key `{key.text}` is not an attribute of type {text}"
                    self.error("missing-mark", message, key.span, f"add `{key.text}: {text}`")
            k = [key.text for key in keys]
            role = self._need_mark(attributes, "role", d.name)
            grants.append(model.Grant(d.name.text, types, attributes, k[0], k[1], k[2], k[3], role, d.crosses))
        return tuple(sorted(grants, key=lambda grant: grant.name))

    def _obligations(self) -> tuple[model.Obligation, ...]:
        found = [d for d in self.all if isinstance(d, ast.Obligation)]
        for d in found:
            for a in d.body.attributes:
                if a.optional or a.name.text == "name":
                    message = f"`{a.name.text}` cannot be a field of an obligation"
                    self.error("bad-value", message, a.span, "every field is always there, and none is called `name`")
        made = [model.Obligation(d.name.text, self._attributes(d.body, "obligation")) for d in found]
        return tuple(sorted(made, key=lambda obligation: obligation.name))

    def _actions(self, groups: dict[str, tuple[str, ...]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
        actions: dict[str, set[str]] = {name: set() for name in self.resources}
        for d in (d for d in self.all if isinstance(d, ast.Action)):
            for type_name in types_of(d.on, groups, self.findings):
                actions[type_name] |= {name.text for name in d.names}
        return tuple((name, tuple(sorted(actions[name]))) for name in sorted(actions))

    def _inheritance(
        self, groups: dict[str, tuple[str, ...]], resources: dict[str, model.Resource]
    ) -> tuple[tuple[str, model.Inheritance], ...]:
        found: dict[str, model.Inheritance] = {}
        for d in (d for d in self.all if isinstance(d, ast.Access)):
            rows = [row for row in d.rows if isinstance(row, ast.Inherit)]
            for row in rows[1:]:
                self.error("duplicate", f"`{d.name.text}` inherits twice", row.span, "keep one `as` row")
            if rows and d.by is None:
                message = f"`{d.name.text}` inherits, and does not say by which attribute"
                self.error("missing-mark", message, rows[0].span, f"write `access {d.name.text} by ...`")
            if not rows or d.by is None:
                continue
            types = types_of([d.name], groups, self.findings)
            self._refuse_global(types, d.name, "inheritance")
            for type_name in types:
                if type_name in found:
                    message = f"`{type_name}` inherits by two access declarations"
                    self.error("conflict", message, d.name.span, "let one of them say what inherits")
                elif inherit := self._inherit(d.by, rows[0], types, resources[type_name]):
                    found[type_name] = inherit
        for type_name, inherit in found.items():
            if found.get(inherit.parent_type) != inherit:
                where = next(d.name for d in self.all if isinstance(d, ast.Access) and d.by is not None)
                message = f"a chain from `{type_name}` would leave `{inherit.parent_type}`"
                help = f"a {inherit.parent_type} inherits from a {inherit.parent_type}, by the same attributes"
                self.error("conflict", message, where.span, help)
        return tuple(sorted(found.items()))

    def _inherit(
        self, by: ast.Name, row: ast.Inherit, types: tuple[str, ...], resource: model.Resource
    ) -> model.Inheritance | None:
        parent = model.attribute(resource.attributes, row.parent.text)
        if parent is None or not isinstance(parent.type, Id) or parent.type.of not in types:
            message = f"`{row.parent.text}` names no record that could hold the scope of a {resource.name}"
            help = f"its type must be the Id of one of {', '.join(types)}"
            self.error("missing-mark", message, row.parent.span, help)
            return None
        return model.Inheritance(by.text, row.value.text, row.parent.text, parent.type.of)

    def _refuse_global(self, types: tuple[str, ...], place: ast.Name, what: str) -> None:
        for type_name in types:
            if self.resources[type_name].global_reason:
                message = f"{what} cannot serve `{type_name}`, which belongs to no tenant"
                self.error("conflict", message, place.span, "keep the type isolated, or leave it out")


def _known_in_request(a: model.Attribute) -> model.Attribute:
    """A request names a record by its type and id; its other attributes are read."""
    known = Known.ARGUMENT if a.mark == "identity" else Known.RECORD
    return model.Attribute(a.name, a.type, a.optional, a.default, a.mark, known)


def _declares(declaration: ast.AnyDeclaration) -> tuple[ast.Name, ...]:
    match declaration:
        case ast.Resource(names=names):
            return names
        case ast.Access() | ast.Action() | ast.Changing() | ast.Aws() | ast.Context() | ast.Test():
            return ()
        case _:
            return (declaration.name,)
