"""``nucleus_train`` and ``nucleus_val``: fields of hundreds of touching cell nuclei, rendered in memory, never on disk.

For the article's sample ``nucleus``, whose photos (the 2018 Data Science Bowl) need an account: bright nuclei on a dark
ground, as a fluorescence microscope shows them, many of them touching, most in clusters. Every picture is a function
of its name, as in :mod:`balloon_splash.data.datasets.shapes`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from detectron2.structures import BoxMode
from detectron2.utils.file_io import PathManager

from balloon_splash.data.annotations.masks import box_of, encode_mask
from balloon_splash.data.datasets.catalog import register_loader
from balloon_splash.data.datasets.drawn import DrawnPictures, Numbered

CLASS = "nucleus"
SPLITS = {"train": 120, "val": 4}
SIDE = 256  # pixels; the pictures are square

_PREFIX = "nucleus://"
_PICTURES = Numbered(_PREFIX, SPLITS, SIDE)
_TRIED = (120, 460)  # nuclei that are put in, of which those stay that find room
#: RGB of what stains the nuclei, as DAPI, GFP, or a grey camera show it.
_STAINS = ((0.35, 0.5, 1.0), (0.35, 1.0, 0.45), (1.0, 0.45, 0.4), (1.0, 1.0, 1.0))
_RADIUS = (4.0, 9.0)  # pixels, of a nucleus
_LONGEST = 1.5  # long radius by short radius
_MIN_VISIBLE = 0.7  # share of a nucleus that those before it must leave
_NOISE = 4.0  # standard deviation, in grey levels

Numbers = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class NucleusField:
    """A rendered field.

    Attributes:
        image: ``(SIDE, SIDE, 3)`` RGB.
        numbers: ``(SIDE, SIDE)``, the number of the nucleus at each pixel, from 1 on, or 0.
    """

    image: npt.NDArray[np.uint8]
    numbers: Numbers

    def masks(self) -> list[npt.NDArray[np.bool_]]:
        """``(SIDE, SIDE)`` each, in the order of their numbers; no two of them share a pixel."""
        return [self.numbers == number for number in range(1, int(self.numbers.max()) + 1)]


@functools.lru_cache(maxsize=sum(SPLITS.values()))
def nucleus_field(split: str, index: int) -> NucleusField:
    """Field ``index`` of ``split``; the same on every call and every machine."""
    rng = np.random.default_rng([list(SPLITS).index(split), index, 2018])
    numbers = np.zeros((SIDE, SIDE), np.uint16)
    light = np.full((SIDE, SIDE), rng.uniform(4, 25))
    brightness = rng.uniform(60, 200)
    size = rng.uniform(0.8, 1.1)
    clusters = rng.uniform(0, SIDE, (rng.integers(6, 16), 2))
    count = 0
    for _ in range(int(rng.integers(*_TRIED))):
        in_cluster = rng.random() < 0.6
        middle = rng.normal(clusters[rng.integers(len(clusters))], 22) if in_cluster else rng.uniform(0, SIDE, 2)
        rows, columns, depth = _nucleus(rng, middle, size)
        inside = depth > 0
        free = inside & (numbers[rows, columns] == 0)
        if not inside.any() or free.sum() < _MIN_VISIBLE * inside.sum():
            continue
        count += 1
        numbers[rows, columns][free] = count
        texture = 1 + 0.15 * cv2.GaussianBlur(rng.normal(size=inside.shape), (0, 0), 1.5)
        shade = brightness * rng.uniform(0.7, 1.2) * (0.65 + 0.35 * np.sqrt(depth)) * texture
        light[rows, columns][free] = shade[free]
    blurred = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.5, 0.9)) + rng.normal(0, _NOISE, (SIDE, SIDE))
    stain = np.array(_STAINS[rng.integers(len(_STAINS))])
    return NucleusField(np.clip(np.rint(blurred[..., None] * stain), 0, 255).astype(np.uint8), numbers)


def _nucleus(
    rng: np.random.Generator, middle: npt.NDArray[np.float64], size: float
) -> tuple[slice, slice, npt.NDArray[np.float64]]:
    """A bent ellipse: the rows and columns around it, and there how far inside each pixel is, 1 in the middle."""
    radius, turn = rng.uniform(*_RADIUS) * size, rng.uniform(0, np.pi)
    stretch = np.sqrt(rng.uniform(1, _LONGEST))
    reach = int(np.ceil(1.3 * radius * stretch))
    x, y = np.clip(middle, 0, SIDE - 1).astype(int)
    rows = slice(max(y - reach, 0), min(y + reach + 1, SIDE))
    columns = slice(max(x - reach, 0), min(x + reach + 1, SIDE))
    dy, dx = np.mgrid[rows, columns] - np.array([y, x])[:, None, None]
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    angle = np.arctan2(across, along)
    bend = 1 + 0.08 * np.cos(2 * angle + rng.uniform(0, 6)) + 0.05 * np.cos(3 * angle + rng.uniform(0, 6))
    distance = np.hypot(along / stretch, across * stretch) / (radius * bend)
    return rows, columns, np.clip(1 - distance**2, 0, 1)


def load_nuclei(split: str) -> list[dict[str, Any]]:
    """The split's Detectron2 dataset dicts; masks as COCO's run lengths, boxes XYXY around their pixels."""
    return _PICTURES.dicts(split, lambda index: [_annotation(mask) for mask in nucleus_field(split, index).masks()])


def register_nuclei() -> None:
    """Register ``nucleus_train`` and ``nucleus_val`` with Detectron2."""
    PathManager.register_handler(DrawnPictures(_PREFIX, _draw), allow_override=True)
    for split in SPLITS:
        register_loader(f"nucleus_{split}", functools.partial(load_nuclei, split), [CLASS], _PREFIX)


def _draw(path: str) -> npt.NDArray[np.uint8] | None:
    picture = _PICTURES.parse(path)
    return None if picture is None else nucleus_field(*picture).image


def _annotation(mask: npt.NDArray[np.bool_]) -> dict[str, Any]:
    lengths = encode_mask(mask)
    return {
        "bbox": list(box_of(lengths)),
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": 0,
        "segmentation": dict(lengths),
        "iscrowd": 0,
    }
