"""Inputs that the model really gets: photos after augmentation and resizing, masks on the grid of the mask head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from detectron2.config import CfgNode
from detectron2.data.detection_utils import convert_image_to_rgb
from detectron2.layers import paste_masks_in_image
from detectron2.structures import BitMasks, PolygonMasks
from detectron2.utils.visualizer import Visualizer
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.training.loader import SeededDataset
from balloon_splash.data.training.mapper import build_training_mapper
from balloon_splash.data.training.training_photos import with_polygons
from balloon_splash.inspect.dataset.samples import draw_objects, shrink
from balloon_splash.inspect.dataset.source import draw_sample
from balloon_splash.inspect.page.style import ORANGE, Rgb, new_figure, photo_grid, show_photo

_MASK_COLOR = to_rgb(ORANGE)


def draw_training_inputs(cfg: CfgNode, photo: DatasetDict, count: int) -> list[dict[str, Any]]:
    """Return ``photo`` as ``count`` steps of training would see it, by the mapper and random numbers of training."""
    mapped: Any = _OnePhoto(cfg, photo)
    draws = SeededDataset(mapped, max(cfg.SEED, 0))
    return [draws[0, number] for number in range(count)]


class _OnePhoto:
    """Dataset of one photo behind the mapper of the training."""

    def __init__(self, cfg: CfgNode, photo: DatasetDict) -> None:
        self.mapper = build_training_mapper(cfg)
        self.photo = with_polygons(photo) if cfg.INPUT.MASK_FORMAT == "polygon" else photo

    def __getitem__(self, index: int) -> dict[str, Any]:
        mapped: dict[str, Any] = self.mapper(self.photo)
        return mapped


def augmentation_figure(cfg: CfgNode, photo: DatasetDict, dataset_name: str, *, count: int = 5) -> Figure:
    """Draw the photo with its objects as stored, then as ``count`` steps of training see it."""
    images = [draw_objects(photo, dataset_name)]
    titles = [f"as stored, {photo['width']} x {photo['height']}"]
    for mapped in draw_training_inputs(cfg, photo, count):
        image = _input_image(mapped, cfg)
        titles.append(f"draw {len(images)}: {image.shape[1]} x {image.shape[0]}")
        images.append(shrink(_with_masks(image, mapped["instances"])))
    return photo_grid(images, titles)


def _input_image(mapped: dict[str, Any], cfg: CfgNode) -> Rgb:
    image: Rgb = convert_image_to_rgb(mapped["image"].permute(1, 2, 0), cfg.INPUT.FORMAT).astype(np.uint8)
    return image


def _with_masks(image: Rgb, instances: Any) -> Rgb:
    masks = instances.gt_masks if instances.has("gt_masks") else None
    colors = [_MASK_COLOR] * len(instances)
    drawn = Visualizer(image).overlay_instances(masks=masks, boxes=instances.gt_boxes, assigned_colors=colors)
    overlay: Rgb = drawn.get_image()
    return overlay


def mask_targets(mapped: dict[str, Any], side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the masks of a mapped photo on the mask head's grid, and how much of their shape survives it.

    Returns:
        The targets, ``(N, side, side)`` bool, as Detectron2's mask loss crops them; and ``(N,)``, the IoU of each mask
        with its target pasted back into the photo: about the best that a mask head of this resolution can reach.
    """
    instances = mapped["instances"]
    height, width = instances.image_size
    targets: torch.Tensor = instances.gt_masks.crop_and_resize(instances.gt_boxes.tensor, side)
    pasted = paste_masks_in_image(targets.float(), instances.gt_boxes, (height, width), threshold=0.5)
    truth = _bitmasks(instances.gt_masks, height, width)
    common = (pasted & truth).sum(dim=(1, 2))
    return targets, common / (pasted | truth).sum(dim=(1, 2)).clamp(min=1)


def _bitmasks(masks: PolygonMasks | BitMasks, height: int, width: int) -> torch.Tensor:
    if isinstance(masks, BitMasks):
        return masks.tensor
    tensor: torch.Tensor = BitMasks.from_polygon_masks(masks, height, width).tensor
    return tensor


def mask_targets_figure(cfg: CfgNode, photos: Sequence[DatasetDict], *, count: int = 8) -> Figure:
    """Draw objects cut out of the network's input, above the targets of the mask head for them."""
    side = 2 * cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION
    cells: list[tuple[Rgb, torch.Tensor, float]] = []
    for photo in photos:
        (mapped,) = draw_training_inputs(cfg, photo, 1)
        targets, ious = mask_targets(mapped, side)
        image = _input_image(mapped, cfg)
        boxes = mapped["instances"].gt_boxes.tensor.round().int().tolist()
        crops = [image[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)] for x0, y0, x1, y1 in boxes]
        cells.extend(zip(crops, targets, ious.tolist(), strict=True))
    shown = draw_sample(cells, count)
    figure, axes = new_figure(2, len(shown), height=1.5)
    for index, (crop, target, iou) in enumerate(shown):
        height, width = crop.shape[:2]
        show_photo(axes[index], crop, f"{width} x {height}")
        answer = np.repeat(target.numpy()[:, :, None].astype(np.uint8) * 255, 3, axis=2)
        show_photo(axes[len(shown) + index], answer, f"IoU {iou:.2f}")
        axes[len(shown) + index].set_aspect(height / width)
    return figure
