"""Toy datasets ``shapes_train`` and ``shapes_val``: circles, squares and triangles drawn in memory, never on disk.

The toy dataset of the article's repository (``samples/shapes``), made anew for Detectron2, with shapes turned at random
and half of the grounds noisy. Every picture is a function of its name: a path handler for ``shapes://`` hands
Detectron2 a PNG that is drawn when it is opened, so the stock ``DatasetMapper``, ``COCOEvaluator`` and ``Visualizer``
work unchanged.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager
from shapely.geometry.base import BaseGeometry

from balloon_splash.data.datasets.drawn import DrawnPictures, Numbered
from balloon_splash.palette import BLUE, GREEN, ORANGE

CLASSES = ("circle", "square", "triangle")
COLORS = (BLUE, ORANGE, GREEN)
SPLITS = {"train": 3000, "val": 50}
SIDE = 128  # pixels; the pictures are square

_PREFIX = "shapes://"
_PICTURES = Numbered(_PREFIX, SPLITS, SIDE)
_MAX_SHAPES = 4
_RADIUS = (20.0, 32.0)  # pixels from the middle to the corners, as in the article
_MAX_OVERLAP = 0.3  # IoU of the boxes of two shapes, as in the article
_MIN_VISIBLE = 0.5  # share of a shape that the ones in front of it must leave
_MIN_CONTRAST = 90.0  # distance in RGB between a shape and everything it may lie on
_NOISE = 25.0  # standard deviation of a noisy ground, in grey levels

Color = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """Convex shape, with the part that the shapes in front of it leave visible."""

    category_id: int
    color: Color
    outline: shapely.Polygon
    visible: BaseGeometry  # a Polygon or a MultiPolygon


@dataclass(frozen=True)
class ToyScene:
    """Picture before it is drawn: its ground, then its shapes from back to front."""

    ground: Color
    noise: int | None  # the seed of a noisy ground
    shapes: tuple[Shape, ...]


@functools.lru_cache(maxsize=sum(SPLITS.values()))
def shapes_scene(split: str, index: int) -> ToyScene:
    """Return the scene of picture ``index`` of ``split``, the same on every call and every machine."""
    rng = np.random.default_rng([list(SPLITS).index(split), index])
    ground = rng.uniform(0, 255, 3)
    noise = int(rng.integers(2**32)) if rng.random() < 0.5 else None
    wanted = int(rng.integers(1, _MAX_SHAPES + 1))
    shapes: list[Shape] = []
    while len(shapes) < wanted:
        category_id = int(rng.integers(len(CLASSES)))
        color = _contrasting_color(rng, [ground, *(shape.color for shape in shapes)])
        shapes = put_in_front(shapes, category_id, color, _random_outline(rng, CLASSES[category_id]))
    return ToyScene(ground, noise, tuple(shapes))


def draw_shapes(scene: ToyScene) -> npt.NDArray[np.uint8]:
    """Draw a scene, anti-aliased: ``(SIDE, SIDE, 3)`` RGB."""
    image = np.broadcast_to(scene.ground, (SIDE, SIDE, 3))
    if scene.noise is not None:
        image = image + np.random.default_rng(scene.noise).normal(0, _NOISE, (SIDE, SIDE, 3))
    for shape in scene.shapes:
        alpha = _coverage(shape.outline)[..., None]
        image = image * (1 - alpha) + shape.color * alpha
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def load_shapes(split: str) -> list[dict[str, Any]]:
    """Return the split's Detectron2 dataset dicts: boxes XYXY in absolute pixels, polygons of the visible parts."""
    return _PICTURES.dicts(split, lambda index: [_annotation(shape) for shape in shapes_scene(split, index).shapes])


def register_shapes() -> None:
    """Register ``shapes_train`` and ``shapes_val`` with Detectron2; a second call changes nothing."""
    # Not at the top: importing detectron2.data calls this function, which would not be there yet.
    from detectron2.data import DatasetCatalog, MetadataCatalog

    PathManager.register_handler(DrawnPictures(_PREFIX, _draw_by_name), allow_override=True)
    for split in SPLITS:
        name = f"shapes_{split}"
        if name not in DatasetCatalog:
            DatasetCatalog.register(name, functools.partial(load_shapes, split))
        MetadataCatalog.get(name).set(thing_classes=list(CLASSES), thing_colors=list(COLORS), evaluator_type="coco")


def _draw_by_name(path: str) -> npt.NDArray[np.uint8] | None:
    picture = _PICTURES.parse(path)
    return None if picture is None else draw_shapes(shapes_scene(*picture))


def _contrasting_color(rng: np.random.Generator, others: list[Color]) -> Color:
    while True:
        color = rng.uniform(0, 255, 3)
        if all(np.linalg.norm(color - other) >= _MIN_CONTRAST for other in others):
            return color


def _random_outline(rng: np.random.Generator, kind: str) -> shapely.Polygon:
    """Draw a shape of random size, place and turn, wholly inside the picture."""
    radius = rng.uniform(*_RADIUS)
    center = rng.uniform(radius, SIDE - radius, 2)
    corners = {"circle": 64, "square": 4, "triangle": 3}[kind]
    angles = rng.uniform(0, 2 * math.pi) + np.arange(corners) * (2 * math.pi / corners)
    return shapely.Polygon(center + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def put_in_front(shapes: list[Shape], category_id: int, color: Color, outline: shapely.Polygon) -> list[Shape]:
    """Put one more shape in front; return ``shapes`` unchanged if it would overlap or hide too much or pierce one.

    A shape with another one inside it would have a hole, which COCO polygons cannot express.
    """
    cut: list[Shape] = []
    for shape in shapes:
        if _iou(shape.outline.envelope, outline.envelope) > _MAX_OVERLAP:
            return shapes
        visible = shape.visible.difference(outline)
        parts = shapely.get_parts(visible)
        if visible.area < _MIN_VISIBLE * shape.outline.area or any(part.interiors for part in parts):
            return shapes
        cut.append(Shape(shape.category_id, shape.color, shape.outline, visible))
    return [*cut, Shape(category_id, color, outline, outline)]


def _iou(first: BaseGeometry, second: BaseGeometry) -> float:
    shared: float = first.intersection(second).area
    return shared / (first.area + second.area - shared)


def _coverage(outline: shapely.Polygon) -> npt.NDArray[np.float64]:
    """Return the share of each pixel that a convex polygon covers, ``(SIDE, SIDE)``, from the distance to its sides."""
    corners = np.asarray(shapely.geometry.polygon.orient(outline).exterior.coords)
    sides = np.diff(corners, axis=0)
    inward = np.stack([-sides[:, 1], sides[:, 0]], axis=1) / np.linalg.norm(sides, axis=1, keepdims=True)
    centers = np.arange(SIDE) + 0.5
    distance = np.full((SIDE, SIDE), np.inf)
    for (x, y), (normal_x, normal_y) in zip(corners, inward, strict=False):  # the last corner repeats the first
        np.minimum(distance, (centers - x) * normal_x + (centers[:, None] - y) * normal_y, out=distance)
    return np.clip(distance + 0.5, 0, 1)


def _annotation(shape: Shape) -> dict[str, Any]:
    return {
        "bbox": list(shape.visible.bounds),
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": shape.category_id,
        "segmentation": [
            np.asarray(part.exterior.coords)[:-1].ravel().tolist() for part in shapely.get_parts(shape.visible)
        ],
        "iscrowd": 0,
    }
