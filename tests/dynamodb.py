"""A DynamoDB for tests: dynalite on loopback, which reads expressions as strictly as DynamoDB does; Studio's table."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from policyengine.backends.aws import emit_documents
from policyengine.compiler import compile_folders, program_of
from policyengine.resolvers import Identity, Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent
TABLE = "StudioRecords"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
_SERVER = """
require("dynalite")({createTableMs: 0}).listen(0, "127.0.0.1", function () {
  console.log(this.address().port)
})
process.stdin.on("end", () => process.exit()).resume()
"""


@contextmanager
def dynalite() -> Iterator[str]:
    """The address of a server of its own, in memory. It ends with its standard input, so with the tests."""
    node = ["node", "-e", _SERVER]
    with subprocess.Popen(node, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "dynalite did not start: make test installs it"
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()


def client_of(address: str, **more: Any) -> Any:
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=4)
    return boto3.client("dynamodb", endpoint_url=address, config=config, **KEYS, **more)


def resource_of(address: str) -> Any:
    return boto3.resource("dynamodb", endpoint_url=address, **KEYS)


@cache
def studio_settings() -> Settings:
    """The settings of Studio's resolvers, as `build aws` writes them."""
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    return read_settings(emit_documents(program, ["org_1"])["resolver-settings.json"])


def create_tables(client: Any, settings: Settings) -> None:
    """The tables of the settings, with their indexes, which project everything."""
    for table in settings.tables.values():
        every = (table.keys, *table.indexes.values())
        attributes = {name for index in every for name in index.attributes}

        def schema(index: Any) -> list[dict[str, str]]:
            return [
                {"AttributeName": name, "KeyType": kind}
                for name, kind in zip(index.attributes, ("HASH", "RANGE"), strict=False)
            ]

        client.create_table(
            TableName=table.name,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(attributes)],
            KeySchema=schema(table.keys),
            GlobalSecondaryIndexes=[
                {"IndexName": name, "KeySchema": schema(index), "Projection": {"ProjectionType": "ALL"}}
                for name, index in table.indexes.items()
            ],
            BillingMode="PAY_PER_REQUEST",
        )


def identity(tenant: str, id: str = "ann", role: str = "member") -> Identity:
    return Identity(tenant, id, {"id": id, "orgId": tenant, "orgRole": role}, "digest", "request")
