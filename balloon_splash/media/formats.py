"""The picture formats that are read and written, by suffix."""

from __future__ import annotations

import importlib
import os
from pathlib import PurePath

from balloon_splash.errors import MediaError
from balloon_splash.media.opening import DAMAGED, open_image

SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".avif": "AVIF",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
    ".bmp": "BMP",
    ".jp2": "JPEG2000",
    ".heic": "HEIF",
    ".heif": "HEIF",
}

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv"})

READABLE = (*dict.fromkeys(SUFFIXES.values()), "DIB", "PPM", "QOI", "ICO")
"""Pillow's names of the formats that are read, whatever the suffix says."""

ANIMATED = frozenset({"GIF", "WEBP"})

WITH_ALPHA = frozenset({"PNG", "WEBP", "AVIF", "TIFF", "GIF", "JPEG2000", "HEIF"})
WITH_16_BITS = frozenset({"PNG", "TIFF", "JPEG2000"})


def format_of(path: str | os.PathLike[str]) -> str | None:
    """Pillow's name of the format that the suffix stands for, or None."""
    return SUFFIXES.get(PurePath(path).suffix.lower())


def is_picture(path: str | os.PathLike[str]) -> bool:
    """Whether the suffix is that of a picture."""
    return format_of(path) is not None


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether the suffix is that of a video."""
    return PurePath(path).suffix.lower() in VIDEO_SUFFIXES


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether a GIF or WebP file holds more than one picture."""
    if format_of(path) not in ANIMATED:
        return False
    try:
        with open_image(path, ANIMATED) as image:
            return getattr(image, "n_frames", 1) > 1
    except (*DAMAGED, MediaError):
        return False  # damaged: whoever reads it as a picture will say so


def register_heif() -> bool:
    """Teach Pillow HEIC files, if ``pillow-heif`` is installed."""
    try:
        module = importlib.import_module("pillow_heif")
    except ModuleNotFoundError:
        return False
    module.register_heif_opener()
    return True
