"""Predictions for photos that models did not learn from are matched with the truth, kept, and counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from balloon_splash.engine.out_of_fold import PREDICTIONS, OutOfFold, out_of_fold
from balloon_splash.errors import TrainingError, UsageError

SIZE = 100


def square(x: int, y: int, side: int = 20) -> dict[str, Any]:
    outline = [x, y, x + side, y, x + side, y + side, x, y + side]
    return {"bbox": [x, y, side, side], "segmentation": [outline], "area": side * side, "iscrowd": 0}


def write_run(folder: Path, objects: list[dict[str, Any]], found: list[dict[str, Any]]) -> Path:
    """A run that was tested on two photos, of which the second has nothing in it."""
    inference = folder / "inference" / "some_val"
    inference.mkdir(parents=True)
    images = [{"id": number, "file_name": f"{number}.jpg", "width": SIZE, "height": SIZE} for number in (1, 2)]
    truth = {
        "images": images,
        "categories": [{"id": 1, "name": "kite"}, {"id": 2, "name": "cup"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 1, **each} for i, each in enumerate(objects, 1)],
    }
    (inference / "some_val_coco_format.json").write_text(json.dumps(truth))
    (inference / PREDICTIONS).write_text(json.dumps([{"image_id": 1, "category_id": 1, **each} for each in found]))
    return folder


def test_each_object_is_found_once_and_the_rest_are_other_marks(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "fold0",
        [square(0, 0), square(50, 50), square(70, 0)],
        [
            {"score": 0.95, **square(1, 0)},
            {"score": 0.6, **square(2, 0)},  # once more
            {"score": 0.55, **square(50, 51)},
            {"score": 0.4, **square(70, 0)},
            {"score": 0.7, "image_id": 2, **square(20, 20)},
            {"score": 0.8, **square(50, 50), "category_id": 2},  # of another class
        ],
    )
    found = out_of_fold([run])
    assert found.objects == 3
    assert sorted(zip(found.scores.tolist(), found.is_object.tolist(), strict=True)) == [
        (0.4, True),
        (0.55, True),
        (0.6, False),
        (0.7, False),
        (0.8, False),
        (0.95, True),
    ]
    assert found.photos[found.scores.tolist().index(0.7)] == "fold0/2.jpg"
    assert found.counts(0.9, 0.5) == (2, 1), "a sure object vouches for those of its photo and class"
    assert found.counts(0.9, 0.9) == (1, 0)
    assert found.counts(0.3, 0.3) == (3, 3)


def test_runs_add_up_and_photos_of_one_name_stay_apart(tmp_path: Path) -> None:
    sure = write_run(tmp_path / "fold0", [square(0, 0)], [{"score": 0.95, **square(0, 0)}])
    unsure = write_run(tmp_path / "fold1", [square(0, 0)], [{"score": 0.6, **square(0, 0)}])
    empty = write_run(tmp_path / "fold2", [square(0, 0), square(50, 0)], [])
    found = out_of_fold([sure, unsure, empty, tmp_path / "without predictions"])
    assert found.objects == 4
    assert found.counts(0.9, 0.5) == (1, 0)


def test_a_crowd_is_neither_an_object_nor_missed(tmp_path: Path) -> None:
    crowd = {**square(40, 40, 50), "iscrowd": 1}
    run = write_run(tmp_path / "run", [square(0, 0), crowd], [{"score": 0.9, **square(45, 45, 40)}])
    found = out_of_fold([run])
    assert (found.objects, len(found.scores)) == (1, 0)


def test_boxes_alone_are_matched_as_boxes(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [square(0, 0)], [{"score": 0.9, "bbox": [0, 0, 20, 18]}])
    assert out_of_fold([run]).counts(0.9, 0.9) == (1, 0)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", [square(0, 0)], [{"score": 0.95, **square(0, 0)}, {"score": 0.2, **square(9, 60)}]
    )
    for found in (out_of_fold([run]), out_of_fold([])):
        found.write(tmp_path / "out_of_fold.json")
        read = OutOfFold.read(tmp_path / "out_of_fold.json")
        assert (read.objects, read.photos, read.classes) == (found.objects, found.photos, found.classes)
        assert np.array_equal(read.scores, found.scores)
        assert np.array_equal(read.is_object, found.is_object)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "expected an out_of_fold.json"),
        ("[]", "expected an out_of_fold.json"),
        ('{"objects": 1, "detections": [{"score": 0.5}]}', "expected an out_of_fold.json"),
        (
            '{"objects": 1, "detections": [{"photo": "a", "class": "b", "score": 1.5, "is_object": true}]}',
            "scores out of range; expected 0 to 1",
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        OutOfFold.read(path)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json: cannot be read: No such file"):
        OutOfFold.read(tmp_path / "none.json")


def test_predictions_that_were_cut_off_are_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "fold3", [square(0, 0)], [])
    (run / "inference/some_val" / PREDICTIONS).write_text('[{"image_id": 1')
    with pytest.raises(TrainingError, match=r"coco_instances_results\.json: cannot be read; remove .*fold3"):
        out_of_fold([run])
