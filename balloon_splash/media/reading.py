"""Picture files to :class:`Picture`: upright, RGB, with all that the file says about itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageOps, JpegImagePlugin, UnidentifiedImageError

from balloon_splash.errors import MediaError
from balloon_splash.media.exif import descriptive_exif, without_thumbnail
from balloon_splash.media.formats import READABLE, register_heif
from balloon_splash.media.opening import DAMAGED, open_image, read_bytes
from balloon_splash.media.picture import Metadata, Picture

EIGHT_BIT_MODES = frozenset({"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"})
BITS_PER_SAMPLE = 258  # TIFF tag
PNG_BIT_DEPTH_AT = 24  # byte of the IHDR chunk in the file
HEIF_BRAND = slice(4, 12)  # of the first box of the file (ISO 14496-12)
HEIF_BRANDS = frozenset(b"ftyp" + brand for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

Pixels = npt.NDArray[np.uint8 | np.uint16]

UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""What turns stored pixels upright, by EXIF orientation."""


def read_picture(source: str | os.PathLike[str] | bytes, *, name: str | None = None) -> Picture:
    """Read a picture file.

    Args:
        source: a path, or the bytes of a file.
        name: what errors call it, where ``source`` is bytes.

    Raises:
        MediaError: not there, empty, truncated, too large, or not a picture.
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
    except DAMAGED as error:
        raise MediaError(f"{name}: truncated or damaged {image.format} file ({_reason(error)})") from error


def from_pil(image: Image.Image) -> Picture:
    """A :class:`Picture` from a Pillow image in memory: upright, with its EXIF, profile and resolution.

    Raises:
        MediaError: its mode has neither 8 nor 16 bits a channel.
    """
    upright = ImageOps.exif_transpose(image)
    rgb: Pixels
    alpha: Pixels | None = None
    if image.mode.startswith("I;16"):
        rgb = np.dstack([np.asarray(upright).astype(np.uint16)] * 3)
    elif image.mode in EIGHT_BIT_MODES:
        rgb, alpha = _pixels_8(upright)
    else:
        raise MediaError(f"Pillow image of mode {image.mode} found; expected 8 or 16 bits a channel")
    info = upright.info
    # A profile of four inks or one grey does not describe the RGB pixels that come out.
    icc = info.get("icc_profile") if image.mode.startswith(("RGB", "P")) else None
    return Picture(rgb, alpha, metadata=Metadata(exif=_exif(info), icc=icc, dpi=info.get("dpi")))


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return read_bytes(stream, str(path))
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from error


def _reason(error: Exception) -> str:
    """What a decoder says, on one line; it may hold bytes of the file."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _open(data: bytes, name: str) -> Image.Image:
    """Open, but do not decode yet; refuse what would fill the memory."""
    reads_heif = register_heif()
    try:
        return open_image(BytesIO(data), READABLE, name=name)
    except UnidentifiedImageError:
        if not reads_heif and data[HEIF_BRAND] in HEIF_BRANDS:
            raise MediaError(f"{name}: HEIC needs a further library: pip install balloon-splash[heif]") from None
        raise MediaError(f"{name}: not a picture that can be read ({len(data)} bytes)") from None
    except DAMAGED as error:
        raise MediaError(f"{name}: damaged picture file ({_reason(error)})") from error


