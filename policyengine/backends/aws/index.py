"""Which rules and threats each statement answers: document -> Sid -> rules, threats, purpose.

IAM and KMS see tags, contexts, roles and actions, never scopes, owners or grants. A statement answers a rule as far as
the rule's tenant boundary goes, or where it bounds what the rule lets cross.
"""

from __future__ import annotations

from collections.abc import Iterable

from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.statements import Json, Policy, Statement
from policyengine.backends.aws.view import Aws
from policyengine.model.types import Id

IAM_LAYERS = ("iam", "kms", "s3")
"""The layers that these documents are."""


def index(aws: Aws, policies: Iterable[Policy]) -> Json:
    return {policy.file: {each.sid: _entry(aws, policy, each) for each in policy.statements} for policy in policies}


def _entry(aws: Aws, policy: Policy, statement: Statement) -> Json:
    rules = {rule for concern in statement.concerns for rule in _rules(aws, concern)}
    threats = {threat.id for threat in aws.program.threats if _answers(aws, policy.layer, statement, threat.id)}
    return {"purpose": statement.purpose, "rules": sorted(rules), "threats": sorted(threats)}


def _rules(aws: Aws, concern: str) -> Iterable[str]:
    """Isolation is conjoined with every permit. Sharing abroad is what crosses, obliges to wrap, or is forbidden."""
    rules = aws.program.rules
    if concern == "isolation":
        governed = {resource.name for resource in aws.governed}
        return (rule.id for rule in rules if rule.effect == "permit" and not governed.isdisjoint(rule.types))
    if concern != "sharing":
        return ()
    wrapping = [rule for rule in rules if rule.obliges and _spans_tenants(aws, rule.obliges.name)]
    actions = {action for rule in wrapping for action in rule.actions}
    parents = {inheritance.parent_type for _, inheritance in aws.program.schema.inheritance}
    return (
        rule.id
        for rule in rules
        if rule.crosses
        or rule in wrapping
        or (rule.effect == "forbid" and not actions.isdisjoint(rule.actions) and parents.issuperset(rule.types))
    )


def _spans_tenants(aws: Aws, obligation: str) -> bool:
    """Whether an obligation names two tenants, such as whose key is left and whose is reached."""
    fields = aws.program.schema.obligation[obligation].attributes
    return sum(isinstance(field.type, Id) and field.type.tenant for field in fields) > 1


def _answers(aws: Aws, layer: str, statement: Statement, threat: str) -> bool:
    """By the threat's own layers, and by what the `aws` block says answers it; a record counts where audits do."""
    held_by = next(each.held_by for each in aws.program.threats if each.id == threat)
    said = aws.values.get(("answers", threat))
    layers = {"audit"} if "audit" in statement.concerns else {layer}
    return not layers.isdisjoint(held_by) and (said is None or not set(said.split()).isdisjoint(statement.concerns))


def check_threats(aws: Aws, policies: Iterable[Policy], made: Json) -> None:
    """What the policy set says that a layer holds, some statement of the layer answers. Raises Refused."""
    answered = {
        (policy.layer, threat)
        for policy in policies
        for entry in made[policy.file].values()
        for threat in entry["threats"]
    }
    for threat in aws.program.threats:
        for layer in threat.held_by:
            if layer in IAM_LAYERS and (layer, threat.id) not in answered:
                words = f"answers {threat.id}"
                wrong = f"`{threat.id}` is held by {layer}, and no statement of that layer answers it"
                raise Refused("aws-threat-unanswered", wrong, f"change its `held by`, or `{words}`", words)
