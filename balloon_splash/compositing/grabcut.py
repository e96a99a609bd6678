"""Objects by their colours: GrabCut (Rother, Kolmogorov and Blake, SIGGRAPH 2004)."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Labels: TypeAlias = npt.NDArray[np.uint8]
"""``(H, W)``: OpenCV's ``GC_BGD``, ``GC_FGD``, ``GC_PR_BGD`` and ``GC_PR_FGD``."""

BOX_SIDE = 256
"""Longer side of a box in pixels in which colours are compared."""

LEAST_SAMPLES = 20
"""Pixels of object and of background without which their colours cannot be compared."""

_AROUND = 0.25
"""Background around a box that is compared as well, as a share of the box."""

_LEAST_SIDE = 12
"""Pixels of a box's side below which its outline is as good as its colours."""

_BOX_ROUNDS = 4
_BINS = (12, 8)
_ALIKE = 0.5


def grabcut(rgb: npt.NDArray[np.uint8], labels: Labels, rounds: int) -> npt.NDArray[np.bool_]:
    """Return the pixels ``(H, W)`` of the object.

    Args:
        rgb: ``(H, W, 3)``.
        labels: what is known of each pixel, with :data:`LEAST_SAMPLES` of the object and of the background.
        rounds: how often the colours of both are learned.
    """
    known = labels.copy()
    cv2.setRNGSeed(0)  # the colours' clusters start at random points
    cv2.grabCut(rgb, known, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), rounds, cv2.GC_INIT_WITH_MASK)
    return np.asarray((known == cv2.GC_FGD) | (known == cv2.GC_PR_FGD))


def object_in_box(
    rgb: npt.NDArray[np.uint8], box: npt.NDArray[np.float32], samples: int
) -> npt.NDArray[np.float32] | None:
    """Draw the object in a box that somebody has drawn around it.

    What is outside the box is background, and the ellipse in the box is the object until the colours say otherwise.

    Args:
        rgb: ``(H, W, 3)`` the picture.
        box: ``(4,)`` XYXY inside the picture.
        samples: the number M of samples on each side of the mask.

    Returns:
        ``(M, M)`` mask in [0, 1], stretched over the box; None in too small or thin a box, and where nothing is found.
    """
    sides = box[2:] - box[:2]
    if sides.min() < _LEAST_SIDE:
        return None
    low = np.maximum(np.floor(box[:2] - _AROUND * sides), 0).astype(int)
    high = np.minimum(np.ceil(box[2:] + _AROUND * sides), rgb.shape[1::-1]).astype(int)
    scale = min(1.0, BOX_SIDE / float(sides.max()))
    width, height = np.maximum(np.rint((high - low) * scale), 1).astype(int).tolist()
    small = cv2.resize(rgb[low[1] : high[1], low[0] : high[0]], (width, height), interpolation=cv2.INTER_AREA)
    left, top, right, bottom = np.rint((box - np.tile(low, 2)) * scale).astype(int).tolist()
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    labels[top:bottom, left:right] = cv2.GC_PR_BGD
    centre, axes = ((left + right) // 2, (top + bottom) // 2), ((right - left) // 2, (bottom - top) // 2)
    cv2.ellipse(labels, centre, axes, 0, 0, 360, (cv2.GC_PR_FGD,), -1)
    taken = labels == cv2.GC_PR_FGD
    if min(taken.sum(), (~taken).sum()) < LEAST_SAMPLES:
        return None
    found = grabcut(np.ascontiguousarray(small, np.uint8), labels, _BOX_ROUNDS)[top:bottom, left:right]
    if not found.any():
        return None
    mask = cv2.resize(found.astype(np.float32), (samples, samples), interpolation=cv2.INTER_AREA)
    return np.asarray(mask, np.float32)


def colours(
    rgb: npt.NDArray[np.uint8], box: npt.NDArray[np.float32], mask: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the histogram of an object's hues and saturations.

    Args:
        rgb: ``(H, W, 3)`` the picture.
        box: ``(4,)`` XYXY of the object.
        mask: ``(M, M)`` its mask, stretched over the box.
    """
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.ceil(box[2:]).astype(int)
    sampled = cv2.resize(rgb[top:bottom, left:right], mask.shape[::-1], interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(sampled, cv2.COLOR_RGB2HSV)
    inside = (mask >= 0.5).astype(np.uint8)
    counted = cv2.calcHist([hsv], [0, 1], inside, list(_BINS), [0, 180, 0, 256])
    return np.asarray(counted, np.float32)


def alike(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    """Return whether two histograms of :func:`colours` may be of the same object (Bhattacharyya's distance)."""
    return cv2.compareHist(one, other, cv2.HISTCMP_BHATTACHARYYA) < _ALIKE
