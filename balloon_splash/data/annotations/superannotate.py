"""Reader of SuperAnnotate's export of images (https://doc.superannotate.com/docs/vector-json): a JSON for each photo.

A file, ``a.jpg.json`` or ``a.jpg___objects.json``, has ``metadata`` (``name``, ``width``, ``height``) and a list of
``instances``. One has ``className``, ``type`` and ``groupId``: those of one class and group are parts of one object, as
in SuperAnnotate's own export to COCO. Rings in ``exclude`` are holes of a polygon. A pixel project has ``parts``
instead, a colour each in ``a.jpg___save.png``. The classes are in ``classes/classes.json``.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.cvat import without_enclosing
from balloon_splash.data.annotations.documents import class_text, items, mapping, read_json, stated_size, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import encode_mask
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
from balloon_splash.data.annotations.regions import Polygon, ellipse, number, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.annotations.voc import read_colors
from balloon_splash.errors import AnnotationError

CLASSES_FILE = "classes.json"
_SUFFIX = re.compile(r"(___objects|___pixel)?\.json$")
_OF_THE_PHOTO = ("tag", "meta")  # instances that describe the photo as a whole
_BOXES = ("bbox", "rbbox")
_UNFINISHED = ("notstarted", "inprogress", "skipped")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")

Instance = dict[str, Any]


def read_superannotate(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file, or all ``*.json`` in a folder and those below it but the classes, in order of name.

    Raises:
        DatasetError: there is no JSON file.
        AnnotationError: the list of classes is damaged; or any fault if the log is strict.
    """
    folder = path.parent if path.is_file() else path
    files = files_at(path, ".json", "SuperAnnotate", but=CLASSES_FILE)
    names = _class_names(folder, options)
    photos = read_each(files, lambda file, index: _photo(file, index, folder, names, options), faults)
    return AnnotationSet(photos, image_root=folder, classes=tuple(dict.fromkeys(names.values())) or None)


def _class_names(folder: Path, options: ReadOptions) -> dict[int, str]:
    """Return the classes by their ids; none where there is no list of them."""
    for path in (folder / "classes" / CLASSES_FILE, folder / CLASSES_FILE, folder.parent / "classes" / CLASSES_FILE):
        if path.is_file():
            try:
                found = [mapping(each, "a class") for each in items(read_json(path, options.limits), "classes")]
                return {each["id"]: text_of(each.get("name"), "name") for each in found if type(each.get("id")) is int}
            except UnsoundError as error:
                raise AnnotationError(f"{path}: {error}; expected SuperAnnotate's list of classes") from error
    return {}


def _photo(file: Path, index: int, folder: Path, names: Mapping[int, str], options: ReadOptions) -> RawPhoto:
    document = mapping(read_json(file, options.limits), "the file")
    metadata = mapping(document.get("metadata"), "metadata")
    if metadata.get("duration") is not None:
        raise UnsoundError(FaultKind.BAD_ENTRY, "annotations of a video; expected those of an image")
    own = _SUFFIX.sub("", file.name)
    name = text_of(metadata.get("name") or own, "metadata.name").replace("\\", "/")
    found = [mapping(each, "an instance") for each in items(document.get("instances"), "instances")]
    groups: dict[object, list[tuple[int, Instance]]] = {}
    for position, instance in enumerate(found):
        if instance.get("type") not in _OF_THE_PHOTO:
            groups.setdefault(_group(position, instance), []).append((position, instance))
    status = str(metadata.get("status")).replace(" ", "").lower()
    if not groups and status in _UNFINISHED:  # with keep_empty, it would be taken for a photo that shows nothing
        raise UnsoundError(FaultKind.NOT_ANNOTATED, f"{name!r} has the status {metadata['status']!r:.40}")
    if len(groups) > options.limits.max_regions:
        message = f"{len(groups)} objects; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    pixels = _masks(file.with_name(f"{own}___save.png"), found, options.limits.max_regions)
    below = file.parent.relative_to(folder)
    return RawPhoto(
        index=index,
        name=(below / name).as_posix(),
        objects=[_object(parts, names, pixels, options) for parts in groups.values()],
        n_listed=len(groups),
        size=stated_size(metadata.get("width"), metadata.get("height")),
        fallbacks=tuple(dict.fromkeys([(below / own).as_posix(), name, own])),
        file=str(file),
    )


def _group(position: int, instance: Instance) -> object:
    group, name = instance.get("groupId"), instance.get("className", instance.get("classId"))
    return (str(name), group) if isinstance(group, int | str) and group not in (0, "0", "") else position


