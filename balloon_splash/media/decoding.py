"""Decoding of an opened picture file to upright pixels: 8 bits per channel by Pillow, 16 by :mod:`.deep_pixels`."""

from __future__ import annotations

from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

from balloon_splash.errors import MediaError
from balloon_splash.media.deep_pixels import UPRIGHT, has_16_bits, read_deep
from balloon_splash.media.heif_items import coded_bits
from balloon_splash.media.pixels import Pixels, Pixels8

EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"})
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class Decoded(NamedTuple):
    """Pixels of a file.

    Attributes:
        rgb: ``(H, W, 3)`` uint8 or uint16.
        alpha: ``(H, W)``, same dtype, or None for an opaque picture.
        icc: ICC profile of ``rgb``.
    """

    rgb: Pixels
    alpha: Pixels | None
    icc: bytes | None


def decode(
    image: Image.Image, data: bytes, name: str, notes: list[str], *, orientation: int = 1, icc: bytes | None = None
) -> Decoded:
    """Decode the pixels of an opened file.

    Args:
        image: the file, not decoded yet.
        data: the file.
        name: its name in errors.
        notes: receives a note on each change.
        orientation: EXIF orientation of the stored pixels.
        icc: ICC profile of the stored pixels.

    Raises:
        MediaError: a layout that is not read.
    """
    rgb: Pixels
    alpha: Pixels | None
    deep = has_16_bits(image, data)
    if deep:
        rgb, alpha = read_deep(image, data, name, notes)
    elif image.mode not in EIGHT_BIT_MODES:
        raise MediaError(f"{name}: pixels of mode {image.mode} found; expected 8 or 16 bits per channel")
    else:
        _note_changes(image, data, notes)
        if image.mode == "CMYK":
            image, icc = _cmyk_to_rgb(image, icc, notes)
        rgb, alpha = pixels_8(image)
    if not deep and image.format == "TIFF":
        orientation = 1  # Pillow has turned its pixels
    turn = UPRIGHT.get(orientation, np.asarray)
    return Decoded(np.ascontiguousarray(turn(rgb)), None if alpha is None else np.ascontiguousarray(turn(alpha)), icc)


def pixels_8(image: Image.Image) -> tuple[Pixels8, Pixels8 | None]:
    """Return ``(H, W, 3)`` RGB and ``(H, W)`` alpha, or None for an opaque picture, of one of ``EIGHT_BIT_MODES``."""
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image if image.mode == "RGB" else image.convert("RGB")), None  # convert would copy it


def _note_changes(image: Image.Image, data: bytes, notes: list[str]) -> None:
    """Add notes on what 8 bits and full colours change."""
    bits = coded_bits(data) if image.format in ("AVIF", "HEIF") else 8
    if bits > 8:
        notes.append(f"{bits} bits per channel become 8")
    if image.mode == "1":
        notes.append("1-bit pixels become 8-bit grey")
    elif image.mode in ("P", "PA"):
        notes.append("the palette is dropped: the result has full colours")


def _cmyk_to_rgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """Convert to sRGB through the embedded profile; without one of four inks, by the plain formula."""
    if icc is not None:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(icc))
            converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("the embedded profile does not describe CMYK and is left out")
        else:
            assert converted is not None  # None stands for a conversion in place, which is off
            notes.append("CMYK becomes sRGB through the embedded profile")
            return converted, SRGB.tobytes()
    notes.append("CMYK without a profile becomes RGB by the plain formula; colours are approximate")
    return image.convert("RGB"), None
