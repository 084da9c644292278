"""Fixtures for all tests."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from policyengine import load

ROOT = Path(__file__).resolve().parent.parent

# Every run of the tests is the same run. HYPOTHESIS_PROFILE=explore draws other examples, and more of them.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile(
    "test",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    print_blob=True,
    suppress_health_check=_SLOW,
)
settings.register_profile("explore", settings.get_profile("test"), derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))


@pytest.fixture(scope="session")
def studio() -> Any:
    """The engine with Studio's own policies."""
    return load(str(ROOT / "policies"), schemas=str(ROOT / "schemas"))
