"""The trace shows what happened, not something like it; learners and the inspection rely on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.modeling.roi_heads.fast_rcnn import fast_rcnn_inference

from balloon_splash.modeling import Trace
from tests.conftest import example_batch


@pytest.fixture
def model(tiny_cfg: CfgNode) -> Any:
    model = build_model(tiny_cfg).eval()
    model.roi_heads.confidence_floor = 0.3
    return model


@pytest.fixture
def trace(model: Any) -> Trace:
    return model.trace(example_batch())


def test_tracing_does_not_change_the_result(model: Any, trace: Trace) -> None:
    with torch.no_grad():
        plain = model(example_batch())
    for traced, expected in zip(trace.results, plain, strict=True):
        assert torch.equal(traced.pred_boxes.tensor, expected["instances"].pred_boxes.tensor)
        assert torch.equal(traced.pred_masks, expected["instances"].pred_masks)


def test_nothing_is_recorded_outside_a_trace(model: Any, trace: Trace) -> None:
    before = trace.proposals
    with torch.no_grad():
        model(example_batch()[:1])
    assert trace.proposals is before
    assert model.proposal_generator.trace is None
    assert model.roi_heads.trace is None
    assert not model.backbone._forward_hooks


def test_anchors_match_logits_and_deltas_on_each_level(trace: Trace) -> None:
    assert [tuple(feature.shape[-2:]) for feature in trace.features.values()] == [
        (24, 32), (12, 16), (6, 8), (3, 4), (2, 2)
    ]  # fmt: skip
    for anchors, logits, deltas, refined in zip(
        trace.anchors, trace.objectness_logits, trace.anchor_deltas, trace.refined_anchors, strict=True
    ):
        assert logits.shape == (2, len(anchors))
        assert deltas.shape == refined.shape == (2, len(anchors), 4)


def test_proposals_are_candidates_that_nms_left(model: Any, trace: Trace) -> None:
    for candidates, proposals in zip(trace.candidates, trace.proposals, strict=True):
        assert len(candidates) > len(proposals) > 0
        known = {tuple(box) for box in candidates.proposal_boxes.tensor.tolist()}
        assert {tuple(box) for box in proposals.proposal_boxes.tensor.tolist()} <= known
    assert [len(levels) for levels in trace.proposal_levels] == [len(found) for found in trace.proposals]


def test_scores_and_boxes_lead_to_the_detections(model: Any, trace: Trace) -> None:
    predictor = model.roi_heads.box_predictor
    expected, _ = fast_rcnn_inference(
        list(trace.roi_boxes),
        list(trace.roi_scores),
        trace.image_sizes,
        predictor.test_score_thresh,
        predictor.test_nms_thresh,
        predictor.test_topk_per_image,
    )
    for found, again in zip(trace.detections, expected, strict=True):
        assert torch.equal(found.pred_boxes.tensor, again.pred_boxes.tensor)
        assert torch.equal(found.scores, again.scores)


def test_confident_ones_are_those_above_the_floor(trace: Trace) -> None:
    for found, confident, masks, result in zip(
        trace.detections, trace.confident, trace.roi_masks, trace.results, strict=True
    ):
        assert len(confident) == (found.scores >= 0.3).sum() == len(masks)
        assert torch.equal(result.soft_masks, masks)
        # recorded in pixels of the resized image, and not scaled afterwards
        assert torch.equal(result.pred_boxes.tensor, confident.pred_boxes.tensor * 2)
