"""What is wrong between a schema and the `api` blocks of a policy set (docs/aws-authorizer.md, What check finds).

In: a program, the text of a schema, today's date. Out: findings, of which waivers take some away. A type of the schema
is a type of the policy where both have one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
)

from policyengine.appsync.sdl import Unreadable, place, schema_of
from policyengine.diagnostics import Diagnostic, Label, Severity
from policyengine.frontend.spelling import nearest
from policyengine.ir.nodes import Field, Program, Waiver
from policyengine.model.api import GRAPHQL_FINDINGS, ROOTS
from policyengine.source import Source, Span

JSON = "AWSJSON"
OTHER_MODES = ("aws_iam", "aws_api_key", "aws_oidc", "aws_cognito_user_pools", "aws_auth")
"""Directives that open a type or a field to callers of another mode (AWS AppSync Developer Guide, "Using additional
authorization modes"): these are never seen by the authorizer."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding before waivers: what, of which field or type, where, and what would mend it."""

    code: str
    on: str
    message: str
    span: Span
    help: str


def check_api(program: Program, source: Source, today: date) -> tuple[Diagnostic, ...]:
    """All findings, in the order of their places; none where the schema and the mapping agree."""
    try:
        schema = schema_of(source)
    except Unreadable as problem:
        help = "give the schema as AppSync takes it, with root types called Query, Mutation and Subscription"
        return (_diagnostic(Found("unreadable_schema", "", str(problem), problem.span, help)),)
    every = dict.fromkeys(_Check(program, schema, source).findings())
    return _without_waived(every, program.api.waivers, today)


def _without_waived(found: Any, waivers: tuple[Waiver, ...], today: date) -> tuple[Diagnostic, ...]:
    """A waiver takes away what it names until its day; past it, it is a finding, and so is what it named."""
    in_force = {(w.finding, w.on) for w in waivers if date.fromisoformat(w.until) >= today}
    met = {(one.code, one.on) for one in found}
    left = [_diagnostic(one) for one in found if (one.code, one.on) not in in_force]
    for waiver in waivers:
        span = waiver.span or Span(Source("policies", ""), 0, 0)
        name = f"the waiver of `{waiver.finding}` on `{waiver.on}`"
        if (waiver.finding, waiver.on) not in in_force:
            help = "mend what it waives, or decide anew and name another day"
            left.append(_diagnostic(Found("expired_waiver", "", f"{name} has ended on {waiver.until}", span, help)))
        elif (waiver.finding, waiver.on) not in met:
            left.append(_diagnostic(Found("unused_waiver", "", f"{name} waives nothing", span, "remove it")))
    return tuple(sorted(left, key=_by_place))


def _diagnostic(found: Found) -> Diagnostic:
    assert found.code in GRAPHQL_FINDINGS
    severity: Severity = "warning" if found.code == "unused_waiver" else "error"
    return Diagnostic(found.code, severity, found.message, (Label(found.span),), found.help)


def _by_place(diagnostic: Diagnostic) -> tuple[str, int, str, str]:
    span = diagnostic.labels[0].span
    return span.source.name, span.start, diagnostic.code, diagnostic.message


class _Check:
    def __init__(self, program: Program, schema: GraphQLSchema, source: Source) -> None:
        self.program = program
        self.api = program.api
        self.schema = schema
        self.source = source
        self.key = program.schema.tenant_key
        self.isolated = frozenset(r.name for r in program.schema.resources if not r.global_reason)

    def findings(self) -> Iterator[Found]:
        yield from self._unmapped()
        for mapped in self.api.fields:
            field = self._field(mapped.type, mapped.name)
            if field is None:
                known = [str(one) for one in self._coordinates()]
                near = nearest(str(mapped), known)
                help = f"did you mean `{near}`?" if near else "remove the line, or name another field"
                message = f"the schema has no field `{mapped}`"
                yield Found("unknown_field", str(mapped), message, self._mapped_at(mapped), help)
            else:
                yield from self._arguments(mapped, field)
        yield from self._paths()
        yield from self._roots_below()
        yield from self._other_modes()

    def _coordinates(self) -> Iterator[str]:
        for name, type_ in self.schema.type_map.items():
            if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
                yield from (f"{name}.{field}" for field in type_.fields)

    def _field(self, type_name: str, name: str) -> GraphQLField | None:
        type_ = self.schema.type_map.get(type_name)
        return type_.fields.get(name) if isinstance(type_, GraphQLObjectType) else None

    def _mapped_at(self, mapped: Field) -> Span:
        return mapped.span or Span(self.source, 0, 0)

    # ---- Root fields

    def _unmapped(self) -> Iterator[Found]:
        for root in ROOTS:
            type_ = self.schema.type_map.get(root)
            for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
                on = f"{root}.{name}"
                if on not in self.api.by_name:
                    help = f"write `{on}: ACTION on TYPE ...`, or `open {on} because ...`; until then it is refused"
                    yield Found("unmapped_field", on, f"nothing says what `{on}` asks for", self._at(field), help)

    def _at(self, part: Any) -> Span:
        return place(part.ast_node, self.source)

    def _roots_below(self) -> Iterator[Found]:
        """The authorizer sees a root field where an operation begins, and not where a type leads back to its root."""
        for on in self._coordinates():
            type_name, _, name = on.partition(".")
            field = self._field(type_name, name)
            named = get_named_type(field.type) if field else None
            reached = self.schema.get_possible_types(named) if is_abstract_type(named) else (named,)
            if any(type_ is not None and type_.name in ROOTS for type_ in reached):
                help = "return records: what a client asks of a root type below the root is not judged"
                yield Found("root_below", on, f"`{on}` leads back to a root type", self._at(field), help)

    # ---- Arguments

    def _arguments(self, mapped: Field, field: GraphQLField) -> Iterator[Found]:
        places = (*mapped.by, *mapped.tenants, *mapped.member, *mapped.content, *mapped.passing)
        for path in places:
            if mapped.type not in ROOTS and path.split(".")[0] == "source":
                continue
            steps = list(self._steps(field, path.split(".")))
            if len(steps) < len(path.split(".")):
                message, help = f"`{mapped}` has no argument `{path}`", "name one that the schema has, or leave it out"
                yield Found("unknown_argument", str(mapped), message, self._mapped_at(mapped), help)
            elif path in mapped.content and isinstance(get_named_type(steps[-1].type), GraphQLInputObjectType):
                message = f"`{path}` of `{mapped}` is a whole input"
                help = "name each attribute in it that a client may write"
                yield Found("whole_input", str(mapped), message, self._mapped_at(mapped), help)
            elif path in mapped.tenants:
                for step in steps:
                    if step.ast_node.default_value is not None:
                        message = f"the schema gives `{path}` of `{mapped}`, which is the tenant, a default"
                        yield Found("tenant_default", str(mapped), message, self._at(step), "take the default away")
        for name, argument in field.args.items():
            for found in self._unmarked(mapped, argument, (name,), frozenset(places), ()):
                if mapped.action or found.code == "unmarked_tenant":  # what asks for nothing may take any JSON
                    yield found

    def _steps(self, field: GraphQLField, names: list[str]) -> Iterator[Any]:
        """The argument, and the fields of inputs in it, that a place names, as far as there are any."""
        inside: Any = field.args
        for name in names:
            if name not in inside:
                return
            yield inside[name]
            named = get_named_type(inside[name].type)
            inside = named.fields if isinstance(named, GraphQLInputObjectType) else {}

    def _unmarked(
        self, mapped: Field, part: Any, path: tuple[str, ...], marked: frozenset[str], above: tuple[str, ...]
    ) -> Iterator[Found]:
        """What stands under the tenant's name, or is JSON, and is in no marked place. An input that holds itself is
        looked at once: what it holds a second time cannot be marked, since its places have no end."""
        text = ".".join(path)
        if text in marked:
            return
        named: Any = get_named_type(part.type)
        if isinstance(named, GraphQLInputObjectType):
            if named.name in above:
                if self._may_hold_tenant(named, frozenset()):
                    yield self._unmarked_found("unmarked_tenant", mapped, f"{text} ...", part)
                return
            for name, inner in named.fields.items():
                yield from self._unmarked(mapped, inner, (*path, name), marked, (*above, named.name))
        elif self.key in path:
            yield self._unmarked_found("unmarked_tenant", mapped, text, part)
        elif named.name == JSON:
            yield self._unmarked_found("unmarked_json", mapped, text, part)

    def _may_hold_tenant(self, type_: GraphQLInputObjectType, above: frozenset[str]) -> bool:
        if type_.name in above:
            return False
        above |= {type_.name}
        inner: list[tuple[str, GraphQLInputField]] = list(type_.fields.items())
        return any(
            name == self.key or (isinstance(of, GraphQLInputObjectType) and self._may_hold_tenant(of, above))
            for name, of in ((name, get_named_type(field.type)) for name, field in inner)
        )

    def _unmarked_found(self, code: str, mapped: Field, path: str, part: Any) -> Found:
        what = "carries the tenant's name" if code == "unmarked_tenant" else f"is {JSON}"
        message = f"`{path}` of `{mapped}` {what}, and is marked neither way"
        help = "write it behind `in`, `writes` or `passing`"
        if code == "unmarked_tenant":
            help = "write it behind `in` if it is the tenant, else behind `passing`"
        return Found(code, str(mapped), message, self._at(part), help)

    # ---- Ways to records

    def _paths(self) -> Iterator[Found]:
        """Every way from a mapped root field to an isolated type that no rule since the last record speaks of."""
        for root in ROOTS:
            type_ = self.schema.type_map.get(root)
            for name, field in type_.fields.items() if isinstance(type_, GraphQLObjectType) else ():
                mapped = self.api.by_name.get(f"{root}.{name}")
                if mapped is not None:
                    way = (f"{root}.{name}",)
                    yield from self._below(field, frozenset(mapped.types), way, way[0], field, set())

    def _below(
        self, field: GraphQLField, guarded: frozenset[str], way: tuple[str, ...], first: str, at: Any, seen: set[Any]
    ) -> Iterator[Found]:
        """`guarded` are the types that rules on the way speak of, `first` is the field that left the last record."""
        for type_ in self._objects(field):
            here, leaving = guarded, first
            if type_.name in self.isolated:
                if type_.name not in guarded:
                    message = f"no rule on the way speaks of `{type_.name}`: {' > '.join((*way, type_.name))}"
                    help = f"write `{first}: ACTION on {type_.name} ...`"
                    yield Found("unguarded_path", first, message, self._at(at), help)
                here, leaving = frozenset(), ""
            if (type_.name, here, leaving == "") in seen:
                continue
            seen.add((type_.name, here, leaving == ""))
            for name, inner in type_.fields.items():
                on = f"{type_.name}.{name}"
                mapped = self.api.by_name.get(on)
                then = here | frozenset(mapped.types if mapped else ())
                start, at_start = (leaving, at) if leaving else (on, inner)
                yield from self._below(inner, then, (*way, on), start, at_start, seen)

    def _objects(self, field: GraphQLField) -> list[GraphQLObjectType]:
        named: Any = get_named_type(field.type)
        if isinstance(named, GraphQLObjectType):
            return [named]
        return list(self.schema.get_possible_types(named)) if is_abstract_type(named) else []

    # ---- Other modes

    def _other_modes(self) -> Iterator[Found]:
        for name, type_ in self.schema.type_map.items():
            if name.startswith("__"):
                continue
            yield from self._modes(name, type_.ast_node, *type_.extension_ast_nodes)
            for field_name, field in getattr(type_, "fields", {}).items():
                yield from self._modes(f"{name}.{field_name}", field.ast_node)

    def _modes(self, on: str, *nodes: Any) -> Iterator[Found]:
        for node in nodes:
            for directive in getattr(node, "directives", None) or ():
                if directive.name.value in OTHER_MODES:
                    message = f"`@{directive.name.value}` lets callers of another mode reach `{on}` past the authorizer"
                    help = "take the directive away; the authorizer is the only mode of the API"
                    yield Found("other_mode", on, message, place(directive, self.source), help)
