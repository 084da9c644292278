"""The decision on one request, by every policy that was given with it, and the statements that decided.

The order of IAM User Guide, "Policy evaluation logic": an explicit Deny anywhere is final; then an Allow must come from
the policy on the resource or from an identity policy, and what caps the principal must allow too.

- A policy on the resource that names the user or the session grants by itself, uncapped; one that names the role grants
  by itself, capped by boundary and session policy; one that names the account grants nothing to others in it.
- On a KMS key and on a role that is assumed, identity policies count only where the resource's own policy delegates to
  the account. Across accounts both sides must allow.
- An Allow to `*` needs nothing else in the account. It is uncapped where it names roles by aws:PrincipalArn; otherwise
  AWS does not say, and the answer is undetermined where a cap would matter.

Each statement is yes, no, open or unmodelled. The answer is `undetermined` or `unsupported` only where those could
change it; an explicit and an implicit denial are two answers. Unmodelled: NotPrincipal, CanonicalUser, unique ids of
principals, unknown elements and operators, variables where AWS takes none.

Not part of a request, hence not evaluated: organization policies (SCP, RCP), VPC endpoint policies, KMS grants, access
control lists, and whether AWS would have accepted a document. All but grants and access control lists can only deny
more. A session with tags needs sts:TagSession beside sts:AssumeRole...: that is a second request. Whether
aws:PrincipalArn of a session has a path cannot be told from its ARN: give the key in the context.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from policyengine.iam.conditions import holds
from policyengine.iam.document import Condition, Document, Statement
from policyengine.iam.matching import fold, matches_action, resource_matches
from policyengine.iam.principals import Reach, reaches
from policyengine.iam.request import Request
from policyengine.iam.verdict import NO, OPEN, UNMODELLED, YES, Verdict, agreed, all_of, any_of, negated

Answer = Literal["allowed", "explicit_deny", "implicit_deny", "unsupported", "undetermined"]
Origin = tuple[str, str | int]
"""The document's label in the request, and the statement's Sid or index."""


@dataclass(frozen=True, slots=True)
class Result:
    """`statements` decided: Denies, Allows, or those that leave the answer open; none where none allows."""

    decision: Answer
    statements: tuple[Origin, ...] = ()


def evaluate(request: Request) -> Result:
    judged = tuple(_judge_all(request))
    denied = _either(*(each.ground for each in judged if each.effect == "Deny"))
    if denied.verdict is YES:
        return Result("explicit_deny", denied.origins)
    allowed = _allowed(request, [each for each in judged if each.effect == "Allow"])
    if denied.verdict is NO:
        return Result(_ANSWERS[allowed.verdict], allowed.origins)
    unsure = [ground for ground in (denied, allowed) if ground.verdict in (OPEN, UNMODELLED)]
    verdict = UNMODELLED if any(ground.verdict is UNMODELLED for ground in unsure) else OPEN
    return Result(_ANSWERS[verdict], tuple(origin for ground in unsure for origin in ground.origins))


_ANSWERS: dict[Verdict, Answer] = {
    YES: "allowed",
    NO: "implicit_deny",
    OPEN: "undetermined",
    UNMODELLED: "unsupported",
}


# ---- Verdicts that know their statements


@dataclass(frozen=True, slots=True)
class _Ground:
    verdict: Verdict
    origins: tuple[Origin, ...] = ()


_GIVEN = _Ground(YES)
_NOT_GIVEN = _Ground(NO)


def _combined(combine: Callable[[Iterable[Verdict]], Verdict], grounds: tuple[_Ground, ...]) -> _Ground:
    verdict = combine([ground.verdict for ground in grounds])
    if verdict is NO:
        return _NOT_GIVEN
    origins = (origin for ground in grounds if ground.verdict is verdict for origin in ground.origins)
    return _Ground(verdict, tuple(dict.fromkeys(origins)))


def _either(*grounds: _Ground) -> _Ground:
    return _combined(any_of, grounds)


def _both(*grounds: _Ground) -> _Ground:
    return _combined(all_of, grounds)


def _unclear(one: _Ground, other: _Ground) -> _Ground:
    """What AWS's words may mean in either way."""
    return _Ground(agreed((one.verdict, other.verdict)), one.origins or other.origins)


# ---- Who may


def _allowed(request: Request, allows: list[_Judged]) -> _Ground:
    def by(layer: str) -> _Ground:
        return _either(*(each.ground for each in allows if each.layer == layer))

    def reached(*ways: Reach) -> _Ground:
        return _either(*(each.reached(way) for each in allows for way in ways))

    kind = request.caller.kind
    if not request.caller.account:
        return reached(*Reach)
    if kind == "root" and fold(request.action) == "sts:assumerole":  # AWS refuses it whatever the policies say
        return _NOT_GIVEN
    root = kind == "root"
    identity = _GIVEN if root else by("identity")
    boundary = _GIVEN if root or request.boundary is None else by("boundary")
    session = _GIVEN if root or (request.session is None and kind != "federated-user") else by("session")

    def capped(ground: _Ground) -> _Ground:
        return _both(ground, boundary, session)

    if request.caller.account != request.account:
        return _both(reached(*Reach), capped(identity))
    everyone = reached(Reach.EVERYONE)
    own = _both(reached(Reach.ACCOUNT), identity) if _is_guarded(request) else identity
    return _either(
        reached(Reach.DIRECT),
        capped(reached(Reach.ROLE)),
        capped(own),
        _unclear(everyone, capped(everyone)),
    )


