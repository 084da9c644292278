"""Each row of the contract on tokens, by hand and both ways (docs/aws-authorizer-tokens.md)."""

from __future__ import annotations

import base64
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from policyengine.runtime.tokens import (
    CODES,
    STANDARD,
    Malformed,
    PinnedKey,
    PinnedSet,
    Rejected,
    Settings,
    SettingsError,
    Verified,
    parse_settings,
    principal_of,
    settings_from_environment,
    verify,
)
from policyengine.runtime.tokens.permissions import permissions_1, permissions_2
from tests.tokens import (
    AUDIENCE,
    HEADER,
    ISSUER,
    NOW,
    ORIGIN,
    SETTINGS,
    TEMPLATE,
    V1,
    V2,
    b64,
    jwk,
    jwks,
    pem,
    pinned,
    private_key,
    settings,
    sign,
    token,
)

PRINCIPAL = {"id": "user_1", "orgId": "org_1", "orgRole": "admin"}


def said(value: str, *, now: float = NOW, keys: Any = None, **changed: Any) -> str:
    """`ok`, or the code of the refusal."""
    found = verify(value, settings(**changed), keys or pinned(), now)
    if isinstance(found, Rejected):
        assert found in CODES
        return str(found)
    assert principal_of(found, STANDARD) == PRINCIPAL
    return "ok"


def both(claims: dict[str, Any], *without: str, **changed: Any) -> str:
    return token(claims, without=without, **changed)


OTHER = "https://evil.example"
TIMES: dict[str, Any] = {"exp": NOW + 3000, "iat": NOW - 10}
UNSIGNED = token().rpartition(".")[0] + "."
LENGTHS = {len(made): made for made in (token(V2, pad="x" * count) for count in range(900, 1100))}

