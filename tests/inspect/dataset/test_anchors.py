"""The numbers about anchors are those of the model that will be trained, and of pycocotools."""

from __future__ import annotations

import numpy as np
import pycocotools.mask as coco_mask
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.structures import Boxes, BoxMode, Instances

from balloon_splash.config import load_config
from balloon_splash.errors import ConfigError
from balloon_splash.inspect.dataset.anchor_figures import center_anchors
from balloon_splash.inspect.dataset.anchor_targets import label_anchors, positive_roi_shares
from balloon_splash.inspect.dataset.anchors import (
    AnchorModel,
    cluster_shapes,
    measure_coverage,
    resized_boxes,
    shape_ious,
    suggest_anchors,
    training_sizes,
)

BOXES = [[10.0, 20.0, 60.0, 90.0], [100.0, 30.0, 180.0, 70.0], [5.0, 5.0, 14.0, 12.0]]


def photo(boxes: list[list[float]] = BOXES) -> dict[str, object]:
    annotations = [{"bbox": box, "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0} for box in boxes]
    return {"file_name": "p.jpg", "height": 150, "width": 200, "annotations": annotations}


def real_anchors(cfg: CfgNode, size: tuple[int, int]) -> tuple[torch.nn.Module, list[Boxes]]:
    """The anchors that the whole model makes for a picture of ``size``."""
    model = build_model(cfg).eval()
    images = model.preprocess_image([{"image": torch.zeros(3, *size)}])
    with torch.no_grad():
        features = model.backbone(images.tensor)
    generator = model.proposal_generator
    return generator, generator.anchor_generator([features[name] for name in generator.in_features])


@pytest.mark.parametrize("size", [(96, 128), (97, 131), (64, 200)])
def test_anchors_are_those_of_the_whole_model(tiny_cfg: CfgNode, size: tuple[int, int]) -> None:
    _, expected = real_anchors(tiny_cfg, size)
    for found, wanted in zip(AnchorModel(tiny_cfg).anchors(size), expected, strict=True):
        assert torch.equal(found.tensor, wanted.tensor)


def test_best_iou_is_pycocotools(tiny_cfg: CfgNode) -> None:
    model = AnchorModel(tiny_cfg)
    (size,) = training_sizes(tiny_cfg, photo())
    coverage = measure_coverage(model, [photo()])
    anchors = Boxes.cat(model.anchors(size)).tensor.double().numpy()
    truth = np.array(BOXES) * ([size[1] / 200, size[0] / 150] * 2)
    ious = coco_mask.iou(xywh(anchors), xywh(truth), [0] * len(truth))
    np.testing.assert_allclose(coverage.best_ious, ious.max(axis=0), atol=1e-5)
    assert coverage.recall(0.5) == (ious.max(axis=0) >= 0.5).mean()
    assert coverage.recall(0.5, group=0) == (ious.max(axis=0)[coverage.groups == 0] >= 0.5).mean()


def xywh(boxes: np.ndarray) -> np.ndarray:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(np.float64)


def test_labels_are_those_that_the_model_trains_with(tiny_cfg: CfgNode) -> None:
    (size,) = training_sizes(tiny_cfg, photo())
    labels = label_anchors(AnchorModel(tiny_cfg), photo(), size, seed=7)
    rpn, anchors = real_anchors(tiny_cfg, size)
    targets = Instances(size, gt_boxes=Boxes(resized_boxes(photo(), size)))
    torch.manual_seed(7)
    expected, _ = rpn.label_and_sample_anchors(anchors, [targets])  # type: ignore[operator]
    assert torch.equal(labels.sampled, expected[0])
    assert (labels.sampled >= 0).sum() == tiny_cfg.MODEL.RPN.BATCH_SIZE_PER_IMAGE
    assert (labels.matched == 1).sum() >= len(BOXES)  # at worst each object's best anchor


def test_looking_does_not_change_the_random_numbers_of_the_program(tiny_cfg: CfgNode) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    model = AnchorModel(tiny_cfg)
    torch.manual_seed(3)
    label_anchors(model, photo(), (96, 128))
    positive_roi_shares(model, [(photo(), (96, 128))])
    assert torch.equal(torch.rand(2), expected)


def test_better_proposals_give_more_positive_rois(tiny_cfg: CfgNode) -> None:
    tiny_cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN = 1000
    shares = positive_roi_shares(AnchorModel(tiny_cfg), [(photo(), (96, 128))])
    assert 0 < shares.untrained < shares.trained <= shares.target == 0.25


def test_center_anchors_stand_in_the_middle(tiny_cfg: CfgNode) -> None:
    model = AnchorModel(tiny_cfg)
    for boxes, stride in zip(center_anchors(model, (96, 128)), model.strides, strict=True):
        assert len(boxes) == 3
        offset = (boxes[:, :2] + boxes[:, 2:]) / 2 - torch.tensor([64.0, 48.0])
        assert offset.abs().max() <= stride


def test_training_sizes_are_the_ends_and_the_middle() -> None:
    opts = ["INPUT.MIN_SIZE_TRAIN", "(90, 60, 75, 80, 85)", "INPUT.MAX_SIZE_TRAIN", "110"]
    cfg = load_config("balloon_R18_FPN.yaml", opts)
    assert training_sizes(cfg, photo()) == [(60, 80), (80, 107), (83, 110)]  # the last cut by MAX_SIZE_TRAIN


def test_k_means_finds_the_shapes_that_were_put_in() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[20.0, 40.0], [60.0, 60.0], [200.0, 90.0]])
    shapes = np.repeat(truth, 30, axis=0) * rng.uniform(0.95, 1.05, (90, 2))
    found = cluster_shapes(shapes, 3)
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], truth, rtol=0.03)


