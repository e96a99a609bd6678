"""Fields of nuclei are drawn in memory, with a mask for each nucleus, and come back from a run-length submission."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detectron2.data import MetadataCatalog
from detectron2.data.detection_utils import read_image

from balloon_splash.data.annotations.masks import decode_mask
from balloon_splash.data.annotations.submission import read_submission, write_submission
from balloon_splash.data.datasets import nuclei
from balloon_splash.data.datasets.nuclei import SIDE, load_nuclei, nucleus_field


@pytest.fixture
def two_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(nuclei.SPLITS, "train", 2)
    monkeypatch.setitem(nuclei.SPLITS, "val", 1)


def test_a_field_shows_a_hundred_nuclei_and_more_many_of_which_touch() -> None:
    field = nucleus_field("train", 0)
    count = int(field.numbers.max())
    assert count > 100
    right, left = field.numbers[:, 1:], field.numbers[:, :-1]
    touching = np.unique(np.stack([left, right])[:, (right != left) & (right > 0) & (left > 0)])
    assert len(touching) > count / 5


def test_nuclei_are_brighter_than_the_ground() -> None:
    field = nucleus_field("val", 0)
    light = field.image.max(axis=2)
    assert np.median(light[field.numbers > 0]) > 2 * np.median(light[field.numbers == 0])


@pytest.mark.usefixtures("two_fields")
def test_dataset_dicts_have_a_mask_for_each_nucleus_and_open_as_files() -> None:
    first, second = load_nuclei("train")
    assert first["file_name"] != second["file_name"]
    assert MetadataCatalog.get("nucleus_train").thing_classes == ["nucleus"]
    image = read_image(first["file_name"], "RGB")
    assert (image == nucleus_field("train", 0).image).all()
    masks = [decode_mask(each["segmentation"]) for each in first["annotations"]]
    assert np.sum(masks, axis=0).max() == 1, "two nuclei share a pixel"
    rows, columns = np.nonzero(masks[0])
    assert first["annotations"][0]["bbox"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_a_field_is_the_same_each_time_and_survives_a_submission(tmp_path: Path) -> None:
    field = nucleus_field("val", 0)
    nucleus_field.cache_clear()
    assert (nucleus_field("val", 0).numbers == field.numbers).all()
    write_submission(tmp_path / "submit.csv", {"field0": field.masks()})
    found = read_submission(tmp_path / "submit.csv", {"field0": (SIDE, SIDE)})["field0"]
    assert len(found) == field.numbers.max()
    assert all((ours == theirs).all() for ours, theirs in zip(field.masks(), found, strict=True))
