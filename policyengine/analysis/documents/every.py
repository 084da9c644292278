"""All checks of the documents that a program is compiled to.

They are emitted once for a tenant that stands for all, written as text, and read again from the text alone. That the
documents of any other tenant are the same text with another id, is compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from policyengine.analysis.documents.availability import check_needs
from policyengine.analysis.documents.checking import BOUNDARY, Place, check_claims
from policyengine.analysis.documents.claims import ANYTHING
from policyengine.analysis.documents.needs import ANY_POLICY
from policyengine.analysis.documents.sessions import DENIED_BEFORE, DENIED_USER
from policyengine.analysis.documents.tables import all_needs, claims, emergency_claims
from policyengine.analysis.documents.threats import threat_verdicts
from policyengine.analysis.solver import LIMIT, SOLVERS
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws import emit_texts
from policyengine.backends.aws.view import read_settings
from policyengine.ir.nodes import Program

ANY_TENANT, ANOTHER = "every-Tenant", "another-Tenant"
"""Ids that stand for all: nothing else in a document contains them."""


def check_documents(
    program: Program, orgs: Sequence[str] = (), *, limit: int = LIMIT, solvers: Sequence[str] = SOLVERS
) -> Iterator[Verdict]:
    """A verdict for each claim about each document, and for each organization that its key's policy is the proved one.

    Raises Refused where no documents can be made, SolverMissing, and InternalError.
    """
    aws = read_settings(program)
    texts, urgent = emitted(program, ANY_TENANT), emitted(program, ANY_TENANT, emergency=True)
    place = Place(aws.one("account"), aws.one("partition"), ANY_TENANT, limit, solvers)
    for org in (ANOTHER, *orgs):
        yield _of_one(texts, emitted(program, org), org)
    settled: list[tuple[frozenset[str], Verdict]] = []
    about = [("", subject, found, texts) for subject, found in claims(aws, ANY_TENANT)]
    about += [(URGENT, subject, found, urgent) for subject, found in emergency_claims(aws, ANY_TENANT)]
    for before, subject, found, written in about:
        for claim, verdict in check_claims(subject, found, written[subject.file], place):
            settled.append((frozenset(claim.concerns), _named(verdict, before)))
            yield settled[-1][1]
    anything = {ANY_POLICY: json.dumps(ANYTHING)}
    for before, written in (("", texts), (URGENT, urgent)):
        wanted = [need for need in all_needs(aws, ANY_TENANT) if need.urgent == bool(before)]
        yield from (_named(verdict, before) for verdict in check_needs(wanted, {**written, **anything}, place))
    yield from threat_verdicts(program, settled)


URGENT = "in an emergency, "
"""Before what is said of documents that are built with the emergency options."""


def _named(verdict: Verdict, before: str) -> Verdict:
    return replace(verdict, subject=before + verdict.subject.replace(ANY_TENANT, "<org>"))


def emitted(program: Program, org: str, *, emergency: bool = False) -> dict[str, str]:
    """File -> text, of the policies of one tenant; in an emergency, with a user and old tokens denied."""
    users, before = ([DENIED_USER], DENIED_BEFORE) if emergency else ([], None)
    found = emit_texts(program, [org], deny_users=users, deny_tokens_before=before)
    return {file: text for file, text in found.items() if "Statement" in json.loads(text)}


def _of_one(proved: dict[str, str], texts: dict[str, str], org: str) -> Verdict:
    """Whether the documents of an organization are the proved ones, with its id in place of the other."""
    expected = {file.replace(ANY_TENANT, org): text.replace(ANY_TENANT, org) for file, text in proved.items()}
    odd = [file for file in sorted({*expected, *texts}) if expected.get(file) != texts.get(file)]
    reason = f"{', '.join(odd)}: not the proved text with another id" if odd else ""
    return Verdict(BOUNDARY, f"key-policy-{org}.json: as proved for all", "refuted" if odd else "proved", "kms", reason)
