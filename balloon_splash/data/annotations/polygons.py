"""Polygons made valid and cut to the photo."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.regions import MAX_COORDINATE, Polygon, Ring, SimpleRing, point_list

# Square pixels. Less is not an object: three points on a line, or a crumb that cutting leaves through rounding.
MIN_AREA = 1e-3
RINGS_AT_ONCE = 4096
_EXACT_REACH, _SURE_TURN = 1e5, 1e-5  # pixels and square pixels: up to there, and from there on, no rounding tells
SIDES_AT_ONCE = 64  # each may cross all others, and every crossing found takes memory


class FittedRegion(NamedTuple):
    """Region cut to its photo.

    Attributes:
        polygons: valid, without holes, each ``(N, 2)`` XY pixels; more than one where cutting divided the region. A
            flat list that needed no change is still the same list.
        repaired: whether the outline intersected itself.
        lost: share of the region's area outside the photo, in [0, 1).
        clipped: whether some of the outline was outside the photo.
        bbox: XYXY pixels around the polygons.
    """

    polygons: Sequence[Polygon | list[float]]
    repaired: bool
    clipped: bool
    lost: float
    bbox: tuple[float, float, float, float]

    def flat(self) -> list[list[float]]:
        """Return the polygons in COCO's form, ``[x0, y0, x1, y1, ...]`` each."""
        return [ring if isinstance(ring, list) else ring.ravel().tolist() for ring in self.polygons]


def fit_to_photo(
    polygon: Polygon, width: int, height: int, *, max_crossings: int = DEFAULT_LIMITS.max_crossings
) -> FittedRegion:
    """Repair ``polygon`` where it intersects itself and cut off the part outside the photo.

    The photo covers [0, width] x [0, height], its border included: a point at ``x == width``, one past the last
    pixel, comes from a click on the edge of the picture in VIA and is not a fault. A valid polygon inside the photo is
    returned unchanged, to the last bit.

    Args:
        polygon: ``(N, 2)`` XY pixels.
        width: width of the photo in pixels.
        height: height of the photo in pixels.
        max_crossings: most crossings of the polygon with itself.

    Raises:
        UnsoundError: the polygon has no area, or none inside the photo, or crosses itself too often.
    """
    outline = shapely.Polygon(polygon)
    repaired = not outline.is_valid
    geometry = _mended(polygon, max_crossings) if repaired else outline
    area = geometry.area
    if area < MIN_AREA:
        raise UnsoundError(FaultKind.ZERO_AREA, f"the area is {area:.2g} square pixels")
    x0, y0, x1, y1 = geometry.bounds
    clipped = x0 < 0 or y0 < 0 or x1 > width or y1 > height
    if not repaired and not clipped:
        return FittedRegion([polygon], repaired=False, clipped=False, lost=0.0, bbox=(x0, y0, x1, y1))
    if clipped:
        geometry = shapely.intersection(geometry, shapely.box(0, 0, width, height))
    parts = [part for part in without_holes(geometry) if part.area >= MIN_AREA]
    if not parts:
        message = f"the region spans {x0:g}..{x1:g} x {y0:g}..{y1:g}, the photo is {width} x {height}"
        raise UnsoundError(FaultKind.OUTSIDE, message)
    # The cut leaves rounding errors on the border.
    rings = [np.clip(shapely.get_coordinates(part.exterior)[:-1], 0, (width, height)) for part in parts]
    lost = max(0.0, 1.0 - sum(part.area for part in parts) / area)
    points = np.concatenate(rings)
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return FittedRegion(rings, repaired=repaired, clipped=clipped, lost=lost, bbox=(left, top, right, bottom))


def fit_all(
    rings: Sequence[Ring], width: int, height: int, limits: Limits = DEFAULT_LIMITS
) -> list[FittedRegion | UnsoundError]:
    """Apply :func:`fit_to_photo` to many outlines of one photo; sound ones take a fraction of its time."""
    others = [number for number, ring in enumerate(rings) if not isinstance(ring, SimpleRing)]
    if others:
        rings = list(rings)
        for number, ring in zip(others, known_simple([rings[number] for number in others]), strict=True):
            rings[number] = ring
    fitted: list[FittedRegion | UnsoundError] = []
    for ring in rings:
        if isinstance(ring, SimpleRing):
            x0, y0, x1, y1 = ring.bbox
            if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
                fitted.append(FittedRegion([ring.flat], False, False, 0.0, ring.bbox))
                continue
            ring = np.array(ring.flat, np.float64).reshape(-1, 2)
        try:
            polygon = point_list(ring, limits.max_points)
            fitted.append(fit_to_photo(polygon, width, height, max_crossings=limits.max_crossings))
        except UnsoundError as error:
            fitted.append(error)
    return fitted


