"""Videos whose objects are carried between key frames: with records, tracks, parts and strides as ever."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from balloon_splash.compositing.select import Selection
from balloon_splash.errors import UsageError
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.run import splash_inputs
from balloon_splash.splasher.video_stream import VideoOptions, VideoSummary
from tests.fakes import ColourSegmenter
from tests.media.clips import make_clip, read_pictures

FAST = Encoding(options={"preset": "ultrafast"}, quality=10)


def balls(index: int, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """A red ball that drifts and a smaller, mottled one that swings, on a ground with grain."""
    grain = np.random.default_rng(3).integers(0, 60, (size[0] // 4, size[1] // 4, 3), dtype=np.uint8)
    picture = cv2.resize(grain, size[::-1], interpolation=cv2.INTER_CUBIC) + np.array([60, 130, 60], np.uint8)
    for x, y, radius in ((40 + 2 * index, 40, 20), (110 + 12 * np.sin(index / 6), 90, 14)):
        centre = (round(x), round(y))
        cv2.circle(picture, centre, radius, (225, 30, 40), -1)
        cv2.circle(picture, (centre[0] - radius // 3, centre[1] - radius // 3), radius // 4, (255, 90, 90), -1)
    return np.asarray(picture, np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "in.mp4", frames=30, size=(128, 160), draw=balls)


def splash(source: Path, name: str, finder: ColourSegmenter | None, **options: object) -> VideoSummary:
    video = {"every": None} | {key: options.pop(key) for key in ("every", "clip", "steadiness") if key in options}
    chosen = SplashOptions(video=VideoOptions(encoding=FAST, **video), **options)  # type: ignore[arg-type]
    summary = splash_inputs([str(source)], str(source.parent / name), chosen, finder=finder)
    (outcome,) = summary.outcomes
    assert outcome.video is not None, outcome.error
    return outcome.video


def pictures(path: Path) -> npt.NDArray[np.int16]:
    return np.stack([picture.rgb for picture in read_pictures(path)]).astype(np.int16)


def test_carried_splash_is_that_of_every_frame_but_for_edges(clip: Path) -> None:
    finder = ColourSegmenter()
    assert splash(clip, "all.mp4", finder, every=1).key_frames == 30
    carried = splash(clip, "carried.mp4", ColourSegmenter())
    assert carried.frames == 30
    assert carried.key_frames <= 6
    coloured = [np.ptp(pictures(clip.parent / name), axis=3) > 90 for name in ("all.mp4", "carried.mp4")]
    both = (coloured[0] & coloured[1]).sum(axis=(1, 2)) / (coloured[0] | coloured[1]).sum(axis=(1, 2))
    assert both.min() > 0.85


def test_record_of_a_carried_splash_makes_it_again_without_a_model(clip: Path) -> None:
    record = clip.parent / "found.jsonl"
    splash(clip, "first.mp4", ColourSegmenter(), save_detections=str(record))
    assert len({json.loads(line)["images"][0]["file_name"] for line in record.read_text().splitlines()}) == 30
    again = splash(clip, "again.mp4", None, detections=str(record))
    assert again.key_frames == 30
    np.testing.assert_array_equal(pictures(clip.parent / "first.mp4"), pictures(clip.parent / "again.mp4"))
    part = splash(clip, "part.mp4", None, detections=str(record), clip=Clip(start=0.2, end=1.0, stride=3), every=4)
    assert (part.frames, part.key_frames < 7) == (7, True)


def test_point_picks_one_object_for_the_whole_clip(clip: Path) -> None:
    splash(clip, "one.mp4", ColourSegmenter(), selection=Selection(point=(110, 90)))
    coloured = np.ptp(pictures(clip.parent / "one.mp4"), axis=3) > 90
    assert coloured[:, 70:115].any(axis=(1, 2)).all()
    assert not coloured[:, :62].any()


def test_part_and_stride_are_carried_like_the_whole(clip: Path) -> None:
    summary = splash(clip, "part.mp4", ColourSegmenter(), clip=Clip(start=0.2, stride=2, max_frames=11), every=5)
    assert (summary.frames, summary.key_frames <= 6) == (11, True)


@pytest.mark.parametrize("every", [0, 61])
def test_interval_out_of_range_is_refused(every: int) -> None:
    with pytest.raises(UsageError, match="expected 1 to 60"):
        VideoOptions(every=every)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_ten_bit_hdr_keeps_its_bits_and_tags_and_the_grey_is_neutral(tmp_path: Path, transfer: int) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        frames=6,
        size=(128, 160),
        codec="libx265",
        pixel_format="yuv420p10le",
        colour=(9, 1, 9, transfer),
        draw=balls,
    )
    summary = splash(source, "out.mp4", ColourSegmenter(), every=4)
    assert summary.warnings == ()
    before, after = deep_pictures(source), deep_pictures(tmp_path / "out.mp4")
    with av.open(tmp_path / "out.mp4") as container:
        context = container.streams.video[0].codec_context
        assert (context.pix_fmt, context.colorspace) == ("yuv420p10le", 9)
        assert (context.color_primaries, context.color_trc) == (9, transfer)
    ball, ground = (0, slice(32, 48), slice(32, 40)), (slice(100, 124), slice(4, 40))
    assert np.abs(before[0][ball] - after[0][ball]).mean() < 6, "the luma of the ball, of 1023"
    assert np.abs(after[1][0, 50:62, 2:20] - 512).max() <= 4, "no colour"
    assert (after[0][0][ground] % 4 > 0).any(), "values between those of 8 bits"


def deep_pictures(path: Path) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """``(N, H, W)`` luma and ``(N, H/2, W/2)`` blue difference, of 1023."""
    with av.open(path) as container:
        height, width = container.streams.video[0].height, container.streams.video[0].width
        planes = [frame.to_ndarray(format="yuv420p10le").astype(np.int16) for frame in container.decode(video=0)]
    blue = [each[height : height * 5 // 4].reshape(height // 2, width // 2) for each in planes]
    return np.stack([each[:height] for each in planes]), np.stack(blue)


def test_animation_is_carried_like_a_video(tmp_path: Path) -> None:
    source = tmp_path / "in.webp"
    first, *rest = (Image.fromarray(balls(index, (128, 160))) for index in range(14))
    first.save(source, append_images=rest, save_all=True, duration=[40, 40, 100, 40, 40, 200, *[40] * 8], lossless=True)
    summary = splash(source, "out.mp4", ColourSegmenter())
    assert (summary.frames, summary.seconds) == (14, Fraction(78, 100))
    assert summary.key_frames <= 5
