"""Boxes that cut their objects: found by their masks, widened for a second look, and trimmed to what it shows.

A mask head draws inside the box only, so the mask of an object that is larger than its box ends in a straight line.
:mod:`balloon_splash.runtime.cut_boxes` computes the same in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from balloon_splash.compositing.matte import THRESHOLD
from balloon_splash.compositing.outgrown import least_cut

_SHORTEST = 1e-6
"""Pixels that a box counts as at least: an empty one has no grid."""


def limits_of(size: Sequence[int | Tensor], like: Tensor) -> Tensor:
    """Return the box ``(4,)`` of an image of ``size`` (height, width), of the type and on the device of ``like``."""
    height, width = size
    return torch.stack([torch.as_tensor(edge) for edge in (0, 0, width, height)]).to(like)


def widened(boxes: Tensor, masks: Tensor, limits: Tensor, share: float) -> Tensor:
    """Move the sides of boxes that cut their objects outwards.

    A side closer to the limits than a sample of the mask stays: the picture cuts the object there, not the box.

    Args:
        boxes: ``(N, 4)`` XYXY in pixels, inside ``limits``.
        masks: ``(N, M, M)`` probabilities on a grid stretched over each box.
        limits: ``(4,)`` the box of the picture.
        share: distance by which a side moves, as a share of the box's length across it.

    Returns:
        ``(N, 4)``; equal to ``boxes`` where no side cuts.
    """
    inside, samples = masks >= THRESHOLD, int(masks.shape[-1])
    edges = torch.stack([inside[:, :, 0], inside[:, 0], inside[:, :, -1], inside[:, -1]], dim=1)
    length = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    cuts = (edges.float().mean(dim=2) >= least_cut(samples)) & ((boxes - limits).abs() > length / samples)
    moved = boxes + length * boxes.new_tensor([-share, -share, share, share])
    moved = torch.minimum(torch.maximum(moved, limits[:2].repeat(2)), limits[2:].repeat(2))
    return torch.where(cuts, moved, boxes)


def trimmed(boxes: Tensor, wider: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Trim widened boxes to their masks, though not to less than they were before.

    Args:
        boxes: ``(N, 4)`` the boxes before.
        wider: ``(N, 4)`` the same widened.
        masks: ``(N, M, M)`` probabilities on a grid stretched over each of ``wider``.

    Returns:
        boxes ``(N, 4)``, and masks ``(N, M, M)`` on grids stretched over these.
    """
    samples = masks.shape[-1]
    low, high = wider[:, :2], wider[:, 2:]
    length = (high - low).clamp(min=_SHORTEST)
    first, last = _extent(masks >= THRESHOLD)
    start = torch.minimum(boxes[:, :2], low + first * length / samples)
    end = torch.minimum(torch.maximum(boxes[:, 2:], low + last * length / samples), high)
    shares = [(each - low) / length for each in (start, end)]
    columns, rows = (_weights(shares[0][:, axis], shares[1][:, axis], samples) for axis in (0, 1))
    return torch.cat([start, end], dim=1), rows @ masks @ columns.transpose(1, 2)


def _extent(inside: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first sample inside, and the one behind the last, along x and y: both ``(N, 2)``.

    A mask without any begins at the end and ends at the start.
    """
    samples = inside.shape[-1]
    place = torch.arange(samples, dtype=torch.float32, device=inside.device)
    along = torch.stack([inside.any(dim=1), inside.any(dim=2)], dim=1)
    first = torch.where(along, place, torch.full_like(place, samples)).amin(dim=2)
    last = torch.where(along, place + 1, torch.zeros_like(place)).amax(dim=2)
    return first, last


def _weights(start: Tensor, end: Tensor, samples: int) -> Tensor:
    """Return the weight of each sample of one grid for each sample of another along an axis, ``(N, M, M)``: bilinear.

    ``start`` and ``end`` ``(N,)`` are the other grid's, in shares of the first one's length.
    """
    place = torch.arange(samples, dtype=start.dtype, device=start.device)
    centres = start[:, None] + (place + 0.5) / samples * (end - start)[:, None]
    at = (centres * samples - 0.5).clamp(0, samples - 1)
    return (1 - (at[:, :, None] - place).abs()).clamp(min=0)
