"""The model that ships finds the same by the runtime and by torch, in real photos: docs/splash.md states the limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.select import Selection
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.cut_boxes import widened
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.names import shipped_model

pytestmark = pytest.mark.slow

pytest.importorskip("openvino")

#: As a splash chooses: sure objects, and others beside them.
CHOICE = Selection(confidence=0.9, low_confidence=0.5)


@pytest.fixture(scope="module")
def photos(shared_dir: Path) -> list[np.ndarray]:
    return [read_picture(path).rgb8 for path in sorted((shared_dir / "data" / "balloon" / "val").glob("*.jpg"))]


@pytest.fixture(scope="module")
def expected(photos: list[np.ndarray]) -> list[Detections]:
    segmenter = Segmenter.from_config(device="cpu", confidence=0.5)
    return [segmenter.detect([photo])[0] for photo in photos]


def mattes(found: Sequence[Detections]) -> list[np.ndarray]:
    return [matte(each[CHOICE.indices(each)]) > 0 for each in found]


def overlaps(first: Sequence[Detections], second: Sequence[Detections]) -> list[float]:
    """IoU of the mattes of each photo; 1 where both are empty."""
    pairs = zip(mattes(first), mattes(second), strict=True)
    return [(a & b).sum() / (a | b).sum() if (a | b).any() else 1.0 for a, b in pairs]


@pytest.mark.parametrize(
    ("precision", "least", "mean"), [("fp32", 0.98, 0.995), ("int8", 0.9, 0.98)], ids=["fp32", "int8"]
)
def test_the_same_pixels_keep_their_colour(
    photos: list[np.ndarray], expected: list[Detections], precision: str, least: float, mean: float
) -> None:
    finder = OpenVinoFinder(shipped_model(), confidence=0.5, precision=precision)
    found = [finder.detect([photo])[0] for photo in photos]
    shares = overlaps(expected, found)
    assert min(shares) >= least, shares
    assert np.mean(shares) >= mean, shares


def test_a_persons_box_holds_the_same_object(photos: list[np.ndarray], expected: list[Detections]) -> None:
    finder: Callable[..., Detections] = OpenVinoFinder(shipped_model(), precision="fp32").segment
    segmenter = Segmenter.from_config(device="cpu")
    for photo, known in list(zip(photos, expected, strict=True))[:3]:
        first, second = (segment(photo, known.boxes) for segment in (segmenter.segment, finder))
        np.testing.assert_allclose(second.boxes, first.boxes, atol=0.5)
        np.testing.assert_allclose(second.scores, first.scores, atol=0.01)
        assert overlaps([first], [second])[0] > 0.99


def test_few_balloons_end_in_a_straight_line(photos: list[np.ndarray]) -> None:
    finder = OpenVinoFinder(shipped_model(), confidence=0.5, precision="fp32")
    shares = {"as detected": 0.0, "grown": finder.structure.grow_cut_boxes}
    cut = dict.fromkeys(shares, 0)
    for name, share in shares.items():
        finder.structure = replace(finder.structure, grow_cut_boxes=share)
        for found in finder.detect(photos[:6]):
            limits = np.array([0, 0, *found.size[::-1]], np.float32)
            cut[name] += int((widened(found.boxes, found.soft_masks, limits, 0.1) != found.boxes).any(axis=1).sum())
    assert 0 < 2 * cut["grown"] < cut["as detected"], cut
