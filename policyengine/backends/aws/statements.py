"""What documents are made of: statements that know what they are for, and policies that know what they are attached to.

Two rules hold for every statement made here. Conditions of one statement are ANDed, so that a Deny tests one key, and
beside it at most whom it is about. A Deny compares with literals: a variable without a value can void a statement.
IAM User Guide: "IAM JSON policy elements: Condition operators", "IAM policy elements: Variables and tags".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Text = str | Mapping[str, str]
"""A literal, or a reference to a parameter where the statement stands in a template."""

Conditions = Mapping[str, Mapping[str, Text | Sequence[str]]]
"""Operator -> key -> one value, or a sorted list."""

EVERYONE = "*"
Kind = Literal["key", "trust", "inline", "managed", "bucket"]
"""What a policy is attached to, which decides how large it may be."""


@dataclass(frozen=True)
class Statement:
    """`concerns` are keys of `settings.CONCERNS`. In a key policy the resource `*` is the key itself."""

    sid: str
    purpose: str
    concerns: tuple[str, ...]
    effect: Literal["Allow", "Deny"]
    actions: Sequence[str]
    resources: Sequence[str] = ("*",)
    but_resources: Sequence[str] = ()
    principal: str | Mapping[str, str | Sequence[str]] | None = None
    conditions: Conditions = field(default_factory=dict)

    def json(self, *, of: Kind) -> Json:
        made: Json = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            made["Principal"] = self.principal if isinstance(self.principal, str) else _plain(self.principal)
        made["Action"] = _one_or_sorted(self.actions)
        if self.but_resources:
            made["NotResource"] = _one_or_sorted(self.but_resources)
        elif of != "trust":
            made["Resource"] = _one_or_sorted(self.resources)
        if self.conditions:
            made["Condition"] = {operator: _plain(self.conditions[operator]) for operator in sorted(self.conditions)}
        return made


def allow(sid: str, purpose: str, concerns: tuple[str, ...], actions: Sequence[str], **parts: Any) -> Statement:
    return Statement(sid, purpose, concerns, "Allow", actions, **parts)


def deny(sid: str, purpose: str, concerns: tuple[str, ...], actions: Sequence[str], **parts: Any) -> Statement:
    return Statement(sid, purpose, concerns, "Deny", actions, **parts)


@dataclass(frozen=True)
class Policy:
    """A document of statements. `layer` is the one that threats are held by; `attached_to` is for people."""

    file: str
    kind: Kind
    layer: str
    attached_to: str
    statements: tuple[Statement, ...]

    def json(self) -> Json:
        """Without this version `${...}` would be literal text."""
        return {"Version": "2012-10-17", "Statement": [each.json(of=self.kind) for each in self.statements]}


def _plain(values: Mapping[str, Any]) -> Json:
    return {key: value if isinstance(value, Mapping) else _one_or_sorted(value) for key, value in values.items()}


def _one_or_sorted(values: str | Sequence[str]) -> str | list[str]:
    if isinstance(values, str):
        return values
    return values[0] if len(values) == 1 else sorted(set(values))
