"""The table of formats in docs/splash.md is what comes out: each of its cells is a file, splashed as what it is."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from balloon_splash.media.formats import ANIMATED, animation_of
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.splasher.splasher import splash_picture
from tests.media.clips import make_clip
from tests.media.test_deep_and_numbered_colours import hlg_heic, pq_avif, pq_png
from tests.media.test_gain_map import map_of, ultra_hdr
from tests.media.test_jpeg_blocks import box, needs_library, scene
from tests.media.test_kept_metadata import camera_block, directory, packet
from tests.media.test_video_files import copy

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
DOCS = Path(__file__).parents[2] / "docs" / "splash.md"
FORMATS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "WebP": "WEBP",
    "AVIF": "AVIF",
    "HEIC": "HEIF",
    "TIFF": "TIFF",
    "GIF": "GIF",
    "BMP": "BMP",
    "JPEG 2000": "JPEG2000",
}
XMP = packet("<xmp:Rating>4</xmp:Rating>")
KEPT, SAID, PARTLY = "kept", "noted", "in part, noted"


def saved(kind: str, pixels: np.ndarray | None = None, **options: Any) -> bytes:
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    buffer = BytesIO()
    Image.fromarray(scene() if pixels is None else pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def splash(source: bytes) -> tuple[bytes, list[str]]:
    """The splash of a file in its own format, and what is said."""
    picture = read_picture(source)
    encoded = encode_picture(splash_picture(picture, box(picture.size, 48, 48, 112, 112)).after)
    return encoded.data, [*picture.notes, *encoded.notes]


def animate(source: Path, result: Path) -> None:
    """The splash of an animation, without a change."""
    copy(source, result)


def info(data: bytes) -> dict[Any, Any]:
    image = Image.open(BytesIO(data))
    image.load()
    return image.info


def tiff_with_settings() -> bytes:
    """A TIFF file with an artist, and with camera settings in a directory of their own behind it."""
    place = 0
    for _ in range(2):
        buffer = BytesIO()
        tags = [(315, 2, 9, b"somebody\0", True), (34664, 4, 1, place, True)]
        tifffile.imwrite(buffer, scene(), photometric="rgb", metadata=None, extratags=tags)
        place = len(buffer.getvalue())
    data = buffer.getvalue().replace(struct.pack("<HH", 34664, 4), struct.pack("<HH", ExifTags.IFD.Exif, 4))
    return data + directory([(0x8827, 3, 1, struct.pack("<H", 400))], place)


def exif(kind: str) -> str:
    block = camera_block(1)
    source = tiff_with_settings() if kind == "TIFF" else saved(kind, exif=block)
    data, notes = splash(source)
    kept = Image.open(BytesIO(data)).getexif()
    if kind == "TIFF":
        assert kept[ExifTags.Base.Artist].strip("\0") == "somebody"
        return PARTLY if any("camera settings" in note for note in notes) else "lost"
    assert notes == []
    return KEPT if kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == b"MAKER\0secret" else "lost"


def xmp(kind: str) -> str:
    options: dict[str, Any] = {"xmp": XMP}
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options = {"pnginfo": text}
    elif kind == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    source = saved(kind, **({} if kind in ("GIF", "JPEG2000") else options))
    if kind == "GIF":
        block = b"\x21\xff\x0bXMP DataXMP" + XMP + bytes([1, *range(255, -1, -1), 0])
        source = source[:13] + source[13 : 13 + 768] + block + source[13 + 768 :]
    elif kind == "JPEG2000":
        source = with_box(source, b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP)
    data, notes = splash(source)
    return KEPT if b"<xmp:Rating>4" in data and not any("XMP" in note for note in notes) else _said(notes, "XMP")


def with_box(source: bytes, name: bytes, body: bytes) -> bytes:
    """A JPEG 2000 file with one more box before its codestream."""
    place = source.index(b"jp2c") - 4
    return source[:place] + struct.pack(">I", len(body) + 8) + name + body + source[place:]


def _said(notes: list[str], what: str) -> str:
    return SAID if any(what in note for note in notes) else "lost"


def profile(kind: str) -> str:
    data, notes = splash(saved(kind, icc_profile=SRGB))
    return KEPT if info(data).get("icc_profile") == SRGB else _said(notes, "profile")


def numbers(kind: str) -> str:
    source = {"PNG": pq_png, "AVIF": pq_avif, "HEIF": hlg_heic}[kind]()
    data, _ = splash(source)
    again = read_picture(data).metadata.numbers
    return KEPT if again == read_picture(source).metadata.numbers else "lost"


def resolution(kind: str) -> str:
    data, notes = splash(saved(kind, dpi=(300, 300)))
    found = info(data).get("dpi", (0, 0))
    return KEPT if np.allclose(found, 300, atol=0.1) else _said(notes, "resolution")


def texts(kind: str) -> str:
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text("Title", "some words")
        source = saved(kind, pnginfo=text)
    elif kind == "TIFF":
        source = saved(kind, tiffinfo={270: "some words"})
    else:
        source = saved(kind, comment=b"some words")
    data, notes = splash(source)
    return KEPT if b"some words" in data else _said(notes, "comment")


def transparency(kind: str) -> str:
    alpha = np.zeros(scene().shape[:2], np.uint8)
    alpha[:, :80] = 255
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    data, notes = splash(saved(kind, np.dstack([scene(), alpha]), **options))
    again = read_picture(data).alpha
    return KEPT if again is not None and np.abs(again.astype(int) - alpha).mean() < 2 else _said(notes, "transparency")


def depth(kind: str, folder: Path) -> str:
    deep = scene().astype(np.uint16) * 257
    if kind == "AVIF":
        clip: dict[str, Any] = {"codec": "libsvtav1", "pixel_format": "yuv420p10le", "options": {"preset": "10"}}
        source = make_clip(folder / "deep.avif", frames=1, **clip).read_bytes()
    elif kind == "HEIF":
        heif = pytest.importorskip("pillow_heif")
        buffer = BytesIO()
        heif.encode("RGB;16", (deep.shape[1], deep.shape[0]), deep.tobytes(), buffer)
        source = buffer.getvalue()
    else:
        suffix = {"PNG": ".png", "TIFF": ".tif", "JPEG2000": ".jp2"}[kind]
        source = cv2.imencode(suffix, deep[..., ::-1])[1].tobytes()
    data, notes = splash(source)
    before, after = read_picture(source).rgb, read_picture(data).rgb
    if after.dtype == np.uint16 and np.array_equal(before[64:96, 64:96], after[64:96, 64:96]):
        assert notes == []
        return KEPT
    return _said(notes, "bits per channel")


def pixels(kind: str) -> str:
    """Return whether the pixels inside are the photo's, bit for bit."""
    options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    source = saved(kind, **options)
    result, notes = splash(source)
    before, after = (read_picture(data).rgb[64:96, 64:96] for data in (source, result))
    if any("256 colours" in note for note in notes):
        return SAID
    return KEPT if np.array_equal(before, after) else "encoded"


