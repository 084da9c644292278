"""The authorizer against what it cannot do without: PyJWT verifies the token, and graphql-core parses the query.

Both sides get requests from memory. Ours decides, answers and writes its record besides.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import graphql
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.measuring import Figure, compare, figure
from benchmarks.workloads import ROOT
from examples.lambda_runtime import running
from policyengine.cli import main
from policyengine.runtime.authorizer import Authorizer
from policyengine.runtime.authorizer.environment import Options
from policyengine.runtime.authorizer.mapping import mapping
from policyengine.runtime.tokens import PinnedSet, Verifier, parse_settings

ISSUER = "https://clerk.studio.example"
REQUESTS, ROUNDS, STARTS = 200, 41, 30
QUERY = """query Screen($id: ID!, $org: ID) {
  getHost(id: $id) { id orgId name address port }
  listHosts(orgId: $org) { nextToken }
  viewer { id }
} # """
VERIFY_ALONE = """
import json, os, jwt
KEY = jwt.PyJWK(json.loads(os.environ["KEY"]))
def handler(event, context):
    jwt.decode(event["authorizationToken"], KEY, algorithms=["RS256"], issuer=os.environ["ISSUER"])
    return {"isAuthorized": True}
"""


class Issuer:
    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.jwk = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())), "kid": "k", "alg": "RS256"}

    def token(self, number: int) -> str:
        issued = int(time.time()) - 5
        claims = {
            "iss": ISSUER,
            "sub": f"user_{number}",
            "sid": "s",
            "iat": issued,
            "nbf": issued,
            "exp": issued + 3600,
        }
        return jwt.encode(
            {**claims, "v": 2, "o": {"id": "org_1", "rol": "member"}}, self.key, "RS256", headers={"kid": "k"}
        )


def event(token: str, query: str) -> dict[str, Any]:
    asked = {"apiId": "a", "accountId": "1", "requestId": "r", "queryString": query, "operationName": "Screen"}
    return {"authorizationToken": token, "requestContext": {**asked, "variables": {"id": "h1", "org": "org_1"}}}


def build(folder: Path) -> Path:
    sources = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(["build", "lambda", *sources, "--out", str(folder)])
    assert code == 0, "the function could not be built"
    return folder / "lambda"


def requests() -> Iterator[Figure]:
    """Warm: each token and each query new, and then each of them known."""
    issuer = Issuer()
    tokens = [issuer.token(number) for number in range(REQUESTS)]
    queries = [f"{QUERY}{number}" for number in range(REQUESTS)]
    events = [event(*both) for both in zip(tokens, queries, strict=True)]
    public = issuer.key.public_key()
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, str(build(Path(folder))))
        bundle, api = import_module("policy_bundle"), import_module("policy_bundle.api")
        sys.path.pop(0)

    def authorizer() -> Authorizer:
        settings = parse_settings({"issuer": ISSUER, "azp": None, "max_lifetime": None})
        return Authorizer(mapping(bundle, api), Verifier(settings, PinnedSet({"keys": [issuer.jwk]})), Options())

    def theirs(_: Authorizer) -> int:
        for token, query in zip(tokens, queries, strict=True):
            jwt.decode(token, public, algorithms=["RS256"], issuer=ISSUER)
            graphql.parse(query)
        return REQUESTS

    def ours(made: Authorizer) -> int:
        return sum(made.handle(one)["isAuthorized"] for one in events)

    def known(made: Authorizer) -> int:
        return sum(made.handle(events[0])["isAuthorized"] for _ in events)

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        assert ours(authorizer()) == theirs(authorizer()) == known(authorizer()), "a request was refused"
        timed = partial(compare, pieces=REQUESTS, rounds=ROUNDS, warm=True)
        found = [
            timed("token and query new", ours, theirs, authorizer, bound=1.3),
            timed("token and query known", known, theirs, authorizer, bound=0.2),
        ]
    yield from found


def starts() -> Iterator[Figure]:
    """Cold: the processor's time of a process of AWS's runtime client, from its start to its first answer."""
    issuer = Issuer()
    given = event(issuer.token(1), QUERY)
    ours_settings = {
        "POLICYENGINE_TOKEN": json.dumps({"issuer": ISSUER, "azp": None, "max_lifetime": None}),
        "POLICYENGINE_KEYS": json.dumps({"jwks": {"keys": [issuer.jwk]}}),
    }
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = build(Path(place)), Path(place) / "theirs"
        theirs.mkdir()
        (theirs / "handler.py").write_text(VERIFY_ALONE, "utf-8")
        sides = ((ours, ours_settings), (theirs, {"KEY": json.dumps(issuer.jwk), "ISSUER": ISSUER}))
        spent: list[tuple[float, float]] = []
        for number in range(-1, STARTS):  # the first round is not counted: it brings the files into memory
            taken = {side[0]: first_answer(*side, given) for side in sides[:: 1 if number % 2 else -1]}
            if number >= 0:
                spent.append((taken[ours], taken[theirs]))
        yield replace(figure("start to the first answer", spent, bound=1.3), note="in awslambdaric")


def first_answer(folder: Path, settings: dict[str, str], given: dict[str, Any]) -> float:
    with running(folder, settings) as function:
        assert function.invoke(given)["isAuthorized"], "the request was refused"
    return function.processor_seconds


def everything() -> Iterator[Figure]:
    yield from requests()
    yield from starts()
