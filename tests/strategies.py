"""Random well-typed policy sets as text, and random data and requests for whatever schema they declare.

Every choice comes from `Choices`: from Hypothesis, which can shrink it, or from a seed, for loops that count what they
saw. A policy set is made in two steps: first a vocabulary with its access declarations; then, from the schema that it
compiles to, rules whose every path exists, has the type that its place asks for, and is guarded by `has` where it may
be absent. So rules can be added to any compiled schema, Studio's among them.

The vocabulary is nobody's in particular: keys, identities, owners and scopes have many names, some of them keywords.
Ids are few, so that rows match requests; the rest of a request is mostly well-formed. A policy set that does not
compile, or a request that raises, is a failure of whatever test meets it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st

from policyengine.compiler import compile_sources, program_of
from policyengine.model.schema import Attributes, Grant, Resource, Schema
from policyengine.model.types import BOOL, INT, STRING, TIME, TYPE, Enum, Id, Shape, Type, comparable
from policyengine.source import Source

T = TypeVar("T")
Object = dict[str, Any]

TENANTS = ("t", "t1", "t1-_")
IDS = ("a", "b", "a1", "t1", "\u00e9")
STRINGS = ("", "a", "T1", 'say "no" \\', "\u00e9", "e\u0301", "\U0001f600")
INTS = (0, 1, 2, -1, 10**18 - 1)  # the last is the greatest that a policy can write
TIMES = (
    "2026-06-01T00:00:00Z",
    "2026-06-01T02:00:00+02:00",  # the same instant
    "2026-05-31T23:59:59.999999999-00:00",
    "2026-06-01T00:00:00.5Z",
    "0001-01-01T00:00:00+23:59",
)
JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 1.0, 10**400, "", "\ud800", "a\udfff", "other", "2026-06-01t00:00:00Z"),
    *([], {}, ["a"], [None], {"id": "a"}, "a" * 65, "t1\n", "2026-02-30T00:00:00Z", float("nan")),
)


class Choices:
    """Where every choice comes from: `below(n)` is one of 0 to n - 1, of which 0 is the simplest."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    @classmethod
    def seeded(cls, seed: int | str) -> Choices:
        draw = Random(seed).random
        return cls(lambda n: int(draw() * n))

    def pick(self, values: Sequence[T]) -> T:
        return values[self.below(len(values))] if len(values) > 1 else values[0]

    def chance(self, percent: int) -> bool:
        return self.below(100) >= 100 - percent

    def count(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1) if most > least else least

    def some(self, values: Sequence[T], least: int = 1, most: int = 99) -> list[T]:
        """Some of the values, each once, in an order of its own."""
        rest = list(values)
        wanted = self.count(min(least, len(rest)), min(most, len(rest)))
        return [rest.pop(self.below(len(rest)) if len(rest) > 1 else 0) for _ in range(wanted)]

    def shuffled(self, values: Sequence[T]) -> list[T]:
        return self.some(values, len(values))


_BELOW: dict[int, st.SearchStrategy[int]] = {}


@st.composite
def choices(draw: st.DrawFn) -> Choices:
    """Choices that Hypothesis makes, and can shrink."""

    def below(n: int) -> int:
        if n not in _BELOW:
            _BELOW[n] = st.integers(0, n - 1)
        return draw(_BELOW[n])

    return Choices(below)


