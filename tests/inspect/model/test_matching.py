"""Verdicts on single objects add up to average precision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from detectron2.structures import BoxMode
from pycocotools.coco import COCO

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.inspect.model.matching import Reason, coco_truth, match_photos, run_coco
from balloon_splash.inspect.model.report import check_dataset
from balloon_splash.inspect.model.subject import Subject
from tests.inspect.model.tiny_model import blurred_truth, register_squares, result, unregister


@pytest.fixture
def two_classes() -> Iterator[str]:
    register_squares("squares_of_two", classes=2)
    yield "squares_of_two"
    unregister("squares_of_two")


@pytest.fixture
def squares() -> Iterator[str]:
    register_squares("squares", photos=8)
    yield "squares"
    unregister("squares")


def test_each_detection_gets_its_reason(two_classes: str) -> None:
    results = [
        result(0, (10, 30, 30, 50), 0.9),  # the small square, exactly
        result(0, (10, 30, 30, 48), 0.8),  # again
        result(0, (50, 30, 90, 70), 0.95),  # the middle one, but that is of class 1
        result(0, (120, 30, 160, 70), 0.7),  # a corner of the large one
        result(0, (250, 150, 290, 190), 0.6),  # nothing there
        result(0, (120, 30, 220, 130), 0.2),  # the large one, but too unsure
    ]
    (photo, empty, _) = match_photos(coco_truth(two_classes), results, confidence=0.5)
    assert [(found.result["score"], found.reason) for found in photo.found] == [
        (0.95, Reason.WRONG_CLASS),
        (0.9, Reason.MATCH),
        (0.8, Reason.DUPLICATE),
        (0.7, Reason.POOR_MASK),
        (0.6, Reason.BACKGROUND),
    ]
    assert [missed["bbox"] for missed in photo.missed] == [[120, 30, 100, 100]]
    assert photo.found[1].mask_iou == photo.found[1].box_iou == 1
    assert photo.found[3].mask_iou == pytest.approx(0.16)
    assert photo.found[4].truth is None
    assert empty.count(Reason.MISSED) == 3
    assert not empty.found


def test_a_box_on_an_object_with_a_wrong_mask_is_a_poor_mask(squares: str) -> None:
    found = result(0, (120, 30, 220, 130), 0.9)
    found["segmentation"] = result(0, (120, 30, 125, 130), 0.9)["segmentation"]
    photo = match_photos(coco_truth(squares), [found], confidence=0.5)[0]
    assert photo.found[0].reason is Reason.POOR_MASK
    assert photo.found[0].box_iou == 1
    assert photo.found[0].mask_iou == pytest.approx(0.05)


def test_crowds_count_neither_way(squares: str) -> None:
    truth = coco_truth(squares)
    for annotation in truth.dataset["annotations"]:
        annotation["iscrowd"] = 1
    photo = match_photos(truth, [result(0, (120, 30, 220, 130), 0.9)], confidence=0.5)[0]
    assert photo.found == ()
    assert photo.missed == ()


def test_without_any_detection_all_is_missed(squares: str) -> None:
    assert [photo.count(Reason.MISSED) for photo in match_photos(coco_truth(squares), [], confidence=0)] == [3] * 8


def test_more_than_a_hundred_detections_of_a_photo_count() -> None:
    """pycocotools counts 100, and of 150 objects that are all found the others would seem missed."""
    boxes = [(x, y, x + 8, y + 8) for x in range(0, 150, 10) for y in range(0, 100, 10)]
    annotations = [
        {"bbox": list(box), "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0, "iscrowd": 0,
         "segmentation": [[box[0], box[1], box[2], box[1], box[2], box[3], box[0], box[3]]]}
        for box in boxes
    ]  # fmt: skip
    photo = {"file_name": "/nowhere/0.jpg", "image_id": 0, "height": 200, "width": 300, "annotations": annotations}
    DatasetCatalog.register("many", lambda: [photo])
    MetadataCatalog.get("many").set(thing_classes=["square"])
    found = [result(0, box, 0.9) for box in boxes]
    truth = coco_truth("many")
    assert run_coco(truth, found, "segm").stats[0] == pytest.approx(1)
    (matches,) = match_photos(truth, found, confidence=0.5)
    assert (matches.count(Reason.MATCH), matches.count(Reason.MISSED)) == (150, 0)


def test_a_model_of_the_same_classes_in_another_order_is_refused(two_classes: str) -> None:
    """Its report would show a faultless model as one that mixes up all classes."""
    cfg = load_config("balloon_R18_FPN.yaml", ["MODEL.ROI_HEADS.NUM_CLASSES", "2"])
    subject = Subject("mine", None, cfg, ("class 1", "class 0"))
    with pytest.raises(WeightsError, match=r"mine: its classes are class 1, class 0; expected those of the dataset"):
        check_dataset(subject, two_classes)


@pytest.mark.parametrize("seed", range(5))
def test_matches_and_misses_add_up_to_pycocotools_recall_and_precision(squares: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = coco_truth(squares)
    results = []
    for image_id in truth.getImgIds():
        entry = {"height": 200, "width": 300, "annotations": _boxes(truth, image_id)}
        results += instances_to_coco_json(blurred_truth(entry, rng), image_id)
    photos = match_photos(truth, results, confidence=0)
    matched = sum(photo.count(Reason.MATCH) for photo in photos)
    missed = sum(photo.count(Reason.MISSED) for photo in photos)
    evaluation = run_coco(truth, results, "segm")
    assert matched / (matched + missed) == pytest.approx(evaluation.eval["recall"][0, 0, 0, -1])
    scores = np.sort([each["score"] for each in results])[::-1]
    rights = [found.result["score"] for photo in photos for found in photo.found if found.reason is Reason.MATCH]
    precision = np.isin(scores, rights).cumsum() / np.arange(1, len(scores) + 1)
    # COCO takes the best precision from each recall on.
    assert evaluation.eval["precision"][0, 0, 0, 0, -1] == pytest.approx(precision.max())


def _boxes(truth: COCO, image_id: int) -> list[dict[str, object]]:
    annotations = truth.loadAnns(truth.getAnnIds(imgIds=[image_id]))
    corners = [(x, y, x + w, y + h) for x, y, w, h in (each["bbox"] for each in annotations)]
    return [{"bbox": list(box), "category_id": 0} for box in corners]
