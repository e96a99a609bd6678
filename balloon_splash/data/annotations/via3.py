"""Reader of projects of the VGG Image Annotator, version 3 (``via-3.x.y/CodeDoc.md`` in its sources).

``{"project", "config", "attribute", "file": {fid: {"fname", "src", ...}}, "view": {vid: {"fid_list": [fid]}},
"metadata": {mid: {"vid", "z": [], "xy": [shape, x, y, ...], "av": {attribute id: value}}}}``. Where an attribute has
options, the value is the number of one.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.documents import mapping, read_json, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, ellipse, point_list, rectangle
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError

VIA3_KEYS = frozenset({"project", "config", "attribute", "file", "metadata", "view"})

POINT, RECT, CIRCLE, ELLIPSE, LINE, POLYLINE, POLYGON, EXTREME_RECT, EXTREME_CIRCLE = range(1, 10)


def read_via3(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a VIA 3 project; its photos in the order of the views.

    Raises:
        AnnotationError: it is not a VIA 3 project; or any fault if the log is strict.
    """
    try:
        document = mapping(read_json(path, options.limits), "the file")
        files, views, regions, attributes = (
            mapping(document.get(key), key) for key in ("file", "view", "metadata", "attribute")
        )
    except UnsoundError as error:
        raise AnnotationError(f"{path}: not a VIA 3 project: {error.message}") from error
    by_view: dict[str, list[tuple[str, Any]]] = {}
    for key, region in regions.items():
        view = region.get("vid") if isinstance(region, dict) else None
        if not isinstance(view, str) or view not in views:
            message = f"region {key}: its view is {reprlib.repr(view)}, which the file does not have"
            faults.add(FaultKind.BAD_ENTRY, message, dropped=True)
            continue
        if region.get("xy"):  # entries for a whole photo, or for a time in a video
            by_view.setdefault(view, []).append((key, region))
    photos = []
    for index, (key, view) in enumerate(views.items()):
        try:
            (fid,) = mapping(view, "a view").get("fid_list") or [None]
            name = text_of(mapping(files.get(str(fid)), f"file {fid}").get("fname"), "fname")
        except (UnsoundError, ValueError, TypeError) as error:
            faults.add(FaultKind.BAD_ENTRY, f"view {key}: expected one file: {error}", dropped=True)
            continue
        found = by_view.get(key, [])
        objects = [_object(mid, region, attributes, options) for mid, region in found]
        photos.append(RawPhoto(index, name, objects, n_listed=len(found)))
    return AnnotationSet(photos, image_root=path.parent)


def _object(key: str, region: Mapping[str, Any], attributes: Mapping[str, Any], options: ReadOptions) -> RawObject:
    label: str | UnsoundError | None = None
    if options.class_attribute is not None:
        try:
            label = _label(region.get("av"), attributes, options.class_attribute)
        except UnsoundError as error:
            label = error

    def outline(_size: PhotoSize) -> Outline:
        if region.get("z"):
            raise UnsoundError(FaultKind.UNKNOWN_SHAPE, "it belongs to a time in a video; photos are read")
        return Outline([_polygon(region.get("xy"), options)])

    return RawObject(key, label, outline)


def _label(values: object, attributes: Mapping[str, Any], name: str) -> str:
    """Return the value of the attribute called ``name``; for one with options, the text of the chosen one."""
    for key, attribute in attributes.items():
        if isinstance(attribute, dict) and attribute.get("aname") == name:
            value = mapping(values, "av").get(key)
            options = attribute.get("options")
            if isinstance(options, dict) and isinstance(value, str) and options:
                chosen = [part for part in value.split(",") if part]
                if len(chosen) > 1:
                    raise UnsoundError(FaultKind.AMBIGUOUS_CLASS, f"{name!r} has {len(chosen)} boxes checked")
                value = options.get(chosen[0]) if chosen else None
            if isinstance(value, str) and value.strip():
                return value.strip()
            raise UnsoundError(FaultKind.NO_CLASS, f"{name!r} is {reprlib.repr(value)}, expected a name")
    known = [each.get("aname") for each in attributes.values() if isinstance(each, dict)]
    raise UnsoundError(FaultKind.NO_CLASS, f"no attribute {name!r}; the project has {reprlib.repr(known)}")


def _polygon(found: object, options: ReadOptions) -> Polygon:
    if not isinstance(found, list) or not found:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"xy: expected a list of numbers, found {reprlib.repr(found)}")
    kind, values = found[0], found[1:]
    if kind == POLYGON:
        return point_list(values, options.limits.max_points)
    if kind == POLYLINE:
        points = point_list(values, options.limits.max_points, at_least=2)
        if not options.close_polylines and not np.array_equal(points[0], points[-1]):
            message = "the ends of the polyline differ; close it in VIA, or read with close_polylines"
            raise UnsoundError(FaultKind.OPEN_POLYLINE, message)
        return point_list(points, options.limits.max_points)
    if kind in (POINT, LINE):
        raise UnsoundError(FaultKind.POINT, "a point or line has no area; draw a polygon")
    if kind in (EXTREME_RECT, EXTREME_CIRCLE):
        return _from_extremes(kind, point_list(values, at_least=3 if kind == EXTREME_CIRCLE else 4))
    numbers = point_list([*values, 0.0] if len(values) % 2 else values, at_least=1).ravel().tolist()
    if kind == RECT and len(values) == 4:
        return rectangle(*numbers)
    if kind == CIRCLE and len(values) == 3:
        return ellipse(numbers[0], numbers[1], numbers[2], numbers[2])
    if kind == ELLIPSE and len(values) == 4:
        return ellipse(*numbers)
    message = f"shape {reprlib.repr(kind)} of {len(values)} numbers; read are those of VIA 3 with an area"
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, message)


def _from_extremes(kind: int, points: Polygon) -> Polygon:
    """Return a box from points on its four sides, or a circle from three points on it."""
    if kind == EXTREME_RECT:
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return rectangle(x0, y0, x1 - x0, y1 - y0)
    first, second, third = points[:3]
    sides = 2 * np.array([second - first, third - first])
    if abs(np.linalg.det(sides)) < 1e-9:
        raise UnsoundError(FaultKind.ZERO_AREA, "the three points of the circle lie on a line")
    squares = np.array([second @ second - first @ first, third @ third - first @ first])
    centre = np.linalg.solve(sides, squares)
    radius = float(np.linalg.norm(first - centre))
    return ellipse(centre[0], centre[1], radius, radius)
