"""Pictures with 16 bits per channel, which Pillow supports for one channel only: read by tifffile and OpenCV."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.pixels import Pixels

PNG_BIT_DEPTH_AT = 24  # byte of the IHDR chunk in the file
BITS_PER_SAMPLE = 258  # TIFF tag
FULL = np.uint16(65535)

SIZ_DEPTH_AT = 40
"""Position of the depth of the first component in a JPEG 2000 codestream (ITU-T T.800, A.5.1)."""

NEUTRAL = frozenset({tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.MINISWHITE})

Deep = npt.NDArray[np.uint16]

UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
"""Functions that turn stored pixels upright, by EXIF orientation."""


def has_16_bits(image: Image.Image, data: bytes) -> bool:
    """Return whether a file has more than 8 bits per channel that this module reads."""
    if image.format == "PNG":
        return data[PNG_BIT_DEPTH_AT] == 16
    if image.format == "TIFF":
        return 16 in getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE, ())
    if image.format == "JPEG2000":
        return jpeg_2000_bits(data) > 8
    return image.mode.startswith("I;16")


def jpeg_2000_bits(data: bytes) -> int:
    """Return the bits of the first component of a JPEG 2000 file; 0 where its codestream is not found."""
    codestream = data.find(b"\xff\x4f\xff\x51")
    return (
        0 if codestream < 0 else (data[codestream + SIZ_DEPTH_AT + 2 : codestream + SIZ_DEPTH_AT + 3] or b"\0")[0] + 1
    )


def read_deep(image: Image.Image, data: bytes, name: str, notes: list[str]) -> tuple[Deep, Deep | None]:
    """Read pixels as stored in the file: ``(H, W, 3)`` uint16, and ``(H, W)`` alpha or None.

    Args:
        image: the file, opened, not decoded.
        data: the file.
        name: its name in errors.
        notes: receives a note on each change.

    Raises:
        MediaError: a layout that no library here reads.
    """
    if image.format == "TIFF":
        return _read_tiff(data, name, notes)
    pixels = _by_opencv(data, name)
    if pixels.shape[1::-1] != image.size:
        raise MediaError(
            f"{name}: {pixels.shape[1]}x{pixels.shape[0]} pixels decoded; expected {image.width}x{image.height}"
        )
    if image.format == "JPEG2000":
        pixels = _scaled(pixels, jpeg_2000_bits(data))
    alpha = _transparent_value(image, pixels) if image.format == "PNG" else None
    return _split(pixels, alpha)


def _by_opencv(data: bytes, name: str) -> Deep:
    flags = cv2.IMREAD_UNCHANGED  # leaves the orientation alone, except in TIFF
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None or pixels.dtype != np.uint16:
        raise MediaError(f"{name}: 16-bit pixels in a layout that cannot be read; expected grey, RGB or RGBA")
    found = np.asarray(pixels, np.uint16)
    return found if found.ndim == 2 else np.ascontiguousarray(found[..., [2, 1, 0, 3][: found.shape[2]]])


def _scaled(pixels: Deep, bits: int) -> Deep:
    """Scale values of fewer bits than 16 so that white becomes 65535."""
    if bits >= 16:
        return pixels
    most = 2**bits - 1
    return ((pixels.astype(np.uint32) * 65535 + most // 2) // most).astype(np.uint16)


def _transparent_value(image: Image.Image, pixels: Deep) -> Deep | None:
    """Return alpha of a PNG file that names one value as transparent (the chunk tRNS), which OpenCV leaves out."""
    value = image.info.get("transparency")
    if value is None or (pixels.ndim == 3 and pixels.shape[2] == 4):
        return None
    clear = pixels == np.array(value, np.int64)
    if clear.ndim == 3:
        clear = clear.all(axis=2)
    return np.where(clear, np.uint16(0), FULL)


def _split(pixels: Deep, alpha: Deep | None) -> tuple[Deep, Deep | None]:
    if pixels.ndim == 2:
        return np.dstack([pixels] * 3), alpha
    if pixels.shape[2] == 4:
        return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])
    return pixels, alpha


def _read_tiff(data: bytes, name: str, notes: list[str]) -> tuple[Deep, Deep | None]:
    """Read by tifffile, which handles planes, inverted grey and further channels, where it knows the compression.

    OpenCV knows all compressions, but reads one layout only.
    """
    with tifffile.TiffFile(BytesIO(data)) as file:
        page = file.pages.first
        if not isinstance(page, tifffile.TiffPage):
            raise MediaError(f"{name}: no picture in the TIFF file")
        colours = 1 if page.photometric in NEUTRAL else 3
        if page.photometric not in {*NEUTRAL, tifffile.PHOTOMETRIC.RGB} or page.dtype != np.dtype(np.uint16):
            found = f"{getattr(page.photometric, 'name', page.photometric)}, {page.dtype}"
            raise MediaError(f"{name}: 16-bit TIFF of a kind that cannot be read ({found}); expected grey or RGB")
        if page.samplesperpixel < colours or page.imagedepth != 1:
            raise MediaError(f"{name}: {page.samplesperpixel} channels in a 16-bit TIFF; expected {colours} or more")
        pixels = _tiff_channels(page, data, name)
        extra = [getattr(kind, "name", "UNSPECIFIED") for kind in page.extrasamples]
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        pixels[..., 0] = FULL - pixels[..., 0]
    alpha = pixels[..., colours] if extra[:1] in (["UNASSALPHA"], ["ASSOCALPHA"]) else None
    if pixels.shape[2] > colours + (alpha is not None):
        notes.append(
            f"{pixels.shape[2] - colours - (alpha is not None)} further channels of the TIFF file are left out"
        )
    rgb = pixels[..., :3] if colours == 3 else np.dstack([pixels[..., 0]] * 3)
    if extra[:1] == ["ASSOCALPHA"] and alpha is not None:
        rgb = _straight(rgb, alpha)
    return np.ascontiguousarray(rgb), None if alpha is None else np.ascontiguousarray(alpha)


def _tiff_channels(page: tifffile.TiffPage, data: bytes, name: str) -> Deep:
    """Return ``(H, W, C)`` pixels, whatever their order in the file."""
    height, width, channels = page.imagelength, page.imagewidth, page.samplesperpixel
    planes = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and channels > 1
    try:
        pixels: npt.NDArray[Any] = page.asarray()
    except ValueError as error:  # a compression that tifffile leaves to a further library
        if planes or "imagecodecs" not in str(error) or channels not in (1, 3, 4):
            raise
        pixels = _by_opencv(data, name)
        orientation = page.tags.valueof(274, default=1)
        pixels = _undo(pixels, orientation if isinstance(orientation, int) else 1)
    shape = (channels, height, width) if planes else (height, width, channels)
    pixels = pixels.reshape(shape)
    return np.array(np.moveaxis(pixels, 0, 2) if planes else pixels, np.uint16)


def _undo(pixels: Deep, orientation: int) -> Deep:
    """Turn pixels that OpenCV has turned back to their order in the file."""
    return np.asarray(UPRIGHT.get({6: 8, 8: 6}.get(orientation, orientation), np.asarray)(pixels), np.uint16)


def _straight(rgb: Deep, alpha: Deep) -> Deep:
    """Divide colours that were stored multiplied by alpha."""
    whole = np.maximum(alpha, 1).astype(np.uint64)[..., None]
    return np.minimum((rgb.astype(np.uint64) * 65535 + whole // 2) // whole, 65535).astype(np.uint16)
