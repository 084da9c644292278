"""What comes back from DynamoDB, without what a foreign row could be told from.

Headers hold lengths and checksums of answers that were read in full, errors the row on which a condition failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from policyengine.resolvers.binding import Form

TYPED = Form(native=False)
"""Errors hold items in DynamoDB's JSON, also those of a boto3 table."""


def metadata(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer's ResponseMetadata without headers: they hold the length of what was read, and its checksum."""
    given = answer.get("ResponseMetadata", {})
    return {name: given[name] for name in ("RequestId", "HTTPStatusCode", "RetryAttempts") if name in given}


def without_foreign(error: ClientError, is_own: Callable[[Mapping[str, Any]], bool]) -> ClientError:
    """The same error anew. An item stands in it only where it is the organization's own."""
    given = error.response
    said = given.get("Error", {})
    response: dict[str, Any] = {
        "Error": {name: said[name] for name in ("Code", "Message") if name in said},
        "ResponseMetadata": metadata(given),
        **_item(given, is_own),
    }
    if "CancellationReasons" in given:
        response["CancellationReasons"] = [
            {**{name: each[name] for name in ("Code", "Message") if name in each}, **_item(each, is_own)}
            for each in given["CancellationReasons"]
        ]
    made: ClientError = type(error)(response, error.operation_name)
    return made


def _item(given: Mapping[str, Any], is_own: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    item = given.get("Item")
    return {"Item": item} if isinstance(item, dict) and is_own(item) else {}
