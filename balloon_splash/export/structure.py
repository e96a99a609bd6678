"""Description of a trained model for the runtime, where that can run it."""

from __future__ import annotations

from typing import Any

from detectron2.config import CfgNode
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling.anchor_generator import DefaultAnchorGenerator
from detectron2.modeling.backbone import FPN, ResNet
from detectron2.modeling.backbone.fpn import LastLevelMaxPool
from detectron2.modeling.backbone.resnet import BasicBlock, BasicStem, BottleneckBlock
from detectron2.modeling.meta_arch import GeneralizedRCNN
from detectron2.modeling.proposal_generator import RPN
from detectron2.modeling.proposal_generator.rpn import StandardRPNHead
from detectron2.modeling.roi_heads import FastRCNNConvFCHead, StandardROIHeads
from detectron2.modeling.roi_heads.fast_rcnn import FastRCNNOutputLayers
from detectron2.modeling.roi_heads.mask_head import MaskRCNNConvUpsampleHead
from detectron2.projects.point_rend.point_head import StandardPointHead
from torch import nn

from balloon_splash.data.resizing import overview_size
from balloon_splash.errors import ConfigError
from balloon_splash.inference.fast.proposals import CANDIDATES, FEWEST, MOST
from balloon_splash.modeling.matterport import MatterportRCNN, MatterportROIHeads, MatterportRPN
from balloon_splash.modeling.matterport.pooler import CropPooler
from balloon_splash.modeling.matterport.roi_heads import MatterportOutputLayers
from balloon_splash.modeling.matterport.stem import MatterportStem
from balloon_splash.modeling.point_refinement import PointRefinedMaskHead
from balloon_splash.modeling.rcnn import BalloonRCNN
from balloon_splash.modeling.roi_heads import BalloonROIHeads
from balloon_splash.modeling.rpn import BalloonRPN
from balloon_splash.runtime.structure import Structure


def structure_of(model: Any, cfg: CfgNode) -> Structure:
    """Describe a model for :mod:`balloon_splash.runtime`.

    Args:
        model: a model built from ``cfg``.
        cfg: the configuration.

    Raises:
        ConfigError: the model has a part that the runtime does not know, which the message names.
    """
    _expect("meta-architecture", model, GeneralizedRCNN, BalloonRCNN, MatterportRCNN)
    rpn, heads = model.proposal_generator, model.roi_heads
    old = type(model) is MatterportRCNN
    _expect("proposal generator", rpn, *((MatterportRPN,) if old else (RPN, BalloonRPN)))
    _expect("ROI heads", heads, *((MatterportROIHeads,) if old else (StandardROIHeads, BalloonROIHeads)))
    _require("keypoints", not getattr(heads, "keypoint_on", False))
    return Structure(
        **_backbone(model.backbone, MatterportStem if old else BasicStem),
        **_rpn(rpn, heads),
        **_box(heads),
        **_mask(heads.mask_head, heads),
        **(_canvas(model, cfg) if old else {}),
        grow_cut_boxes=getattr(heads, "grow_cut_boxes", 0.0),
        pixel_mean=tuple(cfg.MODEL.PIXEL_MEAN),
        pixel_std=tuple(cfg.MODEL.PIXEL_STD),
        bgr=cfg.INPUT.FORMAT == "BGR",
        short_edge=cfg.INPUT.MIN_SIZE_TEST,
        longest_edge=cfg.INPUT.MAX_SIZE_TEST,
        overview=overview_size(cfg),
        overview_objects=cfg.MODEL.BALLOON.OVERVIEW_OBJECTS,
    )


def _canvas(model: Any, cfg: CfgNode) -> dict[str, Any]:
    return {
        "matterport": True,
        "resize_mode": cfg.INPUT.RESIZE_MODE,
        "resize_min_scale": float(cfg.INPUT.RESIZE_MIN_SCALE),
        "square": model.square,
    }


def _backbone(backbone: Any, stem: type) -> dict[str, Any]:
    _expect("backbone", backbone, FPN)
    resnet: Any = backbone.bottom_up
    _expect("bottom-up network", resnet, ResNet)
    _expect("stem", resnet.stem, stem)
    _expect("last level of the FPN", backbone.top_block, LastLevelMaxPool)
    _require("an FPN that averages", backbone._fuse_type == "sum")
    _require("an FPN of other stages", tuple(backbone.in_features) == ("res2", "res3", "res4", "res5"))
    stages = [list(stage) for stage in resnet.stages]
    blocks = [block for stage in stages for block in stage]
    for block in blocks:
        _expect("residual block", block, type(blocks[0]))
    _expect("residual block", blocks[0], BottleneckBlock, BasicBlock)
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            _require("dilated or grouped convolutions", module.dilation == (1, 1) and module.groups == 1)
        norm = getattr(module, "norm", None)
        if norm is not None and isinstance(module, nn.Conv2d):
            _expect("norm", norm, FrozenBatchNorm2d, nn.BatchNorm2d)
            _require("a norm of another epsilon", norm.eps == 1e-5)
    bottleneck = isinstance(blocks[0], BottleneckBlock)
    return {
        "blocks": tuple(len(stage) for stage in stages),
        "bottleneck": bottleneck,
        "stride_in_1x1": bottleneck and stages[1][0].conv1.stride == (2, 2),
    }


