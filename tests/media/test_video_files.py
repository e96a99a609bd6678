"""A video keeps its times, colours, sound and shape through source and sink."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from balloon_splash.errors import UsageError
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame
from balloon_splash.media.video.sink import VideoSink
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import PALETTE, AnyPixels, Pixels, bar_number, make_clip, quarters, read_packets, read_pictures

FAST = Encoding(options={"preset": "ultrafast"}, quality=12)
PLAIN = Encoding()


def copy(
    source: Path,
    destination: Path,
    clip: Clip | None = None,
    encoding: Encoding = PLAIN,
    change: Callable[[Frame], AnyPixels] = lambda frame: frame.rgb,
) -> list[str]:
    """Send a video through source and sink with nothing between; what was warned of."""
    clip = clip or Clip()
    with (
        open_video(source) as video,
        VideoSink(destination, video, destination=destination, clip=clip, encoding=encoding) as sink,
    ):
        for frame in video.frames(clip):
            sink.write(change(frame), frame.time, frame.duration)
        sink.finish()
    return video.warnings + sink.warnings


def corners(picture: AnyPixels) -> AnyPixels:
    """The colours near the four corners, row by row."""
    height, width = picture.shape[:2]
    return picture[[height // 8, -height // 8]][:, [width // 8, -width // 8]].reshape(4, 3)


@pytest.mark.parametrize(
    ("suffix", "rate"),
    [(".mp4", 25), (".mp4", Fraction(30000, 1001)), (".mkv", Fraction(24000, 1001)), (".mov", 60), (".webm", 30)],
)
def test_frame_rate_and_every_timestamp_stay_exact(tmp_path: Path, suffix: str, rate: Fraction | int) -> None:
    codec, options = ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}) if suffix == ".webm" else ("libx264", {})
    source = make_clip(tmp_path / f"in{suffix}", rate=rate, frames=13, codec=codec, options=options)
    copy(source, tmp_path / f"out{suffix}", encoding=PLAIN if suffix == ".webm" else FAST)
    before, after = read_pictures(source), read_pictures(tmp_path / f"out{suffix}")
    assert [picture.time for picture in after] == [picture.time for picture in before]
    with av.open(tmp_path / f"out{suffix}") as container:
        assert container.streams.video[0].average_rate == rate


def test_rate_that_matroska_rounds_to_milliseconds_is_exact_again_in_mp4(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", rate=Fraction(30000, 1001), frames=30)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert [p.time for p in read_pictures(tmp_path / "out.mp4")] == [Fraction(1001 * i, 30000) for i in range(30)]


def test_variable_frame_rate_is_carried_over(tmp_path: Path) -> None:
    ticks = [0, 40, 80, 200, 220, 500, 1000]
    source = make_clip(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 1000))
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert [p.time * 1000 for p in read_pictures(tmp_path / "out.mp4")] == ticks


def test_length_is_kept_to_the_end_of_the_last_frame(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=10, rate=10)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == 1


@pytest.mark.parametrize(
    ("suffix", "codecs"), [(".mp4", ["aac", "aac"]), (".mkv", ["flac", "libopus"]), (".mov", ["pcm_s16le"])]
)
def test_sound_of_every_track_is_copied_bit_for_bit(tmp_path: Path, suffix: str, codecs: list[str]) -> None:
    source = make_clip(tmp_path / f"in{suffix}", audio=codecs)
    copy(source, tmp_path / f"out{suffix}", encoding=FAST)
    before, after = read_packets(source, "audio"), read_packets(tmp_path / f"out{suffix}", "audio")
    assert len(after) == len(codecs)
    assert all(len(track) > 5 for track in after)
    assert after == before  # bytes and times


def test_sound_can_be_left_out(tmp_path: Path) -> None:
    copy(make_clip(tmp_path / "in.mp4", audio=["aac"]), tmp_path / "out.mp4", encoding=Encoding(audio="drop"))
    assert read_packets(tmp_path / "out.mp4", "audio") == []


def test_sound_stays_in_step_when_the_video_is_cut(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio=["aac"], frames=50)
    copy(source, tmp_path / "out.mp4", Clip(start=0.6, end=1.2), FAST)
    pictures = read_pictures(tmp_path / "out.mp4")
    assert [bar_number(p.rgb) for p in pictures] == [i % 16 for i in range(15, 30)]
    assert pictures[0].time == 0
    when = {data: time for time, data in read_packets(source, "audio")[0]}
    cut = read_packets(tmp_path / "out.mp4", "audio")[0]
    assert 0.5 < cut[-1][0] < 0.6
    assert cut[0][0] < 0.025
    for time, data in cut:
        assert when[data] - time == pytest.approx(0.6, abs=0.001)


def test_subtitles_are_copied_where_the_file_takes_them(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", subtitles="subrip")
    assert copy(source, tmp_path / "out.mkv", encoding=FAST) == []
    assert read_packets(tmp_path / "out.mkv", "subtitle") == read_packets(source, "subtitle")


def test_title_and_language_are_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", metadata={"title": "Fête", "comment": "two"}, frames=3)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    with av.open(tmp_path / "out.mp4") as container:
        assert {"title": "Fête", "comment": "two"}.items() <= container.metadata.items()


@pytest.mark.parametrize(
    ("rotation", "order"),  # degrees counterclockwise, mirrored; which of the four colours comes to which corner
    [
        ((0.0, False), [0, 1, 2, 3]),
        ((90.0, False), [1, 3, 0, 2]),
        ((180.0, False), [3, 2, 1, 0]),
        ((-90.0, False), [2, 0, 3, 1]),
        ((0.0, True), [1, 0, 3, 2]),
    ],
)
def test_phone_video_is_upright_and_its_rotation_reset(
    tmp_path: Path, rotation: tuple[float, bool], order: list[int]
) -> None:
    source = make_clip(tmp_path / "in.mp4", rotation=rotation, frames=3, aspect=Fraction(4, 3))
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    quarter_turn = abs(rotation[0]) == 90
    picture = read_pictures(tmp_path / "out.mp4")[0].rgb
    assert picture.shape[:2] == ((128, 96) if quarter_turn else (96, 128))
    np.testing.assert_allclose(corners(picture), PALETTE[order], atol=12)
    with av.open(tmp_path / "out.mp4") as container:
        assert next(container.decode(video=0)).rotation == 0
        assert container.streams.video[0].sample_aspect_ratio == (Fraction(3, 4) if quarter_turn else Fraction(4, 3))


def test_mp4_plays_in_a_browser_before_it_is_loaded(tmp_path: Path) -> None:
    copy(make_clip(tmp_path / "in.mkv", pixel_format="yuv444p"), tmp_path / "out.mp4", encoding=FAST)
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


@pytest.mark.parametrize(
    ("codec", "suffix", "name"),
    [("h265", ".mp4", "hevc"), ("vp9", ".webm", "vp9"), ("av1", ".mkv", "libdav1d"), ("prores", ".mov", "prores")],
)
def test_codec_on_request_with_odd_sizes(tmp_path: Path, codec: str, suffix: str, name: str) -> None:
    source = make_clip(tmp_path / "in.mkv", size=(65, 99), pixel_format="yuv444p", frames=3)
    warnings = copy(source, tmp_path / f"out{suffix}", encoding=Encoding(codec=codec))
    with av.open(tmp_path / f"out{suffix}") as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == name
        size = (stream.height, stream.width)
    assert size == ((66, 100) if codec == "h265" else (65, 99))
    assert len(warnings) == (codec == "h265")
    pictures = read_pictures(tmp_path / f"out{suffix}")
    assert len(pictures) == 3
    np.testing.assert_allclose(corners(pictures[0].rgb), corners(quarters(0, (65, 99))), atol=25)


def test_odd_h264_gets_one_line_more_and_says_so(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", size=(65, 98), pixel_format="yuv444p", frames=2)
    (warning,) = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert "98x65 became 98x66" in warning
    picture = read_pictures(tmp_path / "out.mp4")[0].rgb.astype(int)
    assert np.abs(picture[-1] - picture[-2]).mean() < 6


@pytest.mark.parametrize(("suffix", "codec"), [(".mov", "prores"), (".webm", "vp9"), (".webp", None), (".gif", "gif")])
def test_transparent_background_survives(tmp_path: Path, suffix: str, codec: str | None) -> None:
    def cut_out(frame: Frame) -> AnyPixels:
        alpha = np.zeros(frame.rgb.shape[:2], np.uint8)
        cv2.ellipse(alpha, (40, 48), (40, 60), 0, 0, 360, 255, -1)
        return np.dstack([frame.rgb, alpha])

    path = tmp_path / f"out{suffix}"
    copy(make_clip(tmp_path / "in.mp4", frames=4), path, change=cut_out)
    with open_video(path) as video:
        frames = list(video.frames(Clip()))
    assert len(frames) == 4
    assert frames[2].alpha is not None
    rgb, alpha = to_8_bit(frames[2].rgb), to_8_bit(frames[2].alpha)
    assert alpha[:, 20:60].min() > 245
    assert alpha[:, 90:].max() < 10
    np.testing.assert_allclose(corners(rgb)[[0, 2]], PALETTE[[0, 2]], atol=30)


def test_transparency_that_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out\.mp4.*transparent.*\.webm"):
        copy(
            make_clip(tmp_path / "in.mp4", frames=2),
            tmp_path / "out.mp4",
            change=lambda f: np.dstack([f.rgb] * 2)[..., :4],
        )


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_animation_keeps_its_uneven_timing(tmp_path: Path, suffix: str) -> None:
    milliseconds = [40, 80, 200, 40]
    images = [Image.fromarray(quarters(i)) for i in range(4)]
    source, path = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    images[0].save(source, save_all=True, append_images=images[1:], duration=milliseconds, loop=0)
    copy(source, path)
    with Image.open(path) as image:
        found = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            found.append(image.info["duration"])
            assert bar_number(np.asarray(image.convert("RGB"))) == index
        assert image.info["loop"] == 0
    # FFmpeg's WebP encoder cannot be told how long the last picture lasts.
    assert found[:-1] == milliseconds[:-1]
    assert suffix == ".webp" or found[-1] == milliseconds[-1]


def test_stride_keeps_speed_and_length(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=14)
    copy(source, tmp_path / "out.mp4", Clip(stride=4), FAST)
    pictures = read_pictures(tmp_path / "out.mp4")
    assert [bar_number(p.rgb) for p in pictures] == [0, 4, 8, 12]
    assert [p.time for p in pictures] == [Fraction(i, 25) for i in (0, 4, 8, 12)]
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        assert stream.duration * stream.time_base == Fraction(14, 25)


def test_max_frames_ends_the_sound_too(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio=["aac"], frames=50)
    copy(source, tmp_path / "out.mp4", Clip(max_frames=5), FAST)
    assert len(read_pictures(tmp_path / "out.mp4")) == 5
    assert read_packets(tmp_path / "out.mp4", "audio")[0][-1][0] < Fraction(5, 25)


def test_broadcast_recording_that_does_not_begin_at_zero_does(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.ts", audio=["aac"], container_options={"output_ts_offset": "10"})
    assert read_pictures(source)[0].time > 1
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert read_pictures(tmp_path / "out.mp4")[0].time < 0.1
    assert abs(read_packets(tmp_path / "out.mp4", "audio")[0][0][0]) < 0.1


def test_raw_stream_without_clock_gets_one(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.h264", frames=10)
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    pictures = read_pictures(tmp_path / "out.mp4")
    assert [bar_number(p.rgb) for p in pictures] == list(range(10))
    assert {b.time - a.time for a, b in itertools.pairwise(pictures)} == {Fraction(1, 25)}


@pytest.mark.parametrize("wrong", [{"start": -1}, {"start": 2, "end": 1}, {"stride": 0}, {"max_frames": 0}])
def test_impossible_clip_is_wrong_use(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="expected"):
        Clip(**wrong)


@pytest.mark.parametrize(
    ("codec", "quality", "name", "found"),
    [
        (None, None, "out.avi", "avi"),
        ("divx", None, "out.mp4", "divx"),
        ("h264", None, "out.webm", "webm"),
        (None, 99, "out.mp4", "0 to 51"),
        ("prores", 10, "out.mov", "no such setting"),
    ],
)
def test_impossible_encoding_is_wrong_use(codec: str | None, quality: int | None, name: str, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        Encoding(codec, quality).choose(Path(name), alpha=False)


def test_clips_that_meet_share_no_frame_and_lose_none(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=16)
    found = []
    for start, end in itertools.pairwise([0, 0.12, 0.2, 0.33, 0.6, None]):
        assert start is not None
        with open_video(source) as video:
            found += [bar_number(frame.rgb) for frame in video.frames(Clip(start=start, end=end))]
    assert found == list(range(16))


def test_interlaced_frames_lose_their_comb_and_keep_their_times(tmp_path: Path) -> None:
    def two_fields(index: int, size: tuple[int, int]) -> Pixels:
        frame = quarters(2 * index, size).copy()
        frame[1::2] = quarters(2 * index + 1, size)[1::2]
        return frame

    def comb(path: Path) -> float:
        rows = read_pictures(path)[4].rgb[50:55].astype(int)
        return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())

    source = make_clip(tmp_path / "in.mp4", frames=8, options={"x264-params": "interlaced=1"}, draw=two_fields)
    (warning,) = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert "interlaced" in warning
    assert comb(tmp_path / "out.mp4") < comb(source) / 2
    assert [p.time for p in read_pictures(tmp_path / "out.mp4")] == [Fraction(i, 25) for i in range(8)]


def with_chapters_and_attachment(source: Path, destination: Path) -> Path:
    with av.open(source) as given, av.open(destination, "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        marks = [(0, 400, "one"), (400, 1000, "two")]
        output.set_chapters(
            [
                {"id": i, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for i, (start, end, title) in enumerate(marks)
            ]
        )
        if destination.suffix == ".mkv":
            output.add_attachment("notes.txt", "text/plain", b"hello")
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return destination


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_chapters_are_kept_and_what_cannot_be_kept_is_said(tmp_path: Path, suffix: str) -> None:
    source = with_chapters_and_attachment(make_clip(tmp_path / "plain.mp4"), tmp_path / f"in{suffix}")
    warnings = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert warnings == [f"{source}: attachment track 1 (notes.txt) is left out"] * (suffix == ".mkv")
    with av.open(tmp_path / "out.mp4") as container:
        found = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in container.chapters()]
    assert found == [(0.0, "one"), (0.4, "two")]
    warnings = copy(source, tmp_path / "part.mp4", Clip(start=0.2), FAST)
    assert any("chapter marks are left out" in warning for warning in warnings)


def test_sound_that_an_animation_cannot_hold_is_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", audio=["aac"], frames=3)
    assert any("sound track 1 (aac) is left out" in warning for warning in copy(source, tmp_path / "out.gif"))


def test_video_that_says_no_frame_rate_is_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # FFmpeg guesses a rate for all that can be written here, time bases in disguise among them.
    monkeypatch.setattr("balloon_splash.media.video.source._FINEST_RATE", 1)
    source = make_clip(tmp_path / "in.h264", frames=6)
    (warning,) = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert "has no frame rate; 25 frames per second" in warning
    with av.open(tmp_path / "out.mp4") as container:
        assert container.streams.video[0].average_rate == 25
