"""What to say of a syntax error: a table of common mistakes, and else what was expected.

In: a `Mishap`, and a way to ask whether a mended text can be read on. Out: message, place, help and edits. An edit is
given only where it gets the parser past the mistake, so that advice which would not help is never followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from policyengine.diagnostics import Edit
from policyengine.frontend.spelling import nearest
from policyengine.source import Source, Span

MAX_MENDED = 20_000
"""The longest declaration, in characters, for which mends are tried."""

ReadsOn = Callable[[str, int], bool]
Explained = tuple[str, Span, str, tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Mishap:
    """Where reading a stretch of text from `start` to `end` stopped, and what could have stood there.

    `expected` holds words and marks as they are written, and "a name" and the like. `ended`: the text ended too early.
    `complete`: what stands before is whole.
    """

    source: Source
    start: int
    at: int
    end: int
    expected: frozenset[str]
    ended: bool
    complete: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """`found`, a regular expression, stands where `expected` could have; `put` takes its place. `example` shows it."""

    found: str
    expected: str
    put: str | Callable[[re.Match[str]], str] | None
    message: str
    help: str
    example: str


def _doubled(text: re.Match[str]) -> str:
    return re.sub(r'\\(?!["\\])', r"\\\\", text.group())


def _without_tabs(text: re.Match[str]) -> str:
    return text.group().replace("\t", " ")


_COMPARED = "values are compared by `==`"
_JOINED = "conditions are joined and negated by words"
_LIST = "a list of values stands in braces"
_QUOTES = "a text stands in straight double quotes"
_REMARK = "a remark begins with `//` and ends with the line"
_LETTERS = "a name is made of the letters `A` to `Z` and `a` to `z`, digits and `_`"
_WHEN = "forbid f: read on Note when "

# fmt: off
MISTAKES = (
    Mistake("(?<=[=!]=)=+", "", "", "a comparison has two signs at most", "remove the third",
            _WHEN + "resource.size === 1"),
    Mistake("=([<>])", "a comparison", r"\1=", "the `=` of a comparison stands last", "turn it round",
            _WHEN + "resource.size => 1"),
    Mistake("=", "a comparison", "==", "a single `=` does not compare", "write `==`", _WHEN + "resource.size = 1"),
    Mistake(r"(is|equals)\b", "a comparison", "==", _COMPARED, "write `==`", _WHEN + "resource.size is 1"),
    Mistake("&&?", "and", "and", _JOINED, "write `and`", _WHEN + "resource.open && resource.size == 1"),
    Mistake(r"\|\|?", "or", "or", _JOINED, "write `or`", _WHEN + "resource.open || resource.size == 1"),
    Mistake(r"(?:(?<=has)|(?<=has ))\(\s*([\w.]+)\s*\)", "", r" \1", "`has` takes no parentheses", "leave them out",
            _WHEN + "has(resource.tag)"),
    Mistake("!", "not", "not ", _JOINED, "write `not`", _WHEN + "!resource.open"),
    Mistake(r"\[([^\[\]{}\n]*)\]", "{", r"{ \1 }", _LIST, "write `{ ... }`", _WHEN + "resource.size in [1, 2]"),
    Mistake(r"\(([^(){}\n]*)\)", "{", r"{ \1 }", _LIST, "write `{ ... }`", _WHEN + "resource.size in (1, 2)"),
    Mistake(r"'([^'\"\\\n]*)'", "", r'"\1"', _QUOTES, "write double quotes", _WHEN + "resource.tag == 'x'"),
    Mistake('[“”„«]([^“”«»"\\\\\n]*)[“”»]', "", r'"\1"', _QUOTES, "write double quotes", _WHEN + "resource.tag == “x”"),
    Mistake(r'("[^"\\\n]*?)[ \t\r]*(?=\n|\Z)', "", r'\1"', "a text ends on the line on which it begins",
            "close it with a quotation mark", _WHEN + 'resource.tag == "x'),
    Mistake(r'"[^"\n]*\t[^"\n]*"', "", _without_tabs, "a text holds no tab", "write a space",
            _WHEN + 'resource.tag == "a\tb"'),
    Mistake(r'"(?:[^"\\\n]|\\.)*"', "", _doubled, "a backslash in a text stands before a quotation mark or a backslash",
            "write two for one", _WHEN + 'resource.tag == "a\\n"'),
    Mistake(";", "", "", "nothing ends with a `;`", "remove it", "action write on Note;"),
    Mistake(r"(if|where|provided)\b", "when", "when", "a condition begins with `when`", "write `when`",
            "forbid f: read on Note if resource.open"),
    Mistake(r"(reason|message)\b", "because", "because", "a reason begins with `because`", "write `because`",
            'forbid f: read on Note reason "no"'),
    Mistake(r"allow\b", "permit", "permit", "a rule that allows is a `permit`", "write `permit`",
            "allow p: read on Note"),
    Mistake(r"deny\b", "forbid", "forbid", "a rule that denies is a `forbid`", "write `forbid`",
            "deny f: read on Note"),
    Mistake("(?<=//)/", "", "", "documentation stands before a declaration or a row only", "write `//` for a remark",
            "enum E {\n  /// first\n  A, B }"),
    Mistake("#|--", "", "//", _REMARK, "write `//`", "action write on Note # as well"),
    Mistake(r"/\*.*?\*/", "", "", _REMARK, "write `//`", "action /* too */ write on Note"),
    Mistake(r"/\*", "", None, _REMARK, "write `//` before each line", "action /* too\n many */ write on Note"),
    Mistake("(?<=<)>", "", None, "`<>` does not compare", "write `!=`", _WHEN + "resource.size <> 1"),
    Mistake(r"owner\b", "record", "record owner", "an owner is that of the record or that of its holder",
            "write `record owner` or `holder owner`", "access Note { always: owner may read }"),
    Mistake("(?<=[0-9]{18})[0-9]+", "", None, "a number has at most 18 digits", "write a smaller one",
            _WHEN + "resource.size > 1234567890123456789"),
    Mistake(r"\.[0-9]+", "", None, "a number is whole", "write a whole number", _WHEN + "resource.size > 1.5"),
    Mistake(r"[^\W\d_a-zA-Z]\w*", "", None, _LETTERS, "choose a name in these", "action schließen on Note"),
)
# fmt: on
"""The first that fits. An empty `expected` fits anywhere; where `put` is None, only the author knows what is meant."""


class Mend(NamedTuple):
    """What may help, and how to say it, where that differs. `wholly`: only if all of the rest can be read."""

    edit: Edit
    help: str = ""
    wholly: bool = False


_SMALL = (",", ":", ")", "}", "{", "(", "=", "on", "may", "by", "to", "for", "needs", ".")
"""What is forgotten most often."""

_QUOTED = r'"(?:[^"\\\n]|\\.)*"?|`[^`]*`?|//[^\n]*'
_SIGNIFICANT = re.compile(rf"{_QUOTED}|[(){{}}]")
_CODE = re.compile(rf"{_QUOTED}|[^\s\"`/]+|/")
_LEXEME = re.compile(r'"(?:[^"\\\n]|\\.)*"?|\w+|[<>=!]+|&&|\|\||.', re.DOTALL)
_WORD_BEFORE = re.compile(r"(\w+)\s*\Z")
_CLOSING = {"(": ")", "{": "}"}


def explain(mishap: Mishap, reads_on: ReadsOn) -> Explained:
    """One syntax error, in the author's words."""
    message, span, help, mends = _known(mishap) or _unclosed(mishap) or _unexpected(mishap)
    for mend in mends:
        if _helps(mishap, mend, reads_on):
            return message, span, mend.help or help, (mend.edit,)
    return message, span, help, ()


