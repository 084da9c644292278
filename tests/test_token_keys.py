"""Keys from the issuer's endpoint: kept, renewed, and what happens where the endpoint fails
(docs/aws-authorizer-tokens.md, Keys)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from policyengine.runtime.tokens import Endpoint, Malformed, Rejected, Verified, Verifier, verify
from policyengine.runtime.tokens.endpoint import PAUSE, RETRY
from policyengine.runtime.tokens.fetching import MAX_BODY
from tests.loopback import Issuer, body, issuer
from tests.tokens import HEADER, NOW, V2, jwk, jwks, settings, sign, token

LIFETIME, STALE = 300, 3600
LONG = {"max_lifetime": None}


@pytest.fixture
def server() -> Iterator[Issuer]:
    with issuer(body(jwks())) as made:
        yield made


def endpoint(server: Issuer, timeout: float = 2) -> Endpoint:
    return Endpoint(f"{server.url}/keys?of=1", lifetime=LIFETIME, stale=STALE, timeout=timeout)


def said(keys: Endpoint, now: float, value: str = "") -> str:
    """`ok`, or why not. The token's own times never stand in the way."""
    found = verify(value or LASTING, settings(**LONG), keys, now)
    return str(found) if isinstance(found, Rejected) else "ok"


LASTING = token(V2, exp=NOW + 10**6)
OTHER_KEY = sign({**HEADER, "kid": "k2"}, {**V2, "exp": NOW + 10**6}, key="k2")