def quoted(text: str) -> str:
    """A text as the language writes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# ---- Policy sets -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PolicySet:
    """Declarations, each its own text; in any order, in any files, they mean the same."""

    declarations: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n".join(self.declarations) + "\n"

    @property
    def sources(self) -> list[Source]:
        return [Source("random.policy", self.text)]

    def __add__(self, more: Iterable[str]) -> PolicySet:
        return PolicySet((*self.declarations, *more))


def policy_set(c: Choices) -> PolicySet:
    """A policy set that compiles."""
    vocabulary = PolicySet(tuple(_Vocabulary(c).declarations()))
    schema = program_of(compile_sources(vocabulary.sources)).schema
    return PolicySet((*documented(c, vocabulary + rules(c, schema) + ornaments(c, schema)), *api(schema)))


@st.composite
def policy_sets(draw: st.DrawFn) -> PolicySet:
    return policy_set(draw(choices()))


def documented(c: Choices, declarations: PolicySet) -> Iterator[str]:
    """The declarations, some of them with docs or a comment before them."""
    for declaration in declarations.declarations:
        before = c.pick(("", "", "", "", "/// Says so.\n", '///\n/// \U0001f600 // "x"\n', "// no docs\n", "//\n"))
        yield before + declaration


# ---- Vocabularies

# Words, some of which are keywords of the language or of Python, or names inside a generated module.
_TENANTS = (("Company", "companyKey"), ("Realm", "t"), ("Clinic", "tenant"), ("Org", "org"), ("House", "in"))
_PRINCIPALS = (("Person", "sub"), ("Account", "accountId"), ("Clerk", "number"), ("Caller", "id"))
_TYPES = ("Box", "Page", "Attic", "Zone", "Song", "Lamp", "Mill", "Crate", "class_", "Yard")
_IDENTITIES = ("key", "code", "id", "serial")
_OWNERS = ("keeper", "ownerRef", "by", "owner")
_SCOPES = ("reach", "scope", "kind", "holder")
_PARENTS = ("inside", "up", "parentRef")
_ATTRIBUTES = (
    *("note", "size", "flag", "open", "since", "link", "link_ok", "class", "def", "lambda", "None", "t", "h", "r"),
    *("p", "row", "entities", "when", "not", "has", "role", "true", "value", "fields", "x_link", "grade", "may"),
)
_CONTEXT = ("tries", "mode", "safe", "origin", "guest", "import", "c")
_ACTIONS = ("read", "open_", "lend", "burn", "list", "copy", "export", "a", "a_b")
_VALUES = ("low", "mid", "top", "NONE", "Some", "ALL", "up_", "viewer", "None", "Box_")
_ROLES = ("viewer", "editor", "top", "low")
_FIELDS = ("what", "who", "amount", "value", "lambda", "type_", "c", "name_", "since")


class _Vocabulary:
    """The declarations of one vocabulary, and its access declarations."""

    def __init__(self, c: Choices) -> None:
        self.c = c
        self.tenant, self.key = c.pick(_TENANTS)
        self.principal, self.sub = c.pick(_PRINCIPALS)
        self.enums = {name: (c.some(_VALUES, 2, 3), c.chance(50)) for name in c.some(("Grade", "Mode", "Tier"), 1)}
        self.enums["Rank"] = (c.some(_VALUES, 2, 3), True)
        self.enums["Share"] = (c.some(_ROLES, 2, 3), True)
        names = c.some(_TYPES, 4, 6)
        size = c.count(1, 3)
        self.family, self.plain = names[:size], names[size:]
        self.globals = ["Notice"] if c.chance(25) else []
        self.has_context = c.chance(90)
        self.inherits = c.chance(70)
        self.labelled = self.inherits or c.chance(50)
        self.own_identity = c.chance(25)
        self.owner = c.pick(_OWNERS) if c.chance(75) else ""
        self.has_role = not self.owner or c.chance(80)
        self.scope, self.parent = c.pick(_SCOPES), c.pick(_PARENTS)
        if self.labelled:
            self.enums["Scope"] = (c.some(_VALUES, 2, 4), c.chance(20))
        self.granted = ["Filed"] if c.chance(80) else []
        if c.chance(30):
            self.granted.append(self.plain[0])
        self.actions = {"Filed": c.some(_ACTIONS, 2, 4)}
        for name in (*self.plain, *self.globals):
            self.actions[name] = c.some(self.actions["Filed"], 1, 3)

    def declarations(self) -> Iterator[str]:
        c = self.c
        yield f"tenant {self.tenant} by {self.key}"
        for name, (values, ordered) in self.enums.items():
            yield f"enum {name} {{ {(' < ' if ordered else ', ').join(values)} }}"
        yield self._principal()
        yield from self._context()
        yield from self._types()
        for n, on in enumerate(self.granted):
            yield self._grant(f"Row{n}", on)
        for on, actions in self.actions.items():
            yield f"action {', '.join(actions)} on {on}"
        for on in self.actions:
            if on == "Filed" or c.chance(70):
                yield from self._access(on)
        for name in c.some(("cosign", "notify"), 1):
            fields = [f"{f}: {self._type(resources=True)}" for f in c.some(_FIELDS, 0, 3)]
            yield f"obligation {name} {_body(fields)}"

    def _type(self, *, resources: bool) -> str:
        of = [self.tenant, self.principal, *(self.family + self.plain + self.globals if resources else [])]
        basic = ["Bool", "Int", "String", "Time", "Type", "Id", *(name for name in self.enums if name != "Share")]
        return self.c.pick([*basic, *basic, *(f"Id of {name}" for name in of)])

    def _attributes(self, least: int, most: int, *, resources: bool = True, avoid: Sequence[str] = ()) -> list[str]:
        taken = {self.key, self.sub, self.owner, self.scope, self.parent, *_IDENTITIES, *avoid}
        names = self.c.some([name for name in _ATTRIBUTES if name not in taken], least, most)
        return [f"{name}: {self._type(resources=resources)}{self._optional(40)}" for name in names]

    def _optional(self, percent: int) -> str:
        return "?" if self.c.chance(percent) else ""

    def _id_of_principal(self) -> str:
        return self.c.pick(("Id", f"Id of {self.principal}"))

    def _principal(self) -> str:
        attributes = [f"{self.sub}: {self._id_of_principal()} as identity", f"{self.key}: Id of {self.tenant}"]
        if self.has_role:
            attributes.append("rank: Rank as role")
        if self.c.chance(25):
            attributes.append(f"joined: Time{self._optional(50)}")
        return f"principal {self.principal} {_body([*attributes, *self._attributes(0, 3)])}"

    def _context(self) -> Iterator[str]:
        """Optional attributes, attributes with a default, required ones, and perhaps an object with its own."""
        if not self.has_context:
            return
        c = self.c
        attributes = ["now: Time? from clock"]
        for name in c.some(_CONTEXT, 0, 4):
            kind = self._type(resources=False)
            source = f" from {c.pick(('token', 'argument', 'record', 'clock'))}" if c.chance(30) else ""
            default = f" = {self._default(kind)}" if self._default(kind) and c.chance(50) else ""
            attributes.append(f"{name}: {kind}{default or self._optional(90)}{source}")
        if c.chance(60):
            attributes.append(f"visitor: Visitor{self._optional(90)}")
            members = [f"id: {self._id_of_principal()}", f"{self.key}: Id of {self.tenant}"]
            members += self._attributes(0, 2, resources=False, avoid=["id"])
            yield f"shape Visitor {_body(members)}"
        yield f"context {_body(attributes)}"

    def _default(self, kind: str) -> str:
        if kind in self.enums:
            return self.c.pick(self.enums[kind][0])
        literals = {"Bool": ("true", "false"), "Int": [str(i) for i in INTS], "String": [quoted(s) for s in STRINGS]}
        return self.c.pick(literals.get(kind, [""]))

    def _types(self) -> Iterator[str]:
        """A family with a shape, which may inherit; plain types; perhaps one that belongs to no tenant."""
        c = self.c
        shape = [] if self.own_identity else [f"{c.pick(_IDENTITIES)}: Id as identity"]
        shape.append(f"{self.key}: Id of {self.tenant}")
        if self.owner:
            shape.append(f"{self.owner}: {self._id_of_principal()} as owner")
        if self.labelled:
            shape.append(f"{self.scope}: Scope")
        if self.inherits:
            shape.append(f"{self.parent}: Id of {c.pick(self.family)}{self._optional(85)}")
        shape += (more := self._attributes(0, 3))
        yield f"shape Filed {_body(shape)}"
        alike = [] if self.own_identity else self.family[: c.count(0, len(self.family))]
        if alike:
            yield f"resource {', '.join(alike)} is Filed"
        for name in self.family[len(alike) :]:
            own = [f"{c.pick(_IDENTITIES)}: Id as identity"] if self.own_identity else []
            yield f"resource {name} is Filed {_body([*own, *self._attributes(0, 2, avoid=_names(more))])}"
        for name in self.plain:
            attributes = [f"{c.pick(_IDENTITIES)}: Id as identity", f"{self.key}: Id of {self.tenant}"]
            if c.chance(60):
                attributes.append(f"{self.owner or 'keeper'}: Id as owner")
            for link in ("link", "link_ok")[: c.pick((0, 0, 1, 2))]:
                attributes.append(f"{link}: Id of {c.pick(self.family + self.plain)}{self._optional(70)}")
            yield f"resource {name} {_body([*attributes, *self._attributes(1, 3, avoid=_names(attributes))])}"
        for name in self.globals:
            attributes = [f"{c.pick(_IDENTITIES)}: Id as identity", *self._attributes(0, 3)]
            if c.chance(50):
                attributes.append(f"{self.key}: Id of {self.tenant}")
            yield f'resource {name} {_body(attributes)} global "it is for everyone"'

    def _grant(self, name: str, on: str) -> str:
        c = self.c
        keys = c.pick((("what", "which", "who", "whose"), ("type_", "id", "member", "memberKey")))
        types = ("Type", "Id", "Id", f"Id of {self.tenant}")
        attributes = [f"{self.key}: Id of {self.tenant}"]
        attributes += [f"{key}: {type_}" for key, type_ in zip(keys, types, strict=True)]
        attributes += ["as_: Share as role", "until: Time?"]
        if c.chance(40):
            attributes += self._attributes(1, 2, resources=False, avoid=keys)
        counts = ["", f"counts when row.as_ == {c.pick(self.enums['Share'][0])} or not has row.until"]
        if self.has_context:
            counts.append("counts when not (has row.until) or (has context.now and context.now < row.until)")
        crosses = "crosses on the record itself" if c.chance(70) else ""
        by = f"by {keys[0]}, {keys[1]} to {self.principal} by {keys[2]}, {keys[3]}"
        return f"grant {name} on {on} {by} {_body(attributes)} {c.pick(counts)} {crosses}"

    def _access(self, on: str) -> Iterator[str]:
        c = self.c
        actions = self.actions[on]
        who = [f"role {rank}" for rank in self.enums["Rank"][0]] if self.has_role else []
        if on == "Filed" and self.owner:
            who += ["record owner", "holder owner"] if self.inherits else ["record owner"]
        if on in self.granted:
            who += [f"grant {role}" for role in self.enums["Share"][0]]
        if not who:
            return
        labels = self.enums["Scope"][0] if on == "Filed" and self.labelled else []
        rows = [("always", one) for one in c.some(who, 0 if labels else 1, 1 if labels else 2)]
        for label in labels[1:] if self.inherits else labels:
            rows += [(label, one) for one in c.some(who, 1, 2)]
        lines = [f"{label}: {one} may {', '.join(c.some(actions))}" for label, one in rows]
        if labels and self.inherits:
            lines.append(f"{labels[0]}: as {self.parent}")
        by = f" by {self.scope}" if labels else ""
        yield "\n".join([f"access {on}{by} {{", *(f"  {line}" for line in c.shuffled(lines)), "}"])


def _body(attributes: Iterable[str]) -> str:
    return f"{{ {', '.join(attributes)} }}"


def _names(attributes: Iterable[str]) -> list[str]:
    return [attribute.partition(":")[0] for attribute in attributes]


# ---- Rules for a schema

_REASONS = ("Not now.", 'He said "no" \\ twice.', "\u00e9 is not e\u0301.", "\U0001f600", "Not now.", "")


def rules(c: Choices, schema: Schema, prefix: str = "") -> list[str]:
    """Definitions, permits, forbids and requires. Their names begin with the prefix."""
    writer = _Rules(c, schema, prefix)
    made = writer.defines(c.count(0, 2))
    made += [writer.rule("permit", f"{prefix}p{n}") for n in range(c.count(1, 4))]
    made += [writer.rule("forbid", f"{prefix}f{n}") for n in range(c.count(0, 2))]
    made += [writer.require(f"{prefix}r{n}") for n in range(c.count(0, 3))]
    return [text for text in made if text]


def permits(c: Choices, schema: Schema, prefix: str) -> list[str]:
    """Permits alone, as generous as they come."""
    writer = _Rules(c, schema, prefix)
    made = [writer.rule("permit", f"{prefix}{n}") for n in range(c.count(1, 3))]
    for n, resource in enumerate(c.some(schema.resources, 0)):
        if actions := schema.actions_on[resource.name]:
            made.append(f"permit {prefix}all{n}: {', '.join(actions)} on {resource.name} when true")
    return made


def ornaments(c: Choices, schema: Schema) -> list[str]:
    """Declarations that are checked and carried, and decide nothing."""
    made: list[str] = []
    resource = c.pick(schema.resources)
    actions = schema.actions_on[resource.name]
    if actions and c.chance(30):
        names = [a.name for a in resource.attributes]
        made.append(f"changing {', '.join(c.some(names, 1, 2))} on {resource.name} needs {c.pick(actions)}")
    if c.chance(30):
        lines = [f"never any on any when not granted and principal.{schema.tenant_key} != resource.{schema.tenant_key}"]
        if actions:
            condition = _Conditions(c, schema, (resource.name,), {}, threat=True).condition(2, frozenset())
            without = f" without {schema.obligations[0].name}" if schema.obligations and c.chance(50) else ""
            lines.append(f"never {', '.join(c.some(actions))} on {resource.name}{without} when {condition.text}")
        held = [
            f"held by {', '.join(c.some(('token', 'authorizer', 'iam'), 1))}",
            f"held by token not expressible by token {quoted(c.pick(STRINGS))}",
            f"not ours {quoted(c.pick(STRINGS))}",
        ]
        made.append(f"threat menace {quoted(c.pick(STRINGS))} {{ {' '.join([*c.some(lines, 0), *c.some(held)])} }}")
    if c.chance(20):
        settings = ('partition "aws"', 'region "\u00e9"', 'role reader "R"', 'role writer ""')
        made.append(f"aws {{ {' '.join(c.some(settings, 0))} }}")
    if actions and c.chance(25):
        made.append(_test_block(c, schema, resource, c.pick(actions)))
    return made


def api(schema: Schema) -> Iterator[str]:
    """A field for each type, in every way that a field can be mapped; which way depends on the vocabulary alone."""
    ways = ("by id", "by input.type, input.id takes effect", "in input.tenant writes input.x, y passing by, in")
    lines = []
    for n, (type_name, actions) in enumerate(schema.actions):
        if actions:
            lines.append(f"Query.get{n}, {type_name}.in: {actions[n % len(actions)]} on {type_name} {ways[n % 3]}")
    if len(lines) % 2:
        lines.append('open Query.viewer because "" waive unmapped_field on Query.a until "2027-01-31" because "x"')
    if lines:
        yield f"api {{ {' '.join(lines)} }}".replace('because ""', 'because "\\"says who\\""')


def _test_block(c: Choices, schema: Schema, resource: Resource, action: str) -> str:
    """A `test` that is well-typed; whether it passes is nobody's concern."""

    def written(type_: Type) -> str:
        if isinstance(type_, Shape):
            return object_of(schema.shape[type_.name])
        given = value(c, schema, type_) if type_ != INT else c.pick(INTS)
        if isinstance(given, str):
            return given if isinstance(type_, Enum) or type_ == TYPE else quoted(given)
        return json.dumps(given)

    def object_of(attributes: Attributes) -> str:
        present = [a for a in attributes if a.required or c.chance(50)]
        return _body(f"{a.name}: {written(a.type)}" for a in present)

    who, record = object_of(schema.principal.attributes), object_of(resource.attributes)
    lines = [f"let who = {schema.principal.name} {who}", f"let it = {resource.name} {record}"]
    lines += c.some(('let odd = json `{"id": 1}`', f"let same = it with {_body(())}", "context json `null`"), 0)
    lines += [f"row {resource.name} {record}", f"row {resource.name} json `[]`"][: c.count(0, 2)]
    if schema.context and c.chance(50):
        lines.append(f"context {object_of(schema.context)}")
    owed = [f"{o.name} {object_of(o.attributes)}" for o in c.some(schema.obligations, 0)]
    for verdict in c.some(("allow", "deny")):
        obliges = f" obliges {', '.join(owed)}" if owed and verdict == "allow" else ""
        errors = f" errs {quoted(c.pick(STRINGS))}" if c.chance(30) else ""
        lines.append(f"{verdict} who {action} it{obliges}{errors}")
    return "\n".join([f"test {quoted(c.pick(STRINGS))} {{", *(f"  {line}" for line in lines), "}"])


