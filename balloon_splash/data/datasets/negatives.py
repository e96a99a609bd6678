"""Negatives for training, ``no_balloons_train``: rendered pictures of round things other than balloons.

Put it beside the photos: ``DATASETS.TRAIN ("balloon_train", "no_balloons_train")``. Nothing is on disk: a path handler
for ``no-balloons://`` renders a picture when it is opened.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
from detectron2.utils.file_io import PathManager

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.datasets.catalog import register_loader
from balloon_splash.data.datasets.drawn import DrawnPictures
from balloon_splash.data.render.no_balloons import render_no_balloons

NAME = "no_balloons_train"
COUNT = 1440
SIZE = (640, 480)  # width, height

_PREFIX = "no-balloons://"
_FILE = re.compile(rf"{_PREFIX}train/(\d{{6}})\.jpg")


def load_no_balloons() -> list[DatasetDict]:
    """Return Detectron2's dataset dicts, without annotations."""
    return [
        {
            "file_name": f"{_PREFIX}train/{index:06d}.jpg",
            "image_id": index,
            "width": SIZE[0],
            "height": SIZE[1],
            "annotations": [],
        }
        for index in range(COUNT)
    ]


def register_no_balloons(classes: tuple[str, ...] = ("balloon",)) -> None:
    """Register the set with Detectron2, for use with sets of these classes."""
    from detectron2.data import MetadataCatalog

    PathManager.register_handler(DrawnPictures(_PREFIX, _draw, kept=COUNT), allow_override=True)
    register_loader(NAME, load_no_balloons, classes, _PREFIX)
    MetadataCatalog.get(NAME).set(keep_empty=True)


def _draw(path: str) -> npt.NDArray[np.uint8] | None:
    match = _FILE.fullmatch(path)
    if match is None or int(match[1]) >= COUNT:
        return None
    return render_no_balloons(int(match[1]), SIZE)
