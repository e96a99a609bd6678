"""The demo is the first thing that people run: it works on pictures of its own, and picks up where it was stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from balloon_splash import demo
from balloon_splash.cli.demo import PARENT, main, training_command
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return write_synthetic_balloons(tmp_path / "balloons", num_train=4, num_val=2, size=(160, 120), progress=False)


def test_pictures_to_a_trained_model_to_splash(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "demo"
    command = ["--train", "--dataset", str(pictures), "--output", str(output), "--iterations", "2"]
    # a process of its own: it forks to load photos, and this one may hold threads of other tests
    done = subprocess.run(
        [sys.executable, "tools/demo.py", *command], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert "segm" in printed
    assert str(output / "splash_balloon") in printed
    assert set(json.loads((output / "model_balloon" / "results.json").read_text())) == {"bbox", "segm", "boundary"}
    for photo in (pictures / "val").glob("*.jpg"):
        splash = Image.open(output / "splash_balloon" / f"{photo.stem}_splash.jpg")
        assert splash.size == (160, 120)
    # a second time, the model is there already
    assert main(command) == 0
    assert "already trained" in capsys.readouterr().out
    # but one trained for something else is not passed off as this one
    assert main([*command[:-1], "3"]) == 2
    assert "holds the model of another demo" in capsys.readouterr().err


def test_the_model_that_ships_splashes_at_once(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "demo"
    assert main(["--dataset", str(pictures), "--output", str(output)]) == 0
    printed = capsys.readouterr()
    assert str(output / "splash") in printed.out
    assert "skipped" not in printed.err, "the annotation file lies beside the pictures"
    assert len(list((output / "splash").glob("*_splash.jpg"))) == 2
    assert not list(output.glob("model_*"))


def test_pictures_to_splash_are_rendered_where_none_are_at_hand(tmp_path: Path) -> None:
    folder = demo.find_pictures(None, tmp_path / "datasets" / "balloon", tmp_path / "out")
    pictures = sorted(folder.glob("*.jpg"))
    assert len(pictures) == demo.NUM_PICTURES
    assert Image.open(pictures[0]).size == demo.PICTURE_SIZE
    assert demo.find_pictures(None, tmp_path / "datasets" / "balloon", tmp_path / "out") == folder


def test_the_way_to_a_training_exists_where_the_package_is(tmp_path: Path) -> None:
    assert training_command(PARENT) == "make train"
    assert training_command(tmp_path) == "balloon-splash demo --train"


def test_steps_without_a_training_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--iterations", "3", "--output", str(tmp_path)]) == 2
    assert "--train" in capsys.readouterr().err


def test_pictures_are_rendered_where_none_are_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[Path] = []
    monkeypatch.setattr(demo, "write_synthetic_balloons", rendered.append)
    data = demo.find_data(None, tmp_path / "datasets" / "balloon", tmp_path / "out")
    assert data.name == "synthetic_balloon"
    assert rendered == [tmp_path / "out" / "synthetic_balloon"]


def test_the_real_dataset_is_used_where_it_lies(shared_dir: Path, tmp_path: Path) -> None:
    data = demo.find_data(None, shared_dir / "data" / "balloon", tmp_path)
    assert (data.name, data.root) == ("balloon", shared_dir / "data" / "balloon")


def test_a_wrong_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dataset", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert f"{tmp_path}: no train/via_region_data.json found" in capsys.readouterr().err
