"""Matching of detections with objects: pycocotools decides, this module names the reasons.

Everything about matching is read from ``pycocotools.cocoeval.COCOeval``, so that what the reports say of single
objects adds up to the average precision that they, and the evaluation, give.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets.coco import convert_to_coco_dict
from detectron2.evaluation.coco_evaluation import COCOevalMaxDets
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.engine.evaluation import COCO_DETECTIONS

IouType: TypeAlias = Literal["bbox", "segm"]
CocoResult: TypeAlias = dict[str, Any]

#: Least IoU of a right detection, as in AP50.
MATCH_IOU = 0.5
#: Below this overlap of boxes and masks a detection has nothing to do with any object.
BACKGROUND_IOU = 0.1

_MATCH = 0  # the first of COCOeval's thresholds is MATCH_IOU


class Reason(Enum):
    """Verdict on a detection, or on an object without one."""

    MATCH = "match"
    WRONG_CLASS = "wrong class"
    DUPLICATE = "duplicate"
    POOR_MASK = "poor mask"
    BACKGROUND = "background"
    MISSED = "missed"


@dataclass(frozen=True)
class Found:
    """One detection matched with the truth.

    Attributes:
        result: the detection, as COCO writes results.
        truth: the annotation that it matches or, failing that, overlaps most; None if it overlaps none.
        mask_iou, box_iou: IoU with that annotation; 0 without one.
        reason: the verdict on the detection.
    """

    result: CocoResult
    truth: dict[str, Any] | None
    mask_iou: float
    box_iou: float
    reason: Reason


@dataclass(frozen=True)
class PhotoMatches:
    """Detections of one photo matched with its objects.

    Attributes:
        image_id: id of the photo.
        found: its detections, best score first.
        missed: annotations that no detection matches.
    """

    image_id: int
    found: tuple[Found, ...]
    missed: tuple[dict[str, Any], ...]

    def count(self, reason: Reason) -> int:
        """Count the detections, or missed objects, of a kind."""
        return len(self.missed) if reason is Reason.MISSED else sum(each.reason is reason for each in self.found)


def coco_truth(dataset_name: str) -> COCO:
    """Return the ground truth of a registered dataset, as Detectron2's ``COCOEvaluator`` sees it.

    Raises:
        DatasetError, AnnotationError: a dataset of ours cannot be read.
    """
    DatasetCatalog.get(dataset_name)  # a dataset that takes its classes from the file knows them from now on
    truth = COCO()
    truth.dataset = convert_to_coco_dict(dataset_name)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    return truth


def category_ids(dataset_name: str) -> list[int]:
    """Return the dataset's own id of each class that the model counts from 0."""
    metadata = MetadataCatalog.get(dataset_name)
    if not hasattr(metadata, "thing_dataset_id_to_contiguous_id"):
        return list(range(len(metadata.thing_classes)))
    back = {ours: theirs for theirs, ours in metadata.thing_dataset_id_to_contiguous_id.items()}
    return [back[number] for number in range(len(back))]


