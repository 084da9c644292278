"""AWS's limits on documents: over one, nothing is made.

White space does not count in IAM; a key policy and a bucket policy are measured as they are written here, white space
included. IAM User Guide: "IAM and AWS STS quotas"; AWS KMS Developer Guide: "Resource quotas"; Amazon S3 User Guide:
"Bucket policies"; AWS CloudFormation User Guide: "Understand CloudFormation quotas".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable

from policyengine.backends.aws.refused import Refused
from policyengine.backends.aws.statements import Json, Kind, Policy

LIMITS: dict[Kind, tuple[int, str]] = {
    "key": (32_768, "a key policy"),
    "trust": (2_048, "a trust policy"),
    "inline": (10_240, "all policies in line of one role"),
    "managed": (6_144, "a managed policy"),
    "bucket": (20_480, "a bucket policy"),
}
"""In bytes or characters, which are the same here: documents are ASCII."""

TEMPLATE_BYTES = 1_000_000
TEMPLATE_RESOURCES = 500


def as_text(document: Json) -> str:
    """A document as it is written. Nothing is sorted here: every list and object has its order already."""
    return json.dumps(document, indent=2) + "\n"


def check_policies(policies: Iterable[Policy]) -> None:
    """Raises Refused with the figure. Policies in line of one role share their limit."""
    in_line: Counter[str] = Counter()
    for policy in policies:
        _check_sids(policy)
        text = as_text(policy.json())
        if odd := re.search(r"[^\n -~]", text):
            raise Refused("aws-limit", f"{policy.file} holds U+{ord(odd[0]):04X}", "use ASCII")
        size = len(text) if policy.kind in ("key", "bucket") else _without_white_space(policy.json())
        if policy.kind == "inline":
            in_line[policy.attached_to] += size
            size = in_line[policy.attached_to]
        limit, what = LIMITS[policy.kind]
        if size > limit:
            raise Refused(
                "aws-limit", f"{policy.file} has {size} characters, of {limit}: {what}", _SHORTER[policy.kind]
            )


_SHORTER: dict[Kind, str] = {
    "key": "name fewer users, and deny tokens by their time",
    "trust": "use shorter names, or have the quota raised",
    "inline": "name fewer users, or ask for less directly",
    "managed": "ask for less directly",
    "bucket": "name fewer roles",
}


def _without_white_space(document: Json) -> int:
    return len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"))))


def _check_sids(policy: Policy) -> None:
    times = Counter(statement.sid for statement in policy.statements)
    for sid, count in times.items():
        if not re.fullmatch("[A-Za-z0-9]+", sid) or count > 1:
            raise Refused(
                "aws-sid", f"{policy.file} has {count} statements `{sid}`", "use other names in the `aws` block"
            )


def check_template(file: str, template: Json) -> None:
    size, resources = len(as_text(template)), len(template["Resources"])
    for figure, limit, what in (
        (size, TEMPLATE_BYTES, "bytes"),
        (resources, TEMPLATE_RESOURCES, "resources"),
    ):
        if figure > limit:
            raise Refused("aws-limit", f"{file} has {figure} {what}, of {limit}", "ask for less")
