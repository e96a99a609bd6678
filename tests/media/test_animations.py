"""Animations: how often they are played, their colours, and files that end too early."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from balloon_splash.media.video.codecs import Encoding
from tests.media.clips import make_clip, quarters, read_pictures
from tests.media.test_video_files import FAST, copy


def animation(path: Path, loop: int | None, frames: int = 8) -> Path:
    images = [Image.fromarray(quarters(index)) for index in range(frames)]
    options: dict[str, Any] = {} if loop is None else {"loop": loop}
    images[0].save(path, save_all=True, append_images=images[1:], duration=80, **options)
    return path


def loop_of(path: Path) -> int | None:
    with Image.open(path) as image:
        loop: int | None = image.info.get("loop")
        return loop


@pytest.mark.parametrize(
    ("source", "loop", "target", "expected"),
    [
        (".gif", None, ".gif", None),
        (".gif", 0, ".gif", 0),
        (".gif", 3, ".gif", 3),
        (".webp", 2, ".webp", 2),
        (".webp", 0, ".webp", 0),
        (".gif", 3, ".webp", 4),
        (".webp", 4, ".gif", 3),
    ],
)
def test_an_animation_is_played_as_often_as_before(
    tmp_path: Path, source: str, loop: int | None, target: str, expected: int | None
) -> None:
    clip = animation(tmp_path / f"in{source}", loop)
    copy(clip, tmp_path / f"out{target}")
    assert loop_of(tmp_path / f"out{target}") == expected


def test_the_colours_of_a_gif_are_said(tmp_path: Path) -> None:
    (warning,) = copy(animation(tmp_path / "in.gif", 0), tmp_path / "out.gif")
    assert "256 colours" in warning


def test_a_gif_that_was_cut_in_half_is_said(tmp_path: Path) -> None:
    clip = animation(tmp_path / "in.gif", 0)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    assert any("is cut off" in warning for warning in copy(clip, tmp_path / "out.gif"))


def test_a_matroska_file_with_sound_that_was_cut_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "in.mkv", audio=["aac"])
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 6 // 10])
    assert any("ends after" in warning for warning in copy(clip, tmp_path / "out.mkv", encoding=FAST))
    whole = make_clip(tmp_path / "whole.mkv", audio=["aac"])
    assert copy(whole, tmp_path / "out2.mkv", encoding=FAST) == []


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_the_length_of_a_variable_rate_file_is_that_of_its_frames(tmp_path: Path, codec: str) -> None:
    ticks = [0, 40, 80, 200, 220, 500, 1000, 6000]
    source = make_clip(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 1000))
    copy(source, tmp_path / "out.mp4", encoding=Encoding(codec=codec))
    assert [picture.time * 1000 for picture in read_pictures(tmp_path / "out.mp4")] == ticks
    lengths = []
    for path in (source, tmp_path / "out.mp4"):
        with av.open(path) as container:
            lengths.append(container.duration)
    assert lengths[1] == lengths[0] == 6_040_000
