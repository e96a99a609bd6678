"""A folder of photos without balloons is a dataset of negatives: no annotation file, nothing to draw."""

from __future__ import annotations

from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog
from PIL import Image

from balloon_splash.config import load_config
from balloon_splash.data.datasets.background_photos import load_background_photos
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.training.training_photos import training_photos
from balloon_splash.errors import DatasetError


def test_the_pictures_of_a_folder_are_photos_without_objects(photos: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6  # upright after a quarter turn
    Image.new("RGB", (60, 40)).save(photos / "C.JPG", exif=turned)
    found = load_background_photos(photos)
    assert [Path(each["file_name"]).name for each in found] == ["C.JPG", "a.jpg", "b.jpg"]
    assert [(each["width"], each["height"]) for each in found] == [(40, 60), (60, 40), (60, 40)]
    assert not any(each["annotations"] for each in found)


def test_what_is_no_picture_is_passed_over_and_a_broken_one_named(
    photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (photos / "notes.txt").write_text("no picture")
    (photos / "._a.jpg").write_bytes(b"what macOS adds")
    (photos / "inside.jpg").mkdir()
    (photos / "broken.jpg").write_bytes(b"not a JPEG")
    assert [Path(each["file_name"]).name for each in load_background_photos(photos)] == ["a.jpg", "b.jpg"]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("left out: ")
    assert "broken.jpg" in warning


@pytest.mark.parametrize("made", [False, True])
def test_no_folder_and_no_picture_are_told_by_name(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "background"
    if made:
        folder.mkdir()
    with pytest.raises(DatasetError, match="background: no "):
        load_background_photos(folder)


def test_the_training_keeps_those_beside_the_balloons(photos: Path) -> None:
    photos.rename(photos.parent / "background")
    register_balloon(photos.parent)
    assert len(DatasetCatalog.get("balloon_background")) == 2
    assert len(training_photos(load_config(opts=["DATASETS.TRAIN", "('balloon_background',)"]))) == 2
