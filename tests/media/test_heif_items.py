"""Notes on all that HEIC and AVIF files hold beside the picture: gain maps, depth, motion photos, more pictures."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from balloon_splash.media.heif_items import CREDENTIALS, left_out
from balloon_splash.media.reading import read_picture


def saved(kind: str, *, alpha: bool = False, further: int = 0) -> bytes:
    """A file with EXIF and XMP, which are kept, and perhaps opacity and further pictures."""
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    exif = Image.Exif()
    exif[271] = "a camera"
    first, *others = (Image.new("RGB", (64, 64), colour) for colour in ("red", "blue", "green"))
    if alpha:
        first.putalpha(100)
    buffer = BytesIO()
    options = {"save_all": True, "append_images": others[:further]} if further else {}
    first.save(buffer, kind, exif=exif, xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", **options)
    return buffer.getvalue()


def item_of_another_kind(data: bytes, kind: bytes) -> bytes:
    """The same file, whose item of EXIF has another kind of the same length."""
    place = data.index(b"Exif", data.index(b"infe"))
    return data[:place] + kind + data[place + 4 :]


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_opacity_exif_and_xmp_are_kept_and_so_not_named(kind: str) -> None:
    assert read_picture(saved(kind, alpha=True)).notes == ()


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_a_gain_map_is_named(kind: str) -> None:
    picture = read_picture(item_of_another_kind(saved(kind), b"tmap"))
    assert picture.notes == ("the gain map (HDR) is left out",)


@pytest.mark.parametrize(
    ("role", "named"),
    [("depth", "the depth map is left out"), ("other", "an auxiliary picture (other) is left out")],
)
def test_an_auxiliary_picture_of_avif_is_named(role: str, named: str) -> None:
    data = saved("AVIF", alpha=True).replace(b"auxiliary:alpha", f"auxiliary:{role}".encode())
    assert read_picture(data).notes == (named,)


@pytest.mark.parametrize(
    ("urn", "named"),
    [
        (b"urn:com:apple:photo:2020:aux:hdrgainmap", "the gain map (HDR)"),
        (b"urn:mpeg:hevc:2015:auxid:2", "the depth map"),
        (b"urn:com:apple:photo:2018:aux:portraiteffectsmatte", "an auxiliary picture (portraiteffectsmatte)"),
    ],
)
def test_auxiliary_pictures_of_an_iphone_are_named(urn: bytes, named: str) -> None:
    inner = box(b"auxC", bytes(4) + urn + b"\0")
    assert left_out(box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", inner)))) == [f"{named} is left out"]


@pytest.mark.parametrize(
    ("name", "body", "named"),
    [
        (b"mpvd", b"a video", "the video of a motion photo is left out"),
        (
            b"uuid",
            CREDENTIALS + b"claims",
            "content credentials (C2PA), which hold for the original alone, are left out",
        ),
    ],
)
def test_boxes_behind_the_picture_are_named(name: bytes, body: bytes, named: str) -> None:
    assert read_picture(saved("AVIF") + box(name, body)).notes == (named,)


def test_further_pictures_of_heic_are_counted() -> None:
    assert "further pictures in the file are left out: 2" in read_picture(saved("HEIF", further=2)).notes


def test_a_list_of_items_that_is_cut_off_anywhere_is_read_as_far_as_it_goes() -> None:
    data = saved("AVIF", alpha=True)
    meta = data.index(b"meta")
    for end in range(meta, meta + 400, 7):
        left_out(data[:end] + bytes(64))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.integers(meta, meta + 400)] = rng.integers(0, 256)
        left_out(bytes(damaged))
