"""Tree builders: what each rule of the grammar becomes in the syntax tree. Knows no parser, only its tokens.

In: the children of a rule, built already; what is optional and absent is None, and a token is a `str` with `type`,
`start_pos` and `end_pos`. Out: a node, with its place in the source. Methods carry the names of the grammar's rules.
"""

from __future__ import annotations

import re
from sys import intern
from typing import Any

from policyengine.frontend import ast
from policyengine.source import Source, Span


class Builder:
    """`source` is what the places of nodes are in; what is parsed begins at its character `offset`."""

    def __init__(self) -> None:
        self.read(Source("", ""), 0)

    def read(self, source: Source, offset: int) -> None:
        self._source = source
        self._offset = offset

    def _span(self, children: list[Any]) -> Span:
        """From the first to the last child that has a place; empty braces alone have the start of the text."""
        start, end = self._start(children), self._end(children)
        if start is None or end is None:
            return Span(self._source, self._offset, self._offset)
        return Span(self._source, start, end)

    def _start(self, children: Any) -> int | None:
        for child in children:
            if isinstance(child, ast.Node):
                if child.span.start < child.span.end:
                    return child.span.start
            elif isinstance(child, str):
                start: int = child.start_pos  # type: ignore[attr-defined]
                return start + self._offset
            elif isinstance(child, tuple) and (start_inside := self._start(child)) is not None:
                return start_inside
        return None

    def _end(self, children: Any) -> int | None:
        for child in reversed(children):
            if isinstance(child, ast.Node):
                if child.span.start < child.span.end:
                    return child.span.end
            elif isinstance(child, str):
                end: int = child.end_pos  # type: ignore[attr-defined]
                return end + self._offset
            elif isinstance(child, tuple) and (end_inside := self._end(child)) is not None:
                return end_inside
        return None

    def start(self, c: list[Any]) -> tuple[ast.AnyDeclaration, ...]:
        return tuple(c)

    def declaration(self, c: list[Any]) -> ast.AnyDeclaration:
        docs, build = c
        declaration: ast.AnyDeclaration = build(docs)
        return declaration

    def doc(self, c: list[Any]) -> tuple[str, ...]:
        return tuple(line[3:].strip() for line in c)

    # Each declaration is built when its docs are known: its method returns a function of them.

    def tenant(self, c: list[Any]) -> Any:
        return lambda docs: ast.Tenant(self._span(c), docs, *c)

    def enum(self, c: list[Any]) -> Any:
        name, (values, ordered) = c
        return lambda docs: ast.Enum(self._span([name, values]), docs, name, values, ordered)

    def ordered(self, c: list[Any]) -> Any:
        return tuple(child for child in c if isinstance(child, ast.Name)), True

    def unordered(self, c: list[Any]) -> Any:
        return tuple(c), False

    def principal(self, c: list[Any]) -> Any:
        return lambda docs: ast.Principal(self._span(c), docs, *c)

    def context(self, c: list[Any]) -> Any:
        return lambda docs: ast.Context(self._span(c), docs, c[1])

    def shape(self, c: list[Any]) -> Any:
        return lambda docs: ast.Shape(self._span(c), docs, *c)

    def resource(self, c: list[Any]) -> Any:
        return lambda docs: ast.Resource(self._span(c), docs, *c)

    def grant(self, c: list[Any]) -> Any:
        name, on, of_type, of_id, to, member, member_tenant, body, counts, crosses = c
        return lambda docs: ast.Grant(
            self._span(c), docs, name, on, (of_type, of_id), to, (member, member_tenant), body, counts, bool(crosses)
        )

    def action(self, c: list[Any]) -> Any:
        return lambda docs: ast.Action(self._span(c), docs, *c)

    def obligation(self, c: list[Any]) -> Any:
        return lambda docs: ast.Obligation(self._span(c), docs, *c)

    def access(self, c: list[Any]) -> Any:
        name, by, *rows = c
        return lambda docs: ast.Access(self._span(c), docs, name, by, tuple(rows))

    def inherit(self, c: list[Any]) -> ast.Inherit:
        docs, value, parent = c
        return ast.Inherit(self._span([value, parent]), docs, value, parent)

    def permission(self, c: list[Any]) -> ast.Permission:
        docs, label, who, actions = c
        return ast.Permission(
            self._span([label, who, actions]), docs, label if isinstance(label, ast.Name) else None, who, actions
        )

    def who(self, c: list[Any]) -> ast.Who:
        kind, name = c
        return ast.Who(self._span(c), str(kind), name if isinstance(name, ast.Name) else None)

    def changing(self, c: list[Any]) -> Any:
        return lambda docs: ast.Changing(self._span(c), docs, *c)

    def define(self, c: list[Any]) -> Any:
        name, *parameters, body = c
        given = tuple(p for p in parameters if p is not None)
        return lambda docs: ast.Define(self._span(c), docs, name, given, body)

    def parameter(self, c: list[Any]) -> ast.Parameter:
        return ast.Parameter(self._span(c), *c)

    def permit(self, c: list[Any]) -> Any:
        return lambda docs: ast.Rule(self._span(c), docs, "permit", *c)

    def forbid(self, c: list[Any]) -> Any:
        return lambda docs: ast.Rule(self._span(c), docs, "forbid", *c)

    def require(self, c: list[Any]) -> Any:
        name, obligation, *fields, actions, on, when, unless, because = c
        given = tuple(f for f in fields if f is not None)
        return lambda docs: ast.Rule(
            self._span(c), docs, "require", name, actions, on, when, unless, because, obligation, given
        )

    def field(self, c: list[Any]) -> Any:
        return tuple(c)

    def only_child(self, c: list[Any]) -> Any:
        return c[0]

    when = unless = only_child

    def text(self, c: list[Any]) -> ast.Value:
        return self.value(c)

    because = without_tenant = text

    def threat(self, c: list[Any]) -> Any:
        name, description, *items = c
        return lambda docs: ast.Threat(self._span(c), docs, name, self.value([description]), tuple(items))

    def never(self, c: list[Any]) -> ast.Never:
        return ast.Never(self._span(c), *c)

    def some(self, c: list[Any]) -> tuple[ast.Name, ...]:
        return c[0] if isinstance(c[0], tuple) else ()

    def held(self, c: list[Any]) -> ast.Held:
        return ast.Held(self._span(c), c[0])

    def inexpressible(self, c: list[Any]) -> ast.Inexpressible:
        layers, reason = c
        return ast.Inexpressible(self._span(c), layers, self.value([reason]))

    def not_ours(self, c: list[Any]) -> ast.NotOurs:
        return ast.NotOurs(self._span(c), self.value(c))

    def aws(self, c: list[Any]) -> Any:
        return lambda docs: ast.Aws(self._span(c), docs, tuple(c))

    def setting(self, c: list[Any]) -> ast.Setting:
        kind, name, value = c
        return ast.Setting(self._span(c), kind, name, self.value([value]))

    # ---- The API

    def api(self, c: list[Any]) -> Any:
        return lambda docs: ast.Api(self._span(c), docs, tuple(c))

    def mapped(self, c: list[Any]) -> ast.Mapped:
        fields, action, on, *clauses, effect = c
        by, within, to, writes, passing = (clause or () for clause in clauses)
        return ast.Mapped(self._span(c), fields, action, on, by, within, to, writes, passing, effect is not None)

    by = within = to = writes = passing = only_child

    def takes_effect(self, c: list[Any]) -> bool:
        return True

    def opened(self, c: list[Any]) -> ast.Opened:
        return ast.Opened(self._span(c), *c)

    def waived(self, c: list[Any]) -> ast.Waived:
        finding, on, until, because = c
        return ast.Waived(self._span(c), finding, on, self.value([until]), because)

    def token_alone(self, c: list[Any]) -> ast.TokenAlone:
        return ast.TokenAlone(self._span(c))

    def places(self, c: list[Any]) -> tuple[ast.Path, ...]:
        return tuple(c)

    # ---- Tests

    def test(self, c: list[Any]) -> Any:
        title, *statements = c
        return lambda docs: ast.Test(self._span(c), docs, self.value([title]), tuple(statements))

    def fixture(self, c: list[Any]) -> ast.Let:
        name, (of, changed, value) = c
        return ast.Let(self._span([name, value]), name, of, changed, value)

    def object_of(self, c: list[Any]) -> Any:
        return c[0], False, c[1]

    def changed(self, c: list[Any]) -> Any:
        return c[0], True, c[1]

    def raw(self, c: list[Any]) -> Any:
        return None, False, ast.Raw(self._span(c), c[0][1:-1])

    def raw_row(self, c: list[Any]) -> Any:
        return c[0], False, ast.Raw(self._span(c), c[1][1:-1])

    def row_fixture(self, c: list[Any]) -> ast.Row:
        of, _, value = c[0]
        return ast.Row(self._span([of, value]), of, value)

    def context_fixture(self, c: list[Any]) -> ast.TestContext:
        value = c[0] if isinstance(c[0], ast.Object) else c[0][2]
        return ast.TestContext(value.span, value)

    def expectation(self, c: list[Any]) -> ast.Expectation:
        verdict, principal, action, record, rules, *owed, errors = c
        obligations = tuple(one for one in owed if one is not None)
        allow = verdict.type == "ALLOW"
        span = self._span(c)
        return ast.Expectation(span, allow, principal, action, record, rules or (), obligations, errors or ())

    def rule_ids(self, c: list[Any]) -> Any:
        return tuple(c)

    def owed(self, c: list[Any]) -> Any:
        return tuple(c)

    def errs(self, c: list[Any]) -> Any:
        return tuple(self.value([token]) for token in c)

    def object(self, c: list[Any]) -> ast.Object:
        return ast.Object(self._span(c), tuple(member for member in c if member is not None))

    def member(self, c: list[Any]) -> Any:
        return tuple(c)

    # ---- Parts

    def body(self, c: list[Any]) -> ast.Body:
        return ast.Body(self._span(c), tuple(a for a in c if a is not None))

    def attribute(self, c: list[Any]) -> ast.Attribute:
        name, type_name, optional, default, mark, source = c
        source, claim = source if isinstance(source, tuple) else (source, None)
        return ast.Attribute(self._span(c), name, type_name, optional is not None, default, mark, source, claim)

    def claim(self, c: list[Any]) -> tuple[ast.Name, ast.Name | ast.Value]:
        word, what = c
        return self.name([word]), what if isinstance(what, ast.Name) else self.value([what])

    def type(self, c: list[Any]) -> ast.TypeName:
        return ast.TypeName(self._span(c), *c)

    def names(self, c: list[ast.Name]) -> tuple[ast.Name, ...]:
        return tuple(c)

    def name(self, c: list[Any]) -> ast.Name:
        (token,) = c
        start = token.start_pos + self._offset
        return ast.Name(Span(self._source, start, start + len(token)), intern(str(token)))

    word = label = subject = record_name = name
    words = names

    # ---- Expressions

    def disjunction(self, c: list[Any]) -> ast.Or:
        return ast.Or(self._span(c), tuple(c))

    def conjunction(self, c: list[Any]) -> ast.And:
        return ast.And(self._span(c), tuple(c))

    def inversion(self, c: list[Any]) -> ast.Not:
        return ast.Not(self._span(c), c[1])

    def compare(self, c: list[Any]) -> ast.Compare:
        left, operator, right = c
        return ast.Compare(self._span(c), left, str(operator), right)

    def membership(self, c: list[Any]) -> ast.In:
        item, *choices = c
        return ast.In(self._span(c), item, tuple(choice for choice in choices if choice is not None))

    def presence(self, c: list[Any]) -> ast.Has:
        return ast.Has(self._span(c), c[1])

    def path(self, c: list[Any]) -> ast.Path:
        return ast.Path(self._span(c), tuple(c))

    place = path

    def call(self, c: list[Any]) -> ast.Call:
        name, *arguments = c
        return ast.Call(self._span(c), name, tuple(a for a in arguments if a is not None))

    def granted(self, c: list[Any]) -> ast.Granted:
        return ast.Granted(self._span(c))

    def value(self, c: list[Any]) -> ast.Value:
        (token,) = c
        value: str | int | bool
        match token.type:
            case "STRING":
                value = re.sub(r"\\(.)", r"\1", token[1:-1]) if "\\" in token else str(token)[1:-1]
            case "NUMBER":
                value = int(token)
            case _:
                value = token.type == "TRUE"
        return ast.Value(self._span(c), value)
