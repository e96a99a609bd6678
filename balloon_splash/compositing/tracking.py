"""Matching of the objects of a frame with those of the frame before.

Boxes are matched by intersection over union, the best pair first: the objects of a splash are few and rarely cross,
gaps last a fraction of a second, and nothing but the mattes depends on an identity, so an optimal assignment or a
tracker with a motion filter and appearance features (SORT, ByteTrack) would answer a harder question, at the
cost of a dependency. Boxes do as well as masks here, because the soft masks live in the boxes' own frames. ByteTrack
(Zhang et al., 2022) is the source of the idea that low scores may continue an object but not begin one.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections


@dataclass(frozen=True)
class Observation:
    """One object as it was found in one frame.

    Attributes:
        frame: number of the frame.
        box: ``(4,)`` float32, XYXY, absolute pixels.
        score: confidence in [0, 1].
        mask: ``(M, M)`` float32 in [0, 1], on a grid over the box.
    """

    frame: int
    box: npt.NDArray[np.float32]
    score: float
    mask: npt.NDArray[np.float32]


@dataclass
class Track:
    """One object through time.

    Attributes:
        number: the same for all frames, never used twice.
        label: its class.
        observations: where it was found, oldest first; those no longer needed are forgotten.
        hits: how often it was found in all.
        best_score: its highest confidence so far.
    """

    number: int
    label: int
    observations: deque[Observation] = field(default_factory=deque)
    hits: int = 0
    best_score: float = 0.0

    def add(self, observation: Observation) -> None:
        """Append what was found in the newest frame."""
        self.observations.append(observation)
        self.hits += 1
        self.best_score = max(self.best_score, observation.score)

    def expected_box(self, frame: int) -> npt.NDArray[np.float32]:
        """``(4,)`` box extrapolated to ``frame`` from its last two observations."""
        last = self.observations[-1]
        if len(self.observations) < 2:
            return last.box
        previous = self.observations[-2]
        return last.box + (last.box - previous.box) * ((frame - last.frame) / (last.frame - previous.frame))


class Tracker:
    """Tracker that joins the detections of successive frames into tracks.

    Args:
        max_gap: most frames in a row that may miss an object without it becoming another one.
        min_iou: least overlap, in [0, 1], of two boxes of the same object.
        numbers: source of the numbers of new tracks; by default they count from 1.
    """

    def __init__(self, *, max_gap: int, min_iou: float, numbers: Iterator[int] | None = None) -> None:
        self.tracks: list[Track] = []
        self._max_gap = max_gap
        self._min_iou = min_iou
        self._numbers = numbers or itertools.count(1)

    def update(self, frame: int, detections: Detections) -> None:
        """Add the detections of ``frame``, a number higher than those before."""
        candidates = [track for track in self.tracks if frame - track.observations[-1].frame <= self._max_gap + 1]
        overlaps = _overlaps(candidates, frame, detections)
        matches = best_pairs(overlaps, self._min_iou)
        for index in range(len(detections)):
            label = int(detections.classes[index])
            track = candidates[matches[index]] if index in matches else self._new_track(label)
            track.add(
                Observation(
                    frame, detections.boxes[index], float(detections.scores[index]), detections.soft_masks[index]
                )
            )

    def forget(self, before: int) -> None:
        """Drop observations made before frame ``before``, and with them the tracks that have no other."""
        for track in self.tracks:
            while track.observations and track.observations[0].frame < before:
                track.observations.popleft()
        self.tracks = [track for track in self.tracks if track.observations]

    def _new_track(self, label: int) -> Track:
        track = Track(next(self._numbers), label)
        self.tracks.append(track)
        return track


def box_iou(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(N, M)`` intersection over union of ``(N, 4)`` and ``(M, 4)`` boxes, XYXY; 0 where both are empty."""
    shared, areas = _shared_area(a, b)
    union = areas[0][:, None] + areas[1][None, :] - shared
    return (shared / np.maximum(union, np.finfo(np.float32).tiny)).astype(np.float32)


def box_containment(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """``(N, M)`` share of the smaller of each pair of ``(N, 4)`` and ``(M, 4)`` boxes that lies in the larger one."""
    shared, areas = _shared_area(a, b)
    smaller = np.minimum(areas[0][:, None], areas[1][None, :])
    return (shared / np.maximum(smaller, np.finfo(np.float32).tiny)).astype(np.float32)


def _shared_area(
    a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float32], list[npt.NDArray[np.float32]]]:
    """``(N, M)`` areas of the intersections, and the areas of both."""
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)
    return shared, [np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1) for boxes in (a, b)]


def best_pairs(overlaps: npt.NDArray[np.float32], least: float) -> dict[int, int]:
    """Map columns to rows of ``overlaps``, each used once, the highest first, none below ``least``."""
    pairs: dict[int, int] = {}
    for flat in np.argsort(-overlaps, axis=None, kind="stable"):
        row, column = divmod(int(flat), overlaps.shape[1])
        if overlaps[row, column] < least:
            break
        if column not in pairs and row not in pairs.values():
            pairs[column] = row
    return pairs


def _overlaps(tracks: list[Track], frame: int, detections: Detections) -> npt.NDArray[np.float32]:
    """``(tracks, detections)`` IoU; 0 between different classes.

    The better of two guesses counts: the object stays where it was, or it keeps its velocity.
    """
    if not tracks:
        return np.zeros((0, len(detections)), np.float32)
    stayed = np.stack([track.observations[-1].box for track in tracks])
    moved = np.stack([track.expected_box(frame) for track in tracks])
    labels = np.array([track.label for track in tracks])
    iou = np.maximum(box_iou(stayed, detections.boxes), box_iou(moved, detections.boxes))
    return np.where(labels[:, None] == detections.classes[None, :], iou, np.float32(0))
