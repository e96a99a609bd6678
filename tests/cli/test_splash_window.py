"""The webcam's window on a real, though invisible, screen; a video stands behind the webcam."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from filelock import FileLock

from tests.cli.scenes import SIZE, colourful, moving_scene
from tests.media.clips import Pixels, make_clip

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb, a screen without a monitor")
#: Two servers that start at once may want the same number.
START = FileLock(Path(tempfile.gettempdir()) / "balloon_splash_tests_xvfb.lock", timeout=PATIENCE)


class Screen(NamedTuple):
    """An X server and the file where what it shows lies."""

    display: str
    buffer: Path

    def look(self) -> Pixels:
        """``(H, W, 3)``: what is on the screen, from an XWD file of 32 bits a pixel."""
        data = self.buffer.read_bytes()
        header = struct.unpack(">20I", data[:80])
        width, height, stride, colours = header[4], header[5], header[12], header[19]
        pixels = np.frombuffer(data, np.uint8, stride * height, header[0] + 12 * colours).reshape(height, stride)
        bgrx: Pixels = pixels[:, : 4 * width].reshape(height, width, 4)
        return bgrx[..., 2::-1]


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "400x300x24", "-fbdir", str(tmp_path), "-nolisten", "tcp"]
    with contextlib.ExitStack() as started:
        with START:
            server = started.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            )
            assert server.stdout is not None
            number = server.stdout.readline().strip()
        try:
            yield Screen(f":{number}", tmp_path / "Xvfb_screen0")
        finally:
            server.terminate()


def start(screen: Screen, clip: Path, *options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cli.torchless", "--input", "0", *(str(option) for option in options)],
        cwd=ROOT,
        env={**os.environ, "DISPLAY": screen.display, "WEBCAM": str(clip), "SLOW": "0.05", "QT_QPA_PLATFORM": "xcb"},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that a process brings about; if it ends before, say what it said."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def shows_the_splash(picture: Pixels) -> bool:
    """Somewhere on the screen there is the red disc, whole, and the meadow around it without its green."""
    red = (picture[..., 0] > 180) & (picture[..., 1] < 80) & (picture[..., 2] < 90)
    if red.sum() < 1000:
        return False
    rows, columns = np.nonzero(red)
    y, x = int(rows.mean()), int(columns.mean())
    return colourful(picture, x, y) and not colourful(picture, x, y - 32)


def test_the_window_shows_the_splash_and_ends_with_the_frames_asked_for(screen: Screen, tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=200, size=SIZE, draw=moving_scene)
    process = start(screen, clip, "--max-frames", 60)
    wait_until(lambda: shows_the_splash(screen.look()), process)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


def test_a_webcam_that_gives_no_more_ends_with_one_line(screen: Screen, tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=5, size=SIZE, draw=moving_scene)
    _, err = (process := start(screen, clip)).communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (2, "error: webcam 0: sends no more pictures\n")


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="needs xdotool, which presses keys")
def test_a_key_closes_the_window(screen: Screen, tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=2000, size=SIZE, draw=moving_scene)
    process = start(screen, clip)
    wait_until(lambda: shows_the_splash(screen.look()), process)
    subprocess.run(["xdotool", "key", "q"], env={**os.environ, "DISPLAY": screen.display}, check=True)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
