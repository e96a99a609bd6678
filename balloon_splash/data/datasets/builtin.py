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
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.data.datasets.background_photos import FOLDER, register_background_photos
from balloon_splash.data.datasets.catalog import check_registered, register_instances, register_via_instances
from balloon_splash.data.datasets.dataset_file import is_dataset_file, read_dataset_file
from balloon_splash.data.datasets.folders import ROOT_VARIABLE, SPLITS, VIA_FILE, datasets_root
from balloon_splash.data.datasets.folds import register_folds, register_folds_named
from balloon_splash.data.datasets.layout import Split, classes_of, find_split, instead_of_splits
from balloon_splash.data.datasets.negatives import register_no_balloons
from balloon_splash.errors import DatasetError, UsageError
from balloon_splash.media.formats import is_picture

BALLOON_HINT = (
    "Get the data with `python tools/prepare_balloon.py`, "
    f"or set {ROOT_VARIABLE} to the folder that holds balloon/train and balloon/val"
)
SYNTHETIC_HINT = (
    "Make the pictures with `python tools/prepare_balloon.py --synthetic`, "
    f"or set {ROOT_VARIABLE} to the folder that holds synthetic_balloon/train and synthetic_balloon/val"
)


class Classes(NamedTuple):
    """Classes as the user gives them, each part of which may be None."""

    names: tuple[str, ...] | None
    attribute: str | None


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


def named_datasets(
    what: str, *, class_names: Sequence[str] | None = None, class_attribute: str | None = None
) -> list[str]:
    """Return names of the registered datasets that ``--dataset`` stands for.

    Args:
        what: a registered name; or a folder that holds ``train/`` and ``val/``, or a dataset file
            (:mod:`balloon_splash.data.datasets.dataset_file`), whose splits become ``balloon_train`` and
            ``balloon_val``, and have the name in the file, too.
        class_names, class_attribute: see :func:`register_balloon`.

    Raises:
        DatasetError: it is none of these.
        UsageError: classes are named for a set that is registered with its own.
    """
    if is_dataset_file(what) or all(find_split(Path(what), split) is not None for split in SPLITS):
        register_balloon(what, class_names=class_names, class_attribute=class_attribute)
        name = read_dataset_file(what).name if is_dataset_file(what) else None
        return [f"{name or 'balloon'}_{split}" for split in SPLITS]
    register_folds_named([what])
    if os.sep in what or Path(what).exists():
        raise _no_dataset(what)
    check_registered(what)
    if class_names or class_attribute:
        raise UsageError(f"--class-names and --class-attribute are for folders and files; {what} has classes already")
    return [what]


def check_holds_splits(what: str) -> None:
    """Check that ``--dataset`` of a run names a dataset file, or a folder that holds a split.

    Raises:
        DatasetError: it does not; says what is there.
    """
    from detectron2.data import DatasetCatalog

    if is_dataset_file(what) or any(find_split(Path(what), split) is not None for split in SPLITS):
        return
    if what in DatasetCatalog:
        raise DatasetError(f"{what}: a registered set; expected DATASETS.TRAIN \"('{what}',)\" in place of --dataset")
    raise _no_dataset(what)


def _no_dataset(what: str) -> DatasetError:
    hint = f". {BALLOON_HINT}" if "balloon" in Path(what).name else ""
    return DatasetError(f"{what}: {instead_of_splits(Path(what))}{hint}")


def register_balloon(
    folder: str | os.PathLike[str], *, class_names: Sequence[str] | None = None, class_attribute: str | None = None
) -> tuple[str, ...]:
    """Register the splits of ``folder`` as the ``balloon_...`` sets: ``train``, ``val``, and perhaps ``background``.

    Args:
        folder: the folder of the splits, each with a VIA file, or in any format that
            :func:`~balloon_splash.data.annotations.formats.recognise` knows; or a dataset file that names them.
        class_names: the classes in the order of ``category_id``; None takes those of the file or its annotations. VIA
            files whose regions all have the same ``class`` or ``label`` give one class of that name, others ``balloon``
            unless ``class_attribute`` says where to look.
        class_attribute: of VIA files, the attribute that holds the class.

    Returns:
        The classes.

    Raises:
        AnnotationError, DatasetError: a split whose classes are looked up cannot be read.
        UsageError: the class options contradict each other.
    """
    root = Path(folder).expanduser()
    given = Classes(tuple(class_names) if class_names else None, class_attribute)
    classes = _register_file(root, given) if is_dataset_file(root) else _register_folder(root, given)
    base = root.parent if is_dataset_file(root) else root
    register_background_photos("balloon_background", base / FOLDER, classes)
    register_no_balloons(classes)
    register_folds(classes)
    return classes


def _register_folder(root: Path, given: Classes) -> tuple[str, ...]:
    found = {split: find_split(root, split) for split in SPLITS}
    there = {split: each for split, each in found.items() if each is not None and not _looks_empty(each)}
    options = ReadOptions(class_attribute=given.attribute)
    usual = "balloon" if all(each.is_via for each in there.values()) else "object"
    classes = given.names or classes_of(list(there.values()), options=options) or (usual,)
    hint = f"Expected train/{VIA_FILE} and val/{VIA_FILE}, or annotations of another format, in {root}"
    for split in SPLITS:
        each = there.get(split, Split(root / split / VIA_FILE, root / split))
        if each.is_via:
            register_via_instances(
                f"balloon_{split}",
                each.annotations,
                each.images or each.annotations.parent,
                class_names=classes,
                class_attribute=given.attribute,
                hint=hint if root.is_dir() else f"{hint}. {BALLOON_HINT}",
            )
        else:
            register_instances(f"balloon_{split}", each.annotations, each.images, class_names=classes)
    return classes


def _register_file(path: Path, given: Classes) -> tuple[str, ...]:
    dataset = read_dataset_file(path)
    train, val = (dataset.splits[split] for split in SPLITS)
    if train == val:
        print(f"note: {path}: train and val are the same photos; their AP says nothing about others", file=sys.stderr)
    attribute = given.attribute or dataset.class_attribute
    options = ReadOptions(class_attribute=attribute, limits=dataset.limits)
    found = given.names or dataset.classes or classes_of(list(dataset.splits.values()), dataset.format, options)
    classes = found or ("object",)
    for name in {"balloon", dataset.name or "balloon"}:
        for split, each in dataset.splits.items():
            register_instances(
                f"{name}_{split}",
                each.annotations,
                each.images,
                format=dataset.format,
                class_names=classes,
                class_attribute=attribute,
                colors=None if given.names else dataset.colors,
                keep_empty=dataset.keep_empty,
                crowds_as_objects=dataset.crowds_as_objects,
                limits=dataset.limits,
                hint=f"{path} names it",
            )
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
