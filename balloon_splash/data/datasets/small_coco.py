"""A small set in COCO's real layout, for the article's sample ``coco`` where the 20 GB of COCO are not at hand::

    annotations/instances_train2017.json  train2017/000000000001.jpg ...
    annotations/instances_val2017.json    val2017/...

with COCO's 80 classes under its own ids, which have gaps, polygons, and crowds as run lengths. What bears the names are
drawn shapes: each class has one of five shapes and one of sixteen hues, so that a small model can learn it.
"""

from __future__ import annotations

import colorsys
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from detectron2.data.datasets.builtin_meta import COCO_CATEGORIES
from PIL import Image

from balloon_splash.data.annotations.masks import area_of, merged, uncompressed
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.datasets.folders import atomic_dataset_folder
from balloon_splash.data.datasets.shapes import SIDE, Shape, ToyScene, draw_shapes, put_in_front

THINGS = [category for category in COCO_CATEGORIES if category["isthing"]]
SPLITS = {"train2017": 480, "val2017": 40}

_HUES = 16
_MOST = 4  # shapes in a picture
_RADIUS = (18.0, 28.0)  # pixels
_CROWDS = 10  # every so manieth picture has one


def write_small_coco(folder: Path, *, splits: dict[str, int] | None = None) -> Path:
    """Draw the pictures and write the annotations.

    Args:
        folder: where ``annotations`` and the folders of pictures go; must not be there, or be empty.
        splits: how many pictures of each; the default is :data:`SPLITS`.

    Returns:
        ``folder``.

    Raises:
        DatasetError: the folder is taken.
    """
    with atomic_dataset_folder(folder) as fresh:
        (fresh / "annotations").mkdir()
        for number, (split, count) in enumerate((splits or SPLITS).items()):
            (fresh / split).mkdir()
            scenes = [_scene(number, index) for index in range(count)]
            for index, scene in enumerate(scenes, 1):
                Image.fromarray(draw_shapes(scene)).save(fresh / split / f"{index:012d}.jpg", quality=90)
            document = json.dumps(_document(scenes))
            (fresh / "annotations" / f"instances_{split}.json").write_text(document, encoding="utf-8")
    return folder


def _scene(split: int, index: int) -> ToyScene:
    rng = np.random.default_rng([split, index, 2017])
    wanted = int(rng.integers(1, _MOST + 1))
    shapes: list[Shape] = []
    while len(shapes) < wanted:
        number = int(rng.integers(len(THINGS)))
        shapes = put_in_front(shapes, number, _color(number, rng), _outline(number % 5, rng))
    return ToyScene(rng.uniform(90, 160) * np.ones(3), int(rng.integers(2**32)), tuple(shapes))


def _color(number: int, rng: np.random.Generator) -> Any:
    hue = (number // 5) / _HUES + rng.uniform(-0.01, 0.01)
    return 255 * np.array(colorsys.hsv_to_rgb(hue % 1, rng.uniform(0.75, 1), rng.uniform(0.75, 1)))


@functools.cache
def _unit_outline(kind: int) -> Any:
    """A convex shape around 0: triangle, square, disc, bar, half a disc."""
    circle = np.arange(48) * (2 * np.pi / 48)
    angles = [np.arange(3) * (2 * np.pi / 3), np.pi / 4 + np.arange(4) * (np.pi / 2), circle, None, circle[:25]][kind]
    if angles is None:
        return np.array([(1, 0.3), (-1, 0.3), (-1, -0.3), (1, -0.3)])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _outline(kind: int, rng: np.random.Generator) -> shapely.Polygon:
    radius, turn = rng.uniform(*_RADIUS), rng.uniform(0, 2 * np.pi)
    reach = 1.05 * radius  # of the corners of a bar
    middle = rng.uniform(reach, SIDE - reach, 2)
    rotation = np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    return shapely.Polygon(middle + radius * _unit_outline(kind) @ rotation)


def _document(scenes: list[ToyScene]) -> dict[str, Any]:
    annotations: list[dict[str, Any]] = []
    for image_id, scene in enumerate(scenes, 1):
        for place, shape in enumerate(scene.shapes):
            crowd = image_id % _CROWDS == 0 and place == 0
            annotations.append(_annotation(len(annotations) + 1, image_id, shape, crowd=crowd))
    images = [
        {
            "id": image_id, "file_name": f"{image_id:012d}.jpg", "width": SIDE, "height": SIDE, "license": 1,
            "date_captured": "2017-01-01 00:00:00", "coco_url": "", "flickr_url": "",
        }
        for image_id in range(1, len(scenes) + 1)
    ]  # fmt: skip
    categories = [{"supercategory": "shape", "id": each["id"], "name": each["name"]} for each in THINGS]
    about = {"description": "drawn shapes under the names of COCO's classes", "version": "1.0", "year": 2017}
    return {
        "info": about, "licenses": [{"id": 1, "name": "Apache-2.0", "url": ""}], "images": images,
        "annotations": annotations, "categories": categories,
    }  # fmt: skip


def _annotation(number: int, image_id: int, shape: Shape, *, crowd: bool) -> dict[str, Any]:
    """As COCO has it: polygons of an object, uncompressed run lengths of a crowd."""
    rings = [
        np.asarray(part.exterior.coords)[:-1].round(2).ravel().tolist() for part in shapely.get_parts(shape.visible)
    ]
    lengths = merged([], rings, PhotoSize(SIDE, SIDE, decoded=False))
    x0, y0, x1, y1 = shape.visible.bounds
    return {
        "id": number, "image_id": image_id, "category_id": THINGS[shape.category_id]["id"], "iscrowd": int(crowd),
        "area": float(area_of(lengths)), "bbox": [round(each, 2) for each in (x0, y0, x1 - x0, y1 - y0)],
        "segmentation": {"size": [SIDE, SIDE], "counts": uncompressed(lengths)} if crowd else rings,
    }  # fmt: skip
