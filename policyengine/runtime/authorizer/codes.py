"""Why a request is refused: every code, as it stands in a record. None of it reaches the client."""

from __future__ import annotations

from typing import Final

CODES: Final[dict[str, str]] = {
    "event": "not the event that AppSync sends for a GraphQL request, or for the start of a real-time connection",
    "token:...": "the token is refused; the word behind the colon is the verifier's code",
    "principal": "the token's principal does not fit the schema",
    "query_size": "the query is longer than the limit",
    "characters": "the query holds a character that ends a line, or is no text, for one reader and not for another",
    "query_text": "the query is not GraphQL, or is nested beyond what can be read",
    "query_depth": "selections are nested deeper than the limit",
    "query_aliases": "the query has more aliases than the limit",
    "query_fields": "the query has more fields than the limit, fragments counted wherever they are spread",
    "definitions": "the document holds something else than operations and fragments",
    "ambiguous": "two operations, fragments, variables or arguments share a name, or nothing says which operation runs",
    "operation": "no operation of the document has the name that the request gives",
    "fragment": "a fragment that is spread is not there, spreads itself, or is on another type than the root",
    "directive": "a directive other than @skip and @include, or one of these twice, or its condition is no Bool",
    "variable": "a variable is used that the operation does not declare, or `variables` is no object",
    "subscription": "a subscription does not ask for exactly one field",
    "introspection": "the schema is asked for, and introspection is not allowed",
    "unmapped": "the policy maps no action to a field",
    "arguments": "an argument has another form than the mapping says: a text in place of an input, say",
    "tenant": "an argument that is marked as the tenant is not the active organization",
    "tenant_unmarked": "an argument with the tenant's name is marked neither as the tenant nor otherwise",
    "denied": "the policy denies a field that takes effect, whatever its record",
    "read_only": "the switch that lets nothing take effect is on",
    "settings": "a setting in the environment is wrong; the function's log names it",
    "fault": "the authorizer itself failed: a defect, worth a report",
}


class Refusal(Exception):
    """A code of the table, on its way to the record."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
