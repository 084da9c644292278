"""A stand-in for AppSync's side of the contract with an authorizer; graphql-core executes the schema. It is no AppSync.

What it does is what AWS documents ("Configuring authorization and authentication to secure your GraphQL APIs"): it
calls the authorizer with the request, refuses the request where the answer says so, hides the fields in `deniedFields`
under every object of their type, and hands `resolverContext` to the resolvers. It caches nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_schema, graphql_sync

PREAMBLE = """
scalar AWSJSON
scalar AWSDateTime
directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION
"""

Resolver = Callable[[dict[str, Any], dict[str, Any]], Any]
"""Of a `resolverContext` and the arguments: the field's value."""


class StandIn:
    """An API: its schema, its authorizer, and resolvers by `Type.field`; other fields are read from their object."""

    def __init__(self, sdl: str, authorize: Callable[[Any], Any], resolvers: dict[str, Resolver]) -> None:
        self.schema: GraphQLSchema = build_schema(PREAMBLE + sdl)
        self.authorize = authorize
        self.resolvers = resolvers

    def request(self, token: str, query: str, variables: Any = None, operation: str | None = None) -> dict[str, Any]:
        """What a client gets for a request: the HTTP status, and `data` and `errors` as GraphQL has them."""
        context = {
            "apiId": "aaaaaa123123123example123",
            "accountId": "111122223333",
            "requestId": str(uuid.uuid4()),
            "queryString": query,
            "operationName": operation,
            "variables": variables or {},
        }
        try:
            answer = self.authorize({"authorizationToken": token, "requestContext": context, "requestHeaders": {}})
        except RuntimeError as problem:
            return {"status": 500, "errors": [{"errorType": "AuthorizerFailureException", "message": str(problem)}]}
        if answer.get("isAuthorized") is not True:
            return {"status": 401, "errors": [{"errorType": "UnauthorizedException"}]}
        denied = frozenset(answer.get("deniedFields") or ())
        given = answer.get("resolverContext") or {}

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            name = f"{info.parent_type.name}.{info.field_name}"
            if name in denied:
                raise GraphQLError(f"Not Authorized to access {info.field_name} on type {info.parent_type.name}")
            if name in self.resolvers:
                return self.resolvers[name](given, arguments)
            return source.get(info.field_name) if isinstance(source, dict) else None

        done = graphql_sync(
            self.schema, query, variable_values=variables, operation_name=operation, field_resolver=resolve
        )
        return {"status": 200, **done.formatted}
