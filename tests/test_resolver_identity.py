"""Who asks: read from what the authorizer handed on, whole or not at all; and the settings as `build aws` writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policyengine.backends.aws import emit_documents
from policyengine.compiler import compile_folders, program_of
from policyengine.resolvers import CODES, Identity, Refused, Settings, read_identity, read_settings

ROOT = Path(__file__).resolve().parent.parent
CONTEXT = {"id": "ann", "orgId": "org_1", "orgRole": "member", "policyDigest": "d1", "requestId": "r1"}


@pytest.fixture(scope="module")
def settings() -> Settings:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    return read_settings(emit_documents(program, ["org_1"])["resolver-settings.json"])


def event(**changed: Any) -> dict[str, Any]:
    context = {name: value for name, value in {**CONTEXT, **changed}.items() if value is not ...}
    return {"arguments": {}, "identity": {"resolverContext": context}, "source": None}


def test_the_principal_is_what_the_authorizer_handed_on(settings: Settings) -> None:
    principal = {"id": "ann", "orgId": "org_1", "orgRole": "member"}
    expected = Identity("org_1", "ann", principal, "d1", "r1")
    assert read_identity(event(), settings, {"d1"}) == expected
    assert read_identity(event(other="x"), settings, {"d0", "d1"}) == expected


@pytest.mark.parametrize("name", CONTEXT)
@pytest.mark.parametrize("value", [..., None, "", 7, ["org_1"], {"S": "org_1"}], ids=repr)
def test_a_part_that_is_missing_or_no_text_is_refused(settings: Settings, name: str, value: Any) -> None:
    with pytest.raises(Refused) as refused:
        read_identity(event(**{name: value}), settings, {"d1"})
    assert refused.value.code == "identity"


@pytest.mark.parametrize("tenant", ["org 1", "org_1#", "o" * 65, "org_1\n", "örg"])
def test_what_is_no_organization_is_refused(settings: Settings, tenant: str) -> None:
    with pytest.raises(Refused, match=r"refused\[identity\]"):
        read_identity(event(orgId=tenant), settings, {"d1"})


@pytest.mark.parametrize("digests", [set(), {"d0"}, {"d"}])
def test_an_identity_of_an_unknown_policy_is_refused(settings: Settings, digests: set[str]) -> None:
    with pytest.raises(Refused, match=r"refused\[digest\]"):
        read_identity(event(), settings, digests)


@pytest.mark.parametrize(
    "identity",
    [
        None,
        {},
        [],
        "ann",
        {"resolverContext": None},
        {"resolverContext": "ann"},
        {"resolverContext": CONTEXT, "claims": {}},
        {"sub": "ann", "claims": {"org_id": "org_1"}},
        {"accountId": "111122223333", "userArn": "arn:aws:iam::111122223333:user/u"},
    ],
)
def test_an_identity_of_another_mode_is_refused(settings: Settings, identity: Any) -> None:
    with pytest.raises(Refused, match=r"refused\[identity\]"):
        read_identity({**event(), "identity": identity, "request": {"headers": CONTEXT}}, settings, {"d1"})


@pytest.mark.parametrize("event", [None, [], "{}", {"resolverContext": CONTEXT}])
def test_what_is_no_event_is_refused(settings: Settings, event: Any) -> None:
    with pytest.raises(Refused, match=r"refused\[identity\]"):
        read_identity(event, settings, {"d1"})


def test_what_is_no_text_comes_as_json(settings: Settings) -> None:
    """AppSync hands on texts alone."""
    other = replace(settings, principal={**settings.principal, "mfa": True, "level": False})
    found = read_identity(event(mfa="true", level="3"), other, {"d1"})
    assert (found.principal["mfa"], found.principal["level"]) == (True, 3)
    assert "level" not in read_identity(event(mfa="true"), other, {"d1"}).principal
    for odd in ("yes", "{", True):
        with pytest.raises(Refused, match=r"refused\[identity\]"):
            read_identity(event(mfa=odd), other, {"d1"})


def test_a_refusal_names_a_place_and_no_value(settings: Settings) -> None:
    with pytest.raises(Refused) as refused:
        read_identity(event(orgId="secret value"), settings, {"d1"})
    assert "secret" not in str(refused.value)
    assert refused.value.code in CODES


def test_the_settings_name_tables_keys_and_roles(settings: Settings) -> None:
    table = settings.labelled("records")
    assert (table.name, table.keys.attributes) == ("StudioRecords", ("pk", "sk"))
    assert (table.keys.form, table.keys.separator) == (("tenant", "type", "id"), "#")
    assert table.bearing == {"pk": "#", "kindKey": "#", "memberKey": "#"}
    assert settings.tenant_role == "arn:aws:iam::111122223333:role/StudioTenant"
    assert settings.grants["ResourceShareMember"]["memberTenant"] == "memberOrgId"
    with pytest.raises(KeyError):
        settings.labelled("others")


def test_a_table_without_attributes_is_not_known(settings: Settings) -> None:
    program = program_of(compile_folders(ROOT / "policies", ROOT / "schemas"))
    silent = tuple(each for each in program.aws if each[:2] != ("attributes", "records"))
    found = read_settings(emit_documents(replace(program, aws=silent), ["org_1"])["resolver-settings.json"])
    assert found.tables == {}
