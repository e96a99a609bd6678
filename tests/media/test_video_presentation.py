"""Tags of a video stay: track to show, width of pixels, colours, place and time."""

from __future__ import annotations

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import ExifTags, Image

from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import make_clip, quarters
from tests.media.test_video_files import FAST, copy

APPLE = {
    "com.apple.quicktime.creationdate": "2026-05-01T12:00:00+0200",
    "com.apple.quicktime.location.ISO6709": "+47.37+008.54+400/",
    "com.apple.quicktime.make": "Apple",
}


def file_tags(path: Path) -> dict[str, str]:
    with av.open(path) as container:
        return dict(container.metadata)


def make_tracks(path: Path, *tracks: tuple[tuple[int, int], Disposition]) -> Path:
    """A file of several video tracks, each ``(height, width)`` and its flags; covers are JPEG, the others H.264."""
    with av.open(path, "w") as output:
        streams = []
        for (height, width), flags in tracks:
            cover = Disposition.attached_pic in flags
            stream = output.add_stream("mjpeg" if cover else "libx264", rate=25, width=width, height=height)
            stream.pix_fmt = "yuvj420p" if cover else "yuv420p"
            stream.disposition = flags
            streams.append((stream, (height, width), 1 if cover else 3))
        for stream, size, count in streams:
            for index in range(count):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(quarters(index, size), "rgb24")))
            output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_place_time_and_camera_of_an_iphone_video_are_kept(tmp_path: Path, suffix: str) -> None:
    source = make_clip(
        tmp_path / "in.mov", frames=2, metadata=APPLE, container_options={"movflags": "use_metadata_tags"}
    )
    assert APPLE.items() <= file_tags(source).items()
    assert copy(source, tmp_path / f"out{suffix}", encoding=FAST) == []
    found = {name.casefold(): text for name, text in file_tags(tmp_path / f"out{suffix}").items()}
    assert {name.casefold(): text for name, text in APPLE.items()}.items() <= found.items()


def test_tags_that_the_file_cannot_hold_are_named(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", frames=2, metadata={"title": "T", "BARCODE": "1"})
    (warning,) = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert warning == f"{tmp_path / 'out.mp4'}: these tags are left out: BARCODE"
    assert file_tags(tmp_path / "out.mp4")["title"] == "T"


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264"), (".mp4", "vp9"), (".mov", "prores"), (".mkv", "h264"), (".mkv", "h265")]
)
def test_pixels_that_are_not_square_stay_so_where_the_file_can_tell(tmp_path: Path, suffix: str, codec: str) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2, aspect=Fraction(4, 3))
    assert copy(source, tmp_path / f"out{suffix}", encoding=Encoding(codec=codec)) == []
    with av.open(tmp_path / f"out{suffix}") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.sample_aspect_ratio) == (128, Fraction(4, 3))


@pytest.mark.parametrize(("suffix", "codec"), [(".webm", "vp9"), (".mkv", "av1"), (".gif", None), (".webp", None)])
@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (96, 171)), (Fraction(1, 2), (192, 128))])
def test_pixels_become_square_where_it_cannot_and_that_is_said(
    tmp_path: Path, suffix: str, codec: str | None, aspect: Fraction, size: tuple[int, int]
) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2, aspect=aspect)
    warnings = copy(source, tmp_path / f"out{suffix}", encoding=Encoding(codec=codec))
    assert any(f"128x96 became {size[1]}x{size[0]}: its pixels were" in warning for warning in warnings)
    with open_video(tmp_path / f"out{suffix}") as video:
        assert video.info.sample_aspect == 1
        assert next(video.frames(Clip())).rgb.shape[:2] == size


def test_untagged_video_that_is_turned_says_what_players_would_have_guessed(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2, rotation=(90.0, False))
    copy(source, tmp_path / "out.mp4", encoding=FAST)
    with av.open(tmp_path / "out.mp4") as container:
        stream = container.streams.video[0]
        assert (int(stream.colorspace), int(stream.color_primaries)) == (6, 2)  # BT.601; nothing said
        turned = np.asarray(next(container.decode(video=0)).to_ndarray(), int)
    with av.open(source) as container:
        plain = np.asarray(next(container.decode(video=0)).to_ndarray(), int)
    assert abs(turned[:128].mean() - plain[:96].mean()) < 0.5  # luma: the values are those of the source


