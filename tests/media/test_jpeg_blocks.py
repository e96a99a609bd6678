"""A JPEG photo is not encoded again for a plain splash: inside nothing changes, outside all is grey, luma stays."""

from __future__ import annotations

import ctypes
import platform
import sys
from importlib import metadata
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import ExifTags, Image, ImageOps

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.media import jpeg_coefficients
from balloon_splash.media.jpeg_blocks import grey_outside
from balloon_splash.media.jpeg_coefficients import change_coefficients, is_available
from balloon_splash.media.jpeg_segments import parse_jpeg
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.splasher.splasher import splash_picture
from tests.media.test_kept_metadata import SMALL, TEXTS, camera_block, with_segments

HEIGHT, WIDTH = 150, 203
"""No whole number of blocks."""


@pytest.mark.skipif(not find_spec("pylibjxl"), reason="the wheel of pylibjxl is not there")
def test_the_wheel_that_is_installed_holds_the_library() -> None:
    files = metadata.files("pylibjxl") or []
    (module,) = (file.locate() for file in files if file.name.startswith("_pylibjxl."))
    assert hasattr(ctypes.CDLL(str(module)), "tjTransform")
    assert is_available()


needs_library = pytest.mark.skipif(not is_available(), reason="libjpeg-turbo's TurboJPEG is not there")


def scene() -> npt.NDArray[np.uint8]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).integers(0, 40, (HEIGHT, WIDTH, 3))
    return (np.dstack([x, y * 1.4, 255 - x]) * 0.8 + noise).clip(0, 255).astype(np.uint8)


def circle() -> npt.NDArray[np.bool_]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(x - 90, y - 80) < 62)


def greyed(source: bytes, keep: npt.NDArray[np.bool_]) -> bytes | None:
    result = grey_outside(source, keep)
    return None if result is None else result.data


def box(size: tuple[int, int], *corners: int) -> Detections:
    """One object that fills its box, left, top, right and bottom."""
    return Detections(
        size=size,
        boxes=np.array([corners], np.float32),
        scores=np.ones(1, np.float32),
        classes=np.zeros(1, np.int64),
        soft_masks=np.ones((1, 28, 28), np.float32),
        class_names=("balloon",),
    )


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()).convert(mode).save(buffer, "JPEG", **{"quality": 88, **options})
    return buffer.getvalue()


def pixels(data: bytes, mode: str = "RGB") -> npt.NDArray[np.int16]:
    """As libjpeg-turbo decodes them; in YCbCr as they are stored."""
    image = Image.open(BytesIO(data))
    image.draft(mode, image.size)
    image.load()
    assert image.mode == mode
    return np.asarray(image).astype(np.int16)


