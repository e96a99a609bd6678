"""Objects of several views of one picture become one list."""

from __future__ import annotations

import numpy as np

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.overlap import with_large


def view(boxes: list[list[float]], scores: list[float], samples: int = 4) -> Detections:
    """Objects in a picture 100 pixels high and 200 wide."""
    count = len(boxes)
    masks = np.ones((count, samples, samples), np.float32)
    found = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections((100, 200), found, np.array(scores, np.float32), np.zeros(count, np.int64), masks, ("balloon",))


def test_an_overview_adds_large_objects_only() -> None:
    found = view([[0, 0, 20, 20]], [0.8])
    overview = view([[50, 0, 140, 90], [100, 0, 128, 28]], [0.9, 0.99], samples=8)
    both = with_large(found, overview, 0.3)
    np.testing.assert_array_equal(both.boxes, [[50, 0, 140, 90], [0, 0, 20, 20]])
    assert both.soft_masks.shape == (2, 8, 8)


def test_what_covers_the_whole_picture_is_not_an_object() -> None:
    assert len(with_large(view([], []), view([[1, 1, 199, 99]], [0.99]), 0.3)) == 0


def test_an_object_of_both_views_appears_once_with_its_best_score() -> None:
    both = with_large(view([[50, 0, 140, 90]], [0.6]), view([[52, 0, 140, 92]], [0.9]), 0.3)
    np.testing.assert_array_equal(both.boxes, [[52, 0, 140, 92]])
    assert both.scores.tolist() == [np.float32(0.9)]


def test_views_without_objects_give_none() -> None:
    nothing = view([], [])
    assert len(with_large(nothing, nothing, 0.3)) == 0
    assert len(with_large(nothing, view([[0, 0, 50, 50]], [0.9]), 0.3)) == 1
