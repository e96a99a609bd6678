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

import numpy as np
import numpy.typing as npt

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.instances import read_instances
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, DatasetError, MediaError
from balloon_splash.media.opening import DAMAGED, open_image


def load_png_masks(root: str | os.PathLike[str], *, strict: bool = False) -> list[DatasetDict]:
    """Read all images under ``root``; see :func:`~balloon_splash.data.annotations.instances.read_instances`.

    Images without masks are kept.

    Raises:
        DatasetError: there is no such folder, or no image in it.
        AnnotationError: any fault if ``strict``.
    """
    options = ReadOptions(class_names=("object",), keep_empty=True, strict=strict)
    faults = FaultLog(root, strict=strict)
    return read_instances(read_png_masks(Path(root), faults, options), root, options, faults)[0]


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
