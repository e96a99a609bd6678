"""The model that ships finds no balloon where there is none: in real photos, and among round things that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import skimage
from PIL import Image

from balloon_splash.data.datasets.negatives import COUNT
from balloon_splash.data.render.no_balloons import render_no_balloons
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.loading import load_finder
from tests.round_things import draw_round_things

Draw = Callable[[int], npt.NDArray[np.uint8]]

CONFIDENCE = 0.9  # what the splash asks for by default
#: Photos in scikit-image's package: a face, a cup, a cat, wheels, coins, the moon, an eye's orange disc, and more.
PHOTOS = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "clock_motion.png", "coffee.png", "coins.png",
    "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "motorcycle_right.png", "page.png", "retina.jpg", "rocket.jpg",
)  # fmt: skip
#: Which of the drawn pictures: other kinds than a training has, and those that it may have, but none that it has had.
DRAWN = (
    (draw_round_things, "round things", range(60, 72)),
    (render_no_balloons, "no balloons", range(COUNT, COUNT + 12)),
)
#: docs/model_zoo.md names them.
KNOWN = ("coffee.png", ("no balloons", 1442))
MISTAKEN = pytest.mark.xfail(reason="the model takes it for a balloon", strict=True)


@pytest.fixture(scope="module")
def shipped() -> Finder:
    """The model as a splash has it, unless asked for another back end."""
    return load_finder(device="cpu", confidence=CONFIDENCE)


def alarms(finder: Finder, image: npt.NDArray[np.uint8]) -> list[str]:
    """List the detections for people to read."""
    (found,) = finder.detect([image])
    return [f"{score:.2f} at {box.round()}" for score, box in zip(found.scores, found.boxes, strict=True)]


@pytest.mark.parametrize("name", [pytest.param(name, marks=[MISTAKEN] if name in KNOWN else []) for name in PHOTOS])
def test_real_photos_without_balloons(shipped: Finder, name: str) -> None:
    path = Path(skimage.__file__).parent / "data" / name
    if not path.is_file():
        pytest.skip(f"this scikit-image comes without {name}")
    assert alarms(shipped, np.asarray(Image.open(path).convert("RGB"))) == []


@pytest.mark.parametrize(
    ("draw", "seed"),
    [
        pytest.param(draw, seed, id=f"{name} {seed}", marks=[MISTAKEN] if (name, seed) in KNOWN else [])
        for draw, name, seeds in DRAWN
        for seed in seeds
    ],
)
def test_round_things_that_are_no_balloons(shipped: Finder, draw: Draw, seed: int) -> None:
    """The kinds are ones that no training has seen, or other pictures of kinds that one may have seen."""
    assert alarms(shipped, draw(seed)) == []
