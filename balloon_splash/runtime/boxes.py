"""Boxes in NumPy: decoding and clipping as in Detectron2."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32]
"""``(N, 4)`` XYXY in pixels."""


def decoded(
    boxes: Boxes,
    deltas: npt.NDArray[np.float32],
    weights: Sequence[float] = (1, 1, 1, 1),
    *,
    largest: float = math.log(1000 / 16),
) -> Boxes:
    """Move and scale boxes by deltas (Girshick et al. 2014, "Rich feature hierarchies", appendix C).

    Args:
        boxes: ``(N, 4)``.
        deltas: ``(N, K, 4)``: shifts by the size of the box, logarithms of the factors.
        weights: weights of the deltas.
        largest: largest logarithm of the factor by which a box grows.

    Returns:
        ``(N, K, 4)``.
    """
    size = (boxes[:, 2:] - boxes[:, :2])[:, None]
    centre = boxes[:, None, :2] + size / 2
    deltas = (deltas / np.array(weights, np.float32)).astype(np.float32, copy=False)
    centre = centre + deltas[..., :2] * size
    half = np.exp(np.minimum(deltas[..., 2:], np.float32(largest))) * size / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def clipped(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Clip boxes ``(..., 4)`` to a picture of ``size`` (height, width)."""
    height, width = size
    return clipped_to(boxes, np.array([0, 0, width, height], np.float32))


def clipped_to(boxes: Boxes, limits: npt.NDArray[np.float32]) -> Boxes:
    """Clip boxes ``(..., 4)`` to one box ``(4,)``; those outside become empty."""
    return np.clip(boxes, np.tile(limits[:2], 2), np.tile(limits[2:], 2))


def not_empty(boxes: Boxes) -> npt.NDArray[np.bool_]:
    """``(N,)`` bool: which of ``(N, 4)`` boxes have an area."""
    return np.asarray((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
