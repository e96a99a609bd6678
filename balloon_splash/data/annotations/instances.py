"""A VIA file and its photos as Detectron2's standard dataset dicts."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from detectron2.structures import BoxMode
from detectron2.utils.logger import log_first_n

from balloon_splash.data.annotations.classes import category_id, check_class_options, find_class_names
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.photos import PhotoFolder
from balloon_splash.data.annotations.polygons import FittedRegion, fit_to_photo
from balloon_splash.data.annotations.regions import region_polygon
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.annotations.via import ViaPhoto, ViaRegion, read_via

DatasetDict: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class LoadReport:
    """What became of an annotation file.

    Attributes:
        class_names: the classes that ``category_id`` counts.
        n_photos: photos in the dataset dicts.
        n_instances: annotations in them.
        n_empty: photos without any region in the file; kept or left out as ``keep_empty`` says.
        faults: everything that was wrong.
    """

    class_names: tuple[str, ...]
    n_photos: int
    n_instances: int
    n_empty: int
    faults: FaultLog


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
    """Read a VIA file (see :mod:`balloon_splash.data.annotations.via`) and look at the photos it names.

    What is sound is kept; one table of what is not goes to the log, as a single warning. A photo all of whose regions
    are dropped is dropped, too: it shows objects, so it must not train as background.

    Args:
        annotations: VIA 1 or 2 JSON, project or CSV.
        image_root: the folder that the file's names are relative to.
        class_names: the classes in the order of ``category_id``; ``None`` finds them in the file, in order of name.
        class_attribute: the key of ``region_attributes`` that holds the class; ``None`` gives every region the one
            class of ``class_names``.
        keep_empty: keep photos without regions, as negatives.
        close_polylines: read a polyline with open ends as a polygon.
        strict: raise at the first fault.
        limits: how much the file may ask for.

    Returns:
        Dicts as https://detectron2.readthedocs.io/en/latest/tutorials/datasets.html defines them, in the order of
        the file, and the report. ``image_id`` is the photo's position in the file, ``bbox`` XYXY pixels around the
        ``segmentation``, which is a list of flat polygons ``[x0, y0, x1, y1, ...]``; sizes and coordinates are those
        of the upright photo (see :mod:`balloon_splash.data.annotations.photos`).

    Raises:
        AnnotationError: the file is not readable as VIA; or any fault if ``strict``.
        DatasetError: there is no folder ``image_root``.
        UsageError: the class options contradict each other.
    """
    check_class_options(class_names, class_attribute)
    faults = FaultLog(annotations, strict=strict, max_faults=limits.max_faults)
    photos = read_via(annotations, faults, limits)
    if class_names is None and class_attribute is not None:
        class_names = find_class_names(photos, class_attribute)
    names = tuple(class_names or ())
    folder = PhotoFolder(image_root)
    reader = _InstanceReader(folder, names, class_attribute, close_polylines, limits, faults)
    try:
        dicts = [entry for photo in photos if (entry := reader.read_photo(photo, keep_empty)) is not None]
    finally:
        folder.save_sizes()
    n_instances = sum(len(entry["annotations"]) for entry in dicts)
    n_empty = sum(not photo.annotated for photo in photos)
    report = LoadReport(names, len(dicts), n_instances, n_empty, faults)
    _log(report, keep_empty)
    return dicts, report


@dataclass(frozen=True)
class _InstanceReader:
    folder: PhotoFolder
    class_names: tuple[str, ...]
    class_attribute: str | None
    close_polylines: bool
    limits: Limits
    faults: FaultLog

    def read_photo(self, photo: ViaPhoto, keep_empty: bool) -> DatasetDict | None:
        """The dict of one photo, or ``None`` if it is left out."""
        try:
            found = self.folder.find(photo.filename)
            intact = photo.size is None or photo.size == found.stamp.n_bytes
            size = self.folder.size(found, decode=not intact)  # a photo of another length may be cut short
        except UnsoundError as error:
            self.faults.add(error.kind, error.message, photo=photo.filename, dropped=True)
            return None
        if not intact:
            message = f"the file has {found.stamp.n_bytes} bytes, VIA saw {photo.size}: is it the same photo?"
            self.faults.add(FaultKind.SIZE_MISMATCH, message, photo=photo.filename, dropped=False)
        annotations = [entry for region in photo.regions if (entry := self._read_region(region, photo, size))]
        if photo.annotated and not annotations:
            message = "all of its regions are dropped"
            self.faults.add(FaultKind.NOTHING_LEFT, message, photo=photo.filename, dropped=True)
        if not annotations and (photo.annotated or not keep_empty):
            return None
        return {
            "file_name": str(found.path),
            "image_id": photo.index,
            "height": size.height,
            "width": size.width,
            "annotations": annotations,
        }

    def _read_region(self, region: ViaRegion, photo: ViaPhoto, size: PhotoSize) -> dict[str, Any] | None:
        try:
            category = category_id(region.attributes, self.class_names, self.class_attribute)
            polygon = region_polygon(
                region.shape, close_polylines=self.close_polylines, max_points=self.limits.max_points
            )
            fitted = fit_to_photo(polygon, size.width, size.height, max_crossings=self.limits.max_crossings)
        except UnsoundError as error:
            self.faults.add(error.kind, error.message, photo=photo.filename, region=region.id, dropped=True)
            return None
        self._tell_changes(fitted, region, photo, size)
        return {
            "bbox": list(fitted.bbox),
            "bbox_mode": BoxMode.XYXY_ABS,
            "category_id": category,
            "segmentation": [ring.ravel().tolist() for ring in fitted.polygons],
            "iscrowd": 0,
        }

    def _tell_changes(self, fitted: FittedRegion, region: ViaRegion, photo: ViaPhoto, size: PhotoSize) -> None:
        where = {"photo": photo.filename, "region": region.id}
        if fitted.repaired:
            message = "the outline intersects itself; made valid"
            self.faults.add(FaultKind.SELF_INTERSECTION, message, **where, dropped=False)
        if fitted.clipped:
            message = f"{fitted.lost:.1%} of its area lay outside the {size.width} x {size.height} photo"
            self.faults.add(FaultKind.CLIPPED, message, **where, dropped=False)


def _log(report: LoadReport, keep_empty: bool) -> None:
    faults = report.faults
    summary = f"{faults.file}: {report.n_photos} photos, {report.n_instances} instances"
    if report.n_empty:
        summary += f"; {report.n_empty} photos without regions {'kept' if keep_empty else 'left out'}"
    # A run reads a dataset more than once; its faults are told once.
    if faults:
        text = (
            f"{summary}; {len(faults)} faults, {len(faults.dropped)} of which cost a region or photo:\n{faults.table()}"
        )
        log_first_n(logging.WARNING, text, key="message", name=__name__)
    else:
        log_first_n(logging.INFO, summary, key="message", name=__name__)
