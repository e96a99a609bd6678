"""A brush corrects what the model believes, before edges are shaped; strokes of another shape are refused."""

from __future__ import annotations

import numpy as np
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.strokes import Strokes
from balloon_splash.errors import UsageError

SIZE = (60, 80)


def one_object() -> Detections:
    """A square of 20 pixels at (10, 10)."""
    return Detections(
        size=SIZE,
        boxes=np.array([[10, 10, 30, 30]], np.float32),
        scores=np.ones(1, np.float32),
        classes=np.zeros(1, np.int64),
        soft_masks=np.ones((1, 28, 28), np.float32),
        class_names=("thing",),
    )


def painted(size: tuple[int, int] = SIZE, strength: int = 255) -> Strokes:
    """Green in the lower right quarter, red over the left half of the object."""
    rgba = np.zeros((*size, 4), np.uint8)
    height, width = size
    rgba[height // 2 :, width // 2 :] = (0, 255, 0, strength)
    rgba[:, : width // 4] = (255, 0, 0, strength)
    return Strokes.painted(rgba[..., :3], rgba[..., 3])


@pytest.mark.parametrize("size", [SIZE, (120, 160), (30, 40)])
def test_green_adds_and_red_takes_away_at_any_size(size: tuple[int, int]) -> None:
    alpha = matte(one_object(), strokes=painted(size))
    assert alpha[45, 60] == 1
    assert alpha[20, 15] == 0
    assert alpha[20, 25] == 1, "what was not painted stays"
    assert set(np.unique(alpha)) == {0, 1}


def test_strokes_are_objects_where_the_model_has_found_none() -> None:
    alpha = matte(Detections.empty(SIZE), strokes=painted())
    assert (alpha[30:, 40:].min(), alpha[:30].max()) == (1, 0)


def test_edges_are_shaped_after_the_strokes() -> None:
    alpha = matte(one_object(), grow=4, strokes=painted())
    assert alpha[27, 60] == 1, "what was painted grows, too"
    soft = matte(Detections.empty(SIZE), soft=True, strokes=painted(strength=128))
    assert 0.4 < soft[45, 60] < 0.6, "half a stroke is half an object"


def test_a_look_with_strokes_leaves_their_pixels_as_they_were() -> None:
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    look = Look(strokes=painted())
    result = look.apply(image, look.matte(image, one_object()), one_object())
    assert np.array_equal(result[30:, 40:], image[30:, 40:])


def test_strokes_of_another_proportion_are_refused() -> None:
    with pytest.raises(UsageError, match=r"strokes: 40x60 pixels; expected the size or the proportion .* 80x60"):
        matte(one_object(), strokes=painted((60, 40)))


@pytest.mark.parametrize("paper", ["photo", "white"])
def test_a_picture_that_is_no_strokes_is_refused(paper: str) -> None:
    rgb = np.full((*SIZE, 3), 255, np.uint8)
    if paper == "photo":
        rgb = np.random.default_rng(0).integers(60, 200, (*SIZE, 3)).astype(np.uint8)
    with pytest.raises(UsageError, match=r"--strokes a\.jpg: \d+% of its pixels are neither green, nor red, nor tr"):
        Strokes.painted(rgb, None, name="--strokes a.jpg")


def test_strokes_on_black_paper_are_taken() -> None:
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[:20] = (0, 255, 0)
    assert Strokes.painted(rgb, None).box == (0, 0, 80, 20)
