"""Reader of datasets with one PNG mask per object, in the layout of the 2018 Data Science Bowl's nucleus images::

    root/<image_id>/images/<any name>.png
    root/<image_id>/masks/<any name>.png   one per object, not zero where it is

The masks are kept as they are, as run lengths: train with ``INPUT.MASK_FORMAT bitmask``.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask

from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.instances import DatasetDict
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.photos import read_upright_size
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, DatasetError, MediaError
from balloon_splash.media.opening import DAMAGED, open_image


def read_png_masks(root: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read all images under ``root``, in order of name; the masks are read once their photo's size is known.

    Raises:
        DatasetError: there is no such folder, or no image in it.
        AnnotationError: any fault if the log is strict.
    """
    photos = []
    for index, folder in enumerate(_image_folders(root)):
        try:
            image = _image_of(folder)
        except AnnotationError as error:
            faults.add(FaultKind.BAD_ENTRY, str(error), photo=folder.name, dropped=True)
            continue
        masks = sorted((folder / "masks").glob("[!.]*.png"))
        if len(masks) > options.limits.max_regions:
            message = f"{len(masks)} masks; at most {options.limits.max_regions} are read (max_regions)"
            faults.add(FaultKind.TOO_MANY_REGIONS, message, photo=folder.name, dropped=True)
            continue
        objects = [RawObject(path.name, None, functools.partial(_outline, path)) for path in masks]
        photos.append(RawPhoto(index, image.relative_to(root).as_posix(), objects, n_listed=len(masks)))
    return AnnotationSet(photos, image_root=root)


def _outline(path: Path, size: PhotoSize) -> Outline:
    try:
        mask = _read_mask(path, size.height, size.width)
    except AnnotationError as error:
        raise UnsoundError(FaultKind.BAD_MASK, str(error)) from error
    return Outline(masks=[encode_mask(mask)])


def load_png_masks(root: str | os.PathLike[str]) -> list[DatasetDict]:
    """Read all images under ``root``, in order of name; ``image_id`` is the name of the image's folder.

    Empty masks are left out. ``bbox`` is XYXY pixels around the mask.

    Raises:
        DatasetError: there is no such folder, or no image in it.
        AnnotationError: an image folder does not hold exactly one image, or a mask is unreadable or of another size.
    """
    return [_read_image(each) for each in _image_folders(Path(root))]


def _image_folders(root: Path) -> list[Path]:
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    images = sorted(each for each in root.iterdir() if (each / "images").is_dir())
    if not images:
        raise DatasetError(f"{root}: no image found; expected <image_id>/images/*.png and <image_id>/masks/*.png")
    return images


def _image_of(folder: Path) -> Path:
    found = sorted((folder / "images").glob("[!.]*.png"))
    if len(found) != 1:
        raise AnnotationError(f"{folder / 'images'}: {len(found)} PNG files found, expected one")
    return found[0]


def _read_image(folder: Path) -> DatasetDict:
    image = _image_of(folder)
    try:
        size = read_upright_size(image)
    except UnsoundError as error:
        raise AnnotationError(f"{error.message}; expected a PNG image") from error
    masks = (_read_mask(path, size.height, size.width) for path in sorted((folder / "masks").glob("[!.]*.png")))
    return {
        "file_name": str(image),
        "image_id": folder.name,
        "height": size.height,
        "width": size.width,
        "annotations": [_annotation(mask) for mask in masks if mask.any()],
    }


def _read_mask(path: Path, height: int, width: int) -> npt.NDArray[np.uint8]:
    try:
        with open_image(path, ["PNG"]) as image:
            mask = _not_zero(np.asarray(image), image.getbands())
    except (*DAMAGED, MediaError) as error:
        raise AnnotationError(f"{path}: cannot be read ({error}); expected a PNG mask") from error
    if mask.shape != (height, width):
        raise AnnotationError(
            f"{path}: {mask.shape[1]} x {mask.shape[0]} pixels; expected the image's {width} x {height}"
        )
    return mask.astype(np.uint8)


def _not_zero(pixels: npt.NDArray[Any], bands: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Return the mask of the object, ``(H, W)``: by the stored numbers, not by their brightness.

    For a palette these are the indices, which tools that write masks use; for several channels, any but the alpha.
    """
    if pixels.ndim == 2:
        return pixels != 0
    colours = [number for number, band in enumerate(bands) if band != "A"]
    return np.asarray((pixels[..., colours] != 0).any(axis=2))


def _annotation(mask: npt.NDArray[np.uint8]) -> dict[str, object]:
    from detectron2.structures import BoxMode

    x, y, width, height = cv2.boundingRect(mask)
    return {
        "bbox": [x, y, x + width, y + height],
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": 0,
        "segmentation": coco_mask.encode(np.asfortranarray(mask)),
        "iscrowd": 0,
    }
