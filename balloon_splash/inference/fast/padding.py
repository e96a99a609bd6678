"""Padding of photos of many sizes to few shapes, so that an engine is not compiled anew for each photo."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from detectron2.config import CfgNode
from torch import Tensor

STRIDE = 32
"""Stride of the coarsest map of the backbone; stock Detectron2 pads to a multiple of it."""


@dataclass(frozen=True)
class Ladder:
    """Lengths to which the edges of images are padded.

    Photos are resized until their short edge has one fixed length. That length, rounded up to the stride, is a step,
    and so is every second multiple of the stride beyond it: few shapes, and at most a few percent more pixels than
    stock Detectron2's padding. Below it, which only very long photos reach, steps are coarser still.

    Attributes:
        short: the short edge of photos, in pixels.
    """

    short: int

    @classmethod
    def from_config(cls, cfg: CfgNode) -> Ladder:
        """Make the ladder for ``INPUT.MIN_SIZE_TEST``; matterport's canvases, already of few shapes, keep theirs."""
        return cls(cfg.INPUT.MIN_SIZE_TEST if cfg.INPUT.RESIZE_MODE == "shortest_edge" else 0)

    def step(self, edge: int) -> int:
        """Return the length to which an edge is padded."""
        start = _up(self.short, STRIDE)
        if edge <= start - 4 * STRIDE:
            return _up(edge, 4 * STRIDE)
        return start + _up(max(edge - start, 0), 2 * STRIDE)

    def pad(self, images: Tensor) -> Tensor:
        """Pad ``(N, C, H, W)`` with zeros at the right and at the bottom, as Detectron2 does after normalising."""
        height, width = images.shape[-2:]
        right, bottom = self.step(width) - width, self.step(height) - height
        return F.pad(images, (0, right, 0, bottom)) if right or bottom else images


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
