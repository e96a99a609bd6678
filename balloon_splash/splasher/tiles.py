"""Tiles of huge pictures, so that small objects in them are not too small for the model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.overlap import joined, once
from balloon_splash.errors import UsageError
from balloon_splash.splasher.finder import Finder

Tiles: TypeAlias = "int | Literal['auto'] | None"
"""Side of the smallest tiles in pixels; ``auto`` takes :data:`AUTO_SIDE` where a picture is large; None takes none."""

AUTO_SIDE = 1024
AUTO_FROM = 2 * AUTO_SIDE
"""Longer side of a picture in pixels above which ``auto`` takes tiles."""

LEAST_SIDE = 64
OVERLAP = 4
"""Divisor of a tile's side that gives the least overlap of neighbouring tiles."""

SEAM = 0.015
"""Distance from a seam, as a share of the tile's side, within which the seam may cut an object."""

BATCH = 4
"""Number of tiles that the model gets at once."""


class Tile(NamedTuple):
    """Part of a picture, in its pixels."""

    x0: int
    y0: int
    x1: int
    y1: int


class TiledFinder:
    """Finder that searches large pictures in overlapping tiles of several sizes, and as a whole.

    The tiles' side doubles from level to level, up to the whole picture. Objects on a seam are left out: those of up to
    a fourth of the side are whole in a neighbouring tile, larger ones in a tile of another level. So no mask is cut,
    and none has to be stitched; all levels together cost a third more than the smallest tiles alone. Of an object that
    several tiles show, the detection with the best score is kept.

    Args:
        finder: the finder for each tile.
        side: side in pixels of the smallest tiles; pictures no larger than that are taken whole.
        note: receives a message of one line if tiles are larger than a picture.

    Raises:
        UsageError: tiles of less than 64 pixels.
    """

    def __init__(
        self, finder: Finder, side: int | Literal["auto"], note: Callable[[str], object] = warnings.warn
    ) -> None:
        check_tiles(side)
        self._finder = finder
        self._side = side
        self._note = note
        self._told = False

    @property
    def class_names(self) -> Sequence[str]:
        """See :class:`~balloon_splash.splasher.finder.Finder`."""
        return self._finder.class_names

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        """See :class:`~balloon_splash.splasher.finder.Finder`; memory grows with the tile, not with the picture."""
        whole = [self._is_taken_whole(image) for image in images]
        small = [image for image, is_whole in zip(images, whole, strict=True) if is_whole]
        found = iter(self._finder.detect(small) if small else ())
        return [
            next(found) if is_whole else self._in_tiles(image) for image, is_whole in zip(images, whole, strict=True)
        ]

    def _is_taken_whole(self, image: npt.NDArray[np.uint8]) -> bool:
        height, width = image.shape[:2]
        if self._side == "auto":
            return max(height, width) <= AUTO_FROM
        if max(height, width) > self._side:
            return False
        if not self._told:
            self._note(f"--tiles {self._side}: a picture of {width}x{height} pixels is no larger and is taken whole")
            self._told = True
        return True

    def _in_tiles(self, image: npt.NDArray[np.uint8]) -> Detections:
        height, width = image.shape[:2]
        tiles = list(tiles_of((height, width), AUTO_SIDE if self._side == "auto" else self._side))
        parts = []
        for first in range(0, len(tiles), BATCH):
            batch = tiles[first : first + BATCH]
            crops = [np.ascontiguousarray(image[tile.y0 : tile.y1, tile.x0 : tile.x1]) for tile in batch]
            for tile, found in zip(batch, self._finder.detect(crops), strict=True):
                parts.append(_placed(found[_whole_in(tile, found, (height, width))], tile, (height, width)))
        return once(joined(parts))


def check_tiles(side: Tiles) -> None:
    """Refuse tiles that are too small.

    Raises:
        UsageError: tiles of less than 64 pixels.
    """
    if side is not None and side != "auto" and side < LEAST_SIDE:
        raise UsageError(f"--tiles {side}; expected auto, or {LEAST_SIDE} pixels or more")


def tiles_of(size: tuple[int, int], side: int) -> Iterator[Tile]:
    """Return the tiles of a picture of ``size`` (height, width), from the smallest to the whole.

    Each object of up to a fourth of a level's side, less the seams' width, is whole in one of its tiles.
    """
    height, width = size
    while side < max(height, width):
        for y0, x0 in product(_starts(height, side), _starts(width, side)):
            yield Tile(x0, y0, min(x0 + side, width), min(y0 + side, height))
        side *= 2
    yield Tile(0, 0, width, height)


def _starts(length: int, side: int) -> list[int]:
    """Return the starts of tiles of ``side`` that cover ``length``, evenly spaced."""
    if length <= side:
        return [0]
    overlap = -(-side // OVERLAP)
    count = -(-(length - overlap) // (side - overlap))
    return [round(start) for start in np.linspace(0, length - side, count)]


def _whole_in(tile: Tile, found: Detections, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """``(N,)`` bool: the object is off the tile's seams, which are its sides that are not the picture's."""
    height, width = size
    margin = SEAM * max(tile.x1 - tile.x0, tile.y1 - tile.y0)
    x0, y0, x1, y1 = found.boxes.T
    left = (x0 > margin) | (tile.x0 == 0)
    top = (y0 > margin) | (tile.y0 == 0)
    right = (x1 < tile.x1 - tile.x0 - margin) | (tile.x1 == width)
    bottom = (y1 < tile.y1 - tile.y0 - margin) | (tile.y1 == height)
    return np.asarray(left & top & right & bottom)


def _placed(found: Detections, tile: Tile, size: tuple[int, int]) -> Detections:
    return replace(found, size=size, boxes=found.boxes + np.array([tile.x0, tile.y0] * 2, np.float32))
