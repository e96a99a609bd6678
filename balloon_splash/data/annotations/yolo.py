"""Reader of Ultralytics' YOLO-seg datasets: one text file per image, classes in a YAML file.

``labels/a.txt`` beside ``images/a.jpg`` holds a line ``class x0 y0 x1 y1 ...`` for each object, as shares of width and
height. A line of five numbers is a box, which does not give the object's outline. An image without a file, or with
an empty one, shows no object (https://docs.ultralytics.com/datasets/segment/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from balloon_splash.data.annotations.documents import read_text
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, DatasetError, one_line
from balloon_splash.media.formats import is_picture

_YAML_BYTES = 1 << 20
_WHOLE, _ONE = re.compile(r"[1-9]\d*"), re.compile(r"1(\.0*)?")
_NAME_FILES = ("classes.txt", "obj.names")  #: of Label Studio and CVAT: a name in each line


@dataclass
class Endings:
    """Last numbers of the lines of a set, which show whether a tracker wrote them.

    Ultralytics' ``model.track(save_txt=True, save_conf=True)`` appends a confidence and the track's number to each
    line. These two make one more point inside the photo where the number is 1.

    Attributes:
        points: lines that end like a point.
        ones: lines that end with a bare 1, of which no other point lies on the lower edge.
        higher: lines that end with a higher whole number.
    """

    points: int = 0
    ones: int = 0
    higher: int = 0

    def add(self, line: list[str]) -> None:
        """Count a line with its class and, beyond a box, pairs of numbers."""
        if len(line) < 7 or len(line) % 2 == 0:
            return
        if not _WHOLE.fullmatch(line[-1]):
            self.points += 1
        elif line[-1] != "1":
            self.higher += 1
        elif not any(_ONE.fullmatch(y) for y in line[2:-1:2]):
            self.ones += 1

    def is_track(self, line: list[str]) -> bool:
        """Return whether a line, now that all are counted, ends with a track's number."""
        tracked = self.higher > 0 or (self.ones > 0 and self.points == 0)
        return tracked and _WHOLE.fullmatch(line[-1]) is not None


