"""One look at the address of an issuer's keys, with every bound that a look needs.

`http.client` and nothing above it: it follows no redirect, reads no proxy out of the environment and opens no file, so
the only address that is ever asked is the configured one.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from .signature import Key, keys_of_jwks
from .strict import Malformed, json_object

MAX_BODY = 65_536
"""Bytes. A set of ten keys has five thousand."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class FetchError(Exception):
    """Why a look gave no keys, in a fixed word."""


class Address:
    """Where an issuer's keys are: `https`, or `http` on this machine alone, which is for tests."""

    def __init__(self, url: str) -> None:
        """Raises Malformed for any other address, and for one that carries a name, a password or a fragment."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as problem:
            raise Malformed from problem
        secure = parts.scheme == "https"
        plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
        odd = "@" in parts.netloc or parts.fragment or not url.isascii() or not url.isprintable() or " " in url
        if not parts.hostname or not (secure or plain) or odd:
            raise Malformed
        self._secure, self._host, self._port = secure, parts.hostname, port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def connect(self, timeout: float) -> HTTPConnection:
        """A connection that is not open yet; each of its steps may take `timeout` seconds."""
        if self._secure:
            context = ssl.create_default_context()
            return HTTPSConnection(self._host, self._port, timeout=timeout, context=context)
        return HTTPConnection(self._host, self._port, timeout=timeout)

    def read(self, connection: HTTPConnection, opened: Callable[[], object]) -> dict[str, Key]:
        """The usable keys behind this address, at least one; `opened` is called as soon as there is a socket.
        Raises FetchError."""
        try:
            connection.connect()
            opened()
            headers = {"Accept": "application/json", "Accept-Encoding": "identity", "Connection": "close"}
            connection.request("GET", self._target, headers=headers)
            response = connection.getresponse()
            if response.status != 200:  # a redirect is a refusal like any other
                raise FetchError("status")
            body = response.read(MAX_BODY + 1)
        except TimeoutError as problem:
            raise FetchError("slow") from problem
        except ssl.SSLError as problem:
            raise FetchError("tls") from problem
        except (OSError, HTTPException, ValueError) as problem:
            raise FetchError("unreachable") from problem
        if len(body) > MAX_BODY:
            raise FetchError("too_large")
        try:
            keys = keys_of_jwks(json_object(body))
        except Malformed as problem:
            raise FetchError("not_keys") from problem
        if not keys:
            raise FetchError("not_keys")
        return keys


class Attempt:
    """One look, made in a thread of its own so that whoever waits can stop waiting.

    The limits of a socket are for each of its steps, and a server can take many small ones. Nothing depends on the
    thread: an environment may be frozen in the middle of it, and what it was looking for is then looked for again.
    """

    def __init__(self, address: Address, timeout: float, found: Callable[[Attempt], None]) -> None:
        """`found` is called in the thread, once there are keys. Raises FetchError where no thread can be had."""
        self.keys: dict[str, Key] = {}
        self.failure = ""
        self._found = found
        self._address = address
        self._timeout = timeout
        self._began = time.monotonic()
        self._done = threading.Event()
        self._connection = address.connect(timeout)
        self._socket: socket.socket | None = None
        try:
            threading.Thread(target=self._run, name="policyengine-keys", daemon=True).start()
        except RuntimeError as problem:
            raise FetchError("no_thread") from problem

    def _run(self) -> None:
        try:
            self.keys = self._address.read(self._connection, self._opened)
            self._found(self)
        except FetchError as failure:
            self.failure = str(failure)
        except Exception:  # a defect must not end in a trace on somebody's standard error
            self.failure = "fault"
        finally:
            self._done.set()
            self._connection.close()

    def _opened(self) -> None:
        self._socket = self._connection.sock  # the connection forgets it before the answer is read

    def wait(self, limit: float) -> bool:
        """Waits until it is over, `limit` seconds at most, and says whether it is."""
        return self._done.wait(limit)

    @property
    def over(self) -> bool:
        """Whether there is nothing more to expect of it."""
        return self._done.is_set() or time.monotonic() - self._began >= self._timeout

    def abandon(self) -> None:
        """Ends the connection under a thread that still reads from it."""
        if self._socket is not None and not self._done.is_set():
            with suppress(OSError):  # it is closed already
                self._socket.shutdown(socket.SHUT_RDWR)
