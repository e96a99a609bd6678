"""A configuration runs where it lands, and a typing error in it does not pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from detectron2.modeling import build_model

from balloon_splash.config import config_folder, config_path, load_config
from balloon_splash.errors import ConfigError
from balloon_splash.modeling.part_names import check_part_names

CONFIGS = sorted(path.relative_to(config_folder()).as_posix() for path in config_folder().rglob("*.yaml"))


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_loads_and_its_model_is_ours(name: str) -> None:
    cfg = load_config(name)
    check_part_names(cfg)
    family = "Matterport" if name.startswith("matterport") else "Balloon"
    assert f"{family}RCNN" == cfg.MODEL.META_ARCHITECTURE
    assert f"{family}RPN" == cfg.MODEL.PROPOSAL_GENERATOR.NAME
    assert f"{family}ROIHeads" == cfg.MODEL.ROI_HEADS.NAME
    assert ("cuda" if torch.cuda.is_available() else "cpu") == cfg.MODEL.DEVICE


def test_the_default_is_the_articles_model() -> None:
    cfg = load_config("configs/balloon_R101_FPN.yaml")
    assert cfg.MODEL.RESNETS.DEPTH == 101
    assert cfg.MODEL.WEIGHTS.startswith("detectron2://COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x/")
    assert cfg.DATASETS.TRAIN == ("balloon_train",)


def test_the_device_of_a_file_is_not_believed_but_the_users_is(tmp_path: Path) -> None:
    (tmp_path / "gpu.yaml").write_text("MODEL:\n  DEVICE: cuda:7\n")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert expected == load_config(str(tmp_path / "gpu.yaml")).MODEL.DEVICE
    assert load_config(str(tmp_path / "gpu.yaml"), ["MODEL.DEVICE", "cpu"]).MODEL.DEVICE == "cpu"
    assert load_config(str(tmp_path / "gpu.yaml"), device="cpu").MODEL.DEVICE == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match="no CUDA device"):
        load_config(device="cuda")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MODEL:\n  BALLON:\n    SOFT_MASKS: True\n", r"MODEL\.BALLON: no such key; did you mean MODEL\.BALLOON\?"),
        ("SOLVER:\n  MAX_ITER: soon\n", "SOLVER.MAX_ITER is soon; expected a whole number"),
        ("SOLVER:\n  BASE_LR: 1\n", "SOLVER.BASE_LR is 1; expected a number with a point"),
        ("SOLVER: 3\n", "SOLVER is 3; expected keys of this section"),
        ("_BASE_: nowhere.yaml\n", "nowhere.yaml"),
        ("MODEL: [", "while parsing"),
        ("just text", "no sections found"),
        ("", "no sections found"),
    ],
)
def test_a_wrong_file_is_told_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("SOLVER.MAX_ITERS 6", "SOLVER.MAX_ITERS: no such key; did you mean SOLVER.MAX_ITER?"),
        ("solver.max_iter 6", "solver.max_iter: no such key; did you mean SOLVER.MAX_ITER?"),
        ("BASE_LR 0.1", "BASE_LR: no such key; did you mean SOLVER.BASE_LR?"),
        ("MODEL.BALOON.SOFT_MASKS True", "did you mean MODEL.BALLOON.SOFT_MASKS?"),
        ("MODEL.BALLOON.SOFT_MASKS.X 1", "MODEL.BALLOON.SOFT_MASKS.X: no such key"),
        ("NOTHING 1", "NOTHING: no such key; expected one that Detectron2 or balloon_splash/config.py defines"),
        ("SOLVER.MAX_ITER", "SOLVER.MAX_ITER: no value; expected KEY VALUE pairs"),
        ("OUTPUT_DIR=out SOLVER.MAX_ITER=6", "OUTPUT_DIR=out: no value; expected OUTPUT_DIR out, with a space"),
        ("SOLVER.MAX_ITER six", "SOLVER.MAX_ITER is six; expected a whole number"),
        ("SOLVER.STEPS 10", 'SOLVER.STEPS is 10; expected a list, such as "(10,)"'),
        ("DATASETS.TRAIN kites", "DATASETS.TRAIN is kites; expected a list, such as \"('kites',)\""),
        ("MODEL.BALLOON True", "MODEL.BALLOON is True; expected keys of this section, such as SOFT_MASKS"),
    ],
)
def test_a_wrong_override_is_told_with_the_right_one(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config(None, words.split())


def test_a_file_from_a_stranger_runs_no_code(tmp_path: Path) -> None:
    """Detectron2 falls back to an unsafe YAML loader when it meets a Python tag."""
    target = tmp_path / "pwned"
    (tmp_path / "evil.yaml").write_text(f"OUTPUT_DIR: !!python/object/apply:os.mkdir [{target}]\n")
    with pytest.raises(ConfigError, match=r"evil.yaml"):
        load_config(str(tmp_path / "evil.yaml"))
    assert not target.exists()


def test_our_names_are_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_path("configs/balloon_R50_FPN.yaml") == config_folder() / "balloon_R50_FPN.yaml"
    quick = "quick_schedules/shapes_R18.yaml"
    assert config_path(f"configs/{quick}") == config_path(quick) == config_folder() / quick
    assert config_path("COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml").is_file()
    with pytest.raises(ConfigError, match=r"did you mean balloon_R\w+_FPN\.yaml"):
        config_path("ballon.yaml")


def test_point_rend_by_configuration() -> None:
    """The mask head is exchangeable: PointRend's works with our ROI heads."""
    head = ["NAME", "PointRendMaskHead", "POINT_HEAD_ON", "True", "POOLER_TYPE", ""]
    opts = [f"MODEL.ROI_MASK_HEAD.{word}" if word.isupper() else word for word in head]
    cfg = load_config("balloon_R18_FPN.yaml", [*opts, "MODEL.POINT_HEAD.NUM_CLASSES", "1"], device="cpu")
    model = build_model(cfg).eval()
    with torch.no_grad():
        (result,) = model([{"image": torch.zeros(3, 96, 128), "height": 96, "width": 128}])
    assert result["instances"].soft_masks.shape[1:] == (224, 224)


def test_a_whole_number_will_do_for_a_key_that_takes_fractions() -> None:
    opts = ["MODEL.BALLOON.GROW_CUT_BOXES", "0", "SOLVER.BASE_LR", "1", "SOLVER.MAX_ITER", "3"]
    cfg = load_config("balloon_R50_slim_points.yaml", opts)
    assert [cfg.MODEL.BALLOON.GROW_CUT_BOXES, cfg.SOLVER.BASE_LR, cfg.SOLVER.MAX_ITER] == [0.0, 1.0, 3]
    assert isinstance(cfg.SOLVER.BASE_LR, float)
