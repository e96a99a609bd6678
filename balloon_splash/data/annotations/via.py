"""Reader of annotation files made with the VGG Image Annotator (VIA), versions 1 and 2.

The formats, as VIA's own exporters write them (https://gitlab.com/vgg/via):

* VIA 1 JSON: ``{key: {"filename", "size", "regions": {"0": region, ...}, ...}, ...}``;
* VIA 2 JSON: the same, but ``regions`` is a list; tools that merge files mix both kinds;
* VIA 2 project: ``{"_via_settings": ..., "_via_img_metadata": <either of the above>, ...}``;
* CSV of both, see :mod:`balloon_splash.data.annotations.via_csv`;

where a region is ``{"shape_attributes": {"name": "polygon", ...}, "region_attributes": {...}}``. This module knows
the layout of the file, not the meaning of shapes and classes.
"""

from __future__ import annotations

import contextlib
import os
import reprlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.data.annotations.classes import class_of
from balloon_splash.data.annotations.documents import parse_json, read_text
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import region_polygon
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.annotations.via3 import VIA3_KEYS
from balloon_splash.data.annotations.via_csv import CSV_COLUMNS, VIA3_CSV_MARK, entries_from_csv, is_via_csv
from balloon_splash.errors import AnnotationError

COCO_KEYS = frozenset({"images", "annotations", "categories"})
VIA3_ADVICE = "a VIA 3 file, which is another format; expected VIA 1 or 2, or register_instances, which reads VIA 3"


@dataclass(frozen=True)
class ViaRegion:
    """Region as in the file: ``id`` is its key (VIA 1) or position (VIA 2, CSV)."""

    id: str
    shape: Mapping[str, object]
    attributes: Mapping[str, object]


@dataclass(frozen=True)
class ViaPhoto:
    """Photo as in the file.

    Attributes:
        index: position of the entry in the file, from 0; entries that are dropped count, so that it is stable.
        filename: its name in the file, relative to the image folder; not checked here.
        size: bytes of the photo; ``None`` where the file does not have it (absent or -1).
        regions: the sound entries under ``regions``.
        n_listed: regions that the file lists for this photo, sound or not.
    """

    index: int
    filename: str
    size: int | None
    regions: tuple[ViaRegion, ...]
    n_listed: int


