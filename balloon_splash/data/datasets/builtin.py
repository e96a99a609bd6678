"""Datasets that ``import balloon_splash`` registers.

Under ``$DETECTRON2_DATASETS`` (default: ``datasets``), as for Detectron2's own::

    balloon/{train,val}/via_region_data.json            balloon_train, balloon_val
    synthetic_balloon/{train,val}/via_region_data.json  synthetic_balloon_train, synthetic_balloon_val
    balloon/background/, with photos alone              balloon_background

with the photos beside the JSON; the shapes, the nuclei and the pictures without balloons, which are drawn in memory;
and the folds of the balloon photos.
"""

from __future__ import annotations

import os
from pathlib import Path

from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.data.datasets.background_photos import FOLDER, register_background_photos
from balloon_splash.data.datasets.catalog import check_registered, register_instances, register_via_instances
from balloon_splash.data.datasets.dataset_file import is_dataset_file, read_dataset_file
from balloon_splash.data.datasets.folders import ROOT_VARIABLE, SPLITS, VIA_FILE, datasets_root
from balloon_splash.data.datasets.folds import register_folds
from balloon_splash.data.datasets.layout import Split, classes_of, find_split
from balloon_splash.data.datasets.negatives import register_no_balloons
from balloon_splash.media.formats import is_picture

BALLOON_HINT = (
    "Get the data with `python tools/prepare_balloon.py`, "
    f"or set {ROOT_VARIABLE} to the folder that holds balloon/train and balloon/val"
)
SYNTHETIC_HINT = (
    "Make the pictures with `python tools/prepare_balloon.py --synthetic`, "
    f"or set {ROOT_VARIABLE} to the folder that holds synthetic_balloon/train and synthetic_balloon/val"
)


def register_all(root: str | os.PathLike[str] | None = None) -> None:
    """Register all datasets of this package without reading them.

    Args:
        root: the folder of the datasets; ``None`` reads ``$DETECTRON2_DATASETS`` now.
    """
    from balloon_splash.data.datasets.nuclei import register_nuclei
    from balloon_splash.data.datasets.shapes import register_shapes

    base = datasets_root() if root is None else Path(root).expanduser()
    _register_balloon(base / "balloon", BALLOON_HINT)
    _register_splits("synthetic_balloon", base / "synthetic_balloon", SYNTHETIC_HINT)
    register_shapes()
    register_nuclei()
    register_no_balloons()
    register_folds()


def named_datasets(what: str) -> list[str]:
    """Return names of the registered datasets that ``--dataset`` stands for.

    Args:
        what: a registered name; or a folder that holds ``train/`` and ``val/``, or a dataset file
            (:mod:`balloon_splash.data.datasets.dataset_file`), whose splits become ``balloon_train`` and
            ``balloon_val``.

    Raises:
        DatasetError: it is none of these.
    """
    if is_dataset_file(what) or all(find_split(Path(what), split) is not None for split in SPLITS):
        register_balloon(what)
        return [f"balloon_{split}" for split in SPLITS]
    check_registered(what)
    return [what]


def register_balloon(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """Register the splits of ``folder`` as the ``balloon_...`` sets: ``train``, ``val``, and perhaps ``background``.

    Args:
        folder: the folder of the splits, each with a VIA file, or in any format that
            :func:`~balloon_splash.data.annotations.formats.recognise` knows; or a dataset file that names them.

    Returns:
        The classes; for VIA files, ``balloon`` alone.

    Raises:
        AnnotationError, DatasetError: a split in a format other than VIA cannot be read.
    """
    root = Path(folder).expanduser()
    if is_dataset_file(root):
        return _register_file(root)
    found = {split: find_split(root, split) for split in SPLITS}
    others = [each for each in found.values() if each is not None and not each.is_via and not _looks_empty(each)]
    classes = (classes_of(others) or ("object",)) if others else ("balloon",)
    _register_balloon(
        root, f"Expected train/{VIA_FILE} and val/{VIA_FILE}, or annotations of another format, in {folder}"
    )
    for split, each in found.items():
        if each in others and each is not None:
            register_instances(f"balloon_{split}", each.annotations, each.images, class_names=classes)
    register_background_photos("balloon_background", root / FOLDER, classes)
    register_no_balloons(classes)
    register_folds(classes)
    return classes


def _register_file(path: Path) -> tuple[str, ...]:
    dataset = read_dataset_file(path)
    options = ReadOptions(class_attribute=dataset.class_attribute, limits=dataset.limits)
    classes = dataset.classes or classes_of(list(dataset.splits.values()), dataset.format, options) or ("object",)
    for split, each in dataset.splits.items():
        register_instances(
            f"balloon_{split}",
            each.annotations,
            each.images,
            format=dataset.format,
            class_names=classes,
            class_attribute=dataset.class_attribute,
            colors=dataset.colors,
            keep_empty=dataset.keep_empty,
            crowds_as_objects=dataset.crowds_as_objects,
            limits=dataset.limits,
            hint=f"{path} names it",
        )
    register_background_photos("balloon_background", path.parent / FOLDER, classes)
    register_no_balloons(classes)
    register_folds(classes)
    return classes


def _looks_empty(split: Split) -> bool:
    """Return whether a folder holds photos alone: the error about the missing VIA file then says what is expected."""
    files = split.annotations.iterdir() if split.annotations.is_dir() else ()
    return split.annotations.is_dir() and all(is_picture(each) for each in files)


def _register_balloon(folder: Path, hint: str) -> None:
    _register_splits("balloon", folder, hint)
    register_background_photos("balloon_background", folder / FOLDER, ("balloon",))


def _register_splits(name: str, folder: Path, hint: str) -> None:
    for split in SPLITS:
        register_via_instances(f"{name}_{split}", folder / split / VIA_FILE, folder / split, hint=hint)
