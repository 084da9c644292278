"""The layout of a bundle: a module that is always loaded, and one for each kind of record, loaded when asked for.

`__init__` holds the support, the checks of principal, context and rows, the finders, and the public functions. A part
holds what decides on types that differ in nothing that decides. So cold start and memory depend on what is asked, not
on the size of the policy set.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files

from policyengine.backends.python.api import emit_api
from policyengine.backends.python.report import emit_report
from policyengine.backends.python.text import conjunction, function, indent
from policyengine.backends.python.verdict import emit_decider, emit_verdict, has_decider
from policyengine.backends.python.writer import Writer, live_reads
from policyengine.ir.nodes import Attr, Expr, Literal, Program, Reference, Rule, Var
from policyengine.ir.printer import print_program
from policyengine.ir.visitor import rewrite_rule, walk
from policyengine.model.schema import Attributes, Grant, Inheritance, Known, Resource
from policyengine.model.types import TYPE, Entity, Enum, Id, Shape, Type
from policyengine.partial.specializer import Partly, specialize

MAX_CHAIN = 32
"""How many rows up a scope may be held (docs/studio.md, Chains)."""


def policy_digest(program: Program) -> str:
    """The SHA-256 of the printed core, in hexadecimal: it changes with the meaning, not with comments or file order."""
    return hashlib.sha256(print_program(program).encode()).hexdigest()


def emit_python(program: Program) -> dict[str, str]:
    """The texts of the bundle's modules by name, `__init__` first."""
    parts = _parts(program)
    main = _text(_Main(program, parts).lines())
    defined = _defined(main)
    texts = {part.name: _with_imports(_text(_part(program, part)), defined) for part in parts}
    if program.api.fields:
        texts["api"] = _with_imports(_text(emit_api(program)), defined)
    return {"__init__": main, **texts}


# ---- Parts: what decides on records


@dataclass(frozen=True, slots=True)
class _Part:
    """Types that differ in nothing that decides, and the rules of each of their actions."""

    types: tuple[str, ...]
    cells: tuple[tuple[str, tuple[Rule, ...]], ...]

    @property
    def name(self) -> str:
        return f"on_{self.types[0]}"


def _parts(program: Program) -> list[_Part]:
    """Every type with its rules, specialized to each action; types that are alike stand together.

    In a rule that is specialized to a type, the type's own name and `resource.type` are the same: writing the latter
    for the former lets rules that differ in nothing else be seen as the same.
    """
    alike: dict[tuple[object, ...], list[str]] = {}
    cells: dict[str, tuple[tuple[str, tuple[Rule, ...]], ...]] = {}
    for resource in program.schema.resources:
        name = resource.name
        chain = program.schema.inherits.get(name)
        cells[name] = tuple((action, _rules(program, action, name)) for action in program.schema.actions_on[name])
        key = (
            cells[name],
            resource.attributes,
            resource.identity,
            resource.global_reason != "",
            chain,
            chain is not None and chain.parent_type == name,
            program.schema.grant_on.get(name),
        )
        alike.setdefault(key, []).append(name)
    return [_Part(tuple(types), cells[types[0]]) for types in alike.values()]


def _rules(program: Program, action: str, type_name: str) -> tuple[Rule, ...]:
    own = Attr(Var("resource", Entity("resource")), "type", TYPE, Known.ARGUMENT)

    def without_own_name(expr: Expr) -> Expr:
        return own if expr == Literal(type_name, TYPE) else expr

    rules = specialize(program, Partly(action, type_name)).rules
    return tuple(replace(rewrite_rule(rule, without_own_name), actions=(), types=(), doc="") for rule in rules)


def _part(program: Program, part: _Part) -> Iterator[str]:
    """The functions of a part; actions with the same rules share theirs."""
    first = part.types[0]
    yield f'"""What decides on {", ".join(part.types)}."""'
    yield from _validator("record", program.schema.resource[first].attributes)
    names: dict[tuple[Rule, ...], str] = {}
    for action, rules in part.cells:
        if rules in names:
            continue
        name = names[rules] = action
        sharing = [action for action, others in part.cells if others == rules]
        yield f"\n\n# {', '.join(sharing)} on {', '.join(part.types)}"
        of = (program, first, rules)
        yield from function(f"_report_{name}(entities, p, r, c)", emit_report(*of))
        yield from function(f"_allows_{name}(p, r, entities, c, discharged)", emit_verdict(*of))
        if has_decider(*of):
            yield from function(f"_each_{name}(p, entities, c, discharged, memos)", emit_decider(*of))
    yield "\n"
    for table, prefix in (("REPORTS", "_report_"), ("ALLOWS", "_allows_"), ("EACH", "_each_")):
        cells = {action: names[rules] for action, rules in part.cells}
        if table == "EACH":
            deciding = {names[rules] for _, rules in part.cells if has_decider(program, first, rules)}
            cells = {action: name for action, name in cells.items() if name in deciding}
        yield f"{table} = {{{', '.join(f'{action!r}: {prefix}{name}' for action, name in cells.items())}}}"
    yield "FIELDS = _fields_record"


