"""Metadata stays byte for byte, except what shows or promises more than the splash."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms

from balloon_splash.media.exif import edited_exif
from balloon_splash.media.jpeg_segments import parse_jpeg
from balloon_splash.media.picture import Metadata, Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.media.xmp import cleaned_xmp

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TEXTS = {0x10E: "Abend über Zürich", 0x13B: "Jörg Müller", 0x8298: "© 2026 山田"}
XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    y, x = np.mgrid[:40, :60]
    pixels = np.dstack([x * 4, y * 6, (x + y) * 2]).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


SMALL = saved("JPEG")


def directory(entries: list[tuple[int, int, int, bytes]], at: int, after: int = 0) -> bytes:
    """A little-endian TIFF directory of (tag, kind, count, value)."""
    head, data, base = b"", b"", at + 2 + 12 * len(entries) + 4
    for tag, kind, count, value in entries:
        place = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", base + len(data))
        data += value + b"\0" * (len(value) % 2) if len(value) > 4 else b""
        head += struct.pack("<HHI", tag, kind, count) + place
    return struct.pack("<H", len(entries)) + head + struct.pack("<I", after) + data


def camera_block(orientation: int = 1, maker_note: bytes = b"MAKER\0secret") -> bytes:
    """EXIF as cameras write it: UTF-8, a maker note, a thumbnail in a second directory."""
    texts = [(tag, 2, len(text.encode()) + 1, text.encode() + b"\0") for tag, text in TEXTS.items()]
    note = (0x927C, 7, len(maker_note), maker_note)
    camera_at = 8 + len(directory([*texts, (0x112, 3, 1, bytes(2)), (0x8769, 4, 1, bytes(4))], 8))
    camera = directory([note, (0xA002, 4, 1, struct.pack("<I", 60)), (0xA003, 4, 1, struct.pack("<I", 40))], camera_at)
    second_at = camera_at + len(camera)
    orientation_entry = (0x112, 3, 1, struct.pack("<H", orientation))
    entries = sorted([*texts, orientation_entry, (0x8769, 4, 1, struct.pack("<I", camera_at))])
    thumbnail_at = second_at + 2 + 2 * 12 + 4
    second = directory(
        [(0x201, 4, 1, struct.pack("<I", thumbnail_at)), (0x202, 4, 1, struct.pack("<I", len(SMALL)))], second_at
    )
    return b"Exif\0\0II*\0\x08\0\0\0" + directory(entries, 8, second_at) + camera + second + SMALL


def with_segments(data: bytes, *more: tuple[int, bytes]) -> bytes:
    return data[:2] + b"".join(struct.pack(">BBH", 255, kind, len(body) + 2) + body for kind, body in more) + data[2:]


def packet(inner: str = "", attributes: str = "") -> bytes:
    names = (
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" '
        'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
        'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/"'
    )
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {names} {attributes}>{inner}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_texts_and_maker_notes_of_exif_stay_byte_for_byte(kind: str, orientation: int) -> None:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    if kind in ("AVIF", "HEIF") and orientation != 1:
        pytest.skip("these hold the turn of their pixels elsewhere, and their libraries write EXIF anew for it")
    block = camera_block(orientation)
    source = saved(kind, exif=block)
    if kind == "AVIF":  # Pillow alone would make the texts ASCII
        source = encode_picture(replace(read_picture(source), metadata=Metadata(exif=block))).data
    written = encode_picture(read_picture(source)).data
    for text in TEXTS.values():
        assert text.encode() in written
    image = Image.open(BytesIO(written))
    kept = image.getexif()
    assert kept.get(ExifTags.Base.Orientation) == 1
    camera = kept.get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.MakerNote] == b"MAKER\0secret"
    assert (camera[0xA002], camera[0xA003]) == image.size
    assert SMALL not in written


def test_only_what_has_to_change_in_exif_does() -> None:
    before = camera_block(6)
    after = edited_exif(before, size=(60, 40))
    assert len(before) == len(after)
    changed = {place for place, (old, new) in enumerate(zip(before, after, strict=True)) if old != new}
    thumbnail = before.index(SMALL)
    assert {place for place in changed if place < thumbnail} < set(range(6 + 8, thumbnail))
    assert len([place for place in changed if place < thumbnail]) < 45  # numbers and the second directory alone


@pytest.mark.parametrize("note", [b"maker" + SMALL + b"more", SMALL])
def test_a_preview_in_a_maker_note_is_blanked(note: bytes) -> None:
    after = edited_exif(camera_block(1, note))
    assert SMALL not in after
    assert len(after) == len(camera_block(1, note))


@pytest.mark.parametrize(
    "data", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\0\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0" + bytes(9)]
)
def test_damaged_exif_stays_as_it_is(data: bytes) -> None:
    assert edited_exif(data, size=(1, 1)) == data


def test_thumbnails_in_xmp_go_and_the_rest_stays() -> None:
    small = base64.b64encode(SMALL).decode()
    thumbnails = (
        "<xmp:Rating>4</xmp:Rating><xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'>"
        f"<xmpGImg:image>{small}</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
    )
    for source in (
        with_segments(saved("JPEG"), (0xE1, XMP_HEAD + packet(thumbnails))),
        saved("PNG", pnginfo=_text("XML:com.adobe.xmp", packet(thumbnails).decode())),
        saved("WEBP", xmp=packet(thumbnails)),
        saved("TIFF", tiffinfo={700: packet(thumbnails)}),
    ):
        assert small.encode() in source
        written = encode_picture(read_picture(source)).data
        assert small.encode() not in written
        assert b"<xmp:Rating>4" in written


def _text(keyword: str, text: str):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt(keyword, text)
    return info


def test_a_packet_without_anything_untrue_stays_byte_for_byte() -> None:
    plain = b"<?xpacket begin=''?>" + packet("<xmp:Rating>5</xmp:Rating>") + b"<?xpacket end='w'?>"
    assert cleaned_xmp(plain) == (plain, [])
    turned, _ = cleaned_xmp(packet(attributes='tiff:Orientation="6"'), size=(4, 3))
    assert turned is not None
    assert b'tiff:Orientation="1"' in turned


@pytest.mark.parametrize(
    "text",
    [b"<!DOCTYPE x [<!ENTITY a 'b'>]><x xmlns='http://ns.adobe.com/hdr-gain-map/1.0/'/>", b"hdr-gain-map/1.0/ <"],
)
def test_xmp_that_cannot_be_read_is_not_trusted(text: bytes) -> None:
    text = text.replace(b"hdr-gain", b"http://ns.adobe.com/hdr-gain") if b"<!" not in text else text
    cleaned, gone = cleaned_xmp(text)
    assert cleaned is None
    assert gone == ["XMP that cannot be read"]


def mpf(*sizes: int) -> bytes:
    return b"MPF\0MM\0*" + struct.pack(">I", 8) + b"".join(struct.pack(">I", size) for size in sizes)


@pytest.mark.parametrize(
    ("attributes", "behind", "note"),
    [
        (
            'hdrgm:Version="1.0"',
            with_segments(SMALL, (0xE1, XMP_HEAD + packet(attributes='hdrgm:GainMapMax="2"'))),
            "gain map",
        ),
        ('GCamera:MotionPhoto="1"', b"\0\0\0\x18ftypmp42" + bytes(12) + b"\0\0\0\x08moov", "motion photo"),
        ('GDepth:Near="1"', b"", "depth map"),
        ("", SMALL, "further pictures"),
        ("", b"SEFH" + bytes(20) + b"SEFT", "behind the picture"),
    ],
)
def test_what_a_jpeg_file_holds_beside_its_picture_is_said_and_not_promised(
    attributes: str, behind: bytes, note: str
) -> None:
    source = with_segments(saved("JPEG"), (0xE1, XMP_HEAD + packet(attributes=attributes)), (0xE2, mpf(1, 2))) + behind
    picture = read_picture(source)
    encoded = encode_picture(picture)
    assert [note in line for line in (*picture.notes, *encoded.notes)] == [True]
    written = encoded.data
    assert b"MPF\0" not in written
    for untrue in (b"hdrgm:Version", b"MotionPhoto=", b"GDepth:Near"):
        assert untrue not in written


def resource(number: int, body: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HxxI", number, len(body)) + body + b"\0" * (len(body) % 2)


def test_every_segment_of_a_jpeg_file_goes_along_and_previews_in_it_do_not() -> None:
    caption = resource(1028, b"\x1c\x02\x78\0\x05hello")
    kept = [(0xED, b"Photoshop 3.0\0" + caption), (0xE4, b"MAKER\0some words"), (0xFE, "Grüße".encode())]
    source = with_segments(
        saved("JPEG", icc_profile=SRGB, dpi=(300, 300)),
        (0xED, b"Photoshop 3.0\0" + caption + resource(1036, bytes(28) + SMALL)),
        *kept[1:],
        (0xE0, b"JFXX\0\x10" + SMALL),
        (0xE2, b"FPXR\0" + SMALL),
        (0xE5, b"OTHER\0" + SMALL),
        (0xEB, b"JP\0\0\0\0\0\0\0\0jumb c2pa"),
    )
    picture = read_picture(source)
    written = encode_picture(picture).data
    file = parse_jpeg(written)
    assert file is not None
    found = [(segment.marker, segment.data) for segment in file.descriptive]
    assert all(segment in found for segment in kept)
    assert SMALL not in written
    assert Image.open(BytesIO(written)).info["icc_profile"] == SRGB
    assert Image.open(BytesIO(written)).info["dpi"] == (300, 300)
    assert ["content credentials" in note for note in picture.notes] == [True]
    (note,) = encode_picture(picture, "PNG").notes
    assert "Photoshop's and IPTC's data" in note
    assert "MAKER" in note


def test_long_xmp_stays_unless_there_are_pictures_in_it() -> None:
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 1000, 0)
    main = packet(attributes='xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="0"')
    plain = with_segments(saved("JPEG"), (0xE1, XMP_HEAD + main), (0xE1, head + b"<x>settings</x>"))
    written = encode_picture(read_picture(plain)).data
    assert main in written
    assert head + b"<x>settings</x>" in written
    image = b'<x xmlns:GImage="http://ns.google.com/photos/1.0/image/" GImage:Data="AAAA"/>'
    picture = read_picture(with_segments(saved("JPEG"), (0xE1, XMP_HEAD + main), (0xE1, head + image)))
    assert any("part of XMP" in note for note in picture.notes)
    written = encode_picture(picture).data
    assert b"GImage" not in written
    assert b"HasExtendedXMP" not in written


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(*more: bytes, mode: str = "RGB") -> bytes:
    plain = saved("PNG", mode)
    return plain[:33] + b"".join(more) + plain[33:]


@pytest.mark.parametrize("deep", [False, True])
def test_what_describes_a_png_file_goes_along(deep: bool) -> None:
    kept = [
        chunk(b"gAMA", struct.pack(">I", 100000)),
        chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)),
        chunk(b"tEXt", b"Title\0Balloons"),
        chunk(b"zTXt", b"Author\0\0" + zlib.compress("Jörg".encode("latin-1"))),
        chunk(b"iTXt", "Description\0\0\0\0\0über".encode()),
        chunk(b"tIME", struct.pack(">HBBBBB", 2026, 11, 27, 12, 0, 0)),
        chunk(b"prVt", b"safe to copy"),
    ]
    gone = [
        chunk(b"caBX", b"c2pa"),
        chunk(b"prVT", b"depends on the pixels"),
        chunk(b"tEXt", b"Raw profile type iptc\0\nx"),
    ]
    if deep:
        plain = encode_picture(Picture(np.full((4, 5, 3), 30000, np.uint16))).data
        source = plain[:33] + b"".join([*kept, *gone]) + plain[33:]
    else:
        source = png(*kept, *gone)
    picture = read_picture(source)
    written = encode_picture(picture).data
    assert all(part in written for part in kept)
    assert not any(part in written for part in gone)
    assert len(picture.notes) == len(gone)
    (note,) = [line for line in encode_picture(picture, "WEBP").notes if "could not be kept" in line]
    for name in ("Title", "Author", "Description"):  # gamma and chromaticities became an ICC profile
        assert name in note


def test_metadata_that_a_format_refuses_does_not_cost_the_picture() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    encoded = encode_picture(Picture(pixels, metadata=Metadata(xmp=b"x" * 70_000, exif=camera_block())), "JPEG")
    assert any("XMP could not be kept in JPEG" in note for note in encoded.notes)
    assert "Jörg".encode() in encoded.data
    odd = encode_picture(Picture(pixels, metadata=Metadata(comment=b"x" * 70_000)), "JPEG")
    assert any("comment could not be kept" in note for note in odd.notes)


@pytest.mark.parametrize("resolution", [(0, 0), (0, 1)])
def test_a_resolution_that_says_nothing_is_not_fatal(tmp_path: Path, resolution: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.XResolution] = exif[ExifTags.Base.YResolution] = 72.0
    exif[ExifTags.Base.ResolutionUnit] = 2
    block = exif.tobytes().replace(struct.pack(">II", 72, 1), struct.pack(">II", *resolution))
    assert block != exif.tobytes()
    for kind in ("JPEG", "PNG", "TIFF"):
        picture = read_picture(saved("JPEG", exif=block))
        assert encode_picture(picture, kind).data


def test_texts_beyond_ascii_stay_in_tiff() -> None:
    source = saved("TIFF", tiffinfo={270: "Zürich".encode(), 315: "山田".encode()}, compression="tiff_lzw")
    written = encode_picture(read_picture(source)).data
    assert "Zürich".encode() in written
    assert "山田".encode() in written


@pytest.mark.parametrize("deep", [False, True])
def test_title_and_software_stay_in_tiff(deep: bool) -> None:
    """As a scanner, an editor and Windows' file properties write them."""
    texts = {269: b"Scan 12", 270: b"A party", 285: b"page 3", 305: b"Editor 2", 316: b"studio"}
    title = "Fest, größer".encode("utf-16-le") + b"\0\0"
    if deep:
        buffer = BytesIO()
        extra = [(tag, 2, len(text) + 1, text + b"\0", True) for tag, text in texts.items() if tag not in (270, 305)]
        tifffile.imwrite(
            buffer,
            np.zeros((40, 60, 3), np.uint16),
            description="A party",
            software="Editor 2",
            extratags=[*extra, (0x9C9B, 1, len(title), title, True)],
            metadata=None,
        )
        source = buffer.getvalue()
    else:
        source = saved("TIFF", tiffinfo={**texts, 0x9C9B: title}, compression="tiff_adobe_deflate")
    picture = read_picture(source)
    assert picture.rgb.dtype == (np.uint16 if deep else np.uint8)
    encoded = encode_picture(picture)
    with tifffile.TiffFile(BytesIO(encoded.data)) as file:
        tags = file.pages[0].tags
        assert {tag: tags[tag].value.encode() for tag in texts} == texts
        assert bytes(tags[0x9C9B].value) == title
        assert tags[0x9C9B].dtype == 1
    assert not encoded.notes


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("PNG", {}, "--quality 80 is without effect, as PNG files are written without one"),
        ("TIFF", {}, "--quality 80 is without effect"),
        ("WEBP", {"lossless": True}, "--quality 80 is without effect, as this WEBP file was coded without loss"),
        ("WEBP", {}, ""),
        ("JPEG", {}, ""),
    ],
)
def test_a_quality_without_effect_is_said(kind: str, options: dict[str, Any], told: str) -> None:
    notes = " ".join(encode_picture(read_picture(saved(kind, **options)), quality=80).notes)
    assert told in notes
    assert bool(told) == ("--quality" in notes)


def test_a_cmyk_photo_whose_profile_describes_rgb_is_read_and_says_so() -> None:
    picture = read_picture(saved("JPEG", "CMYK", icc_profile=SRGB))
    assert any("does not describe CMYK" in note for note in picture.notes)
    assert picture.metadata.icc is None
    assert "icc_profile" not in Image.open(BytesIO(encode_picture(picture).data)).info


def test_damaged_exif_does_not_cost_a_tiff() -> None:
    damaged = Picture(np.zeros((8, 8, 3), np.uint8), metadata=Metadata(exif=b"Exif\0\0I\0\1\0\x08\0\0\0"))
    encoded = encode_picture(damaged, "TIFF")
    assert encoded.notes == ("EXIF could not be kept in TIFF",)
    assert read_picture(encoded.data).size == (8, 8)
