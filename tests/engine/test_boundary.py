"""A rough outline costs boundary AP, whatever the mask's area says."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as mask_util
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.engine.boundary import boundary_iou, boundary_results

SIZE = (240, 320)  # a diagonal of 400: the band is 8 pixels wide


def disc(x: float, y: float, radius: float) -> npt.NDArray[np.uint8]:
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    return ((columns - x) ** 2 + (rows - y) ** 2 <= radius**2).astype(np.uint8)


def reference_boundary_iou(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> float:
    """As in the paper's code: the whole photo with a frame of zeros, eroded."""
    bands: list[npt.NDArray[np.uint8]] = []
    for mask in (first, second):
        framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        inside = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=8)[1:-1, 1:-1]
        bands.append(np.asarray(mask - inside, np.uint8))
    return float((bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (disc(100, 100, 60), disc(103, 99, 58)),
        (disc(100, 100, 60), disc(180, 120, 50)),
        (disc(5, 5, 60), disc(10, 8, 50)),  # cut by the photo's edge
        (disc(100, 100, 6), disc(101, 100, 6)),  # all of it is band
        (disc(100, 100, 60), disc(250, 180, 20)),  # apart
        (np.ones(SIZE, np.uint8), disc(160, 120, 110)),
    ],
)
def test_boundary_iou_is_that_of_the_paper(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> None:
    expected = reference_boundary_iou(first, second)
    assert boundary_iou(first, second) == pytest.approx(expected)
    assert boundary_iou(second, first) == pytest.approx(expected)


def test_the_same_mask_fits_and_nothing_fits_nothing() -> None:
    assert boundary_iou(disc(100, 100, 60), disc(100, 100, 60) > 0) == 1
    assert boundary_iou(np.zeros(SIZE), disc(100, 100, 60)) == 0
    assert boundary_iou(np.zeros(SIZE), np.zeros(SIZE)) == 0


def annotation(number: int, mask: npt.NDArray[np.uint8], **more: Any) -> dict[str, Any]:
    rle = mask_util.encode(np.asfortranarray(mask))
    box = mask_util.toBbox(rle).tolist()
    common = {"image_id": 1, "category_id": 1, "segmentation": rle, "bbox": box, "area": int(mask.sum())}
    return {"id": number, "iscrowd": 0, **common, **more}


def evaluated(truth: list[npt.NDArray[np.uint8]], found: list[npt.NDArray[np.uint8]]) -> COCOeval:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 1, "height": SIZE[0], "width": SIZE[1]}],
        "categories": [{"id": 1, "name": "balloon"}],
        "annotations": [annotation(number, mask) for number, mask in enumerate(truth, 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        results = [annotation(number, mask, score=1 - number / 100) for number, mask in enumerate(found, 1)]
        for each in results:
            del each["bbox"]
        evaluation = COCOeval(coco, coco.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def rough(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The same area and place, with a saw-tooth outline."""
    blocks = cv2.resize(mask * 255, (SIZE[1] // 8, SIZE[0] // 8), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(blocks, SIZE[::-1], interpolation=cv2.INTER_NEAREST) > 127, np.uint8)


def test_perfect_masks_have_a_boundary_ap_of_100() -> None:
    masks = [disc(80, 100, 60), disc(230, 100, 50), disc(160, 210, 15)]
    results = boundary_results(evaluated(masks, masks))
    assert all(results[name] == pytest.approx(100) for name in ("AP", "AP50", "AP75", "APs", "APl", "IoU"))


def test_a_rough_outline_costs_more_boundary_ap_than_mask_ap() -> None:
    masks = [disc(80, 100, 60), disc(230, 100, 50)]
    evaluation = evaluated(masks, [rough(mask) for mask in masks])
    results = boundary_results(evaluation)
    assert 0 < results["AP"] < 100 * evaluation.stats[0] - 20
    assert results["AP75"] == 0
    expected = np.mean([100 * reference_boundary_iou(rough(mask), mask) for mask in masks])
    assert results["IoU"] == pytest.approx(expected)


def test_the_best_detection_counts_and_misses_count_not_for_the_mean_iou() -> None:
    """The second detection of an object is a false one; of an object that nothing matches, no outline can be judged."""
    masks = [disc(80, 100, 60), disc(230, 100, 50)]
    results = boundary_results(evaluated(masks, [disc(80, 100, 59), disc(80, 100, 55)]))
    assert results["IoU"] == pytest.approx(100 * boundary_iou(disc(80, 100, 59), masks[0]))
    assert results["AP50"] == pytest.approx(50.5, abs=0.1)


def test_more_detections_than_are_counted_do_not_shift_the_rows() -> None:
    masks = [disc(80, 100, 60)]
    clutter = [disc(20 + number, 200, 10) for number in range(120)]
    results = boundary_results(evaluated(masks, [masks[0], *clutter]))
    assert results["AP"] == pytest.approx(100)


def test_a_photo_without_objects_has_no_boundary_ap() -> None:
    results = boundary_results(evaluated([], [disc(80, 100, 60)]))
    assert all(np.isnan(value) for value in results.values())
