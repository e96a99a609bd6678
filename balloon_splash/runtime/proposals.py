"""Selection of proposals from the RPN's logits and deltas (Ren et al. 2015, "Faster R-CNN"), as in Detectron2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.boxes import Boxes, clipped, decoded, not_empty, suppressed
from balloon_splash.runtime.structure import Structure

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
    height, width, number = logits.shape
    scores = logits.ravel()
    best = np.argpartition(-scores, min(structure.candidates, len(scores)) - 1)[: structure.candidates]
    y, x, anchor = np.unravel_index(best, (height, width, number))
    corner = (np.stack([x, y], axis=1).astype(np.float32) + structure.anchor_offset) * stride
    boxes = decoded(anchors[anchor] + np.tile(corner, 2), deltas.reshape(-1, 1, 4)[best])[:, 0]
    boxes = clipped(boxes, size)
    there = not_empty(boxes)
    boxes, scores = boxes[there], scores[best][there]
    kept = suppressed(boxes, scores, structure.rpn_nms)
    return boxes[kept], scores[kept]
