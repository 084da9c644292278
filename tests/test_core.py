"""The core keeps its promises: few nodes, a total operator table, printers, reads, grouping."""

from pathlib import Path
from typing import Any, get_args

import pytest
from lark import Lark

import policyengine
from policyengine.backends.python import emit_python
from policyengine.compiler import Compiled, Engine, compile_folders, compile_sources, program_of
from policyengine.diagnostics import PolicyError
from policyengine.frontend.parser import grammar
from policyengine.ir import nodes as ir
from policyengine.ir.printer import print_expr, print_program
from policyengine.ir.simplifier import simplify
from policyengine.model.operators import OPERATORS, Refusal
from policyengine.model.schema import Known
from policyengine.model.types import BOOL, INT, TIME, Enum, Id
from policyengine.partial.specializer import Partly, reads, specialize
from policyengine.source import Source
from tests import golden

ROOT = Path(__file__).resolve().parent.parent

SMALL = """
tenant Org by org
principal User { id: Id as identity, org: Id of Org }
resource Note { id: Id as identity, org: Id of Org, author: Id as owner, size: Int, tag: String?, open: Bool, at: Time }
resource Memo { id: Id as identity, org: Id of Org, author: Id as owner, size: Int, tag: String?, open: Bool, at: Time }
action read, write on Note, Memo
access Note { always: record owner may read, write }
access Memo { always: record owner may read, write }
"""


def compiled(text: str) -> Compiled:
    return compile_sources([Source("small.policy", SMALL + text)])


def condition(text: str, on: str = "Note") -> ir.Expr:
    rules = program_of(compiled(f"forbid f: read on {on} when {text}")).rules
    return next(rule.condition for rule in rules if rule.id == "f")


# ---- Grammar and nodes


def test_the_grammar_has_no_conflict() -> None:
    Lark(grammar(), parser="lalr", strict=True, maybe_placeholders=True)


def test_the_core_is_a_small_closed_set() -> None:
    assert len(get_args(ir.Expr)) + len([ir.Rule, ir.Obliges, ir.Never, ir.Threat, ir.Changing, ir.Program]) <= 25


def test_the_interpreter_is_a_screen_or_two() -> None:
    lines = [
        line for path in (ROOT / "policyengine/interpreter").glob("*.py") for line in path.read_text().splitlines()
    ]
    assert len([line for line in lines if line.strip()]) <= 265


def test_only_the_listed_names_are_public() -> None:
    assert policyengine.__all__ == ["Diagnostic", "Engine", "PolicyError", "load"]
    for name in policyengine.__all__:
        assert getattr(policyengine, name).__name__ == name


# ---- The operator table


def test_every_operator_has_a_template_or_a_refusal_for_every_reader() -> None:
    assert set(OPERATORS) == {"==", "!=", "<", "<=", ">", ">=", "in", "has", "not", "and", "or"}
    for operator in OPERATORS.values():
        for cell in (operator.python, operator.dynamodb, operator.smt, operator.iam):
            assert cell.code if isinstance(cell, Refusal) else cell
        assert isinstance(operator.python, str)
        assert isinstance(operator.smt, str)


@pytest.mark.parametrize(
    ("operator", "left", "right", "may"),
    [
        ("==", Id(), Id("Folder"), True),
        ("==", Id("Folder"), Id("Host"), False),
        ("==", Id(), Id("Org", tenant=True), False),
        ("==", INT, BOOL, False),
        ("<", TIME, TIME, True),
        ("<", Id(), Id(), False),
        ("<", BOOL, BOOL, False),
        ("in", Id(), Id(), True),
        ("in", TIME, TIME, False),
        ("and", BOOL, BOOL, True),
        ("and", BOOL, INT, False),
    ],
)
def test_an_operator_stands_between_its_own_types_only(operator: str, left: Any, right: Any, may: bool) -> None:
    assert OPERATORS[operator].types(left, right) is may


