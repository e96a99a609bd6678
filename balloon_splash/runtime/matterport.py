"""The rules of matterport's Mask R-CNN: what :mod:`balloon_splash.modeling.matterport` computes, in NumPy.

https://github.com/matterport/Mask_RCNN at commit 3deaec5. Boxes are half-open; where matterport counts a box one pixel
narrower, it is made so and back (:func:`inclusive`, :func:`half_open`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.data.single_samples import matterport_size, single_samples
from balloon_splash.runtime.boxes import Boxes, clipped_to, decoded
from balloon_splash.runtime.preparing import normalised
from balloon_splash.runtime.proposals import Map, anchors_at
from balloon_splash.runtime.rules import Placed, Rules
from balloon_splash.runtime.suppression import suppressed

_CANONICAL_SIZE, _CANONICAL_LEVEL = 224, 4
_MULTIPLE = 64
_LAST = np.array([0, 0, 1, 1], np.float32)


class MatterportRules(Rules):
    """As the original has them; method by method those of :class:`balloon_splash.runtime.rules.Rules`."""

    def place(self, image: npt.NDArray[np.uint8]) -> Placed:
        """A picture in the middle of a black canvas (``utils.resize_image``)."""
        structure = self.structure
        inner = matterport_size(
            *image.shape[:2],
            mode=structure.resize_mode,
            min_dim=structure.short_edge,
            max_dim=structure.longest_edge,
            min_scale=structure.resize_min_scale,
        )
        canvas = self._canvas(inner)
        top, left = ((whole - part) // 2 for whole, part in zip(canvas, inner, strict=True))
        black = np.zeros((*canvas, 3), np.uint8)
        black[top : top + inner[0], left : left + inner[1]] = single_samples(image, *inner)
        return Placed(normalised(black, structure), (image.shape[0], image.shape[1]), inner, (top, left))

    def _canvas(self, inner: tuple[int, int]) -> tuple[int, int]:
        height, width = (-(-edge // _MULTIPLE) * _MULTIPLE for edge in inner)
        if self.structure.square:
            side = max(self.structure.square, height, width)
            return side, side
        return height, width

    def proposals(self, logits: Sequence[Map], deltas: Sequence[Map], placed: Placed) -> Boxes:
        """The best refined anchors of all levels after one suppression (``ProposalLayer``); some may be empty."""
        structure = self.structure
        scores = np.concatenate([level.ravel() for level in logits])
        scores = 1 / (1 + np.exp(-scores))
        best = _best(scores, structure.candidates)
        anchors, chosen = np.empty((len(best), 4), np.float32), np.empty((len(best), 4), np.float32)
        first = 0
        for level, own, cells, stride in zip(logits, deltas, structure.anchors, structure.strides, strict=True):
            here = np.flatnonzero((best >= first) & (best < first + level.size))
            index = best[here] - first
            anchors[here] = anchors_at(index, level.shape, np.asarray(cells, np.float32), stride, 0)
            chosen[here] = own.reshape(-1, 4)[index]
            first += level.size
        boxes = decoded(inclusive(anchors), chosen[:, None], structure.rpn_weights, largest=np.inf)[:, 0]
        height, width = placed.pixels.shape[1:]
        boxes = clipped_to(boxes, np.array([0, 0, width - 1, height - 1], np.float32))
        kept = _suppressed(boxes, scores[best], structure.rpn_nms, most=structure.proposals)
        return half_open(boxes[kept])

    def levels(self, boxes: Boxes, canvas: tuple[int, int]) -> npt.NDArray[np.intp]:
        """As :meth:`Rules.levels`, rounded to the nearest, with 224 pixels as a share of the canvas."""
        height, width = canvas
        corners = inclusive(boxes)
        area = (corners[:, 3] - corners[:, 1]) * (corners[:, 2] - corners[:, 0]) / ((height - 1) * (width - 1))
        share = _CANONICAL_SIZE / (height * width) ** 0.5
        with np.errstate(divide="ignore"):  # of an empty box the logarithm is minus infinity: the finest map
            level = _CANONICAL_LEVEL + np.rint(np.log2(np.sqrt(area) / np.float32(share)))
        return (np.clip(level, 2, 1 + self.structure.pooled_levels) - 2).astype(np.intp)

    def crops(self, boxes: Boxes, cells: tuple[int, int], canvas: tuple[int, int], side: int) -> Boxes:
        """Boxes in cells, wider by a bin: ``side`` samples from edge to edge are the centres of ``side`` bins."""
        scale = np.array([(cells[axis] - 1) / (canvas[axis] - 1) for axis in (1, 0)], np.float32)
        corners = inclusive(boxes).reshape(-1, 2, 2) * scale
        step = (corners[:, 1] - corners[:, 0]) / (side - 1)
        start = corners[:, 0] - step / 2 + np.float32(0.5)
        return np.concatenate([start, start + step * side], axis=1).astype(np.float32)

    def refined(self, boxes: Boxes, deltas: npt.NDArray[np.float32], placed: Placed) -> Boxes:
        """As :meth:`Rules.refined`, on inclusive boxes, cut to where the canvas shows the picture."""
        moved = decoded(inclusive(boxes), deltas, self.structure.box_weights, largest=np.inf)
        (top, left), (height, width) = placed.corner, placed.inner
        return half_open(clipped_to(moved, np.array([left, top, left + width - 1, top + height - 1], np.float32)))

    def eligible(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Each region has its most probable class only (``refine_detections_graph``); the threshold is enough."""
        best = scores.argmax(axis=1)[:, None]
        sure = (np.arange(scores.shape[1]) == best) & (scores >= self.structure.box_threshold)
        return np.where(sure, scores, np.float32(0))[:, :-1]

    def suppressed(self, boxes: Boxes, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
        """By the overlap of inclusive boxes."""
        return _suppressed(inclusive(boxes), scores, self.structure.box_nms)

    def to_network(self, boxes: Boxes, placed: Placed) -> Boxes:
        """The reverse of :meth:`to_picture`, but for its rounding."""
        return half_open((inclusive(boxes) / self._scale(placed)).astype(np.float32) + self._corner(placed))

    def to_picture(self, boxes: Boxes, placed: Placed) -> Boxes:
        """Boxes of whole pixels (``unmold_detections``)."""
        scaled = inclusive((boxes - self._corner(placed)).astype(np.float64)) * self._scale(placed)
        height, width = placed.size
        whole = np.rint(half_open(scaled)).astype(np.float32)
        return clipped_to(whole, np.array([0, 0, width, height], np.float32))

    def _scale(self, placed: Placed) -> npt.NDArray[np.float64]:
        (height, width), (inner_height, inner_width) = placed.size, placed.inner
        return np.array([(width - 1) / max(inner_width - 1, 1), (height - 1) / max(inner_height - 1, 1)] * 2)

    def _corner(self, placed: Placed) -> npt.NDArray[np.float32]:
        top, left = placed.corner
        return np.array([left, top, left, top], np.float32)


def inclusive(boxes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Half-open boxes ``(..., 4)`` with the last pixel instead of the one behind it (``utils.norm_boxes``)."""
    return boxes - _LAST


def half_open(boxes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The reverse of :func:`inclusive`."""
    return boxes + _LAST


def _best(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
    """Indices of so many of the highest scores, best first; of equal ones the first is better."""
    least = np.partition(scores, -count)[-count] if count < len(scores) else -np.inf
    high = np.flatnonzero(scores >= least)
    return high[np.argsort(-scores[high], kind="stable")[:count]]


def _suppressed(
    boxes: Boxes, scores: npt.NDArray[np.float32], overlap: float, *, most: int | None = None
) -> npt.NDArray[np.intp]:
    """As :func:`balloon_splash.runtime.suppression.suppressed`; empty boxes, which overlap with none, stay."""
    there = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    kept = np.ones(len(boxes), np.bool_)
    kept[there] = False
    kept[there[suppressed(boxes[there], scores[there], overlap, most=most)]] = True
    order = np.argsort(-scores, kind="stable")
    return order[kept[order]][:most]
