"""One organization's KMS key policy, from the tenant declaration and the `aws` settings.

The key decrypts only where the session's tag and the encryption context both name the organization (docs/studio.md,
Isolation). AWS KMS Developer Guide: "Key policies in AWS KMS", "AWS KMS condition keys", "ABAC for AWS KMS".

A tracer, not to be applied as it is: administration, grants, and the role that re-wraps for other organizations come
later. Without an administrator a key cannot be managed, and the Denies shut out the role that re-wraps.
"""

from __future__ import annotations

import re
from typing import Any

from policyengine.ir.nodes import Program
from policyengine.model.values import is_tenant_id

USE = ["kms:Decrypt", "kms:GenerateDataKey"]
"""What a session needs: it unwraps data keys and makes them."""

CRYPTOGRAPHIC = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
"""What is denied without the right tag and context: every use of the key that takes an encryption context.

Not `kms:*`: operations that have no context would be denied to everyone, changing this policy among them.
"""

_SETTINGS = {
    ("partition", ""): (r"aws(-[a-z]+)*", "a partition, such as aws"),
    ("account", ""): (r"[0-9]{12}", "twelve digits"),
    ("role", "authenticated"): (r"[A-Za-z0-9_+=,.@-]{1,64}", "the name of an IAM role, without its path"),
}


class Refused(Exception):
    """No key policy can be made. `code` says why, for programs; the text names what would have to change."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def emit_key_policy(program: Program, org_id: str) -> dict[str, Any]:
    """The key policy document of the organization, as JSON. Raises Refused.

    Everywhere the organization stands as a literal: a variable without a value can void a Deny. The tag and the context
    have a Deny each, for conditions of one statement are ANDed; StringNotEquals holds of a missing key too.
    """
    if not is_tenant_id(org_id):
        raise Refused("kms-tenant-id", f"`{org_id}` is no id of {program.schema.tenant}: 1 to 64 of [A-Za-z0-9_-]")
    partition, account, role = (_setting(program, *key) for key in _SETTINGS)
    tag = {f"aws:PrincipalTag/{program.schema.tenant_key}": org_id}
    context = {f"kms:EncryptionContext:{program.schema.tenant_key}": org_id}
    session = {"AWS": f"arn:{partition}:iam::{account}:role/{role}"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement("AllowTenantUse", "Allow", session, USE, {"StringEquals": tag | context}),
            _statement("DenyWrongOrMissingTag", "Deny", "*", CRYPTOGRAPHIC, {"StringNotEquals": tag}),
            _statement("DenyWrongOrMissingContext", "Deny", "*", CRYPTOGRAPHIC, {"StringNotEquals": context}),
        ],
    }


def _statement(sid: str, effect: str, principal: Any, actions: list[str], condition: dict[str, Any]) -> dict[str, Any]:
    """In a key policy the resource `*` is the key itself; a statement without one is accepted and does nothing."""
    who = {"Sid": sid, "Effect": effect, "Principal": principal}
    return {**who, "Action": list(actions), "Resource": "*", "Condition": condition}


def _setting(program: Program, kind: str, name: str) -> str:
    words = f"{kind} {name}".strip()
    try:
        value = program.setting(kind, name)
    except KeyError:
        raise Refused("aws-setting-missing", f'the `aws` block has no `{words}`: add `{words} "..."`') from None
    pattern, wanted = _SETTINGS[kind, name]
    if not re.fullmatch(pattern, value):
        raise Refused("aws-setting-value", f"`{words}` in the `aws` block is `{value}`, not {wanted}")
    return value
