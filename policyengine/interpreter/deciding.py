"""What a request gets: deny by default, forbid over permit, no order, no error that allows, exact reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policyengine.interpreter.checking import faults
from policyengine.interpreter.evaluation import Entities, Error, Evaluation, lift
from policyengine.ir.nodes import Program, Rule
from policyengine.model.schema import Schema


def decide(program: Program, request: Any, entities: Entities) -> dict[str, Any]:
    """The decision on a request, as plain JSON (docs/language.md, Decisions). Bad input is denied, never raised."""
    malformed = sorted(set(_malformed(program.schema, request)))
    if malformed:
        return _deny([], "The request is malformed.", malformed)
    return _decide(program, request, evaluation(program, request, entities))


def evaluation(program: Program, request: Any, entities: Entities) -> Evaluation:
    """What expressions are worth for a well-formed request, with the defaults of its context filled in."""
    given = {name: found for name, found in (request.get("context") or {}).items() if found is not None}
    context = {a.name: a.default for a in program.schema.context if a.default is not None} | given
    known = {"principal": request["principal"], "resource": request["resource"], "context": context}
    return Evaluation(program, known, entities)


def _malformed(schema: Schema, request: Any) -> Iterator[str]:
    if not isinstance(request, dict):
        yield "request: expected an object"
        return
    principal, resource, context = (request.get(part) for part in ("principal", "resource", "context"))
    yield from faults(schema, schema.principal.attributes, principal, "principal")
    if isinstance(principal, dict) and principal.get("type") not in (None, schema.principal.name):
        yield f"principal.type: expected {schema.principal.name}"
    yield from faults(schema, schema.context, {} if context is None else context, "context")
    actions = {action for action, _ in schema.cells()}
    if not isinstance(resource, dict):
        yield "resource: expected an object"
    elif type(resource.get("type")) is not str or resource["type"] not in schema.resource:
        yield "resource.type: expected a resource type"
    else:
        yield from faults(schema, schema.resource[resource["type"]].attributes, resource, "resource")
        actions = set(schema.actions_on[resource["type"]])
    if type(request.get("action")) is not str or request["action"] not in actions:
        yield "action: unknown"


def _decide(program: Program, request: Any, known: Evaluation) -> dict[str, Any]:
    rules = program.rules_for(request["action"], request["resource"]["type"])
    values = {rule.id: known.value(rule.condition) for rule in rules}
    obligations: set[tuple[tuple[str, Any], ...]] = set()
    for rule in rules:
        if rule.obliges and values[rule.id] is True:
            name, fields = rule.obliges.name, [field for field, _ in rule.obliges.fields]
            worth = [known.value(value) for _, value in rule.obliges.fields]
            made = lift(lambda *_, n=name, f=fields, w=worth: (("name", n), *zip(f, w, strict=True)), *worth)
            if isinstance(made, Error):
                values[rule.id] = made
            else:
                obligations.add(made)
    incomplete = {value.cause for value in values.values() if isinstance(value, Error) and value.incomplete}
    if incomplete:
        return _deny([], "A row could not be loaded.", sorted(f"incomplete: {cause}" for cause in incomplete))
    errors = sorted(f"{id}: {value.cause}" for id, value in values.items() if isinstance(value, Error))
    blocking = [rule for rule in rules if _blocks(rule, values[rule.id])]
    permits = [rule.id for rule in rules if rule.effect == "permit" and values[rule.id] is True]
    if blocking or not permits:
        reason = " ".join(sorted({rule.because for rule in blocking if rule.because}))
        reason = reason or ("A rule forbids it." if blocking else "No rule allows it.")
        return _deny([rule.id for rule in blocking], reason, errors)
    reason = f"Allowed by {', '.join(permits)}."
    whole = [dict(obligation) for obligation in sorted(obligations)]
    return {"decision": "allow", "rules": permits, "reason": reason, "obligations": whole, "errors": errors}


def _blocks(rule: Rule, value: Any) -> bool:
    """A forbid that holds, or a forbid or require that errs."""
    return (rule.effect == "forbid" and value is True) or (rule.effect != "permit" and isinstance(value, Error))


def _deny(rules: list[str], reason: str, errors: list[str]) -> dict[str, Any]:
    return {"decision": "deny", "rules": rules, "reason": reason, "obligations": [], "errors": errors}
