"""Presigned URLs: one object, one method, one minute, after a decision on the File record.

The object's key comes from the record as it is stored, never from the client, and begins with the record's
organization. A URL is a right for whoever holds it, so it says as much as can be signed. Amazon S3 API Reference:
"Authenticating Requests: Using Query Parameters (AWS Signature Version 4)"; Amazon S3 User Guide: "Sharing objects with
presigned URLs" (a URL ends with the credentials that signed it), "Conditional writes".
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from policyengine.resolvers.codes import Incomplete, Refused
from policyengine.resolvers.rows import Record, Rows

SECONDS = 60
MAX_LENGTH = 5 * 1024**3
"""What one PUT can hold (Amazon S3 User Guide, "Uploading objects")."""
_VERSION_4 = "X-Amz-Algorithm=AWS4-HMAC-SHA256"
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}", re.ASCII)


class Signed(NamedTuple):
    """A URL, the method, and the headers that have to be sent along, exactly; good for so many seconds."""

    url: str
    method: str
    headers: dict[str, str]
    seconds: int


class Signer:
    """Signs for one bucket with an S3 client, which is of the record's organization (docs/aws-resolvers.md).

    The client pins Signature Version 4 and its region: an older signature covers no header. `until` is when its
    credentials end, in seconds since 1970. Raises ValueError for another client.
    """

    def __init__(
        self, client: Any, bucket: str, until: float, seconds: int = SECONDS, clock: Callable[[], float] = time.time
    ) -> None:
        if _VERSION_4 not in client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "-"}):
            raise ValueError('the client needs Config(signature_version="s3v4") and a region')  # its default is older
        if seconds < 1:
            raise ValueError("a URL lives a second or more")
        self._client = client
        self._bucket = bucket
        self._until = until
        self._seconds = seconds
        self._clock = clock

    def sign(self, operation: str, method: str, key: str, headers: Mapping[str, str], **more: Any) -> Signed:
        seconds = int(min(self._seconds, self._until - self._clock()))
        if seconds < 1:
            raise Incomplete("too late")
        url: str = self._client.generate_presigned_url(
            operation, Params={"Bucket": self._bucket, "Key": key, **more}, ExpiresIn=seconds, HttpMethod=method
        )
        return Signed(url, method, dict(headers), seconds)


def sign_get(rows: Rows, signer: Signer, record: Record, name: str = "") -> Signed:
    """A URL that downloads a File's object, as an attachment. Raises Refused (`absent`) and Incomplete.

    `name` is what the browser calls it: of the record's content, and quoted here.
    """
    key = _key(rows, "read", record)
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}" if name else "attachment"
    return signer.sign("get_object", "GET", key, {}, ResponseContentDisposition=disposition)


def sign_put(rows: Rows, signer: Signer, record: Record, length: int, media_type: str, sha256: str) -> Signed:
    """A URL that uploads a File's object: of this length, media type and SHA-256 (base64), where none is yet.

    Raises Refused: `absent`, `denied`, `malformed` for a length, type or checksum that is none; and Incomplete.
    """
    if type(length) is not int or not 0 <= length <= MAX_LENGTH:
        raise Refused("malformed", "length")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        raise Refused("malformed", "mediaType")
    if not _is_sha256(sha256):
        raise Refused("malformed", "sha256")
    key = _key(rows, "update", record)
    headers = {
        "content-length": str(length),
        "content-type": media_type,
        "if-none-match": "*",
        "x-amz-checksum-sha256": sha256,
    }
    return signer.sign(
        "put_object",
        "PUT",
        key,
        headers,
        ContentLength=length,
        ContentType=media_type,
        IfNoneMatch="*",
        ChecksumSHA256=sha256,
    )


def _key(rows: Rows, action: str, record: Record) -> str:
    """The key of a record's object, if the action is allowed. One outside its organization counts as none."""
    rows.demand(action, record)
    key, tenant = record.get("key"), record[rows.plans["tenant"]]
    if not isinstance(key, str) or not key.startswith(f"{tenant}/") or ".." in key.split("/"):
        raise Refused("absent", "key")
    return key


def _is_sha256(text: Any) -> bool:
    try:
        return isinstance(text, str) and len(base64.b64decode(text, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False
