"""The truth itself, given as predictions, has an AP of 100, whatever the file looks like; nothing found has 0."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.structures import Boxes, BoxMode, Instances
from PIL import Image

from balloon_splash.engine.cross_validation import last_evaluation, summary
from balloon_splash.engine.evaluation import AveragePrecision, PredictionPictures
from balloon_splash.engine.trainer import BalloonTrainer

SIZE = (80, 100)
Corner = tuple[int, int]


def found_squares(corners: Sequence[Corner], size: tuple[int, int] = SIZE, side: int = 20) -> Instances:
    """Squares as a model gives them, of falling scores."""
    n = len(corners)
    found = Instances(size)
    found.pred_boxes = Boxes(torch.tensor([[x, y, x + side, y + side] for x, y in corners]).float().reshape(-1, 4))
    found.scores, found.pred_classes = torch.linspace(0.99, 0.6, n), torch.zeros(n, dtype=torch.int64)
    found.pred_masks = torch.zeros(n, *size, dtype=torch.bool)
    for mask, (x, y) in zip(found.pred_masks, corners, strict=True):
        mask[y : y + side, x : x + side] = True
    return found


def ap(evaluator: Any, photos: Sequence[dict[str, Any]], found: Sequence[Instances]) -> dict[str, float]:
    evaluator.reset()
    for photo, instances in zip(photos, found, strict=True):
        evaluator.process([photo], [{"instances": instances}])
    return {task: values["AP"] for task, values in evaluator.evaluate().items()}


def register_squares(name: str, corners: Sequence[Corner], size: tuple[int, int] = SIZE, side: int = 20) -> None:
    annotations = [
        {"bbox": [x, y, x + side, y + side], "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0, "iscrowd": 0,
         "segmentation": [[x, y, x + side, y, x + side, y + side, x, y + side]]}
        for x, y in corners
    ]  # fmt: skip
    photo = {"file_name": "a.png", "image_id": 0, "height": size[0], "width": size[1], "annotations": annotations}
    DatasetCatalog.register(name, lambda: [photo])
    MetadataCatalog.get(name).set(thing_classes=["square"], evaluator_type="coco")


@pytest.mark.parametrize(
    ("ids", "without"),
    [
        ([1, 2], ()),
        ([0, 1], ()),  # pycocotools takes 0 for "no match"
        (["b7-e1", "c0-4d"], ()),
        ([5, 5], ()),
        ([1, 2], ("iscrowd",)),
        ([1, 2], ("area",)),
    ],
    ids=["from 1", "from 0", "texts", "twice", "no iscrowd", "no area"],
)
def test_ids_and_keys_that_exporters_choose_freely_do_not_cost_ap(
    tmp_path: Path, ids: list[Any], without: tuple[str, ...]
) -> None:
    images, annotations = [], []
    for i, x in enumerate((10, 50)):
        images.append({"id": i, "file_name": f"{i}.png", "width": SIZE[1], "height": SIZE[0]})
        ring = [x, 10, x + 20, 10, x + 20, 30, x, 30]
        annotation = {"id": ids[i], "image_id": i, "category_id": 1, "iscrowd": 0, "area": 400,
                      "bbox": [x, 10, 20, 20], "segmentation": [ring]}  # fmt: skip
        annotations.append({key: value for key, value in annotation.items() if key not in without})
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "k"}]}))
    register_coco_instances("freely", {}, str(path), str(tmp_path))
    with contextlib.suppress(AssertionError):  # of ids that are not unique, after the category ids are noted
        DatasetCatalog.get("freely")
    photos = [{"image_id": 0}, {"image_id": 1}]
    found = [found_squares([(10, 10)]), found_squares([(50, 10)])]
    assert ap(AveragePrecision("freely", tmp_path / "eval"), photos, found) == {
        "bbox": 100, "segm": 100, "boundary": 100
    }  # fmt: skip


@pytest.mark.parametrize("crumb", [[], [[1, 1, 5, 5]], [[10, 10, 30, 10, 30, 30, 10, 30], [1, 1, 5, 5]]])
def test_outlines_that_pycocotools_cannot_draw_neither_end_the_evaluation_nor_cost_ap(
    tmp_path: Path, crumb: list[list[float]], caplog: pytest.LogCaptureFixture
) -> None:
    ring = [10, 10, 30, 10, 30, 30, 10, 30]
    common = {"image_id": 0, "category_id": 1, "iscrowd": 0, "area": 400, "bbox": [10, 10, 20, 20]}
    annotations = [{"id": 2, "segmentation": crumb, **common}]
    if len(crumb) < 2:
        annotations.append({"id": 1, "segmentation": [ring], **common})
    images = [{"id": 0, "file_name": "0.png", "width": SIZE[1], "height": SIZE[0]}]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "k"}]}))
    register_coco_instances("crumbs", {}, str(path), str(tmp_path))
    DatasetCatalog.get("crumbs")
    results = ap(AveragePrecision("crumbs", tmp_path / "eval"), [{"image_id": 0}], [found_squares([(10, 10)])])
    assert results == pytest.approx({"bbox": 100, "segm": 100, "boundary": 100})
    assert ("1 of 2 annotations have no outline" in caplog.text) == (len(crumb) < 2)


def test_more_than_a_hundred_objects_count_where_the_model_may_find_more(tmp_path: Path, tiny_cfg: CfgNode) -> None:
    corners = [(k % 15 * 26 + 2, k // 15 * 26 + 2) for k in range(150)]
    register_squares("many", corners, (400, 400))
    tiny_cfg.merge_from_list(["TEST.DETECTIONS_PER_IMAGE", 300, "OUTPUT_DIR", str(tmp_path), "TEST.NUM_PICTURES", 0])
    evaluator = BalloonTrainer.build_evaluator(tiny_cfg, "many")
    results = ap(evaluator, DatasetCatalog.get("many"), [found_squares(corners, (400, 400))])
    assert results == {"bbox": 100, "segm": 100, "boundary": 100}


def test_a_fold_that_finds_nothing_counts_as_zero(tmp_path: Path) -> None:
    register_squares("one", [(10, 10)])
    runs = {}
    for name, corners in (("all", [(10, 10)]), ("nothing", [])):
        evaluator = AveragePrecision("one", tmp_path / name)
        evaluator.reset()
        evaluator.process(DatasetCatalog.get("one"), [{"instances": found_squares(corners)}])
        results = evaluator.evaluate()
        assert math.isnan(results["segm"]["APl"]), "there is no large object to find"
        metrics = {f"{task}/{key}": float(value) for task, each in results.items() for key, value in each.items()}
        (tmp_path / f"{name}.json").write_text(json.dumps(metrics))
        runs[name] = last_evaluation(tmp_path / f"{name}.json")
    assert runs["nothing"] == {"bbox/AP": 0, "segm/AP": 0, "segm/AP50": 0, "segm/AP75": 0, "boundary/AP": 0}
    assert summary(runs)["segm/AP"]["mean"] == pytest.approx(50)


def test_photos_of_one_name_in_two_folders_have_a_picture_each(tmp_path: Path) -> None:
    names = ["day1/001.png", "day2/001.png", "day2/001.jpg"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / name)
    MetadataCatalog.get("days").set(thing_classes=["square"], image_root=str(tmp_path))
    pictures = PredictionPictures("days", tmp_path / "pictures", limit=8)
    for _ in range(2):  # a later evaluation replaces them
        pictures.reset()
        for name in names:
            pictures.process([{"file_name": str(tmp_path / name)}], [{"instances": found_squares([(10, 10)])}])
    drawn = {str(path.relative_to(tmp_path / "pictures")) for path in (tmp_path / "pictures").rglob("*.jpg")}
    assert drawn == {"day1/001.jpg", "day2/001.jpg", "day2/001_2.jpg"}
