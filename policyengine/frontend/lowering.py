"""Declarations to rules: every surface construct becomes a permit, a forbid or a require of the core.

In: the syntax trees and `Names`. Out: a `Program`, sorted, the same whatever the order of files and declarations.
INVARIANT: every permit is `Isolation and ...`; only a row that names a grant makes a permit that crosses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from policyengine.diagnostics import Findings, Label
from policyengine.frontend import ast
from policyengine.frontend.checker import Checker, Facts, Scope, facts_if
from policyengine.frontend.resolver import Names, did_you_mean, types_of
from policyengine.ir import nodes as ir
from policyengine.model import schema as model
from policyengine.model.schema import Known
from policyengine.model.types import Entity, Enum, Id
from policyengine.source import Span

LAYERS = ("token", "authorizer", "resolver", "iam", "kms", "s3", "audit")
"""Where a threat can be held; `audit` is the record that every decision leaves."""

ALWAYS = "always"


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
        self.principal = ir.Var("principal", Entity(self.schema.principal.name))
        self.resource = ir.Var("resource", Entity("resource"))

    def program(self) -> ir.Program | None:
        for name in sorted(self.names.defines):
            self.checker.define(name)
        rules = [rule for d in self.all if isinstance(d, ast.Access) for rule in self._access(d)]
        rules += [rule for d in self.all if isinstance(d, ast.Rule) for rule in self._rule(d)]
        program = ir.Program(
            self.schema,
            tuple(self._each_once(rules)),
            tuple(sorted(self._live())),
            tuple(sorted((self._threat(d) for d in self.all if isinstance(d, ast.Threat)), key=lambda t: t.id)),
            tuple(sorted(self._changing(), key=lambda c: (c.attribute, c.types, c.needs))),
            self._aws(),
        )
        if not self.findings.ok:
            return None
        self._warn_of_types_without_access(program)
        return program

    def _each_once(self, rules: Iterable[ir.Rule]) -> list[ir.Rule]:
        by_id: dict[str, ir.Rule] = {}
        for rule in rules:
            first = by_id.setdefault(rule.id, rule)
            if first is not rule and rule.span and first.span:
                also = [Label(first.span, "first here")]
                help = "say it in one row, with all its actions"
                self.error("duplicate", f"the rule `{rule.id}` is written twice", rule.span, help, also=also)
        return [by_id[id] for id in sorted(by_id)]

    # ---- Access declarations

    def _access(self, d: ast.Access) -> list[ir.Rule]:
        types = types_of([d.name], self.names.groups, self.findings)
        if not types:
            return []
        labels = self._labels(d, types)
        rules: list[ir.Rule] = []
        for row in (row for row in d.rows if isinstance(row, ast.Permission)):
            label: ir.Expr | None = ir.TRUE
            if row.label is not None:
                label = self._label(row.label, d, labels, types)
            who = self._who(row.who, types)
            actions = self._actions(row.actions, types)
            if label is None or who is None or not actions:
                continue
            id = f"{d.name.text}.{row.label.text if row.label else ALWAYS}.{_words(row.who)}"
            crosses = row.who.kind == "grant" and all(self.schema.grant_on[name].crosses for name in types)
            condition = ir.And((self._isolation(crosses), label, who))
            doc = " ".join(row.docs)
            rules.append(ir.Rule(id, "permit", actions, types, condition, doc=doc, crosses=crosses, span=row.span))
        return rules

    def _labels(self, d: ast.Access, types: tuple[str, ...]) -> Enum | None:
        """The enum that labels the rows, each of whose values must have a row."""
        if d.by is None:
            return None
        found = {model.attribute(self.schema.resource[name].attributes, d.by.text) for name in types}
        attribute = found.pop() if len(found) == 1 else None
        if attribute is None or not attribute.required or not isinstance(attribute.type, Enum):
            message = f"`{d.by.text}` is not a required enum attribute of `{d.name.text}`"
            self.error("missing-mark", message, d.by.span, "name the attribute that labels the rows")
            return None
        names = [row.value if isinstance(row, ast.Inherit) else row.label for row in d.rows]
        used = {name.text for name in names if name is not None}
        for value in attribute.type.values:
            if value not in used:
                message = f"`{d.name.text}` says nothing of {d.by.text} {value}"
                self.error("missing-row", message, d.name.span, f"add a row `{value}: ...`")
        for row in d.rows:
            if isinstance(row, ast.Inherit) and row.value.text not in attribute.type.values:
                self._no_value(row.value, attribute.type)
        return attribute.type

    def _no_value(self, name: ast.Name, enum: Enum) -> None:
        help = did_you_mean(name.text, enum.values) or f"it is one of {', '.join(enum.values)}"
        self.error("unknown-name", f"`{name.text}` is no value of {enum}", name.span, help)

    def _label(self, label: ast.Name, d: ast.Access, enum: Enum | None, types: tuple[str, ...]) -> ir.Expr | None:
        if enum is None or d.by is None:
            if d.by is None:
                message = f"`{d.name.text}` has no labels"
                self.error("unknown-name", message, label.span, f"write `always`, or `access {d.name.text} by ...`")
            return None
        if label.text not in enum.values:
            self._no_value(label, enum)
            return None
        inherit = self.schema.inherits.get(types[0])
        if inherit and inherit.attribute == d.by.text and inherit.value == label.text:
            message = f"a holder never has {d.by.text} {label.text}"
            self.error("conflict", message, label.span, "such a record takes its scope from above")
            return None
        inherits = inherit is not None and inherit.attribute == d.by.text
        of = ir.Holder() if inherits else self.resource
        known = Known.ANCESTOR if inherits else Known.RECORD
        return ir.Compare(ir.Attr(of, d.by.text, enum, known), "==", ir.Literal(label.text, enum))

    def _isolation(self, crosses: bool) -> ir.Isolation:
        key, tenant = self.schema.tenant_key, Id(self.schema.tenant, True)
        return ir.Isolation(
            ir.Attr(self.principal, key, tenant, Known.TOKEN),
            ir.Attr(self.resource, key, tenant, Known.RECORD),
            crosses,
        )

    def _who(self, who: ast.Who, types: tuple[str, ...]) -> ir.Expr | None:
        match who.kind:
            case "role":
                return self._role(who)
            case "grant":
                return self._grant(who, types)
            case "holder" if any(name not in self.schema.inherits for name in types):
                message = "`holder` needs types whose scope is inherited"
                self.error("not-available", message, who.span, "write `record owner`")
                return None
        lacking = [name for name in types if not self.schema.resource[name].owner]
        owners = {self.schema.resource[name].owner for name in types}
        if who.kind == "holder":
            owners |= {self.schema.resource[self.schema.inherits[name].parent_type].owner for name in types}
        if lacking or len(owners) != 1:
            message = f"`{lacking[0]}` has no owner" if lacking else "the types do not have the same owner attribute"
            self.error("missing-mark", message, who.span, "mark one attribute `as owner`")
            return None
        name = owners.pop()
        attribute = model.attribute(self.schema.resource[types[0]].attributes, name)
        assert attribute is not None
        of, known = (ir.Holder(), Known.ANCESTOR) if who.kind == "holder" else (self.resource, Known.RECORD)
        return ir.Compare(ir.Attr(of, name, attribute.type, known), "==", self._me())

    def _me(self) -> ir.Attr:
        principal = self.schema.principal
        identity = model.attribute(principal.attributes, principal.identity)
        assert identity is not None
        return ir.Attr(self.principal, identity.name, identity.type, Known.TOKEN)

    def _role(self, who: ast.Who) -> ir.Expr | None:
        assert who.name is not None
        principal = self.schema.principal
        role = model.attribute(principal.attributes, principal.role)
        if role is None or not isinstance(role.type, Enum):
            message = f"`{principal.name}` has no role"
            self.error("missing-mark", message, who.span, "mark one of its attributes `as role`")
            return None
        if who.name.text not in role.type.values:
            self._no_value(who.name, role.type)
            return None
        return ir.Member(
            ir.Attr(self.principal, role.name, role.type, Known.TOKEN), ir.at_least(role.type, who.name.text)
        )

    def _grant(self, who: ast.Who, types: tuple[str, ...]) -> ir.Expr | None:
        assert who.name is not None
        grants = {self.schema.grant_on.get(name) for name in types}
        grant = grants.pop() if len(grants) == 1 else None
        if grant is None:
            message = "no one kind of grant row names records of all these types"
            self.error("missing-declaration", message, who.span, "declare `grant ... on` for them")
            return None
        role = model.attribute(grant.attributes, grant.role)
        assert role is not None
        assert isinstance(role.type, Enum)
        if who.name.text not in role.type.values:
            self._no_value(who.name, role.type)
            return None
        on = ir.Holder() if all(name in self.schema.inherits for name in types) else self.resource
        tenant = self._isolation(False).principal
        return ir.GrantExists(on, ir.at_least(role.type, who.name.text), self._me(), tenant)

    # ---- Rules

    def _rule(self, d: ast.Rule) -> list[ir.Rule]:
        types = types_of(d.on, self.names.groups, self.findings)
        actions = self._actions(d.actions, types)
        scope = Scope(types)
        condition = self._when(d, scope)
        obliges = self._obliges(d, scope, facts_if(condition, True) if condition else frozenset())
        if condition is None or not types or not actions or (d.effect == "require" and obliges is None):
            return []
        if d.effect == "permit":
            condition = ir.And((self._isolation(False), condition))
        because = str(d.because.value) if d.because else ""
        doc = " ".join(d.docs)
        effect: ir.Effect = "permit" if d.effect == "permit" else "forbid" if d.effect == "forbid" else "require"
        return [ir.Rule(d.name.text, effect, actions, types, condition, obliges, because, doc, span=d.name.span)]

    def _when(self, d: ast.Rule, scope: Scope) -> ir.Expr | None:
        """`when A unless B` => A and not B; without either, always."""
        when = self.checker.condition(d.when, scope) if d.when else ir.TRUE
        facts: Facts = facts_if(when, True) if when else frozenset()
        unless = self.checker.condition(d.unless, scope, facts) if d.unless else ir.FALSE
        if when is None or unless is None:
            return None
        return ir.And((when, ir.Not(unless))) if d.unless else when

    def _obliges(self, d: ast.Rule, scope: Scope, facts: Facts) -> ir.Obliges | None:
        if d.obligation is None:
            return None
        declared = self.schema.obligation.get(d.obligation.text)
        if declared is None:
            help = did_you_mean(d.obligation.text, self.schema.obligation)
            self.error("unknown-name", f"no obligation is called `{d.obligation.text}`", d.obligation.span, help)
            return None
        given = {name.text: expr for name, expr in d.fields}
        wanted = {a.name: a for a in declared.attributes}
        for name, _ in d.fields:
            if name.text not in wanted:
                message = f"`{declared.name}` has no field `{name.text}`"
                self.error("unknown-name", message, name.span, did_you_mean(name.text, wanted))
        if len(given) < len(d.fields):
            self.error("duplicate", "a field is given twice", d.obligation.span, "give each field once")
        values: list[tuple[str, ir.Expr | None]] = []
        for field, attribute in wanted.items():
            if field not in given:
                message = f"the field `{field}` of `{declared.name}` is missing"
                self.error("missing-mark", message, d.obligation.span, f"add `{field}: ...`")
                return None
            values.append((field, self.checker.value(given[field], attribute.type, scope, facts)))
        fields = tuple((field, value) for field, value in values if value is not None)
        return ir.Obliges(declared.name, fields) if len(fields) == len(values) else None

    def _actions(self, names: Sequence[ast.Name], types: tuple[str, ...]) -> tuple[str, ...]:
        """The actions, each of which every type must have."""
        for name in names:
            for type_name in types:
                if name.text not in self.schema.actions_on[type_name]:
                    message = f"`{type_name}` has no action `{name.text}`"
                    help = did_you_mean(name.text, self.schema.actions_on[type_name])
                    self.error(
                        "unknown-name", message, name.span, help or f"declare `action {name.text} on {type_name}`"
                    )
        return tuple(sorted({name.text for name in names}))

    # ---- Declarations that are checked and carried

    def _live(self) -> list[tuple[str, ir.Expr]]:
        live: list[tuple[str, ir.Expr]] = []
        for d in (d for d in self.all if isinstance(d, ast.Grant)):
            attributes = next(grant.attributes for grant in self.schema.grants if grant.name == d.name.text)
            counts = self.checker.condition(d.counts_when, Scope(row=attributes)) if d.counts_when else ir.TRUE
            if counts is not None:
                live.append((d.name.text, counts))
        return live

    def _threat(self, d: ast.Threat) -> ir.Threat:
        nevers: list[ir.Never] = []
        held: list[str] = []
        not_ours: list[str] = []
        for item in d.items:
            match item:
                case ast.Never():
                    nevers += self._never(item)
                case ast.Held(layers=layers):
                    for layer in layers:
                        if layer.text not in LAYERS:
                            help = did_you_mean(layer.text, LAYERS) or f"it is one of {', '.join(LAYERS)}"
                            self.error("unknown-name", f"no layer is called `{layer.text}`", layer.span, help)
                        held.append(layer.text)
                case ast.NotOurs(reason=reason):
                    not_ours.append(str(reason.value))
        if not held and not not_ours:
            message = f"nothing holds the threat `{d.name.text}`"
            self.error("missing-declaration", message, d.name.span, 'add `held by ...` or `not ours "why"`')
        return ir.Threat(d.name.text, str(d.description.value), tuple(nevers), tuple(held), tuple(not_ours))

    def _never(self, item: ast.Never) -> list[ir.Never]:
        """`any` type stands for every type that belongs to a tenant and has one of the actions."""
        if item.on:
            types = types_of(item.on, self.names.groups, self.findings)
        else:
            types = tuple(r.name for r in self.schema.resources if not r.global_reason)
        wanted = {name.text for name in item.actions}
        types = tuple(t for t in types if not wanted or wanted & set(self.schema.actions_on[t]))
        known = {action for t in types for action in self.schema.actions_on[t]}
        for name in item.actions:
            if name.text not in known:
                self.error(
                    "unknown-name",
                    f"none of these types has an action `{name.text}`",
                    name.span,
                    did_you_mean(name.text, known),
                )
        if item.without and item.without.text not in self.schema.obligation:
            help = did_you_mean(item.without.text, self.schema.obligation)
            self.error("unknown-name", f"no obligation is called `{item.without.text}`", item.without.span, help)
        condition = self.checker.condition(item.when, Scope(types, threat=True)) if item.when else ir.TRUE
        if condition is None:
            return []
        without = item.without.text if item.without else ""
        return [ir.Never(tuple(sorted(wanted or known)), types, without, condition)]

    def _changing(self) -> list[ir.Changing]:
        found: list[ir.Changing] = []
        for d in (d for d in self.all if isinstance(d, ast.Changing)):
            types = types_of(d.on, self.names.groups, self.findings)
            needs = self._actions([d.needs], types)
            for name in d.attributes:
                for type_name in types:
                    attributes = self.schema.resource[type_name].attributes
                    if model.attribute(attributes, name.text) is None:
                        message = f"`{type_name}` has no attribute `{name.text}`"
                        self.error(
                            "unknown-name", message, name.span, did_you_mean(name.text, [a.name for a in attributes])
                        )
                found += [ir.Changing(name.text, types, action) for action in needs]
        return found

    def _aws(self) -> tuple[tuple[str, str, str], ...]:
        settings: dict[tuple[str, str], tuple[str, Span]] = {}
        for d in (d for d in self.all if isinstance(d, ast.Aws)):
            for setting in d.settings:
                key = (setting.kind.text, setting.name.text if setting.name else "")
                if key in settings:
                    self.error("duplicate", f"`{' '.join(key).strip()}` is set twice", setting.span, "keep one")
                settings[key] = (str(setting.value.value), setting.span)
        return tuple(sorted((kind, name, value) for (kind, name), (value, _) in settings.items()))

    def _warn_of_types_without_access(self, program: ir.Program) -> None:
        for d in (d for d in self.all if isinstance(d, ast.Resource)):
            for name in d.names:
                if not any(rule.effect == "permit" and name.text in rule.types for rule in program.rules):
                    message = f"nobody has access to `{name.text}`"
                    self.findings.warning("no-access", message, name.span, f"write `access {name.text} {{ ... }}`")


def _words(who: ast.Who) -> str:
    return f"{who.kind}_{who.name.text if who.name else 'owner'}"
