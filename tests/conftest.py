"""Fixtures for all tests."""

from pathlib import Path
from typing import Any

import pytest

from policyengine import load

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def studio() -> Any:
    """The engine with Studio's own policies."""
    return load(str(ROOT / "policies"), schemas=str(ROOT / "schemas"))
