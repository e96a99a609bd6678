"""Boxes as matterport's network counts them: from the first pixel to the last, hence one pixel narrower."""

from __future__ import annotations

import math

import torch
from detectron2.modeling.box_regression import Box2BoxTransform
from torch import Tensor

#: In training, a box of one pixel would have no width to take a logarithm of.
_SMALLEST = 0.5


def inclusive(boxes: Tensor) -> Tensor:
    """Make half-open XYXY boxes ``(..., 4)`` end at the last pixel instead of behind it (``utils.norm_boxes``)."""
    return boxes - boxes.new_tensor([0, 0, 1, 1])


def half_open(boxes: Tensor) -> Tensor:
    """Reverse :func:`inclusive`."""
    return boxes + boxes.new_tensor([0, 0, 1, 1])


def clipped(boxes: Tensor, limits: Tensor) -> Tensor:
    """Cut boxes ``(..., 4)`` to limits that broadcast; boxes outside become empty (``clip_boxes_graph``)."""
    low, high = limits[..., :2], limits[..., 2:]
    corners = [torch.minimum(torch.maximum(corner, low), high) for corner in (boxes[..., :2], boxes[..., 2:])]
    return torch.cat(corners, dim=-1)


class InclusiveBoxTransform(Box2BoxTransform):
    """Detectron2's transform between half-open boxes, computed on inclusive ones, and without a limit on the scaling.

    ``apply_box_deltas_graph`` works on normalised boxes, where a width is that of :func:`inclusive`; deltas do not
    depend on scale, so pixels do as well.
    """

    def __init__(self, weights: tuple[float, float, float, float]) -> None:
        """Divide deltas by ``weights`` (``1 / RPN_BBOX_STD_DEV`` or ``1 / BBOX_STD_DEV``, in the order x, y, w, h)."""
        super().__init__(weights, scale_clamp=math.inf)

    def get_deltas(self, src_boxes: Tensor, target_boxes: Tensor) -> Tensor:
        """Deltas ``(N, 4)`` from half-open boxes to half-open boxes, both ``(N, 4)``."""
        deltas: Tensor = super().get_deltas(*(_with_extent(inclusive(boxes)) for boxes in (src_boxes, target_boxes)))
        return deltas

    def apply_deltas(self, deltas: Tensor, boxes: Tensor) -> Tensor:
        """Apply deltas ``(N, K * 4)`` to half-open boxes ``(N, 4)``; returns half-open boxes ``(N, K * 4)``."""
        refined = super().apply_deltas(deltas, inclusive(boxes))
        return half_open(refined.unflatten(1, (-1, 4))).flatten(1)


def _with_extent(boxes: Tensor) -> Tensor:
    return torch.cat([boxes[:, :2], torch.maximum(boxes[:, 2:], boxes[:, :2] + _SMALLEST)], dim=1)
