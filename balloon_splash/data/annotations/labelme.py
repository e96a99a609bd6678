"""Reader of LabelMe's files, versions 3 to 6 (https://github.com/wkentaro/labelme), and X-AnyLabeling's: a JSON beside
each photo.

A file is ``{"imagePath": ..., "imageHeight": ..., "imageWidth": ..., "shapes": [{"label", "points", "shape_type",
"group_id", "mask"}, ...]}``. Shapes of one label with the same ``group_id`` are parts of one object, and lines are ten
pixels wide, as in LabelMe's own converters (``labelme/utils/shape.py``).
"""

from __future__ import annotations

import base64
import binascii
import math
import os
import posixpath
import reprlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.documents import items, mapping, read_json, stated_size, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.instances import read_instances
from balloon_splash.data.annotations.masks import encode_mask, place_mask
from balloon_splash.data.annotations.per_photo import files_at, read_each
from balloon_splash.data.annotations.polygons import without_holes
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, ellipse, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, MediaError, one_line
from balloon_splash.media.opening import DAMAGED, open_image
from balloon_splash.wording import counted

#: Labels of places that the converters of LabelMe leave out: they are neither objects nor surely background.
RESERVED = ("__ignore__", "_background_")
LINE_WIDTH = 10  # width of lines in pixels, from LabelMe's shape_to_mask


def load_labelme(
    folder: str | os.PathLike[str], class_names: Sequence[str] | None, *, strict: bool = False
) -> list[DatasetDict]:
    """Read all ``*.json`` in ``folder``; see :func:`~balloon_splash.data.annotations.instances.read_instances`.

    Photos without shapes are kept.

    Raises:
        DatasetError: there is no such folder, or no JSON file in it.
        AnnotationError: nothing in it is usable; or any fault if ``strict``.
    """
    names = None if class_names is None else tuple(class_names)
    options = ReadOptions(class_names=names, keep_empty=True, strict=strict)
    faults = FaultLog(folder, strict=strict)
    dicts, _ = read_instances(read_labelme(Path(folder), faults, options), folder, options, faults)
    if not dicts:
        raise AnnotationError(f"{folder}: no usable photo; {faults.first()}")
    return dicts


def read_labelme(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file, or all ``*.json`` in a folder and those below it, in order of name.

    Raises:
        DatasetError: there is no such folder, or no JSON file in it.
        AnnotationError: any fault if the log is strict.
    """
    folder = path.parent if path.is_file() else path
    files = files_at(path, ".json", "LabelMe")
    photos = read_each(files, lambda file, index: _read_file(file, index, folder, options), faults, named="LabelMe")
    return AnnotationSet(photos, image_root=folder)


def _read_file(path: Path, index: int, folder: Path, options: ReadOptions) -> RawPhoto:
    document = mapping(read_json(path, options.limits), "the file")
    shapes = items(document.get("shapes"), "shapes")
    names = _photo_names(path, text_of(document.get("imagePath"), "imagePath"), folder, options.images or folder)
    groups: dict[object, list[tuple[int, Any]]] = {}
    for position, shape in enumerate(shapes):
        label, group = (shape.get("label"), shape.get("group_id")) if isinstance(shape, dict) else (None, None)
        key = (str(label), group) if isinstance(group, int | str) else position
        groups.setdefault(key, []).append((position, shape))
    return RawPhoto(
        index=index,
        name=names[0],
        objects=[_object(parts, options) for parts in groups.values()],
        n_listed=len(groups),
        size=stated_size(document.get("imageWidth"), document.get("imageHeight")),
        fallbacks=names[1:],
        file=str(path),
    )


def _photo_names(path: Path, image_path: str, folder: Path, images: Path) -> tuple[str, ...]:
    """Return places of the photo in the folder of photos: as seen from its JSON file, or moved there with it.

    The path was written on another machine, perhaps on Windows.
    """
    written = image_path.replace("\\", "/")
    seen = os.path.relpath(os.path.normpath(path.parent / written), images).replace(os.sep, "/")
    base = posixpath.basename(written)
    beside = posixpath.join(path.parent.relative_to(folder).as_posix(), base)
    names = [seen] if not seen.startswith("../") else []
    return tuple(dict.fromkeys([*names, posixpath.normpath(beside), base]))


def _object(parts: Sequence[tuple[int, Any]], options: ReadOptions) -> RawObject:
    shape = parts[0][1]
    label = shape.get("label") if isinstance(shape, dict) else None
    told: str | UnsoundError = UnsoundError(FaultKind.NO_CLASS, f"label is {reprlib.repr(label)}, expected a name")
    if label in RESERVED:
        message = f"{label} marks a place for LabelMe's own converters, not an object"
        told = UnsoundError(FaultKind.UNKNOWN_CLASS, message)
    elif isinstance(label, str) and label.strip():
        told = label.strip()

    def outline(size: PhotoSize) -> Outline:
        rings, masks = [], []
        for _, part in parts:
            found = mapping(part, "a shape")
            if found.get("shape_type") == "mask":
                masks.append(encode_mask(_mask(found, size)))
            else:
                rings.extend(_rings(found, options.limits.max_points))
        return Outline(rings, masks)

    return RawObject("+".join(str(position) for position, _ in parts), told, outline)


def _rings(shape: dict[str, Any], max_points: int) -> list[Polygon]:
    """Return the outline of a shape; a line is ten pixels wide."""
    kind = shape.get("shape_type", "polygon")
    points = point_list(shape.get("points"), max_points, at_least=1)
    count = len(points)
    if kind in ("polygon", "rotation") or (kind in ("rectangle", "oriented_rectangle") and count == 4):
        return [point_list(points, max_points)]
    if kind == "rectangle" and count == 2:
        (x0, y0), (x1, y1) = points
        return [np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])]
    if kind == "circle" and count == 2:  # its centre and a point on it
        radius = math.dist(points[0], points[1])
        return [ellipse(points[0, 0], points[0, 1], radius, radius)]
    if kind in ("line", "linestrip") and count >= 2:
        strip = shapely.LineString(points).buffer(LINE_WIDTH / 2, cap_style="flat")
        return [shapely.get_coordinates(part.exterior)[:-1] for part in without_holes(strip)]
    if kind in ("point", "points"):
        raise UnsoundError(FaultKind.POINT, "a point has no area; draw a polygon")
    message = (
        f"{reprlib.repr(kind)} of {counted(count, 'point')}; expected polygon, rectangle, oriented_rectangle, circle, "
        "line, linestrip or mask"
    )
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, message)


def _mask(shape: dict[str, Any], size: PhotoSize) -> Any:
    """Decode the mask of a brush: a PNG in base64 that fills the box of two corners, both of which are pixels in it."""
    corners = point_list(shape.get("points"), at_least=2)
    try:
        data = base64.b64decode(text_of(shape.get("mask"), "mask"), validate=True)
        with open_image(BytesIO(data), ["PNG"], name="mask") as image:
            pixels = np.asarray(image)
    except (binascii.Error, *DAMAGED, MediaError) as error:
        raise UnsoundError(FaultKind.BAD_MASK, f"the mask cannot be read ({one_line(error)})") from error
    inside = pixels != 0 if pixels.ndim == 2 else (pixels[..., :3] != 0).any(axis=2)
    (x0, y0), (x1, y1) = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
    if inside.shape != (y1 - y0 + 1, x1 - x0 + 1):
        message = f"the mask has {inside.shape[1]} x {inside.shape[0]} pixels, its box {x1 - x0 + 1} x {y1 - y0 + 1}"
        raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
    return place_mask(inside, int(x0), int(y0), size)
