"""Isolation as a question to a solver: what is proved, what is refuted and replayed, and that the encoding is the meaning.

The encoding is judged by the reference interpreter: constants are pinned to what the interpreter sees for a request, and
then each rule must hold, or err, exactly where it does there.
"""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from policyengine.analysis import claims, solver
from policyengine.analysis.decoder import as_time, wanted_terms
from policyengine.analysis.encoder import encode, encode_isolation
from policyengine.analysis.solver import SolverMissing, solve
from policyengine.analysis.telling import told
from policyengine.analysis.verdict import InternalError
from policyengine.compiler import compile_folders, compile_sources, program_of
from policyengine.interpreter import Rows, decide
from policyengine.ir import nodes as ir
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_rule
from policyengine.model.values import instant
from policyengine.proving import prove_isolation, without_isolation
from policyengine.source import Source
from tests import golden
from tests.agreeing import agreement
from tests.conftest import ROOT
from tests.worlds import TIMES, requests, world

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")

SMALL = """
tenant Org by org
enum Level { low < high }
principal User { id: Id as identity, org: Id of Org, level: Level as role }
resource Note { id: Id as identity, org: Id of Org, author: Id as owner, size: Int, shelf: Id of Shelf? }
resource Shelf { id: Id as identity, org: Id of Org, open: Bool }
resource Notice { id: Id as identity } global "it is for everyone"
action read on Note, Shelf, Notice
"""


FILED = """
tenant Org by org
enum Reach { OWN, UP }
enum Rank { reader < writer }
principal User { id: Id as identity, org: Id of Org }
context { now: Time? from clock }
shape Filed { id: Id as identity, org: Id of Org, keeper: Id as owner, reach: Reach, up: Id of Box?, at: Time }
resource Box, Page is Filed
resource Note { id: Id as identity, org: Id of Org, size: Int? }
resource Memo { id: Id as identity, org: Id of Org, size: Int }
action read on Filed
action read on Note, Memo
grant Loan on Filed by type_, record to User by member, home {
  org: Id of Org, type_: Type, record: Id, member: Id, home: Id of Org, rank: Rank as role, until: Time?, copies: Int
} counts when has row.until and has context.now and context.now < row.until and row.copies > 6
crosses on the record itself
access Filed by reach { UP: as up  OWN: grant reader may read }
"""
"""With a chain, with grant rows that count only if much is right, and with an attribute optional in one type only."""


@pytest.fixture(scope="module")
def program() -> ir.Program:
    return program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))


def small(text: str, vocabulary: str = SMALL) -> ir.Program:
    return program_of(compile_sources([Source("small.policy", vocabulary + text)]))


def changed(program: ir.Program, rule_id: str, change: Any) -> ir.Program:
    rules = tuple(rewrite_rule(rule, change) if rule.id == rule_id else rule for rule in program.rules)
    return simplify_program(replace(program, rules=rules))


def no_isolation(expr: ir.Expr) -> ir.Expr:
    return ir.TRUE if isinstance(expr, ir.Isolation) else expr


def leak(program: ir.Program) -> tuple[Any, Any]:
    """The request and the data of a refutation, replayed once more."""
    verdict = prove_isolation(program)
    assert verdict.status == "refuted", verdict
    assert verdict.counterexample is not None
    request, data = verdict.counterexample["request"], verdict.counterexample["data"]
    assert decide(program, request, Rows(program.schema, data))["decision"] == "allow"
    key = program.schema.tenant_key
    assert request["principal"][key] != request["resource"][key]
    return request, data


# ---- Studio


def test_studio_keeps_tenants_apart(program: ir.Program) -> None:
    verdict = prove_isolation(program)
    assert verdict.status == "proved", verdict
    assert verdict.witness is not None
    assert "a record that does not inherit is its own holder" in verdict.assumptions
    assert [opinion.status for opinion in verdict.opinions] == ["unsat", "unsat"]


