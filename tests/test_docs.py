"""What the documents say is true: every example runs, every path and link they name exists, copies equal the source.

The info string of a fenced block says how it is checked. All `policy` blocks of a document make up one policy set:

    policy                  a part of that set; the whole must compile without a finding
    policy from FILE        lines that stand in a file of the checkout, in this order
    policy error=CODE       put after the whole set, it leads to this one finding (`warning=CODE` likewise)
    text finding            the finding of the last such block, as it is shown
    text rules              the ids of all rules of the set
    json data               rows for the requests that follow; none before the first such block
    json request            asked of the whole set,
    json decision           this is the answer to the last request
    console                 `$ policyengine ...` and what it prints; `...` stands for anything
    python                  runs to its end

A console or Python block runs in a folder with the set in `policies`, the last `data.json`, and all requests up to
there in `requests.jsonl`. `sh` and `text` blocks are not run. A block of any other kind is a mistake.
"""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.diagnostics import CODES, render
from policyengine.frontend.parser import grammar
from policyengine.interpreter import Rows, decide
from policyengine.source import Source

ROOT = Path(__file__).resolve().parent.parent
LANGUAGE = ROOT / "docs/language.md"

WITH_EXAMPLES = ("README.md", "docs/language.md")
WITH_PATHS = [
    str(path.relative_to(ROOT))
    for path in (ROOT / "ARCHITECTURE.md", ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"))
    if path.exists()
]

NOT_RUN = ("sh", "text")
PRODUCED = ("build", "dist", ".venv")
"""Folders that a command makes: no file in them is part of the checkout."""
THE_READERS_OWN = ("policies/notes.policy", "schemas/notes.schema")
"""Files that a reader who follows the examples writes."""
INSIDE = (ROOT, ROOT / "policyengine")
"""Where a path may start: where the layers are described, they are named without the package."""


# ---- Examples


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is where its fence opens."""

    line: int
    info: str
    text: str


def blocks(text: str) -> list[Block]:
    found = re.finditer(r"^```([^`\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(text.count("\n", 0, m.start()) + 1, m[1].strip(), m[2]) for m in found]


@dataclass
class Document:
    """A document on its way through its examples."""

    sources: list[Source]
    folder: Path
    data: dict[str, Any] = field(default_factory=dict)
    requests: list[Any] = field(default_factory=list)
    finding: str = ""

    def __post_init__(self) -> None:
        compiled = compile_sources(self.sources)
        assert not compiled.diagnostics, render(compiled.diagnostics)
        self.program = program_of(compiled)
        self.engine = Engine(self.program)
        (self.folder / "policies").mkdir()
        (self.folder / "schemas").mkdir()
        whole = "\n".join(source.text for source in self.sources)
        (self.folder / "policies/example.policy").write_text(whole, "utf-8")

    def check(self, block: Block) -> None:
        match block.info.split():
            case ["policy"] | ["lark"]:
                pass
            case ["policy", "from", name]:
                self._check_excerpt(block, ROOT / name)
            case ["policy", expected]:
                self._check_finding(block, expected)
            case ["text", "finding"]:
                assert block.text.strip() == self.finding, f"the finding is\n{self.finding}"
            case ["text", "rules"]:
                ids = [rule.id for rule in self.program.rules]
                assert block.text.split() == ids, f"the rules are\n{chr(10).join(ids)}"
            case ["json", "data"]:
                self.data = json.loads(block.text)
            case ["json", "request"]:
                self.requests.append(json.loads(block.text))
            case ["json", "decision"]:
                self._check_decision(json.loads(block.text))
            case ["console"]:
                self._check_console(block.text)
            case ["python"]:
                self._run("-c", block.text)
            case [kind] if kind in NOT_RUN:
                pass
            case _:
                raise AssertionError(f"nothing checks a block of kind `{block.info}`")

    def _check_excerpt(self, block: Block, path: Path) -> None:
        there = iter([line.split() for line in path.read_text("utf-8").splitlines()])
        for line in block.text.splitlines():
            assert line.split() in there, f"`{line.strip()}` is not there, or not in this order"

    def _check_finding(self, block: Block, expected: str) -> None:
        compiled = compile_sources([*self.sources, Source("example.policy", block.text)])
        shown = render(compiled.diagnostics)
        found = [f"{finding.severity}={finding.code}" for finding in compiled.diagnostics]
        assert found == [expected], f"expected {expected}, found {', '.join(found)}\n{shown}"
        self.finding = shown.strip()

    def _check_decision(self, expected: Any) -> None:
        assert self.requests, "no request stands before this decision"
        request = self.requests[-1]
        decision = self.engine.authorize(request, self.engine.entities(self.data))
        assert decision == decide(self.program, request, Rows(self.program.schema, self.data))
        assert decision == expected, f"the decision is\n{json.dumps(decision, indent=2)}"

    def _check_console(self, text: str) -> None:
        checker = doctest.OutputChecker()
        for session in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
            if not session.strip():
                continue
            command, _, expected = session.partition("\n")
            words = command.split()
            assert words[:2] == ["$", "policyengine"], f"nothing runs `{command}`"
            shown = self._run("-m", "policyengine", *words[2:])
            assert checker.check_output(expected, shown, doctest.ELLIPSIS), f"{command} prints\n{shown}"

    def _run(self, *arguments: str) -> str:
        (self.folder / "data.json").write_text(json.dumps(self.data), "utf-8")
        lines = [json.dumps(request) + "\n" for request in self.requests]
        (self.folder / "requests.jsonl").write_text("".join(lines), "utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        assert not (arguments[0] == "-c" and done.returncode), done.stderr
        return done.stdout


def check_document(path: Path, folder: Path) -> list[str]:
    """What is wrong with the examples of a document, one text for each. `folder` is an empty one to run them in."""
    found = blocks(path.read_text("utf-8"))
    sources = [Source(f"{path.name}:{b.line}", b.text) for b in found if b.info == "policy"]
    document = Document(sources, folder)
    wrong: list[str] = []
    for block in found:
        try:
            document.check(block)
        except AssertionError as problem:
            wrong.append(f"{path.name}:{block.line}: {problem}")
    return wrong


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_every_example_is_true(name: str, tmp_path: Path) -> None:
    wrong = check_document(ROOT / name, tmp_path)
    assert not wrong, "\n\n".join(wrong)


def test_an_example_that_is_not_true_is_found(tmp_path: Path) -> None:
    text = (
        "```policy\ntenant Org by org\nprincipal User { id: Id as identity, org: Id of Org }\n```\n"
        "```policy error=cyclic-define\nenum E { A, A }\n```\n"
        "```text finding\nnone\n```\n"
        "```text rules\nsome.rule\n```\n"
        "```json request\n{}\n```\n"
        '```json decision\n{"decision": "allow"}\n```\n'
        "```console\n$ policyengine check\nok: 1 rule\n```\n"
        "```python\nraise SystemExit(1)\n```\n"
        "```yaml\na: b\n```\n"
    )
    path = tmp_path / "false.md"
    path.write_text(text, "utf-8")
    (tmp_path / "run").mkdir()
    wrong = check_document(path, tmp_path / "run")
    lines = [line for line, it in enumerate(text.splitlines(), 1) if it.startswith("```") and it != "```"]
    told = [int(it.split(":")[1]) for it in wrong]
    assert told == [line for line in lines if line not in (lines[0], lines[4])]


# ---- Copies of what stands in the code


def between(text: str, name: str) -> tuple[int, int]:
    """Where the part of a document lies that is a copy: between `<!-- name -->` and `<!-- /name -->`."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    assert text.count(start) == text.count(end) == 1, f"{name} is not marked once"
    return text.index(start) + len(start), text.index(end)


def check_copy(path: Path, name: str, copy: str) -> None:
    """The marked part of a document is this text; `make golden` rewrites it."""
    text = path.read_text("utf-8")
    start, end = between(text, name)
    if os.environ.get("POLICYENGINE_GOLDEN"):
        text = text[:start] + copy + text[end:]
        path.write_text(text, "utf-8")
        start, end = between(text, name)
    assert text[start:end] == copy, f"the {name} in {path.name} is not the code's: run make golden"


def test_the_grammar_in_the_reference_is_the_grammar_in_use() -> None:
    check_copy(LANGUAGE, "grammar", f"```lark\n{grammar()}```\n")


def test_the_findings_in_the_reference_are_all_there_are() -> None:
    rows = "".join(f"| `{code}` | {CODES[code]} |\n" for code in sorted(CODES))
    check_copy(LANGUAGE, "findings", f"| Code | What it means |\n| --- | --- |\n{rows}")


def limits(text: str) -> Iterator[tuple[str, str, str]]:
    """Number, name in the code and file, from each row of a table that ends like `| 32 | `MAX` in `file.py` |`."""
    yield from re.findall(r"^\|.*\| ([0-9,]+)[^|]* \| `(\w+)` in `([\w/]+)\.py` \|$", text, re.MULTILINE)


def test_the_limits_in_the_reference_are_the_limits_in_force() -> None:
    found = list(limits(LANGUAGE.read_text("utf-8")))
    assert len(found) >= 4
    for number, name, file in found:
        module = importlib.import_module(file.replace("/", "."))
        assert getattr(module, name) == int(number.replace(",", "")), f"{name} in {file}.py"


# ---- Paths and links


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def is_path(quoted: str) -> bool:
    """Whether something in backticks claims to be a file or folder of the checkout."""
    if quoted == "Makefile" or re.fullmatch(r"[A-Z_]+\.md|\w+\.toml", quoted):
        return True
    if not re.fullmatch(r"[\w.*-]+(/[\w.*-]+)*/?", quoted) or "/" not in quoted:
        return False
    first, last = quoted.split("/")[0], quoted.rstrip("/").split("/")[-1]
    claims = quoted.endswith("/") or "." in last.strip(".") or (ROOT / first).exists()
    return claims and first not in PRODUCED


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)}