def blocks(mask: npt.NDArray[np.bool_], side: int = 16) -> npt.NDArray[np.bool_]:
    """Pixels of whole squares of ``side`` in which the mask is true everywhere."""
    whole = np.zeros_like(mask)
    height, width = (length // side * side for length in mask.shape)
    inner = mask[:height, :width].reshape(height // side, side, width // side, side).all(axis=(1, 3))
    whole[:height, :width] = inner.repeat(side, 0).repeat(side, 1)
    return whole


def outermost_lines(side: int = 16) -> npt.NDArray[np.bool_]:
    """Pixels on the edges of squares."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] % side
    return np.asarray((y == 0) | (y == side - 1) | (x == 0) | (x == side - 1))


def test_the_library_is_there_where_the_tests_install_it() -> None:
    wheels = sys.platform == "linux" and platform.machine() == "x86_64" and sys.version_info < (3, 14)
    assert is_available() or not wheels


@needs_library
@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 3}], ids=lambda o: str([*o])
)
def test_inside_no_pixel_changes_outside_all_are_grey_and_luma_stays(sampling: int, options: dict[str, Any]) -> None:
    source, keep = jpeg(subsampling=sampling, **options), circle()
    result = greyed(source, keep)
    assert result is not None
    before, after = pixels(source), pixels(result)
    inside, outside, lines = blocks(keep), blocks(~keep), outermost_lines()
    assert inside.sum() > 4000
    assert outside.sum() > 4000
    sure = ~lines if sampling else np.ones_like(lines)  # decoders mix subsampled chroma with that of the neighbour
    assert np.array_equal(before[inside & sure], after[inside & sure])
    assert not np.ptp(after[outside & sure], axis=1).any()
    assert np.array_equal(pixels(source, "YCbCr")[..., 0], pixels(result, "YCbCr")[..., 0])
    assert bool(Image.open(BytesIO(result)).info.get("progressive")) == bool(options.get("progressive"))
    assert len(result) < 1.1 * len(source)  # before version 3, the library takes Huffman's codes from a table


@needs_library
def test_where_the_neighbours_lie_inside_too_not_one_pixel_changes() -> None:
    source, keep = jpeg(), np.zeros((HEIGHT, WIDTH), bool)
    keep[:112, :144] = True
    result = greyed(source, keep)
    assert result is not None
    assert np.array_equal(pixels(source)[:96, :128], pixels(result)[:96, :128])
    assert not np.ptp(pixels(result)[128:], axis=2).any()


@needs_library
def test_on_the_outline_colour_fades_within_its_block() -> None:
    source, keep = jpeg(subsampling=0, quality=97), circle()
    result = greyed(source, keep)
    assert result is not None
    before, after = pixels(source), pixels(result)
    crossed = ~blocks(keep, 8) & ~blocks(~keep, 8)
    crossed[HEIGHT // 8 * 8 :] = crossed[:, WIDTH // 8 * 8 :] = False
    assert np.abs(before - after)[crossed & keep].mean() < 6
    assert np.ptp(after, axis=2)[crossed & ~keep].mean() < 0.3 * np.ptp(before, axis=2)[crossed & ~keep].mean()


@needs_library
@pytest.mark.parametrize("orientation", range(1, 9))
def test_metadata_and_orientation_stay_and_the_mask_is_that_of_the_upright_photo(orientation: int) -> None:
    segments = [
        (0xE1, camera_block(orientation)),
        (0xED, b"Photoshop 3.0\0"),
        (0xE4, b"MAKER\0words"),
        (0xFE, b"hello"),
    ]
    source = with_segments(jpeg(), *segments)
    picture = read_picture(source)
    objects = box(picture.size, 0, 0, picture.size[1], picture.size[0] // 2)
    splashed = splash_picture(picture, objects)
    written = encode_picture(splashed.after).data
    file = parse_jpeg(written)
    assert file is not None
    found = [(segment.marker, segment.data) for segment in file.descriptive]
    assert [segment for segment in segments[1:] if segment not in found] == []
    assert Image.open(BytesIO(written)).getexif()[ExifTags.Base.Orientation] == orientation
    assert all(text.encode() in written for text in TEXTS.values())
    assert SMALL not in written
    upright = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(written)))).astype(int)
    height = picture.size[0]
    assert np.ptp(upright[: height // 2 - 16], axis=2).mean() > 30
    assert not np.ptp(upright[height // 2 + 16 :], axis=2).any()
    again = read_picture(written)
    assert again.size == picture.size


@needs_library
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 33), (16, 16)])
@pytest.mark.parametrize("kept", [False, True])
def test_tiny_photos_pass(size: tuple[int, int], kept: bool) -> None:
    buffer = BytesIO()
    Image.fromarray(scene()[: size[0], : size[1]]).save(buffer, "JPEG")
    result = greyed(buffer.getvalue(), np.full(size, kept))
    assert result is not None
    after = pixels(result)
    assert np.array_equal(after, pixels(buffer.getvalue())) if kept else not np.ptp(after, axis=2).any()


@needs_library
def test_inverted_the_objects_turn_grey() -> None:
    picture = read_picture(jpeg())
    objects = box(picture.size, 48, 48, 112, 112)
    after = pixels(encode_picture(splash_picture(picture, objects, Look(invert=True)).after).data)
    assert not np.ptp(after[64:96, 64:96], axis=2).any()
    assert np.array_equal(after[:32], pixels(jpeg())[:32])


def test_a_grey_photo_keeps_its_very_bytes() -> None:
    source = jpeg("L")
    assert greyed(source, circle()) == source


@pytest.mark.parametrize(
    "source",
    [
        jpeg("CMYK"),
        jpeg(keep_rgb=True),
        jpeg()[:-400],
        jpeg()[:200],
        b"",
        jpeg().replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc9\x00\x11\x08"),
    ],
    ids=["four inks", "RGB", "truncated", "header", "empty", "arithmetic"],
)
def test_other_files_are_left_to_the_encoder(source: bytes) -> None:
    assert grey_outside(source, circle()) is None


def test_a_mask_of_another_size_is_left_to_the_encoder() -> None:
    assert grey_outside(jpeg(), circle()[1:]) is None


@pytest.mark.parametrize(
    ("look", "quality"),
    [
        (Look(soft=True, feather=3), None),
        (Look("blur"), None),
        (Look(outline=True), None),
        (Look(), 60),
        (Look("white"), None),
    ],
)
def test_other_looks_and_a_quality_are_encoded(
    look: Look, quality: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("not to be asked")

    monkeypatch.setattr("balloon_splash.media.writing.grey_outside", refuse)
    picture = read_picture(jpeg())
    objects = box(picture.size, 48, 48, 112, 112)
    assert encode_picture(splash_picture(picture, objects, look).after, quality=quality).data


def test_without_the_library_the_photo_is_encoded_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_coefficients, "_library", lambda: None)
    picture = read_picture(jpeg())
    objects = box(picture.size, 48, 48, 112, 112)
    after = pixels(encode_picture(splash_picture(picture, objects).after).data)
    assert np.ptp(after[64:96, 64:96], axis=2).mean() > 30
    assert np.ptp(after[:32], axis=2).max() < 3


@needs_library
def test_an_error_in_the_change_comes_back_from_behind_the_library() -> None:
    def change(component: int, row: int, found: jpeg_coefficients.Blocks) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_coefficients(jpeg(), change)
