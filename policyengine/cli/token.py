"""`policyengine token`: why was this token refused? (docs/aws-authorizer-tokens.md)"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

from policyengine.cli.failures import Misuse
from policyengine.cli.reading import Unreadable, read_value, standard_input

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
        "--now", type=_seconds, metavar="SECONDS", help="judge as at this time since 1970, UTC (default: the clock)"
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        from policyengine.runtime import tokens
    except ImportError as problem:
        raise Misuse("PyJWT is not installed", "pip install 'policyengine-authz[authorizer]'") from problem

    try:
        settings = tokens.parse_settings(_json(arguments.settings))
    except tokens.SettingsError as problem:
        raise Misuse(f"{arguments.settings}: {problem}", "docs/aws-authorizer-tokens.md has the settings") from problem
    try:
        keys = tokens.PinnedSet(_json(arguments.jwks))
    except tokens.Malformed as problem:
        raise Misuse(f"{arguments.jwks}: not a JWK set", 'write {"keys": [key, ...]}') from problem
    now = time.time() if arguments.now is None else arguments.now
    for line in standard_input():
        print(json.dumps(_answer(line.removesuffix(b"\n"), settings, keys, now)))
    return 0


def _answer(line: bytes, settings: Any, keys: Any, now: float) -> dict[str, Any]:
    from policyengine.runtime.tokens import STANDARD, Rejected, principal_of, verify

    # Bytes that are no text become lone surrogates, which no token holds.
    found = verify(line.decode("utf-8", "surrogateescape"), settings, keys, now)
    return {"rejected": found} if isinstance(found, Rejected) else {"principal": principal_of(found, STANDARD)}


def _json(path: str) -> Any:
    try:
        return read_value(Path(path).read_bytes())
    except Unreadable as problem:
        raise Misuse(f"{path}: {problem}", "write one JSON object in UTF-8") from problem


def _seconds(text: str) -> float:
    seconds = float(text)  # a ValueError is misuse to argparse
    if not math.isfinite(seconds):
        raise ValueError
    return int(seconds) if seconds.is_integer() else seconds
