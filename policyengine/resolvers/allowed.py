"""What the guard lets through: methods and their parameters. What is not here is refused before a call is made.

Not here: PartiQL, streams, exports, tables and their settings; the legacy parameters (`AttributesToGet`, `Expected`,
`KeyConditions` and their like), which say in another way what expressions say; `ReturnConsumedCapacity` and
`ReturnItemCollectionMetrics`, whose figures count what was read and then held back. There are no waiters: each asks
about a table, and none about rows.

Amazon DynamoDB API Reference, the operations named here.
"""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = frozenset({"ExpressionAttributeNames"})
_BOTH = frozenset({"ExpressionAttributeNames", "ExpressionAttributeValues"})
_READ = frozenset({"ConsistentRead", "ProjectionExpression"}) | _NAMES
_PAGES = _READ | _BOTH | {"ExclusiveStartKey", "FilterExpression", "IndexName", "Limit", "Select", "TableName"}
_CHECK = _BOTH | {"ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
_WRITE = _CHECK | {"ReturnValues", "TableName"}

METHODS: Mapping[str, frozenset[str]] = {
    "batch_get_item": frozenset({"RequestItems"}),
    "batch_write_item": frozenset({"RequestItems"}),
    "delete_item": _WRITE | {"Key"},
    "get_item": _READ | {"Key", "TableName"},
    "put_item": _WRITE | {"Item"},
    "query": _PAGES | {"KeyConditionExpression", "ScanIndexForward"},
    "scan": _PAGES | {"Segment", "TotalSegments"},
    "transact_get_items": frozenset({"TransactItems"}),
    "transact_write_items": frozenset({"ClientRequestToken", "TransactItems"}),
    "update_item": _WRITE | {"Key", "UpdateExpression"},
}
"""Method of the client -> its parameters."""

TABLE_METHODS = frozenset({"delete_item", "get_item", "put_item", "query", "scan", "update_item"})
"""Those that a table has too."""

PAGINATORS = frozenset({"query", "scan"})

IN_BATCH = _READ | {"Keys"}
"""What one table of a BatchGetItem may say."""

IN_TRANSACTION: Mapping[str, frozenset[str]] = {
    "ConditionCheck": _CHECK | {"Key", "TableName"},
    "Delete": _CHECK | {"Key", "TableName"},
    "Get": _NAMES | {"Key", "ProjectionExpression", "TableName"},
    "Put": _CHECK | {"Item", "TableName"},
    "Update": _CHECK | {"Key", "TableName", "UpdateExpression"},
}
"""Part of a transaction -> what it may say."""

VALUES: Mapping[str, frozenset[str]] = {
    "ReturnValues": frozenset({"ALL_NEW", "ALL_OLD", "NONE", "UPDATED_NEW", "UPDATED_OLD"}),
    "ReturnValuesOnConditionCheckFailure": frozenset({"ALL_OLD", "NONE"}),
    "Select": frozenset({"ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT", "SPECIFIC_ATTRIBUTES"}),
}
"""Parameter -> the values that it may have."""