# what the token claims, what the settings change, and what is said
ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    ("version 2", token(V2), {}, "ok"),
    ("version 1", token(V1), {}, "ok"),
    ("a template", token(TEMPLATE), {"kind": "template", "audience": AUDIENCE}, "ok"),
    ("one Bearer", "Bearer " + token(), {}, "ok"),
    ("one bearer, whatever its case", "bEARER " + token(), {}, "ok"),
    ("two Bearers", "Bearer Bearer " + token(), {}, "encoding"),
    ("Bearer and two spaces", "Bearer  " + token(), {}, "encoding"),
    ("another scheme", "Basic " + token(), {}, "encoding"),
    ("a space behind", token() + " ", {}, "encoding"),
    ("a carriage return behind", token() + "\r", {}, "encoding"),
    ("nothing", "", {}, "form"),
    ("Bearer alone", "Bearer ", {}, "form"),
    ("two parts", token().rpartition(".")[0], {}, "form"),
    ("four parts", token() + ".AAAA", {}, "form"),
    ("five parts, as encrypted tokens have", "a.b.c.d.e", {}, "form"),
    ("empty parts", "..", {}, "header"),
    ("padding", token() + "==", {}, "encoding"),
    ("not ASCII", "é" + token(), {}, "encoding"),
    ("as long as may be", LENGTHS[max(n for n in LENGTHS if n <= 2048)], {}, "ok"),
    ("longer than may be", LENGTHS[min(n for n in LENGTHS if n > 2048)], {}, "size"),
    # the header
    ("alg none", b64(b'{"alg":"none"}') + "." + token().split(".")[1] + ".", {}, "algorithm"),
    ("alg in small letters", sign({**HEADER, "alg": "rs256"}, V2), {}, "algorithm"),
    ("alg of another hash", sign({**HEADER, "alg": "RS512"}, V2), {}, "algorithm"),
    ("alg PS256", sign({**HEADER, "alg": "PS256"}, V2), {}, "algorithm"),
    ("alg in a list", sign({**HEADER, "alg": ["RS256"]}, V2), {}, "algorithm"),
    ("alg missing", sign({"kid": "k1"}, V2), {}, "algorithm"),
    ("kid missing", sign({"alg": "RS256"}, V2), {}, "key_id"),
    ("kid null", sign({**HEADER, "kid": None}, V2), {}, "key_id"),
    ("kid a number", sign({**HEADER, "kid": 1}, V2), {}, "key_id"),
    ("kid empty", sign({**HEADER, "kid": ""}, V2), {}, "key_id"),
    ("kid unknown", sign({**HEADER, "kid": "k9"}, V2), {}, "key_unknown"),
    ("crit", sign({**HEADER, "crit": ["exp"], "exp": 1}, V2), {}, "critical"),
    ("crit empty", sign({**HEADER, "crit": []}, V2), {}, "critical"),
    ("b64", sign({**HEADER, "b64": True}, V2), {}, "critical"),
    ("b64 false, and critical", sign({**HEADER, "b64": False, "crit": ["b64"]}, V2), {}, "critical"),
    ("unknown members", sign({**HEADER, "oiat": 1, "cat": "x"}, V2), {}, "ok"),
    ("no typ", sign({"alg": "RS256", "kid": "k1"}, V2), {}, "ok"),
    ("a key's address", sign({**HEADER, "jku": OTHER, "x5u": OTHER}, V2), {}, "ok"),
    ("an embedded key", sign({**HEADER, "jwk": jwk("evil")}, V2, key="evil"), {}, "signature"),
    ("an embedded chain", sign({**HEADER, "x5c": ["AAAA"]}, V2), {}, "ok"),
    ("alg twice", sign(b'{"alg":"none","alg":"RS256","kid":"k1"}', V2), {}, "header"),
    ("a header in a list", sign([HEADER], V2), {}, "header"),
    ("a header in UTF-16", sign(json.dumps(HEADER).encode("utf-16"), V2), {}, "header"),
    ("a header with a byte order mark", sign(b"\xef\xbb\xbf" + json.dumps(HEADER).encode(), V2), {}, "header"),
    ("a header nested too deeply", sign(b"[" * 700, V2), {}, "header"),
    # the signature
    ("another key", sign(HEADER, V2, key="k2"), {}, "signature"),
    ("no signature", token().rpartition(".")[0] + ".", {}, "signature"),
    ("a short signature", UNSIGNED + b64(b"\1" * 255), {}, "signature"),
    ("a long signature", UNSIGNED + b64(b"\1" * 257), {}, "signature"),
    ("a signature of zero", UNSIGNED + b64(bytes(256)), {}, "signature"),
    (
        "claims of another token",
        ".".join([token(V1).split(".")[0], token(V2).split(".")[1], token(V1).split(".")[2]]),
        {},
        "signature",
    ),
    # the claims as such
    ("claims in a list", sign(HEADER, [V2]), {}, "payload"),
    ("claims null", sign(HEADER, None), {}, "payload"),
    ("no claims", sign(HEADER, b""), {}, "payload"),
    ("claims that are not UTF-8", sign(HEADER, b'{"sub":"\xff"}'), {}, "payload"),
    ("sub twice", sign(HEADER, json.dumps(V2).encode()[:-1] + b', "sub": "user_2"}'), {}, "payload"),
    (
        "a name twice, deep inside",
        sign(HEADER, json.dumps(V2).encode()[:-1] + b', "x": [{"a": 1, "a": 1}]}'),
        {},
        "payload",
    ),
    ("NaN", sign(HEADER, json.dumps(V2).encode()[:-1] + b', "x": NaN}'), {}, "payload"),
    ("two values", sign(HEADER, json.dumps(V2).encode() + b"{}"), {}, "payload"),
    ("claims nested too deeply", sign(HEADER, b'{"x":' + b"[" * 1100), {}, "payload"),
    # issuer
    ("another issuer", both(V2, iss=OTHER), {}, "issuer"),
    ("the issuer with a slash", both(V2, iss=ISSUER + "/"), {}, "issuer"),
    ("no issuer", both(V2, "iss"), {}, "issuer"),
    ("two issuers", both(V2, iss=[ISSUER]), {}, "issuer"),
    # times
    ("no exp", both(V2, "exp"), {}, "times"),
    ("exp null", both(V2, exp=None), {}, "times"),
    ("exp in a text", both(V2, exp=str(NOW + 50)), {}, "times"),
    ("exp true", both(V2, exp=True), {}, "times"),
    (
        "exp without end",
        sign(HEADER, json.dumps(V2).replace(str(NOW + 50), "1e400").encode()),
        {"max_lifetime": None},
        "times",
    ),
    ("exp beyond every clock", both(V2, exp=10**300), {"max_lifetime": None}, "times"),
    ("exp with a fraction", both(V2, exp=NOW + 49.5), {}, "ok"),
    ("exp at the last moment of the skew", both(V2, exp=NOW - 4, iat=NOW - 60), {}, "ok"),
    ("exp at the end of the skew", both(V2, exp=NOW - 5, iat=NOW - 60), {}, "expired"),
    ("exp now, no skew", both(V2, exp=NOW), {"skew": 0}, "expired"),
    ("nbf at the end of the skew", both(V2, nbf=NOW + 5), {}, "ok"),
    ("nbf beyond the skew", both(V2, nbf=NOW + 6), {}, "not_yet_valid"),
    ("no nbf", both(V2, "nbf"), {}, "ok"),
    ("nbf null", both(V2, nbf=None), {}, "times"),
    ("iat at the end of the skew", both(V2, iat=NOW + 5), {}, "ok"),
    ("iat beyond the skew", both(V2, iat=NOW + 6), {}, "issued_ahead"),
    ("iat in a text", both(V2, iat="0"), {}, "times"),
    ("a lifetime at the bound", both(V2, exp=NOW + 50, iat=NOW - 10), {}, "ok"),
    ("a lifetime beyond the bound", both(V2, exp=NOW + 51, iat=NOW - 10), {}, "lifetime"),
    ("no iat, with a bound", both(V2, "iat"), {}, "lifetime"),
    ("no iat, without one", both(V2, "iat"), {"max_lifetime": None}, "ok"),
    ("a long life, without a bound", both(V2, **TIMES), {"max_lifetime": None}, "ok"),
    ("a long life, with one that is longer", both(V2, **TIMES), {"max_lifetime": 3600}, "ok"),
    # who
    ("no sub", both(V2, "sub"), {}, "subject"),
    ("sub empty", both(V2, sub=""), {}, "subject"),
    ("sub a number", both(V2, sub=1), {}, "subject"),
    ("sub with a lone surrogate", both(V2, sub="\ud800"), {}, "subject"),
    ("no sid in a session's token", both(V2, "sid"), {}, "session"),
    ("sid empty", both(V2, sid=""), {}, "session"),
    ("sid null", both(V2, sid=None), {}, "session"),
    ("sts pending", both(V2, sts="pending"), {}, "status"),
    ("sts of no known kind", both(V2, sts="Active"), {}, "status"),
    ("no sts", both(V2, "sts"), {}, "ok"),
    # audience
    ("aud where none is configured", both(V2, aud=AUDIENCE), {}, "audience"),
    ("aud null where none is configured", both(V2, aud=None), {}, "audience"),
    ("aud as configured", both(V2, aud=AUDIENCE), {"audience": AUDIENCE}, "ok"),
    ("aud among others", both(V2, aud=["x", AUDIENCE]), {"audience": AUDIENCE}, "ok"),
    ("aud of no one", both(V2, aud=[]), {"audience": AUDIENCE}, "audience"),
    ("aud with a number", both(V2, aud=[AUDIENCE, 1]), {"audience": AUDIENCE}, "audience"),
    ("another aud", both(V2, aud=AUDIENCE + "2"), {"audience": AUDIENCE}, "audience"),
    ("no aud where one is configured", token(V2), {"audience": AUDIENCE}, "audience"),
    ("a session's token to a template's verifier", token(V2), {"kind": "template", "audience": AUDIENCE}, "audience"),
    ("a template's token to a session's verifier", token(TEMPLATE), {"audience": AUDIENCE}, "session"),
    ("a template's verifier without an audience", both(TEMPLATE, "aud"), {"kind": "template"}, "audience"),
    ("the same, and a token with one", token(TEMPLATE), {"kind": "template"}, "audience"),
    # azp
    ("another azp", both(V2, azp=OTHER), {}, "authorized_party"),
    ("no azp", both(V2, "azp"), {}, "authorized_party"),
    ("no azp, and that is allowed", both(V2, "azp"), {"azp_absent": "allow"}, "ok"),
    ("another azp, though none is needed", both(V2, azp=OTHER), {"azp_absent": "allow"}, "authorized_party"),
    ("azp null, though none is needed", both(V2, azp=None), {"azp_absent": "allow"}, "authorized_party"),
    ("azp in a list", both(V2, azp=[ORIGIN]), {}, "authorized_party"),
    ("another azp, unchecked", both(V2, azp=OTHER), {"azp": None}, "ok"),
    ("no azp, unchecked", both(V2, "azp"), {"azp": None, "azp_absent": "deny"}, "ok"),
    ("no origin at all is listed", token(V2), {"azp": []}, "authorized_party"),
    # act
    ("act", both(V2, act={"sub": "user_9"}), {}, "actor"),
    ("act null", both(V2, act=None), {}, "actor"),
    ("act, and that is allowed", both(V2, act={"iss": "x", "sid": "y", "sub": "user_9"}), {"act": "allow"}, "ok"),
    ("act of nobody", both(V2, act={"iss": "x"}), {"act": "allow"}, "actor"),
    ("act no object", both(V2, act="user_9"), {"act": "allow"}, "actor"),
    # versions
    ("v 1", both(V2, v=1), {}, "version"),
    ("v 3", both(V2, v=3), {}, "version"),
    ("v null", both(V1, v=None), {}, "version"),
    ("v in a text", both(V2, v="2"), {}, "version"),
    ("v with a fraction", both(V2, v=2.0), {}, "version"),
    (
        "version 2 without organization, and a claim called org_id",
        both(V2, "o", org_id="org_1", org_role="org:admin"),
        {},
        "organization",
    ),
    (
        "version 1 without organization, and a claim called o",
        both(V1, "org_id", o={"id": "org_1", "rol": "admin"}),
        {},
        "organization",
    ),
    (
        "version 2 with organization, and a claim called org_id",
        both(V2, org_id="org_2", org_role="org:member"),
        {},
        "ok",
    ),
    ("version 1 with organization, and a claim called o", both(V1, o={"id": "org_2", "rol": "member"}), {}, "ok"),
    (
        "version 2 without role, and a claim called org_role",
        both(V2, o={"id": "org_1"}, org_role="org:admin"),
        {},
        "role",
    ),
    # organization
    ("no organization", both(V1, "org_id", "org_role"), {}, "organization"),
    ("organization null", both(V1, org_id=None), {}, "organization"),
    ("organization interpolated from nothing", both(V1, org_id="null"), {}, "organization"),
    ("a bare org_", both(V1, org_id="org_"), {}, "organization"),
    ("an id with a line end", both(V1, org_id="org_1\n"), {}, "organization"),
    ("an id with another letter", both(V1, org_id="org_é"), {}, "organization"),
    ("an id with a digit of another script", both(V1, org_id="org_１"), {}, "organization"),
    ("an id with a separator", both(V1, org_id="org_1#x"), {}, "organization"),
    ("an id that is too long", both(V1, org_id="org_" + "1" * 61), {}, "organization"),
    ("the id of a user", both(V1, org_id="user_1"), {}, "organization"),
    ("o null", both(V2, o=None), {}, "organization"),
    ("o a list", both(V2, o=["org_1"]), {}, "organization"),
    ("o without id", both(V2, o={"rol": "admin"}), {}, "organization"),
    # role
    ("version 2 with the prefix", both(V2, o={"id": "org_1", "rol": "org:admin"}), {}, "ok"),
    ("version 1 without the prefix", both(V1, org_role="admin"), {}, "ok"),
    ("two prefixes", both(V1, org_role="org:org:admin"), {}, "role"),
    ("a role with capitals", both(V1, org_role="org:Admin"), {}, "role"),
    ("a role that is not listed", both(V1, org_role="org:owner"), {}, "role"),
    ("no role", both(V1, "org_role"), {}, "role"),
    ("a role in a list", both(V1, org_role=["admin"]), {}, "role"),
    ("roles listed with the prefix", token(V1), {"roles": ["org:admin"]}, "ok"),
    ("no role is listed", token(V1), {"roles": []}, "role"),
]


