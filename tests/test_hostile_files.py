"""Hostile files: a finding or a result, in bounded time and memory, never a traceback; and a fuzz from the grammar."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policyengine.compiler import Compiled, compile_folders, compile_sources, program_of
from policyengine.diagnostics import mended, render
from policyengine.source import Source
from tests.chunks import VOCABULARY
from tests.grammar_texts import broken, declarations

MEGABYTE = 1_000_000
RULE = "forbid f: read on Note when "


def compiled(text: str) -> Compiled:
    """A text beside the vocabulary; whatever it is, its findings can be shown."""
    found = compile_sources([Source("hostile.policy", text), VOCABULARY])
    assert (found.program is None) == any(one.severity == "error" for one in found.diagnostics)
    assert render(found.diagnostics).isprintable() or "\n" in render(found.diagnostics)
    json.dumps([one.as_json() for one in found.diagnostics])
    return found


def codes(text: str) -> list[str]:
    return [one.code for one in compiled(text).diagnostics]


# ---- Single files


def full(text: str) -> str:
    return (text * (MEGABYTE // len(text) + 1))[:MEGABYTE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n" * 10, []),
        ("// nothing", []),
        (full(" "), []),
        (full("// x\n"), []),
        ("//" + full("x"), []),
        (full("x"), ["syntax"]),
        (full("("), ["too-deep"]),
        (full("{"), ["too-deep"]),
        (full("}"), ["syntax"]),
        (full('"'), ["syntax"]),
        (full('\\"'), ["syntax"]),
        (full("`"), ["syntax"]),
        (full("; "), ["syntax"]),
        (full("///\n")[:100_000], ["syntax"]),
        (full("\0"), ["forbidden-character"]),
        (full("\r"), ["forbidden-character"]),
        (full("permit\n"), ["syntax"] * 100),
        (full("permit \0\n"), ["forbidden-character"] * 100),
        (RULE + full("not ") + "resource.open", ["too-deep"]),
        (RULE + "resource.size == " + full("9"), ["syntax"]),
        (RULE + 'resource.tag == "' + full('\\"')[:200_000], ["syntax"]),
        (RULE + full("a.")[:100_000] + "b", ["unknown-name"]),
        (RULE + " and ".join(["resource.open"] * 20_000), []),
        (RULE + "resource.size in { " + ", ".join(map(str, range(20_000))) + " }", []),
        (RULE + "(" * 10_000 + "resource.open" + ")" * 10_000, ["too-deep"]),
        (RULE + "(" * 20 + "resource.open" + " == resource.open)" * 20, ["too-large"]),
        (f"forbid {'x' * MEGABYTE}: read on Note", []),
        ("\ufefftenant", ["forbidden-character"]),
        ("forbid f: read on Note // \u202e", ["forbidden-character"]),
        ("forbid f: read on Note // \udcff", ["unreadable"]),
        ("forbid f: read on Note // \ud800", ["forbidden-character"]),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, str) else "",
)
def test_a_hostile_file_is_a_finding_or_a_result(text: str, expected: list[str]) -> None:
    start = time.process_time()
    assert codes(text) == expected
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "missing-declaration"),
        (b"\xff", "unreadable"),
        (b"\xed\xa0\x80", "unreadable"),
        ("tenant Org by org".encode("utf-16"), "unreadable"),
        (b"\xef\xbb\xbftenant Org by org", "forbidden-character"),
        (b"tenant Org by org\0", "forbidden-character"),
    ],
)
def test_a_file_of_any_bytes_is_a_finding(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "x.policy").write_bytes(content)
    assert code in [one.code for one in compile_folders(tmp_path).diagnostics]


def test_a_byte_that_is_not_utf_8_has_a_place(tmp_path: Path) -> None:
    (tmp_path / "x.policy").write_bytes(b"// fine\n// caf\xe9\n")
    (one,) = (d for d in compile_folders(tmp_path).diagnostics if d.code == "unreadable")
    assert one.message == "the byte 0xE9 is not UTF-8"
    assert str(one.labels[0].span).endswith("x.policy:2:7")


def test_a_byte_order_mark_is_said_by_name_and_removed(tmp_path: Path) -> None:
    source = Source("x.policy", "\ufeff" + VOCABULARY.text)
    (one,) = compile_sources([source]).diagnostics
    assert one.message == "the file begins with a byte-order mark"
    assert mended(source, one.edits).text == VOCABULARY.text


def test_lines_that_end_as_on_windows_are_the_same_lines() -> None:
    text = VOCABULARY.text + "/// Said.\nforbid f: read on Note\n  when resource.siz == 1 // no\n"
    unix = compile_sources([Source("x.policy", text)])
    windows = compile_sources([Source("x.policy", text.replace("\n", "\r\n"))])
    assert render(unix.diagnostics) == render(windows.diagnostics)
    assert [one.as_json()["labels"] for one in unix.diagnostics] == [
        one.as_json()["labels"] for one in windows.diagnostics
    ]
    sound = VOCABULARY.text.replace("\n", "\r\n")
    assert program_of(compile_sources([Source("x.policy", sound)])) == program_of(compile_sources([VOCABULARY]))


# ---- What grows faster than the text


def many(count: int, line: str) -> str:
    return "".join(line.replace("#", str(n)) + "\n" for n in range(count))


SHAPE = "shape S { id: Id as identity, org: Id of Org, by: Id as owner, n: Int }\n"
TYPES = SHAPE + f"resource {', '.join(f'T{n}' for n in range(1000))} is S\naction read on S\n"
LONG = f"define long(n: Int) = {' or '.join(f'n == {n}' for n in range(2000))}\n"


@pytest.mark.parametrize(
    "text",
    [
        "define d0(n: Int) = small(n)\n"
        + "".join(f"define d{n + 1}(n: Int) = d{n}(n) and d{n}(n)\n" for n in range(30)),
        "define d0(n: Int) = small(n)\n" + "".join(f"define d{n + 1}(n: Int) = d{n}(n)\n" for n in range(3000)),
        "".join(f"define d{n}(n: Int) = d{(n + 1) % 1000}(n)\n" for n in range(1000)),
        LONG + many(2000, "forbid f#: read on Note when long(resource.size)"),
        many(500, f"forbid f#: read on Note when {'(' * 10}resource.open{' == resource.open)' * 10}"),
        f"enum E {{ {' < '.join(f'v{n}' for n in range(3000))} }}\nresource R {{ id: Id as identity, org: Id of Org, a: E }}\n"
        "action read on R\n" + many(2000, "forbid f#: read on R when resource.a >= v#"),
        SHAPE
        + f"resource {', '.join(f'T{n}' for n in range(2000))} is S\naction {', '.join(f'a{n}' for n in range(2000))} on S",
        f"shape S {{ {', '.join(f'a{n}: Int' for n in range(2000))} }}\n" + many(2000, "resource T# is S"),
        TYPES + many(1000, "forbid f#: read on S when resource.n == #"),
        TYPES + many(1000, "forbid f#: read on S when resource.m# == #"),
        TYPES + many(1000, "access S { always: record owner may read }"),
        TYPES + many(300, 'threat t# "x" { never any on any held by kms }'),
        many(3000, "forbid f#: read on Nte# when resource.open"),
        many(3000, "forbid f#: read on Note when resource.siz# == 1"),
        many(3000, "forbid f: read on Note"),
        many(3000, "context { x#: Int }"),
        many(3000, "forbid f#: read on Note when resource.size == 1 and resource.size == 2"),
        f"action {', '.join(f'a{n}' for n in range(5000))} on Note\nforbid f: {', '.join(f'b{n}' for n in range(5000))} on Note",
        f"enum E {{ {', '.join(['a'] * 5000)} }}",
        "forbid f: read on Note when resource.open " * 2000,
        many(3000, "forbid f# read on Note"),
    ],
    ids=range(21),
)
def test_what_grows_faster_than_the_text_is_bounded(text: str) -> None:
    start = time.process_time()
    compiled(text)
    assert time.process_time() - start < 10


# ---- Ten thousand rules


def rules(count: int) -> str:
    """Rules of about 15 tokens, over 100 types with 10 actions each."""
    types = "".join(
        f"resource T{n} {{ id: Id as identity, org: Id of Org, author: Id as owner, x: Int }}\n"
        f"access T{n} {{ always: record owner may a0 }}\n"
        for n in range(100)
    )
    actions = f"action {', '.join(f'a{n}' for n in range(10))} on {', '.join(f'T{n}' for n in range(100))}\n"
    return (
        "tenant Org by org\nenum Role { member < admin }\n"
        "principal User { id: Id as identity, org: Id of Org, role: Role as role }\n"
        + types
        + actions
        + "".join(
            f"forbid r{n}: a{n % 10} on T{n // 10 % 100} when resource.x == {n} and principal.role == admin\n"
            for n in range(count)
        )
    )


def test_memory_is_linear_in_the_number_of_rules() -> None:
    def peak(count: int) -> int:
        text = rules(count)
        gc.collect()
        tracemalloc.start()
        compile_sources([Source("rules.policy", text)])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    base, few, more = (peak(count) for count in (10, 100, 1000))
    assert more - base <= 1.3 * 10 * (few - base)


def test_collection_is_as_it_was_before() -> None:
    for enabled in (True, False):
        (gc.enable if enabled else gc.disable)()
        compiled("forbid")
        assert gc.isenabled() is enabled
    gc.enable()


# ---- From the grammar

FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(declarations())
def test_what_follows_the_grammar_is_parsed_and_judged(text: str) -> None:
    found = compiled(text)
    assert "syntax" not in [one.code for one in found.diagnostics], render(found.diagnostics)


@FUZZ
@given(broken(declarations() | st.just(VOCABULARY.text)))
def test_whatever_is_broken_is_a_finding_with_edits_that_mend_it(text: str) -> None:
    source = Source("hostile.policy", text)
    before = compile_sources([source]).diagnostics
    for one in compiled(text).diagnostics:
        for label in one.labels:
            assert 0 <= label.span.start <= label.span.end <= len(label.span.source.text)
        places = sorted((e.span.source.name, e.span.start, e.span.end) for e in one.edits)
        assert all(a[0] != b[0] or a[2] <= b[1] for a, b in pairwise(places))
    for one in before:
        if one.code == "syntax" and one.edits:
            start = one.labels[0].span.start
            after = compile_sources([mended(source, one.edits)]).diagnostics
            assert (one.message, start) not in [(d.message, d.labels[0].span.start) for d in after]
