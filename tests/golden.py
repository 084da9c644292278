"""Golden files: what the project prints, kept under tests/golden; `make golden` rewrites them, tests only compare."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "golden"


def check(name: str, text: str) -> None:
    """The text is what the golden file of that name holds."""
    path = FOLDER / name
    if os.environ.get("POLICYENGINE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    assert path.exists(), f"no golden file {name}: run make golden"
    assert path.read_text("utf-8") == text


def check_file(path: Path, text: str) -> None:
    """The same for a page that is written by a command and lives elsewhere."""
    if os.environ.get("POLICYENGINE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, f"{path.name} is out of date: read the diff, then `make golden`"
