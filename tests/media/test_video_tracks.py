"""Sound, subtitles and attachments of a video are copied, converted or named."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.sound import holds_sound
from tests.media.clips import make_clip, read_packets
from tests.media.test_video_files import FAST, PLAIN, copy


def loudness(path: Path) -> list[tuple[float, float]]:
    """``(seconds, mean amplitude)`` of the first sound track, block by block."""
    with av.open(path) as container:
        return [
            (float(frame.pts * frame.time_base), float(np.abs(frame.to_ndarray().astype(float)).mean()))
            for frame in container.decode(audio=0)
        ]


def rename_last_sound(path: Path) -> Path:
    """Give the last sound track a name (APAC, of 2024) that no decoder is known for, as phones write it."""
    data = bytearray(path.read_bytes())
    entry = data.index(b"mp4a", data.rindex(b"stsd"))
    data[entry : entry + 4] = b"apac"
    at = data.index(b"esds", entry)
    data[at : at + 4] = b"dapa"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv", ".webm"])
def test_a_track_that_nothing_can_read_costs_itself_alone(tmp_path: Path, suffix: str) -> None:
    source = rename_last_sound(make_clip(tmp_path / "in.mov", audio=["aac", "aac"]))
    assert holds_sound(".mov", source)
    warnings = copy(source, tmp_path / f"out{suffix}", encoding=PLAIN if suffix == ".webm" else FAST)
    assert f"{source}: sound track 2 is unknown, which nothing here can read; it is left out" in warnings
    assert len(read_packets(tmp_path / f"out{suffix}", "audio")) == 1


@pytest.mark.parametrize(
    ("codec", "kept_by", "suffix", "becomes"),
    [
        ("aac", ".mp4", ".webm", "opus"),
        ("pcm_s16le", ".mov", ".webm", "opus"),
        ("flac", ".mkv", ".mov", "aac"),
        ("libopus", ".webm", ".mov", "aac"),
        ("adpcm_ima_qt", ".mov", ".mkv", "flac"),
    ],
)
def test_sound_that_the_file_cannot_hold_is_converted_in_step_and_said(
    tmp_path: Path, codec: str, kept_by: str, suffix: str, becomes: str
) -> None:
    video = "libvpx-vp9" if kept_by == ".webm" else "libx264"
    options = {"deadline": "realtime", "cpu-used": "8"} if video == "libvpx-vp9" else {}
    source = make_clip(tmp_path / f"in{kept_by}", audio=[codec], codec=video, options=options)
    warnings = copy(source, tmp_path / f"out{suffix}", encoding=PLAIN if suffix == ".webm" else FAST)
    assert any(f"it becomes {becomes}" in text.replace("lib", "") and "--no-audio" in text for text in warnings)
    before, after = loudness(source), loudness(tmp_path / f"out{suffix}")
    assert after[0][0] == pytest.approx(before[0][0], abs=0.08)
    assert after[-1][0] == pytest.approx(before[-1][0], abs=0.1)
    assert max(level for _, level in after) > 0


def test_converted_sound_of_a_part_begins_with_the_part(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio=["aac"], frames=50)
    copy(source, tmp_path / "out.webm", Clip(start=0.6, end=1.2), PLAIN)
    times = [time for time, _ in loudness(tmp_path / "out.webm")]
    assert -0.02 < times[0] < 0.05
    assert 0.5 < times[-1] < 0.65


def test_no_audio_leaves_the_sound_out_without_a_word(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio=["aac"], frames=3)
    assert copy(source, tmp_path / "out.webm", encoding=Encoding(audio="drop")) == []
    assert read_packets(tmp_path / "out.webm", "audio") == []


@pytest.mark.parametrize(("suffix", "name"), [(".mp4", "mov_text"), (".mov", "mov_text"), (".webm", "webvtt")])
def test_subtitles_of_text_are_written_as_the_file_takes_them(tmp_path: Path, suffix: str, name: str) -> None:
    source = make_clip(tmp_path / "in.mkv", subtitles="subrip", frames=50)
    (warning,) = copy(source, tmp_path / f"out{suffix}", encoding=PLAIN if suffix == ".webm" else FAST)
    assert f"subtitle track 1 is srt, which {suffix} files cannot hold; it becomes {name}" in warning
    (lines,) = read_packets(tmp_path / f"out{suffix}", "subtitle")
    said = [(float(time), text[-6:]) for time, text in lines if b"line" in text]
    assert said == [(0, b"line 0"), (1, b"line 1")]


def test_subtitles_of_mp4_become_those_of_matroska(tmp_path: Path) -> None:
    given = make_clip(tmp_path / "given.mkv", subtitles="subrip", frames=30)
    copy(given, tmp_path / "in.mp4", encoding=FAST)
    (warning,) = copy(tmp_path / "in.mp4", tmp_path / "out.mkv", encoding=FAST)
    assert "mov_text" in warning
    assert "subrip" in warning
    assert [text for _, text in read_packets(tmp_path / "out.mkv", "subtitle")[0]] == [b"line 0", b"line 1"]


def with_attachments(path: Path) -> Path:
    plain = make_clip(path.with_name("plain.mkv"), frames=3)
    with av.open(plain) as given, av.open(path, "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        output.add_attachment("font.ttf", "font/ttf", b"letters")
        output.add_attachment("cover.webp", "image/webp", b"the original")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return path


def test_attachments_are_kept_by_matroska_but_for_pictures_of_the_original(tmp_path: Path) -> None:
    source = with_attachments(tmp_path / "in.mkv")
    warnings = copy(source, tmp_path / "out.mkv", encoding=FAST)
    assert warnings == [f"{source}: the cover picture is left out: it shows the original"]
    with av.open(tmp_path / "out.mkv") as container:
        assert [(s.metadata["filename"], s.data) for s in container.streams.attachments] == [("font.ttf", b"letters")]


def test_language_and_default_flag_of_each_track_stay(tmp_path: Path) -> None:
    plain = make_clip(tmp_path / "plain.mkv", audio=["aac", "aac"], frames=5)
    with av.open(plain) as given, av.open(tmp_path / "in.mkv", "w") as output:
        copies = {}
        for stream, language, flags in zip(given.streams, ("ger", "fre", "eng"), (1, 0, 1), strict=True):
            copies[stream.index] = output.add_stream_from_template(stream)
            copies[stream.index].metadata["language"] = language
            copies[stream.index].disposition = flags
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    for suffix in (".mkv", ".mp4"):
        copy(tmp_path / "in.mkv", tmp_path / f"out{suffix}", encoding=FAST)
        with av.open(tmp_path / f"out{suffix}") as container:
            assert [stream.metadata["language"] for stream in container.streams] == ["ger", "fre", "eng"]
            assert [int(stream.disposition) & 1 for stream in container.streams.audio] == [0, 1]


def test_sound_and_picture_of_joined_recordings_stay_in_step(tmp_path: Path) -> None:
    part = make_clip(tmp_path / "part.ts", audio=["aac"], frames=25, container_options={"muxrate": "0"})
    joined = tmp_path / "in.ts"
    joined.write_bytes(part.read_bytes() * 3)
    warnings = copy(joined, tmp_path / "out.mp4", encoding=FAST)
    assert any("its clock starts anew, 2x" in warning for warning in warnings)
    with av.open(tmp_path / "out.mp4") as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    steps = {round(after - before, 3) for before, after in itertools.pairwise(times)}
    assert len(times) == 75
    assert max(steps) < Fraction(1, 10)
    assert 2.9 < times[-1] < 3.1
    sound = [time for time, _ in loudness(tmp_path / "out.mp4")]
    assert sound[-1] == pytest.approx(float(times[-1]), abs=0.1)


def test_subtitles_that_outlast_the_video_are_no_sign_of_a_video_cut_off(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", subtitles="subrip", frames=3)
    assert copy(source, tmp_path / "out.mkv", encoding=FAST) == []
