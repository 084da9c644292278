"""Parsing what the printer prints gives the same tree; places and comments aside, nothing is lost."""

from hypothesis import given

from policyengine.frontend.ast import AnyDeclaration
from policyengine.frontend.printer import print_declaration, print_declarations
from policyengine.source import Source
from tests.laws.situations import parsed, seeded, studio_sources
from tests.strategies import PolicySet, policy_sets


def _read_back(text: str) -> tuple[AnyDeclaration, ...]:
    return parsed([Source("printed.policy", text)])


def _survives_printing(declarations: tuple[AnyDeclaration, ...]) -> None:
    printed = print_declarations(declarations)
    assert _read_back(printed) == declarations
    assert print_declarations(_read_back(printed)) == printed


@given(policy_sets())
def test_parsing_what_is_printed_gives_the_same_tree(policies: PolicySet) -> None:
    _survives_printing(parsed(policies.sources))


def test_each_declaration_can_be_printed_alone() -> None:
    kinds = set()
    for situation in seeded(60):
        declarations = parsed(situation.policies.sources)
        _survives_printing(declarations)
        for declaration in declarations:
            kinds.add(type(declaration).__name__)
            assert _read_back(print_declaration(declaration)) == (declaration,)
    every = {kind.__name__ for kind in AnyDeclaration.__args__} - {"Broken"}
    assert kinds == every, every - kinds


def test_studio_survives_printing() -> None:
    for source in studio_sources():
        _survives_printing(parsed([source]))
    _survives_printing(parsed(studio_sources()))