def known_simple(rings: Sequence[Any], max_points: int = DEFAULT_LIMITS.max_points) -> list[Any]:
    """Return ``rings`` with the simple polygons among them as :class:`SimpleRing`, and the others unchanged.

    Checking a whole file at once takes a fraction of the time of ring after ring.
    """
    found = list(rings)
    for start in range(0, len(found), RINGS_AT_ONCE):
        numbers, places, counts = array("d"), [], []
        for place in range(start, min(start + RINGS_AT_ONCE, len(found))):
            if _append_open_ring(numbers, found[place], max_points):
                places.append(place)
                counts.append(len(numbers))
        points = np.frombuffer(numbers, np.float64).reshape(-1, 2)
        boxes = _boxes_of_simple(points, np.diff(counts, prepend=0) // 2) if places else []
        for place, box in zip(places, boxes, strict=True):
            if box is not None:
                ring = found[place]
                found[place] = SimpleRing(ring if isinstance(ring, list) else ring.ravel().tolist(), box)
    return found


def _append_open_ring(numbers: array[float], ring: Any, max_points: int) -> bool:
    """Append the numbers of an outline and return true, if they are plain numbers of an open ring."""
    if isinstance(ring, np.ndarray):
        numbers.frombytes(np.ascontiguousarray(ring, np.float64).tobytes())
        return len(ring) > 0
    if not isinstance(ring, list) or len(ring) % 2 or not 6 <= len(ring) <= 2 * max_points:
        return False
    if ring[0] == ring[-2] and ring[1] == ring[-1]:
        return False
    try:
        numbers.fromlist(ring)
    except (TypeError, OverflowError):  # it then appends nothing
        return False
    return True


def _boxes_of_simple(points: Polygon, counts: npt.NDArray[np.int64]) -> list[tuple[float, float, float, float] | None]:
    """Return the box, XYXY, around each polygon that is simple and has an area; ``None`` for the others.

    Args:
        points: the corners of all polygons, one after the other.
        counts: the corners of each polygon.
    """
    starts = np.cumsum(counts) - counts
    boxes = np.hstack([np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)])
    reach = np.abs(boxes).max(axis=1)  # NaN where a number is
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers beyond all reason, which do not count
        areas = np.where(reach <= _EXACT_REACH, _star_shaped_areas(points, starts, counts), 0.0)
    rest = (areas == 0) & (reach <= MAX_COORDINATE)
    if rest.any():
        owners = np.repeat(np.arange(rest.sum()), counts[rest])
        outlines = shapely.polygons(shapely.linearrings(points[np.repeat(rest, counts)], indices=owners))
        areas[rest] = np.where(shapely.is_valid(outlines), shapely.area(outlines), 0.0)
    return [
        tuple(box) if fits else None for fits, box in zip((areas >= MIN_AREA).tolist(), boxes.tolist(), strict=True)
    ]


