"""Declarations to rules: every surface construct becomes a permit, a forbid or a require of the core.

In: the syntax trees and `Names`. Out: a `Program`, sorted, the same whatever the order of files and declarations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast, mending
from policyengine.frontend.api import lower_api, refuse_more_than_token
from policyengine.frontend.checker import Checker, facts_if
from policyengine.frontend.mending import OTHERWISE, behind, between, into_braces, listed, put, suggest
from policyengine.frontend.paths import UNSURE, Facts, Scope
from policyengine.frontend.resolver import Names, types_of
from policyengine.frontend.spelling import nearest
from policyengine.frontend.tables import Tables, row_id
from policyengine.ir import nodes as ir
from policyengine.model import schema as model
from policyengine.model.types import Enum, Id, comparable
from policyengine.source import Span

LAYERS = ("token", "authorizer", "resolver", "iam", "kms", "s3", "audit")
"""Where a threat can be held; `audit` is the record that every decision leaves."""


def lower(declarations: Sequence[ast.AnyDeclaration], names: Names, findings: Findings) -> ir.Program | None:
    """The program of a policy set; None where a finding stands in the way."""
    return _Lowering(declarations, names, findings).program()


class _Lowering:
    def __init__(self, declarations: Sequence[ast.AnyDeclaration], names: Names, findings: Findings) -> None:
        self.all = declarations
        self.names = names
        self.schema = names.schema
        self.findings = findings
        self.error = findings.error
        self.checker = Checker(names, findings)
        self.tables = Tables(names, findings)

    def program(self) -> ir.Program | None:
        for name in sorted(self.names.defines):
            self.checker.definitions.body(name)
        tables = [d for d in self.all if isinstance(d, ast.Access)]
        rules = [rule for d in tables for rule in self.tables.rules(d)]
        self._refuse_split_rows(tables)
        rules += [rule for d in self.all if isinstance(d, ast.Rule) for rule in self._rule(d)]
        program = ir.Program(
            self.schema,
            tuple({rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}.values()),
            tuple(sorted(self._live())),
            tuple(sorted((self._threat(d) for d in self.all if isinstance(d, ast.Threat)), key=lambda t: t.id)),
            tuple(sorted(self._changing(), key=lambda c: (c.attribute, c.types, c.needs))),
            self._aws(),
            lower_api(self.all, self.names, self.tables.actions, self.findings),
        )
        if self.findings.ok:
            refuse_more_than_token(self.all, program, self.findings)
        return program if self.findings.ok else None

    def _refuse_split_rows(self, tables: Iterable[ast.Access]) -> None:
        """One table has one row for one label and one who, so that the row has an id of its own."""
        first: dict[str, ast.Permission] = {}
        for d in tables:
            for row in (row for row in d.rows if isinstance(row, ast.Permission)):
                id = row_id(d, row)
                before = first.setdefault(id, row)
                if before is not row:
                    also = [Label(before.span, "first here")]
                    help, edits = "say it in one row, with all its actions", _merged(before, row)
                    self.error("duplicate", f"the rule `{id}` is written twice", row.span, help, edits, also=also)

    # ---- Rules

    def _rule(self, d: ast.Rule) -> list[ir.Rule]:
        types = types_of(d.on, self.names.groups, self.findings)
        actions = self.tables.actions(d.actions, types)
        condition = self._when(d, types)
        obliges = self._obliges(d, types, facts_if(condition, True) if condition else UNSURE)
        if condition is None or not types or not actions or (d.effect == "require" and obliges is None):
            return []
        if d.effect == "permit":
            condition = ir.And((self.tables.isolation(), condition))
        because = str(d.because.value) if d.because else ""
        doc = " ".join(d.docs)
        effect: ir.Effect = "permit" if d.effect == "permit" else "forbid" if d.effect == "forbid" else "require"
        return [ir.Rule(d.name.text, effect, actions, types, condition, obliges, because, doc, span=d.name.span)]

    def _when(self, d: ast.Rule, types: tuple[str, ...]) -> ir.Expr | None:
        """`when A unless B` => A and not B; without either, always."""
        when: ir.Expr | None = ir.TRUE
        unless: ir.Expr | None = ir.FALSE
        facts: Facts = frozenset()
        if d.when:
            when = self.checker.condition(d.when, Scope(types, blind=not types, root=d.when))
            facts = facts_if(when, True) if when else UNSURE
        if d.unless:
            unless = self.checker.condition(d.unless, Scope(types, blind=not types, root=d.unless), facts)
        if when is None or unless is None:
            return None
        return ir.And((when, ir.Not(unless))) if d.unless else when

    # ---- Obligations

    def _obliges(self, d: ast.Rule, types: tuple[str, ...], facts: Facts) -> ir.Obliges | None:
        declared = self._obligation(d.obligation)
        if declared is None or d.obligation is None:
            return None
        self._refuse_fields(d, declared)
        given = {name.text: expr for name, expr in d.fields}
        left = frozenset(a.name for a in declared.attributes if a.name not in given)
        misspelt = {nearest(name, left) for name in given.keys() - {a.name for a in declared.attributes}}
        missing = [a for a in declared.attributes if a.name in left and a.name not in misspelt]
        if missing:
            message = f"`{declared.name}` lacks {listed(a.name for a in missing)}"
            self.error("missing-mark", message, d.obligation.span, *self._fields_mend(d, d.obligation, missing, types))
        scope = Scope(types, blind=not types, rule=d)
        values = [
            (a.name, self.checker.value(given[a.name], a.type, scope, facts))
            for a in declared.attributes
            if a.name in given
        ]
        fields = tuple((field, value) for field, value in values if value is not None)
        return ir.Obliges(declared.name, fields) if len(fields) == len(declared.attributes) else None

    def _obligation(self, name: ast.Name | None) -> model.Obligation | None:
        if name is None:
            return None
        declared = self.schema.obligation.get(name.text)
        if declared is None and name.text not in self.names.unread.words:
            message = f"no obligation is called `{name.text}`"
            self.error("unknown-name", message, name.span, *suggest(name, self.schema.obligation, OTHERWISE))
        return declared

    def _refuse_fields(self, d: ast.Rule, declared: model.Obligation) -> None:
        """Fields that nothing declares, and fields that are given twice."""
        wanted = {a.name for a in declared.attributes}
        whole = [ast.Node(name.span.to(value.span)) for name, value in d.fields]
        given = {name.text for name, _ in d.fields}
        left = frozenset(wanted) - given
        seen: dict[str, ast.Name] = {}
        for index, (name, _) in enumerate(d.fields):
            first = seen.setdefault(name.text, name)
            if first is not name:
                edits, also = mending.without_item(whole, index), [Label(first.span, "first here")]
                self.error("duplicate", f"`{name.text}` is given twice", name.span, "keep one", edits, also=also)
            elif name.text not in wanted:
                message = f"`{declared.name}` has no field `{name.text}`"
                self.error("unknown-name", message, name.span, *suggest(name, left, "remove it"))

    def _fields_mend(
        self, d: ast.Rule, obligation: ast.Name, missing: Sequence[model.Attribute], types: tuple[str, ...]
    ) -> mending.Mend:
        values = [(a.name, self._example(a, types)) for a in missing]
        whole = [f"{name}: {value or '...'}" for name, value in values]
        edits = into_braces(obligation.span, f"{', '.join(whole)},") if all(value for _, value in values) else ()
        return f"add {listed(whole)}", edits

    def _example(self, field: model.Attribute, types: tuple[str, ...]) -> str:
        """An expression of the type of a field: the attribute of the same name, or of the same type, or any value."""
        schema = self.schema
        owners = [schema.resource[name] for name in types]
        for attribute in owners[0].attributes if owners else ():
            everywhere = all(attribute in owner.attributes for owner in owners) and not attribute.optional
            if everywhere and comparable(attribute.type, field.type) and attribute.name == field.name:
                return f"resource.{attribute.name}"
        identities = {owner.identity for owner in owners}
        if field.type == Id() and len(identities) == 1:
            return f"resource.{identities.pop()}"
        if field.type == Id(schema.tenant, True):
            return f"principal.{schema.tenant_key}"
        if isinstance(field.type, Enum):
            return field.type.values[0]
        return {"String": '"..."', "Int": "0", "Bool": "true", "Type": "resource.type"}.get(str(field.type), "")

    # ---- Declarations that are checked and carried

    def _live(self) -> list[tuple[str, ir.Expr]]:
        live: list[tuple[str, ir.Expr]] = []
        attributes = {grant.name: grant.attributes for grant in self.schema.grants}
        for d in (d for d in self.all if isinstance(d, ast.Grant)):
            scope = Scope(row=attributes[d.name.text], root=d.counts_when)
            counts = self.checker.condition(d.counts_when, scope) if d.counts_when else ir.TRUE
            if counts is not None:
                live.append((d.name.text, counts))
        return live

    def _threat(self, d: ast.Threat) -> ir.Threat:
        nevers: list[ir.Never] = []
        held: list[str] = []
        inexpressible: list[tuple[str, str, Span]] = []
        not_ours: list[str] = []
        for item in d.items:
            match item:
                case ast.Never():
                    nevers += self._never(item)
                case ast.Held(layers=layers):
                    held += [self._layer(layer) for layer in layers]
                case ast.Inexpressible(layers=layers, reason=reason):
                    inexpressible += [(self._layer(layer), str(reason.value), layer.span) for layer in layers]
                case ast.NotOurs(reason=reason):
                    not_ours.append(str(reason.value))
        if not held and not not_ours:
            message = f"nothing holds the threat `{d.name.text}`"
            self.error("missing-declaration", message, d.name.span, 'add `held by ...` or `not ours "why"`')
        for layer, _, span in inexpressible:
            if layer in LAYERS and layer not in held:
                message = f"`{d.name.text}` is not held by `{layer}`, so nothing is asked of it"
                self.error("conflict", message, span, f"take `{layer}` away here, or add it to `held by`")
        description, cannot = str(d.description.value), tuple(sorted((layer, why) for layer, why, _ in inexpressible))
        return ir.Threat(d.name.text, description, tuple(nevers), tuple(held), tuple(not_ours), cannot)

    def _layer(self, layer: ast.Name) -> str:
        if layer.text not in LAYERS:
            help = f"it is one of {', '.join(f'`{layer}`' for layer in LAYERS)}"
            message = f"no layer is called `{layer.text}`"
            self.error("unknown-name", message, layer.span, *suggest(layer, LAYERS, help))
        return layer.text

    def _never(self, item: ast.Never) -> list[ir.Never]:
        """`any` type stands for every type that belongs to a tenant and has one of the actions."""
        if item.on:
            named = types_of(item.on, self.names.groups, self.findings)
        else:
            named = tuple(r.name for r in self.schema.resources if not r.global_reason)
        wanted = {name.text for name in item.actions}
        types = tuple(t for t in named if not wanted or wanted & set(self.schema.actions_on[t]))
        known = {action for t in named for action in self.schema.actions_on[t]}
        for name in item.actions:
            if named and name.text not in known | self.names.unread.words:
                message = f"none of these types has an action `{name.text}`"
                self.error("unknown-name", message, name.span, *suggest(name, sorted(known), OTHERWISE))
        if item.without:
            self._obligation(item.without)
        scope = Scope(types, threat=True, blind=not types, root=item.when)
        condition = self.checker.condition(item.when, scope) if item.when else ir.TRUE
        if condition is None:
            return []
        without = item.without.text if item.without else ""
        return [ir.Never(tuple(sorted(wanted or known)), types, without, condition)]

    def _changing(self) -> list[ir.Changing]:
        found: list[ir.Changing] = []
        for d in (d for d in self.all if isinstance(d, ast.Changing)):
            types = types_of(d.on, self.names.groups, self.findings)
            needs = self.tables.actions([d.needs], types)
            for name in d.attributes:
                self._refuse_unknown_attribute(name, types)
                found += [ir.Changing(name.text, types, action) for action in needs]
        return found

    def _refuse_unknown_attribute(self, name: ast.Name, types: Sequence[str]) -> None:
        every = {type_name: {a.name for a in self.schema.resource[type_name].attributes} for type_name in types}
        lacking = [type_name for type_name in types if name.text not in every[type_name]]
        if lacking and not self.names.flawed.intersection(lacking):
            message = f"`{lacking[0]}` has no attribute `{name.text}`"
            self.error(
                "unknown-name", message, name.span, *suggest(name, sorted(set.intersection(*every.values())), OTHERWISE)
            )

    def _aws(self) -> tuple[tuple[str, str, str], ...]:
        settings: dict[tuple[str, str], ast.Setting] = {}
        for d in (d for d in self.all if isinstance(d, ast.Aws)):
            for index, setting in enumerate(d.settings):
                key = (setting.kind.text, setting.name.text if setting.name else "")
                first = settings.setdefault(key, setting)
                if first is not setting:
                    message, also = f"`{' '.join(key).strip()}` is set twice", [Label(first.span, "first here")]
                    edits = (
                        put(between(d.settings[index - 1].span, setting.span), "") if index else put(setting.span, "")
                    )
                    self.error("duplicate", message, setting.kind.span, "keep one", edits, also=also)
        return tuple(sorted((kind, name, str(setting.value.value)) for (kind, name), setting in settings.items()))


def _merged(first: ast.Permission, second: ast.Permission) -> mending.Edits:
    """The actions of both rows in the first, and the second gone."""
    there = {name.text for name in first.actions}
    more = [name.text for name in second.actions if name.text not in there]
    added = behind(first.actions[-1].span, "".join(f", {name}" for name in more)) if more else ()
    return added + mending.without(second)
