"""Selection of proposals from the RPN's logits and deltas (Ren et al. 2015, "Faster R-CNN"), as in Detectron2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.boxes import Boxes, clipped, decoded, not_empty
from balloon_splash.runtime.structure import Structure
from balloon_splash.runtime.suppression import suppressed

Map = npt.NDArray[np.float32]


def proposals(logits: Sequence[Map], deltas: Sequence[Map], size: tuple[int, int], structure: Structure) -> Boxes:
    """Select boxes that may hold objects.

    Args:
        logits: ``(h, w, A)`` per level.
        deltas: ``(h, w, 4A)`` per level.
        size: height and width of the picture without its padding.
        structure: sets anchors and limits.

    Returns:
        ``(R, 4)`` XYXY in pixels, best first.
    """
    found = [
        _of_level(level_logits, level_deltas, np.asarray(anchors, np.float32), stride, size, structure)
        for level_logits, level_deltas, anchors, stride in zip(
            logits, deltas, structure.anchors, structure.strides, strict=True
        )
    ]
    boxes = np.concatenate([boxes for boxes, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    best = np.argsort(-scores, kind="stable")[: structure.proposals]
    likely = (scores[best] > 0) | (np.arange(len(best)) < structure.sure_proposals)
    return boxes[best[likely]]


def _of_level(
    logits: Map, deltas: Map, anchors: Boxes, stride: int, size: tuple[int, int], structure: Structure
) -> tuple[Boxes, npt.NDArray[np.float32]]:
    scores = logits.ravel()
    best = np.argpartition(-scores, min(structure.candidates, len(scores)) - 1)[: structure.candidates]
    around = anchors_at(best, logits.shape, anchors, stride, structure.anchor_offset)
    boxes = clipped(decoded(around, deltas.reshape(-1, 1, 4)[best], structure.rpn_weights)[:, 0], size)
    there = not_empty(boxes)
    boxes, scores = boxes[there], scores[best][there]
    kept = suppressed(boxes, scores, structure.rpn_nms)
    return boxes[kept], scores[kept]


def anchors_at(
    index: npt.NDArray[np.intp], shape: tuple[int, ...], anchors: Boxes, stride: int, offset: float
) -> Boxes:
    """Anchors of one level.

    Args:
        index: ``(N,)`` into its ravelled logits.
        shape: of its logits, ``(h, w, A)``.
        anchors: ``(A, 4)`` around the origin.
        stride: pixels a cell.
        offset: where in its cell an anchor lies, in cells.

    Returns:
        ``(N, 4)``.
    """
    y, x, anchor = np.unravel_index(index, shape)
    corner = (np.stack([x, y], axis=1).astype(np.float32) + np.float32(offset)) * stride
    return np.asarray(anchors[anchor] + np.tile(corner, 2), np.float32)
