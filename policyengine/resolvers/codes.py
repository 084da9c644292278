"""Why something is refused, by code, and the two errors of this package. No text holds a value of a row or request."""

from __future__ import annotations

CODES = {
    "identity": "the request carries no identity of the authorizer, or only a part of it",
    "digest": "the identity was made under a policy that is neither the current nor the previous one",
    "method": "the method is not one that the guard binds",
    "parameter": "the parameter is not one that the guard binds, or its value is not one that it lets through",
    "table": "the settings name no such table",
    "index": "the settings name no such index of the table",
    "expression": "the expression is no sequence of balanced, known signs",
    "placeholder": "the expression names a placeholder that is not given",
    "key": "the key is not exactly the table's, or does not begin with the organization",
    "key-condition": "the key condition does not pin the partition to the organization",
    "tenant": "the item is to belong to another organization",
    "mention": "the expression mentions the organization or a key in another way than by equality with the own one",
    "grant": "no grant row leads to the record",
    "absent": "there is no such record, or none that the caller may know of",
    "denied": "the caller may not do that with the record",
    "content": "the attribute is the platform's, and no client writes it",
    "malformed": "the record would break the schema",
    "parent": "the folder is not there, or the caller may not change it",
    "children": "the folder is not empty",
    "scope": "the record's scope is not one in which grant rows count",
    "member": "the member is named by no id, or by no organization's id",
    "grant-row": "the grant row has no such role, or would have expired",
    "full": "the record would have more rows than one transaction can remove",
    "busy": "others kept writing the same record",
    "cursor": "the cursor is forged, of another principal, query or policy, or too old",
    "limit": "the limit is no number from 1 to 1,000",
}
"""Code -> what it means. `mention` in a filter of a read is the one that lenient mode lets pass, bound all the same."""


class Refused(Exception):
    """An operation that the guard does not let through. It was decided from the request alone, before any call.

    `code` is a key of CODES; `parameter` the place in the request; the message says both in words, and no value.
    """

    def __init__(self, code: str, parameter: str, detail: str = "") -> None:
        self.code = code
        self.parameter = parameter
        super().__init__(f"refused[{code}]: {parameter}: {detail or CODES[code]}")


class Incomplete(Exception):
    """Rows could not be read: throttled, timed out, or left unprocessed too often. It is a denial, and says no more.

    `cause` is a short text without values of rows.
    """

    def __init__(self, cause: str) -> None:
        self.cause = cause
        super().__init__(f"incomplete: {cause}")
