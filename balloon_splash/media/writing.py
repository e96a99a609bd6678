""":class:`Picture` to files: the same format, quality and metadata as far as the format can hold them."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image, PngImagePlugin

from balloon_splash.errors import MediaError
from balloon_splash.files import atomic_path
from balloon_splash.media.exif import SUB_DIRECTORIES, descriptive_exif, parse_exif
from balloon_splash.media.formats import SUFFIXES, WITH_16_BITS, WITH_ALPHA, format_of, register_heif
from balloon_splash.media.opening import DAMAGED
from balloon_splash.media.picture import Metadata, Picture, to_8_bit

JPEG_QUALITY = 95
LOSSY_QUALITY = 90
"""For WebP, AVIF and HEIF, whose files do not tell the quality they were written with."""

PNG_HEADER = 33  # signature and IHDR chunk
BILEVEL_COMPRESSION = frozenset({"group3", "group4", "tiff_ccitt"})
JPEG_IN_TIFF = frozenset({"jpeg", "tiff_jpeg"})

# What each format has a place for.
WITH_EXIF = frozenset({"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"})
WITH_ICC = WITH_EXIF
WITH_XMP = frozenset({"JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"})
WITH_DPI = frozenset({"JPEG", "PNG", "TIFF", "BMP"})


@dataclass(frozen=True)
class Encoded:
    """The bytes of a picture file, and what was lost on the way into it."""

    data: bytes
    notes: tuple[str, ...]


def write_picture(
    picture: Picture, path: str | os.PathLike[str], *, quality: int | None = None, overwrite: bool = False
) -> tuple[str, ...]:
    """Write a picture file, whole or not at all; the suffix chooses the format.

    Args:
        picture: what to write.
        path: where to.
        quality: 1 to 100 for formats that lose detail; None keeps the source's.
        overwrite: replace a file that is already there.

    Returns:
        what the format cannot hold, one sentence each.

    Raises:
        MediaError: no format has this suffix, or the file cannot be written.
        FileExistsError: the file is there, and ``overwrite`` is false.
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
        FileExistsError: the file is there, and ``overwrite`` is false.
    """
    try:
        with atomic_path(path, overwrite=overwrite) as temporary:
            Path(temporary).write_bytes(data)
    except FileExistsError:
        raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise MediaError(f"{os.fspath(path)}: cannot be written ({reason})") from error


def encode_picture(picture: Picture, kind: str | None = None, *, quality: int | None = None) -> Encoded:
    """The bytes of a picture file.

    Args:
        picture: what to write.
        kind: Pillow's name of the format; None is the picture's own.
        quality: 1 to 100 for formats that lose detail; None keeps the source's.

    Raises:
        MediaError: this format cannot be written here, or cannot hold a picture of this size.
    """
    kind = kind or picture.format
    metadata, notes = _fitting_metadata(picture, kind)
    pixels, more = _fitting_pixels(picture, kind)
    if pixels.dtype == np.uint16:
        data = _png_16(pixels, metadata) if kind == "PNG" else _tiff_16(pixels, metadata)
    else:
        data = _by_pillow(pixels, kind, _save_options(picture, metadata, kind, pixels, quality))
    return Encoded(data, (*notes, *more))


def _fitting_metadata(picture: Picture, kind: str) -> tuple[Metadata, list[str]]:
    """The metadata that the format has a place for, and names of the rest."""
    given, notes = picture.metadata, []
    stays_grey = picture.grey and _is_neutral(picture)
    icc = given.icc if kind in WITH_ICC else None
    if icc and picture.grey and not stays_grey:
        icc = None  # a profile of one channel does not describe three
    deep_tiff = kind == "TIFF" and picture.rgb.dtype == np.uint16
    exif = given.exif if kind in WITH_EXIF and not deep_tiff else None
    if exif and kind == "TIFF":
        tags = parse_exif(exif)
        exif = descriptive_exif(tags)
        if SUB_DIRECTORIES & set(tags):
            notes.append("camera settings and position in EXIF could not be kept in TIFF")
    xmp = given.xmp if kind in WITH_XMP and not deep_tiff else None
    dpi = given.dpi if kind in WITH_DPI else None
    pairs = (("EXIF", given.exif, exif), ("ICC profile", given.icc, icc), ("XMP", given.xmp, xmp))
    lost = [name for name, before, after in pairs if before and not after]
    if lost:
        notes.append(f"{', '.join(lost)} could not be kept in {kind}")
    return Metadata(exif, icc, xmp, dpi, given.comment, given.encoder), notes


def _fitting_pixels(picture: Picture, kind: str) -> tuple[np.ndarray[Any, np.dtype[np.uint8 | np.uint16]], list[str]]:
    """``(H, W)``, or ``(H, W, C)`` with C of 2 (grey and alpha), 3 or 4 channels: as many as the picture needs."""
    notes = []
    colour = picture.rgb[..., 0] if picture.grey and _is_neutral(picture) else picture.rgb
    alpha = picture.alpha
    if alpha is not None and kind not in WITH_ALPHA:
        alpha = None
        notes.append(f"transparency could not be kept in {kind}")
    if colour.dtype == np.uint16 and alpha is not None and colour.ndim == 2:
        colour = picture.rgb  # OpenCV writes no 16-bit grey with alpha
    pixels = colour if alpha is None else np.dstack([colour, alpha])
    if pixels.dtype == np.uint16 and kind not in WITH_16_BITS:
        pixels = to_8_bit(pixels)
        notes.append(f"16 bits a channel became 8 in {kind}")
    if kind == "GIF":
        notes.append("GIF holds 256 colours")
    return pixels, notes


def _is_neutral(picture: Picture) -> bool:
    red, green, blue = (picture.rgb[..., channel] for channel in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _save_options(
    picture: Picture, metadata: Metadata, kind: str, pixels: np.ndarray[Any, Any], quality: int | None
) -> dict[str, Any]:
    """Keyword arguments of Pillow's writer."""
    options: dict[str, Any] = {"exif": metadata.exif, "icc_profile": metadata.icc, "dpi": metadata.dpi}
    if kind == "PNG":
        options["pnginfo"] = _png_text(metadata)
    elif metadata.xmp:
        options["xmp"] = metadata.xmp
    if kind in ("JPEG", "GIF") and metadata.comment:
        options["comment"] = metadata.comment
    same_format = kind == picture.format
    if same_format:
        options.update(metadata.encoder)
    if kind == "JPEG":
        options.update(_jpeg_options(options, pixels, quality, same_format))
    elif kind == "TIFF":
        compression = options.get("compression", "tiff_adobe_deflate")
        if compression in BILEVEL_COMPRESSION or (compression in JPEG_IN_TIFF and pixels.ndim != 3):
            compression = "tiff_adobe_deflate"
        options["compression"] = compression
    elif kind in ("WEBP", "AVIF", "HEIF"):
        options["quality"] = quality or LOSSY_QUALITY
    return {key: value for key, value in options.items() if value is not None}


