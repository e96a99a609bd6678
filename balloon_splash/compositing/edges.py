"""Moving, softening and refining the edge of a matte."""

from __future__ import annotations

from functools import partial
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Image, Matte, PixelIndices, Window, full_scale

GUIDED_EPSILON = 1e-4
"""Regularisation of the guided filter for colours in [0, 1]: contrasts well below its root are smoothed over."""

GUIDED_SAMPLES_PER_RADIUS = 4
"""Points per radius of the grid on which the filter's coefficients are computed."""

FOREGROUND_RADII = (30, 6)
"""Radii in pixels around an edge pixel from which the object's own colour is estimated: first far, then near."""

FOREGROUND_STEP = 4
"""PixelIndices between the points where these mean colours are computed."""

REMAP_ROWS = 2**14


def ramp_at_distance(hard: Matte, *, grow: float, width: float) -> Matte:
    """Move the edge of a hard matte outwards by ``grow`` pixels and give it a linear ramp of ``width`` pixels.

    Works on the signed Euclidean distance to the edge, so the time does not depend on either length, and corners are
    rounded evenly.
    """
    distance = signed_distance(hard) + np.float32(grow)
    if width <= 0:
        return (distance > 0).astype(np.float32)
    return np.clip(distance / np.float32(width) + 0.5, 0, 1)


def signed_distance(hard: Matte) -> npt.NDArray[np.float32]:
    """Distance in pixels from every pixel centre to the edge of a hard matte, positive inside."""
    inside = (hard > 0).astype(np.uint8)
    # OpenCV measures to the nearest pixel centre of the other side; the edge lies half a pixel before it.
    within = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    without = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) - 0.5
    return np.where(inside > 0, within, -without).astype(np.float32)


