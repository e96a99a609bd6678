"""Whoever writes a video keeps the scheduling that the system gave him."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.schedule import kept_schedule
from tests.media.clips import make_clip
from tests.media.test_video_files import copy

THREADS = Path("/proc/self/task")

pytestmark = pytest.mark.skipif(not THREADS.is_dir(), reason="threads are listed there under Linux alone")


def policies() -> set[int]:
    """Return the policies of all threads of this process."""
    return {os.sched_getscheduler(int(thread.name)) for thread in THREADS.iterdir()}


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave no real-time thread behind where a test fails."""
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    os.sched_setscheduler(0, *before)


def test_threads_started_meanwhile_and_this_one_are_as_before(tmp_path: Path) -> None:
    """Root's are real-time threads without it: ``findings/svt_av1_real_time.sh``."""
    before = policies()
    with av.open(tmp_path / "out.mkv", "w") as output:
        stream = output.add_stream("libsvtav1", rate=10, options={"preset": "10"})
        stream.width = stream.height = 64
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        with kept_schedule():
            output.mux(stream.encode(frame))
        after = policies()
        output.mux(stream.encode(None))
    assert after == before


@pytest.mark.parametrize("codec", ["av1", "h264", "h265", "vp9"])
def test_writing_a_video_leaves_the_priority_alone(tmp_path: Path, codec: str) -> None:
    before = policies()
    source = make_clip(tmp_path / "in.mp4", frames=2)
    copy(source, tmp_path / "out.mkv", encoding=Encoding(codec=codec))
    assert policies() == before