def _object(
    parts: Sequence[tuple[int, Instance]],
    names: Mapping[int, str],
    pixels: Mapping[str, RunLengths] | UnsoundError,
    options: ReadOptions,
) -> RawObject:
    name, number = parts[0][1].get("className"), parts[0][1].get("classId")
    if name is None and isinstance(number, int):
        name = names.get(number)
    label = class_text(name, "className")

    def outline(size: PhotoSize) -> Outline:
        rings: list[Polygon] = []
        boxes: list[Polygon] = []
        masks: list[RunLengths] = []
        for _, instance in parts:
            if "parts" in instance:
                masks += _pixels(items(instance["parts"], "parts"), pixels, size)
            else:
                (boxes if instance.get("type") in _BOXES else rings).extend(_rings(instance, options))
        return Outline(rings + without_enclosing(boxes, rings, masks), masks)

    return RawObject("+".join(str(position) for position, _ in parts), label, outline)


def _rings(instance: Instance, options: ReadOptions) -> list[Polygon]:
    kind, points, most = instance.get("type"), instance.get("points"), options.limits.max_points
    if kind == "polygon":
        outer = point_list(points, most)
        holes = [point_list(each, most) for each in items(instance.get("exclude") or [], "exclude")]
        return cut_out(outer, holes, options.limits) if holes else [outer]
    if kind == "polyline":
        return [closed_line(points, options, "SuperAnnotate")]
    if kind in _BOXES:
        corners = mapping(points, "points")
        last = 2 if kind == "bbox" else 4
        xy = [[number(corners.get(f"{axis}{each}"), f"{axis}{each}") for axis in "xy"] for each in range(1, last + 1)]
        return [np.array(xy if last == 4 else [xy[0], [xy[1][0], xy[0][1]], xy[1], [xy[0][0], xy[1][1]]])]
    if kind == "ellipse":
        return [_ellipse(instance)]
    if kind in ("point", "template"):
        raise UnsoundError(FaultKind.POINT, f"a {kind} has no area; draw a polygon")
    message = f"type {reprlib.repr(kind)}; expected polygon, bbox, rbbox, ellipse, polyline or parts of a mask"
    raise UnsoundError(FaultKind.UNKNOWN_SHAPE, message)


def _ellipse(instance: Instance) -> Polygon:
    """Return an ellipse that is not turned: the unit of ``angle`` is not documented.

    SuperAnnotate's own converters take degrees from one format and radians from another, unchanged.
    """
    cx, cy, rx, ry = (number(instance.get(key), key) for key in ("cx", "cy", "rx", "ry"))
    angle = number(instance.get("angle", 0), "angle")
    if angle and rx != ry:
        message = f"an ellipse turned by {angle:g}, of which the unit is not documented; draw a polygon"
        raise UnsoundError(FaultKind.UNKNOWN_SHAPE, message)
    return ellipse(cx, cy, rx, ry)


def _masks(path: Path, instances: Sequence[Instance], most: int) -> Mapping[str, RunLengths] | UnsoundError:
    """Return the mask of each colour that the instances name, packed at once; an error where they cannot be read."""
    lists = [each["parts"] for each in instances if isinstance(each.get("parts"), list)]
    named = [part.get("color") for parts in lists for part in parts if isinstance(part, dict)]
    colors = {each for each in named if isinstance(each, str) and _COLOR.fullmatch(each)}
    if not colors:
        return {}
    if len(colors) > most:
        return UnsoundError(FaultKind.TOO_MANY_REGIONS, f"{len(colors)} colours; at most {most} are read (max_regions)")
    if not path.is_file():
        return UnsoundError(FaultKind.NO_OUTLINE, f"its pixels are in {path.name}; there is no such file beside it")
    try:
        found = read_colors(path)
    except UnsoundError as error:
        return error
    return {color: encode_mask(found == int(color[1:], 16)) for color in colors}


def _pixels(parts: Sequence[Any], pixels: Mapping[str, RunLengths] | UnsoundError, size: PhotoSize) -> list[RunLengths]:
    if isinstance(pixels, UnsoundError):
        raise UnsoundError(pixels.kind, pixels.message)
    masks = []
    for part in parts:
        color = mapping(part, "a part").get("color")
        if not isinstance(color, str) or color not in pixels:
            raise UnsoundError(FaultKind.BAD_MASK, f"color is {reprlib.repr(color)}, expected #rrggbb")
        height, width = pixels[color]["size"]
        if (width, height) != (size.width, size.height):
            message = f"the mask has {width} x {height} pixels, the photo {size.width} x {size.height}"
            raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
        masks.append(pixels[color])
    return masks
