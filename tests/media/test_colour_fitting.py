"""Colours from one format to another: the eye sees the same, or a note says that it does not; every pair of formats."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from balloon_splash.media.colour_fitting import WITH_ICC, WITH_NUMBERS
from balloon_splash.media.colour_numbers import ColourNumbers
from balloon_splash.media.colour_profiles import CURVES, PRIMARIES, ToSrgb, matrix_profile, profile_of_numbers
from balloon_splash.media.picture import Metadata, Picture
from balloon_splash.media.png_chunks import with_chunks
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture

LOSSY = ("JPEG", "WEBP", "AVIF", "HEIF")
KINDS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "JPEG2000")
P3, HDR, LINEAR = ColourNumbers(12, 13), ColourNumbers(9, 16), ColourNumbers(1, 8)
COLOURS = np.array([[200, 100, 50], [128, 128, 128], [60, 140, 70], [90, 80, 190]], np.uint8)


def patches() -> npt.NDArray[np.uint8]:
    """``(64, 64, 3)``: four colours, each in a quarter."""
    return np.repeat(np.repeat(COLOURS.reshape(2, 2, 3), 32, 0), 32, 1)


BY_HAND = [(12, 13, None), (9, 1, None), (1, 8, 1.0), (12, 4, 2.2)]


def to_srgb_by_hand(primaries: int, exponent: float | None) -> npt.NDArray[np.float64]:
    """Return ``COLOURS`` in sRGB by the formulas of CSS Color 4 (all whites D65); exponent None is sRGB's curve."""
    values = COLOURS / 255
    light = (
        np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        if exponent is None
        else (values**exponent)
    )

    def to_xyz(points: tuple[float, ...]) -> npt.NDArray[np.float64]:
        pairs = zip(points[::2], points[1::2], strict=True)
        white, *colours = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in pairs)
        columns = np.stack(colours, 1)
        return columns * np.linalg.solve(columns, white)

    linear = light @ (np.linalg.inv(to_xyz(tuple(PRIMARIES[1]))) @ to_xyz(tuple(PRIMARIES[primaries]))).T
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("primaries", "transfer", "exponent"), BY_HAND)
def test_a_profile_of_numbers_shows_the_colours_of_the_numbers(
    primaries: int, transfer: int, exponent: float | None
) -> None:
    icc = profile_of_numbers(ColourNumbers(primaries, transfer))
    assert icc is not None
    found = ToSrgb(icc)(COLOURS.reshape(2, 2, 3)).reshape(4, 3)
    np.testing.assert_allclose(found, to_srgb_by_hand(primaries, exponent), atol=1.5)


def test_no_profile_says_what_hdr_means_or_is_made_of_points_on_a_line() -> None:
    assert profile_of_numbers(HDR) is None
    assert profile_of_numbers(ColourNumbers(99, 13)) is None
    assert matrix_profile((0.3, 0.3, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4), CURVES[13]) is None


def by_numbers(kind: str, numbers: ColourNumbers) -> bytes:
    """A file that names its colours by numbers."""
    picture = Picture(patches(), format=kind, metadata=Metadata(numbers=numbers))
    return encode_picture(picture, kind, quality=95).data


def by_gamma() -> bytes:
    buffer = BytesIO()
    Image.fromarray(patches()).save(buffer, "PNG")
    return with_chunks(buffer.getvalue(), [(b"gAMA", struct.pack(">I", 100_000))])


def by_profile(kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(patches()).save(buffer, kind, icc_profile=profile_of_numbers(P3), quality=95)
    return buffer.getvalue()


SOURCES: dict[str, Callable[[], bytes]] = {
    "PNG cICP P3": lambda: by_numbers("PNG", P3),
    "AVIF nclx P3": lambda: by_numbers("AVIF", P3),
    "HEIC nclx P3": lambda: by_numbers("HEIF", P3),
    "PNG gAMA": by_gamma,
    "JPEG ICC P3": lambda: by_profile("JPEG"),
}


def seen(data: bytes) -> npt.NDArray[np.float64]:
    """The four colours of a file as they are shown, in sRGB, by a viewer that heeds profiles, numbers and gamma."""
    picture = read_picture(data)
    about = picture.metadata
    pixels = picture.rgb8
    icc = about.icc or (profile_of_numbers(about.numbers) if about.numbers else None)
    if icc is None and about.chunks:
        icc = profile_of_numbers(LINEAR) if (b"gAMA", struct.pack(">I", 100_000)) in about.chunks else None
    pixels = pixels if icc is None else ToSrgb(icc)(pixels)
    return pixels[16::32, 16::32].reshape(4, 3).astype(float)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", list(SOURCES))
def test_colours_are_seen_alike_in_every_format(source: str, kind: str) -> None:
    if "HEI" in source + kind:
        pytest.importorskip("pillow_heif").register_heif_opener()
    given = SOURCES[source]()
    encoded = encode_picture(read_picture(given), kind, quality=95 if kind in LOSSY else None)
    np.testing.assert_allclose(seen(encoded.data), seen(given), atol=14 if kind == "GIF" else 6)
    converted = any("became sRGB's" in note for note in encoded.notes)
    assert converted == (kind not in WITH_ICC)


@pytest.mark.parametrize("kind", KINDS)
def test_hdr_stays_named_or_is_said_to_be_lost(kind: str) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    picture = read_picture(by_numbers("PNG", HDR))
    encoded = encode_picture(picture, kind)
    if kind in WITH_NUMBERS:
        found = read_picture(encoded.data).metadata.numbers
        assert found is not None
        assert (found.primaries, found.transfer) == (9, 16)
    else:
        assert any("BT.2020, PQ (HDR)" in note and "look pale" in note for note in encoded.notes)


def test_a_gamma_that_is_that_of_srgb_goes_without_saying() -> None:
    buffer = BytesIO()
    Image.fromarray(patches()).save(buffer, "PNG")
    data = with_chunks(buffer.getvalue(), [(b"gAMA", struct.pack(">I", 45455))])
    encoded = encode_picture(read_picture(data), "JPEG")
    assert encoded.notes == ()
    assert b"ICC_PROFILE" not in encoded.data


def test_a_damaged_profile_leaves_the_pixels_alone() -> None:
    picture = Picture(patches(), metadata=Metadata(icc=b"damaged" * 30))
    encoded = encode_picture(picture, "BMP")
    assert any("ICC profile could not be kept" in note for note in encoded.notes)
    np.testing.assert_array_equal(read_picture(encoded.data).rgb, patches())


def test_a_profile_of_srgb_changes_no_pixel() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = replace(Picture(patches()), metadata=Metadata(icc=srgb))
    np.testing.assert_array_equal(read_picture(encode_picture(picture, "BMP").data).rgb, patches())
