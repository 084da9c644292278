"""Paths to reads: what `resource.connectorId.enabled` means where it stands, and whether it is there to be read.

In: `Names`, a path and the `Scope` that it stands in. Out: an attribute of the core, or None, mostly with a finding.
Every read of an optional attribute must be dominated by a `has`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.attributes import UNKNOWN
from policyengine.frontend.mending import Edits, before, behind, listed, put, suggest
from policyengine.frontend.resolver import SUBJECTS, Names
from policyengine.ir import nodes as ir
from policyengine.model import schema as model
from policyengine.model.schema import Known
from policyengine.model.types import TYPE, Entity, Id, Shape, Type
from policyengine.source import Span

Facts = frozenset[ir.Attr]
"""The optional attributes that are known to be there."""


class _Unsure(Facts):
    """What is known behind a part with a finding: it may have asked for anything, so nothing is called unguarded."""

    def __contains__(self, attr: object) -> bool:
        return True

    def __or__(self, more: object) -> _Unsure:
        return self


UNSURE = _Unsure()

_MEANT = {
    **dict.fromkeys(("user", "subject", "actor", "caller", "me"), "principal"),
    **dict.fromkeys(("record", "object", "target", "this", "self"), "resource"),
    **dict.fromkeys(("env", "environment", "request"), "context"),
}
"""What other languages call the subjects."""


_WHERE = {
    "principal": "whether a row counts does not depend on who asks",
    "resource": "a rule and a threat speak of a record, a row does not",
    "holder": "a rule and a threat speak of a record, a row does not",
    "row": "only `counts when` speaks of a row",
}
"""Where a subject may be spoken of."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may speak of, and where it stands.

    `types`: those of the record; empty where there is none, or where, `blind`, nobody knows them. `root`: the whole
    condition; where it is None, a condition belongs into the `when` of `rule`.
    """

    types: tuple[str, ...] = ()
    row: model.Attributes | None = None
    parameters: Mapping[str, Type] = field(default_factory=dict)
    threat: bool = False
    blind: bool = False
    root: ast.Expression | None = None
    rule: ast.Rule | None = None


class Paths:
    def __init__(self, names: Names, findings: Findings) -> None:
        self.names = names
        self.schema = names.schema
        self.error = findings.error
        self._distinct: dict[tuple[str, ...], list[tuple[str, model.Attributes]]] = {}
        self._principal = ir.Var("principal", Entity(self.schema.principal.name))
        self._seen: dict[tuple[ir.Object, str, tuple[str, ...], model.Attributes | None], ir.Attr] = {}

    def read(self, path: ast.Path, scope: Scope, facts: Facts) -> ir.Attr | None:
        """A read of an attribute, all of whose optional parts are known to be there."""
        attr, absent = self._follow(path, scope, facts)
        if attr is not None and attr.optional and attr not in facts:
            absent.append(path)
        return attr if self._guarded(path, absent, scope) else None

    def presence(self, has: ast.Has, scope: Scope, facts: Facts) -> ir.Expr | None:
        """A test whether an attribute is there; what it is an attribute of must be."""
        path = has.path
        attr, absent = self._follow(path, scope, facts)
        if not self._guarded(path, absent, scope) or attr is None:
            return None
        if not attr.optional:
            message = f"`{text_of(path)}` is never absent"
            self.error("bad-value", message, path.span, "remove this test: it is always true", put(has.span, "true"))
            return None
        return ir.Has(attr)

    def could_be(self, name: ast.Name, scope: Scope) -> Iterator[str]:
        """The attributes of that name, for who forgot to say of what."""
        for subject in ("resource", "context", "principal", "row"):
            of = self._subject_named(subject, scope)
            if of is not None and not isinstance(of, ir.Holder):
                every = [{a.name for a in attributes} for _, attributes in self._owners(of, scope)]
                if every and all(name.text in names for names in every):
                    yield f"{subject}.{name.text}"

    def alike(self, path: ast.Path, scope: Scope, wanted: Type) -> list[str]:
        """The other attributes of the same object that have the type and are always there."""
        of = self._subject_named(path.names[0].text, scope)
        if of is None or len(path.names) != 2:
            return []
        owners = [attributes for _, attributes in self._owners(of, scope)]
        fit = [{a.name for a in attributes if a.type == wanted and not a.optional} for attributes in owners]
        names = set.intersection(*fit) - {path.names[1].text} if fit else set()
        return sorted(f"{path.names[0].text}.{name}" for name in names)

    # ---- Guards

    def _guarded(self, path: ast.Path, absent: list[ast.Path], scope: Scope) -> bool:
        if absent:
            guard = " and ".join(f"has {text_of(part)}" for part in absent)
            help = f"write `{guard} and ...` before it"
            edits = _guard(path, guard, scope)
            self.error("unguarded-optional", f"`{text_of(absent[0])}` may be absent here", path.span, help, edits)
        return not absent

    # ---- Names

    def _follow(self, path: ast.Path, scope: Scope, facts: Facts) -> tuple[ir.Attr | None, list[ast.Path]]:
        """The attribute that a path names, and those parts before the last that may be absent."""
        first, *rest = path.names
        absent: list[ast.Path] = []
        if not rest:
            could = list(self.could_be(first, scope))
            help, edits = f"write `{could[0] if could else 'resource.'}`", put(path.span, could[0]) if could else ()
            self.error("wrong-type", f"`{first.text}` is no attribute", path.span, help, edits)
            return None, absent
        subject: ir.Object | None = self._subject(first, scope)
        attr: ir.Attr | None = None
        for index, name in enumerate(rest):
            if attr is not None:
                so_far = ast.Path(path.span, path.names[: index + 1])
                if attr.optional and attr not in facts:
                    absent.append(so_far)
                subject = self._step(attr, so_far, scope)
            attr = self._attribute(subject, name, scope) if subject is not None else None
            if attr is None:
                return None, []
        return attr, absent

    def _subject(self, name: ast.Name, scope: Scope) -> ir.Object | None:
        """What a path starts at; with a finding where there is no such thing."""
        text = name.text
        if found := self._subject_named(text, scope):
            return found
        if scope.blind and text in ("resource", "holder"):
            return None
        if text == "holder" and scope.types:
            if not self.names.may_inherit(scope.types):
                message = "`holder` needs types whose scope is inherited"
                help = "speak of the record itself, or declare in their access table what inherits"
                self.error("not-available", message, name.span, help, put(name.span, "resource"))
        elif text in SUBJECTS:
            help = "a definition speaks of its parameters only" if scope.parameters else _WHERE[text]
            self.error("not-available", f"`{text}` is not available here", name.span, help)
        elif text not in self.names.unread.words:
            self.error("unknown-name", f"`{text}` means nothing here", name.span, *self._meant(name, scope))
        return None

    def _meant(self, name: ast.Name, scope: Scope) -> tuple[str, Edits]:
        subjects = [subject for subject in SUBJECTS if self._subject_named(subject, scope)]
        meant = _MEANT.get(name.text.lower(), "")
        if name.text == self.schema.principal.name:
            meant = "principal"
        elif name.text in scope.types:
            meant = "resource"
        if meant in subjects:
            return f"did you mean `{meant}`?", put(name.span, meant)
        return suggest(name, subjects)

    def _subject_named(self, text: str, scope: Scope) -> ir.Object | None:
        match text:
            case "principal" if scope.row is None and not scope.parameters:
                return self._principal
            case "context" if not scope.parameters:
                return _CONTEXT
            case "resource" if scope.types:
                return _RESOURCE
            case "row" if scope.row is not None:
                return _ROW
            case "holder" if scope.types and all(type_name in self.schema.inherits for type_name in scope.types):
                return ir.Holder()
        return None

    def _step(self, attr: ir.Attr, path: ast.Path, scope: Scope) -> ir.Object | None:
        """What the next name is read from: the object in the context, or the row that an id refers to."""
        if isinstance(attr.type, Shape):
            return attr
        if isinstance(attr.type, Id) and attr.type.of in self.schema.resource and attr.of == _RESOURCE:
            if self.schema.resource[attr.type.of].global_reason:
                message = f"`{attr.type.of}` belongs to no tenant and cannot be looked up"
                self.error("not-available", message, path.span, "keep the type isolated, or compare the id")
                return None
            outside = [name for name in scope.types if self.schema.resource[name].global_reason]
            if outside:
                message = f"`{outside[0]}` belongs to no tenant, in which a row could be looked up"
                self.error("not-available", message, path.span, "keep the type isolated, or compare the id")
                return None
            return ir.Reference(attr, attr.type.of)
        if isinstance(attr.type, Id) and attr.type.of in self.names.unread.words:
            return None
        message = f"`{text_of(path)}` has no attributes of its own"
        self.error("wrong-type", message, path.span, "only the record's own `Id of` another type refers to a row")
        return None

    # ---- Attributes

    def _attribute(self, of: ir.Object, name: ast.Name, scope: Scope) -> ir.Attr | None:
        """The attribute of that name, which every type in question must have, and have alike."""
        key = (of, name.text, scope.types, scope.row)
        if key not in self._seen:
            found = self._find(of, name, scope)
            if found is None:
                return None
            self._seen[key] = found
        return self._seen[key]

    def _find(self, of: ir.Object, name: ast.Name, scope: Scope) -> ir.Attr | None:
        if of == _RESOURCE and name.text == "type":
            return ir.Attr(of, "type", TYPE, Known.ARGUMENT)
        owners = self._owners(of, scope)
        found = [model.attribute(attributes, name.text) for _, attributes in owners]
        alike = {attribute and replace(attribute, mark="", known=Known.RECORD) for attribute in found}
        first = found[0]
        if first is None or len(alike) > 1:
            self._unknown(name, owners)
            return None
        if first.type == UNKNOWN:
            return None
        return ir.Attr(of, first.name, first.type, _known(of, first), first.optional)

    def _unknown(self, name: ast.Name, owners: list[tuple[str, model.Attributes]]) -> None:
        lacking = [owner for owner, attributes in owners if model.attribute(attributes, name.text) is None]
        if self.names.flawed.intersection(owner for owner, _ in owners):
            return
        if lacking:
            message = f"`{lacking[0]}` has no attribute `{name.text}`"
        else:
            message = f"`{name.text}` is not the same attribute in all of {listed(owner for owner, _ in owners)}"
        common = set.intersection(*({a.name for a in attributes} for _, attributes in owners))
        help = f"there is {listed(sorted(common))}" if common else "no attribute is the same in all of them"
        self.error("unknown-name", message, name.span, *suggest(name, common, help))

    def _owners(self, of: ir.Object, scope: Scope) -> list[tuple[str, model.Attributes]]:
        """The declarations that an object may be of, with their attributes."""
        schema = self.schema
        match of:
            case ir.Var(name="principal"):
                return [(schema.principal.name, schema.principal.attributes)]
            case ir.Var(name="context"):
                return [("context", schema.context)]
            case ir.Var(name="row"):
                return [("row", scope.row or ())]
            case ir.Var():
                return self._of_types(scope.types)
            case ir.Holder():
                names = {*scope.types, *(schema.inherits[name].parent_type for name in scope.types)}
                return [(name, schema.resource[name].attributes) for name in sorted(names)]
            case ir.Reference(target=target):
                return [(target, schema.resource[target].attributes)]
            case ir.Attr(type=type_):
                return [(str(type_), schema.shape[str(type_)])]

    def _of_types(self, types: tuple[str, ...]) -> list[tuple[str, model.Attributes]]:
        """One type for all that have the same attributes: what holds for one of them holds for all."""
        if types not in self._distinct:
            every = ((name, self.schema.resource[name].attributes) for name in reversed(types))
            distinct = {id(attributes): (name, attributes) for name, attributes in every}
            self._distinct[types] = sorted(distinct.values(), key=lambda owner: owner[0])
        return self._distinct[types]


def text_of(path: ast.Path) -> str:
    return ".".join(name.text for name in path.names)


_CONTEXT = ir.Var("context", Entity("context"))
_RESOURCE = ir.Var("resource", Entity("resource"))
_ROW = ir.Var("row", Entity("row"))


def _known(of: ir.Object, attribute: model.Attribute) -> Known:
    match of:
        case ir.Var(name="principal"):
            return Known.TOKEN
        case ir.Var(name="row"):
            return Known.GRANT
        case ir.Holder():
            return Known.ANCESTOR
        case ir.Reference():
            return Known.REFERENCED
        case ir.Attr(known=known):
            return known
        case ir.Var():
            return attribute.known


# ---- Where a guard belongs


def _guard(path: ast.Path, guard: str, scope: Scope) -> Edits:
    """`has x and` before the nearest part of a condition that is joined to others, or in the `when` of the rule."""
    if scope.root is not None:
        clause = _clause(scope.root, path)
        return before(clause.span, f"{guard} and ") if clause else ()
    if scope.rule is None:
        return ()
    when = scope.rule.when
    if when is None:
        return behind(scope.rule.on[-1].span, f" when {guard}")
    text = when.span.source.text
    start = _WHEN.search(text, max(0, when.span.start - 200), when.span.start)
    end = _CLOSINGS.match(text, when.span.end)
    if start is None or end is None:
        return ()
    whole = Span(when.span.source, start.start(1), end.end())
    if isinstance(when, ast.Or):
        return before(whole, f"{guard} and (") + behind(whole, ")")
    return before(whole, f"{guard} and ")


_WHEN = re.compile(r"\bwhen\s+([\s(]*)\Z")
_CLOSINGS = re.compile(r"(?:\s*\))*")


def _clause(expr: ast.Expression, path: ast.Path) -> ast.Expression | None:
    """The part of a condition, as small as `and` and `or` make it, in which a path stands."""
    if isinstance(expr, ast.And | ast.Or):
        return next((found for operand in expr.operands if (found := _clause(operand, path))), None)
    if isinstance(expr, ast.Not):
        inner = _clause(expr.operand, path)
        return expr if inner is expr.operand else inner
    return expr if _stands_in(path, expr) else None


def _stands_in(path: ast.Path, expr: ast.Expression) -> bool:
    return expr.span.source is path.span.source and expr.span.start <= path.span.start < expr.span.end
