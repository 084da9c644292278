"""Why no document is made."""

from __future__ import annotations


class Refused(Exception):
    """`code` says why, for programs; `setting` is the line of the `aws` block it is about, where it is about one.

    The text says what is wrong, then what would mend it.
    """

    def __init__(self, code: str, wrong: str, mend: str, setting: str = "") -> None:
        super().__init__(f"{wrong}; {mend}")
        self.code = code
        self.setting = setting
        self.mend = mend
