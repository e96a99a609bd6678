"""Refined mattes follow the picture where a box cuts an object off, and stay out of what they should not touch."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.strokes import Strokes

SIZE = (160, 200)
CENTRE, RADIUS = (100, 80), 40
CUT = 5
"""Pixels of the disc that its box leaves out on the left."""


def disc(centre: tuple[int, int] = CENTRE, radius: int = RADIUS) -> npt.NDArray[np.uint8]:
    return np.asarray(cv2.circle(np.zeros(SIZE, np.uint8), centre, radius, 1, -1), np.uint8)


def photo(colour: tuple[int, int, int] = (200, 30, 40)) -> npt.NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(-12, 12, (*SIZE, 3))
    return np.clip(np.where(disc()[..., None] > 0, colour, (90, 120, 160)) + noise, 0, 255).astype(np.uint8)


def detections(*boxes: tuple[int, int, int, int], truth: npt.NDArray[np.uint8]) -> Detections:
    """Objects whose masks are the truth in their boxes."""
    soft = [
        cv2.resize(truth[y0:y1, x0:x1].astype(np.float32), (56, 56), interpolation=cv2.INTER_AREA)
        for x0, y0, x1, y1 in boxes
    ]
    return Detections(
        size=SIZE,
        boxes=np.array(boxes, np.float32),
        scores=np.ones(len(boxes), np.float32),
        classes=np.zeros(len(boxes), np.int64),
        soft_masks=np.stack(soft),
        class_names=("balloon",),
    )


BOX = (CENTRE[0] - RADIUS + CUT, CENTRE[1] - RADIUS, CENTRE[0] + RADIUS + 1, CENTRE[1] + RADIUS + 1)


def test_a_disc_that_its_box_cuts_off_becomes_whole() -> None:
    found = detections(BOX, truth=disc())
    left_out = (disc() > 0) & (matte(found) == 0)
    assert left_out.sum() > 100
    refined = matte(found, refine=2, guide=photo()) > 0
    assert (left_out & ~refined).sum() < 0.2 * left_out.sum()
    assert (refined & (disc() == 0)).sum() < 60, "the background stays out"


def test_the_same_twice_is_the_same() -> None:
    found = detections(BOX, truth=disc())
    assert np.array_equal(matte(found, refine=4, guide=photo()), matte(found, refine=4, guide=photo()))


def test_without_refine_the_mask_decides() -> None:
    found = detections(BOX, truth=disc())
    assert not matte(found, guide=photo())[:, : BOX[0]].any()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_object_inside_its_box_does_not_grow_into_a_neighbour_of_its_colour(kind: type) -> None:
    both = disc() | disc((CENTRE[0] - 2 * RADIUS - 2, CENTRE[1]))
    same = photo()
    same[both > 0] = (200, 30, 40)
    guide: npt.NDArray[Any] = same.astype(kind) * (257 if kind is np.uint16 else 1)
    whole = (CENTRE[0] - RADIUS - 3, *BOX[1:])
    refined = matte(detections(whole, truth=disc()), refine=2, guide=guide) > 0
    assert not refined[:, : CENTRE[0] - RADIUS - 4].any()


def test_another_object_keeps_its_own_place() -> None:
    left, right = (60, 60, 100, 100), (100, 60, 140, 100)  # halves of one coloured bar, which two boxes share
    bar = np.zeros(SIZE, np.uint8)
    bar[60:100, 60:140] = 1
    guide = np.where(bar[..., None] > 0, np.uint8(220), np.uint8(40)).repeat(3, axis=2)
    refined = matte(detections(left, right, truth=bar), refine=2, guide=guide) > 0
    assert (refined != (bar > 0)).sum() < 0.02 * bar.sum()


def test_a_stroke_that_removes_wins() -> None:
    found = detections(BOX, truth=disc())
    remove = np.zeros(SIZE, np.uint8)
    remove[:, : BOX[0]] = 255
    strokes = Strokes(add=np.zeros(SIZE, np.uint8), remove=remove)
    assert not matte(found, refine=2, guide=photo(), strokes=strokes)[:, : BOX[0] - 4].any()


def test_the_border_of_the_picture_cuts_nothing_off() -> None:
    centre = (20, 80)
    guide = np.where(disc(centre)[..., None] > 0, np.uint8(220), np.uint8(40)).repeat(3, axis=2)
    refined = matte(detections((0, 40, 61, 121), truth=disc(centre)), refine=2, guide=guide) > 0
    assert (refined != (disc(centre) > 0)).sum() < 0.02 * disc(centre).sum()
