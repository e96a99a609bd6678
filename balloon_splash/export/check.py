"""Comparison of an exported model with the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torchvision.ops import box_iou

from balloon_splash.compositing.detections import Detections
from balloon_splash.export.formats import Array, Runner
from balloon_splash.export.graph import DetectionGraph


@dataclass(frozen=True)
class Difference:
    """Of one photo; the largest over all objects.

    Attributes:
        expected: the objects that torch finds.
        found: those that the exported model finds; -1 where they are other objects.
        boxes: in pixels of what the model was given: the resized photo, or the photo itself.
        scores: of 1.
        masks: of 1.
    """

    expected: int
    found: int
    boxes: float = 0.0
    scores: float = 0.0
    masks: float = 0.0

    @property
    def small(self) -> bool:
        """True if rounding alone explains it: same objects, boxes within half a pixel, the rest within 0.02."""
        return self.expected == self.found and self.boxes <= 0.5 and max(self.scores, self.masks) <= 0.02


def compare(graph: DetectionGraph, run: Runner, image: npt.NDArray[np.float32]) -> Difference:
    """Run both on one image ``(3, H, W)``; objects are compared in the order of their scores."""
    with torch.no_grad():
        right = _by_score([each.numpy() for each in graph(torch.from_numpy(image))])
    other = _by_score(run(image))
    expected, found = len(right[1]), len(other[1])
    if expected != found or expected == 0:
        return Difference(expected, found)
    boxes, scores, classes, masks = (
        float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) for a, b in zip(right, other, strict=True)
    )
    if classes:
        return Difference(expected, -1)
    return Difference(expected, found, boxes, scores, masks)


def difference(expected: Detections, found: Detections) -> Difference:
    """Of two lists of objects in one photo; each object is compared with the one that overlaps it most.

    Of masks one cell in a hundred is left out: of points that are equally unsure, either may be refined.
    """
    count = len(expected)
    if count != len(found) or not count:
        return Difference(count, len(found))
    overlaps = box_iou(torch.from_numpy(expected.boxes), torch.from_numpy(found.boxes))
    partners = found[overlaps.argmax(1).numpy()]
    if len(set(overlaps.argmax(1).tolist())) < count or not np.array_equal(partners.classes, expected.classes):
        return Difference(count, -1)
    boxes, scores = np.abs(expected.boxes - partners.boxes).max(), np.abs(expected.scores - partners.scores).max()
    masks = np.quantile(np.abs(expected.soft_masks - partners.soft_masks), 0.99)
    return Difference(count, count, float(boxes), float(scores), float(masks))


def _by_score(outputs: Sequence[Array]) -> list[Array]:
    order = np.argsort(-np.asarray(outputs[1], dtype=np.float64), kind="stable")
    return [np.asarray(each)[order] for each in outputs]
