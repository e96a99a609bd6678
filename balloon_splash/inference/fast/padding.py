"""Few shapes for many sizes of photos: an engine that is compiled for a shape need not be compiled for each photo."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from detectron2.config import CfgNode
from torch import Tensor

STRIDE = 32
"""Of the coarsest map that the backbone computes; stock Detectron2 pads to a multiple of it."""


@dataclass(frozen=True)
class Ladder:
    """The lengths that the edges of images are padded to.

    Photos are resized until their short edge has one fixed length. That length, rounded up to the stride, is a step,
    and so is every second multiple of the stride beyond it: few shapes, and at most some percent more pixels than
    stock Detectron2's padding. Below it, where only very long photos get, steps are coarser still.

    Attributes:
        short: the short edge of photos, in pixels.
    """

    short: int

    @classmethod
    def from_config(cls, cfg: CfgNode) -> Ladder:
        """For photos of ``INPUT.MIN_SIZE_TEST``; a canvas of matterport's is of few shapes by itself, and stays."""
        return cls(cfg.INPUT.MIN_SIZE_TEST if cfg.INPUT.RESIZE_MODE == "shortest_edge" else 0)

    def step(self, edge: int) -> int:
        """The length that an edge is padded to."""
        start = _up(self.short, STRIDE)
        if edge <= start - 4 * STRIDE:
            return _up(edge, 4 * STRIDE)
        return start + _up(max(edge - start, 0), 2 * STRIDE)

    def pad(self, images: Tensor) -> Tensor:
        """``(N, C, H, W)`` with zeros added at the right and at the bottom, as Detectron2 does after normalising."""
        height, width = images.shape[-2:]
        right, bottom = self.step(width) - width, self.step(height) - height
        return F.pad(images, (0, right, 0, bottom)) if right or bottom else images


def _up(length: int, multiple: int) -> int:
    return -(-length // multiple) * multiple