def test_the_question_is_the_golden_text(program: ir.Program) -> None:
    golden.check("isolation.smt2", encode_isolation(program))


def test_without_isolation_studio_leaks(program: ir.Program) -> None:
    leaky = without_isolation(program)
    request, data = leak(leaky)
    golden.check("counterexample.json", json.dumps({"request": request, "data": data}, indent=2) + "\n")
    line = told(leaky, {"request": request, "data": data})
    assert "\n" not in line
    assert line.startswith("ann (orgId org_1, orgRole ")
    assert " (orgId org_2, " in line


@pytest.mark.soak
def test_each_permit_of_studio_needs_its_isolation(program: ir.Program) -> None:
    """Some of them are among the planted faults of test_proving.py, too."""
    for rule in (rule for rule in program.rules if rule.effect == "permit"):
        request, _ = leak(changed(program, rule.id, no_isolation))
        assert request["action"] in rule.actions
        assert request["resource"]["type"] in rule.types


def test_a_grant_that_crosses_on_an_inherited_holder_is_found(program: ir.Program) -> None:
    """The row is on a folder above the record, and to another organization a row is not inherited."""
    leaky = changed(program, "Scoped.CUSTOM.grant_editor", no_isolation)
    request, data = leak(leaky)
    assert request["action"] == "update"
    assert request["resource"]["scope"] == "INHERIT"
    [folder], [row] = data["Folder"], data["ResourceShareMember"]
    assert request["resource"]["parentId"] == folder["id"] == row["resourceId"]
    assert (row["resourceType"], row["memberId"]) == ("Folder", request["principal"]["id"])
    line = told(leaky, {"request": request, "data": data})
    assert f"with Folder {folder['id']} (" in line
    assert line.endswith(": by Scoped.CUSTOM.grant_editor")


# ---- Small programs


def test_an_erring_forbid_denies_and_so_never_leaks() -> None:
    """Without isolation a missing shelf still stops every read: only a note on an open shelf leaks."""
    held = small("permit all: read on Note when true  forbid closed: read on Note when not resource.shelf.open"
                 .replace("not resource.shelf.open", "not has resource.shelf or not resource.shelf.open"))  # fmt: skip
    request, data = leak(without_isolation(held))
    [shelf] = data["Shelf"]
    assert (shelf["id"], shelf["open"]) == (request["resource"]["shelf"], True)
    assert shelf["org"] == request["resource"]["org"]


def test_an_erring_permit_does_not_hold() -> None:
    """What follows from a missing shelf never allows; what is true whatever the shelf does."""
    errs = "permit p: read on Note when has resource.shelf and (resource.shelf.open or not resource.shelf.open)"
    _, data = leak(without_isolation(small(errs)))
    assert len(data["Shelf"]) == 1
    request, data = leak(without_isolation(small(errs + " or resource.size == -7")))
    assert (request["resource"]["size"] == -7) != bool(data)


def test_a_type_outside_isolation_leaks_nothing() -> None:
    notices = "permit all: read on Notice when true  permit own: read on Note when resource.author == principal.id"
    assert prove_isolation(small(notices)).status == "proved"
    assert prove_isolation(without_isolation(small("permit all: read on Notice when true"))).status == "vacuous"


def test_a_proof_about_nothing_is_vacuous() -> None:
    verdict = prove_isolation(small("permit none: read on Note when resource.size < 0 and resource.size > 0"))
    assert verdict.status == "vacuous"
    assert "no request" in verdict.reason


