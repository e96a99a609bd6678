"""Detections in one picture as plain arrays: all that the splash needs, without torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.wording import counted

_SHOWN = 5  # objects that repr() names


@dataclass(frozen=True, eq=False)  # arrays have no one truth value to compare by
class Detections:
    """The N objects found in one picture, best score first.

    Attributes:
        size: ``(height, width)`` of the picture in pixels.
        boxes: ``(N, 4)`` float32, XYXY, absolute pixels.
        scores: ``(N,)`` float32 confidences in [0, 1].
        classes: ``(N,)`` int64 indices into ``class_names``.
        soft_masks: ``(N, M, M)`` float32 in [0, 1]: the probability that a point belongs to the object, on a grid
            stretched over its box (M is 28 for the standard mask head).
        class_names: the names of all classes that the model knows.
        identities: ``(N,)`` int64 numbers that the objects are known by; None numbers them from 1, best score first.
        best_left_out: highest score of what the finder left out as less sure than it was asked for; None where it does
            not know.
    """

    size: tuple[int, int]
    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    soft_masks: npt.NDArray[np.float32]
    class_names: tuple[str, ...]
    identities: npt.NDArray[np.int64] | None = None
    best_left_out: float | None = None

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """``(N,)`` numbers for labels and for a selection by number; picking some objects does not renumber them."""
        return np.arange(1, len(self) + 1) if self.identities is None else self.identities

    def __len__(self) -> int:
        return len(self.scores)

    def __repr__(self) -> str:
        """Name the first objects by class and score: the arrays would fill screens."""
        height, width = self.size
        first = zip(self.classes[:_SHOWN], self.scores[:_SHOWN], strict=True)
        shown = [f"{self.class_names[number]} {score:.2f}" for number, score in first]
        more = [f"{len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        named = f": {', '.join(shown + more)}" if shown else ""
        return f"<{counted(len(self), 'object')} in {width}x{height} pixels{named}>"

    def __getitem__(self, index: Any) -> Detections:
        """Return the objects that a NumPy index (a mask, an index array or a slice) picks."""
        return replace(
            self,
            boxes=self.boxes[index],
            scores=self.scores[index],
            classes=self.classes[index],
            soft_masks=self.soft_masks[index],
            identities=self.numbers[index],
        )

    @classmethod
    def empty(cls, size: tuple[int, int], class_names: tuple[str, ...] = ()) -> Detections:
        """Return detections of no object in a picture of ``size`` (height, width)."""
        return cls(
            size=size,
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            classes=np.zeros(0, np.int64),
            soft_masks=np.zeros((0, 28, 28), np.float32),
            class_names=class_names,
        )
