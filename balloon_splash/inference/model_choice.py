"""Which configuration and which weights are meant by what a user gives of the two."""

from __future__ import annotations

from pathlib import Path

from balloon_splash.config import load_config
from balloon_splash.engine.compact import read_about
from balloon_splash.engine.run_folder import newest_sound
from balloon_splash.engine.starting_weights import is_zoo_name, zoo_weights
from balloon_splash.errors import WeightsError
from balloon_splash.zoo import SHIPPED, SHORT_NAMES, shipped_model

#: ``--weights coco`` by itself: Detectron2's Mask R-CNN for the 80 classes of COCO that is quick enough for a CPU.
COCO = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


def choose_model(config_file: str | None = None, weights: str | None = None) -> tuple[str, str | None]:
    """Complete a pair of configuration and weights.

    * Neither: the model that ships with the package.
    * No configuration: the one that was packed with the weights, ``<name>.yaml`` or ``config.yaml`` beside them, as
      the training leaves it, else ``balloon_R101_FPN.yaml``.
    * A configuration of Detectron2's zoo and no weights: the zoo's weights for it, which it does not itself name.
    * Short names (:mod:`balloon_splash.zoo`): ``coco`` means the zoo's weights for the configuration, or for
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
