"""A part of a video begins with the picture that was asked for, whatever the container and its key frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.media.video.clip import Clip
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import bar_number, make_clip

OPEN_GOP = {"g": "25", "bf": "3", "preset": "medium", "x264-params": "open-gop=1:b-pyramid=none"}


@pytest.mark.parametrize(
    ("name", "codec", "options", "start"),
    [
        ("in.ts", "libx264", {"g": "50", "bf": "2", "preset": "veryfast"}, 1.48),
        ("in.mpg", "mpeg2video", {"g": "15", "bf": "2"}, 0.64),
        ("in.mp4", "libx264", OPEN_GOP, 0.92),
        ("in.avi", "mpeg4", {"g": "25", "bf": "2", "b": "2000000"}, 1.0),
        ("in.mkv", "libx264", {"g": "50"}, 1.2),
        ("in.h264", "libx264", {"g": "50"}, 1.2),
    ],
)
def test_no_picture_is_missing_at_the_start(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], start: float
) -> None:
    source = make_clip(tmp_path / name, frames=50, codec=codec, options=options)
    with open_video(source) as video:
        whole = [frame.source_time for frame in video.frames(Clip())]
    with open_video(source) as video:
        part = list(video.frames(Clip(start=start, end=start + 0.2)))
    assert [frame.source_time for frame in part] == [time for time in whole if start - 0.02 <= time < start + 0.179]
    assert bar_number(part[0].rgb) == whole.index(part[0].source_time) % 16


def test_a_part_of_joined_recordings_is_where_the_whole_has_it(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", frames=25, options={"g": "5"})
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    with open_video(joined) as video:
        whole = {frame.source_time: bar_number(frame.rgb) for frame in video.frames(Clip())}
    with open_video(joined) as video:
        found = {frame.source_time: bar_number(frame.rgb) for frame in video.frames(Clip(start=1.4, end=1.8))}
    assert len(whole) == 50
    assert len(found) == 10
    assert found.items() <= whole.items()
