"""The claims of `prove` on Studio, and on Studio with one fault: each fault is found by its name, and shown by a request.

A fault is an edit of the policies' text, or of the core where no text can say it. What is found is replayed here once
more, by the interpreter and the generated code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import pytest

from policyengine.analysis import checks, claims
from policyengine.analysis.claims import Claim
from policyengine.analysis.facts import Authorize, Facts
from policyengine.analysis.filters import ABROAD, EXACT, SUPERSET
from policyengine.analysis.layers import LAYER
from policyengine.analysis.solver import LEADS, ask
from policyengine.analysis.tables import threat_table
from policyengine.analysis.threats import DOCUMENTS, lines
from policyengine.analysis.verdict import Verdict
from policyengine.compiler import Engine, compile_folders, compile_sources, program_of
from policyengine.ir import nodes as ir
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_rule
from policyengine.proving import Report, prove, settling_of
from policyengine.source import Source
from tests import golden
from tests.conftest import ROOT

pytest.importorskip("cvc5", reason="proofs need the solver cvc5")
pytest.importorskip("z3", reason="proofs need the solver z3")

FILES = ["access.policy", "sharing.policy", "threats.policy", "tools.policy", "studio.schema"]
PATHS = [path for folder in ("policies", "schemas") for path in (ROOT / folder).iterdir() if path.name in FILES]


def studio(*edits: tuple[str, str]) -> ir.Program:
    """Studio's program with texts replaced, each of which stands in exactly one file; its rules alone, without API and AWS."""
    texts = {path.name: path.read_text("utf-8") for path in PATHS}
    for old, new in edits:
        [name] = [name for name, text in texts.items() if old in text]
        texts[name] = texts[name].replace(old, new, 1)
    return program_of(compile_sources(Source(name, text) for name, text in texts.items()))


def in_core(rule_id: str, change: Callable[[ir.Expr], ir.Expr]) -> ir.Program:
    program = studio()
    rules = tuple(rewrite_rule(rule, change) if rule.id == rule_id else rule for rule in program.rules)
    assert rules != program.rules
    return simplify_program(replace(program, rules=rules))


def no_isolation(expr: ir.Expr) -> ir.Expr:
    return ir.TRUE if isinstance(expr, ir.Isolation) else expr


def crossing(expr: ir.Expr) -> ir.Expr:
    return replace(expr, crosses=True) if isinstance(expr, ir.Isolation) else expr


def no_has(expr: ir.Expr) -> ir.Expr:
    return ir.TRUE if isinstance(expr, ir.Has) else expr


def flagged(rule_id: str) -> ir.Program:
    program = studio()
    return replace(program, rules=tuple(replace(r, crosses=True) if r.id == rule_id else r for r in program.rules))


@pytest.fixture(scope="module")
def whole() -> Report:
    return prove(studio())


def test_every_claim_about_studio_is_proved(whole: Report) -> None:
    assert [v for v in whole.verdicts if not v.held] == []
    checks = {verdict.check for verdict in whole.verdicts}
    assert checks == {"isolation", "never errs", "not dead", "not shadowed", "threat", EXACT, SUPERSET, ABROAD}
    assert {verdict.subject for verdict in whole.verdicts if verdict.check == "not dead"} == {
        rule.id for rule in studio().rules
    }
    assert all(v.witness for v in whole.verdicts)
    assert all({o.solver: o.status for o in v.opinions}.keys() == {"cvc5", "z3"} for v in whole.verdicts)


def test_each_witness_is_a_request_that_both_evaluators_decide_alike(whole: Report) -> None:
    program = studio()
    engine = Engine(program)
    for verdict in whole.verdicts:
        found = verdict.witness
        facts = Facts(program, found)
        assert not facts.malformed
        assert engine.authorize(found["request"], engine.entities(found["data"])) == facts.decision


def test_lines_are_settled_or_declared_and_documents_are_not_taken_on_trust(whole: Report) -> None:
    """Without documents, what they should hold is not held: a proof that nobody made is none."""
    open_ = {(cell.threat, cell.layer) for cell in whole.cells if not cell.settled}
    assert open_ == {
        (threat.id, layer)
        for threat in studio().threats
        for layer in threat.held_by
        if LAYER[layer].proof == "documents" and (not threat.nevers or threat.id == "curious_co_tenant")
    }
    assert not whole.held
    resolver = [cell for cell in whole.cells if cell.layer == "resolver" and cell.line]
    assert len(resolver) >= 9
    assert {cell.status for cell in resolver} == {"proved"}


