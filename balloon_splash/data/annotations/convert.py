"""Conversion of annotations from one format to another."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.formats import AUTO, load_annotations
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.records import DEFAULT_OPTIONS, ReadOptions
from balloon_splash.data.annotations.writers import WrittenObject, WrittenPhoto, write_annotations


def convert_annotations(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    to: str,
    *,
    images: str | os.PathLike[str] | None = None,
    format: str = AUTO,
    options: ReadOptions = DEFAULT_OPTIONS,
    overwrite: bool = False,
) -> tuple[LoadReport, list[str]]:
    """Read annotations of any known format and write them in another one; keep photos without objects.

    Args:
        source, images, format, options: as in :func:`~balloon_splash.data.annotations.formats.load_annotations`.
        target, to, overwrite: as in :func:`~balloon_splash.data.annotations.writers.write_annotations`.

    Returns:
        The report on the source, and one line per feature that the target cannot hold.

    Raises:
        AnnotationError, DatasetError, UsageError: see these functions.
    """
    dicts, report = load_annotations(source, images, format=format, options=replace(options, keep_empty=True))
    root = Path(os.path.commonpath([str(Path(photo["file_name"]).parent) for photo in dicts]))
    names = report.class_names or ("object",)
    photos = [_photo(each, names, Path(images) if images else root) for each in dicts]
    return report, write_annotations(photos, names, Path(target), to, overwrite=overwrite)


def _photo(entry: DatasetDict, names: tuple[str, ...], root: Path) -> WrittenPhoto:
    path = Path(entry["file_name"])
    objects = []
    for each in entry["annotations"]:
        label, crowd, found = names[each["category_id"]], bool(each["iscrowd"]), each["segmentation"]
        if isinstance(found, dict):
            objects.append(WrittenObject(label, mask=found, crowd=crowd))
        else:
            rings = [np.array(ring, np.float64).reshape(-1, 2) for ring in found]
            objects.append(WrittenObject(label, rings, crowd=crowd))
    return WrittenPhoto(path.relative_to(root).as_posix(), path, entry["width"], entry["height"], objects)
