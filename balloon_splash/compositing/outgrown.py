"""Objects beyond their boxes: where a box is too small, the mask ends in a straight line, and the object does not."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Image, Window, full_scale
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.grabcut import LEAST_SAMPLES, grabcut

REACH = 0.08
"""Distance beyond a side of the box in which the object is looked for, as a share of the box."""

LEAST_CUT = 1.6
"""Least length of a side inside the object, by that of a disc in a box that fits it: below, it touches as it should."""

WORKING_SIDE = 200
"""Longer side in pixels of the picture in which colours are compared."""

_MARGIN = 0.04
"""Background around the box that is compared as well, as a share of the box."""

_AT_BORDER = 2.0
"""Pixels from the picture's border within which a box ends because the picture does."""

_ROUNDS = 2

Probability = npt.NDArray[np.float32]


def beyond_boxes(
    detections: Detections, pasted: Sequence[tuple[Probability, Window]], guide: Image
) -> npt.NDArray[np.bool_]:
    """Continue objects to the picture's contour where the side of a box cuts them.

    GrabCut decides by colour, in a strip beyond that part of the side;
    everything else keeps what the mask says, and other objects stay what they are.

    Args:
        detections: the N objects.
        pasted: of each object, probabilities in its window of the picture.
        guide: ``(H, W, 3)`` the photo.

    Returns:
        ``(H, W)`` the pixels that join the objects.
    """
    joined = np.zeros(detections.size, np.bool_)
    count = np.zeros(detections.size, np.uint8)
    for probability, window in pasted:
        count[window] += probability >= 0.5
    for index, (probability, window) in enumerate(pasted):
        sides = _cut_sides(detections, index)
        if not sides:
            continue
        count[window] -= probability >= 0.5  # those of the others are left
        around = _around(detections.boxes[index], detections.size)
        full = np.zeros(detections.size, np.float32)
        full[window] = probability
        found = _continued(
            np.asarray(cv2.convertScaleAbs(guide[around], alpha=255 / full_scale(guide)), np.uint8),
            full[around],
            count[around] > 0,
            _grid(detections, index, around),
            sides,
        )
        joined[around] |= found & (count[around] == 0)
        count[window] += probability >= 0.5
    return joined


def least_cut(samples: int) -> float:
    """Return the least share of a side's samples inside the object at which the side cuts it.

    The outermost samples of a disc lie half a sample inside its box, where the chord is ``sqrt(2 / samples)`` of the
    side. Half as long again and a little more, and about one sample of the disc is missing.
    """
    return LEAST_CUT * math.sqrt(2 / samples)


def _cut_sides(detections: Detections, index: int) -> dict[int, npt.NDArray[np.bool_]]:
    """Return samples inside the object along each side that cuts it: 0 left, 1 top, 2 right, 3 bottom."""
    height, width = detections.size
    left, top, right, bottom = detections.boxes[index]
    room = (left, top, width - right, height - bottom)
    inside = detections.soft_masks[index] >= 0.5
    sides = enumerate((inside[:, 0], inside[0], inside[:, -1], inside[-1]))
    least = least_cut(len(inside))
    return {side: samples for side, samples in sides if room[side] > _AT_BORDER and np.mean(samples) >= least}


def _around(box: npt.NDArray[np.float32], size: tuple[int, int]) -> Window:
    margin = (box[2:] - box[:2]) * (REACH + _MARGIN)
    left, top = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:] + margin), size[::-1]).astype(int)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def _grid(detections: Detections, index: int, around: Window) -> tuple[Probability, Probability]:
    """Return x ``(1, w)`` and y ``(h, 1)`` of working pixels, in which the box reaches from 0 to 1."""
    height, width = (part.stop - part.start for part in around)
    scale = min(1.0, WORKING_SIDE / max(height, width))
    low, high = detections.boxes[index][:2], detections.boxes[index][2:]
    span = np.maximum(high - low, 1e-6)
    axes = []
    for part, pixels, start, length in zip(around[::-1], (width, height), low, span, strict=True):
        count = max(round(pixels * scale), 8)
        centres = part.start + (np.arange(count, dtype=np.float32) + 0.5) * pixels / count
        axes.append((centres - start) / length)
    return axes[0][None], axes[1][:, None]


def _strip(x: Probability, y: Probability, sides: dict[int, npt.NDArray[np.bool_]]) -> npt.NDArray[np.bool_]:
    """Return the working pixels beyond the cut parts of the sides, a little wider than these."""
    strip = np.zeros((y.size, x.size), np.bool_)
    beyond = {0: (-x, y), 1: (-y, x), 2: (x - 1, y), 3: (y - 1, x)}
    for side, samples in sides.items():
        distance, along = beyond[side]
        near = np.ones((1, 2 * max(len(samples) // 14, 1) + 1), np.uint8)
        wide = cv2.dilate(samples[None].astype(np.uint8), near)[0] > 0
        at = np.clip((along * len(samples)).astype(int), 0, len(samples) - 1)
        strip |= (distance > 0) & (distance <= REACH) & wide[at]
    return strip


def _continued(
    guide: npt.NDArray[np.uint8],
    probability: Probability,
    others: npt.NDArray[np.bool_],
    grid: tuple[Probability, Probability],
    sides: dict[int, npt.NDArray[np.bool_]],
) -> npt.NDArray[np.bool_]:
    """Return the pixels of a window that continue its object."""
    size = (grid[0].size, grid[1].size)
    inside = cv2.resize(probability, size, interpolation=cv2.INTER_AREA) >= 0.5
    taken = cv2.resize(others.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    open_ = _strip(*grid, sides) & ~taken & ~inside
    labels = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    labels[inside], labels[open_] = cv2.GC_FGD, cv2.GC_PR_BGD
    if not open_.any() or min(inside.sum(), (labels == cv2.GC_BGD).sum()) < LEAST_SAMPLES:
        return np.zeros(probability.shape, np.bool_)
    small = np.ascontiguousarray(cv2.resize(guide, size, interpolation=cv2.INTER_AREA), np.uint8)
    whole = grabcut(small, labels, _ROUNDS)
    _, parts = cv2.connectedComponents(whole.astype(np.uint8), connectivity=4)
    found = whole & ~inside & np.isin(parts, np.unique(parts[inside]))
    enlarged = cv2.resize(found.astype(np.float32), probability.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged >= 0.5)
