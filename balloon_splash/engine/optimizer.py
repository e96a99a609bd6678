"""Optimizers by ``SOLVER.OPTIMIZER``."""

from __future__ import annotations

from detectron2.config import CfgNode
from detectron2.solver import build_optimizer as build_sgd
from detectron2.solver import get_default_optimizer_params
from detectron2.solver.build import maybe_add_gradient_clipping
from torch import nn
from torch.optim import AdamW, Optimizer

from balloon_splash.errors import ConfigError


def build_optimizer(cfg: CfgNode, model: nn.Module) -> Optimizer:
    """Build Detectron2's SGD, or AdamW (Loshchilov and Hutter 2019) with the same keys except momentum.

    SGD steps scale with the gradients, and the last layers of the heads start so small that the layers before them get
    hardly any; with random weights everywhere it takes long until they wake up. Adam's steps do not scale with them.

    Raises:
        ConfigError: ``SOLVER.OPTIMIZER`` is neither "sgd" nor "adamw".
    """
    solver = cfg.SOLVER
    if solver.OPTIMIZER == "sgd":
        return build_sgd(cfg, model)
    if solver.OPTIMIZER != "adamw":
        raise ConfigError(f"SOLVER.OPTIMIZER is {solver.OPTIMIZER!r}; expected 'sgd' or 'adamw'")
    groups = get_default_optimizer_params(
        model,
        base_lr=solver.BASE_LR,
        weight_decay_norm=solver.WEIGHT_DECAY_NORM,
        bias_lr_factor=solver.BIAS_LR_FACTOR,
        weight_decay_bias=solver.WEIGHT_DECAY_BIAS,
    )
    clipped = maybe_add_gradient_clipping(cfg, AdamW)
    return clipped(groups, lr=solver.BASE_LR, weight_decay=solver.WEIGHT_DECAY, fused=True)
