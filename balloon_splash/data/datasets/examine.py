"""Examination of registered datasets for faults that would end a run late, or make its numbers wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import UnsoundError
from balloon_splash.data.annotations.load_report import crowd_advice
from balloon_splash.data.annotations.photos import read_upright_size
from balloon_splash.data.datasets.catalog import AnnotatedDataset, check_registered
from balloon_splash.data.datasets.folds import register_folds_named
from balloon_splash.errors import BalloonSplashError, ConfigError, DatasetError, one_line

logger = logging.getLogger(__name__)

#: Photos whose size is compared with the dataset's; the others are checked when they are loaded.
PHOTOS_MEASURED = 1000


def examine_datasets(cfg: CfgNode, *, open_photos: bool = True) -> None:
    """Read the datasets of a configuration once, so that a mistake shows before a model is built.

    Args:
        cfg: the configuration.
        open_photos: whether to check that photos can be read and have the stated size.

    Raises:
        DatasetError: a dataset is not registered, cannot be read, or holds data that cannot be trained on.
        ConfigError: the classes of the datasets are not the same, or not ``MODEL.ROI_HEADS.NUM_CLASSES``.
    """
    names = list(dict.fromkeys((*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)))
    register_folds_named(names)
    photos = {name: read_registered(name) for name in names}
    # Negatives have no class, whatever their metadata say.
    with_objects = [name for name in names if any(photo.get("annotations") for photo in photos[name])]
    for name in with_objects:
        number, classes = cfg.MODEL.ROI_HEADS.NUM_CLASSES, MetadataCatalog.get(name).thing_classes
        if len(classes) != number:
            raise ConfigError(
                f"MODEL.ROI_HEADS.NUM_CLASSES is {number}; expected {len(classes)}, as {name} has the classes "
                f"{', '.join(classes)}"
            )
    check_same_classes(with_objects)
    for name in names:
        if not isinstance(DatasetCatalog[name], AnnotatedDataset):  # our reader has checked all of this
            _examine(name, photos[name], cfg)
            if open_photos:
                _compare_sizes(name, photos[name])


def read_registered(name: str) -> list[DatasetDict]:
    """Read the dataset dicts of a registered dataset.

    Raises:
        DatasetError: it is not registered, or its loader fails, as Detectron2's does on unsound files.
        AnnotationError: the annotations are unsound.
    """
    check_registered(name)
    try:
        found: list[DatasetDict] = DatasetCatalog.get(name)
    except BalloonSplashError:
        raise
    except Exception as error:
        place = MetadataCatalog.get(name).get("json_file", "")
        raise DatasetError(
            f"dataset {name!r} cannot be read{f' from {place}' if place else ''}: "
            f"{type(error).__name__}: {one_line(error)}; register_instances reads such files and "
            "reports what is wrong with them"
        ) from error
    return found


def check_same_classes(names: Sequence[str]) -> None:
    """Compare the classes of datasets by name: a model returns numbers, which have to mean the same everywhere.

    Raises:
        ConfigError: two datasets have different classes, or the same in another order.
    """
    for name in names[1:]:
        first, other = (MetadataCatalog.get(each).thing_classes for each in (names[0], name))
        if first != other:
            raise ConfigError(
                f"the classes of {name} are {', '.join(other)}; expected those of {names[0]}, {', '.join(first)}, in "
                "this order (class_names of register_instances)"
            )


def _examine(name: str, photos: Sequence[DatasetDict], cfg: CfgNode) -> None:
    """Check what our own readers guarantee and others do not."""
    if not photos:
        raise DatasetError(f"dataset {name!r} has no photo")
    n_classes = len(MetadataCatalog.get(name).thing_classes)
    checks: dict[str, Callable[[Any], bool]] = {
        "no bbox of four numbers": lambda each: len(each.get("bbox") or ()) != 4,
        "no bbox_mode": lambda each: "bbox_mode" not in each,
        f"no category_id from 0 to {n_classes - 1}": lambda each: each.get("category_id") not in range(n_classes),
    }
    if cfg.MODEL.MASK_ON and name in cfg.DATASETS.TRAIN:
        checks["no segmentation, which MODEL.MASK_ON needs"] = lambda each: not each.get("segmentation")
    crowds = 0
    for photo in photos:
        for each in photo.get("annotations", ()):
            crowds += bool(each.get("iscrowd", 0))
            for what, is_wrong in checks.items():
                if is_wrong(each):
                    raise DatasetError(
                        f"dataset {name!r}: an annotation of {photo.get('file_name')} has {what}; register_instances "
                        "reads such files and leaves such annotations out"
                    )
    if crowds and name in cfg.DATASETS.TRAIN:
        logger.warning("%s: %s", name, crowd_advice(crowds))


def _compare_sizes(name: str, photos: Sequence[DatasetDict]) -> None:
    chosen = np.unique(np.linspace(0, len(photos) - 1, PHOTOS_MEASURED).astype(int))
    for number in chosen.tolist():
        photo = photos[number]
        if (
            "://" in photo["file_name"] or "height" not in photo
        ):  # drawn when it is opened; or measured when it is loaded
            continue
        try:
            size = read_upright_size(photo["file_name"])
        except UnsoundError as error:
            raise DatasetError(f"dataset {name!r}: {error.message}") from error
        if (size.width, size.height) != (photo["width"], photo["height"]):
            raise DatasetError(
                f"dataset {name!r}: {photo['file_name']} has {size.width} x {size.height} pixels (upright); expected "
                f"{photo['width']} x {photo['height']}, as the annotations say"
            )
