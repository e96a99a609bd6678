"""Resizing of matterport's Mask R-CNN (``utils.resize_image`` at commit 3deaec5), without its padding."""

from __future__ import annotations

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
    without anti-aliasing.
    """
    if image.shape[:2] == (new_height, new_width):
        return image
    bordered = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    rows, down = _samples(image.shape[0], new_height)
    columns, right = _samples(image.shape[1], new_width)
    right, down = right[:, None], down[:, None, None]

    def along(row: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
        cells = bordered[row]
        mixed: npt.NDArray[np.float64] = (1 - right) * cells[:, columns] + right * cells[:, columns + 1]
        return mixed

    return ((1 - down) * along(rows) + down * along(rows + 1)).astype(np.uint8)


def _samples(length: int, new_length: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Cell before each sample, on an axis with a border of one, and the share of the cell behind it."""
    at = (np.arange(new_length) + 0.5) * (length / new_length) + 0.5
    cells = np.floor(at).astype(np.intp)
    return cells, at - cells
