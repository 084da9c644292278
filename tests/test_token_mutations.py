"""Mutated tokens: the verifier that is deployed says what the slow one says, and nothing else
(docs/aws-authorizer-tokens.md)."""

from __future__ import annotations

import time
from collections import Counter
from random import Random
from typing import Any

import pytest

from policyengine.runtime.tokens import CODES, STANDARD, PinnedSet, Rejected, Verifier, parse_settings, principal_of
from policyengine.runtime.tokens import verify as verify_once
from tests import token_oracle
from tests.token_mutations import case
from tests.tokens import jwks, private_key

NEVER = {"fault", "keys_unavailable", "deny_all", "blocked"}


def judged(count: int, seed: int) -> Counter[str]:
    """So many cases: what was said, by code. Both verifiers agree on each, and so does one that remembers."""
    rng = Random(seed)
    pinned = PinnedSet(jwks("k1", "k2"))
    keys = {name: private_key(name).public_key() for name in ("k1", "k2")}
    holders: dict[Any, Verifier] = {}
    seen: Counter[str] = Counter()
    for number in range(count):
        value, given, now = case(rng)
        expected = token_oracle.principal(value, given, keys, now)
        settings = parse_settings(given)
        holder = holders.setdefault(settings, Verifier(settings, pinned))
        for found in (verify_once(value, settings, pinned, now), holder.verify(value, now), holder.verify(value, now)):
            if isinstance(found, Rejected):
                assert expected is None, f"seed {seed}, case {number}: {found}, but {expected}"
                assert str(found) in CODES.keys() - NEVER, f"seed {seed}, case {number}: {found}"
            else:
                assert principal_of(found, STANDARD) == expected, f"seed {seed}, case {number}"
        seen[str(found) if isinstance(found, Rejected) else "accepted"] += 1
    return seen


def test_mutated_tokens_are_judged_as_the_slow_verifier_judges_them() -> None:
    seen = judged(1500, seed=1)
    assert seen["accepted"] > 150, seen
    assert len(seen) > 18, seen


@pytest.mark.soak
@pytest.mark.parametrize("quarter", range(4))
def test_two_hundred_thousand_mutated_tokens(quarter: int) -> None:
    """Four times fifty thousand: `-s` shows what was said of them."""
    began, seen = time.monotonic(), Counter[str]()
    for part in range(25):
        seen += judged(2000, seed=1000 * quarter + part + 1000)
    print(f"{seen.total():,} tokens in {time.monotonic() - began:.0f} s: {dict(seen.most_common())}")
    assert seen.total() == 50_000
    assert seen["accepted"] > 5_000
    assert seen.keys() >= CODES.keys() - NEVER


def test_the_slow_verifier_reads_what_the_strict_one_reads() -> None:
    """The oracle's own JSON and base64url, on plain values: an oracle that refuses all would agree with anything."""
    assert token_oracle.read_object(b' {"a": [1, -2.5e1, "\\u00e9\\ud83d\\ude00\\n", true, null, {"b": {}}]} ') == {
        "a": [1, -25.0, "é\U0001f600\n", True, None, {"b": {}}]
    }
    assert token_oracle.read_base64("-_-_AA") == b"\xfb\xff\xbf\x00"
    for text in ("A", "AB=", "AB", "A B", "+/"):
        with pytest.raises(token_oracle.No):
            token_oracle.read_base64(text)
