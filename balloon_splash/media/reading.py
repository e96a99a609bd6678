"""Reading of picture files as :class:`Picture`: upright, RGB, with all metadata of the file."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from balloon_splash.errors import MediaError, one_line
from balloon_splash.media.decoding import EIGHT_BIT_MODES, decode, pixels_8
from balloon_splash.media.deep_pixels import UPRIGHT
from balloon_splash.media.describing import describe, resolution
from balloon_splash.media.exif import exif_from_pillow
from balloon_splash.media.formats import READABLE, register_plugins
from balloon_splash.media.heif_items import left_out
from balloon_splash.media.jpeg_xl import is_jpeg_xl
from balloon_splash.media.opening import open_image, read_file
from balloon_splash.media.picture import JpegSource, Metadata, Picture
from balloon_splash.media.pixels import Pixels

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that swap width and height when the picture is turned upright."""

HEIF_BRAND = slice(4, 12)  # kinds of the first box of the file (ISO 14496-12)
HEIF_BRANDS = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"))


def read_picture(source: str | os.PathLike[str] | bytes, *, name: str | None = None) -> Picture:
    """Read a picture file.

    Args:
        source: a path, or the bytes of a file.
        name: its name in errors, where ``source`` is bytes.

    Raises:
        MediaError: the file is missing, empty, truncated, too large, or not a picture.
    """
    if not isinstance(source, bytes):
        name = name or os.fspath(source)
        source = read_file(Path(source))
    name = name or "picture"
    if not source:
        raise MediaError(f"{name}: empty file (0 bytes); expected a picture")
    image = _open(source, name)
    try:
        return _convert(image, source, name)
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"{name}: truncated or damaged {image.format} file ({one_line(error)})") from error


def from_pil(image: Image.Image) -> Picture:
    """Make a :class:`Picture` of a Pillow image in memory: upright, with its EXIF, profile and resolution.

    Raises:
        MediaError: its mode has neither 8 nor 16 bits per channel.
    """
    upright = ImageOps.exif_transpose(image)
    rgb: Pixels
    alpha: Pixels | None = None
    if image.mode.startswith("I;16"):
        rgb = np.dstack([np.asarray(upright).astype(np.uint16)] * 3)
    elif image.mode in EIGHT_BIT_MODES:
        rgb, alpha = pixels_8(upright)
    else:
        raise MediaError(f"Pillow image of mode {image.mode} found; expected 8 or 16 bits per channel")
    info = upright.info
    # A profile of four inks or one grey does not describe the resulting RGB pixels.
    icc = info.get("icc_profile") if image.mode.startswith(("RGB", "P")) else None
    return Picture(rgb, alpha, metadata=Metadata(exif=exif_from_pillow(info), icc=icc, dpi=resolution(info)))


def _open(data: bytes, name: str) -> Image.Image:
    """Open without decoding; refuse files that would fill the memory."""
    plugins = register_plugins()
    try:
        return open_image(BytesIO(data), READABLE, name=name)
    except UnidentifiedImageError:
        if "JXL" not in plugins and is_jpeg_xl(data):
            raise MediaError(f"{name}: JPEG XL needs a further library: pip install balloon-splash[jxl]") from None
        if "HEIF" not in plugins and data[HEIF_BRAND] in HEIF_BRANDS:
            raise MediaError(f"{name}: HEIC needs a further library: pip install balloon-splash[heif]") from None
        raise MediaError(f"{name}: not a picture that can be read ({len(data)} bytes)") from None
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"{name}: damaged picture file ({one_line(error)})") from error


def _convert(image: Image.Image, data: bytes, name: str) -> Picture:
    notes = _about_other_pictures(image, data)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    orientation = orientation if orientation in UPRIGHT else 1
    grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I;16")
    turned = _upright_size(image, orientation)
    metadata = describe(image, data, notes, turned=turned)
    rgb, alpha, icc = decode(image, data, name, notes, orientation=orientation, icc=metadata.icc)
    kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
    return Picture(
        rgb,
        alpha,
        format=kind,
        grey=grey,
        metadata=replace(metadata, icc=icc),
        notes=tuple(notes),
        jpeg=JpegSource(data, orientation) if kind == "JPEG" else None,
    )


def _upright_size(image: Image.Image, orientation: int) -> tuple[int, int] | None:
    """Return height and width of the upright picture, or None where the file stores it upright."""
    if orientation not in UPRIGHT:
        return None
    if orientation in SIDEWAYS and image.format != "TIFF":  # of which Pillow gives the size of the upright picture
        return image.size
    return image.size[::-1]


def _about_other_pictures(image: Image.Image, data: bytes) -> list[str]:
    """Return notes on what the file holds beside the picture that is read."""
    if image.format in ("HEIF", "AVIF"):
        return left_out(data)
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # further pictures are reported by their kind
        notes.append(f"only the first of {frames} pictures in the file is used")
    return notes