def _rpn(rpn: Any, heads: Any) -> dict[str, Any]:
    _expect("anchor generator", rpn.anchor_generator, DefaultAnchorGenerator)
    _expect("RPN head", rpn.rpn_head, StandardRPNHead)
    _require("an RPN on other levels", tuple(rpn.in_features) == ("p2", "p3", "p4", "p5", "p6"))
    _require("ROI heads on other levels", tuple(heads.box_in_features) == ("p2", "p3", "p4", "p5"))
    _require("a smallest proposal", rpn.min_box_size == 0)
    hidden = rpn.rpn_head.conv
    several = isinstance(hidden, nn.Sequential)
    candidates, limit = rpn.pre_nms_topk[False], rpn.post_nms_topk[False]
    cut = not isinstance(rpn, MatterportRPN)  # which chooses among all levels together, and equal to the original
    return {
        "rpn_convolutions": tuple(f"conv.{name}" for name, _ in hidden.named_children()) if several else ("conv",),
        "anchors": tuple(tuple(map(tuple, cells.tolist())) for cells in rpn.anchor_generator.cell_anchors),
        "strides": tuple(rpn.anchor_generator.strides),
        "anchor_offset": float(rpn.anchor_generator.offset),
        "candidates": min(candidates, CANDIDATES) if cut else candidates,
        "proposals": min(limit, MOST) if cut else limit,
        "sure_proposals": FEWEST if cut else limit,
        "rpn_weights": tuple(map(float, rpn.box2box_transform.weights)),
        "rpn_nms": rpn.nms_thresh,
    }


def _box(heads: Any) -> dict[str, Any]:
    head, predictor = heads.box_head, heads.box_predictor
    _expect("box head", head, FastRCNNConvFCHead)
    _expect("box predictor", predictor, FastRCNNOutputLayers, MatterportOutputLayers)
    _require("convolutions in the box head", not head.conv_norm_relus)
    _require("sigmoid scores", not predictor.use_sigmoid_ce)
    _require_pooler(heads.box_pooler)
    return {
        "box_pool": heads.box_pooler.output_size[0],
        "box_layers": tuple(name for name, layer in head.named_children() if isinstance(layer, nn.Linear)),
        "box_weights": tuple(predictor.box2box_transform.weights),
        "box_agnostic": predictor.bbox_pred.out_features == 4,
        "box_threshold": predictor.test_score_thresh,
        "box_nms": predictor.test_nms_thresh,
        "objects": predictor.test_topk_per_image,
    }


def _mask(head: Any, heads: Any) -> dict[str, Any]:
    _expect("mask head", head, MaskRCNNConvUpsampleHead, PointRefinedMaskHead)
    refined = isinstance(head, PointRefinedMaskHead)
    layers, pooler = (head.coarse_head, head.coarse_pooler) if refined else (head, heads.mask_pooler)
    _require_pooler(pooler)
    found = {
        "mask_pool": pooler.output_size[0],
        "mask_prefix": f"roi_heads.mask_head.{'coarse_head.' if refined else ''}",
        "mask_layers": tuple(name for name, _ in layers.named_children() if name.startswith("mask_fcn")),
        "mask_agnostic": layers.predictor.out_channels == 1,
    }
    for module in layers.modules():
        _require("norms in the mask head", getattr(module, "norm", None) in (None, ""))
    if refined:
        points: Any = head.point_head
        _expect("point head", points, StandardPointHead)
        _require("a point head on other levels", list(head.mask_point_in_features) == ["p2"])
        _require("a point head without points", head.mask_point_on)
        found |= {
            "point_layers": tuple(name for name, _ in points.named_children() if name.startswith("fc")),
            "point_steps": head.mask_point_subdivision_steps,
            "points": head.mask_point_subdivision_num_points,
            "coarse_in_each": points.coarse_pred_each_layer,
        }
    return found


def _require_pooler(pooler: Any) -> None:
    square = pooler.output_size[0] == pooler.output_size[1]
    levels = (pooler.min_level, pooler.max_level, pooler.canonical_box_size, pooler.canonical_level)
    _require("poolers of other levels", levels == (2, 5, 224, 4))
    samples = 1 if isinstance(pooler, CropPooler) else 0
    plain = all(getattr(each, "aligned", False) and each.sampling_ratio == samples for each in pooler.level_poolers)
    _require("another pooler than ROIAlignV2", square and plain)


def _expect(what: str, found: object, *kinds: type) -> None:
    if type(found) not in kinds:
        names = " or ".join(kind.__name__ for kind in kinds)
        raise ConfigError(f"{what} {type(found).__name__}: the runtime knows {names}; expected --backend torch")


def _require(other: str, plain: bool) -> None:
    if not plain:
        raise ConfigError(f"{other}: not known to the runtime; expected --backend torch")
