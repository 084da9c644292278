"""What the source needs, and what documents must therefore let through, all of them at once.

A need is a kind of request and the documents that meet in it. Nothing else is in the way, by assumption: what an
organization's policies, session policies and endpoints deny, nobody knows here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policyengine.analysis.documents.claims import Place
from policyengine.analysis.documents.facts import (
    VICTIM,
    Acts,
    Begins,
    Below,
    Called,
    Fact,
    Flag,
    Has,
    Is,
    Named,
    Not,
    On,
    Some,
    SomeOther,
    both,
    either,
    on,
)
from policyengine.analysis.documents.keys import NAMES, own_context, own_tag
from policyengine.analysis.documents.services import ASSUMING, COGNITO, CROSSING, LOGS, SIGNING_IN, TAG_NAMES
from policyengine.analysis.documents.sessions import (
    DENIED_SECOND,
    DENIED_USER,
    LEADING,
    MODELS,
    OBJECTS,
    ROWS,
    UNWRAP,
    session_of,
    tenant_like,
)
from policyengine.analysis.documents.stacks import Stack
from policyengine.backends.aws.view import Aws

ANY_POLICY = "any policy"
"""In place of a file: what an administrator gave, which is no document of ours."""

ASSUMPTIONS = (
    "no organization policy (SCP, RCP), session policy or endpoint policy denies it",
    "the documents are attached as the build says, and no other policy denies it",
)


@dataclass(frozen=True, slots=True)
class Need:
    """Every request for which `wanted` holds is allowed where these documents meet; `policy` is on the resource."""

    name: str
    sentence: str
    layer: str
    wanted: Fact
    identity: tuple[str, ...] = ()
    policy: str = ""
    boundary: str = ""
    kind: Place = "identity"
    urgent: bool = False
    """Of the build with the emergency options."""

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(file for file in (*self.identity, self.boundary, self.policy) if file)

    def stack(self, texts: Mapping[str, str], *, account: str, partition: str, tenant: str) -> Stack:
        kinds = {"key": "kms", "trust": "trust", "bucket": "resource"}
        return Stack(
            account,
            tuple(texts[file] for file in self.identity),
            texts[self.policy] if self.policy else None,
            texts[self.boundary] if self.boundary else None,
            kinds.get(self.kind, "delegating"),
            tenant,
            partition,
        )


def needs(aws: Aws, org: str) -> Iterator[Need]:
    yield from _keys(aws, f"key-policy-{org}.json")
    yield from _sessions(aws)
    yield from _data(aws)


TLS = Not(Flag("aws:SecureTransport", False))


# ---- Keys


def _names(aws: Aws) -> Fact:
    return Not(SomeOther(NAMES, tuple((name,) for name in aws.context_names)))


def _keys(aws: Aws, key: str) -> Iterator[Need]:
    here = on(aws.here("kms", "key/"))
    owner = Is(f"aws:ResourceTag/{aws.tenant_key}", ((VICTIM,),))
    own = both(session_of(aws, "authenticated"), own_tag(aws), own_context(aws), owner, _names(aws), here, TLS)
    mine, cap = ("authenticated-permissions.json",), "authenticated-boundary.json"
    use = both(own, Acts(UNWRAP))
    yield Need("unwrap", f"users unwrap and make data keys of their {aws.tenant}", "kms", use, mine, key, cap, "key")
    sentence = "so they do where a key leaves it to the account's own policies"
    yield Need("unwrap-by-permission", sentence, "iam", use, mine, boundary=cap)
    others = both(
        use,
        Not(Is(aws.user_tag, ((DENIED_USER,),))),
        Not(Below("aws:TokenIssueTime", DENIED_SECOND, "Time")),
        Has("aws:TokenIssueTime"),
        Begins(aws.user_tag, ("",), 1),
    )
    urgent = (*mine, "authenticated-emergency.json")
    sentence = "in an emergency, everyone else works on"
    yield Need("unwrap-in-emergency", sentence, "kms", others, urgent, key, cap, "key", True)
    if aws.crossing_types:
        type_name, id_name = (f"kms:EncryptionContext:{name}" for name in aws.record_names)
        wrap = both(
            session_of(aws, "rewrap"),
            Acts(("kms:ReEncryptFrom", "kms:ReEncryptTo")),
            own_context(aws),
            Is(type_name, tuple((each,) for each in aws.crossing_types)),
            Begins(id_name, ("",), 1),
            _names(aws),
            Flag("kms:ReEncryptOnSameKey", False),
            here,
        )
        for urgent_too in (False, True):
            name = "re-wrap-in-emergency" if urgent_too else "re-wrap"
            sentence = f"wraps are moved for another {aws.tenant}" + (", in an emergency too" if urgent_too else "")
            files = ("rewrap-permissions.json",)
            yield Need(name, sentence, "kms", wrap, files, key, kind="key", urgent=urgent_too)


# ---- Sessions


def _sessions(aws: Aws) -> Iterator[Need]:
    tenant, user = (f"aws:RequestTag/{name}" for name in aws.tags)
    signed_in = both(
        Named(COGNITO),
        Called(("federated",)),
        Acts(SIGNING_IN),
        Is(f"{COGNITO}:aud", ((aws.one("identity_pool"),),)),
        Some(f"{COGNITO}:amr", (("authenticated",),)),
        tenant_like(aws, tenant),
        Begins(user, ("",), 1),
        Not(SomeOther(TAG_NAMES, tuple((name,) for name in aws.tags))),
    )
    yield Need(
        "sign-in", "who signs in gets a session", "iam", signed_in, policy="authenticated-trust.json", kind="trust"
    )
    for role in ("resolver", "signer"):
        assumed = both(
            session_of(aws, role),
            Acts(ASSUMING),
            on(aws.role("tenant_data"), begins=False),
            tenant_like(aws, tenant),
            Not(SomeOther(TAG_NAMES, ((aws.tenant_key,),))),
        )
        sentence, mine = f"the {role} gets the {aws.tenant}'s session", (f"{role}-permissions.json",)
        yield Need(f"{role}-session", sentence, "iam", assumed, mine, "tenant-trust.json", kind="trust")
        sentence = "and its own policy gives it"
        yield Need(f"{role}-session-by-permission", sentence, "iam", assumed, mine)
    for role in ("resolver", "signer", *(("rewrap",) if aws.crossing_types else ())):
        runs = both(Named("lambda.amazonaws.com"), Called(("service",)), Acts(("sts:AssumeRole",)))
        yield Need(f"{role}-runs", f"the {role} function runs", "iam", runs, policy=f"{role}-trust.json", kind="trust")
        group = on(aws.here("logs", f"log-group:/aws/lambda/{aws.one('function', role)}:"))
        logs = both(session_of(aws, role), Acts(LOGS), group)
        yield Need(f"{role}-log", f"the {role} leaves a record", "iam", logs, (f"{role}-permissions.json",))
    if aws.crossing_types:
        function = on(aws.here("lambda", f"function:{aws.one('function', 'rewrap')}"), begins=False)
        invoked = both(session_of(aws, "resolver"), Acts(("lambda:InvokeFunction",)), function)
        yield Need("share", "a share asks for its wrap", "iam", invoked, ("resolver-permissions.json",))
        tables = on(*(aws.table(name) for name in aws.named("table")), begins=False)
        crossing = both(session_of(aws, "rewrap"), Acts(CROSSING), tables)
        sentence = f"rows under two {aws.tenant}s are written together"
        yield Need("crossing-rows", sentence, "iam", crossing, ("rewrap-permissions.json",))


# ---- Rows, objects, models


def _data(aws: Aws) -> Iterator[Need]:
    session = both(session_of(aws, "tenant_data"), own_tag(aws), TLS)
    mine = ("tenant-permissions.json",)
    places: dict[str, tuple[tuple[str, ...], str]] = {name: (ROWS, aws.table(name)) for name in aws.named("table")}
    places |= {name: (("dynamodb:Query",), aws.index(name)) for name in aws.named("index") if aws.separator(name)}
    for name, (actions, arn) in places.items():
        keyed = ((VICTIM, aws.separator(name) or ""),)
        wanted = both(session, Acts(actions), On((arn,), False), Has(LEADING), Not(SomeOther(LEADING, keyed, True)))
        yield Need(f"rows-{name}", f"the {aws.tenant}'s own rows are reached in {name}", "iam", wanted, mine)
    fresh = either(Not(Has("s3:signatureAge")), Below("s3:signatureAge", int(aws.one("signature_seconds")) * 1000 + 1))
    own = on((f"{aws.bucket}/", VICTIM, "/"))
    strong = Not(Is("s3:signatureversion", (("AWS",),)))
    wanted = both(session, Acts(OBJECTS), own, fresh, strong)
    yield Need(
        "objects",
        f"the {aws.tenant}'s own objects are reached",
        "s3",
        wanted,
        mine,
        "bucket-policy.json",
        kind="bucket",
    )
    for name, model in aws.named("model").items():
        arn = aws.foundation_model(model)
        tagged = (tenant_like(aws, aws.tenant_tag), own_tag(aws))
        known = on(arn.removesuffix("*"), begins=arn.endswith("*"))
        invoked = both(session_of(aws, "authenticated"), *tagged, TLS, Acts(MODELS), known)
        as_user = ("authenticated-permissions.json",)
        yield Need(
            f"model-{name}", f"users invoke {name}", "iam", invoked, as_user, boundary="authenticated-boundary.json"
        )
