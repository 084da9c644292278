"""A GraphQL schema from its text, with what AppSync adds to every schema; and where its parts stand in the text."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLError, GraphQLSchema, build_ast_schema, parse
from graphql.language import DocumentNode, TypeDefinitionNode

from policyengine.model.api import ROOTS
from policyengine.source import Source, Span

SCALARS = (
    "AWSDate",
    "AWSTime",
    "AWSDateTime",
    "AWSTimestamp",
    "AWSEmail",
    "AWSJSON",
    "AWSURL",
    "AWSPhone",
    "AWSIPAddress",
)
"""AWS AppSync Developer Guide, "Scalar types in GraphQL"."""


class Unreadable(Exception):
    """Why a text is no schema, and where."""

    def __init__(self, cause: str, span: Span) -> None:
        super().__init__(cause)
        self.span = span


def schema_of(source: Source) -> GraphQLSchema:
    """The schema in a text. Raises Unreadable; directives that nobody declares are AppSync's own and are let be."""
    start = Span(source, 0, 0)
    try:
        document = parse(source.text, max_tokens=1_000_000)
        declared = {node.name.value for node in document.definitions if isinstance(node, TypeDefinitionNode)}
        added = parse("\n".join(f"scalar {name}" for name in SCALARS if name not in declared) or "scalar _Unused")
        whole = DocumentNode(definitions=(*document.definitions, *added.definitions))
        schema = build_ast_schema(whole, assume_valid=True, assume_valid_sdl=True)
        roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
        for root, name in zip(roots, ROOTS, strict=True):
            if root is not None and root.name != name:
                raise Unreadable(f"the root type `{root.name}` is not called `{name}`", place(root.ast_node, source))
    except GraphQLError as problem:
        at = next(iter(problem.positions or ()), 0)
        raise Unreadable(problem.message.rstrip("."), Span(source, at, at + 1)) from problem
    except (TypeError, ValueError, RecursionError) as problem:
        raise Unreadable("it cannot be built: " + str(problem).rstrip("."), start) from problem
    if schema.query_type is None:
        raise Unreadable("it has no type `Query`", start)
    return schema


def place(node: Any, source: Source) -> Span:
    """Where the name of a node stands, or the node; the start of the text for what AppSync adds."""
    named = getattr(node, "name", None) or node
    loc = getattr(named, "loc", None)
    return Span(source, loc.start, loc.end) if loc is not None else Span(source, 0, 0)
