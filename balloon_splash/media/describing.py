"""Metadata of a picture file, as :class:`Metadata` that is also true of the splash."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image, JpegImagePlugin

from balloon_splash.media import colour_numbers, jpeg_metadata, jpeg_xl, png_chunks
from balloon_splash.media.exif import descriptive_exif, exif_from_pillow
from balloon_splash.media.gain_map import GAIN_MAP_NOTE, find_gain_map
from balloon_splash.media.jpeg_segments import parse_jpeg
from balloon_splash.media.picture import Metadata
from balloon_splash.media.xmp import cleaned_xmp

TIFF_LEFT_OUT = {33723: "IPTC's data", 34377: "Photoshop's data", 33550: "the tags of GeoTIFF", 330: "further pictures"}
"""Tags of TIFF files that are not written again, and their names in notes."""

WITH_COMMENT = frozenset({"JPEG", "MPO", "PNG", "GIF"})
"""Formats whose comment is the user's; that of JPEG 2000 names the encoder."""

GIF_BLOCK = re.compile(rb"\x21\xff\x0b([ -~]{11})")
GIF_LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
GIF_BLOCKS = {b"XMP DataXMP": "XMP", b"ICCRGBG1012": "the ICC profile"}
JP2_UUIDS = {
    "be7acfcb97a942e89c71999491e3afac": "XMP",
    "b14bf8bd083d4b43a5ae8cd7d5a6ce03": "GeoJP2's tags",
    b"JpgTiffExif->JP2".hex(): "EXIF",
}

Size = tuple[int, int]


def describe(image: Image.Image, data: bytes, notes: list[str], *, turned: Size | None = None) -> Metadata:
    """Return the metadata of an opened file.

    Args:
        image: the file, not decoded yet.
        data: the file.
        notes: receives one sentence for everything that is left out.
        turned: height and width of the upright picture, where the file stores it turned.
    """
    read = Metadata(
        icc=image.info.get("icc_profile"),
        dpi=resolution(image.info),
        comment=_as_bytes(image.info.get("comment")) if image.format in WITH_COMMENT else None,
        encoder=_encoder_settings(image, data),
    )
    if image.format in ("JPEG", "MPO"):
        return _of_jpeg(read, data, notes, turned)
    notes.extend(f"{name}: left out" for name in _left_out(image, data))
    chunks: tuple[png_chunks.Chunk, ...] = ()
    if image.format == "PNG":
        chunks, left_out = png_chunks.descriptive(png_chunks.chunks(data))
        notes.extend(left_out)
    xmp, gone = cleaned_xmp(_as_bytes(image.info.get("xmp")) or b"", size=turned)
    notes.extend(f"{name} is left out" for name in gone)
    return replace(
        read,
        exif=exif_from_pillow(image.info, turned)
        or (descriptive_exif(image.getexif()) if image.format == "TIFF" else None),
        xmp=xmp or None,
        numbers=colour_numbers.of_file(image, data, chunks),
        chunks=chunks,
        only_here=tuple(png_chunks.only_in_png(chunks)),
    )


def resolution(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Return pixels per inch across and down, where they are meaningful: some files have 0/0 or infinity."""
    found = info.get("dpi") or ()
    try:
        across, down = (float(value) for value in found)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (across, down) if all(math.isfinite(value) and 0 < value < 2**16 for value in (across, down)) else None


def _of_jpeg(read: Metadata, data: bytes, notes: list[str], turned: Size | None) -> Metadata:
    """Add what the segments of a JPEG file hold to what Pillow has read."""
    file = parse_jpeg(data)
    if file is None:
        return read
    gain_map = find_gain_map(data, file) is not None
    kept = jpeg_metadata.kept_segments(data, file, size=turned)
    notes.extend(note for note in kept.notes if not (gain_map and note == GAIN_MAP_NOTE))
    return replace(
        read,
        exif=jpeg_metadata.exif_of(kept.segments),
        xmp=jpeg_metadata.xmp_of(kept.segments),
        segments=kept.segments,
        gain_map=gain_map,
        only_here=tuple(jpeg_metadata.only_in_jpeg(kept.segments)),
    )


def _encoder_settings(image: Image.Image, data: bytes) -> dict[str, Any]:
    """Return the settings of the file's compression, as keyword arguments of Pillow's writer for the same format."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        settings: dict[str, Any] = {"qtables": image.quantization}
        if image.mode == "RGB":
            settings["subsampling"] = JpegImagePlugin.get_sampling(image)
        if image.info.get("progressive"):
            settings["progressive"] = True
        return settings
    if image.format == "WEBP":
        return {"lossless": True, "exact": True} if is_lossless_webp(data) else {}
    if image.format == "TIFF" and "compression" in image.info:
        return {"compression": image.info["compression"]}
    return {}


def is_lossless_webp(data: bytes) -> bool:
    """Return whether the first picture of a WebP file is coded without loss, in a chunk ``VP8L``."""
    place = 12
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        place += 8 + (16 if name == b"ANMF" else length + length % 2)  # of a frame, its picture's chunks follow
    return False


def _left_out(image: Image.Image, data: bytes) -> list[str]:
    """Return names of the blocks of a TIFF, GIF, JPEG 2000 or JPEG XL file that Pillow neither reads nor writes."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        return [f"{name} of the TIFF file" for tag, name in TIFF_LEFT_OUT.items() if tag in tags]
    found = {"GIF": _of_gif, "JPEG2000": _of_jpeg_2000, "JXL": jpeg_xl.unread_parts}.get(image.format or "")
    return [f"{name} in the {image.format} file" for name in found(data)] if found else []


def _of_gif(data: bytes) -> list[str]:
    found = (name for name in GIF_BLOCK.findall(data) if name not in GIF_LOOPS)
    return list(dict.fromkeys(GIF_BLOCKS.get(name, name.decode("ascii").strip()) for name in found))


def _of_jpeg_2000(data: bytes) -> list[str]:
    header = data[: max(0, data.find(b"jp2c"))]
    names = {b"xml ": "XML", b"jp2i": "rights"}
    found = {name: None for box, name in names.items() if box in header}
    for place in (match.end() for match in re.finditer(b"uuid", header)):
        found[JP2_UUIDS.get(header[place : place + 16].hex(), "a block with an identifier of its own")] = None
    return list(found)


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
