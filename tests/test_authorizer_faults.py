"""What goes wrong around the authorizer: the decision that comes of it, and the record that it leaves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from policyengine.runtime.authorizer import authorizer_from_environment
from policyengine.runtime.authorizer.environment import options_from_environment
from policyengine.runtime.tokens import Endpoint, SettingsError, Verifier
from tests import tokens
from tests.appsync import MEMBER, Stage, bundle, event
from tests.loopback import Issuer, body, issuer

LASTING = {**MEMBER, "exp": tokens.NOW + 10**6}
OK = "{ viewer { id } }"
TIMEOUT = 0.5
"""Seconds that a look at the keys may take in these tests."""


@pytest.fixture(scope="module")
def built(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return bundle(studio.program, tmp_path_factory.mktemp("faults"), "studio_with_faults")


@pytest.fixture
def server() -> Iterator[Issuer]:
    with issuer(body(tokens.jwks())) as made:
        yield made


def stage(built: Any, server: Issuer) -> Stage:
    made = Stage(built)
    keys = Endpoint(f"{server.url}/keys", lifetime=300, stale=3600, timeout=TIMEOUT)
    made.authorizer.verifier = Verifier(tokens.settings(max_lifetime=None), keys)
    return made


def down(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def slow(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3 * TIMEOUT)
    body(tokens.jwks())(request)


ANSWERS: dict[str, tuple[Callable[[BaseHTTPRequestHandler], None], str]] = {
    "down": (down, "unreachable"),
    "slow": (slow, "slow"),
    "garbage": (body(b"<html>503</html>"), "not_keys"),
    "an error": (body(tokens.jwks(), status=500), "status"),
    "a redirect": (body(tokens.jwks(), status=302, Location="http://127.0.0.1:1/"), "status"),
    "a huge body": (body(b"{" + b" " * 10**6 + b"}"), "too_large"),
    "no key": (body({"keys": []}), "not_keys"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_without_keys_from_the_start_every_request_is_refused(built: Any, server: Issuer, name: str) -> None:
    server.answer, failure = ANSWERS[name]
    made = stage(built, server)
    assert made.ask(OK, claims=LASTING) == {"isAuthorized": False, "ttlOverride": 0}
    record = made.records[-1]
    assert (record["reason"], record["keys_age"], record["keys_failures"]) == ("token:keys_unavailable", None, 1)
    assert record["keys_failure"] in (failure, "unreachable" if name == "slow" else failure)  # or cut off by then
    assert "principal" not in record


@pytest.mark.parametrize("name", ["down", "garbage", "a huge body"])
def test_keys_that_were_fetched_count_for_a_while(built: Any, server: Issuer, name: str) -> None:
    made = stage(built, server)
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    server.answer, _ = ANSWERS[name]
    made.now += 3600
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    assert (made.records[-1]["keys_age"], made.records[-1]["keys_failures"]) == (3600, 1)
    made.now += 301
    assert not made.ask(OK, claims=LASTING)["isAuthorized"]
    assert made.reason == "token:keys_unavailable"
    server.answer = body(tokens.jwks())
    made.now += 60
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    assert made.records[-1]["keys_age"] == 0
    assert "keys_failures" not in made.records[-1]


def test_rotated_keys_are_found_and_the_old_ones_forgotten(built: Any, server: Issuer) -> None:
    made = stage(built, server)
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    server.answer = body(tokens.jwks("k2"))
    made.now += 40
    renewed = event(OK)
    renewed["authorizationToken"] = tokens.sign({**tokens.HEADER, "kid": "k2"}, LASTING, key="k2")
    assert made.handle(renewed)["isAuthorized"]
    assert not made.ask(OK, claims=LASTING)["isAuthorized"]
    assert made.reason == "token:key_unknown"


def test_a_thread_that_stops_between_two_requests_is_not_waited_for(built: Any, server: Issuer) -> None:
    """As where an environment is frozen in the middle of a look."""
    made = stage(built, server)
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    server.answer = slow
    made.now += 260  # time to look ahead
    began = time.monotonic()
    assert made.ask(OK, claims=LASTING)["isAuthorized"]
    assert time.monotonic() - began < TIMEOUT
    server.answer = body(tokens.jwks())
    made.now += 290
    assert made.ask(OK, claims=LASTING)["isAuthorized"]


@pytest.mark.parametrize(
    ("ahead", "reason"), [(-11, ""), (-16, "token:not_yet_valid"), (54, ""), (56, "token:expired")]
)
def test_a_clock_may_be_wrong_by_the_skew(built: Any, ahead: int, reason: str) -> None:
    made = Stage(built)
    made.now += ahead
    made.ask(OK, claims={**MEMBER, "nbf": tokens.NOW - 10})
    assert made.reason == reason


def test_each_start_of_an_environment_is_told_once(built: Any) -> None:
    made = Stage(built)
    for given in (event(OK), None, event(OK)):
        made.handle(given)
    assert [record["start"] for record in made.records] == ["cold", "warm", "warm"]


# ---- Settings

GOOD = {
    "POLICYENGINE_TOKEN": json.dumps({"issuer": tokens.ISSUER, "azp": [tokens.ORIGIN]}),
    "POLICYENGINE_KEYS": json.dumps({"jwks": tokens.jwks()}),
}


def answers(built: Any, environ: dict[str, str], capsys: Any) -> tuple[Any, list[dict[str, Any]]]:
    handler = authorizer_from_environment(built[0], built[1], environ)
    given = event(OK)
    now = int(time.time())
    given["authorizationToken"] = tokens.token({**MEMBER, "iat": now - 5, "nbf": now - 5, "exp": now + 50})
    answer = handler(given, None)
    return answer, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_environment_is_all_that_a_function_needs(built: Any, capsys: Any) -> None:
    answer, records = answers(built, GOOD, capsys)
    assert answer["isAuthorized"]
    assert [record["decision"] for record in records] == ["allow"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLICYENGINE_TOKEN", "{}"),
        ("POLICYENGINE_TOKEN", '{"issuer": "https://x", "asp": []}'),
        ("POLICYENGINE_KEYS", "secret"),
        ("POLICYENGINE_TTL", "300s"),
        ("POLICYENGINE_TTL", "-1"),
        ("POLICYENGINE_TTL", "3601"),
        ("POLICYENGINE_INTROSPECTION", "yes"),
        ("POLICYENGINE_LIMITS", '{"deep": 3}'),
        ("POLICYENGINE_LIMITS", '{"depth": 0}'),
        ("POLICYENGINE_LIMITS", '{"depth": true}'),
        ("POLICYENGINE_LIMITS", "secret"),
        ("POLICYENGINE_LIMITS", "[]"),
        ("POLICYENGINE_BLOCKED_SUBJECTS", '["secret"]'),
    ],
)
def test_a_wrong_setting_refuses_every_request_and_is_named_once(
    built: Any, capsys: Any, name: str, value: str
) -> None:
    answer, (first, second) = answers(built, {**GOOD, name: value}, capsys)
    assert answer == {"isAuthorized": False, "ttlOverride": 0}
    assert list(first) == ["settings"]
    assert second["reason"] == "settings"
    assert "secret" not in json.dumps([first, second])
    if name != "POLICYENGINE_TOKEN":
        assert name in first["settings"]


def test_a_bundle_that_cannot_be_loaded_refuses_every_request(built: Any, capsys: Any) -> None:
    answer, (first, second) = answers((built[0], object()), GOOD, capsys)
    assert not answer["isAuthorized"]
    assert (first["settings"], second["reason"]) == ("the bundle cannot be loaded", "settings")


def test_limits_may_be_set_one_by_one() -> None:
    assert options_from_environment({"POLICYENGINE_LIMITS": '{"depth": 3}'}).limits == (32_768, 3, 64, 512)
    with pytest.raises(SettingsError):
        options_from_environment({"POLICYENGINE_LIMITS": '{"depth": 3.0}'})


def test_the_runtime_says_nothing_on_standard_error(built: Any, capsys: Any) -> None:
    for environ in (GOOD, {}):
        handler = authorizer_from_environment(built[0], built[1], environ)
        for given in (None, event(OK), event("{")):
            handler(given, None)
    assert capsys.readouterr().err == ""


def test_where_settings_are_wrong_and_nothing_can_be_written_nothing_is_raised(
    built: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> int:
        raise OSError("no space left")

    monkeypatch.setattr("sys.stdout.write", fail)
    handler = authorizer_from_environment(built[0], built[1], {})
    assert handler(event(OK), None) == {"isAuthorized": False, "ttlOverride": 0}


def test_nothing_outside_the_bundle_is_read() -> None:
    """No file, no process, no address but the configured one."""
    folder = Path(__file__).resolve().parent.parent / "policyengine/runtime/authorizer"
    words = ("open(", "subprocess", "os.environ", "urlopen", "socket")
    assert not [file for file in folder.glob("*.py") for word in words if word in file.read_text("utf-8")]
