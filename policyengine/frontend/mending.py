"""What would mend a finding, as edits of the text: small words for the places in a declaration that mends speak of.

In: nodes of the syntax tree. Out: edits. A node knows where it begins and ends; the marks around it, such as braces,
commas and `?`, are found in the text beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from policyengine.diagnostics import Edit
from policyengine.frontend import ast
from policyengine.frontend.spelling import nearest
from policyengine.model.types import BOOL, INT, STRING, Enum, Id, Type
from policyengine.source import Span

Edits = tuple[Edit, ...]
Mend = tuple[str, Edits]
"""The end of what `Findings.error` takes: the advice, and what follows it."""

OTHERWISE = "declare it, or name another"
"""The advice about an unknown name that nothing comes near."""

_GAP = r"(?:\s|//[^\n]*)*"
_OPENING = re.compile(_GAP + r"\{")
_OPTIONAL = re.compile(_GAP + r"(\?)")
_CLOSINGS = re.compile(rf"(?:(?:{_GAP},)?{_GAP}[)}}]|{_GAP}\{{{_GAP}\}})*")
_LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)")


def suggest(name: ast.Name, among: Iterable[str], otherwise: str = "") -> Mend:
    """The nearest of the names in place of this one, or else an advice that no program can follow."""
    near = nearest(name.text, among)
    return (f"did you mean `{near}`?", put(name.span, near)) if near else (otherwise, ())


def article(type_: Type) -> str:
    """A type in a sentence."""
    return f"{'an' if str(type_)[0] in 'AEIO' else 'a'} `{type_}`"


def listed(names: Iterable[str]) -> str:
    """Names in a message, the first few of them."""
    every = [f"`{name}`" for name in names]
    return ", ".join(every[:5]) + (f" and {len(every) - 5} more" if len(every) > 5 else "")


# ---- Places


def put(span: Span, text: str) -> Edits:
    return (Edit(span, text),)


def before(span: Span, text: str) -> Edits:
    return (Edit(Span(span.source, span.start, span.start), text),)


def behind(span: Span, text: str) -> Edits:
    return (Edit(Span(span.source, span.end, span.end), text),)


def between(first: Span, last: Span) -> Span:
    """From the end of one to the end of another: the last, with what parts it from the first."""
    return Span(first.source, first.end, last.end)


def into_braces(head: Span, text: str) -> Edits:
    """As the first thing in the braces that open behind `head`; without any, in new ones."""
    opening = _OPENING.match(head.source.text, head.end)
    if opening is None:
        return behind(head, f" {{ {text} }}")
    place = Span(head.source, opening.end(), opening.end())
    line_ends = re.compile(r"[ \t]*(?://[^\n]*)?\r?\n").match(head.source.text, opening.end())
    return put(place, f"\n  {text}" if line_ends else f" {text}")


# ---- Attributes


def type_with_optional(a: ast.Attribute) -> Span:
    """The type of an attribute, with its `?`."""
    mark = _OPTIONAL.match(a.span.source.text, a.type.span.end) if a.optional else None
    return Span(a.span.source, a.type.span.start, mark.end(1) if mark else a.type.span.end)


def required(a: ast.Attribute) -> Edits:
    """The attribute without its `?`."""
    return put(type_with_optional(a), _type(a.type)) if a.optional else ()


def marked(a: ast.Attribute, mark: str) -> Edits:
    """The attribute, required, with that mark."""
    last = a.default.span if a.default else type_with_optional(a)
    if a.optional:
        return put(type_with_optional(a), f"{_type(a.type)} as {mark}")
    return behind(last, f" as {mark}")


def unmarked(a: ast.Attribute) -> Edits:
    last = a.default.span if a.default else type_with_optional(a)
    return put(between(last, a.mark.span), "") if a.mark else ()


def without_context_parts(a: ast.Attribute) -> Edits:
    """The attribute without a default and without `from`."""
    type_ = type_with_optional(a)
    last = a.mark.span if a.mark else a.default.span if a.default else type_
    default = put(between(type_, a.default.span), "") if a.default else ()
    end = a.claim or a.source
    return default + (put(between(last, end.span), "") if end else ())


def typed(a: ast.Attribute, type_: str) -> Edits:
    """The attribute with another type, and required."""
    return put(type_with_optional(a), type_)


def _type(name: ast.TypeName) -> str:
    return name.name.text + (f" of {name.of.text}" if name.of else "")


# ---- Lists and declarations


def merged(first: ast.Context, second: ast.Context) -> Edits:
    """The attributes of both in the first, and the second gone."""
    attributes = second.body.attributes
    head = Span(first.span.source, first.span.start, first.span.start + len("context"))
    if not attributes:
        return without(second)
    text = attributes[0].span.source.text[attributes[0].span.start : attributes[-1].span.end]
    return into_braces(head, f"{text},") + without(second)


def without_item(items: Sequence[ast.Node], index: int) -> Edits:
    """A list without one of its items, and without one of the marks that part them."""
    span = items[index].span
    if index > 0:
        return put(between(items[index - 1].span, span), "")
    if len(items) > 1:
        return put(Span(span.source, span.start, items[1].span.start), "")
    comma = re.compile(_GAP + ",").match(span.source.text, span.end)
    return put(Span(span.source, span.start, comma.end() if comma else span.end), "")


def ordered(enum: ast.Enum) -> Edits:
    """An enum with `<` between its values, as they stand."""
    if len(enum.values) < 2:
        return ()
    gaps = zip(enum.values, enum.values[1:], strict=False)
    edits = tuple(Edit(Span(left.span.source, left.span.end, right.span.start), " < ") for left, right in gaps)
    last = enum.values[-1].span
    comma = re.compile(_GAP + ",").match(last.source.text, last.end)
    return edits + (put(Span(last.source, last.end, comma.end()), "") if comma else ())


def end_of(node: ast.Declaration) -> Span:
    """A declaration to its end, with its closing brackets."""
    closings = _CLOSINGS.match(node.span.source.text, node.span.end)
    return Span(node.span.source, node.span.start, closings.end() if closings else node.span.end)


def without(node: ast.Declaration) -> Edits:
    """The text without a declaration, or without a row: keyword, docs and closing brackets go too."""
    text, span, keyword = node.span.source.text, node.span, _keyword(node)
    start = text.rfind(keyword, max(0, span.start - 200), span.start) if keyword else span.start
    if start < 0 or text[start : span.start].strip() != keyword:
        return ()
    start, end = _docs(text, start), span.end if isinstance(node, _ROWS) else end_of(node).end
    margin = text.rfind("\n", 0, start) + 1
    rest = _LINE_END.match(text, end)
    if rest and not text[margin:start].strip():
        start, end = margin, rest.end()
    return put(Span(span.source, start, end), "")


def _docs(text: str, start: int) -> int:
    """Where the docs begin that stand in the lines right before a place; that place, where there are none."""
    margin = text.rfind("\n", 0, start) + 1
    while not text[margin:start].strip() and margin > 0:
        above = text.rfind("\n", 0, margin - 1) + 1
        if not text[above:margin].lstrip().startswith("///"):
            break
        start = margin = above
    return start


_ROWS = (ast.Permission, ast.Inherit)


def _keyword(node: ast.Declaration) -> str:
    """The word before what a declaration has as its place; none before a row, and `context` is in its own place."""
    if isinstance(node, ast.Rule):
        return node.effect
    return "" if isinstance(node, (*_ROWS, ast.Context)) else type(node).__name__.lower()


# ---- Values


def retyped(expr: ast.Expression, wanted: Type) -> Mend:
    """A value, written so that it has the type: a quoted value of an enum without its quotes, and the like."""
    text = _as_written(expr.value, wanted) if isinstance(expr, ast.Value) else ""
    if isinstance(expr, ast.Path) and len(expr.names) == 1:
        if isinstance(wanted, Enum):
            return suggest(expr.names[0], wanted.values)
        text = f'"{expr.names[0].text}"' if wanted in (STRING, Id()) else ""
    return (f"write `{text}`", put(expr.span, text)) if text else ("", ())


def _as_written(value: str | int | bool, wanted: Type) -> str:
    match wanted, value:
        case Enum(values=values), str():
            return value if value in values else nearest(value, values)
        case _, str() if wanted == INT and re.fullmatch("-?[0-9]+", value):
            return value
        case _, str() if wanted == BOOL and value in ("true", "false"):
            return value
        case _, int() if wanted == BOOL and not isinstance(value, bool) and value in (0, 1):
            return ("false", "true")[value]
        case _, bool() if wanted == STRING:
            return f'"{str(value).lower()}"'
        case _, int() if wanted in (STRING, Id()) and not isinstance(value, bool):
            return f'"{value}"'
    return ""
