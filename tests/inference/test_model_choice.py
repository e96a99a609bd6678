"""One of configuration and weights is enough, and the zoo's configurations come with the zoo's trained weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.errors import WeightsError
from balloon_splash.inference.model_choice import COCO, choose_model

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


def test_nothing_given_and_nothing_there_are_told() -> None:
    with pytest.raises(WeightsError, match="no weights given"):
        choose_model(None, None)
    with pytest.raises(WeightsError, match=r"balloon_R18_FPN\.yaml: the zoo has no weights"):
        choose_model("balloon_R18_FPN.yaml", "coco")
