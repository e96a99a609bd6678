"""Merging several lists of objects of one picture into one in which each object appears once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections

SAME = 0.5
"""Least IoU of the boxes of two detections of one class, from different passes over a picture, that are one object."""

WHOLE = 0.9
"""Largest share of a picture that a large object's box covers; beyond it, a splash would have nothing to make grey."""


def joined(parts: Sequence[Detections]) -> Detections:
    """Join all objects of the parts, best score first; masks of different sides are resampled to the largest.

    Args:
        parts: one or more, all of one picture and one model; their objects are renumbered.
    """
    samples = max(part.soft_masks.shape[1] for part in parts)
    masks = np.concatenate([_resampled(part.soft_masks, samples) for part in parts])
    scores = np.concatenate([part.scores for part in parts])
    order = np.argsort(-scores, kind="stable")
    return replace(
        parts[0],
        boxes=np.concatenate([part.boxes for part in parts])[order],
        scores=scores[order],
        classes=np.concatenate([part.classes for part in parts])[order],
        soft_masks=masks[order],
        identities=None,
    )


def once(found: Detections, overlap: float = SAME) -> Detections:
    """Greedy non-maximum suppression: of objects of one class whose boxes overlap, the best score.

    Args:
        found: best score first.
        overlap: largest IoU of the boxes of two objects.

    Returns:
        the objects that stay, best score first, renumbered.
    """
    if not len(found):
        return found
    corner_and_size = np.hstack([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]]).astype(np.float64)
    ranks = np.arange(len(found), 0, -1, dtype=np.float32)  # OpenCV leaves out scores of 0
    kept = cv2.dnn.NMSBoxesBatched(corner_and_size, ranks, found.classes.astype(np.int32), 0.0, overlap)  # type: ignore[arg-type]  # its stubs know lists only
    return replace(found[np.sort(np.asarray(kept, np.intp).reshape(-1))], identities=None)


def with_large(found: Detections, overview: Detections, share: float) -> Detections:
    """Add the large objects of a smaller view of the same picture, each once.

    A detector knows objects of the sizes that it was trained on; in a smaller view, larger ones have them. Only these
    count there (as in Singh & Davis 2018, "An analysis of scale invariance in object detection").

    Args:
        found: objects of the usual view.
        overview: objects of the smaller view, in pixels of the same picture.
        share: least side (root of the area) of a large object's box, as a share of the picture's short edge.
    """
    areas = (overview.boxes[:, 2:] - overview.boxes[:, :2]).prod(axis=1)
    height, width = found.size
    large = (np.sqrt(areas) >= share * min(height, width)) & (areas <= WHOLE * height * width)
    return once(joined([found, overview[large]]))


def _resampled(masks: npt.NDArray[np.float32], samples: int) -> npt.NDArray[np.float32]:
    if masks.shape[1] == samples or not len(masks):
        return np.zeros((0, samples, samples), np.float32) if not len(masks) else masks
    resized = [cv2.resize(mask, (samples, samples), interpolation=cv2.INTER_LINEAR) for mask in masks]
    return np.stack(resized).astype(np.float32)
