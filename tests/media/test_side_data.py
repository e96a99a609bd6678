"""Side data of video frames is named, and no kind of it ends the run."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.side_data import NOT_CARRIED
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import make_clip
from tests.media.test_video_files import FAST, copy


def clip(path: Path, codec: str, *, matrix: int = 1) -> Path:
    """A clip of three pictures."""
    with av.open(path, "w") as output:
        options = {"preset": "ultrafast"} | ({"x265-params": "log-level=error"} if codec == "libx265" else {})
        stream = output.add_stream(codec, rate=25, width=64, height=64, options=options)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = matrix
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 60 * index, np.uint8), "rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_frames_that_were_read_do_not_wait_for_the_garbage_collector(tmp_path: Path) -> None:
    """They would be hundreds at a time, of 3 MB each in 1080p, and more the longer the video is."""
    source = make_clip(tmp_path / "in.mp4", frames=30, size=(64, 64))
    gc.collect()
    gc.disable()
    try:
        with open_video(source) as video:
            assert len(list(video.frames(Clip()))) == 30
            assert sum(isinstance(each, av.VideoFrame) for each in gc.get_objects()) < 5
    finally:
        gc.enable()


def test_a_track_of_dolby_vision_is_named_by_its_kind(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", "libx265")
    data = source.read_bytes()
    assert data.count(b"hev1") == 1
    source.write_bytes(data.replace(b"hev1", b"dvhe"))
    assert f"{source}: Dolby Vision metadata: left out" in copy(source, tmp_path / "out.mp4", encoding=FAST)


def test_a_matrix_that_is_not_computed_is_said(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4", "libx264", matrix=14)  # ICtCp
    with open_video(source) as video:
        (warning,) = video.warnings
    assert "coded by matrix 14" in warning


@pytest.mark.parametrize("number", [28, 31, 99])
def test_kinds_that_pyav_has_no_name_for_have_their_number(number: int) -> None:
    kind: Any = Type(number)
    assert kind.value == number


def test_the_numbers_are_those_of_pyav() -> None:
    by_name = {
        "A53_CC": "captions in the picture (CEA-608, CEA-708)",
        "SPHERICAL": "the mark as a 360-degree video",
        "DOVI_METADATA": "Dolby Vision metadata",
        "DYNAMIC_HDR_PLUS": "HDR10+ metadata",
        "FILM_GRAIN_PARAMS": "film grain",
        "ICC_PROFILE": "the ICC profile",
    }
    kinds: Any = Type
    assert {name: NOT_CARRIED[kinds[name].value] for name in by_name} == by_name
