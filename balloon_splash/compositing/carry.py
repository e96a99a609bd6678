"""Objects carried by optical flow from two key frames, where a model looked, to the frames between them.

An object keeps its form, that of :class:`~balloon_splash.compositing.detections.Detections`: a box, and a soft mask on
the grid over it. For a frame between two key frames the box is moved from either side as most of the object's points
move, and every point of the grid is traced to both key frames, where the model's own masks are read. So a mask is
resampled once, however many frames lie between, and its edge stays as sharp as the model drew it. The two sides are
blended by their distance in time and by the trust that the flow earned on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.flow import Field, Flow, Points, trace
from balloon_splash.compositing.matte import THRESHOLD
from balloon_splash.compositing.tracking import best_pairs, box_containment, box_iou

Floats: TypeAlias = npt.NDArray[np.float32]

_Both: TypeAlias = "tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]"
"""A property of each object of the earlier and of the later key frame."""

LEAST_TRUST = 0.02
"""Weight of a point whose trace was lost: above 0, so that a point lost on both sides still gets a value."""

MIN_BOX_IOU = 0.3
"""Least overlap of a carried box and a detected one that can be the same object."""

LEAST_SIDE = 1.0
"""Side in pixels below which a box at the picture's border counts as having left it."""

LEFT = 0.75
"""Least share of an object's points beyond the picture's border for it to have left, or not yet come."""

AT_BORDER, AT_BORDER_SHARE = 2.0, 0.05
"""Distance of a box from the picture's border within which the border may cut the object off: in pixels, or, if that is
more, as a share of the box's side, since a model's boxes are the less exact the larger they are."""

CUT_OFF = 1e-3
"""Weight of the side of a box that lies at the picture's border: the object may extend beyond."""

SMALLER_PART = 0.35
"""Rebate on the part of a cut-off box that lies in the other one, to compare with an IoU."""

SURE = 0.8
"""Least score of an object that one look is enough for, and that has to be explained: a model finds others now and
then, wherever it looks."""

TRACED_SIDE = 24
"""Points along each side of a box that are traced; between them the motion is interpolated."""

SMOOTHED = 4.0
"""Standard deviation, in traced points, of the neighbourhood that a point moves with."""

LEAST_WEIGHT = 1e-4
"""Weight of a point that is off its object, or without trust, in the motion of its neighbours."""

ROBUST_ROUNDS = 2
"""Number of fits of a box's motion; each one lowers the weight of points that the previous one explained badly."""


class Bridge:
    """Motion of the objects from one key frame to the next.

    Args:
        first: the objects of the earlier key frame.
        last: those of the later one, of the same classes and mask grid.
        flows: the N + 1 flows from frame to frame, over the N frames between.

    Attributes:
        explained: for the earlier and for the later key frame, the share (0 to 1) of its worst sure object that flow
            carries onto any object of the other one, or out of the picture. A second detection of the same object, or
            of a part of it, does not lower it; an object that is in only one of the key frames, and did not cross the
            border, does.
        trust: trust (0 to 1) in the flow of the worst object that both have, in the worst frame, from the key frame
            that earns more of it.
    """

    def __init__(self, first: Detections, last: Detections, flows: Sequence[Flow]) -> None:
        self._first, self._last, self._flows = first, last, flows
        self._ahead = _push(first, [flow.forward for flow in flows])
        self._behind = _push(last, [flow.backward for flow in reversed(flows)])[::-1]
        self._pairs = _pairs(first, self._ahead[-1], last, self._behind[0])
        self._leaving = (_outside(first, self._ahead[-1]) >= LEFT, _outside(last, self._behind[0]) >= LEFT)
        self._sure = (first.scores >= SURE, last.scores >= SURE)
        self.explained = (_explained(first, self._ahead[-1], last), _explained(last, self._behind[0], first))
        one, two = self._pairs.T
        trust = [
            np.maximum(ahead.trust[one], behind.trust[two])
            for ahead, behind in zip(self._ahead, self._behind[1:], strict=False)
        ]
        self.trust = float(np.min(trust, initial=1.0))

    def between(self, times: Sequence[float]) -> list[Detections]:
        """Return the objects of the N frames between, at relative ``times`` from 0 to 1.

        An object in only one of the key frames appears in the frames nearer to that one if it is sure, or, where it
        crosses the border on the way, for as long as it is in the picture. One that is not sure stays in its key frame:
        a single look is no more than a single frame, which may be a false alarm.
        """
        found = []
        for index, time in enumerate(times):
            one = _Side(self._first, self._ahead[index], [flow.backward for flow in self._flows[index::-1]], 1 - time)
            two = _Side(self._last, self._behind[index + 1], [flow.forward for flow in self._flows[index + 1 :]], time)
            found.append(_blend([one, two], _rows(self._pairs, self._leaving, self._sure, time)))
        return found


