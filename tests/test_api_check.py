"""`check --graphql`: each finding where it must be and nowhere else; waivers, their reasons and their days."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from policyengine.appsync import check_api
from policyengine.cli import main
from policyengine.compiler import compile_sources, program_of
from policyengine.diagnostics import Diagnostic, render
from policyengine.model.api import GRAPHQL_FINDINGS
from policyengine.source import Source

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 22)

POLICY = """
tenant Org by org
principal User { id: Id as identity, org: Id of Org }
resource Note, Sheet { id: Id as identity, org: Id of Org }
resource Colour { id: Id as identity } global "the same for all"
action read, write on Note, Sheet, Colour
permit p: read, write on Note, Sheet, Colour
api {
  Query.note: read on Note by id
  %s
}
"""


def found(sdl: str, mapped: str = "") -> tuple[Diagnostic, ...]:
    program = program_of(compile_sources([Source("api.policy", POLICY % mapped)]))
    return check_api(program, Source("schema.graphql", sdl), TODAY)


def marked(sdl: str) -> set[tuple[str, int]]:
    """What comments beside the lines expect: `# code`."""
    lines = enumerate(sdl.split("\n"), 1)
    return {(code, number) for number, line in lines for code in re.findall(r"# (\w+)", line)}


def check(sdl: str, mapped: str = "") -> None:
    diagnostics = found(sdl, mapped)
    told = {(d.code, d.labels[0].span.source.position(d.labels[0].span.start)[0]) for d in diagnostics}
    assert told == marked(sdl), render(diagnostics)
    for d in diagnostics:
        assert d.help
        assert not d.message.endswith(".")


NOTE = "type Note { id: ID! }\ntype Sheet { id: ID! }\n"

CASES = {
    "all mapped": ("type Query { note(id: ID!): Note }\n" + NOTE, ""),
    "root fields without a mapping": (
        """type Query { note(id: ID!): Note
other: Int # unmapped_field
}
type Mutation {
  change(id: ID!): Note # unmapped_field
}
type Subscription {
  changed: Note # unmapped_field
}
extend type Query {
  later: Int # unmapped_field
}
"""
        + NOTE,
        "",
    ),
    "the tenant marked, and not": (
        """type Query { note(id: ID!): Note notes(filter: Filter,
  org: ID # unmarked_tenant
  ): Int }
input Filter { org: Eq, and: [Other!] }
input Eq { eq: ID
  ne: ID # unmarked_tenant
}
input Other {
  org: ID # unmarked_tenant
}
"""
        + NOTE,
        "Query.notes: read on Note in filter.org.eq",
    ),
    "the tenant passed on": (
        "type Query { note(id: ID!): Note notes(org: ID, filter: F): Int }\ninput F { org: ID, json: AWSJSON }\n"
        + NOTE,
        "Query.notes: read on Note passing org, filter",
    ),
    "an input that holds itself": (
        """type Query { note(id: ID!): Note notes(filter: F): Int }
input F { org: ID
  not: F # unmarked_tenant
}
"""
        + NOTE,
        "Query.notes: read on Note in filter.org",
    ),
    "JSON": (
        """type Query { note(id: ID!): Note notes(good: AWSJSON, in: In): Int }
input In {
  bad: [AWSJSON!] # unmarked_json
}
"""
        + NOTE,
        "Query.notes: read on Note passing good",
    ),
    "a default for the tenant": (
        """type Query { note(id: ID!): Note notes(
  org: ID = "org_1" # tenant_default
  ): Int }
"""
        + NOTE,
        "Query.notes: read on Note in org",
    ),
    "a field that opens a way": (
        """type Query { note(id: ID!): Note }
type Note { id: ID!
  sheet: Sheet # unguarded_path
}
type Sheet { id: ID!, note: Note }
""",
        "Sheet.note: read on Note",
    ),
    "a field that asks for nothing": (
        """type Query { note(id: ID!): Note who(json: AWSJSON,
  org: ID # unmarked_tenant
  ): Int }
