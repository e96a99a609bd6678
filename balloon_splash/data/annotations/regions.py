"""Polygons of regions from their ``shape_attributes``.

All coordinates are pixels of the upright photo as the browser shows it, x to the right and y down, where the first
pixel covers [0, 1) x [0, 1).
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS
from balloon_splash.wording import counted

Polygon: TypeAlias = npt.NDArray[np.float64]  # (N, 2), N >= 3, the first point not repeated at the end


class SimpleRing(NamedTuple):
    """A flat list ``[x0, y0, x1, y1, ...]`` that is known to be a simple polygon with an area, and its box."""

    flat: list[float]
    bbox: tuple[float, float, float, float]


#: An outline as a file has it: a polygon, or COCO's flat list, of which nothing or all is known.
Ring: TypeAlias = "Polygon | list[Any] | SimpleRing"
Shape: TypeAlias = Mapping[str, object]

# An inscribed polygon of n vertices has n / (2 pi) * sin(2 pi / n) of the ellipse's area: 0.04 % less for 128.
ELLIPSE_VERTICES = 128
# Beyond any photo, and well within the accuracy of geometry in float64.
MAX_COORDINATE = 1e7


def region_polygon(
    shape: Shape, *, close_polylines: bool = False, max_points: int = DEFAULT_LIMITS.max_points
) -> Polygon:
    """Return the outline of a VIA region.

    Args:
        shape: ``shape_attributes`` of the region: polygon, polyline, rect, circle or ellipse.
        close_polylines: also take a polyline whose ends differ as a polygon.
        max_points: most vertices of a polygon or polyline.

    Returns:
        The vertices, ``(N, 2)`` XY pixels, exactly as in the file. They may be outside the photo and the polygon may
        intersect itself; :func:`~balloon_splash.data.annotations.polygons.fit_to_photo` mends both.

    Raises:
        UnsoundError: the kind of shape has no area, or its numbers do not make a shape.
    """
    name = shape.get("name")
    if name == "polygon":
        return _open_ring(_points(shape, max_points))
    if name == "polyline":
        return _polyline(shape, close_polylines, max_points)
    if name == "rect":
        return _rect(shape)
    if name == "circle":
        radius = _extent(shape, "r")
        return ellipse(_number(shape, "cx"), _number(shape, "cy"), radius, radius)
    if name == "ellipse":
        # Drawn by the canvas' ellipse(), which turns clockwise as seen; VIA writes theta, in radians, since 2.0.9.
        theta = _number(shape, "theta") if "theta" in shape else 0.0
        rx, ry = _extent(shape, "rx"), _extent(shape, "ry")
        return ellipse(_number(shape, "cx"), _number(shape, "cy"), rx, ry, theta)
    if name == "point":
        raise UnsoundError(FaultKind.POINT, "a point has no area; draw a polygon")
    known = "polygon, polyline, rect, circle or ellipse"
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, f"shape {reprlib.repr(name)}; expected {known}")


def point_list(found: object, max_points: int = DEFAULT_LIMITS.max_points, *, at_least: int = 3) -> Polygon:
    """Parse ``(N, 2)`` XY pixels from a list of pairs, or a flat list ``[x0, y0, x1, y1, ...]``; open a closed ring.

    Raises:
        UnsoundError: it is not such a list, is too short or too long, or a number is not finite.
    """
    try:
        points = np.array(found, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"points: {error}; expected a list of pairs of numbers") from error
    if points.ndim == 1 and len(points) % 2 == 0:
        points = points.reshape(-1, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        message = f"points of shape {points.shape}, expected pairs of numbers"
        raise UnsoundError(FaultKind.BAD_ENTRY, message)
    if len(points) > max_points:
        message = f"{len(points)} points; at most {max_points} are read (max_points)"
        raise UnsoundError(FaultKind.TOO_MANY_POINTS, message)
    if len(points) and not (points.max() <= MAX_COORDINATE and points.min() >= -MAX_COORDINATE):  # NaN fails, too
        raise UnsoundError(FaultKind.OUT_OF_RANGE, "points: expected finite numbers of pixels")
    if at_least < 3:
        if len(points) < at_least:
            raise UnsoundError(FaultKind.TOO_FEW_POINTS, f"{counted(len(points), 'point')}; expected {at_least}")
        return points
    return _open_ring(points)


def rectangle(x: float, y: float, width: float, height: float, degrees: float = 0.0) -> Polygon:
    """Return the corners of a rectangle that is turned clockwise, as seen, about its corner ``(x, y)``."""
    angle = math.radians(degrees)
    along, down = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    corner = np.array([x, y])
    return np.stack([corner, corner + width * along, corner + width * along + height * down, corner + height * down])


def ellipse(cx: float, cy: float, rx: float, ry: float, theta: float = 0.0) -> Polygon:
    """Return an ellipse turned clockwise, as seen, by ``theta`` radians, as a polygon of 128 vertices."""
    angle = np.linspace(0.0, 2.0 * math.pi, ELLIPSE_VERTICES, endpoint=False)
    along, across = rx * np.cos(angle), ry * np.sin(angle)
    x = cx + along * math.cos(theta) - across * math.sin(theta)
    y = cy + along * math.sin(theta) + across * math.cos(theta)
    return np.stack((x, y), axis=1)


def number(value: object, what: str) -> float:
    """Return a finite number of pixels.

    Raises:
        UnsoundError: it is not one.
    """
    return _checked(value, what)


def _polyline(shape: Shape, close: bool, max_points: int) -> Polygon:
    points = _points(shape, max_points)
    closed = len(points) > 1 and np.array_equal(points[0], points[-1])
    if not closed and not close:
        message = "the ends of the polyline differ; close it in VIA, or read with close_polylines"
        raise UnsoundError(FaultKind.OPEN_POLYLINE, message)
    return _open_ring(points)


def _rect(shape: Shape) -> Polygon:
    x, y = _number(shape, "x"), _number(shape, "y")
    width, height = _extent(shape, "width"), _extent(shape, "height")
    return np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)])


def _points(shape: Shape, max_points: int) -> Polygon:
    """Return the vertices as in the file, ``(N, 2)`` with any N."""
    xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
    if not isinstance(xs, list) or not isinstance(ys, list):
        message = f"all_points_x and all_points_y must be lists, found {reprlib.repr(xs)} and {reprlib.repr(ys)}"
        raise UnsoundError(FaultKind.BAD_ENTRY, message)
    if len(xs) != len(ys):
        raise UnsoundError(FaultKind.UNEQUAL_LISTS, f"{len(xs)} x and {len(ys)} y coordinates")
    if len(xs) > max_points:
        message = f"{len(xs)} points; at most {max_points} are read (max_points)"
        raise UnsoundError(FaultKind.TOO_MANY_POINTS, message)
    x = [_checked(value, f"all_points_x[{index}]") for index, value in enumerate(xs)]
    y = [_checked(value, f"all_points_y[{index}]") for index, value in enumerate(ys)]
    return np.array([x, y], dtype=np.float64).T


def _open_ring(points: Polygon) -> Polygon:
    """Return the ring without its first point repeated at the end."""
    if len(points) > 1 and points[0, 0] == points[-1, 0] and points[0, 1] == points[-1, 1]:
        points = points[:-1]
    if len(points) < 3:
        raise UnsoundError(FaultKind.TOO_FEW_POINTS, f"{counted(len(points), 'point')}; a polygon needs 3")
    return points


def _extent(shape: Shape, key: str) -> float:
    """Return a width, height or radius."""
    extent = _number(shape, key)
    if extent < 0:
        raise UnsoundError(FaultKind.OUT_OF_RANGE, f"{key} is {extent:g}, expected a positive number")
    if extent == 0:
        raise UnsoundError(FaultKind.ZERO_AREA, f"{key} is 0")
    return extent


def _number(shape: Shape, key: str) -> float:
    return _checked(shape.get(key), key)


def _checked(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnsoundError(FaultKind.NOT_A_NUMBER, f"{what} is {reprlib.repr(value)}, expected a number")
    if not -MAX_COORDINATE <= value <= MAX_COORDINATE:  # NaN fails this comparison, too
        message = f"{what} is {reprlib.repr(value)}, expected a finite number of pixels"
        raise UnsoundError(FaultKind.OUT_OF_RANGE, message)
    return float(value)
