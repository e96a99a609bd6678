"""Reader of Supervisely's projects of images (https://docs.supervisely.com/data-organization/00_ann_format_navi).

``meta.json`` lists the classes; ``ann/a.jpg.json`` of a data set has the objects of ``img/a.jpg``. An object has a
``classTitle`` and a ``geometryType``; those of one class with the same ``instance`` are parts of one object. Whole
numbers count pixels, in its corners, too: a rectangle from 10 to 19 is ten pixels wide, and a polygon goes through the
middles of pixels, as the SDK (``supervisely`` 6.74.51) rounds down what a person draws.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import reprlib
import zlib
from collections.abc import Container, Sequence, Set
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.cvat import without_enclosing
from balloon_splash.data.annotations.documents import (
    class_text,
    items,
    keys_of,
    mapping,
    read_bytes,
    read_json,
    stated_size,
    text_of,
)
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import Mask, encode_mask, place_mask
from balloon_splash.data.annotations.per_photo import files_at, read_each
from balloon_splash.data.annotations.polygons import cut_out
from balloon_splash.data.annotations.records import (
    AnnotationSet,
    Outline,
    RawObject,
    RawPhoto,
    ReadOptions,
    RunLengths,
    closed_line,
)
from balloon_splash.data.annotations.regions import Polygon, number, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, MediaError, one_line
from balloon_splash.media.opening import DAMAGED, open_image

META_FILE = "meta.json"
META_KEYS = frozenset({"classes", "tags"})
SUPERVISELY_KEYS = frozenset({"size", "objects"})

_BOX_CLASS = re.compile(r"[ _]bbox$")  # the SDK's import of COCO adds it to the class of a box, and its export drops it
_BOXES = ("rectangle", "oriented_bbox")
_LEAST_ALPHA = {"bitmap": 1, "alpha_mask": 128}  # of pixels inside
_BYTES_PER_PIXEL = 8  # most of a PNG, that of four channels of 16 bits
_BYTES_BESIDE = 1 << 16

Figure = dict[str, Any]
Shapes = list[tuple[int, Figure]]


def read_supervisely(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file of a photo, or all of a project or data set, in order of name; ``meta.json`` stands for its folder.

    Raises:
        DatasetError: there is no file of a photo.
        AnnotationError: the list of classes is damaged; or any fault if the log is strict.
    """
    path = path.parent if path.name == META_FILE else path
    files = files_at(path, ".json", "Supervisely", but=META_FILE)
    files = [each for each in files if each.parent.name == "ann"] or files  # beside which the SDK has others
    folder = path.parent if path.is_file() else path
    root = folder.parent if folder.name == "ann" else folder
    classes = _classes(folder, options)
    known = frozenset(classes)
    photos = read_each(files, lambda file, index: _photo(file, index, root, known, options), faults)
    return AnnotationSet(photos, image_root=root, classes=tuple(classes) or None)


def _classes(folder: Path, options: ReadOptions) -> list[str]:
    """Return the classes of the first ``meta.json`` in the folder and those above it; none where there is none.

    Those of boxes are left out where the class that they belong to is there.
    """
    for path in (each / META_FILE for each in (folder, *folder.parents[:4])):
        if path.is_file() and keys_of(read_bytes(path, options.limits), path, options.limits) >= META_KEYS:
            try:
                listed = mapping(read_json(path, options.limits), "the file")["classes"]
                found = [mapping(each, "a class") for each in items(listed, "classes")]
                shapes = {text_of(each.get("title"), "title"): each.get("shape") for each in found}
                return [each for each in shapes if shapes[each] != "rectangle" or _without_box(each, shapes) == each]
            except UnsoundError as error:
                raise AnnotationError(f"{path}: {error}; expected Supervisely's list of classes") from error
    return []


def _without_box(name: str, classes: Container[str]) -> str:
    """Return the class that a class of boxes belongs to: ``cup`` for ``cup_bbox`` where both are there."""
    shorter = _BOX_CLASS.sub("", name)
    return shorter if shorter in classes else name


def _photo(file: Path, index: int, root: Path, classes: Set[str], options: ReadOptions) -> RawPhoto:
    document = mapping(read_json(file, options.limits), "the file")
    if "frames" in document:
        raise UnsoundError(FaultKind.BAD_ENTRY, "annotations of a video; expected those of an image")
    size = mapping(document.get("size"), "size")
    found = [mapping(each, "an object") for each in items(document.get("objects"), "objects")]
    if len(found) > options.limits.max_regions:
        message = f"{len(found)} objects; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    known = classes or {each["classTitle"] for each in found if isinstance(each.get("classTitle"), str)}
    groups: dict[object, Shapes] = {}
    for position, figure in enumerate(found):
        groups.setdefault(_group(position, figure, known), []).append((position, figure))
    name = file.name.removesuffix(".json")
    below = file.parent.relative_to(root)
    beside = below.parent / "img" if below.name == "ann" else below
    return RawPhoto(
        index=index,
        name=(beside / name).as_posix(),
        objects=[_object(parts, known, options) for parts in groups.values()],
        n_listed=len(groups),
        size=stated_size(size.get("width"), size.get("height")),
        fallbacks=tuple(dict.fromkeys([(below / name).as_posix(), name])),
        file=str(file),
    )


def _group(position: int, figure: Figure, classes: Set[str]) -> object:
    binding = figure.get("instance")
    return (str(_class_name(figure, classes)), binding) if isinstance(binding, str) and binding else position


