"""The verifier that an authorizer holds: what it remembers, and what switches it off
(docs/aws-authorizer-tokens.md, Verified tokens and Kill switches)."""

from __future__ import annotations

import ast
import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from policyengine.runtime.tokens import (
    PinnedSet,
    Rejected,
    SettingsError,
    Switches,
    Verified,
    Verifier,
    switches_from_environment,
    verifier_from_environment,
)
from policyengine.runtime.tokens import verifier as module
from policyengine.runtime.tokens import verify as verify_once
from policyengine.runtime.tokens.switches import NONE
from tests.loopback import body, issuer
from tests.tokens import HEADER, ISSUER, NOW, SETTINGS, TEMPLATE, V2, jwks, pem, pinned, settings, sign, token


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that were verified from the beginning."""
    seen: list[str] = []

    def watched(value: str, *given: Any, **named: Any) -> Any:
        seen.append(value)
        return verify_once(value, *given, **named)

    monkeypatch.setattr(module, "verify", watched)
    return seen


def verifier(switches: Switches = NONE, **changed: Any) -> Verifier:
    return Verifier(settings(**changed), pinned(), switches)


def test_a_verified_token_is_remembered_until_it_ends(looks: list[str]) -> None:
    one, value = verifier(), token(V2)
    first = one.verify(value, NOW)
    assert isinstance(first, Verified)
    assert one.verify("Bearer " + value, V2["exp"] + 4) is first
    assert looks == [value]
    assert one.verify(value, V2["exp"] + 5) == "expired"
    assert one.verify(value, V2["nbf"] - 6) == "not_yet_valid"
    assert one.verify(value, V2["iat"] - 6) == "issued_ahead"
    assert one.verify(value, NOW) == first


def test_the_exact_token_is_remembered_and_no_other(looks: list[str]) -> None:
    one, value = verifier(), token(V2)
    assert one.verify(value, NOW)
    for other in (value[:-1], value + "=", value[:-1] + "!", value.swapcase(), " " + value, value + "\n"):
        assert not one.verify(other, NOW)
    assert len(looks) == 7


def test_refusals_are_not_remembered(looks: list[str]) -> None:
    one, value = verifier(), token(V2, nbf=NOW + 10)
    assert one.verify(value, NOW) == "not_yet_valid"
    assert isinstance(one.verify(value, NOW + 5), Verified)
    for _ in range(3):
        assert one.verify("a.b.c", NOW) == "encoding"
    assert len(looks) == 5


def test_what_one_configuration_remembers_is_nothing_to_another() -> None:
    value = token(V2)
    assert verifier().verify(value, NOW)
    assert verifier(roles=["member"]).verify(value, NOW) == "role"
    assert verifier(issuer="https://other.example").verify(value, NOW) == "issuer"


def test_the_memory_is_bounded(looks: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIZE", 3)
    one = verifier()
    values = [token(V2, jti=str(number)) for number in range(4)]
    for value in [*values, values[0], values[3]]:
        assert one.verify(value, NOW)
    assert looks == [*values, values[0]], "the one that was looked at longest ago goes first"


def test_nothing_long_is_hashed_or_kept(looks: list[str]) -> None:
    assert verifier().verify("x" * 10**6, NOW) == "size"
    assert verifier().verify("Bearer " * 300, NOW) == "size"
    assert verifier().verify("é", NOW) == "form"
    assert verifier().verify("\ud800.\udfff.x", NOW) == "encoding"


def test_threads_share_a_verifier() -> None:
    one = verifier()
    values = [token(V2, jti=str(number)) for number in range(6)]
    found: list[Any] = []

    def ask() -> None:
        found.extend(one.verify(value, NOW) for value in values * 50)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * 300
    assert all(isinstance(token, Verified) for token in found)


def test_a_defect_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verifier().verify(None, NOW) == "fault"  # type: ignore[arg-type]


# ---- Kill switches


@pytest.mark.parametrize(
    "text, on", [("", False), ("off", False), (" OFF ", False), ("on", True), ("1", True), ("0", True), ("no", True)]
)
@pytest.mark.parametrize(
    "name, field", [("POLICYENGINE_DENY_ALL", "deny_all"), ("POLICYENGINE_READ_ONLY", "read_only")]
)
def test_a_switch_is_on_unless_it_says_off(name: str, field: str, text: str, on: bool) -> None:
    assert getattr(switches_from_environment({name: text}), field) is on


def test_without_variables_nothing_is_switched() -> None:
    assert switches_from_environment({}) == Switches()


def test_deny_all_looks_at_no_token(looks: list[str]) -> None:
    assert verifier(Switches(deny_all=True)).verify(token(V2), NOW) == "deny_all"
    assert not looks


BLOCKED = [
    ("POLICYENGINE_BLOCKED_SUBJECTS", "user_0, user_1,", V2, "blocked"),
    ("POLICYENGINE_BLOCKED_SUBJECTS", "user_10", V2, "ok"),
    ("POLICYENGINE_BLOCKED_SUBJECTS", "user_9", {**V2, "act": {"sub": "user_9"}}, "blocked"),
    ("POLICYENGINE_BLOCKED_SESSIONS", "sess_0\nsess_1", V2, "blocked"),
    ("POLICYENGINE_BLOCKED_SESSIONS", "user_1", V2, "ok"),
    ("POLICYENGINE_BLOCKED_SESSIONS", "", V2, "ok"),
    ("POLICYENGINE_BLOCKED_ORGANIZATIONS", "org_1", V2, "blocked"),
    ("POLICYENGINE_BLOCKED_ORGANIZATIONS", "ORG_1", V2, "ok"),
]


@pytest.mark.parametrize("name, text, claims, expected", BLOCKED)
def test_who_is_blocked_is_refused_though_the_token_is_good(name: str, text: str, claims: Any, expected: str) -> None:
    one = verifier(switches_from_environment({name: text}), act="allow")
    for _ in range(2):  # from the memory as well
        found = one.verify(token(claims), NOW)
        assert (str(found) if isinstance(found, Rejected) else "ok") == expected


def test_a_token_without_a_session_is_not_blocked_by_one() -> None:
    one = verifier(
        switches_from_environment({"POLICYENGINE_BLOCKED_SESSIONS": "sess_1"}), kind="template", audience="studio-aws"
    )
    assert one.verify(token(TEMPLATE), NOW)


@pytest.mark.parametrize("text", ['["user_1"]', "'user_1'", "user_1;user_2", "user_*", "{user_1}"])
def test_a_list_that_would_block_nobody_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        switches_from_environment({"POLICYENGINE_BLOCKED_SUBJECTS": text})


# ---- From the environment


def environ(**more: Any) -> dict[str, str]:
    """The variables, with those of `more` beside `POLICYENGINE_TOKEN`, written as JSON unless they are texts."""
    written = {name: text if isinstance(text, str) else json.dumps(text) for name, text in more.items()}
    return {"POLICYENGINE_TOKEN": json.dumps(SETTINGS), **written}


@pytest.mark.parametrize("keys", [{"pem": pem()}, {"jwks": jwks()}])
def test_pinned_keys_need_no_network(keys: Any) -> None:
    one = verifier_from_environment(environ(POLICYENGINE_KEYS=keys))
    assert one.verify(token(V2), NOW)
    assert one.verify(sign(HEADER, V2, key="k2"), NOW) == "signature"


def test_keys_come_from_the_issuers_own_address_unless_another_is_named() -> None:
    with issuer(body(jwks())) as server:
        own = environ() | {"POLICYENGINE_TOKEN": json.dumps({**SETTINGS, "issuer": server.url})}
        assert verifier_from_environment(own).verify(token(V2, iss=server.url), NOW)
        assert (
            verifier_from_environment({**own, "POLICYENGINE_KEYS": '{"timeout": 1}'}).verify(token(V2), NOW) == "issuer"
        )
        assert server.asked == ["/.well-known/jwks.json"] * 2
        named = {"url": server.url + "/k", "lifetime": 60, "stale": 0, "timeout": 1}
        assert verifier_from_environment(environ(POLICYENGINE_KEYS=named)).verify(token(V2), NOW)
        assert server.asked[2:] == ["/k"]


@pytest.mark.parametrize(
    "keys",
    [
        "",
        "[]",
        '{"pem": "x"}',
        {"pem": pem(), "url": ISSUER},
        {"jwks": jwks(), "pem": pem()},
        {"jwks": []},
        {"url": "http://clerk.studio.example"},
        {"url": 7},
        {"timeout": 0},
        {"timeout": 6},
        {"lifetime": 0},
        {"stale": -1},
        {"stale": "60"},
        {"lifetme": 60},
    ],
)
def test_keys_that_are_not_understood_are_refused(keys: Any) -> None:
    with pytest.raises(SettingsError, match="POLICYENGINE_KEYS"):
        verifier_from_environment(environ(POLICYENGINE_KEYS=keys))


def test_permissions_are_read_where_they_are_wanted() -> None:
    o = {**V2["o"], "per": "read", "fpm": "1"}
    keys = PinnedSet(jwks())
    for wanted in (True, False):
        found = Verifier(settings(), keys, permissions=wanted).verify(token(V2, fea="o:teams", o=o), NOW)
        assert isinstance(found, Verified)
        assert found.permissions == ({"org:teams:read"} if wanted else set())


def test_the_folder_stands_alone() -> None:
    """A bundle carries it as it is: of other packages it needs PyJWT and cachetools, and nothing of this one."""
    folder = Path(module.__file__).parent
    needed: set[str] = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                needed |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                needed.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1, f"{file.name}: {node.module}"
    assert needed - sys.stdlib_module_names == {"jwt", "cachetools"}
