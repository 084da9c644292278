"""The authorizer at work: built from Studio's policies, started by AWS's runtime client, asked as AppSync would ask it.

Run it with `make demo-authorizer`. The keys come from a JWKS server on this machine; AppSync's side is a stand-in.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from examples.appsync import StandIn
from examples.lambda_runtime import jwks_server, running
from policyengine.cli import main

ROOT = Path(__file__).resolve().parent.parent

ISSUER = "https://clerk.studio.example"
TOKEN_SETTINGS = {"issuer": ISSUER, "azp": None}

HOSTS = {
    "h1": {"id": "h1", "orgId": "org_1", "ownerId": "ann", "scope": "ORG", "name": "router"},
    "h2": {"id": "h2", "orgId": "org_2", "ownerId": "zoe", "scope": "ORG", "name": "of another organization"},
}


def build(out: Path) -> Path:
    """The folder of the unpacked archive, as AWS Lambda would mount it."""
    sources = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    if main(["build", "lambda", *sources, "--out", str(out)]):
        sys.exit("the demo stopped: the function could not be built")
    if main(["bundle", "verify", str(out / "lambda.zip"), "--manifest", str(out / "lambda.json")]):
        sys.exit("the demo stopped: the archive is not what the manifest says")
    with zipfile.ZipFile(out / "lambda.zip") as archive:
        archive.extractall(out / "task")
    return out / "task"


class Issuer:
    """Signs what Clerk would sign: session tokens of version 2."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        self.keys = {"keys": [{**public, "kid": "demo", "use": "sig", "alg": "RS256"}]}

    def token(self, user: str, organization: str, role: str, age: int = 5) -> str:
        issued = int(time.time()) - age
        claims = {
            "iss": ISSUER,
            "sub": user,
            "sid": f"sess_{user}",
            "iat": issued,
            "nbf": issued - 5,
            "exp": issued + 60,
            "v": 2,
            "sts": "active",
            "o": {"id": organization, "rol": role},
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": "demo"})


def viewer(context: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    return {"id": context["id"], "orgId": context["orgId"], "orgRole": context["orgRole"]}


def get_host(context: dict[str, Any], arguments: dict[str, Any]) -> Any:
    """What the row decides is the resolver's: the authorizer has left it, and has said so."""
    assert "Query.getHost" in context["left"].split()
    host = HOSTS.get(arguments["id"])
    return host if host and host["orgId"] == context["orgId"] else None


def share(context: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments["input"], "resourceId": arguments["input"]["resourceId"]}


RESOLVERS = {
    "Query.viewer": viewer,
    "Query.getHost": get_host,
    "Query.connectorSettings": lambda context, arguments: '{"url": "https://tools.example"}',
    "Mutation.shareRecord": share,
    "Mutation.configureTool": lambda context, arguments: {"id": arguments["id"], "enabled": arguments["enabled"]},
}

SHARE = """mutation Share($type: String!, $org: ID!) {
  shareRecord(input: {resourceType: $type, resourceId: "r1", memberId: "zoe", memberOrgId: $org, role: "viewer"}) {
    resourceType memberOrgId role
  }
}"""
CONFIGURE = 'mutation { configureTool(id: "t1", enabled: false) { id enabled } }'


def demo() -> None:
    issuer = Issuer()
    with tempfile.TemporaryDirectory() as place, jwks_server(issuer.keys) as keys:
        task = build(Path(place))
        settings = {"POLICYENGINE_TOKEN": json.dumps(TOKEN_SETTINGS), "POLICYENGINE_KEYS": json.dumps({"url": keys})}
        with running(task, settings) as function:
            api = StandIn((ROOT / "examples/studio.graphql").read_text("utf-8"), function.invoke, RESOLVERS)
            show(api, issuer)
            print("\n--- what the function wrote: a record for each decision")
            for record in function.records():
                print(json.dumps(record))


def show(api: StandIn, issuer: Issuer) -> None:
    """Requests, each with the status and the part of the answer that it must have."""
    member, admin = issuer.token("ann", "org_1", "member"), issuer.token("boss", "org_1", "admin")
    who = {"id": "ann", "orgId": "org_1", "orgRole": "member"}
    host = '{ getHost(id: "h1") { name } viewer { id orgId orgRole } }'
    both = '{ connectorSettings(id: "c1") viewer { id } }'
    own, foreign = (f'{{ listHosts(orgId: "{org}") {{ nextToken }} }}' for org in ("org_1", "org_2"))
    for title, token, query, variables, status, wanted in (
        (
            "allowed, with the principal arriving in resolvers",
            member,
            host,
            {},
            200,
            {"getHost": {"name": "router"}, "viewer": who},
        ),
        ("the resolver decides on the row", member, '{ getHost(id: "h2") { name } }', {}, 200, {"getHost": None}),
        (
            "a field that the token denies is hidden",
            member,
            both,
            {},
            200,
            {"connectorSettings": None, "viewer": {"id": "ann"}},
        ),
        (
            "and not from an admin",
            admin,
            '{ connectorSettings(id: "c1") }',
            {},
            200,
            {"connectorSettings": '{"url": "https://tools.example"}'},
        ),
        ("a mutation that the token denies is refused whole", member, CONFIGURE, {}, 401, None),
        ("and not from an admin", admin, CONFIGURE, {}, 200, {"configureTool": {"id": "t1", "enabled": False}}),
        ("the own organization may be named", member, own, {}, 200, {"listHosts": None}),
        ("another organization may not", member, foreign, {}, 401, None),
        (
            "a host is shared across organizations",
            member,
            SHARE,
            {"type": "Host", "org": "org_2"},
            200,
            {"shareRecord": {"resourceType": "Host", "memberOrgId": "org_2", "role": "viewer"}},
        ),
        ("a folder is not", member, SHARE, {"type": "Folder", "org": "org_2"}, 401, None),
        ("an expired token", issuer.token("ann", "org_1", "member", age=600), host, {}, 401, None),
        ("a field that nothing maps", member, "{ health }", {}, 401, None),
    ):
        answer = api.request(token, query, variables)
        print(f"\n--- {title}\n{query.strip().splitlines()[0]}\n{json.dumps(answer)}", flush=True)
        if answer["status"] != status or answer.get("data") != wanted:
            sys.exit(f"the demo stopped: expected {status} {json.dumps(wanted)}")


if __name__ == "__main__":
    demo()