Found = tuple[str, Span, str, list[Mend]]


def _known(mishap: Mishap) -> Found | None:
    """A mistake of the table."""
    for mistake in MISTAKES:
        found = re.compile(mistake.found).match(mishap.source.text, mishap.at, mishap.end)
        if found and (not mistake.expected or mistake.expected in mishap.expected):
            span = Span(mishap.source, *found.span())
            put = found.expand(mistake.put) if isinstance(mistake.put, str) else mistake.put and mistake.put(found)
            mends = [] if put is None else [Mend(Edit(span, put))]
            return mistake.message, span, mistake.help, mends
    return None


def _unclosed(mishap: Mishap) -> Found | None:
    """A bracket that is open where the text ends, or one that closes nothing."""
    text = mishap.source.text
    opened: list[re.Match[str]] = []
    for mark in _SIGNIFICANT.finditer(text, mishap.start, mishap.end if mishap.ended else mishap.at):
        if mark.group() in _CLOSING:
            opened.append(mark)
        elif mark.group() in (")", "}") and opened:
            opened.pop()
    if mishap.ended and opened:
        end = _end_of_code(text, mishap.start, mishap.end)
        closing = "".join(_CLOSING[mark.group()] for mark in reversed(opened))
        apart = "\n" if "\n" in text[opened[0].start() : end] and closing == "}" else "" if ")" in closing else " "
        last = opened[-1].group()
        mend = Mend(Edit(Span(mishap.source, end, end), apart + closing), "", True)
        help = f"close it with `{_CLOSING[last]}`"
        return f"the `{last}` is never closed", Span(mishap.source, *opened[-1].span()), help, [mend]
    if not opened and text[mishap.at : mishap.at + 1] in (")", "}", "]"):
        span = Span(mishap.source, mishap.at, mishap.at + 1)
        return f"this `{text[mishap.at]}` closes nothing", span, "remove it", [Mend(Edit(span, ""))]
    return None


