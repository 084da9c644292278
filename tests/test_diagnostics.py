"""Diagnostics: each code has its cases and its page, each finding stands where its cause is, each edit mends it."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from policyengine.compiler import compile_sources
from policyengine.diagnostics import CODES, Diagnostic, Edit, Findings, Label, finding, mended, render
from policyengine.frontend.mistakes import MISTAKES, Mistake
from policyengine.frontend.parser import parse
from policyengine.source import Source, Span
from tests.chunks import VOCABULARY, Case, all_cases, found, unhelpful

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/diagnostics.md"
CASES = all_cases()

ONLY_THE_AUTHOR = {"unreadable", "too-deep", "too-large", "cyclic-define"}
"""Codes of findings that no program can mend."""


@cache
def diagnostics_of(case: Case) -> tuple[Diagnostic, ...]:
    return case.diagnostics()


# ---- Cases


def test_the_vocabulary_is_sound() -> None:
    assert not compile_sources([VOCABULARY]).diagnostics


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_found_stands_beside_its_cause(case: Case) -> None:
    diagnostics = diagnostics_of(case)
    assert found(diagnostics) == case.expected, f"in {case}\n{render(diagnostics)}"
    assert {diagnostic.labels[0].span.source.name for diagnostic in diagnostics} <= {"your.policy"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_applying_the_edits_of_a_finding_removes_it(case: Case) -> None:
    diagnostics = diagnostics_of(case)
    for diagnostic in diagnostics:
        if diagnostic.edits:
            assert not (reason := unhelpful(case, diagnostic, diagnostics)), f"{render([diagnostic])}{reason}"


def test_every_code_has_a_case_and_nearly_every_one_an_edit() -> None:
    every = [diagnostic for case in CASES for diagnostic in diagnostics_of(case)]
    assert {diagnostic.code for diagnostic in every} == set(CODES)
    assert {diagnostic.code for diagnostic in every if diagnostic.edits} == set(CODES) - ONLY_THE_AUTHOR
    assert {diagnostic.code for diagnostic in every if diagnostic.severity == "warning"} == {
        "no-access",
        "never-decides",
    }


def test_findings_do_not_depend_on_the_order_of_files() -> None:
    for case in CASES[::5]:
        assert compile_sources(reversed(case.sources)).diagnostics == diagnostics_of(case)


# ---- Syntax errors


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.found)
def test_every_mistake_of_the_table_is_known_by_its_example(mistake: Mistake) -> None:
    findings, source = Findings(), Source("example.policy", mistake.example)
    parse(source, findings)
    (diagnostic,) = findings.sorted()
    assert (diagnostic.code, diagnostic.message, diagnostic.help) == ("syntax", mistake.message, mistake.help)
    assert bool(diagnostic.edits) == (mistake.put is not None)
    if diagnostic.edits:
        again = Findings()
        parse(mended(source, diagnostic.edits), again)
        assert again.ok, render(again.sorted())


def test_each_broken_declaration_has_one_finding_however_many_there_are() -> None:
    for count in (1, 7, 99):
        text = "".join(
            f"forbid a{n} read on Note\nforbid b{n}: read on Note when resource.open\n" for n in range(count)
        )
        findings = compile_sources([Source("many.policy", text), VOCABULARY]).diagnostics
        assert found(findings) == Counter((2 * n + 1, "error", "syntax") for n in range(count))


def test_a_file_with_more_broken_declarations_than_the_limit_is_left_unread_from_there() -> None:
    text = "".join(f"forbid a{n} read on Nowhere\n" for n in range(1000)) + "forbid z: read on Nowhere\n"
    findings = compile_sources([Source("many.policy", text), VOCABULARY]).diagnostics
    assert found(findings) == Counter((n + 1, "error", "syntax") for n in range(100))


def test_breaking_any_one_declaration_gives_one_finding_and_no_cascade() -> None:
    """The vocabulary and rules that use it, each declaration broken in turn."""
    rules = """
    forbid f: read on Page when small(context.level) and principal.id == resource.author
    require r: tell { who: principal.id, note: resource.id, kind: resource.type, loud: true } for read on Note
    permit h: write on Sheet when holder.author == principal.id and resource.org == principal.org
    threat t "x" { never any on any when principal.org != resource.org and not granted held by kms }
    changing scope, folder on Page needs write
    """
    whole = VOCABULARY.text + "\n".join(line.strip() for line in rules.splitlines())
    assert not compile_sources([Source("whole.policy", whole)]).diagnostics
    starts = [m.start() for m in re.finditer(r"^[a-z]+ ", whole, re.MULTILINE)]
    assert len(starts) > 18
    for start in starts:
        for broken in (whole[:start] + "x" + whole[start:], re.sub(r"^(\w+ )", r"\1; ", whole[start:], count=1)):
            text = broken if broken.startswith(whole[:start]) and start else whole[:start] + broken
            findings = compile_sources([Source("broken.policy", text)]).diagnostics
            assert [f.code for f in findings] == ["syntax"], f"{whole[start : start + 40]!r}\n{render(findings)}"


# ---- How findings are told


def outside_backticks(text: str) -> str:
    return re.sub(r"`[^`]*`", "", text)


NAMES = set(re.findall(r"\b(?:[A-Z]\w+|[a-z]+[A-Z]\w*)\b", VOCABULARY.text)) - {"What"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_messages_and_advice_are_worded_by_one_style(case: Case) -> None:
    for diagnostic in diagnostics_of(case):
        for text in (diagnostic.message, *([diagnostic.help] if diagnostic.help else [])):
            assert text[0].islower() or text[0] == "`", text
            assert not text.endswith((".", "!", " ")), text
            assert not re.search(r"[\t\n\r]| {2}", text), text
            assert text.count("`") % 2 == 0, text
            assert not NAMES & set(re.findall(r"\w+", outside_backticks(text))), text
            assert len(text) < 200, text
        for label in diagnostic.labels[1:]:
            assert label.text, diagnostic


def test_every_finding_comes_with_advice() -> None:
    assert not [diagnostic.message for case in CASES for diagnostic in diagnostics_of(case) if not diagnostic.help]


def test_a_finding_is_the_same_on_a_terminal_and_in_json() -> None:
    source = Source("a.policy", "// one\nforbid f: read on Note when resource.tag == 1")
    (diagnostic,) = compile_sources([source, VOCABULARY]).diagnostics
    assert render([diagnostic]) == (
        "error[unguarded-optional]: `resource.tag` may be absent here\n"
        "  --> a.policy:2:29\n"
        " 2 | forbid f: read on Note when resource.tag == 1\n"
        "   |                             ^^^^^^^^^^^^\n"
        "  help: write `has resource.tag and ...` before it\n"
    )
    place = {"file": "a.policy", "line": 2, "column": 29, "endLine": 2}
    assert json.loads(json.dumps(diagnostic.as_json())) == {
        "code": "unguarded-optional",
        "severity": "error",
        "message": "`resource.tag` may be absent here",
        "labels": [{**place, "endColumn": 41, "text": ""}],
        "help": "write `has resource.tag and ...` before it",
        "edits": [{**place, "endColumn": 29, "text": "has resource.tag and "}],
    }


def test_a_finding_is_a_value() -> None:
    span = Span(Source("a.policy", "abc"), 0, 1)
    made = finding("syntax", "error", "no", (Label(span),), "", (Edit(span, "x"),))
    assert made == finding("syntax", "error", "no", (Label(span),), "", (Edit(span, "x"),))
    assert hash(made) == hash(made)
    with pytest.raises(AttributeError):
        made.code = "other"  # type: ignore[misc]
    with pytest.raises(KeyError):
        finding("no-such-code", "error", "no", (Label(span),), "")


def test_edits_are_made_together_and_in_their_own_source_only() -> None:
    source, other = Source("a.policy", "one two three"), Source("b.policy", "one two three")
    edits = [Edit(Span(source, 4, 7), "2"), Edit(Span(source, 0, 0), "> "), Edit(Span(other, 0, 3), "no")]
    assert mended(source, edits).text == "> one 2 three"
    assert mended(other, edits).text == "no two three"


# ---- The pages


def pages() -> dict[str, str]:
    """The text of each section of docs/diagnostics.md, by its code."""
    parts = re.split(r"^## `([a-z-]+)`\n", PAGES.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_every_code_has_a_page_that_begins_with_what_it_means() -> None:
    assert list(pages()) == sorted(CODES)
    for code, text in pages().items():
        meaning = " ".join(text.split("\n\n")[0].split()).lower()
        assert meaning.startswith(CODES[code].lower()), code


def test_the_vocabulary_of_the_pages_is_that_of_the_cases() -> None:
    head = PAGES.read_text("utf-8").split("\n## ")[0]
    declared = blocks(PAGES.read_text("utf-8"), "policy vocabulary")
    assert declared == [VOCABULARY.text.split("\n\n", 1)[1]], head


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_examples_of_a_page_are_true(code: str) -> None:
    text = pages()[code]
    examples = blocks(text, "policy")
    assert examples
    for number, example in enumerate(examples):
        case = Case(f"{code} {number}", 1, example)
        diagnostics = case.diagnostics()
        assert found(diagnostics) == case.expected, render(diagnostics)
        assert code in {diagnostic.code for diagnostic in diagnostics}


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_mend_of_a_page_is_what_the_edits_make_of_its_example(code: str) -> None:
    """A block `policy mended` follows its example; where no program can mend it, it is what an author would write."""
    text = pages()[code]
    pairs = re.findall(r"```policy\n(.*?)```\n(?:(?!```).)*?```policy mended\n(.*?)```", text, re.DOTALL)
    assert len(pairs) == len(blocks(text, "policy")) == len(blocks(text, "policy mended"))
    for example, after in pairs:
        case = Case(code, 1, example)
        (diagnostic,) = case.diagnostics()
        source = mended(case.source, diagnostic.edits)
        if diagnostic.edits:
            assert without_comments(source.text) == without_comments(after)
        assert code not in {
            d.code for d in compile_sources([Source("your.policy", after), *case.sources[1:]]).diagnostics
        }


def without_comments(text: str) -> list[str]:
    return [line.rstrip() for line in re.sub(r"//(?!/).*", "", text).splitlines() if line.strip()]


# ---- Keywords as names


@pytest.mark.parametrize(
    "word", ["open", "access", "action", "authorizer", "writes", "in", "on", "by", "deny", "row", "let", "api"]
)
def test_a_keyword_is_an_ordinary_name_where_no_keyword_may_stand(word: str) -> None:
    text = f"""tenant Org by org
principal User {{ id: Id as identity, org: Id of Org }}
resource Note {{ id: Id as identity, org: Id of Org }}
action {word} on Note
permit p: {word} on Note
aws {{ role {word} "x" }}
api {{ Query.{word}: {word} on Note by {word}.{word} in a writes b, {word} }}
test "t" {{
  let {word} = User {{ id: "a", org: "o" }}
  let note = Note {{ id: "n", org: "o" }}
  allow {word} {word} note by p
}}
"""
    assert not (found := compile_sources([Source("a.policy", text)]).diagnostics), render(found)