def guided_refine(alpha: Matte, guide: Image, *, radius: int) -> Matte:
    """Pull the edge of a matte to the contours of the photo, within about ``radius`` pixels.

    The colour guided filter of He, Sun and Tang, "Guided Image Filtering" (ECCV 2010): in every neighbourhood the
    matte is fitted as a linear function of the colour. As in "Fast Guided Filter" (He and Sun, 2015) the fit runs on
    a coarser grid and only its coefficients are enlarged. The result is stretched around 0.5, because the filter
    leaves a faint veil where object and background have similar colours.

    Args:
        alpha: ``(H, W)`` matte to refine.
        guide: ``(H, W, 3)`` the photo.
        radius: half the side of a neighbourhood in pixels.
    """
    height, width = alpha.shape
    step = max(radius // GUIDED_SAMPLES_PER_RADIUS, 1)
    small = (max(width // step, 1), max(height // step, 1))
    colour = guide.astype(np.float32) / full_scale(guide)
    slope, offset = _linear_fit(
        cv2.resize(alpha, small, interpolation=cv2.INTER_AREA),
        cv2.resize(colour, small, interpolation=cv2.INTER_AREA),
        radius=max(radius // step, 1),
    )
    enlarge = partial(cv2.resize, dsize=(width, height), interpolation=cv2.INTER_LINEAR)
    refined = np.einsum("hwc,hwc->hw", enlarge(slope), colour) + enlarge(offset)
    refined = np.clip((refined - 0.5) * 2 + 0.5, 0, 1)
    # Away from the edge the given matte is right; the filter may only decide near it.
    near_edge = np.abs(signed_distance((alpha >= 0.5).astype(np.float32))) <= radius
    return np.where(near_edge, refined, alpha).astype(np.float32)


def _linear_fit(
    alpha: npt.NDArray[Any], colour: npt.NDArray[Any], radius: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Coefficients ``(h, w, 3)`` and ``(h, w)`` such that ``alpha`` is about ``slope . colour + offset`` locally."""
    mean_colour, mean_alpha = box_mean(colour, radius), box_mean(alpha, radius)
    outer = (colour[..., :, None] * colour[..., None, :]).reshape(*alpha.shape, 9)
    variance = _box_mean_many(outer, radius).reshape(*alpha.shape, 3, 3)
    variance -= mean_colour[..., :, None] * mean_colour[..., None, :]
    covariance = box_mean(colour * alpha[..., None], radius) - mean_colour * mean_alpha[..., None]
    regular = variance + GUIDED_EPSILON * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(regular, covariance[..., None])[..., 0].astype(np.float32)
    offset = mean_alpha - np.einsum("hwc,hwc->hw", slope, mean_colour)
    return box_mean(slope, radius), box_mean(offset, radius)


def box_mean(values: npt.NDArray[Any], radius: int) -> npt.NDArray[np.float32]:
    """The mean over squares of side ``2 * radius + 1``; the border is reflected."""
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(values, -1, (side, side)), np.float32)


def _box_mean_many(values: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    """:func:`box_mean` for more channels than OpenCV filters at once."""
    return np.stack([box_mean(values[..., k].copy(), radius) for k in range(values.shape[-1])], axis=-1)


def pure_foreground(image: Image, alpha: Matte, edge: PixelIndices) -> npt.NDArray[np.float32]:
    """Estimate the object's own colour where it mixes with what is behind it, so that the cut-out has no halo.

    The blur fusion of Forte and Pitie, "Approximate Fast Foreground Colour Estimation" (ICIP 2021): the mean colours
    of object and background around a pixel, corrected by what their mixture does not explain, at two radii. The means
    change slowly, so they are found on a coarser grid around the edges; the correction uses every pixel.

    Args:
        image: ``(H, W, 3)`` photo.
        alpha: ``(H, W)`` matte.
        edge: rows and columns of the N pixels to estimate, at least one.

    Returns:
        ``(N, 3)`` colours, in the order of ``image[edge]``.
    """
    window = _around(edge, FOREGROUND_RADII[0])
    height, width = alpha[window].shape
    small = (max(width // FOREGROUND_STEP, 1), max(height // FOREGROUND_STEP, 1))
    shrink = partial(cv2.resize, dsize=small, interpolation=cv2.INTER_AREA)
    observed = np.asarray(shrink(image[window]), np.float32)
    # Three equal channels: NumPy is slow at repeating one.
    weight = np.asarray(cv2.merge([shrink(alpha[window])] * 3), np.float32)
    limit = np.float32(full_scale(image))
    front = back = observed
    for radius in FOREGROUND_RADII:
        near = min(max(radius // FOREGROUND_STEP, 1), max(min(small) // 2, 1))
        mean_weight = box_mean(weight, near)
        mean_front = box_mean(front * weight, near) / (mean_weight + 1e-5)
        back = box_mean(back * (1 - weight), near) / (1 - mean_weight + 1e-5)
        front = _unmix(observed, weight, mean_front, back, limit)
    points = _grid_points(edge, window, (height, width), small)
    return _unmix(
        image[edge].astype(np.float32), alpha[edge][:, None], _sample(mean_front, points), _sample(back, points), limit
    )


def _grid_points(
    edge: PixelIndices, window: Window, shape: tuple[int, int], size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """``(N, 1)`` x and y of the pixels on a grid of ``size`` (width, height) laid over the window."""
    x = (edge[1] - window[1].start + 0.5) * (size[0] / shape[1]) - 0.5
    y = (edge[0] - window[0].start + 0.5) * (size[1] / shape[0]) - 0.5
    return x.astype(np.float32)[:, None], y.astype(np.float32)[:, None]


def _sample(
    values: npt.NDArray[np.float32], points: tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
) -> npt.NDArray[np.float32]:
    """``(N, 3)`` bilinear interpolation of ``(h, w, 3)`` values, in parts: OpenCV's results end at 32767 rows."""
    parts = [
        cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for x, y in zip(*(np.array_split(axis, len(axis) // REMAP_ROWS + 1) for axis in points), strict=True)
    ]
    return np.concatenate(parts)[:, 0].astype(np.float32, copy=False)


def _unmix(
    observed: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    front: npt.NDArray[np.float32],
    back: npt.NDArray[np.float32],
    limit: np.float32,
) -> npt.NDArray[np.float32]:
    """Object colours near ``front`` that, mixed by ``weight`` with ``back``, come close to ``observed``."""
    return np.clip(front + weight * (observed - weight * front - (1 - weight) * back), 0, limit)


def _around(edge: PixelIndices, margin: int) -> Window:
    top, left = (max(int(axis.min()) - margin, 0) for axis in edge)
    bottom, right = (int(axis.max()) + 1 + margin for axis in edge)
    return slice(top, bottom), slice(left, right)
