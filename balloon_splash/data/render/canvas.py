"""Canvas for all painters: polygons with soft edges, noise, colours, all on float images.

Images are ``(H, W, 3)`` RGB ``float32`` in [0, 1]; polygons ``(N, 2)`` in absolute pixels, where pixel
``(column, row)`` covers ``[column, column + 1) x [row, row + 1)``.
"""

from __future__ import annotations

import colorsys
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
Points = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in whole pixels, the last two exclusive

_SUBPIXELS = 4  # samples along each side of a pixel; twice as many for small shapes, see coverage()
_SMALL = 128 * 128  # square pixels
_SHIFT = 4  # fractional bits of the coordinates handed to OpenCV


def rgb(hue: float, saturation: float, value: float) -> FloatArray:
    """A colour ``(3,)`` from hue, saturation and value, each in [0, 1]; the hue wraps around."""
    return np.asarray(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)


def blur(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur of an image or a map, ``sigma`` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def smoothstep(low: float, high: float, values: npt.ArrayLike) -> FloatArray:
    """0 below ``low``, 1 above ``high``, an S-curve in between."""
    t = np.clip((np.asarray(values, np.float32) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def vertical_gradient(height: int, width: int, stops: list[tuple[float, FloatArray]]) -> FloatArray:
    """An image whose rows run through ``stops``: (position in [0, 1] from the top, colour)."""
    rows = np.linspace(0, 1, height)
    positions = [position for position, _ in stops]
    columns = [np.interp(rows, positions, [color[channel] for _, color in stops]) for channel in range(3)]
    gradient = np.stack(columns, axis=-1).astype(np.float32)[:, None]
    return np.repeat(gradient, width, axis=1)


def fractal_noise(
    rng: np.random.Generator, height: int, width: int, cell: float, octaves: int = 4, stretch: float = 1.0
) -> FloatArray:
    """Cloud-like noise ``(height, width)`` in [0, 1]; ``cell`` is the size of its largest features in pixels.

    Octaves of enlarged random grids, each with half the cell and half the weight (value noise after Perlin).
    ``stretch`` makes the features wider than high.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        size = max(cell / 2**octave, 1.0)
        grid = rng.random((int(height / size) + 3, int(width / (size * stretch)) + 3), dtype=np.float32)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def bounding_box(outline: Points, height: int, width: int, margin: int = 1) -> Box:
    """The pixels that a polygon touches, with a margin, clipped to the image; x1 <= x0 where it lies outside."""
    x0, y0 = np.floor(outline.min(axis=0)).astype(int) - margin
    x1, y1 = np.ceil(outline.max(axis=0)).astype(int) + margin
    return max(int(x0), 0), max(int(y0), 0), min(int(x1), width), min(int(y1), height)


def fill(target: npt.NDArray[np.uint8], outline: Points, scale: int, value: int = 255) -> None:
    """Set the samples of ``target`` inside a polygon, where ``target`` holds ``scale`` x ``scale`` samples a pixel."""
    fixed = np.rint((outline * scale - 0.5) * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(target, [fixed], [value], shift=_SHIFT)


def coverage(outline: Points, box: Box) -> FloatArray:
    """The share of each pixel of ``box`` that a polygon covers: ``(y1 - y0, x1 - x0)`` in [0, 1]."""
    x0, y0, x1, y1 = box
    # fillPoly paints the samples on the outline, too: half a sample too wide, which tells on small shapes.
    scale = _SUBPIXELS * 2 if (x1 - x0) * (y1 - y0) < _SMALL else _SUBPIXELS
    samples = np.zeros(((y1 - y0) * scale, (x1 - x0) * scale), np.uint8)
    fill(samples, outline - (x0, y0), scale)
    return cv2.resize(samples, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def blend(image: FloatArray, color: FloatArray, alpha: FloatArray, box: Box) -> None:
    """Lay ``color``, one or ``(h, w, 3)``, over the box of ``image`` with ``alpha`` ``(h, w)``, in place."""
    x0, y0, x1, y1 = box
    patch = image[y0:y1, x0:x1]
    patch += (color - patch) * alpha[..., None]


def fill_polygon(image: FloatArray, outline: Points, color: FloatArray, opacity: float = 1.0) -> None:
    """Paint a polygon of one colour with soft edges, in place; what lies outside the image is ignored."""
    box = bounding_box(outline, *image.shape[:2])
    if box[0] < box[2] and box[1] < box[3]:
        blend(image, color, coverage(outline, box) * opacity, box)


def fill_rectangle(
    image: FloatArray, corner: tuple[float, float], size: tuple[float, float], color: FloatArray
) -> None:
    """Paint an upright rectangle given by its upper left corner, width and height."""
    (x, y), (width, height) = corner, size
    fill_polygon(image, np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]), color)


def stroke(image: FloatArray, path: Points, width: float, color: FloatArray, opacity: float = 1.0) -> None:
    """Paint a thin line along ``path`` (M, 2), ``width`` in pixels, in place."""
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal *= width / 2 / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    fill_polygon(image, np.concatenate([path + normal, (path - normal)[::-1]]), color, opacity)


def ellipse(center: tuple[float, float], radii: tuple[float, float], angle: float = 0.0, corners: int = 48) -> Points:
    """The outline of an ellipse, turned by ``angle`` (radians)."""
    t = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([center[0] + cos * x - sin * y, center[1] + sin * x + cos * y], axis=1)