class _Rules:
    def __init__(self, c: Choices, schema: Schema, prefix: str) -> None:
        self.c = c
        self.schema = schema
        self.prefix = prefix
        self.calls: dict[str, tuple[Type, ...]] = {}
        shapes: dict[str, list[str]] = {}
        for resource in schema.resources:
            if resource.shape:
                shapes.setdefault(resource.shape, []).append(resource.name)
        self.groups = [([shape], tuple(names)) for shape, names in shapes.items()]
        self.groups += [([name], (name,)) for name in schema.type_names]

    def defines(self, count: int) -> list[str]:
        """Definitions, of which a later one may use an earlier one; one without parameters sees the request."""
        c = self.c
        types: list[Type] = [BOOL, INT, STRING, TIME, TYPE, Id(), *self.schema.enums]
        types += [Id(name) for name in (self.schema.principal.name, *self.schema.type_names)]
        types.append(Id(self.schema.tenant, True))
        made = []
        for n in range(count):
            given = tuple(c.pick(types) for _ in range(c.count(0, 3)))
            parameters = {f"x{index}": type_ for index, type_ in enumerate(given)}
            conditions = _Conditions(c, self.schema, (), self.calls, parameters=parameters)
            name = f"{self.prefix}d{n}"
            declared = ", ".join(f"{name}: {type_}" for name, type_ in parameters.items())
            made.append(f"define {name}({declared}) = {conditions.condition(2, frozenset()).text}")
            self.calls = {**self.calls, name: given}
        return made

    def rule(self, effect: str, name: str) -> str:
        """A permit that is often simple, or a forbid that seldom holds."""
        c = self.c
        types, head = self._cells()
        if not head:
            return ""
        conditions = _Conditions(c, self.schema, types, self.calls)
        text, facts = "", _NO_FACTS
        if effect == "forbid":
            parts = [conditions.condition(2, _NO_FACTS), conditions.condition(0, _NO_FACTS)]
            text = f"  when {' and '.join(part.inside(1) for part in parts)}"
            facts = parts[0].true | parts[1].true
        elif c.chance(85):
            when = conditions.condition(c.pick((0, 1, 3)), _NO_FACTS)
            text, facts = f"  when {when.text}", when.true
        if c.chance(20):
            text += f"\n  unless {conditions.condition(c.pick((0, 2)), facts).text}"
        return f"{effect} {name}: {head}\n{text}{self._because()}"

    def require(self, name: str) -> str:
        """A require whose fields are read where its condition makes sure that they are there."""
        c = self.c
        types, head = self._cells()
        if not head or not self.schema.obligations:
            return ""
        conditions = _Conditions(c, self.schema, types, self.calls)
        obligation = c.pick(self.schema.obligations)
        needs: dict[str, None] = {}
        fields = []
        for attribute in obligation.attributes:
            value = conditions.value(attribute.type)
            if value is None:
                return ""
            fields.append(f"{attribute.name}: {value.text}")
            needs |= dict.fromkeys(value.needs)
        guards = [f"has {need}" for need in needs]
        facts = frozenset(needs)
        if c.chance(60):
            guards.append(conditions.condition(c.pick((0, 2)), facts).inside(2))
        text = f"  when {' and '.join(guards)}" if guards else ""
        if c.chance(20):
            text += f"\n  unless {conditions.condition(0, facts).text}"
        shuffled = ", ".join(c.shuffled(fields))
        return f"require {name}: {obligation.name} {{ {shuffled} }} for {head}\n{text}{self._because()}"

    def _cells(self) -> tuple[tuple[str, ...], str]:
        """Some types that share an action, and the text that names them; an empty one where nothing can be named."""
        c = self.c
        chosen = c.some(self.groups, 1, 2 if c.chance(30) else 1)
        types = tuple(sorted({name for _, names in chosen for name in names}))
        shared = set.intersection(*(set(self.schema.actions_on[name]) for name in types))
        if not shared:
            return types, ""
        actions = c.some(sorted(shared))
        return types, f"{', '.join(actions)} on {', '.join(name for names, _ in chosen for name in names)}"

    def _because(self) -> str:
        return f"\n  because {quoted(self.c.pick(_REASONS))}" if self.c.chance(50) else ""


