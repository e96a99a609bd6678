"""Choice of the photos of the training sets to learn from."""

from __future__ import annotations

from typing import Any

from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.build import filter_images_with_only_crowd_annotations, print_instances_class_histogram

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE, DatasetDict
from balloon_splash.data.annotations.masks import decode_mask, mask_polygons
from balloon_splash.errors import ConfigError


def training_photos(cfg: CfgNode) -> list[DatasetDict]:
    """Return the dataset dicts of ``cfg.DATASETS.TRAIN``, one set after the other, as Detectron2's loader does.

    Photos without objects are left out if ``cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS``. Those of a set whose metadata
    say ``keep_empty`` stay, as negatives. A set with a number in ``cfg.DATASETS.TRAIN_REPEAT_FACTOR`` is repeated that
    many times. A photo that shows only crowds is always left out, because it is not empty. Masks become polygons if
    ``cfg.INPUT.MASK_FORMAT`` requires it.

    Raises:
        ConfigError: see :func:`repeat_factors`.
    """
    names = cfg.DATASETS.TRAIN
    repeats = repeat_factors(cfg)
    photos: list[DatasetDict] = []
    for name in names:
        found = DatasetCatalog.get(name)
        if cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS and not MetadataCatalog.get(name).get("keep_empty", False):
            found = filter_images_with_only_crowd_annotations(found)
        found = [_with_sure_background(photo) for photo in found if not _has_crowds_alone(photo)]
        if cfg.MODEL.MASK_ON and cfg.INPUT.MASK_FORMAT == "polygon":
            found = [with_polygons(photo) for photo in found]
        photos += found * repeats.get(name, 1)
    print_instances_class_histogram(photos, MetadataCatalog.get(names[0]).thing_classes)
    return photos


def _has_crowds_alone(photo: DatasetDict) -> bool:
    annotations = photo.get("annotations", ())
    return bool(annotations) and all(each.get("iscrowd", 0) for each in annotations)


def _with_sure_background(photo: DatasetDict) -> DatasetDict:
    """Return ``photo``, marked if it has crowds, which the mapper drops."""
    crowded = any(each.get("iscrowd", 0) for each in photo.get("annotations", ()))
    return photo | {INCOMPLETE: True} if crowded else photo


def with_polygons(photo: DatasetDict) -> DatasetDict:
    """Return ``photo`` with polygons along the pixels' edges in place of run lengths."""
    annotations = photo.get("annotations", [])
    if not any(isinstance(each.get("segmentation"), dict) for each in annotations):
        return photo
    return photo | {"annotations": [_as_polygons(each) for each in annotations]}


def _as_polygons(annotation: dict[str, Any]) -> dict[str, Any]:
    found = annotation.get("segmentation")
    if not isinstance(found, dict) or annotation.get("iscrowd", 0):
        return annotation
    return annotation | {"segmentation": [ring.ravel().tolist() for ring in mask_polygons(decode_mask(found))]}


def repeat_factors(cfg: CfgNode) -> dict[str, int]:
    """Return ``cfg.DATASETS.TRAIN_REPEAT_FACTOR`` by the names of the sets.

    Raises:
        ConfigError: a pair in it is not a name in ``cfg.DATASETS.TRAIN`` and a whole number from 1 on.
    """
    factors: dict[str, int] = {}
    for pair in cfg.DATASETS.TRAIN_REPEAT_FACTOR:
        name, factor = pair if isinstance(pair, list | tuple) and len(pair) == 2 else (pair, None)
        if name not in cfg.DATASETS.TRAIN or type(factor) is not int or factor < 1:
            raise ConfigError(
                f"DATASETS.TRAIN_REPEAT_FACTOR: {pair!r} found, expected one of {', '.join(cfg.DATASETS.TRAIN)} "
                "and a whole number from 1 on, as [['balloon_train', 2]]"
            )
        factors[name] = factor
    return factors