"""
        + NOTE,
        'open Query.who because "x"',
    ),
    "through a connection": (
        """type Query { note(id: ID!): Note
  notes: Notes # unguarded_path
}
type Notes { items: [Edge!]! }
type Edge { node: Note! }
"""
        + NOTE,
        'open Query.notes because "x"',
    ),
    "through a connection that is guarded in it": (
        "type Query { note(id: ID!): Note notes: Notes }\ntype Notes { items: [Note!]! }\n" + NOTE,
        'open Query.notes because "x" Notes.items: read on Note',
    ),
    "through interfaces and unions": (
        """type Query { note(id: ID!): Note
  any: Either # unguarded_path
  some: Record # unguarded_path
}
union Either = Note | Sheet
interface Record { id: ID! }
type Note implements Record { id: ID! }
type Sheet implements Record { id: ID! }
""",
        "Query.any: read on Note Query.some: read on Note",
    ),
    "a rule speaks of the records up to the next one": (
        """type Query { note(id: ID!): Note any: [Record] }
interface Record { id: ID! }
type Note implements Record { id: ID!
  sheet: Sheet # unguarded_path
}
type Sheet implements Record { id: ID! }
""",
        "Query.any: read on Note, Sheet",
    ),
    "subscriptions": (
        """type Query { note(id: ID!): Note }
type Subscription {
  changed: Note # unguarded_path
  told: Event
}
type Event { id: ID! }
"""
        + NOTE,
        "Subscription.changed: read on Sheet Subscription.told: read on Note",
    ),
    "what belongs to nobody needs no rule": (
        """type Query { note(id: ID!): Note colour: Colour }
type Colour { id: ID! }
"""
        + NOTE,
        'open Query.colour because "x"',
    ),
    "a root type below the root": (
        """type Query { note(id: ID!): Note }
