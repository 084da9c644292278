"""The core to a Python module that stands alone. `module` lays it out, `report` and `verdict` write its decisions."""

from policyengine.backends.python.module import emit_python, policy_digest

__all__ = ["emit_python", "policy_digest"]
