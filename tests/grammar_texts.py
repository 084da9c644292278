"""Texts that follow the grammar, made from `grammar.lark` itself, and the same with something broken in them.

Names are those of the vocabulary of tests/diagnostics more often than not, so that some of what is made also means
something; most of it is wrong in many ways at once.
"""

from __future__ import annotations

import re
from functools import cache

from hypothesis import strategies as st
from lark import Lark
from lark.grammar import NonTerminal, Rule, Symbol, Terminal

from policyengine.frontend.parser import grammar
from tests.chunks import VOCABULARY
from tests.strategies import Choices, choices

NAMES = sorted({"x", "null", "type", "any", *re.findall(r"\b[A-Za-z]\w*", VOCABULARY.text)})
TERMINALS = {
    "NAME": NAMES,
    "STRING": ['""', '"x"', '"org_1"', '"a\\\\b\\"c"', '"\u00e9 \U0001f600"'],
    "NUMBER": ["0", "1", "-1", "-" + "9" * 18],
    "OPERATOR": ["==", "!=", "<=", ">=", ">"],
    "DOC": ["/// Says so.\n", "///\n"],
    "RAW": ['`{"a": 1}`', "``"],
}
JUNK = (
    *(
        ";",
        "=",
        "==",
        "&&",
        "||",
        "!",
        "'x'",
        '"',
        "`",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        ".",
        "#",
        "/*",
        "///",
        "//",
    ),
    *(
        "\x00",
        "\ufeff",
        "\u202e",
        "\udcff",
        "\r",
        "\u00e9",
        "\\",
        "\n",
        "null",
        "if",
        "forbidd",
        "not",
        "9" * 700,
        "(" * 40,
    ),
)
DEEPEST = 12


@cache
def rules() -> dict[str, list[Rule]]:
    lark = Lark(grammar(), parser="lalr", maybe_placeholders=True)
    found: dict[str, list[Rule]] = {}
    for rule in lark.rules:
        found.setdefault(rule.origin.name, []).append(rule)
    return found


@cache
def literals() -> dict[str, str]:
    lark = Lark(grammar(), parser="lalr")
    return {terminal.name: terminal.pattern.value.replace("\\", "") for terminal in lark.terminals}


@cache
def depths() -> dict[str, int]:
    """How deep the shallowest text of each rule is."""
    known: dict[str, int] = {}
    for _ in range(100):
        for name, alternatives in rules().items():
            deep = [depth for rule in alternatives if (depth := _depth(rule, known)) is not None]
            if deep:
                known[name] = min(deep)
    return known


def _depth(rule: Rule, known: dict[str, int]) -> int | None:
    inside = [known.get(symbol.name) for symbol in rule.expansion if isinstance(symbol, NonTerminal)]
    return None if None in inside else 1 + max((depth for depth in inside if depth is not None), default=0)


def text_of(c: Choices, symbol: Symbol, depth: int = 0) -> str:
    if isinstance(symbol, Terminal):
        words: list[str] = TERMINALS.get(symbol.name) or [literals()[symbol.name]]
        return c.pick(words)
    alternatives: list[Rule] = rules()[symbol.name]
    if depth > DEEPEST:
        least = min(_depth(rule, depths()) or 0 for rule in alternatives)
        alternatives = [rule for rule in alternatives if _depth(rule, depths()) == least]
    return " ".join(text_of(c, part, depth + 1) for part in c.pick(alternatives).expansion)


@st.composite
def declarations(draw: st.DrawFn) -> str:
    """Up to six declarations, each on lines of its own."""
    c = draw(choices())
    return "\n".join(text_of(c, NonTerminal("declaration")) for _ in range(c.count(1, 6))) + "\n"


@st.composite
def broken(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with words left out, twice, swapped, or with something put in that stands nowhere."""
    c, text = draw(choices()), draw(texts)
    words = re.findall(r"\s+|\w+|.", text)
    for _ in range(c.count(1, 3)):
        if not words:
            break
        at = c.below(len(words))
        match c.below(4):
            case 0:
                del words[at]
            case 1:
                words.insert(at, words[c.below(len(words))])
            case 2:
                other = c.below(len(words))
                words[at], words[other] = words[other], words[at]
            case _:
                words.insert(at, c.pick(JUNK))
    return "".join(words)
