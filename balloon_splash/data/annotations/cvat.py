"""Reader of "CVAT for images" XML, version 1.1 (https://docs.cvat.ai/docs/manual/advanced/xml_format/).

``<image id name width height>`` holds ``polygon``, ``box`` (turned about its middle by ``rotation`` degrees),
``ellipse``, ``mask`` (run lengths along the rows of a box), ``polyline``, ``points``, ``cuboid`` and ``skeleton``.
Shapes of one label with the same ``group_id`` are parts of one object, as in CVAT's own exports to COCO.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from balloon_splash.data.annotations.documents import read_text
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import box_of, encode_mask, place_mask
from balloon_splash.data.annotations.records import (
    AnnotationSet,
    Outline,
    RawObject,
    RawPhoto,
    ReadOptions,
    RunLengths,
)
from balloon_splash.data.annotations.regions import MAX_COORDINATE, Polygon, ellipse, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError

SHAPES = ("polygon", "box", "ellipse", "mask", "polyline", "points", "cuboid", "skeleton")
_MOST_MASK_PIXELS = 1 << 28
_BOX_MARGIN = 1.5  # pixels by which an outline may leave its box


def read_cvat(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read an ``annotations.xml``; photos in the order of the file, classes in the order of the task's labels.

    Raises:
        AnnotationError: it is not CVAT's XML for images; or any fault if the log is strict.
    """
    root = parse_xml(path, options)
    images = root.findall("image")
    if root.tag != "annotations" or (not images and root.find("track") is not None):
        found = "of a video (track)" if root.find("track") is not None else f"<{root.tag[:40]}>"
        raise AnnotationError(f"{path}: {found} found; expected XML exported as 'CVAT for images 1.1'")
    names = [each.text.strip() for each in root.iterfind("meta/*/labels/label/name") if each.text]
    photos = []
    for index, image in enumerate(images):
        try:
            photos.append(_photo(index, image, options))
        except UnsoundError as error:
            faults.add(error.kind, error.message, photo=image.get("name"), dropped=True)
    return AnnotationSet(photos, image_root=path.parent, classes=tuple(dict.fromkeys(names)) or None)


def parse_xml(path: Path, options: ReadOptions) -> ElementTree.Element:
    """Parse an XML document without a document type, which could define entities that grow.

    Raises:
        AnnotationError: it is not well-formed, or has a document type.
    """
    text = read_text(path, options.limits)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise AnnotationError(f"{path}: has a document type (<!DOCTYPE or <!ENTITY); expected plain XML")
    try:
        return ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, UnicodeEncodeError) as error:
        raise AnnotationError(f"{path}: not well-formed XML: {error}") from error


def _photo(index: int, image: ElementTree.Element, options: ReadOptions) -> RawPhoto:
    name = (image.get("name") or "").replace("\\", "/")
    if not name:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"image {index} has no name")
    groups: dict[object, list[tuple[int, ElementTree.Element]]] = {}
    for position, shape in enumerate(each for each in image if each.tag in SHAPES):
        group = shape.get("group_id", "0")
        key = position if group in ("", "0") else (shape.get("label"), group)
        groups.setdefault(key, []).append((position, shape))
    if len(groups) > options.limits.max_regions:
        message = f"{len(groups)} shapes; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    return RawPhoto(
        index=index,
        name=name,
        objects=[_object(parts, options) for parts in groups.values()],
        n_listed=len(groups),
        size=(_number(image, "width"), _number(image, "height")),
        fallbacks=(f"images/{name}", name.rpartition("/")[2]),
    )


def _object(parts: Sequence[tuple[int, ElementTree.Element]], options: ReadOptions) -> RawObject:
    label = parts[0][1].get("label")
    told = label or UnsoundError(FaultKind.NO_CLASS, "the shape has no label")

    def outline(size: PhotoSize) -> Outline:
        rings: list[Polygon] = []
        boxes: list[Polygon] = []
        masks = []
        for _, shape in parts:
            if shape.tag == "mask":
                masks.append(encode_mask(_mask(shape, size)))
            else:
                (boxes if shape.tag == "box" else rings).append(_ring(shape, options))
        return Outline(rings + without_enclosing(boxes, rings, masks), masks)

    return RawObject("+".join(str(position) for position, _ in parts), told, outline)


