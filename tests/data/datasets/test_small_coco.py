"""The small set lies as COCO does, so that Detectron2's own registration and ours read the same from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detectron2.data.datasets import load_coco_json
from detectron2.data.datasets.builtin_meta import _get_builtin_metadata

from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.datasets.layout import Split, find_split
from balloon_splash.data.datasets.small_coco import write_small_coco


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_coco(tmp_path_factory.mktemp("sets") / "coco", splits={"train2017": 20, "val2017": 3})


def test_it_is_found_as_coco_is(root: Path) -> None:
    assert find_split(root, "train") == Split(root / "annotations" / "instances_train2017.json", root / "train2017")


def test_detectron2_and_we_read_the_same(root: Path) -> None:
    file, photos = root / "annotations" / "instances_train2017.json", root / "train2017"
    ours, report = load_annotations(file, photos)
    assert list(report.class_names) == _get_builtin_metadata("coco")["thing_classes"]
    assert len(report.class_names) == 80
    assert not report.faults
    assert report.n_crowds == 2
    theirs = load_coco_json(str(file), str(photos), "small_coco_as_detectron2_reads_it")
    assert [each["file_name"] for each in ours] == [each["file_name"] for each in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert [each["category_id"] for each in our["annotations"]] == [
            each["category_id"] for each in their["annotations"]
        ]
        for first, second in zip(our["annotations"], their["annotations"], strict=True):
            if not first["iscrowd"]:
                assert np.allclose(first["segmentation"][0], second["segmentation"][0])
