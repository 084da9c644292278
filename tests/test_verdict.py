"""Verdicts as values: what counts as held, and their form as JSON."""

import json

from policyengine.analysis.verdict import Opinion, Verdict, all_held


def test_only_proved_counts_and_nothing_is_no_proof() -> None:
    proved = Verdict("isolation", "policies", "proved")
    assert all_held([proved])
    assert not all_held([])
    for status in ("refuted", "unknown", "vacuous", "refused"):
        assert not all_held([proved, Verdict("isolation", "policies", status)])


def test_the_json_says_everything_in_plain_values() -> None:
    opinions = (Opinion("cvc5", "1.4.2", "unsat", 0.01234),)
    verdict = Verdict("boundary", "key-policy", "proved", "kms", assumptions=("a",), opinions=opinions, seconds=0.12345)
    told = verdict.as_json()
    assert json.loads(json.dumps(told)) == told
    assert told["check"] == "boundary"
    assert told["layer"] == "kms"
    assert told["assumptions"] == ["a"]
    assert told["opinions"] == [{"solver": "cvc5", "version": "1.4.2", "status": "unsat", "seconds": 0.012}]
    assert told["seconds"] == 0.123
