"""Dense optical flow between neighbouring frames, and points traced along it.

The flow is OpenCV's DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016) on small grey
pictures, computed both ways. Where forward and backward flow contradict each other, a point is hidden, uncovered
or lost, and the flow earns no trust (the test of Sundaram, Brox and Keutzer, "Dense Point Trajectories by
GPU-accelerated Large Displacement Optical Flow", ECCV 2010, made gradual).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Image

Small: TypeAlias = npt.NDArray[np.uint8]
"""``(h, w, 3)`` RGB, as small as :func:`shrink` makes it."""

Field: TypeAlias = npt.NDArray[np.float32]
"""``(h, w, 3)``: how far each point moves, x and y in pixels of the full picture, and the trust in it, 0 to 1."""

Vectors: TypeAlias = npt.NDArray[np.float32]
"""``(h, w, 2)`` x and y."""

Points: TypeAlias = npt.NDArray[np.float32]
"""``(..., 2)`` x and y in pixels of the full picture; the centre of its first pixel is (0.5, 0.5)."""

FLOW_SIDE = 480
"""Longer side, in pixels, of the pictures that the flow is computed on."""

LIVE_FLOW_SIDE = 320
"""The same for live video, at half the cost; a faster preset of DIS on larger pictures costs more accuracy."""

CELL = 2
"""Side, in pixels of the small pictures, of a cell of the stored flow: DIS itself works on coarser ones."""

CONTRADICTION_SHARE, CONTRADICTION_FLOOR = 0.01, 0.125
"""Squared contradiction, in cells, that costs all trust: this share of the squared motion, plus this."""

LEAST_SIDE = 16
"""Least side in pixels for DIS, which matches patches of 8 pixels; the flow of smaller pictures earns no trust."""


@dataclass(frozen=True)
class Flow:
    """The motion between two neighbouring frames.

    Attributes:
        forward: from the earlier frame to the later one.
        backward: from the later frame to the earlier one.
        size: ``(height, width)`` of the full frames.
    """

    forward: Field
    backward: Field
    size: tuple[int, int]

    def origin(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``(h, w)`` values of the earlier frame, of the fields' size, at the origin of each point of the later one.

        Points that come from outside get 0.
        """
        height, width = values.shape
        x, y = _pixel_grid(height, width)
        u = x + self.backward[..., 0] * np.float32(width / self.size[1])
        v = y + self.backward[..., 1] * np.float32(height / self.size[0])
        return np.asarray(cv2.remap(values, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)


def shrink(rgb: Image, side: int = FLOW_SIDE) -> Small:
    """Shrink a ``(H, W, 3)`` picture to what flow needs: at most ``side`` pixels long, 8 bits per channel."""
    height, width = rgb.shape[:2]
    scale = min(side / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small if small.dtype == np.uint8 else small // 257, np.uint8)


def flow_between(before: Small, after: Small, size: tuple[int, int]) -> Flow:
    """Compute the flow between two neighbouring frames, both ways.

    Args:
        before: the earlier one, small, see :func:`shrink`.
        after: the later one.
        size: ``(height, width)`` of the full frames.
    """
    height, width = before.shape[:2]
    fine = (max(width // CELL, 1), max(height // CELL, 1))
    if min(height, width) < LEAST_SIDE:
        lost = np.zeros((fine[1], fine[0], 3), np.float32)
        return Flow(lost, lost, size)
    dis = cv2.DISOpticalFlow.create(cv2.DISOpticalFlow_PRESET_MEDIUM)
    one, two = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (before, after))
    no_guess = np.empty(0, np.float32)
    there = _cells(dis.calc(one, two, no_guess), fine)
    back = _cells(dis.calc(two, one, no_guess), fine)
    scale = (size[1] / fine[0], size[0] / fine[1])
    return Flow(_with_trust(there, back, scale), _with_trust(back, there, scale), size)


def trace(
    points: Points, trust: npt.NDArray[np.float32], field: Field, size: tuple[int, int]
) -> tuple[Points, npt.NDArray[np.float32]]:
    """Move points along a field into the next frame.

    Args:
        points: ``(N, M, 2)``.
        trust: ``(N, M)`` in [0, 1], earned so far.
        field: one way of the flow between the frames.
        size: ``(height, width)`` of the full frames.

    Returns:
        points and trust in the next frame; points beyond the picture's border move on with it, without trust.
    """
    if not points.size:
        return points, trust
    height, width = field.shape[:2]
    u = points[..., 0] * np.float32(width / size[1]) - 0.5
    v = points[..., 1] * np.float32(height / size[0]) - 0.5
    step = cv2.remap(field, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = (u > -1) & (v > -1) & (u < width) & (v < height)
    return points + step[..., :2], trust * step[..., 2] * inside


def _cells(flow: cv2.typing.MatLike, size: tuple[int, int]) -> Vectors:
    """Convert the ``(h, w, 2)`` flow of pixels to that of cells, ``size`` (width, height) of them."""
    return np.asarray(cv2.resize(flow, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(CELL)


def _with_trust(there: Vectors, back: Vectors, scale: tuple[float, float]) -> Field:
    """Return the flow ``there``, in cells of ``scale`` pixels of the full picture, and the trust in it."""
    height, width = there.shape[:2]
    x, y = _pixel_grid(height, width)
    returned = cv2.remap(back, x + there[..., 0], y + there[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    allowed = CONTRADICTION_SHARE * _squared(there) + CONTRADICTION_FLOOR
    trust = np.maximum(1 - _squared(there + returned) / allowed, 0)
    return np.asarray(cv2.merge([there[..., 0] * scale[0], there[..., 1] * scale[1], trust]), np.float32)


def _squared(vectors: Vectors) -> Vectors:
    """``(h, w)`` squared lengths of ``(h, w, 2)`` vectors."""
    return np.asarray(np.einsum("hwc,hwc->hw", vectors, vectors), np.float32)


@lru_cache(maxsize=4)
def _pixel_grid(height: int, width: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``(height, width)`` x and y of each pixel."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