# ---- Simplifier: what it says in its cases


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("not not resource.open", "resource.open"),
        ("true and resource.open", "resource.open"),
        ("resource.open or true", "true"),
        ("resource.open and false", "false"),
        ("resource.open and resource.open", "resource.open"),
        ("not (resource.size == 1)", "resource.size != 1"),
        ("1 == resource.size", "resource.size == 1"),
        ("resource.size in { 2 }", "resource.size == 2"),
        ("1 < 2", "true"),
        ("resource.open == false", "not resource.open"),
        ("(resource.open and resource.size < 1) and resource.at == resource.at",
         "resource.open and resource.size < 1 and resource.at == resource.at"),
    ],
)  # fmt: skip
def test_a_condition_becomes_its_simplest_form(before: str, after: str) -> None:
    assert print_expr(condition(before)) == after


def test_a_part_that_can_err_comes_last_but_never_before_its_guard() -> None:
    text = """
    resource Box { id: Id as identity, org: Id of Org, note: Id of Note, limit: Int? }
    action read on Box
    access Box { always: role admin may read }
    """.replace("access Box { always: role admin may read }", "permit p: read on Box")
    program = program_of(
        compiled(text + "forbid f: read on Box when resource.note.open and has resource.limit and resource.limit > 1")
    )
    rule = next(rule for rule in program.rules if rule.id == "f")
    assert print_expr(rule.condition) == "has resource.limit and Note[resource.note].open and resource.limit > 1"


def test_times_are_not_folded_as_text() -> None:
    early, late = ir.Literal("2026-01-01T12:00:00+09:00", TIME), ir.Literal("2026-01-01T04:00:00Z", TIME)
    assert simplify(ir.Compare(late, "<", early)) == ir.Compare(late, "<", early)


def test_membership_in_all_values_is_true() -> None:
    colour = Enum("Colour", ("RED", "BLUE"), False)
    attr = ir.Attr(ir.Var("resource", BOOL), "colour", colour, Known.RECORD)
    assert simplify(ir.Member(attr, ("BLUE", "RED"))) == ir.TRUE


# ---- Printers, digests, bundles


def test_the_core_of_studio_is_as_printed() -> None:
    golden.check("studio.core", print_program(program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))))


def test_the_module_of_studio_is_as_generated() -> None:
    for name, text in emit_python(program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))).items():
        golden.check(f"studio_bundle/{name}.py", text)


def test_comments_docs_and_order_do_not_change_the_digest_but_a_rule_does() -> None:
    first = Engine(program_of(compiled("forbid f: read on Note when resource.open")))
    again = Engine(program_of(compiled("// why\n/// said\nforbid f: read on Note when resource.open")))
    other = Engine(program_of(compiled("forbid f: read on Note when not resource.open")))
    assert first.digest == again.digest != other.digest


def test_types_with_the_same_rules_share_their_functions() -> None:
    texts = emit_python(program_of(compile_folders(ROOT / "policies", ROOT / "schemas")))
    assert "# list, read on Diagram, Host, Memory, Procedure\n" in texts["on_Diagram"]
    assert "# share on Folder\n" in texts["on_Folder"]


def test_every_line_of_the_module_compiles_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    for text in emit_python(program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))).values():
        compile(text, "bundle", "exec")
    assert not recwarn.list


# ---- Specializing and reading


def test_a_residual_holds_only_what_is_left() -> None:
    program = program_of(compiled('forbid f: read on Note, Memo when resource.type == Memo and principal.id == "u"'))
    assert [rule.id for rule in specialize(program, Partly("read", "Note")).rules] == ["Note.always.record_owner"]
    known = specialize(program, Partly("read", "Memo", {"id": "u", "org": "o"}))
    assert {rule.id: print_expr(rule.condition) for rule in known.rules} == {
        "Memo.always.record_owner": 'resource.org == "o" and resource.author == "u"',
        "f": "true",
    }


