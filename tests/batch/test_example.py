"""The example of a batch on the page about Python runs as it stands, on the cores of this machine."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

from balloon_splash.data.render import render_scene
from tests.batch.conftest import need
from tests.docs.test_api import EXAMPLES

BEFORE = """
import numpy as np
from PIL import Image
from balloon_splash import Splasher
image = np.asarray(Image.open("photo.jpg"))
"""
AFTERWARDS = "import signal; print(signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)"


def test_the_example_on_the_page_runs_and_leaves_sigterm_alone(tmp_path: Path) -> None:
    need("ray")
    (tmp_path / "holiday").mkdir()
    for name in ("photo.jpg", "holiday/photo.jpg"):
        Image.fromarray(render_scene(0, (320, 240)).image).save(tmp_path / name)
    finder, batch = (example[1] for example in EXAMPLES if re.search("class LeftHalf|splash_batch", example[1]))
    command = [sys.executable, "-W", "ignore", "-c", "\n".join((BEFORE, finder, batch, AFTERWARDS))]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=250, check=False)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "left" / "photo_splash.jpg").is_file()
    assert (tmp_path / "left" / "record.jsonl").is_file()
    assert run.stdout.splitlines()[-1] == "True", "SIGTERM would end the process in Ray's way"
