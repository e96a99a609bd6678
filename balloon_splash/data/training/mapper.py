"""Mappers from a dataset dict to the model's input; photos are decoded once and kept while there is room."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode, configurable
from detectron2.data import DatasetMapper
from detectron2.data import transforms as T
from detectron2.data.detection_utils import check_image_size
from detectron2.structures import BitMasks, Boxes, Instances, PolygonMasks

from balloon_splash.data.resizing import evaluation_resize
from balloon_splash.data.training.augmentation import training_augmentations
from balloon_splash.data.training.reading import read_photo

Image = npt.NDArray[np.uint8]


class PhotoStore:
    """Store of decoded photos, up to a number of bytes; later photos are decoded each time.

    It never drops a photo for another: every epoch needs all photos in another order, for which an LRU cache of less
    than the whole set would hardly ever hit.
    """

    def __init__(self, image_format: str, *, short_edge: int = 0, max_bytes: int = 0) -> None:
        """Read photos as ``image_format`` (RGB or BGR).

        Args:
            image_format: ``INPUT.FORMAT``.
            short_edge: larger photos are scaled down to it, once; 0 keeps every size.
            max_bytes: bytes of photos to keep.
        """
        self._format = image_format
        self._short_edge = short_edge
        self._room = max_bytes
        self._kept: dict[str, tuple[Image, T.Transform]] = {}

    def read(self, photo: dict[str, Any]) -> tuple[Image, T.Transform]:
        """Return the pixels ``(H, W, 3)`` of a dataset dict's photo, and the scaling applied to them."""
        name = photo["file_name"]
        if name in self._kept:
            return self._kept[name]
        image = read_photo(name, self._format)
        check_image_size(photo, image)
        scaling: T.Transform = T.NoOpTransform()
        if self._short_edge and min(image.shape[:2]) > self._short_edge:
            scaling = T.ResizeShortestEdge(self._short_edge).get_transform(image)
            image = scaling.apply_image(image)
        if image.nbytes <= self._room:
            self._room -= image.nbytes
            self._kept[name] = image, scaling
        return image, scaling


class TrainingMapper(DatasetMapper):
    """Detectron2's mapper for training, with our augmentations and a :class:`PhotoStore`, for boxes and masks.

    With the keys of ``balloon_splash.config`` off, its results equal those of ``DatasetMapper``, bit for bit.
    """

    @configurable
    def __init__(self, *, photos: PhotoStore, **kwargs: Any) -> None:
        """Take the arguments of ``DatasetMapper``, and the source of the pixels."""
        super().__init__(**kwargs)
        self.photos = photos

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments."""
        args = super().from_config(cfg, is_train=True)
        # The parent's RandomCrop stays in front; its resizing and flip are among ours.
        crops = [each for each in args["augmentations"] if isinstance(each, T.RandomCrop)]
        return args | {
            "augmentations": [*crops, *training_augmentations(cfg)],
            "recompute_boxes": args["recompute_boxes"] or bool(cfg.INPUT.SCALE_JITTER.CROP and cfg.MODEL.MASK_ON),
            "photos": PhotoStore(
                cfg.INPUT.FORMAT,
                short_edge=cfg.INPUT.PRESCALE_SHORT_EDGE,
                max_bytes=cfg.DATALOADER.CACHE_MEGABYTES << 20,
            ),
        }

    def __call__(self, dataset_dict: dict[str, Any]) -> dict[str, Any]:
        """Return ``image`` ``(3, H, W)`` uint8 and ``instances`` of one augmented photo; keep the argument."""
        entry = copy.deepcopy(dataset_dict)
        image, scaling = self.photos.read(entry)
        seen = T.AugInput(image)
        transforms = scaling + self.augmentations(seen)
        entry["image"] = torch.as_tensor(np.ascontiguousarray(seen.image.transpose(2, 0, 1)))
        if "annotations" in entry:
            self._transform_annotations(entry, transforms, seen.image.shape[:2])
        return entry

    def _transform_annotations(
        self, dataset_dict: dict[str, Any], transforms: T.Transform, image_shape: tuple[int, int]
    ) -> None:
        """Transform as the parent does, but give a photo without objects the empty masks that the parent expects."""
        if any(not each.get("iscrowd", 0) for each in dataset_dict["annotations"]):
            super()._transform_annotations(dataset_dict, transforms, image_shape)
            return
        del dataset_dict["annotations"]
        nothing = Instances(
            image_shape, gt_boxes=Boxes(torch.zeros(0, 4)), gt_classes=torch.zeros(0, dtype=torch.int64)
        )
        if self.use_instance_mask:
            bitmask = self.instance_mask_format == "bitmask"
            nothing.gt_masks = BitMasks(torch.zeros(0, *image_shape, dtype=torch.bool)) if bitmask else PolygonMasks([])
        dataset_dict["instances"] = nothing


class EvaluationMapper(DatasetMapper):
    """Detectron2's mapper for evaluation, with photos read as for training."""

    def __call__(self, dataset_dict: dict[str, Any]) -> dict[str, Any]:
        """Return ``dataset_dict`` without annotations, with ``image`` ``(3, H, W)`` uint8, scaled for the model."""
        entry = {key: value for key, value in dataset_dict.items() if key != "annotations"}
        image = read_photo(entry["file_name"], self.image_format)
        check_image_size(entry, image)
        seen = T.AugInput(image)
        self.augmentations(seen)
        entry["image"] = torch.as_tensor(np.ascontiguousarray(seen.image.transpose(2, 0, 1)))
        return entry


def build_training_mapper(cfg: CfgNode) -> DatasetMapper:
    """Build our mapper, or Detectron2's for tasks that ours does not know."""
    return DatasetMapper(cfg, is_train=True) if _beyond_boxes_and_masks(cfg) else TrainingMapper(cfg)


def build_evaluation_mapper(cfg: CfgNode) -> DatasetMapper:
    """Build our mapper, or Detectron2's for tasks that ours does not know."""
    mapper = DatasetMapper if _beyond_boxes_and_masks(cfg) else EvaluationMapper
    return mapper(cfg, is_train=False, augmentations=[evaluation_resize(cfg)])


def _beyond_boxes_and_masks(cfg: CfgNode) -> bool:
    model = cfg.MODEL
    return model.KEYPOINT_ON or model.LOAD_PROPOSALS or model.META_ARCHITECTURE in ("PanopticFPN", "SemanticSegmentor")
