"""The HDR picture behind a JPEG photo is splashed as the photo is, and said where it cannot be."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, MpoImagePlugin

from balloon_splash.compositing.look import Look
from balloon_splash.media.jpeg_metadata import ISO_GAIN_MAP
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import Encoded, encode_picture
from balloon_splash.splasher.splasher import splash_picture
from tests.media.test_jpeg_blocks import box, jpeg, needs_library, scene
from tests.media.test_kept_metadata import SMALL, XMP_HEAD, with_segments

NAMES = (
    'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
)


def packet(attributes: str, inner: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {NAMES} {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


def item(semantic: str, length: int | None = None) -> str:
    said = "" if length is None else f' Item:Length="{length}"'
    about = f'Item:Semantic="{semantic}" Item:Mime="image/jpeg"{said}'
    return f'<rdf:li rdf:parseType="Resource"><Container:Item {about}/></rdf:li>'


def map_of(mode: str, *more: tuple[int, bytes], per_channel: str = "", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(scene()[::2, ::2]).convert(mode).save(buffer, "JPEG", quality=90, **options)
    about = packet('hdrgm:Version="1.0" hdrgm:GainMapMax="2.3" hdrgm:HDRCapacityMax="2.3"', per_channel)
    return with_segments(buffer.getvalue(), (0xE1, XMP_HEAD + about), *more)


def ultra_hdr(gain_map: bytes, *items: str, behind: bytes = b"") -> bytes:
    """A photo with its gain map, as phones write it: announced by XMP, found by the index of pictures."""
    listed = "".join(items or (item("Primary"), item("GainMap", len(gain_map))))
    inner = f"<Container:Directory><rdf:Seq>{listed}</rdf:Seq></Container:Directory>"
    xmp = (0xE1, XMP_HEAD + packet('hdrgm:Version="1.0"', inner))
    head = struct.pack(">IHHHI4sHHIIHHIII", 8, 3, 0xB000, 7, 4, b"0100", 0xB001, 4, 1, 2, 0xB002, 7, 32, 50, 0)
    index = b"MPF\0MM\0*" + head
    empty = with_segments(jpeg(), xmp, (0xE2, index + bytes(32)))
    start = empty.index(b"MPF\0") + 4
    entries = struct.pack(">8I", 0x030000, len(empty), 0, 0, 0, len(gain_map), len(empty) - start, 0)
    return with_segments(jpeg(), xmp, (0xE2, index + entries)) + gain_map + behind


def splashed(source: bytes, look: Look | None = None) -> tuple[list[str], Encoded]:
    picture = read_picture(source)
    encoded = encode_picture(splash_picture(picture, box(picture.size, 48, 48, 112, 112), look).after)
    return [*picture.notes, *encoded.notes], encoded


def pictures(data: bytes) -> list[Image.Image]:
    """Those of a file, found by its index."""
    image = MpoImagePlugin.MpoImageFile(BytesIO(data))  # which Image.open does not take where XMP tells of a gain map
    found = []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(image.copy())
    return found


@needs_library
@pytest.mark.parametrize("options", [{}, {"optimize": True, "progressive": True}], ids=["baseline", "progressive"])
def test_a_gain_map_of_one_channel_goes_along_byte_for_byte(options: dict[str, Any]) -> None:
    gain_map = map_of("L", **options)
    notes, encoded = splashed(ultra_hdr(gain_map))
    assert notes == []
    assert encoded.data.endswith(gain_map)
    photo, found = pictures(encoded.data)
    assert np.array_equal(np.asarray(found), np.asarray(Image.open(BytesIO(gain_map))))
    assert not np.ptp(np.asarray(photo)[128:], axis=2).any()
    assert b'hdrgm:Version="1.0"' in encoded.data
    assert f'Item:Semantic="GainMap" Item:Mime="image/jpeg" Item:Length="{len(gain_map)}"'.encode() in encoded.data


@needs_library
def test_a_gain_map_of_three_channels_is_splashed_as_the_photo_is() -> None:
    gain_map = map_of("RGB", subsampling=0)
    notes, encoded = splashed(ultra_hdr(gain_map))
    assert notes == []
    photo, found = (np.asarray(picture).astype(int) for picture in pictures(encoded.data))
    before = np.asarray(Image.open(BytesIO(gain_map))).astype(int)
    assert np.array_equal(found[32:48, 32:48], before[32:48, 32:48])
    assert not np.ptp(found[64:], axis=2).any()
    assert not np.ptp(photo[128:], axis=2).any()
    length = len(encoded.data) - encoded.data.index(b"\xff\xd9\xff\xd8") - 2
    assert length != len(gain_map)
    assert f'Item:Length="{length}"'.encode() in encoded.data


@needs_library
@pytest.mark.parametrize(
    "source",
    [
        ultra_hdr(
            map_of("RGB", per_channel="<hdrgm:GainMapMin><rdf:Seq><rdf:li>0</rdf:li></rdf:Seq></hdrgm:GainMapMin>")
        ),
        ultra_hdr(map_of("RGB", (0xE2, ISO_GAIN_MAP + b"\0\0\0\0\x80"))),
        ultra_hdr(map_of("L", (0xE5, SMALL))),
        ultra_hdr(
            map_of("L"), item("Primary"), item("GainMap", 5), item("MotionPhoto", 9), behind=b"\0\0\0\x18ftypmp42moov"
        ),
        ultra_hdr(map_of("L"), behind=SMALL),
    ],
    ids=["numbers by channel in XMP", "and in ISO's block", "a preview inside", "a motion photo", "one more picture"],
)
def test_a_gain_map_that_cannot_be_splashed_is_left_out_and_said(source: bytes) -> None:
    notes, encoded = splashed(source)
    assert sum("the gain map (HDR) is left out" in note for note in notes) == 1
    assert Image.open(BytesIO(encoded.data)).format == "JPEG"
    for promise in (b"hdrgm:Version", b"GainMap", b"MPF\0"):
        assert promise not in encoded.data


def test_another_look_or_format_says_that_the_gain_map_is_left_out() -> None:
    source = ultra_hdr(map_of("L"))
    for look in (Look("blur"), Look(labels=True)):
        notes, encoded = splashed(source, look)
        assert notes == ["the gain map (HDR) is left out"]
        assert b"GainMap" not in encoded.data
    picture = read_picture(source)
    assert "the gain map (HDR) is left out" in encode_picture(picture, "PNG").notes