def _unexpected(mishap: Mishap) -> Found:
    """Anything else: what stands there, and what could have stood there."""
    text, source = mishap.source.text, mishap.source
    end = _end_of_code(text, mishap.start, mishap.at)
    misread = _misread(text[mishap.start : end], mishap.ended)
    help = misread or _expected(mishap.expected)
    if mishap.ended and end == mishap.start:
        at = text.find("///", mishap.start, mishap.end)
        help = "write the declaration that it is about, or `//` for a remark"
        return "nothing follows this documentation", Span(source, at, at + len("///")), help, []
    if mishap.ended:
        last = list(_LEXEME.finditer(text, mishap.start, end))[-1:]
        span = Span(source, last[0].start() if last else mishap.start, end)
        return "the declaration ends too early", span, help or "write it to its end", []
    lexeme = _LEXEME.match(text, mishap.at, mishap.end)
    assert lexeme is not None
    word, span = lexeme.group(), Span(source, *lexeme.span())
    mends: list[Mend] = []
    if near := nearest(word, sorted(one for one in mishap.expected if one.isidentifier())):
        mends.append(Mend(Edit(span, near), f"did you mean `{near}`?"))
    if not misread:
        mends += [_insert(mark, mishap, end) for mark in _SMALL if mark in mishap.expected]
    if not word.isidentifier():
        mends.append(Mend(Edit(span, ""), "remove it", True))
    return f"`{word[:40]}` cannot stand here", span, help, mends


def _insert(mark: str, mishap: Mishap, end: int) -> Mend:
    """Commas and the like stand directly behind what is before them."""
    behind = mark in (",", ":", ")", "}")
    place = end if behind else mishap.at
    edit = Edit(Span(mishap.source, place, place), mark if behind else f"{mark} ")
    return Mend(edit, f"write `{mark}` before it", True)


def _helps(mishap: Mishap, mend: Mend, reads_on: ReadsOn) -> bool:
    """Whether the text, mended, can be read beyond the mistake, or to its end."""
    start, end = mishap.start, mishap.end
    if end - start > MAX_MENDED:
        return False
    text, edit = mishap.source.text, mend.edit
    mended = text[start : edit.span.start] + edit.text + text[edit.span.end : end]
    return reads_on(mended, len(mended) + 1 if mend.wholly else mishap.at - start + len(edit.text))


_TAKEN_FOR_NAMES = ("on", "by", "to", "for", "may", "is", "of", "as", "and", "or", "in", "when", "unless", "needs")
_NEVER_NAMES = ("has", "not", "granted", "true", "false", "any")


def _misread(before: str, ended: bool) -> str:
    """What is said of a keyword that was taken for a name, or a name for a keyword."""
    found = _WORD_BEFORE.search(before[-80:])
    word = found.group(1) if found else ""
    if word in _TAKEN_FOR_NAMES and ended:
        return f"something is missing behind `{word}`"
    if word in _TAKEN_FOR_NAMES:
        return f"`{word}` may have been read as a name: is something missing before or behind it?"
    if word in _NEVER_NAMES:
        return f"`{word}` is a keyword here: what is meant needs another name"
    return ""


def _expected(names: frozenset[str]) -> str:
    words = sorted(name if name.startswith(("a ", "JSON")) else f"`{name}`" for name in names)
    return f"expected {' or '.join(words)}" if 0 < len(words) <= 6 else ""


def _end_of_code(text: str, start: int, end: int) -> int:
    """Where the last of a stretch of text ends that is neither space nor a remark."""
    last = start
    for found in _CODE.finditer(text, start, end):
        if not found.group().startswith("//"):
            last = found.end()
    return last
