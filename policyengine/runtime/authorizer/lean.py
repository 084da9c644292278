"""graphql-core's parser, loaded without the rest of its package, which an authorizer never uses.

`import graphql` also loads execution, validation, the type system and asyncio: longer than the rest of a cold start. So
the parser is loaded with bare packages around it, each of which finds a name in the module that defines it. The classes
of nodes are made without what the parser has no use for: to be compared, hashed or frozen. What comes of it is our own
copy of these modules; whoever imports `graphql` beside it gets the whole.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_PACKAGES: dict[str, dict[str, str]] = {
    "graphql": {},
    "graphql.error": {"GraphQLError": "graphql_error", "GraphQLSyntaxError": "syntax_error"},
    "graphql.language": {},
    "graphql.pyutils": {"RefMap": "ref_map", "Undefined": "undefined", "camel_to_snake": "convert_case"},
}
"""Packages, and in which of their modules the names are that the parser takes from them."""

Language = tuple[Any, Any, type[Exception]]


def language() -> Language:
    """The function that parses, the classes of nodes, and the error for a text that does not parse."""
    loaded = {name: sys.modules.pop(name) for name in _ours()}
    whole = dataclasses.dataclass
    try:
        sys.modules.update(_bare_packages())
        dataclasses.dataclass = _plain_dataclass
        return _loaded()
    except Exception:  # a version that is made otherwise: loaded whole it takes longer, and parses the same
        dataclasses.dataclass = whole
        _forget()
        return _loaded()
    finally:
        dataclasses.dataclass = whole
        _forget()
        sys.modules.update(loaded)


def _loaded() -> Language:
    parse = import_module("graphql.language.parser").parse
    return parse, import_module("graphql.language.ast"), import_module("graphql.error.syntax_error").GraphQLSyntaxError


def _ours() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "graphql"]


def _forget() -> None:
    for name in _ours():
        del sys.modules[name]


def _plain_dataclass(cls: Any = None, **_: Any) -> Any:
    return _whole(cls, kw_only=True, repr=False, eq=False)


_whole: Any = dataclasses.dataclass


def _bare_packages() -> Iterator[tuple[str, ModuleType]]:
    spec = find_spec("graphql")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("graphql-core is not installed")
    root = spec.submodule_search_locations[0]
    for name, homes in _PACKAGES.items():
        package = ModuleType(name)
        package.__path__ = ["/".join([root, *name.split(".")[1:]])]
        vars(package)["__getattr__"] = _finder(name, homes)
        yield name, package


def _finder(package: str, homes: dict[str, str]) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(name)
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
