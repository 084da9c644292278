"""How long a revoked session is honoured: each sum by hand (docs/aws-authorizer-tokens.md, After a revocation)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policyengine.backends.aws.revocation import Session, spoken, survivals
from policyengine.cli import main
from policyengine.ir.nodes import Api, Field, Program
from tests.tokens import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
SESSION = Session(life=60, skew=5, kept=0, template_life=60)
SUBSCRIPTION = Api(fields=(Field("Subscription", "changed", "read", ("Host",)),))


@pytest.fixture
def program(studio: Any) -> Program:
    whole: Program = studio.program
    return replace(whole, api=SUBSCRIPTION)


def seconds(program: Program, session: Session) -> dict[str, float | None]:
    return {one.layer: one.seconds for one in survivals(program, session)}


def test_each_layer_of_studio(program: Program) -> None:
    assert seconds(program, SESSION) == {
        "session token": 65,
        "authorizer's answer": 0,
        "live subscription": 65 + 24 * 3600,
        "presigned URL": 65 + 300,
        "AWS credentials": 60 + 300 + 3600,
        "plaintext data key": 60 + 300 + 3600 + 12 * 3600,
        "content already read": None,
    }


def test_a_template_that_lives_longer_prolongs_what_it_was_traded_for(program: Program) -> None:
    longer = seconds(program, SESSION._replace(template_life=600))
    assert longer["AWS credentials"] == 600 + 300 + 3600
    assert longer["plaintext data key"] == 600 + 300 + 3600 + 12 * 3600
    assert longer["session token"] == 65


def test_without_a_bound_on_tokens_there_is_none_on_what_they_begin(program: Program) -> None:
    found = seconds(program, SESSION._replace(life=None))
    assert [layer for layer, limit in found.items() if limit is None] == [
        *("session token", "live subscription", "presigned URL", "content already read")
    ]
    assert found["AWS credentials"] == 3960


def test_an_answer_is_kept_only_where_the_source_says_so_and_never_beyond_its_token(program: Program) -> None:
    kept = SESSION._replace(kept=300)
    assert seconds(program, kept)["authorizer's answer"] == 0
    alone = replace(program, api=replace(SUBSCRIPTION, token_alone=True))
    assert seconds(alone, kept)["authorizer's answer"] == 60
    assert seconds(alone, SESSION)["authorizer's answer"] == 0


def test_a_layer_that_is_not_used_is_left_out(program: Program) -> None:
    assert list(seconds(replace(program, aws=(), api=Api()), SESSION)) == [
        *("session token", "authorizer's answer", "content already read")
    ]


def test_every_layer_says_why_and_what_ends_it_sooner(program: Program) -> None:
    for one in survivals(program, SESSION):
        assert one.why
        assert one.sooner


@pytest.mark.parametrize(
    "length, said",
    [
        (0, "0 s"),
        (65, "65 s"),
        (0.5, "0.5 s"),
        (300, "5 min"),
        (3600, "1 h"),
        (3960, "1 h 6 min"),
        (3661, "1 h 1 min 1 s"),
    ],
)
def test_a_length_of_time_is_said_in_words(length: float, said: str) -> None:
    assert spoken(length) == said


def run(capsys: pytest.CaptureFixture[str], folder: Path, *more: str, settings: Any = SETTINGS) -> tuple[int, str]:
    (folder / "settings.json").write_text(json.dumps(settings))
    where = ["--policies", str(ROOT / "policies"), "--schemas", str(ROOT / "schemas")]
    code = main(["revocation", *where, "--settings", str(folder / "settings.json"), *more])
    return code, capsys.readouterr().out


def test_the_command_says_it_to_people_and_to_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, text = run(capsys, tmp_path, "--template-lifetime", "120")
    assert code == 0
    assert "AWS credentials: 1 h 7 min\n" in text
    assert "content already read: for ever\n" in text
    code, text = run(capsys, tmp_path, "--format", "json", settings={**SETTINGS, "max_lifetime": 30, "skew": 0})
    assert code == 0
    assert {"layer": "session token", "seconds": 30}.items() <= json.loads(text)[0].items()


@pytest.mark.parametrize("more", [("--ttl", "-1"), ("--template-lifetime", "long")])
def test_misuse(capsys: pytest.CaptureFixture[str], tmp_path: Path, more: tuple[str, ...]) -> None:
    assert run(capsys, tmp_path, *more) == (2, "")
    assert run(capsys, tmp_path, settings={})[0] == 2
