"""Opening of picture files, within bounds on their format and size."""

from __future__ import annotations

import logging
import os
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import IO, BinaryIO

import cv2
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from balloon_splash.errors import MediaError
from balloon_splash.media.jpeg_xl import check_jpeg_xl
from balloon_splash.media.limits import media_limits

DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError, struct.error),
    MemoryError,
)
"""Errors that Pillow's readers raise on files that are damaged, not pictures, or too large for memory."""


def open_image(source: str | os.PathLike[str] | IO[bytes], formats: Iterable[str], *, name: str = "") -> Image.Image:
    """Open a picture without decoding it.

    Args:
        source: a path or an open file.
        formats: Pillow's names of the formats allowed, whatever the suffix says. Pillow itself knows more, such as
            PostScript, for which it starts Ghostscript.
        name: its name in errors, where ``source`` is an open file.

    Raises:
        MediaError: it has more pixels than ``max_pixels`` (:class:`~balloon_splash.media.limits.MediaLimits`).
        OSError: it cannot be read, or is not a picture (``PIL.UnidentifiedImageError``).
        SyntaxError, ValueError, EOFError and the others of ``DAMAGED``: it is damaged.
    """
    limit = media_limits().max_pixels
    if Image.MAX_IMAGE_PIXELS is not None and limit > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = limit  # for the whole process: Pillow's own bound must not be the lower one
    Image.init()
    name = name or str(source)
    known = [kind for kind in formats if kind in Image.OPEN]
    try:
        image = _open(source, known, name, limit)
    except Image.DecompressionBombError as error:
        raise MediaError(f"{name}: too large: {error} (BALLOON_SPLASH_MAX_PIXELS)") from error
    for what, width, height in (("", *image.size), ("a tile of ", *_tile(image))):
        if width * height > limit:
            image.close()
            found = f"{what}{width}x{height} pixels"
            raise MediaError(f"{name}: too large: {found}, at most {limit} are read (BALLOON_SPLASH_MAX_PIXELS)")
    return image


def _open(source: str | os.PathLike[str] | IO[bytes], formats: list[str], name: str, limit: int) -> Image.Image:
    """Open a picture; try JPEG XL last, which needs a check of the file before."""
    try:
        return Image.open(source, formats=[kind for kind in formats if kind != "JXL"])
    except UnidentifiedImageError:
        check_jpeg_xl(source, name, limit)
        return Image.open(source, formats=formats)


def quiet_libraries() -> None:
    """Keep Pillow, tifffile and OpenCV from writing to standard error, in this process.

    Their messages do not name the file; ours, errors and notes, do.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _tile(image: Image.Image) -> tuple[int, int]:
    """Return width and height of the tiles of a TIFF file, which may be larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    width, height = (tags.get(tag, 0) for tag in (TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH))
    return (width, height) if isinstance(width, int) and isinstance(height, int) else (0, 0)


def read_file(path: Path, name: str = "") -> bytes:
    """Read all bytes of a picture file; ``name`` is its name in errors, by default its path.

    Raises:
        MediaError: it cannot be read, or is larger than ``max_file_bytes``.
    """
    try:
        with path.open("rb") as stream:
            return read_bytes(stream, name or str(path))
    except OSError as error:
        raise MediaError(f"{name or path}: cannot be read ({error.strerror})") from error


def read_bytes(stream: BinaryIO, name: str) -> bytes:
    """Read all bytes of an open picture file.

    Raises:
        MediaError: there are more than ``max_file_bytes`` (:class:`~balloon_splash.media.limits.MediaLimits`).
    """
    limit = media_limits().max_file_bytes
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise MediaError(f"{name}: larger than {limit} bytes, the most that is read (BALLOON_SPLASH_MAX_FILE_BYTES)")
    return data