def _convert(image: Image.Image, data: bytes, name: str) -> Picture:
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"only the first of {frames} pictures in the file is used")
    sixteen = _has_16_bits(image, data)
    coded_bits = _coded_bits(image, data)
    if coded_bits > 8:
        notes.append(f"{coded_bits} bits a channel become 8")
    exif = image.getexif()
    orientation = exif.get(ExifTags.Base.Orientation, 1)
    descriptive = descriptive_exif(exif)  # for TIFF, which does not hold EXIF as one block
    encoder = _encoder_settings(image, data)
    grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I;16")
    icc = image.info.get("icc_profile")
    # Takes the orientation out of EXIF and XMP, too; of a picture that is upright it would make a copy.
    upright = image if orientation == 1 else ImageOps.exif_transpose(image)
    if sixteen:
        # OpenCV applies the orientation of TIFF files by itself, and of no others when it reads all channels.
        rgb, alpha = _pixels_16(data, 1 if image.format == "TIFF" else orientation, image.size, name)
    elif image.mode not in EIGHT_BIT_MODES:
        raise MediaError(f"{name}: pixels of mode {image.mode} found; expected 8 or 16 bits a channel")
    else:
        if image.mode == "CMYK":
            upright, icc = _cmyk_to_rgb(upright, icc, notes)
        elif image.mode == "1":
            notes.append("1-bit pixels become 8-bit grey")
        elif image.mode in ("P", "PA"):
            notes.append("the palette is dropped: the result has full colours")
        rgb, alpha = _pixels_8(upright)
    info = upright.info
    metadata = Metadata(
        exif=_exif(info) or descriptive,
        icc=icc,
        xmp=_as_bytes(info.get("xmp")),
        dpi=info.get("dpi"),
        comment=_as_bytes(info.get("comment")),
        encoder=encoder,
    )
    kind = "JPEG" if image.format == "MPO" else image.format or "PNG"
    return Picture(rgb, alpha, format=kind, grey=grey, metadata=metadata, notes=tuple(notes))


def _has_16_bits(image: Image.Image, data: bytes) -> bool:
    if image.format == "PNG":
        return data[PNG_BIT_DEPTH_AT] == 16
    if image.format == "TIFF":
        return 16 in getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, ())
    return image.mode.startswith("I;16")


def _coded_bits(image: Image.Image, data: bytes) -> int:
    """Bits a channel in AVIF and HEIF files, from the ``pixi`` box (ISO 23008-12); 8 where nothing is said.

    The box holds version and flags (4 bytes), the number of channels (1), and the bits of each.
    """
    start = data.find(b"pixi") if image.format in ("AVIF", "HEIF") else -1
    return 8 if start < 0 or start + 9 >= len(data) else data[start + 9]


def _pixels_8(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    if image.has_transparency_data:
        rgba = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image if image.mode == "RGB" else image.convert("RGB")), None  # convert would copy it


def _pixels_16(data: bytes, orientation: int, size: tuple[int, int], name: str) -> tuple[Pixels, Pixels | None]:
    """By OpenCV, since Pillow holds 16 bits only in pictures of one channel."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.shape[1::-1] != size:
        raise MediaError(f"{name}: 16-bit pixels in a layout that cannot be read; expected grey, RGB or RGBA")
    turned = UPRIGHT.get(orientation, np.asarray)(np.asarray(pixels, np.uint16))
    if turned.ndim == 2:
        return np.ascontiguousarray(np.dstack([turned] * 3)), None
    rgb = np.ascontiguousarray(turned[..., 2::-1])
    return rgb, np.ascontiguousarray(turned[..., 3]) if turned.shape[2] == 4 else None


def _cmyk_to_rgb(image: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Image.Image, bytes | None]:
    """Convert through the embedded profile to sRGB; without one, by the plain formula."""
    info = image.info
    if icc is None:
        notes.append("CMYK without a profile becomes RGB by the plain formula; colours are approximate")
        converted, profile = image.convert("RGB"), None
    else:
        notes.append("CMYK becomes sRGB through the embedded profile")
        source = ImageCms.ImageCmsProfile(BytesIO(icc))
        result = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
        assert result is not None  # None stands for a conversion in place, which was not asked for
        converted, profile = result, SRGB.tobytes()
    converted.info = info
    return converted, profile


def _encoder_settings(image: Image.Image, data: bytes) -> dict[str, Any]:
    """How the file was compressed, in the words of Pillow's writer for the same format."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        settings: dict[str, Any] = {"qtables": image.quantization}
        if image.mode == "RGB":
            settings["subsampling"] = JpegImagePlugin.get_sampling(image)
        if image.info.get("progressive"):
            settings["progressive"] = True
        return settings
    if image.format == "WEBP":
        return {"lossless": b"VP8L" in data[:64]}
    if image.format == "TIFF" and "compression" in image.info:
        return {"compression": image.info["compression"]}
    return {}


def _exif(info: Mapping[Any, Any]) -> bytes | None:
    data: bytes | None = info.get("exif")
    return without_thumbnail(data) if data else None


def _as_bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