@pytest.mark.parametrize("value, changed, expected", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_row_is_said(value: str, changed: dict[str, Any], expected: str) -> None:
    assert said(value, **changed) == expected


def test_the_rows_show_every_code_of_the_verifier() -> None:
    elsewhere = {"keys_unavailable", "deny_all", "blocked", "fault"}
    assert {row[3] for row in ROWS} - {"ok"} == CODES.keys() - elsewhere


def test_a_public_key_is_no_secret_for_an_hmac() -> None:
    head = b64(b'{"alg":"HS256","kid":"k1"}') + "." + token().split(".")[1]
    for secret in (pem().encode(), json.dumps(jwk()).encode()):
        assert said(f"{head}.{b64(hmac.digest(secret, head.encode(), 'sha256'))}") == "algorithm"


def test_only_the_one_canonical_form_of_each_part_is_read() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = token()
    last = alphabet.index(good[-1])
    twins = [good[:-1] + alphabet[last ^ bits] for bits in range(1, 16)]  # 256 bytes leave four bits over
    same = [
        twin for twin in twins if base64.urlsafe_b64decode(_padded(twin)) == base64.urlsafe_b64decode(_padded(good))
    ]
    assert len(same) == 15
    assert {said(twin) for twin in same} == {"encoding"}
    standard = next(t for t in (token(V2, pad=str(i)) for i in range(50)) if "-" in t or "_" in t)
    assert said(standard) == "ok"
    assert said(standard.replace("-", "+").replace("_", "/")) == "encoding"


def _padded(value: str) -> str:
    part = value.rpartition(".")[2]
    return part + "=" * (-len(part) % 4)


def test_a_key_must_be_a_public_rsa_key_for_rs256_of_decent_size() -> None:
    good = jwk()
    odd: list[dict[str, Any]] = [
        jwk("k1", alg="RS512"),
        jwk("k1", use="enc"),
        jwk("k1", kty="oct", k="AAAA"),
        jwk("k1", key_ops=["sign", "verify"]),
        jwk("k1", d="AQAB"),
        jwk("k1", n=good["n"] + "="),
        jwk("k1", n="AA" + good["n"]),
        jwk("k1", e=""),
        jwk("k1", n="Aw"),
        jwk("k1", n=None),
        jwk("k1", n="_" * 9000),
        {name: good[name] for name in ("kty", "n", "e")},
        jwk("k1", 1024),
    ]
    for key in odd:
        assert said(token(), keys=PinnedSet({"keys": [key]})) == "key_unknown", key
    assert said(sign(HEADER, V2, bits=1024), keys=PinnedSet({"keys": [jwk("k1", 1024)]})) == "key_unknown"
    plain = {name: good[name] for name in ("kty", "kid", "n", "e")}
    assert said(token(), keys=PinnedSet({"keys": [*odd, plain, None, 7]})) == "ok"
    assert said(token(), keys=PinnedSet({"keys": [good, good]})) == "ok"
    assert said(token(), keys=PinnedSet({"keys": [good, jwk("k2", kid="k1")]})) == "key_unknown", "two keys, one id"
    no_sets: list[Any] = [None, [], {}, {"keys": {}}, {"keys": None}, "keys"]
    for value in no_sets:
        with pytest.raises(Malformed):
            PinnedSet(value)


def test_a_pinned_pem_verifies_whatever_kid_a_token_names() -> None:
    keys = PinnedKey(pem())
    assert said(token(), keys=keys) == "ok"
    assert said(sign({"alg": "RS256"}, V2), keys=keys) == "ok"
    assert said(sign({"alg": "RS256", "kid": "k9"}, V2), keys=keys) == "ok"
    assert said(sign(HEADER, V2, key="k2"), keys=keys) == "signature"
    assert said(sign({"alg": "RS256", "kid": 7}, V2), keys=keys) == "key_id"


def test_a_pem_that_is_not_one_public_rsa_key_is_refused() -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec

    key = private_key()
    secret = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    curve = point.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode()
    small = private_key("k1", 1024).public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
    for text in ("", "ssh-rsa AAAA", secret, curve, small.decode(), pem()[:60]):
        with pytest.raises(Malformed):
            PinnedKey(text)


def test_what_is_verified_says_all_that_a_record_needs() -> None:
    found = verify(token(V2, act={"sub": "user_9"}), settings(act="allow"), pinned(), NOW)
    assert isinstance(found, Verified)
    assert (found.session, found.token_id, found.actor) == ("sess_1", "j1", "user_9")
    assert (found.not_before, found.issued, found.expires) == (V2["nbf"], V2["iat"], V2["exp"])
    with pytest.raises(AttributeError):
        found.organization = "org_2"  # type: ignore[misc]
    principal_of(found, STANDARD)["orgId"] = "org_2"
    assert principal_of(found, STANDARD) == PRINCIPAL


def test_a_refusal_is_false_and_a_verified_token_is_true() -> None:
    assert not verify("", settings(), pinned(), NOW)
    assert verify(token(), settings(), pinned(), NOW)


def test_a_defect_of_the_verifier_refuses() -> None:
    class Broken:
        def find(self, kid: object, now: float) -> Any:
            raise RuntimeError("a secret")

        def holds(self, key: str, now: float) -> bool:
            return True

    assert verify(token(), settings(), Broken(), NOW) == "fault"
    assert verify(None, settings(), pinned(), NOW) == "fault"  # type: ignore[arg-type]


# ---- Permissions


def test_permissions_of_both_versions() -> None:
    mapping = (("id", "sub"), ("reads", "org:teams:read"), ("manages", "org:teams:manage"))
    o = {**V2["o"], "per": "manage,read", "fpm": "3,2"}
    for value in (token(V1), token(V2, fea="o:dashboard,o:teams", o=o)):
        found = verify(value, settings(), pinned(), NOW, permissions=True)
        assert isinstance(found, Verified)
        assert principal_of(found, mapping) == {"id": "user_1", "reads": True, "manages": False}
        unasked = verify(value, settings(), pinned(), NOW)
        assert isinstance(unasked, Verified)
        assert unasked.permissions == frozenset()


PERMISSIONS: list[tuple[Any, Any, Any, set[str]]] = [
    ("o:dashboard,o:teams", "manage,read", "3,2", {"dashboard:manage", "dashboard:read", "teams:read"}),
    ("o:dashboard, o:teams", "manage, read", "3, 2", {"dashboard:manage", "dashboard:read", "teams:read"}),
    # the two readings differ: only what both give
    ("o:reservations,u:dashboard,uo:support-chat,o:impersonation", "read,manage", "2,3", {"reservations:manage"}),
    ("u:x,o:dashboard", "read,manage", "3", set()),
    ("u:x,o:dashboard", "read,manage", "0,3", set()),
    ("o:dashboard,u:x", "read,manage", "3", {"dashboard:read", "dashboard:manage"}),
    # masks: shorter, longer, beyond the names, no numbers
    ("o:a,o:b", "read", "1", {"a:read"}),
    ("o:a", "read", "1,1", {"a:read"}),
    ("o:a", "read", "4", set()),
    ("o:a", "read", "-1", set()),
    ("o:a,o:b", "read", "x,1", {"b:read"}),
    ("o:a", "read", "١", set()),
    ("o:a", "read", "9" * 401, set()),
    # an entry without a scope spoils all
    ("o:a,b", "read", "1,1", set()),
    ("", "read", "1", set()),
    ("o:", "read", "1", set()),
    ("o:a", "", "1", set()),
    (None, "read", "1", set()),
    ("o:a", None, "1", set()),
    ("o:a", "read", None, set()),
    (["o:a"], "read", "1", set()),
]


@pytest.mark.parametrize("features, names, masks, expected", PERMISSIONS)
def test_masks_grant_what_both_readings_grant(features: Any, names: Any, masks: Any, expected: set[str]) -> None:
    assert permissions_2(features, names, masks) == {f"org:{granted}" for granted in expected}


@pytest.mark.parametrize("listed", [None, "org:a:b", ["org:a:b", 1], {"org:a:b": True}])
def test_a_malformed_list_of_permissions_grants_nothing(listed: Any) -> None:
    assert permissions_1(listed) == frozenset()


# ---- Settings


def test_only_the_issuer_has_no_default_and_the_defaults_are_strict() -> None:
    strict = parse_settings({"issuer": ISSUER})
    assert strict == settings(azp=[])
    assert verify(token(), strict, pinned(), NOW) == "authorized_party"
    with pytest.raises(SettingsError, match="`issuer` is missing"):
        parse_settings({})


@pytest.mark.parametrize(
    "name, value",
    [
        ("issuer", ""),
        ("issuer", None),
        ("kind", "Session"),
        ("kind", None),
        ("azp", ORIGIN),
        ("azp", [None]),
        ("azp_absent", True),
        ("audience", [AUDIENCE]),
        ("audience", ""),
        ("skew", -1),
        ("skew", 301),
        ("skew", True),
        ("skew", None),
        ("max_lifetime", "60"),
        ("max_lifetime", -1),
        ("act", "Allow"),
        ("roles", "admin"),
        ("roles", None),
        ("roles", ["org:"]),
        ("azp_abcent", "allow"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SettingsError) as found:
        parse_settings({**SETTINGS, name: value})
    assert name in str(found.value) or "unknown setting" in str(found.value)


def test_settings_from_the_environment_are_the_same_object() -> None:
    assert settings_from_environment({"POLICYENGINE_TOKEN": json.dumps(SETTINGS)}) == settings()
    for environ in ({}, {"POLICYENGINE_TOKEN": ""}, {"POLICYENGINE_TOKEN": '{"issuer": "a", "issuer": "b"}'}):
        with pytest.raises(SettingsError):
            settings_from_environment(environ)


def test_roles_are_narrowed_to_those_of_the_schema() -> None:
    assert settings().narrowed(["member", "owner"]).roles == ("member",)


def test_keys_of_one_issuer_do_not_verify_for_another() -> None:
    """Two instances, each with its own key under one `kid`: a token of the one is nothing to the other."""
    theirs = PinnedSet({"keys": [jwk("k2", kid="k1")]})
    assert verify(token(), settings(issuer=OTHER), theirs, NOW) == "signature"
    assert verify(token(), settings(issuer=OTHER), pinned(), NOW) == "issuer"
    assert PinnedSet(jwks()).holds("nothing", NOW) is False


# ---- The page on tokens


def _table(name: str) -> dict[str, str]:
    page = (Path(__file__).resolve().parent.parent / "docs/aws-authorizer-tokens.md").read_text()
    part = page.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    rows = [line.strip("| ").split(" | ") for line in part.strip().splitlines()[2:]]
    return {row[0].strip("`"): row[-1] for row in rows}


def test_the_page_has_every_code_and_every_setting() -> None:
    assert _table("codes") == CODES
    assert list(_table("settings")) == list(Settings._fields)
