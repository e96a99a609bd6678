"""The numbers of the report are those of pycocotools, of our evaluation, and of Detectron2's matcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.evaluation.coco_evaluation import _evaluate_box_proposals, instances_to_coco_json
from detectron2.structures import Boxes, Instances

from balloon_splash.engine.evaluation import AveragePrecision
from balloon_splash.inspect.model.matching import (
    coco_truth,
    match_photos,
    mean_iou,
    mistakes,
    reasons,
    run_coco,
    worst_first,
)
from balloon_splash.inspect.model.predictions import sample_entries
from balloon_splash.inspect.model.split_metrics import (
    AP_NAMES,
    PROPOSAL_COUNTS,
    average_precisions,
    calibration,
    confusion,
    precision_recall,
    proposal_recall,
    size_and_iou,
)
from tests.inspect.model.tiny_model import blurred_truth, register_squares, result, unregister


@pytest.fixture(params=[1, 2], ids=["one class", "two classes"])
def entries(request: pytest.FixtureRequest) -> Iterator[list[dict[str, Any]]]:
    yield register_squares("measured", classes=request.param, photos=6)
    unregister("measured")


@pytest.fixture
def found(entries: list[dict[str, Any]]) -> list[Instances]:
    rng = np.random.default_rng(3)
    return [blurred_truth(entry, rng) for entry in entries]


@pytest.fixture
def results(entries: list[dict[str, Any]], found: list[Instances]) -> list[dict[str, Any]]:
    pairs = zip(entries, found, strict=True)
    return [each for entry, instances in pairs for each in instances_to_coco_json(instances, entry["image_id"])]


def test_average_precision_is_that_of_the_evaluation(
    entries: list[dict[str, Any]], found: list[Instances], results: list[dict[str, Any]], tmp_path: Path
) -> None:
    evaluator = AveragePrecision("measured", tmp_path)
    evaluator.reset()
    evaluator.process(entries, [{"instances": instances} for instances in found])
    expected = evaluator.evaluate()
    for task in ("bbox", "segm"):
        ours = average_precisions(run_coco(coco_truth("measured"), results, task))
        assert 20 < ours["AP"] < 90
        assert ours == pytest.approx({name: expected[task][name] for name in AP_NAMES}, nan_ok=True)


def test_precision_recall_curves_average_to_ap(results: list[dict[str, Any]], entries: list[dict[str, Any]]) -> None:
    evaluation = run_coco(coco_truth("measured"), results, "segm")
    recalls, curves = precision_recall(evaluation)
    assert recalls.shape == curves[0.5].shape == (101,)
    assert curves[0.5].mean() * 100 == pytest.approx(average_precisions(evaluation)["AP50"])
    assert curves[0.75].mean() * 100 == pytest.approx(average_precisions(evaluation)["AP75"])


def test_proposal_recall_is_that_of_detectron2(entries: list[dict[str, Any]]) -> None:
    rng = np.random.default_rng(0)
    proposals, predictions = {}, []
    for entry in entries:
        boxes = blurred_truth(entry, rng).pred_boxes.tensor
        proposals[entry["image_id"]] = boxes.numpy()
        stored = Instances((200, 300), proposal_boxes=Boxes(boxes))
        stored.objectness_logits = torch.arange(len(boxes), 0, -1.0)
        predictions.append({"image_id": entry["image_id"], "proposals": stored})
    truth = coco_truth("measured")
    for iou in (0.5, 0.7):
        ours = proposal_recall(truth, proposals, iou)
        for limit, recall in zip(PROPOSAL_COUNTS, ours, strict=True):
            theirs = _evaluate_box_proposals(predictions, truth, thresholds=torch.tensor([iou]), limit=limit)
            assert recall == pytest.approx(float(theirs["recalls"][0])), (iou, limit)
    assert 0.2 < proposal_recall(truth, proposals, 0.7)[-1] < 1


def test_a_calibrated_model_and_one_that_is_too_sure(entries: list[dict[str, Any]]) -> None:
    right, wrong = (10, 30, 30, 50), (250, 150, 290, 190)
    half = [result(number, right if number % 2 else wrong, 0.55) for number in range(6)]
    honest = calibration(run_coco(coco_truth("measured"), half, "segm"))
    assert honest.counts.tolist() == [0, 0, 0, 0, 0, 6, 0, 0, 0, 0]
    assert honest.precisions[5] == pytest.approx(0.5)
    assert honest.error == pytest.approx(0.05)
    boastful = calibration(run_coco(coco_truth("measured"), [{**each, "score": 1.0} for each in half], "segm"))
    assert boastful.counts[-1] == 6
    assert boastful.error == pytest.approx(0.5)


def test_no_detection_at_all_is_no_crash(entries: list[dict[str, Any]]) -> None:
    evaluation = run_coco(coco_truth("measured"), [], "segm")
    assert average_precisions(evaluation)["AP"] == 0
    assert calibration(evaluation).error == 0
    assert all(curve.max() == 0 for curve in precision_recall(evaluation)[1].values())


def test_confusion_and_sizes_count_every_object_once() -> None:
    register_squares("mixed", classes=2, photos=1)
    try:
        results = [
            result(0, (10, 30, 30, 50), 0.9, 0),  # right
            result(0, (50, 30, 90, 70), 0.9, 0),  # class 1 taken for class 0
            result(0, (250, 150, 290, 190), 0.9, 1),  # nothing there
        ]
        photos = match_photos(coco_truth("mixed"), results, confidence=0.5)
        assert confusion(photos, [0, 1]).tolist() == [[1, 0, 1], [1, 0, 0], [0, 1, 0]]
        sides, ious = size_and_iou(photos)
        assert dict(zip(sides.tolist(), ious.tolist(), strict=True)) == {20: 1, 40: 1, 100: 0}
    finally:
        unregister("mixed")


def test_the_worst_photo_comes_first_with_its_reasons(entries: list[dict[str, Any]]) -> None:
    results = [result(number, (10, 30, 30, 50), 0.9) for number in range(6)]
    results += [result(4, (250, 150, 290, 190), 0.9), result(2, (10, 30, 29, 50), 0.8)]
    photos = worst_first(match_photos(coco_truth("measured"), results, confidence=0.5))
    assert {photo.image_id for photo in photos[:2]} == {2, 4}
    said = {photo.image_id: reasons(photo) for photo in photos}
    assert said[2] == "1 duplicate, 2 missed"
    assert said[4] == "1 background, 2 missed"
    assert [sum(mistakes(photo).values()) for photo in photos] == [3, 3, 2, 2, 2, 2]
    assert mean_iou(photos[0]) == 1


def test_a_sample_is_spread_over_the_dataset() -> None:
    entries = [{"image_id": number} for number in range(100)]
    assert [entry["image_id"] for entry in sample_entries(entries, 4)] == [0, 33, 66, 99]
    assert sample_entries(entries, 100) == entries
