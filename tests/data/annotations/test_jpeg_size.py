from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import ExifTags, Image

from balloon_splash.data.annotations.jpeg_size import plain_jpeg_size
from balloon_splash.media.opening import DAMAGED


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.new(mode, (33, 17), "grey" if mode != "CMYK" else 0).save(stream, "JPEG", **options)
    return stream.getvalue()


def opened_by_pillow(data: bytes) -> tuple[int, int] | None:
    """Width and height of a file that Pillow opens as one upright JPEG picture."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            return image.size if image.format == "JPEG" and not image.getexif() else None
    except DAMAGED:
        return None


@pytest.mark.parametrize(
    "data",
    [
        jpeg(),
        jpeg("L"),
        jpeg("CMYK"),  # with Adobe's segment
        jpeg(progressive=True),
        jpeg(comment=b"made by hand", icc_profile=bytes(500), restart_marker_blocks=1),
    ],
    ids=["colour", "grey", "cmyk", "progressive", "comment, profile, restart markers"],
)
def test_the_size_of_a_plain_photo_takes_its_header_alone(data):
    assert plain_jpeg_size(data) == (33, 17)
    scan = data.index(b"\xff\xda")
    assert plain_jpeg_size(data[: scan + 20]) == (33, 17)
    assert plain_jpeg_size(data[: scan + 2]) is None


def turned(orientation: int, xmp: bool) -> bytes:
    if xmp:
        return jpeg(xmp=b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return jpeg(exif=exif)


@pytest.mark.parametrize(
    "data",
    [turned(6, xmp=False), turned(6, xmp=True), jpeg(icc_profile=bytes(20_000))[: 16 * 1024], b"", b"\xff\xd8\xff"],
    ids=["exif", "xmp", "longer than what is read", "empty", "cut at once"],
)
def test_a_photo_that_may_be_turned_or_damaged_is_left_to_pillow(data):
    assert plain_jpeg_size(data) is None


def test_two_pictures_in_one_file_are_left_to_pillow():
    stream = io.BytesIO()
    picture = Image.new("RGB", (33, 17))
    picture.save(stream, "MPO", save_all=True, append_images=[picture])
    assert plain_jpeg_size(stream.getvalue()) is None


def test_whatever_byte_of_the_header_is_damaged_the_size_is_as_pillow_reads_it():
    data = jpeg(comment=b"abc", icc_profile=bytes(40))
    rng = np.random.default_rng(0)
    differing = 0
    for place in range(data.index(b"\xff\xc4") + 4):
        damaged = bytearray(data)
        damaged[place] = rng.choice(np.array([0, 1, 0xFF, damaged[place] ^ 0x10, rng.integers(256)]))
        found = plain_jpeg_size(bytes(damaged))
        if found is not None:
            assert found == opened_by_pillow(bytes(damaged)), f"byte {place} is {damaged[place]}"
        differing += found != (33, 17)
    assert differing > 30  # the damage was seen