def test_reads_are_the_fetch_plan(studio: Any) -> None:
    assert reads(studio.program, "configure", "Tool") == (
        (Known.RECORD, "resource.orgId"),
        (Known.TOKEN, "principal.orgId"),
        (Known.TOKEN, "principal.orgRole"),
    )
    plan = dict.fromkeys(known for known, _ in reads(studio.program, "read", "Host"))
    assert set(plan) == {Known.TOKEN, Known.ARGUMENT, Known.RECORD, Known.ANCESTOR, Known.GRANT, Known.CLOCK}
    assert (Known.REFERENCED, "Connector[resource.connectorId].enabled") in reads(studio.program, "invoke", "Tool")


# ---- Isolation is not one more rule


def test_every_permit_of_an_isolated_type_begins_with_isolation(studio: Any) -> None:
    for rule in studio.program.rules:
        first = rule.condition.operands[0] if isinstance(rule.condition, ir.And) else rule.condition
        assert isinstance(first, ir.Isolation) == (rule.effect == "permit")
        assert not rule.crosses or rule.id.startswith("Scoped.CUSTOM.grant_")


def test_only_a_reason_takes_a_type_out_of_isolation() -> None:
    outside = compiled(
        'resource Region { id: Id as identity } global "the same for all"\naction read on Region\npermit p: read on Region'
    )
    engine = Engine(program_of(outside))
    request = {"principal": {"id": "u", "org": "o"}, "action": "read", "resource": {"type": "Region", "id": "eu"}}
    assert engine.authorize(request, engine.entities({}))["decision"] == "allow"
    for text in ("resource Region { id: Id as identity }", 'resource Region { id: Id as identity } global ""'):
        with pytest.raises(PolicyError):
            program_of(compiled(text))


# ---- Bugs that were found, each with the smallest policy that showed it


def test_a_grant_row_of_one_kind_says_nothing_of_the_types_of_another() -> None:
    row = "{ org: Id of Org, what: Type, id: Id, who: Id, home: Id of Org, part: Part as role }"
    kinds = f"""
    enum Part {{ low < high }}
    grant OnNote on Note by what, id to User by who, home {row}
    grant OnMemo on Memo by what, id to User by who, home {row}
    """
    text = SMALL.replace("access Note { always: record owner may", "access Note { always: grant low may")
    engine = Engine(program_of(compile_sources([Source("kinds.policy", text + kinds)])))
    note = {"type": "Note", "id": "n", "org": "o", "author": "x", "size": 1, "open": True, "at": "2026-01-01T00:00:00Z"}
    grant = {"org": "o", "what": "Note", "id": "n", "who": "ann", "home": "o", "part": "low"}
    ann = {"id": "ann", "org": "o"}
    assert engine.allowed(ann, "read", note, engine.entities({"OnNote": [grant]}))
    assert not engine.allowed(ann, "read", note, engine.entities({"OnMemo": [grant]}))


def test_an_astral_character_in_a_reason_stays_one_character() -> None:
    engine = Engine(program_of(compiled('forbid f: read on Note because "\U0001f600"')))
    note = {
        "type": "Note",
        "id": "n",
        "org": "o",
        "author": "ann",
        "size": 1,
        "open": True,
        "at": "2026-01-01T00:00:00Z",
    }
    request = {"principal": {"id": "ann", "org": "o"}, "action": "read", "resource": note}
    assert engine.authorize(request, engine.entities({}))["reason"] == "\U0001f600"


def test_a_rule_that_forbids_without_a_reason_is_not_said_to_be_missing() -> None:
    engine = Engine(program_of(compiled("permit p: read on Note\nforbid f: read on Note when resource.size == 1")))
    note = {"type": "Note", "id": "n", "org": "o", "author": "a", "size": 1, "open": True, "at": "2026-01-01T00:00:00Z"}
    request = {"principal": {"id": "ann", "org": "o"}, "action": "read", "resource": note}
    assert engine.authorize(request, engine.entities({}))["reason"] == "A rule forbids it."
    request["resource"] = {**note, "size": 2, "org": "p"}
    assert engine.authorize(request, engine.entities({}))["reason"] == "No rule allows it."


