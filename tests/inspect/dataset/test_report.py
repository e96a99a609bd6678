"""The whole report on small datasets: complete, honest about samples, and not stopped by a broken photo."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog

from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.datasets.catalog import register_via_instances
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.errors import DatasetError
from balloon_splash.inspect.dataset.report import inspect_data

NAMES = ("balloon_train", "balloon_val")


@pytest.fixture
def balloons(tmp_path: Path) -> Path:
    folder = write_synthetic_balloons(tmp_path / "data", num_train=4, num_val=2, size=(160, 120), progress=False)
    register_balloon(folder)
    return folder


def page(cfg: CfgNode, folder: Path, *names: str, max_photos: int = 300) -> str:
    report = inspect_data(names or NAMES, cfg, max_photos=max_photos, progress=False)
    return report.write(folder / "report").read_text(encoding="utf-8")


def drop_sizes(via_file: Path) -> None:
    document = json.loads(via_file.read_text())
    via_file.write_text(json.dumps({key: {**photo, "size": -1} for key, photo in document.items()}))


def test_every_chapter_is_there_with_its_figures(tiny_cfg: CfgNode, balloons: Path, tmp_path: Path) -> None:
    text = page(tiny_cfg, tmp_path)
    for title in ("How many", "Samples", "Faults", "look alike", "What the model gets", "anchors fit", "stages"):
        assert title in text
    figures = {path.stem for path in (tmp_path / "report" / "figures").iterdir()}
    assert figures >= {
        "distributions", "samples_balloon_train", "samples_balloon_val", "boxes", "augmentation_1", "augmentation_2",
        "mask_targets", "center_anchors", "anchor_coverage", "anchor_labels",
    }  # fmt: skip
    assert "random sample" not in text


def test_a_photo_that_cannot_be_decoded_is_listed(tiny_cfg: CfgNode, balloons: Path, tmp_path: Path) -> None:
    broken = balloons / "train" / "000001.jpg"
    content = broken.read_bytes()
    register_via_instances("cut_short", balloons / "train" / "via_region_data.json", balloons / "train")
    drop_sizes(balloons / "train" / "via_region_data.json")  # by which the reader would have noticed
    broken.write_bytes(content[: len(content) // 3])
    text = page(tiny_cfg, tmp_path, "cut_short")
    assert "<td>unreadable photo</td>" in text
    assert "000001.jpg: truncated or damaged JPEG file" in text


def test_a_leak_between_the_splits_is_told(tiny_cfg: CfgNode, balloons: Path, tmp_path: Path) -> None:
    shutil.copy(balloons / "train" / "000002.jpg", balloons / "val" / "000001.jpg")
    text = page(tiny_cfg, tmp_path)
    assert "Pairs that look alike: 1" in text
    assert "LEAK" in text


def test_of_a_large_dataset_a_sample_is_looked_at_and_told(tiny_cfg: CfgNode, tmp_path: Path) -> None:
    text = page(tiny_cfg, tmp_path, "shapes_train", max_photos=6)
    assert "has 3,000 photos" in text
    assert "random sample of 6" in text
    assert "6 photos were compared" in text


def test_several_classes_are_counted_apart(tiny_cfg: CfgNode, tmp_path: Path) -> None:
    text = page(tiny_cfg, tmp_path, "shapes_val", max_photos=5)
    assert "Here, nothing was wrong." in text
    for class_name in ("circle", "square", "triangle"):
        assert f"<td>{class_name}</td>" in text


def test_a_dataset_without_objects_is_an_error_that_says_so(tiny_cfg: CfgNode) -> None:
    empty = {**DatasetCatalog.get("shapes_val")[0], "annotations": []}
    DatasetCatalog.register("nothing", lambda: [empty])
    with pytest.raises(DatasetError, match="nothing: no photo with objects"):
        inspect_data(["nothing"], tiny_cfg, progress=False)