def _jpeg_options(
    options: dict[str, Any], pixels: np.ndarray[Any, Any], quality: int | None, same_format: bool
) -> dict[str, Any]:
    if quality is not None:
        return {"quality": quality, "qtables": None}
    if not same_format or "qtables" not in options:
        return {"quality": JPEG_QUALITY, "subsampling": 0}
    if pixels.ndim == 3 and options.get("subsampling", -1) < 0:
        return {"subsampling": 0}  # the source was grey, CMYK or sampled in a way that Pillow cannot write
    return {}


def _by_pillow(pixels: np.ndarray[Any, Any], kind: str, options: dict[str, Any]) -> bytes:
    if kind == "HEIF":
        register_heif()
    buffer = BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, kind, **options)
    except DAMAGED as error:  # what a damaged source says about itself goes into the result
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise MediaError(f"a picture of {size} pixels cannot be written as {kind} ({error})") from error
    return buffer.getvalue()


def _png_text(metadata: Metadata) -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    if metadata.xmp:
        text.add_itxt("XML:com.adobe.xmp", metadata.xmp.decode("utf-8", "replace"))
    if metadata.comment:
        text.add_text("Comment", metadata.comment.decode("utf-8", "replace"))
    return text


def _png_16(pixels: np.ndarray[Any, Any], metadata: Metadata) -> bytes:
    """OpenCV writes the pixels, Pillow the chunks that describe them."""
    bgr = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[pixels.shape[2] if pixels.ndim == 3 else 2]
    stored = pixels if bgr is None else cv2.cvtColor(pixels, bgr)
    _, buffer = cv2.imencode(".png", stored)
    data = buffer.tobytes()
    options = {"exif": metadata.exif, "icc_profile": metadata.icc, "dpi": metadata.dpi, "pnginfo": _png_text(metadata)}
    model = _by_pillow(np.zeros((1, 1, 3), np.uint8), "PNG", {k: v for k, v in options.items() if v is not None})
    return data[:PNG_HEADER] + model[PNG_HEADER : model.index(b"IDAT") - 4] + data[PNG_HEADER:]


def _tiff_16(pixels: np.ndarray[Any, Any], metadata: Metadata) -> bytes:
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
        metadata=None,
    )
    return buffer.getvalue()
