"""Findings about policy files, as values: collected anywhere, rendered once, the same for terminal and JSON.

A message starts in lower case, ends without a full stop, and puts the author's own text in backticks; the advice
stands in `help`, and where a program can follow it, as `edits` too. Every code is listed in `CODES`; `finding` refuses
a code that is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policyengine.source import Source, Span

Severity = Literal["error", "warning"]

CODES: dict[str, str] = {
    "unreadable": "the file cannot be read as UTF-8 text",
    "forbidden-character": "a character that could make the text read otherwise than it is",
    "syntax": "the text does not follow the grammar",
    "too-deep": "an expression is nested deeper than the limit",
    "too-large": "an expression grows beyond the limit when its definitions are expanded",
    "unknown-name": "a name that nothing declares",
    "duplicate": "a name, rule or row that is declared twice",
    "shadowing": "a name that hides another",
    "missing-declaration": "a declaration that every policy set needs, exactly once",
    "wrong-type": "a value of another type than its place asks for",
    "unguarded-optional": "an optional attribute that is read where it may be absent",
    "not-available": "a part of the request that cannot be used in this place",
    "cyclic-define": "a definition that uses itself",
    "missing-mark": "an attribute, key or mark that a declaration needs and does not have",
    "missing-row": "an enum value that an access declaration leaves out",
    "conflict": "two declarations that cannot both hold",
    "bad-value": "a value outside what its place admits",
    "no-access": "a type to which nobody has access",
    "never-decides": "a rule whose condition no request can meet",
}


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what is to be said of it there."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Put `text` where `span` is; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: what is wrong (`message`), where (`labels`, the first one leads), and what would mend it.

    `edits` do what `help` says, all of them together; they never overlap. Without any, only the author can know.
    """

    code: str
    severity: Severity
    message: str
    labels: tuple[Label, ...]
    help: str = ""
    edits: tuple[Edit, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The same as a JSON object; lines and columns count from 1."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "labels": [{**_place(label.span), "text": label.text} for label in self.labels],
            "help": self.help,
            "edits": [{**_place(edit.span), "text": edit.text} for edit in self.edits],
        }


class PolicyError(Exception):
    """The policy set cannot be used. `diagnostics` says why; at least one of them is an error."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n" + render(self.diagnostics))


class Findings:
    """Collects diagnostics. `ok` is true as long as none of them is an error."""

    def __init__(self) -> None:
        self._found: list[Diagnostic] = []
        self.ok = True

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        help: str = "",
        edits: tuple[Edit, ...] = (),
        *,
        also: Iterable[Label] = (),
    ) -> None:
        self._found.append(finding(code, "error", message, (Label(span), *also), help, edits))
        self.ok = False

    def warning(self, code: str, message: str, span: Span, help: str = "", edits: tuple[Edit, ...] = ()) -> None:
        self._found.append(finding(code, "warning", message, (Label(span),), help, edits))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings by place, whatever the order in which files were read or passes ran."""
        return tuple(sorted(set(self._found), key=_by_place))


def finding(
    code: str, severity: Severity, message: str, labels: tuple[Label, ...], help: str, edits: tuple[Edit, ...] = ()
) -> Diagnostic:
    if code not in CODES:
        raise KeyError(f"no such diagnostic code: {code}")
    return Diagnostic(code, severity, message, labels, help, edits)


def mended(source: Source, edits: Iterable[Edit]) -> Source:
    """The source with those of the edits made that are about it."""
    text = source.text
    for edit in sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True):
        if edit.span.source == source:
            text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return Source(source.name, text)


def render(diagnostics: Iterable[Diagnostic], *, colour: bool = False) -> str:
    """The findings as text for a person: place, code, message, the line itself underlined, and the advice."""
    return "\n".join(_render_one(diagnostic, colour) for diagnostic in diagnostics)


def _render_one(diagnostic: Diagnostic, colour: bool) -> str:
    head = f"{diagnostic.severity}[{diagnostic.code}]"
    if colour:
        head = f"\x1b[1;{31 if diagnostic.severity == 'error' else 33}m{head}\x1b[0m"
    lines = [f"{head}: {diagnostic.message}"]
    for label in diagnostic.labels:
        lines += _render_label(label)
    if diagnostic.help:
        lines.append(f"  help: {diagnostic.help}")
    return "\n".join(lines) + "\n"


_WIDEST_EXCERPT = 160


def _render_label(label: Label) -> list[str]:
    source = label.span.source
    line, column = source.position(label.span.start)
    text = source.line(line)[:_WIDEST_EXCERPT]
    width = max(1, min(label.span.end - label.span.start, len(text) - column + 1))
    margin = " " * len(str(line))
    lines = [f"  --> {label.span}"]
    if column <= len(text) + 1:
        shown = "".join(c if c.isprintable() else " " if c == "\t" else "?" for c in text)
        lines += [f" {line} | {shown}", f" {margin} | {' ' * (column - 1)}{'^' * width} {label.text}".rstrip()]
    return lines


def _place(span: Span) -> dict[str, object]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"file": span.source.name, "line": line, "column": column, "endLine": end_line, "endColumn": end_column}


def _by_place(diagnostic: Diagnostic) -> tuple[str, int, str, str]:
    span = diagnostic.labels[0].span
    return span.source.name, span.start, diagnostic.code, diagnostic.message
