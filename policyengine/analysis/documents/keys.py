"""Claims about an organization's key: the layer that holds when the others have fallen (docs/studio.md, Isolation)."""

from __future__ import annotations

from collections.abc import Iterator

from policyengine.analysis.documents.claims import BOTH, Claim, Subject
from policyengine.analysis.documents.facts import (
    VICTIM,
    Acts,
    Below,
    Called,
    CalledBy,
    Fact,
    Flag,
    Has,
    Is,
    Not,
    OfAccount,
    SomeOther,
    both,
)
from policyengine.backends.aws.view import Aws

USE = Acts(("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"))
"""Every operation of a symmetric key that takes an encryption context."""

RE_ENCRYPT = Acts(("kms:ReEncrypt*",))
ADMINISTRATION = Acts(
    (
        "kms:CancelKeyDeletion",
        "kms:CreateAlias",
        "kms:DeleteAlias",
        "kms:Describe*",
        "kms:Disable*",
        "kms:Enable*",
        "kms:Get*",
        "kms:List*",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
        "kms:RotateKeyOnDemand",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
    )
)
PINNED = Acts(("kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource"))
DELETION_DAYS = 30
NAMES = "kms:EncryptionContextKeys"


def key_policy(org: str) -> Subject:
    return Subject(f"key-policy-{org}.json", "key", "kms")


def key_claims(aws: Aws) -> Iterator[Claim]:
    yield from _use(aws)
    if aws.crossing_types:
        yield from _rewraps(aws)
    yield from _standing(aws)


def users(aws: Aws) -> Fact:
    return CalledBy((aws.role("authenticated"),))


def rewrap(aws: Aws) -> Fact:
    return CalledBy((aws.role("rewrap"),) if aws.crossing_types else ())


def own_tag(aws: Aws) -> Fact:
    """The caller's tag names the tenant whose key, row or object it is."""
    return Is(aws.tenant_tag, ((VICTIM,),))


def own_context(aws: Aws) -> Fact:
    return Is(aws.tenant_context, ((VICTIM,),))


def _use(aws: Aws) -> Iterator[Claim]:
    of = f"of the key's {aws.tenant}"
    names = tuple((name,) for name in aws.context_names)
    by_users, by_rewrap = users(aws), rewrap(aws)
    yield Claim(
        "tag",
        f"the key is used by nobody without the tag {of}, but to wrap for another",
        ("isolation", "session"),
        ("denies", "allows"),
        both(USE, Not(own_tag(aws)), Not(by_rewrap)),
    )
    yield Claim(
        "context",
        f"the key is used under no context but {of}",
        ("isolation",),
        ("denies", "allows"),
        both(USE, Not(own_context(aws))),
    )
    yield Claim(
        "context-names",
        "the key is used under no context with other names",
        ("isolation",),
        ("denies", "allows"),
        both(USE, SomeOther(NAMES, names)),
    )
    yield Claim(
        "callers",
        "the key is used by no role but those that the source names",
        ("reach", "session"),
        ("denies", "allows"),
        both(USE, Not(by_users), Not(by_rewrap)),
    )
    yield Claim(
        "users-unwrap",
        "users unwrap and make data keys, and do nothing else with the key",
        ("reach",),
        ("allows",),
        both(USE, by_users, Not(Acts(("kms:Decrypt", "kms:GenerateDataKey")))),
    )
    yield Claim(
        "no-user-re-encrypts",
        "nobody moves a data key to another key but the re-wrap role",
        ("sharing", "reach"),
        ("denies", "allows"),
        both(RE_ENCRYPT, Not(by_rewrap)),
    )


def _rewraps(aws: Aws) -> Iterator[Claim]:
    type_name, id_name = (f"kms:EncryptionContext:{name}" for name in aws.record_names)
    shared = tuple((name,) for name in aws.crossing_types)
    same = "kms:ReEncryptOnSameKey"
    rows = (
        (
            "re-wrap-sees-nothing",
            "the re-wrap role neither sees nor makes a data key",
            both(USE, rewrap(aws), Not(RE_ENCRYPT)),
        ),
        (
            "re-wrap-types",
            "wraps are moved of types that can be shared alone",
            both(RE_ENCRYPT, Not(Is(type_name, shared))),
        ),
        ("re-wrap-records", f"the {aws.tenant}'s own data key is never moved", both(RE_ENCRYPT, Not(Has(id_name)))),
        ("re-wrap-other-key", "no wrap is made anew under the same key", both(RE_ENCRYPT, Flag(same, True))),
    )
    for name, sentence, forbidden in rows:
        yield Claim(name, sentence, ("sharing",), BOTH, forbidden)
    yield Claim(
        "re-wrap-known-keys",
        "no wrap is moved where it is not said that the keys differ",
        ("sharing",),
        ("allows",),
        both(RE_ENCRYPT, Not(Flag(same, False))),
    )


def _standing(aws: Aws) -> Iterator[Claim]:
    copies = Acts(("kms:ImportKeyMaterial", "kms:ReplicateKey", "kms:UpdatePrimaryRegion"))
    deployers = CalledBy((aws.role("deployment"), aws.role("break_glass")))
    concerns = ("administration",)
    yield Claim(
        "grants", "nobody makes a grant", ("reach", *concerns), ("denies", "allows"), Acts(("kms:CreateGrant",))
    )
    yield Claim("copies", "key material is neither copied nor imported", concerns, ("denies", "allows"), copies)
    yield Claim(
        "policy-changes",
        "nobody changes the policy or the tags, or ends the key, but deployment and break-glass",
        concerns,
        ("denies",),
        both(PINNED, Not(deployers)),
    )
    bypass = both(Acts(("kms:PutKeyPolicy",)), Flag("kms:BypassPolicyLockoutSafetyCheck", True))
    yield Claim("lockout", "no policy is put past the check against lock-out", concerns, ("denies",), bypass)
    soon = both(Acts(("kms:ScheduleKeyDeletion",)), Below("kms:ScheduleKeyDeletionPendingWindowInDays", DELETION_DAYS))
    yield Claim("deletion", f"deletion waits {DELETION_DAYS} days", concerns, ("denies",), soon)
    abroad = Not(OfAccount(aws.one("account")))
    yield Claim("account", "nobody beyond the account does anything with the key", ("reach",), ("allows",), abroad)
    yield Claim(
        "administration",
        "the account's policies give administration and nothing else",
        concerns,
        ("allows",),
        both(Not(USE), Not(ADMINISTRATION)),
    )
    yield Claim(
        "delegated",
        "nobody administers the key without an identity policy of his own",
        concerns,
        ("bare",),
        both(Not(USE), Not(Called(("root",)))),
    )
