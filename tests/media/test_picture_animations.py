"""Animations in picture files (APNG, AVIF, WebP): pictures, times, opacity, colours and loops, read and written."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, PngImagePlugin

from balloon_splash.media.formats import is_animation
from balloon_splash.media.inputs import Source
from balloon_splash.media.png_chunks import chunks, with_chunks
from balloon_splash.media.spool import spooled
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.frames import Frame
from balloon_splash.splasher.video_stream import open_video
from tests.media.clips import quarters
from tests.media.test_video_files import copy

HELD = [100, 40, 250, 3000]
"""Milliseconds; the last picture stays."""


def pictures(mode: str = "RGB") -> list[Image.Image]:
    found = []
    for index in range(len(HELD)):
        image = Image.fromarray(quarters(index, (48, 64)))
        if mode.endswith("A"):
            opacity = np.full((48, 64), 255, np.uint8)
            opacity[:, 8 * index : 8 * index + 8] = 0
            image.putalpha(Image.fromarray(opacity))
        found.append(image.convert(mode))
    return found


def animation(path: Path, mode: str = "RGB", **options: Any) -> Path:
    first, *others = pictures(mode)
    first.save(path, save_all=True, append_images=others, duration=HELD, **({"loop": 0} | options))
    return path


def frames_of(path: Path) -> tuple[list[Frame], list[str]]:
    with open_video(path) as video:
        return list(video.frames(Clip())), video.warnings


def shown(path: Path) -> list[int]:
    """Milliseconds that each picture of a file is shown, as Pillow reads them."""
    found = []
    with Image.open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            found.append(round(image.info["duration"]))
    return found


@pytest.mark.parametrize("suffix", [".png", ".apng", ".avif", ".webp"])
def test_an_animation_is_one_and_a_still_is_none(tmp_path: Path, suffix: str) -> None:
    path = animation(tmp_path / f"moving{suffix}")
    pictures()[0].save(tmp_path / f"still{suffix}")
    assert is_animation(path)
    assert Source("a", Path(path.name), path).is_video
    assert not is_animation(tmp_path / f"still{suffix}")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P"])
def test_apng_of_every_kind_of_pixels_is_read_as_it_was_drawn(tmp_path: Path, mode: str) -> None:
    frames, warnings = frames_of(animation(tmp_path / "in.png", mode))
    assert warnings == []
    assert [round(frame.duration * 1000) for frame in frames] == HELD
    for frame, drawn in zip(frames, pictures(mode), strict=True):
        expected = np.asarray(drawn.convert("RGBA"))
        seen = expected[..., 3] > 0
        np.testing.assert_array_equal(frame.rgb[seen], expected[..., :3][seen])
        if mode.endswith("A"):
            assert frame.alpha is not None
            np.testing.assert_array_equal(frame.alpha, expected[..., 3])


def test_avif_is_read_with_its_opacity_and_times(tmp_path: Path) -> None:
    frames, warnings = frames_of(animation(tmp_path / "in.avif", "RGBA", quality=90))
    assert warnings == []
    assert [frame.time * 1000 for frame in frames] == [0, 100, 140, 390]
    assert [frame.duration * 1000 for frame in frames] == HELD
    for frame, drawn in zip(frames, pictures("RGBA"), strict=True):
        assert frame.alpha is not None
        assert np.abs(frame.alpha.astype(int) - np.asarray(drawn)[..., 3]).mean() < 3
        assert np.abs(frame.rgb.astype(int) - np.asarray(drawn)[..., :3])[frame.alpha > 250].mean() < 4


@pytest.mark.parametrize("target", [".gif", ".webp", ".png", ".apng", ".avif"])
@pytest.mark.parametrize("source", [".gif", ".webp", ".png", ".avif"])
def test_each_picture_is_shown_as_long_as_before_the_last_one_too(tmp_path: Path, source: str, target: str) -> None:
    copy(animation(tmp_path / f"in{source}"), tmp_path / f"out{target}")
    assert shown(tmp_path / f"out{target}") == HELD


@pytest.mark.parametrize(("name", "moving"), [("a.gif", True), ("a.APNG", True), ("a.png", False), ("a.webp", False)])
def test_an_address_of_a_gif_or_apng_is_taken_for_an_animation(name: str, moving: bool) -> None:
    assert Source(name, Path(name), url=f"https://example.org/{name}").is_video == moving


def over(tmp_path: Path) -> Path:
    """A green picture of half opacity over a red one, to be blended (APNG_BLEND_OP_OVER)."""
    red, green = (Image.new("RGBA", (8, 8), colour) for colour in ((200, 0, 0, 255), (0, 200, 0, 128)))
    red.save(tmp_path / "over.png", save_all=True, append_images=[green], duration=[100, 100], blend=[0, 1])
    return tmp_path / "over.png"


def test_a_half_opaque_part_of_an_apng_lies_over_what_was_there(tmp_path: Path) -> None:
    frames, _ = frames_of(over(tmp_path))
    assert frames[1].rgb[4, 4].tolist() == [100, 100, 0]
    assert frames[1].alpha is not None
    assert frames[1].alpha[4, 4] == 255


def test_the_still_of_an_apng_for_old_viewers_does_not_belong_to_it(tmp_path: Path) -> None:
    still, *others = pictures()
    still.save(tmp_path / "in.png", save_all=True, append_images=others, duration=HELD, default_image=True)
    frames, _ = frames_of(tmp_path / "in.png")
    assert len(frames) == 3
    np.testing.assert_array_equal(frames[0].rgb, np.asarray(others[0]))


@pytest.mark.parametrize("target", [".png", ".webp", ".gif"])
def test_an_apng_is_played_as_often_as_before(tmp_path: Path, target: str) -> None:
    copy(animation(tmp_path / "in.png", loop=3), tmp_path / f"out{target}")
    with Image.open(tmp_path / f"out{target}") as image:
        assert image.info["loop"] == (2 if target == ".gif" else 3)


def test_an_apng_is_written_without_loss_and_keeps_its_opacity(tmp_path: Path) -> None:
    source = animation(tmp_path / "in.png", "RGBA")

    def with_opacity(frame: Frame) -> npt.NDArray[np.uint8]:
        assert frame.alpha is not None
        return np.dstack([frame.rgb, frame.alpha])

    assert copy(source, tmp_path / "out.png", change=with_opacity) == []
    for before, after in zip(frames_of(source)[0], frames_of(tmp_path / "out.png")[0], strict=True):
        np.testing.assert_array_equal(before.alpha, after.alpha)
        np.testing.assert_array_equal(before.rgb, after.rgb)


@pytest.mark.parametrize("suffix", [".webp", ".png", ".avif", ".gif"])
def test_a_pipe_gives_the_whole_animation(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = animation(tmp_path / f"in{suffix}")
    with path.open("rb") as pipe:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=pipe))
        with spooled([Source("standard input", Path("stdin"))]) as (source,):
            assert source.is_video
            assert source.relative.name == f"stdin{suffix}"
            assert source.file is not None
            frames, _ = frames_of(source.file)
    assert len(frames) == len(HELD)


def test_a_gif_that_does_not_say_how_long_pictures_are_shown_is_read_whole(tmp_path: Path) -> None:
    first, *others = (picture.quantize(8) for picture in pictures())
    first.save(tmp_path / "in.gif", save_all=True, append_images=others)
    frames, _ = frames_of(tmp_path / "in.gif")
    assert [frame.time * 10 for frame in frames] == [0, 1, 2, 3]
    for frame, drawn in zip(frames, (first, *others), strict=True):
        np.testing.assert_array_equal(frame.rgb, np.asarray(drawn.convert("RGB")))


def with_xmp(path: Path) -> Path:
    return animation(path, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")


def with_text(path: Path) -> Path:
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "some words")
    return animation(path, pnginfo=text)


@pytest.mark.parametrize(
    ("make", "suffix", "named"),
    [(with_xmp, ".webp", "XMP"), (with_xmp, ".avif", "XMP"), (with_text, ".png", "texts (Title)")],
)
def test_what_an_animation_says_in_words_is_named(
    tmp_path: Path, make: Callable[[Path], Path], suffix: str, named: str
) -> None:
    (warning,) = copy(make(tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}")
    assert warning == f"{tmp_path / 'in'}{suffix}: {named} of the animation: left out"


def linear(path: Path) -> Path:
    animation(path)
    path.write_bytes(with_chunks(path.read_bytes(), [(b"gAMA", struct.pack(">I", 100_000))]))
    return path


def test_colours_that_are_not_those_of_srgb_are_converted_and_said(tmp_path: Path) -> None:
    frames, (warning,) = frames_of(linear(tmp_path / "in.png"))
    assert "its colours become sRGB" in warning
    grey = np.asarray(pictures()[0])[24, 4]
    assert grey.tolist() == [128, 128, 128]
    assert frames[0].rgb[24, 4].tolist() == [188, 188, 188]


@pytest.mark.parametrize(("target", "kept"), [(".png", True), (".avif", True), (".webp", False), (".gif", False)])
def test_colours_of_hdr_stay_named_or_it_is_said(tmp_path: Path, target: str, kept: bool) -> None:
    path = animation(tmp_path / "in.png")
    path.write_bytes(with_chunks(path.read_bytes(), [(b"cICP", bytes([9, 16, 0, 1]))]))
    warnings = copy(path, tmp_path / f"out{target}")
    data = (tmp_path / f"out{target}").read_bytes()
    if not kept:
        assert any("BT.2020, PQ (HDR)) cannot be named" in warning for warning in warnings)
    elif target == ".png":
        assert dict(chunks(data))[b"cICP"][:2] == bytes([9, 16])
    else:
        assert b"colrnclx" + struct.pack(">HH", 9, 16) in data


def numbers_of_avif(data: bytes) -> npt.NDArray[np.uint16]:
    place = data.index(b"colrnclx") + 8
    return np.frombuffer(data[place : place + 4], ">u2").astype(np.uint16)


def test_avif_of_a_gif_says_srgb(tmp_path: Path) -> None:
    copy(animation(tmp_path / "in.gif"), tmp_path / "out.avif")
    assert numbers_of_avif((tmp_path / "out.avif").read_bytes()).tolist() == [1, 13]
    (frame, *_), _ = frames_of(tmp_path / "out.avif")
    assert np.abs(frame.rgb.astype(int) - np.asarray(pictures()[0])).mean() < 6
    assert frame.time == Fraction(0)
