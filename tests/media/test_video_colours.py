"""A video has the colours that it had, whatever its matrix, range and depth."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import pytest

from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import PALETTE, make_clip, read_pictures
from tests.media.test_video_files import FAST, copy, corners

#: By their numbers in H.273: BT.709, BT.601, and BT.2020, which PyAV 17, the last for Python 3.10, does not know.
MATRICES = [1, 6] + [9] * (int(av.__version__.split(".")[0]) >= 18)


@pytest.mark.parametrize("colour", list(itertools.product(MATRICES, [1, 2])), ids=str)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_colours_and_their_tags_are_the_same_as_before(
    tmp_path: Path, colour: tuple[int, int], pixel_format: str
) -> None:
    tags = (*colour, 1, 1)
    source = make_clip(tmp_path / "in.mp4", colour=tags, pixel_format=pixel_format, frames=2)
    with open_video(source) as video:
        read = next(video.frames(Clip())).rgb
    assert (read.dtype == np.uint16) == (pixel_format == "yuv420p10le")
    np.testing.assert_allclose(corners(to_8_bit(read)), PALETTE, atol=4)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    with open_video(tmp_path / "out.mp4") as video:
        np.testing.assert_allclose(corners(to_8_bit(next(video.frames(Clip())).rgb)), PALETTE, atol=6)
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        found = (stream.colorspace, stream.color_range, stream.color_primaries, stream.color_trc)
        assert found == tags


@pytest.mark.parametrize("codec", ["h265", "vp9", "av1", "prores"])
def test_full_range_does_not_become_too_bright_in_any_codec(tmp_path: Path, codec: str) -> None:
    source = make_clip(tmp_path / "in.mp4", colour=(1, 2, 1, 1), frames=2)
    path = tmp_path / "out.mkv"
    copy(source, path, encoding=Encoding(codec=codec))
    np.testing.assert_allclose(corners(read_pictures(path)[0].rgb), PALETTE, atol=12)


def test_video_without_colour_tags_keeps_having_none_and_its_brightness(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    planes = []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(path) as container:
            assert container.streams.video[0].colorspace == 2
            planes.append(next(container.decode(video=0)).to_ndarray().astype(int))
    assert np.abs(planes[0] - planes[1]).mean() < 1
