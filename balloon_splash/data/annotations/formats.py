"""Formats that are read, in one table, recognised by their content, never by their name."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from balloon_splash.data.annotations.coco import read_coco
from balloon_splash.data.annotations.cvat import read_cvat
from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.documents import keys_of, read_bytes
from balloon_splash.data.annotations.faults import FaultLog
from balloon_splash.data.annotations.instances import read_instances
from balloon_splash.data.annotations.isat import ISAT_KEYS, read_isat
from balloon_splash.data.annotations.label_studio import read_label_studio
from balloon_splash.data.annotations.labelbox import read_labelbox
from balloon_splash.data.annotations.labelme import read_labelme
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.png_masks import read_png_masks
from balloon_splash.data.annotations.records import DEFAULT_OPTIONS, AnnotationSet, ReadOptions
from balloon_splash.data.annotations.rectlabel import is_rectlabel, read_rectlabel
from balloon_splash.data.annotations.superannotate import CLASSES_FILE, read_superannotate
from balloon_splash.data.annotations.supervisely import META_KEYS, SUPERVISELY_KEYS, read_supervisely
from balloon_splash.data.annotations.via import read_via_set
from balloon_splash.data.annotations.via3 import VIA3_KEYS, read_via3
from balloon_splash.data.annotations.voc import is_voc_list, read_voc
from balloon_splash.data.annotations.yolo import read_yolo
from balloon_splash.errors import AnnotationError, DatasetError, UsageError

AUTO = "auto"

#: Files that may hold the annotations of a folder, and their places in it.
_SUFFIXES = (".json", ".ndjson", ".xml", ".csv")
_PLACES = (".", "annotations", "Annotations")
_PER_PHOTO = ("labelme", "rectlabel", "superannotate", "supervisely", "isat")  # formats with a file for each photo
_VIA_FILE = "via_region_data.json"


@dataclass(frozen=True)
class Format:
    """Annotation format.

    Attributes:
        name: its name for ``format=`` and ``--format``.
        title: its usual name.
        read: function that reads a file, or a folder, of this format.
    """

    name: str
    title: str
    read: Callable[[Path, FaultLog, ReadOptions], AnnotationSet]


FORMATS = {
    each.name: each
    for each in (
        Format("via", "VIA 1 or 2", read_via_set),
        Format("via3", "VIA 3", read_via3),
        Format("labelme", "LabelMe", read_labelme),
        Format("coco", "COCO", read_coco),
        Format("yolo", "YOLO-seg", read_yolo),
        Format("cvat", "CVAT for images", read_cvat),
        Format("rectlabel", "RectLabel", read_rectlabel),
        Format("label-studio", "Label Studio", read_label_studio),
        Format("labelbox", "Labelbox", read_labelbox),
        Format("superannotate", "SuperAnnotate", read_superannotate),
        Format("supervisely", "Supervisely", read_supervisely),
        Format("isat", "ISAT", read_isat),
        Format("voc", "Pascal VOC", read_voc),
        Format("png-masks", "one PNG mask per object", read_png_masks),
    )
}


@dataclass(frozen=True)
class Source:
    """Source of annotations: their format, and the file or folder."""

    format: Format
    path: Path


def recognise(path: str | os.PathLike[str], options: ReadOptions = DEFAULT_OPTIONS) -> Source:
    """Recognise the format of an annotation file, or of the files in a folder, by the content.

    Raises:
        AnnotationError: a file of no known format, or one that cannot be parsed.
        DatasetError: nothing of a known format in the folder, or several things.
    """
    path = Path(path)
    if path.is_dir():
        return _recognise_folder(path, options)
    if is_voc_list(path):
        return Source(FORMATS["voc"], path)
    if path.suffix.lower() == ".ndjson":
        return Source(FORMATS["labelbox"], path)
    if path.suffix.lower() in (".yaml", ".yml"):
        return Source(FORMATS["yolo"], path)
    content = read_bytes(path, options.limits)
    start = content[:2048].lstrip()
    if start.startswith(b"<"):
        return Source(FORMATS["rectlabel" if is_rectlabel(start) else "cvat"], path)
    if start.startswith(b"["):
        return Source(FORMATS["label-studio"], path)
    if not start.startswith(b"{"):
        return Source(FORMATS["via"], path)  # CSV
    if content.find(b'"data_row"', 0, content.find(b"\n")) >= 0:
        return Source(FORMATS["labelbox"], path)
    return Source(FORMATS[_json_format(keys_of(content, path, options.limits))], path)


def _json_format(keys: Set[str]) -> str:
    if keys >= VIA3_KEYS:
        return "via3"
    if "images" in keys and keys & {"annotations", "categories"}:
        return "coco"
    if keys >= {"metadata", "instances"}:
        return "superannotate"
    if keys >= SUPERVISELY_KEYS or keys >= META_KEYS:
        return "supervisely"
    if keys >= ISAT_KEYS:
        return "isat"
    return "labelme" if {"shapes", "imagePath"} <= keys else "via"


def _recognise_folder(folder: Path, options: ReadOptions) -> Source:
    if (folder / _VIA_FILE).is_file():
        return recognise(folder / _VIA_FILE, options)
    if (folder / "SegmentationObject").is_dir():
        return Source(FORMATS["voc"], folder)
    labels = folder / "labels" if (folder / "labels").is_dir() else folder
    if "labels" in labels.resolve().parts and any(labels.rglob("[!.]*.txt")):
        return Source(FORMATS["yolo"], labels)
    if any((each / "images").is_dir() and (each / "masks").is_dir() for each in folder.iterdir()):
        return Source(FORMATS["png-masks"], folder)
    for place in _PLACES:
        files = _annotation_files(folder / place)
        if files:
            return _one_of(folder, files, options)
    others = (each for each in sorted(folder.rglob("[!.]*")) if each.name != CLASSES_FILE)
    below = next((each for each in others if each.suffix.lower() in (".json", ".xml")), None)
    if below is not None and (format := recognise(below, options).format).name in _PER_PHOTO:
        return Source(format, folder)
    known = ", ".join(each.title for each in FORMATS.values())
    raise DatasetError(f"{folder}: no annotations found; expected one of {known}")


def _annotation_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (each for each in folder.iterdir() if each.suffix.lower() in _SUFFIXES)
    names = sorted(each for each in found if each.is_file() and not each.name.startswith("."))
    return [each for each in names if each.name != CLASSES_FILE]  # of SuperAnnotate


def _one_of(folder: Path, files: Sequence[Path], options: ReadOptions) -> Source:
    """Return the one annotation file of a folder, or the folder itself where each photo has a file of its own."""
    first = recognise(files[0], options)
    if first.format.name in _PER_PHOTO:
        return Source(first.format, files[0].parent)
    if len(files) > 1:
        names = ", ".join(each.name for each in files[:5])
        raise DatasetError(f"{folder}: {len(files)} annotation files ({names}); expected one, or the path of one")
    return first


def load_annotations(
    path: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    format: str = AUTO,
    options: ReadOptions = DEFAULT_OPTIONS,
) -> tuple[list[DatasetDict], LoadReport]:
    """Read annotations of any known format, and check the photos that they name.

    Args:
        path: an annotation file, or a folder that holds annotations.
        images: the folder of the photos; ``None`` searches beside the annotations.
        format: a name in :data:`FORMATS`, or ``auto``.
        options: options for reading.

    Returns:
        See :func:`~balloon_splash.data.annotations.instances.read_instances`.

    Raises:
        AnnotationError: the file is damaged or of no known format; any fault if ``options.strict``.
        DatasetError: there is no such file or folder, or no usable photo.
        UsageError: there is no such format.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{path}: no such annotation file or folder")
    options = replace(options, images=None if images is None else Path(images))
    with without_garbage_collection():
        return _load(path, images, format, options)


