"""Resizing of photos for evaluation, splash and inspection, by ``INPUT.RESIZE_MODE``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from detectron2.config import CfgNode
from detectron2.data import transforms as T
from detectron2.data.transforms import ResizeShortestEdge

from balloon_splash.errors import ConfigError

MODES = ("shortest_edge", "square", "pad64", "none")


def evaluation_resize(cfg: CfgNode) -> T.Augmentation:
    """Return the resizing that comes before a model of this configuration.

    Raises:
        ConfigError: there is no such ``INPUT.RESIZE_MODE``.
    """
    mode = cfg.INPUT.RESIZE_MODE
    if mode not in MODES:
        raise ConfigError(f"INPUT.RESIZE_MODE is {mode!r}; expected {', '.join(MODES)}")
    if mode == "shortest_edge":
        return ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST)
    return MatterportResize(mode, cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST, cfg.INPUT.RESIZE_MIN_SCALE)


class MatterportResize(T.Augmentation):
    """Resizing of matterport's Mask R-CNN (``utils.resize_image`` at commit 3deaec5), without its padding.

    Photos are scaled up to a short edge and, in mode "square", down to a longest edge. Pixels are single bilinear
    samples, cut off to whole numbers, with black outside the photo, as of scikit-image without anti-aliasing.
    """

    def __init__(self, mode: str, min_dim: int, max_dim: int, min_scale: float = 0.0) -> None:
        """Resize as ``IMAGE_RESIZE_MODE`` "square", "pad64" or "none" with these ``IMAGE_MIN_DIM`` and so on."""
        super().__init__()
        self.mode = mode
        self.min_dim = min_dim
        self.max_dim = max_dim
        self.min_scale = min_scale

    def get_transform(self, image: npt.NDArray[np.uint8]) -> T.Transform:
        """Return the scaling for an image ``(H, W, ...)``."""
        height, width = image.shape[:2]
        return _SingleSamples(height, width, *self.output_shape(height, width))

    def output_shape(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of the resized photo, in whole pixels, at least one."""
        if self.mode == "none":
            return height, width
        scale = max(1.0, self.min_dim / min(height, width), self.min_scale)
        longest = max(height, width)
        if self.mode == "square" and round(longest * scale) > self.max_dim:
            scale = self.max_dim / longest
        return max(round(height * scale), 1), max(round(width * scale), 1)


class _SingleSamples(T.ResizeTransform):
    """Detectron2's resizing of coordinates, with matterport's resizing of pixels."""

    def __init__(self, h: int, w: int, new_h: int, new_w: int) -> None:
        super().__init__(h, w, new_h, new_w)

    def apply_image(self, img: npt.NDArray[np.uint8], interp: int | None = None) -> npt.NDArray[np.uint8]:
        """Resize ``(H, W, C)`` uint8 to ``(new_h, new_w, C)``; ``interp`` is ignored."""
        if img.shape[:2] == (self.new_h, self.new_w):
            return img
        bordered = np.pad(img, ((1, 1), (1, 1), (0, 0)))
        rows, down = _samples(self.h, self.new_h)
        columns, right = _samples(self.w, self.new_w)
        right, down = right[:, None], down[:, None, None]

        def along(row: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
            cells = bordered[row]
            mixed: npt.NDArray[np.float64] = (1 - right) * cells[:, columns] + right * cells[:, columns + 1]
            return mixed

        return ((1 - down) * along(rows) + down * along(rows + 1)).astype(np.uint8)


def _samples(length: int, new_length: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return the cell before each sample, on an axis with a border of one, and the share of the cell behind it."""
    at = (np.arange(new_length) + 0.5) * (length / new_length) + 0.5
    cells = np.floor(at).astype(np.intp)
    return cells, at - cells
