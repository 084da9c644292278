"""Does the program keep tenants apart? A proof, or a request that shows otherwise and was replayed.

The property: no request is allowed whose principal and record are of different tenants, save where a live grant row on
the record itself, for this very member, covers the action by a permit that crosses (docs/studio.md, Isolation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from policyengine.analysis.decoder import decode, wanted_terms
from policyengine.analysis.encoder import crossing, encode, encode_isolation, encode_witnesses
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.solver import LIMIT, solve
from policyengine.interpreter import Rows, decide
from policyengine.ir.nodes import TRUE, Expr, Isolation, Program
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_program

ASSUMPTIONS = (
    "a holder and a referenced row are of the record's tenant: evaluators look for rows within it only",
    "a chain that does not resolve, and a missing row, is an error",
    "principal, record and context are well-formed: anything else is denied before any rule",
)
"""What a proof takes for granted about the evaluators; tests against the reference interpreter show it."""


class InternalError(Exception):
    """The solver's counterexample is none to the interpreter: a bug of ours, never a finding."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`counterexample` is `{"request": ..., "data": ...}` where refuted; `reason` is there for unknown and vacuous."""

    verdict: Literal["proved", "refuted", "unknown", "vacuous"]
    counterexample: dict[str, Any] | None = None
    reason: str = ""


def prove_isolation(program: Program, *, limit: int = LIMIT) -> Verdict:
    """The verdict. Raises SolverMissing, and InternalError where a counterexample does not replay."""
    try:
        encoding = encode(program)
        leak = solve(encode_isolation(program), wanted_terms(encoding), limit=limit)
        if leak.status == "sat":
            return Verdict("refuted", replayed(program, decode(encoding, leak.values)))
        witnesses = solve(encode_witnesses(program), limit=limit)
    except Unsupported as refused:
        return Verdict("unknown", reason=str(refused))
    if "unknown" in (leak.status, witnesses.status, *witnesses.statuses):
        return Verdict("unknown", reason="the solver gave up")
    if "unsat" in witnesses.statuses:
        return Verdict("vacuous", reason="no request is allowed at all, or none by a grant that crosses")
    return Verdict("proved")


def without_isolation(program: Program) -> Program:
    """The program with nothing that keeps tenants apart: what a check of this check must find."""

    def drop(expr: Expr) -> Expr:
        return TRUE if isinstance(expr, Isolation) else expr

    return simplify_program(rewrite_program(program, drop))


# ---- Replay


def replayed(program: Program, found: dict[str, Any]) -> dict[str, Any]:
    """The counterexample, and nothing in it that it can do without. Raises InternalError where it is none."""
    if not _leaks(program, found):
        raise InternalError(f"the interpreter sees no leak in {found}")
    smaller = next((less for less in _with_one_thing_less(program, found) if _leaks(program, less)), None)
    return replayed(program, smaller) if smaller else found


def _leaks(program: Program, found: dict[str, Any]) -> bool:
    """Allowed across tenants, and no grant on the record itself covers it: by the interpreter, not by the encoding."""
    request, rows = found["request"], Rows(program.schema, found["data"])
    decision, key = decide(program, request, rows)["decision"], program.schema.tenant_key
    if decision != "allow" or request["principal"][key] == request["resource"][key]:
        return False
    if program.schema.resource[request["resource"]["type"]].global_reason:
        return False
    covering = tuple(replace(rule, condition=grant) for rule, grant in crossing(program))
    return bool(decide(replace(program, rules=covering), request, rows)["decision"] == "deny")


def _with_one_thing_less(program: Program, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Without one attribute (a required one stays: without it the request is malformed), or without one row."""
    request, data = found["request"], found["data"]
    for part in ("context", "resource", "principal"):
        for name in request[part]:
            less = {key: value for key, value in request[part].items() if key != name}
            yield {"request": {**request, part: less}, "data": data}
    inherit = program.schema.inherits.get(request["resource"]["type"])
    for name, rows in data.items():
        for row in rows:
            kept = {**data, name: [other for other in rows if other is not row]}
            record = request["resource"]
            if inherit and name == inherit.parent_type and row[_id(program, name)] == record.get(inherit.parent):
                record = {**record, inherit.parent: row.get(inherit.parent)}  # now right under what is above the row
            yield {"request": {**request, "resource": record}, "data": {n: rows for n, rows in kept.items() if rows}}


def _id(program: Program, type_name: str) -> str:
    return program.schema.resource[type_name].identity


def rendered(program: Program, verdict: Verdict) -> str:
    """The verdict in one short paragraph, for people."""
    if verdict.counterexample is None:
        proved = f"nothing crosses tenants without a grant on the record itself, given that {'; '.join(ASSUMPTIONS)}"
        return f"{verdict.verdict}: {verdict.reason or proved}"
    request, data = verdict.counterexample["request"], verdict.counterexample["data"]
    principal, record, schema = request["principal"], request["resource"], program.schema
    who = f"{principal[schema.principal.identity]} of {principal[schema.tenant_key]}"
    what = f"{record['type']} {record[_id(program, record['type'])]} of {record[schema.tenant_key]}"
    named = [(row[g.resource_type], row[g.resource_id]) for g in schema.grants for row in data.get(g.name, ())]
    where = ", ".join(f"{type_name} {id}" for type_name, id in sorted(named))
    rows = f"no grant row is on the record itself, only on {where}" if where else "no grant row exists"
    return f"refuted: {who} may {request['action']} {what}: {rows}"
