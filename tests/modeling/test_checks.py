"""A model whose weights are no numbers is an error: it must not pass for one that finds nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.errors import WeightsError
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.splasher import Splasher
from tests.fakes import draw_scene
from tests.inspect.model.tiny_model import write_run

LAYERS = ["backbone.bottom_up.res4.0.conv1", "proposal_generator.rpn_head.conv", "roi_heads.box_predictor.cls_score"]


def spoil(weights: str, layer: str, value: float) -> None:
    """Put one ``value`` into the weights of a layer."""
    data = torch.load(weights, weights_only=True)
    tensor = data["model"][f"{layer}.weight"]
    tensor.view(-1)[tensor.numel() // 2] = value
    torch.save(data, weights)


def sound(folder: Path) -> Segmenter:
    config, weights = write_run(folder / "run")
    return Segmenter.from_config(config, weights, device="cpu", confidence=0.1)


@pytest.mark.parametrize(("layer", "value"), [*((layer, np.nan) for layer in LAYERS), (LAYERS[0], np.inf)])
def test_one_weight_that_is_no_number_is_one_line_and_no_grey_picture(tmp_path: Path, capsys, layer: str, value: float):
    config, weights = write_run(tmp_path / "run")
    spoil(weights, layer, value)
    Image.fromarray(draw_scene()).save(tmp_path / "photo.png")
    command = ["--input", str(tmp_path / "photo.png"), "--weights", weights, "--config-file", config, "--device", "cpu"]
    assert main([*command, "--quiet"]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "NaN or infinity" in err
    assert not (tmp_path / "photo_splash.png").exists()


def test_masks_that_are_no_numbers_are_refused_too(tmp_path: Path):
    segmenter = sound(tmp_path)
    splasher = Splasher(segmenter=segmenter, confidence=0.1)
    segmenter.model.roi_heads.mask_head.predictor.weight.data[0, 0] = np.nan
    with pytest.raises(WeightsError, match="masks are NaN"):
        splasher(draw_scene())


@pytest.mark.parametrize("layer", ["proposal_generator.rpn_head.anchor_deltas", "roi_heads.box_predictor.bbox_pred"])
def test_numbers_that_overflow_on_the_way_are_refused_too(tmp_path: Path, layer: str):
    segmenter = sound(tmp_path)
    segmenter.model.get_submodule(layer).weight.data.fill_(3e38)
    with pytest.raises(WeightsError, match="predicts NaN or infinity"):
        segmenter.detect([draw_scene()])


def test_a_sound_model_is_left_alone(tmp_path: Path):
    assert len(sound(tmp_path).detect([draw_scene()])) == 1
