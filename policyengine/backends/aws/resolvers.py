"""What the resolvers are told of tables, keys and roles (docs/aws-resolvers.md, Tables)."""

from __future__ import annotations

from policyengine.backends.aws.statements import Json
from policyengine.backends.aws.view import Aws
from policyengine.model.types import BOOL, INT


def resolver_settings(aws: Aws) -> Json:
    """The settings as `policyengine.resolvers` reads them.

    A table or index whose attributes the `aws` block does not name is left out: the guard then refuses it.
    """
    schema, attributes = aws.program.schema, aws.named("attributes")
    principal = schema.principal
    return {
        "tenant": schema.tenant_key,
        "region": aws.one("region"),
        "tenantRole": aws.role("tenant_data"),
        "principal": {
            "identity": principal.identity,
            "tenant": principal.tenant,
            "attributes": {
                a.name: {"required": a.required, "text": a.type not in (BOOL, INT)} for a in principal.attributes
            },
        },
        "grants": {
            grant.name: {
                "resourceType": grant.resource_type,
                "resourceId": grant.resource_id,
                "member": grant.member_id,
                "memberTenant": grant.member_tenant,
            }
            for grant in schema.grants
        },
        "tables": {
            label: {
                **_keys(aws, label, name),
                "arn": aws.table(label),
                "indexes": {
                    index: _keys(aws, index, value.partition("/")[2])
                    for index, value in aws.named("index").items()
                    if index in attributes and value.partition("/")[0] == label
                },
            }
            for label, name in aws.named("table").items()
            if label in attributes
        },
    }


def _keys(aws: Aws, label: str, name: str) -> Json:
    partition, _, sort = aws.one("attributes", label).partition(" ")
    form, separator = aws.one("key", label), aws.separator(label)
    between = next(character for character in form if not character.isalpha())
    return {
        "name": name,
        "partition": partition,
        "sort": sort or None,
        "form": form.split(between),
        "separator": separator,
    }
