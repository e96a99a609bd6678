"""One of configuration and weights is enough, and the zoo's configurations come with the zoo's trained weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from detectron2.config import CfgNode

from balloon_splash.config import load_config
from balloon_splash.errors import ConfigError, WeightsError
from balloon_splash.splasher.loading import load_finder
from balloon_splash.weights import names as zoo
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.weights.fetch import local_weights
from balloon_splash.weights.names import SHORT_NAMES
from balloon_splash.weights.packed import About, write_packed
from balloon_splash.weights.resolve import _MEANINGS, COCO, choose_model, use_weights

ZOO_101 = "COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x.yaml"


def choose(config_file: str | None, weights: str | None) -> tuple[str, str]:
    chosen = choose_model(config_file, weights)
    return chosen.config_file, chosen.cfg.MODEL.WEIGHTS


def test_the_configuration_that_the_training_left_beside_its_weights(tmp_path: Path) -> None:
    (tmp_path / "model_best.pth").touch()
    weights = str(tmp_path / "model_best.pth")
    assert choose(None, weights) == ("balloon_R101_FPN.yaml", weights)
    (tmp_path / "config.yaml").write_text("VERSION: 2\n")
    assert choose(None, weights) == (str(tmp_path / "config.yaml"), weights)
    assert choose("balloon_R18_FPN.yaml", weights) == ("balloon_R18_FPN.yaml", weights)


def test_coco_by_one_word() -> None:
    config, weights = choose(None, "coco")
    assert config == COCO
    assert weights.endswith("mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl")
    assert "mask_rcnn_R_101_FPN_3x" in choose(ZOO_101, "coco")[1]


def test_a_zoo_configuration_means_its_trained_weights_not_the_classifier_it_started_from(tmp_path: Path) -> None:
    assert "mask_rcnn_R_101_FPN_3x/138205316" in choose(ZOO_101, None)[1]
    (tmp_path / "mine.pth").touch()
    assert choose(ZOO_101, str(tmp_path / "mine.pth")) == (ZOO_101, str(tmp_path / "mine.pth"))


def test_our_configurations_name_their_own_weights() -> None:
    name = "balloon_R101_FPN.yaml"
    assert choose(name, None) == (name, load_config(name).MODEL.WEIGHTS)


def test_a_name_of_the_zoo_is_a_model() -> None:
    assert choose(None, ZOO_101) == choose(ZOO_101, None)


@pytest.mark.parametrize("given", [None, "balloon"])
def test_nothing_given_is_the_model_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setattr("balloon_splash.weights.names.resources.files", lambda _: tmp_path)
    with pytest.raises(WeightsError, match=r"weights/balloon.safetensors: the model that ships .* is missing"):
        choose(None, given)
    (tmp_path / "weights").mkdir()
    shipped = tmp_path / zoo.SHIPPED_FILE
    write_packed(shipped, {"weight": torch.ones(2)}, About(("balloon",), "balloon_R18_FPN.yaml"))
    assert choose(None, given) == ("balloon_R18_FPN.yaml", str(shipped))
    assert choose("balloon_R50_FPN.yaml", "balloon") == ("balloon_R50_FPN.yaml", str(shipped))


def test_a_packed_file_knows_its_configuration_and_one_beside_it_goes_before(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_packed(path, {"weight": torch.ones(2)}, About(("balloon",), "balloon_R50_FPN.yaml"))
    (tmp_path / "config.yaml").write_text("VERSION: 2\n")
    assert choose(None, str(path))[0] == "balloon_R50_FPN.yaml"
    (tmp_path / "small.yaml").write_text("VERSION: 2\n")
    assert choose(None, str(path))[0] == str(tmp_path / "small.yaml")


def test_the_last_checkpoint_of_a_run(tmp_path: Path) -> None:
    config, run = tmp_path / "mine.yaml", tmp_path / "run"
    config.write_text(f"OUTPUT_DIR: {run}\n")
    with pytest.raises(WeightsError, match="of which run"):
        choose(None, "last")
    with pytest.raises(WeightsError, match="run: no sound checkpoint there"):
        choose(str(config), "last")
    run.mkdir()
    SafeCheckpointer(torch.nn.Linear(1, 1), str(run)).save("model_0000099", iteration=99)
    assert choose(str(config), "last") == (str(config), str(run / "model_0000099.pth"))
    elsewhere = choose_model("balloon_R18_FPN.yaml", "last", opts=["OUTPUT_DIR", str(run)])
    assert str(run / "model_0000099.pth") == elsewhere.cfg.MODEL.WEIGHTS, "the folder of the run may be an override"
    (run / "config.yaml").write_text("VERSION: 2\n")
    assert choose(str(config), "last") == (str(run / "config.yaml"), str(run / "model_0000099.pth")), "its own"


def test_every_short_name_has_one_meaning() -> None:
    assert set(_MEANINGS) == set(SHORT_NAMES)


def test_a_name_that_starts_and_runs_means_the_same_to_both(tiny_cfg: CfgNode) -> None:
    for word in ("balloon", ZOO_101):
        use_weights(tiny_cfg, word)
        assert choose(None, word)[1] == tiny_cfg.MODEL.WEIGHTS
    cfg = load_config(COCO)
    use_weights(cfg, "coco")
    assert choose(None, "coco")[1] == cfg.MODEL.WEIGHTS


def test_what_only_a_training_can_use_is_told() -> None:
    for word in ("imagenet", "none"):
        with pytest.raises(WeightsError, match=f"--weights {word}: .* expected a trained model: balloon, coco, last"):
            choose(None, word)


@pytest.mark.parametrize("config", ["balloon_R18_FPN.yaml", "balloon_R50_FPN.yaml"])
def test_the_model_of_coco_is_not_fetched_for_a_configuration_of_other_classes(config: str) -> None:
    with pytest.raises(WeightsError, match=rf"--weights coco: knows 80 classes, {config} 1; expected no --config-file"):
        choose(config, "coco")


@pytest.mark.parametrize(
    "load", [partial(load_finder, None), partial(choose, None), local_weights], ids=["splash", "torch", "file"]
)
def test_a_misspelt_name_of_weights_is_answered_with_the_nearest(load: Callable[[str], object]) -> None:
    with pytest.raises(WeightsError, match=r"^ballon: no such file; did you mean balloon\? \(--weights\)$"):
        load("ballon")
    with pytest.raises(WeightsError, match=r"^runs/ballon: no such file; expected weights"):
        load("runs/ballon")


def test_a_misspelt_name_of_a_configuration_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"baloon_R50_FPN.yaml: no such config file; did you mean balloon_R50"):
        load_config("configs/baloon_R50_FPN.yaml")
