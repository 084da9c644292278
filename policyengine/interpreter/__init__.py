"""The meaning of a policy, running: short, slow and obvious. Every other evaluator, filter and proof is judged by it.

It shares no code with what it judges. `checking` says what is malformed, `evaluation` what an expression is worth,
`deciding` what follows for a request, `rows` finds folders, connectors and grant rows in plain JSON data.
"""

from policyengine.interpreter.deciding import decide, evaluation
from policyengine.interpreter.rows import Rows

__all__ = ["Rows", "decide", "evaluation"]
