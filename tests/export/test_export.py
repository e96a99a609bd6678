"""Exported models find what the original finds, on photos of any size, also where there is nothing to find."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from PIL import Image

from balloon_splash.cli.export import main
from balloon_splash.data.render import render_scene
from balloon_splash.errors import ConfigError, OutputExistsError
from balloon_splash.export import snippet
from balloon_splash.export.check import compare
from balloon_splash.export.formats import EXACT_PRECISION, OPSET, SUFFIXES, check_installed, load, write
from balloon_splash.export.graph import DetectionGraph
from balloon_splash.export.model import export
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.weights.checkpoint import SafeCheckpointer
from tests.matterport.files import PARTS
from tests.modeling.test_cut_boxes import GROW
from tests.modeling.test_point_refinement import REFINED


@pytest.fixture
def segmenter(tiny_cfg: CfgNode, request: pytest.FixtureRequest) -> Segmenter:
    """Random weights, of which each picture but the last detail gets some objects; a test may want another head."""
    tiny_cfg.merge_from_list(getattr(request, "param", []))
    torch.manual_seed(0)
    model = build_model(tiny_cfg)
    with torch.no_grad():  # else a last digit decides which of many equal boxes come first
        model.proposal_generator.rpn_head.objectness_logits.weight *= 100
        model.roi_heads.box_predictor.cls_score.weight *= 100
    return Segmenter(model, tiny_cfg, ["balloon"], confidence=0.0)


REFINED_AND_GROWN = [*REFINED, *GROW]
each_head = pytest.mark.parametrize("segmenter", [[], REFINED_AND_GROWN], ids=["standard", "points"], indirect=True)
each_model = pytest.mark.parametrize(
    "segmenter", [[], REFINED_AND_GROWN, [*PARTS, *GROW]], ids=["standard", "points", "matterport"], indirect=True
)


@each_model
@pytest.mark.parametrize("name", SUFFIXES)
def test_each_format_finds_the_same(name: str, segmenter: Segmenter, tmp_path: Path) -> None:
    pytest.importorskip({"onnx": "onnxruntime", "openvino": "openvino"}.get(name, "torch"))
    path = tmp_path / f"model{SUFFIXES[name]}"
    sizes = [(160, 120), (120, 160), (140, 90)]
    images = [segmenter.network_image(render_scene(seed, size).image) for seed, size in enumerate(sizes)]
    expected = [
        segmenter.model.inference([{"image": torch.from_numpy(image)}], do_postprocess=False) for image in images
    ]
    graph = DetectionGraph(segmenter.model, 0.0).eval()
    write(name, graph, torch.from_numpy(images[0]), path)
    run = load(name, path, precision=EXACT_PRECISION)
    for image, (instances,) in zip(images, expected, strict=True):
        found = compare(graph, run, image)
        assert found.expected == len(instances) > 0
        assert found.small, found
        np.testing.assert_allclose(graph(torch.from_numpy(image))[3], instances.pred_masks[:, 0].detach(), atol=1e-6)


@each_head
@pytest.mark.parametrize("name", SUFFIXES)
def test_nothing_found_is_no_error(name: str, segmenter: Segmenter, tmp_path: Path) -> None:
    pytest.importorskip({"onnx": "onnxruntime", "openvino": "openvino"}.get(name, "torch"))
    image = segmenter.network_image(render_scene(0, (160, 120)).image)
    graph = DetectionGraph(segmenter.model, 0.0).eval()
    # Something is found here, and nothing in black: no proposal scores as much there, before the mask head sees it.
    graph.confidence = segmenter.model.roi_heads.confidence_floor = (
        float(graph(torch.from_numpy(image))[1].max()) - 1e-4
    )
    other = np.zeros_like(image)
    with torch.no_grad():
        assert len(graph(torch.from_numpy(other))[1]) == 0
    path = tmp_path / f"model{SUFFIXES[name]}"
    write(name, graph, torch.from_numpy(image), path)
    boxes, scores, classes, masks = load(name, path, precision=EXACT_PRECISION)(other)
    assert (boxes.shape, scores.shape, classes.shape) == ((0, 4), (0,), (0,))
    assert masks.shape[0] == 0


def test_the_files_tell_how_they_are_used(segmenter: Segmenter, tmp_path: Path) -> None:
    photos = {"a": render_scene(0, (160, 120)).image}
    ((name, path, differences),) = export(segmenter, tmp_path, "tiny", ["torchscript"], photos)
    assert (name, path) == ("torchscript", tmp_path / "tiny.ts")
    assert all(each.small for each in differences.values())
    usage = json.loads((tmp_path / "tiny.json").read_text())
    assert usage["class_names"] == ["balloon"]
    assert usage["input"]["channels"] == "RGB"
    assert (usage["input"]["short_edge"], usage["input"]["longest_edge"]) == (96, 128)
    assert usage["onnx_opset"] == OPSET
    with pytest.raises(OutputExistsError):
        list(export(segmenter, tmp_path, "tiny", ["torchscript"], photos))


@pytest.mark.parametrize("names", [["torchscript"], pytest.param(["onnx", "openvino"], marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "segmenter", [[], pytest.param(REFINED, marks=pytest.mark.slow)], ids=["standard", "points"], indirect=True
)
def test_the_example_beside_them_finds_the_same_without_our_package(
    names: list[str], segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = render_scene(0, (160, 120)).image
    Image.fromarray(photo).save(tmp_path / "photo.png")
    written = [path for _, path, _ in export(segmenter, tmp_path, "tiny", names, {"a": photo})]
    (expected,) = segmenter([photo])
    for name in [name for name in sys.modules if name.partition(".")[0] in ("balloon_splash", "detectron2")]:
        monkeypatch.setitem(sys.modules, name, None)  # importing it is an error from here on
    example = runpy.run_path(str(tmp_path / "tiny_example.py"))
    usage = json.loads((tmp_path / "tiny.json").read_text())
    for path in written:
        boxes, scores, _, masks = example["find"](example["LOADERS"][path.suffix](path, usage), photo, usage)
        order = np.argsort(-scores, kind="stable")
        np.testing.assert_allclose(scores[order], expected.scores, atol=1e-3)
        np.testing.assert_allclose(boxes[order], expected.pred_boxes.tensor, atol=0.5)
        assert (masks[order] != expected.pred_masks.numpy()).mean() < 2e-3
    example["main"](str(written[0]), str(tmp_path / "photo.png"))
    splash = np.asarray(Image.open(tmp_path / "photo_splash.png"))
    kept = expected.pred_masks.numpy().any(axis=0)
    assert (splash[kept] != photo[kept]).mean() < 0.01
    monkeypatch.setattr(sys, "argv", ["tiny_example.py", str(written[0]), str(tmp_path / "photo.png")])
    with pytest.raises(SystemExit, match=r"photo_splash\.png: exists already; remove it, or rename the photo"):
        runpy.run_path(str(tmp_path / "tiny_example.py"), run_name="__main__")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [([], r"usage: python .*snippet\.py MODEL PHOTO"), (["nope.onnx", "photo.jpg"], "No such file or directory")],
)
def test_wrong_use_of_the_example_is_one_line(arguments: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["model_example.py", *arguments])
    with pytest.raises(SystemExit, match=told):
        runpy.run_path(snippet.__file__, run_name="__main__")


def test_a_photo_without_objects_is_not_enough(segmenter: Segmenter, tmp_path: Path) -> None:
    segmenter.confidence = 1.0
    photos = {"plain.jpg": np.zeros((120, 160, 3), np.uint8)}
    with pytest.raises(ConfigError, match=r"no object above confidence 1.0 in plain.jpg; expected a photo with one"):
        list(export(segmenter, tmp_path, "tiny", ["torchscript"], photos))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balloon_splash.export.formats.find_spec", lambda name: None)
    check_installed(["torchscript"])
    with pytest.raises(ConfigError, match="format onnx: onnx is not installed"):
        check_installed(["onnx"])


def test_the_command(tiny_cfg: CfgNode, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SafeCheckpointer(build_model(tiny_cfg), str(tmp_path), class_names=["balloon"]).save("model_final")
    (tmp_path / "config.yaml").write_text(tiny_cfg.dump())
    Image.fromarray(render_scene(0, (160, 120)).image).save(tmp_path / "photo.png")
    command = ["--weights", str(tmp_path / "model_final.pth"), "--check", str(tmp_path / "photo.png")]
    command += ["--output", str(tmp_path / "out"), "--formats", "torchscript", "--confidence", "0"]
    assert main(command) == 0
    streams = capsys.readouterr()
    assert "model.ts (torchscript); largest differences from torch:" in streams.out
    assert re.search(r"^torchscript: .* 0/1 ", streams.err, re.M), "long work without progress"
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err


def test_openvinos_own_precision_is_reported_and_the_exact_one_named(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr("balloon_splash.export.model.default_precision", lambda: "bf16")
    photos = {"a": render_scene(0, (160, 120)).image}
    ((_, _, differences),) = export(segmenter, tmp_path, "tiny", ["openvino"], photos)
    exact = [name for name in differences if not name.endswith(", in bf16")]
    assert "a" in exact
    assert sorted(differences) == sorted([*exact, *(f"{name}, in bf16" for name in exact)])
    usage = json.loads((tmp_path / "tiny.json").read_text())
    assert usage["openvino"]["compile_with"] == {"INFERENCE_PRECISION_HINT": "f32"}
