"""Surface of revolution, seen from the side, from above or from below, without perspective.

Its frame is the balloon's: x to the right, y down, z towards the camera. The axis points down, and leans away from the
camera by the tilt, so that a positive tilt shows what is on top. A point is ``height`` along the axis, and from there
``width`` away from it, in the direction of its longitude; longitude 0 faces the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from balloon_splash.data.render.balloons import unit_vectors
from balloon_splash.data.render.canvas import FloatArray, Points

_DEPTHS = 256  # samples along a line of sight
_STEEPEST = 4.0  # of the slope from height to width, which has no bounds at a crown
_OUTLINE = 160  # rows of an outline


@dataclass(frozen=True)
class Hits:
    """Surface that each texel shows: its height, longitude (radians) and distance from the axis, ``(H, W)`` each."""

    height: FloatArray
    longitude: FloatArray
    width: FloatArray


@dataclass(frozen=True)
class Revolution:
    """Profile turned around its axis.

    Attributes:
        heights: positions along the axis, rising, ``(N,)``.
        widths: distance of the surface from the axis at each, at most 1, ``(N,)``.
        tilt: angle by which the axis leans away from the camera (radians), between -1.4 and 1.4.
    """

    heights: Points
    widths: Points
    tilt: float

    @cached_property
    def top_and_bottom(self) -> tuple[float, float]:
        """The y of the highest and of the lowest point that is seen."""
        middle, reach = self.heights * np.cos(self.tilt), self.widths * abs(np.sin(self.tilt))
        return float((middle - reach).min()), float((middle + reach).max())

    @cached_property
    def outline(self) -> Points:
        """The silhouette, ``(M, 2)``."""
        down = np.linspace(*self.top_and_bottom, _OUTLINE)
        across = np.sqrt(np.maximum(self._reached(down).max(axis=0), 0))
        right, left = np.stack([across, down], axis=1), np.stack([-across, down], axis=1)
        return np.concatenate([right, left[::-1]])

    def hits(self, across: FloatArray, down: FloatArray) -> Hits:
        """Find what is seen at each place of the grid; beside the silhouette, what is seen at its edge.

        Args:
            across: the x of each column, ``(W,)``.
            down: the y of each row, ``(H,)``.
        """
        reached = self._reached(down)
        edge = np.sqrt(np.maximum(reached.max(axis=0), 1e-6))[:, None]
        x = np.clip(across[None], -0.999 * edge, 0.999 * edge)
        depth = np.stack([np.interp(row, up_to, _depths()) for row, up_to in zip(x**2, reached.T, strict=True)])
        height = np.clip(self._height(down[:, None], depth), self.heights[0], self.heights[-1])
        return Hits(height, np.arctan2(x, depth), np.hypot(x, depth))

    def normals(self, hits: Hits, longitude: FloatArray) -> FloatArray:
        """Return the surface's normals ``(H, W, 3)`` as if it faced ``longitude`` at these places."""
        slopes = np.clip(np.gradient(self.widths, self.heights), -_STEEPEST, _STEEPEST)
        along = -np.interp(hits.height, self.heights, slopes)
        sin, cos = np.sin(self.tilt), np.cos(self.tilt)
        towards = np.cos(longitude)
        return unit_vectors(np.sin(longitude), cos * along + sin * towards, np.abs(cos * towards - sin * along))

    def _height(self, down: npt.NDArray[np.floating], depth: npt.NDArray[np.floating]) -> FloatArray:
        return np.asarray((down - np.sin(self.tilt) * depth) / np.cos(self.tilt))

    def _reached(self, down: FloatArray) -> Points:
        """Return the square of the x up to which each line of sight has met the surface, by depth and row."""
        depths = _depths()[:, None]
        height = self._height(down[None], depths)
        width = np.interp(height, self.heights, self.widths, left=0.0, right=0.0)
        return np.maximum.accumulate(width**2 - depths**2, axis=0)


def _depths() -> Points:
    """Return distances from the axis along a line of sight, nearest to the camera first."""
    return np.linspace(1, -1, _DEPTHS)
