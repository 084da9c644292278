"""A claim about one document, and the worlds in which it has to hold.

Both halves of a document hold alone: its Denies though every Allow were there (a grant, any identity policy, another
statement), and its Allows though every Deny were gone. What rests on both is asked of the whole. Whatever anybody else
may be given is an identity policy that allows everything: more Allows never take an answer away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from policyengine.analysis.documents.facts import All, Fact
from policyengine.analysis.documents.stacks import Stack

Json = dict[str, Any]
World = Literal["denies", "allows", "whole", "bare"]
Place = Literal["identity", "boundary", "key", "trust", "bucket"]
"""What the document is attached to."""

WORLDS: dict[World, str] = {
    "denies": "its Denies alone, though every Allow were there",
    "allows": "its Allows alone, though every Deny were gone",
    "whole": "the document as it is",
    "bare": "the document as it is, and no identity policy beside it",
}

ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Anything", "Effect": "Allow", "Action": "*", "Resource": "*"}],
}
"""Any identity policy: it allows what the most careless one could."""


EVERYBODY = All(())


@dataclass(frozen=True, slots=True)
class Subject:
    """A document, where it is attached, and to whom: `who` holds of every caller that it is asked about."""

    file: str
    place: Place
    layer: str
    who: Fact = EVERYBODY


@dataclass(frozen=True, slots=True)
class Claim:
    """No request for which `forbidden` holds is allowed, in any of the worlds.

    `name` is stable, `sentence` says it to people, `concerns` are those of the index: they say which threats it
    answers.
    """

    name: str
    sentence: str
    concerns: tuple[str, ...]
    worlds: tuple[World, ...]
    forbidden: Fact


Row = tuple[str, str, tuple[str, ...], tuple[World, ...], Fact]
"""A claim as a row of a table."""

BOTH: tuple[World, ...] = ("denies", "allows")
ALLOWS: tuple[World, ...] = ("allows",)
DENIES: tuple[World, ...] = ("denies",)
WHOLE: tuple[World, ...] = ("whole",)


def of_rows(*rows: Row) -> Iterator[Claim]:
    return (Claim(*row) for row in rows)


def stack_in(world: World, subject: Subject, text: str, *, account: str, partition: str, tenant: str) -> Stack:
    """The document in a world, with everything else as open as can be."""
    changed = json.dumps(_changed(json.loads(text), world, subject.place)) if world in ("denies", "allows") else text
    anything = json.dumps(ANYTHING)
    base = Stack(account=account, partition=partition, tenant=tenant, identity=() if world == "bare" else (anything,))
    match subject.place:
        case "identity":
            return replace(base, identity=(changed,), kind="delegating")
        case "boundary":
            return replace(base, boundary=changed, kind="delegating")
        case "key":
            return replace(base, resource_policy=changed, kind="kms")
        case "trust":
            return replace(base, resource_policy=changed, kind="trust")
        case "bucket":
            return replace(base, resource_policy=changed)


def _changed(document: Json, world: World, place: Place) -> Json:
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    if world == "denies":
        return {**document, "Statement": [*statements, _open(place)]}
    kept = [statement for statement in statements if statement["Effect"] == "Allow"]
    return {**document, "Statement": kept or [{**_open(place), "Action": "none:Nothing"}]}


def _open(place: Place) -> Json:
    """One more Allow, of everything to everyone: it stands for grants too."""
    who: Json = {} if place in ("identity", "boundary") else {"Principal": "*"}
    what: Json = {} if place == "trust" else {"Resource": "*"}
    return {"Sid": "AnyAllow", "Effect": "Allow", **who, "Action": "*", **what}
