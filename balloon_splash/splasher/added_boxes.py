"""Objects that a person adds by a box around each, in which the model draws the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import THRESHOLD
from balloon_splash.compositing.overlap import joined
from balloon_splash.compositing.smoothing import scene_changes
from balloon_splash.compositing.tracking import box_iou
from balloon_splash.errors import UsageError
from balloon_splash.splasher.finder import BoxFinder, Finder, NamedImage

Box: TypeAlias = tuple[float, float, float, float]
"""``(x0, y0, x1, y1)`` in pixels."""

SURE = 1.0
"""Score of an object that a person has added: no threshold leaves it out."""

SAME = 0.5
"""Least IoU of the boxes at which an object that the model has found is the one in the person's box."""

LOST = 0.25
"""Share of its score in the first frame below which a followed object is lost."""

MARGIN = 0.1
"""Margin on each side of a followed object's box in the next frame, as a share of that side's length."""


@dataclass(frozen=True)
class _Followed:
    """Followed object of a video.

    Attributes:
        box: ``(4,)`` its box in the last frame.
        motion: ``(4,)`` motion of that box since the frame before.
        first_score: its score in the first frame.
    """

    box: npt.NDArray[np.float32]
    motion: npt.NDArray[np.float32]
    first_score: float


def check_boxes(boxes: Sequence[Box]) -> None:
    """Refuse malformed boxes.

    Raises:
        UsageError: a box is malformed, and named in the message.
    """
    for box in boxes:
        x0, y0, x1, y1 = box
        if not (np.isfinite(box).all() and x0 < x1 and y0 < y1):
            raise UsageError(
                f"--add-box {_text(box)}; expected left, top, right and bottom in pixels, the first two below the "
                "others"
            )


class AddedBoxes:
    """Objects in a person's boxes, joined with those that the model finds.

    The boxes apply to each photo, and to the first frame of a video, from which their objects are followed: each
    frame's box is that of the mask in the frame before, moved as it last moved and a little wider (after Bergmann et
    al. 2019, "Tracking without bells and whistles"), until the model loses the object or a new scene begins.

    Args:
        model: the model that draws the masks.
        boxes: boxes in pixels of the pictures; parts outside a picture are cut off.

    Raises:
        UsageError: a box is malformed, or ``model`` does not take boxes.
    """

    def __init__(self, model: Finder, boxes: Sequence[Box]) -> None:
        check_boxes(boxes)
        if not isinstance(model, BoxFinder):
            raise UsageError(f"--add-box: {type(model).__name__} does not take boxes; expected a BoxFinder")
        self._model = model
        self._boxes = boxes
        self._video: str | None = None
        self._last: npt.NDArray[np.uint8] | None = None
        self._followed: list[_Followed] = []

    def join(self, image: NamedImage, found: Detections) -> Detections:
        """Return ``found`` and the objects in the boxes, best score first.

        Raises:
            UsageError: a box is outside the picture.
        """
        if image.video is None or image.video != self._video:
            self._video, self._last = image.video, image.rgb
            self._followed = [_Followed(self._inside(box, image), np.zeros(4, np.float32), 0.0) for box in self._boxes]
            return self._objects(image.rgb, found, first=True)
        if self._last is not None and scene_changes(self._last, image.rgb):
            self._followed = []
        self._last = image.rgb
        return self._objects(image.rgb, found, first=False)

    def _objects(self, rgb: npt.NDArray[np.uint8], found: Detections, *, first: bool) -> Detections:
        """Join the objects of the boxes, and remember their places."""
        if not self._followed:
            return found
        boxes = np.stack([each.box if first else _next_box(each, found.size) for each in self._followed])
        drawn = self._model.segment(rgb, boxes)
        present = np.asarray((drawn.soft_masks >= THRESHOLD).any(axis=(1, 2)))
        if not first:
            present = present & (drawn.scores >= np.array([LOST * each.first_score for each in self._followed]))
        before = [each for each, there in zip(self._followed, present, strict=True) if there]
        drawn = drawn[present]
        overlap = box_iou(_tight(drawn), found.boxes) if len(found) else np.zeros((len(drawn), 0))
        taken = [int(row.argmax()) if row.size and row.max() >= SAME else -1 for row in overlap]
        own = np.array([index < 0 for index in taken], bool)
        scores = found.scores.copy()
        scores[[index for index in taken if index >= 0]] = SURE
        where = [found.boxes[index] if index >= 0 else tight for index, tight in zip(taken, _tight(drawn), strict=True)]
        self._followed = [
            _Followed(box, _motion(old.box, box), old.first_score) if not first else _Followed(box, old.motion, score)
            for old, box, score in zip(before, where, drawn.scores.tolist(), strict=True)
        ]
        mine = replace(drawn[own], scores=np.full(int(own.sum()), SURE, np.float32), identities=None)
        return joined([replace(found, scores=scores), mine])

    @staticmethod
    def _inside(box: Box, image: NamedImage) -> npt.NDArray[np.float32]:
        height, width = image.rgb.shape[:2]
        inside = np.clip(np.array(box, np.float32), 0, [width, height, width, height])
        if not (inside[0] < inside[2] and inside[1] < inside[3]):
            raise UsageError(
                f"--add-box {_text(box)} lies outside {image.name} of {width}x{height} pixels; "
                "expected a box inside the picture"
            )
        return inside


def _tight(drawn: Detections) -> npt.NDArray[np.float32]:
    """``(N, 4)`` boxes around the masks' samples that are on, of which each mask has at least one."""
    samples = drawn.soft_masks.shape[1]
    boxes = []
    for box, on in zip(drawn.boxes, drawn.soft_masks >= THRESHOLD, strict=True):
        columns, rows = np.flatnonzero(on.any(axis=0)), np.flatnonzero(on.any(axis=1))
        ends = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / samples
        corner, sides = np.tile(box[:2], 2), np.tile(box[2:] - box[:2], 2)
        boxes.append(corner + ends * sides)
    return np.array(boxes, np.float32).reshape(-1, 4)


def _motion(before: npt.NDArray[np.float32], now: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(4,)`` shift of the box's centre."""
    return np.tile((now[:2] + now[2:] - before[:2] - before[2:]) / 2, 2)


def _next_box(followed: _Followed, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the box in which to look for an object in the next frame, inside the picture and not empty."""
    height, width = size
    box = followed.box + followed.motion
    margin = np.tile(MARGIN * (box[2:] - box[:2]), 2) * (-1, -1, 1, 1)
    inside = np.clip(box + margin, 0, [width, height, width, height]).astype(np.float32)
    if not (inside[0] < inside[2] and inside[1] < inside[3]):  # it has left the picture: look at its last place
        inside = followed.box
    return inside


def _text(box: Box) -> str:
    return " ".join(f"{value:g}" for value in box)
