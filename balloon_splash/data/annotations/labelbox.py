"""Reader of Labelbox's NDJSON export (https://docs.labelbox.com/reference/export-image-annotations), an image per line.

Polygons and boxes are in the file. A mask is at a URL that needs the project's key, and is not fetched.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from balloon_splash.data.annotations.documents import (
    class_text,
    items,
    mapping,
    parse_json,
    read_text,
    stated_size,
    text_of,
)
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import number, point_list, rectangle
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError


def read_labelbox(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read an NDJSON export; photos in the order of the lines.

    Raises:
        AnnotationError: no line of it is Labelbox's; or any fault if the log is strict.
    """
    photos: list[RawPhoto] = []
    lines = [line for line in read_text(path, options.limits).split("\n") if line.strip()]
    if len(lines) > options.limits.max_photos:
        raise AnnotationError(f"{path}: {len(lines)} lines; at most {options.limits.max_photos} are read (max_photos)")
    for index, line in enumerate(lines):
        try:
            photos.append(_photo(index, mapping(parse_json(line, path, options.limits), "the line"), faults, options))
        except (UnsoundError, AnnotationError) as error:
            kind = error.kind if isinstance(error, UnsoundError) else FaultKind.BAD_ENTRY
            faults.add(kind, f"line {index + 1}: {error}", dropped=True)
    if lines and not photos:
        raise AnnotationError(f"{path}: not a Labelbox export: {faults.first()}")
    return AnnotationSet(photos, image_root=path.parent)


def _photo(index: int, entry: dict[str, Any], faults: FaultLog, options: ReadOptions) -> RawPhoto:
    row = mapping(entry.get("data_row"), "data_row")
    name = text_of(row.get("external_id") or row.get("global_key") or row.get("row_data"), "external_id")
    name = name.replace("\\", "/")
    media = entry.get("media_attributes")
    labels = list(_labels(entry))
    if len(labels) > 1:
        message = f"{len(labels)} labels (of several people or projects); the first one is read"
        faults.add(FaultKind.DUPLICATE_NAME, message, photo=name, dropped=False)
    if not labels:  # with keep_empty, it would be taken for a photo that shows nothing
        raise UnsoundError(FaultKind.NOT_ANNOTATED, f"{name!r} has no label yet, or was skipped")
    found = mapping(labels[0].get("annotations", {}), "annotations").get("objects", [])
    objects = [_object(mapping(each, "an object"), options) for each in items(found, "objects")]
    if len(objects) > options.limits.max_regions:
        message = f"{len(objects)} objects; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    return RawPhoto(
        index=index,
        name=name,
        objects=objects,
        n_listed=len(objects),
        size=stated_size(media.get("width"), media.get("height")) if isinstance(media, dict) else None,
        fallbacks=(name.partition("?")[0].rpartition("/")[2],),
    )


def _labels(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the labels of all projects, without those of people who skipped the photo."""
    for project in mapping(entry.get("projects"), "projects").values():
        for label in items(mapping(project, "a project").get("labels", []), "labels"):
            found = mapping(label, "a label")
            performance = found.get("performance_details")
            if not (isinstance(performance, dict) and performance.get("skipped") is True):
                yield found


def _object(found: dict[str, Any], options: ReadOptions) -> RawObject:
    name = found.get("name")
    label = class_text(name, "name")

    def outline(_size: PhotoSize) -> Outline:
        if "polygon" in found:
            corners = [mapping(point, "a point") for point in items(found["polygon"], "polygon")]
            return Outline(
                [point_list([(each.get("x"), each.get("y")) for each in corners], options.limits.max_points)]
            )
        if "bounding_box" in found and not {"mask", "composite_mask"} & found.keys():
            box = mapping(found["bounding_box"], "bounding_box")
            x, y, width, height = (number(box.get(key), key) for key in ("left", "top", "width", "height"))
            return Outline([rectangle(x, y, width, height)])
        if {"mask", "composite_mask"} & found.keys():
            message = "its mask is at a URL, which is not fetched; expected a polygon"
            raise UnsoundError(FaultKind.NO_OUTLINE, message)
        kind = json.dumps(found.get("annotation_kind"))[:40]
        raise UnsoundError(FaultKind.UNKNOWN_SHAPE, f"kind {kind}; expected a polygon or box")

    return RawObject(str(found.get("feature_id"))[:40], label, outline)
