"""Layout of a dataset folder: the places and formats of its splits, for ``--dataset DIR``."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from balloon_splash.data.annotations.faults import FaultLog
from balloon_splash.data.annotations.formats import AUTO, Source, recognise, source_of
from balloon_splash.data.annotations.records import DEFAULT_OPTIONS, ReadOptions, labels_of
from balloon_splash.data.annotations.via import read_via
from balloon_splash.data.datasets.folders import SPLITS, VIA_FILE
from balloon_splash.errors import BalloonSplashError
from balloon_splash.files import did_you_mean

#: Names of the splits in exports.
ALIASES = {
    "train": ("train", "training", "train2017"),
    "val": ("val", "valid", "validation", "val2017"),
}


#: Attributes of VIA regions, in lower case, that by their name hold a class.
CLASS_ATTRIBUTES = ("class", "label", "name", "category", "object", "kind", "type")


@dataclass(frozen=True)
class Split:
    """Split of a dataset folder.

    Attributes:
        annotations: file or folder of its annotations.
        images: folder of its photos; ``None`` stands for beside the annotations.
    """

    annotations: Path
    images: Path | None = None

    @property
    def is_via(self) -> bool:
        """True if it has the one file of the article's dataset: VIA 1 or 2, whatever the attributes."""
        return self.annotations.name == VIA_FILE


def find_split(root: Path, split: str) -> Split | None:
    """Find ``train`` or ``val`` in a dataset folder, in the layouts of VIA, COCO, Roboflow, YOLO, VOC and others."""
    for alias in ALIASES[split]:
        folder = root / alias
        if (folder / VIA_FILE).is_file():
            return Split(folder / VIA_FILE, folder)
        coco = root / "annotations" / f"instances_{alias}.json"
        if coco.is_file():
            places = (folder, root / "images" / alias, root / "images")
            return Split(coco, next((place for place in places if place.is_dir()), root))
        if (root / "labels" / alias).is_dir():
            return Split(root / "labels" / alias, root / "images" / alias)
        if folder.is_dir() and any(folder.iterdir()):
            return Split(folder)
        names = root / "ImageSets" / "Segmentation" / f"{alias}.txt"
        if names.is_file() and (root / "SegmentationObject").is_dir():
            return Split(names, root / "JPEGImages")
    return None


def instead_of_splits(place: Path) -> str:
    """Return what is at a place that lacks ``train/`` or ``val/``, and what was expected."""
    if not place.is_dir():
        expected = "expected a folder with train/ and val/ in it, or a dataset file (YAML)"
        return f"a file; {expected}" if place.is_file() else f"no such folder; {did_you_mean(place)}{expected}"
    missing = " and ".join(f"{split}/" for split in SPLITS if find_split(place, split) is None)
    with contextlib.suppress(BalloonSplashError):
        found = recognise(place).format.title
        return f"holds {found}, but no {missing}; expected the photos divided into train/ and val/, four in five to one"
    return f"has no {missing} with annotations in it"


def classes_of(splits: list[Split], format: str = AUTO, options: ReadOptions = DEFAULT_OPTIONS) -> tuple[str, ...]:
    """Return the classes of all splits by name: in the order of the first one, then further ones of others.

    Prints the recognised formats on stderr.

    Args:
        splits: the splits.
        format: a name in :data:`~balloon_splash.data.annotations.formats.FORMATS`, or ``auto``.
        options: how the files are read. Without ``class_attribute``, VIA files have the class that all of their regions
            share; several are named on stderr and left out.

    Raises:
        AnnotationError, DatasetError: a split cannot be read.
    """
    classes: dict[str, None] = {}
    labels: dict[str, Counter[str]] = {}
    for split in splits:
        via = split.annotations if split.is_via else None
        if via is None or options.class_attribute is not None:
            source = source_of(split.annotations, format, options)
            via = source.path if source.format.name == "via" else None
        if via is not None and options.class_attribute is None:
            labels |= {key: labels.get(key, Counter()) + found for key, found in _via_labels(via).items()}
            continue
        found = _classes(source, replace(options, images=split.images))
        print(f"{source.path}: {source.format.title}, classes: {', '.join(found) or 'one'}", file=sys.stderr)
        classes |= dict.fromkeys(found)
    return tuple(classes) or _shared(labels)


def _classes(source: Source, options: ReadOptions) -> tuple[str, ...]:
    faults = FaultLog(source.path, max_faults=options.limits.max_faults)
    found = source.format.read(source.path, faults, options)
    return found.classes or labels_of(found.photos)


def _via_labels(annotations: Path) -> dict[str, Counter[str]]:
    """Count the texts in each attribute of a VIA file that holds classes; "" stands for regions without it."""
    with contextlib.suppress(BalloonSplashError):  # reported once the set is read
        regions = [each for photo in read_via(annotations, FaultLog(annotations)) for each in photo.regions]
        keys = {key for region in regions for key in region.attributes if key.lower() in CLASS_ATTRIBUTES}
        return {key: Counter(_text(region.attributes.get(key)) for region in regions) for key in sorted(keys)}
    return {}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _shared(labels: Mapping[str, Counter[str]]) -> tuple[str, ...]:
    """Return the one class of all regions, if they have one; name several on stderr."""
    for key, found in labels.items():
        if len(found) == 1 and "" not in found:
            print(f"class: {next(iter(found))}, as the attribute {key!r} of all regions says", file=sys.stderr)
            return tuple(found)
        several = [f"{name} ({count})" for name, count in found.most_common() if name]
        if several:
            print(
                f"note: the attribute {key!r} holds classes that are not told apart: {', '.join(several)}; expected "
                f"--class-attribute {key}, or class_attribute: {key} in a dataset file, to tell them apart",
                file=sys.stderr,
            )
    return ()
