"""`policyengine revocation`: what a revoked session can still do, and until when (docs/aws-authorizer-tokens.md)."""

from __future__ import annotations

import argparse
import json

from policyengine.cli import policies
from policyengine.cli.token import length, read_settings

SUMMARY = "how long each layer still honours a revoked session"
DESCRIPTION = (
    "Says for each layer how long it may still honour a session that has been revoked, why, and what ends it sooner: "
    "in the worst case, for this policy set and these settings. Exit code: 0 done, 1 errors in the policies, 2 misuse."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    policies.add_arguments(parser)
    parser.add_argument("--settings", required=True, metavar="FILE", help="the settings of the authorizer's verifier")
    parser.add_argument(
        "--ttl", type=length, default=0, metavar="SECONDS", help="how long AppSync keeps an answer (default: 0)"
    )
    parser.add_argument(
        "--template-lifetime",
        type=length,
        default=60,
        metavar="SECONDS",
        help="how long a token lives that is traded for AWS credentials (default: 60, Clerk's own)",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json is for programs")


def run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments.settings)
    program = policies.program_or_findings(policies.compile_named(arguments))
    if program is None:
        return 1
    from policyengine.backends.aws.revocation import Session, spoken, survivals

    session = Session(settings.max_lifetime, settings.skew, arguments.ttl, arguments.template_lifetime)
    found = survivals(program, session)
    if arguments.format == "json":
        print(json.dumps([one._asdict() for one in found], indent=2))
        return 0
    for one in found:
        print(f"{one.layer}: {'for ever' if one.seconds is None else spoken(one.seconds)}")
        print(f"  {one.why}")
        print(f"  sooner: {one.sooner}")
    return 0
