"""Resizing of photos for evaluation, splash and inspection, by ``INPUT.RESIZE_MODE``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from detectron2.config import CfgNode
from detectron2.data import transforms as T
from detectron2.data.transforms import ResizeShortestEdge

from balloon_splash.data.single_samples import matterport_size, single_samples
from balloon_splash.errors import ConfigError

MODES = ("shortest_edge", "square", "pad64", "none")
SMALLEST_OVERVIEW = 32


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


def overview_size(cfg: CfgNode) -> int:
    """Return the short edge in pixels of the second, smaller view of each picture; 0 for none.

    There is none where the first view is as small.

    Raises:
        ConfigError: it is too small to see anything.
    """
    size: int = cfg.MODEL.BALLOON.OVERVIEW_SIZE
    if size and size < SMALLEST_OVERVIEW:
        raise ConfigError(f"MODEL.BALLOON.OVERVIEW_SIZE {size}; expected 0, or {SMALLEST_OVERVIEW} pixels or more")
    return size if size < cfg.INPUT.MIN_SIZE_TEST else 0


class MatterportResize(T.Augmentation):
    """Resizing of matterport's Mask R-CNN, see :mod:`balloon_splash.data.single_samples`."""

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
        """Return height and width; see :func:`~balloon_splash.data.single_samples.matterport_size`."""
        return matterport_size(
            height, width, mode=self.mode, min_dim=self.min_dim, max_dim=self.max_dim, min_scale=self.min_scale
        )


class _SingleSamples(T.ResizeTransform):
    """Detectron2's resizing of coordinates, with matterport's resizing of pixels."""

    def __init__(self, h: int, w: int, new_h: int, new_w: int) -> None:
        super().__init__(h, w, new_h, new_w)

    def apply_image(self, img: npt.NDArray[np.uint8], interp: int | None = None) -> npt.NDArray[np.uint8]:
        """Resize ``(H, W, C)`` uint8 to ``(new_h, new_w, C)``; ``interp`` is ignored."""
        return single_samples(img, self.new_h, self.new_w)