def carry_forward(key: Detections, flows: Sequence[Flow]) -> Detections:
    """Carry the objects of a key frame over one or more flows to a later frame, where no other key frame is known."""
    moved = _push(key, [flow.forward for flow in flows])[-1]
    side = _Side(key, moved, [flow.backward for flow in reversed(flows)], 1.0)
    return _blend([side], np.arange(len(key))[:, None])


@dataclass(frozen=True)
class _Moved:
    """Positions of the N objects of a key frame in another frame.

    Attributes:
        boxes: ``(N, 4)``, XYXY.
        trust: ``(N,)`` in [0, 1], the mean over the object's points.
        points: ``(N, P, 2)``, positions of the traced points of its box.
    """

    boxes: Floats
    trust: Floats
    points: Points


@dataclass(frozen=True)
class _Side:
    """A key frame, as seen from a frame to which its objects are carried.

    Attributes:
        key: its objects.
        moved: where they are in that frame.
        way: the fields from that frame back to the key frame.
        nearness: weight of the key frame by its distance in time, in [0, 1].
    """

    key: Detections
    moved: _Moved
    way: list[Field]
    nearness: float


def _push(key: Detections, way: Sequence[Field]) -> list[_Moved]:
    """Move the objects of a key frame through each of the frames that lead away from it."""
    start = _grid(key.boxes)
    inside = _inside(key)
    points, trust = start, np.ones(start.shape[:2], np.float32)
    moved = []
    for field in way:
        points, trust = trace(points, trust, field, key.size)
        boxes = _follow(key.boxes, start, points, inside * (trust + LEAST_TRUST))
        moved.append(_Moved(boxes, _share_of(inside, trust), points))
    return moved


