"""The tenant's role, assumed for one organization: IAM then stands behind the guard, by the session tag.

The one place of this package that makes clients of AWS. AWS STS API Reference: "AssumeRole"; IAM User Guide: "Passing
session tags in AWS STS", "Policies and permissions in IAM" (session policies); DynamoDB Developer Guide: "Using IAM
policy conditions for fine-grained access control".
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TTLCache

from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.settings import Settings, Table

DURATION = 900
"""How long credentials live, in seconds: the least that STS gives, and the most that docs/aws-resolvers.md promises."""
KEPT = DURATION - 60
"""How long they are used, in seconds: a request that has begun with them ends before they do."""
ORGANIZATIONS = 256
"""For how many organizations clients are kept."""
SESSION_POLICY = 2048
"""How many characters a session policy may have."""


Named = tuple[str, bool, str, str]
"""What a client is kept under: organization, form of values, region, address."""


class TenantRole:
    """Clients under the tenant's role. One object serves a whole process; it is safe among threads.

    `arn` is the role, `tag` the session tag that names the organization, `region` that of STS; `sts` is a client of STS
    under the credentials of the function, made when first needed; `session` is what makes clients, boto3's unless given
    (making one reads its data anew). `clock` counts seconds.
    """

    def __init__(
        self,
        arn: str,
        tag: str,
        region: str,
        sts: Any = None,
        clock: Callable[[], float] = time.monotonic,
        session: Any = None,
    ) -> None:
        self._arn = arn
        self._tag = tag
        self._region = region
        self._sts = sts
        self._session = session or boto3.Session()
        self._kept: TTLCache[Named, Any] = TTLCache(ORGANIZATIONS, KEPT, timer=clock)
        self._lock = Lock()

    @classmethod
    def standard(cls, settings: Settings) -> TenantRole:
        """The role of the settings: one object for the process."""
        return _standard(settings.tenant_role, settings.tenant, settings.region)

    def client(self, tenant: str, like: Any, native: bool) -> Any:
        """A client for one organization, as `like` is: its region, address and configuration. Raises Incomplete."""
        named = tenant, native, like.meta.region_name, like.meta.endpoint_url
        with self._lock:
            found = self._kept.get(named)
        if found is None:
            found = self._made(self._assume(tenant), like, native)
            with self._lock:
                self._kept[named] = found
        return found

    def narrowed(self, tenant: str, like: Any, native: bool, table: Table, partition: str) -> Any:
        """A client for one record of an organization, for one request: its session policy names its partition.

        Raises Incomplete; Refused (`key`) for a key that IAM cannot say.
        """
        return self._made(self._assume(tenant, session_policy(table, partition)), like, native)

    def _assume(self, tenant: str, policy: str | None = None) -> dict[str, str]:
        """Credentials under the session tag. What STS says of a failure goes nowhere: it names roles and accounts."""
        try:
            if self._sts is None:
                self._sts = self._session.client("sts", region_name=self._region, config=_AT_ONCE)
            answer = self._sts.assume_role(
                RoleArn=self._arn,
                RoleSessionName=f"resolver-{tenant}"[:64],
                DurationSeconds=DURATION,
                Tags=[{"Key": self._tag, "Value": tenant}],
                **({} if policy is None else {"Policy": policy}),
            )
        except (BotoCoreError, ClientError):
            failed = True
        else:
            failed = False
        if failed:  # outside the clause: an error remembers the one in whose clause it is raised
            raise Incomplete("the tenant's role could not be assumed")
        credentials: dict[str, str] = answer["Credentials"]
        return credentials

    def _made(self, credentials: dict[str, str], like: Any, native: bool) -> Any:
        given = {
            "region_name": like.meta.region_name,
            "endpoint_url": like.meta.endpoint_url,
            "config": like.meta.config,
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
        if native:
            return self._session.resource("dynamodb", **given).meta.client
        return self._session.client("dynamodb", **given)


@cache
def _standard(arn: str, tag: str, region: str) -> TenantRole:
    return TenantRole(arn, tag, region)


_AT_ONCE = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2})


def session_policy(table: Table, partition: str) -> str:
    """What a crossing may do: read, check and update under this partition key of the table, and nothing else.

    Raises Refused where a key has a character that IAM does not take, or the policy would be too long.
    """
    key = partition.replace("$", "${$}")  # it begins no variable
    statement = {
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:ConditionCheckItem", "dynamodb:UpdateItem"],
        "Resource": table.arn,
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [key]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        },
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"), ensure_ascii=False)
    if len(text) > SESSION_POLICY or any(not " " <= character <= "\u00ff" for character in key):
        raise Refused("key", "record_key", "no session policy can name it")
    return text
