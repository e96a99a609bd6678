"""A misspelt part of a model is one line with the nearest name, not a traceback out of Detectron2."""

from __future__ import annotations

import re

import pytest
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY

from balloon_splash.config import load_config
from balloon_splash.errors import ConfigError
from balloon_splash.modeling import BalloonROIHeads
from balloon_splash.modeling.part_names import check_part_names
from balloon_splash.modeling.point_refinement import PointRefinedMaskHead


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("META_ARCHITECTURE", "BaloonRCNN", "MODEL.META_ARCHITECTURE is 'BaloonRCNN'; did you mean 'BalloonRCNN'?"),
        ("PROPOSAL_GENERATOR.NAME", "BaloonRPN", "did you mean 'BalloonRPN'?"),
        ("ROI_HEADS.NAME", "BalloonROIHead", "did you mean 'BalloonROIHeads'?"),
        ("ROI_MASK_HEAD.NAME", "MaskScoreHead", "did you mean 'MaskScoringHead'?"),
        ("RESNETS.DEPTH", "51", "MODEL.RESNETS.DEPTH is 51; expected 18, 34, 50, 101, 152"),
        ("RESNETS.NORM", "batch", "expected '', 'BN', 'FrozenBN'"),
        ("ROI_BOX_HEAD.POOLER_TYPE", "ROIAlignV3", "did you mean 'ROIAlignV2'?"),
    ],
)
def test_a_misspelt_part_is_told_with_the_nearest(key: str, value: str, message: str) -> None:
    cfg = load_config("balloon_R18_FPN.yaml", [f"MODEL.{key}", value], device="cpu")
    with pytest.raises(ConfigError, match=re.escape(message)):
        check_part_names(cfg)


def test_your_own_registered_part_is_known() -> None:
    cfg = load_config("balloon_R18_FPN.yaml", ["MODEL.ROI_HEADS.NAME", "HeadsOfMine"], device="cpu")
    with pytest.raises(ConfigError, match=r"HeadsOfMine.*known once the module that registers it is imported"):
        check_part_names(cfg)

    @ROI_HEADS_REGISTRY.register()
    class HeadsOfMine(BalloonROIHeads):
        pass

    try:
        check_part_names(cfg)
    finally:
        del ROI_HEADS_REGISTRY._obj_map["HeadsOfMine"]


def test_point_refinement_says_which_keys_go_with_it() -> None:
    cfg = load_config("balloon_R18_FPN.yaml", device="cpu")
    with pytest.raises(ConfigError, match=r"POOLER_TYPE is 'ROIAlignV2'; expected '' \(and POINT_HEAD_ON: True\)"):
        PointRefinedMaskHead(cfg, ShapeSpec(channels=8, width=14, height=14))
