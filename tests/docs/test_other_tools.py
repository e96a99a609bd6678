"""Weights of ours run in Detectron2's own predictor, and in tools that load its models, as the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode, get_cfg
from detectron2.engine import DefaultPredictor
from detectron2.modeling import ROI_BOX_HEAD_REGISTRY, build_model
from detectron2.modeling.roi_heads import FastRCNNConvFCHead

from balloon_splash.cli import pack_weights
from balloon_splash.config import load_config
from balloon_splash.data.render import render_scene
from balloon_splash.errors import WeightsError
from balloon_splash.export.packing import unpack_weights
from balloon_splash.inference.loading import load_model
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.weights.fetch import local_weights
from tests.conftest import TINY
from tests.modeling.test_point_refinement import REFINED

PAGE = Path(__file__).parents[2] / "docs" / "other_tools.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
FINDINGS = sorted(path.name for path in (PAGE.parents[1] / "findings").glob("*.sh"))
IMAGE = render_scene(3, (320, 240)).image


def write_run(folder: Path, *opts: str) -> tuple[CfgNode, str]:
    """Write a random model that finds something, as a run does; return its configuration and its checkpoint."""
    torch.manual_seed(0)
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *opts])
    model = build_model(cfg)
    with torch.no_grad():
        model.roi_heads.box_predictor.cls_score.bias[0] += 1
    folder.mkdir()
    (folder / "config.yaml").write_text(cfg.dump())
    SafeCheckpointer(model, str(folder), class_names=["kite"]).save("model_final")
    return cfg, str(folder / "model_final.pth")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Names that the examples define. A small model stands for the reader's kites, and pictures are resized small."""
    for tool in ("sahi", "supervision"):
        pytest.importorskip(tool)
    folder = tmp_path_factory.mktemp("page")
    _, weights = write_run(folder / "run")
    names: dict[str, Any] = {"image": IMAGE}

    def small(config_file: str, **options: Any) -> CfgNode:
        return load_config(config_file, ["INPUT.MIN_SIZE_TEST", "240"], device="cpu", **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BALLOON_SPLASH_CACHE", str(folder / "cache"))
        assert pack_weights.main(["--weights", weights, "--to", "pth", "--output", "kites_d2.pth"]) == 0
        patch.setattr("balloon_splash.load_config", small, raising=False)
        for number, example in enumerate(EXAMPLES):
            exec(compile(example, f"{PAGE} {number}", "exec"), names)
        names["shipped"] = load_model(device="cpu").model.state_dict()
    return names


def test_the_shipped_weights_are_in_detectron2s_predictor_and_model(page: dict[str, Any]) -> None:
    for model in (page["predictor"].model, page["model"]):
        state = model.state_dict()
        assert all(torch.equal(state[name], value) for name, value in page["shipped"].items())
    assert (page["instances"].scores > 0.9).any(), "the rendered balloons"


def test_a_head_of_ones_own_is_in_the_model(page: dict[str, Any]) -> None:
    head = page["bounded"].roi_heads.mask_head
    assert type(head).__name__ == "BoundedMaskHead"
    torch.nn.init.constant_(head.predictor.bias, 50.0)
    assert head.layers(torch.zeros(1, 256, 14, 14)).unique().tolist() == [10.0]


def test_supervision_shows_what_was_found(page: dict[str, Any]) -> None:
    sure = page["instances"][page["instances"].scores >= 0.9]
    np.testing.assert_array_equal(page["sure"].mask, sure.pred_masks.numpy())
    np.testing.assert_allclose(page["sure"].xyxy, sure.pred_boxes.tensor.numpy(), atol=1e-4)
    covered = sure.pred_masks.numpy().any(axis=0)
    changed = (page["marked"] != IMAGE).any(axis=2)
    assert changed[covered].mean() > 0.99
    assert not changed[~covered].any()


def test_sahi_finds_objects_by_their_name(page: dict[str, Any]) -> None:
    assert page["found"].object_prediction_list
    assert {each.category.name for each in page["found"].object_prediction_list} == {"kite"}


def test_a_standard_model_needs_nothing_of_ours_and_finds_the_same(tmp_path: Path) -> None:
    cfg, weights = write_run(tmp_path / "run")
    assert cfg.INPUT.FORMAT == "RGB"
    assert unpack_weights(weights, tmp_path / "kites.pth") == []
    plain = get_cfg()
    plain.merge_from_file(str(tmp_path / "kites.yaml"))
    assert (plain.MODEL.META_ARCHITECTURE, plain.INPUT.FORMAT) == ("GeneralizedRCNN", "BGR")
    plain.MODEL.WEIGHTS = str(tmp_path / "kites.pth")
    found = DefaultPredictor(plain)(IMAGE[:, :, ::-1])["instances"]
    (expected,) = Segmenter.from_config(None, weights, device="cpu", confidence=0.0)([IMAGE])
    assert len(expected) == len(found) > 0
    torch.testing.assert_close(found.scores, expected.scores, atol=1e-5, rtol=0)
    torch.testing.assert_close(found.pred_boxes.tensor, expected.pred_boxes.tensor, atol=1e-2, rtol=0)


def test_a_model_with_a_point_head_says_that_it_needs_us(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, weights = write_run(tmp_path / "run", *REFINED)
    start = ["--weights", weights, "--to", "pth", "--output", str(tmp_path / "kites.pth")]
    assert pack_weights.main(start) == 0
    assert "with Detectron2, after import balloon_splash" in capsys.readouterr().out
    assert load_config(str(tmp_path / "kites.yaml")).MODEL.ROI_MASK_HEAD.NAME == "PointRefinedMaskHead"
    (tmp_path / "kites.pth").unlink()
    assert pack_weights.main(start) == 2, "its configuration is there, and may be that of another file"
    assert "kites.yaml: exists already" in capsys.readouterr().err
    assert not (tmp_path / "kites.pth").exists()
    (tmp_path / "kites.yaml").unlink()
    assert pack_weights.main(start) == 0
    for options, message in {
        (): "exists already",
        ("--storage", "fp16"): "--storage is for packed files",
        ("--output", "kites.bin"): "expected a name that ends in .pth (--output)",
    }.items():
        assert pack_weights.main([*start, *options]) == 2
        assert message in capsys.readouterr().err


def test_what_is_no_packed_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"balloon-splash://nowhere: no such file; expected balloon-splash://balloon"
    ):
        local_weights("balloon-splash://nowhere")


def test_a_box_head_of_your_own_is_named_with_the_module_to_import(tmp_path: Path) -> None:
    class KiteBoxHead(FastRCNNConvFCHead):
        pass

    ROI_BOX_HEAD_REGISTRY.register(KiteBoxHead)
    _, weights = write_run(tmp_path / "run", "MODEL.ROI_BOX_HEAD.NAME", "KiteBoxHead")
    assert unpack_weights(weights, tmp_path / "kites.pth") == ["balloon_splash", __name__]


def test_every_finding_has_a_row_that_says_what_to_do() -> None:
    rows = re.findall(r"^\|.*\| `(\w+\.sh)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == FINDINGS