def test_shape_iou_is_pycocotools() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.uniform(1, 50, (5, 2)), rng.uniform(1, 50, (4, 2))
    expected = coco_mask.iou(np.hstack([np.zeros((5, 2)), one]), np.hstack([np.zeros((4, 2)), other]), [0] * 4)
    np.testing.assert_allclose(shape_ious(one, other), expected)


def test_suggested_anchors_fit_better_where_the_configured_ones_do_not(tiny_cfg: CfgNode) -> None:
    rng = np.random.default_rng(2)
    photos = []
    tiny_cfg.INPUT.MIN_SIZE_TRAIN, tiny_cfg.INPUT.MAX_SIZE_TRAIN = (300,), 400
    for height in np.geomspace(4, 36, 15):  # long thin things, of which no anchor of the ratios 0.5 to 2 has the shape
        x, y = rng.uniform(0, 200 - 5 * height), rng.uniform(0, 150 - height)
        photos.append(photo([[x, y, x + 5 * height, y + height]]))
    before = measure_coverage(AnchorModel(tiny_cfg), photos)
    suggestion = suggest_anchors(tiny_cfg, before.shapes)
    assert suggestion is not None
    assert [len(level) for level in suggestion.sizes] == [1, 1, 1, 1, 1]
    after = measure_coverage(AnchorModel(suggestion.apply(tiny_cfg)), photos)
    assert after.mean_iou > before.mean_iou + 0.1
    assert tiny_cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS == [[0.5, 1.0, 2.0]]


def test_too_few_objects_give_no_suggestion(tiny_cfg: CfgNode) -> None:
    assert suggest_anchors(tiny_cfg, np.array([[10.0, 10.0], [20.0, 20.0]])) is None


def test_a_model_without_anchors_is_refused(tiny_cfg: CfgNode) -> None:
    tiny_cfg.MODEL.PROPOSAL_GENERATOR.NAME = "PrecomputedProposals"
    with pytest.raises(ConfigError, match="PROPOSAL_GENERATOR"):
        AnchorModel(tiny_cfg)
