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
from PIL import Image, TiffImagePlugin

from balloon_splash.errors import MediaError
from balloon_splash.media.jpeg_xl import CONTAINER, is_jpeg_xl, jpeg_xl_size
from balloon_splash.media.limits import media_limits

JPEG_XL_HEAD = 2**20
"""Bytes that have to include the size; metadata may come first."""

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
    _check_jpeg_xl(source, name, limit)
    try:
        image = Image.open(source, formats=[kind for kind in formats if kind in Image.OPEN])
    except Image.DecompressionBombError as error:
        raise MediaError(f"{name}: too large: {error} (BALLOON_SPLASH_MAX_PIXELS)") from error
    for what, width, height in (("", *image.size), ("a tile of ", *_tile(image))):
        if width * height > limit:
            image.close()
            found = f"{what}{width}x{height} pixels"
            raise MediaError(f"{name}: too large: {found}, at most {limit} are read (BALLOON_SPLASH_MAX_PIXELS)")
    return image


def _check_jpeg_xl(source: str | os.PathLike[str] | IO[bytes], name: str, limit: int) -> None:
    """Refuse a JPEG XL file that is too large, or does not give its size, before opening, which would decode it."""
    head = _head(source, len(CONTAINER))
    if not is_jpeg_xl(head):
        return
    size = jpeg_xl_size(_head(source, JPEG_XL_HEAD))
    if size is None:
        raise MediaError(f"{name}: damaged JPEG XL file; expected its size in the first {JPEG_XL_HEAD} bytes")
    if size[0] * size[1] > limit:
        found = f"{size[0]}x{size[1]} pixels"
        raise MediaError(f"{name}: too large: {found}, at most {limit} are read (BALLOON_SPLASH_MAX_PIXELS)")


def _head(source: str | os.PathLike[str] | IO[bytes], length: int) -> bytes:
    """Return the first bytes of a file, and restore its position."""
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            return file.read(length)
    place = source.tell()
    head = source.read(length)
    source.seek(place)
    return head


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


def read_bytes(stream: BinaryIO, name: str) -> bytes:
    """Read all bytes of an open picture file.

    Raises:
        MediaError: there are more than ``max_file_bytes`` (:class:`~balloon_splash.media.limits.MediaLimits`).
    """
    limit = media_limits().max_file_bytes
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise MediaError(f"{name}: larger than {limit} bytes, more are not read (BALLOON_SPLASH_MAX_FILE_BYTES)")
    return data
