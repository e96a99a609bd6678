"""A model with matterport's parts is trained, traced and run in batches like any other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances
from detectron2.utils.events import EventStorage

from balloon_splash.data.resizing import MatterportResize
from balloon_splash.inference.backends import Choice
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.modeling.matterport import MatterportRCNN
from balloon_splash.modeling.matterport.boxes import InclusiveBoxTransform
from tests.conftest import example_batch
from tests.matterport.files import PARTS


@pytest.fixture
def cfg(tiny_cfg: CfgNode) -> CfgNode:
    tiny_cfg.merge_from_list(PARTS)
    return tiny_cfg


def inputs(*sizes: tuple[int, int]) -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(3)
    return [{"image": torch.randint(0, 255, (3, *size), generator=generator).float()} for size in sizes]


def test_training_gives_every_layer_a_gradient(cfg: CfgNode) -> None:
    torch.manual_seed(0)
    model = build_model(cfg).train()
    with EventStorage():
        losses = model(example_batch(size=(90, 121)))
    total = sum(losses.values())
    assert torch.isfinite(total)
    total.backward()
    assert [name for name, each in model.named_parameters() if each.requires_grad and each.grad is None] == []


@pytest.mark.parametrize("mode", ["square", "pad64", "none"])
def test_a_batch_gives_what_its_pictures_give_one_by_one(cfg: CfgNode, mode: str) -> None:
    cfg.INPUT.RESIZE_MODE = mode
    torch.manual_seed(0)
    model = build_model(cfg).eval()
    batch = inputs((64, 100), (120, 80), (64, 64))
    with torch.no_grad():
        together = model.inference(batch, do_postprocess=False)
        for one, found in zip(batch, together, strict=True):
            (alone,) = model.inference([one], do_postprocess=False)
            assert found.image_size == tuple(one["image"].shape[1:])
            assert len(found) == len(alone) > 0
            torch.testing.assert_close(found.pred_boxes.tensor, alone.pred_boxes.tensor, atol=1e-3, rtol=0)
            assert (found.pred_boxes.tensor[:, 2:] <= torch.tensor(found.image_size[::-1]) + 1e-4).all()
            assert (found.pred_boxes.tensor[:, :2] >= -1e-4).all()


def test_masks_of_given_boxes_are_those_of_the_detections(cfg: CfgNode) -> None:
    model = build_model(cfg).eval()
    batch = inputs((64, 100))
    with torch.no_grad():
        (found,) = model.inference(batch, do_postprocess=False)
        given = Instances(found.image_size, pred_boxes=found.pred_boxes, pred_classes=found.pred_classes)
        (again,) = model.inference(batch, [given], do_postprocess=False)
    torch.testing.assert_close(again.pred_masks, found.pred_masks, atol=1e-4, rtol=0)
    torch.testing.assert_close(again.pred_boxes.tensor, found.pred_boxes.tensor, atol=1e-4, rtol=0)


def test_deltas_of_the_transform_lead_back_to_the_box(cfg: CfgNode) -> None:
    transform = InclusiveBoxTransform((10.0, 10.0, 5.0, 5.0))
    source = torch.tensor([[0.0, 0, 10, 20], [5, 5, 6, 6]])
    target = torch.tensor([[3.0, 2, 900, 12], [5, 5, 6, 6]])
    deltas = transform.get_deltas(source, target)
    assert torch.isfinite(deltas).all()  # a box of one pixel has no width to the original
    torch.testing.assert_close(transform.apply_deltas(deltas, source)[0], target[0], atol=1e-3, rtol=0)


def test_boxes_of_whole_pixels_are_rounded_as_numpy_does_and_empty_ones_go() -> None:
    found = Instances(
        (11, 21), pred_boxes=Boxes(torch.tensor([[0.0, 0, 21, 11], [0.6, 1.2, 4.7, 8.1], [3, 3, 3.2, 3.2]]))
    )
    found.pred_masks = torch.ones(3, 1, 28, 28)
    whole = MatterportRCNN.postprocess(found, 21, 41)  # twice as many steps from the first pixel to the last
    assert whole.pred_boxes.tensor.tolist() == [[0, 0, 41, 21], [1, 2, 8, 15]]
    assert whole.pred_masks.sum((1, 2)).tolist() == [41 * 21, 7 * 13]


@pytest.mark.parametrize(
    ("settings", "size", "expected"),
    [
        (("square", 800, 1024), (1323, 2048), (662, 1024)),
        (("square", 800, 1024), (1000, 1000), (1000, 1000)),  # never scaled down to the short edge
        (("square", 800, 1024), (600, 700), (800, 933)),
        (("square", 800, 1024), (480, 640), (768, 1024)),
        (("pad64", 512, 1024), (100, 3000), (512, 15360)),
        (("pad64", 0, 1024, 2.0), (100, 300), (200, 600)),
        (("none", 800, 1024), (123, 456), (123, 456)),
    ],
)
def test_sizes_are_those_of_the_original(
    settings: tuple[Any, ...], size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert MatterportResize(*settings).output_shape(*size) == expected


def test_a_faster_back_end_finds_the_same(cfg: CfgNode) -> None:
    """The canvas is not padded further, and no proposal is left out."""
    pytest.importorskip("openvino")
    cfg.MODEL.RESNETS.NORM, cfg.INPUT.MAX_SIZE_TEST = "FrozenBN", 192
    torch.manual_seed(0)
    model = build_model(cfg).eval()
    with torch.no_grad():  # else a last digit decides which of many equal boxes come first
        model.proposal_generator.rpn_head.objectness_logits.weight *= 100
        model.roi_heads.box_predictor.cls_score.weight *= 100
    image = inputs((100, 140))[0]["image"].permute(1, 2, 0).numpy().astype(np.uint8)
    (expected,) = Segmenter(model, cfg, ["balloon"], confidence=0.0).detect([image])
    fast = Segmenter(model, cfg, ["balloon"], confidence=0.0, choice=Choice("openvino", "fp32"))
    (found,) = fast.detect([image])
    assert found.boxes.tolist() == expected.boxes.tolist()
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.soft_masks, expected.soft_masks, atol=1e-3)