@pytest.mark.parametrize(
    "condition, possible",
    [
        ("resource.reach == UP and holder.reach == OWN", True),
        ("holder.reach == UP", False),
        ("resource.reach == OWN and holder.keeper != resource.keeper", False),
        ("resource.reach == OWN and holder.at > resource.at", False),
        ("resource.reach == UP and holder.keeper != resource.keeper and holder.at < resource.at", True),
        ("resource.reach == UP and not has resource.up and holder.reach == OWN", False),
        ("resource.reach == UP and has resource.up and holder.id != resource.up and holder.reach == OWN", True),
        ("resource.reach == UP and resource.type == Page and holder.id == resource.id", True),
        ("resource.reach == UP and resource.type == Box and holder.id == resource.id", False),
        ("resource.reach == UP and has resource.up and resource.up == resource.id and holder.reach == OWN", True),
        (
            "resource.reach == UP and resource.type == Box and has resource.up and resource.up == resource.id "
            "and holder.reach == OWN",
            False,
        ),
    ],
)
def test_a_chain_can_be_what_the_walk_can_find_and_nothing_else(condition: str, possible: bool) -> None:
    rules = f"permit all: read on Filed when true  forbid but: read on Filed when not ({condition})"
    leaky = without_isolation(small(rules, FILED))
    if possible:
        leak(leaky)
    else:
        assert prove_isolation(leaky).status == "vacuous"


def test_a_grant_row_is_shown_with_all_that_makes_it_count() -> None:
    _, data = leak(changed(small("", FILED), "Filed.OWN.grant_reader", no_isolation))
    [row] = data["Loan"]
    assert row["copies"] > 6
    assert "until" in row
    never = FILED.replace("row.copies > 6", "row.copies > 6 and row.copies < 6")
    assert prove_isolation(changed(small("", never), "Filed.OWN.grant_reader", no_isolation)).status == "vacuous"


def test_what_is_optional_in_one_type_is_there_in_the_other() -> None:
    rules = "permit p: read on Memo when resource.size == 7  forbid f: read on Filed when true"
    request, _ = leak(without_isolation(small(rules, FILED)))
    assert request["resource"]["size"] == 7


def test_literals_are_distinct_and_named_by_their_text() -> None:
    """Two ids that a policy writes are never one; a counterexample shows them as they are written."""
    both = 'permit p: read on Note when principal.id == "a|b" and resource.author == "\\u00e9"'.replace("\\u00e9", "é")
    request, _ = leak(without_isolation(small(both)))
    assert (request["principal"]["id"], request["resource"]["author"]) == ("a|b", "é")
    never = (
        'permit p: read on Note when principal.id == "a" and resource.author == principal.id and resource.author == "b"'
    )
    assert prove_isolation(small(never)).status == "vacuous"


def test_what_has_no_encoding_is_unknown(program: ir.Program) -> None:
    odd = replace(program.rules[0], condition=ir.Granted())
    verdict = prove_isolation(replace(program, rules=(odd, *program.rules[1:])))
    assert (verdict.status, verdict.reason) == ("refused", "`granted` has no encoding")


def test_a_required_attribute_of_the_context_is_always_there() -> None:
    """Without a context the request is malformed, and denied before any rule."""
    context = "context { mode: Level from argument }  permit a: read on Note when context.mode == high"
    request, _ = leak(without_isolation(small(context)))
    assert request["context"] == {"mode": "high"}


def test_two_symbols_of_one_name_are_refused(program: ir.Program) -> None:
    twin = replace(program.rules[0], id="resource.scope")
    verdict = prove_isolation(replace(program, rules=(twin, *program.rules[1:])))
    assert (verdict.status, verdict.reason) == ("refused", "two things are called `resource.scope`")


# ---- The solver, and what is wrong with it


def test_a_solver_that_gives_up_proves_nothing(program: ir.Program) -> None:
    verdict = prove_isolation(program, limit=1)
    assert (verdict.status, verdict.reason) == ("unknown", "the solver gave up after 1 steps")


@pytest.mark.parametrize(
    "text", ["", "(check-sat", "(assert nothing)(check-sat)", "(set-logic QF_UF)", '(echo "sat")(check-sat)', "(exit)"]
)
def test_what_the_solver_does_not_understand_is_unknown(text: str) -> None:
    assert solve(text).status == "unknown"


