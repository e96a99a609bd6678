"""Layout of a dataset folder: the places and formats of its splits, for ``--dataset DIR``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from balloon_splash.data.annotations.faults import FaultLog
from balloon_splash.data.annotations.formats import AUTO, Source, source_of
from balloon_splash.data.annotations.records import DEFAULT_OPTIONS, ReadOptions, labels_of
from balloon_splash.data.datasets.folders import VIA_FILE

#: Names of the splits in exports.
ALIASES = {
    "train": ("train", "training", "train2017"),
    "val": ("val", "valid", "validation", "val2017"),
}


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
    """Find ``train`` or ``val`` in a dataset folder, in the layouts of VIA, COCO, Roboflow, YOLO and others."""
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
    return None


def classes_of(splits: list[Split], format: str = AUTO, options: ReadOptions = DEFAULT_OPTIONS) -> tuple[str, ...]:
    """Return the classes of all splits by name: in the order of the first one, then further ones of others.

    Prints the recognised formats on stderr.

    Args:
        splits: the splits.
        format: a name in :data:`~balloon_splash.data.annotations.formats.FORMATS`, or ``auto``.
        options: how the files are read.

    Raises:
        AnnotationError, DatasetError: a split cannot be read.
    """
    classes: dict[str, None] = {}
    for split in splits:
        source = source_of(split.annotations, format, options)
        found = _classes(source, replace(options, images=split.images))
        print(f"{source.path}: {source.format.title}, classes: {', '.join(found) or 'one'}", file=sys.stderr)
        classes |= dict.fromkeys(found)
    return tuple(classes)


def _classes(source: Source, options: ReadOptions) -> tuple[str, ...]:
    parsed = {"document": source.document} if source.format.is_parsed and source.document is not None else {}
    faults = FaultLog(source.path, max_faults=options.limits.max_faults)
    found = source.format.read(source.path, faults, options, **parsed)
    return found.classes or labels_of(found.photos)
