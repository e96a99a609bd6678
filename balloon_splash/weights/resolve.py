"""Resolution of ``--weights`` to weights and a configuration; the meaning of a short name is decided here alone.

:data:`_MEANINGS` is the one table. :func:`use_weights` asks it where a run starts, :func:`choose_model` which
trained model to run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from detectron2 import model_zoo
from detectron2.config import CfgNode

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.weights.fetch import cached_path, given_weights, in_folder, local_weights, packed_weights
from balloon_splash.weights.grow import grown_backbone
from balloon_splash.weights.names import SHIPPED, SHORT_NAMES, shipped_model
from balloon_splash.weights.run_folder import newest_sound

#: Environment variable that names a ResNet-50 trained on ImageNet, from which a ResNet-101 is grown where the latter's
#: own weights cannot be fetched.
R50_VARIABLE = "BALLOON_SPLASH_IMAGENET_R50"

#: The configuration of ``--weights coco`` by itself: the zoo's Mask R-CNN that is quick enough for a CPU.
COCO = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
_COCO_CLASSES = 80

_MSRA = "detectron2://ImageNetPretrained/MSRA/R-{depth}.pkl"
_TORCHVISION = {
    18: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    34: "https://download.pytorch.org/models/resnet34-b627a593.pth",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Meaning:
    """Weights that a word stands for.

    Attributes:
        weights: a path or URL; empty for random weights.
        other_classes: whether they belong to a detector that may know other classes than the configuration: a run
            restarts its class-specific layers where they do not fit.
    """

    weights: str
    other_classes: bool = False


class ChosenModel(NamedTuple):
    """A configuration and the weights that go with it.

    Attributes:
        config_file: the name of the configuration, for :func:`balloon_splash.config.config_path`.
        cfg: the configuration; ``MODEL.WEIGHTS`` is a path or URL.
    """

    config_file: str
    cfg: CfgNode


def use_weights(cfg: CfgNode, word: str) -> None:
    """Set where a run starts: ``MODEL.WEIGHTS`` and ``MODEL.BALLOON.NEW_CLASS_HEADS`` (in place).

    Args:
        cfg: gives the depth of the backbone, hence the file, and the folder of the run.
        word: a short name (:mod:`balloon_splash.weights.names`), a name of Detectron2's zoo, a path or a URL.

    Raises:
        WeightsError: there are no such weights for this backbone.
    """
    found = _meaning(in_folder(word), cfg)
    cfg.MODEL.WEIGHTS, cfg.MODEL.BALLOON.NEW_CLASS_HEADS = found.weights, found.other_classes


def choose_model(
    config_file: str | None = None,
    weights: str | None = None,
    *,
    device: str | None = None,
    opts: Sequence[str] = (),
) -> ChosenModel:
    """Complete a pair of configuration and weights to a trained model.

    * Neither: the model that ships with the package.
    * No configuration: the one that was packed with the weights, ``<name>.yaml`` or ``config.yaml`` beside them, where
      a run writes it, else ``balloon_R101_FPN.yaml``; for ``coco`` :data:`COCO`; for a name of the zoo, that name.
    * A configuration of Detectron2's zoo and no weights: the zoo's weights for it, which it does not name itself.
    * ``last``: the last checkpoint of the configuration's run, with the configuration that it was trained with.

    Args:
        config_file: see :func:`balloon_splash.config.config_path`.
        weights: a short name (:mod:`balloon_splash.weights.names`), a name of the zoo, a path or a URL; of a folder
            the model in it, see :func:`~balloon_splash.weights.fetch.in_folder`.
        device: see :func:`balloon_splash.config.load_config`.
        opts: ``KEY VALUE`` overrides of the configuration.

    Raises:
        ConfigError: the configuration or an override is wrong.
        WeightsError: there are no such weights, or they are not a whole model.
    """
    if weights is None and config_file is None:
        weights = SHIPPED
    if weights is not None:
        weights = given_weights(weights)
    if weights == "last":
        config_file, weights = _last_of_run(config_file, opts)
    name = config_file or _config_of(str(weights))
    if weights is None and is_zoo_name(name):
        weights = name
    cfg = load_config(name, opts, device=device)
    if weights is not None:
        _check_runs(weights, name, cfg)
        cfg.MODEL.WEIGHTS = _meaning(weights, cfg, name).weights
    return ChosenModel(name, cfg)


def is_zoo_name(name: str) -> bool:
    """Return whether a configuration of Detectron2's zoo has this name, and no local file."""
    if not name.endswith((".yaml", ".py")) or Path(name).is_file():
        return False
    try:
        model_zoo.get_config_file(name)
    except RuntimeError:
        return False
    return True