type Note { id: ID!
  again: [Query!]! # root_below
  any: Any # root_below
}
type Mutation { change: Sheet }
type Sheet { id: ID! }
union Any = Mutation | Note
""",
        "Mutation.change: write on Sheet Note.any: read on Note",
    ),
    "other modes": (
        """type Query {
  note(id: ID!): Note @aws_iam # other_mode
  @aws_lambda
}
type Note @aws_api_key { # other_mode
  id: ID! @aws_cognito_user_pools(cognito_groups: ["a"]) # other_mode
}
type Sheet @aws_lambda { id: ID! @deprecated }
""",
        "",
    ),
}


def test_a_whole_input_that_a_client_may_write_is_found_where_it_is_mapped() -> None:
    sdl = "type Query { note(id: ID!): Note }\ntype Mutation { change(input: Inside): Note }\n"
    sdl += "input Inside { size: Int, org: ID }\n" + NOTE
    assert [d.code for d in found(sdl, "Mutation.change: write on Note writes input")] == ["whole_input"]
    narrow = "Mutation.change: write on Note in input.org writes input.size"
    assert found(sdl, narrow) == ()


@pytest.mark.parametrize("name", CASES)
def test_findings_stand_beside_what_causes_them(name: str) -> None:
    check(*CASES[name])


@pytest.mark.parametrize(
    ("mapped", "code", "part"),
    [
        ("Query.noted: read on Note", "unknown_field", "did you mean `Query.note`?"),
        ("Query.sheet: read on Sheet by ident", "unknown_argument", "`ident`"),
        ("Query.sheet: read on Sheet by id.inner", "unknown_argument", "`id.inner`"),
        ("Query.sheet: read on Sheet by id in input.x", "unknown_argument", "`input.x`"),
    ],
)
def test_what_the_schema_does_not_have_is_shown_in_the_policy(mapped: str, code: str, part: str) -> None:
    sdl = "type Query { note(id: ID!): Note sheet(id: ID!, input: In): Sheet }\ninput In { y: ID }\n" + NOTE
    diagnostics = [d for d in found(sdl, mapped) if d.code != "unmapped_field"]
    assert [d.code for d in diagnostics] == [code]
    assert diagnostics[0].labels[0].span.source.name == "api.policy"
    assert part in diagnostics[0].message + diagnostics[0].help


@pytest.mark.parametrize(
    "sdl",
    [
        "",
        "type Query {",
        "type Query { note: Missing }",
        "type Mutation { a: Int }",
        "schema { query: Q } type Q { a: Int }",
        "{ a }",
        "\x00",
    ],
)
def test_what_is_no_schema_is_one_finding(sdl: str) -> None:
    assert [d.code for d in found(sdl)] == ["unreadable_schema"]


# ---- Waivers

PING = "type Query { note(id: ID!): Note ping: Int }\n" + NOTE


def waiver(until: str, on: str = "Query.ping", finding: str = "unmapped_field") -> str:
    return f'waive {finding} on {on} until "{until}" because "it is asked by a load balancer"'


def test_a_waiver_holds_up_to_its_day() -> None:
    assert [d.code for d in found(PING)] == ["unmapped_field"]
    assert found(PING, waiver("2026-11-22")) == ()
    assert {d.code for d in found(PING, waiver("2026-11-21"))} == {"unmapped_field", "expired_waiver"}


def test_a_waiver_of_nothing_is_a_warning() -> None:
    for text in (waiver("2027-01-01", on="Query.note"), waiver("2027-01-01", finding="other_mode")):
        (unused,) = [d for d in found(PING, text) if d.code == "unused_waiver"]
        assert unused.severity == "warning"


# ---- Studio, and the command


def test_studio_has_no_finding(studio: Any) -> None:
    path = ROOT / "examples/studio.graphql"
    assert check_api(studio.program, Source(path.name, path.read_text("utf-8")), TODAY) == ()


BROKEN = (
    ("  tools(limit", "  allTools: [Tool!]\n  tools(limit", "unmapped_field"),
    ("orgId: ID, filter", "organizationId: ID, filter", "unknown_argument"),
    ("input IdFilter {\n  eq: ID", "input IdFilter {\n  eq: ID\n  ne: ID", "unmarked_tenant"),
    ("orgId: ID, filter", 'orgId: ID = "org_1", filter', "tenant_default"),
    ("conversationId: ID, ", "conversationId: ID, extra: AWSJSON, ", "unmarked_json"),
    ("type Changed {", "type Changed {\n  host: Host", "unguarded_path"),
    ("type Host implements Record {", "type Host implements Record @aws_iam {", "other_mode"),
)


@pytest.mark.parametrize(("old", "new", "code"), BROKEN)
def test_breaking_studios_schema_is_found(studio: Any, old: str, new: str, code: str) -> None:
    text = (ROOT / "examples/studio.graphql").read_text("utf-8")
    assert old in text
    assert code in {d.code for d in check_api(studio.program, Source("s", text.replace(old, new, 1)), TODAY)}


def test_the_command_says_what_it_finds(tmp_path: Path, capsys: Any) -> None:
    sources = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    assert main(["check", *sources, "--graphql", str(ROOT / "examples/studio.graphql")]) == 0
    schema = tmp_path / "schema.graphql"
    schema.write_text("type Query { health: Int }")
    assert main(["check", *sources, "--graphql", str(schema)]) == 1
    assert "error[unmapped_field]: nothing says what `Query.health` asks for" in capsys.readouterr().out
    assert main(["check", *sources, "--graphql", str(schema), "--format", "json"]) == 1
    codes = {finding["code"] for finding in json.loads(capsys.readouterr().out)["findings"]}
    assert codes == {"unmapped_field", "unknown_field"}
    assert main(["check", *sources, "--graphql", str(tmp_path / "none")]) == 2


def test_every_finding_of_the_table_has_a_case() -> None:
    here = Path(__file__).read_text("utf-8")
    assert not [code for code in GRAPHQL_FINDINGS if code not in here]
