"""Refinement of masks point by point (Kirillov et al. 2020, "PointRend"), as in Detectron2 at inference."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.boxes import Boxes
from balloon_splash.runtime.structure import Structure

Array = npt.NDArray[np.float32]
PointHead = Callable[[Array, Array], Array]
"""Function from features ``(P, C)`` and coarse logits ``(P, K)`` of points to logits ``(P, K)``; K may be 1."""


def refined(
    coarse: Array,
    boxes: Boxes,
    classes: npt.NDArray[np.int64],
    features: Array,
    head: PointHead,
    structure: Structure,
) -> Array:
    """Refine the logits of each object's class on a fine grid.

    Args:
        coarse: ``(N, K, m, m)`` logits.
        boxes: ``(N, 4)`` in pixels; N is at least 1.
        classes: ``(N,)``.
        features: ``(h, w, C)``, the finest map.
        head: the point head.
        structure: sets the steps and points.

    Returns:
        ``(N, M, M)``.
    """
    side = math.isqrt(structure.points)
    channel = np.zeros_like(classes) if structure.mask_agnostic else classes
    predict = _Predictor(np.ascontiguousarray(coarse.transpose(0, 2, 3, 1)), boxes, channel, features, head, structure)
    logits = predict(np.broadcast_to(np.arange(side * side), (len(boxes), side * side)), side)
    logits = logits.reshape(len(boxes), side, side)
    for _ in range(structure.point_steps):
        side *= 2
        logits = np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_LINEAR) for each in logits])
        flat = logits.reshape(len(boxes), -1)
        most = min(structure.points, side * side)
        unsure = np.argpartition(np.abs(flat), most - 1, axis=1)[:, :most]
        np.put_along_axis(flat, unsure, predict(unsure, side), axis=1)
    return logits


class _Predictor:
    """Runner of the point head on cells of a grid stretched over each box."""

    def __init__(
        self,
        coarse: Array,
        boxes: Boxes,
        channel: npt.NDArray[np.int64],
        features: Array,
        head: PointHead,
        structure: Structure,
    ) -> None:
        self._coarse, self._boxes, self._channel, self._features = coarse, boxes, channel, features
        self._head = head
        self._scale = 1 / structure.strides[0]

    def __call__(self, cells: npt.NDArray[np.intp], side: int) -> Array:
        """Map cells ``(N, P)`` of a grid of ``side`` by ``side`` to logits ``(N, P)``."""
        number, points = cells.shape
        at = (np.stack([cells % side, cells // side], axis=-1).astype(np.float32) + 0.5) / side
        corner, size = self._boxes[:, None, :2], self._boxes[:, None, 2:] - self._boxes[:, None, :2]
        in_picture = ((corner + at * size) * self._scale).reshape(-1, 2)
        fine = sampled(self._features[None], np.zeros(len(in_picture), np.intp), in_picture)
        objects = np.repeat(np.arange(number), points)
        coarse = sampled(self._coarse, objects, at.reshape(-1, 2) * np.float32(self._coarse.shape[1]))
        logits = self._head(fine, coarse)
        return logits[np.arange(len(logits)), self._channel[objects]].reshape(number, points)


def sampled(maps: Array, index: npt.NDArray[np.intp], at: Array) -> Array:
    """Sample maps bilinearly; they are zero outside.

    Args:
        maps: ``(N, h, w, C)``.
        index: ``(P,)`` index of the map.
        at: ``(P, 2)`` x and y in cells; the first cell spans 0 to 1.

    Returns:
        ``(P, C)``.
    """
    height, width = maps.shape[1:3]
    x, y = at[:, 0] - np.float32(0.5), at[:, 1] - np.float32(0.5)
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right_share, lower_share = x - left, y - top
    found = np.zeros((len(at), maps.shape[3]), np.float32)
    for down in (0, 1):
        for along in (0, 1):
            column, row = left + along, top + down
            weight = (right_share if along else 1 - right_share) * (lower_share if down else 1 - lower_share)
            weight = weight * ((column >= 0) & (column < width) & (row >= 0) & (row < height))
            rows = maps[index, np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
            rows *= weight[:, None]
            found += rows
    return found
