"""A DynamoDB for tests: dynalite on loopback, which reads expressions as strictly as DynamoDB does; Studio's table."""

from __future__ import annotations

import json
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.session import get_session
from botocore.validate import ParamValidator

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


class Plain:
    """A client that does no more than DynamoDB's protocol asks: a tenth of boto3's work, for very many calls.

    Amazon DynamoDB Developer Guide: "DynamoDB low-level API". dynalite wants a signature, and does not check it.
    """

    meta = object()

    def __init__(self, address: str) -> None:
        self._connection = HTTPConnection(address.removeprefix("http://"))

    def __getattr__(self, method: str) -> Any:
        operation = "".join(word.capitalize() for word in method.split("_"))
        headers = {**_SIGNED, "X-Amz-Target": f"DynamoDB_20120810.{operation}"}
        shape = _model().operation_model(operation).input_shape

        def call(**request: Any) -> Any:
            wrong = ParamValidator().validate(request, shape)
            if wrong.has_errors():
                raise ParamValidationError(report=wrong.generate_report())
            body = json.dumps(request, default=lambda value: b64encode(value).decode())
            self._connection.request("POST", "/", body.encode(), headers)
            answer = self._connection.getresponse()
            made = json.loads(answer.read())
            metadata = {"HTTPStatusCode": answer.status, "HTTPHeaders": dict(answer.getheaders())}
            if answer.status != 200:
                error = {"Code": made["__type"].partition("#")[2], "Message": made.get("message", "")}
                raise ClientError({"Error": error, "ResponseMetadata": metadata}, operation)
            return {**made, "ResponseMetadata": metadata}

        return call


@cache
def _model() -> Any:
    return get_session().get_service_model("dynamodb")


_SIGNED = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Date": "20260101T000000Z",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
}


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
