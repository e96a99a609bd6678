"""Smoothing of objects along their tracks in time, with frames that missed one filled in.

Each object is smoothed in its own frame of reference, its box: the box's corners and the soft mask on the grid over
it. A mask that is averaged there moves with its object, whereas averaging finished mattes leaves ghosts behind
everything that moves. Frames are held back until the ones after them are known, so a gap is bridged from both sides
and smoothing lags behind nothing.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.tracking import Observation, Track, Tracker

T = TypeVar("T")

CUT_DIFFERENCE = 40.0
"""Mean difference of two thumbnails, in grey levels of 255, above which a new scene begins."""


@dataclass(frozen=True)
class Steadiness:
    """Settings for following and smoothing objects; every length is in frames.

    Attributes:
        window: frames averaged on either side; 0 takes each frame's own mask and box.
        bridge: the longest gap, between two sightings, that is filled in.
        fade: how long an object fades after it was last seen.
        min_hits: an object seen less often is taken for a false alarm, unless the scene is shorter than that.
        start_score: confidence that an object must reach in some frame; where it falls below, it is still followed.
        min_iou: least overlap of the boxes of one object in two frames.
    """

    window: int = 3
    bridge: int = 8
    fade: int = 3
    min_hits: int = 2
    start_score: float = 0.0
    min_iou: float = 0.3

    @property
    def look_ahead(self) -> int:
        """Frames that must be known before one can be finished."""
        return max(self.window, self.bridge, self.min_hits - 1)


class Smoother(Generic[T]):
    """Smoother of the detections of one frame after the other, whose payloads (frames) leave in the same order.

    Masks and boxes are smoothed, missed objects are filled in, all numbered in order of appearance. Those that fade
    have scaled masks: a hard matte, which is only in or out, makes them shrink instead.

    Args:
        options: how to follow and smooth.
    """

    def __init__(self, options: Steadiness | None = None) -> None:
        self._options = options or Steadiness()
        self._numbers = itertools.count(1)
        self._scene: _Scene[T] = _Scene(self._options, self._numbers)

    def push(self, payload: T, detections: Detections, *, begins_scene: bool = False) -> list[tuple[T, Detections]]:
        """Take the next frame; return those that are finished, ``options.look_ahead`` frames after they came in.

        Args:
            payload: anything that belongs to the frame.
            detections: its objects, of the same size and mask grid as those of all others.
            begins_scene: whether a new scene begins with it; nothing is carried across a cut.
        """
        finished = []
        if begins_scene:
            finished = self.finish()
            self._scene = _Scene(self._options, self._numbers)
        return finished + self._scene.push(payload, detections)

    def finish(self) -> list[tuple[T, Detections]]:
        """Return the frames that were held back, after the last one."""
        return self._scene.finish()


def scene_changes(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> bool:
    """Return whether two ``(H, W, 3)`` frames differ so much, all over, that a new scene must have begun."""
    small = [cv2.resize(frame, (32, 18), interpolation=cv2.INTER_AREA) for frame in (before, after)]
    return float(np.mean(cv2.absdiff(small[0], small[1]))) > CUT_DIFFERENCE


class _Scene(Generic[T]):
    """The frames between two cuts, of which only those near the current one are kept."""

    def __init__(self, options: Steadiness, numbers: Iterator[int]) -> None:
        self._options = options
        self._tracker = Tracker(max_gap=options.bridge, min_iou=options.min_iou, numbers=numbers)
        self._waiting: deque[tuple[T, Detections]] = deque()
        self._arrived = 0

    def push(self, payload: T, detections: Detections) -> list[tuple[T, Detections]]:
        self._tracker.update(self._arrived, detections)
        self._waiting.append((payload, detections))
        self._arrived += 1
        return [self._pop()] if len(self._waiting) > self._options.look_ahead else []

    def finish(self) -> list[tuple[T, Detections]]:
        return [self._pop() for _ in range(len(self._waiting))]

    def _pop(self) -> tuple[T, Detections]:
        frame = self._arrived - len(self._waiting)
        payload, found = self._waiting.popleft()
        past = self._options.look_ahead + self._options.fade
        self._tracker.forget(before=frame - past)
        return payload, self._estimate(frame, found)

    def _estimate(self, frame: int, found: Detections) -> Detections:
        options = self._options
        wanted = min(options.min_hits, self._arrived)
        tracks = [t for t in self._tracker.tracks if t.hits >= wanted and t.best_score >= options.start_score]
        estimates = [(track, estimate(track, frame, options)) for track in tracks]
        present = [(track, seen) for track, seen in estimates if seen is not None]
        present.sort(key=lambda pair: -pair[1].score)
        if not present:
            return Detections.empty(found.size, found.class_names)
        return Detections(
            size=found.size,
            boxes=np.stack([seen.box for _, seen in present]),
            scores=np.array([seen.score for _, seen in present], np.float32),
            classes=np.array([track.label for track, _ in present], np.int64),
            soft_masks=np.stack([seen.mask for _, seen in present]),
            class_names=found.class_names,
            identities=np.array([track.number for track, _ in present], np.int64),
        )


def estimate(track: Track, frame: int, options: Steadiness) -> Observation | None:
    """Estimate ``track`` in ``frame`` from its neighbours in time; None where it is not in the picture.

    The box is a weighted straight line through the corners seen nearby, read off at ``frame`` (local regression,
    Cleveland 1979): unlike a mean it follows steady motion without bias, even where one side is missing. The mask and
    the score are weighted means.
    """
    before = [seen for seen in track.observations if seen.frame <= frame]
    after = [seen for seen in track.observations if seen.frame >= frame]
    if not before:
        return None  # not yet there
    strength = 1.0 if after else 1.0 - (frame - before[-1].frame) / (options.fade + 1)
    if strength <= 0:
        return None
    centre = frame if after else before[-1].frame
    needed = {before[-1].frame, (after or before[-1:])[0].frame}  # either side of a gap
    nearby = [seen for seen in track.observations if abs(seen.frame - centre) <= options.window or seen.frame in needed]
    times = np.array([seen.frame for seen in nearby], np.float64)
    distances = ((times - centre) / (options.window + 1)) ** 2
    weights = np.exp(2.0 * (distances.min() - distances))
    weights /= weights.sum()
    mask = np.tensordot(weights, np.stack([seen.mask for seen in nearby]), axes=1) * strength
    return Observation(
        frame=frame,
        box=_line(times, np.stack([seen.box for seen in nearby]), weights, frame),
        score=float(weights @ [seen.score for seen in nearby]),
        mask=mask.astype(np.float32),
    )


def _line(
    times: npt.NDArray[np.float64], boxes: npt.NDArray[np.float32], weights: npt.NDArray[np.float64], frame: int
) -> npt.NDArray[np.float32]:
    """``(4,)`` value at ``frame`` of the weighted least-squares line through ``(N, 4)`` boxes."""
    middle = weights @ times
    mean = weights @ boxes
    spread = weights @ (times - middle) ** 2
    slope = (weights * (times - middle)) @ (boxes - mean) / spread if spread > 0 else np.zeros(4)
    return (mean + slope * (frame - middle)).astype(np.float32)
