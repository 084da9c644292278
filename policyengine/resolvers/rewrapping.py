"""The re-wrap: the service role's function, which turns an intent into a wrap and a grant, in one transaction.

It decides again, on what is stored now, that the requester may share. AWS Key Management Service API Reference,
"ReEncrypt": the plaintext never leaves KMS; both encryption contexts and the source key are always named.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from policyengine.resolvers.codes import Incomplete
from policyengine.resolvers.identity import Identity
from policyengine.resolvers.layout import wrap_key
from policyengine.resolvers.rows import Rows
from policyengine.resolvers.sharing import TRIES, Around, Target, around, granted, held, is_live, rewrap_of
from policyengine.resolvers.store import Change, Conflict, Row, Store, When

CONTEXT = ("orgId", "resourceType", "resourceId", "dekVersion")
"""The names of the encryption context of a record's data key (docs/studio.md, Across organizations)."""


def rewrap(
    store: Store,
    kms: Any,
    rows_of: Callable[[Identity], Rows],
    key_of: Callable[[str], str],
    target: Target,
    now: Callable[[], int],
) -> str:
    """Fulfils the intent for a member, if it is open. Says what it found or did; may be called again at any time.

    `granted`; `closed`: there is no such intent: it was fulfilled, closed, or is too old; `stale`: the record is no
    longer what was to be shared; `denied`: the requester may not share it now. Only `granted` writes anything.
    `rows_of` gives the decisions of a principal, `key_of` the ARN of an organization's key, `now` seconds since 1970.
    Raises Incomplete.
    """
    for _ in range(TRIES):
        intent = store.get(target.intent)
        if intent is None or intent["until"] <= now():
            return "closed"
        found = around(store, *target.record)
        outcome = _judge(found, intent, target, rows_of)
        if outcome:
            return outcome
        assert found is not None
        wrap = _wrap(kms, key_of, found, target)
        if wrap is None:
            return "stale"
        open_still = When({"intentId": intent["intentId"]}, {"until": now()}, there=True)
        changes = [*granted(target, intent["role"], intent.get("expiresAt")), Change(target.intent, open_still)]
        own = wrap_key(*target.record, target.member_org_id)
        try:
            store.write([held(found), Change(own, row=wrap), *changes])
            return "granted"
        except Conflict:
            continue
    raise Incomplete("throttled")


def _judge(found: Around | None, intent: Row, target: Target, rows_of: Callable[[Identity], Rows]) -> str:
    """Why the intent cannot be fulfilled, or nothing."""
    if found is None or not target.crosses:
        return "stale"
    record = found.record
    same = all(record.get(name) == intent.get(name) for name in ("version", "ownerId", "dekVersion", "orgId"))
    if not same or record.get("scope") != "CUSTOM":
        return "stale"
    requester = intent["requester"]
    identity = Identity(target.org_id, requester["id"], requester, intent["policyDigest"], intent["requestId"])
    rows = rows_of(identity)
    member = {"id": target.member_id, "orgId": target.member_org_id}
    decision = rows.check("share", record, {"member": member}, [rewrap_of(target)])
    if any(error.startswith("incomplete: ") for error in decision["errors"]):
        raise Incomplete(decision["errors"][0].removeprefix("incomplete: "))
    is_obliged = decision["obligations"] == [rewrap_of(target)]
    if decision["decision"] != "allow" or not is_obliged:
        return "denied"
    return "" if is_live(intent, rows.now) else "closed"


def _wrap(kms: Any, key_of: Callable[[str], str], found: Around, target: Target) -> Row | None:
    """The wrap row for the member's organization; the one that is there, if it is of the same data key."""
    version = found.record.get("dekVersion")
    own = found.rows.get(wrap_key(*target.record, target.org_id))
    if own is None or version is None or own.get("dekVersion") != version:
        return None
    there = found.rows.get(wrap_key(*target.record, target.member_org_id))
    if there is not None and there.get("dekVersion") == version:
        return there
    try:
        answer = kms.re_encrypt(
            CiphertextBlob=own["wrap"],
            SourceKeyId=key_of(target.org_id),
            SourceEncryptionContext=encryption_context(target.org_id, target, version),
            DestinationKeyId=key_of(target.member_org_id),
            DestinationEncryptionContext=encryption_context(target.member_org_id, target, version),
        )
    except (ClientError, BotoCoreError) as problem:
        raise Incomplete("rewrap") from problem
    return {
        "orgId": target.org_id,
        "forOrgId": target.member_org_id,
        "dekVersion": version,
        "wrap": bytes(answer["CiphertextBlob"]),
    }


def encryption_context(org_id: str, target: Target, version: Any) -> dict[str, str]:
    values = (org_id, target.type, target.id, str(version))
    return dict(zip(CONTEXT, values, strict=True))
