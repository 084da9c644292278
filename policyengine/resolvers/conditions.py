"""Conditions that are built with boto3's `Key` and `Attr`, written out: the guard binds texts."""

from __future__ import annotations

import re

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder

from policyengine.resolvers.binding import Request
from policyengine.resolvers.expressions import names_of, values_of

_PLACES = ("KeyConditionExpression", "FilterExpression", "ConditionExpression")


def written(request: Request) -> None:
    """Each built condition of a request becomes a text, with placeholders apart from the author's own."""
    built = [name for name in _PLACES if isinstance(request.get(name), ConditionBase)]
    if not built:
        return
    names = names_of("ExpressionAttributeNames", request.get("ExpressionAttributeNames"))
    values = values_of("ExpressionAttributeValues", request.get("ExpressionAttributeValues"), ":")
    builder = ConditionExpressionBuilder()
    stem = "built"
    while any(each[1:].startswith(stem) for each in (*names, *values)):
        stem += "_"
    for name in built:
        made = builder.build_expression(request[name], is_key_condition=name == "KeyConditionExpression")
        request[name] = re.sub(r"([#:])([nv][0-9]+)", rf"\1{stem}\2", made.condition_expression)
        names.update({f"#{stem}{each[1:]}": path for each, path in made.attribute_name_placeholders.items()})
        values.update({f":{stem}{each[1:]}": value for each, value in made.attribute_value_placeholders.items()})
    if names:
        request["ExpressionAttributeNames"] = names
    if values:
        request["ExpressionAttributeValues"] = values