@dataclass(frozen=True)
class Fault:
    """The checks and subjects that must not be proved, among possible others."""

    name: str
    program: Callable[[], ir.Program]
    found: tuple[tuple[str, str], ...]
    status: str = "refuted"


def text(*edits: tuple[str, str]) -> Callable[[], ir.Program]:
    return lambda: studio(*edits)


FAULTS = [
    Fault(
        "isolation dropped from one permit of a member",
        lambda: in_core("Scoped.ORG.role_member", no_isolation),
        (("isolation", "policies"), ("threat", "curious_co_tenant.1")),
    ),
    Fault(
        "isolation dropped from the owner's permit",
        lambda: in_core("Scoped.always.record_owner", no_isolation),
        (("isolation", "policies"), ("threat", "curious_co_tenant.2")),
    ),
    Fault(
        "isolation dropped from the credential's permit",
        lambda: in_core("KeychainEntry.always.record_owner", no_isolation),
        (("isolation", "policies"), ("threat", "curious_co_tenant.1")),
    ),
    Fault(
        "isolation dropped from a grant's permit: a row on a folder crosses",
        lambda: in_core("Scoped.CUSTOM.grant_viewer", no_isolation),
        (("isolation", "policies"),),
    ),
    Fault(
        "a member's permit lets its isolation cross",
        lambda: in_core("Scoped.ORG.role_member", crossing),
        (("isolation", "policies"),),
    ),
    Fault(
        "and is flagged as one that crosses",
        lambda: replace(
            (p := in_core("Scoped.ORG.role_admin", crossing)),
            rules=tuple(replace(r, crosses=True) if r.id == "Scoped.ORG.role_admin" else r for r in p.rules),
        ),
        (("isolation", "policies"), ("threat", "curious_co_tenant.2")),
    ),
    Fault(
        "a grant gives delete",
        text(("grant editor may update", "grant editor may update, delete")),
        (("threat", "curious_co_tenant.2"),),
    ),
    Fault(
        "a grant gives share",
        text(("grant viewer may read, list", "grant viewer may read, list, share")),
        (("threat", "curious_co_tenant.2"), ("threat", "compromised_teammate.2")),
    ),
    Fault(
        "a grant gives revoke",
        text(("grant viewer may read, list", "grant viewer may read, list, revoke")),
        (("threat", "curious_co_tenant.2"),),
    ),
    Fault(
        "an admin reads credentials",
        text(("access KeychainEntry {", "access KeychainEntry {\n  always: role admin may read")),
        (("threat", "compromised_teammate.1"),),
    ),
    Fault(
        "everybody lists credentials",
        text(("access KeychainEntry {", "access KeychainEntry {\n  always: role member may list")),
        (("threat", "compromised_teammate.1"),),
    ),
    Fault(
        "an admin shares what others own",
        text(("always:  role admin   may revoke", "always:  role admin   may revoke, share")),
        (("threat", "compromised_teammate.2"),),
    ),
    Fault(
        "the holder's owner shares",
        text(("CUSTOM:  holder owner may read, list", "CUSTOM:  holder owner may read, list, share")),
        (("threat", "compromised_teammate.2"),),
    ),
    Fault(
        "a member configures connectors",
        text(
            (
                "access Connector {\n  always: role member may read, list",
                "access Connector {\n  always: role member may read, list, configure",
            )
        ),
        (("threat", "compromised_teammate.3"),),
    ),
    Fault(
        "a member configures tools",
        text(("may read, list, invoke", "may read, list, invoke, configure")),
        (("threat", "compromised_teammate.3"),),
    ),
    Fault(
        "the forbid of disabled tools is turned round",
        text(("when not resource.enabled\n  because", "when resource.enabled\n  because")),
        (("threat", "hostile_connector.1"), ("threat", "malicious_operator.1")),
    ),
    Fault(
        "the forbid of disabled tools asks for a connector too",
        text(
            (
                "when not resource.enabled\n  because",
                "when not resource.enabled and has resource.connectorId\n  because",
            )
        ),
        (("threat", "hostile_connector.1"),),
    ),
    Fault(
        "moderate tools run at supervised trust",
        text(("(class == MODERATE and trust == AUTONOMOUS)", "(class == MODERATE and trust >= SUPERVISED)")),
        (("threat", "prompt_injection.2"),),
    ),
    Fault(
        "read-only tools run at manual trust",
        text(("(class == READ_ONLY and trust >= SUPERVISED)", "(class == READ_ONLY and trust >= MANUAL)")),
        (("threat", "prompt_injection.1"),),
    ),
    Fault(
        "unknown tools run at autonomous trust",
        text(("class == READ_ONLY and", "(class == READ_ONLY or class == UNKNOWN) and")),
        (("threat", "prompt_injection.1"),),
    ),
    Fault(
        "approval is not required any more",
        text(
            (
                "require tool_approval: approval { resourceType: resource.type, resourceId: resource.id } for invoke on Tool\n  unless runs_freely(resource.toolClass, context.trust)",
                "",
            )
        ),
        (("threat", "prompt_injection.1"), ("threat", "prompt_injection.2")),
    ),
    Fault(
        "a forbid that reads a connector which may not be named",
        lambda: in_core("connector_off", no_has),
        (("never errs", "connector_off"),),
    ),
    Fault(
        "a permit for nobody",
        text(
            (
                "changing trust on Conversation",
                'permit nobody: read on Tool when resource.id == "a" and resource.id == "b"\nchanging trust on Conversation',
            )
        ),
        (("not dead", "nobody"),),
    ),
    Fault(
        "a permit behind a forbid of all that it gives",
        text(
            (
                "changing trust on Conversation",
                "forbid all: configure on Tool when principal.orgRole == admin\nchanging trust on Conversation",
            )
        ),
        (("not dead", "Tool.always.role_admin"),),
    ),
    Fault(
        "a permit that others give already",
        text(
            (
                "changing trust on Conversation",
                "permit again: read on Tool when resource.enabled\nchanging trust on Conversation",
            )
        ),
        (("not shadowed", "again"),),
    ),
    Fault(
        "a forbid that another makes useless",
        text(
            (
                "changing trust on Conversation",
                "forbid again: invoke on Tool when not resource.enabled and resource.toolClass == DANGEROUS\nchanging trust on Conversation",
            )
        ),
        (("not shadowed", "again"),),
    ),
    Fault(
        "a line about nothing",
        text(
            (
                "never invoke on Tool when not resource.enabled\n  held by resolver\n",
                'never invoke on Tool when resource.id == "a" and resource.id == "b"\n  held by resolver\n',
            )
        ),
        (("threat", "hostile_connector.1"),),
        "vacuous",
    ),
    Fault(
        "a line with an obligation that nothing carries there",
        text(
            (
                "never invoke on Tool without approval when resource.toolClass == MODERATE and",
                "never configure on Tool without approval when resource.toolClass == MODERATE and",
            )
        ),
        (("threat", "prompt_injection.2"),),
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_and_shown(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "ask", partial(ask, solvers=(LEADS,)))  # that a second one is heard, others show
    program = fault.program()
    settling = settling_of(program)
    every = [*checks.claims(program, settling.encoding), *dict(lines(program, settling.encoding)).values()]
    asked = [claim for claim in every if isinstance(claim, Claim) and (claim.check, claim.subject) in fault.found]
    verdicts = {(verdict.check, verdict.subject): verdict for verdict in settling.settle(asked)}
    for key in fault.found:
        verdict = verdicts[key]
        assert verdict.status == fault.status, verdict
        if verdict.check in ("isolation", "threat", "never errs") and fault.status == "refuted":
            shown(program, verdict, settling.authorize)


def shown(program: ir.Program, verdict: Verdict, authorize: Authorize) -> None:
    """The counterexample is decided alike by both evaluators, and shows the fault."""
    found = verdict.counterexample
    facts = Facts(program, found)
    assert authorize(found["request"], found["data"]) == facts.decision
    assert facts.allowed or verdict.check == "never errs"
    assert verdict.blamed


# ---- What people read


def test_the_threat_model_is_what_the_command_writes() -> None:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    report = prove(program, documents=as_proved)
    golden.check_file(ROOT / "docs" / "threat-model.md", "\n".join(threat_table(program, report.cells)) + "\n")


@pytest.mark.soak
def test_the_threat_model_is_true_of_the_documents_as_emitted() -> None:
    """The same with the documents proved, which takes longer: `make prove` does it too."""
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    report = prove(program)
    assert report.held
    assert settled(report) == settled(prove(program, documents=as_proved))


def settled(report: Report) -> list[tuple[str, int, str, str, str]]:
    return [(cell.threat, cell.line, cell.layer, cell.status, cell.reason) for cell in report.cells]


def as_proved(program: ir.Program) -> Iterator[Verdict]:
    """What the proofs of documents say where they succeed; that they do, their own tests show."""
    for threat in program.threats:
        for layer in threat.held_by:
            if LAYER[layer].proof == "documents":
                yield Verdict(DOCUMENTS, f"{threat.id} on {layer}", "proved", layer)