def _star_shaped_areas(
    points: Polygon, starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the area of each polygon whose corners go around their mean once and all one way; 0 for the others.

    Such a polygon is simple, and so are most outlines that people draw.
    """
    arms = points - np.repeat(np.add.reduceat(points, starts) / counts[:, None], counts, axis=0)
    following = np.arange(1, len(points) + 1)
    following[starts + counts - 1] = starts
    after = arms[following]
    turns = arms[:, 0] * after[:, 1] - arms[:, 1] * after[:, 0]  # twice the area of the triangle with the mean
    one_way = (np.minimum.reduceat(turns, starts) > _SURE_TURN) | (np.maximum.reduceat(turns, starts) < -_SURE_TURN)
    rounds = np.add.reduceat(((arms[:, 1] <= 0) & (after[:, 1] > 0)).astype(np.int64), starts)
    return np.where(one_way & (rounds == 1), np.abs(np.add.reduceat(turns, starts)) / 2, 0.0)


def _crosses_more_than(limit: int, polygon: Polygon) -> bool:
    """Return whether more than ``limit`` pairs of sides of the outline meet beside neighbours."""
    sides = np.asarray(shapely.linestrings(np.stack([polygon, np.roll(polygon, -1, axis=0)], axis=1)))
    tree = shapely.STRtree(sides)
    meetings = 0
    for start in range(0, len(sides), SIDES_AT_ONCE):
        found, _ = tree.query(sides[start : start + SIDES_AT_ONCE], predicate="intersects")
        meetings += len(found)
        # Each side meets itself and its two neighbours; each crossing is seen from both of its sides.
        if meetings > 3 * len(sides) + 2 * limit:
            return True
    return False


def cut_out(outer: Polygon, holes: Sequence[Polygon], limits: Limits = DEFAULT_LIMITS) -> list[Polygon]:
    """Return ``outer`` without its holes as outlines, ``(N, 2)`` XY pixels each; both may reach beyond the photo.

    Raises:
        UnsoundError: one of them crosses itself too often, or nothing is left.
    """
    outlines = [(ring, shapely.Polygon(ring)) for ring in (outer, *holes)]
    whole, *cut = (each if each.is_valid else _mended(ring, limits.max_crossings) for ring, each in outlines)
    left = shapely.difference(whole, shapely.union_all(cut))
    rings = [shapely.get_coordinates(part.exterior)[:-1] for part in without_holes(left) if part.area >= MIN_AREA]
    if not rings:
        raise UnsoundError(FaultKind.ZERO_AREA, "the holes leave nothing of the outline")
    return rings


def _mended(ring: Polygon, max_crossings: int) -> BaseGeometry:
    """Return what an outline that crosses itself encloses; nothing where its points are in one place."""
    if float(np.prod(np.ptp(ring, axis=0))) < MIN_AREA:  # each side would seem to cross all others
        return shapely.Polygon()
    ring = _first_round(ring)
    if _crosses_more_than(max_crossings, ring):
        message = f"the outline crosses itself more than {max_crossings} times (max_crossings)"
        raise UnsoundError(FaultKind.TOO_MANY_CROSSINGS, message)
    # "structure" counts an area that the outline circles twice as inside, as a person drawing over the start means
    # it; "linework" punches a hole there, as a tool means it that writes a hole behind a bridge.
    if _has_bridge(ring):
        found = shapely.get_parts(shapely.make_valid(shapely.Polygon(ring), method="linework"))
        return shapely.union_all([part for part in found if part.area])  # without the bridge
    return shapely.make_valid(shapely.Polygon(ring), method="structure", keep_collapsed=False)


def _has_bridge(ring: Polygon) -> bool:
    """Return whether the outline runs along a side in both directions, as it does on its way to a hole and back."""
    corners = [tuple(corner) for corner in ring.tolist()]
    sides = set(zip(corners, [*corners[1:], corners[0]], strict=True))
    return any((end, start) in sides for start, end in sides if start != end)


def _first_round(ring: Polygon) -> Polygon:
    """Return one round of an outline that runs around twice by the same points, as of labelformat 0.1.17."""
    closed = len(ring) % 2 and np.array_equal(ring[0], ring[-1])
    first, second = np.array_split(ring[:-1] if closed else ring, 2)
    return first if len(first) > 2 and np.array_equal(first, second) else ring


def without_holes(geometry: BaseGeometry) -> Iterator[shapely.Polygon]:
    """Return the polygons of ``geometry``, those with a hole cut in two through the hole.

    Detectron2's (and COCO's) segmentation is a list of simple outlines; it cannot express a hole.
    """
    parts = list(shapely.get_parts(geometry))
    while parts:
        part = parts.pop(0)
        if not isinstance(part, shapely.Polygon):
            continue  # cutting along the border also leaves lines and points
        holes = [hole for hole in part.interiors if shapely.Polygon(hole).area >= MIN_AREA]
        if not holes:
            yield shapely.Polygon(part.exterior)
            continue
        x0, y0, x1, y1 = part.bounds
        hole_x0, _, hole_x1, _ = holes[0].bounds
        middle = (hole_x0 + hole_x1) / 2
        for side in (shapely.box(x0, y0, middle, y1), shapely.box(middle, y0, x1, y1)):
            parts.extend(shapely.get_parts(shapely.intersection(part, side)))
