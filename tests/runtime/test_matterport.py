"""A converted model of matterport's runs without torch, and finds what its twin in torch finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from balloon_splash.data.render import render_scene
from balloon_splash.errors import WeightsError
from balloon_splash.export.structure import structure_of
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.packed import About, write_packed
from tests.matterport.files import PARTS
from tests.modeling.test_cut_boxes import GROW
from tests.modeling.test_matterport import CASES, build_case
from tests.runtime.conftest import Small

NAMES = ("thing 0", "thing 1")
#: A small square canvas, and one of multiples of 64 pixels; boxes of each level.
SQUARE = ["INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128"]
MODES = {"square": SQUARE, "pad64": ["INPUT.RESIZE_MODE", "pad64"], "square, cut boxes grow": [*SQUARE, *GROW]}
SIZES = [(128, 96), (90, 150), (70, 70)]


@pytest.mark.parametrize("opts", MODES.values(), ids=MODES)
def test_objects_are_the_twins(small: Callable[..., Small], opts: list[str]) -> None:
    made = small(*PARTS, "MODEL.RPN.BBOX_REG_WEIGHTS", "(10.0, 10.0, 5.0, 5.0)", *opts)
    twin = Segmenter(made.model, made.cfg, NAMES, confidence=0.0)
    finder = OpenVinoFinder(made.file, confidence=0.0, precision="fp32")
    for seed, size in enumerate(SIZES):
        image = render_scene(seed, size).image
        (expected,), (found,) = twin.detect([image]), finder.detect([image])
        assert len(found) == len(expected) > 3
        np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.classes, expected.classes)
        np.testing.assert_allclose(found.soft_masks, expected.soft_masks, atol=1e-3)
        assert np.array_equal(found.boxes, np.rint(found.boxes)), "whole pixels"


def test_a_canvas_for_which_it_is_not_compiled(small: Callable[..., Small]) -> None:
    image = render_scene(0, (150, 90)).image
    made = small(*PARTS, "INPUT.MIN_SIZE_TEST", "120", "INPUT.MAX_SIZE_TEST", "192")
    (expected,) = OpenVinoFinder(made.file, confidence=0.0, precision="fp32").detect([image])
    smaller = small(*PARTS, "INPUT.MIN_SIZE_TEST", "80", "INPUT.MAX_SIZE_TEST", "128")
    (found,) = OpenVinoFinder(smaller.file, confidence=0.0, precision="fp32", scales=[120]).detect([image])
    assert len(found) == len(expected) > 3
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_array_equal(found.boxes, expected.boxes)


def test_overflow_is_reported(small: Callable[..., Small], tmp_path: Path) -> None:
    """Sums that overflow, of weights that are small enough each; a single one of 3e38 is refused when it is loaded."""
    made = small(*PARTS, *MODES["square"])
    for layer in ("conv", "objectness_logits"):
        weight = made.model.get_parameter(f"proposal_generator.rpn_head.{layer}.weight").data
        weight.copy_(weight.sign() * 9e17)
    about = About(NAMES, "matterport_R50_FPN.yaml", structure=structure_of(made.model, made.cfg).to_json())
    file = tmp_path / "large.safetensors"
    write_packed(file, made.model.state_dict(), about, storage="fp32")
    with pytest.raises(WeightsError, match="NaN"):
        OpenVinoFinder(file, precision="fp32").detect([render_scene(0, (90, 90)).image])


def test_a_persons_box_is_mended_where_the_object_is(small: Callable[..., Small]) -> None:
    made = small(*PARTS, *MODES["square"])
    image = render_scene(1, (150, 90)).image
    finder = OpenVinoFinder(made.file, confidence=0.0, precision="fp32")
    (detected,) = finder.detect([image])
    asked = np.array([[20, 10, 80, 70], [5, 5, 140, 85]], np.float32)
    found = finder.segment(image, asked)
    assert len(found) == 2
    expected = Segmenter(made.model, made.cfg, NAMES).segment(image, asked)
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1.01)  # whole pixels here
    assert len(detected)


@pytest.mark.slow  # networks of the original's size
@pytest.mark.parametrize("name", CASES)
def test_objects_are_those_of_the_original(name: str, tmp_path: Path) -> None:
    case = build_case(name)
    names = tuple(f"thing {number}" for number in range(case.cfg.MODEL.ROI_HEADS.NUM_CLASSES))
    about = About(names, "matterport_R50_FPN.yaml", structure=structure_of(case.model, case.cfg).to_json())
    file = tmp_path / "old.safetensors"
    write_packed(file, case.model.state_dict(), about, storage="fp32")
    (found,) = OpenVinoFinder(file, confidence=0.0, precision="fp32").detect([case.reference["image"]])
    rois, scores, classes = (case.reference[f"result:{key}"] for key in ("rois", "scores", "class_ids"))
    assert len(found) == len(scores) > 0
    np.testing.assert_allclose(found.scores, scores, atol=1e-4)
    np.testing.assert_array_equal(found.boxes, rois[:, [1, 0, 3, 2]])
    np.testing.assert_array_equal(found.classes, classes - 1)
