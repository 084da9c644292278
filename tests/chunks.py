"""Chunked files: cases one after the other, `---` between them, each expectation beside the line that causes it.

A trailing comment `// error: code` or `// warning: code` says what is found on its line, `, ` between several. Each case
stands behind the vocabulary; one whose first line is `//! alone` stands by itself. `<U+202E>` is that character, and
`<0xFF>` a byte that is not UTF-8.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from policyengine.compiler import compile_sources
from policyengine.diagnostics import Diagnostic, mended
from policyengine.source import Source

HERE = Path(__file__).resolve().parent / "diagnostics"
VOCABULARY = Source("vocabulary.schema", (HERE / "vocabulary.schema").read_text("utf-8"))
ALONE = "//! alone"

_EXPECTED = re.compile(r"\b(error|warning): ([a-z-]+)")
_ESCAPED = re.compile(r"<U\+([0-9A-F]+)>|<0x([0-9A-F]{2})>")


@dataclass(frozen=True)
class Case:
    """One chunk. `line` is where it begins in the file that it is from."""

    file: str
    line: int
    text: str

    @property
    def source(self) -> Source:
        return Source("your.policy", _ESCAPED.sub(_unescaped, self.text))

    @property
    def sources(self) -> list[Source]:
        return [self.source] if self.text.startswith(ALONE) else [self.source, VOCABULARY]

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return compile_sources(self.sources).diagnostics

    @property
    def expected(self) -> Counter[tuple[int, str, str]]:
        """Line, severity and code of what is expected."""
        return Counter(
            (number, *found)
            for number, line in enumerate(self.source.text.split("\n"), 1)
            for found in _EXPECTED.findall(line.rpartition("//")[2])
        )

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def _unescaped(found: re.Match[str]) -> str:
    character, byte = found.groups()
    return chr(int(character, 16)) if character else chr(0xDC00 + int(byte, 16))


def cases_of(file: Path) -> Iterator[Case]:
    line = 1
    for text in re.split(r"^---\n", file.read_text("utf-8"), flags=re.MULTILINE):
        yield Case(file.name, line, text)
        line += text.count("\n") + 1


def all_cases() -> list[Case]:
    return [case for file in sorted(HERE.glob("*.policy")) for case in cases_of(file)]


def found(diagnostics: Iterable[Diagnostic]) -> Counter[tuple[int, str, str]]:
    """Line, severity and code of each finding."""
    return Counter((line_of(diagnostic), diagnostic.severity, diagnostic.code) for diagnostic in diagnostics)


def line_of(diagnostic: Diagnostic) -> int:
    span = diagnostic.labels[0].span
    return span.source.position(span.start)[0]


def unhelpful(case: Case, diagnostic: Diagnostic, before: tuple[Diagnostic, ...]) -> str:
    """Why the edits of a finding do not mend it; empty where they do."""
    sources = [mended(source, diagnostic.edits) for source in case.sources]
    after = compile_sources(sources).diagnostics

    def same(other: Diagnostic) -> bool:
        return (other.code, other.message) == (diagnostic.code, diagnostic.message)

    if sum(map(same, after)) >= sum(map(same, before)):
        return f"the finding stays in\n{sources[0].text}"
    start = diagnostic.labels[0].span.start
    moved = start + sum(
        len(edit.text) - (edit.span.end - edit.span.start) for edit in diagnostic.edits if edit.span.end <= start
    )
    here = [other for other in after if other.code == diagnostic.code and other.labels[0].span.start == moved]
    there = [other for other in before if other.code == diagnostic.code and other.labels[0].span.start == start]
    return f"another one of its code comes up: {here[0].message}\n{sources[0].text}" if len(here) >= len(there) else ""
