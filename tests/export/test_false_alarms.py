"""A model that is too sure of itself becomes less so, and its ranking stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from balloon_splash.cli.pack_weights import main
from balloon_splash.errors import ConfigError, DatasetError, UsageError
from balloon_splash.export.false_alarms import limit_false_alarms
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.weights.packed import read_safetensors
from tests.inspect.model.tiny_model import write_run

LOW = 0.3  # what a random model takes for sure


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Weights of a random model, with scores that are far apart."""
    path = write_run(tmp_path_factory.mktemp("run"))[1]
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"]["roi_heads.box_predictor.cls_score.weight"] *= 60
    torch.save(checkpoint, path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures, of which a random model thinks this and that."""
    folder = tmp_path_factory.mktemp("negatives")
    rng = np.random.default_rng(0)
    for number in range(10):
        coarse = rng.integers(0, 256, (6 + number, 8 + number, 3), np.uint8)
        Image.fromarray(coarse).resize((128, 96), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def tops(segmenter: Segmenter, folder: Path) -> list[float]:
    images = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    return [float(max(found.scores, default=0.0)) for image in images for found in segmenter.detect([image])]


def load(weights: str, confidence: float = LOW) -> Segmenter:
    return Segmenter.from_config(None, weights, device="cpu", confidence=confidence)


@pytest.mark.parametrize(("share", "left"), [(0.0, 0), (0.2, 2), (0.35, 3)])
def test_the_share_is_kept_and_no_more_is_taken(weights: str, folder: Path, share: float, left: int) -> None:
    segmenter = load(weights)
    found = limit_false_alarms(segmenter, folder, share)
    assert (found.pictures, found.before, found.after) == (10, 8, left)
    assert sum(score >= LOW for score in tops(segmenter, folder)) == left
    assert found.shift > 0
    highest = sorted(tops(load(weights, 0.0), folder), reverse=True)[left]
    assert found.shift == pytest.approx(np.log(highest / (1 - highest)) - np.log(LOW / (1 - LOW)), abs=0.03)


def test_the_ranking_stays(weights: str, folder: Path) -> None:
    before = load(weights, 0.0)
    after = load(weights)
    limit_false_alarms(after, folder, 0.0)
    after.model.roi_heads.confidence_floor = 0.0
    after.confidence = 0.0
    image = np.asarray(Image.open(folder / "3.png"))
    (one,), (other,) = before.detect([image]), after.detect([image])
    kept = len(other.scores)  # what falls below Detectron2's own threshold of 0.05 is gone
    assert kept > 3
    assert np.allclose(one.boxes[:kept], other.boxes, atol=0.01)
    assert (other.scores < one.scores[:kept]).all()


def test_a_careful_model_stays_as_it_is(weights: str, folder: Path) -> None:
    segmenter = load(weights, 0.99)
    before = segmenter.model.roi_heads.box_predictor.cls_score.bias.clone()
    found = limit_false_alarms(segmenter, folder, 0.1)
    assert (found.before, found.after, found.shift) == (0, 0, 0.0)
    assert (segmenter.model.roi_heads.box_predictor.cls_score.bias == before).all()


@pytest.mark.parametrize("share", [-0.1, 1.0, 0.05])
def test_a_share_that_means_nothing_is_told(weights: str, folder: Path, share: float) -> None:
    message = "10 pictures; expected at least 20 for 0.05" if share == 0.05 else "expected 0 or more, and less than 1"
    with pytest.raises(UsageError, match=message):
        limit_false_alarms(load(weights), folder, share)


def test_a_folder_without_pictures_is_told(weights: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no picture to read in it"):
        limit_false_alarms(load(weights), tmp_path, 0.1)


def test_a_model_without_a_background_class_is_told(weights: str, folder: Path) -> None:
    segmenter = load(weights)
    segmenter.model.roi_heads.box_predictor.use_sigmoid_ce = True
    with pytest.raises(ConfigError, match="no softmax over classes and background"):
        limit_false_alarms(segmenter, folder, 0.1)


def test_the_packed_file_is_the_careful_one(
    weights: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small.safetensors"
    options = ["--negatives", str(folder), "--false-alarms", "0.2", "--confidence", str(LOW), "--storage", "fp16"]
    assert main(["--weights", weights, "--output", str(small), *options]) == 0
    assert "in 2 of 10 pictures at 0.3, in 8 before" in capsys.readouterr().out
    bias = read_safetensors(str(small))["model"]["roi_heads.box_predictor.cls_score.bias"]
    shift = limit_false_alarms(load(weights), folder, 0.2).shift
    assert bias.tolist() == pytest.approx([0.0, shift])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--confidence", "90"], "90 found, expected a number from 0 to 1"),
        (["--false-alarms", "few"], "few found, expected a number from 0 to 1"),
    ],
)
def test_a_number_that_is_none_is_told(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    with pytest.raises(SystemExit):
        main(["--weights", "w", "--output", "o", *options])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--false-alarms", "--confidence"])
def test_what_would_do_nothing_without_negatives_is_told(capsys: pytest.CaptureFixture[str], option: str) -> None:
    assert main(["--weights", "w", "--output", "o.safetensors", option, "0.5"]) == 2
    assert "expected --negatives DIR as well" in capsys.readouterr().err


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_a_confidence_that_no_score_can_cross_is_told(weights: str, folder: Path, confidence: float) -> None:
    with pytest.raises(UsageError, match=f"a confidence of {confidence:g}; expected more than 0 and less than 1"):
        limit_false_alarms(load(weights, confidence), folder, 0.2)
