"""A function in AWS's own runtime client, awslambdaric, on this machine: the Runtime API on a loopback address.

AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes": the client asks for the next invocation
and posts the response or the error. The process, the way the handler is imported, and JSON's way in and out are the
client's; the environment of the service, its sandbox and its freezing are not here.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PREFIX = "/2018-06-01/runtime"
ANSWER_LIMIT = 30
"""Seconds for one invocation, the start of the process included."""


class _Loopback(BaseHTTPRequestHandler):
    """HTTP that keeps connections open, sends at once and says nothing on standard error."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] = {}) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a process that ends leaves a connection behind


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def jwks_server(keys: Mapping[str, Any]) -> Iterator[str]:
    """An issuer's address with these keys, a JSON Web Key Set; the address is yielded."""
    body = json.dumps(keys).encode()

    class Keys(_Loopback):
        def do_GET(self) -> None:
            self.reply(200, body)

    with _serving(Keys) as address:
        yield f"http://{address}/.well-known/jwks.json"


class Function:
    """A running function: `invoke` gives its answer, or raises RuntimeError with what it reported."""

    def __init__(self, log: Path) -> None:
        self._asked: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._answered: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self._number = 0
        self._log = log
        self.processor_seconds = 0.0
        """What the process has used of the processor, from its start to its end; known once it has ended."""

    def invoke(self, event: Any) -> Any:
        self._number += 1
        self._asked.put((f"invocation-{self._number}", json.dumps(event).encode()))
        fine, answer = self._answered.get(timeout=ANSWER_LIMIT)
        if not fine:
            raise RuntimeError(f"the function failed: {answer}")
        return answer

    def records(self) -> list[dict[str, Any]]:
        """What the function wrote on standard output, so far."""
        lines = self._log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def handler(self) -> type[_Loopback]:
        asked, answered = self._asked, self._answered

        class RuntimeApi(_Loopback):
            def do_GET(self) -> None:
                id, event = asked.get()
                arn = "arn:aws:lambda:us-east-1:111122223333:function:authorizer"
                headers = {"Lambda-Runtime-Aws-Request-Id": id, "Lambda-Runtime-Invoked-Function-Arn": arn}
                self.reply(200, event, {**headers, "Lambda-Runtime-Deadline-Ms": "32503680000000"})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
                self.reply(202, b"{}")
                answered.put((self.path.endswith("/response"), body))

        return RuntimeApi


@contextmanager
def running(folder: Path, settings: Mapping[str, str], handler: str = "handler.handler") -> Iterator[Function]:
    """The function in a folder, in a process of its own that ends with the block.

    It sees the packages of this interpreter, as a layer would hold them, and of the environment `settings` alone.
    """
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        function = Function(log)
        with _serving(function.handler()) as address, log.open("wb") as out:
            environment = {
                "AWS_LAMBDA_RUNTIME_API": address,
                "PATH": os.environ.get("PATH", ""),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONUNBUFFERED": "1",
                **settings,
            }
            command = [sys.executable, "-m", "awslambdaric", handler]
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT)
            try:
                yield function
            finally:
                process.kill()
                _, process.returncode, usage = os.wait4(process.pid, 0)
                function.processor_seconds = usage.ru_utime + usage.ru_stime
