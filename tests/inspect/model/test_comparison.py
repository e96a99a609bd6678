"""Two models are compared on the same photos, and the sign of a gain is right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from balloon_splash.inspect.model.comparison import most_different, pair_figure, precision_rows
from balloon_splash.inspect.model.matching import coco_truth, match_photos
from balloon_splash.inspect.page.style import new_figure, outline
from tests.inspect.model.tiny_model import register_squares, result, unregister


@pytest.fixture(autouse=True)
def _squares() -> Iterator[None]:
    register_squares("compared", photos=3)
    yield
    unregister("compared")


def test_an_outline_follows_the_border_of_a_mask_and_of_its_hole() -> None:
    _, (ax,) = new_figure()
    mask = np.zeros((60, 80), bool)
    mask[10:40, 20:70] = True
    mask[20:30, 30:50] = False
    outline(ax, mask, "red")
    outline(ax, np.zeros_like(mask), "red")
    outer, hole = sorted((path.vertices for path in ax.collections[0].get_paths()), key=np.ptp, reverse=True)
    assert np.asarray(outer).min(axis=0).tolist() == [20.5, 10.5]  # centres of the outermost pixels
    assert np.asarray(outer).max(axis=0).tolist() == [69.5, 39.5]
    assert np.asarray(hole).min(axis=0).tolist() == [29.5, 19.5]
    assert ax.collections[1].get_paths() == []


def test_a_gain_is_what_the_second_has_more() -> None:
    rows = precision_rows({"bbox": {"AP": 40.0, "AP50": 60.0}}, {"bbox": {"AP": 45.0, "AP50": 50.0}})
    assert rows == [("bbox", "AP", 40.0, 45.0, 5.0), ("bbox", "AP50", 60.0, 50.0, -10.0)]


def test_the_photo_on_which_they_differ_most_comes_first() -> None:
    truth = coco_truth("compared")
    boxes = [(10, 30, 30, 50), (50, 30, 90, 70), (120, 30, 220, 130)]
    first = match_photos(truth, [result(1, boxes[0], 0.9), result(2, boxes[0], 0.9)], confidence=0.5)
    second = match_photos(truth, [result(1, box, 0.9) for box in boxes], confidence=0.5)
    pairs = most_different(first, second)
    assert [(a.image_id, b.image_id) for a, b in pairs] == [(1, 1), (2, 2), (0, 0)]
    figure = pair_figure(np.zeros((200, 300, 3), np.uint8), pairs[0], truth, ("old", "new"))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["old: 2 missed", "new: no mistake"]
