"""Objects that a person adds by a box around each, in which the model, or else the colours, draw the mask."""

from __future__ import annotations

import warnings
from bisect import bisect, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.grabcut import alike, colours, object_in_box
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

UNKNOWN = 0.4
"""Probability of its class below which the model does not know the object in a box: its colours draw the mask."""

LOST = 0.25
"""Share of its score in the first frame below which a followed object is lost."""

MARGIN = 0.1
"""Margin on each side of a followed object's box in the next frame, as a share of that side's length."""

MARGIN_BY_COLOUR = 0.03
"""The same for an object that the model does not know: the more around it, the more of that joins it."""

FOLLOWED_EVERY = 4
"""Most frames from one to the next in which the model looks for a followed object: beyond, its box is a guess."""

PLACES = 64
"""Newest places that are remembered of a followed object."""

_BoxArray: TypeAlias = npt.NDArray[np.float32]


class BoxOutsideError(UsageError):
    """A box lies outside a picture; ends the whole run, since the command is wrong and not the picture."""


@dataclass
class _Followed:
    """Followed object of a video.

    Attributes:
        first_score: its score in the first frame.
        first_colours: its colours in the first frame, by which an object that the model does not know is known.
        places: time and ``(4,)`` box of each frame where it was found, in order of time.
        gone: time from which on it is no longer there; None while it is.
    """

    first_score: float
    first_colours: npt.NDArray[np.float32]
    places: list[tuple[Fraction, _BoxArray]]
    gone: Fraction | None = None

    def found(self, time: Fraction, box: _BoxArray) -> None:
        """Remember a place."""
        insort(self.places, (time, box), key=lambda place: place[0])
        del self.places[:-PLACES]

    def lost(self, time: Fraction) -> None:
        """Remember that it is not there."""
        self.gone = time if self.gone is None else min(time, self.gone)

    def is_gone(self, time: Fraction) -> bool:
        """Return whether it need not be looked for."""
        return self.gone is not None and time >= self.gone

    def expected(self, time: Fraction, size: tuple[int, int]) -> _BoxArray:
        """Return the box in which to look for it, inside the picture and not empty.

        It is the box of the frame before, moved as it last moved, or on the way to that of a later frame where the
        model has already been.
        """
        after = bisect(self.places, time, key=lambda place: place[0])
        (before_time, before), later = self.places[after - 1], self.places[after : after + 1]
        shift = np.zeros(4, np.float32)
        if later:
            shift = _motion(before, later[0][1]) * np.float32((time - before_time) / (later[0][0] - before_time))
        elif after > 1:
            earlier_time, earlier = self.places[after - 2]
            shift = _motion(earlier, before) * np.float32((time - before_time) / (before_time - earlier_time))
        return _around(before, shift, MARGIN if self.first_score >= UNKNOWN else MARGIN_BY_COLOUR, size)


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


def part_inside(box: Box, size: tuple[int, int], name: str) -> npt.NDArray[np.float32]:
    """Return the part ``(4,)`` of a box inside a picture of ``size`` (height, width).

    Raises:
        BoxOutsideError: there is none; the message names the picture.
    """
    height, width = size
    inside = np.clip(np.array(box, np.float32), 0, [width, height, width, height])
    if not (inside[0] < inside[2] and inside[1] < inside[3]):
        raise BoxOutsideError(
            f"--add-box {_text(box)} lies outside {name} of {width}x{height} pixels; expected a box inside the picture"
        )
    return inside


