"""Metadata of a picture file, as :class:`Metadata` that is also true of the splash."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Mapping
from typing import Any

from PIL import Image, JpegImagePlugin

from balloon_splash.media import colour_numbers, jpeg_metadata, png_chunks
from balloon_splash.media.colour_fitting import GAMMA
from balloon_splash.media.colour_numbers import ColourNumbers
from balloon_splash.media.exif import descriptive_exif, edited_exif
from balloon_splash.media.gain_map import GAIN_MAP_NOTE, find_gain_map
from balloon_splash.media.jpeg_segments import parse_jpeg
from balloon_splash.media.jpeg_xl import boxes
from balloon_splash.media.picture import Metadata
from balloon_splash.media.xmp import cleaned_xmp

TIFF_LEFT_OUT = {33723: "IPTC's data", 34377: "Photoshop's data", 33550: "the tags of GeoTIFF", 330: "further pictures"}
"""Tags of TIFF files that are not written again, and their names in notes."""

WITH_COMMENT = frozenset({"PNG", "GIF"})
"""Formats whose comment is the user's; that of JPEG 2000 names the encoder."""

GIF_BLOCK = re.compile(rb"\x21\xff\x0b([ -~]{11})")
GIF_LOOPS = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})
GIF_BLOCKS = {b"XMP DataXMP": "XMP", b"ICCRGBG1012": "the ICC profile"}
JP2_UUIDS = {
    "be7acfcb97a942e89c71999491e3afac": "XMP",
    "b14bf8bd083d4b43a5ae8cd7d5a6ce03": "GeoJP2's tags",
    b"JpgTiffExif->JP2".hex(): "EXIF",
}

JXL_BOXES = {b"xml ": "XMP", b"jumb": "content credentials (C2PA)", b"jhgm": "the gain map (HDR)"}

Size = tuple[int, int]


def describe(image: Image.Image, data: bytes, notes: list[str], *, turned: Size | None = None) -> Metadata:
    """Return the metadata of an opened file.

    Args:
        image: the file, not decoded yet.
        data: the file.
        notes: receives one sentence for everything that is left out.
        turned: height and width of the upright picture, where the file stores it turned.
    """
    if image.format in ("JPEG", "MPO"):
        return _of_jpeg(image, data, notes, turned)
    info = image.info
    chunks: tuple[png_chunks.Chunk, ...] = ()
    if image.format == "PNG":
        chunks, left_out = png_chunks.descriptive(png_chunks.chunks(data))
        notes.extend(left_out)
    elif image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        notes.extend(f"{name} of the TIFF file: left out" for tag, name in TIFF_LEFT_OUT.items() if tag in tags)
    elif image.format in ("GIF", "JPEG2000", "JXL"):
        notes.extend(f"{name} in the {image.format} file: left out" for name in blocks_left_out(image.format, data))
    return Metadata(
        exif=exif_of(info, turned) or (descriptive_exif(image.getexif()) if image.format == "TIFF" else None),
        icc=info.get("icc_profile"),
        xmp=_xmp(info, notes, turned),
        dpi=resolution(info),
        comment=_as_bytes(info.get("comment")) if image.format in WITH_COMMENT else None,
        encoder=_encoder_settings(image, data),
        numbers=_numbers(image, data, chunks),
        chunks=chunks,
        only_here=tuple(_only_in_png(chunks)),
    )


def exif_of(info: Mapping[Any, Any], turned: Size | None = None) -> bytes | None:
    """Return the EXIF block that Pillow found, even in a text of a PNG file, without thumbnails."""
    data: bytes | None = info.get("exif")
    digits = info.get("Raw profile type exif")
    if not data and isinstance(digits, str):
        with contextlib.suppress(ValueError):
            data = bytes.fromhex("".join(digits.split("\n")[3:]))
    return edited_exif(data, size=turned) if data else None


def resolution(info: Mapping[Any, Any]) -> tuple[float, float] | None:
    """Return pixels per inch across and down, where they are meaningful: some files have 0/0 or infinity."""
    found = info.get("dpi") or ()
    try:
        across, down = (float(value) for value in found)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return (across, down) if all(math.isfinite(value) and 0 < value < 2**16 for value in (across, down)) else None


