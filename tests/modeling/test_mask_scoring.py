"""Mask scoring ranks a good mask above a bad one of equal class score."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.structures import Boxes, Instances, PolygonMasks
from detectron2.utils.events import EventStorage

from balloon_splash.modeling.mask_scoring import _mask_iou
from tests.conftest import example_batch


@pytest.fixture
def scoring_cfg(tiny_cfg: CfgNode) -> CfgNode:
    tiny_cfg.MODEL.ROI_MASK_HEAD.NAME = "MaskScoringHead"
    tiny_cfg.MODEL.ROI_MASK_IOU_HEAD.CONV_DIM = 8
    tiny_cfg.MODEL.ROI_MASK_IOU_HEAD.FC_DIM = 16
    return tiny_cfg


def test_standard_mask_weights_load_and_give_the_same_masks(scoring_cfg: CfgNode) -> None:
    plain_cfg = scoring_cfg.clone()
    plain_cfg.MODEL.ROI_MASK_HEAD.NAME = "MaskRCNNConvUpsampleHead"
    plain, scoring = build_model(plain_cfg).eval(), build_model(scoring_cfg).eval()
    missing, unexpected = scoring.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(key.startswith("roi_heads.mask_head.iou_head.") for key in missing)
    with torch.no_grad():
        expected, found = plain(example_batch())[0]["instances"], scoring(example_batch())[0]["instances"]
    assert torch.equal(found.pred_masks, expected.pred_masks)
    assert torch.equal(found.class_scores, expected.scores)
    assert torch.equal(found.scores, found.class_scores * found.mask_scores)


@pytest.mark.parametrize("num_classes", [1, 3])
def test_the_branch_learns_but_the_masks_do_not_learn_from_it(scoring_cfg: CfgNode, num_classes: int) -> None:
    scoring_cfg.MODEL.ROI_HEADS.NUM_CLASSES = num_classes
    model = build_model(scoring_cfg).train()
    with EventStorage():
        losses = model(example_batch(num_classes=num_classes))
    losses["loss_mask_iou"].backward()
    head = model.roi_heads.mask_head
    assert head.iou_head.predictor.weight.grad.abs().sum() > 0
    assert head.predictor.weight.grad is None, "the masks must not be bent to please their score"


def test_target_iou_counts_what_the_box_cuts_off() -> None:
    found = Instances((100, 100))
    found.proposal_boxes = Boxes(torch.tensor([[0.0, 0.0, 20.0, 40.0], [0.0, 0.0, 40.0, 40.0]]))
    square = np.array([0, 0, 40, 0, 40, 40, 0, 40], dtype=np.float64)
    found.gt_masks = PolygonMasks([[square], [square]])
    everything = torch.ones(2, 28, 28)
    torch.testing.assert_close(_mask_iou(everything, found), torch.tensor([0.5, 1.0]), atol=0.02, rtol=0)


def test_no_positive_proposals_is_no_error(scoring_cfg: CfgNode) -> None:
    model = build_model(scoring_cfg).train()
    batch = example_batch()
    for photo in batch:
        photo["instances"] = photo["instances"][:0]  # type: ignore[index]
    with EventStorage():
        losses = model(batch)
    sum(losses.values()).backward()
    assert losses["loss_mask_iou"] == 0
