"""Models that are put together otherwise than ours can be made faster, too."""

from __future__ import annotations

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.devices import has_bf16
from balloon_splash.inference.backends import Choice
from balloon_splash.inference.fast.accelerate import accelerate
from balloon_splash.inference.fast.calibration import Calibration
from tests.conftest import example_batch, stock


@torch.no_grad()
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_cascade(precision: str, tiny_cfg: CfgNode) -> None:
    """Cascade R-CNN has a box head for each of its stages."""
    if precision == "bf16" and not has_bf16("cpu"):
        pytest.skip("no bfloat16 in this CPU")
    cfg = stock(tiny_cfg)
    cfg.MODEL.ROI_HEADS.NAME = "CascadeROIHeads"
    cfg.MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG = True
    torch.manual_seed(0)
    model = build_model(cfg).eval()
    # Clear preferences: else a last digit decides which boxes come first.
    model.proposal_generator.rpn_head.objectness_logits.weight *= 100
    batch = example_batch()[:1]
    (expected,) = model.inference(batch, do_postprocess=False)
    accelerate(model, cfg, Choice("torch", precision), Calibration((), "", lambda path: pytest.fail(str(path))))
    (found,) = model.inference(batch, do_postprocess=False)
    assert len(found) > 0
    nearest = torch.cdist(found.pred_boxes.tensor, expected.pred_boxes.tensor).min(dim=1).values
    assert nearest.median() < (0.01 if precision == "fp32" else 2.0)