@pytest.mark.parametrize("name", WITH_PATHS)
def test_every_path_that_is_named_exists(name: str) -> None:
    quoted = re.findall(r"`([^`]+)`", prose(ROOT / name))
    named = {path for path in quoted if is_path(path) and path not in THE_READERS_OWN}
    missing = sorted(path for path in named if not any(any(start.glob(path.rstrip("/"))) for start in INSIDE))
    assert not missing, f"{name} names what is not there: {', '.join(missing)}"


@pytest.mark.parametrize("name", WITH_PATHS)
def test_every_link_leads_somewhere(name: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(ROOT / name)):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken, f"{name} links to nothing by: {', '.join(broken)}"


def test_every_section_that_code_cites_exists() -> None:
    """As in `docs/studio.md, Chains`."""
    code = [
        file for name in ("policyengine", "tests", "benchmarks", "examples") for file in (ROOT / name).rglob("*.py")
    ]
    files = [*code, *ROOT.glob("policies/*"), *ROOT.glob("schemas/*")]
    cited = [
        (str(file.relative_to(ROOT)), document, words)
        for file in files
        for document, words in re.findall(r"docs/(\w+)\.md, ([A-Z][^\n]*)", file.read_text("utf-8"))
    ]
    headings = {name: re.findall(r"^#+ (.*)$", prose(ROOT / f"docs/{name}.md"), re.M) for _, name, _ in cited}
    broken = [it for it in cited if not any(re.match(rf"{re.escape(h)}\b", it[2]) for h in headings[it[1]])]
    assert len(cited) > 5
    assert not broken


@pytest.mark.parametrize(
    ("quoted", "is_one"),
    [
        ("policies/", True),
        ("docs/studio.md", True),
        ("policyengine/ir/nodes.py", True),
        ("polices/access.policy", True),
        ("README.md", True),
        ("schemas/*.schema", True),
        ("build/policy_bundle/__init__.py", False),
        ("application/json", False),
        ("resource.title", False),
        ("REQUESTS.jsonl", False),
        ("and", False),
    ],
)
def test_what_looks_like_a_path_of_the_checkout(quoted: str, is_one: bool) -> None:
    assert is_path(quoted) is is_one