def _defined(main: str) -> frozenset[str]:
    """The names of the main module that a part may use."""
    before_public = main[: main.index("# ---- The public functions")]
    found = re.findall(r"^(?:def|class) (\w+)|^(\w+)(?::[^=]*)? = ", before_public, re.MULTILINE)
    return frozenset(name for pair in found for name in pair if name)


def _with_imports(part: str, defined: frozenset[str]) -> str:
    """A part's text with an import of all that it uses of the main module."""
    used = defined & set(re.findall(r"\w+", part)) - set(re.findall(r"^(\w+) = ", part, re.MULTILINE))
    head, rest = part.split("\n", 1)
    return f"{head}\nfrom . import {', '.join(sorted(used))}\n{rest}" if used else part


# ---- The main module


class _Main:
    def __init__(self, program: Program, parts: list[_Part]) -> None:
        self.program = program
        self.schema = program.schema
        self.parts = parts

    def lines(self) -> Iterator[str]:
        yield '"""Generated by policyengine from the policy with the digest below. Do not edit: build it again."""\n'
        support = files("policyengine.runtime").joinpath("support.py").read_text("utf-8")
        yield support[support.index("from __future__") :].rstrip()
        yield "\n\n# ==== What follows is this policy's own ====\n"
        yield f'digest = "{policy_digest(self.program)}"'
        yield from self._validators()
        yield from self._finders()
        yield from self._tables()
        public = files("policyengine.runtime").joinpath("public.py").read_text("utf-8")
        yield public[public.index("# ---- The public functions") :].rstrip()

    # ---- Checking input

    def _validators(self) -> Iterator[str]:
        """For each declaration a fast check, and the table that the slow one reads to say what is wrong."""
        schema = self.schema
        enums = (*schema.enums, Enum("Type", schema.type_names, False))
        for enum in enums:
            yield f"_enum_{enum.name} = frozenset({sorted(enum.values)!r})"
        for enum in enums:
            yield from function(f"_check_{enum.name}(v)", [f"return type(v) is str and v in _enum_{enum.name}"])
        for name in sorted({a.type.name for a in schema.context if isinstance(a.type, Shape)}):
            yield from _validator(f"shape_{name}", schema.shape[name])
        yield from _validator("the_principal", schema.principal.attributes, schema.principal.name)
        yield from _validator("the_context", schema.context)
        for name in sorted(self._looked_up()):
            yield from _validator(f"row_{name}", schema.resource[name].attributes, name)
        for grant in schema.grants:
            yield from _validator(f"row_{grant.name}", grant.attributes, grant.name)

    def _looked_up(self) -> set[str]:
        """The types whose rows a decision may ask for: parents, and what references name."""
        found = {inherit.parent_type for _, inherit in self.schema.inheritance}
        for rule in self.program.rules:
            values = [value for _, value in rule.obliges.fields] if rule.obliges else []
            for expr in (rule.condition, *values):
                found |= {node.target for node in walk(expr) if isinstance(node, Reference)}
        return found

    # ---- Finding rows

    def _finders(self) -> Iterator[str]:
        for name in sorted(self._looked_up()):
            yield from self._finder(self.schema.resource[name])
        for inherit in sorted({inherit for _, inherit in self.schema.inheritance}, key=lambda i: i.parent_type):
            yield from self._holder(inherit)
        for grant in self.schema.grants:
            yield from self._granter(grant)

    def _finder(self, resource: Resource) -> Iterator[str]:
        """A row that is well-formed and is what was asked for, whoever supplied it; else None."""
        name = resource.name
        tests = [f"_ok_row_{name}(row)", f'row["{self.schema.tenant_key}"] == org', f'row["{resource.identity}"] == id']
        body = [
            "if type(entities) is Entities:",
            f'    return entities.row(org, "{name}", id)',
            f'row = load(entities, org, "{name}", id)',
            *conjunction("if ", tests, ":"),
            "    return row",
            "return None",
        ]
        yield from function(f"_find_{name}(entities, org, id)", body)

    def _holder(self, inherit: Inheritance) -> Iterator[str]:
        """The record itself, or the nearest row up that does not inherit: at most MAX_CHAIN up, none met twice.

        What stands above a parent is the same for every record below it, but for a record that is met on the way (`own`
        is its id, where it could be). So rows in memory, which never change, remember it, with what was met.
        """
        parent = inherit.parent_type
        identity, key = self.schema.resource[parent].identity, self.schema.tenant_key
        yield from function(
            f"_holder_{parent}(entities, r)",
            [
                f'if r["{inherit.attribute}"] != "{inherit.value}":',
                "    return r",
                f'own = r["{identity}"] if r["type"] == "{parent}" else None',
                f'return _above_{parent}(entities, r["{key}"], r.get("{inherit.parent}"), own)',
            ],
        )
        yield from function(
            f"_above_{parent}(entities, org, up, own)",
            [
                "if type(entities) is not Entities:",
                f"    return _climb_{parent}(entities, org, up, {{own}})",
                f'key = (org, "{parent}", up)',
                "known = entities.above.get(key)",
                "if known is None:",
                "    met = {None}",
                f"    known = (_climb_{parent}(entities, org, up, met), met)",
                "    entities.remember(key, known)",
                "found, met = known",
                "if own is not None and own in met:",
                '    return Err("the chain does not resolve: a record is met twice")',
                "return found",
            ],
        )
        yield from function(
            f"_climb_{parent}(entities, org, up, met)",
            [
                f"for _ in range({MAX_CHAIN}):",
                "    if up is None:",
                "        break",
                "    if up in met:",
                '        return Err("the chain does not resolve: a record is met twice")',
                "    met.add(up)",
                f"    row = _find_{parent}(entities, org, up)",
                "    if row is None:",
                f'        return Err("the chain does not resolve: a {parent} is missing")',
                f'    if row["{inherit.attribute}"] != "{inherit.value}":',
                "        return row",
                f'    up = row.get("{inherit.parent}")',
                "if up is None:",
                '    return Err("the chain does not resolve: a record that inherits has no parent")',
                f'return Err("the chain does not resolve: it is longer than {MAX_CHAIN}")',
            ],
        )

    def _granter(self, grant: Grant) -> Iterator[str]:
        """Whether one of the rows on a record, each judged by itself, is the member's, live, and of such a role."""
        writer = Writer(self.program, grant.types[0], local=True)
        row_fits = [
            f"_ok_row_{grant.name}(row)",
            f'row["{self.schema.tenant_key}"] == org',
            f'row["{grant.resource_type}"] == t',
            f'row["{grant.resource_id}"] == id',
            f'row["{grant.member_id}"] == member',
        ]
        tests = [
            f"(checked or ({' and '.join(row_fits)}))",
            f'row["{grant.member_tenant}"] == member_org',
            f'row["{grant.role}"] in roles',
            writer.inside(self.program.live_when(grant.name)),
        ]
        body = [
            "checked = type(entities) is Entities",
            "key = (org, t, id, member)",
            "for row in entities.grant_rows(key) if checked else load_grants(entities, key):",
            *indent(conjunction("if ", tests, ":")),
            "        return True",
            "return False",
        ]
        context = "".join(f", {writer.plain(attr)}" for attr in live_reads(self.program, grant))
        head = f"_granted_{grant.name}(entities, org, t, id, member, member_org, roles{context})"
        yield from function(head, body)

    # ---- What the public functions read

    def _tables(self) -> Iterator[str]:
        schema = self.schema
        yield "\n"
        yield f'PRINCIPAL = "{schema.principal.name}"'
        yield f"ACTIONS = frozenset({sorted({action for action, _ in schema.cells()})!r})"
        yield f"DEFAULTS = { ({a.name: a.default for a in schema.context if a.default is not None})!r}"
        yield "ROWS = {"
        for name in sorted(self._looked_up()):
            identity = schema.resource[name].identity
            yield f'    "{name}": (_ok_row_{name}, "{schema.tenant_key}", "{identity}"),'
        yield "}"
        yield "GRANT_ROWS = {"
        for grant in schema.grants:
            names = (schema.tenant_key, grant.resource_type, grant.resource_id, grant.member_id)
            yield f'    "{grant.name}": (_ok_row_{grant.name}, {names!r}, {grant.types!r}),'
        yield "}"
        yield "PARTS = {"
        for part in self.parts:
            yield from (f'    "{name}": "{part.name}",' for name in part.types)
        yield "}\n\n"


