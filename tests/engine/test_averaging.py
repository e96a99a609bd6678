"""The moving average is what is evaluated and what a checkpoint gives; a run goes on from its own weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.engine.averaging import WeightAverage
from balloon_splash.engine.run import train
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.weights.checkpoint import SafeCheckpointer
from tests.engine.test_training import _few_shapes, losses_of, shapes_cfg  # noqa: F401 - a fixture

EMA = ("SOLVER.EMA_DECAY", "0.9")


def test_the_average_follows_the_weights() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(model, decay=0.5)
    values = [1.0, 3.0, 3.0]
    followed = []
    for value in values:
        model.weight.data.fill_(value)
        average.after_step()
        followed.append(average.model.state_dict()["weight"].item())
    # The first is taken as it is; then the decay warms up: 2/11, 3/12.
    second = 3 + (1 - 3) * 2 / 11
    assert followed == pytest.approx([1.0, second, 3 + (second - 3) * 3 / 12])


def test_the_average_is_what_is_evaluated_and_what_a_checkpoint_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = shapes_cfg(tmp_path, *EMA)
    evaluated = []
    test = BalloonTrainer.test

    def recording_test(cfg: CfgNode, model: torch.nn.Module) -> Any:
        evaluated.append({name: value.clone() for name, value in model.state_dict().items()})
        return test(cfg, model)

    monkeypatch.setattr(BalloonTrainer, "test", staticmethod(recording_test))
    train(cfg)
    file = torch.load(tmp_path / "model_final.pth", weights_only=True)
    name = "roi_heads.box_predictor.cls_score.weight"
    assert not torch.equal(file["model"][name], file["ema"][name])

    model = build_model(cfg)
    SafeCheckpointer(model).load(str(tmp_path / "model_final.pth"))
    assert torch.equal(model.state_dict()[name], file["ema"][name])
    assert torch.equal(evaluated[-1][name], file["ema"][name])


def test_resuming_changes_neither_the_weights_nor_the_average(tmp_path: Path) -> None:
    whole = losses_of(shapes_cfg(tmp_path / "whole", *EMA))
    losses_of(shapes_cfg(tmp_path / "parts", *EMA), stop_before=5)
    rest = losses_of(shapes_cfg(tmp_path / "parts", *EMA), resume=True)
    assert rest[5] == whole[5]
    ends = [torch.load(tmp_path / run / "model_final.pth", weights_only=True)["ema"] for run in ("whole", "parts")]
    assert all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
