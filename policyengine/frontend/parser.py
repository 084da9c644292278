"""Text to syntax tree. The only module that knows lark; `grammar.lark` beside it is the reference.

In: a `Source`. Out: its declarations. A declaration that does not follow the grammar is one finding, and `Broken`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from threading import Lock

from lark import Lark, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternRE, TerminalDef
from lark.parsers.lalr_interactive_parser import InteractiveParser

from policyengine.diagnostics import Findings
from policyengine.frontend import ast
from policyengine.frontend.builder import Builder
from policyengine.frontend.limits import MAX_BROKEN
from policyengine.frontend.mistakes import Mishap, explain
from policyengine.frontend.recovery import broken, stands_alone, stretches, too_deep, unsafe
from policyengine.source import Source

Declarations = tuple[ast.AnyDeclaration, ...]


def parse(source: Source, findings: Findings) -> Declarations:
    """The declarations of one file. Where it is not whole, each that cannot be read is one finding and `Broken`."""
    end = len(source.text)
    if not unsafe(source, 0, end) and not too_deep(source, 0, end):
        try:
            return _build(source, 0, end)
        except UnexpectedInput:
            pass
    return tuple(_one_by_one(source, findings))


def grammar() -> str:
    """The text of the grammar file."""
    return files("policyengine.frontend").joinpath("grammar.lark").read_text("utf-8")


# ---- The whole


_ONE_AT_A_TIME = Lock()  # the builder knows one source at a time


@cache
def _parser() -> tuple[Lark, Builder]:
    """The parser, and the builder that it calls for each rule, so that no tree of its own is ever made."""
    builder = Builder()
    lark = Lark(
        grammar(), parser="lalr", maybe_placeholders=True, transformer=builder, edit_terminals=_end_where_names_end
    )
    return lark, builder


def _end_where_names_end(terminal: TerminalDef) -> None:
    """`forbidden` is one name, never `forbid` and a name, even where no name may stand."""
    if terminal.pattern.type == "str" and terminal.pattern.value.isidentifier():
        terminal.pattern = PatternRE(terminal.pattern.value + r"\b")
        terminal.priority = 1


def _build(source: Source, start: int, end: int) -> Declarations:
    lark, builder = _parser()
    with _ONE_AT_A_TIME:
        builder.read(source, start)
        built: Declarations = lark.parse(source.text[start:end])  # type: ignore[assignment]
        return built


# ---- One declaration after the other


def _one_by_one(source: Source, findings: Findings) -> Iterator[ast.AnyDeclaration]:
    count = 0
    for start, end in stretches(source.text, _keywords()):
        if count == MAX_BROKEN:
            yield broken(source, start, len(source.text), ())
            return
        for declaration in _stretch(source, start, end, findings):
            yield declaration
            count += isinstance(declaration, ast.Broken)


def _stretch(source: Source, start: int, end: int, findings: Findings) -> Declarations:
    """The declarations of a stretch of text that should hold one."""
    if flaw := unsafe(source, start, end) or too_deep(source, start, end):
        findings.error(*flaw)
        return (broken(source, start, end, _keywords()),)
    try:
        return _build(source, start, end)
    except UnexpectedInput as problem:
        mishap = _mishap(problem, source, start, end)
        findings.error("syntax", *explain(mishap, _reads_on))
        if mishap.complete and stands_alone(source, start, mishap.at, end):
            return *_build(source, start, mishap.at), broken(source, mishap.at, end, _keywords())
    return (broken(source, start, end, _keywords()),)


@cache
def _keywords() -> frozenset[str]:
    """The words with which a declaration begins."""
    lark, _ = _parser()
    return frozenset(_written(name) for name in _accepts(lark.parse_interactive("")) if name not in ("DOC", "$END"))


# ---- What went wrong


def _mishap(problem: UnexpectedInput, source: Source, start: int, end: int) -> Mishap:
    """A syntax error, without anything of lark."""
    ended = isinstance(problem, UnexpectedToken) and problem.token.type == "$END"
    accepts = _accepts(problem.interactive_parser)
    at = end if ended else start + (problem.pos_in_stream or 0)
    expected = frozenset(_written(name) for name in accepts - {"$END", "DOC"})
    return Mishap(source, start, at, end, expected, ended, "$END" in accepts)


def _accepts(parser: InteractiveParser) -> set[str]:
    """The terminals that could come next."""
    accepts: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    return accepts


def _reads_on(text: str, at: int) -> bool:
    """Whether a stretch of text can be read as far as this place."""
    try:
        _build(Source("", text), 0, len(text))
    except UnexpectedInput as problem:
        ended = isinstance(problem, UnexpectedToken) and problem.token.type == "$END"
        return at <= (len(text) if ended else problem.pos_in_stream or 0)
    return True


_CLASSES = {
    "NAME": "a name",
    "STRING": "a text in quotes",
    "NUMBER": "a number",
    "OPERATOR": "a comparison",
    "RAW": "JSON between backticks",
}


@cache
def _terminals() -> dict[str, str]:
    lark, _ = _parser()
    return {terminal.name: terminal.pattern.value.removesuffix(r"\b").replace("\\", "") for terminal in lark.terminals}


def _written(terminal: str) -> str:
    """A terminal as the author writes it, or the kind of thing that it is."""
    return _CLASSES.get(terminal) or _terminals()[terminal]
