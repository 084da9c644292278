"""Syntax trees back to text: parsing what is printed gives an equal tree. Comments that are not docs are lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from policyengine.frontend import ast


def print_declarations(declarations: Iterable[ast.AnyDeclaration]) -> str:
    """The text of a file that holds these declarations, with an empty line between them."""
    return "\n".join(print_declaration(declaration) for declaration in declarations)


def print_declaration(declaration: ast.AnyDeclaration) -> str:
    """The text of one declaration, docs first, ended by a newline."""
    return "\n".join([*_docs(declaration.docs, ""), *_declaration(declaration)]) + "\n"


def print_expression(expr: ast.Expression) -> str:
    """The text of a condition, with parentheses only where the tree needs them."""
    match expr:
        case ast.Path(names=names):
            return ".".join(name.text for name in names)
        case ast.Value(value=value):
            return _value(value)
        case ast.Call(name=name, arguments=arguments):
            return f"{name.text}({', '.join(print_expression(argument) for argument in arguments)})"
        case ast.Granted():
            return "granted"
        case ast.Not(operand=operand):
            return f"not {_inside(operand, ast.Or, ast.And)}"
        case ast.And(operands=operands):
            return " and ".join(_inside(operand, ast.Or, ast.And) for operand in operands)
        case ast.Or(operands=operands):
            return " or ".join(_inside(operand, ast.Or) for operand in operands)
        case ast.Compare(left=left, operator=operator, right=right):
            return f"{_operand(left)} {operator} {_operand(right)}"
        case ast.In(item=item, choices=choices):
            return f"{_operand(item)} in {{ {', '.join(print_expression(choice) for choice in choices)} }}"
        case ast.Has(path=path):
            return f"has {print_expression(path)}"


def _inside(expr: ast.Expression, *looser: type[ast.Node]) -> str:
    return f"({print_expression(expr)})" if isinstance(expr, looser) else print_expression(expr)


def _operand(expr: ast.Expression) -> str:
    return _inside(expr, ast.Or, ast.And, ast.Not, ast.Compare, ast.In, ast.Has)


def _value(value: str | int | bool) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _docs(docs: Iterable[str], margin: str) -> list[str]:
    return [f"{margin}/// {line}".rstrip() for line in docs]


def _names(names: Iterable[ast.Name]) -> str:
    return ", ".join(name.text for name in names)


def _declaration(d: ast.AnyDeclaration) -> list[str]:
    match d:
        case ast.Tenant():
            return [f"tenant {d.name.text} by {d.key.text}"]
        case ast.Enum():
            values = (" < " if d.ordered else ", ").join(value.text for value in d.values)
            return [f"enum {d.name.text} {{ {values} }}"]
        case ast.Principal():
            return _with_body(f"principal {d.name.text}", d.body)
        case ast.Context():
            return _with_body("context", d.body)
        case ast.Shape():
            return _with_body(f"shape {d.name.text}", d.body)
        case ast.Resource():
            head = f"resource {_names(d.names)}" + (f" is {d.shape.text}" if d.shape else "")
            lines = _with_body(head, d.body) if d.body else [head]
            outside = f" global {_value(d.global_reason.value)}" if d.global_reason else ""
            return [*lines[:-1], lines[-1] + outside]
        case ast.Grant():
            return _grant(d)
        case ast.Action():
            return [f"action {_names(d.names)} on {_names(d.on)}"]
        case ast.Obligation():
            return _with_body(f"obligation {d.name.text}", d.body)
        case ast.Access():
            by = f" by {d.by.text}" if d.by else ""
            return [f"access {d.name.text}{by} {{", *chain.from_iterable(map(_row, d.rows)), "}"]
        case ast.Changing():
            return [f"changing {_names(d.attributes)} on {_names(d.on)} needs {d.needs.text}"]
        case ast.Define():
            parameters = ", ".join(f"{p.name.text}: {_type(p.type)}" for p in d.parameters)
            return [f"define {d.name.text}({parameters}) =", f"  {print_expression(d.body)}"]
        case ast.Rule():
            return list(_rule(d))
        case ast.Threat():
            items = [f"  {_threat_item(item)}" for item in d.items]
            return [f"threat {d.name.text} {_value(d.description.value)} {{", *items, "}"]
        case ast.Test():
            return [f"test {_value(d.title.value)} {{", *(f"  {_statement(s)}" for s in d.statements), "}"]
        case ast.Broken():
            return ["// What stands here could not be read."]
        case ast.Aws():
            return ["aws {", *(f"  {_setting(setting)}" for setting in d.settings), "}"]
        case ast.Api():
            return ["api {", *(f"  {_api_item(item)}" for item in d.items), "}"]


def _with_body(head: str, body: ast.Body) -> list[str]:
    if not body.attributes:
        return [head + " { }"]
    return [head + " {", *(f"  {_attribute(attribute)}," for attribute in body.attributes), "}"]


def _attribute(a: ast.Attribute) -> str:
    optional = "?" if a.optional else ""
    default = f" = {print_expression(a.default)}" if a.default else ""
    mark = f" as {a.mark.text}" if a.mark else ""
    source = f" from {a.source.text}" if a.source else ""
    claim = f" {a.claim.text if isinstance(a.claim, ast.Name) else print_expression(a.claim)}" if a.claim else ""
    return f"{a.name.text}: {_type(a.type)}{optional}{default}{mark}{source}{claim}"


def _type(type_: ast.TypeName) -> str:
    return type_.name.text + (f" of {type_.of.text}" if type_.of else "")


def _grant(d: ast.Grant) -> list[str]:
    head = f"grant {d.name.text} on {d.on.text} by {_names(d.record_by)} to {d.to.text} by {_names(d.member_by)}"
    lines = _with_body(head, d.body)
    if d.counts_when:
        lines.append(f"counts when {print_expression(d.counts_when)}")
    return [*lines, "crosses on the record itself"] if d.crosses else lines


def _row(row: ast.Inherit | ast.Permission) -> list[str]:
    if isinstance(row, ast.Inherit):
        return [*_docs(row.docs, "  "), f"  {row.value.text}: as {row.parent.text}"]
    who = f"{row.who.kind} {row.who.name.text if row.who.name else 'owner'}"
    return [*_docs(row.docs, "  "), f"  {row.label.text if row.label else 'always'}: {who} may {_names(row.actions)}"]


def _rule(d: ast.Rule) -> Iterator[str]:
    on = f"{_names(d.actions)} on {_names(d.on)}"
    if d.obligation:
        fields = ", ".join(f"{name.text}: {print_expression(value)}" for name, value in d.fields)
        yield f"require {d.name.text}: {d.obligation.text} {{ {fields} }} for {on}"
    else:
        yield f"{d.effect} {d.name.text}: {on}"
    if d.when:
        yield f"  when {print_expression(d.when)}"
    if d.unless:
        yield f"  unless {print_expression(d.unless)}"
    if d.because:
        yield f"  because {_value(d.because.value)}"


def _statement(s: ast.Let | ast.Row | ast.TestContext | ast.Expectation) -> str:
    match s:
        case ast.Let():
            of = f"{s.of.text} {'with ' if s.changed else ''}" if s.of else ""
            return f"let {s.name.text} = {of}{_given(s.value)}"
        case ast.Row():
            return f"row {s.of.text} {_given(s.value)}"
        case ast.TestContext():
            return f"context {_given(s.value)}"
        case ast.Expectation():
            by = f" by {', '.join(print_expression(rule) for rule in s.rules)}" if s.rules else ""
            owed = ", ".join(f"{name.text} {_given(value)}" for name, value in s.obligations)
            errors = ", ".join(_value(error.value) for error in s.errors)
            words = [s.principal.text, s.action.text, s.record.text]
            line = f"{'allow' if s.allow else 'deny'} {' '.join(words)}{by}"
            return line + (f" obliges {owed}" if owed else "") + (f" errs {errors}" if errors else "")


def _given(value: ast.Object | ast.Raw) -> str:
    if isinstance(value, ast.Raw):
        return f"json `{value.text}`"
    members = ", ".join(
        f"{name.text}: {_given(of) if isinstance(of, ast.Object) else print_expression(of)}"
        for name, of in value.members
    )
    return f"{{ {members} }}" if members else "{ }"


def _setting(setting: ast.Setting) -> str:
    name = f" {setting.name.text}" if setting.name else ""
    return f"{setting.kind.text}{name} {_value(setting.value.value)}"


def _api_item(item: ast.Mapped | ast.Opened | ast.Waived | ast.TokenAlone) -> str:
    match item:
        case ast.Mapped():
            clauses = {"by": item.by, "in": item.within, "to": item.to, "writes": item.writes, "passing": item.passing}
            marked = "".join(f" {word} {_paths(paths)}" for word, paths in clauses.items() if paths)
            effect = " takes effect" if item.takes_effect else ""
            return f"{_paths(item.fields)}: {item.action.text} on {_names(item.on)}{marked}{effect}"
        case ast.Opened():
            return f"open {_paths(item.fields)} because {_value(item.because.value)}"
        case ast.Waived():
            until, because = _value(item.until.value), _value(item.because.value)
            return f"waive {item.finding.text} on {print_expression(item.on)} until {until} because {because}"
        case ast.TokenAlone():
            return "authorizer answers from token alone"


def _paths(paths: Iterable[ast.Path]) -> str:
    return ", ".join(map(print_expression, paths))


def _threat_item(item: ast.Never | ast.Held | ast.Inexpressible | ast.NotOurs) -> str:
    match item:
        case ast.Held(layers=layers):
            return f"held by {_names(layers)}"
        case ast.Inexpressible(layers=layers, reason=reason):
            return f"not expressible by {_names(layers)} {_value(reason.value)}"
        case ast.NotOurs(reason=reason):
            return f"not ours {_value(reason.value)}"
        case ast.Never():
            without = f" without {item.without.text}" if item.without else ""
            when = f" when {print_expression(item.when)}" if item.when else ""
            return f"never {_names(item.actions) or 'any'} on {_names(item.on) or 'any'}{without}{when}"
