"""What the resolvers of a bundle read, and what clients may write, as one literal: `policy_bundle/plans.py`.

For each action on each type a `Plan`: the fetch plan (which rows beside the record a decision needs, from `reads`) and
the list plan (which records of the principal's tenant may be allowed, and whether grant rows reach those of others).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from policyengine.backends.dynamodb.conditions import Selection, dynamodb_type, select
from policyengine.backends.python import policy_digest
from policyengine.ir.nodes import And, Attr, Compare, Expr, GrantExists, Holder, Literal, Program, Reference, Rule, Var
from policyengine.ir.printer import print_expr
from policyengine.ir.visitor import walk
from policyengine.model.schema import Attributes, Known
from policyengine.model.types import Enum
from policyengine.partial.specializer import Partly, reads, specialize


@dataclass(frozen=True, slots=True)
class Plan:
    """What one action on one type reads.

    `chain`: the folders above the record; `chain_abroad`: those above another tenant's too, since a rule that forbids
    or obliges asks for them before isolation has failed. `references`: rows by (where their id stands, its name, their
    type). `grants`: the kind of grant row on the holder, or empty; `granted_where`: attributes of the holder and their
    values without which no grant row counts. `crosses`: a grant row on the record itself reaches another tenant's
    principal.
    """

    chain: bool
    chain_abroad: bool
    references: tuple[tuple[str, str, str], ...]
    grants: str
    granted_where: tuple[tuple[str, tuple[str, ...]], ...]
    crosses: bool
    selection: Selection

    def as_data(self) -> dict[str, Any]:
        return {
            "chain": self.chain,
            "chain_abroad": self.chain_abroad,
            "references": [list(reference) for reference in self.references],
            "grants": self.grants,
            "granted_where": {name: list(values) for name, values in self.granted_where},
            "crosses": self.crosses,
            "select": self.selection.condition,
            "codes": list(self.selection.codes),
        }


class Unfetchable(Exception):
    """The row that a rule names cannot be found from the record, the principal and the context alone."""

    code = "fetch-path"


def plan(program: Program, known: Partly) -> Plan:
    """The plan of an action on a type; with a principal that is known, what is left for that one.

    Raises Unfetchable where a rule names a row by what only another row says.
    """
    rules = specialize(program, known).rules
    sources = {source for source, _ in reads(program, known.action, known.type)}
    grants = [node for rule in rules for node in walk(rule.condition) if isinstance(node, GrantExists)]
    return Plan(
        chain=Known.ANCESTOR in sources,
        chain_abroad=any(_asks_for_holder(rule) for rule in rules if rule.effect != "permit"),
        references=tuple(sorted(set(_references(rules)))),
        grants=program.schema.grant_on[known.type].name if grants else "",
        granted_where=_granted_where(rules) if grants else (),
        crosses=any(rule.crosses for rule in rules),
        selection=select(program, known.type, rules),
    )


def _references(rules: tuple[Rule, ...]) -> Iterator[tuple[str, str, str]]:
    for rule in rules:
        values = [value for _, value in rule.obliges.fields] if rule.obliges else []
        for node in (node for expr in (rule.condition, *values) for node in walk(expr)):
            if isinstance(node, Reference):
                by = node.by
                if not isinstance(by.of, Var):
                    raise Unfetchable(f"`{print_expr(node)}` names a row by what another row says")
                yield by.of.name, by.name, node.target


def _granted_where(rules: tuple[Rule, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The one attribute of the holder on which every rule with a grant insists, with the values it may have."""
    insisting = [_insists(rule.condition) for rule in rules if _asks_for_grants(rule.condition)]
    common = set.intersection(*(set(found) for found in insisting))
    if not common:
        return ()
    name = min(common)
    return ((name, tuple(sorted({found[name] for found in insisting}))),)


