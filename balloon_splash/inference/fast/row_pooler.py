"""ROIAlign as sums of rows: equal to Detectron2's pooler, and many times faster where channels are last.

He et al. 2017, "Mask R-CNN", section 3: a bin of a box is the mean of bilinear samples of the map. Each sample is a
sum of four cells, and a bilinear weight is the product of one for the row and one for the column, so a bin is one
weighted sum of few cells. With channels last a cell is a row of memory, and ``embedding_bag`` sums rows with all vector
units and all cores. The kernel that torchvision has for CPUs goes through the map once for each channel, on one core.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from detectron2.layers import ROIAlign
from detectron2.modeling.poolers import ROIPooler, assign_boxes_to_levels, convert_boxes_to_pooler_format
from detectron2.structures import Boxes
from torch import Tensor, nn


def replace_poolers(module: nn.Module) -> bool:
    """Replace by a :class:`RowPooler` each ``ROIPooler`` in ``module`` that allows it.

    Returns:
        Whether all of them were replaced.
    """
    every = True
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, ROIPooler):
                if _can_replace(child):
                    setattr(parent, name, RowPooler(child))
                else:
                    every = False
    return every


def _can_replace(pooler: ROIPooler) -> bool:
    """Return whether it is Detectron2's default ROIAlign: aligned, as many samples per bin as the box has cells."""
    square = pooler.output_size[0] == pooler.output_size[1]
    levels: Any = pooler.level_poolers
    return square and all(isinstance(e, ROIAlign) and e.aligned and e.sampling_ratio == 0 for e in levels)


class RowPooler(nn.Module):
    """Drop-in for a ``ROIPooler``, for maps in any layout (channels last is the fast one) and in fp32 or bfloat16."""

    def __init__(self, pooler: ROIPooler) -> None:
        """Take the settings of ``pooler``."""
        super().__init__()
        self.output_size = pooler.output_size
        levels: Any = pooler.level_poolers
        self._scales = [level.spatial_scale for level in levels]
        self._assignment = pooler.min_level, pooler.max_level, pooler.canonical_box_size, pooler.canonical_level

    def forward(self, x: list[Tensor], box_lists: list[Boxes]) -> Tensor:
        """Pool feature maps ``(N, C, h, w)`` in the boxes of each of N images: ``(M, C, S, S)`` with channels last."""
        side = self.output_size[0]
        boxes = convert_boxes_to_pooler_format(box_lists)
        pooled = x[0].new_zeros(len(boxes), side * side, x[0].shape[1])
        levels = assign_boxes_to_levels(box_lists, *self._assignment) if len(x) > 1 else torch.zeros(len(boxes))
        for level, (maps, scale) in enumerate(zip(x, self._scales, strict=True)):
            chosen = (levels == level).nonzero()[:, 0]
            if len(chosen):
                pooled[chosen] = roi_align_rows(maps, boxes[chosen], scale, side)
        return pooled.unflatten(1, (side, side)).permute(0, 3, 1, 2)


def roi_align_rows(maps: Tensor, boxes: Tensor, scale: float, side: int) -> Tensor:
    """Compute ``torchvision.ops.roi_align`` with ``sampling_ratio=0, aligned=True``.

    Args:
        maps: ``(N, C, h, w)``.
        boxes: ``(M, 5)``: image, x0, y0, x1, y1 in pixels of the image.
        scale: cells of the map per pixel.
        side: bins along each edge.

    Returns:
        ``(M, side * side, C)``.
    """
    _, channels, height, width = maps.shape
    rows = maps.permute(0, 2, 3, 1).reshape(-1, channels)
    edges = boxes[:, 1:] * scale - 0.5
    y, weight_y = _cells(edges[:, 1], edges[:, 3], side, height)
    x, weight_x = _cells(edges[:, 0], edges[:, 2], side, width)
    y = y + (boxes[:, 0] * height).to(y.dtype)[:, None, None]
    index = y[:, :, None, :, None] * width + x[:, None, :, None, :]
    weight = weight_y[:, :, None, :, None] * weight_x[:, None, :, None, :]
    used = weight > 0
    counts = used.flatten(3).sum(3).flatten()
    offsets = (counts.cumsum(0) - counts).to(index.dtype)
    chosen = used.flatten().nonzero()[:, 0]  # quicker than a mask, which is scanned at each use
    index, weight = index.flatten()[chosen], weight.flatten()[chosen].to(rows.dtype)
    sums = F.embedding_bag(index, rows, offsets, mode="sum", per_sample_weights=weight)
    return sums.view(len(boxes), side * side, channels)


def _cells(start: Tensor, end: Tensor, bins: int, length: int) -> tuple[Tensor, Tensor]:
    """Return the cells of an axis for each bin of each box, and their weights.

    Args:
        start: ``(M,)`` start of the boxes, in cells, centres at whole numbers.
        end: ``(M,)`` end of the boxes.
        bins: number of bins per box.
        length: length of the axis in cells.

    Returns:
        Cells and weights, each ``(M, bins, K)``. Samples farther than a cell outside the map count as zero.
    """
    size = (end - start) / bins
    samples = size.ceil().clamp(min=1)
    most = int(samples.max())
    number = torch.arange(most + 1, device=start.device)
    at = start[:, None] + size[:, None] * torch.arange(bins, device=start.device)
    at = at[:, :, None] + ((number[:-1] + 0.5) * (size / samples)[:, None])[:, None]
    counts = (at >= -1) & (at <= length) & (number[:-1] < samples[:, None])[:, None] & (size > 0)[:, None, None]
    at = at.clamp(0, length - 1)
    cells = at[:, :, :1].floor() + number  # samples are at most a cell apart: no bin reaches farther
    weights = (1 - (at[..., None] - cells[:, :, None]).abs()).clamp(min=0) * counts[..., None]
    return cells.clamp(max=length - 1).int(), weights.sum(2) / samples[:, None, None]
