"""All proofs of a policy set, in order: its rules, threats, list plans and documents; and what came of each.

In: a program. Out: a `Report`. The claims stand in `analysis/checks.py` and `analysis/filters.py`; here they are put
together with the generated code, which has to agree with every request that a proof shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from policyengine.analysis import checks
from policyengine.analysis.claims import Settling
from policyengine.analysis.comparing import GAINS, LOSES, Comparison, difference
from policyengine.analysis.documents import check_documents
from policyengine.analysis.encoder import Encoding, encode
from policyengine.analysis.expressions import Unsupported
from policyengine.analysis.facts import Authorize, Facts
from policyengine.analysis.filters import filter_verdicts, plans_of
from policyengine.analysis.solver import LIMIT
from policyengine.analysis.threats import Cell, cells, threat_claims
from policyengine.analysis.verdict import InternalError, Verdict, all_held
from policyengine.backends.aws import Refused
from policyengine.compiler import Engine
from policyengine.ir.nodes import TRUE, Expr, Isolation, Program
from policyengine.ir.simplifier import simplify_program
from policyengine.ir.visitor import rewrite_program


@dataclass(frozen=True, slots=True)
class Report:
    verdicts: tuple[Verdict, ...]
    cells: tuple[Cell, ...]

    @property
    def held(self) -> bool:
        """Whether every claim is proved, and every line of every threat settled on each of its layers."""
        return all_held(self.verdicts) and all(cell.settled for cell in self.cells)

    def as_json(self) -> dict[str, Any]:
        verdicts = [verdict.as_json() for verdict in self.verdicts]
        return {"held": self.held, "verdicts": verdicts, "threats": [cell.as_json() for cell in self.cells]}


Documents = Callable[[Program], Iterable[Verdict]]
"""What proves the documents that a program becomes."""


def prove(program: Program, *, limit: int = LIMIT, documents: Documents = check_documents) -> Report:
    """Every claim about a program, and about its documents where it says where AWS is.

    Raises SolverMissing and InternalError.
    """
    verdicts = (*_verdicts(program, limit), *(_of_documents(program, documents) if program.aws else ()))
    return Report(verdicts, tuple(cells(program, verdicts)))


def _of_documents(program: Program, documents: Documents) -> Iterator[Verdict]:
    """A refusal to make the documents is one verdict: what is not made is not proved."""
    try:
        yield from documents(program)
    except Refused as why:
        yield Verdict("boundary", "documents", "refused", reason=str(why), refused=(str(why),))


def _verdicts(program: Program, limit: int) -> Iterator[Verdict]:
    try:
        settling = settling_of(program, limit=limit)
    except Unsupported as why:
        lines = [(threat, index) for threat in program.threats for index in range(len(threat.nevers))]
        yield _refused("isolation", "policies", why)
        yield from (_refused("threat", checks.threat_subject(*line), why) for line in lines)
        return
    yield from settling.settle([*checks.claims(program, settling.encoding)])
    yield from threat_claims(settling)
    yield from filter_verdicts(settling, plans_of(program))


def compare(before: Program, after: Program, *, limit: int = LIMIT) -> Report:
    """Who gains access by a change, who loses it, who is freed of an obligation, and who is newly obliged."""
    if part := difference(before, after):
        return Report((_refused("equivalent", "policies", Unsupported(f"the two differ in their {part}")),), ())
    try:
        encoding = encode(after, before)
    except Unsupported as why:
        return Report((_refused("equivalent", "policies", why),), ())
    settling = Settling(after, encoding, _both(before, after), limit)
    comparison = Comparison(before, after)
    verdicts: list[Verdict] = []
    for verdict in settling.settle([*comparison.claims()]):
        by_rule = verdict.status == "refuted" and verdict.check in (GAINS, LOSES)
        blamed = settling.settle([*comparison.by_rule(verdict.check)]) if by_rule else []
        verdicts += [one for one in blamed if one.status == "refuted"] or [verdict]
    return Report(tuple(verdicts), ())


def _both(before: Program, after: Program) -> Authorize:
    """The generated code of the later program; that of the earlier has to agree with the interpreter too."""
    earlier, later = generated(before), generated(after)

    def authorize(request: Any, data: Any) -> dict[str, Any]:
        found = {"request": request, "data": data}
        if earlier(request, data) != Facts(before, found).decision:
            raise InternalError(f"the generated code of the earlier policies decides otherwise on {found}")
        return later(request, data)

    return authorize


def _refused(check: str, subject: str, why: Unsupported) -> Verdict:
    return Verdict(check, subject, "refused", reason=str(why), refused=(str(why),))


def settling_of(program: Program, *, limit: int = LIMIT) -> Settling:
    """What settles claims about a program. Raises Unsupported where something in it has no encoding."""
    encoding: Encoding = encode(program)
    return Settling(program, encoding, generated(program), limit)


def generated(program: Program) -> Authorize:
    """The generated code, as a function of a request and its data."""
    engine = Engine(program)
    return lambda request, data: engine.authorize(request, engine.entities(data))


def prove_isolation(program: Program, *, limit: int = LIMIT) -> Verdict:
    """The verdict on isolation alone. Raises SolverMissing and InternalError."""
    try:
        settling = settling_of(program, limit=limit)
    except Unsupported as why:
        return _refused("isolation", "policies", why)
    [verdict] = settling.settle([checks.isolation(program, settling.encoding)])
    return verdict


def without_isolation(program: Program) -> Program:
    """The program with nothing that keeps tenants apart: what a check of the check must find, and the demo shows."""

    def drop(expr: Expr) -> Expr:
        return TRUE if isinstance(expr, Isolation) else expr

    return simplify_program(rewrite_program(program, drop))
