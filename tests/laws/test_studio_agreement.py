"""On Studio's policies the engine, the interpreter and the hand-written model agree."""

from random import Random

import pytest

from tests.laws.situations import studio_engine
from tests.soak import Disagreement, check_world


def test_engine_interpreter_and_model_agree_on_studio() -> None:
    """20,000 requests; the soak asks a million."""
    engine = studio_engine()
    rng = Random(20260601)
    seen = sum((check_world(engine, rng, 100) for _ in range(200)), start=check_world(engine, rng, 0))
    assert seen["requests"] == 20_000
    assert seen["allow"] >= 0.2 * seen["requests"]
    assert seen["deny"] >= 0.2 * seen["requests"]
    assert seen["across"] >= 0.01 * seen["requests"]
    assert min(seen["obliged"], seen["errors"]) >= 0.01 * seen["requests"]


def test_a_disagreement_is_noticed() -> None:
    class Generous:
        """An engine that allows what it should not."""

        program = studio_engine().program
        entities = studio_engine().entities
        allowed = studio_engine().allowed

        def authorize(self, request: object, entities: object) -> dict[str, object]:
            return {**studio_engine().authorize(request, entities), "decision": "allow"}

    with pytest.raises(Disagreement, match="interpreter"):
        check_world(Generous(), Random(1), 100)
