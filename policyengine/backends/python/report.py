"""The function that reports in full on one cell: every rule's value by Kleene's table, rows asked for when needed."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.backends.python.text import indent, text
from policyengine.backends.python.writer import Writer
from policyengine.ir.nodes import Obliges, Program, Rule
from policyengine.ir.visitor import can_err


def emit_report(program: Program, type_name: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    """The body of `_report_...(entities, p, r, c)`; principal, record and context are checked, defaults filled in."""
    writer = Writer(program, type_name)
    values = [value for rule in rules if rule.obliges for _, value in rule.obliges.fields]
    yield "permits, blocks, obligations, errors = [], [], [], []"
    for slot in writer.slots(*(rule.condition for rule in rules), *values):
        yield f"find_{slot} = Once(lambda: {writer.find(slot)})"
    for rule in rules:
        yield from _rule(writer, rule)
    yield "return report(permits, blocks, obligations, errors)"


def _rule(writer: Writer, rule: Rule) -> Iterator[str]:
    blocks = f"blocks.append(({text(rule.id)}, {text(rule.because)}))"
    holds = [f"permits.append({text(rule.id)})"] if rule.effect == "permit" else [blocks]
    if rule.obliges:
        holds = list(_obligation(writer, rule, rule.obliges, blocks))
    if not can_err(rule.condition):
        yield f"if {writer.plain(rule.condition)}:"
        yield from indent(holds)
        return
    yield f"value = {writer.full(rule.condition)}"
    yield "if value is True:"
    yield from indent(holds)
    yield "elif value is not False:"
    if rule.effect != "permit":
        yield f"    {blocks}"
    yield f"    errors.append(({text(rule.id)}, value))"


def _obligation(writer: Writer, rule: Rule, obliges: Obliges, blocks: str) -> Iterator[str]:
    """The obligation as pairs, which can be sorted; an error in a field blocks."""
    names = [f"v_{name}" for name, _ in obliges.fields]
    pairs = "".join(f"({text(name)}, v_{name}), " for name, _ in obliges.fields)
    values = [writer.full(value) for _, value in obliges.fields]
    made = f"(({text('name')}, {text(obliges.name)}), {pairs})"
    if not any(can_err(value) for _, value in obliges.fields):
        yield from (f"{name} = {value}" for name, value in zip(names, values, strict=True))
        yield f"obligations.append({made})"
        return
    yield f"fields = lift(lambda {', '.join(names)}: {made}, {', '.join(values)})"
    yield "if type(fields) is Err:"
    yield f"    {blocks}"
    yield f"    errors.append(({text(rule.id)}, fields))"
    yield "else:"
    yield "    obligations.append(fields)"
