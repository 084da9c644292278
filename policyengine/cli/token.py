"""`policyengine token`: why was this token refused? (docs/aws-authorizer-tokens.md)"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine.cli import policies
from policyengine.cli.failures import Misuse
from policyengine.cli.reading import Unreadable, read_value, standard_input
from policyengine.compiler import compile_folders
from policyengine.model.claims import claims_of
from policyengine.model.schema import Schema
from policyengine.model.types import Enum

if TYPE_CHECKING:
    from policyengine.runtime.tokens import Settings

SUMMARY = "verify tokens, or say why they are refused"
DESCRIPTION = (
    "Reads one token a line, as an Authorization header has it, and writes the principal or the code of the refusal. "
    "Nothing is trimmed; an empty line is answered too. "
    "Exit code: 0 when every line is answered, whatever the answers; 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--settings", required=True, metavar="FILE", help="the verifier's settings: a JSON object with `issuer`"
    )
    parser.add_argument("--jwks", required=True, metavar="FILE", help="the issuer's public keys: a JWK set")
    parser.add_argument(
        "--schemas",
        metavar="FOLDER",
        help="a folder or file of schemas: which attribute comes from which claim (default: id, orgId and orgRole)",
    )
    parser.add_argument(
        "--now", type=_seconds, metavar="SECONDS", help="judge as at this time since 1970, UTC (default: the clock)"
    )


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.settings)
    from policyengine.runtime import tokens

    try:
        keys = tokens.PinnedSet(_json(arguments.jwks))
    except tokens.Malformed as problem:
        raise Misuse(f"{arguments.jwks}: not a JWK set", 'write {"keys": [key, ...]}') from problem
    now = time.time() if arguments.now is None else arguments.now
    mapping = tokens.STANDARD
    if arguments.schemas is not None:
        schema = _schema(arguments.schemas)
        if schema is None:
            return 1
        mapping, settings = claims_of(schema.principal), settings.narrowed(_roles(schema, settings.roles))
    permissions = tokens.wants_permissions(mapping)
    for line in standard_input():
        # Bytes that are no text become lone surrogates, which no token holds.
        value = line.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        found = tokens.verify(value, settings, keys, now, permissions=permissions)
        if isinstance(found, tokens.Rejected):
            print(json.dumps({"rejected": found}))
        else:
            print(json.dumps({"principal": tokens.principal_of(found, mapping)}))
    return 0


def read_settings(path: str) -> Settings:
    """The settings of a verifier in a file. Raises Misuse."""
    try:
        from policyengine.runtime import tokens
    except ImportError as problem:
        raise Misuse("PyJWT is not installed", "pip install 'policyengine-authz[authorizer]'") from problem
    try:
        return tokens.parse_settings(_json(path))
    except tokens.SettingsError as problem:
        raise Misuse(f"{path}: {problem}", "docs/aws-authorizer-tokens.md has the settings") from problem


def _schema(folder: str) -> Schema | None:
    """The schema in a folder or file, or None after its findings were shown."""
    program = policies.program_or_findings(compile_folders(folder, None))
    if program is None:
        return None
    if not claims_of(program.schema.principal):
        wrong = f"{folder}: no attribute of the principal comes from a claim"
        raise Misuse(wrong, "write `from claim sub` and the like, or leave --schemas out")
    return program.schema


def _roles(schema: Schema, roles: tuple[str, ...]) -> tuple[str, ...]:
    """Those that the schema's enum has; all, where it asks for no role."""
    enums = [a.type for a in schema.principal.attributes if a.claim == "org_role"]
    return tuple(r for r in roles if all(isinstance(enum, Enum) and r in enum.values for enum in enums))


def _json(path: str) -> Any:
    try:
        return read_value(Path(path).read_bytes())
    except Unreadable as problem:
        raise Misuse(f"{path}: {problem}", "write one JSON object in UTF-8") from problem


def length(text: str) -> float:
    """A length of time in seconds, for argparse: a ValueError is misuse."""
    seconds = _seconds(text)
    if seconds < 0:
        raise ValueError
    return seconds


def _seconds(text: str) -> float:
    seconds = float(text)  # a ValueError is misuse to argparse
    if not math.isfinite(seconds):
        raise ValueError
    return int(seconds) if seconds.is_integer() else seconds
