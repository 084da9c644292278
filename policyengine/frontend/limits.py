"""Limits: what a policy set may grow to, so that time and memory stay in proportion to its text.

Beyond a limit a policy set is refused, with a finding; nothing is cut off or left out.
"""

from __future__ import annotations

from policyengine.diagnostics import Findings
from policyengine.source import Span

MAX_NESTING = 32
"""How deep parentheses, braces and `not` may nest, definitions may use each other, and a call may become."""
MAX_BROKEN = 100
"""How many declarations of one file may be broken before the rest of it is left unread."""
MAX_SIZE = 10_000
"""How many parts a call, or a comparison of two conditions, may become."""
MAX_EXPANDED = 500_000
"""How many parts all of these, and all lists of the values of enums, may become together."""
MAX_CELLS = 100_000
"""How many pairs of an action and a type there may be."""
MAX_ATTRIBUTES = 200_000
"""How many attributes all types may have together, those of their shapes included."""


class Budget:
    """Counts what grows faster than the text. What goes beyond is one finding, where it happens."""

    def __init__(self, limit: int, what: str, help: str, findings: Findings) -> None:
        self.limit = limit
        self._what = what
        self._help = help
        self._findings = findings
        self._spent = 0

    def spend(self, size: int, span: Span) -> bool:
        """Whether so much more is within the limit."""
        before, self._spent = self._spent, self._spent + size
        if before <= self.limit < self._spent:
            message = f"the policy set has more than {self.limit:,} {self._what}"
            self._findings.error("too-large", message, span, self._help)
        return self._spent <= self.limit
