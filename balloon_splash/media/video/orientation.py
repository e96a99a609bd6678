"""Orientation of pictures by their display matrix."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np

from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.side_data import side_data

_DISPLAY_MATRIX = 6  # AV_FRAME_DATA_DISPLAYMATRIX


@dataclass(frozen=True)
class Orientation:
    """One of the eight orientations of a picture: transposed first, then mirrored left-right and top-bottom."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """Return the orientation in ``frame``'s display matrix, to the nearest quarter turn.

        The matrix (ISO 14496-12, ``tkhd``) sends ``(x, y)`` to ``(a x + c y, b x + d y)``, y pointing down.
        """
        matrix = side_data(frame, _DISPLAY_MATRIX)
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(False, mirror_x=a < 0, mirror_y=d < 0)
        return cls(True, mirror_x=c < 0, mirror_y=b < 0)

    def apply(self, pixels: Pixels) -> Pixels:
        """Turn ``(H, W)`` or ``(H, W, C)`` pixels upright."""
        if self.transpose:
            pixels = np.asarray(cv2.transpose(pixels), pixels.dtype)
        if self.mirror_x or self.mirror_y:
            axis = -1 if self.mirror_x and self.mirror_y else int(self.mirror_x)
            pixels = np.asarray(cv2.flip(pixels, axis), pixels.dtype)
        return pixels
