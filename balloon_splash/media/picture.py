"""A picture with everything that its file says about it and that must survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.media.colour_numbers import ColourNumbers
from balloon_splash.media.jpeg_segments import Segment
from balloon_splash.media.png_chunks import Chunk


@dataclass(frozen=True)
class Metadata:
    """What travels with the pixels.

    Attributes:
        exif: EXIF block whose orientation is already applied to the pixels and reset.
        icc: ICC profile that the pixels are to be understood in.
        xmp: XMP packet.
        dpi: horizontal and vertical resolution.
        comment: free text of the file.
        encoder: how the file was compressed, as keyword arguments of Pillow's writer for the same format.
        numbers: what the pixels are to be understood in, where the file says it by numbers and they are not sRGB's.
        segments: of a JPEG file, all that describes the picture, for another JPEG file.
        chunks: of a PNG file, what the attributes above do not say, for another PNG file.
        gain_map: whether a JPEG file goes on with a gain map (HDR), which it keeps unless it is encoded again.
        only_here: names of what only a file of the same format has a place for.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    comment: bytes | None = None
    encoder: Mapping[str, Any] = field(default_factory=dict)
    numbers: ColourNumbers | None = None
    segments: tuple[Segment, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    gain_map: bool = False
    only_here: tuple[str, ...] = ()


@dataclass(frozen=True)
class JpegSource:
    """The JPEG file that a picture was read from.

    Attributes:
        data: its bytes.
        orientation: how its pixels lie, by EXIF.
    """

    data: bytes
    orientation: int = 1


@dataclass(frozen=True)
class Picture:
    """One upright picture.

    Attributes:
        rgb: ``(H, W, 3)`` uint8 or uint16.
        alpha: ``(H, W)``, same dtype, or None for an opaque picture.
        format: Pillow's name of the file format, e.g. ``"JPEG"``.
        grey: the file has one colour channel; it is written with one again if the result has no colour.
        metadata: what travels with the pixels.
        notes: what the file held and this picture does not; one sentence each.
        jpeg: the file that it was read from, if it is a JPEG file.
        keep: ``(H, W)`` matte, where ``rgb`` is that of ``jpeg`` at 1 and its grey at 0, and nothing else was changed,
            so that a JPEG file need not be encoded again; None where more was, or nothing.
    """

    rgb: npt.NDArray[np.uint8 | np.uint16]
    alpha: npt.NDArray[np.uint8 | np.uint16] | None = None
    format: str = "PNG"
    grey: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    notes: tuple[str, ...] = ()
    jpeg: JpegSource | None = None
    keep: npt.NDArray[np.float32] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def rgb8(self) -> npt.NDArray[np.uint8]:
        """``(H, W, 3)`` uint8: the nearest 8-bit colours."""
        return to_8_bit(self.rgb)

    @property
    def visible8(self) -> npt.NDArray[np.uint8]:
        """``(H, W, 3)`` uint8: the view of a model, in which fully transparent areas are white, whatever they hide."""
        if self.alpha is None:
            return self.rgb8
        return np.where(self.alpha[..., None] == 0, np.uint8(255), self.rgb8)


def to_8_bit(values: npt.NDArray[np.uint8 | np.uint16]) -> npt.NDArray[np.uint8]:
    """The nearest 8-bit value; 65535 becomes 255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
