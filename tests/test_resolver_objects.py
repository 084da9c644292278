"""Presigned URLs: decided first, and every word of them signed. The signature is computed anew, by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from policyengine.backends.dynamodb import plans as plans_of
from policyengine.resolvers.calls import Calls
from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.layout import Layout
from policyengine.resolvers.objects import Signed, Signer, sign_get, sign_put
from policyengine.resolvers.rows import Rows
from tests.memory_store import Memory
from tests.resolver_world import client, who

NOW = 1_780_315_200
FILE = {"type": "File", "id": "f1", "orgId": "org_1", "ownerId": "ann", "scope": "ORG", "key": "org_1/f1/3"}
SUM = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()


def signer(until: float = NOW + 900, **more: Any) -> Signer:
    return Signer(client("s3", signature_version="s3v4"), "studio-objects", until, clock=lambda: NOW, **more)


@pytest.fixture(scope="module")
def plans(studio: Any) -> dict[str, Any]:
    return plans_of(studio.program)


@pytest.fixture
def rows(studio: Any, plans: dict[str, Any]) -> Any:
    def made(id: str = "ann", org: str = "org_1") -> Rows:
        return Rows(studio, plans, who(id, org), Calls(Memory({})), Layout(), None, lambda _: None)

    return made


def signature(signed: Signed, headers: dict[str, str]) -> tuple[str, str]:
    """The signature in the URL, and that of a request with these headers (AWS Signature Version 4, query parameters)."""
    parts = urlsplit(signed.url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    given = query.pop("X-Amz-Signature")
    sent = {"host": parts.netloc, **headers}
    names = query["X-Amz-SignedHeaders"].split(";")
    assert set(names) == set(sent), "exactly what is sent is signed"
    canonical = "\n".join(
        [
            signed.method,
            parts.path,
            "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items())),
            *(f"{name}:{sent[name]}" for name in names),
            "",
            ";".join(names),
            "UNSIGNED-PAYLOAD",
        ]
    )
    _, day, region, service, end = query["X-Amz-Credential"].split("/")
    scope = f"{day}/{region}/{service}/{end}"
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"AWS4secret"
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    return given, hmac.digest(key, text.encode(), "sha256").hex()


def test_a_download_is_an_attachment_for_a_minute(rows: Any) -> None:
    signed = sign_get(rows("bob"), signer(), FILE)
    parts = urlsplit(signed.url)
    query = dict(parse_qsl(parts.query))
    assert parts.scheme == "https"
    assert parts.path.endswith("/org_1/f1/3")
    assert query["response-content-disposition"] == "attachment"
    assert (query["X-Amz-Expires"], signed.seconds, signed.method, signed.headers) == ("60", 60, "GET", {})
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    given, computed = signature(signed, {})
    assert given == computed
    named = dict(parse_qsl(urlsplit(sign_get(rows("bob"), signer(), FILE, 'a"; x=\r\ny').url).query))
    assert named["response-content-disposition"] == "attachment; filename*=UTF-8''a%22%3B%20x%3D%0D%0Ay"


def test_an_upload_is_of_one_length_type_and_content_and_replaces_nothing(rows: Any) -> None:
    signed = sign_put(rows(), signer(), FILE, 5, "text/plain", SUM)
    assert signed.headers == {
        "content-length": "5",
        "content-type": "text/plain",
        "if-none-match": "*",
        "x-amz-checksum-sha256": SUM,
    }
    given, computed = signature(signed, signed.headers)
    assert given == computed
    for name, other in (("content-length", "6"), ("content-type", "text/html"), ("x-amz-checksum-sha256", SUM[::-1])):
        given, computed = signature(signed, signed.headers | {name: other})
        assert given != computed


@pytest.mark.parametrize(
    ("until", "seconds", "expected"),
    [(NOW + 900, 60, 60), (NOW + 900, 30, 30), (NOW + 12.9, 60, 12), (NOW + 900, 600, 600)],
)
def test_a_url_ends_with_its_setting_or_the_credentials(rows: Any, until: float, seconds: int, expected: int) -> None:
    assert sign_get(rows(), signer(until, seconds=seconds), FILE).seconds == expected


def test_credentials_at_their_end_sign_nothing(rows: Any) -> None:
    with pytest.raises(Incomplete):
        sign_get(rows(), signer(NOW + 0.9), FILE)


@pytest.mark.parametrize(
    ("who_asks", "record", "code"),
    [
        (("bob", "org_1"), {"scope": "PRIVATE"}, "absent"),
        (("ann", "org_2"), {}, "absent"),
        (("ann", "org_1"), {"key": None}, "absent"),
        (("ann", "org_1"), {"key": ""}, "absent"),
        (("ann", "org_1"), {"key": "org_2/f1/3"}, "absent"),
        (("ann", "org_1"), {"key": "org_1"}, "absent"),
        (("ann", "org_1"), {"key": "org_10/f1/3"}, "absent"),
        (("ann", "org_1"), {"key": "org_1/../org_2/x"}, "absent"),
        (("ann", "org_1"), {"key": ["org_1/"]}, "absent"),
    ],
)
def test_what_is_not_signed(rows: Any, who_asks: Any, record: Any, code: str) -> None:
    for sign in (sign_get, partial(sign_put, length=5, media_type="text/plain", sha256=SUM)):
        with pytest.raises(Refused) as refused:
            sign(rows(*who_asks), signer(), FILE | record)
        assert refused.value.code == code


def test_who_may_read_may_not_upload(rows: Any) -> None:
    assert sign_get(rows("bob"), signer(), FILE)
    with pytest.raises(Refused, match="denied"):
        sign_put(rows("bob"), signer(), FILE, 5, "text/plain", SUM)


@pytest.mark.parametrize(
    ("length", "media_type", "checksum"),
    [
        (-1, "text/plain", SUM),
        (True, "text/plain", SUM),
        (5 * 1024**3 + 1, "text/plain", SUM),
        (5, "text", SUM),
        (5, "text/plain\r\nx: y", SUM),
        (5, "text/plain", ""),
        (5, "text/plain", SUM[:-4]),
        (5, "text/plain", "é" * 44),
    ],
)
def test_an_upload_says_what_it_is(rows: Any, length: Any, media_type: str, checksum: str) -> None:
    with pytest.raises(Refused, match="malformed"):
        sign_put(rows(), signer(), FILE, length, media_type, checksum)


@pytest.mark.parametrize("version", ["s3", None])
def test_an_older_signature_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match="s3v4"):
        Signer(client("s3", **({"signature_version": version} if version else {})), "bucket", NOW)