def _is_guarded(request: Request) -> bool:
    """Whether the resource's own policy must allow, or delegate: KMS keys and roles that are assumed."""
    return _policy_kind(request) in ("kms", "trust")


def _policy_kind(request: Request) -> str:
    action, resource = fold(request.action), request.resource
    if action.startswith("kms:") and (request.resource_policy or ":key/" in resource):
        return "kms"
    assumes = action.startswith("sts:assumerole") or action in ("sts:tagsession", "sts:setsourceidentity")
    return "trust" if assumes and (request.resource_policy or ":role/" in resource) else "resource"


# ---- Statements


@dataclass(frozen=True, slots=True)
class _Judged:
    """A statement, whether it applies apart from whom it names, and in which ways it names the caller."""

    layer: str
    effect: str
    origin: Origin
    verdict: Verdict
    ways: dict[Reach, Verdict] | None

    @property
    def ground(self) -> _Ground:
        named = YES if self.ways is None else any_of(self.ways.values())
        return _Ground(all_of((self.verdict, named)), (self.origin,))

    def reached(self, way: Reach) -> _Ground:
        named = NO if self.ways is None else self.ways.get(way, NO)
        return _Ground(all_of((self.verdict, named)), (self.origin,))


def _judge_all(request: Request) -> Iterator[_Judged]:
    if request.caller.account and request.caller.kind != "root":
        for index, document in enumerate(request.identity):
            yield from _judge(request, document, "identity", f"identity[{index}]")
        for layer, held in (("boundary", request.boundary), ("session", request.session)):
            if held:
                yield from _judge(request, held, layer, layer)
    if request.resource_policy:
        yield from _judge(request, request.resource_policy, "resource_policy", "resource_policy")


def _judge(request: Request, document: Document, layer: str, label: str) -> Iterator[_Judged]:
    kind = _policy_kind(request) if layer == "resource_policy" else "identity"
    for statement in document.statements:
        verdict = _applies(request, document, statement, kind)
        ways = None if kind == "identity" else _ways(request, statement)
        yield _Judged(layer, statement.effect, (label, statement.name), verdict, ways)


def _ways(request: Request, statement: Statement) -> dict[Reach, Verdict]:
    """An Allow to `*` that names roles by aws:PrincipalArn grants directly: "AWS JSON policy elements: Principal"."""
    if statement.principal is None:
        return {Reach.DIRECT: UNMODELLED}
    ways = reaches(statement.principal, request.caller)
    if Reach.EVERYONE in ways and any(map(_names_principals, statement.conditions)):
        direct = any_of((ways.pop(Reach.EVERYONE), ways.get(Reach.DIRECT, NO)))
        ways[Reach.DIRECT] = direct
    return ways


def _names_principals(condition: Condition) -> bool:
    positive = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
    return fold(condition.key) == "aws:principalarn" and condition.operator in positive


def _applies(request: Request, document: Document, statement: Statement, kind: str) -> Verdict:
    """Whether the statement applies, whomever it names; one that is not understood does not matter if it cannot."""
    misplaced = kind == "identity" and (statement.principal or statement.not_principal)
    return all_of(
        [
            UNMODELLED if statement.unknown or misplaced else YES,
            _action_applies(request, statement, kind),
            _resource_applies(request, document, statement, kind),
            *_conditions_hold(request, document, statement),
        ]
    )


def _conditions_hold(request: Request, document: Document, statement: Statement) -> Iterator[Verdict]:
    """Of a key that stands twice under one operator, in different case, nothing says which one counts."""
    names = [(condition.operator, fold(condition.key)) for condition in statement.conditions]
    for name, condition in zip(names, statement.conditions, strict=True):
        once = names.count(name) == 1
        yield holds(condition, request.context, variables=document.has_variables) if once else UNMODELLED


def _action_applies(request: Request, statement: Statement, kind: str) -> Verdict:
    if statement.action is not None:
        return any_of([matches_action(wanted, request.action) for wanted in statement.action])
    if statement.not_action is not None:
        return _none_of(matches_action(wanted, request.action) for wanted in statement.not_action)
    return NO if kind == "kms" else UNMODELLED


def _resource_applies(request: Request, document: Document, statement: Statement, kind: str) -> Verdict:
    """A statement of a key policy without Resource "is accepted and does nothing"; a trust policy has none."""
    wanted = statement.not_resource if statement.resource is None else statement.resource
    if kind == "trust":
        return YES if wanted is None else UNMODELLED
    if wanted is None:
        return NO if kind == "kms" else UNMODELLED
    context = request.context if document.has_variables else None
    found = [resource_matches(pattern, request.resource, context) for pattern in wanted]
    verdicts = [verdict for verdict, _ in found]
    verdict = _none_of(verdicts) if statement.resource is None else any_of(verdicts)
    return agreed((verdict, NO)) if any(voids for _, voids in found) else verdict


def _none_of(verdicts: Iterable[Verdict]) -> Verdict:
    """NotAction and NotResource. What an empty list leaves out is not for us to say."""
    listed = list(verdicts)
    return negated(any_of(listed)) if listed else UNMODELLED
