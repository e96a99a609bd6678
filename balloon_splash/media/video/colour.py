"""Conversion of RGB to YCbCr and back by the matrix and range in a video's tags.

A video without tags stays without: both conversions use the same guess, so that a player, whatever it guesses, shows
the same colours as before. Players guess by the size of the pictures; where that changes, the guess becomes a tag.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

from balloon_splash.media.colour_numbers import ColourNumbers
from balloon_splash.media.pixels import Pixels

_UNSPECIFIED = 2  # AVCOL_SPC_, AVCOL_PRI_ and AVCOL_TRC_UNSPECIFIED
_RGB = 0  # AVCOL_SPC_RGB
_BT709, _BT601 = 1, 6
_SRGB = 13  # AVCOL_TRC_IEC61966_2_1
_UNUSUAL_PRIMARIES = frozenset({9, 11, 12})  # BT.2020, DCI-P3, Display P3
_HDR = frozenset({16, 18})  # PQ, HLG
# swscale's own numbers (SWS_CS_), because PyAV before 18, the last for Python 3.10, names only some.
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
_SD_WIDTH, _SD_LINES = 1279, 576  # largest size at which untagged pictures are BT.601 by convention

# swscale's fast paths are off by one or two levels and repeat chroma samples; these flags cost milliseconds.
# SWS_BICUBIC, SWS_ACCURATE_RND and SWS_FULL_CHR_H_INT, for the same reason by number.
_EXACT = 0x4 | 0x40000 | 0x2000


@dataclass(frozen=True)
class Colour:
    """Colour tags of a video, in the numbers of ITU-T H.273 (FFmpeg's AVCOL_*).

    Attributes:
        matrix: matrix coefficients.
        primaries: colour primaries.
        transfer: transfer characteristics.
        range: 1 limited, 2 full, 0 unknown.
        guess: the matrix to assume where there is no tag.
    """

    matrix: int
    primaries: int
    transfer: int
    range: int
    guess: int = _BT709

    @classmethod
    def of(cls, stream: av.VideoStream) -> Colour:
        """Return the tags of ``stream``; for a stream in RGB (GIF) BT.709, limited, because it becomes YCbCr."""
        if stream.format.is_rgb:
            return cls.for_rgb()
        full = ColorRange.JPEG if (stream.pix_fmt or "").startswith("yuvj") else stream.color_range
        guess = _BT601 if stream.width <= _SD_WIDTH and stream.height <= _SD_LINES else _BT709
        return cls(stream.colorspace, stream.color_primaries, stream.color_trc, int(full), guess)

    @classmethod
    def for_rgb(cls) -> Colour:
        """Return the tags for pictures without YCbCr tags: BT.709, whose curve is close to sRGB's, limited range."""
        return cls(_BT709, _BT709, _BT709, int(ColorRange.MPEG))

    @property
    def is_usual(self) -> bool:
        """Return whether pictures without tags are understood the same way, or nearly so."""
        return self.primaries not in _UNUSUAL_PRIMARIES and self.transfer not in _HDR

    def __str__(self) -> str:
        return str(ColourNumbers(self.primaries, self.transfer))

    @property
    def is_computed(self) -> bool:
        """True if its matrix, or the guess for none, is one that is computed here."""
        return self.matrix in _MATRICES or self.matrix in (_RGB, _UNSPECIFIED)

    def for_pictures(self) -> Colour:
        """Return the colours as tags of a picture file, where sRGB's curve has a number of its own."""
        return replace(self, transfer=_SRGB) if self == Colour.for_rgb() else self

    def limited(self) -> Colour:
        """Return the same colours in limited range."""
        return replace(self, range=int(ColorRange.MPEG))

    def tagged(self) -> Colour:
        """Return the same colours with a tag for the matrix."""
        return replace(self, matrix=self.guess) if self.matrix == _UNSPECIFIED else self

    @property
    def swscale_matrix(self) -> int:
        """Matrix for calculations."""
        return _MATRICES.get(self.matrix, _MATRICES[self.guess])

    @property
    def swscale_range(self) -> ColorRange:
        """Range for calculations."""
        return ColorRange.JPEG if self.range == ColorRange.JPEG else ColorRange.MPEG

    def tag(self, context: av.VideoCodecContext) -> None:
        """Write the tags into an encoder."""
        context.colorspace = _UNSPECIFIED if self.matrix == _RGB else self.matrix
        context.color_primaries = self.primaries
        context.color_trc = self.transfer
        context.color_range = self.range


class RgbReader:
    """Converter of decoded frames to RGB arrays.

    Args:
        colour: tags of the video.
        deep: return 16 bits per channel instead of 8.
    """

    def __init__(self, colour: Colour, *, deep: bool = False) -> None:
        self._colour = colour
        self._deep = deep
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> tuple[Pixels, Pixels | None]:
        """Return ``(H, W, 3)`` colours and, if the format has it, ``(H, W)`` opacity."""
        has_alpha = any(component.is_alpha for component in frame.format.components)
        converted = self._reformatter.reformat(
            frame,
            format=_rgb_format(alpha=has_alpha, deep=self._deep),
            src_colorspace=self._colour.swscale_matrix,
            src_color_range=self._colour.swscale_range,
            interpolation=_EXACT,
        )
        pixels = converted.to_ndarray().astype(np.uint16 if self._deep else np.uint8, copy=False)
        if not has_alpha:
            return pixels, None
        return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])


class RgbWriter:
    """Converter of RGB arrays to frames in an encoder's format."""

    def __init__(self, colour: Colour, pixel_format: str) -> None:
        self._colour = colour
        self._format = pixel_format
        self._reformatter = VideoReformatter()

    def __call__(self, pixels: Pixels) -> av.VideoFrame:
        """Convert ``(H, W, 3)`` RGB or ``(H, W, 4)`` RGBA, without timestamps."""
        pixel_format = _rgb_format(alpha=pixels.shape[2] == 4, deep=pixels.dtype == np.uint16)
        frame = av.VideoFrame.from_ndarray(cast("npt.NDArray[Any]", pixels), pixel_format)
        return self._reformatter.reformat(
            frame,
            format=self._format,
            dst_colorspace=self._colour.swscale_matrix,
            dst_color_range=self._colour.swscale_range,
            interpolation=_EXACT,
        )


def _rgb_format(*, alpha: bool, deep: bool) -> str:
    """FFmpeg's name of the format of RGB arrays."""
    if deep:
        return "rgba64le" if alpha else "rgb48le"
    return "rgba" if alpha else "rgb24"
