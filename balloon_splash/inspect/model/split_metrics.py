"""Metrics of a model's detections on a whole dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.modeling.matcher import Matcher
from detectron2.structures import Boxes, BoxMode, pairwise_iou
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.inspect.model.matching import PhotoMatches, Reason
from balloon_splash.inspect.model.traced import Floats

Doubles = npt.NDArray[np.float64]

#: The names of the first six of ``COCOeval.stats``, as Detectron2 reports them.
AP_NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl")

PR_IOUS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)

PROPOSAL_COUNTS = (1, 3, 10, 30, 100, 300, 1000)


def average_precisions(evaluation: COCOeval) -> dict[str, float]:
    """Map :data:`AP_NAMES` to percent; NaN where there is no object of that size."""
    values = (float(value) for value in evaluation.stats[: len(AP_NAMES)])
    return {name: value * 100 if value >= 0 else float("nan") for name, value in zip(AP_NAMES, values, strict=True)}


def precision_recall(evaluation: COCOeval) -> tuple[Doubles, dict[float, Doubles]]:
    """Compute precision at each recall, the mean over classes that have objects; objects of all sizes.

    Returns:
        ``(101,)`` recalls, and for each of :data:`PR_IOUS` the ``(101,)`` precisions; the mean of such a row is the
        average precision at this IoU.
    """
    params = evaluation.params
    precision = evaluation.eval["precision"][:, :, :, 0, -1]  # (IoU, recall, class)
    known = precision[0, 0] > -1
    curves = {
        iou: precision[int(np.flatnonzero(np.isclose(params.iouThrs, iou))[0])][:, known].mean(axis=1)
        if known.any()
        else np.zeros(len(params.recThrs))
        for iou in PR_IOUS
    }
    return np.asarray(params.recThrs), curves


@dataclass(frozen=True)
class Calibration:
    """Share of right detections by score.

    Attributes:
        edges: ``(B + 1,)`` edges of the bins of scores.
        counts: ``(B,)`` detections in each.
        scores: ``(B,)`` their mean score; NaN in an empty bin.
        precisions: ``(B,)`` the share that is right.
        error: the expected calibration error (Naeini et al. 2015; Guo et al. 2017): the mean distance between score
            and precision, weighted by the counts.
    """

    edges: Doubles
    counts: npt.NDArray[np.int64]
    scores: Doubles
    precisions: Doubles
    error: float


def calibration(evaluation: COCOeval, *, bins: int = 10) -> Calibration:
    """Compare the scores with how often they are right at IoU 0.5, as average precision counts it."""
    entries = [each for each in evaluation.evalImgs if each and each["aRng"] == evaluation.params.areaRng[0]]
    scores = np.concatenate([[], *(each["dtScores"] for each in entries)])
    right = np.concatenate([[], *(each["dtMatches"][0] > 0 for each in entries)])
    counted = ~np.concatenate([np.zeros(0, bool), *(each["dtIgnore"][0].astype(bool) for each in entries)])
    scores, right = scores[counted], right[counted]
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.digitize(scores, edges) - 1, 0, bins - 1)
    counts = np.bincount(index, minlength=bins)
    divisor = np.where(counts > 0, counts, np.nan)
    mean_scores = np.bincount(index, weights=scores, minlength=bins) / divisor
    precisions = np.bincount(index, weights=right, minlength=bins) / divisor
    error = float(np.nansum(np.abs(mean_scores - precisions) * counts) / max(len(scores), 1))
    return Calibration(edges, counts, mean_scores, precisions, error)


def confusion(matches: Sequence[PhotoMatches], category_ids: Sequence[int]) -> npt.NDArray[np.int64]:
    """``(K + 1, K + 1)`` counts: rows are true classes, columns predicted ones, the last of both is background.

    A detection that matches no object counts as background, whatever it overlaps.
    """
    position = {category: index for index, category in enumerate(category_ids)}
    background = len(position)
    counts = np.zeros((background + 1, background + 1), np.int64)
    for photo in matches:
        for found in photo.found:
            matched = found.truth is not None and found.reason in (Reason.MATCH, Reason.WRONG_CLASS)
            row = position[found.truth["category_id"]] if found.truth and matched else background
            counts[row, position[found.result["category_id"]]] += 1
        for truth in photo.missed:
            counts[position[truth["category_id"]], background] += 1
    return counts


def size_and_iou(matches: Sequence[PhotoMatches]) -> tuple[Doubles, Doubles]:
    """Return, per object, the side in pixels of a square of its area in the photo, and the best IoU of a mask with it.

    A missed object counts with the mask that overlaps it most, of those that belong to no other object.

    Returns:
        ``(G,)`` and ``(G,)``.
    """
    areas: dict[int, float] = {}
    ious: dict[int, float] = {}
    for photo in matches:
        for truth in photo.missed:
            areas[truth["id"]], ious[truth["id"]] = truth["area"], 0.0
        for found in photo.found:
            if found.truth is not None:
                number = found.truth["id"]
                areas[number] = found.truth["area"]
                ious[number] = max(ious.get(number, 0.0), found.mask_iou)
    return np.sqrt(np.array(list(areas.values()), np.float64)), np.array(list(ious.values()), np.float64)


def proposal_recall(truth: COCO, proposals: dict[int, Floats], iou: float) -> list[float]:
    """Return the share of objects that one of the best n proposals covers, for each n of :data:`PROPOSAL_COUNTS`.

    Covered means an IoU of boxes of at least ``iou``, as Detectron2's ``Matcher`` decides it in training. Crowds are
    left out. NaN without any object.
    """
    matcher = Matcher([iou], [0, 1], allow_low_quality_matches=False)
    covered = [0] * len(PROPOSAL_COUNTS)
    total = 0
    for image_id, boxes in proposals.items():
        objects = _true_boxes(truth, image_id)
        if len(objects) == 0:
            continue
        total += len(objects)
        ious = pairwise_iou(Boxes(torch.from_numpy(boxes)), objects)
        for index, count in enumerate(PROPOSAL_COUNTS):
            covered[index] += int(matcher(ious[:count])[1].sum())
    return [count / total if total else float("nan") for count in covered]


def _true_boxes(truth: COCO, image_id: int) -> Boxes:
    annotations: list[dict[str, Any]] = truth.loadAnns(truth.getAnnIds(imgIds=[image_id], iscrowd=False))
    boxes = torch.tensor([each["bbox"] for each in annotations], dtype=torch.float32).reshape(-1, 4)
    return Boxes(BoxMode.convert(boxes, BoxMode.XYWH_ABS, BoxMode.XYXY_ABS))
