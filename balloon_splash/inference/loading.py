"""The one way from a configuration and weights to a model in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.modeling import build_model

from balloon_splash.errors import WeightsError
from balloon_splash.modeling.part_names import check_part_names
from balloon_splash.modeling.without_init import WithoutInit
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from balloon_splash.weights.resolve import choose_model
from balloon_splash.weights.soundness import check_weights


class LoadedModel(NamedTuple):
    """Trained model with its configuration and class names.

    Attributes:
        model: a model of Detectron2's or ours, in evaluation mode on ``cfg.MODEL.DEVICE``.
        cfg: the configuration that it was built from.
        class_names: one name per class.
    """

    model: Any
    cfg: CfgNode
    class_names: tuple[str, ...]


def load_model(
    config_file: str | None = None,
    weights: str | None = None,
    *,
    device: str | None = None,
    opts: Sequence[str] = (),
) -> LoadedModel:
    """Build a model and load its weights, which have to fit exactly.

    Args:
        config_file: a path, the name of one of our configurations, or of one of Detectron2's zoo; None takes the one
            that belongs to the weights.
        weights: a path, a URL, a name of the zoo, or a short name (``balloon``, ``coco``, ``last``); None takes those
            of the configuration, and the model that ships with the package where there is no configuration either.
        device: a torch device; None takes a GPU if there is one.
        opts: ``KEY VALUE`` overrides of the configuration.

    Returns:
        the model, its configuration, and the names of its classes.

    Raises:
        ConfigError: the configuration or an override is wrong.
        WeightsError: the weights are missing, unsafe or damaged, or do not fit; or the class names are unknown.
    """
    return load_chosen(choose_model(config_file, weights, device=device, opts=opts).cfg)


def load_chosen(cfg: CfgNode) -> LoadedModel:
    """Load as :func:`load_model` does, from a full configuration, whose ``MODEL.WEIGHTS`` is a path or URL."""
    if not cfg.MODEL.WEIGHTS:
        raise WeightsError("the configuration names no weights; expected MODEL.WEIGHTS, or --weights")
    check_part_names(cfg)
    with WithoutInit():  # an exact fit leaves none of the weights out
        model = build_model(cfg)
    extras = SafeCheckpointer(model, fit=Fit.EXACT).load(cfg.MODEL.WEIGHTS)
    check_weights(model)
    return LoadedModel(model.eval(), cfg, class_names_of(cfg, extras))


def class_names_of(cfg: CfgNode, extras: dict[str, Any]) -> tuple[str, ...]:
    """Return the names in the checkpoint, or those of the dataset that the configuration tests on.

    Args:
        cfg: the configuration, ``MODEL.WEIGHTS`` the checkpoint.
        extras: what the checkpoint holds beside the weights.

    Raises:
        WeightsError: the names are unknown, or not as many as the classes.
    """
    names = extras.get("class_names")
    if names is None:
        metadata = MetadataCatalog.get(cfg.DATASETS.TEST[0]) if cfg.DATASETS.TEST else None
        names = metadata.get("thing_classes") if metadata else None
    number = cfg.MODEL.ROI_HEADS.NUM_CLASSES
    if names is None or len(names) != number:
        found = "none" if names is None else str(len(names))
        raise WeightsError(
            f"{cfg.MODEL.WEIGHTS}: {found} class names known for {number} classes; expected them in the checkpoint, "
            "or a configuration whose DATASETS.TEST names the dataset that the model was trained for"
        )
    return tuple(names)
