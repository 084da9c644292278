"""What is denied without rows is denied for every record, whatever the rows; and it is denied often enough to matter."""

from collections import Counter
from typing import Any

from hypothesis import given, settings

from policyengine.backends.python import emit_python
from policyengine.compiler import _in_memory
from policyengine.interpreter import Rows, decide
from policyengine.interpreter.deciding import evaluation
from policyengine.ir.nodes import FALSE, Attr, Expr, Var
from policyengine.ir.visitor import walk
from policyengine.partial.without_rows import without_rows
from tests.laws.situations import Situation, arguments, is_well_formed_principal, seeded, situations


def _a_denial_without_rows_is_one_with_them(situation: Situation, seen: Counter[str]) -> None:
    schema, program = situation.schema, situation.program
    rows = Rows(schema, situation.data)
    everything = frozenset(a.name for a in schema.context)
    for request in situation.requests:
        _, action, resource = arguments(request)
        type_name = resource.get("type") if isinstance(resource, dict) else None
        if (action, type_name) not in list(schema.cells()):
            continue
        assert isinstance(type_name, str)
        decision = decide(program, request, rows)
        if decision["reason"] == "The request is malformed.":
            continue
        known = evaluation(program, request, rows)
        for context in (frozenset[str](), everything):
            foregone = without_rows(program, action, type_name, context)
            assert all(_reads_only(expr, context) for expr in (foregone.denied, *(c for _, c in foregone.blocking)))
            denied = known.value(foregone.denied)
            assert type(denied) is bool
            assert not denied or decision["decision"] == "deny"
            seen["denied" if denied else "left"] += 1
            seen["allowed"] += decision["decision"] == "allow"
            seen["by the arguments"] += foregone.denied != FALSE and bool(context)


def _reads_only(expr: Expr, context: frozenset[str]) -> bool:
    """Whether it reads the principal and what is known of the context, and nothing of records and rows."""
    variables = {node for node in walk(expr) if isinstance(node, Var)}
    named = {node.name for node in walk(expr) if isinstance(node, Attr) and getattr(node.of, "name", "") == "context"}
    return {v.name for v in variables} <= {"principal", "context"} and named <= context


@settings(max_examples=12)
@given(situations())
def test_a_denial_without_rows_is_one_with_them(situation: Situation) -> None:
    _a_denial_without_rows_is_one_with_them(situation, Counter())


def test_a_denial_without_rows_is_one_with_them_and_both_were_seen() -> None:
    seen: Counter[str] = Counter()
    for situation in seeded(40):
        _a_denial_without_rows_is_one_with_them(situation, seen)
    assert min(seen[name] for name in ("denied", "left", "allowed", "by the arguments")) > 30, seen


def test_what_studio_denies_from_token_and_arguments(studio: Any) -> None:
    """A member configures nothing; a folder is shared with no other organization, whoever owns it."""
    member = {"id": "ann", "orgId": "org_1", "orgRole": "member"}
    admin = {**member, "orgRole": "admin"}

    def denied(who: dict[str, str], action: str, type_name: str, grantee: Any = None) -> Any:
        foregone = without_rows(studio.program, action, type_name, frozenset(["member"] if grantee else []))
        request = {"principal": who, "action": action, "resource": {}, "context": {"member": grantee}}
        return evaluation(studio.program, request, Rows(studio.program.schema, {})).value(foregone.denied)

    assert denied(member, "configure", "Tool")
    assert not denied(admin, "configure", "Tool")
    assert denied(admin, "share", "Folder", {"id": "bob", "orgId": "org_2"})
    assert not denied(admin, "share", "Folder", {"id": "bob", "orgId": "org_1"})
    assert not denied(admin, "share", "Folder")
    assert not denied(member, "share", "Host", {"id": "bob", "orgId": "org_2"})
    assert not any(denied(member, action, "Host") for action in studio.program.schema.actions_on["Host"])


def _what_is_generated_denies_the_same(situation: Situation, seen: Counter[str]) -> None:
    program, schema = situation.program, situation.schema
    if not program.api.fields:
        return
    main = _in_memory(emit_python(program))
    api = main["__builtins__"]["__import__"]("policy_bundle.api", fromlist=("DENIES",))
    principals = [arguments(request)[0] for request in situation.requests]
    for principal in (one for one in principals if is_well_formed_principal(schema, one)):
        known = evaluation(program, {"principal": principal, "resource": {}}, Rows(schema, {}))
        for field in (field for field in program.api.fields if field.action):
            for type_name in field.types:
                foregone = without_rows(program, field.action, type_name, frozenset())
                denies = api.DENIES.get((field.action, type_name, False))
                found = denies(principal, {}) if denies else None
                blocking = [id for id, condition in foregone.blocking if known.value(condition) is True]
                assert found == (blocking if known.value(foregone.denied) else None)
                seen["left" if found is None else "by a rule" if found else "by none"] += 1


def test_what_is_generated_denies_the_same_and_all_kinds_were_seen() -> None:
    seen: Counter[str] = Counter()
    for situation in seeded(20):
        _what_is_generated_denies_the_same(situation, seen)
    assert min(seen[name] for name in ("left", "by a rule", "by none")) > 10, seen
