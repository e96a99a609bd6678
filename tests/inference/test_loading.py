"""One way to a model in memory, which everything that runs a trained model takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from detectron2.config import CfgNode

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.inference.loading import load_model
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.inspect.model.subject import Subject


def test_a_model_comes_with_its_configuration_and_the_names_of_its_classes(run: Path) -> None:
    weights = str(run / "model_final.pth")
    model, cfg, class_names = load_model(weights=weights, device="cpu", opts=["INPUT.MIN_SIZE_TEST", "64"])
    assert not model.training
    assert (weights, "cpu", 64) == (cfg.MODEL.WEIGHTS, cfg.MODEL.DEVICE, cfg.INPUT.MIN_SIZE_TEST)
    assert class_names == ("balloon",)
    saved = torch.load(weights, weights_only=True)["model"]
    assert all(torch.equal(value, saved[name]) for name, value in model.state_dict().items())


def test_weights_that_are_no_numbers_are_refused_whoever_loads_them(run: Path) -> None:
    data = torch.load(run / "model_final.pth", weights_only=True)
    for value, message in ((np.nan, "NaN or infinity"), (-3e38, "3e.38, with which sums overflow")):
        data["model"]["proposal_generator.rpn_head.conv.weight"][0, 0, 0, 0] = value
        torch.save(data, run / "spoilt.pth")
        for load in (load_model, Subject.load):
            with pytest.raises(WeightsError, match=message):
                load(weights=str(run / "spoilt.pth"), device="cpu")


@pytest.mark.parametrize("load", [load_model, Segmenter.from_config, Subject.load])
def test_the_configuration_is_read_once(run: Path, monkeypatch: pytest.MonkeyPatch, load) -> None:
    read: list[str] = []

    def counted(name: str, *args, **options) -> CfgNode:
        read.append(name)
        return load_config(name, *args, **options)

    monkeypatch.setattr("balloon_splash.weights.resolve.load_config", counted)
    load(weights=str(run / "model_final.pth"), device="cpu")
    assert read == [str(run / "config.yaml")]


@pytest.mark.parametrize(("floor", "confidence"), [(0.3, 0.9), (0.9, 0.3)])
def test_of_the_configurations_floor_and_the_confidence_the_larger_counts(
    run: Path, images: list[npt.NDArray[np.uint8]], floor: float, confidence: float
) -> None:
    weights = str(run / "model_final.pth")
    scores = Segmenter.from_config(weights=weights, confidence=0.0).detect(images[:1])[0].scores
    low, high = np.quantile(scores, floor), np.quantile(scores, confidence)
    opts = ["MODEL.BALLOON.CONFIDENCE_FLOOR", str(low)]
    segmenter = Segmenter.from_config(weights=weights, confidence=float(high), opts=opts)
    assert segmenter.confidence == segmenter.model.roi_heads.confidence_floor == max(low, high)
    (found,) = segmenter.detect(images[:1])
    assert len(found) == (scores >= max(low, high)).sum() < len(scores)
    subject = Subject.load(weights=weights, opts=opts)
    subject.model.trace = lambda inputs: subject.model.roi_heads.confidence_floor
    assert subject.trace({}, confidence=float(high)) == max(low, high)
