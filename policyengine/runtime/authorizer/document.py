"""The text of a query to a plan: which root fields each of its operations runs, and with which arguments.

A plan depends on the text alone, so that it can be kept; variables are filled in for each request. What AppSync could
read in another way than this module is refused: a name that is there twice, a fragment on another type, a directive
that nobody knows (GraphQL specification, sections 2, 5 and 6).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .codes import Refusal
from .lean import language

_parse, _ast, _SyntaxError = language()

ROOTS = {"query": "Query", "mutation": "Mutation", "subscription": "Subscription"}
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


class Root(NamedTuple):
    """A field of the root type. It runs where each condition, a Bool or a Variable, has the value beside it."""

    name: str
    arguments: dict[str, Any]
    is_fixed: bool
    conditions: tuple[tuple[Any, bool], ...]


class Operation(NamedTuple):
    """`kind` is query, mutation or subscription; `nested` the names of all fields below the root, in any type."""

    kind: str
    name: str
    variables: dict[str, Any]
    roots: tuple[Root, ...]
    nested: frozenset[str]


class Size(NamedTuple):
    """Of a selection set, with its fragments written out."""

    depth: int
    fields: int
    aliases: int


def read(text: str, limits: Limits) -> tuple[Operation, ...]:
    """The operations of a document, each with a name of its own. Raises Refusal."""
    if len(text) > limits.size:
        raise Refusal("query_size")
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
        self.sizes: dict[str, Size | None] = {}
        self.names: dict[str, frozenset[str]] = {}
        self.written: list[Any] = []
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
        return found

    def _operation(self, definition: Any) -> Operation:
        if definition.directives:
            raise Refusal("directive")
        kind = definition.operation.value
        size = self._size(definition.selection_set)
        for reached, limit, code in (
            (size.depth, self.limits.depth, "query_depth"),
            (size.fields, self.limits.fields, "query_fields"),
            (size.aliases, self.limits.aliases, "query_aliases"),
        ):
            if reached > limit:
                raise Refusal(code)
        variables: dict[str, Any] = {}
        for declared in definition.variable_definitions or ():
            if declared.directives:
                raise Refusal("directive")
            default = ABSENT if declared.default_value is None else _value(declared.default_value)
            _add(variables, declared.variable.name.value, default)
        roots = tuple(self._roots(definition.selection_set, ROOTS[kind], ()))
        used = [v for root in roots for v in _variables(root)]
        if not roots or any(name not in variables for name in used):
            raise Refusal("variable" if roots else "fragment")
        if kind == "subscription" and len(roots) != 1:
            raise Refusal("subscription")
        nested = self._below(definition.selection_set)
        return Operation(kind, definition.name.value if definition.name else "", variables, roots, nested)

    # ---- Roots

    def _roots(self, selections: Any, on: str, conditions: tuple[tuple[Any, bool], ...]) -> Iterator[Root]:
        for selection in selections.selections:
            here = conditions + _conditions(selection)
            if isinstance(selection, _ast.FieldNode):
                arguments = _object(selection.arguments or ())
                yield Root(selection.name.value, arguments, not any(_inside(arguments)), here)
                continue
            inside = (
                self._fragment(selection.name.value) if isinstance(selection, _ast.FragmentSpreadNode) else selection
            )
            if inside.type_condition is not None and inside.type_condition.name.value != on:
                raise Refusal("fragment")
            yield from self._roots(inside.selection_set, on, here)

    def _fragment(self, name: str) -> Any:
        if name not in self.fragments:
            raise Refusal("fragment")
        return self.fragments[name]

    # ---- How large a selection is, and what stands below it

    def _size(self, selections: Any) -> Size:
        depth = fields = aliases = 0
        for selection in selections.selections:
            if isinstance(selection, _ast.FieldNode):
                inside = self._size(selection.selection_set) if selection.selection_set else Size(0, 0, 0)
                inside = Size(inside.depth + 1, inside.fields + 1, inside.aliases + (selection.alias is not None))
            elif isinstance(selection, _ast.InlineFragmentNode):
                inside = self._size(selection.selection_set)
            else:
                inside = self._size_of_fragment(selection.name.value)
            depth, fields, aliases = max(depth, inside.depth), fields + inside.fields, aliases + inside.aliases
            if selection.directives:
                _conditions(selection)  # they are judged wherever they stand
        return Size(depth, fields, aliases)

    def _size_of_fragment(self, name: str) -> Size:
        """Each fragment is measured once; one that is met while it is measured spreads itself."""
        if name not in self.sizes:
            self.sizes[name] = None
            self.sizes[name] = self._size(self._fragment(name).selection_set)
        size = self.sizes[name]
        if size is None:
            raise Refusal("fragment")
        return size

    def _below(self, selections: Any) -> frozenset[str]:
        """The names of the fields below the fields of a selection set."""
        found: set[str] = set()
        for selection in selections.selections:
            if isinstance(selection, _ast.FieldNode):
                if selection.selection_set:
                    found |= self._all(selection.selection_set)
            elif isinstance(selection, _ast.InlineFragmentNode):
                found |= self._below(selection.selection_set)
            else:
                found |= self._below(self._fragment(selection.name.value).selection_set)
        return frozenset(found)

    def _all(self, selections: Any) -> frozenset[str]:
        """The names of all fields in a selection set and below."""
        found: set[str] = set()
        for selection in selections.selections:
            if isinstance(selection, _ast.FieldNode):
                found.add(selection.name.value)
                if selection.selection_set:
                    found |= self._all(selection.selection_set)
            elif isinstance(selection, _ast.InlineFragmentNode):
                found |= self._all(selection.selection_set)
            else:
                name = selection.name.value
                if name not in self.names:
                    self.names[name] = self._all(self._fragment(name).selection_set)
                found |= self.names[name]
        return frozenset(found)


# ---- Directives, arguments, values


def _conditions(selection: Any) -> tuple[tuple[Any, bool], ...]:
    """What @skip and @include ask for; they may stand once each."""
    found: dict[str, tuple[Any, bool]] = {}
    for directive in selection.directives or ():
        name, arguments = directive.name.value, _object(directive.arguments or ())
        if name not in ("skip", "include") or name in found or arguments.keys() != {"if"}:
            raise Refusal("directive")
        condition = arguments["if"]
        if type(condition) is not bool and not isinstance(condition, Variable):
            raise Refusal("directive")
        found[name] = (condition, name == "include")
    return tuple(found.values())


def _object(fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in fields:
        _add(made, field.name.value, _value(field.value))
    return made


def _add(made: dict[str, Any], name: str, value: Any) -> None:
    if name in made:
        raise Refusal("ambiguous")
    made[name] = value


def _value(node: Any) -> Any:
    """A literal as JSON has it, with `Variable` and `EnumValue` in it."""
    if isinstance(node, _ast.VariableNode):
        return Variable(node.name.value)
    if isinstance(node, _ast.ListValueNode):
        return [_value(value) for value in node.values]
    if isinstance(node, _ast.ObjectValueNode):
        return _object(node.fields)
    if isinstance(node, _ast.EnumValueNode):
        return EnumValue(node.value)
    if isinstance(node, _ast.NullValueNode):
        return None
    if isinstance(node, _ast.IntValueNode):
        return int(node.value)
    if isinstance(node, _ast.FloatValueNode):
        return float(node.value)
    return node.value  # a string or a Bool


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


def _variables(root: Root) -> Iterator[str]:
    yield from _inside(root.arguments)
    yield from (condition.name for condition, _ in root.conditions if isinstance(condition, Variable))
