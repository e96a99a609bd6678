"""Comparison of an exported model with the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from balloon_splash.export.formats import Array, Runner
from balloon_splash.export.graph import DetectionGraph


@dataclass(frozen=True)
class Difference:
    """Differences on one photo, each the largest over all objects in the order of their scores.

    Attributes:
        expected: the objects that torch finds.
        found: those that the exported model finds.
        boxes: difference in pixels of the resized photo.
        scores: difference as a share of 1.
        masks: difference in probability, as a share of 1.
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
    """Run both models on one image ``(3, H, W)`` and compare their results."""
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


def _by_score(outputs: Sequence[Array]) -> list[Array]:
    order = np.argsort(-np.asarray(outputs[1], dtype=np.float64), kind="stable")
    return [np.asarray(each)[order] for each in outputs]
