"""Reader of COCO's instances JSON (https://cocodataset.org/#format-data), as many exporters write it.

Exporters vary: ids of any kind, from 0 on or doubled; polygons that are not nested; run lengths of both kinds; missing
``iscrowd``, ``area`` and ``bbox``; Roboflow's category 0, which is the name of the project and has no object; sizes of
the photo before it was turned upright.
"""

from __future__ import annotations

import functools
import reprlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import shapely

from balloon_splash.data.annotations.documents import items, mapping, read_json, stated_size, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import checked_run_lengths
from balloon_splash.data.annotations.polygons import known_simple
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import SimpleRing
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError
from balloon_splash.wording import counted

_MOST_DIGITS = 18  # of an id that counts as a number
_MOST_PARTS = 50  # of an object, between which holes are searched


class _Annotation(msgspec.Struct, gc=False):
    """Entry of ``annotations``, of anything. Its box, which follows from the outline, and its area are not read."""

    id: Any = None
    image_id: Any = None
    category_id: Any = None
    segmentation: Any = None
    iscrowd: Any = 0


class _Document(msgspec.Struct):
    """COCO file, as far as it is read."""

    images: list[Any] = []
    annotations: list[_Annotation] = []
    categories: list[Any] = []


def read_coco(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a COCO file; photos in the order of ``images``, classes in the order of the categories' ids.

    Raises:
        AnnotationError: it is not a COCO file; or any fault if the log is strict.
    """
    try:
        images, annotations, categories = _parts(read_json(path, options.limits, type=_Document))
        names = _category_names(categories, annotations)
    except UnsoundError as error:
        raise AnnotationError(f"{path}: not a COCO file: {error.message}") from error
    _note_simple_rings(annotations, options.limits.max_points)
    notes = tuple(_filled_holes(annotations))
    by_image: dict[object, list[_Annotation]] = {}
    for position, annotation in enumerate(annotations):
        key = _id(annotation.image_id) if isinstance(annotation, _Annotation) else None
        if key is not None:
            by_image.setdefault(key, []).append(annotation)
        else:
            message = f"annotation {position}: expected an object with an image_id, found {reprlib.repr(annotation)}"
            faults.add(FaultKind.BAD_ENTRY, message, dropped=True)
    annotations.clear()  # each is dropped as soon as its object is made
    photos = []
    repeated = _repeated_ids(images)
    for image_id in repeated:
        by_image.pop(image_id, None)
    for index, image in enumerate(images):
        try:
            photos.append(_photo(index, image, by_image, names, options, repeated))
        except UnsoundError as error:
            faults.add(error.kind, f"image {index}: {error.message}", dropped=True)
    for image_id, left in by_image.items():
        of = f"of the image {reprlib.repr(image_id)}, which the file does not have"
        faults.add(FaultKind.BAD_ENTRY, f"{counted(len(left), 'annotation')} {of}", dropped=True)
    return AnnotationSet(photos, image_root=path.parent, classes=tuple(names.values()), notes=notes)


def _parts(document: Any) -> tuple[list[Any], list[Any], list[Any]]:
    """Return images, annotations and categories; annotations that are not objects pass as they are.

    Raises:
        UnsoundError: the document is not an object with such lists.
    """
    if isinstance(document, _Document):
        return document.images, document.annotations, document.categories
    whole = mapping(document, "the file")
    images, found, categories = (items(whole.get(key, []), key) for key in ("images", "annotations", "categories"))
    annotations = [msgspec.convert(each, _Annotation) if isinstance(each, dict) else each for each in found]
    return images, annotations, categories


def _note_simple_rings(annotations: Sequence[Any], max_points: int) -> None:
    """Put :class:`SimpleRing` in the place of polygons that are simple, of all annotations at once."""
    nested = []
    for each in annotations:
        found = each.segmentation if isinstance(each, _Annotation) else None
        if isinstance(found, list) and found and isinstance(found[0], list):
            nested.append(found)
    known = iter(known_simple([ring for found in nested for ring in found], max_points))
    for found in nested:
        found[:] = [next(known) for _ in found]


def _filled_holes(annotations: Sequence[Any]) -> Iterator[str]:
    """Say where a polygon lies inside another one of its object: COCO fills it, some exporters mean a hole."""
    parts = (each.segmentation for each in annotations if isinstance(each, _Annotation))
    count = sum(_has_ring_inside(found) for found in parts if isinstance(found, list) and len(found) > 1)
    if count:
        yield (
            f"{counted(count, 'object')} with a polygon inside another one, which COCO's rules fill; if the tool meant "
            "holes, export run lengths (RLE), which have them"
        )


def _has_ring_inside(rings: list[Any]) -> bool:
    rings = [ring for ring in rings[:_MOST_PARTS] if isinstance(ring, SimpleRing)]
    outlines = [shapely.Polygon(np.reshape(ring.flat, (-1, 2))) for ring in rings]
    return len(rings) > 1 and bool(len(shapely.STRtree(outlines).query(outlines, predicate="contains_properly")[0]))


def _repeated_ids(images: Sequence[Any]) -> set[object]:
    """The ids of several images, as in files that were joined without new numbers."""
    ids = Counter(_id(image.get("id")) for image in images if isinstance(image, dict))
    return {image_id for image_id, count in ids.items() if count > 1 and image_id is not None}


def _id(found: object) -> int | str | None:
    """Return an id, as a number where a number was written as ``"7"`` or ``7.0``; ``None`` for no id at all."""
    if type(found) is int:
        return found
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if not isinstance(found, str):
        return None
    number = int(found) if found.isdecimal() and len(found) <= _MOST_DIGITS else found
    return number if str(number) == found else found


def _category_names(categories: Sequence[Any], annotations: Sequence[Any]) -> dict[object, str]:
    """Return names by id, in order of the ids, without Roboflow's category that only names the project."""
    found: dict[int | str, dict[str, Any]] = {}
    for category in categories:
        entry = mapping(category, "a category")
        category_id = _id(entry.get("id"))
        if category_id is None:
            raise UnsoundError(FaultKind.BAD_ENTRY, f"a category has the id {reprlib.repr(entry.get('id'))}")
        if category_id in found:
            raise UnsoundError(FaultKind.DUPLICATE_ID, f"two categories have the id {category_id!r}")
        found[category_id] = entry
    above = {entry.get("supercategory") for entry in found.values() if isinstance(entry.get("supercategory"), str)}
    names: dict[object, str] = {}
    for key, entry in sorted(found.items(), key=lambda item: (isinstance(item[0], str), item[0])):
        name = text_of(entry.get("name"), "the name of a category")
        dummy = key == 0 and name in above and entry.get("supercategory") == "none" and len(found) > 1
        if dummy and not any(isinstance(each, _Annotation) and _id(each.category_id) == key for each in annotations):
            continue
        if name in names.values():
            raise UnsoundError(FaultKind.DUPLICATE_NAME, f"two categories are called {name!r}")
        names[key] = name
    return names


def _photo(
    index: int,
    image: Any,
    by_image: dict[object, list[_Annotation]],
    names: dict[object, str],
    options: ReadOptions,
    repeated: set[object],
) -> RawPhoto:
    entry = mapping(image, "an entry of images")
    name = text_of(entry.get("file_name"), "file_name").replace("\\", "/")
    image_id = _id(entry.get("id"))
    if image_id is None:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"the id of {name!r} is {reprlib.repr(entry.get('id'))}")
    if image_id in repeated:
        message = f"{name!r} has the id {reprlib.repr(image_id)} of another image; its annotations cannot be told apart"
        raise UnsoundError(FaultKind.DUPLICATE_ID, message)
    annotations = by_image.pop(image_id, [])
    if len(annotations) > options.limits.max_regions:
        message = f"{len(annotations)} annotations; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    return RawPhoto(
        index=index,
        name=name,
        objects=[_object(each, names) for each in annotations],
        n_listed=len(annotations),
        size=stated_size(entry.get("width"), entry.get("height")),
        fallbacks=(name.rpartition("/")[2],) if "/" in name else (),
    )