def _load(
    path: Path, images: str | os.PathLike[str] | None, format: str, options: ReadOptions
) -> tuple[list[DatasetDict], LoadReport]:
    found, faults = _read(source_of(path, format, options), options)
    if len(found.photos) > options.limits.max_photos:
        raise AnnotationError(f"{path}: {len(found.photos)} photos; at most {options.limits.max_photos} (max_photos)")
    dicts, report = read_instances(found, images or _image_root(found), options, faults)
    if not dicts:
        kinds = ", ".join(f"{kind.value}: {count}" for kind, count in faults.counts().items())
        raise DatasetError(f"{path}: no usable photo ({kinds or 'no photo with regions'}); {faults.first()}")
    return dicts, report


def _read(source: Source, options: ReadOptions) -> tuple[AnnotationSet, FaultLog]:
    faults = FaultLog(source.path, strict=options.strict, max_faults=options.limits.max_faults)
    return source.format.read(source.path, faults, options), faults


@contextlib.contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep Python from repeated searches for cycles among the many new objects, which have none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def source_of(path: Path, format: str, options: ReadOptions) -> Source:
    """Return the source at ``path``, in the format that the user names, or else in the one of its content.

    Raises:
        UsageError: there is no such format.
        AnnotationError, DatasetError: see :func:`recognise`.
    """
    if format == AUTO:
        return recognise(path, options)
    if format not in FORMATS:
        raise UsageError(f"format is {format!r}; expected {AUTO} or one of {', '.join(FORMATS)}")
    return Source(FORMATS[format], path)


def _image_root(found: AnnotationSet) -> Path:
    """Find the folder of the photos beside the annotations: the first one that has one of the first few photos."""
    root = found.image_root
    names = [name for photo in found.photos[:20] for name in (photo.name, *photo.fallbacks)]
    for folder in (root, root / "images", root.parent / "images", root.parent):
        # Path.is_file() raises where a name is longer than the system's names may be.
        if any(os.path.isfile(folder / name) for name in names):  # noqa: PTH113
            return folder
    return root
