"""Small objects in a huge picture are found in tiles, each once, and none is cut at a seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import UsageError
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.tiles import TiledFinder, tiles_of
from tests.fakes import CLASS_NAMES, find_blobs

Image = npt.NDArray[np.uint8]
NETWORK = 256
"""Longest edge of what the finder below sees, as of a network."""


class ShrinkingFinder:
    """Finder of discs in pictures that are shrunk first, as by a network."""

    class_names = CLASS_NAMES

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.sizes += [image.shape[:2] for image in images]
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
        height, width = image.shape[:2]
        scale = min(1.0, NETWORK / max(height, width))
        small = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        found = find_blobs(small.astype(np.uint8))
        factors = np.array([width / small.shape[1], height / small.shape[0]] * 2, np.float32)
        return replace(found, size=(height, width), boxes=found.boxes * factors)


def panorama(width: int, height: int, radii: Sequence[int]) -> tuple[Image, npt.NDArray[np.float32]]:
    """A meadow with red discs that do not touch, and their boxes."""
    image = np.full((height, width, 3), (70, 150, 60), np.uint8)
    generator, taken = np.random.default_rng(5), np.zeros((height, width), bool)
    boxes = []
    for radius in radii:
        while True:
            x, y = generator.integers(radius + 2, (width - radius - 2, height - radius - 2))
            around = (slice(max(y - radius - 4, 0), y + radius + 5), slice(max(x - radius - 4, 0), x + radius + 5))
            if not taken[around].any():
                break
        taken[around] = True
        cv2.circle(image, (int(x), int(y)), radius, (220, 30, 40), -1)
        boxes.append((x - radius, y - radius, x + radius + 1, y + radius + 1))
    return image, np.array(boxes, np.float32)


def matched(found: Detections, boxes: npt.NDArray[np.float32], tolerance: float) -> int:
    """Count the boxes that are found, all sides within ``tolerance`` of their length, each by one object."""
    sides = (boxes[:, 2] - boxes[:, 0])[:, None]
    off = np.abs(boxes[:, None] - found.boxes[None]).max(axis=2) / sides
    return int(((off < tolerance).sum(axis=1) == 1).sum())


def test_small_and_large_objects_of_a_panorama_are_found_whole_and_once() -> None:
    image, boxes = panorama(2400, 800, [300, 120, 60, 60, *[25] * 6, *[12] * 10, *[5] * 40])
    plain = ShrinkingFinder().detect([image])[0]
    (found,) = TiledFinder(ShrinkingFinder(), 256).detect([image])
    assert matched(plain, boxes, 0.2) < 12, "what this test shows would need no tiles"
    assert matched(found, boxes, 0.2) == len(boxes) == len(found)
    assert found.size == (800, 2400)
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize(("height", "width", "side"), [(700, 3000, 256), (1000, 1000, 999), (90, 4000, 64)])
def test_every_object_of_a_fourth_of_the_side_lies_whole_in_a_tile(height: int, width: int, side: int) -> None:
    tiles = [tile for tile in tiles_of((height, width), side) if tile.x1 - tile.x0 <= side]
    size = min(side // 4 - 1, height)
    for x0, y0 in np.random.default_rng(1).integers(0, (width - size, max(height - size, 1)), (300, 2)):
        assert any(
            tile.x0 <= x0 and x0 + size <= tile.x1 and tile.y0 <= y0 and y0 + size <= tile.y1 for tile in tiles
        ), (x0, y0)


def test_the_model_never_sees_more_than_the_picture_and_small_tiles_dominate() -> None:
    finder = ShrinkingFinder()
    TiledFinder(finder, 256).detect([panorama(2400, 800, [10])[0]])
    assert finder.sizes.count((800, 2400)) == 1
    assert finder.sizes.count((256, 256)) > len(finder.sizes) / 2


def test_tiles_larger_than_the_picture_take_it_whole_and_say_so_once() -> None:
    image = panorama(300, 200, [20])[0]
    lines: list[str] = []
    finder = ShrinkingFinder()
    tiled = TiledFinder(finder, 512, lines.append)
    assert [len(each) for each in tiled.detect([image, image])] == [1, 1]
    assert finder.sizes == [(200, 300)] * 2
    assert lines == ["--tiles 512: a picture of 300x200 pixels is no larger and is taken whole"]


def test_auto_takes_tiles_in_large_pictures_only() -> None:
    finder, lines = ShrinkingFinder(), list[str]()
    small, large = (panorama(width, 600, [20])[0] for width in (900, 2100))
    TiledFinder(finder, "auto", lines.append).detect([small, large])
    assert finder.sizes[0] == (600, 900)
    assert (600, 1024) in finder.sizes
    assert not lines


def test_tiles_that_show_nothing_are_refused() -> None:
    with pytest.raises(UsageError, match=r"--tiles 10; expected auto, or 64 pixels or more"):
        SplashOptions(tiles=10)
