"""Picture with all metadata of its file that must survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.media.colour_numbers import ColourNumbers
from balloon_splash.media.jpeg_segments import Segment
from balloon_splash.media.pixels import Pixels, Pixels8
from balloon_splash.media.png_chunks import Chunk


@dataclass(frozen=True)
class Metadata:
    """Metadata that travels with the pixels.

    Attributes:
        exif: EXIF block, its orientation already applied to the pixels and reset.
        icc: ICC profile of the pixels.
        xmp: XMP packet.
        dpi: horizontal and vertical resolution in pixels per inch.
        comment: free text of the file.
        encoder: settings of the file's compression, as keyword arguments of Pillow's writer for the same format.
        numbers: colours of the pixels, where the file gives them by numbers that are not sRGB's.
        segments: segments of a JPEG file that describe the picture, for another JPEG file.
        chunks: chunks of a PNG file beyond the attributes above, for another PNG file.
        gain_map: whether a JPEG file has a gain map (HDR), which it keeps unless it is encoded again.
        only_here: names of data that only a file of the same format can hold.
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
    """JPEG file from which a picture was read.

    Attributes:
        data: its bytes.
        orientation: EXIF orientation of its pixels.
    """

    data: bytes
    orientation: int = 1


@dataclass(frozen=True)
class Picture:
    """Upright picture.

    Attributes:
        rgb: ``(H, W, 3)`` uint8 or uint16.
        alpha: ``(H, W)``, same dtype, or None for an opaque picture.
        format: Pillow's name of the file format, such as ``"JPEG"``.
        grey: whether the file has one colour channel; it gets one again if the result has no colour.
        metadata: its metadata.
        notes: one sentence on each feature of the file that this picture lacks.
        jpeg: the file from which it was read, if that is a JPEG file.
        keep: ``(H, W)`` matte, if ``rgb`` is that of ``jpeg`` at 1 and its grey at 0 with no other change, so that a
            JPEG file need not be encoded again; else None.
    """

    rgb: Pixels
    alpha: Pixels | None = None
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
    def rgb8(self) -> Pixels8:
        """``(H, W, 3)`` uint8: the nearest 8-bit colours."""
        return to_8_bit(self.rgb)

    @property
    def alpha8(self) -> Pixels8 | None:
        """``(H, W)`` uint8, or None for an opaque picture."""
        return None if self.alpha is None else to_8_bit(self.alpha)

    @property
    def visible8(self) -> Pixels8:
        """``(H, W, 3)`` uint8: the view of a model, with fully transparent areas in white, whatever their colour."""
        if self.alpha is None:
            return self.rgb8
        return np.where(self.alpha[..., None] == 0, np.uint8(255), self.rgb8)


def to_8_bit(values: Pixels) -> Pixels8:
    """Round to the nearest 8-bit value; 65535 becomes 255."""
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
