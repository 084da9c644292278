"""What each layer sees of a request, and so what it can be asked: its projection of a rule, or of a threat's line.

The layers are the words after `held by` (docs/language.md, threat). The resolver sees all that a rule reads. AWS
documents see the tenants of both sides, by tag, context and key. The authorizer sees the token and the arguments, the
token says who asks, and the record of a decision is made after it: none of these three sees a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from policyengine.ir.nodes import And, Attr, Compare, Expr, Granted, GrantExists, Holder, Isolation, Program, Rule
from policyengine.ir.printer import print_expr
from policyengine.ir.visitor import walk
from policyengine.model.schema import Known

Proof = Literal["core", "documents", "none"]

PRINCIPAL_AND_ARGUMENTS = frozenset({Known.TOKEN, Known.ARGUMENT})


@dataclass(frozen=True, slots=True)
class Layer:
    """`sees` are the sources of attributes that it knows; `tenants`: both sides' tenants too. `proof`: what proves it.

    `decides` is false of a layer that decides no request by itself.
    """

    name: str
    what: str
    sees: frozenset[Known]
    tenants: bool
    decides: bool
    proof: Proof


LAYERS = (
    Layer("token", "who asks", frozenset({Known.TOKEN}), False, False, "none"),
    Layer("authorizer", "the token and the arguments", PRINCIPAL_AND_ARGUMENTS, False, True, "none"),
    Layer("resolver", "all that a rule reads", frozenset(Known), True, True, "core"),
    Layer("iam", "tag, role, action and the key of a row", frozenset(), True, True, "documents"),
    Layer("kms", "tag, role, action and encryption context", frozenset(), True, True, "documents"),
    Layer("s3", "role, action and the name of an object", frozenset(), True, True, "documents"),
    Layer("audit", "what was decided, afterwards", frozenset(), False, False, "none"),
)
LAYER = {layer.name: layer for layer in LAYERS}


def conjuncts(condition: Expr) -> tuple[Expr, ...]:
    return condition.operands if isinstance(condition, And) else (condition,)


def hidden(program: Program, layer: Layer, expr: Expr) -> Iterator[str]:
    """What an expression reads that the layer does not see, as it is written; each once."""
    if layer.proof == "core":
        return
    tenants = _tenants(program) if layer.tenants else set()
    unseen: set[str] = set()
    for node in walk(expr):
        match node:
            case Attr(known=known, name=name) if known not in layer.sees and name != "type":
                unseen.add(print_expr(node))
            case GrantExists() | Granted():
                unseen.add("the grant rows")
            case Holder():
                unseen.add("the holder")
    yield from sorted(unseen - tenants)


def _tenants(program: Program) -> set[str]:
    """Both tenants, as they are written."""
    key = program.schema.tenant_key
    return {f"principal.{key}", f"resource.{key}"}


def is_boundary(program: Program, expr: Expr) -> bool:
    """Whether it says that the principal's tenant is, or is not, the record's."""
    if isinstance(expr, Isolation):
        return True
    if not isinstance(expr, Compare) or expr.operator not in ("==", "!="):
        return False
    return {print_expr(expr.left), print_expr(expr.right)} == _tenants(program)


def sets_apart(program: Program, expr: Expr) -> bool:
    """Whether it says that the principal's tenant is not the record's: all that a document for AWS denies."""
    return isinstance(expr, Compare) and expr.operator == "!=" and is_boundary(program, expr)


def sayable(program: Program, layer: Layer, condition: Expr) -> tuple[bool, tuple[str, ...]]:
    """Whether a layer can say a threat's line at all, and what it does not see of it.

    A `never` may be said more strongly than it is meant, with fewer conditions: the layer says it by the conditions
    that it sees. It cannot where it sees none of them, for then it would have to deny everything.
    """
    unseen = tuple(dict.fromkeys(name for part in conjuncts(condition) for name in hidden(program, layer, part)))
    if not layer.decides:
        return False, unseen
    if layer.proof == "core":
        return True, ()
    if layer.proof == "documents":
        return any(sets_apart(program, part) for part in conjuncts(condition)), unseen
    return not unseen, unseen


Enforced = Literal["enforced", "tenant boundary only", "not expressible", "not built"]


def enforcement(program: Program, layer: Layer, rule: Rule) -> tuple[Enforced, str]:
    """How far a layer enforces a rule, and what it does not see of it.

    Denying what a permit does not give: a permit's boundary is conjoined with it, so a layer that sees both tenants
    holds that much. A forbid or a require has no part that a layer holds without seeing all of it.
    """
    parts = [*conjuncts(rule.condition), *(value for _, value in (rule.obliges.fields if rule.obliges else ()))]
    unseen = tuple(dict.fromkeys(name for part in parts for name in hidden(program, layer, part)))
    if layer.proof == "core":
        return "enforced", ""
    if layer.proof == "documents" and not program.aws:
        return "not built", "no `aws` block says where it is"
    if layer.name == "authorizer" and not program.api.fields:
        return "not built", "no `api` block says what is asked"
    why = f"does not see {', '.join(unseen)}" if unseen else ""
    tenants = not all(program.schema.resource[name].global_reason for name in rule.types)
    if rule.effect == "permit" and layer.tenants and tenants:
        return "tenant boundary only", why
    return "not expressible", why