def _pull(key: Detections, boxes: Floats, way: Sequence[Field]) -> tuple[Floats, Floats]:
    """Read the masks of a key frame's K objects at the origins of the points of their boxes in another frame.

    Returns:
        masks ``(K, M, M)`` over ``boxes``, and the trust in them on the grid that was traced, ``(K, 24, 24)``.
    """
    start = _grid(boxes)
    points, trust = start, np.ones(start.shape[:2], np.float32)
    for field in way:
        points, trust = trace(points, trust, field, key.size)
    samples = key.soft_masks.shape[1]
    masks = np.empty((len(key), samples, samples), np.float32)
    corners, sides = key.boxes[:, :2], np.maximum(key.boxes[:, 2:] - key.boxes[:, :2], 1e-6)
    from_start, from_points = ((each - corners[:, None]) / sides[:, None] * samples for each in (start, points))
    bent = _smooth(from_points - from_start, trust * _inside(key))
    straight = (_centres(boxes, samples) - corners[:, None]) / sides[:, None] * samples - 0.5
    for index, mask in enumerate(key.soft_masks):
        fine = _enlarge(bent[index], samples)
        u, v = fine[..., 0] + straight[index, None, :, 0], fine[..., 1] + straight[index, :, None, 1]
        masks[index] = cv2.remap(mask, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return masks, trust.reshape(-1, TRACED_SIDE, TRACED_SIDE)


def _blend(sides: Sequence[_Side], rows: npt.NDArray[np.intp]) -> Detections:
    """Blend the objects of one or two key frames into those of the frame between.

    Args:
        sides: one or two key frames.
        rows: ``(K, len(sides))`` index of each object in each key frame, -1 where it is missing there.
    """
    seen = [(side, row) for side, row in zip(sides, rows.T, strict=True) if (row >= 0).any()]
    if not seen:
        return Detections.empty(sides[0].key.size, sides[0].key.class_names)
    near = [side.nearness * (row >= 0).astype(np.float32) for side, row in seen]
    shares = _shares([n * (side.moved.trust[row] + LEAST_TRUST) for n, (side, row) in zip(near, seen, strict=True)])
    height, width = sides[0].key.size
    corners = _shares([share[:, None] * _whole(side.key)[row] for share, (side, row) in zip(shares, seen, strict=True)])
    boxes = _sum([corner * side.moved.boxes[row] for corner, (side, row) in zip(corners, seen, strict=True)])
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    pulled = [_pull(side.key[row], boxes, side.way) for side, row in seen]
    masks = pulled[0][0]
    if len(pulled) == 2:
        weights = [n[:, None, None] * (trust + LEAST_TRUST) for n, (_, trust) in zip(near, pulled, strict=True)]
        other = _shares(weights)[1]
        for index, mask in enumerate(pulled[1][0]):
            masks[index] += _enlarge(other[index], mask.shape[0]) * (mask - masks[index])
    scores = np.max([np.where(row >= 0, side.key.scores[row], 0) for side, row in seen], axis=0)
    classes = np.max([np.where(row >= 0, side.key.classes[row], -1) for side, row in seen], axis=0)
    found = Detections(sides[0].key.size, boxes, scores, classes, masks, sides[0].key.class_names)
    order = np.argsort(-scores, kind="stable")
    in_sight = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST_SIDE
    return replace(found[order[in_sight[order]]], identities=None)


def _pairs(first: Detections, ahead: _Moved, last: Detections, behind: _Moved) -> npt.NDArray[np.intp]:
    """``(P, 2)`` indices into both key frames of the objects that are the same, carried ``ahead`` or ``behind``.

    An object that the border cuts off in one of the key frames is a part of that in the other one.
    """
    pushed, pulled = _in_sight(ahead, last), _in_sight(behind, first)
    overlaps = np.maximum(box_iou(pushed, last.boxes), box_iou(first.boxes, pulled))
    cut_off = (_whole(first).min(axis=1) < 1)[:, None] | (_whole(last).min(axis=1) < 1)[None, :]
    contained = np.maximum(box_containment(pushed, last.boxes), box_containment(first.boxes, pulled))
    overlaps = np.where(cut_off, np.maximum(overlaps, contained - SMALLER_PART), overlaps)
    may_be = (first.classes[:, None] == last.classes[None, :]) & (overlaps >= MIN_BOX_IOU)
    sure = np.minimum(first.scores[:, None], last.scores[None, :])  # not with a second, weak detection of the object
    matches = best_pairs(np.where(may_be, overlaps * sure, 0).astype(np.float32), np.finfo(np.float32).tiny)
    return np.array([(row, column) for column, row in sorted(matches.items())], np.intp).reshape(-1, 2)


def _rows(pairs: npt.NDArray[np.intp], leaving: _Both, sure: _Both, time: float) -> npt.NDArray[np.intp]:
    """``(K, 2)`` indices, or -1, of the objects that are there at ``time``: pairs, ``leaving``, nearer and ``sure``."""
    parts = [pairs]
    for side, nearer in enumerate((time < 0.5, time >= 0.5)):
        there = leaving[side] | (sure[side] & nearer)
        there[pairs[:, side]] = False
        rows = np.full((int(there.sum()), 2), -1, np.intp)
        rows[:, side] = np.flatnonzero(there)
        parts.append(rows)
    return np.concatenate(parts)


def _in_sight(moved: _Moved, other: Detections) -> Floats:
    """``(N, 4)``: the part of each moved box that lies in the picture."""
    height, width = other.size
    return np.clip(moved.boxes, 0, np.array([width, height, width, height], np.float32))


def _whole(key: Detections) -> Floats:
    """``(N, 4)``: 1 for the sides of the boxes at which the objects end, little for those at the picture's border."""
    height, width = key.size
    distances = np.abs(key.boxes - np.array([0, 0, width, height], np.float32))
    sides = np.tile(key.boxes[:, 2:] - key.boxes[:, :2], 2)
    return np.where(distances <= np.maximum(AT_BORDER, AT_BORDER_SHARE * sides), np.float32(CUT_OFF), np.float32(1))


def _beyond(moved: _Moved, size: tuple[int, int]) -> Floats:
    """``(N, P)``: 1 for the points outside the picture, 0 for the others."""
    x, y = moved.points[..., 0], moved.points[..., 1]
    return ((x < 0) | (y < 0) | (x > size[1]) | (y > size[0])).astype(np.float32)


def _outside(key: Detections, moved: _Moved) -> Floats:
    """``(N,)`` share of each object's points that ``moved`` out of the picture."""
    return _share_of(_inside(key), _beyond(moved, key.size))


def _explained(key: Detections, moved: _Moved, other: Detections) -> float:
    """The lowest share of the points of a sure object of ``key`` that ``moved`` onto one of ``other``, or outside."""
    if not len(key):
        return 1.0
    covered = _beyond(moved, key.size)
    samples = other.soft_masks.shape[1]
    for (x0, y0, x1, y1), mask in zip(other.boxes.tolist(), other.soft_masks, strict=True):
        u = (moved.points[..., 0] - x0) * (samples / max(x1 - x0, 1e-6)) - 0.5
        v = (moved.points[..., 1] - y0) * (samples / max(y1 - y0, 1e-6)) - 0.5
        found = cv2.remap(mask, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        covered = np.maximum(covered, found >= THRESHOLD)
    return float(np.min(_share_of(_inside(key), covered)[key.scores >= SURE], initial=1.0))


def _share_of(inside: Floats, values: Floats) -> Floats:
    """``(N,)`` mean of ``(N, P)`` values over the points inside each object."""
    return np.asarray((inside * values).sum(axis=1) / np.maximum(inside.sum(axis=1), 1), np.float32)


def _smooth(motion: Points, weights: Floats) -> Floats:
    """``(N, 24, 24, 2)``: the motion of ``(N, P, 2)`` points with that of their neighbours, weighted by ``(N, P)``.

    The edge then moves with the object, not with what is behind it.
    """
    grid = (len(motion), TRACED_SIDE, TRACED_SIDE)
    parts = [
        cv2.GaussianBlur(each * weight[..., None], (0, 0), SMOOTHED)
        / cv2.GaussianBlur(weight, (0, 0), SMOOTHED)[..., None]
        for each, weight in zip(motion.reshape(*grid, 2), weights.reshape(grid) + LEAST_WEIGHT, strict=True)
    ]
    return np.array(parts, np.float32).reshape(*grid, 2)


def _inside(key: Detections) -> Floats:
    """``(N, P)``: 1 for the traced points that lie on their object, 0 for the others."""
    coarse = [cv2.resize(mask, (TRACED_SIDE, TRACED_SIDE), interpolation=cv2.INTER_AREA) for mask in key.soft_masks]
    return (np.array(coarse, np.float32).reshape(len(key), TRACED_SIDE**2) >= THRESHOLD).astype(np.float32)


def _follow(boxes: Floats, start: Points, points: Points, weights: Floats) -> Floats:
    """Boxes ``(N, 4)`` that moved and grew along each axis as their points ``(N, P, 2)`` did, robustly fitted."""
    robust, moments = weights, partial(np.einsum, "np,npc->nc")
    scale = shift = middle = np.zeros((len(boxes), 1, 2), np.float32)
    for _ in range(ROBUST_ROUNDS):
        robust = robust / np.maximum(robust.sum(axis=1, keepdims=True), 1e-9)
        middle, shift = moments(robust, start)[:, None], moments(robust, points)[:, None]
        before, after = start - middle, points - shift
        scale = ((moments(robust, before * after) + 1) / (moments(robust, before * before) + 1))[:, None]
        after -= scale * before
        error = np.einsum("npc,npc->np", after, after)
        typical = np.einsum("np,np->n", robust, error)[:, None]
        robust = weights / (1 + error / np.maximum(typical, 0.25))
    corners = shift + scale * (boxes.reshape(len(boxes), 2, 2) - middle)
    return corners.reshape(len(boxes), 4).astype(np.float32)


def _grid(boxes: Floats) -> Points:
    """``(N, P, 2)`` the points of ``(N, 4)`` boxes that are traced, row by row."""
    centres = _centres(boxes, TRACED_SIDE)
    x = np.broadcast_to(centres[:, None, :, 0], (len(boxes), TRACED_SIDE, TRACED_SIDE))
    y = np.broadcast_to(centres[:, :, None, 1], (len(boxes), TRACED_SIDE, TRACED_SIDE))
    return np.stack([x, y], axis=-1).reshape(len(boxes), TRACED_SIDE**2, 2)


def _centres(boxes: Floats, samples: int) -> Points:
    """``(N, M, 2)`` x of the columns and y of the rows of M x M samples stretched over ``(N, 4)`` boxes."""
    part = ((np.arange(samples, dtype=np.float32) + 0.5) / samples)[:, None]
    return boxes[:, None, :2] + part * (boxes[:, None, 2:] - boxes[:, None, :2])


def _enlarge(values: Floats, samples: int) -> Floats:
    """Interpolate ``(24, 24)`` or ``(24, 24, 2)`` values from the traced grid onto that of a mask."""
    return np.asarray(cv2.resize(values, (samples, samples), interpolation=cv2.INTER_LINEAR), np.float32)


def _shares(weights: Sequence[Floats]) -> list[Floats]:
    """Divide each weight by their total."""
    total = _sum(weights)
    return [weight / total for weight in weights]


def _sum(values: Sequence[Floats]) -> Floats:
    return np.asarray(np.sum(values, axis=0), np.float32)