def test_the_track_that_the_file_marks_is_taken_and_the_others_are_named(tmp_path: Path) -> None:
    source = make_tracks(tmp_path / "in.mkv", ((96, 128), Disposition(0)), ((120, 160), Disposition.default))
    warnings = copy(source, tmp_path / "out.mkv", encoding=FAST)
    with av.open(tmp_path / "out.mkv") as container:
        assert [(stream.height, stream.width) for stream in container.streams.video] == [(120, 160)]
    assert warnings == [f"{source}: video track 0 (h264, 128x96) is left out"]


def test_a_cover_that_shows_the_original_is_left_out_and_named(tmp_path: Path) -> None:
    source = make_tracks(tmp_path / "in.mp4", ((96, 128), Disposition.default), ((48, 64), Disposition.attached_pic))
    warnings = copy(source, tmp_path / "out.mp4", encoding=FAST)
    assert warnings == [f"{source}: the cover picture is left out: it shows the original"]


def with_timecode(path: Path, code: str) -> Path:
    """A clip whose video track begins at a time code."""
    plain = make_clip(path.with_name("plain.mkv"), frames=10)
    with av.open(plain) as given, av.open(path, "w") as output:
        stream = output.add_stream_from_template(given.streams.video[0])
        stream.metadata["timecode"] = code
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_a_time_code_is_kept_by_the_whole_and_left_out_of_a_part(tmp_path: Path, suffix: str) -> None:
    source = with_timecode(tmp_path / "in.mov", "10:00:00:00")
    assert copy(source, tmp_path / f"out{suffix}", encoding=FAST) == []
    with av.open(tmp_path / f"out{suffix}") as container:
        tags = {name.casefold(): text for name, text in container.streams.video[0].metadata.items()}
    assert tags["timecode"] == "10:00:00:00"
    (warning,) = copy(source, tmp_path / f"part{suffix}", Clip(start=0.2), FAST)
    assert "these tags are left out: timecode" in warning


def test_a_time_code_that_is_none_does_not_cost_the_video(tmp_path: Path) -> None:
    source = with_timecode(tmp_path / "in.mkv", "noon")
    (warning,) = copy(source, tmp_path / "out.mov", encoding=FAST)
    assert "left out: TIMECODE" in warning


def test_pixels_that_are_not_credible_ask_for_no_memory(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=2, aspect=Fraction(50, 1))
    (warning,) = copy(source, tmp_path / "out.webp")
    assert "its pixels are said to be 50:1 wide, which is not credible" in warning
    with open_video(tmp_path / "out.webp") as video:
        assert next(video.frames(Clip())).rgb.shape[:2] == (96, 128)


def test_pictures_of_square_pixels_are_no_larger_than_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAME_PIXELS", "20000")
    source = make_clip(tmp_path / "in.mp4", frames=2, aspect=Fraction(2, 1))
    assert any("makes pictures too large" in warning for warning in copy(source, tmp_path / "out.webp"))


def test_frames_with_exif_as_cameras_of_motion_jpeg_write_are_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    with av.open(tmp_path / "in.avi", "w") as output:
        stream = output.add_stream("mjpeg", rate=10, width=128, height=96)
        stream.pix_fmt = "yuvj420p"
        for index in range(3):
            buffer = BytesIO()
            Image.fromarray(quarters(index)).save(buffer, "JPEG", exif=exif)
            packet = av.Packet(buffer.getvalue())
            packet.stream, packet.pts, packet.dts = stream, index, index
            output.mux(packet)
    warnings = copy(tmp_path / "in.avi", tmp_path / "out.mp4", encoding=FAST)
    assert f"{tmp_path / 'in.avi'}: EXIF: left out" in warnings