def read_yolo(labels: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a folder of label files; classes come from the YAML file with ``names``, in it or in a folder above.

    Args:
        labels: the folder; or the YAML file itself, with the folder of the images in ``options``.
        faults: the log.
        options: options for reading.

    Raises:
        DatasetError: there is no folder of images beside the labels, or none of labels beside the images.
        AnnotationError: the YAML file is damaged; or any fault if the log is strict.
    """
    if labels.is_file():
        if options.images is None:
            raise DatasetError(f"{labels}: a YAML file of several sets; expected the folder of images of one, too")
        images, names = options.images, _names(labels)
        labels = labels_of(images)
    else:
        labels = labels / "labels" if (labels / "labels").is_dir() else labels
        images, names = options.images or images_of(labels), class_names_of(labels)
    photos = []
    owners: dict[Path, str] = {}
    endings = Endings()
    found = (path for path in images.rglob("*") if is_picture(path) and not path.name.startswith("."))
    for index, image in enumerate(sorted(found)):
        inside = image.relative_to(images)
        path = (labels / inside).with_suffix(".txt")
        if path in owners and path.is_file():
            message = f"its label file, {path.name}, is that of {owners[path]}, too; only the first one is read"
            faults.add(FaultKind.DUPLICATE_NAME, message, photo=inside.as_posix(), dropped=True, file=str(path))
            continue
        owners[path] = inside.as_posix()
        try:
            objects = read_label_file(path, names, options.limits, endings) if path.is_file() else []
        except AnnotationError as error:
            faults.add(FaultKind.BAD_ENTRY, str(error), photo=inside.as_posix(), dropped=True, file=str(path))
            continue
        photos.append(RawPhoto(index, inside.as_posix(), objects, n_listed=len(objects), file=str(path)))
    for path in sorted(labels.rglob("[!.]*.txt")):
        if path not in owners and path.name not in _NAME_FILES:
            message = f"no image of this name in {images}"
            faults.add(FaultKind.MISSING_PHOTO, message, photo=path.stem, dropped=True, file=str(path))
    return AnnotationSet(photos, image_root=images, classes=names)


def labels_of(images: Path) -> Path:
    """Return the folder of the labels: ``images`` in the path replaced by ``labels``, or the images' own.

    Raises:
        DatasetError: there is no label in either.
    """
    for folder in (_beside(images, "images", "labels"), images):
        if folder is not None and any(folder.rglob("[!.]*.txt")):
            return folder
    raise DatasetError(f"{images}: no labels found; expected 'labels' in place of 'images' in the path")


def _beside(folder: Path, old: str, new: str) -> Path | None:
    """Return the folder whose path has ``new`` in place of the last ``old``; ``None`` where there is none."""
    parts = folder.resolve().parts
    if old not in parts:
        return None
    last = len(parts) - 1 - parts[::-1].index(old)
    found = Path(*parts[:last], new, *parts[last + 1 :])
    return found if found.is_dir() else None


def images_of(labels: Path) -> Path:
    """Return the folder of the images: ``labels`` in the path replaced by ``images``, as in Ultralytics.

    Raises:
        DatasetError: there is none.
    """
    images = _beside(labels, "labels", "images")
    if images is not None:
        return images
    if any(is_picture(path) for path in labels.iterdir()):
        return labels
    raise DatasetError(f"{labels}: no folder of images found; expected 'images' in place of 'labels' in the path")


def class_names_of(labels: Path) -> tuple[str, ...] | None:
    """Return the classes by number, from the nearest YAML file that has ``names``, or the nearest ``classes.txt``.

    Returns:
        ``None`` where there is neither.

    Raises:
        AnnotationError: the file is damaged, or its classes are not numbered from 0 on; or it is of key points; or
            several in one folder name different classes.
    """
    for folder in (labels, *labels.resolve().parents[:3]):
        files = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
        found = {path.name: names for path in files if (names := _names(path)) is not None}
        if len(set(found.values())) > 1:
            raise AnnotationError(
                f"{folder}: {', '.join(found)} name different classes; expected one YAML file with names"
            )
        if found:
            return next(iter(found.values()))
        for path in (folder / name for name in _NAME_FILES):
            if path.is_file():
                return _different([line.strip() for line in _text(path).splitlines() if line.strip()], path)
    return None


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.read(_YAML_BYTES)
    except (OSError, ValueError) as error:
        raise AnnotationError(f"{path}: cannot be read: {error}") from error


def _names(path: Path) -> tuple[str, ...] | None:
    try:
        document: Any = yaml.safe_load(_text(path))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise AnnotationError(f"{path}: not a YAML file: {one_line(error)}") from error
    names = document.get("names") if isinstance(document, dict) else None
    if names is None:
        return None
    if "kpt_shape" in document:  # their lines would pass for outlines
        raise AnnotationError(f"{path}: a dataset of key points (kpt_shape); expected one of outlines")
    if isinstance(names, dict):
        if sorted(names, key=str) != sorted(range(len(names)), key=str):
            raise AnnotationError(f"{path}: names are numbered {list(names)[:20]}; expected 0 to {len(names) - 1}")
        names = [names[number] for number in range(len(names))]
    return _different(names, path)


def _different(names: Any, path: Path) -> tuple[str, ...]:
    if not isinstance(names, list) or not names or len(set(map(str, names))) < len(names):
        raise AnnotationError(f"{path}: names must be a list, or an object, of different names")
    return tuple(str(name).strip() for name in names)


def read_label_file(
    path: Path, names: tuple[str, ...] | None, limits: Limits, endings: Endings | None = None
) -> list[RawObject]:
    """Read the objects of one image, and count its lines in ``endings``, those of the whole set.

    Raises:
        AnnotationError: it cannot be read, or holds too many.
    """
    lines = [line.split() for line in read_text(path, limits).splitlines() if line.strip()]
    if len(lines) > limits.max_regions:
        raise AnnotationError(f"{len(lines)} objects; at most {limits.max_regions} are read (max_regions)")
    endings = Endings() if endings is None else endings
    for line in lines:
        endings.add(line)
    return [_object(f"line {number}", line, names, limits, endings) for number, line in enumerate(lines, 1)]


def _object(where: str, line: list[str], names: tuple[str, ...] | None, limits: Limits, endings: Endings) -> RawObject:
    number = line[0]
    label: str | UnsoundError = number
    if not number.isascii() or not number.isdecimal():
        label = UnsoundError(FaultKind.NO_CLASS, f"class {number[:20]!r}, expected a number from 0 on")
    elif names is not None:
        known = len(number) < 9 and int(number) < len(names)
        message = f"class {number[:20]}; the YAML file has 0 to {len(names) - 1}"
        label = names[int(number)] if known else UnsoundError(FaultKind.UNKNOWN_CLASS, message)

    def outline(size: PhotoSize) -> Outline:
        if len(line) == 5:
            raise UnsoundError(
                FaultKind.NO_OUTLINE, "a box of four numbers; expected an outline of three points or more"
            )
        if len(line) % 2 == 0:
            message = f"{len(line) - 1} coordinates; expected pairs, without a confidence or track's number at the end"
            raise UnsoundError(FaultKind.BAD_ENTRY, message)
        if endings.is_track(line):
            message = f"{line[-1][:20]} at the end is a track's number; expected points alone, as model.predict writes"
            raise UnsoundError(FaultKind.OUT_OF_RANGE, message)
        try:
            shares = np.array(line[1:], dtype=np.float64)
        except ValueError as error:
            raise UnsoundError(FaultKind.NOT_A_NUMBER, f"{str(error)[:80]}; expected numbers") from error
        if not ((shares > -1) & (shares < 2)).all():
            raise UnsoundError(
                FaultKind.OUT_OF_RANGE, "a number that is not a share of width or height; expected 0 to 1"
            )
        return Outline([point_list(shares.reshape(-1, 2) * (size.width, size.height), limits.max_points)])

    return RawObject(where, label, outline)
