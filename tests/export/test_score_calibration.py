"""Scores become shares of objects, by predictions for photos that the models did not learn from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from balloon_splash.cli.pack_weights import main
from balloon_splash.engine.out_of_fold import OutOfFold
from balloon_splash.errors import ConfigError, UsageError
from balloon_splash.export.score_calibration import calibrate_scores, fit_calibration
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.weights.packed import read_safetensors
from tests.inspect.model.tiny_model import write_run

SLOPE, INTERCEPT = 0.6, 1.1
LAYER = "roi_heads.box_predictor.cls_score"


def logit(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(scores) - np.log1p(-scores))


def predictions() -> OutOfFold:
    """Detections whose chance to be objects is a known function of their scores."""
    rng, number = np.random.default_rng(3), 4000
    logits = rng.normal(0, 3, number)
    chance = 1 / (1 + np.exp(-(SLOPE * logits + INTERCEPT)))
    return OutOfFold(
        number, ("a.jpg",) * number, ("balloon",) * number, 1 / (1 + np.exp(-logits)), rng.random(number) < chance
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights of a random model, with scores that are far apart, and with a bias."""
    path = write_run(tmp_path_factory.mktemp("run"))[1]
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"][f"{LAYER}.weight"] *= 60
    checkpoint["model"][f"{LAYER}.bias"] += torch.tensor([0.5, -0.4])
    torch.save(checkpoint, path)
    return path


def test_slope_and_intercept_are_found() -> None:
    found = predictions()
    change = fit_calibration(found.scores, found.is_object)
    assert change.slope == pytest.approx(SLOPE, abs=0.05)
    assert change.intercept == pytest.approx(INTERCEPT, abs=0.1)
    assert change.after < change.before
    after = 1 / (1 + np.exp(-(change.slope * logit(found.scores) + change.intercept)))
    for low in (0.1, 0.5, 0.8):
        near = (after >= low) & (after < low + 0.1)
        assert found.is_object[near].mean() == pytest.approx(after[near].mean(), abs=0.06)


def test_certain_scores_count_like_others() -> None:
    scores = np.array([1.0] * 60 + [0.0] * 60)
    change = fit_calibration(scores, np.array([True] * 57 + [False] * 60 + [True] * 3))
    assert np.isfinite([change.slope, change.intercept, change.after]).all()
    assert 0 < change.slope < 1


def test_the_models_scores_change_so_and_their_order_stays(weights: str) -> None:
    image = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    before, after = (Segmenter.from_config(None, weights, device="cpu", confidence=0.0) for _ in range(2))
    change = calibrate_scores(after.model, ["balloon"], predictions())
    (one,), (other,) = before.detect([image]), after.detect([image])
    kept = min(len(one.scores), len(other.scores))  # the rest fell below Detectron2's own threshold
    assert kept > 3
    assert np.allclose(one.boxes[:kept], other.boxes[:kept], atol=0.01)
    expected = change.slope * logit(one.scores[:kept].astype(float)) + change.intercept
    assert np.allclose(logit(other.scores[:kept].astype(float)), expected, atol=0.01)


@pytest.mark.parametrize(("objects", "others"), [(19, 500), (500, 19), (0, 0)])
def test_too_few_are_refused(objects: int, others: int) -> None:
    is_object = np.arange(objects + others) < objects
    with pytest.raises(UsageError, match=f"{objects} detections of objects and {others} others; expected at least 20"):
        fit_calibration(np.full(objects + others, 0.5), is_object)


def test_scores_that_rank_the_wrong_way_are_refused() -> None:
    found = predictions()
    with pytest.raises(UsageError, match="higher scores are not likelier objects"):
        fit_calibration(found.scores, ~found.is_object)


def test_several_classes_are_refused(weights: str) -> None:
    model = Segmenter.from_config(None, weights, device="cpu").model
    with pytest.raises(ConfigError, match="kite, cup: found several classes; scores can be calibrated for one only"):
        calibrate_scores(model, ["kite", "cup"], predictions())


def test_predictions_of_another_class_are_refused(weights: str) -> None:
    model = Segmenter.from_config(None, weights, device="cpu").model
    with pytest.raises(UsageError, match="predictions of balloon; expected those of the model's class, cup"):
        calibrate_scores(model, ["cup"], predictions())


def test_the_packed_file_is_calibrated(weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = predictions()
    found.write(tmp_path / "out_of_fold.json")
    small = tmp_path / "small.safetensors"
    options = ["--calibrate-scores", str(tmp_path / "out_of_fold.json"), "--storage", "fp16"]
    assert main(["--weights", weights, "--output", str(small), *options]) == 0
    assert "calibrated on 4000 detections: logit times 0.6" in capsys.readouterr().out
    change = fit_calibration(found.scores, found.is_object)
    packed, first = read_safetensors(str(small))["model"], torch.load(weights, weights_only=True)["model"]
    assert torch.allclose(packed[f"{LAYER}.weight"], first[f"{LAYER}.weight"] * change.slope, rtol=1e-2, atol=1e-3)
    wanted = first[f"{LAYER}.bias"] * change.slope - torch.tensor([0.0, change.intercept])
    assert torch.allclose(packed[f"{LAYER}.bias"], wanted, atol=1e-3)


def test_another_file_is_told(weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--output", str(tmp_path / "small.safetensors"), "--calibrate-scores", weights]
    assert main(["--weights", weights, *options]) == 2
    assert "expected an out_of_fold.json of tools/cross_validate.py" in capsys.readouterr().err
    assert not (tmp_path / "small.safetensors").exists()
