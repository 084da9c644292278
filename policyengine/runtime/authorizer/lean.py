"""graphql-core's parser, loaded without the rest of its package, which an authorizer never uses.

`import graphql` also loads execution, validation and the type system: as long again as the rest of a cold start.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def language() -> tuple[Any, Any, type[Exception]]:
    """The function that parses, the classes of nodes, and the error for a text that does not parse."""
    whole = "graphql" in sys.modules
    if not whole:
        spec = find_spec("graphql")
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError("graphql-core is not installed")
        bare = ModuleType("graphql")
        bare.__path__ = list(spec.submodule_search_locations)
        bare.__spec__ = spec
        sys.modules["graphql"] = bare
    try:
        from graphql.error.syntax_error import GraphQLSyntaxError
        from graphql.language import ast
        from graphql.language.parser import parse
    finally:
        if not whole:
            del sys.modules["graphql"]  # so that whoever imports it later gets the whole
    return parse, ast, GraphQLSyntaxError