def _object(annotation: _Annotation, names: dict[object, str]) -> RawObject:
    label: str | UnsoundError | None = names.get(_id(annotation.category_id))
    if label is None:
        known = ", ".join(map(str, names))
        message = f"category_id {reprlib.repr(annotation.category_id)}; the file has {known or 'no categories'}"
        label = UnsoundError(FaultKind.UNKNOWN_CLASS, message)
    outline = functools.partial(_outline, annotation.segmentation)
    return RawObject(f"id {annotation.id!r:.40}", label, outline, crowd=annotation.iscrowd in (1, "1"))


def _outline(found: object, size: PhotoSize) -> Outline:
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], SimpleRing):
        return Outline(found)
    if isinstance(found, dict):
        return Outline(masks=[checked_run_lengths(found, size)])
    if not isinstance(found, list):
        raise UnsoundError(FaultKind.NO_OUTLINE, f"segmentation is {reprlib.repr(found)}; expected polygons or a mask")
    if not found:
        raise UnsoundError(FaultKind.NO_OUTLINE, "segmentation is empty; expected polygons or a mask")
    rings = found if isinstance(found[0], list | SimpleRing) else [found]  # one polygon that is not nested
    for ring in rings:
        if not isinstance(ring, list | SimpleRing):
            message = f"segmentation has {reprlib.repr(ring)} among its polygons; expected lists of numbers"
            raise UnsoundError(FaultKind.BAD_ENTRY, message)
    # Of several parts, one that is not even a triangle is only a crumb.
    return Outline(rings if len(rings) == 1 else [ring for ring in rings if not _is_crumb(ring)] or rings)


def _is_crumb(ring: list[Any] | SimpleRing) -> bool:
    return not isinstance(ring, SimpleRing) and len(ring) < 6 and not (ring and isinstance(ring[0], list))
