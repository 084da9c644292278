"""What is not encoded, by name: an answer about a document that holds it would be a guess."""

from __future__ import annotations


class Unsupported(Exception):
    """`construct` is a stable name; `where` is the JSON path, or the document's name."""

    def __init__(self, construct: str, where: str) -> None:
        super().__init__(f"{construct} ({where})")
        self.construct = construct
        self.where = where
