"""One of configuration and weights is enough, and the zoo's configurations come with the zoo's trained weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from balloon_splash.errors import WeightsError
from balloon_splash.weights import names as zoo
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.weights.packed import About, write_packed
from balloon_splash.weights.resolve import COCO, choose_model

ZOO_101 = "COCO-InstanceSegmentation/mask_rcnn_R_101_FPN_3x.yaml"


def test_the_configuration_that_the_training_left_beside_its_weights(tmp_path: Path) -> None:
    weights = str(tmp_path / "model_best.pth")
    assert choose_model(None, weights) == ("balloon_R101_FPN.yaml", weights)
    (tmp_path / "config.yaml").write_text("VERSION: 2\n")
    assert choose_model(None, weights) == (str(tmp_path / "config.yaml"), weights)
    assert choose_model("balloon_R18_FPN.yaml", weights) == ("balloon_R18_FPN.yaml", weights)


def test_coco_by_one_word() -> None:
    config, weights = choose_model(None, "coco")
    assert config == COCO
    assert weights is not None
    assert weights.endswith("mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl")
    assert "mask_rcnn_R_101_FPN_3x" in str(choose_model(ZOO_101, "coco")[1])


def test_a_zoo_configuration_means_its_trained_weights_not_the_classifier_it_started_from() -> None:
    assert "mask_rcnn_R_101_FPN_3x/138205316" in str(choose_model(ZOO_101, None)[1])
    assert choose_model(ZOO_101, "mine.pth") == (ZOO_101, "mine.pth")


def test_our_configurations_name_their_own_weights() -> None:
    assert choose_model("balloon_R101_FPN.yaml", None) == ("balloon_R101_FPN.yaml", None)


def test_a_name_of_the_zoo_is_a_model() -> None:
    assert choose_model(None, ZOO_101) == choose_model(ZOO_101, None)


@pytest.mark.parametrize("given", [None, "balloon"])
def test_nothing_given_is_the_model_that_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setattr("balloon_splash.weights.names.resources.files", lambda _: tmp_path)
    with pytest.raises(WeightsError, match=r"weights/balloon.safetensors: the model that ships .* is missing"):
        choose_model(None, given)
    (tmp_path / "weights").mkdir()
    shipped = tmp_path / zoo.SHIPPED_FILE
    write_packed(shipped, {"weight": torch.ones(2)}, About(("balloon",), "balloon_R18_FPN.yaml"))
    assert choose_model(None, given) == ("balloon_R18_FPN.yaml", str(shipped))
    assert choose_model("mine.yaml", "balloon") == ("mine.yaml", str(shipped))


def test_a_packed_file_knows_its_configuration_and_one_beside_it_goes_before(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_packed(path, {"weight": torch.ones(2)}, About(("balloon",), "balloon_R50_FPN.yaml"))
    (tmp_path / "config.yaml").write_text("VERSION: 2\n")
    assert choose_model(None, str(path))[0] == "balloon_R50_FPN.yaml"
    (tmp_path / "small.yaml").write_text("VERSION: 2\n")
    assert choose_model(None, str(path))[0] == str(tmp_path / "small.yaml")


def test_the_last_checkpoint_of_a_run(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(f"OUTPUT_DIR: {tmp_path / 'run'}\n")
    with pytest.raises(WeightsError, match="of which run"):
        choose_model(None, "last")
    with pytest.raises(WeightsError, match="run: no sound checkpoint there"):
        choose_model(str(config), "last")
    (tmp_path / "run").mkdir()
    SafeCheckpointer(torch.nn.Linear(1, 1), str(tmp_path / "run")).save("model_0000099", iteration=99)
    assert choose_model(str(config), "last") == (str(config), str(tmp_path / "run" / "model_0000099.pth"))
    (tmp_path / "run" / "config.yaml").write_text("VERSION: 2\n")
    assert choose_model(str(config), "last")[0] == str(tmp_path / "run" / "config.yaml"), "what it was trained with"


def test_what_only_a_training_can_use_is_told() -> None:
    for word in ("imagenet", "none"):
        with pytest.raises(WeightsError, match=f"--weights {word}: .* expected a trained model: balloon, coco, last"):
            choose_model(None, word)


def test_a_configuration_that_the_zoo_has_no_weights_for_is_told() -> None:
    with pytest.raises(WeightsError, match=r"balloon_R18_FPN\.yaml: the zoo has no weights"):
        choose_model("balloon_R18_FPN.yaml", "coco")
