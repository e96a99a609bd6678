"""Folds, ``balloon_fold0_train``, ``balloon_fold0_val`` and so on: the balloon photos of both splits, in five parts.

Thirteen photos say little about a recipe. Here each of the 74 is tested on once, by a model that has not seen it. The
parts of another number of folds, ``balloon_fold0of3_train`` and so on, are registered when they are asked for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.datasets.catalog import register_loader
from balloon_splash.errors import DatasetError

N_FOLDS = 5
SEED = 0
WHOLE = "balloon_train"  #: The set that the training part of a fold replaces.
_SOURCES = (WHOLE, "balloon_val")
#: Photos of one scene, which would show the model what it is tested on.
_SAME_SCENE = (frozenset({"24362039530_b151b41a52_k.jpg", "24631331976_defa3bb61f_k.jpg"}),)


_NAME = re.compile(r"balloon_fold(\d+)of(\d+)_(train|val)")


def fold_name(fold: int, split: str, n_folds: int = N_FOLDS) -> str:
    """Return the name under which a part is registered.

    Args:
        fold: number of the fold, from 0 to ``n_folds - 1``.
        split: ``train`` (all but the fold) or ``val`` (the fold).
        n_folds: number of parts, 2 or more.
    """
    return f"balloon_fold{fold}{'' if n_folds == N_FOLDS else f'of{n_folds}'}_{split}"


def register_folds(class_names: Sequence[str] = ("balloon",), n_folds: int = N_FOLDS) -> None:
    """Register the parts with Detectron2; reading one later reads ``balloon_train`` and ``_val`` as they then are."""
    for fold in range(n_folds):
        for split in ("train", "val"):
            load = functools.partial(load_fold, fold, split, n_folds)
            register_loader(fold_name(fold, split, n_folds), load, class_names, "")


def register_folds_named(names: Collection[str]) -> None:
    """Register the parts among ``names`` of another number of folds than five; other names are skipped."""
    from detectron2.data import MetadataCatalog

    found = [match for name in names if (match := _NAME.fullmatch(name)) and int(match[1]) < int(match[2])]
    for n_folds in {int(match[2]) for match in found}:
        register_folds(MetadataCatalog.get(WHOLE).thing_classes, n_folds)


def load_fold(fold: int, split: str, n_folds: int = N_FOLDS) -> list[DatasetDict]:
    """Return Detectron2's dataset dicts of a part, with a new ``image_id``, because both splits count from 0.

    Raises:
        DatasetError: the photos are missing, or fewer than folds.
    """
    from detectron2.data import DatasetCatalog

    photos = [photo for name in _SOURCES for photo in DatasetCatalog.get(name)]
    if len(photos) < n_folds:
        found = f"{len(photos)} photos in {' and '.join(_SOURCES)}"
        raise DatasetError(f"{found}; expected at least one for each of {n_folds} folds")
    photos.sort(key=lambda photo: Path(photo["file_name"]).name)  # the parts depend on the photos alone
    counts = [len(photo["annotations"]) for photo in photos]
    folds = assign_folds(counts, n_folds, SEED, same_scenes(photos, _SAME_SCENE))
    chosen = [number for number, its in enumerate(folds) if (its == fold) == (split == "val")]
    return [photos[number] | {"image_id": number} for number in chosen]


def same_scenes(photos: Sequence[DatasetDict], scenes: Collection[Collection[str]]) -> list[list[int]]:
    """Return the positions of photos that belong together, one list per scene; scenes are given by file names."""
    numbers = {Path(photo["file_name"]).name: number for number, photo in enumerate(photos)}
    return [[numbers[name] for name in sorted(scene) if name in numbers] for scene in scenes]


def assign_folds(counts: Sequence[int], n_folds: int, seed: int, together: Sequence[Sequence[int]] = ()) -> list[int]:
    """Divide photos so that all parts have about the same numbers of photos and objects.

    The photos with the most objects are dealt out first, each to the part that has the fewest objects by then, among
    those that are not full; chance decides among equals.

    Args:
        counts: objects in each photo.
        n_folds: number of parts.
        seed: seed of the random choice.
        together: positions of photos that must be in the same part.

    Returns:
        The part of each photo.
    """
    grouped = {number for group in together for number in group}
    groups = [list(group) for group in together if group]
    groups += [[number] for number in range(len(counts)) if number not in grouped]
    rng = np.random.default_rng(seed)
    groups = [groups[index] for index in rng.permutation(len(groups))]
    groups.sort(key=lambda group: -sum(counts[number] for number in group))
    full = -(-len(counts) // n_folds)
    sizes, objects = [0] * n_folds, [0] * n_folds
    folds = [0] * len(counts)
    for group in groups:
        open_ones = [fold for fold in range(n_folds) if sizes[fold] + len(group) <= full] or list(range(n_folds))
        fold = min(open_ones, key=lambda each: (objects[each], sizes[each]))
        sizes[fold] += len(group)
        objects[fold] += sum(counts[number] for number in group)
        for number in group:
            folds[number] = fold
    return folds
