"""The article's other samples run by one command each, from pictures of the project's own to splashed ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from balloon_splash.cli.demo import SAMPLE_NAMES, main
from balloon_splash.data.annotations.submission import read_submission
from balloon_splash.data.datasets import nuclei, small_coco
from balloon_splash.samples import NUM_PICTURES, SAMPLES


@pytest.fixture
def few_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_coco, "SPLITS", {"train2017": 8, "val2017": 2})
    monkeypatch.setitem(nuclei.SPLITS, "train", 2)
    monkeypatch.setitem(nuclei.SPLITS, "val", 1)


def test_help_names_what_there_is() -> None:
    assert tuple(SAMPLES) == SAMPLE_NAMES


@pytest.mark.usefixtures("few_pictures")
@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_pictures_to_splash_are_made(tmp_path: Path, name: str) -> None:
    folder = SAMPLES[name].prepare(tmp_path)
    assert len([path for path in folder.rglob("*") if path.is_file()]) == (2 if name == "coco" else NUM_PICTURES)
    assert SAMPLES[name].prepare(tmp_path) == folder, "a second time finds another folder"


def test_a_sample_has_no_dataset_of_the_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sample", "coco", "--dataset", str(tmp_path)]) == 2
    assert "--sample with --dataset" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("few_pictures")
def test_coco_trains_evaluates_and_splashes_80_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sample", "coco", "--iterations", "2", "--output", str(tmp_path)]) == 0
    assert str(tmp_path / "splash_coco") in capsys.readouterr().out
    results = json.loads((tmp_path / "model_coco_1" / "results.json").read_text())
    assert {"AP", "AP50", "AP-person", "AP-toothbrush"} <= results["segm"].keys()
    assert len(list((tmp_path / "splash_coco").glob("*_splash.jpg"))) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("few_pictures")
def test_nucleus_trains_in_two_steps_and_writes_a_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("balloon_splash.samples.NUM_PICTURES", 1)
    assert main(["--sample", "nucleus", "--iterations", "1", "--output", str(tmp_path)]) == 0
    assert str(tmp_path / "submit.csv") in capsys.readouterr().out
    for step in (1, 2):
        assert (tmp_path / f"model_nucleus_{step}" / "model_final.pth").is_file()
    found = read_submission(tmp_path / "submit.csv", {"field0": (nuclei.SIDE, nuclei.SIDE)})
    assert list(found) == ["field0"]
    (splash,) = (tmp_path / "splash_nucleus").rglob("*_splash.png")
    assert Image.open(splash).size == (nuclei.SIDE, nuclei.SIDE)
