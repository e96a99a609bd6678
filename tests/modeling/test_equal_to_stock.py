"""With every extra off our classes compute what Detectron2's compute, bit for bit; else zoo weights would mislead."""

from __future__ import annotations

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import GeneralizedRCNNWithTTA, build_model
from detectron2.utils.events import EventStorage
from torch import nn

from tests.conftest import example_batch, stock


@pytest.fixture
def pair(tiny_cfg: CfgNode) -> tuple[nn.Module, nn.Module]:
    """Ours and Detectron2's with the same random weights."""
    tiny_cfg.MODEL.BALLOON.SOFT_MASKS = False
    ours, theirs = build_model(tiny_cfg), build_model(stock(tiny_cfg))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    return ours, theirs


def test_training_losses_are_the_same(pair: tuple[nn.Module, nn.Module]) -> None:
    losses = []
    for model in pair:
        torch.manual_seed(7)  # anchors and proposals are sampled
        with EventStorage():
            losses.append(model.train()(example_batch()))
    assert losses[0].keys() == losses[1].keys()
    for name in losses[0]:
        assert torch.equal(losses[0][name], losses[1][name]), name
    assert losses[0]["loss_mask"] > 0


def test_training_gradients_are_the_same(pair: tuple[nn.Module, nn.Module]) -> None:
    for model in pair:
        torch.manual_seed(7)
        with EventStorage():
            sum(model.train()(example_batch()).values()).backward()
    theirs = dict(pair[1].named_parameters())
    for name, parameter in pair[0].named_parameters():
        if parameter.requires_grad:
            torch.testing.assert_close(parameter.grad, theirs[name].grad, rtol=0, atol=0, msg=name)


def test_inference_is_the_same(pair: tuple[nn.Module, nn.Module]) -> None:
    with torch.no_grad():
        ours, theirs = (model.eval()(example_batch()) for model in pair)
    for our, their in zip(ours, theirs, strict=True):
        our, their = our["instances"], their["instances"]
        assert len(our) > 0
        assert our.get_fields().keys() == their.get_fields().keys()
        assert torch.equal(our.pred_boxes.tensor, their.pred_boxes.tensor)
        for name in ("scores", "pred_classes", "pred_masks"):
            assert torch.equal(our.get(name), their.get(name)), name


def test_soft_masks_are_what_the_hard_ones_are_made_from(tiny_cfg: CfgNode) -> None:
    tiny_cfg.MODEL.BALLOON.SOFT_MASKS = True
    model = build_model(tiny_cfg).eval()
    with torch.no_grad():
        (raw, _), (full, _) = model.inference(example_batch(), do_postprocess=False), model(example_batch())
    found = full["instances"]
    assert found.soft_masks.shape == (len(found), 28, 28)
    assert found.soft_masks.min() >= 0
    assert found.soft_masks.max() <= 1
    assert torch.equal(raw.soft_masks, raw.pred_masks[:, 0])
    assert found.pred_masks.shape == (len(found), 192, 256)


def test_detectron2s_test_time_augmentation_takes_our_model(tiny_cfg: CfgNode) -> None:
    tiny_cfg.MODEL.BALLOON.SOFT_MASKS = True
    tiny_cfg.TEST.AUG.MIN_SIZES = (96, 128)
    ours, theirs = build_model(tiny_cfg), build_model(stock(tiny_cfg))
    theirs.load_state_dict(ours.state_dict(), strict=True)
    with torch.no_grad():
        found, right = (
            GeneralizedRCNNWithTTA(tiny_cfg, model.eval())(example_batch())[0]["instances"] for model in (ours, theirs)
        )
    assert len(found) > 0
    assert torch.equal(found.pred_boxes.tensor, right.pred_boxes.tensor)
    assert torch.equal(found.pred_masks, right.pred_masks)


def test_confidence_floor_keeps_the_same_objects_and_their_masks(tiny_cfg: CfgNode) -> None:
    tiny_cfg.MODEL.BALLOON.SOFT_MASKS = True
    model = build_model(tiny_cfg).eval()
    with torch.no_grad():
        everything = [result["instances"] for result in model(example_batch())]
        floor = everything[0].scores.median().item()
        model.roi_heads.confidence_floor = floor
        seen: list[int] = []
        model.roi_heads.mask_head.register_forward_pre_hook(lambda _module, inputs: seen.append(len(inputs[0])))
        kept = [result["instances"] for result in model(example_batch())]
    expected = [found[found.scores >= floor] for found in everything]
    assert 0 < len(expected[0]) < len(everything[0])
    for found, right in zip(kept, expected, strict=True):
        assert torch.equal(found.scores, right.scores)
        assert torch.equal(found.pred_boxes.tensor, right.pred_boxes.tensor)
        torch.testing.assert_close(found.soft_masks, right.soft_masks)
    assert seen == [sum(map(len, expected))], "the mask branch saw objects that are thrown away"


def test_bf16_training_gives_finite_losses_close_to_fp32(tiny_cfg: CfgNode) -> None:
    exact = build_model(tiny_cfg)
    tiny_cfg.SOLVER.AMP.ENABLED = True
    mixed = build_model(tiny_cfg)
    mixed.load_state_dict(exact.state_dict())
    totals = []
    dtypes: list[torch.dtype] = []
    mixed.roi_heads.box_head.register_forward_hook(lambda _module, _inputs, output: dtypes.append(output.dtype))
    for model in (exact, mixed):
        torch.manual_seed(7)
        with EventStorage():
            totals.append(sum(model.train()(example_batch()).values()).item())
    assert dtypes == [torch.bfloat16]
    assert totals[1] == pytest.approx(totals[0], rel=0.05)
