"""Boxes that cut their objects, in NumPy: what :mod:`balloon_splash.modeling.cut_boxes` computes, which explains it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.matte import THRESHOLD
from balloon_splash.compositing.outgrown import least_cut
from balloon_splash.runtime.boxes import Boxes, clipped_to

_SHORTEST = np.float32(1e-6)

Masks = npt.NDArray[np.float32]
"""``(N, M, M)`` probabilities on a grid stretched over each of N boxes."""


def widened(boxes: Boxes, masks: Masks, limits: npt.NDArray[np.float32], share: float) -> Boxes:
    """Move the sides of boxes ``(N, 4)`` that cut their objects outwards, by a share of the box.

    ``limits`` ``(4,)`` is the box of the picture.
    """
    inside, samples = masks >= THRESHOLD, masks.shape[-1]
    edges = np.stack([inside[:, :, 0], inside[:, 0], inside[:, :, -1], inside[:, -1]], axis=1)
    length = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    cuts = (edges.mean(axis=2) >= least_cut(samples)) & (np.abs(boxes - limits) > length / samples)
    moved = clipped_to(boxes + length * np.array([-share, -share, share, share], np.float32), limits)
    return np.where(cuts, moved, boxes)


def trimmed(boxes: Boxes, wider: Boxes, masks: Masks) -> tuple[Boxes, Masks]:
    """Trim widened boxes to their masks, though not to less than ``boxes``; return the masks on grids over these."""
    samples = masks.shape[-1]
    low, high = wider[:, :2], wider[:, 2:]
    length = np.maximum(high - low, _SHORTEST)
    first, last = _extent(masks >= THRESHOLD)
    start = np.minimum(boxes[:, :2], low + first * length / np.float32(samples))
    end = np.minimum(np.maximum(boxes[:, 2:], low + last * length / np.float32(samples)), high)
    shares = [(each - low) / length for each in (start, end)]
    columns, rows = (_weights(shares[0][:, axis], shares[1][:, axis], samples) for axis in (0, 1))
    return np.concatenate([start, end], axis=1), rows @ masks @ columns.transpose(0, 2, 1)


def _extent(inside: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    place = np.arange(inside.shape[-1], dtype=np.float32)
    along = np.stack([inside.any(axis=1), inside.any(axis=2)], axis=1)
    first = np.where(along, place, np.float32(len(place))).min(axis=2)
    last = np.where(along, place + 1, np.float32(0)).max(axis=2)
    return first, last


def _weights(start: npt.NDArray[np.float32], end: npt.NDArray[np.float32], samples: int) -> Masks:
    place = np.arange(samples, dtype=np.float32)
    centres = start[:, None] + (place + np.float32(0.5)) / np.float32(samples) * (end - start)[:, None]
    at = np.clip(centres * np.float32(samples) - np.float32(0.5), 0, samples - 1)
    return np.clip(1 - np.abs(at[:, :, None] - place), 0, None)
