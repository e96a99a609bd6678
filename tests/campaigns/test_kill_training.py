"""The campaign, in short: a training that is killed comes to what it would have come to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_killed_three_times_and_nothing_is_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaigns.kill_training", "--kills", "3"],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "3 kills" in done.stdout.splitlines()[-1]