def zoo_weights(config_file: str) -> str:
    """Return the URL of the zoo's trained weights for one of its configurations.

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


def _meaning(word: str, cfg: CfgNode, config_file: str | None = None) -> Meaning:
    """Return the meaning of a word with this configuration, which may be known by name."""
    if word in _MEANINGS:
        return _MEANINGS[word](cfg, config_file)
    return Meaning(zoo_weights(word), other_classes=True) if is_zoo_name(word) else Meaning(word)


def _balloon(_cfg: CfgNode, _config_file: str | None) -> Meaning:
    return Meaning(str(shipped_model()), other_classes=True)


def _coco(cfg: CfgNode, config_file: str | None) -> Meaning:
    depth = cfg.MODEL.RESNETS.DEPTH
    if config_file and is_zoo_name(config_file):
        name = config_file
    elif depth in (50, 101):
        name = f"COCO-InstanceSegmentation/mask_rcnn_R_{depth}_FPN_3x.yaml"
    else:
        raise WeightsError(f"--weights coco: the zoo has no Mask R-CNN on ResNet-{depth}-FPN; expected depth 50 or 101")
    return Meaning(zoo_weights(name), other_classes=True)


def _imagenet(cfg: CfgNode, _config_file: str | None) -> Meaning:
    depth = cfg.MODEL.RESNETS.DEPTH
    if "ImageNetPretrained/" not in cfg.MODEL.WEIGHTS and depth not in (18, 34, 50, 101):
        raise WeightsError(f"--weights imagenet: no classifier known for ResNet-{depth}; expected 18, 34, 50 or 101")
    own = cfg.MODEL.WEIGHTS if "ImageNetPretrained/" in cfg.MODEL.WEIGHTS else None
    weights = own or _TORCHVISION.get(depth, _MSRA.format(depth=depth))
    return Meaning(_r101_or_grown(cfg, weights) if depth == 101 else weights)


def _last(cfg: CfgNode, _config_file: str | None) -> Meaning:
    return Meaning(str(newest_sound(Path(cfg.OUTPUT_DIR))))


def _none(_cfg: CfgNode, _config_file: str | None) -> Meaning:
    return Meaning("")


#: Meaning of each short name, for training and for everything that runs a trained model.
_MEANINGS: dict[str, Callable[[CfgNode, str | None], Meaning]] = {
    SHIPPED: _balloon,
    "coco": _coco,
    "imagenet": _imagenet,
    "last": _last,
    "none": _none,
}


def _r101_or_grown(cfg: CfgNode, weights: str) -> str:
    """Return ``weights`` where they are available, else weights grown from those of a ResNet-50."""
    try:
        return local_weights(weights)
    except WeightsError as error:
        r50 = _MSRA.format(depth=50)
        given = os.environ.get(R50_VARIABLE)
        if not given and not cached_path(r50).is_file():
            raise WeightsError(
                f"{error}; or grow them from a ResNet-50: put R-50.pkl at {cached_path(r50)}, or name such a file "
                f"(.pkl, .pth) in {R50_VARIABLE}"
            ) from error
        grown = grown_backbone(cfg, given or r50, 50)
        logger.warning("%s cannot be fetched: starting from %s, grown from %s", weights, grown, given or r50)
        return str(grown)


def _last_of_run(config_file: str | None, opts: Sequence[str]) -> tuple[str, str]:
    """Return the configuration that a run was trained with, and its last checkpoint."""
    if config_file is None:
        raise WeightsError("--weights last: of which run? expected --config-file, whose OUTPUT_DIR holds it")
    cfg = load_config(config_file, opts)
    checkpoint = _meaning("last", cfg).weights
    used = Path(cfg.OUTPUT_DIR, "config.yaml")
    return (str(used) if used.is_file() else config_file), checkpoint


def _config_of(weights: str) -> str:
    """Return the configuration for weights that were given without one."""
    if weights == "coco":
        return COCO
    if is_zoo_name(weights):
        return weights
    packed = packed_weights(weights)
    path = Path(weights) if packed is None else packed.path
    own, run = path.with_suffix(".yaml"), path.with_name("config.yaml")
    if own.is_file():
        return str(own)
    if packed is not None:
        return packed.about.config
    return str(run) if run.is_file() else "balloon_R101_FPN.yaml"


def _check_runs(weights: str, config_file: str, cfg: CfgNode) -> None:
    """Refuse, before anything is fetched, a short name without a whole model, or without one for this configuration."""
    if weights in SHORT_NAMES and not SHORT_NAMES[weights].runs:
        raise WeightsError(
            f"--weights {weights}: a start for training, not a model that finds objects; expected a trained model: "
            + ", ".join(name for name, entry in SHORT_NAMES.items() if entry.runs)
        )
    if weights == "coco" and (found := cfg.MODEL.ROI_HEADS.NUM_CLASSES) != _COCO_CLASSES:
        raise WeightsError(
            f"--weights coco: knows {_COCO_CLASSES} classes, {config_file} {found}; expected no --config-file, or one "
            "of Detectron2's zoo"
        )
