"""The runtime computes what Detectron2 computes, part by part and as a whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from detectron2.structures import Boxes, ImageList, Instances

from balloon_splash.data.render import render_scene
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.runtime.preparing import network_image
from balloon_splash.runtime.suppression import suppressed
from tests.modeling.test_cut_boxes import GROW
from tests.runtime.conftest import POINTS, Small

BOXES = np.array([[5, 8, 60, 50], [30, 20, 110, 100], [90, 5, 127, 40], [0, 0, 128, 96]], np.float32)
CLASSES = np.array([0, 1, 1, 0])
IMAGE = render_scene(3, (128, 96)).image
OTHERS = {
    "standard": [],
    "points": POINTS,
    "R50, all classes alike": [
        *["MODEL.RESNETS.DEPTH", "50", "MODEL.RESNETS.RES2_OUT_CHANNELS", "32", "MODEL.RESNETS.STEM_OUT_CHANNELS", "8"],
        *["MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG", "True", "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK", "True"],
    ],
    "RPN of two layers": ["MODEL.RPN.CONV_DIMS", "[16, 16]"],
    "maps laid out by cell": ["MODEL.FPN.OUT_CHANNELS", "256"],
}


def as_network_sees(small: Small) -> ImageList:
    finder = OpenVinoFinder(small.file, precision="fp32")
    image = torch.from_numpy(network_image(IMAGE, finder.structure).copy())
    return ImageList.from_tensors([image], 32)


@pytest.mark.parametrize("opts", OTHERS.values(), ids=OTHERS)
@torch.no_grad()
def test_masks_of_given_boxes_are_detectron2s(small: Callable[..., Small], opts: list[str]) -> None:
    made = small(*opts, "INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    images = as_network_sees(made)
    given = Instances((96, 128), pred_boxes=Boxes(torch.from_numpy(BOXES)), pred_classes=torch.from_numpy(CLASSES))
    (expected,) = made.model.roi_heads.forward_with_given_boxes(made.model.backbone(images.tensor), [given])
    found = OpenVinoFinder(made.file, precision="fp32").masks(IMAGE, BOXES, CLASSES)
    assert found.shape == tuple(expected.pred_masks[:, 0].shape)
    # Of points that are equally unsure, either may be refined: few cells, not all.
    assert np.quantile(np.abs(found - expected.pred_masks[:, 0].numpy()), 0.99) < 1e-3
    assert np.std(found) > 1e-3


@pytest.mark.parametrize("opts", OTHERS.values(), ids=OTHERS)
def test_objects_are_detectron2s(small: Callable[..., Small], opts: list[str]) -> None:
    made = small(*opts, "INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    names = ("thing 0", "thing 1")
    (expected,) = Segmenter(made.model, made.cfg, names, confidence=0.3).detect([IMAGE])
    (found,) = OpenVinoFinder(made.file, confidence=0.3, precision="fp32").detect([IMAGE])
    assert found.class_names == names
    assert len(expected) > 3
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    same = [int(np.abs(found.boxes - box).max(axis=1).argmin()) for box in expected.boxes]
    assert sorted(same) == list(range(len(found)))
    np.testing.assert_allclose(found.boxes[same], expected.boxes, atol=0.02)
    assert np.array_equal(found.classes[same], expected.classes)


def test_several_photos_at_a_time_give_what_one_gives(small: Callable[..., Small]) -> None:
    made = small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    finder = OpenVinoFinder(made.file, confidence=0.3, precision="fp32", workers=2)
    photos = [render_scene(seed, (128, 96 + 16 * seed)).image for seed in range(5)]
    for found, photo in zip(finder.detect(photos), photos, strict=True):
        (alone,) = finder.detect([photo])
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=0.02)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-4)


def test_suppression_is_torchvisions() -> None:
    generator = np.random.default_rng(0)
    corner = generator.uniform(0, 80, (200, 2))
    boxes = np.hstack([corner, corner + generator.uniform(1, 60, (200, 2))]).astype(np.float32)
    scores = generator.normal(size=200).astype(np.float32)
    expected = torchvision.ops.nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.5).tolist()
    assert suppressed(boxes, scores, 0.5).tolist() == expected
    assert suppressed(boxes[:0], scores[:0], 0.5).tolist() == []


def test_a_photo_without_objects_has_none(small: Callable[..., Small]) -> None:
    made = small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128", *POINTS)
    finder = OpenVinoFinder(made.file, confidence=0.9999, precision="fp32")
    (found,) = finder.detect([IMAGE])
    assert len(found) == 0
    assert found.soft_masks.shape[1:] == finder.masks(IMAGE, BOXES, CLASSES).shape[1:]


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (1, 1), (97, 131)])
def test_photos_of_any_shape_are_looked_at(small: Callable[..., Small], size: tuple[int, int]) -> None:
    made = small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    (found,) = OpenVinoFinder(made.file, confidence=0.3).detect([np.full((*size, 3), 90, np.uint8)])
    assert found.size == size
    assert np.isfinite(found.boxes).all()


@pytest.mark.parametrize("opts", OTHERS.values(), ids=OTHERS)
def test_objects_in_a_persons_boxes_are_torchs(small: Callable[..., Small], opts: list[str]) -> None:
    made = small(*opts, "INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    expected = Segmenter(made.model, made.cfg, ("thing 0", "thing 1")).segment(IMAGE, BOXES)
    found = OpenVinoFinder(made.file, precision="fp32").segment(IMAGE, BOXES)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    assert np.quantile(np.abs(found.soft_masks - expected.soft_masks), 0.99) < 1e-3


def test_objects_of_several_scales_are_torchs(small: Callable[..., Small]) -> None:
    made = small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128")
    names, scales = ("thing 0", "thing 1"), (64, 96)
    (expected,) = Segmenter(made.model, made.cfg, names, confidence=0.3, scales=scales).detect([IMAGE])
    (found,) = OpenVinoFinder(made.file, confidence=0.3, precision="fp32", scales=scales).detect([IMAGE])
    (alone,) = OpenVinoFinder(made.file, confidence=0.3, precision="fp32").detect([IMAGE])
    assert len(found) == len(expected) > len(alone)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


def test_large_objects_of_an_overview_are_torchs(small: Callable[..., Small]) -> None:
    keys = ["MODEL.BALLOON.OVERVIEW_SIZE", "48", "MODEL.BALLOON.OVERVIEW_OBJECTS", "0.2"]
    made = small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128", *keys)
    names = ("thing 0", "thing 1")
    segmenter = Segmenter(made.model, made.cfg, names, confidence=0.3)
    finder = OpenVinoFinder(made.file, confidence=0.3, precision="fp32")
    (expected,), (found,) = segmenter.detect([IMAGE]), finder.detect([IMAGE])
    (alone,) = OpenVinoFinder(made.file, confidence=0.3, precision="fp32", scales=[96]).detect([IMAGE])
    assert len(found) == len(expected)
    assert not np.isin(found.scores, alone.scores).all()
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)


@pytest.mark.parametrize("opts", [[], POINTS], ids=["standard", "points"])
def test_objects_that_their_boxes_cut_are_torchs(small: Callable[..., Small], opts: list[str]) -> None:
    made = small(*opts, "INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128", *GROW)
    names = ("thing 0", "thing 1")
    finder = OpenVinoFinder(made.file, confidence=0.3, precision="fp32")
    segmenter = Segmenter(made.model, made.cfg, names, confidence=0.3)
    (expected,), (found,) = segmenter.detect([IMAGE]), finder.detect([IMAGE])
    made.model.roi_heads.grow_cut_boxes = 0.0
    (cut,) = segmenter.detect([IMAGE])
    assert not np.array_equal(expected.boxes, cut.boxes)
    same = [int(np.abs(found.boxes - box).max(axis=1).argmin()) for box in expected.boxes]
    np.testing.assert_allclose(found.boxes[same], expected.boxes, atol=0.05)
    assert np.quantile(np.abs(found.soft_masks[same] - expected.soft_masks), 0.99) < 1e-3
    made.model.roi_heads.grow_cut_boxes = 0.08
    expected, found = segmenter.segment(IMAGE, BOXES), finder.segment(IMAGE, BOXES)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=0.05)
    assert np.quantile(np.abs(found.soft_masks - expected.soft_masks), 0.99) < 1e-3
