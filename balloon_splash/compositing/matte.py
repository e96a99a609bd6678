"""Mattes from detections: one float picture that says where the colour stays."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Image, Matte, Window
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.edges import guided_refine, ramp_at_distance
from balloon_splash.compositing.outgrown import REACH, beyond_boxes
from balloon_splash.compositing.strokes import Strokes

THRESHOLD = 0.5
"""Lowest probability of a point that belongs to an object, as in Detectron2's ``paste_masks_in_image``."""

SOFT_RAMP = 0.2
"""A soft edge rises from 0 to 1 while the probability passes through an interval of this width around 0.5."""

SOFT_EDGE_PX = 2.0
"""Width in pixels of a soft edge that was moved by ``grow``, where the probabilities no longer describe it."""


def matte(
    detections: Detections,
    *,
    soft: bool = False,
    feather: float = 0.0,
    grow: float = 0.0,
    refine: int = 0,
    guide: Image | None = None,
    strokes: Strokes | None = None,
) -> Matte:
    """Join the objects' masks into one matte.

    Args:
        detections: the N objects; none gives a matte of zeros.
        soft: let the edge rise gradually where the masks' probability passes 0.5, instead of jumping from 0 to 1.
        feather: width in pixels of a ramp laid over the edge, half inside and half outside.
        grow: distance in pixels that the edge moves outwards; negative values shrink.
        refine: radius in pixels of a guided filter that pulls the edge to the contours of ``guide``; objects that their
            boxes cut off are continued to a contour as well (:mod:`balloon_splash.compositing.outgrown`). 0 is off.
        guide: ``(H, W, 3)`` the photo itself; needed by ``refine`` only.
        strokes: corrections of what the masks say, before edges are shaped; of any size.

    Returns:
        ``(H, W)`` float32 in [0, 1]; only 0 and 1 if every option is off.

    Raises:
        ValueError: ``refine`` without ``guide``.
        UsageError: ``strokes`` have another proportion than the picture.
    """
    result = np.zeros(detections.size, np.float32)
    if strokes is not None:
        strokes = strokes.fitted(detections.size)
    margin = int(np.ceil(abs(grow) + feather + 2 * refine)) + 2
    if refine and len(detections):
        margin += int(np.ceil(REACH * (detections.boxes[:, 2:] - detections.boxes[:, :2]).max()))
    window = _window(detections, strokes, margin)
    if window is None:
        return result
    if refine and guide is None:
        raise ValueError("refine follows the contours of the photo: pass it as guide")
    probability = union_probability(detections, window)
    if strokes is not None:
        probability = strokes.corrected(probability, window)
    alpha = _shape(probability, soft=soft and not refine)
    if refine and guide is not None:
        alpha = guided_refine(alpha, guide[window], radius=refine)
        alpha = np.maximum(alpha if soft else _harden(alpha), _beyond_boxes(detections, guide, strokes, window))
    if grow or feather:
        width = feather or (SOFT_EDGE_PX if soft else 0.0)
        alpha = ramp_at_distance(_harden(alpha), grow=grow, width=width)
    result[window] = alpha
    return result


def instance_masks(detections: Detections) -> npt.NDArray[np.bool_]:
    """``(N, H, W)`` hard mask of each object, as Detectron2's ``pred_masks``."""
    masks = np.zeros((len(detections), *detections.size), np.bool_)
    for index in range(len(detections)):
        probability, window = paste_probability(detections, index)
        masks[index][window] = probability >= THRESHOLD
    return masks


def union_probability(detections: Detections, window: Window) -> npt.NDArray[np.float32]:
    """The highest probability of any object at every pixel of ``window``, which has to hold all of them."""
    rows, columns = window
    union = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    for index in range(len(detections)):
        probability, (r, c) = paste_probability(detections, index)
        part = union[r.start - rows.start : r.stop - rows.start, c.start - columns.start : c.stop - columns.start]
        np.maximum(part, probability, out=part)
    return union


