"""From the short names for starting weights (:mod:`balloon_splash.weights.names`) to files, for the training."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from detectron2 import model_zoo
from detectron2.config import CfgNode

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.weights.fetch import cached_path, local_weights
from balloon_splash.weights.grow import grown_backbone
from balloon_splash.weights.names import SHIPPED, SHORT_NAMES, shipped_model
from balloon_splash.weights.packed import read_about
from balloon_splash.weights.run_folder import newest_sound

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


#: ``--weights coco`` by itself: Detectron2's Mask R-CNN for the 80 classes of COCO that is quick enough for a CPU.
COCO = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


def choose_model(config_file: str | None = None, weights: str | None = None) -> tuple[str, str | None]:
    """Complete a pair of configuration and weights.

    * Neither: the model that ships with the package.
    * No configuration: the one that was packed with the weights, ``<name>.yaml`` or ``config.yaml`` beside them, as
      the training leaves it, else ``balloon_R101_FPN.yaml``.
    * A configuration of Detectron2's zoo and no weights: the zoo's weights for it, which it does not itself name.
    * Short names (:mod:`balloon_splash.weights.names`): ``coco`` means the zoo's weights for the configuration, or for
      :data:`COCO`; ``last`` the last checkpoint of the configuration's run; a name of the zoo itself and its weights.

    Returns:
        A configuration for :func:`balloon_splash.config.load_config`, and the weights, None for those it names.

    Raises:
        WeightsError: there are none, or they are no whole model.
    """
    if weights is None and config_file is None:
        weights = SHIPPED
    if weights is None:
        return str(config_file), zoo_weights(str(config_file)) if is_zoo_name(str(config_file)) else None
    if weights == SHIPPED:
        weights = str(shipped_model())
    elif weights == "coco":
        return config_file or COCO, zoo_weights(config_file or COCO)
    elif weights == "last":
        return _last(config_file)
    elif weights in SHORT_NAMES:
        raise WeightsError(
            f"--weights {weights}: a training can start from it, but it finds no objects; expected a trained model: "
            + ", ".join(name for name, entry in SHORT_NAMES.items() if entry.runs)
        )
    elif is_zoo_name(weights):
        return config_file or weights, zoo_weights(weights)
    return config_file or _config_of(Path(weights)), weights


def _config_of(weights: Path) -> str:
    """The configuration that belongs to a file of weights."""
    own, run = weights.with_suffix(".yaml"), weights.with_name("config.yaml")
    if own.is_file():
        return str(own)
    if weights.suffix == ".safetensors" and weights.is_file() and (about := read_about(str(weights))) is not None:
        return about.config
    return str(run) if run.is_file() else "balloon_R101_FPN.yaml"


def _last(config_file: str | None) -> tuple[str, str]:
    if config_file is None:
        raise WeightsError("--weights last: of which run? expected --config-file, whose OUTPUT_DIR holds it")
    folder = Path(load_config(config_file).OUTPUT_DIR)
    checkpoint = newest_sound(folder)
    used = folder / "config.yaml"
    return (str(used) if used.is_file() else config_file), str(checkpoint)