def run_coco(
    truth: COCO,
    results: Sequence[CocoResult],
    iou_type: IouType,
    *,
    image_ids: Iterable[int] | None = None,
    by_class: bool = True,
) -> COCOeval:
    """Evaluate, accumulate and summarise without printing; every detection counts.

    Args:
        truth: see :func:`coco_truth`.
        results: detections with ``bbox`` XYWH and ``segmentation`` RLE.
        iou_type: ``bbox`` or ``segm``.
        image_ids: the photos to evaluate on; by default all.
        by_class: whether a detection matches objects of its own class only.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOevalMaxDets(truth, _load_results(truth, results, iou_type), iou_type)
        most = max(Counter(each["image_id"] for each in results).values(), default=0)
        evaluation.params.maxDets = [1, 10, max(most, COCO_DETECTIONS)]
        if image_ids is not None:
            evaluation.params.imgIds = list(image_ids)
        evaluation.params.useCats = int(by_class)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def _load_results(truth: COCO, results: Sequence[CocoResult], iou_type: IouType) -> COCO:
    if not results:  # loadRes looks at the first one
        empty = COCO()
        empty.dataset = {**truth.dataset, "annotations": []}
        empty.createIndex()
        return empty
    # With a box, loadRes would take the box's area for the mask's; COCOEvaluator leaves it out as well.
    left_out = "bbox" if iou_type == "segm" else "segmentation"
    return truth.loadRes([{key: value for key, value in each.items() if key != left_out} for each in results])


def match_photos(
    truth: COCO, results: Sequence[CocoResult], *, confidence: float, image_ids: Iterable[int] | None = None
) -> list[PhotoMatches]:
    """Match the detections above ``confidence`` with the objects, whatever the classes, by the IoU of masks.

    Crowd annotations, and detections on them, count neither way, as in COCO.

    Args:
        truth: see :func:`coco_truth`.
        results: detections as in :func:`run_coco`.
        confidence: detections with a lower score are left out.
        image_ids: the photos; by default all.
    """
    sure = [each for each in results if each["score"] >= confidence]
    chosen = sorted(truth.getImgIds() if image_ids is None else image_ids)
    masks = run_coco(truth, sure, "segm", image_ids=chosen, by_class=False)
    boxes = run_coco(truth, sure, "bbox", image_ids=chosen, by_class=False)
    # COCOeval numbers results by their place in the list, from 1.
    by_id = dict(enumerate(sure, start=1))
    # Without classes, the first entries are those of all sizes of objects, one for each photo.
    whole_range = zip(chosen, masks.evalImgs, strict=False)
    return [_match_photo(image_id, entry, masks, boxes, by_id) for image_id, entry in whole_range]


def _match_photo(
    image_id: int, entry: dict[str, Any] | None, masks: COCOeval, boxes: COCOeval, by_id: dict[int, CocoResult]
) -> PhotoMatches:
    if entry is None:  # neither objects nor detections
        return PhotoMatches(image_id, (), ())
    truths = _truths(masks.cocoGt, image_id)
    position = {truth["id"]: index for index, truth in enumerate(truths)}
    mask_ious, box_ious = (_ious(each, image_id, len(entry["dtIds"]), len(truths)) for each in (masks, boxes))
    found = []
    detections = zip(entry["dtIds"], entry["dtMatches"][_MATCH], entry["dtIgnore"][_MATCH], strict=True)
    for row, (number, match, ignored) in enumerate(detections):
        if ignored:
            continue
        index = position[int(match)] if match else _closest(mask_ious[row], box_ious[row])
        if index is None:
            found.append(Found(by_id[number], None, 0.0, 0.0, Reason.BACKGROUND))
            continue
        truth, mask_iou, box_iou = truths[index], float(mask_ious[row, index]), float(box_ious[row, index])
        reason = _reason(by_id[number], truth, mask_iou, box_iou, matched=bool(match))
        found.append(Found(by_id[number], truth, mask_iou, box_iou, reason))
    objects = zip(entry["gtIds"], entry["gtMatches"][_MATCH], entry["gtIgnore"], strict=True)
    missed = [truths[position[number]] for number, match, ignored in objects if not match and not ignored]
    return PhotoMatches(image_id, tuple(found), tuple(missed))


def _truths(truth: COCO, image_id: int) -> list[dict[str, Any]]:
    """Return the annotations of a photo in the order of the columns of ``COCOeval.ious``: class by class."""
    return [
        each
        for category in sorted(truth.getCatIds())
        for each in truth.loadAnns(truth.getAnnIds(imgIds=[image_id], catIds=[category]))
    ]


def _ious(evaluation: COCOeval, image_id: int, rows: int, columns: int) -> npt.NDArray[np.float64]:
    """``(rows, columns)`` IoUs of detections, best score first, with annotations."""
    return np.asarray(evaluation.ious[image_id, -1], np.float64).reshape(rows, columns)


def _closest(mask_ious: npt.NDArray[np.float64], box_ious: npt.NDArray[np.float64]) -> int | None:
    overlap = np.maximum(mask_ious, box_ious)
    return int(overlap.argmax()) if overlap.size and overlap.max() > 0 else None


def _reason(result: CocoResult, truth: dict[str, Any], mask_iou: float, box_iou: float, *, matched: bool) -> Reason:
    if matched:
        return Reason.MATCH if result["category_id"] == truth["category_id"] else Reason.WRONG_CLASS
    if mask_iou >= MATCH_IOU:
        return Reason.DUPLICATE  # another detection already has the object
    return Reason.POOR_MASK if max(mask_iou, box_iou) >= BACKGROUND_IOU else Reason.BACKGROUND


#: Verdicts that count as mistakes.
MISTAKES = tuple(reason for reason in Reason if reason is not Reason.MATCH)


def mistakes(photo: PhotoMatches) -> dict[Reason, int]:
    """Count the mistakes of each kind in a photo."""
    return {reason: count for reason in MISTAKES if (count := photo.count(reason))}


def worst_first(matches: Sequence[PhotoMatches]) -> list[PhotoMatches]:
    """Sort photos by the number of mistakes, most first; of equal ones, those with less exact masks first."""
    return sorted(matches, key=lambda photo: (-sum(mistakes(photo).values()), mean_iou(photo)))


def mean_iou(photo: PhotoMatches) -> float:
    """Return the mean IoU of the masks that match an object; 1 where there is no object, 0 where all are missed."""
    ious = [found.mask_iou for found in photo.found if found.reason is Reason.MATCH]
    return sum(ious) / len(ious) if ious else float(not photo.missed)


def reasons(photo: PhotoMatches) -> str:
    """Return the mistakes in words, such as ``2 missed, 1 duplicate``."""
    return ", ".join(f"{count} {reason.value}" for reason, count in mistakes(photo).items()) or "no mistake"
