"""Specializing preserves every decision that agrees with what is known, reports included."""

from hypothesis import given

from policyengine.interpreter import Rows, decide
from policyengine.ir.nodes import FALSE
from policyengine.partial.specializer import Partly, specialize
from tests.laws.situations import Situation, Tally, arguments, is_well_formed_principal, seeded, situations


def _specializing_changes_no_decision(situation: Situation, tally: Tally) -> None:
    schema = situation.schema
    rows = Rows(schema, situation.data)
    for request in situation.requests:
        principal, action, resource = arguments(request)
        type_name = resource.get("type") if isinstance(resource, dict) else None
        if (action, type_name) not in list(schema.cells()):
            continue
        assert isinstance(type_name, str)
        decision = decide(situation.program, request, rows)
        tally.see(schema, request, decision)
        knowns = [Partly(action, type_name)]
        if is_well_formed_principal(schema, principal):
            knowns.append(Partly(action, type_name, principal))
        for known in knowns:
            for program in (situation.program, situation.lowered):
                residual = specialize(program, known)
                assert decide(residual, request, rows) == decision
                assert all((rule.actions, rule.types) == ((action,), (type_name,)) for rule in residual.rules)
                assert all(rule.condition != FALSE for rule in residual.rules)
                assert specialize(residual, known) == residual
                tally["gone"] += len(residual.rules) < len(program.rules_for(action, type_name))


@given(situations())
def test_specializing_changes_no_decision(situation: Situation) -> None:
    _specializing_changes_no_decision(situation, Tally())


def test_specializing_changes_no_decision_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for situation in seeded(80):
        _specializing_changes_no_decision(situation, tally)
    tally.check()
    assert tally["gone"] > 100
