"""From the short names for starting weights (:mod:`balloon_splash.zoo`) to files, for the training."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from detectron2 import model_zoo
from detectron2.config import CfgNode

from balloon_splash.engine.grow import grown_backbone
from balloon_splash.engine.weight_urls import cached_path, local_weights
from balloon_splash.errors import WeightsError
from balloon_splash.zoo import SHIPPED, shipped_model

#: Names a ResNet-50 trained on ImageNet, from which a ResNet-101 is grown where that one's own cannot be fetched.
R50_VARIABLE = "BALLOON_SPLASH_IMAGENET_R50"

_MSRA = "detectron2://ImageNetPretrained/MSRA/R-{depth}.pkl"
_TORCHVISION = {
    18: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    34: "https://download.pytorch.org/models/resnet34-b627a593.pth",
}

logger = logging.getLogger(__name__)


def use_weights(cfg: CfgNode, word: str) -> None:
    """Set ``MODEL.WEIGHTS`` from a short name, a name of the zoo, a path or a URL (in place).

    Args:
        cfg: tells the depth of the backbone, hence which file is meant.
        word: ``balloon`` (the model that ships), ``coco`` or a name of the zoo (a detector), all of which the
            class-specific layers leave out where they do not fit; ``imagenet`` (a classifier, for the backbone),
            ``none`` (random), or a path or URL.

    Raises:
        WeightsError: there are no such weights for this backbone.
    """
    depth = cfg.MODEL.RESNETS.DEPTH
    cfg.MODEL.BALLOON.NEW_CLASS_HEADS = False
    if word == "coco":
        if depth not in (50, 101):
            raise WeightsError(
                f"--weights coco: the zoo has no Mask R-CNN on ResNet-{depth}-FPN; expected depth 50 or 101"
            )
        _use_detector(cfg, model_zoo.get_checkpoint_url(f"COCO-InstanceSegmentation/mask_rcnn_R_{depth}_FPN_3x.yaml"))
    elif word == SHIPPED:
        _use_detector(cfg, str(shipped_model()))
    elif word == "imagenet":
        cfg.MODEL.WEIGHTS = _imagenet(cfg)
    elif word == "none":
        cfg.MODEL.WEIGHTS = ""
    elif is_zoo_name(word):
        _use_detector(cfg, zoo_weights(word))
    else:
        cfg.MODEL.WEIGHTS = word


def is_zoo_name(name: str) -> bool:
    """Whether a configuration of Detectron2's zoo has this name, and no file."""
    if not name.endswith((".yaml", ".py")) or Path(name).is_file():
        return False
    try:
        model_zoo.get_config_file(name)
    except RuntimeError:
        return False
    return True


def zoo_weights(config_file: str) -> str:
    """The URL of the zoo's trained weights for one of its configurations.

    Raises:
        WeightsError: it has none.
    """
    try:
        return str(model_zoo.get_checkpoint_url(config_file))
    except RuntimeError:
        raise WeightsError(
            f"{config_file}: the zoo has no weights for it; expected the name of one of its configurations, "
            "as COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
        ) from None


def _use_detector(cfg: CfgNode, weights: str) -> None:
    cfg.MODEL.WEIGHTS = weights
    cfg.MODEL.BALLOON.NEW_CLASS_HEADS = True


def _imagenet(cfg: CfgNode) -> str:
    depth = cfg.MODEL.RESNETS.DEPTH
    if "ImageNetPretrained/" not in cfg.MODEL.WEIGHTS and depth not in (18, 34, 50, 101):
        raise WeightsError(f"--weights imagenet: no classifier known for ResNet-{depth}; expected 18, 34, 50 or 101")
    own = cfg.MODEL.WEIGHTS if "ImageNetPretrained/" in cfg.MODEL.WEIGHTS else None
    weights = own or _TORCHVISION.get(depth, _MSRA.format(depth=depth))
    return _r101_or_grown(cfg, weights) if depth == 101 else weights


def _r101_or_grown(cfg: CfgNode, weights: str) -> str:
    """``weights`` where they can be had, else weights grown from those of a ResNet-50."""
    try:
        return local_weights(weights)
    except WeightsError as error:
        r50 = _MSRA.format(depth=50)
        given = os.environ.get(R50_VARIABLE)
        if not given and not cached_path(r50).is_file():
            raise WeightsError(
                f"{error}; or let a ResNet-50 grow: put R-50.pkl at {cached_path(r50)}, or name such a file (.pkl, "
                f".pth) in {R50_VARIABLE}"
            ) from error
        grown = grown_backbone(cfg, given or r50, 50)
        logger.warning("%s cannot be fetched: starting from %s, grown from %s", weights, grown, given or r50)
        return str(grown)
