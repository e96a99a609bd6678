"""Copy-paste of objects between training photos, and the base of everything that mixes training photos.

After Ghiasi et al. 2021, "Simple Copy-Paste is a Strong Data Augmentation Method for Instance Segmentation": both
photos are augmented by themselves, a random part of one's objects is pasted at its own place, and what it covers is
also covered in the masks. Colours and lighting stay as they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from detectron2.structures import BitMasks, Instances
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import gaussian_blur

#: Least visible share of an object that is still a target.
MIN_VISIBLE = 0.1

_EDGE = 5  # pixels of a Gaussian that keeps the rim of a pasted object from being a sharp cut


class MixedPhotos(Dataset[dict[str, Any]], ABC):
    """Dataset of mapped photos, some of which are changed after the mapping."""

    def __init__(self, dataset: Dataset[dict[str, Any]], probability: float) -> None:
        """Change photos of ``dataset``.

        Args:
            dataset: a dataset of ``image`` ``(3, H, W)`` uint8 and ``instances`` with ``gt_masks`` as ``BitMasks``.
            probability: probability that a photo is changed.
        """
        self.dataset = dataset
        self.probability = probability

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # torch leaves __len__ out of Dataset

    def __getitem__(self, index: int) -> dict[str, Any]:
        photo = self.dataset[index]
        return self.mix(photo) if np.random.random() < self.probability else photo

    @abstractmethod
    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """Return a changed photo with the visible parts of its instances; ``photo`` itself stays as it is."""


class CopyPaste(MixedPhotos):
    """Dataset of mapped photos, some of which hold objects of another one."""

    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """Paste a random part of the objects of a random photo."""
        donor = self.dataset[np.random.randint(len(self))]
        objects = donor["instances"]
        chosen = torch.as_tensor(np.random.random(len(objects)) < np.random.random())
        return paste_objects(photo, donor["image"], objects[chosen]) if chosen.any() else photo


def paste_objects(photo: dict[str, Any], donor_image: Tensor, objects: Instances) -> dict[str, Any]:
    """Put objects over a photo.

    Args:
        photo: ``image`` ``(3, H, W)`` uint8 and ``instances`` with ``gt_boxes``, ``gt_classes`` and ``gt_masks``.
        donor_image: ``(3, H, W)``, the picture of the objects.
        objects: at least one of its instances, with the same fields.

    Returns:
        ``photo`` with another image, and instances with masks and boxes of their visible parts.

    Raises:
        ValueError: the two pictures differ in size.
    """
    covered = cover(photo, donor_image, objects.gt_masks.tensor.any(dim=0))
    return covered | {"instances": Instances.cat([covered["instances"], objects])}


def cover(photo: dict[str, Any], donor_image: Tensor, area: Tensor) -> dict[str, Any]:
    """Put a part of another picture over a photo.

    Args:
        photo: as in :func:`paste_objects`.
        donor_image: ``(3, H, W)``, the other picture.
        area: ``(H, W)`` bool, the part.

    Returns:
        ``photo`` with another image, and its instances that are still visible.

    Raises:
        ValueError: the two pictures differ in size.
    """
    if photo["image"].shape != donor_image.shape:
        raise ValueError(f"pictures of {tuple(donor_image.shape)} and {tuple(photo['image'].shape)} do not match")
    alpha = gaussian_blur(area[None].float(), [_EDGE, _EDGE])
    image = torch.lerp(photo["image"].float(), donor_image.float(), alpha).round().to(torch.uint8)
    return photo | {"image": image, "instances": _uncovered(photo["instances"], area)}


def _uncovered(instances: Instances, cover: Tensor) -> Instances:
    before = instances.gt_masks.tensor.flatten(1).sum(1)
    masks = instances.gt_masks.tensor & ~cover
    seen = masks.flatten(1).sum(1) > before * MIN_VISIBLE
    rest = instances[seen]
    rest.gt_masks = BitMasks(masks[seen])
    rest.gt_boxes = rest.gt_masks.get_bounding_boxes()
    return rest
