"""Who asks, from what the authorizer handed on; nothing else of an event says who asks.

AWS AppSync Developer Guide: "AppSync JavaScript resolver context object reference" (`identity` of a Lambda authorizer).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from policyengine.model.values import is_tenant_id
from policyengine.resolvers.codes import Refused
from policyengine.resolvers.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """A principal within its active organization.

    `tenant` is the organization's id, `id` the principal's; `principal` is the object to decide on; `digest` is that of
    the policy under which it was made, and `request_id` that of the request, for records.
    """

    tenant: str
    id: str
    principal: Mapping[str, Any]
    digest: str
    request_id: str


def read_identity(event: Any, settings: Settings, digests: Collection[str]) -> Identity:
    """The identity of one invocation: of an event, or of one entry of a batch.

    `event["identity"]` is `{"resolverContext": {...}}` and nothing else: a request that came by another mode of the API
    has other parts, and none of them was verified by our authorizer. `digests` are those of the current and, while a
    change is rolled out, the previous policy.

    Raises Refused: `identity` where a part is missing, empty, or no text; `digest` where the policy is not known.
    """
    identity = event.get("identity") if isinstance(event, dict) else None
    if not isinstance(identity, dict) or [*identity] != ["resolverContext"]:
        raise Refused("identity", "identity", "it is not exactly what a Lambda authorizer hands on")
    context = identity["resolverContext"]
    if not isinstance(context, dict):
        raise Refused("identity", "identity.resolverContext")
    digest, request_id = (_text(context, name) for name in ("policyDigest", "requestId"))
    if digest not in digests:
        raise Refused("digest", "identity.resolverContext.policyDigest")
    principal = {
        name: _value(context, name, settings)
        for name, required in settings.principal.items()
        if required or context.get(name) is not None
    }
    tenant, own = principal[settings.principal_tenant], principal[settings.identity]
    if not is_tenant_id(tenant):
        raise Refused("identity", f"identity.resolverContext.{settings.principal_tenant}", "it is no organization's id")
    return Identity(tenant, own, principal, digest, request_id)


def _text(context: Mapping[str, Any], name: str) -> str:
    value = context.get(name)
    if type(value) is not str or not value:
        raise Refused("identity", f"identity.resolverContext.{name}", "it is missing, empty or no text")
    return value


def _value(context: Mapping[str, Any], name: str, settings: Settings) -> Any:
    """A principal's attribute. AppSync carries texts alone, so that what is no text stands there as JSON."""
    text = _text(context, name)
    if name in settings.texts:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise Refused("identity", f"identity.resolverContext.{name}", "it is no JSON") from None
