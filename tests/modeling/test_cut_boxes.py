"""Objects that are larger than their boxes get a second look in wider ones; all others stay as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.layers import paste_masks_in_image
from detectron2.modeling import GeneralizedRCNNWithTTA, build_model
from detectron2.structures import Boxes, Instances

from balloon_splash.config import load_config
from balloon_splash.errors import ConfigError
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.modeling.cut_boxes import limits_of, trimmed, widened
from balloon_splash.runtime import cut_boxes as in_numpy
from tests.conftest import TINY, example_batch
from tests.modeling.test_point_refinement import REFINED

GROW = ["MODEL.BALLOON.GROW_CUT_BOXES", "0.08"]
SIDE = 56
CENTRE, RADIUS = 100.0, 50.0  # a disc from 50 to 150
LIMITS = torch.tensor([0.0, 0.0, 200.0, 200.0])
#: Boxes around the disc: right, too small on the left, below, on three sides; the last one misses it.
BOXES = torch.tensor([[50.0, 50, 150, 150], [56, 50, 150, 150], [50, 50, 150, 143], [56, 57, 144, 150], [0, 0, 30, 30]])


def disc_in(boxes: torch.Tensor, samples: int = SIDE) -> torch.Tensor:
    """A mask head that knows the disc: probabilities ``(N, samples, samples)`` on grids stretched over boxes."""
    place = (torch.arange(samples) + 0.5) / samples
    x, y = (boxes[:, axis, None] + place * (boxes[:, axis + 2] - boxes[:, axis])[:, None] for axis in (0, 1))
    distance = ((x[:, None, :] - CENTRE) ** 2 + (y[:, :, None] - CENTRE) ** 2).sqrt()
    return ((RADIUS - distance) / 4 + 0.5).clamp(0, 1)


def pasted(masks: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    return paste_masks_in_image(masks, Boxes(boxes), (200, 200), threshold=0.5)


def test_only_the_sides_that_cut_the_object_move() -> None:
    moved = widened(BOXES, disc_in(BOXES), LIMITS, 0.1) - BOXES
    assert moved.round(decimals=3).tolist() == pytest.approx(
        np.array([[0, 0, 0, 0], [-9.4, 0, 0, 0], [0, 0, 0, 9.3], [-8.8, -9.3, 8.8, 0], [0, 0, 0, 0]]), abs=2e-3
    )


def test_the_pictures_border_is_not_a_cut() -> None:
    limits = torch.tensor([55.0, 0.0, 200.0, 144.0])
    moved = widened(BOXES[1:3], disc_in(BOXES[1:3]), limits, 0.1) - BOXES[1:3]
    assert not moved.any(), "a side closer to the border than a sample stays"
    limits = torch.tensor([53.0, 0.0, 200.0, 200.0])
    assert widened(BOXES[1:2], disc_in(BOXES[1:2]), limits, 0.1)[0, 0] == 53, "a side moves to the border at most"


def test_the_second_look_shows_the_whole_object_in_a_box_that_fits_it() -> None:
    wider = widened(BOXES, disc_in(BOXES), LIMITS, 0.1)
    boxes, masks = trimmed(BOXES, wider, disc_in(wider))
    cell = 110 / SIDE
    assert (boxes[1:4] - BOXES[0]).abs().max() < cell
    truth, cut, whole = (pasted(disc_in(BOXES[:1]), BOXES[:1]), pasted(disc_in(BOXES), BOXES), pasted(masks, boxes))
    for index in range(1, 4):
        before, after = ((each[index] & truth[0]).sum() / (each[index] | truth[0]).sum() for each in (cut, whole))
        assert before < 0.98 < after
    for index in (0, 4):
        assert torch.equal(boxes[index], BOXES[index])
        torch.testing.assert_close(masks[index], disc_in(BOXES)[index], atol=1e-5, rtol=0)


def test_a_second_look_that_shows_less_leaves_the_box() -> None:
    wider = BOXES[1:2] + torch.tensor([[-9.4, 0, 0, 0]])
    boxes, masks = trimmed(BOXES[1:2], wider, torch.zeros(1, SIDE, SIDE))
    assert torch.equal(boxes, BOXES[1:2])
    assert not masks.any()


def test_no_boxes_and_empty_boxes_are_no_trouble() -> None:
    none = torch.zeros(0, 4), torch.zeros(0, SIDE, SIDE)
    assert trimmed(none[0], widened(*none, LIMITS, 0.1), none[1])[1].shape == none[1].shape
    line = torch.tensor([[20.0, 20, 20, 60]])
    wider = widened(line, torch.ones(1, SIDE, SIDE), LIMITS, 0.1)
    assert all(part.isfinite().all() for part in trimmed(line, wider, torch.ones(1, SIDE, SIDE)))


def test_numpy_computes_the_same() -> None:
    masks = disc_in(BOXES)
    wider = widened(BOXES, masks, LIMITS, 0.1)
    found = in_numpy.widened(BOXES.numpy(), masks.numpy(), LIMITS.numpy(), 0.1)
    np.testing.assert_allclose(found, wider, rtol=1e-6)
    again = disc_in(wider)
    boxes, drawn = in_numpy.trimmed(BOXES.numpy(), found, again.numpy())
    expected_boxes, expected = trimmed(BOXES, wider, again)
    np.testing.assert_allclose(boxes, expected_boxes, rtol=1e-6)
    np.testing.assert_allclose(drawn, expected, atol=1e-5)
    assert boxes.dtype == drawn.dtype == np.float32


def pair(*opts: str, classes: int = 3) -> tuple[CfgNode, Any, Any]:
    """A configuration, and the same random model without and with growing boxes."""
    number = ["MODEL.ROI_HEADS.NUM_CLASSES", str(classes), "MODEL.POINT_HEAD.NUM_CLASSES", str(classes)]
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *opts, *number], device="cpu")
    grown_cfg = cfg.clone()
    grown_cfg.merge_from_list(GROW)
    torch.manual_seed(0)
    plain, grown = build_model(cfg).eval(), build_model(grown_cfg).eval()
    with torch.no_grad():
        for name, parameter in plain.named_parameters():  # else all masks come out alike
            if name.endswith(("predictor.weight", "deltas.weight", "logits.weight", "cls_score.weight")):
                parameter.mul_(30)
    grown.load_state_dict(plain.state_dict())
    return grown_cfg, plain, grown


@pytest.mark.parametrize("opts", [[], REFINED], ids=["standard", "points"])
@torch.no_grad()
def test_cut_objects_alone_change_and_each_image_of_a_batch_as_if_alone(opts: list[str]) -> None:
    _, plain, grown = pair(*opts)
    batch = example_batch()
    before, after = (model.inference(batch, do_postprocess=False) for model in (plain, grown))
    changed = 0
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        assert torch.equal(old.scores, new.scores)
        assert torch.equal(old.pred_classes, new.pred_classes)
        wider = widened(old.pred_boxes.tensor, old.soft_masks, limits_of(old.image_size, old.scores), 0.08)
        cut = (wider != old.pred_boxes.tensor).any(dim=1)
        changed += int(cut.sum())
        assert torch.equal(new.pred_boxes.tensor[~cut], old.pred_boxes.tensor[~cut])
        assert torch.equal(new.soft_masks[~cut], old.soft_masks[~cut])
        given = Instances(old.image_size, pred_classes=old.pred_classes[cut], pred_boxes=Boxes(wider[cut]))
        images = grown.preprocess_image([batch[number]])
        (again,) = grown.roi_heads.forward_with_given_boxes(grown.backbone(images.tensor), [given])
        boxes, masks = trimmed(old.pred_boxes.tensor[cut], wider[cut], again.pred_masks[:, 0])
        torch.testing.assert_close(new.pred_boxes.tensor[cut], boxes, atol=1e-3, rtol=0)
        assert (new.soft_masks[cut] - masks).abs().quantile(0.99) < 1e-3
        (alone,) = grown.inference([batch[number]], do_postprocess=False)
        torch.testing.assert_close(alone.pred_boxes.tensor, new.pred_boxes.tensor, atol=1e-3, rtol=0)
    assert 0 < changed < sum(map(len, before))


@torch.no_grad()
def test_scored_masks_are_scored_once() -> None:
    names = ["MODEL.ROI_MASK_HEAD.NAME", "MaskScoringHead", "MODEL.ROI_MASK_IOU_HEAD.CONV_DIM", "8"]
    _, plain, grown = pair(*names, "MODEL.ROI_MASK_IOU_HEAD.FC_DIM", "16")
    before, after = (model.inference(example_batch(), do_postprocess=False)[0] for model in (plain, grown))
    assert torch.equal(before.scores, after.scores)
    assert not torch.equal(before.pred_boxes.tensor, after.pred_boxes.tensor)


@torch.no_grad()
def test_boxes_that_a_caller_gives_stay_his_own() -> None:
    """Detectron2's test-time augmentation averages masks of the same boxes."""
    cfg, plain, grown = pair(classes=1)
    cfg.TEST.AUG.MIN_SIZES = (96,)
    found, right = (GeneralizedRCNNWithTTA(cfg, model)(example_batch()[:1])[0]["instances"] for model in (grown, plain))
    assert len(found) > 0
    assert torch.equal(found.pred_boxes.tensor, right.pred_boxes.tensor)
    assert torch.equal(found.pred_masks, right.pred_masks)


