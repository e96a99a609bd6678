"""Picture formats that are read and written, by suffix."""

from __future__ import annotations

import importlib
import os
from pathlib import PurePath

from balloon_splash.errors import MediaError
from balloon_splash.media.jpeg_xl import register_jpeg_xl
from balloon_splash.media.opening import DAMAGED, open_image

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".mpo": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".avifs": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".jp2": "JPEG2000",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".hif": "HEIF",
    ".jxl": "JXL",
}
"""Suffixes of the formats that are written, the usual one of each first, with Pillow's names."""

READ_ONLY_SUFFIXES = {
    ".dib": "DIB",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pbm": "PPM",
    ".pnm": "PPM",
    ".qoi": "QOI",
    ".ico": "ICO",
}
"""Suffixes of the formats that are only read, with Pillow's names; their results are PNG."""

VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".mov", ".m4v", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".vob"),
        *(".ts", ".mts", ".m2ts", ".wmv", ".asf", ".flv", ".mxf", ".ogv"),
    }
)

READABLE = tuple(dict.fromkeys([*SUFFIXES.values(), *READ_ONLY_SUFFIXES.values()]))
"""Pillow's names of the formats that are read, whatever the suffix says."""

ANIMATED = frozenset({"GIF", "WEBP", "PNG", "AVIF"})
"""Formats whose files may hold an animation."""

MOVING_SUFFIXES = frozenset({".gif", ".apng", ".avifs"})
"""Suffixes of picture files that are usually animations."""

WITH_ALPHA = frozenset({"PNG", "WEBP", "AVIF", "TIFF", "GIF", "JPEG2000", "HEIF", "JXL"})
WITH_16_BITS = frozenset({"PNG", "TIFF", "JPEG2000"})


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Return Pillow's name of the format of the suffix if it is one that is written, else None."""
    return SUFFIXES.get(PurePath(path).suffix.lower())


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Return whether the suffix is that of a picture."""
    return format_of(path) is not None or PurePath(path).suffix.lower() in READ_ONLY_SUFFIXES


def is_video(path: str | os.PathLike[str]) -> bool:
    """Return whether the suffix is that of a video."""
    return PurePath(path).suffix.lower() in VIDEO_SUFFIXES


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Return whether a GIF, WebP, PNG or AVIF file has several pictures; files of other suffixes are not opened."""
    if format_of(path) not in ANIMATED and (is_picture(path) or is_video(path)):
        return False
    try:
        return animation_of(path)[1] > 1
    except MediaError:
        return False  # too large: reading it as a picture will report it


def animation_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """Return Pillow's name of the format of a file that may be animated, by content, and the number of its pictures.

    For another file, or a damaged one, the name is empty and the number 0: reading it will report why.

    Raises:
        MediaError: it has more pixels than ``max_pixels``.
    """
    try:
        with open_image(path, ANIMATED) as image:
            shown = getattr(image, "n_frames", 1) - getattr(image, "default_image", False)
            return image.format or "", max(shown, 1)
    except DAMAGED:
        return "", 0


def register_plugins() -> frozenset[str]:
    """Teach Pillow HEIC and JPEG XL, if their plugins are installed; return the names of those that are."""
    return frozenset(name for name, found in (("HEIF", register_heif()), ("JXL", register_jpeg_xl())) if found)


def register_heif() -> bool:
    """Teach Pillow HEIC files, if ``pillow-heif`` is installed."""
    try:
        module = importlib.import_module("pillow_heif")
    except ModuleNotFoundError:
        return False
    module.register_heif_opener()
    return True
