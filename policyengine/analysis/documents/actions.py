"""Actions, as many as documents and claims can tell apart: proofs then hold of every action, of those to come too.

A pattern of an action is a name, or how names begin and `*`. Two actions that match the same patterns get the same
answer, so that one of each such class is enough: each name, and one more action for each beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from policyengine.analysis.documents.refused import Unsupported
from policyengine.analysis.terms import any_of
from policyengine.iam.matching import fold

ACTION = "|action|"

REAL = (
    "kms:GenerateDataKeyPair",
    "kms:ReEncryptTo",
    "kms:GenerateMac",
    "s3:GetObjectVersion",
    "dynamodb:Scan",
    "bedrock:CreateModelCustomizationJob",
    "appsync:StartSchemaCreation",
    "sts:GetCallerIdentity",
    "iam:CreateRole",
    "ec2:RunInstances",
)
"""Names for classes that only a beginning makes, so that a counterexample reads well. Any other name would do."""


@dataclass(frozen=True, slots=True)
class Actions:
    """`names` holds one action of each class."""

    names: tuple[str, ...]

    @property
    def declarations(self) -> str:
        constructors = " ".join(f"(|{name}|)" for name in self.names)
        return f"(declare-datatypes ((Action 0)) (({constructors})))\n(declare-const {ACTION} Action)"

    def among(self, patterns: Iterable[str], where: str) -> str:
        """Whether the action matches one of the patterns."""
        listed = [_read(pattern, where) for pattern in patterns]
        found = [name for name in self.names if any(_matches(each, fold(name)) for each in listed)]
        if len(found) == len(self.names):
            return "true"
        return any_of(f"(= {ACTION} |{name}|)" for name in found)


def classes(patterns: Iterable[str]) -> Actions:
    """One action of each class that the patterns can tell apart. Raises Unsupported for a pattern of another form."""
    listed = list(dict.fromkeys(patterns))
    read = {fold(pattern): _read(pattern, pattern) for pattern in listed}
    names = {fold(pattern): pattern for pattern in listed if not pattern.endswith("*")}
    begins = sorted({beginning for beginning, star in read.values() if star})
    for beginning in begins:
        longer = [other for other in begins if other != beginning and other.startswith(beginning)]
        real = (n for n in REAL if fold(n).startswith(beginning) and not any(fold(n).startswith(o) for o in longer))
        made = next((name for name in real if fold(name) not in names), None) or _fresh(beginning)
        names.setdefault(fold(made), made)
    return Actions(tuple(names[name] for name in sorted(names)))


def _fresh(beginning: str) -> str:
    """An action that begins so and matches no longer pattern but by chance of its odd ending."""
    service, colon, name = beginning.partition(":")
    return f"{service}:{name}Zq9" if colon else f"{service}zq9:Zq9"


def _matches(pattern: tuple[str, str], action: str) -> bool:
    beginning, star = pattern
    return action.startswith(beginning) if star else action == beginning


def _read(pattern: str, where: str) -> tuple[str, str]:
    """The folded beginning, and `*` where anything may follow."""
    found = re.fullmatch(r"([A-Za-z0-9-]+:[A-Za-z0-9]*)(\*?)|\*", pattern)
    if found is None or (found[1] is not None and not found[2] and found[1].endswith(":")):
        raise Unsupported("a wildcard within the name of an action", where)
    return fold(found[1] or ""), "*" if pattern.endswith("*") else ""