def _class_name(figure: Figure, classes: Set[str]) -> str | UnsoundError:
    """Return the class of an object, of a bound box the one that its class belongs to; an error where it has none."""
    name = class_text(figure.get("classTitle"), "classTitle")
    is_bound_box = figure.get("geometryType") == "rectangle" and figure.get("instance")
    return _without_box(name, classes) if is_bound_box and isinstance(name, str) else name


def _object(parts: Shapes, classes: Set[str], options: ReadOptions) -> RawObject:

    def outline(size: PhotoSize) -> Outline:
        rings: list[Polygon] = []
        boxes: list[Polygon] = []
        masks: list[RunLengths] = []
        for _, figure in parts:
            kind = _kind(figure)
            if kind in _LEAST_ALPHA:
                masks.append(encode_mask(_mask(figure, size)))
            elif kind in _BOXES:
                boxes.append(_box(figure))
            else:
                rings.extend(_rings(kind, figure, options))
        return Outline(rings + without_enclosing(boxes, rings, masks), masks)

    return RawObject("+".join(str(position) for position, _ in parts), _class_name(parts[0][1], classes), outline)


def _kind(figure: Figure) -> str:
    """Return the kind of a shape; files of 2018 do not name it."""
    kind = figure.get("geometryType", figure.get("shape"))
    if kind is not None:
        return kind if isinstance(kind, str) else reprlib.repr(kind)
    if figure.get("bitmap"):
        return "bitmap"
    return "rectangle" if len(items(_points(figure).get("exterior"), "exterior")) == 2 else "polygon"


def _points(figure: Figure) -> dict[str, Any]:
    return mapping(figure.get("points"), "points")


def _rings(kind: str, figure: Figure, options: ReadOptions) -> list[Polygon]:
    if kind == "polygon":
        return _polygon(_points(figure), options)
    if kind == "multipolygon":
        parts = [mapping(each, "a part") for each in items(figure.get("parts"), "parts")]
        return [ring for part in parts for ring in _polygon(part, options)]
    if kind == "line":
        return _in_pixels([closed_line(_points(figure).get("exterior"), options, "Supervisely")])
    if kind in ("point", "graph"):
        raise UnsoundError(FaultKind.POINT, f"a {kind} has no area; draw a polygon")
    known = "polygon, multipolygon, rectangle, oriented_bbox, line, bitmap or alpha_mask"
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, f"geometryType {reprlib.repr(kind)}; expected {known}")


def _polygon(points: dict[str, Any], options: ReadOptions) -> list[Polygon]:
    most = options.limits.max_points
    holes = [point_list(each, most) for each in items(points.get("interior") or [], "interior")]
    outer, *holes = _in_pixels([point_list(points.get("exterior"), most), *holes])
    return cut_out(outer, holes, options.limits) if holes else [outer]


def _in_pixels(rings: Sequence[Polygon]) -> list[Polygon]:
    """Return rings in which whole numbers, the pixels that the corners lie in, are the middles of these."""
    return [ring + 0.5 for ring in rings] if all(map(_is_whole, rings)) else list(rings)


def _is_whole(points: Polygon) -> bool:
    return bool((points == points.round()).all())


def _box(figure: Figure) -> Polygon:
    """Return a rectangle, both of whose corners are pixels in it; one may be turned, clockwise as seen, in radians."""
    found = figure.get("points")
    corners = point_list(found if isinstance(found, list) else _points(figure).get("exterior"), at_least=2)
    if len(corners) != 2:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"{len(corners)} corners of a rectangle; expected 2")
    low, high = corners.min(axis=0), corners.max(axis=0) + _is_whole(corners)
    angle = number(figure.get("angle") or 0, "angle")
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    around = np.array([low, [high[0], low[1]], high, [low[0], high[1]]])
    return np.asarray((around - (low + high) / 2) @ turn + (low + high) / 2)


def _mask(figure: Figure, size: PhotoSize) -> Mask:
    """Decode a mask: a PNG, compressed once more, in base64; its first pixel is ``origin``."""
    found = mapping(figure.get("bitmap"), "bitmap")
    ((x, y),) = point_list([found.get("origin")], at_least=1)
    most = _BYTES_PER_PIXEL * size.width * size.height + _BYTES_BESIDE
    try:
        data = base64.b64decode(text_of(found.get("data"), "bitmap.data"), validate=True)
        if not data.startswith(b"\x89PNG"):  # the SDK reads these, too
            data = zlib.decompressobj().decompress(data, most)
        with open_image(BytesIO(data), ["PNG"], name="mask") as image:
            if image.width > size.width or image.height > size.height:
                message = f"the mask has {image.width} x {image.height} pixels, the photo {size.width} x {size.height}"
                raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
            transparent = image.has_transparency_data
            alpha = np.asarray(image.convert("RGBA"))[..., 3]
            inside = (
                alpha >= _LEAST_ALPHA[_kind(figure)]
                if transparent
                else (np.asarray(image) != 0).reshape(*alpha.shape, -1).any(axis=2)
            )
    except (binascii.Error, zlib.error, *DAMAGED, MediaError) as error:
        raise UnsoundError(FaultKind.BAD_MASK, f"the mask cannot be read ({one_line(error)})") from error
    return place_mask(inside, math.floor(x), math.floor(y), size)
