"""`policyengine token`: one line in, one line out, whatever the line holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from policyengine.model.claims import CLAIMS, claims_of
from policyengine.runtime.tokens import STANDARD, Verified, parse_settings, principal_of, verify, wants_permissions
from tests.tokens import NOW, SETTINGS, V1, V2, jwks, pinned, token

PRINCIPAL = {"principal": {"id": "user_1", "orgId": "org_1", "orgRole": "admin"}}


def run(
    folder: Path, given: bytes, *more: str, settings: Any = SETTINGS, keys: Any = None
) -> tuple[int, list[Any], str]:
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "jwks.json").write_text(json.dumps(keys or jwks()))
    command = [sys.executable, "-m", "policyengine", "token", "--settings", "settings.json", "--jwks", "jwks.json"]
    done = subprocess.run([*command, *more], cwd=folder, input=given, capture_output=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def test_every_line_is_answered_in_order(tmp_path: Path) -> None:
    lines = [
        (token(V2).encode(), PRINCIPAL),
        (b"", {"rejected": "form"}),
        (b"Bearer " + token(V1).encode(), PRINCIPAL),
        (token().encode() + b"\r", {"rejected": "encoding"}),
        (b" " + token().encode(), {"rejected": "encoding"}),
        (b"\xff\xfe.\x00.\x85", {"rejected": "encoding"}),
        (b"x" * 5000, {"rejected": "size"}),
        (token(V2, exp=NOW - 5).encode(), {"rejected": "expired"}),
        (token(V2).encode(), PRINCIPAL),
    ]
    code, answers, errors = run(tmp_path, b"\n".join(line for line, _ in lines), "--now", str(NOW))
    assert (code, errors) == (0, "")
    assert answers == [answer for _, answer in lines]


def test_the_last_line_needs_no_end_and_an_end_makes_no_line(tmp_path: Path) -> None:
    good = token().encode()
    assert run(tmp_path, good + b"\n", "--now", str(NOW))[1] == [PRINCIPAL]
    assert run(tmp_path, b"\n\n", "--now", f"{NOW}.5")[1] == [{"rejected": "form"}] * 2
    assert run(tmp_path, b"")[:2] == (0, [])


def test_without_now_the_clock_counts(tmp_path: Path) -> None:
    assert run(tmp_path, token(V2, exp=1, iat=0).encode())[1] == [{"rejected": "expired"}]


@pytest.mark.parametrize(
    "settings, keys, now",
    [
        ({**SETTINGS, "azp_abcent": "deny"}, None, "1"),
        (SETTINGS, {"kids": []}, "1"),
        (SETTINGS, None, "nan"),
        ([], None, "1"),
    ],
)
def test_misuse_is_one_line_and_no_answer(tmp_path: Path, settings: Any, keys: Any, now: str) -> None:
    code, answers, errors = run(tmp_path, token().encode(), "--now", now, settings=settings, keys=keys)
    assert (code, answers) == (2, [])
    assert len(errors.splitlines()) == 1


def test_a_set_without_a_usable_key_verifies_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, token().encode(), "--now", str(NOW), keys={"keys": []})[1] == [{"rejected": "key_unknown"}]


SCHEMA = """
tenant Team by team
enum Role { member < chief }
principal Person {
  who: Id as identity from claim sub,
  team: Id of Team from claim org_id,
  reports: Bool from permission "org:reports:read",
  role: Role as role from claim org_role,
}
"""


def with_schema(folder: Path, text: str, claims: Any) -> tuple[int, list[Any], str]:
    (folder / "my.schema").write_text(text)
    changed = {**SETTINGS, "roles": ["member", "admin", "chief"]}
    return run(folder, token(claims).encode(), "--now", str(NOW), "--schemas", "my.schema", settings=changed)


def test_a_schema_says_which_attribute_comes_from_which_claim(tmp_path: Path) -> None:
    o = {"id": "org_7", "rol": "chief", "per": "write,read", "fpm": "2"}
    principal = {"who": "user_1", "team": "org_7", "reports": True, "role": "chief"}
    assert with_schema(tmp_path, SCHEMA, {**V2, "fea": "o:reports", "o": o}) == (0, [{"principal": principal}], "")


def test_a_role_that_the_schema_does_not_have_is_refused(tmp_path: Path) -> None:
    assert with_schema(tmp_path, SCHEMA, V1) == (0, [{"rejected": "role"}], "")
    without = SCHEMA.replace("role: Role as role from claim org_role,", "")
    assert with_schema(tmp_path, without, V1)[1] == [
        {"principal": {"who": "user_1", "team": "org_1", "reports": False}}
    ]


def test_a_schema_without_claims_makes_no_principal(tmp_path: Path) -> None:
    silent = "tenant Team by team\nprincipal Person { who: Id as identity, team: Id of Team }\n"
    assert with_schema(tmp_path, silent, V1)[:2] == (2, [])
    assert with_schema(tmp_path, "tenant Team by", V1)[:2] == (1, [])
    assert run(tmp_path, b"", "--schemas", "nowhere")[0] == 2


def test_the_names_of_claims_are_the_verifiers() -> None:
    known = token(V2)
    found = verify(known, parse_settings(SETTINGS), pinned(), NOW)
    assert isinstance(found, Verified)
    assert set(principal_of(found, tuple((name, name) for name in CLAIMS))) == CLAIMS.keys()
    assert wants_permissions((("a", "org:teams:read"),))
    assert not wants_permissions(tuple((name, name) for name in CLAIMS))


def test_studios_schema_maps_what_is_mapped_where_there_is_no_schema(studio: Any) -> None:
    assert claims_of(studio.program.schema.principal) == STANDARD