def read_via_set(path: str | os.PathLike[str], faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a VIA file for :func:`~balloon_splash.data.annotations.instances.read_instances`; see :func:`read_via`."""
    found = read_via(path, faults, options.limits)
    photos = [
        RawPhoto(
            index=photo.index,
            name=photo.filename,
            objects=[_raw_object(region, options) for region in photo.regions],
            n_listed=photo.n_listed,
            n_bytes=photo.size,
        )
        for photo in found
    ]
    notes = () if options.class_attribute is not None else tuple(_overlooked_classes(found))
    return AnnotationSet(photos, image_root=Path(path).parent, notes=notes)


def _overlooked_classes(photos: Sequence[ViaPhoto]) -> Iterator[str]:
    """Attributes that look like classes, in a file all of whose regions are to be of one."""
    values: dict[str, list[str]] = {}
    for region in (region for photo in photos for region in photo.regions):
        for key in region.attributes:
            with contextlib.suppress(UnsoundError):
                values.setdefault(key, []).append(class_of(region.attributes, key))
    for key, found in values.items():
        different = sorted(set(found))
        if 1 < len(different) <= len(found) // 2:  # a remark for each region is not a class
            yield (
                f"the attribute {reprlib.repr(key)} has {len(different)} values ({', '.join(different)[:100]}), all of "
                f"which are read as one class; --class-attribute {key} (in Python: class_attribute) tells them apart"
            )


def _raw_object(region: ViaRegion, options: ReadOptions) -> RawObject:
    label: str | UnsoundError | None = None
    if options.class_attribute is not None:
        try:
            label = class_of(region.attributes, options.class_attribute)
        except UnsoundError as error:
            label = error

    def outline(_size: PhotoSize) -> Outline:
        max_points = options.limits.max_points
        return Outline([region_polygon(region.shape, close_polylines=options.close_polylines, max_points=max_points)])

    return RawObject(region.id, label, outline)


def read_via(path: str | os.PathLike[str], faults: FaultLog, limits: Limits = DEFAULT_LIMITS) -> list[ViaPhoto]:
    """Read a VIA file of any supported kind, recognised by the content, not by the name.

    Args:
        path: the file, UTF-8 with or without byte-order mark.
        faults: log for malformed entries, repeated keys and wrong counts.
        limits: bounds on the file and its parts.

    Returns:
        The photos in the order of the file; one that is listed twice comes twice.

    Raises:
        AnnotationError: the file cannot be read, is not a VIA 1 or 2 file or is too large; or, if ``faults`` is
            strict, any fault.
    """
    path = Path(path)
    text = read_text(path, limits)
    if text[:1024].lstrip()[:1] in ("{", "["):
        entries = _entries_from_json(text, path, faults, limits)
    elif text.lstrip().startswith(VIA3_CSV_MARK):
        raise AnnotationError(f"{path}: {VIA3_ADVICE}")
    elif is_via_csv(text):
        entries = entries_from_csv(text, path, faults, limits)
    else:
        raise AnnotationError(
            f"{path}: not a VIA file: expected a JSON object, or CSV with the columns {', '.join(CSV_COLUMNS)}"
        )
    if len(entries) > limits.max_photos:
        raise AnnotationError(f"{path}: {len(entries)} photos; at most {limits.max_photos} are read (max_photos)")
    return list(_photos(entries, faults, limits.max_regions))


def _entries_from_json(text: str, path: Path, faults: FaultLog, limits: Limits) -> Mapping[str, object]:
    """Return the photo entries of a JSON document by their keys."""
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            repeated.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return mapping

    entries = _photo_entries(parse_json(text, path, limits, on_object=unique), path)
    for key in repeated:
        message = f"the key {reprlib.repr(key)} stands more than once in one object; only its last value is read"
        faults.add(FaultKind.DUPLICATE_NAME, message, dropped=True)
    return entries


def _photo_entries(document: object, path: Path) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise AnnotationError(f"{path}: not a VIA file: expected a JSON object, found a {type(document).__name__}")
    if "_via_img_metadata" in document:
        entries = document["_via_img_metadata"]
        if not isinstance(entries, dict):
            raise AnnotationError(f"{path}: _via_img_metadata must be an object, found a {type(entries).__name__}")
        return entries
    if document.keys() >= VIA3_KEYS:
        raise AnnotationError(f"{path}: {VIA3_ADVICE}")
    if document.keys() >= COCO_KEYS:
        raise AnnotationError(f"{path}: a COCO file, not a VIA file; register_instances reads it")
    if document and not any(isinstance(entry, dict) and "filename" in entry for entry in document.values()):
        keys = reprlib.repr(list(document))
        raise AnnotationError(f"{path}: not a VIA file: no entry has a 'filename'; its keys are {keys}")
    return document


def _photos(entries: Mapping[str, object], faults: FaultLog, max_regions: int) -> Iterator[ViaPhoto]:
    for index, (key, entry) in enumerate(entries.items()):
        photo_name = key
        try:
            if not isinstance(entry, dict):
                raise UnsoundError(FaultKind.BAD_ENTRY, f"expected an object, found {reprlib.repr(entry)}")
            filename, regions = _filename(entry), _raw_regions(entry, max_regions)
            photo_name = filename
        except UnsoundError as error:
            faults.add(error.kind, error.message, photo=photo_name, dropped=True)
            continue
        size = _size(entry, filename, faults)
        yield ViaPhoto(index, filename, size, tuple(_regions(regions, filename, faults)), len(regions))


def _filename(entry: Mapping[str, object]) -> str:
    filename = entry.get("filename")
    if not isinstance(filename, str) or not filename:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"filename must be a text, found {reprlib.repr(filename)}")
    return filename


def _raw_regions(entry: Mapping[str, object], max_regions: int) -> list[tuple[str, object]]:
    """Return the regions with their ids, from either of VIA's two containers."""
    regions = entry.get("regions")
    if isinstance(regions, dict):
        found = list(regions.items())
    elif isinstance(regions, list):
        found = [(str(position), region) for position, region in enumerate(regions)]
    else:
        message = f"regions must be an object (VIA 1) or a list (VIA 2), found {reprlib.repr(regions)}"
        raise UnsoundError(FaultKind.BAD_ENTRY, message)
    if len(found) > max_regions:
        # Half of the objects would train the other half as background: drop the whole photo.
        message = f"{len(found)} regions; at most {max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    return found


def _size(entry: Mapping[str, object], filename: str, faults: FaultLog) -> int | None:
    size = entry.get("size")
    if size is None or size == -1:  # VIA's word for "unknown", for instance of a photo given by its address
        return None
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        message = f"size must be a number of bytes, or -1; found {reprlib.repr(size)}"
        faults.add(FaultKind.SIZE_MISMATCH, message, photo=filename, dropped=False)
        return None
    return size


def _regions(raw: list[tuple[str, object]], filename: str, faults: FaultLog) -> Iterator[ViaRegion]:
    for region_id, region in raw:
        shape = region.get("shape_attributes") if isinstance(region, dict) else None
        attributes = region.get("region_attributes", {}) if isinstance(region, dict) else None
        if isinstance(shape, dict) and isinstance(attributes, dict):
            yield ViaRegion(region_id, shape, attributes)
        else:
            message = f"expected the objects shape_attributes and region_attributes, found {reprlib.repr(region)}"
            faults.add(FaultKind.BAD_ENTRY, message, photo=filename, region=region_id, dropped=True)