def paste_probability(detections: Detections, index: int) -> tuple[npt.NDArray[np.float32], Window]:
    """Stretch the soft mask of one object over its box.

    The geometry is that of ``detectron2.layers.mask_ops.paste_masks_in_image``: pixel centres lie at +0.5, the mask
    covers the box exactly (``align_corners=False``), and beyond its outermost samples it falls linearly to zero.
    Bilinear interpolation is separable: the rows of the mask are stretched to the width of the box, then each row of
    the picture mixes two of them.

    Returns:
        ``(h, w)`` float32 probabilities and their window in the picture.
    """
    height, width = detections.size
    soft_mask = detections.soft_masks[index]
    x0, y0, x1, y1 = (float(value) for value in detections.boxes[index])
    rows, down = _neighbours(y0, y1, soft_mask.shape[0], height)
    columns, across = _neighbours(x0, x1, soft_mask.shape[1], width)
    (left, left_weight), (right, right_weight) = across
    wide = soft_mask[:, left] * left_weight + soft_mask[:, right] * right_weight
    (above, above_weight), (below, below_weight) = down
    probability = wide[above]
    probability *= above_weight[:, None]
    lower = wide[below]
    lower *= below_weight[:, None]
    probability += lower
    return np.asarray(probability, np.float32), (rows, columns)


_Mix: TypeAlias = "tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]"
"""``(pixels,)`` index of a sample for each pixel, and its weight."""


def _neighbours(start: float, end: float, samples: int, limit: int) -> tuple[slice, tuple[_Mix, _Mix]]:
    """Return the pixels along one axis that the samples reach, and the samples before and behind each of them.

    Beyond the outermost samples lies 0.
    """
    length = max(end - start, 1e-6)
    reach = length / samples / 2  # half a sample beyond the box the interpolation has fallen to zero
    first = min(max(int(np.floor(start - reach)), 0), limit)
    last = max(min(int(np.ceil(end + reach)), limit), first)
    position = (np.arange(first, last, dtype=np.float32) + 0.5 - start) / length * samples - 0.5
    before = np.floor(position)
    share = (position - before).astype(np.float32)
    mixes = []
    for sample, weight in ((before, 1 - share), (before + 1, share)):
        known = (sample >= 0) & (sample < samples)
        mixes.append((np.where(known, sample, 0).astype(np.intp), np.where(known, weight, 0).astype(np.float32)))
    return slice(first, last), (mixes[0], mixes[1])


def _beyond_boxes(detections: Detections, guide: Image, strokes: Strokes | None, window: Window) -> Matte:
    """Return what joins the objects beyond their boxes, unless a stroke removes it."""
    pasted = [paste_probability(detections, index) for index in range(len(detections))]
    joined = beyond_boxes(detections, pasted, guide)[window].astype(np.float32)
    return joined if strokes is None else strokes.corrected(joined, window)


def _shape(probability: npt.NDArray[np.float32], *, soft: bool) -> Matte:
    if not soft:
        return (probability >= THRESHOLD).astype(np.float32)
    return np.clip((probability - THRESHOLD) / SOFT_RAMP + 0.5, 0, 1)


def _harden(alpha: Matte) -> Matte:
    return (alpha >= 0.5).astype(np.float32)


def _window(detections: Detections, strokes: Strokes | None, margin: int) -> Window | None:
    """Return the part of the picture that objects, strokes and ``margin`` pixels around them touch; None if none."""
    height, width = detections.size
    sides = detections.boxes[:, 2:] - detections.boxes[:, :2]
    reach = sides / np.array(detections.soft_masks.shape[:0:-1], np.float32)
    boxes = np.hstack([detections.boxes[:, :2] - reach, detections.boxes[:, 2:] + reach])
    if strokes is not None and strokes.add.any():
        boxes = np.vstack([boxes, np.array([strokes.box], np.float32)])
    if not len(boxes):
        return None
    left, top = np.floor(boxes[:, :2].min(axis=0) - margin).astype(int)
    right, bottom = np.ceil(boxes[:, 2:].max(axis=0) + margin).astype(int)
    rows = np.clip([top, bottom], 0, height)
    columns = np.clip([left, right], 0, width)
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))
