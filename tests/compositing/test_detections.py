"""Detections as a prompt shows and compares them."""

from dataclasses import replace

import numpy as np

from balloon_splash.compositing.detections import Detections


def _found(count: int) -> Detections:
    boxes = np.tile(np.array([1, 2, 5, 6], np.float32), (count, 1))
    scores = np.linspace(0.99, 0.5, count, dtype=np.float32)
    masks = np.ones((count, 224, 224), np.float32)
    return Detections((30, 40), boxes, scores, np.zeros(count, np.int64), masks, ("kite",))


def test_a_prompt_shows_one_line_in_place_of_masks() -> None:
    assert repr(_found(2)) == "<2 objects in 40x30 pixels: kite 0.99, kite 0.50>"
    assert repr(_found(1)) == "<1 object in 40x30 pixels: kite 0.99>"
    assert repr(_found(9)).endswith("4 more>")
    assert repr(Detections.empty((30, 40))) == "<0 objects in 40x30 pixels>"


def test_detections_compare_and_hash_without_an_error_about_arrays() -> None:
    found = _found(2)
    assert found == found
    assert found != replace(found)
    assert found in {found}
