"""Files that claim more than any memory holds are refused by their headers; how much they may claim can be set."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from balloon_splash.errors import MediaError, UsageError
from balloon_splash.media.inputs import Source
from balloon_splash.media.limits import MediaLimits, media_limits
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.writing import encode_picture
from balloon_splash.splasher.video_stream import open_video
from tests.fuzz.mutations import with_sound_checksums
from tests.media.clips import make_clip, quarters
from tests.media.test_video_files import copy

SIDE = 60_000


def saved(kind: str, **options: object) -> bytearray:
    buffer = BytesIO()
    Image.fromarray(quarters(0, (24, 40))).save(buffer, kind, **options)
    return bytearray(buffer.getvalue())


def png_bomb() -> bytes:
    data = saved("PNG")
    struct.pack_into(">II", data, 16, SIDE, SIDE)
    return with_sound_checksums(bytes(data))


def gif_bomb() -> bytes:
    data = saved("GIF")
    struct.pack_into("<HH", data, 6, SIDE, SIDE)
    return bytes(data)


def webp_bomb() -> bytes:
    data = saved(
        "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"
    )  # with EXIF, the size stands in a chunk of its own
    assert data[12:16] == b"VP8X"
    data[24:30] = (16_383).to_bytes(3, "little") * 2
    return bytes(data)


def bmp_bomb() -> bytes:
    data = saved("BMP")
    struct.pack_into("<ii", data, 18, SIDE, SIDE)
    return bytes(data)


def jpeg_bomb() -> bytes:
    data = saved("JPEG")
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, SIDE, SIDE)
    return bytes(data)


def tiff_with_huge_tiles() -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, np.zeros((32, 32), np.uint8), tile=(16, 16), compression="zlib", metadata=None)
    data = bytearray(buffer.getvalue())
    for tag in (322, 323):  # width and length of a tile, in entries of 12 bytes: tag, type, count, value
        struct.pack_into("<HHII", data, data.index(struct.pack("<H", tag)), tag, 4, 1, SIDE)
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    "bomb", [png_bomb, gif_bomb, webp_bomb, bmp_bomb, jpeg_bomb, tiff_with_huge_tiles], ids=lambda make: make.__name__
)
def test_a_picture_of_billions_of_pixels_is_refused_by_its_header(bomb):
    with pytest.raises(MediaError, match=r"bomb\.bin: too large.*BALLOON_SPLASH_MAX_PIXELS"):
        read_picture(bomb(), name="bomb.bin")


def test_an_animation_of_billions_of_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    data = bytearray(animated_webp())
    data[24:30] = (16_383).to_bytes(3, "little") * 2
    (tmp_path / "bomb.webp").write_bytes(data)
    assert not Source("bomb", Path("bomb.webp"), tmp_path / "bomb.webp").is_video  # so it is read as a picture
    with pytest.raises(MediaError, match=r"bomb\.webp: too large"):
        open_video(tmp_path / "bomb.webp")


def animated_webp() -> bytes:
    frames = [Image.fromarray(quarters(index, (24, 40))) for index in range(3)]
    buffer = BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def test_the_bounds_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = bytes(saved("PNG"))
    monkeypatch.setenv("BALLOON_SPLASH_MAX_PIXELS", str(24 * 40 - 1))
    with pytest.raises(MediaError, match="too large: 40x24 pixels, at most 959 are read"):
        read_picture(picture)
    monkeypatch.setenv("BALLOON_SPLASH_MAX_PIXELS", str(24 * 40))
    assert read_picture(picture).size == (24, 40)
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAMES", "7")
    assert media_limits() == MediaLimits(max_pixels=960, max_frames=7)


def test_a_larger_bound_goes_beyond_pillows_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses from twice as many on
    monkeypatch.setenv("BALLOON_SPLASH_MAX_PIXELS", "1000")
    assert read_picture(bytes(saved("PNG"))).size == (24, 40)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e9", "99999999999999999999999"])
def test_a_bound_that_is_no_number_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BALLOON_SPLASH_MAX_PIXELS", text)
    with pytest.raises(UsageError, match=r"BALLOON_SPLASH_MAX_PIXELS is '.*; expected a whole number"):
        media_limits()


def test_a_picture_file_that_would_fill_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(saved("PNG"))
    os.truncate(path, 2**33)  # takes no room on the disk
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FILE_BYTES", "100000")
    for read in (lambda: read_picture(path), lambda: Source(str(path), Path("large.png"), path).read()):
        with pytest.raises(MediaError, match=r"large\.png: larger than 100000 bytes.*BALLOON_SPLASH_MAX_FILE_BYTES"):
            read()


def mp4_of_two_billion_frames(folder: Path) -> Path:
    path = make_clip(folder / "bomb.mp4", frames=5)
    data = bytearray(path.read_bytes())
    table = data.index(b"stsz")
    struct.pack_into(">II", data, table + 8, 1, 2**31 - 1)  # all of one byte: needs no table
    struct.pack_into(">I", data, data.index(b"stsc") + 16, 2**31 - 1)  # all in the first chunk
    path.write_bytes(data)
    return path


def fragment_of_two_billion_frames(folder: Path) -> Path:
    path = make_clip(folder / "bomb.mp4", frames=5, container_options={"movflags": "frag_keyframe+empty_moov"})
    data = bytearray(path.read_bytes())
    run = data.index(b"trun")
    struct.pack_into(">II", data, run + 4, 0, 2**31 - 1)  # no flags: every frame as the defaults say
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("make", [mp4_of_two_billion_frames, fragment_of_two_billion_frames])
def test_an_mp4_that_claims_two_billion_frames_is_refused_by_its_header(tmp_path: Path, make) -> None:
    path = make(tmp_path)
    assert path.stat().st_size < 100_000
    with pytest.raises(
        MediaError, match=r"bomb\.mp4: its header announces 2147483647 frames.*BALLOON_SPLASH_MAX_FRAMES"
    ):
        open_video(path)


def test_long_uncompressed_sound_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "in.mov", frames=5, audio=["pcm_s16le"])
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAMES", "100")  # fewer than the samples of its sound
    with open_video(path) as video:
        assert len(list(video.frames(Clip()))) == 5


def test_a_video_of_more_frames_than_allowed_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_clip(tmp_path / "in.mkv", frames=9)
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAMES", "8")
    with open_video(path) as video, pytest.raises(MediaError, match=r"more than 8 frames.*BALLOON_SPLASH_MAX_FRAMES"):
        list(video.frames(Clip()))


def mov_of_huge_frames(folder: Path) -> Path:
    path = avi_of_huge_frames(folder, "bomb.mov")
    data = bytearray(path.read_bytes())
    struct.pack_into(">HH", data, data.index(b"jpeg", data.index(b"stsd")) + 28, 30_000, 30_000)
    path.write_bytes(data)
    return path


def avi_of_huge_frames(folder: Path, name: str = "bomb.avi") -> Path:
    path = make_clip(folder / name, frames=2, codec="mjpeg", pixel_format="yuvj420p")
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"\xff\xc0", at + 1)) >= 0:  # in every frame
        struct.pack_into(">HH", data, at + 5, 30_000, 30_000)
    path.write_bytes(data)
    return path


def gif_of_huge_frames(folder: Path) -> Path:
    path = folder / "bomb.gif"
    path.write_bytes(gif_bomb())
    return path


@pytest.mark.parametrize("make", [mov_of_huge_frames, avi_of_huge_frames, gif_of_huge_frames])
def test_frames_that_no_memory_holds_are_refused(tmp_path: Path, make) -> None:
    with pytest.raises(
        MediaError,
        match=r"bomb\.\w+: (frames of .*MAX_FRAME_PIXELS|too large.*MAX_PIXELS|not one|found|cannot be read)",
    ):
        open_video(make(tmp_path))


def test_an_mp4_whose_header_alone_claims_huge_frames_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=2)
    data = bytearray(path.read_bytes())
    struct.pack_into(">HH", data, data.index(b"avc1", data.index(b"stsd")) + 28, 65_535, 65_535)
    path.write_bytes(data)
    with open_video(path) as video:
        assert [frame.rgb.shape for frame in video.frames(Clip())] == [(96, 128, 3)] * 2


def test_the_bound_on_frame_sizes_is_kept_by_every_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=3)
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAME_PIXELS", "12287")  # one less than 96 x 128
    with pytest.raises(MediaError, match=r"in\.mp4: frames of 128x96 pixels; at most 12287 are read"):
        open_video(path)
    monkeypatch.setenv("BALLOON_SPLASH_MAX_FRAME_PIXELS", "12288")
    with open_video(path) as video:
        assert len(list(video.frames(Clip()))) == 3


def test_h265_of_pictures_too_narrow_for_its_encoder_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", frames=3, size=(96, 48))
    with pytest.raises(MediaError, match=r"out\.mp4: pictures 48 pixels wide; libx265 takes 64 or more"):
        copy(path, tmp_path / "out.mp4", encoding=Encoding(codec="h265"))


def test_a_playlist_that_leads_to_other_files_is_no_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "private.mp4", frames=3)
    lists = {
        "concat.mp4": "ffconcat version 1.0\nfile private.mp4\n",
        "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nprivate.mp4\n#EXT-X-ENDLIST\n",
    }
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(MediaError, match=f"{name}: cannot be read as a video"):
            open_video(tmp_path / name)


@pytest.mark.parametrize("name", ["take 1: the end.mp4", "concat:private.mp4", "http:private.mp4", "frame%03d.mp4"])
def test_a_file_name_is_never_taken_for_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_clip(tmp_path / "private.mp4", frames=3)
    make_clip(tmp_path / "in.mp4", frames=2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    with open_video(Path(name)) as video:
        assert len(list(video.frames(Clip()))) == 2


def test_postscript_is_not_handed_to_ghostscript(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (8, 8)).save(path, "EPS")
    with pytest.raises(MediaError, match=r"photo\.jpg: not a picture that can be read"):
        read_picture(path)


def test_tags_that_are_not_utf_8_do_not_end_the_reading(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mkv", frames=3, metadata={"title": "Ballon XX"})
    assert b"Ballon XX" in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(b"Ballon XX", b"Ball\xf3n XX"))
    with open_video(path) as video:
        assert video.info.metadata["title"] == "Ball\ufffdn XX"


def test_libraries_do_not_speak_beside_the_errors_that_name_the_file(tmp_path: Path) -> None:
    tiff = tiff_with_huge_tiles()
    (tmp_path / "a.tif").write_bytes(tiff[:8] + bytes([9, 0]) + tiff[10:40])
    index = b"MPF\0MM\0*" + struct.pack(">I", 8) + bytes(2)
    photo = bytes(saved("JPEG"))
    segment = struct.pack(">BBH", 255, 0xE2, len(index) + 2) + index
    (tmp_path / "b.jpg").write_bytes(photo[:2] + segment + photo[2:])
    (tmp_path / "c.png").write_bytes(encode_picture(Picture(np.zeros((9, 9, 3), np.uint16))).data[:-40])
    script = """
import sys
from balloon_splash.errors import MediaError
from balloon_splash.media.opening import quiet_libraries
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
if sys.argv[1] == "quiet":
    quiet_libraries()
for name in sys.argv[2:]:
    try:
        read_picture(name)
    except MediaError as error:
        print(error)
"""
    files = sorted(str(path) for path in tmp_path.iterdir())
    said = {
        how: subprocess.run([sys.executable, "-c", script, how, *files], capture_output=True, text=True, check=True)
        for how in ("loud", "quiet")
    }
    assert said["loud"].stderr
    assert said["quiet"].stderr == ""
    assert all(name in said["quiet"].stdout for name in (files[0], files[2]))