def test_an_absent_context_lacks_what_the_context_must_have() -> None:
    engine = Engine(program_of(compiled("context { level: Int }")))
    note = {
        "type": "Note",
        "id": "n",
        "org": "o",
        "author": "ann",
        "size": 1,
        "open": True,
        "at": "2026-01-01T00:00:00Z",
    }
    request = {"principal": {"id": "ann", "org": "o"}, "action": "read", "resource": note}
    assert engine.authorize(request, engine.entities({}))["errors"] == ["context.level: missing"]
    assert not engine.allowed(request["principal"], "read", note, engine.entities({}))
    assert engine.allowed(request["principal"], "read", note, engine.entities({}), {"level": 1})


def test_an_attribute_whose_name_extends_another_keeps_its_own_row() -> None:
    text = """
    resource Box { id: Id as identity, org: Id of Org, note: Id of Note?, note_ok: Id of Note? }
    action read on Box
    permit p: read on Box
    forbid f: read on Box when has resource.note and not resource.note.open
    forbid g: read on Box when has resource.note_ok and not resource.note_ok.open
    """
    engine = Engine(program_of(compiled(text)))
    note = {"id": "n", "org": "o", "author": "ann", "size": 1, "open": True, "at": "2026-01-01T00:00:00Z"}
    rows = engine.entities({"Note": [note, {**note, "id": "shut", "open": False}]})
    box = {"type": "Box", "id": "b", "org": "o", "note": "n", "note_ok": "n"}
    ann = {"id": "ann", "org": "o"}
    assert engine.allowed(ann, "read", box, rows)
    assert not engine.allowed(ann, "read", {**box, "note_ok": "shut"}, rows)
    assert not engine.allowed(ann, "read", {**box, "note": "shut"}, rows)


def test_what_an_uncertain_part_guards_is_asked_after_it() -> None:
    """`context.now` is there once the first part does not fail; a verdict that asks for it before raises."""
    text = """
    context { now: Time?, until: Time? }
    enum Scope { OWN, UP }
    resource Box { id: Id as identity, org: Id of Org, author: Id as owner, scope: Scope, up: Id of Box?, open: Bool }
    action read on Box
    access Box by scope {
      UP: as up
      OWN: record owner may read
      always: holder owner may read
    }
    forbid f: read on Box
      when not (holder.open or not has context.now or not has context.until) and context.now < context.until
    """
    engine = Engine(program_of(compiled(text)))
    top = {"id": "t", "org": "o", "author": "ann", "scope": "OWN", "open": False}
    rows, ann = engine.entities({"Box": [top]}), {"id": "ann", "org": "o"}
    box = {**top, "type": "Box", "id": "b", "scope": "UP", "up": "t"}
    early, late = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    assert engine.allowed(ann, "read", box, rows)
    assert engine.filter(ann, "read", [box], rows) == [box]
    assert engine.allowed(ann, "read", box, rows, {"now": late, "until": early})
    assert not engine.allowed(ann, "read", box, rows, {"now": early, "until": late})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"forbid f: read on Note when resource.size == {'9' * 5000}", "syntax"),
        ("// said\rforbid f: read on Note", "forbidden-character"),
        ('resource Ad { id: Id as identity, note: Id of Note } global "all"\naction read on Ad\nforbid f: read on Ad when resource.note.open', "not-available"),
        ("resource Box { id: Id as identity, org: Id of Org, note: Id of Note as owner }", "wrong-type"),
        ("context { level: Int as role }", "not-available"),
        ("resource Box { id: Id as identity, org: Id of Org, up: Id of Box? }\naction read on Box\naccess Box { UP: as up }", "missing-mark"),
    ],
)  # fmt: skip
def test_what_would_be_misread_is_an_error(text: str, code: str) -> None:
    assert code in [found.code for found in compiled(text).diagnostics]
