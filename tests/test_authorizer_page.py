"""The page about the authorizer says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from policyengine.model.api import GRAPHQL_FINDINGS
from policyengine.runtime.authorizer.codes import CODES
from policyengine.runtime.authorizer.document import MAX_TOKENS, Limits
from policyengine.runtime.authorizer.environment import INTROSPECTION, LIMITS, TTL, options_from_environment
from policyengine.runtime.tokens import CODES as TOKEN_CODES
from policyengine.runtime.tokens import verifier_from_environment
from tests import tokens
from tests.test_docs import check_copy

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/aws-authorizer.md"


def table(head: str, rows: dict[str, str]) -> str:
    return f"| {head} | What it means |\n| --- | --- |\n" + "".join(
        f"| `{name}` | {of} |\n" for name, of in rows.items()
    )


def test_the_findings_are_all_there_are() -> None:
    check_copy(PAGE, "api findings", table("Finding", GRAPHQL_FINDINGS))


def test_the_codes_are_all_there_are() -> None:
    check_copy(PAGE, "reasons", table("Code", CODES))


def test_every_setting_and_bound_is_named() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in text for name in (TTL, INTROSPECTION, LIMITS))
    told = re.search(r'\{"size": (\d+), "depth": (\d+), "aliases": (\d+), "fields": (\d+)\}', text)
    assert told is not None
    assert tuple(map(int, told.groups())) == Limits()
    assert f"{MAX_TOKENS:,} words" in text


# ---- The CloudFormation example


yaml: Any = pytest.importorskip("yaml")
Template: Any = type("Template", (yaml.SafeLoader,), {})
"""YAML with CloudFormation's short functions, each as an object: `!Ref X` is `{"Ref": "X"}`."""
Template.add_multi_constructor("!", lambda loader, suffix, node: {suffix: _plain(loader, node)})


def _plain(loader: Any, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True)


@pytest.fixture(scope="module")
def resources() -> Any:
    text = (ROOT / "examples/authorizer.yaml").read_text("utf-8")
    return {name: one["Properties"] for name, one in yaml.load(text, Template)["Resources"].items()}


def test_the_example_has_one_mode_and_keeps_no_answer(resources: Any) -> None:
    api = resources["Api"]
    assert api["AuthenticationType"] == "AWS_LAMBDA"
    assert "AdditionalAuthenticationProviders" not in api
    assert api["LambdaAuthorizerConfig"]["AuthorizerResultTtlInSeconds"] == 0
    assert resources["Permission"]["SourceArn"] == {"GetAtt": "Api.Arn"}
    assert resources["Permission"]["Principal"] == "appsync.amazonaws.com"
    assert resources["Function"]["Timeout"] < 10


def test_the_expression_lets_tokens_through_and_nothing_else(resources: Any) -> None:
    expression = resources["Api"]["LambdaAuthorizerConfig"]["IdentityValidationExpression"]
    token = tokens.token()
    assert re.search(expression, token)
    assert re.search(expression, f"Bearer {token}")
    for other in ("", "x", token + ".a", token + " ", token.replace(".", ""), f"Basic {token}", token + "="):
        assert not re.search(expression, other), other


def test_the_settings_of_the_example_are_understood(resources: Any) -> None:
    variables = dict(resources["Function"]["Environment"]["Variables"])
    given = variables["POLICYENGINE_TOKEN"]["Sub"].replace("${Issuer}", tokens.ISSUER).replace("${Origin}", "app://x")
    environ = {**variables, "POLICYENGINE_TOKEN": given}
    assert verifier_from_environment(environ).settings.azp == ("app://x",)
    assert not verifier_from_environment(environ).switches.deny_all
    assert options_from_environment(environ).ttl == 0


def test_the_alarms_look_at_parts_of_a_record_that_there_are(resources: Any) -> None:
    patterns = [one["FilterPattern"] for one in resources.values() if "FilterPattern" in one]
    named = set(re.findall(r"\$\.(\w+)", " ".join(patterns)))
    text = PAGE.read_text("utf-8")
    assert named == {"decision", "reason", "keys_age", "keys_failures"}
    assert all(f"`{name}`" in text for name in named)
    reasons = set(re.findall(r'reason = "([a-z:]+)"', " ".join(patterns)))
    assert reasons == {"fault", "settings", "token:fault"}
    assert {reason.removeprefix("token:") for reason in reasons} <= {*CODES, *TOKEN_CODES}
    told = {one["MetricName"] for one in resources.values() if one.get("Namespace") == "policyengine"}
    kept = {made["MetricName"] for one in resources.values() for made in one.get("MetricTransformations", ())}
    assert told == kept
