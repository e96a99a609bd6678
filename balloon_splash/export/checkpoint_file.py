"""A model as a ``.pth`` and a YAML file that Detectron2, and the tools that load its models, take as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from detectron2.config import CfgNode, get_cfg

from balloon_splash.files import atomic_path
from balloon_splash.inference.loading import LoadedModel
from balloon_splash.modeling.part_names import modules_of_parts

#: Our parts that compute what Detectron2's own compute, from the same weights.
STOCK_PARTS = {
    "BalloonRCNN": "GeneralizedRCNN",
    "BalloonRPN": "RPN",
    "BalloonROIHeads": "StandardROIHeads",
}
_STOCK_MODULES = "detectron2.modeling."
_OURS = "balloon_splash"
_STEM = "backbone.bottom_up.stem.conv1.weight"


def write_checkpoint(loaded: LoadedModel, output: Path, *, overwrite: bool = False) -> list[str]:
    """Write ``<output>`` and, beside it, ``<stem>.yaml``.

    A model that takes RGB is turned into one that takes BGR, Detectron2's default, and computes the same: sahi (0.12.8)
    hands the channels over swapped otherwise.

    Args:
        loaded: the model; becomes the function's own.
        output: ``*.pth``, float32, with ``model`` and ``class_names``.
        overwrite: replace files that are there.

    Returns:
        Modules to import before the model is built, those of parts of your own among them; none where the model runs
        with Detectron2 alone. Otherwise the YAML has keys of ours.

    Raises:
        OutputExistsError: a file is there, and ``overwrite`` is false.
    """
    state = {name: value.detach().cpu() for name, value in loaded.model.state_dict().items()}
    cfg = loaded.cfg.clone()
    cfg.defrost()
    if cfg.INPUT.FORMAT == "RGB" and _STEM in state:
        state[_STEM] = state[_STEM].flip(1).contiguous()
        for key in ("PIXEL_MEAN", "PIXEL_STD"):
            cfg.MODEL[key] = list(reversed(cfg.MODEL[key]))
        cfg.INPUT.FORMAT = "BGR"
    cfg.MODEL.WEIGHTS, cfg.OUTPUT_DIR = "", "output"
    imports = _imports(cfg)
    if not imports:
        cfg = _in_stock_terms(cfg)
    with atomic_path(output, overwrite=overwrite) as temporary:
        torch.save({"model": state, "class_names": list(loaded.class_names)}, temporary)
    with atomic_path(output.with_suffix(".yaml"), overwrite=overwrite) as temporary:
        temporary.write_text(cfg.dump(), encoding="utf-8")
    return imports


def _imports(cfg: CfgNode) -> list[str]:
    """Return the modules without which Detectron2 cannot build the model, ours first."""
    foreign = {
        module
        for name, module in modules_of_parts(cfg).items()
        if name not in STOCK_PARTS and not module.startswith(_STOCK_MODULES)
    }
    own = {module for module in foreign if module.partition(".")[0] != _OURS}
    return [_OURS, *sorted(own)] if foreign or cfg.MODEL.BALLOON.GROW_CUT_BOXES > 0 else []


def _in_stock_terms(cfg: CfgNode) -> CfgNode:
    """The configuration with Detectron2's own parts, and with keys that Detectron2 knows alone."""
    cfg.MODEL.META_ARCHITECTURE = STOCK_PARTS.get(cfg.MODEL.META_ARCHITECTURE, cfg.MODEL.META_ARCHITECTURE)
    for node in (cfg.MODEL.PROPOSAL_GENERATOR, cfg.MODEL.ROI_HEADS):
        node.NAME = STOCK_PARTS.get(node.NAME, node.NAME)
    stock = get_cfg()
    _copy_known(cfg, stock)
    return stock


def _copy_known(source: Any, target: Any) -> None:
    for key in target:
        if isinstance(target[key], CfgNode):
            _copy_known(source[key], target[key])
        else:
            target[key] = source[key]
