"""The benchmarks ask questions that both sides answer alike, at a size that takes no time. Nothing is timed here."""

from typing import Any

import pytest

from benchmarks import __main__ as bench
from benchmarks import cedar, documenting, guarding, reference, workloads
from policyengine.compiler import compile_sources
from policyengine.resolvers import Guard
from policyengine.source import Source
from tests.dynamodb import identity, studio_settings


def test_reads_are_answered_alike_hot_and_fresh(studio: Any) -> None:
    work = workloads.reads(300)
    ours, theirs = studio.entities(work.data), reference.entities(work.data)
    answers = [studio.allowed(who, "read", record, ours, context) for who, record, context in work.hot()]
    assert answers == [reference.allowed(who, "read", record, theirs, context) for who, record, context in work.fresh()]
    assert 0.5 < sum(answers) / len(answers) < 0.9
    assert work.fresh() == work.hot()
    rows = workloads.RowsOnly(work.data)
    assert answers == [studio.allowed(who, "read", record, rows, context) for who, record, context in work.hot()]


def test_lists_are_answered_alike_hot_and_fresh(studio: Any) -> None:
    work = workloads.listing(300, folders=40)
    ours, theirs = studio.entities(work.data), reference.entities(work.data)
    found = studio.filter(work.who, "list", work.hot(), ours, work.context)
    assert found == reference.filter(work.who, "list", work.fresh(), theirs, work.context)
    assert 0.2 < len(found) / len(work.records) < 0.8


def test_further_rules_change_no_read(studio: Any) -> None:
    work = workloads.reads(100)
    engine = workloads.studio_with(200)
    assert len(engine.program.rules) == len(studio.program.rules) + 200
    for who, record, context in work.asks:
        request = {"principal": who, "action": "read", "resource": record, "context": context}
        assert engine.authorize(request, engine.entities(work.data)) == studio.authorize(
            request, studio.entities(work.data)
        )


def test_policy_sets_have_the_size_that_they_say() -> None:
    for text in (workloads.policy_text(60), workloads.one_cell_text(60)):
        compiled = compile_sources([Source("bench.policy", text)])
        assert compiled.program is not None
        assert len(compiled.program.rules) == 60


def test_cedar_decides_alike(studio: Any) -> None:
    cedarpy = pytest.importorskip("cedarpy")
    assert cedar.check(studio, cedar.asking(cedarpy), 300) > 200


@pytest.mark.parametrize("what", guarding.OPERATIONS)
def test_the_guard_binds_what_is_timed(what: str) -> None:
    method, request, answer = guarding.OPERATIONS[what]
    seen: list[str] = []

    class Client(guarding.Answering):
        def __getattr__(self, name: str) -> Any:
            seen.append(name)
            return super().__getattr__(name)

    guard = Guard(identity("org_1"), studio_settings(), Client(answer), role=None)
    assert {"Item", "Items", "Responses"}.isdisjoint(answer) or len(str(getattr(guard, method)(**request))) > 100
    getattr(guard, method)(**request)
    assert {*seen} == {method}


def test_the_proofs_that_are_timed_find_what_they_look_for() -> None:
    pytest.importorskip("cvc5")
    assert documenting.difference(10) > 0


def test_every_section_has_its_entry() -> None:
    assert {"allowed", "filter", "rules", "start", "compile", "guard", "cedar"} <= {*bench.SECTIONS}
    with pytest.raises(SystemExit):
        bench.main(["another"])
