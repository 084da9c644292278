"""Order is without meaning: of files, declarations, rows of an access declaration, names in a list, data and keys."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policyengine.backends.python import emit_python, policy_digest
from policyengine.compiler import Engine, compile_sources, program_of
from policyengine.frontend import ast
from policyengine.frontend.printer import print_declarations
from policyengine.source import Source
from tests.laws.situations import ROOT, Situation, Tally, parsed, seeded, situation, studio_engine, studio_sources
from tests.strategies import Choices, choices


def _shuffled_files(c: Choices, declarations: list[str]) -> list[Source]:
    """The declarations in some order, in some files of any names."""
    names = c.some(("a.policy", "z.schema", "B.policy", "\u00e9.policy"))
    texts = dict.fromkeys(names, "")
    for declaration in c.shuffled(declarations):
        texts[c.pick(names)] += declaration + "\n"
    return c.shuffled([Source(name, text) for name, text in texts.items()])


def _shuffled_lists(c: Choices, declaration: ast.AnyDeclaration) -> ast.AnyDeclaration:
    """The declaration with the rows of an access declaration, and the names after `may`, `on` and so on, shuffled."""
    if isinstance(declaration, ast.Access):
        return replace(declaration, rows=tuple(_with_shuffled_names(c, row) for row in c.shuffled(declaration.rows)))
    shuffled: ast.AnyDeclaration = _with_shuffled_names(c, declaration)
    return shuffled


def _with_shuffled_names(c: Choices, node: Any) -> Any:
    lists = [f.name for f in fields(node) if f.name in ("actions", "on", "names", "attributes", "fields")]
    values = {name: getattr(node, name) for name in lists}
    return replace(node, **{name: tuple(c.shuffled(v)) for name, v in values.items() if isinstance(v, tuple)})


def _shuffled(c: Choices, value: Any) -> Any:
    """The same JSON with its keys in another order, and its arrays, which are rows (or malformed in any order)."""
    if isinstance(value, dict):
        return {name: _shuffled(c, value[name]) for name in c.shuffled(list(value))}
    return [_shuffled(c, entry) for entry in c.shuffled(value)] if isinstance(value, list) else value


def _order_is_without_meaning(c: Choices, situation: Situation, tally: Tally) -> None:
    module, digest = emit_python(situation.program), policy_digest(situation.program)
    moved = program_of(compile_sources(_shuffled_files(c, list(situation.policies.declarations))))
    assert emit_python(moved) == module
    assert policy_digest(moved) == digest
    renamed = [_shuffled_lists(c, declaration) for declaration in parsed(situation.policies.sources)]
    moved = program_of(compile_sources([Source("one.policy", print_declarations(renamed))]))
    assert emit_python(moved) == module
    assert policy_digest(moved) == digest
    engine = situation.engine
    entities = engine.entities(situation.data)
    elsewhere = Engine(moved).entities(_shuffled(c, situation.data))
    for request in situation.requests:
        decision = engine.authorize(request, entities)
        assert engine.authorize(_shuffled(c, request), elsewhere) == decision
        tally.see(situation.schema, request, decision)


@st.composite
def _shuffles(draw: st.DrawFn) -> tuple[Choices, Situation]:
    """A situation, and where to take orders from: a seed, since all of them are as good."""
    return Choices.seeded(draw(st.integers(0, 2**32))), situation(draw(choices()), 4)


@given(_shuffles())
def test_order_changes_no_decision_no_byte_of_the_module_and_no_digest(drawn: tuple[Choices, Situation]) -> None:
    _order_is_without_meaning(*drawn, Tally())


def test_order_changes_nothing_and_every_kind_of_decision_was_seen() -> None:
    tally = Tally()
    for seed, found in enumerate(seeded(60)):
        _order_is_without_meaning(Choices.seeded(seed), found, tally)
    tally.check()


def test_order_changes_nothing_in_studio() -> None:
    engine = studio_engine()
    declarations = parsed(studio_sources())
    for seed in range(5):
        c = Choices.seeded(seed)
        texts = [print_declarations([_shuffled_lists(c, declaration)]) for declaration in declarations]
        program = program_of(compile_sources(_shuffled_files(c, texts)))
        assert emit_python(program) == emit_python(engine.program)
        assert policy_digest(program) == engine.digest


_PRINT_MODULES = """
import hashlib
from policyengine.backends.python import emit_python
from tests.laws.situations import seeded, studio_engine
for program in (studio_engine().program, *(found.program for found in seeded(6))):
    print(hashlib.sha256(repr(emit_python(program)).encode()).hexdigest())
"""


def test_the_module_does_not_depend_on_how_python_orders_its_sets() -> None:
    printed = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", _PRINT_MODULES]
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().split()) == 7