class AddedBoxes:
    """Objects in a person's boxes, joined with those that the model finds.

    The model draws the mask in a box; where it does not know the object, GrabCut does, by the object's colours.

    The boxes apply to each photo, and to the first frame of a video, from which their objects are followed: each
    frame's box is that of the mask in the frame before, moved as it last moved and a little wider (after Bergmann et
    al. 2019, "Tracking without bells and whistles"), until the model loses the object or a new scene begins. Where the
    model skips frames, it may come back to some of them.

    Args:
        model: the model that draws the masks.
        boxes: boxes in pixels of the pictures; parts outside a picture are cut off.
        note: receives one line for each box in which no object is found.

    Raises:
        UsageError: a box is malformed, or ``model`` does not take boxes.
    """

    def __init__(self, model: Finder, boxes: Sequence[Box], *, note: Callable[[str], object] = warnings.warn) -> None:
        check_boxes(boxes)
        if not isinstance(model, BoxFinder):
            raise UsageError(f"--add-box: {type(model).__name__} does not take boxes; expected a BoxFinder")
        self._model = model
        self._boxes, self._note = boxes, note
        self._video: str | None = None
        self._latest: NamedImage | None = None
        self._followed: list[_Followed] = []

    def join(self, image: NamedImage, found: Detections) -> Detections:
        """Return ``found`` and the objects in the boxes, best score first.

        The first frame of a video comes first; a later one may come before some that are earlier than it.

        Raises:
            BoxOutsideError: a box is outside the picture.
        """
        if image.video is None or image.video != self._video:
            self._video, self._latest = image.video, image
            return self._begin(image, found)
        if self._latest is not None and image.time > self._latest.time:
            if scene_changes(self._latest.rgb, image.rgb):
                for each in self._followed:
                    each.lost(image.time)
            self._latest = image
        return self._follow(image, found)

    def _begin(self, image: NamedImage, found: Detections) -> Detections:
        """Draw the objects in the person's boxes."""
        boxes = np.stack([part_inside(box, found.size, image.name) for box in self._boxes])
        drawn = self._drawn(image, boxes)
        there = (drawn.soft_masks >= THRESHOLD).any(axis=(1, 2))
        for index in np.flatnonzero(~there).tolist():
            self._note(
                f"{image.name}: --add-box {_text(self._boxes[index])} adds nothing: no object stands out in it; "
                "expected a box that is a little larger than the object"
            )
        drawn = drawn[there]
        joined_objects, places = _join(drawn, found)
        self._followed = [
            _Followed(score, colours(image.rgb, box, mask), [(image.time, place)])
            for score, box, mask, place in zip(
                drawn.scores.tolist(), drawn.boxes, drawn.soft_masks, places, strict=True
            )
        ]
        return joined_objects

    def _follow(self, image: NamedImage, found: Detections) -> Detections:
        """Draw the objects that are still there, and remember their places."""
        followed = [each for each in self._followed if not each.is_gone(image.time)]
        if not followed:
            return found
        boxes = np.stack([each.expected(image.time, found.size) for each in followed])
        drawn = self._drawn(image, boxes)
        seen = np.asarray((drawn.soft_masks >= THRESHOLD).any(axis=(1, 2)))
        there = np.array([seen[index] and _is_same(each, drawn, index, image) for index, each in enumerate(followed)])
        joined_objects, places = _join(drawn[there], found)
        remaining = iter(places)
        for each, is_there in zip(followed, there.tolist(), strict=True):
            if is_there:
                each.found(image.time, next(remaining))
            else:
                each.lost(image.time)
        return joined_objects

    def _drawn(self, image: NamedImage, boxes: _BoxArray) -> Detections:
        """Draw the object in each box: the model where it knows the object, else the object's colours."""
        drawn = self._model.segment(image.rgb, boxes)
        places, masks = drawn.boxes.copy(), drawn.soft_masks.copy()
        for index in np.flatnonzero(drawn.scores < UNKNOWN):
            by_colour = object_in_box(image.rgb, boxes[index], masks.shape[1])
            if by_colour is not None:
                places[index], masks[index] = boxes[index], by_colour
        return replace(drawn, boxes=places, soft_masks=masks)


def _is_same(followed: _Followed, drawn: Detections, index: int, image: NamedImage) -> bool:
    """Return whether one of the objects drawn in a frame is the one that is followed."""
    if followed.first_score >= UNKNOWN:
        return float(drawn.scores[index]) >= LOST * followed.first_score
    return alike(followed.first_colours, colours(image.rgb, drawn.boxes[index], drawn.soft_masks[index]))


def _join(drawn: Detections, found: Detections) -> tuple[Detections, list[_BoxArray]]:
    """Join drawn objects with those that the model found, each once; return them, and the box of each drawn one."""
    tight = _tight(drawn)
    overlap = box_iou(tight, found.boxes) if len(found) else np.zeros((len(drawn), 0))
    taken = [int(row.argmax()) if row.size and row.max() >= SAME else -1 for row in overlap]
    own = np.array([index < 0 for index in taken], bool)
    scores = found.scores.copy()
    scores[[index for index in taken if index >= 0]] = SURE
    places = [found.boxes[index] if index >= 0 else box for index, box in zip(taken, tight, strict=True)]
    mine = replace(drawn[own], scores=np.full(int(own.sum()), SURE, np.float32), identities=None)
    return joined([replace(found, scores=scores), mine]), places


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


def _around(box: _BoxArray, motion: _BoxArray, share: float, size: tuple[int, int]) -> _BoxArray:
    """Return a box, moved, and wider by a share of each side; ``box`` itself where that has left the picture."""
    height, width = size
    moved = box + motion
    margin = np.tile(share * (moved[2:] - moved[:2]), 2) * (-1, -1, 1, 1)
    inside = np.clip(moved + margin, 0, [width, height, width, height]).astype(np.float32)
    return inside if inside[0] < inside[2] and inside[1] < inside[3] else box


def _text(box: Box) -> str:
    return " ".join(f"{value:g}" for value in box)