def _of_jpeg(image: Image.Image, data: bytes, notes: list[str], turned: Size | None) -> Metadata:
    file = parse_jpeg(data)
    kept = jpeg_metadata.Kept((), ()) if file is None else jpeg_metadata.kept_segments(data, file, size=turned)
    gain_map = file is not None and find_gain_map(data, file) is not None
    notes.extend(note for note in kept.notes if not (gain_map and note == GAIN_MAP_NOTE))
    return Metadata(
        exif=jpeg_metadata.exif_of(kept.segments),
        icc=image.info.get("icc_profile"),
        xmp=jpeg_metadata.xmp_of(kept.segments),
        dpi=resolution(image.info),
        comment=_as_bytes(image.info.get("comment")),
        encoder=_encoder_settings(image, data),
        segments=kept.segments,
        gain_map=gain_map,
        only_here=tuple(jpeg_metadata.only_in_jpeg(kept.segments)),
    )


def _xmp(info: Mapping[Any, Any], notes: list[str], turned: Size | None) -> bytes | None:
    packet = _as_bytes(info.get("xmp"))
    if not packet:
        return None
    cleaned, gone = cleaned_xmp(packet, size=turned)
    notes.extend(f"{name} is left out" for name in gone)
    return cleaned


def _numbers(image: Image.Image, data: bytes, chunks: tuple[png_chunks.Chunk, ...]) -> ColourNumbers | None:
    """Return colours by numbers, unless they say what is understood without them."""
    if image.format == "PNG":
        found = next((colour_numbers.from_chunk(body) for name, body in chunks if name == b"cICP"), None)
    elif image.format == "AVIF":
        found = colour_numbers.from_boxes(data)
    else:
        found = colour_numbers.from_pillow(image.info)
    return None if found is None or found.is_srgb else found


def _only_in_png(chunks: tuple[png_chunks.Chunk, ...]) -> list[str]:
    names = {name for name, _ in chunks}
    found = [GAMMA] if names & {b"gAMA", b"cHRM"} and b"sRGB" not in names else []
    keywords = [word for word in png_chunks.texts(chunks) if word != "Comment"]
    return [*found, *([f"texts ({', '.join(keywords)})"] if keywords else [])]


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


def coded_bits(image: Image.Image, data: bytes) -> int:
    """Bits a channel in AVIF and HEIF files, from the ``pixi`` box (ISO 23008-12); 8 where nothing is said.

    The box holds version and flags (4 bytes), the number of channels (1), and the bits of each.
    """
    start = data.find(b"pixi") if image.format in ("AVIF", "HEIF") else -1
    return 8 if start < 0 or start + 9 >= len(data) else data[start + 9]


def is_lossless_webp(data: bytes) -> bool:
    """Return whether the first picture of a WebP file is coded without loss, in a chunk ``VP8L``."""
    place = 12
    while place + 8 <= len(data):
        name, length = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        place += 8 + (16 if name == b"ANMF" else length + length % 2)  # of a frame, its picture's chunks follow
    return False


def blocks_left_out(kind: str, data: bytes) -> list[str]:
    """Return names of the blocks of a GIF, JPEG 2000 or JPEG XL file that Pillow neither reads nor writes."""
    if kind == "GIF":
        found = (name for name in GIF_BLOCK.findall(data) if name not in GIF_LOOPS)
        return list(dict.fromkeys(GIF_BLOCKS.get(name, name.decode("ascii").strip()) for name in found))
    if kind == "JXL":
        return list(dict.fromkeys(JXL_BOXES[name] for name, _ in boxes(data) if name in JXL_BOXES))
    header = data[: max(0, data.find(b"jp2c"))]
    names = {b"xml ": "XML", b"jp2i": "rights"}
    found_names = {name: None for box, name in names.items() if box in header}
    for place in (match.end() for match in re.finditer(b"uuid", header)):
        found_names[JP2_UUIDS.get(header[place : place + 16].hex(), "a block with an identifier of its own")] = None
    return list(found_names)


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
