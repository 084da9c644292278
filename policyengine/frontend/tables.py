"""Access tables to permits: a row becomes `Isolation and label and who`.

In: `access` declarations and `Names`. Out: permits of the core, one a row.
INVARIANT: every permit is `Isolation and ...`; only a row that names a grant makes a permit that crosses.
"""

from __future__ import annotations

from collections.abc import Sequence

from policyengine.diagnostics import Findings
from policyengine.frontend import ast, mending
from policyengine.frontend.attributes import UNKNOWN
from policyengine.frontend.mending import behind, into_braces, put, suggest
from policyengine.frontend.resolver import Names, no_value, types_of
from policyengine.frontend.spelling import nearest
from policyengine.ir import nodes as ir
from policyengine.model import schema as model
from policyengine.model.schema import Known
from policyengine.model.types import Entity, Enum, Id, Type

ALWAYS = "always"


class Tables:
    def __init__(self, names: Names, findings: Findings) -> None:
        self.names = names
        self.schema = names.schema
        self.findings = findings
        self.error = findings.error
        self.principal = ir.Var("principal", Entity(self.schema.principal.name))
        self.resource = ir.Var("resource", Entity("resource"))
        self._actions = {type_name: frozenset(actions) for type_name, actions in self.schema.actions}
        self._common: dict[tuple[str, ...], frozenset[str]] = {}
        tenant = Id(self.schema.tenant, True)
        self.tenant_of_principal = ir.Attr(self.principal, self.schema.tenant_key, tenant, Known.TOKEN)
        self.tenant_of_record = ir.Attr(self.resource, self.schema.tenant_key, tenant, Known.RECORD)

    def isolation(self, crosses: bool = False) -> ir.Isolation:
        return ir.Isolation(self.tenant_of_principal, self.tenant_of_record, crosses)

    def rules(self, d: ast.Access) -> list[ir.Rule]:
        """The permits of a table, one for each of its rows."""
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
            actions = self.actions(row.actions, types)
            if label is None or who is None or not actions:
                continue
            id = row_id(d, row)
            crosses = row.who.kind == "grant" and all(self.schema.grant_on[name].crosses for name in types)
            condition = ir.And((self.isolation(crosses), label, who))
            doc = " ".join(row.docs)
            rules.append(ir.Rule(id, "permit", actions, types, condition, doc=doc, crosses=crosses, span=row.span))
        return rules

    def actions(self, names: Sequence[ast.Name], types: tuple[str, ...]) -> tuple[str, ...]:
        """The actions, each of which every type must have."""
        common = self.common_actions(types)
        for name in names:
            if types and name.text not in common and name.text not in self.names.unread.words:
                lacking = next(type_name for type_name in types if name.text not in self._actions[type_name])
                message = f"`{lacking}` has no action `{name.text}`"
                help = f"declare `action {name.text} on {lacking}`, or leave `{lacking}` out"
                self.error("unknown-name", message, name.span, *suggest(name, common, help))
        return tuple(sorted({name.text for name in names}))

    def common_actions(self, types: tuple[str, ...]) -> frozenset[str]:
        """The actions that every one of the types has."""
        if types not in self._common:
            every = [self._actions[type_name] for type_name in types]
            self._common[types] = frozenset.intersection(*every) if every else frozenset()
        return self._common[types]

    # ---- Labels

    def _labels(self, d: ast.Access, types: tuple[str, ...]) -> Enum | None:
        """The enum that labels the rows, each of whose values must have a row."""
        if d.by is None:
            return None
        found = {model.attribute(self.schema.resource[name].attributes, d.by.text) for name in types}
        attribute = found.pop() if len(found) == 1 else None
        if attribute is None or not attribute.required or not isinstance(attribute.type, Enum):
            self._no_label(d, d.by, attribute, types)
            return None
        names = [row.value if isinstance(row, ast.Inherit) else row.label for row in d.rows]
        used = {name.text for name in names if name is not None}
        used |= {nearest(name, attribute.type.values) for name in used - {*attribute.type.values}}
        for value in attribute.type.values:
            if value not in used:
                message = f"`{d.name.text}` says nothing of `{d.by.text}` `{value}`"
                self.error("missing-row", message, d.by.span, *self._row_mend(d, d.by, value, types))
        for row in d.rows:
            if isinstance(row, ast.Inherit) and row.value.text not in attribute.type.values:
                no_value(row.value, attribute.type, self.findings)
        return attribute.type

    def _no_label(self, d: ast.Access, by: ast.Name, attribute: model.Attribute | None, types: tuple[str, ...]) -> None:
        unknown = attribute is not None and attribute.type == UNKNOWN
        if unknown or (attribute is None and self.names.flawed.intersection(types)):
            return
        fit = [a.name for a in self.schema.resource[types[0]].attributes if isinstance(a.type, Enum) and a.required]
        message = f"`{by.text}` is not a required enum attribute of `{d.name.text}`"
        help, edits = suggest(by, fit, "name the attribute that labels the rows")
        if len(fit) == 1:
            help, edits = f"did you mean `{fit[0]}`?", put(by.span, fit[0])
        if attribute is not None and isinstance(attribute.type, Enum):
            declared = next(a for a in self.names.bodies[types[0]].attributes if a.name.text == by.text)
            help, edits = "remove the `?` of the attribute", mending.required(declared)
        self.error("missing-mark", message, by.span, help, edits)

    def _row_mend(self, d: ast.Access, by: ast.Name, value: str, types: tuple[str, ...]) -> mending.Mend:
        """A row that gives nothing new where there is one for `always`, and else as little as a row can."""
        first = self.schema.resource[types[0]]
        given = next((row for row in d.rows if isinstance(row, ast.Permission) and row.label is None), None)
        role = model.attribute(self.schema.principal.attributes, self.schema.principal.role)
        who, action = "", min(self.common_actions(types), default="")
        if given is not None:
            who, action = _words(given.who).replace("_", " ", 1), given.actions[0].text
        elif all(self.schema.resource[name].owner == first.owner != "" for name in types):
            who = "record owner"
        elif role is not None and isinstance(role.type, Enum):
            who = f"role {role.type.values[-1]}"
        if not who or not action:
            return f"add a row `{value}: ...`", ()
        row = f"{value}: {who} may {action}"
        edits = behind(d.rows[-1].span, f"\n  {row}") if d.rows else into_braces(by.span, row)
        return f"add a row, such as `{row}`", edits

    def _label(self, label: ast.Name, d: ast.Access, enum: Enum | None, types: tuple[str, ...]) -> ir.Expr | None:
        if enum is None or d.by is None:
            if d.by is None:
                message = f"the table of `{d.name.text}` has no labels"
                help = f"write `{ALWAYS}`, or `access {d.name.text} by ...`"
                self.error("unknown-name", message, label.span, help, put(label.span, ALWAYS))
            return None
        if label.text not in enum.values:
            no_value(label, enum, self.findings)
            return None
        inherit = self.schema.inherits.get(types[0])
        if inherit and inherit.attribute == d.by.text and inherit.value == label.text:
            message = f"a holder never has `{d.by.text}` `{label.text}`"
            row = next(row for row in d.rows if isinstance(row, ast.Permission) and row.label is label)
            help = "remove the row: such a record takes its scope from above"
            self.error("conflict", message, label.span, help, mending.without(row))
            return None
        inherits = inherit is not None and inherit.attribute == d.by.text
        of = ir.Holder() if inherits else self.resource
        known = Known.ANCESTOR if inherits else Known.RECORD
        return ir.Compare(ir.Attr(of, d.by.text, enum, known), "==", ir.Literal(label.text, enum))

    # ---- Who

    def _who(self, who: ast.Who, types: tuple[str, ...]) -> ir.Expr | None:
        match who.kind:
            case "role":
                return self._role(who)
            case "grant":
                return self._grant(who, types)
        return self._owner(who, types)

    def _owner(self, who: ast.Who, types: tuple[str, ...]) -> ir.Expr | None:
        schema, flawed = self.schema, self.names.flawed.intersection(types)
        if who.kind == "holder" and any(name not in schema.inherits for name in types):
            if not self.names.may_inherit(types):
                message, mend = "`holder` needs types whose scope is inherited", "record owner"
                self.error("not-available", message, who.span, f"write `{mend}`", put(who.span, mend))
            return None
        of_owners = {*types, *(schema.inherits[name].parent_type for name in types if who.kind == "holder")}
        owners = {schema.resource[name].owner for name in of_owners}
        if flawed or not schema.principal.identity:
            return None
        if "" in owners or len(owners) != 1:
            lacking = next((name for name in sorted(of_owners) if not schema.resource[name].owner), "")
            message = f"`{lacking}` has no owner" if lacking else "the types do not have the same owner attribute"
            help = "mark one attribute of each `as owner`, by the same name"
            self.error("missing-mark", message, who.span, *self.names.mark_mend(lacking, "owner", help))
            return None
        attribute = model.attribute(schema.resource[types[0]].attributes, owners.pop())
        if attribute is None or attribute.type == UNKNOWN:
            return None
        of, known = (ir.Holder(), Known.ANCESTOR) if who.kind == "holder" else (self.resource, Known.RECORD)
        return ir.Compare(ir.Attr(of, attribute.name, attribute.type, known), "==", self._me())

    def _me(self) -> ir.Attr:
        principal = self.schema.principal
        identity = model.attribute(principal.attributes, principal.identity)
        return ir.Attr(self.principal, principal.identity, identity.type if identity else UNKNOWN, Known.TOKEN)

    def _role(self, who: ast.Who) -> ir.Expr | None:
        assert who.name is not None
        principal = self.schema.principal
        role = model.attribute(principal.attributes, principal.role)
        if not principal.name or (role is not None and role.type == UNKNOWN):
            return None
        if role is None:
            message, mend = f"`{principal.name}` has no role", self.names.mark_mend(principal.name, "role")
            self.error("missing-mark", message, who.span, *mend)
            return None
        at_least = self._at_least(who.name, role.type)
        of = ir.Attr(self.principal, role.name, role.type, Known.TOKEN)
        return ir.Member(of, at_least) if at_least else None

    def _at_least(self, name: ast.Name, roles: Type) -> tuple[str, ...]:
        """The roles from that one up; none, with a finding, where there is no such role."""
        if not isinstance(roles, Enum):
            return ()
        if name.text not in roles.values:
            no_value(name, roles, self.findings)
            return ()
        return ir.at_least(roles, name.text)

    def _grant(self, who: ast.Who, types: tuple[str, ...]) -> ir.Expr | None:
        assert who.name is not None
        grants = {self.schema.grant_on.get(name) for name in types}
        grant = grants.pop() if len(grants) == 1 else None
        if grant is None:
            if not self.names.unread.may_declare("grant"):
                message = "no one kind of grant row names records of all these types"
                self.error("missing-declaration", message, who.span, "declare `grant ... on` for them")
            return None
        role = model.attribute(grant.attributes, grant.role)
        at_least = self._at_least(who.name, role.type) if role else ()
        if not at_least or not self.schema.principal.identity:
            return None
        on = ir.Holder() if all(name in self.schema.inherits for name in types) else self.resource
        return ir.GrantExists(on, at_least, self._me(), self.tenant_of_principal)


def row_id(d: ast.Access, row: ast.Permission) -> str:
    """The id of the permit that a row becomes, made of its words."""
    return f"{d.name.text}.{row.label.text if row.label else ALWAYS}.{_words(row.who)}"


def _words(who: ast.Who) -> str:
    return f"{who.kind}_{who.name.text if who.name else 'owner'}"
