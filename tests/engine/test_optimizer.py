"""AdamW by one key, with what the other keys say; SGD stays Detectron2's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from detectron2.config import CfgNode
from torch import nn

from balloon_splash.config import load_config
from balloon_splash.engine.optimizer import build_optimizer
from balloon_splash.errors import ConfigError
from tests.engine.test_training import _few_shapes, losses_of, shapes_cfg  # noqa: F401 - a fixture

ADAM = ("SOLVER.OPTIMIZER", "adamw", "SOLVER.BASE_LR", "0.002", "SOLVER.WEIGHT_DECAY", "0.05")


def configured(*opts: str) -> CfgNode:
    return load_config("balloon_R18_FPN.yaml", opts)


def layers() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))


def test_unless_told_otherwise_it_is_sgd() -> None:
    assert isinstance(build_optimizer(configured(), layers()), torch.optim.SGD)


def test_adamw_decays_weights_but_not_those_of_norms() -> None:
    model = layers()
    optimizer = build_optimizer(configured(*ADAM), model)
    assert isinstance(optimizer, torch.optim.AdamW)
    decay = {id(each): group["weight_decay"] for group in optimizer.param_groups for each in group["params"]}
    assert decay[id(model[0].weight)] == 0.05
    assert decay[id(model[1].weight)] == 0.0
    assert {group["lr"] for group in optimizer.param_groups} == {0.002}


def test_adamw_clips_gradients_too() -> None:
    norms = []
    for clip in ("True", "False"):
        model = nn.Linear(3, 3)
        optimizer = build_optimizer(configured(*ADAM, "SOLVER.CLIP_GRADIENTS.ENABLED", clip), model)
        (1000 * model(torch.ones(1, 3)).sum()).backward()
        optimizer.step()
        assert model.weight.grad is not None
        norms.append(model.weight.grad.norm().item())
    assert norms == pytest.approx([5.0, 3000.0])


def test_another_optimizer_is_an_error_that_names_both() -> None:
    with pytest.raises(ConfigError, match=r"SOLVER\.OPTIMIZER is 'lion'; expected 'sgd' or 'adamw'"):
        build_optimizer(configured("SOLVER.OPTIMIZER", "lion"), layers())


def test_resuming_takes_up_the_moments(tmp_path: Path) -> None:
    whole = losses_of(shapes_cfg(tmp_path / "whole", *ADAM))
    losses_of(shapes_cfg(tmp_path / "parts", *ADAM), stop_before=5)
    rest = losses_of(shapes_cfg(tmp_path / "parts", *ADAM), resume=True)
    assert rest == {step: losses for step, losses in whole.items() if step in rest}
    assert rest
