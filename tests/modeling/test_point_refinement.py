"""The refined mask head: a trained standard head fits, learns, and gives finer masks at the same places."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.utils.events import EventStorage

from balloon_splash.config import load_config
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import WeightsError
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from tests.conftest import TINY, example_batch

REFINED = [
    "MODEL.ROI_MASK_HEAD.NAME", "PointRefinedMaskHead", "MODEL.ROI_MASK_HEAD.POOLER_TYPE", "",
    "MODEL.ROI_MASK_HEAD.POINT_HEAD_ON", "True", "MODEL.ROI_MASK_HEAD.OUTPUT_SIDE_RESOLUTION", "28",
    "MODEL.POINT_HEAD.NUM_CLASSES", "1", "MODEL.POINT_HEAD.FC_DIM", "16", "MODEL.POINT_HEAD.SUBDIVISION_STEPS", "2",
]  # fmt: skip
POINT_HEAD = "roi_heads.mask_head.point_head."


def refined_cfg(*opts: str) -> CfgNode:
    return load_config("balloon_R18_FPN.yaml", [*TINY, *REFINED, *opts])


@pytest.fixture
def standard(tiny_cfg: CfgNode, tmp_path: Path) -> Path:
    """A checkpoint of the model with the standard head."""
    torch.manual_seed(0)
    SafeCheckpointer(build_model(tiny_cfg), str(tmp_path)).save("standard")
    return tmp_path / "standard.pth"


def test_weights_of_the_standard_head_fit_all_but_the_points(standard: Path) -> None:
    model = build_model(refined_cfg())
    with pytest.raises(WeightsError, match=POINT_HEAD):
        SafeCheckpointer(model, fit=Fit.PRETRAINED).load(str(standard))
    SafeCheckpointer(model, fit=Fit.PRETRAINED, new_layers=[POINT_HEAD]).load(str(standard))
    ours = model.state_dict()
    theirs = torch.load(standard, weights_only=True)["model"]
    for name in ("mask_fcn1.weight", "deconv.bias", "predictor.weight"):
        expected = theirs[f"roi_heads.mask_head.{name}"]
        assert torch.equal(ours[f"roi_heads.mask_head.coarse_head.{name}"], expected)


def test_layers_may_be_new_for_a_start_only(standard: Path) -> None:
    """Weights to evaluate, or to resume from, have to be complete."""
    with pytest.raises(WeightsError, match=POINT_HEAD):
        SafeCheckpointer(build_model(refined_cfg()), fit=Fit.EXACT, new_layers=[POINT_HEAD]).load(str(standard))


def test_its_own_checkpoint_loads_again(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = build_model(refined_cfg())
    SafeCheckpointer(model, str(tmp_path)).save("refined")
    again = build_model(refined_cfg())
    SafeCheckpointer(again).load(str(tmp_path / "refined.pth"))
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_only_what_is_named_learns() -> None:
    model = BalloonTrainer.build_model(refined_cfg("MODEL.BALLOON.TRAIN_ONLY", f"['{POINT_HEAD}']")).train()
    batch = example_batch()
    for photo in batch:
        instances = photo["instances"]
        instances.gt_masks = _bitmasks(instances)  # type: ignore[attr-defined]
    with EventStorage():
        losses = model(batch)
    assert "loss_mask_point" in losses
    sum(losses.values()).backward()
    learning = {name for name, value in model.named_parameters() if value.grad is not None}
    assert learning
    assert all(name.startswith(POINT_HEAD) for name in learning)


def test_a_batch_without_objects_teaches_that_there_are_none() -> None:
    model = build_model(refined_cfg()).train()
    batch = example_batch()
    for photo in batch:
        instances = photo["instances"]
        instances.gt_masks = _bitmasks(instances)  # type: ignore[attr-defined]
        photo["instances"] = instances[:0]  # type: ignore[index]
    with EventStorage():
        losses = model(batch)
    assert losses["loss_mask"] == losses["loss_mask_point"] == 0
    assert losses["loss_cls"] > 0
    sum(losses.values()).backward()
    assert all(value.grad is not None for name, value in model.named_parameters() if POINT_HEAD in name)


def test_masks_are_finer_and_soft_masks_follow() -> None:
    torch.manual_seed(2)
    model = build_model(refined_cfg()).eval()
    with torch.no_grad():
        found = model.inference(example_batch(), do_postprocess=False)
    assert all(len(each) for each in found)
    assert all(each.soft_masks.shape[1:] == (112, 112) for each in found)


def test_a_picture_without_objects_is_no_fault() -> None:
    model = build_model(refined_cfg("MODEL.BALLOON.CONFIDENCE_FLOOR", "0.9999")).eval()
    with torch.no_grad():
        found = model(example_batch())
    assert [len(each["instances"]) for each in found] == [0, 0]


def _bitmasks(instances: object) -> object:
    from detectron2.structures import BitMasks

    return BitMasks.from_polygon_masks(instances.gt_masks, *instances.image_size)  # type: ignore[attr-defined]
