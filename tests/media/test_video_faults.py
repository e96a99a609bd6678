"""Videos that are broken, cut off or no videos at all: one line that names the file, and what can be saved is saved."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from balloon_splash.errors import MediaError
from balloon_splash.media.video.clip import Clip
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import bar_number, make_clip, read_pictures
from tests.media.test_video_files import FAST, copy


@pytest.mark.parametrize(
    ("name", "data", "found"),
    [
        ("empty.mp4", b"", "cannot be read"),
        ("text.mp4", b"this is no video at all\n" * 50, "cannot be read"),
        ("text.webp", b"this is no animation\n" * 50, "cannot be read|cannot identify"),
    ],
)
def test_file_that_is_no_video_is_named(tmp_path: Path, name: str, data: bytes, found: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(MediaError, match=f"{name}.*({found})"):
        open_video(tmp_path / name)


def test_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"nowhere\.mp4.*No such file"):
        open_video(tmp_path / "nowhere.mp4")


def test_truncated_mp4_whose_index_is_lost_is_refused(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"half\.mp4: cannot be read"):
        open_video(tmp_path / "half.mp4")


def test_sound_without_picture_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as output:
        output.setparams((1, 2, 8000, 0, "NONE", ""))
        output.writeframes(bytes(8000))
    with pytest.raises(MediaError, match=r"sound\.wav: found audio; expected a video track"):
        open_video(tmp_path / "sound.wav")


def test_video_of_no_frames_is_refused(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "in.mkv", frames=1).read_bytes()
    start = data.index(bytes.fromhex("1F43B675"))  # Matroska's first cluster: the head stays, every frame goes
    (tmp_path / "head.mkv").write_bytes(data[:start])
    with pytest.raises(MediaError, match=r"head\.mkv.*cannot be read as a video"):
        open_video(tmp_path / "head.mkv")


def test_corrupt_tail_costs_only_the_tail_and_is_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=50, container_options={"movflags": "+faststart"}, audio=["aac"])
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    warnings = copy(source, tmp_path / "out.mp4", encoding=FAST)
    pictures = read_pictures(tmp_path / "out.mp4")
    assert 10 < len(pictures) < 45
    assert [bar_number(p.rgb) for p in pictures[:10]] == list(range(10))
    assert any("in.mp4" in warning and "ends after" in warning for warning in warnings)


def test_damage_in_the_middle_is_survived_and_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.ts", frames=50)
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    source.write_bytes(data)
    warnings = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert len(read_pictures(tmp_path / "out.mp4")) > 30
    assert warnings


def test_start_behind_the_end_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=5)
    with pytest.raises(MediaError, match=r"in\.mp4: no frame from 9 s on; the video ends after 0\.\d+ s \(--start\)"):
        copy(source, tmp_path / "out.mp4", Clip(start=9))


def test_matroska_with_sound_that_was_cut_off_without_a_word_about_its_length_is_noticed(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=50, audio=["aac"])
    data = source.read_bytes()
    silent = data.replace(b"DURATION", b"NOTATION")  # the statistics that some writers leave out
    source.write_bytes(silent)
    assert not any("cut off" in warning for warning in copy(source, tmp_path / "whole.mp4", encoding=FAST))
    source.write_bytes(silent[: len(data) * 7 // 10])
    warnings = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert any("in.mkv: is cut off" in warning for warning in warnings)
    assert len(read_pictures(tmp_path / "out.mp4")) < 50


def test_live_matroska_that_announces_no_length_is_not_called_cut_off(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=20, audio=["aac"], container_options={"live": "1"})
    assert copy(source, tmp_path / "out.mp4", encoding=FAST) == []
