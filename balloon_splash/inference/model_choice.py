"""Which configuration and which weights are meant by what a user gives of the two."""

from __future__ import annotations

from pathlib import Path

from detectron2 import model_zoo

from balloon_splash.errors import WeightsError

#: ``--weights coco`` by itself: Detectron2's Mask R-CNN for the 80 classes of COCO that is quick enough for a CPU.
COCO = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


def choose_model(config_file: str | None, weights: str | None) -> tuple[str, str | None]:
    """Complete a pair of configuration and weights.

    * No configuration: the ``config.yaml`` that the training left beside the weights, else ``balloon_R101_FPN.yaml``.
    * A configuration of Detectron2's zoo and no weights: the zoo's weights for it, which it does not itself name.
    * The weights ``coco``: those of the zoo for the configuration, or for :data:`COCO`.

    Returns:
        A configuration for :func:`balloon_splash.config.load_config`, and the weights, None for those it names.

    Raises:
        WeightsError: nothing is given, or the zoo has no weights for the configuration.
    """
    if weights is None and config_file is None:
        raise WeightsError(
            "no weights given; expected a path or URL, such as the model_best.pth of a training, or coco"
        )
    if weights == "coco":
        config_file = config_file or COCO
        return config_file, _zoo_weights(config_file)
    if config_file is None:
        beside = Path(weights or "").with_name("config.yaml")
        return (str(beside) if beside.is_file() else "balloon_R101_FPN.yaml"), weights
    if weights is None and _is_zoo_name(config_file):
        return config_file, _zoo_weights(config_file)
    return config_file, weights


def _is_zoo_name(config_file: str) -> bool:
    if Path(config_file).is_file():
        return False
    try:
        model_zoo.get_config_file(config_file)
    except RuntimeError:
        return False
    return True


def _zoo_weights(config_file: str) -> str:
    try:
        return str(model_zoo.get_checkpoint_url(config_file))
    except RuntimeError:
        raise WeightsError(
            f"{config_file}: the zoo has no weights for it; expected the name of one of its configurations, as {COCO}"
        ) from None
