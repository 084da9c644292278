"""The core as text: what `build --emit core` and `residual` show, golden files hold, and the digest covers."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policyengine.ir.nodes import (
    And,
    Api,
    Attr,
    Compare,
    Expr,
    Field,
    Granted,
    GrantExists,
    Has,
    Holder,
    Isolation,
    Literal,
    Member,
    Not,
    Or,
    Program,
    Reference,
    Rule,
    Threat,
    Var,
)
from policyengine.model.claims import CLAIMS
from policyengine.model.schema import Attribute, Attributes, Schema
from policyengine.model.types import STRING, Id, Type


def print_program(program: Program) -> str:
    """The whole program, declarations first; the same text for the same meaning, whatever the order of the source."""
    return "\n".join([*_schema(program.schema), *_rules(program)]) + "\n"


def print_rules(program: Program) -> str:
    """The rules alone."""
    return "\n".join(line for rule in program.rules for line in _rule(rule)) + ("\n" if program.rules else "")


def print_expr(expr: Expr) -> str:
    """One expression, with parentheses only where they are needed to read it back."""
    match expr:
        case Literal(value=value, type=type_):
            return _value(value, type_)
        case Var(name=name):
            return name
        case Attr(of=of, name=name):
            return f"{print_expr(of)}.{name}"
        case Holder():
            return "holder"
        case Reference(by=by, target=target):
            return f"{target}[{print_expr(by)}]"
        case Has(attr=attr):
            return f"has {print_expr(attr)}"
        case Not(operand=operand):
            return f"not {_inside(operand)}"
        case And(operands=operands):
            return " and ".join(_junction_in(operand) for operand in operands)
        case Or(operands=operands):
            return " or ".join(_junction_in(operand) for operand in operands)
        case Compare(left=left, operator=operator, right=right):
            return f"{_inside(left)} {operator} {_inside(right)}"
        case Member(item=item, values=values):
            return f"{_inside(item)} in {{ {', '.join(_value(value, _type(item)) for value in values)} }}"
        case Isolation(principal=principal, record=record, crosses=crosses):
            how = " or crossing" if crosses else ""
            return f"isolation({print_expr(principal)}, {print_expr(record)}{how})"
        case GrantExists(on=on, roles=roles, member=member, member_tenant=tenant):
            return f"grant({print_expr(on)}, {' or '.join(roles)}, {print_expr(member)}, {print_expr(tenant)})"
        case Granted():
            return "granted"


def _junction_in(expr: Expr) -> str:
    return f"({print_expr(expr)})" if isinstance(expr, And | Or) else print_expr(expr)


def _inside(expr: Expr) -> str:
    return f"({print_expr(expr)})" if isinstance(expr, And | Or | Not | Compare | Member) else print_expr(expr)


def _type(expr: Expr) -> Type:
    return expr.type if isinstance(expr, Attr | Var | Literal) else STRING


def _value(value: str | int | bool, type_: Type) -> str:
    if isinstance(value, str) and (type_ == STRING or isinstance(type_, Id)):
        return json.dumps(value)
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _rules(program: Program) -> Iterator[str]:
    for name, condition in program.live:
        yield f"live {name} when {print_expr(condition)}"
    for rule in program.rules:
        yield from _rule(rule)
    for changing in program.changing:
        yield f"changing {changing.attribute} on {', '.join(changing.types)} needs {changing.needs}"
    for threat in program.threats:
        yield from _threat(threat)
    for kind, name, value in program.aws:
        yield f"aws {f'{kind} {name}'.strip()} {json.dumps(value)}"
    yield from _api(program.api)


def _rule(rule: Rule) -> Iterator[str]:
    crosses = " crosses" if rule.crosses else ""
    yield f"{rule.effect} {rule.id}{crosses}: {', '.join(rule.actions)} on {', '.join(rule.types)}"
    yield f"  when {print_expr(rule.condition)}"
    if rule.obliges:
        fields = ", ".join(f"{name}: {print_expr(value)}" for name, value in rule.obliges.fields)
        yield f"  obliges {rule.obliges.name} {{ {fields} }}"
    if rule.because:
        yield f"  because {json.dumps(rule.because)}"


def _threat(threat: Threat) -> Iterator[str]:
    yield f"threat {threat.id} {json.dumps(threat.description)}"
    for never in threat.nevers:
        without = f" without {never.without}" if never.without else ""
        on = f"{', '.join(never.actions)} on {', '.join(never.types)}"
        yield f"  never {on}{without} when {print_expr(never.condition)}"
    if threat.held_by:
        yield f"  held by {', '.join(threat.held_by)}"
    for layer, reason in threat.inexpressible:
        yield f"  not expressible by {layer} {json.dumps(reason)}"
    for reason in threat.not_ours:
        yield f"  not ours {json.dumps(reason)}"


def _api(api: Api) -> Iterator[str]:
    for field in api.fields:
        yield f"api {field} {_mapped(field)}"
    for waiver in api.waivers:
        yield f"api waive {waiver.finding} on {waiver.on} until {waiver.until} because {json.dumps(waiver.because)}"
    if api.token_alone:
        yield "api answers from token alone"


def _mapped(field: Field) -> str:
    if not field.action:
        return f"open {json.dumps(field.reason)}"
    clauses = {"by": field.by, "in": field.tenants, "to": field.member, "writes": field.content}
    clauses["passing"] = field.passing
    marked = [f" {word} {', '.join(places)}" for word, places in clauses.items() if places]
    effect = " takes effect" if field.takes_effect else ""
    return f"{field.action} on {', '.join(field.types)}{''.join(marked)}{effect}"


def _schema(schema: Schema) -> Iterator[str]:
    yield f"tenant {schema.tenant} by {schema.tenant_key}"
    for enum in schema.enums:
        yield f"enum {enum.name} {{ {(' < ' if enum.ordered else ', ').join(enum.values)} }}"
    for name, attributes in schema.shapes:
        yield f"shape {name} {_attributes(attributes)}"
    claims = ", ".join(f"{_attribute(a)}{_claim(a.claim)}" for a in schema.principal.attributes)
    yield f"principal {schema.principal.name} {{ {claims} }}"
    context = ", ".join(f"{_attribute(a)} from {a.known}" for a in schema.context)
    yield f"context {{ {context} }}" if context else "context { }"
    for resource in schema.resources:
        outside = f" global {json.dumps(resource.global_reason)}" if resource.global_reason else ""
        yield f"resource {resource.name} {_attributes(resource.attributes)}{outside}"
    for grant in schema.grants:
        keys = f"by {grant.resource_type}, {grant.resource_id} to {grant.member_id}, {grant.member_tenant}"
        crosses = " crosses" if grant.crosses else ""
        yield f"grant {grant.name} on {', '.join(grant.types)} {keys} {_attributes(grant.attributes)}{crosses}"
    for type_name, actions in schema.actions:
        yield f"actions {type_name} {{ {', '.join(actions)} }}"
    for obligation in schema.obligations:
        yield f"obligation {obligation.name} {_attributes(obligation.attributes)}"
    for type_name, inherit in schema.inheritance:
        up = f"{inherit.parent_type}[{inherit.parent}]"
        yield f"inherit {type_name} from {up} where {inherit.attribute} is {inherit.value}"


def _attributes(attributes: Attributes) -> str:
    return f"{{ {', '.join(_attribute(a) for a in attributes)} }}" if attributes else "{ }"


def _claim(claim: str) -> str:
    return "" if not claim else f" from claim {claim}" if claim in CLAIMS else f" from permission {json.dumps(claim)}"


def _attribute(a: Attribute) -> str:
    optional = "?" if a.optional else ""
    default = "" if a.default is None else f" = {_value(a.default, a.type)}"
    mark = f" as {a.mark}" if a.mark else ""
    return f"{a.name}: {a.type}{optional}{default}{mark}"
