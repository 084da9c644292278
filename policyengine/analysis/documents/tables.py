"""Every document, and the claims about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from policyengine.analysis.documents import keys, needs, operators, services, sessions
from policyengine.analysis.documents.claims import Claim, Subject
from policyengine.analysis.documents.facts import All
from policyengine.analysis.documents.sessions import identity
from policyengine.backends.aws.view import Aws, file_of


def claims(aws: Aws, org: str) -> Iterator[tuple[Subject, list[Claim]]]:
    """Each document of a build, in the order of the files, with what is claimed of it."""
    made: list[tuple[Subject, Iterable[Claim]]] = [
        (keys.key_policy(org), keys.key_claims(aws)),
        (Subject("authenticated-trust.json", "trust", "iam"), services.authenticated_trust(aws)),
        (identity(aws, "authenticated", "authenticated-permissions.json"), sessions.authenticated_claims(aws)),
        (identity(aws, "authenticated", "authenticated-boundary.json", "boundary"), sessions.authenticated_claims(aws)),
        (identity(aws, "tenant_data", "tenant-permissions.json"), sessions.tenant_claims(aws)),
        (Subject("tenant-trust.json", "trust", "iam"), services.tenant_trust(aws)),
        (Subject("bucket-policy.json", "bucket", "s3"), services.bucket_claims(aws)),
    ]
    for role in ("resolver", "signer"):
        made.append((identity(aws, role, f"{role}-permissions.json"), services.assuming_claims(aws, role)))
    for role in operators.ROLES:
        made.append((identity(aws, role, f"{file_of(role)}-permissions.json"), operators.operator_claims(aws, role)))
    trusted = ["resolver", "signer", "deployment", "break_glass"]
    if aws.crossing_types:
        made.append((identity(aws, "rewrap", "rewrap-permissions.json"), services.rewrap_claims(aws)))
        trusted.append("rewrap")
    for role in trusted:
        made.append((Subject(f"{file_of(role)}-trust.json", "trust", "iam"), services.service_trust(aws, role)))
    for subject, found in sorted(made, key=lambda each: each[0].file):
        yield subject, [*found]


def emergency_claims(aws: Aws, org: str) -> Iterator[tuple[Subject, list[Claim]]]:
    """The documents of a build with the emergency options."""
    on_role = identity(aws, "authenticated", "authenticated-emergency.json")
    yield on_role, [*sessions.emergency_claims(aws, All(()))]
    yield keys.key_policy(org), [*keys.key_claims(aws), *sessions.emergency_claims(aws, keys.USE)]


def all_needs(aws: Aws, org: str) -> Iterator[needs.Need]:
    yield from needs.needs(aws, org)
    yield from operators.operator_needs(aws, f"key-policy-{org}.json")
