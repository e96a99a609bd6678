"""Pictures that the tests of the splash command share."""

from __future__ import annotations

import cv2
import numpy as np

from tests.media.clips import Pixels

SIZE = (120, 160)


def moving_scene(index: int, size: tuple[int, int] = SIZE) -> Pixels:
    """A red disc that stands and a blue one that moves, on a green meadow."""
    scene = np.full((*size, 3), (70, 150, 60), np.uint8)
    cv2.circle(scene, (40, 40), 24, (220, 30, 40), -1)
    cv2.circle(scene, (50 + 3 * index, 90), 20, (30, 60, 220), -1)
    return scene


def colourful(rgb: Pixels, x: int, y: int) -> bool:
    """Return whether there is colour around a pixel."""
    return bool(np.ptp(rgb[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1))) > 60)
