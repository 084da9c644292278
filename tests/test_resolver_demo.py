"""The demo of the resolvers checks each of its steps itself: it ends well, or says where it stopped."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_demo_runs_to_its_end() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "examples.demo_resolvers"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the sweeper finds: 0" in ran.stdout
    assert '"event":"row"' in ran.stdout.replace('": ', '":')
