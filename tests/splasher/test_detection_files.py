"""Detections written to a file give the same splash again, and files of other tools can be read."""

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import instance_masks, matte
from balloon_splash.errors import MediaError, OutputExistsError
from balloon_splash.splasher.detection_files import read_detections, recording, write_detections
from tests.fakes import CLASS_NAMES, draw_scene, find_blobs


@pytest.fixture
def found() -> dict[str, Detections]:
    return {
        "a b/photo é.jpg": find_blobs(draw_scene()),
        "nothing.png": Detections.empty((5, 7), CLASS_NAMES),
        "other.png": find_blobs(draw_scene(90, 200)),
    }


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_what_is_written_comes_back_to_the_last_bit(tmp_path: Path, found, suffix):
    path = tmp_path / f"found{suffix}"
    write_detections(found, path)
    again = read_detections(path)
    assert list(again) == list(found)
    for name, detections in found.items():
        assert again[name].size == detections.size
        assert again[name].class_names == detections.class_names
        for field in ("boxes", "scores", "classes", "soft_masks"):
            assert np.array_equal(getattr(again[name], field), getattr(detections, field)), field


def test_json_lines_hold_one_picture_each(tmp_path: Path, found):
    write_detections(found, tmp_path / "found.jsonl")
    lines = (tmp_path / "found.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["images"][0]["file_name"] for line in lines] == list(found)


def test_pycocotools_reads_the_file_and_sees_the_same_masks(tmp_path: Path, found, capsys):
    write_detections(found, tmp_path / "found.json")
    coco = COCO(str(tmp_path / "found.json"))
    masks = instance_masks(found["other.png"])
    annotations = coco.loadAnns(coco.getAnnIds(imgIds=[3]))
    assert [np.array_equal(coco.annToMask(entry), mask) for entry, mask in zip(annotations, masks, strict=True)]
    assert coco.loadCats(annotations[0]["category_id"])[0]["name"] == "red"


def test_a_file_without_soft_masks_gives_the_same_objects_but_for_the_edges(tmp_path: Path, found):
    path = tmp_path / "foreign.json"
    write_detections(found, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["annotations"]:
        del entry["soft_mask"]
    path.write_text(json.dumps(document), encoding="utf-8")

    ours, theirs = matte(found["other.png"]), matte(read_detections(path)["other.png"])

    assert (ours != theirs).sum() < 0.02 * ours.sum()


def test_a_mask_that_claims_another_size_than_its_picture_is_refused_before_it_is_decoded(tmp_path: Path, found):
    path = tmp_path / "foreign.json"
    write_detections({"other.png": found["other.png"]}, path)
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["annotations"]:
        del entry["soft_mask"]
        entry["segmentation"] = {"size": [2**20, 2**20], "counts": "00"}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(MediaError, match=r"foreign\.json: .*a mask of \[1048576, 1048576\] in a picture of"):
        read_detections(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"images": [{}], "categories": [], "annotations": []}'])
def test_a_file_that_is_something_else_is_named(tmp_path: Path, text):
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(MediaError, match=r"wrong\.json"):
        read_detections(path)


def test_lines_are_written_as_they_come_and_the_file_appears_at_the_end(tmp_path: Path, found):
    path = tmp_path / "found.jsonl"
    with recording(path) as record:
        for name, detections in found.items():
            record(name, detections)
            assert not path.exists()
        (growing,) = tmp_path.iterdir()
        assert growing.stat().st_size > 0
    assert list(read_detections(path)) == list(found)


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_run_that_fails_leaves_no_record(tmp_path: Path, found, suffix):
    with pytest.raises(KeyboardInterrupt), recording(tmp_path / f"found{suffix}") as record:
        record("other.png", found["other.png"])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_record_is_not_overwritten_and_an_unwritable_folder_is_named(tmp_path: Path, found):
    write_detections(found, tmp_path / "found.json")
    with pytest.raises(OutputExistsError):
        write_detections({}, tmp_path / "found.json")
    assert list(read_detections(tmp_path / "found.json")) == list(found)
    with pytest.raises(MediaError, match=r"below\.json: cannot be written"):
        write_detections(found, tmp_path / "found.json" / "sub" / "below.json")
