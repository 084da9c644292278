"""The policies that meet in one request, and the decision on it as a term: the encoder's own account of the order.

A stack is what `policyengine.iam` calls a request, without who asks for what. IAM User Guide: "Policy evaluation
logic"; AWS KMS Developer Guide: "Key policies in AWS KMS".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from policyengine.analysis import terms
from policyengine.analysis.documents import conditions, readings
from policyengine.analysis.documents.actions import Actions
from policyengine.analysis.documents.readings import NO, YES, Reading, known
from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.documents.symbols import (
    ARN,
    NAME,
    RESOURCE,
    Sort,
    Symbols,
    fixed,
    quoted,
)
from policyengine.analysis.documents.texts import Symbol, Text, like
from policyengine.iam.document import Document, Principals, Statement, parse_text
from policyengine.iam.matching import Wild, fold

Json = dict[str, Any]

KMS = ("kms:*",)
TRUST = ("sts:AssumeRole*", "sts:TagSession", "sts:SetSourceIdentity")
ALWAYS_TOLD_APART = (*KMS, *TRUST, "sts:AssumeRole")
"""What decides how the policies of a stack combine."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Texts of documents, as `policyengine aws simulate` takes them; `tenant` stands in them for the symbolic tenant.

    `kind` is what the policy on the resource is: of a KMS key, of a role (trust), or of another resource; `delegating`
    where a key or a role leaves it all to the account's own policies.
    """

    account: str
    identity: tuple[str, ...] = ()
    resource_policy: str | None = None
    boundary: str | None = None
    kind: str = "resource"
    tenant: str = ""
    partition: str = "aws"

    def request(self, principal: str, action: str, resource: str, context: Json, tenant: str) -> Json:
        """A request in the form of `aws simulate`, in documents where the tenant has this id."""

        def document(text: str) -> Any:
            return json.loads(text.replace(self.tenant, tenant) if self.tenant else text)

        made: Json = {
            "principal": principal,
            "action": action,
            "resource": resource,
            "account": self.account,
            "context": context,
            "identity": [document(text) for text in self.identity],
        }
        policy = self._on_resource(action)
        if policy is not None:
            made["resource_policy"] = document(policy)
        if self.boundary is not None:
            made["boundary"] = document(self.boundary)
        return made

    def _on_resource(self, action: str) -> str | None:
        if self.kind != "delegating":
            return self.resource_policy
        trust, name = ("sts:assumerole", "sts:tagsession", "sts:setsourceidentity"), fold(action)
        if not name.startswith(("kms:", *trust)):
            return None
        what: Json = {"Resource": "*"} if name.startswith("kms:") else {}
        root = {"AWS": f"arn:{self.partition}:iam::{self.account}:root"}
        allow = {"Sid": "Account", "Effect": "Allow", "Principal": root, "Action": "*", **what}
        return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    document: Document


def layers(stack: Stack) -> list[Layer]:
    """The documents of a stack, parsed anew. Raises Unsupported for a text that is no document."""
    named = [(f"identity[{index}]", text) for index, text in enumerate(stack.identity)]
    named += [("boundary", stack.boundary)] if stack.boundary is not None else []
    named += [("resource_policy", stack.resource_policy)] if stack.resource_policy is not None else []
    found = []
    for name, text in named:
        document, problems = parse_text(text)
        if document is None:
            raise Unsupported("a document that AWS refuses", f"{name}: {problems[0]}")
        found.append(Layer(name, document))
    return found


def sorts(found: Iterable[Layer]) -> dict[str, Sort]:
    """The sort of each key that an operator settles."""
    made: dict[str, Sort] = {}
    for condition in (c for layer in found for s in layer.document.statements for c in s.conditions):
        base = re.sub(r"^(ForAllValues|ForAnyValue):|IfExists$", "", condition.operator)
        operator = conditions.OPERATORS.get(conditions.NEGATED.get(base, base))
        if operator:
            made[fold(condition.key)] = operator.sort
    return made


# ---- Statements


@dataclass(frozen=True, slots=True)
class Judged:
    """A statement, whether it applies apart from whom it names, and in which ways it names the caller."""

    layer: str
    effect: str
    applies: Reading
    ways: dict[str, Reading] | None

    @property
    def ground(self) -> Reading:
        return (
            self.applies if self.ways is None else readings.all_of([self.applies, readings.any_of(self.ways.values())])
        )

    def reached(self, way: str) -> Reading:
        return readings.all_of([self.applies, (self.ways or {}).get(way, NO)])


@dataclass(frozen=True, slots=True)
class Encoder:
    stack: Stack
    symbols: Symbols
    actions: Actions

    def decision(self, found: Iterable[Layer]) -> tuple[list[str], Reading]:
        """Definitions, one of each statement and reading, and whether the request is allowed."""
        definitions: list[str] = []
        judged = []
        for layer in found:
            for statement in layer.document.statements:
                each = self._judge(layer, statement)
                applies = []
                for word, term in (("certainly", each.applies.certain), ("possibly", each.applies.possible)):
                    name = quoted(layer.name, statement.index, statement.sid or "", word)
                    definitions.append(f"(define-fun {name} () Bool {term})")
                    applies.append(name if term not in ("true", "false") else term)
                judged.append(Judged(each.layer, each.effect, Reading(*applies), each.ways))
        return definitions, self._decided(judged)

    def _judge(self, layer: Layer, statement: Statement) -> Judged:
        on_resource = layer.name == "resource_policy"
        kind = self.stack.kind if on_resource else "identity"
        where = f"{layer.name}: {statement.name}"
        if statement.unknown or statement.not_principal:
            raise Unsupported(statement.unknown[0] if statement.unknown else "NotPrincipal", where)
        if on_resource == (statement.principal is None):
            raise Unsupported("a Principal where none belongs, or none where one does", where)
        keys = [(condition.operator, fold(condition.key)) for condition in statement.conditions]
        if len(set(keys)) < len(keys):
            raise Unsupported("a key twice under one operator", where)
        variables = layer.document.has_variables
        parts = [
            self._action(statement, kind, where),
            self._resource(statement, kind, variables, where),
            *(
                conditions.encode(condition, self.symbols, self.stack.tenant, variables=variables)
                for condition in statement.conditions
            ),
        ]
        ways = self._ways(statement, where) if statement.principal else None
        return Judged(
            "identity" if layer.name.startswith("identity") else layer.name,
            statement.effect,
            readings.all_of(parts),
            ways,
        )

    def _action(self, statement: Statement, kind: str, where: str) -> Reading:
        if statement.action is not None:
            return known(self.actions.among(statement.action, where))
        if statement.not_action:
            return known(terms.negated(self.actions.among(statement.not_action, where)))
        if kind == "kms" and statement.not_action is None:
            return NO  # "is accepted and does nothing"
        raise Unsupported("a statement without Action", where)

    def _resource(self, statement: Statement, kind: str, variables: bool, where: str) -> Reading:
        wanted = statement.resource if statement.resource is not None else statement.not_resource
        if kind == "trust":
            if wanted is not None:
                raise Unsupported("a Resource in a trust policy", where)
            return YES
        if wanted is None and kind == "kms":
            return NO
        if not wanted:
            raise Unsupported("a statement without Resource", where)
        found = [self._covers(text, variables, where) for text in wanted]
        covered = readings.any_of(reading for reading, _ in found)
        certain = terms.all_of(certainly for _, certainly in found)
        reading = readings.negated(covered) if statement.resource is None else covered
        return Reading(terms.all_of([certain, reading.certain]), reading.possible)

    def _covers(self, wanted: str, variables: bool, where: str) -> tuple[Reading, str]:
        """Whether a text of Resource covers the resource, and whether all of its variables certainly have a value."""
        if wanted == "*":
            return YES, "true"
        text, filled = conditions.read_text(
            wanted, self.symbols, self.stack.tenant, wildcards=True, variables=variables, where=where
        )
        parts = conditions.arn_parts(text)
        if parts is None or parts[0] != ("arn",) or any(isinstance(p, Wild) for p in parts[2]):
            raise Unsupported("a Resource that is no ARN", where)
        if any(isinstance(piece, Symbol) for part in parts[:5] for piece in part):
            raise Unsupported("a variable before the fifth colon of a Resource", where)
        anywhere = like(text, RESOURCE, where=where)
        if _crosses(text):
            within = terms.all_of([anywhere, conditions.like_parts(parts, RESOURCE, where)])
        else:
            within = anywhere
        has = terms.all_of(value.present for value in filled)
        certain = conditions._certainly(filled)
        return Reading(terms.all_of([certain, within]), terms.all_of([has, anywhere])), certain

    # ---- Principals

    def _ways(self, statement: Statement, where: str) -> dict[str, Reading]:
        """In which ways the Principal covers the caller. An Allow to everyone that names principals by
        aws:PrincipalArn names them directly ("AWS JSON policy elements: Principal")."""
        assert statement.principal
        if statement.principal.everyone:
            ways = {"everyone": YES}
        else:
            ways = self._named(statement.principal, where)
        names = {"ArnEquals", "ArnLike", "StringEquals", "StringLike"}
        if any(fold(c.key) == "aws:principalarn" and c.operator in names for c in statement.conditions):
            everyone = ways.pop("everyone", NO)
            ways["direct"] = readings.any_of([everyone, ways.get("direct", NO)])
        return ways

    def _named(self, principals: Principals, where: str) -> dict[str, Reading]:
        found: dict[str, list[Reading]] = {}
        for kind, name in principals.named:
            for way, reading in self._way(kind, name, where):
                found.setdefault(way, []).append(reading)
        return {way: readings.any_of(parts) for way, parts in found.items()}

    def _way(self, kind: str, name: str, where: str) -> Iterator[tuple[str, Reading]]:
        caller = self.symbols.is_caller
        if kind in ("Service", "Federated"):
            if "*" in name:
                raise Unsupported("a wildcard within a Principal", where)
            yield "direct", known(terms.all_of([caller([kind.lower()]), fixed(NAME, name)]))
        elif kind != "AWS":
            raise Unsupported(f"a Principal of the kind {kind}", where)
        elif name == "*":
            unsure = caller(["service", "federated"])
            yield "everyone", Reading(terms.negated(unsure), "true")
        elif re.fullmatch(r"[0-9]{12}", name) or re.fullmatch(
            rf"arn:{self.stack.partition}:iam::[0-9]{{12}}:root", name
        ):
            account = re.search(r"[0-9]{12}", name)
            assert account
            inside = self.symbols.of_account(account[0])
            yield "direct", known(terms.all_of([caller(["root"]), inside]))
            yield "account", known(terms.all_of([caller(["session", "user"]), inside]))
        elif found := re.fullmatch(r"arn:([a-z-]+):iam::[0-9]{12}:(role|user)/[\w+=,.@-]+", name, re.ASCII):
            if found[1] != self.stack.partition:
                raise Unsupported("a Principal of another partition", where)
            way, kinds = ("role", ["session"]) if found[2] == "role" else ("direct", ["user"])
            yield way, known(terms.all_of([caller(kinds), fixed(ARN, name)]))
        else:
            raise Unsupported("a Principal that is no account, role or user", where)

    # ---- Who may

    def domain(self) -> str:
        """Which actions are asked of a resource of this kind."""
        kms, trust = self.actions.among(KMS, ""), self.actions.among(TRUST, "")
        if self.stack.kind in ("kms", "trust"):
            return kms if self.stack.kind == "kms" else trust
        return "true" if self.stack.resource_policy is None else terms.negated(terms.any_of([kms, trust]))

    def _guarded(self) -> str:
        """Whether the resource's own policy must allow, or delegate: KMS keys, and roles that are assumed."""
        if self.stack.resource_policy is not None or self.stack.kind == "delegating":
            return "true" if self.stack.kind in ("kms", "trust") else "false"
        by_kind = ((KMS, ":key/"), (TRUST, ":role/"))
        return terms.any_of(
            terms.all_of([self.actions.among(names, ""), f'(str.contains {RESOURCE} "{part}")'])
            for names, part in by_kind
        )

    def _decided(self, judged: list[Judged]) -> Reading:
        caller = self.symbols.is_caller
        with_identity = known(caller(["session", "user"]))

        def ground(each: Judged) -> Reading:
            return each.ground if each.layer == "resource_policy" else readings.all_of([with_identity, each.ground])

        denied = readings.any_of(ground(each) for each in judged if each.effect == "Deny")
        allows = [each for each in judged if each.effect == "Allow"]

        def by(layer: str) -> Reading:
            return readings.any_of(each.ground for each in allows if each.layer == layer)

        def reached(*ways: str) -> Reading:
            return readings.any_of(each.reached(way) for each in allows for way in ways)

        everybody = ("direct", "role", "everyone", "account")
        root = known(caller(["root"]))
        identity = readings.any_of([root, by("identity")])
        boundary = readings.any_of([root, by("boundary")]) if self.stack.boundary is not None else YES
        capped_identity = readings.all_of([identity, boundary])
        own = readings.when(self._guarded(), readings.all_of([reached("account"), capped_identity]), capped_identity)
        everyone = reached("everyone")
        within = readings.any_of(
            [
                reached("direct"),
                readings.all_of([reached("role"), boundary]),
                own,
                readings.agreed(everyone, readings.all_of([everyone, boundary])),
            ]
        )
        across = readings.all_of([reached(*everybody), capped_identity])
        same = self.symbols.of_account(self.stack.account)
        allowed = readings.when(self.symbols.has_account, readings.when(same, within, across), reached(*everybody))
        refused = known(terms.all_of([caller(["root"]), self.actions.among(["sts:AssumeRole"], "")]))
        return readings.all_of([allowed, readings.negated(denied), readings.negated(refused)])


def _crosses(text: Text) -> bool:
    """Whether a wildcard stands where it would have to cross a colon to match beyond its part."""
    for piece, after in zip(text, (*text[1:], ":"), strict=True):
        if piece is Wild.ONE or (piece is Wild.MANY and not (isinstance(after, str) and after.startswith(":"))):
            return True
    return False
