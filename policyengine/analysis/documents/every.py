"""All checks of the documents that a program is compiled to.

They are emitted once for a tenant that stands for all, written as text, and read again from the text alone. That the
documents of any other tenant are the same text with another id, is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from policyengine.analysis.documents.checking import BOUNDARY, Place, check_claims
from policyengine.analysis.documents.keys import key_claims, key_policy
from policyengine.analysis.solver import LIMIT, SOLVERS
from policyengine.analysis.verdict import Verdict
from policyengine.backends.aws import as_text, emit_documents
from policyengine.backends.aws.view import Aws, read_settings
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
    texts = emitted(program, ANY_TENANT)
    place = Place(aws.one("account"), aws.one("partition"), ANY_TENANT, limit, solvers)
    for org in (ANOTHER, *orgs):
        yield from _of_one(aws, texts, emitted(program, org), org)
    subject = key_policy(ANY_TENANT)
    for verdict in check_claims(subject, [*key_claims(aws)], texts[subject.file], place):
        yield replace(verdict, subject=verdict.subject.replace(ANY_TENANT, "<org>"))


def emitted(program: Program, org: str) -> dict[str, str]:
    """File -> text, of the policies of one tenant."""
    documents = emit_documents(program, [org])
    return {file: as_text(document) for file, document in documents.items() if "Statement" in document}


def _of_one(aws: Aws, proved: dict[str, str], texts: dict[str, str], org: str) -> Iterator[Verdict]:
    """Whether the documents of an organization are the proved ones, with its id in place of the other."""
    expected = {file.replace(ANY_TENANT, org): text.replace(ANY_TENANT, org) for file, text in proved.items()}
    odd = [file for file in sorted({*expected, *texts}) if expected.get(file) != texts.get(file)]
    reason = f"{', '.join(odd)}: not the proved text with another id" if odd else ""
    yield Verdict(BOUNDARY, f"key-policy-{org}.json: as proved for all", "refuted" if odd else "proved", "kms", reason)