# ---- Conditions

Facts = frozenset[str]
_NO_FACTS: Facts = frozenset()


@dataclass(frozen=True)
class _Path:
    """What an expression may read. `needs`: what must be known to be there before, outermost first."""

    text: str
    type: Type
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Expr:
    """A condition. `level`: 0 or, 1 and, 2 not, 3 a comparison, 4 what stands alone. `true`: the facts if it holds."""

    text: str
    level: int
    true: Facts = _NO_FACTS
    false: Facts = _NO_FACTS

    def inside(self, level: int) -> str:
        return self.text if self.level >= level else f"({self.text})"


class _Conditions:
    def __init__(
        self,
        c: Choices,
        schema: Schema,
        types: tuple[str, ...],
        calls: dict[str, tuple[Type, ...]],
        *,
        parameters: dict[str, Type] | None = None,
        threat: bool = False,
    ) -> None:
        self.c = c
        self.schema = schema
        self.calls = calls
        self.threat = threat
        self.groups = [group for group in self._paths(types, parameters or {}) if group]
        self.paths = [path for group in self.groups for path in group]

    # What can be read

    def _paths(self, types: tuple[str, ...], parameters: dict[str, Type]) -> Iterator[list[_Path]]:
        """The paths, by where they start: so that rows are read as often as the record."""
        schema = self.schema
        yield [_Path(name, type_) for name, type_ in parameters.items()]
        if parameters:
            return
        yield list(self._of("principal", schema.principal.attributes))
        yield list(self._of("context", schema.context))
        if not types:
            return
        record = _shared([schema.resource[name].attributes for name in types])
        yield [*self._of("resource", record), _Path("resource.type", TYPE)]
        if any(schema.resource[name].global_reason for name in types):
            return  # a record of no tenant names no rows
        for path in self._of("resource", record):
            if isinstance(path.type, Id) and (target := schema.resource.get(path.type.of)) and not target.global_reason:
                yield list(self._of(path.text, target.attributes, path.needs))
        if all(name in schema.inherits for name in types):
            holders = {*types, *(schema.inherits[name].parent_type for name in types)}
            yield list(self._of("holder", _shared([schema.resource[name].attributes for name in sorted(holders)])))

    def _of(self, subject: str, attributes: Attributes, needs: tuple[str, ...] = ()) -> Iterator[_Path]:
        for a in attributes:
            text = f"{subject}.{a.name}"
            then = (*needs, text) if a.optional else needs
            if isinstance(a.type, Shape):
                yield from self._of(text, self.schema.shape[a.type.name], then)
            else:
                yield _Path(text, a.type, then)

    # Conditions

    def condition(self, depth: int, facts: Facts) -> _Expr:
        c = self.c
        kind = c.below(8) if depth else 0
        if kind < 3 or not self.paths:
            return self._atom(facts)
        if kind == 3:
            inner = self.condition(depth - 1, facts)
            return _Expr(f"not {inner.inside(2)}", 2, inner.false, inner.true)
        junction, level = (" and ", 1) if kind < 6 else (" or ", 0)
        parts: list[_Expr] = []
        for _ in range(c.count(2, 3)):
            part = self.condition(depth - 1, facts)
            parts.append(part)
            facts |= part.true if level else part.false
        text = junction.join(part.inside(level + 1 if c.chance(80) else 4) for part in parts)
        trues, falses = [part.true for part in parts], [part.false for part in parts]
        if level:
            return _Expr(text, 1, _NO_FACTS.union(*trues), falses[0].intersection(*falses))
        return _Expr(text, 0, trues[0].intersection(*trues), _NO_FACTS.union(*falses))

    def _atom(self, facts: Facts) -> _Expr:
        c = self.c
        chance = c.below(40)
        if not self.paths or chance == 0:
            return c.pick((_Expr("true", 4), _Expr("false", 4), _Expr("1 <= 2", 3), _Expr('"a" != "a"', 3)))
        if self.threat and chance < 8:
            return _Expr("granted", 4)
        if self.calls and chance > 34:
            core, needs = self._call()
        else:
            path = c.pick(c.pick(self.groups))
            if path.needs and chance < 10:
                core, needs = _Expr(f"has {path.needs[-1]}", 3, frozenset(path.needs[-1:])), path.needs[:-1]
            else:
                core, needs = self._comparison(path)
        return self._guarded(core, [need for need in needs if need not in facts], facts)

    def _guarded(self, core: _Expr, missing: list[str], facts: Facts) -> _Expr:
        """`has x and core`, or `not has x or core`; now and then the `has` stands inside a part that can err."""
        if not missing:
            return core
        chance = self.c.below(100)
        rows = [path for path in self.paths if path.text.count(".") > 1 or path.text.startswith("holder.")]
        if chance > 90 and rows:
            path = self.c.pick(rows)
            erring, needs = self._comparison(path)
            if not set(needs) - facts:
                part = f"not ({' or '.join([erring.inside(1), *(f'not has {need}' for need in missing)])})"
                return _Expr(f"{part} and {core.inside(2)}", 1, core.true | frozenset(missing))
        if chance > 30:
            text = " and ".join([*(f"has {need}" for need in missing), core.inside(2)])
            return _Expr(text, 1, core.true | frozenset(missing))
        text = " or ".join([*(f"not has {need}" for need in missing), core.inside(1)])
        return _Expr(text, 0, _NO_FACTS, core.false | frozenset(missing))

    def _comparison(self, path: _Path) -> tuple[_Expr, tuple[str, ...]]:
        c = self.c
        if path.type == BOOL and c.chance(60):
            return _Expr(path.text, 4), path.needs
        if isinstance(path.type, Enum) and path.type.ordered and c.chance(15):  # always or never, but where it errs
            return _Expr(f"{path.text} {c.pick(('<', '>='))} {path.type.values[0]}", 3), path.needs
        others = [other for other in self.paths if other != path and comparable(other.type, path.type)]
        if path.type == TIME and not others:
            others = [path]
        literals = self._literals(path.type)
        if others and (not literals or c.chance(40)):
            other = c.pick(others)
            right, needs = other.text, tuple(dict.fromkeys((*path.needs, *other.needs)))
        else:
            if path.type not in (BOOL, TIME) and c.chance(30):
                chosen = c.some(literals, 1, 3)
                return _Expr(f"{path.text} in {{ {', '.join(chosen)} }}", 3), path.needs
            right, needs = c.pick(literals), path.needs
        operators = ["==", "==", "!="]
        if path.type in (INT, TIME) or (isinstance(path.type, Enum) and path.type.ordered):
            operators += ["<", "<=", ">", ">="]
        left, operator = path.text, c.pick(operators)
        return _Expr(f"{right} {operator} {left}" if c.chance(20) else f"{left} {operator} {right}", 3), needs

    def _call(self) -> tuple[_Expr, tuple[str, ...]]:
        """A definition with arguments of its parameters' types: reads, literals, or for a Bool a comparison."""
        name = self.c.pick(sorted(self.calls))
        needs: dict[str, None] = {}
        arguments = []
        for type_ in self.calls[name]:
            value = self.value(type_)
            if value is None:
                return _Expr("true", 4), ()
            arguments.append(value.text)
            needs |= dict.fromkeys(value.needs)
        return _Expr(f"{name}({', '.join(arguments)})", 4), tuple(needs)

    # Values

    def value(self, type_: Type) -> _Path | None:
        """Something of that type; None where there is nothing, as for a Time, which has no literals."""
        c = self.c
        found = [path for path in self.paths if path.type == type_ or (_both_ids(path.type, type_))]
        rows = [path for path in found if path.text.startswith(("holder.", "resource.")) and path.text.count(".") > 1]
        literals = [_Path(literal, type_) for literal in self._literals(type_)]
        if type_ == BOOL and self.paths and c.chance(30):
            core, needs = self._comparison(c.pick(self.paths))
            return _Path(core.text, type_, needs)
        if found and (not literals or c.chance(80)):
            return c.pick(rows) if rows and c.chance(40) else c.pick(found)
        return c.pick(literals) if literals else None

    def _literals(self, type_: Type) -> list[str]:
        if isinstance(type_, Enum):
            return list(type_.values)
        if isinstance(type_, Id):
            return [quoted(id) for id in (TENANTS if type_.tenant else IDS)]
        if type_ == INT:
            return [str(value) for value in INTS]
        if type_ == STRING:
            return [quoted(value) for value in STRINGS]
        return ["true", "false"] if type_ == BOOL else list(self.schema.type_names) if type_ == TYPE else []


