"""policyengine: who may do what, written once and compiled to every layer that enforces it.

The public names are resolved when first used, so that importing the package imports nothing of the compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from policyengine.compiler import Engine, load
    from policyengine.diagnostics import Diagnostic, PolicyError

__all__ = ["Diagnostic", "Engine", "PolicyError", "load"]

_HOMES = {
    "Diagnostic": "policyengine.diagnostics",
    "Engine": "policyengine.compiler",
    "PolicyError": "policyengine.diagnostics",
    "load": "policyengine.compiler",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'policyengine' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
