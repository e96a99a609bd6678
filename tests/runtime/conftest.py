"""Small models with random weights, as torch has them and packed for the runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.config import load_config
from balloon_splash.export.structure import structure_of
from balloon_splash.weights.packed import About, write_packed
from tests.conftest import TINY

pytest.importorskip("openvino")

POINTS = ["MODEL.ROI_MASK_HEAD.NAME", "PointRefinedMaskHead", "MODEL.ROI_MASK_HEAD.POOLER_TYPE", ""]
POINTS += ["MODEL.ROI_MASK_HEAD.POINT_HEAD_ON", "True", "MODEL.POINT_HEAD.SUBDIVISION_STEPS", "2"]


class Small(NamedTuple):
    """One model in two forms."""

    model: Any
    cfg: CfgNode
    file: Path


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Small]:
    """Function that makes a small model of so many classes, with overrides of its configuration."""

    def make(*opts: str, classes: int = 2) -> Small:
        number = ["MODEL.ROI_HEADS.NUM_CLASSES", str(classes), "MODEL.POINT_HEAD.NUM_CLASSES", str(classes)]
        cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *number, *opts], device="cpu")
        torch.manual_seed(0)
        model = build_model(cfg).eval()
        with torch.no_grad():
            for name, parameter in model.named_parameters():  # so small at first that all would come out alike
                if name.endswith(("predictor.weight", "deltas.weight", "logits.weight", "bbox_pred.weight")):
                    parameter.mul_(30)
        names = tuple(f"thing {number}" for number in range(classes))
        about = About(names, "balloon_R18_FPN.yaml", structure=structure_of(model, cfg).to_json())
        file = tmp_path / "small.safetensors"
        write_packed(file, model.state_dict(), about, storage="fp32", overwrite=True)
        return Small(model, cfg, file)

    return make