def _validator(name: str, attributes: Attributes, own_type: str = "") -> Iterator[str]:
    """A check, and a table of what it asks for. `own_type`: all that a `type` inside the object may say."""
    yield "\n"
    yield f"_fields_{name} = ("
    for a in attributes:
        check = f"_fields_shape_{a.type}" if isinstance(a.type, Shape) else _check(a.type)
        yield f'    ("{a.name}", {check}, {a.required}, "{a.type}"),'
    yield ")"
    if name == "record":  # a record in a request is checked where it is decided on
        return
    tests = ["isinstance(v, dict)"]
    if own_type:
        tests.append(f'(v.get("type") is None or v["type"] == "{own_type}")')
    for a in attributes:
        check = f"_ok_shape_{a.type}" if isinstance(a.type, Shape) else _check(a.type)
        absent = "" if a.required else f'v.get("{a.name}") is None or '
        test = f'{check}(v.get("{a.name}"))'
        tests.append(f"({absent}{test})" if absent else test)
    yield from function(f"_ok_{name}(v)", conjunction("return ", tests))


def _check(type_: Type) -> str:
    """The name of the function that says whether a value has a type."""
    if isinstance(type_, Enum) or type_ == TYPE:
        return f"_check_{type_}"
    if isinstance(type_, Id):
        return "is_tenant_id" if type_.tenant else "is_id"
    return f"is_{str(type_).lower()}"


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
