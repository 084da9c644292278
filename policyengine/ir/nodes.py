"""The nodes of the core: a small closed set. What each means stands in docs/language.md, and runs in `interpreter/`.

Conditions are expressions of type Bool. Only `Holder` and `Reference` can err; what is built on them errs with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Literal as OneOf

from policyengine.model.schema import Known, Schema
from policyengine.model.types import BOOL, Enum, Type
from policyengine.source import Span

# ---- Expressions


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | bool
    type: Type


@dataclass(frozen=True, slots=True)
class Var:
    """`principal`, `resource` (the record that the request names), `context`, or `row` inside a grant's condition.

    Inside the compiler also a parameter of a `define`; none is left in a finished program.
    """

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Attr:
    """An attribute of an object. `known` says where its value comes from; an absent one is read only after `Has`."""

    of: Object
    name: str
    type: Type
    known: Known
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Holder:
    """The record that holds the scope: the request's own, or the nearest row up that does not inherit. Can err."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The row of type `target` that an attribute names, in the organization of the record decided on. Can err."""

    by: Attr
    target: str


@dataclass(frozen=True, slots=True)
class Has:
    attr: Attr


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expr


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` is a key of `model.operators.OPERATORS`. Enums compare by `==`, `!=` and `Member` only."""

    left: Expr
    operator: str
    right: Expr


@dataclass(frozen=True, slots=True)
class Member:
    """The value is one of these, which have its type and stand sorted, each once."""

    item: Expr
    values: tuple[str | int | bool, ...]


@dataclass(frozen=True, slots=True)
class Isolation:
    """The principal's active organization is the record's; or, where it `crosses`, the record holds its own scope.

    True of a type that belongs to no tenant.
    """

    principal: Expr
    record: Attr
    crosses: bool


@dataclass(frozen=True, slots=True)
class GrantExists:
    """A live grant row on that record gives this member one of these roles (all roles from the least wanted up)."""

    on: Var | Holder
    roles: tuple[str, ...]
    member: Expr
    member_tenant: Expr


@dataclass(frozen=True, slots=True)
class Granted:
    """In a threat only: some live grant row on the record itself covers the action."""


Object = Var | Holder | Reference | Attr
Expr = (
    Literal
    | Var
    | Attr
    | Holder
    | Reference
    | Has
    | Not
    | And
    | Or
    | Compare
    | Member
    | Isolation
    | GrantExists
    | Granted
)

TRUE = Literal(True, BOOL)
FALSE = Literal(False, BOOL)

# ---- Rules and programs

Effect = OneOf["permit", "forbid", "require"]


@dataclass(frozen=True, slots=True)
class Obliges:
    """The obligation of a require: its name, and an expression for each of its fields, in the declared order."""

    name: str
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `crosses` is set by lowering from grant rows, and nowhere else."""

    id: str
    effect: Effect
    actions: tuple[str, ...]
    types: tuple[str, ...]
    condition: Expr
    obliges: Obliges | None = None
    because: str = ""
    doc: str = ""
    crosses: bool = False
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Never:
    """No request has an allow on one of these cells and the condition; with `without`, and lacks that obligation."""

    actions: tuple[str, ...]
    types: tuple[str, ...]
    without: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Threat:
    """`inexpressible` has the layers that cannot say some line, each with the reason."""

    id: str
    description: str
    nevers: tuple[Never, ...]
    held_by: tuple[str, ...]
    not_ours: tuple[str, ...]
    inexpressible: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Changing:
    """Changing this attribute of a record takes the right to `needs` on the record as it was."""

    attribute: str
    types: tuple[str, ...]
    needs: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the API: what it asks for, and where in its arguments the parts of a request stand, as dotted paths.

    `by` is the place of the record's id, or the places of its type and its id; `tenants` are the places of the tenant,
    `member` those of a grantee's id and tenant, `content` what a client may write, `passing` what says nothing of the
    record. A field without an `action` is open to every principal, for its `reason`.
    """

    type: str
    name: str
    action: str = ""
    types: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    member: tuple[str, ...] = ()
    content: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    takes_effect: bool = False
    reason: str = ""
    span: Span | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"


@dataclass(frozen=True, slots=True)
class Waiver:
    """A finding about the API that is accepted: what, of which field, for which reason, up to which day (ISO 8601)."""

    finding: str
    on: str
    until: str
    because: str
    span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Api:
    """The fields of the API, sorted. `token_alone`: the authorizer's answer is a function of the token alone."""

    fields: tuple[Field, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    token_alone: bool = False

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {str(one): one for one in self.fields}


@dataclass(frozen=True)
class Program:
    """A whole policy set, sorted by ids. `live` says, for each kind of grant row, when a row counts."""

    schema: Schema
    rules: tuple[Rule, ...]
    live: tuple[tuple[str, Expr], ...] = ()
    threats: tuple[Threat, ...] = ()
    changing: tuple[Changing, ...] = ()
    aws: tuple[tuple[str, str, str], ...] = ()
    api: Api = Api()

    def rules_for(self, action: str, type_name: str) -> tuple[Rule, ...]:
        """The rules that speak of this cell, sorted by id."""
        return self._by_cell.get((action, type_name), ())

    @cached_property
    def _by_cell(self) -> dict[tuple[str, str], tuple[Rule, ...]]:
        cells: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules:
            for cell in product(rule.actions, rule.types):
                cells.setdefault(cell, []).append(rule)
        return {cell: tuple(rules) for cell, rules in cells.items()}

    def live_when(self, grant: str) -> Expr:
        return dict(self.live)[grant]

    def setting(self, kind: str, name: str = "") -> str:
        """A setting of the `aws` block; KeyError names the one that is not there."""
        found = {(k, n): value for k, n, value in self.aws}
        return found[kind, name]


def at_least(enum: Enum, value: str) -> tuple[str, ...]:
    """The values of an ordered enum from `value` up, sorted by name."""
    return tuple(sorted(enum.values[enum.values.index(value) :]))