def down(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def test_keys_are_fetched_once_and_kept(server: Issuer) -> None:
    keys = endpoint(server)
    assert [said(keys, NOW + second) for second in (0, 1, 100, 0.8 * LIFETIME - 1)] == ["ok"] * 4
    assert server.asked == ["/keys?of=1"]
    assert keys.health(NOW + 7) == (7, 0, "")


def test_keys_are_renewed_ahead_of_their_end(server: Issuer) -> None:
    keys = endpoint(server)
    for second in (0, 0.8 * LIFETIME, 0.8 * LIFETIME + 1, 1.6 * LIFETIME - 1):
        assert said(keys, NOW + second) == "ok"
    assert len(server.asked) == 2
    assert keys.health(NOW + 0.8 * LIFETIME).age == 0


def test_an_unknown_key_is_looked_for_once_in_a_while(server: Issuer) -> None:
    keys = endpoint(server)
    assert said(keys, NOW) == "ok"
    server.answer = body(jwks("k1", "k2"))
    assert said(keys, NOW + PAUSE - 1, OTHER_KEY) == "key_unknown"
    assert said(keys, NOW + PAUSE, OTHER_KEY) == "ok"
    assert said(keys, NOW + PAUSE) == "ok"
    for attempt in range(50):
        assert said(keys, NOW + PAUSE + 1, sign({**HEADER, "kid": f"made up {attempt}"}, V2)) == "key_unknown"
    assert len(server.asked) == 2


def test_a_key_that_was_taken_away_ends_the_tokens_that_it_signed(server: Issuer) -> None:
    verifier = Verifier(settings(**LONG), endpoint(server))
    assert isinstance(verifier.verify(LASTING, NOW), Verified)
    server.answer = body(jwks("k2"))
    assert isinstance(verifier.verify(LASTING, NOW + 1), Verified)
    assert verifier.verify(LASTING, NOW + LIFETIME) == "key_unknown"
    assert isinstance(verifier.verify(OTHER_KEY, NOW + LIFETIME), Verified)


def test_a_key_that_was_replaced_under_its_id_ends_them_too(server: Issuer) -> None:
    verifier = Verifier(settings(**LONG), endpoint(server))
    assert isinstance(verifier.verify(LASTING, NOW), Verified)
    server.answer = body({"keys": [jwk("k2", kid="k1")]})
    assert verifier.verify(LASTING, NOW + LIFETIME) == "signature"


def redirect(request: BaseHTTPRequestHandler) -> None:
    if request.path == "/elsewhere":
        body(jwks())(request)
    else:
        body(b"", 302, Location="/elsewhere")(request)


def no_http(request: BaseHTTPRequestHandler) -> None:
    request.wfile.write(bytes(99))
    request.close_connection = True


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(2 * MAX_BODY // 1024):
        request.wfile.write(b" " * 1024)


FAULTS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "down": (down, "unreachable"),
    "an error": (body(jwks(), 500), "status"),
    "not found": (body(jwks(), 404), "status"),
    "no content": (body(b"", 204), "status"),
    "a redirect": (redirect, "status"),
    "garbage": (body(b"<html>"), "not_keys"),
    "nothing": (body(b""), "not_keys"),
    "bytes": (body(bytes(range(256))), "not_keys"),
    "a repeated name": (body(json.dumps(jwks()).encode()[:-1] + b', "keys": []}'), "not_keys"),
    "no keys": (body({"keys": []}), "not_keys"),
    "no usable keys": (body({"keys": [jwk("k1", alg="HS256")]}), "not_keys"),
    "a deep body": (body(b"[" * 60_000), "not_keys"),
    "a huge body": (body(json.dumps(jwks()).encode() + b" " * MAX_BODY), "too_large"),
    "an endless body": (endless, "too_large"),
    "half a body": (body(json.dumps(jwks()).encode()[:300]), "not_keys"),
    "no HTTP": (no_http, "unreachable"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_keys_a_fault_denies_and_is_named(server: Issuer, fault: str) -> None:
    server.answer, word = FAULTS[fault]
    keys = endpoint(server)
    assert said(keys, NOW) == "keys_unavailable"
    assert keys.health(NOW) == (None, 1, word)
    assert len(server.asked) == 1
    assert said(keys, NOW + RETRY - 1) == "keys_unavailable"
    assert len(server.asked) == 1, "not at every request"
    server.answer = body(jwks())
    assert said(keys, NOW + RETRY) == "ok"
    assert keys.health(NOW + RETRY) == (0, 0, "")


@pytest.mark.parametrize("fault", FAULTS)
def test_with_keys_a_fault_is_borne_for_a_while(server: Issuer, fault: str) -> None:
    keys = endpoint(server)
    assert said(keys, NOW) == "ok"
    server.answer, word = FAULTS[fault]
    for second in (0.8 * LIFETIME, LIFETIME, LIFETIME + STALE - 1):
        assert said(keys, NOW + second) == "ok"
    assert keys.health(NOW + LIFETIME)[0] == LIFETIME
    assert keys.health(NOW + LIFETIME)[2] == word
    assert keys.health(NOW + LIFETIME).failures >= 2
    assert said(keys, NOW + LIFETIME + STALE) == "keys_unavailable"
    server.answer = body(jwks())
    assert said(keys, NOW + LIFETIME + STALE + RETRY) == "ok"


def test_a_verified_token_does_not_outlive_the_keys(server: Issuer) -> None:
    verifier = Verifier(settings(**LONG), endpoint(server))
    assert isinstance(verifier.verify(LASTING, NOW), Verified)
    server.answer = down
    assert isinstance(verifier.verify(LASTING, NOW + LIFETIME), Verified)
    assert verifier.verify(LASTING, NOW + LIFETIME + STALE) == "keys_unavailable"


def hanging(until: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        until.wait(10)
        body(jwks())(request)

    return answer


def dripping(until: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """No step of it is slow, and all of it takes for ever."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not until.wait(0.01):
            request.wfile.write(b" ")

    return answer


@pytest.mark.parametrize("slow", [hanging, dripping])
def test_a_slow_endpoint_costs_no_more_than_the_limit(server: Issuer, slow: Any) -> None:
    until = threading.Event()
    server.answer = slow(until)
    keys = endpoint(server, timeout=0.2)
    began = time.monotonic()
    assert said(keys, NOW) == "keys_unavailable"
    assert time.monotonic() - began < 5
    assert keys.health(NOW).failures == 1
    assert keys.health(NOW).failure in ("slow", "unreachable", "not_keys")
    _threads_end()
    until.set()
    server.answer = body(jwks())
    assert said(keys, NOW + RETRY) == "ok"


def _threads_end() -> None:
    """No look is left behind, whatever the server does."""
    for _ in range(300):
        if not [thread for thread in threading.enumerate() if thread.name == "policyengine-keys"]:
            return
        time.sleep(0.01)
    raise AssertionError("a thread still reads")


def test_renewing_ahead_waits_for_a_part_of_the_limit_only(server: Issuer) -> None:
    keys = endpoint(server, timeout=4)
    assert said(keys, NOW) == "ok"
    until = threading.Event()
    server.answer = hanging(until)
    began = time.monotonic()
    assert said(keys, NOW + 0.8 * LIFETIME) == "ok"
    assert 0.9 < time.monotonic() - began < 3
    began = time.monotonic()
    assert said(keys, NOW + 0.9 * LIFETIME) == "ok", "and nobody waits for the one in flight"
    assert time.monotonic() - began < 0.9
    assert len(server.asked) == 2
    until.set()
    _threads_end()
    assert keys.health(NOW + 0.9 * LIFETIME).age == pytest.approx(0.1 * LIFETIME), "what came late is taken"


def test_one_look_is_in_flight_and_all_who_have_no_keys_wait_for_it(server: Issuer) -> None:
    until = threading.Event()
    server.answer = hanging(until)
    keys = endpoint(server, timeout=5)
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(said(keys, NOW))) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    until.set()
    for thread in threads:
        thread.join()
    assert answers == ["ok"] * 8
    assert len(server.asked) == 1


def test_a_look_that_was_frozen_with_its_environment_stands_in_nobodys_way(
    server: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two invocations nothing runs: a thread may stop for good, with its look half done."""
    from policyengine.runtime.tokens.fetching import Attempt

    run, thawed = Attempt._run, threading.Event()

    def frozen(self: Attempt) -> None:
        thawed.wait(10)
        run(self)

    monkeypatch.setattr(Attempt, "_run", frozen)
    keys = endpoint(server, timeout=1)
    assert said(keys, NOW) == "keys_unavailable"
    monkeypatch.setattr(Attempt, "_run", run)
    server.answer = body(jwks("k1", "k2"))
    assert said(keys, NOW + RETRY) == "ok"
    server.answer = body(jwks("k1"))
    thawed.set()
    _threads_end()
    assert said(keys, NOW + RETRY, OTHER_KEY) == "ok", "a look that began earlier replaces none that began later"


def test_no_thread_to_be_had_is_a_failure_like_another(server: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    keys = endpoint(server)
    with monkeypatch.context() as changed:
        changed.setattr(threading.Thread, "start", refuse)
        assert said(keys, NOW) == "keys_unavailable"
        assert keys.health(NOW) == (None, 1, "no_thread")
    assert said(keys, NOW + RETRY) == "ok"


@pytest.mark.parametrize("leap", [-(10**6), -1000, 1000, 10**6])
def test_a_clock_that_leaps_makes_the_keys_old(server: Issuer, leap: int) -> None:
    keys = endpoint(server)
    assert said(keys, NOW) == "ok"
    server.answer = down
    lasting = token(V2, exp=NOW + 10**9, iat=NOW - 10**9, nbf=NOW - 10**9)
    assert said(keys, NOW + leap, lasting) == ("ok" if abs(leap) < LIFETIME + STALE else "keys_unavailable")
    server.answer = body(jwks())
    assert said(keys, NOW + leap + PAUSE, lasting) == "ok"
    assert keys.health(NOW + leap + PAUSE).age == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://clerk.studio.example/keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1/keys",
        "https://",
        "https://user:word@clerk.studio.example/keys",
        "https://clerk.studio.example@evil.example/keys",
        "https://clerk.studio.example/keys#part",
        "https://clerk.studio.example:port/keys",
        "https://clerk.studio.example/keys\r\nX: y",
        "https://clérk.example/keys",
        "clerk.studio.example/keys",
        "",
    ],
)
def test_only_https_is_an_address(url: str) -> None:
    with pytest.raises(Malformed):
        Endpoint(url)


def test_a_certificate_that_nobody_vouches_for_is_a_failure() -> None:
    """The loopback server speaks no TLS: asked over https it is not believed."""
    with issuer(body(jwks())) as server:
        keys = Endpoint(server.url.replace("http://", "https://"))
        assert said(keys, NOW) == "keys_unavailable"
        assert keys.health(NOW).failure == "tls"
