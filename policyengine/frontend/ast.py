"""The syntax tree: what an author wrote, name by name. Equality ignores places, so that a printed tree can be compared.

Every node has a `span`; `docs` are the `///` lines before a declaration or a row, without the slashes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from policyengine.source import Span


@dataclass(frozen=True, slots=True)
class Node:
    span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name(Node):
    text: str


# ---- Expressions


@dataclass(frozen=True, slots=True)
class Path(Node):
    """`a.b.c`; one name alone is a parameter or the value of an enum."""

    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Value(Node):
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Call(Node):
    name: Name
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Granted(Node):
    """In a threat: a live grant row on the record itself that covers the action."""


@dataclass(frozen=True, slots=True)
class Not(Node):
    operand: Expression


@dataclass(frozen=True, slots=True)
class And(Node):
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Compare(Node):
    left: Expression
    operator: str
    right: Expression


@dataclass(frozen=True, slots=True)
class In(Node):
    item: Expression
    choices: tuple[Value | Path, ...]


@dataclass(frozen=True, slots=True)
class Has(Node):
    path: Path


Expression = Path | Value | Call | Granted | Not | And | Or | Compare | In | Has


# ---- Declarations


@dataclass(frozen=True, slots=True)
class Declaration(Node):
    docs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tenant(Declaration):
    name: Name
    key: Name


@dataclass(frozen=True, slots=True)
class Enum(Declaration):
    name: Name
    values: tuple[Name, ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class TypeName(Node):
    name: Name
    of: Name | None


@dataclass(frozen=True, slots=True)
class Attribute(Node):
    name: Name
    type: TypeName
    optional: bool
    default: Value | Path | None
    mark: Name | None
    source: Name | None
    claim: Name | Value | None


@dataclass(frozen=True, slots=True)
class Body(Node):
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Principal(Declaration):
    name: Name
    body: Body


@dataclass(frozen=True, slots=True)
class Context(Declaration):
    body: Body


@dataclass(frozen=True, slots=True)
class Shape(Declaration):
    name: Name
    body: Body


@dataclass(frozen=True, slots=True)
class Resource(Declaration):
    names: tuple[Name, ...]
    shape: Name | None
    body: Body | None
    global_reason: Value | None


@dataclass(frozen=True, slots=True)
class Grant(Declaration):
    name: Name
    on: Name
    record_by: tuple[Name, Name]
    to: Name
    member_by: tuple[Name, Name]
    body: Body
    counts_when: Expression | None
    crosses: bool


@dataclass(frozen=True, slots=True)
class Action(Declaration):
    names: tuple[Name, ...]
    on: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Obligation(Declaration):
    name: Name
    body: Body


@dataclass(frozen=True, slots=True)
class Who(Node):
    """`record owner`, `holder owner`, `role NAME` or `grant NAME`."""

    kind: str
    name: Name | None


@dataclass(frozen=True, slots=True)
class Inherit(Declaration):
    value: Name
    parent: Name


@dataclass(frozen=True, slots=True)
class Permission(Declaration):
    """A row of an access declaration; without a `label` it holds always."""

    label: Name | None
    who: Who
    actions: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Access(Declaration):
    name: Name
    by: Name | None
    rows: tuple[Inherit | Permission, ...]


@dataclass(frozen=True, slots=True)
class Changing(Declaration):
    attributes: tuple[Name, ...]
    on: tuple[Name, ...]
    needs: Name


@dataclass(frozen=True, slots=True)
class Parameter(Node):
    name: Name
    type: TypeName


@dataclass(frozen=True, slots=True)
class Define(Declaration):
    name: Name
    parameters: tuple[Parameter, ...]
    body: Expression


@dataclass(frozen=True, slots=True)
class Rule(Declaration):
    """A permit, forbid or require (`effect`); only a require has an `obligation`, with its fields."""

    effect: str
    name: Name
    actions: tuple[Name, ...]
    on: tuple[Name, ...]
    when: Expression | None
    unless: Expression | None
    because: Value | None
    obligation: Name | None = None
    fields: tuple[tuple[Name, Expression], ...] = ()


@dataclass(frozen=True, slots=True)
class Never(Node):
    """Empty `actions` or `on` stand for `any`."""

    actions: tuple[Name, ...]
    on: tuple[Name, ...]
    without: Name | None
    when: Expression | None


@dataclass(frozen=True, slots=True)
class Held(Node):
    layers: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Inexpressible(Node):
    layers: tuple[Name, ...]
    reason: Value


@dataclass(frozen=True, slots=True)
class NotOurs(Node):
    reason: Value


@dataclass(frozen=True, slots=True)
class Threat(Declaration):
    name: Name
    description: Value
    items: tuple[Never | Held | Inexpressible | NotOurs, ...]


@dataclass(frozen=True, slots=True)
class Setting(Node):
    kind: Name
    name: Name | None
    value: Value


@dataclass(frozen=True, slots=True)
class Aws(Declaration):
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Mapped(Node):
    """Fields of the API that ask for an action. Each clause is a list of places, empty where it is not written."""

    fields: tuple[Path, ...]
    action: Name
    on: tuple[Name, ...]
    by: tuple[Path, ...]
    within: tuple[Path, ...]
    to: tuple[Path, ...]
    writes: tuple[Path, ...]
    passing: tuple[Path, ...]
    takes_effect: bool


@dataclass(frozen=True, slots=True)
class Opened(Node):
    """Fields of the API that every principal may ask for."""

    fields: tuple[Path, ...]
    because: Value


@dataclass(frozen=True, slots=True)
class Waived(Node):
    finding: Name
    on: Path
    until: Value
    because: Value


@dataclass(frozen=True, slots=True)
class TokenAlone(Node):
    """`authorizer answers from token alone`."""


@dataclass(frozen=True, slots=True)
class Api(Declaration):
    items: tuple[Mapped | Opened | Waived | TokenAlone, ...]


# ---- Tests


@dataclass(frozen=True, slots=True)
class Object(Node):
    """An object written out: strings, numbers, Bools, the names of enum values and types, objects."""

    members: tuple[tuple[Name, Value | Path | Object], ...]


@dataclass(frozen=True, slots=True)
class Raw(Node):
    """JSON text, taken as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Let(Node):
    """`name` is an object of type `of`, or, where `changed`, the earlier object `of` with some members replaced."""

    name: Name
    of: Name | None
    changed: bool
    value: Object | Raw


@dataclass(frozen=True, slots=True)
class Row(Node):
    of: Name
    value: Object | Raw


@dataclass(frozen=True, slots=True)
class TestContext(Node):
    value: Object | Raw


@dataclass(frozen=True, slots=True)
class Expectation(Node):
    """Empty `rules` say nothing of the rules; no `obligations` say that there are none."""

    allow: bool
    principal: Name
    action: Name
    record: Name
    rules: tuple[Path, ...]
    obligations: tuple[tuple[Name, Object], ...]
    errors: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Test(Declaration):
    title: Value
    statements: tuple[Let | Row | TestContext | Expectation, ...]


# ---- What could not be read


@dataclass(frozen=True, slots=True)
class Broken(Declaration):
    """A stretch of text with a syntax error: its first word, and the words in it that may have been declared there.

    The keyword is empty where a stretch does not begin with one.
    """

    keyword: str
    words: frozenset[str]


AnyDeclaration = (
    Tenant | Enum | Principal | Context | Shape | Resource | Grant | Action | Obligation
    | Access | Changing | Define | Rule | Threat | Aws | Api | Test | Broken
)  # fmt: skip
