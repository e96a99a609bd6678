"""Detectron2's standard dataset dicts from a reader's records and the photos that they name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from detectron2.structures import BoxMode

from balloon_splash.data.annotations.classes import category_id, check_class_options
from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE, DatasetDict
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.load_report import LoadReport, log_report, report_on
from balloon_splash.data.annotations.masks import area_of, box_of, merged
from balloon_splash.data.annotations.photos import Photo, PhotoFolder
from balloon_splash.data.annotations.polygons import FittedRegion, fit_all
from balloon_splash.data.annotations.records import (
    AnnotationSet,
    Outline,
    RawObject,
    RawPhoto,
    ReadOptions,
    labels_of,
    shared_names,
)
from balloon_splash.data.annotations.regions import SimpleRing
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.annotations.via import read_via_set
from balloon_splash.errors import UsageError

#: Parts that an object may lose and be the same object still.
_CRUMBS = {FaultKind.ZERO_AREA, FaultKind.TOO_FEW_POINTS, FaultKind.OUTSIDE, FaultKind.TOO_MANY_CROSSINGS}


def load_via_instances(
    annotations: str | os.PathLike[str],
    image_root: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = ("balloon",),
    class_attribute: str | None = None,
    keep_empty: bool = False,
    close_polylines: bool = False,
    strict: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[list[DatasetDict], LoadReport]:
    """Read a VIA file (see :mod:`balloon_splash.data.annotations.via`) and check the photos that it names.

    Args:
        annotations: VIA 1 or 2 JSON, project or CSV.
        image_root: the folder that the file's names are relative to.
        class_names, class_attribute, keep_empty, close_polylines, strict, limits: see :class:`ReadOptions`.

    Returns:
        As :func:`read_instances`.

    Raises:
        AnnotationError: the file is not readable as VIA; or any fault if ``strict``.
        DatasetError: there is no folder ``image_root``.
        UsageError: the class options contradict each other.
    """
    check_class_options(class_names, class_attribute)
    options = ReadOptions(
        class_names=None if class_names is None else tuple(class_names),
        class_attribute=class_attribute,
        keep_empty=keep_empty,
        close_polylines=close_polylines,
        strict=strict,
        limits=limits,
    )
    faults = FaultLog(annotations, strict=strict, max_faults=limits.max_faults)
    return read_instances(read_via_set(annotations, faults, options), image_root, options, faults)


def read_instances(
    found: AnnotationSet, image_root: str | os.PathLike[str], options: ReadOptions, faults: FaultLog
) -> tuple[list[DatasetDict], LoadReport]:
    """Check the photos that annotations name, and make dataset dicts of the sound ones.

    One table of the faults goes to the log, as a single warning. A photo that loses all of its regions is dropped as
    well: it shows objects, so it must not train as background. One that loses some is marked :data:`INCOMPLETE`.

    Args:
        found: the result of a reader.
        image_root: the folder that its names are relative to.
        options: options for reading.
        faults: the reader's log.

    Returns:
        Dicts as https://detectron2.readthedocs.io/en/latest/tutorials/datasets.html defines them, in the order of
        the file, and the report. ``image_id`` is the photo's position in the file, ``bbox`` XYXY pixels around the
        ``segmentation``: a list of flat polygons ``[x0, y0, x1, y1, ...]``, or COCO's run lengths where the file has a
        mask. Sizes and coordinates are those of the upright photo (see
        :mod:`balloon_splash.data.annotations.photos`).

    Raises:
        AnnotationError: any fault if ``options.strict``.
        DatasetError: there is no folder ``image_root``.
        UsageError: several classes are named for objects without a class.
    """
    names = options.class_names or found.classes or labels_of(found.photos)
    if len(names) > 1 and any(each.label is None for photo in found.photos for each in photo.objects):
        raise UsageError(
            f"{faults.file}: its objects have no class, but {len(names)} classes are named ({', '.join(names)}); "
            "expected one class name, or for a VIA file the attribute that holds the class (class_attribute)"
        )
    left_out = tuple(name for name in labels_of(found.photos) if name not in names) if options.class_names else ()
    folder = PhotoFolder(image_root)
    categories = {name: names.index(name) for name in names}
    reader = _InstanceReader(folder, categories, options, faults, shared_names(found.photos))
    try:
        dicts = [entry for photo in found.photos if (entry := reader.read_photo(photo)) is not None]
        dicts = [entry for entry in dicts if reader.is_sole(entry)]
    finally:
        folder.save_sizes()
    n_empty = sum(not photo.annotated for photo in found.photos)
    report = report_on(dicts, names, faults, n_empty=n_empty, notes=found.notes, left_out=left_out)
    log_report(report, options.keep_empty)
    return dicts, report


@dataclass(frozen=True)
class _InstanceReader:
    folder: PhotoFolder
    categories: Mapping[str, int]
    options: ReadOptions
    faults: FaultLog
    shared: Set[str]
    seen: dict[str, int] = field(default_factory=dict)  # the entries of the file by the path of their photo
    unread: set[str] = field(default_factory=set)  # photos with objects in a second entry

    def read_photo(self, photo: RawPhoto) -> DatasetDict | None:
        """Return the dict of one photo, or ``None`` if it is left out."""
        try:
            found = self._find(photo)
            size = self._checked_size(photo, found)
        except UnsoundError as error:
            self.faults.add(error.kind, error.message, photo=photo.name, dropped=True, file=photo.file)
            return None
        annotations = self._read_objects(photo, size)
        if photo.annotated and not annotations:
            message = "all of its regions are dropped"
            self.faults.add(FaultKind.NOTHING_LEFT, message, photo=photo.name, dropped=True, file=photo.file)
        if not annotations and (photo.annotated or not self.options.keep_empty):
            return None
        lost = len(annotations) < photo.n_listed or any(each["iscrowd"] for each in annotations)
        return {
            "file_name": found.path,
            "image_id": photo.index,
            "height": size.height,
            "width": size.width,
            "annotations": annotations,
            **({INCOMPLETE: True} if lost else {}),
        }

    def is_sole(self, entry: DatasetDict) -> bool:
        """Return false, with a fault, if the only objects of a photo are in an entry that is not read.

        A photo with objects in both is marked :data:`INCOMPLETE`.
        """
        if entry["file_name"] not in self.unread:
            return True
        entry[INCOMPLETE] = True
        if not entry["annotations"]:
            message = "its first entry has no objects, another one has; expected one entry"
            self.faults.add(FaultKind.NOTHING_LEFT, message, photo=entry["file_name"], dropped=True)
        return bool(entry["annotations"])

    def _find(self, photo: RawPhoto) -> Photo:
        """Find the photo's file, under the first of its names that exists.

        Raises:
            UnsoundError: there is none, or another entry has it already.
        """
        try:
            found = self.folder.find(photo.name)
        except UnsoundError as error:
            others = (self._find_or_none(name) for name in photo.fallbacks if name not in self.shared)
            match = next((other for other in others if other is not None), None)
            if match is None:
                raise error
            found = match
        if self.seen.setdefault(found.path, photo.index) != photo.index:
            if photo.annotated:
                self.unread.add(found.path)
            message = f"another entry has the same photo, {found.path}; only the first one is read"
            raise UnsoundError(FaultKind.DUPLICATE_NAME, message)
        return found

    def _find_or_none(self, name: str) -> Photo | None:
        try:
            return self.folder.find(name)
        except UnsoundError:
            return None

    def _checked_size(self, photo: RawPhoto, found: Photo) -> PhotoSize:
        """Return the photo's size, after checking that it is the photo that was annotated.

        Raises:
            UnsoundError: it cannot be read, or the annotations are of a photo of another size.
        """
        intact = photo.n_bytes is None or photo.n_bytes == found.stamp.n_bytes
        size = self.folder.size(found, decode=not intact)  # a photo of another length may be cut short
        if not intact:
            message = f"the file has {found.stamp.n_bytes} bytes, VIA saw {photo.n_bytes}: is it the same photo?"
            self.faults.add(FaultKind.SIZE_MISMATCH, message, photo=photo.name, dropped=False, file=photo.file)
        if photo.size is not None and photo.size != (size.width, size.height):
            stated = f"{photo.size[0]:g} x {photo.size[1]:g}"
            message = f"annotated at {stated} pixels, but the upright photo has {size.width} x {size.height}"
            raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
        return size

    def _read_objects(self, photo: RawPhoto, size: PhotoSize) -> list[dict[str, Any]]:
        read: list[tuple[RawObject, int, Outline, dict[str, Any] | None]] = []
        for each in photo.objects:
            try:
                category, outline = category_id(each.label, self.categories), each.outline(size)
            except UnsoundError as error:
                self._drop(error, photo, each)
                continue
            read.append((each, category, outline, _place_as_it_is(outline, size)))
        rings = [ring for _, _, outline, place in read if place is None for ring in outline.rings]
        fitted = iter(fit_all(rings, size.width, size.height, self.options.limits)) if rings else iter(())
        annotations: dict[tuple[object, ...], dict[str, Any]] = {}
        mode, as_objects = BoxMode.XYXY_ABS, self.options.crowds_as_objects
        for each, category, outline, place in read:
            try:
                if place is None:
                    place = self._place(photo, each, outline, [next(fitted) for _ in outline.rings], size)
                key: tuple[object, ...] = (category, *place["bbox"])
                if key in annotations:
                    if annotations[key]["segmentation"] == place["segmentation"]:
                        message = "the same outline as another region of its class; expected each object once"
                        raise UnsoundError(FaultKind.DUPLICATE_REGION, message)
                    key = (*key, len(annotations))
            except UnsoundError as error:
                self._drop(error, photo, each)
                continue
            place["bbox_mode"], place["category_id"] = mode, category
            place["iscrowd"] = int(each.crowd and not as_objects)
            annotations[key] = place
        if isinstance(photo.objects, list):
            photo.objects.clear()  # of many photos, they would take as much memory as what is made of them
        return list(annotations.values())

    def _drop(self, error: UnsoundError, photo: RawPhoto, each: RawObject) -> None:
        self.faults.add(error.kind, error.message, photo=photo.name, region=each.id, dropped=True, file=photo.file)

    def _place(
        self,
        photo: RawPhoto,
        each: RawObject,
        outline: Outline,
        fitted: Sequence[FittedRegion | UnsoundError],
        size: PhotoSize,
    ) -> dict[str, Any]:
        """Return ``bbox`` and ``segmentation`` of an object.

        Raises:
            UnsoundError: no part of it is in the photo.
        """
        regions = [part for part in fitted if isinstance(part, FittedRegion)]
        if len(regions) < len(fitted) or not fitted:
            self._check_parts(outline, fitted, photo, each)
        if any(region.repaired or region.clipped for region in regions):
            self._tell_changes(regions, photo, each, size)
        if not outline.masks:
            x0, y0, x1, y1 = regions[0].bbox if len(regions) == 1 else _around(regions)
            return {"bbox": [x0, y0, x1, y1], "segmentation": [ring for region in regions for ring in region.flat()]}
        rings = [ring for region in regions for ring in region.flat()]
        lengths = merged(outline.masks, rings, size) if rings or len(outline.masks) > 1 else outline.masks[0]
        if not area_of(lengths):
            raise UnsoundError(FaultKind.ZERO_AREA, "no pixel of the mask lies in the photo")
        return {"bbox": list(box_of(lengths)), "segmentation": dict(lengths)}

    def _check_parts(
        self, outline: Outline, fitted: Sequence[FittedRegion | UnsoundError], photo: RawPhoto, each: RawObject
    ) -> None:
        """Note the parts of an object that are no more than crumbs.

        Raises:
            UnsoundError: a part cannot be read, or nothing is left.
        """
        failed = [part for part in fitted if isinstance(part, UnsoundError)]
        unreadable = [error for error in failed if error.kind not in _CRUMBS]
        if unreadable or (len(failed) == len(fitted) and not outline.masks):
            nothing = UnsoundError(FaultKind.NO_OUTLINE, "expected an outline or a mask")
            raise [*unreadable, *failed, nothing][0]
        for error in failed:
            message = f"one of its {len(fitted)} parts is left out: {error.message}"
            self._note(FaultKind.LOST_PART, message, photo, each)

    def _tell_changes(self, regions: Sequence[FittedRegion], photo: RawPhoto, each: RawObject, size: PhotoSize) -> None:
        if any(region.repaired for region in regions):
            self._note(FaultKind.SELF_INTERSECTION, "the outline intersects itself; made valid", photo, each)
        if any(region.clipped for region in regions):
            lost = max(region.lost for region in regions)
            message = f"{lost:.1%} of its area lay outside the {size.width} x {size.height} photo"
            self._note(FaultKind.CLIPPED, message, photo, each)

    def _note(self, kind: FaultKind, message: str, photo: RawPhoto, each: RawObject) -> None:
        self.faults.add(kind, message, photo=photo.name, region=each.id, dropped=False, file=photo.file)


def _place_as_it_is(outline: Outline, size: PhotoSize) -> dict[str, Any] | None:
    """Return ``bbox`` and ``segmentation`` of an object that is one simple polygon in the photo, else ``None``."""
    if len(outline.rings) == 1 and not outline.masks:
        ring = outline.rings[0]
        if isinstance(ring, SimpleRing):
            x0, y0, x1, y1 = ring.bbox
            if x0 >= 0 and y0 >= 0 and x1 <= size.width and y1 <= size.height:
                return {"bbox": [x0, y0, x1, y1], "segmentation": [ring.flat]}
    return None


def _around(regions: Sequence[FittedRegion]) -> tuple[float, float, float, float]:
    """Return the box, XYXY, around several regions."""
    x0, y0, x1, y1 = zip(*(region.bbox for region in regions), strict=True)
    return min(x0), min(y0), max(x1), max(y1)
