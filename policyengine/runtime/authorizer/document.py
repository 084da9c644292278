"""The text of a query to a plan: which root fields each of its operations runs, and with which arguments.

A plan depends on the text alone, so that it can be kept; variables are filled in for each request. What AppSync could
read in another way than this module is refused: a name that is there twice, a fragment on another type, a directive
that nobody knows (GraphQL specification, sections 2, 5 and 6).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .codes import Refusal
from .lean import language

_parse, _ast, _SyntaxError = language()
_Field, _Spread = _ast.FieldNode, _ast.FragmentSpreadNode

ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that end a line, or are no text, for one reader and not for another: earlier editions of GraphQL end a
line, and so a comment, where later ones do not. No query that a program makes holds them outside an escape."""

MAX_TOKENS = 20_000
"""Words of a query, so that a short text of many words cannot take long."""


class Limits(NamedTuple):
    """`size` in characters; the others count selections with every fragment written out where it is spread."""

    size: int = 32_768
    depth: int = 16
    aliases: int = 64
    fields: int = 512


class Variable:
    """Stands in the arguments for the value of a variable."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class EnumValue(str):
    """A name in the place of a value: a text that is no string of GraphQL."""

    __slots__ = ()


ABSENT: Any = object()
"""The value of a variable that is not given and has no default."""


Conditions = tuple[tuple[Any, bool], ...]


class Root(NamedTuple):
    """A field of the root type. It runs where each condition, a Bool or a Variable, has the value beside it."""

    name: str
    arguments: dict[str, Any]
    is_fixed: bool
    conditions: Conditions


class Operation(NamedTuple):
    """`kind` is query, mutation or subscription; `nested` the names of all fields below the root, in any type.

    `asked` are those among them that have arguments, with these, wherever in the document they stand.
    """

    kind: str
    name: str
    variables: dict[str, Any]
    roots: tuple[Root, ...]
    nested: frozenset[str]
    asked: tuple[tuple[str, dict[str, Any]], ...] = ()


class Below(NamedTuple):
    """What a selection set comes to, with its fragments written out; `names` are those of all fields in it."""

    depth: int
    fields: int
    aliases: int
    names: frozenset[str]


_NOTHING = Below(0, 0, 0, frozenset())


def read(text: str, limits: Limits) -> tuple[Operation, ...]:
    """The operations of a document, each with a name of its own. Raises Refusal."""
    if len(text) > limits.size:
        raise Refusal("query_size")
    if _ODD.search(text):
        raise Refusal("characters")
    try:
        document = _parse(text, no_location=True, max_tokens=MAX_TOKENS)
        return _Reader(document, limits).operations()
    except (_SyntaxError, RecursionError, ValueError):
        raise Refusal("query_text") from None


def select(operations: tuple[Operation, ...], name: str | None) -> Operation:
    """The operation that runs: the one that is named, or the only one. Raises Refusal."""
    if name:
        for operation in operations:
            if operation.name == name:
                return operation
        raise Refusal("operation")
    if len(operations) != 1:
        raise Refusal("ambiguous")
    return operations[0]


class _Reader:
    def __init__(self, document: Any, limits: Limits) -> None:
        self.limits = limits
        self.fragments: dict[str, Any] = {}
        self.measured: dict[str, Below | None] = {}
        self.written: list[Any] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        for definition in document.definitions:
            if isinstance(definition, _ast.FragmentDefinitionNode):
                if definition.variable_definitions or definition.directives:
                    raise Refusal("definitions")
                _add(self.fragments, definition.name.value, definition)
            elif isinstance(definition, _ast.OperationDefinitionNode):
                self.written.append(definition)
            else:
                raise Refusal("definitions")

    def operations(self) -> tuple[Operation, ...]:
        found = tuple(self._operation(definition) for definition in self.written)
        names = [operation.name for operation in found]
        if len(set(names)) != len(names) or ("" in names and len(names) > 1):
            raise Refusal("ambiguous")
        return tuple(operation._replace(asked=tuple(self.asked)) for operation in found) if self.asked else found

    def _operation(self, definition: Any) -> Operation:
        if definition.directives:
            raise Refusal("directive")
        kind = definition.operation.value
        variables = _variables(definition)
        roots: list[Root] = []
        nested: set[str] = set()
        depth = fields = aliases = 0
        for selection, below, conditions in self._roots(definition.selection_set, ROOTS[kind], (), ()):
            depth, fields = max(depth, below.depth + 1), fields + below.fields + 1
            aliases += below.aliases + (selection.alias is not None)
            self._bound(depth, fields, aliases)
            nested |= below.names
            arguments = _object(selection.arguments) if selection.arguments else {}
            used = [*_inside(arguments)]
            if any(name not in variables for name in (*used, *_named(conditions))):
                raise Refusal("variable")
            roots.append(Root(selection.name.value, arguments, not used, conditions))
        if kind == "subscription" and len(roots) != 1:
            raise Refusal("subscription")
        name = definition.name.value if definition.name else ""
        return Operation(kind, name, variables, tuple(roots), frozenset(nested))

    def _bound(self, depth: int, fields: int, aliases: int) -> None:
        if depth > self.limits.depth:
            raise Refusal("query_depth")
        if fields > self.limits.fields:
            raise Refusal("query_fields")
        if aliases > self.limits.aliases:
            raise Refusal("query_aliases")

    # ---- Roots

    def _roots(
        self, selections: Any, on: str, conditions: Conditions, above: tuple[str, ...]
    ) -> Iterator[tuple[Any, Below, Conditions]]:
        """The fields of a root type, fragments written out, with what stands below each."""
        for selection in selections.selections:
            here = conditions + _conditions(selection) if selection.directives else conditions
            if type(selection) is _Field:
                yield selection, self._below(selection.selection_set), here
                continue
            inside, then = selection, above
            if type(selection) is _Spread:
                name = selection.name.value
                if name in above:
                    raise Refusal("fragment")
                inside, then = self._fragment(name), (*above, name)
            if inside.type_condition is not None and inside.type_condition.name.value != on:
                raise Refusal("fragment")
            yield from self._roots(inside.selection_set, on, here, then)

    def _fragment(self, name: str) -> Any:
        if name not in self.fragments:
            raise Refusal("fragment")
        return self.fragments[name]

    # ---- Below the roots

    def _below(self, selections: Any) -> Below:
        if selections is None:
            return _NOTHING
        depth = fields = aliases = 0
        names: set[str] = set()
        for selection in selections.selections:
            if selection.directives:
                _conditions(selection)  # they are judged wherever they stand
            kind = type(selection)
            if kind is _Field:
                names.add(selection.name.value)
                if selection.arguments:
                    self.asked.append((selection.name.value, _object(selection.arguments)))
                inside = self._below(selection.selection_set) if selection.selection_set else _NOTHING
                depth, fields = max(depth, inside.depth + 1), fields + inside.fields + 1
                aliases += inside.aliases + (selection.alias is not None)
            else:
                inside = (
                    self._below_fragment(selection.name.value)
                    if kind is _Spread
                    else self._below(selection.selection_set)
                )
                depth, fields, aliases = max(depth, inside.depth), fields + inside.fields, aliases + inside.aliases
            if inside.names:
                names |= inside.names
        return Below(depth, fields, aliases, frozenset(names))

    def _below_fragment(self, name: str) -> Below:
        """Each fragment is measured once; one that is met while it is measured spreads itself."""
        if name not in self.measured:
            self.measured[name] = None
            self.measured[name] = self._below(self._fragment(name).selection_set)
        found = self.measured[name]
        if found is None:
            raise Refusal("fragment")
        return found


# ---- Directives, arguments, values


def _conditions(selection: Any) -> Conditions:
    """What @skip and @include ask for; they may stand once each."""
    found: dict[str, tuple[Any, bool]] = {}
    for directive in selection.directives:
        name, arguments = directive.name.value, _object(directive.arguments or ())
        if name not in ("skip", "include") or name in found or arguments.keys() != {"if"}:
            raise Refusal("directive")
        condition = arguments["if"]
        if type(condition) is not bool and not isinstance(condition, Variable):
            raise Refusal("directive")
        found[name] = (condition, name == "include")
    return tuple(found.values())


def _object(fields: Any) -> dict[str, Any]:
    made = {field.name.value: _VALUES[type(field.value)](field.value) for field in fields}
    if len(made) != len(fields):
        raise Refusal("ambiguous")
    return made


def _add(made: dict[str, Any], name: str, value: Any) -> None:
    if name in made:
        raise Refusal("ambiguous")
    made[name] = value


def _value(node: Any) -> Any:
    """A literal as JSON has it, with `Variable` and `EnumValue` in it."""
    return _VALUES[type(node)](node)


_VALUES: dict[type, Callable[[Any], Any]] = {
    _ast.VariableNode: lambda node: Variable(node.name.value),
    _ast.StringValueNode: lambda node: node.value,
    _ast.BooleanValueNode: lambda node: node.value,
    _ast.NullValueNode: lambda node: None,
    _ast.IntValueNode: lambda node: int(node.value),
    _ast.FloatValueNode: lambda node: float(node.value),
    _ast.EnumValueNode: lambda node: EnumValue(node.value),
    _ast.ListValueNode: lambda node: [_value(value) for value in node.values],
    _ast.ObjectValueNode: lambda node: _object(node.fields),
}


def _inside(value: Any) -> Iterator[str]:
    """The names of the variables in a value."""
    if isinstance(value, Variable):
        yield value.name
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _inside(inner)


def _named(conditions: Conditions) -> Iterator[str]:
    return (condition.name for condition, _ in conditions if isinstance(condition, Variable))


def _variables(definition: Any) -> dict[str, Any]:
    """The variables of an operation with their defaults."""
    made: dict[str, Any] = {}
    for declared in definition.variable_definitions or ():
        if declared.directives:
            raise Refusal("directive")
        default = ABSENT if declared.default_value is None else _value(declared.default_value)
        _add(made, declared.variable.name.value, default)
    return made
