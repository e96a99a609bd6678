"""Reading of picture files as :class:`Picture`: upright, RGB, with all metadata of the file."""

from __future__ import annotations

import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from balloon_splash.errors import MediaError
from balloon_splash.media.deep_pixels import UPRIGHT, has_16_bits, read_deep
from balloon_splash.media.describing import coded_bits, describe, exif_of, resolution
from balloon_splash.media.formats import READABLE, register_plugins
from balloon_splash.media.heif_items import left_out
from balloon_splash.media.jpeg_xl import is_jpeg_xl
from balloon_splash.media.opening import open_image, read_bytes
from balloon_splash.media.picture import JpegSource, Metadata, Picture
from balloon_splash.media.pixels import Pixels

SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that swap width and height when the picture is turned upright."""

EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"})
HEIF_BRAND = slice(4, 12)  # kinds of the first box of the file (ISO 14496-12)
HEIF_BRANDS = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


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
        source = _read_bytes(Path(source))
    name = name or "picture"
    if not source:
        raise MediaError(f"{name}: empty file (0 bytes); expected a picture")
    image = _open(source, name)
    try:
        return _convert(image, source, name)
    except MediaError:
        raise
    except Exception as error:
        raise MediaError(f"{name}: truncated or damaged {image.format} file ({_reason(error)})") from error


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
        rgb, alpha = _pixels_8(upright)
    else:
        raise MediaError(f"Pillow image of mode {image.mode} found; expected 8 or 16 bits per channel")
    info = upright.info
    # A profile of four inks or one grey does not describe the resulting RGB pixels.
    icc = info.get("icc_profile") if image.mode.startswith(("RGB", "P")) else None
    return Picture(rgb, alpha, metadata=Metadata(exif=exif_of(info), icc=icc, dpi=resolution(info)))


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return read_bytes(stream, str(path))
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from error


def _reason(error: Exception) -> str:
    """Return a decoder's message on one line; it may hold bytes of the file."""
    return " ".join(str(error).split())[:200] or type(error).__name__


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
        raise MediaError(f"{name}: damaged picture file ({_reason(error)})") from error


def _convert(image: Image.Image, data: bytes, name: str) -> Picture:
    notes = _about_other_pictures(image, data)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    deep = has_16_bits(image, data)
    by_pillow = image.format == "TIFF"  # its size, like its pixels, is that of the upright picture
    width, height = image.size[::-1] if orientation in SIDEWAYS and not by_pillow else image.size
    turn = UPRIGHT.get(orientation, np.asarray) if deep or not by_pillow else np.asarray
    grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I;16")
    metadata = describe(image, data, notes, turned=(height, width) if orientation in UPRIGHT else None)
    stored: tuple[Pixels, Pixels | None]
    if deep:
        stored = read_deep(image, data, name, notes)
    elif image.mode not in EIGHT_BIT_MODES:
        raise MediaError(f"{name}: pixels of mode {image.mode} found; expected 8 or 16 bits per channel")
    else:
        _tell_about_pixels(image, data, notes)
        if image.mode == "CMYK":
            converted, icc = _cmyk_to_rgb(image, metadata.icc, notes)
            metadata = replace(metadata, icc=icc)
            stored = _pixels_8(converted)
        else:
            stored = _pixels_8(image)
    rgb, alpha = stored
    kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
    return Picture(
        np.ascontiguousarray(turn(rgb)),
        None if alpha is None else np.ascontiguousarray(turn(alpha)),
        format=kind,
        grey=grey,
        metadata=metadata,
        notes=tuple(notes),
        jpeg=JpegSource(data, orientation if orientation in UPRIGHT else 1) if kind == "JPEG" else None,
    )


def _about_other_pictures(image: Image.Image, data: bytes) -> list[str]:
    """Return notes on what the file holds beside the picture that is read."""
    if image.format in ("HEIF", "AVIF"):
        return left_out(data)
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # further pictures are reported by their kind
        notes.append(f"only the first of {frames} pictures in the file is used")
    return notes


def _tell_about_pixels(image: Image.Image, data: bytes, notes: list[str]) -> None:
    """Add notes on what 8 bits and full colours change."""
    bits = coded_bits(image, data)
    if bits > 8:
        notes.append(f"{bits} bits per channel become 8")
    if image.mode == "1":
        notes.append("1-bit pixels become 8-bit grey")
    elif image.mode in ("P", "PA"):
        notes.append("the palette is dropped: the result has full colours")


def _pixels_8(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image if image.mode == "RGB" else image.convert("RGB")), None  # convert would copy it


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