def test_a_solver_that_hangs_is_stopped(program: ir.Program) -> None:
    assert solve(encode_isolation(program), seconds=0.001).status == "unknown"


def test_a_missing_solver_is_named(program: ir.Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver, "find_spec", lambda name: None)
    with pytest.raises(SolverMissing, match=r"pip install policyengine-authz\[prove\]"):
        prove_isolation(program)


def test_a_counterexample_that_does_not_replay_is_never_shown(
    program: ir.Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaky = without_isolation(program)
    values = solve(encode_isolation(leaky), wanted_terms(encode(leaky))).values
    swapped = {**values, "|the action|": "|action share|"}
    monkeypatch.setattr(claims, "ask", lambda _, questions, **__: [solver.Answer("sat", swapped)] * len(questions))
    with pytest.raises(InternalError):
        prove_isolation(leaky)


def test_the_same_program_gives_the_same_text(program: ir.Program) -> None:
    again = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    assert encode_isolation(program) == encode_isolation(again)


@pytest.mark.parametrize("text", TIMES)
def test_a_time_is_written_as_the_instant_that_it_is(text: str) -> None:
    exact = instant(text)
    assert exact is not None
    assert instant(as_time(exact)) == exact


# ---- The encoding is the meaning


ERRING = """
permit e1: read on Scoped when holder.scope == ORG or not (holder.ownerId == principal.id and resource.id == "a")
permit e2: update on Scoped when not (holder.scope != CUSTOM or has holder.parentId)
forbid e3: invoke on Tool when has resource.connectorId and (resource.connectorId.enabled or resource.id == "a")
require e4: approval { resourceType: resource.type, resourceId: holder.ownerId } for delete, update on Scoped
  when resource.scope != CUSTOM
require e5: approval { resourceType: Tool, resourceId: "a" } for list on Scoped when holder.scope in { ORG, CUSTOM }
"""
"""Rules in which errors meet every connective, for Studio's vocabulary."""


def test_the_encoding_agrees_with_the_interpreter() -> None:
    names = ("access.policy", "sharing.policy", "tools.policy", "studio.schema")
    files = [path for folder in ("policies", "schemas") for path in (ROOT / folder).iterdir() if path.name in names]
    sources = [Source(path.name, path.read_text("utf-8")) for path in files]
    program = program_of(compile_sources([*sources, Source("erring.policy", ERRING)]))
    encoding, seen = encode(program), {"allow": 0, "deny": 0, "error": 0}
    chunks: list[str] = []
    rng = random.Random(20260601)
    while len(chunks) < 100 or seen["error"] < 20:
        data = world(rng)
        for request in requests(rng, data, 10):
            decision = decide(program, request, Rows(program.schema, data))
            if "malformed" not in decision["reason"] and (decision["errors"] or len(chunks) < 80):
                seen[decision["decision"]] += 1
                seen["error"] += bool(decision["errors"])
                chunks.append(agreement(encoding, request, data))
    answer = solve(encoding.text + "\n".join(chunks), solvers=("cvc5",))
    assert answer.statuses == ("sat", "unsat") * len(chunks)
    assert min(seen.values()) >= 20, seen


def test_the_encoding_agrees_on_a_type_outside_isolation() -> None:
    program = small("permit all: read on Notice, Note when true")
    for type_name, more in (("Notice", {}), ("Note", {"org": "o2", "author": "a", "size": 1})):
        resource = {"type": type_name, "id": "n", **more}
        request = {"principal": {"id": "u", "org": "o1", "level": "low"}, "action": "read", "resource": resource}
        allowed = decide(program, request, Rows(program.schema, {}))["decision"] == "allow"
        assert allowed == (type_name == "Notice")
        encoding = encode(program)
        assert solve(encoding.text + agreement(encoding, request, {})).statuses == ("sat", "unsat")
