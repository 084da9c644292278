"""All documents of a program, as the command line writes them.

The same program and options give the same bytes. A document that could not hold is not made, and then none is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from policyengine.backends.aws import identity, resolvers, roles, services, storage
from policyengine.backends.aws.cloudformation import REFERENCE, shared_template, tenant_template
from policyengine.backends.aws.index import check_threats, index
from policyengine.backends.aws.key_policy import key_policy
from policyengine.backends.aws.limits import as_text, check_policies, check_template
from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.statements import Json, Policy, Text
from policyengine.backends.aws.view import Aws, read_settings
from policyengine.ir.nodes import Program
from policyengine.model.values import instant, is_tenant_id

TAG_VALUE = r"[A-Za-z0-9 _.:/=+@-]{1,256}"
"""What a session tag can hold. No character of these is a wildcard, or begins a variable."""


def emit_documents(
    program: Program, orgs: Iterable[str], *, deny_users: Sequence[str] = (), deny_tokens_before: str | None = None
) -> dict[str, Json]:
    """File name -> document, sorted by name. Raises Refused."""
    texts = emit_texts(program, orgs, deny_users=deny_users, deny_tokens_before=deny_tokens_before)
    return {file: json.loads(text) for file, text in texts.items()}


def emit_texts(
    program: Program, orgs: Iterable[str], *, deny_users: Sequence[str] = (), deny_tokens_before: str | None = None
) -> dict[str, str]:
    """File name -> the document as it is written, sorted by name. Raises Refused.

    The policy of a tenant's key is one text with another id in it, so that it is made once for all tenants.
    """
    aws = read_settings(program)
    tenants = sorted({_tenant_id(aws, org) for org in orgs})
    users, before = sorted({_user_id(user) for user in deny_users}), _moment(deny_tokens_before)

    def of_key(tenant: Text, name: str) -> Policy:
        return key_policy(aws, tenant, users, before, name)

    keys = {tenant: of_key(tenant, tenant) for tenant in sorted(tenants, key=len)[-1:]}  # none is longer than this one
    policies = [
        *keys.values(),
        identity.authenticated_trust(aws),
        roles.authenticated_permissions(aws),
        roles.authenticated_boundary(aws),
        *([roles.authenticated_emergency(aws, users, before)] if users or before else []),
        roles.tenant_permissions(aws),
        roles.tenant_trust(aws),
        *services.service_roles(aws),
        storage.bucket_policy(aws),
    ]
    policies.sort(key=lambda policy: policy.file)
    key_files = [f"key-policy-{tenant}.json" for tenant in tenants]
    _check_isolation(aws, policies, key_files)
    check_policies(policies)
    made = index(aws, policies)
    check_threats(aws, policies, made)

    templates = {
        "cloudformation-org.json": tenant_template(aws, of_key(REFERENCE, "org")),
        "cloudformation-shared.json": shared_template(aws, {policy.file: policy for policy in policies}),
    }
    for file, template in templates.items():
        check_template(file, template)
    documents: dict[str, Json] = {
        **{policy.file: policy.json() for policy in policies},
        **templates,
        "bucket-public-access.json": storage.public_access_block(),
        "identity-pool.json": identity.identity_pool(aws),
        "identity-pool-roles.json": identity.identity_pool_roles(aws),
        "oidc-provider.json": identity.oidc_provider(aws),
        "resolver-settings.json": resolvers.resolver_settings(aws),
        "tag-map.json": identity.tag_map(aws),
    }
    texts = {file: as_text(document) for file, document in documents.items()}
    if keys:
        (longest,) = keys
        texts |= _for_each(tenants, as_text(of_key(ANY_TENANT, "any").json()))
        made |= dict.fromkeys(key_files, made[keys[longest].file])
    texts["index.json"] = _index_text(made)
    return dict(sorted(texts.items()))


ANY_TENANT = "\ue000"
"""In place of a tenant's id: no id and no setting holds it."""


def _for_each(tenants: Iterable[str], text: str) -> dict[str, str]:
    marker = json.dumps(ANY_TENANT)[1:-1]
    return {f"key-policy-{tenant}.json": text.replace(marker, tenant) for tenant in tenants}


def _index_text(made: Json) -> str:
    """As `as_text` writes it. The entries of all keys are one object, and are written out once."""
    written: dict[int, str] = {}
    lines = []
    for file in sorted(made):
        entry = made[file]
        if id(entry) not in written:
            written[id(entry)] = json.dumps(entry, indent=2).replace("\n", "\n  ")
        lines.append(f"  {json.dumps(file)}: {written[id(entry)]}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _check_isolation(aws: Aws, policies: Iterable[Policy], key_files: Iterable[str]) -> None:
    """A type that belongs to no tenant has no tenant in its keys and contexts: what binds them would not hold of it."""
    loose = [resource for resource in aws.governed if resource.global_reason]
    if not loose:
        return
    bound = {policy.file for policy in policies if any("isolation" in each.concerns for each in policy.statements)}
    names = ", ".join(f"`{resource.name}`" for resource in loose)
    wrong = (
        f"{names} is out of isolation (`global`), so that {', '.join(sorted(bound.union(key_files)))} no longer hold"
    )
    mend = "take `global` away, or keep the type in no table (`holds`)"
    raise Refused("aws-global-type", wrong, mend)


def _tenant_id(aws: Aws, org: str) -> str:
    if not is_tenant_id(org):
        raise Refused("aws-tenant-id", f"`{org}` is no id of {aws.tenant}", "give 1 to 64 of A-Z a-z 0-9 _ -")
    return org


def _user_id(user: str) -> str:
    if not re.fullmatch(TAG_VALUE, user, re.ASCII):
        raise Refused("aws-user-id", f"`{user}` is no value of a tag", "give the id that the token's claim holds")
    return user


def _moment(text: str | None) -> str | None:
    """A time as IAM compares it: whole seconds, in UTC. A fraction is rounded up, so that no token slips through."""
    if text is None:
        return None
    nanoseconds = instant(text)
    if nanoseconds is None:
        raise Refused("aws-time", f"`{text}` is no time", "give one such as 2026-06-01T00:00:00Z")
    seconds = -(-nanoseconds // 10**9)
    try:
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds - _FIRST_SECOND)
    except OverflowError:
        raise Refused("aws-time", f"`{text}` is in no year from 1 to 9999 of UTC", "give a time that is") from None
    return f"{moment.replace(tzinfo=None).isoformat()}Z"


_FIRST_SECOND = (instant("0001-01-01T00:00:00Z") or 0) // 10**9