def _asks_for_holder(rule: Rule) -> bool:
    values = [value for _, value in rule.obliges.fields] if rule.obliges else []
    return any(isinstance(node, Holder) for expr in (rule.condition, *values) for node in walk(expr))


def _asks_for_grants(condition: Expr) -> bool:
    return any(isinstance(node, GrantExists) for node in walk(condition))


def _insists(condition: Expr) -> dict[str, str]:
    parts = condition.operands if isinstance(condition, And) else (condition,)
    found: dict[str, str] = {}
    for part in parts:
        match part:
            case Compare(left=Attr(of=Holder(), name=name), operator="==", right=Literal(value=str(value))):
                found[name] = value
    return found


# ---- The module


def emit_plans(program: Program) -> str:
    """The text of the bundle's module `plans`: one literal, the same for the same program."""
    return (
        '"""Generated by policyengine: what the resolvers read. Do not edit: build it again."""\n\n'
        f"PLANS = {pformat(plans(program), width=118, compact=True, sort_dicts=True)}\n"
    )


def plans(program: Program) -> dict[str, Any]:
    """The same as data. Cells that read the same share one plan: `cells[type][action]` is its place in `plans`.

    A cell that has none is among the `refused`, with its code; its decisions then come out Incomplete, which denies.
    """
    schema = program.schema
    found: dict[str, int] = {}
    cells: dict[str, dict[str, int]] = {}
    refused: dict[str, dict[str, str]] = {}
    for action, type_name in schema.cells():
        try:
            text = json.dumps(plan(program, Partly(action, type_name)).as_data(), sort_keys=True)
            cells.setdefault(type_name, {})[action] = found.setdefault(text, len(found))
        except Unfetchable as refusal:
            refused.setdefault(type_name, {})[action] = refusal.code
    return {
        "digest": policy_digest(program),
        "tenant": schema.tenant_key,
        "principal": {"identity": schema.principal.identity, "tenant": schema.principal.tenant},
        "defaults": {a.name: a.default for a in schema.context if a.default is not None},
        "types": {
            resource.name: {
                "identity": resource.identity,
                "owner": resource.owner,
                "tenant": not resource.global_reason,
                "attributes": _attributes(resource.attributes),
            }
            for resource in schema.resources
        },
        "inherits": {
            name: [inherit.attribute, inherit.value, inherit.parent, inherit.parent_type]
            for name, inherit in schema.inheritance
        },
        "grants": {
            grant.name: {
                "types": list(grant.types),
                "key": [grant.resource_type, grant.resource_id, grant.member_id, grant.member_tenant],
                "role": grant.role,
                "roles": _values(grant.attributes, grant.role),
                "crosses": grant.crosses,
                "attributes": _attributes(grant.attributes),
            }
            for grant in schema.grants
        },
        "writes": _writes(program),
        "changing": [[one.attribute, list(one.types), one.needs] for one in program.changing],
        "cells": cells,
        "refused": refused,
        "plans": [json.loads(text) for text in found],
    }


def _writes(program: Program) -> dict[str, dict[str, list[str]]]:
    """By type and action, the attributes that fields of the API let a client write.

    The last name of a place is the attribute's, as the authorizer reads it where `changing` asks for more.
    """
    found: dict[str, dict[str, set[str]]] = {}
    for field in program.api.fields:
        names = {place.rpartition(".")[2] for place in field.content}
        for type_name in field.types if names else ():
            found.setdefault(type_name, {}).setdefault(field.action, set()).update(names)
    return {name: {action: sorted(names) for action, names in by.items()} for name, by in found.items()}


def _values(attributes: Attributes, name: str) -> list[str]:
    type_ = next(a.type for a in attributes if a.name == name)
    return list(type_.values) if isinstance(type_, Enum) else []


def _attributes(attributes: Attributes) -> dict[str, str]:
    """The declared attributes, each with the type of DynamoDB that holds it."""
    return {a.name: dynamodb_type(a.type) for a in attributes}
