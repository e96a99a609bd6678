"""Resizing of matterport's Mask R-CNN (``utils.resize_image`` at commit 3deaec5), without its padding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


def matterport_size(
    height: int, width: int, *, mode: str, min_dim: int, max_dim: int, min_scale: float = 0.0
) -> tuple[int, int]:
    """Height and width that a photo is resized to, in whole pixels, one at least.

    Args:
        height: of the photo.
        width: of the photo.
        mode: ``IMAGE_RESIZE_MODE``: "square", "pad64" or "none".
        min_dim: photos are scaled up to this short edge.
        max_dim: in mode "square" they are scaled down to this longest edge.
        min_scale: factor by which they are scaled up at least.
    """
    if mode == "none":
        return height, width
    scale = max(1.0, min_dim / min(height, width), min_scale)
    longest = max(height, width)
    if mode == "square" and round(longest * scale) > max_dim:
        scale = max_dim / longest
    return max(round(height * scale), 1), max(round(width * scale), 1)


def single_samples(image: npt.NDArray[np.uint8], new_height: int, new_width: int) -> npt.NDArray[np.uint8]:
    """``(H, W, C)`` uint8 to ``(new_height, new_width, C)``.

    Pixels are single bilinear samples, cut off to whole numbers, with black outside the photo, as of scikit-image
    0.18.3 without anti-aliasing.
    """
    if image.shape[:2] == (new_height, new_width):
        return image
    bordered = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    vertical, horizontal = _lines(image.shape[:2], (new_height, new_width))
    rows, down = vertical.samples(new_height)
    columns, right = horizontal.samples(new_width)
    right, down = right[:, None], down[:, None, None]

    def along(row: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        cells = bordered[row]
        mixed: npt.NDArray[np.float64] = (1 - right) * cells[:, columns] + right * cells[:, columns + 1]
        return mixed

    return ((1 - down) * along(rows) + down * along(rows + 1)).astype(np.uint8)


class _Line(NamedTuple):
    """Place in the photo of each new pixel along an axis."""

    scale: float
    start: float

    def samples(self, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
        """Cell before each sample, on an axis with a border of one, and the share of the cell behind it."""
        at = self.scale * np.arange(count) + self.start
        cells = np.floor(at).astype(np.intp)
        return cells + 1, at - cells


def _lines(old: tuple[int, ...], new: tuple[int, int]) -> tuple[_Line, _Line]:
    """Vertical and horizontal line, with scikit-image's rounding.

    It estimates an affine transform from three corners. Its samples are up to 2e-12 pixels from where they belong, so
    that grey levels that are whole numbers, as most are where a photo shrinks by a whole factor, are cut off to the
    next lower one. In which rows and columns depends on NumPy's LAPACK, too.
    """
    factors = np.array(old, float) / np.array(new, float)
    if 1 in new:  # three corners in one line determine no transform
        vertical, horizontal = (_Line(factor, 0.5 * factor - 0.5) for factor in factors.tolist())
        return vertical, horizontal
    height, width = new
    corners = np.array([[0, 0], [0, height - 1], [width - 1, height - 1]], float)
    transform = _affine(corners, factors[::-1] * (corners + 0.5) - 0.5)
    return _Line(transform[1, 1], transform[1, 2]), _Line(transform[0, 0], transform[0, 2])


def _affine(old: npt.NDArray[np.float64], new: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Transform ``(3, 3)`` between points ``(N, 2)`` by total least squares on normalised points (Hartley, 1997)."""
    (to_old, old), (to_new, new) = _normalised(old), _normalised(new)
    count = len(old)
    equations = np.zeros((2 * count, 7))
    equations[:count, :2], equations[count:, 3:5] = old, old
    equations[:count, 2] = equations[count:, 5] = 1
    equations[:, 6] = new.T.ravel()
    solution = np.linalg.svd(equations)[2][-1]
    transform = np.eye(3)
    transform[:2] = (-solution[:6] / solution[6]).reshape(2, 3)
    whole: npt.NDArray[np.float64] = np.linalg.inv(to_new) @ transform @ to_old
    return whole


def _normalised(points: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Transform ``(3, 3)`` that moves points ``(N, 2)`` around 0, root 2 away in the mean, and where they are then."""
    centre = points.mean(axis=0)
    factor = math.sqrt(2) / math.sqrt(((points - centre) ** 2).sum() / len(points))
    transform = np.array([[factor, 0, -factor * centre[0]], [0, factor, -factor * centre[1]], [0, 0, 1]])
    return transform, (transform @ np.vstack([points.T, np.ones(len(points))]))[:2].T
