"""Writing of :class:`Picture` to files, in the same format, quality and metadata as far as the format allows."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image, PngImagePlugin

from balloon_splash.errors import MediaError, OutputExistsError, one_line
from balloon_splash.files import atomic_path
from balloon_splash.media.colour_fitting import WITH_ICC, WITH_NUMBERS, fit_colours
from balloon_splash.media.colour_numbers import heif_options, in_boxes, to_chunk
from balloon_splash.media.deep_pixels import Deep
from balloon_splash.media.exif import (
    SUB_DIRECTORIES,
    WINDOWS_TAGS,
    descriptive_exif,
    descriptive_tags,
    parse_exif,
    without_orientation,
)
from balloon_splash.media.formats import SUFFIXES, WITH_16_BITS, WITH_ALPHA, format_of, register_plugins
from balloon_splash.media.gain_map import GAIN_MAP_NOTE
from balloon_splash.media.jpeg_blocks import Greyed, grey_outside
from balloon_splash.media.jpeg_metadata import ICC, XMP
from balloon_splash.media.jpeg_segments import APP14, LONGEST, Segment, parse_jpeg, with_segments
from balloon_splash.media.picture import Metadata, Picture, to_8_bit
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.png_chunks import OF_PIXELS, Chunk, chunks, texts, with_chunks

JPEG_QUALITY = 95
LOSSY_QUALITY = 90
"""Quality for WebP, AVIF and HEIF, whose files do not store theirs."""

BILEVEL_COMPRESSION = frozenset({"group3", "group4", "tiff_ccitt"})
JPEG_IN_TIFF = frozenset({"jpeg", "tiff_jpeg"})

# Metadata that each format can hold.
WITH_EXIF = frozenset({"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF", "JXL"})
WITH_XMP = WITH_EXIF
WITH_DPI = frozenset({"JPEG", "PNG", "TIFF", "BMP"})
WITH_QUALITY = frozenset({"JPEG", "WEBP", "AVIF", "HEIF", "JXL"})
OF_SCREENS = frozenset({(1.0, 1.0), (72.0, 72.0), (96.0, 96.0)})
"""Default resolutions, which say nothing about the picture."""

WITH_COMMENT = frozenset({"JPEG", "GIF", "PNG"})
_PALE = "the colours' description ({}), without which they look pale,"

XMP_TAG = 700  # of TIFF

DESCRIPTIVE_OPTIONS = {
    "tiffinfo": "texts",
    "icc_profile": "ICC profile",
    "exif": "EXIF",
    "xmp": "XMP",
    "comment": "comment",
    "dpi": "resolution",
}
"""Optional arguments of Pillow's writers, the most valuable first, and their names."""


@dataclass(frozen=True)
class Encoded:
    """Bytes of a picture file, with notes on what was lost."""

    data: bytes
    notes: tuple[str, ...]


def write_picture(
    picture: Picture, path: str | os.PathLike[str], *, quality: int | None = None, overwrite: bool = False
) -> tuple[str, ...]:
    """Write a picture file, whole or not at all; the suffix chooses the format.

    Args:
        picture: the picture.
        path: the target.
        quality: 1 to 100 for formats that lose detail; None keeps the source's.
        overwrite: replace an existing file.

    Returns:
        one sentence on each feature that the format cannot hold.

    Raises:
        MediaError: no format has this suffix, or the file cannot be written.
        OutputExistsError: the file exists, and ``overwrite`` is false.
    """
    kind = format_of(path)
    if kind is None:
        raise MediaError(f"{os.fspath(path)}: unknown suffix; expected one of {' '.join(SUFFIXES)}")
    encoded = encode_picture(picture, kind, quality=quality)
    write_bytes(encoded.data, path, overwrite=overwrite)
    return encoded.notes


