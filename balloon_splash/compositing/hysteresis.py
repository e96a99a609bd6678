"""Two thresholds: a sure object vouches for less sure ones of its class beside it.

After Canny 1986, "A Computational Approach to Edge Detection", where weak edges count if they touch strong ones. A
picture with one balloon is likely to hold more, and a picture in which nothing is sure stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections


def beside_sure(
    scores: npt.NDArray[Any], groups: npt.NDArray[Any], sure: npt.NDArray[np.bool_], low_confidence: float
) -> npt.NDArray[np.bool_]:
    """Return which objects count, given the sure ones.

    Args:
        scores: ``(N,)``.
        groups: ``(N,)``; an object vouches for those of its own group: of its class, in its picture.
        sure: ``(N,)``, the objects that count by themselves.
        low_confidence: lowest score of the others.

    Returns:
        ``(N,)``: sure objects, and those of at least ``low_confidence`` whose group has a sure one.
    """
    return sure | (np.isin(groups, groups[sure]) & (scores >= low_confidence))


def is_undecided(found: Sequence[Detections], confidence: float, low_confidence: float) -> bool:
    """Return whether one more look could make an object sure: no object of its class is sure, and it is nearly so.

    Args:
        found: objects of some frames of one scene.
        confidence: score that makes an object sure.
        low_confidence: lowest score of objects beside a sure one. Nearly sure is one with at least this score, which is
            wrong twice as often, by its score, as one that is just sure.
    """
    scores, classes = (np.concatenate([getattr(each, name) for each in found]) for name in ("scores", "classes"))
    nearly = scores >= max(low_confidence, 2 * confidence - 1)
    return bool((nearly & ~np.isin(classes, classes[scores >= confidence])).any())


class TrackHysteresis:
    """Hysteresis for objects that are followed through a video: one that was sure in some frame stays so.

    Args:
        confidence: score that makes an object sure.
        low_confidence: lowest score of objects beside a sure one.
    """

    def __init__(self, confidence: float, low_confidence: float) -> None:
        self._confidence = confidence
        self._low_confidence = low_confidence
        self._sure: set[int] = set()

    def indices(self, detections: Detections) -> npt.NDArray[np.intp]:
        """Return the indices of the objects that count in the next frame; ``numbers`` are those of the tracks."""
        sure = (detections.scores >= self._confidence) | np.isin(detections.numbers, list(self._sure))
        self._sure = set(detections.numbers[sure].tolist())  # the rest have left; numbers are never used twice
        return np.flatnonzero(beside_sure(detections.scores, detections.classes, sure, self._low_confidence))
