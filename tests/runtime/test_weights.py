"""A splash without torch takes the model that ``--weights`` means: a file, a folder, an address."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from balloon_splash.data.render import render_scene
from balloon_splash.errors import WeightsError
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.splasher.loading import load_finder
from balloon_splash.weights.fetch import in_folder
from tests.data.datasets.balloon_archive import send, serving
from tests.runtime.conftest import Small

IMAGE = render_scene(3, (128, 96)).image
SMALL = ["INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128"]


@pytest.fixture
def file(small: Callable[..., Small]) -> Path:
    return small(*SMALL).file


def test_a_folder_means_the_packed_model_in_it(file: Path) -> None:
    (file.parent / "model_best.pth").touch()
    finder = load_finder(weights=str(file.parent))
    assert isinstance(finder, OpenVinoFinder)
    assert finder.class_names == ("thing 0", "thing 1")


def test_a_run_folder_means_its_best_checkpoint(tmp_path: Path) -> None:
    for name in ("model_final.pth", "model_0000009.pth"):
        (tmp_path / name).touch()
    assert in_folder(str(tmp_path)) == str(tmp_path / "model_final.pth")
    (tmp_path / "model_best.pth").touch()
    assert in_folder(str(tmp_path)) == str(tmp_path / "model_best.pth")


def test_a_folder_is_not_taken_for_a_short_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "balloon").mkdir()
    monkeypatch.chdir(tmp_path)
    assert in_folder("balloon") == "balloon"


def test_a_folder_of_none_or_several_models_is_refused(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"empty: a folder without a model; expected \*\.safetensors"):
        load_finder(weights=str(tmp_path / "empty"))
    shutil.copy(file, file.with_name("other.safetensors"))
    with pytest.raises(WeightsError, match=r"2 packed models \(other\.safetensors, small\.safetensors\); expected"):
        load_finder(weights=str(file.parent))


def test_an_address_is_fetched_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving({"/m/cups.safetensors?v=1": send(file.read_bytes())}) as server:
        address = f"{server}/m/cups.safetensors?v=1"
        (found,) = load_finder(weights=address, confidence=0.3).detect([IMAGE])
    assert len(found)
    assert isinstance(load_finder(weights=address), OpenVinoFinder), "nobody listens there any more"


def test_a_model_of_80_classes_names_what_it_finds(small: Callable[..., Small]) -> None:
    made = small(*SMALL, classes=80)
    (found,) = load_finder(weights=str(made.file), confidence=0.0).detect([IMAGE])
    assert len(found.class_names) == 80
    assert len(set(found.classes.tolist())) > 1


def test_choosing_a_packed_file_imports_no_http_client(file: Path) -> None:
    code = (
        "import sys\n"
        "from balloon_splash.splasher.loading import load_finder\n"
        f"load_finder(weights={str(file.parent)!r})\n"
        "print(sorted({'torch', 'detectron2', 'requests', 'iopath'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