def write_bytes(data: bytes, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a file, whole or not at all.

    Raises:
        MediaError: the folder cannot be written to, or the disk is full.
        OutputExistsError: the file exists, and ``overwrite`` is false.
    """
    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            Path(temporary).write_bytes(data)
    except OutputExistsError:
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise MediaError(f"{os.fspath(path)}: cannot be written ({reason})") from error


def encode_picture(picture: Picture, kind: str | None = None, *, quality: int | None = None) -> Encoded:
    """Encode a picture to the bytes of a file.

    Args:
        picture: the picture.
        kind: Pillow's name of the format; None is the picture's own.
        quality: 1 to 100 for formats that lose detail; None keeps the source's.

    Raises:
        MediaError: this format cannot be written here, or cannot hold a picture of this size.
    """
    kind = kind or picture.format
    picture, notes = fit_colours(picture, kind)
    if kind == "JPEG" and quality is None:
        greyed = _without_encoding(picture)
        if greyed is not None:
            lost = picture.metadata.gain_map and not greyed.has_gain_map
            return Encoded(greyed.data, (GAIN_MAP_NOTE,) if lost else ())
    metadata, more = _fitting_metadata(picture, kind)
    notes.extend(more)
    pixels, more = _fitting_pixels(picture, kind)
    notes.extend(more)
    if quality is not None and (without := _quality_hindrance(picture, kind)):
        notes.append(f"--quality {quality} is without effect, as {without}")
    if picture.metadata.gain_map:
        notes.append(GAIN_MAP_NOTE)
    if pixels.dtype == np.uint16:
        data = _DEEP[kind](np.asarray(pixels, np.uint16), metadata)
    else:
        options = _save_options(picture, metadata, kind, pixels, quality)
        data = _by_pillow(pixels, kind, options, notes)
    if kind == "PNG":
        data = with_chunks(data, _png_chunks(metadata))
    elif kind == "JPEG" and metadata.segments:
        data = with_segments(data, _segments(data, metadata))
    elif kind == "AVIF":
        data = _finished_avif(data, metadata)
    return Encoded(data, tuple(notes))


def _quality_hindrance(picture: Picture, kind: str) -> str | None:
    """Return the reason why no quality can be chosen; None if one can."""
    if kind not in WITH_QUALITY:
        return f"{kind} files are written without one"
    if kind == picture.format and picture.metadata.encoder.get("lossless"):
        return f"this {kind} file was coded without loss, and is so again"
    return None


def _without_encoding(picture: Picture) -> Greyed | None:
    """Make a JPEG file of the picture from the one it was read from; None where that is impossible."""
    if picture.jpeg is None or picture.keep is None or picture.alpha is not None:
        return None
    inside = picture.keep >= 1
    if not np.array_equal(inside, picture.keep > 0):
        return None  # soft edges lose the background's colour, which also changes luma
    return grey_outside(picture.jpeg.data, inside, orientation=picture.jpeg.orientation)


def _fitting_metadata(picture: Picture, kind: str) -> tuple[Metadata, list[str]]:
    """Return the metadata that the format can hold, and names of the rest."""
    given, notes = picture.metadata, []
    stays_grey = picture.grey and _is_neutral(picture)
    icc = given.icc if kind in WITH_ICC else None
    if icc and picture.grey and not stays_grey:
        icc = None  # a profile of one channel does not describe three
    same = kind == picture.format
    exif = given.exif if kind in WITH_EXIF and _fits(given.exif, kind) else None
    if exif and kind == "TIFF":
        tags = parse_exif(exif)
        if SUB_DIRECTORIES & set(tags):
            notes.append("camera settings and position in EXIF could not be kept in TIFF")
        exif = descriptive_exif(tags, with_settings=False) if tags else None
    xmp = given.xmp if kind in WITH_XMP and _fits(given.xmp, kind) else None
    numbers = given.numbers if kind in WITH_NUMBERS else None
    lost = [
        *(["EXIF"] if given.exif and not exif and not notes else []),
        *(["ICC profile"] if given.icc and not icc else []),
        *(["XMP"] if given.xmp and not xmp else []),
        *([_PALE.format(given.numbers)] if given.numbers and not numbers else []),
        *(given.only_here if not same else ()),
        *(["resolution"] if given.dpi and given.dpi not in OF_SCREENS and kind not in WITH_DPI else []),
        *(["comment"] if given.comment and kind not in WITH_COMMENT else []),
    ]
    if lost:
        notes.append(f"{', '.join(lost)} could not be kept in {kind}")
    fitting = replace(given, exif=exif, icc=icc, xmp=xmp, numbers=numbers, dpi=given.dpi if kind in WITH_DPI else None)
    return (fitting if same else replace(fitting, encoder={}, segments=(), chunks=())), notes


def _fits(block: bytes | None, kind: str) -> bool:
    """Return whether a block fits into its JPEG segment."""
    return kind != "JPEG" or len(block or b"") <= LONGEST - len(XMP)


def _fitting_pixels(picture: Picture, kind: str) -> tuple[Pixels, list[str]]:
    """Return ``(H, W)``, or ``(H, W, C)`` with C of 2 (grey and alpha), 3 or 4 channels, as the picture needs."""
    notes = []
    colour = picture.rgb[..., 0] if picture.grey and _is_neutral(picture) else picture.rgb
    alpha = picture.alpha
    if alpha is not None and kind not in WITH_ALPHA:
        alpha = None
        notes.append(f"transparency could not be kept in {kind}")
    if colour.dtype == np.uint16 and alpha is not None and colour.ndim == 2:
        colour = picture.rgb  # 16-bit grey with alpha is not written
    pixels = colour if alpha is None else np.dstack([colour, alpha])
    if pixels.dtype == np.uint16 and kind not in WITH_16_BITS:
        pixels = to_8_bit(pixels)
        notes.append(f"16 bits per channel became 8 in {kind}")
    if pixels.dtype == np.uint16 and kind == "JPEG2000":
        notes.append("16 bits per channel are written with a small loss in JPEG 2000")
    if kind == "GIF":
        notes.append("GIF holds 256 colours")
    return pixels, notes


def _is_neutral(picture: Picture) -> bool:
    red, green, blue = (picture.rgb[..., channel] for channel in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _save_options(
    picture: Picture, metadata: Metadata, kind: str, pixels: Pixels, quality: int | None
) -> dict[str, Any]:
    """Return keyword arguments of Pillow's writer."""
    options = _png_options(metadata)
    if kind != "PNG":
        del options["pnginfo"]
        options["xmp"] = metadata.xmp or None
    if kind in WITH_COMMENT and kind != "PNG":
        options["comment"] = metadata.comment
    if kind == "HEIF" and metadata.numbers is not None:
        options.update(heif_options(metadata.numbers))
    if kind == "AVIF" and metadata.exif is not None:
        options["exif"] = without_orientation(metadata.exif)  # else Pillow would rewrite all of EXIF
    same_format = kind == picture.format
    options.update(metadata.encoder)
    if metadata.segments:
        options.update(exif=None, xmp=None, comment=None)  # in the segments
    if kind == "JPEG":
        options.update(_jpeg_options(options, pixels, quality, same_format))
    elif kind == "TIFF":
        tags: dict[int, bytes] = dict(descriptive_tags(metadata.exif)) if metadata.exif else {}
        if metadata.xmp:
            tags[XMP_TAG] = metadata.xmp
        options.update(exif=None, xmp=None, tiffinfo=tags or None)  # its writer would make EXIF's texts ASCII
        compression = options.get("compression", "tiff_adobe_deflate")
        if compression in BILEVEL_COMPRESSION or (compression in JPEG_IN_TIFF and pixels.ndim != 3):
            compression = "tiff_adobe_deflate"
        options["compression"] = compression
    elif kind in WITH_QUALITY:
        options["quality"] = quality or LOSSY_QUALITY
    return {key: value for key, value in options.items() if value is not None}


def _png_options(metadata: Metadata) -> dict[str, Any]:
    """Return keyword arguments of Pillow's PNG writer that describe the picture."""
    text = PngImagePlugin.PngInfo()
    if metadata.xmp:
        text.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    return {"exif": metadata.exif, "icc_profile": metadata.icc, "dpi": metadata.dpi, "pnginfo": text}


def _jpeg_options(options: dict[str, Any], pixels: Pixels, quality: int | None, same_format: bool) -> dict[str, Any]:
    if quality is not None:
        return {"quality": quality, "qtables": None}
    if not same_format or "qtables" not in options:
        return {"quality": JPEG_QUALITY, "subsampling": 0}
    if pixels.ndim == 3 and options.get("subsampling", -1) < 0:
        return {"subsampling": 0}  # the source was grey, CMYK or sampled in a way that Pillow cannot write
    return {}


def _by_pillow(pixels: Pixels, kind: str, options: dict[str, Any], notes: list[str]) -> bytes:
    """Encode by Pillow's writer, with as much of the metadata as it takes."""
    register_plugins()
    descriptive = [name for name in DESCRIPTIVE_OPTIONS if name in options]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    while True:
        buffer = BytesIO()
        try:
            image.save(buffer, kind, **options)
        except Exception as error:
            reason = one_line(error)
            if not descriptive:
                size = f"{pixels.shape[1]}x{pixels.shape[0]}"
                raise MediaError(f"a picture of {size} pixels cannot be written as {kind} ({reason})") from error
            name = descriptive.pop()
            del options[name]
            notes.append(f"{DESCRIPTIVE_OPTIONS[name]} could not be kept in {kind} ({reason})")
        else:
            return buffer.getvalue()


def _png_chunks(metadata: Metadata) -> list[Chunk]:
    """Return the chunks that the writer of the pixels has not written."""
    found = list(metadata.chunks)
    if metadata.numbers is not None and not any(name == b"cICP" for name, _ in found):
        found.append((b"cICP", to_chunk(metadata.numbers)))
    if metadata.comment and "Comment" not in texts(found):
        found.append((b"tEXt", b"Comment\0" + metadata.comment))
    return found


def _segments(encoded: bytes, metadata: Metadata) -> tuple[Segment, ...]:
    """Put the source's segments around a picture that was encoded again, with its own profile and coding."""
    fresh = parse_jpeg(encoded)
    profiles = [segment for segment in fresh.descriptive if segment.data.startswith(ICC)] if fresh else []
    old = [item for item in metadata.segments if item.marker != APP14 and not item.data.startswith(ICC)]
    return (*old, *profiles)


def _finished_avif(data: bytes, metadata: Metadata) -> bytes:
    """Add to an AVIF file what Pillow does not write: EXIF as it was, and colours by numbers."""
    if metadata.exif is not None:
        data = data.replace(without_orientation(metadata.exif), metadata.exif, 1)
    return data if metadata.numbers is None else in_boxes(data, metadata.numbers)


def _deep_png(pixels: Deep, metadata: Metadata) -> bytes:
    """Write the pixels by OpenCV, and the chunks that describe them by Pillow."""
    options = _png_options(metadata)
    model = _by_pillow(np.zeros((1, 1, 3), np.uint8), "PNG", options, [])
    described = [chunk for chunk in chunks(model) if chunk[0] not in OF_PIXELS]
    return with_chunks(_by_opencv(pixels, ".png"), described)


def _deep_jpeg_2000(pixels: Deep, metadata: Metadata) -> bytes:
    return _by_opencv(pixels, ".jp2")


def _by_opencv(pixels: Deep, suffix: str) -> bytes:
    bgr = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[pixels.shape[2] if pixels.ndim == 3 else 2]
    written, buffer = cv2.imencode(suffix, pixels if bgr is None else cv2.cvtColor(pixels, bgr))
    if not written:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise MediaError(f"a picture of {size} pixels with 16 bits per channel cannot be written as {suffix}")
    return buffer.tobytes()


def _deep_tiff(pixels: Deep, metadata: Metadata) -> bytes:
    texts = descriptive_tags(metadata.exif) if metadata.exif else {}
    in_bytes = {tag: text for tag, text in texts.items() if tag in WINDOWS_TAGS}
    if metadata.xmp:
        in_bytes[XMP_TAG] = metadata.xmp
    extra = [(tag, 1, len(text), text, True) for tag, text in in_bytes.items()]
    extra += [(tag, 2, len(text) + 1, text + b"\0", True) for tag, text in texts.items() if tag not in in_bytes]
    buffer = BytesIO()
    tifffile.imwrite(
        buffer,
        pixels,
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        extrasamples=["unassalpha"] if pixels.ndim == 3 and pixels.shape[2] == 4 else None,
        compression="zlib",
        iccprofile=metadata.icc,
        resolution=metadata.dpi,
        resolutionunit="INCH" if metadata.dpi else None,
        software=False,
        extratags=extra,
        metadata=None,
    )
    return buffer.getvalue()


_DEEP: dict[str, Callable[[Deep, Metadata], bytes]] = {
    "PNG": _deep_png,
    "TIFF": _deep_tiff,
    "JPEG2000": _deep_jpeg_2000,
}
"""Writers of 16 bits per channel."""
