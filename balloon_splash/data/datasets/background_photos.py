"""Negatives for training from a folder of photos without objects, as ``balloon_background``.

No annotation file: whoever puts a photo into ``background/``, beside ``train/`` and ``val/``, says that all of it is
background. Use it beside the photos: ``DATASETS.TRAIN ("balloon_train", "balloon_background")``.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import UnsoundError
from balloon_splash.data.annotations.photos import PhotoFolder
from balloon_splash.data.datasets.catalog import register_loader
from balloon_splash.errors import DatasetError
from balloon_splash.media.formats import is_picture

logger = logging.getLogger(__name__)

FOLDER = "background"


def load_background_photos(folder: str | os.PathLike[str]) -> list[DatasetDict]:
    """Return Detectron2's dataset dicts of the pictures in ``folder``, in order of name, without annotations.

    A picture that cannot be read is left out, with a warning. Hidden files, other formats and folders are skipped.

    Raises:
        DatasetError: there is no such folder, or no picture in it.
    """
    root = Path(folder)
    photos = PhotoFolder(root)
    names = sorted(path.name for path in root.iterdir() if _is_photo(path))
    dicts: list[DatasetDict] = []
    try:
        for index, name in enumerate(names):
            try:
                photo = photos.find(name)
                size = photos.size(photo)
            except UnsoundError as error:
                logger.warning("left out: %s", error.message)
                continue
            place = {"file_name": str(photo.path), "image_id": index, "height": size.height, "width": size.width}
            dicts.append({**place, "annotations": []})
    finally:
        photos.save_sizes()
    if not dicts:
        raise DatasetError(f"{root}: no picture to read in it; expected photos without any of the objects")
    return dicts


def _is_photo(path: Path) -> bool:
    return is_picture(path) and path.is_file() and not path.name.startswith(".")


def register_background_photos(name: str, folder: str | os.PathLike[str], class_names: tuple[str, ...]) -> None:
    """Register the pictures in ``folder`` under ``name``; nothing is read until then.

    Args:
        name: name of the dataset; one that is there is replaced.
        folder: see :func:`load_background_photos`.
        class_names: those of the set beside which it is used.
    """
    from detectron2.data import MetadataCatalog

    register_loader(name, lambda: load_background_photos(folder), class_names, str(folder))
    MetadataCatalog.get(name).set(keep_empty=True)
