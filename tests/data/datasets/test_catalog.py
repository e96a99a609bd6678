from __future__ import annotations

import subprocess
import sys

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.data.datasets.builtin import register_all, register_balloon
from balloon_splash.data.datasets.catalog import register_via_instances
from balloon_splash.errors import DatasetError, UsageError
from balloon_splash.palette import PALETTE
from tests.data.conftest import SQUARE, entry, polygon, region


@pytest.fixture
def via_file(write_via):
    other = polygon((35, 5), (55, 5), (55, 25), (35, 25))
    return write_via(entry("a.jpg", region(SQUARE, colour="red"), region(other, colour="blue")))


def test_a_registered_dataset_is_read_by_name(photos, via_file):
    register_via_instances("party", via_file, photos)
    assert len(DatasetCatalog.get("party")[0]["annotations"]) == 2
    metadata = MetadataCatalog.get("party")
    assert metadata.thing_classes == ["balloon"]
    assert metadata.thing_colors == [PALETTE[0]]
    assert metadata.evaluator_type == "coco"
    assert (metadata.image_root, metadata.annotation_file) == (str(photos), str(via_file))
    assert not hasattr(metadata, "json_file")  # COCOEvaluator would read it as COCO


def test_nothing_is_read_before_use(photos):
    register_via_instances("later", photos / "later.json", photos)
    with pytest.raises(DatasetError, match=r"later\.json: no such annotation file for dataset later"):
        DatasetCatalog.get("later")


def test_registering_twice_changes_nothing(photos, via_file):
    register_via_instances("party", via_file, photos)
    dataset, metadata = DatasetCatalog["party"], MetadataCatalog.get("party")
    register_via_instances("party", str(via_file), str(photos), class_names=["balloon"])
    assert DatasetCatalog["party"] is dataset
    assert MetadataCatalog.get("party") is metadata


def test_registering_anew_replaces_dataset_and_metadata(photos, via_file):
    register_via_instances("party", via_file, photos)
    colors = [(255, 0, 0), (0, 0, 255)]
    register_via_instances(
        "party", via_file, photos, class_names=("red", "blue"), class_attribute="colour", colors=colors
    )
    assert [each["category_id"] for each in DatasetCatalog.get("party")[0]["annotations"]] == [0, 1]
    metadata = MetadataCatalog.get("party")
    assert metadata.thing_classes == ["red", "blue"]
    assert metadata.thing_colors == colors
    assert metadata.class_attribute == "colour"


def test_classes_found_in_the_file_are_told_in_the_metadata(photos, via_file):
    register_via_instances("party", via_file, photos, class_names=None, class_attribute="colour")
    assert not hasattr(MetadataCatalog.get("party"), "thing_classes")
    for _ in range(2):
        DatasetCatalog.get("party")
        assert MetadataCatalog.get("party").thing_classes == ["blue", "red"]


def test_classes_that_change_under_a_running_program_are_an_error(photos, via_file, write_via):
    register_via_instances("party", via_file, photos, class_names=None, class_attribute="colour")
    DatasetCatalog.get("party")
    write_via(entry("a.jpg", region(SQUARE, colour="green")))
    with pytest.raises(DatasetError, match="classes were blue, red and are now green"):
        DatasetCatalog.get("party")


def test_wrong_options_are_refused_at_registration(photos, via_file):
    with pytest.raises(UsageError, match="class_attribute"):
        register_via_instances("party", via_file, photos, class_names=("red", "blue"))
    with pytest.raises(UsageError, match="2 colors for 1 class_names"):
        register_via_instances("party", via_file, photos, colors=[(1, 2, 3), (4, 5, 6)])
    assert "party" not in DatasetCatalog


def test_a_dataset_without_a_usable_photo_is_an_error_that_says_why(photos, write_via):
    register_via_instances("party", write_via(entry("gone.jpg", region(SQUARE))), photos)
    with pytest.raises(DatasetError, match=r"no usable photo \(missing photo: 1\)"):
        DatasetCatalog.get("party")


def test_builtin_datasets_lie_where_detectron2_looks(tmp_path, monkeypatch):
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path))
    register_all()
    for split in ("train", "val"):
        for name in ("balloon", "synthetic_balloon"):
            folder = tmp_path / name / split
            assert MetadataCatalog.get(f"{name}_{split}").annotation_file == str(folder / "via_region_data.json")
            assert MetadataCatalog.get(f"{name}_{split}").image_root == str(folder)
    with pytest.raises(DatasetError, match=r"balloon/train/via_region_data\.json.*prepare_balloon\.py"):
        DatasetCatalog.get("balloon_train")


def test_balloon_can_be_any_folder(tmp_path, photos, via_file):
    photos.rename(tmp_path / "train")
    register_balloon(tmp_path)
    assert len(DatasetCatalog.get("balloon_train")) == 1
    with pytest.raises(DatasetError, match=r"val/via_region_data\.json"):
        DatasetCatalog.get("balloon_val")


def test_any_module_can_be_the_first_that_a_program_imports():
    """Each is the first in a process of its own, forked from one that has read torch once for both."""
    program = """
import os, torch, torchvision
for module in ("catalog", "builtin"):
    child = os.fork()
    if not child:
        __import__(f"balloon_splash.data.datasets.{module}")
        import detectron2.data
        detectron2.data.DatasetCatalog["balloon_val"]
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, module
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=300)
