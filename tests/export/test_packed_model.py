"""Any trained model becomes one packed file that a splash runs without torch, checked as it is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.modeling import build_model
from PIL import Image

from balloon_splash.cli.export import main
from balloon_splash.compositing.detections import Detections
from balloon_splash.config import load_config
from balloon_splash.data.render import render_scene
from balloon_splash.export.check import Difference, difference
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.splasher.loading import load_finder
from balloon_splash.weights.checkpoint import SafeCheckpointer
from tests.conftest import TINY

pytest.importorskip("openvino")

ZOO = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
NARROW = ["MODEL.RESNETS.RES2_OUT_CHANNELS", "32", "MODEL.RESNETS.STEM_OUT_CHANNELS", "8"]


def write_run(folder: Path, cfg: CfgNode, class_names: list[str]) -> str:
    """A random model whose objects differ in their scores; returns its weights."""
    torch.manual_seed(0)
    model = build_model(cfg)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("predictor.weight", "deltas.weight", "logits.weight", "cls_score.weight")):
                parameter.mul_(30)
    SafeCheckpointer(model, str(folder), class_names=class_names).save("model_final")
    (folder / "config.yaml").write_text(cfg.dump())
    return str(folder / "model_final.pth")


@pytest.fixture
def photo(tmp_path: Path) -> str:
    path = tmp_path / "photo.png"
    Image.fromarray(render_scene(3, (128, 96)).image).save(path)
    return str(path)


def test_a_trained_model_runs_without_torch_in_8_bits(
    tmp_path: Path, photo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, load_config("balloon_R18_FPN.yaml", TINY, device="cpu"), ["cup"])
    command = ["--weights", str(tmp_path), "--output", str(tmp_path / "out"), "--formats", "packed"]
    command += ["--check", photo, "--confidence", "0.3", "--calibration", photo]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "model.safetensors (packed, " in printed
    assert f"{photo}, in int8: " in printed
    finder = load_finder(weights=str(tmp_path / "out"), confidence=0.3)
    assert isinstance(finder, OpenVinoFinder)
    assert (finder.class_names, finder.precision) == (("cup",), "int8")
    assert main(command) == 2
    assert "exists" in capsys.readouterr().err
    # Packed again, without photos, it keeps its ranges.
    again = ["--weights", str(tmp_path / "out"), "--output", str(tmp_path / "again"), *command[4:-2]]
    assert main(again) == 0
    assert OpenVinoFinder(tmp_path / "again" / "model.safetensors").precision == "int8"


def test_a_model_of_the_zoo_with_80_classes_goes_the_same_way(tmp_path: Path, photo: str) -> None:
    opts = [*TINY, *NARROW]
    names = MetadataCatalog.get("coco_2017_val").thing_classes
    weights = write_run(tmp_path, load_config(ZOO, opts, device="cpu"), names)
    command = ["--weights", weights, "--config-file", ZOO, "--output", str(tmp_path / "out"), "--formats", "packed"]
    assert main([*command, "--check", photo, "--confidence", "0.02", "--opts", *opts]) == 0
    (found,) = load_finder(weights=str(tmp_path / "out"), confidence=0.0).detect([np.asarray(Image.open(photo))])
    assert len(found)
    assert (len(found.class_names), found.class_names[0], found.class_names[79]) == (80, "person", "toothbrush")


def test_a_file_that_the_runtime_misreads_is_not_kept(
    tmp_path: Path, photo: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = write_run(tmp_path, load_config("balloon_R18_FPN.yaml", TINY, device="cpu"), ["cup"])
    detect = OpenVinoFinder.detect
    monkeypatch.setattr(OpenVinoFinder, "detect", lambda self, images: [each[1:] for each in detect(self, images)])
    command = ["--weights", weights, "--output", str(tmp_path / "out"), "--formats", "packed", "--check", photo]
    assert main([*command, "--confidence", "0.3"]) == 2
    assert "model.safetensors: not written, since its results in fp32 differ from torch's" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_photo_without_objects_is_not_enough_for_a_packed_file_either(
    tmp_path: Path, photo: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = write_run(tmp_path, load_config("balloon_R18_FPN.yaml", TINY, device="cpu"), ["cup"])
    command = ["--weights", weights, "--output", str(tmp_path / "out"), "--formats", "packed", "--check", photo]
    assert main([*command, "--confidence", "1"]) == 2
    assert f"no object above confidence 1.0 in {photo}; expected a photo with one (--check)" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_objects_are_compared_with_those_that_lie_where_they_do() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 40, 40]], np.float32)
    first = Detections(
        (50, 50), boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1]), np.zeros((2, 4, 4), np.float32), ("a", "b")
    )
    moved = replace(first[[1, 0]], boxes=boxes[::-1] + np.float32(0.25), scores=np.array([0.85, 0.84], np.float32))
    found = difference(first, moved)
    assert (found.expected, found.found, found.boxes, found.masks) == (2, 2, 0.25, 0)
    assert found.scores == pytest.approx(0.06, abs=1e-6)
    assert difference(first, first[:1]) == Difference(2, 1)
    assert difference(first, replace(first, classes=np.array([0, 0]))) == Difference(2, -1)
    assert difference(first, first[[0, 0]]) == Difference(2, -1)
