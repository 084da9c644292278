"""The authorizer's function for AWS Lambda: every file of its bundle, the archive, and the manifest of digests.

In: a program. Out: bytes; the same program gives the same bytes under the same version of Python. The bundle holds the
generated evaluator, this project's runtime as it is, the entry point, and the locked requirements.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import marshal
import zipfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.util import MAGIC_NUMBER, source_hash
from sys import implementation

from policyengine.backends.python import emit_python, policy_digest
from policyengine.ir.nodes import Program
from policyengine.model.claims import claims_of

PACKAGE = "policyengine_runtime"
CARRIED = ("tokens", "authorizer")
"""Folders of `policyengine.runtime` that the function needs."""
RESERVED = ("policyDigest", "requestId", "left")
"""What the authorizer hands on beside the principal's attributes."""

HANDLER = f'''"""The entry point of the authorizer's function in AWS Lambda: `handler.handler`."""

import os

import policy_bundle
from policy_bundle import api
from {PACKAGE}.authorizer import authorizer_from_environment

handler = authorizer_from_environment(policy_bundle, api, os.environ)
'''


class Refused(Exception):
    """Why this policy set has no authorizer."""


def emit_authorizer(program: Program) -> dict[str, bytes]:
    """The files of the bundle by their paths. Raises Refused."""
    _refuse(program)
    made = {"handler.py": HANDLER.encode(), f"{PACKAGE}/__init__.py": b'"""What policyengine runs in AWS Lambda."""\n'}
    made |= {f"policy_bundle/{name}.py": text.encode() for name, text in emit_python(program).items()}
    for folder in CARRIED:
        for file in files("policyengine.runtime").joinpath(folder).iterdir():
            if file.name.endswith(".py"):
                made[f"{PACKAGE}/{folder}/{file.name}"] = file.read_bytes()
    made |= dict(_compiled(made))
    made["requirements.txt"] = requirements()
    return dict(sorted(made.items()))


def requirements() -> bytes:
    """What has to be installed beside the bundle: exact versions, with hashes."""
    return files("policyengine.runtime").joinpath("authorizer", "requirements.txt").read_bytes()


def _refuse(program: Program) -> None:
    claimed = dict(claims_of(program.schema.principal))
    if not program.api.fields:
        raise Refused("no `api` block says what the fields of the API ask for")
    for a in program.schema.principal.attributes:
        if a.required and a.name not in claimed:
            raise Refused(f"nothing says from which claim the principal's `{a.name}` comes; write `from claim ...`")
        if a.name in RESERVED:
            raise Refused(f"the principal's `{a.name}` has a name that the authorizer uses itself")


def _compiled(sources: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Modules compiled beforehand, since a function's folder is read-only and each cold start would compile them anew.

    Another version of Python ignores them. Version 2 of `marshal` writes no references, which differ from run to run.
    """
    for path, source in sources.items():
        folder, _, name = path.rpartition("/")
        code = compile(source, path, "exec", dont_inherit=True)
        unchecked = (0b01).to_bytes(4, "little")  # PEP 552: by hash, never compared with the source
        head = MAGIC_NUMBER + unchecked + source_hash(source)
        compiled = f"__pycache__/{name.removesuffix('.py')}.{implementation.cache_tag}.pyc"
        yield f"{folder}/{compiled}" if folder else compiled, head + marshal.dumps(code, 2)


# ---- The archive and its manifest


def zipped(made: Mapping[str, bytes]) -> bytes:
    """The archive that AWS Lambda takes; times and permissions in it are fixed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in sorted(made.items()):
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content, compresslevel=9)
    return out.getvalue()


def manifest(program: Program, made: Mapping[str, bytes], archive: bytes) -> str:
    """What was built, as JSON text: the policy's digest, each file's SHA-256, and the archive's as AWS Lambda tells it.

    `codeSha256` is in base64, as in `aws lambda get-function-configuration`.
    """
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(made.items())}
    told = {"policy": policy_digest(program), "codeSha256": code_sha256(archive), "files": digests}
    return json.dumps(told, indent=2) + "\n"


def code_sha256(archive: bytes) -> str:
    """The SHA-256 of an archive, in base64."""
    return base64.b64encode(hashlib.sha256(archive).digest()).decode()


def differences(told: Mapping[str, str], found: Mapping[str, bytes]) -> Iterator[str]:
    """Where files differ from the digests that a manifest tells: `changed`, `missing` or `unknown`, and the path."""
    for path in sorted({*told, *found}):
        if path not in found:
            yield f"missing {path}"
        elif path not in told:
            yield f"unknown {path}"
        elif hashlib.sha256(found[path]).hexdigest() != told[path]:
            yield f"changed {path}"


# ---- Wheels


def unpacked(wheels: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of wheels by their paths, with modules compiled, each wheel being one that the requirements allow.

    Raises Refused.
    """
    allowed = requirements().decode().split()
    made: dict[str, bytes] = {}
    for name, content in sorted(wheels.items()):
        if f"--hash=sha256:{hashlib.sha256(content).hexdigest()}" not in allowed:
            raise Refused(f"{name} is none of the files that requirements.txt allows")
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            for entry in wheel.infolist():
                if not entry.is_dir() and not entry.filename.split("/")[0].endswith(".data"):
                    made[entry.filename] = wheel.read(entry)
    if any(path.startswith("/") or ".." in path.split("/") for path in made):
        raise Refused("a wheel holds a path that leaves its folder")
    return {**made, **dict(_compiled({path: text for path, text in made.items() if path.endswith(".py")}))}
