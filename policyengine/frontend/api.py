"""The `api` blocks to the core: which field of the API asks for which action, and where its arguments stand.

In: `api` declarations, `Names`, and how actions are looked up. Out: `ir.Api`, sorted. What the API itself looks like is
not known here: `policyengine.appsync` compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast, mending
from policyengine.frontend.mending import put, suggest
from policyengine.frontend.printer import print_expression
from policyengine.frontend.resolver import Names, types_of
from policyengine.ir import nodes as ir
from policyengine.model.api import KEPT, ROOTS, WAIVABLE, grantee
from policyengine.partial.without_rows import without_rows
from policyengine.source import Span

Actions = Callable[[Sequence[ast.Name], tuple[str, ...]], tuple[str, ...]]
"""The actions of some names on some types, with a finding for each that is none."""

MEMBER_HELP = "declare `member: Member? from argument` in the context: a shape with the id and the tenant of a person"


def lower_api(declarations: Sequence[ast.AnyDeclaration], names: Names, actions: Actions, findings: Findings) -> ir.Api:
    """The API of a policy set; a field with a finding is left out."""
    lowering = _Lowering(names, actions, findings, _of_tables(declarations))
    items = [item for d in declarations if isinstance(d, ast.Api) for item in d.items]
    fields = [field for item in items for field in lowering.fields(item)]
    waivers = [waiver for item in items if isinstance(item, ast.Waived) for waiver in lowering.waiver(item)]
    return ir.Api(
        tuple(sorted(fields, key=str)),
        tuple(sorted(waivers, key=lambda w: (w.on, w.finding))),
        any(isinstance(item, ast.TokenAlone) for item in items),
    )


def _of_tables(declarations: Sequence[ast.AnyDeclaration]) -> set[str]:
    """The key attributes of tables and indexes: where a record stands, and where it is listed."""
    settings = [setting for d in declarations if isinstance(d, ast.Aws) for setting in d.settings]
    return {name for one in settings if one.kind.text == "attributes" for name in str(one.value.value).split()}


class _Lowering:
    def __init__(self, names: Names, actions: Actions, findings: Findings, of_tables: set[str]) -> None:
        self.names = names
        self.schema = names.schema
        self.actions = actions
        self.findings = findings
        self.error = findings.error
        self.seen: dict[str, Span] = {}
        self.platforms = {self.schema.tenant_key, *KEPT, *of_tables}

    # ---- Fields

    def fields(self, item: ast.Mapped | ast.Opened | ast.Waived | ast.TokenAlone) -> Iterator[ir.Field]:
        if isinstance(item, ast.Opened):
            self._need_reason(item.because, "a field that is open needs a reason")
            for type_, name, span in self._coordinates(item.fields):
                yield ir.Field(type_, name, reason=str(item.because.value), span=span)
        elif isinstance(item, ast.Mapped):
            types = types_of(item.on, self.names.groups, self.findings)
            actions = self.actions([item.action], types)
            self._refuse_places(item, types)
            for type_, name, span in self._coordinates(item.fields):
                if types and actions:
                    by, tenants, member, content, passing = (
                        tuple(map(print_expression, paths))
                        for paths in (item.by, item.within, item.to, item.writes, item.passing)
                    )
                    effect = item.takes_effect or type_ == "Mutation"
                    yield ir.Field(
                        type_, name, actions[0], types, by, tenants, member, content, passing, effect, span=span
                    )

    def _coordinates(self, fields: Sequence[ast.Path]) -> Iterator[tuple[str, str, Span]]:
        """Type, name and place of each field; a field is mapped once in the whole policy set."""
        for index, path in enumerate(fields):
            text = print_expression(path)
            first = self.seen.setdefault(text, path.span)
            if len(path.names) != 2:
                help = f"write the type before it, such as `Query.{path.names[-1].text}`"
                self.error("bad-value", f"`{text}` is no field of a type", path.span, help)
            elif first is not path.span:
                also, edits = [Label(first, "first here")], mending.without_item(fields, index) if index else ()
                self.error("duplicate", f"`{text}` is mapped twice", path.span, "keep one", edits, also=also)
            else:
                yield path.names[0].text, path.names[1].text, path.span

    # ---- Places

    def _refuse_places(self, item: ast.Mapped, types: tuple[str, ...]) -> None:
        if len(item.by) > 2:
            help = "write where the id is, or where the type is and where the id is"
            self.error("bad-value", "`by` names more than two places", item.by[2].span, help)
        if item.to and len(item.to) != 2:
            help = "write where the grantee's id is, and where the grantee's tenant is"
            self.error("bad-value", "`to` names two places", item.to[-1].span, help)
        if item.to and grantee(self.schema) is None and not self.names.unread.may_declare("context"):
            self.error("missing-mark", "nothing in the context holds a grantee", item.to[0].span, MEMBER_HELP)
        self._refuse_platform_attributes(item, types)
        seen: dict[str, Span] = {}
        for paths in (item.by, item.within, item.to, item.writes, item.passing):
            for index, path in enumerate(paths):
                first = seen.setdefault(print_expression(path), path.span)
                if first is not path.span:
                    also = [Label(first, "first here")]
                    message, edits = f"`{print_expression(path)}` is marked twice", self._dropped(paths, index)
                    self.error("duplicate", message, path.span, "an argument has one meaning", edits, also=also)

    def _refuse_platform_attributes(self, item: ast.Mapped, types: tuple[str, ...]) -> None:
        """A client never writes ids, owners, tenants, versions or keys of rows (docs/studio.md, Writes)."""
        records = [self.schema.resource[type_name] for type_name in types]
        platforms = self.platforms | {name for r in records for name in (r.identity, r.owner) if name}
        for index, path in enumerate(item.writes):
            name = path.names[-1].text
            if name in platforms:
                help, edits = "leave it out: the platform sets it", self._dropped(item.writes, index)
                self.error("bad-value", f"a client may not write `{name}`", path.span, help, edits)

    def _dropped(self, paths: Sequence[ast.Path], index: int) -> mending.Edits:
        return mending.without_item(paths, index) if len(paths) > 1 else ()

    # ---- Waivers

    def waiver(self, item: ast.Waived) -> Iterator[ir.Waiver]:
        until, on = str(item.until.value), print_expression(item.on)
        self._need_reason(item.because, "a waiver needs a reason")
        if item.finding.text not in WAIVABLE:
            message = f"no finding that can be waived is called `{item.finding.text}`"
            mend = suggest(item.finding, WAIVABLE, "`policyengine check --graphql` names its findings")
            self.error("unknown-name", message, item.finding.span, *mend)
        elif not _is_day(until):
            self.error("bad-value", f"`{until}` is no day", item.until.span, 'write a day such as "2027-01-31"')
        else:
            yield ir.Waiver(item.finding.text, on, until, str(item.because.value), item.span)

    def _need_reason(self, because: ast.Value, message: str) -> None:
        if not because.value:
            self.error("bad-value", message, because.span, "say why in the text")


def _is_day(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


# ---- `authorizer answers from token alone`


def refuse_more_than_token(declarations: Sequence[ast.AnyDeclaration], program: ir.Program, findings: Findings) -> None:
    """An answer that AppSync may keep for a token cannot depend on what is asked with it.

    So no argument can be checked, and nothing that takes effect can be refused: `deniedFields` hides what a field
    yields, but does not keep it from running.
    """
    items = [item for d in declarations if isinstance(d, ast.Api) for item in d.items]
    for item in items:
        if isinstance(item, ast.TokenAlone):
            for field in program.api.fields:
                if why := _needs_more(program, field):
                    message = f"`{field}` needs more than the token: {why}"
                    edits = put(_whole(item.span), "")
                    findings.error("conflict", message, item.span, "remove it: each request is then decided", edits)
                    break


def _whole(first: Span) -> Span:
    """The whole line that begins with this word, of words alone."""
    found = re.compile(r"\w+(\s+\w+){4}").match(first.source.text, first.start)
    return Span(first.source, first.start, found.end()) if found else Span(first.source, first.start, first.start)


def _needs_more(program: ir.Program, field: ir.Field) -> str:
    if field.tenants:
        return "the tenant is among its arguments"
    if field.member:
        return "a grantee is among its arguments"
    written = {place.split(".")[-1] for place in field.content}
    if any(one.attribute in written and not set(field.types).isdisjoint(one.types) for one in program.changing):
        return "what its arguments change takes another right"
    takes_effect = field.takes_effect or field.type == ROOTS[2]
    if takes_effect and any(
        without_rows(program, field.action, type_name, frozenset()).denied != ir.FALSE for type_name in field.types
    ):
        return "a denial has to keep it from running"
    return ""
