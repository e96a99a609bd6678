"""Photos with masks, boxes and labels drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import torch
from detectron2.data import MetadataCatalog
from detectron2.structures import BitMasks, PolygonMasks
from detectron2.utils.visualizer import ColorMode, Visualizer
from matplotlib.figure import Figure

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.inspect.dataset.source import boxes_of, objects_of, read_photo
from balloon_splash.inspect.page.style import BLUE, ORANGE, Rgb, draw_boxes, photo_grid, shorten

SHOWN_SIDE = 640  # pixels of the longer edge of a photo in a figure


def shrink(image: Rgb, side: int = SHOWN_SIDE) -> Rgb:
    """Shrink the photo to a longer edge of at most ``side`` pixels."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def draw_objects(photo: DatasetDict, dataset_name: str) -> Rgb:
    """Draw masks, boxes and labels of the photo's objects with Detectron2's ``Visualizer``, at 640 pixels.

    Raises:
        MediaError: the photo cannot be read.
    """
    image = read_photo(photo)
    scale = min(1.0, SHOWN_SIDE / max(image.shape[:2]))
    visualizer = Visualizer(image, MetadataCatalog.get(dataset_name), scale, ColorMode.SEGMENTATION)
    drawn: Rgb = visualizer.draw_dataset_dict({**photo, "annotations": objects_of(photo)}).get_image()
    return drawn


def samples_figure(photos: Sequence[DatasetDict], dataset_name: str) -> Figure:
    """Draw photos with their objects, each under its name and number of objects."""
    titles = [f"{shorten(Path(photo['file_name']).name)}: {len(objects_of(photo))}" for photo in photos]
    return photo_grid([draw_objects(photo, dataset_name) for photo in photos], titles)


def mask_boxes(photo: DatasetDict) -> npt.NDArray[np.float64]:
    """Boxes around the masks of the photo's objects, ``(N, 4)`` XYXY pixels, computed by Detectron2."""
    boxes = [_mask(obj["segmentation"]).get_bounding_boxes().tensor for obj in objects_of(photo)]
    return torch.cat(boxes).double().numpy() if boxes else np.zeros((0, 4))


def _mask(segmentation: Any) -> PolygonMasks | BitMasks:
    """One mask from polygons or run lengths."""
    if isinstance(segmentation, dict):
        return BitMasks(torch.from_numpy(coco_mask.decode(segmentation)).bool()[None])
    return PolygonMasks([segmentation])


def box_differences(photos: Sequence[DatasetDict]) -> npt.NDArray[np.float64]:
    """Largest difference, in pixels, between the stored box of each object and the box of its mask, ``(N,)``."""
    return np.concatenate([np.abs(mask_boxes(photo) - boxes_of(photo)).max(axis=1, initial=0) for photo in photos])


def boxes_figure(photos: Sequence[DatasetDict]) -> Figure:
    """Draw stored boxes (orange) and, dashed inside them, the boxes of the masks (blue)."""
    images = [read_photo(photo) for photo in photos]
    figure = photo_grid([shrink(image) for image in images], [shorten(Path(p["file_name"]).name) for p in photos])
    for ax, photo, image in zip(figure.axes, photos, images, strict=False):
        scale = min(1.0, SHOWN_SIDE / max(image.shape[:2]))
        draw_boxes(ax, boxes_of(photo) * scale, ORANGE, width=3.5)
        draw_boxes(ax, mask_boxes(photo) * scale, BLUE, width=1.5, dashed=True)
    return figure


def alike_figure(pairs: Sequence[tuple[DatasetDict, DatasetDict]]) -> Figure:
    """Draw pairs of photos, one per row."""
    photos = [photo for pair in pairs for photo in pair]
    titles = ["/".join((Path(photo["file_name"]).parent.name, Path(photo["file_name"]).name)) for photo in photos]
    return photo_grid([shrink(read_photo(photo)) for photo in photos], titles, columns=2)
