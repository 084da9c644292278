"""Whatever is changed in a document, a proof notices, or it is written down why nothing is lost."""

from __future__ import annotations

import re
from itertools import islice

import pytest

from policyengine.analysis.documents.every import ANY_TENANT
from tests.document_mutants import EMERGENCY, UNNOTICED, documents, mutants, noticed

pytest.importorskip("cvc5")

EVERY = 97
"""One mutant in so many is tried in every run of the tests; all of them in the soak."""

ALL = [(name, what) for name in documents() for what, _ in mutants(name)]


def explained(name: str, what: str) -> str | None:
    """The pattern that says why nothing is lost; None where there is none."""
    shown = f"{name.removeprefix(EMERGENCY).replace(ANY_TENANT, 'org')} {what}"
    return next((pattern for pattern in UNNOTICED if re.fullmatch(pattern, shown)), None)


def unnoticed(name: str) -> list[str]:
    return [what for what, document in mutants(name) if not noticed(name, document)]


def test_every_document_is_changed_in_many_ways() -> None:
    assert len(ALL) >= 800
    assert len({name for name, _ in ALL}) == len(documents())
    assert len(set(ALL)) == len(ALL)


@pytest.mark.parametrize("name, what", ALL[::EVERY])
def test_a_change_is_noticed(name: str, what: str) -> None:
    changed = dict(mutants(name))[what]
    assert noticed(name, changed) or explained(name, what)


@pytest.mark.soak
@pytest.mark.parametrize("name", documents())
def test_every_change_of_a_document_is_noticed_or_explained(name: str) -> None:
    assert [what for what in unnoticed(name) if not explained(name, what)] == []


@pytest.mark.soak
@pytest.mark.parametrize("pattern", UNNOTICED)
def test_an_explanation_explains_something(pattern: str) -> None:
    """A pattern that matches a change which is noticed after all, or none, is out of date."""
    matched = [(name, what) for name, what in ALL if explained(name, what) == pattern]
    assert matched
    assert any(not noticed(name, dict(mutants(name))[what]) for name, what in islice(matched, 3))
