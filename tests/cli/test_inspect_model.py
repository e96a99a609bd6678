"""The command that shows a model: reports appear whole, mistakes are told in one line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.cli.inspect_model import main
from balloon_splash.data.datasets.builtin import register_all
from tests.inspect.model.tiny_model import write_photos, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspected")
    write_photos(folder / "balloon")
    write_run(folder / "run")
    return folder


@pytest.fixture
def model(folder: Path) -> list[str]:
    run = folder / "run"
    return ["--config-file", str(run / "config.yaml"), "--weights", str(run / "model_0.pth"), "--device", "cpu"]


@pytest.fixture(autouse=True)
def _datasets_as_before() -> Iterator[None]:
    yield
    register_all()
    DatasetCatalog.pop("inspected_photo", None)
    MetadataCatalog.pop("inspected_photo", None)


def test_one_photo_against_its_truth(
    folder: Path, model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    val = folder / "balloon" / "val"
    photo = next(val.glob("*.jpg"))
    truth = ["--annotations", str(val / "via_region_data.json")]
    assert main([*model, "--input", str(photo), *truth, "--confidence", "0.1", "--output", str(tmp_path / "r")]) == 0
    streams = capsys.readouterr()
    assert re.search(r"^Second stage: what is it, and where exactly\?: .* 2/6 \[\d\d:\d\d<\d\d:\d\d", streams.err, re.M)
    assert re.search(r"^The weights: .* 5/6 ", streams.err, re.M), "the number of sections is wrong"
    page = Path(streams.out.strip())
    assert page == tmp_path / "r" / "index.html"
    text = page.read_text()
    assert "Against the truth" in text
    assert "missed" in text or "match" in text
    assert "find_top_rpn_proposals" in text


@pytest.mark.slow
def test_a_whole_split_with_two_models(
    folder: Path, model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(folder / "run", seed=1)
    second = ["--compare", str(folder / "run" / "model_1.pth"), "--dataset", str(folder / "balloon")]
    command = [*model, *second, "--confidence", "0.0", "--output", str(tmp_path / "r")]
    assert main(command) == 0
    page = tmp_path / "r" / "index.html"
    text = page.read_text()
    for heading in ("How good is it?", "How does it behave?", "The worst photos first", "Two models", "The weights"):
        assert heading in text
    assert page.stat().st_size < 20e6
    names = {path.stem for path in (tmp_path / "r" / "figures").iterdir()}
    assert {"precision-recall", "calibration", "confusion", "size", "proposal-recall", "worst-03"} <= names
    assert main(command) == 2, "replaced a report unasked"
    capsys.readouterr()
    assert main([*command[:-2], "--limit", "2", "--quiet", "--output", str(tmp_path / "s")]) == 0
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "photo" not in streams.err
    assert "2 photos, a sample of 3" in (tmp_path / "s" / "index.html").read_text()


def test_an_unreadable_photo_is_listed(folder: Path, model: list[str], tmp_path: Path) -> None:
    entries = [*DatasetCatalog.get("shapes_val")[:1]]
    entries[0] = {**entries[0], "annotations": [{**each, "category_id": 0} for each in entries[0]["annotations"]]}
    (tmp_path / "broken.jpg").write_text("no photo")
    broken = {**entries[0], "file_name": str(tmp_path / "broken.jpg"), "image_id": 77}
    DatasetCatalog.register("with_a_broken_photo", lambda: [*entries, broken])
    MetadataCatalog.get("with_a_broken_photo").set(thing_classes=["balloon"])
    try:
        assert main([*model, "--dataset", "with_a_broken_photo", "--output", str(tmp_path / "r")]) == 0
    finally:
        DatasetCatalog.remove("with_a_broken_photo")
        MetadataCatalog.remove("with_a_broken_photo")
    text = (tmp_path / "r" / "index.html").read_text()
    assert "broken.jpg" in text
    assert "Photos that could not be read" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --input PHOTO or --dataset WHAT"),
        (["--input", "nowhere.jpg"], "nowhere.jpg: no such photo"),
        (["--annotations", "a.json", "--dataset", "balloon_val"], "--annotations without --input"),
        (["--dataset", "balloon_val", "--compare-config-file", "b.yaml"], "without --compare"),
        (["--dataset", "baloon_val"], "'baloon_val' is not registered"),
        (["--dataset", "coco_2017_val"], "dataset 'coco_2017_val' cannot be read "),
        (["--input", __file__, "--quiet"], "test_inspect_model.py: not a picture that can be read"),
        (["--dataset", "shapes_val"], "NUM_CLASSES is 1; expected 3"),
        (["--dataset", "balloon_val", "--limit", "0"], "--limit 0; expected 1 or more"),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(
    arguments: list[str], message: str, model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*model, *arguments, "--output", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not (tmp_path / "r").exists()


def test_a_photo_that_is_not_in_the_dataset_is_told(
    folder: Path, model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = next((folder / "balloon" / "train").glob("*.jpg"))
    where = ["--dataset", "balloon_val", "--balloon", str(folder / "balloon")]
    assert main([*model, "--input", str(photo), *where, "--output", str(tmp_path / "r")]) == 2
    assert "not among the photos of balloon_val" in capsys.readouterr().err


def test_help_loads_neither_torch_nor_matplotlib() -> None:
    code = (
        "import sys; from balloon_splash.cli.inspect_model import build_parser; build_parser().format_help(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'detectron2')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