def more(kind: str, folder: Path) -> str:
    """Return what else such a file may hold."""
    if kind == "JPEG":
        data, notes = splash(ultra_hdr(map_of("L")))
        return KEPT if not notes and b"GainMap" in data else "lost"
    first, second = Image.fromarray(scene()), Image.fromarray(scene()[::-1].copy())
    if kind in ANIMATED:
        first.save(folder / "in", kind, save_all=True, append_images=[second])
        result = (folder / "out").with_suffix({"AVIF": ".avif", "PNG": ".png", "GIF": ".gif", "WEBP": ".webp"}[kind])
        animate(folder / "in", result)
        return KEPT if animation_of(result) == (kind, 2) else "lost"
    _, notes = splash(saved(kind, save_all=True, append_images=[second]))
    return _said(notes, "further pictures" if kind == "HEIF" else "first of 2")


CELLS: dict[str, Callable[[str], str]] = {
    "pixels inside": pixels,
    "EXIF": exif,
    "XMP": xmp,
    "profile": profile,
    "colours by numbers": numbers,
    "resolution": resolution,
    "texts": texts,
    "transparency": transparency,
}
WITH_FOLDER: dict[str, Callable[[str, Path], str]] = {"more than 8 bits": depth, "further pictures": more}


def table() -> dict[tuple[str, str], str]:
    """Cells of the table in the docs, by format and column; a dash is a place that the format does not have."""
    rows = [line for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    start = next(number for number, line in enumerate(rows) if "pixels inside" in line)
    head, *lines = (
        [cell.strip() for cell in row.strip("|").split("|")] for row in rows[start : start + 2 + len(FORMATS)]
    )
    return {(line[0], name): cell for line in lines[1:] for name, cell in zip(head[1:], line[1:], strict=True)}


CELL_LIST = sorted(key for key, cell in table().items() if cell != "-")


def test_the_table_has_all_formats_and_columns() -> None:
    assert {(name, column) for name in FORMATS for column in (*CELLS, *WITH_FOLDER)} == set(table())
    assert all(re.fullmatch(rf"-|{KEPT}|{SAID}|{PARTLY}|encoded", cell) for cell in table().values())


@needs_library
@pytest.mark.parametrize(("name", "column"), CELL_LIST)
def test_each_cell_of_the_table_is_what_comes_out(name: str, column: str, tmp_path: Path) -> None:
    kind = FORMATS[name]
    found = CELLS[column](kind) if column in CELLS else WITH_FOLDER[column](kind, tmp_path)
    assert found == table()[name, column]


def test_what_another_format_cannot_hold_is_said() -> None:
    source = read_picture(ultra_hdr(map_of("L")))
    assert any("gain map" in note for note in encode_picture(source, "PNG").notes)
    scan = Picture(scene(), metadata=read_picture(saved("PNG", dpi=(300, 300), icc_profile=SRGB)).metadata)
    (note,) = encode_picture(scan, "JPEG2000").notes
    assert "resolution" in note
    assert "ICC profile" in note