def _both_ids(found: Type, wanted: Type) -> bool:
    return isinstance(found, Id) and isinstance(wanted, Id) and comparable(found, wanted)


def _shared(owners: Sequence[Attributes]) -> Attributes:
    """The attributes that all have, and have alike."""
    first, *others = owners
    alike = [{(a.name, a.type, a.optional) for a in attributes} for attributes in others]
    return tuple(a for a in first if all((a.name, a.type, a.optional) in other for other in alike))


# ---- Data and requests for a schema ----------------------------------------------------------------------------------


def value(c: Choices, schema: Schema, type_: Type) -> Any:
    """A well-formed value."""
    if isinstance(type_, Shape):
        return fill(c, schema, schema.shape[type_.name])
    if isinstance(type_, Enum):
        return c.pick(type_.values)
    if isinstance(type_, Id):
        return c.pick(TENANTS) if type_.tenant else c.pick(IDS)
    if type_ == TYPE:
        return c.pick(schema.type_names)
    pools: list[tuple[Type, Sequence[Any]]] = [
        (BOOL, (True, False)),
        (INT, (*INTS, 10**30)),
        (STRING, STRINGS),
        (TIME, TIMES),
    ]
    return c.pick(next(values for basic, values in pools if basic == type_))


def fill(c: Choices, schema: Schema, attributes: Attributes) -> Object:
    """A well-formed object: what may be absent is there, or null, or not there."""
    made: Object = {}
    for a in attributes:
        chance = 0 if a.required else c.below(10)
        if chance < 7:
            made[a.name] = value(c, schema, a.type)
        elif chance < 8:
            made[a.name] = None
    return made