def test_a_box_that_a_person_draws_grows_as_those_that_are_found() -> None:
    cfg, plain, grown = pair()
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    asked = np.array([[20, 20, 70, 70], [40, 30, 100, 80], [5, 10, 60, 60]], np.float32)
    before, after = (Segmenter(model, cfg, "abc").segment(image, asked) for model in (plain, grown))
    assert np.array_equal(before.scores, after.scores)
    assert (after.boxes[:, :2] <= before.boxes[:, :2]).all()
    assert (after.boxes[:, 2:] >= before.boxes[:, 2:]).all()
    assert not np.array_equal(before.boxes, after.boxes)


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan"])
def test_a_share_that_is_none_is_refused(share: str) -> None:
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, "MODEL.BALLOON.GROW_CUT_BOXES", "0.0"])
    cfg.MODEL.BALLOON.GROW_CUT_BOXES = float(share)
    with pytest.raises(ConfigError, match=r"MODEL.BALLOON.GROW_CUT_BOXES \S+; expected a share from 0 to 1"):
        build_model(cfg)


def test_a_disc_is_cut_where_its_box_is_too_small_on_any_grid() -> None:
    for samples in (28, 56, 112, 224):
        masks = disc_in(BOXES[:2], samples)
        moved = widened(BOXES[:2], masks, LIMITS, 0.1) != BOXES[:2]
        assert moved.any(dim=1).tolist() == [False, True], f"on a grid of {samples}"
