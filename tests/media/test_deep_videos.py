"""Videos of more than 8 bits per channel keep them where the file can, and say so where it cannot."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import make_clip
from tests.media.test_video_files import FAST, copy


@pytest.mark.parametrize(
    ("name", "codec", "bits", "hint"),
    [
        ("out.mp4", None, 10, None),
        ("out.webm", "av1", 10, None),
        ("out.mov", "prores", 10, None),
        ("out.png", None, 16, None),
        ("out.mp4", "h264", 8, "; --codec h265 or av1 keeps 10"),
        ("out.webp", None, 8, ""),
    ],
)
def test_ten_bits_stay_where_the_codec_has_them_and_becoming_eight_is_said(
    tmp_path: Path, name: str, codec: str | None, bits: int, hint: str | None
) -> None:
    source = make_clip(tmp_path / "in.mp4", pixel_format="yuv420p10le", frames=2, colour=(1, 1, 1, 1))
    target = tmp_path / name
    said = [] if hint is None else [f"{target}: 10 bits per channel become 8{hint}"]
    assert copy(source, target, encoding=Encoding(codec)) == said
    with open_video(target) as video:
        assert video.info.bits == (bits if name != "out.png" else 8)  # animations are read in 8
    if name != "out.webp":
        with av.open(target) as container:
            stored = container.streams.video[0].codec_context.format
            assert max(component.bits for component in stored.components) == bits


def test_deep_pictures_are_turned_upright_with_all_their_bits(tmp_path: Path) -> None:
    level, turned = (
        make_clip(tmp_path / f"{n}.mp4", frames=1, size=(64, 48), pixel_format="yuv420p10le", rotation=(n, False))
        for n in (0.0, 90.0)
    )
    with open_video(level) as one, open_video(turned) as two:
        lying, upright = (next(video.frames(Clip())).rgb for video in (one, two))
    assert upright.dtype == np.uint16
    np.testing.assert_array_equal(upright, np.rot90(lying))


def test_deep_pictures_too_narrow_for_h265_stay_h264(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", pixel_format="yuv420p10le", frames=2, size=(64, 48))
    (note,) = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert "10 bits per channel become 8" in note