def broken(c: Choices, row: Object) -> Object:
    """A copy with something wrong; where the attribute may be absent, the copy may still be well-formed."""
    chance = c.below(10)
    name = c.pick([*row, "type"]) if chance < 8 else "type"
    if chance < 3:
        return {other: value for other, value in row.items() if other != name}
    if chance < 9:
        return {**row, name: c.pick(JUNK)}
    return {**row, c.pick(("more", "type_", "Type")): c.pick(JUNK)}


class World:
    """Data for a schema, and requests that it bears upon."""

    def __init__(self, c: Choices, schema: Schema) -> None:
        self.c = c
        self.schema = schema
        self.chains: list[tuple[str, str, str]] = []

    @cached_property
    def data(self) -> Object:
        c, schema = self.c, self.schema
        parents = {inherit.parent_type for inherit in schema.inherits.values()}
        data: Object = {}
        for resource in schema.resources:
            rows = []
            for id in c.some(IDS, 2 if resource.name in parents else 0, 4):
                row = {**self.record(resource.name), resource.identity: id}
                if c.chance(90):
                    del row["type"]
                rows.append(row)
            data[resource.name] = rows
        for parent in sorted(parents):
            if c.chance(15):
                data[parent] += self._chain(parent)
        for grant in schema.grants:
            rows = [self.grant_row(grant) for _ in range(c.count(0, 5))]
            rows += [{**row, grant.role: self.grant_row(grant)[grant.role]} for row in rows if c.chance(15)]
            data[grant.name] = rows
        for name, rows in data.items():
            data[name] = [self._spoilt(row) for row in rows] + [dict(row) for row in rows if c.chance(4)]
        if c.chance(10):
            data["Unheard"] = [c.pick(JUNK)]
        return data

    def _spoilt(self, row: Object) -> Any:
        chance = self.c.below(100)
        return row if chance < 92 else broken(self.c, row) if chance < 99 else self.c.pick(JUNK)

    def _chain(self, parent: str) -> list[Object]:
        """Rows that each inherit from the next, about as many as a chain may have; a holder, or none, at the end."""
        c, schema = self.c, self.schema
        inherit, identity = schema.inherits[parent], schema.resource[parent].identity
        length, model = c.count(29, 34), self.record(parent, holding=True)
        self.chains.append((parent, "c0", model[schema.tenant_key]))
        rows = []
        for n in range(length):
            rows.append({**model, identity: f"c{n}", inherit.attribute: inherit.value, inherit.parent: f"c{n + 1}"})
        return [*rows, {**model, identity: f"c{length}"}] if c.chance(80) else rows

    def grant_row(self, grant: Grant) -> Object:
        """A well-formed grant row, most often on a record of a type that it serves."""
        c, schema = self.c, self.schema
        row = fill(c, schema, grant.attributes)
        if c.chance(90):
            row[grant.resource_type] = c.pick(grant.types)
        if c.chance(50):
            row[grant.member_tenant] = row[schema.tenant_key]
        return row

    # Requests

    def record(self, type_name: str, *, holding: bool = False) -> Object:
        """A well-formed record, of the first tenant more often than not; `holding`: it does not inherit."""
        c, schema = self.c, self.schema
        row = {"type": type_name, **fill(c, schema, schema.resource[type_name].attributes)}
        if schema.tenant_key in row and not schema.resource[type_name].global_reason and c.chance(60):
            row[schema.tenant_key] = TENANTS[0]
        if inherit := schema.inherits.get(type_name):
            values = next(
                a.type.values
                for a in schema.resource[type_name].attributes
                if a.name == inherit.attribute and isinstance(a.type, Enum)
            )
            if holding:
                row[inherit.attribute] = c.pick([value for value in values if value != inherit.value])
            elif c.chance(25):
                row[inherit.attribute] = inherit.value
        return row

    def principal(self, record: Object) -> Object:
        """A well-formed principal, most often of the record's tenant, and often its owner."""
        c, schema = self.c, self.schema
        made = fill(c, schema, schema.principal.attributes)
        if c.chance(70) and schema.tenant_key in record and not schema.resource[record["type"]].global_reason:
            made[schema.tenant_key] = record[schema.tenant_key]
        owner = schema.resource[record["type"]].owner
        if owner and c.chance(35):
            made[schema.principal.identity] = record[owner]
        if c.chance(10):
            made["type"] = c.pick((schema.principal.name, None))
        return made

    def request(self) -> Object:
        """A request that is mostly well-formed; many aim at a grant row, some at the foot of a long chain."""
        c, schema = self.c, self.schema
        aim = c.below(100)
        found = self._aimable_row() if aim < 45 else None
        if found is not None:
            record, principal = self._about_grant(*found)
        elif aim > 94 and self.chains:
            record, principal = self._below_chain(c.pick(self.chains))
        else:
            record = self.record(c.pick(schema.type_names))
            principal = self.principal(record)
        actions = schema.actions_on[record["type"]] or ("read",)
        request: Object = {"principal": principal, "action": c.pick(actions), "resource": record}
        if c.chance(95 if any(a.required for a in schema.context) else 75):
            request["context"] = fill(c, schema, schema.context)
        elif c.chance(30):
            request["context"] = None
        return self._broken_request(request) if c.chance(6) else request

    def _about_grant(self, grant: Grant, row: Object) -> tuple[Object, Object]:
        """The record that a grant row is on, or one that inherits from it; and the row's member."""
        c, schema = self.c, self.schema
        record = self.record(row[grant.resource_type], holding=c.chance(60))
        principal = self.principal(record)
        record[schema.resource[record["type"]].identity] = row[grant.resource_id]
        record[schema.tenant_key] = row[schema.tenant_key]
        principal[schema.principal.identity] = row[grant.member_id]
        principal[schema.tenant_key] = row[grant.member_tenant]
        below = [t for t, inherit in schema.inherits.items() if inherit.parent_type == record["type"]]
        if below and c.chance(30):
            tenant = record[schema.tenant_key]
            record = self._below(c.pick(below), row[grant.resource_id], tenant)
        return record, principal

    def _below_chain(self, chain: tuple[str, str, str]) -> tuple[Object, Object]:
        """A record at the foot of a chain, and a principal of its tenant."""
        parent, foot, tenant = chain
        below = [t for t, inherit in self.schema.inherits.items() if inherit.parent_type == parent]
        record = self._below(self.c.pick(below), foot, tenant)
        principal = self.principal(record)
        principal[self.schema.tenant_key] = tenant
        return record, principal

    def _below(self, type_name: str, parent_id: str, tenant: str) -> Object:
        """A record that inherits from that row."""
        record, inherit = self.record(type_name), self.schema.inherits[type_name]
        record[inherit.attribute], record[inherit.parent] = inherit.value, parent_id
        record[self.schema.tenant_key] = tenant
        return record

    def _aimable_row(self) -> tuple[Grant, Object] | None:
        """A grant row that a well-formed request can be about; the rest of it may well be malformed."""
        schema = self.schema
        rows = [
            (grant, row)
            for grant in schema.grants
            for row in self.data[grant.name]
            if isinstance(row, dict)
            and row.get(grant.resource_type) in schema.type_names
            and not schema.resource[row[grant.resource_type]].global_reason
            and all(row.get(name) in IDS for name in (grant.resource_id, grant.member_id))
            and all(row.get(name) in TENANTS for name in (schema.tenant_key, grant.member_tenant))
        ]
        return self.c.pick(rows) if rows else None

    def _broken_request(self, request: Object) -> Object:
        c = self.c
        chance = c.below(10)
        if chance < 2:
            return broken(c, request)
        if chance < 3:
            return {**request, "action": c.pick(("read", "may", "Read", *JUNK))}
        part = c.pick(("principal", "resource", "context"))
        return {**request, part: broken(c, broken(c, request.get(part) or {}))}


# ---- Any JSON


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON, and what only Python's parser lets through: lone surrogates, huge numbers, NaN."""
    words = ("type", "id", "orgId", "ownerId", "scope", "parentId", "now", "member", "trust", "principal", "resource")
    texts = st.sampled_from(
        ("", "Host", "Folder", "User", "org_1", "u1", "ORG", "INHERIT", "MANUAL", *TIMES)
    ) | st.text(st.characters(), max_size=4)
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.sampled_from(JUNK)
    keys = st.sampled_from(words) | texts
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=8,
    )
