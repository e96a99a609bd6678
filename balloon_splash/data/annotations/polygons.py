"""Polygons made valid and cut to the photo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS
from balloon_splash.data.annotations.regions import Polygon

# Square pixels. Less is not an object: three points on a line, or a crumb that cutting leaves through rounding.
MIN_AREA = 1e-3
SIDES_AT_ONCE = 64  # each may cross all others, and every crossing found takes memory


@dataclass(frozen=True)
class FittedRegion:
    """Region cut to its photo.

    Attributes:
        polygons: valid, without holes, each ``(N, 2)`` XY pixels; more than one where cutting divided the region.
        repaired: whether the outline intersected itself.
        lost: share of the region's area outside the photo, in [0, 1).
        clipped: whether some of the outline was outside the photo.
        bbox: XYXY pixels around the polygons.
    """

    polygons: list[Polygon]
    repaired: bool
    clipped: bool
    lost: float
    bbox: tuple[float, float, float, float]


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
    extent = float(np.prod(np.ptp(polygon, axis=0)))
    if extent < MIN_AREA:  # points in one place: each side would seem to cross all others
        raise UnsoundError(FaultKind.ZERO_AREA, f"the area is {extent:.2g} square pixels")
    if repaired and _crosses_more_than(max_crossings, polygon):
        message = f"the outline crosses itself more than {max_crossings} times (max_crossings)"
        raise UnsoundError(FaultKind.TOO_MANY_CROSSINGS, message)
    # "structure" counts an area that the outline circles twice as inside, as a person drawing over the start means
    # it; the default would punch a hole there.
    geometry = shapely.make_valid(outline, method="structure", keep_collapsed=False) if repaired else outline
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
    polygons: Sequence[Polygon], width: int, height: int, *, max_crossings: int = DEFAULT_LIMITS.max_crossings
) -> list[FittedRegion | UnsoundError]:
    """Apply :func:`fit_to_photo` to many polygons of one photo; sound ones take a fraction of its time."""
    if not polygons:
        return []
    counts = [len(polygon) for polygon in polygons]
    owners = np.repeat(np.arange(len(polygons)), counts)
    outlines = shapely.polygons(shapely.linearrings(np.concatenate(polygons), indices=owners))
    bounds = shapely.bounds(outlines)
    x0, y0, x1, y1 = bounds.T
    sound = (x0 >= 0) & (y0 >= 0) & (x1 <= width) & (y1 <= height)
    sound &= (shapely.area(outlines) >= MIN_AREA) & shapely.is_valid(outlines)
    fitted: list[FittedRegion | UnsoundError] = []
    for polygon, as_it_is, box in zip(polygons, sound.tolist(), bounds.tolist(), strict=True):
        if as_it_is:
            fitted.append(FittedRegion([polygon], repaired=False, clipped=False, lost=0.0, bbox=tuple(box)))
            continue
        try:
            fitted.append(fit_to_photo(polygon, width, height, max_crossings=max_crossings))
        except UnsoundError as error:
            fitted.append(error)
    return fitted


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
