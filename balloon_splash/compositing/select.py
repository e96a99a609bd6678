"""Selection of the detected objects that keep their colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.hysteresis import beside_sure
from balloon_splash.compositing.matte import THRESHOLD, paste_probability
from balloon_splash.errors import UsageError

CLASSES_NAMED = 12
"""Of a model's classes, where one is unknown to it."""

INSIDE_BOX = 0.5
"""Least share of an object's box inside a chosen box."""


@dataclass(frozen=True)
class Selection:
    """Conditions, all of which an object must meet; a default lets every object through.

    Attributes:
        confidence: lowest score.
        low_confidence: lowest score of objects whose class has one of ``confidence`` in the same picture (in videos,
            among the objects in the frame that were so once); None asks all objects for ``confidence``.
        classes: names of classes, as the model knows them; case does not matter.
        instances: numbers of objects, which labels show: in a photo counted from 1, best score first; in a video
            whose objects are followed, in order of appearance, the same for an object all the time. None lets all
            numbers through, an empty sequence none.
        box: ``(x0, y0, x1, y1)`` in pixels; at least half of the object's box lies in it.
        point: ``(x, y)`` in pixels, on the object's mask; of several objects there, the one with the best score.
        largest: only the object with the largest mask.
        top_k: number of objects to keep, best scores first.
    """

    confidence: float = 0.0
    low_confidence: float | None = None
    classes: Sequence[str] = ()
    instances: Sequence[int] | None = None
    box: tuple[float, float, float, float] | None = None
    point: tuple[float, float] | None = None
    largest: bool = False
    top_k: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that could not choose anything.

        Raises:
            UsageError: names the option, what was found and what was expected.
        """
        if not 0 <= self.confidence <= 1:
            raise UsageError(f"--confidence {self.confidence:g}; expected a number from 0 to 1")
        if self.low_confidence is not None and not 0 <= self.low_confidence <= self.confidence:
            raise UsageError(
                f"--low-confidence {self.low_confidence:g} with --confidence {self.confidence:g}; expected a number "
                "from 0 to --confidence, or --no-low-confidence"
            )
        if self.box is not None:
            x0, y0, x1, y1 = self.box
            if not (x0 < x1 < np.inf and y0 < y1 < np.inf and x0 > -np.inf and y0 > -np.inf):
                raise UsageError(
                    f"--box {x0:g} {y0:g} {x1:g} {y1:g}; expected left, top, right and bottom in pixels, the first "
                    "two below the others"
                )
        if self.point is not None and not all(0 <= value < np.inf for value in self.point):
            raise UsageError(f"--point {self.point[0]:g} {self.point[1]:g}; expected pixels from the left and the top")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"--top-k {self.top_k}; expected 1 or more")
        if self.largest and self.top_k is not None:
            raise UsageError(f"--largest, which keeps one object, with --top-k {self.top_k}; expected one of the two")

    def check(self, class_names: Sequence[str]) -> None:
        """Refuse names that the model does not know, before it runs.

        Raises:
            UsageError: names a class that is not in ``class_names``.
        """
        known = {name.casefold(): name for name in class_names}
        unknown = [name for name in self.classes if name.casefold() not in known]
        if unknown:
            near = get_close_matches(unknown[0].casefold(), known, n=3)
            hint = f"did you mean {', '.join(known[name] for name in near)}? " if near else ""
            more = f", and {len(class_names) - CLASSES_NAMED} more" if len(class_names) > CLASSES_NAMED else ""
            raise UsageError(
                f"unknown class {', '.join(unknown)}; {hint}the model knows: "
                f"{', '.join(class_names[:CLASSES_NAMED])}{more} (--classes)"
            )

    def indices(self, detections: Detections) -> npt.NDArray[np.intp]:
        """Return indices into ``detections`` of the objects chosen, best score first.

        Raises:
            UsageError: names a class that the model does not know.
        """
        self.check(detections.class_names)
        kept = np.flatnonzero(self._eligible(detections))
        if self.point is not None:
            kept = np.array(
                [i for i in kept if _probability_at(detections, int(i), self.point) >= THRESHOLD][:1], np.intp
            )
        if self.largest and len(kept):
            kept = kept[[int(np.argmax(mask_areas(detections)[kept]))]]
        return kept[: self.top_k]

    @property
    def floor(self) -> float:
        """Score below which no object can keep its colour, whatever else is in the picture."""
        return self.confidence if self.low_confidence is None else self.low_confidence

    def explain_nothing(self, detections: Detections) -> str:
        """Return one line that says why no object keeps its colour and names the objects found."""
        if not len(detections):
            of = f" of {', '.join(self.classes)}" if self.classes else ""
            best = detections.best_left_out
            known = f" (the best has {best:.4g})" if best and not self.classes else ""
            return (
                f"no object{of} found with a score of {self.floor:g} or more{known}; expected a lower --confidence, "
                "or --add-box X0 Y0 X1 Y1 around one"
            )
        highest = detections.scores.max()
        if highest < self.confidence:
            return f"no object reaches --confidence {self.confidence:g}; the best score is {highest:.4g}"
        height, width = detections.size
        option, place = self._place()
        if not (place[0] < width and place[1] < height and place[2] >= 0 and place[3] >= 0):
            return f"{option} lies outside the picture of {width}x{height} pixels"
        sure = replace(self, classes=(), instances=None, box=None)._eligible(detections)
        there = detections[sure]
        none = "the only object is not" if len(there) == 1 else f"none of the {len(there)} objects is"
        if option and not self.classes and self.instances is None:
            return f"{none} at {option}; {_nearest(there, place)}"
        numbers = ", ".join(str(number) for number in there.numbers[:10])
        names = sorted({there.class_names[index] for index in there.classes})
        return f"{none} chosen; their numbers are {numbers}, their classes {', '.join(names)}"

    def _place(self) -> tuple[str, tuple[float, float, float, float]]:
        """Return the option that names a place, as it was given, and its box; no option and no bounds without one."""
        if self.point is not None:
            x, y = self.point
            return f"--point {x:g} {y:g}", (x, y, x, y)
        if self.box is not None:
            return f"--box {' '.join(f'{value:g}' for value in self.box)}", self.box
        return "", (-np.inf, -np.inf, np.inf, np.inf)

    def _eligible(self, detections: Detections) -> npt.NDArray[np.bool_]:
        """``(N,)`` bool: the object meets every condition that concerns it alone."""
        eligible = detections.scores >= self.confidence
        if self.low_confidence is not None:
            eligible = beside_sure(detections.scores, detections.classes, eligible, self.low_confidence)
        if self.classes:
            wanted = {name.casefold() for name in self.classes}
            numbers = [i for i, name in enumerate(detections.class_names) if name.casefold() in wanted]
            eligible &= np.isin(detections.classes, numbers)
        if self.instances is not None:
            eligible &= np.isin(detections.numbers, self.instances)
        if self.box is not None:
            eligible &= _part_inside(detections.boxes, self.box) >= INSIDE_BOX
        return eligible


def with_default_confidence(
    selection: Selection, confidence: float | None = None, low_confidence: float | None = None
) -> Selection:
    """Return ``selection`` with the given thresholds or, where it has none of its own, the defaults.

    Args:
        selection: the other conditions.
        confidence: replaces that of ``selection``.
        low_confidence: replaces that of ``selection``.

    Raises:
        UsageError: the thresholds contradict each other.
    """
    if confidence is None:
        confidence = selection.confidence or DEFAULT_CONFIDENCE
    if low_confidence is None:
        low_confidence = selection.low_confidence
    if low_confidence is None and not selection.confidence:
        low_confidence = min(DEFAULT_LOW_CONFIDENCE, confidence)
    return replace(selection, confidence=confidence, low_confidence=low_confidence)


def _nearest(there: Detections, place: tuple[float, float, float, float]) -> str:
    """Return the number and the box of the object whose box is nearest to ``place``."""
    x0, y0, x1, y1 = there.boxes.T
    aside = np.maximum(np.maximum(x0 - place[2], place[0] - x1), 0)
    above = np.maximum(np.maximum(y0 - place[3], place[1] - y1), 0)
    nearest = int(np.argmin(np.hypot(aside, above)))
    box = " ".join(f"{value:.0f}" for value in there.boxes[nearest])
    return f"the nearest is number {there.numbers[nearest]}, in the box {box}"


def mask_areas(detections: Detections) -> npt.NDArray[np.float64]:
    """``(N,)`` approximate areas in pixels: the share of the mask's samples that are on, times the box."""
    sides = np.maximum(detections.boxes[:, 2:] - detections.boxes[:, :2], 0).astype(np.float64)
    return (detections.soft_masks >= THRESHOLD).mean(axis=(1, 2)) * sides.prod(axis=1)


def _part_inside(boxes: npt.NDArray[np.float32], box: tuple[float, float, float, float]) -> npt.NDArray[np.float64]:
    x0, y0, x1, y1 = boxes.astype(np.float64).T
    width = np.maximum(np.minimum(x1, box[2]) - np.maximum(x0, box[0]), 0)
    height = np.maximum(np.minimum(y1, box[3]) - np.maximum(y0, box[1]), 0)
    return width * height / np.maximum((x1 - x0) * (y1 - y0), 1e-9)


def _probability_at(detections: Detections, index: int, point: tuple[float, float]) -> float:
    probability, (rows, columns) = paste_probability(detections, index)
    row, column = int(point[1]) - rows.start, int(point[0]) - columns.start
    if not (0 <= row < probability.shape[0] and 0 <= column < probability.shape[1]):
        return 0.0
    return float(probability[row, column])