def without_enclosing(boxes: Sequence[Polygon], rings: Sequence[Polygon], masks: Sequence[RunLengths]) -> list[Polygon]:
    """Return the boxes of a group but those that datumaro, or a person, groups with the outlines inside them."""
    around = [*rings, *(np.reshape(box_of(each), (2, 2)) for each in masks)]
    return [box for box in boxes if not _encloses(box, around)]


def _encloses(box: Polygon, around: Sequence[Polygon]) -> bool:
    if not around:
        return False
    points = np.concatenate(around)
    low, high = box.min(axis=0) - _BOX_MARGIN, box.max(axis=0) + _BOX_MARGIN
    return bool((points >= low).all() and (points <= high).all())


def _ring(shape: ElementTree.Element, options: ReadOptions) -> Polygon:
    if shape.tag == "polygon":
        return _points(shape, options.limits.max_points)
    if shape.tag == "polyline":
        points = (shape.get("points") or "").split(";")
        if points[0] != points[-1] and not options.close_polylines:
            message = "the ends of the polyline differ; close it in CVAT, or read with close_polylines"
            raise UnsoundError(FaultKind.OPEN_POLYLINE, message)
        return _points(shape, options.limits.max_points)
    if shape.tag == "box":
        x0, y0, x1, y1 = (_number(shape, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
        middle, angle = corners.mean(axis=0), math.radians(_number(shape, "rotation", 0.0))
        turn = np.array([(math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))])
        return np.asarray((corners - middle) @ turn + middle) if angle else corners
    if shape.tag == "ellipse":
        cx, cy, rx, ry = (_number(shape, key) for key in ("cx", "cy", "rx", "ry"))
        return ellipse(cx, cy, rx, ry, math.radians(_number(shape, "rotation", 0.0)))
    if shape.tag == "points":
        raise UnsoundError(FaultKind.POINT, "points have no area; draw a polygon")
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, f"a {shape.tag}; expected polygon, box, ellipse, mask or polyline")


def _points(shape: ElementTree.Element, max_points: int) -> Polygon:
    pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair]
    if len(pairs) > max_points:
        raise UnsoundError(FaultKind.TOO_MANY_POINTS, f"{len(pairs)} points; at most {max_points} (max_points)")
    return point_list(pairs, max_points)


def _number(shape: ElementTree.Element, key: str, default: float | None = None) -> float:
    text = shape.get(key)
    if text is None and default is not None:
        return default
    try:
        value = float(text or "")
    except ValueError as error:
        raise UnsoundError(FaultKind.NOT_A_NUMBER, f"{key} is {(text or '')[:40]!r}, expected a number") from error
    if not abs(value) <= MAX_COORDINATE:
        raise UnsoundError(FaultKind.OUT_OF_RANGE, f"{key} is {value}, expected a finite number of pixels")
    return value


def _mask(shape: ElementTree.Element, size: PhotoSize) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Decode the mask of CVAT's brush: lengths of runs that are outside and inside in turn, row by row of a box."""
    left, top, width, height = (int(_number(shape, key)) for key in ("left", "top", "width", "height"))
    try:
        lengths = np.array((shape.get("rle") or "").split(","), dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise UnsoundError(FaultKind.BAD_MASK, f"rle: {str(error)[:80]}; expected whole numbers") from error
    if min(width, height) < 1 or width * height > _MOST_MASK_PIXELS or not (lengths >= 0).all():
        raise UnsoundError(FaultKind.BAD_MASK, f"run lengths do not fill a box of {width} x {height} pixels")
    if lengths.max() > width * height or lengths.sum() != width * height:
        message = f"the run lengths add up to {lengths.sum()}, the box has {width} x {height} pixels"
        raise UnsoundError(FaultKind.BAD_MASK, message)
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths).reshape(height, width)
    return place_mask(inside, left, top, size)
