"""Datasets annotated with LabelMe (https://github.com/wkentaro/labelme): a JSON file beside each photo.

A file is ``{"imagePath": ..., "imageHeight": ..., "imageWidth": ..., "shapes": [{"label", "points", "shape_type",
"group_id"}, ...]}``. Read are the shape types ``polygon``, ``rectangle`` and ``circle``; shapes of one label with the
same ``group_id`` are parts of one object, as LabelMe's own converters take them.
"""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.documents import parse_json, read_text
from balloon_splash.data.annotations.faults import UnsoundError
from balloon_splash.data.annotations.instances import DatasetDict
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS
from balloon_splash.data.annotations.photos import read_upright_size
from balloon_splash.data.annotations.polygons import fit_to_photo
from balloon_splash.data.annotations.regions import ELLIPSE_VERTICES, MAX_COORDINATE, Polygon
from balloon_splash.errors import AnnotationError, DatasetError


def load_labelme(folder: str | os.PathLike[str], class_names: Sequence[str]) -> list[DatasetDict]:
    """Read all ``*.json`` in ``folder``, in order of name; ``image_id`` is the file's position.

    Polygons that intersect themselves are repaired and cut to the photo. ``bbox`` is XYXY pixels around them.

    Raises:
        DatasetError: there is no such folder, or no JSON file in it.
        AnnotationError: a file is not LabelMe's, its photo is missing or unreadable, or a shape has an unknown label
            or type, or no area in the photo.
    """
    root = Path(folder)
    files = sorted(root.glob("[!.]*.json"))
    if not files:
        raise DatasetError(f"{root}: no JSON file found; expected one of LabelMe for each photo")
    return [_read_file(path, index, class_names) for index, path in enumerate(files)]


def _read_file(path: Path, index: int, class_names: Sequence[str]) -> DatasetDict:
    try:
        document: Any = parse_json(read_text(path, DEFAULT_LIMITS), path, DEFAULT_LIMITS)
        photo = path.parent / document["imagePath"].replace("\\", "/")  # written on Windows
        shapes = [(shape["label"], _hashable(shape.get("group_id")), shape) for shape in document["shapes"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(f"{path}: not a LabelMe file ({type(error).__name__}: {error})") from error
    try:
        size = read_upright_size(photo)
        objects: dict[object, dict[str, Any]] = {}
        for position, (label, group, shape) in enumerate(shapes):
            fitted = fit_to_photo(_outline(shape), size.width, size.height)
            key = position if group is None else (label, group)
            category = _category(label, class_names)
            parts = objects.setdefault(key, {"category_id": category, "polygons": []})["polygons"]
            parts.extend(fitted.polygons)
    except (UnsoundError, _ShapeError) as error:
        raise AnnotationError(f"{path}: {error}") from error
    return {
        "file_name": str(photo),
        "image_id": index,
        "height": size.height,
        "width": size.width,
        "annotations": [_annotation(**found) for found in objects.values()],
    }


def _hashable(group: object) -> object:
    """The id of a group; LabelMe writes numbers or nothing.

    Raises:
        TypeError: it is a list or an object.
    """
    hash(group)
    return group


class _ShapeError(Exception):
    """A shape that cannot be used; becomes an :class:`AnnotationError` that names the file."""


def _category(label: object, class_names: Sequence[str]) -> int:
    if label not in class_names:
        raise _ShapeError(f"label {reprlib.repr(label)}; known are {', '.join(class_names)}")
    return list(class_names).index(str(label))


def _outline(shape: dict[str, Any]) -> Polygon:
    """The outline of a shape, ``(N, 2)`` XY pixels."""
    kind = str(shape.get("shape_type", "polygon"))[:40]
    try:
        points = np.array(shape["points"], dtype=np.float64)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise _ShapeError(f"points of a {kind}: {error}; expected a list of pairs") from error
    # NaN fails the last comparison, too.
    if points.ndim != 2 or points.shape[1] != 2 or not (np.abs(points) <= MAX_COORDINATE).all():
        raise _ShapeError(f"points of a {kind}: expected pairs of finite numbers")
    if len(points) > DEFAULT_LIMITS.max_points:
        raise _ShapeError(f"{len(points)} points; at most {DEFAULT_LIMITS.max_points} are read")
    if kind == "polygon" and len(points) >= 3:
        return points
    if kind == "rectangle" and len(points) == 2:
        (x0, y0), (x1, y1) = points
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    if kind == "circle" and len(points) == 2:  # its centre and a point on it
        angle = np.linspace(0, 2 * math.pi, ELLIPSE_VERTICES, endpoint=False)
        radius = math.dist(points[0], points[1])
        return np.asarray(points[0] + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
    raise _ShapeError(f"{kind} of {len(points)} points; read are polygons of 3 or more, rectangles and circles of 2")


def _annotation(category_id: int, polygons: list[Polygon]) -> dict[str, Any]:
    from detectron2.structures import BoxMode

    points = np.concatenate(polygons)
    return {
        "bbox": [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()],
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": category_id,
        "segmentation": [polygon.ravel().tolist() for polygon in polygons],
        "iscrowd": 0,
    }
