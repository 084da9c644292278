"""What to make of a text that does not parse: its declarations one by one, and what must not reach the parser at all.

In: text. Out: stretches of it, and `Broken` for one that cannot be read. Nothing here runs while a file is whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from policyengine.diagnostics import Edit
from policyengine.frontend import ast
from policyengine.frontend.limits import MAX_NESTING
from policyengine.source import Source, Span

# Control characters, a carriage return that ends no line, marks that turn the direction of writing, the separators of
# lines that not every editor shows, byte-order marks, and surrogates, as which the bytes that are not UTF-8 come.
_UNSAFE = re.compile(
    "(?:[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]|\r(?!\n))+"
)
_BYTE_ORDER_MARK = "\ufeff"
_NOT_UTF_8 = range(0xDC80, 0xDD00)

# Closing quotes are optional, so that no text is scanned twice.
_NESTING = re.compile(
    r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?|//[^\n]*|(?P<nots>(?:\bnot\b(?:\s|//[^\n]*)*)+)(?P<then>[({]?)|[({]|[)}]'
)
_NOT = re.compile(r"\bnot\b")

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?|//[^\n]*')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BETWEEN = re.compile(r"(?:\s|//[^\n]*)*")

_VOCABULARY = ["tenant", "enum", "principal", "context", "shape", "resource", "grant", "action", "obligation", "define"]
_DECLARES = re.compile(rf"\b(?:{'|'.join(_VOCABULARY)})\b\s*[\w{{]")

Flaw = tuple[str, str, Span, str, tuple[Edit, ...]]
"""What `Findings.error` takes: code, message, place, help, edits."""


# ---- What must not reach the parser


def unsafe(source: Source, start: int, end: int) -> Flaw | None:
    """The first characters in a stretch of text that may stand nowhere; the edits mend all there are in it."""
    found = _UNSAFE.search(source.text, start, end)
    if found is None:
        return None
    span, first = Span(source, *found.span()), found.group()[0]
    if ord(first) in _NOT_UTF_8:
        return "unreadable", f"the byte 0x{ord(first) - 0xDC00:02X} is not UTF-8", span, "save the file as UTF-8", ()
    message = f"the character U+{ord(first):04X} may not stand in a policy file"
    help = "remove it: such a character can make a rule read otherwise than it is"
    if first == _BYTE_ORDER_MARK and span.start == 0:
        message, help = "the file begins with a byte-order mark", "save the file as UTF-8 without a mark"
    if first == "\r":
        message = "a carriage return alone ends no line"
        help = "end lines by a line feed, with or without a carriage return before it"
    every = _UNSAFE.finditer(source.text, start, end)
    edits = tuple(Edit(Span(source, *one.span()), "\n" * one.group().count("\r")) for one in every)
    return "forbidden-character", message, span, help, edits


def too_deep(source: Source, start: int, end: int) -> Flaw | None:
    """The first place in a stretch of text that is nested too deep: counted before anything recurses into it."""
    enclosing: list[int] = []
    level = 0
    for found in _NESTING.finditer(source.text, start, end):
        nots, opens = len(_NOT.findall(found["nots"] or "")), found["then"] or found.group() in "({"
        if level + nots + bool(opens) > MAX_NESTING:
            span = (
                Span(source, found.end() - 1, found.end()) if opens else Span(source, found.start(), found.start() + 3)
            )
            message = f"nested more than {MAX_NESTING} deep"
            return "too-deep", message, span, "give a part of it a name with `define`", ()
        if opens:
            enclosing.append(level)
            level += nots + 1
        elif found.group() in ")}":
            level = enclosing.pop() if enclosing else 0
    return None


# ---- Declarations one by one


def stretches(text: str, keywords: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The text cut before each line that begins at the margin with a declaration's keyword, or with its docs."""
    margin = min((len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip()), default=0)
    first_word = re.compile(rf"^[ \t]{{{margin}}}(?:///[^\n]*|(?:{'|'.join(keywords)})\b)", re.MULTILINE)
    start = docs_end = 0
    for found in first_word.finditer(text):
        if not (docs_end and _BETWEEN.fullmatch(text, docs_end, found.start())):
            yield start, found.start()
            start = found.start()
        docs_end = found.end() if found.group().lstrip().startswith("///") else 0
    yield start, len(text)


def stands_alone(source: Source, start: int, at: int, end: int) -> bool:
    """Whether what is whole before a mistake is a declaration by itself, rather than the first half of one."""
    text = source.text
    margin = text[text.rfind("\n", 0, at) + 1 : at]
    first = _WORD.search(text, start, at)
    return (
        not first or margin == text[text.rfind("\n", 0, start) + 1 : first.start()] or not _WORD.search(text, at, end)
    )


def broken(source: Source, start: int, end: int, keywords: Collection[str]) -> ast.Broken:
    """What a stretch of text may have declared: all of its words, or for a rule and the like its own name alone."""
    text = _QUOTED.sub(lambda found: " " * len(found.group()), source.text[start:end])
    words = _WORD.findall(text)
    keyword = words[0] if words else ""
    vocabulary = keyword in _VOCABULARY or keyword not in keywords or _DECLARES.search(text, text.find(keyword) + 1)
    known = keyword if keyword in keywords else ""
    return ast.Broken(Span(source, start, end), (), known, frozenset(words if vocabulary else words[:2]))
