"""Fit of outlines: boundary IoU and boundary AP (Cheng et al. 2021, arXiv:2103.16562).

Mask IoU hardly notices a rough outline around a large object. Boundary IoU compares only the pixels of each mask that
lie within a band of its outline, 2 % of the photo's diagonal wide; boundary AP is COCO's AP with the smaller of the
two IoUs in place of the mask's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from detectron2.evaluation.coco_evaluation import COCOevalMaxDets
from pycocotools import mask as mask_util
from pycocotools.cocoeval import COCOeval

BAND = 0.02  # share of the photo's diagonal, as in the paper
_METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")

Mask = npt.NDArray[np.uint8]


class Band(NamedTuple):
    """Pixels of a mask along its outline, within the mask's bounding box.

    Attributes:
        pixels: ``(h, w)`` 0 or 1.
        x: column of the box's left edge in the photo.
        y: row of its upper edge.
    """

    pixels: Mask
    x: int
    y: int


def outline_band(mask: Mask, share: float = BAND) -> Band:
    """Return the pixels of a mask ``(H, W)``, 0 or 1, within ``share`` of the photo's diagonal of its outline.

    The edge of the photo counts as outline, as in the paper's code. At least one pixel is taken.
    """
    width = max(1, round(share * float(np.hypot(*mask.shape))))
    x, y, columns, rows = cv2.boundingRect(mask)
    box = mask[y : y + rows, x : x + columns]
    if not box.size:
        return Band(np.zeros((0, 0), np.uint8), 0, 0)
    framed = cv2.copyMakeBorder(box, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    inside = cv2.erode(framed, np.ones((3, 3), np.uint8), iterations=width)[1:-1, 1:-1]
    return Band(np.asarray(box - inside, np.uint8), x, y)


def band_iou(first: Band, second: Band) -> float:
    """Return the intersection over union of two bands of the same photo; 0 if both are empty."""
    x0, y0 = max(first.x, second.x), max(first.y, second.y)
    common = [band.pixels[max(y0 - band.y, 0) :, max(x0 - band.x, 0) :] for band in (first, second)]
    rows, columns = (min(part.shape[axis] for part in common) for axis in (0, 1))
    both = int(np.count_nonzero(common[0][:rows, :columns] & common[1][:rows, :columns]))
    either = int(np.count_nonzero(first.pixels)) + int(np.count_nonzero(second.pixels)) - both
    return both / either if either else 0.0


def boundary_iou(first: npt.NDArray[Any], second: npt.NDArray[Any], share: float = BAND) -> float:
    """Return the boundary IoU of two masks ``(H, W)``, bool or 0 and 1."""
    return band_iou(*(outline_band(np.ascontiguousarray(mask, np.uint8), share) for mask in (first, second)))


class BoundaryEval(COCOevalMaxDets):
    """COCO's evaluation of masks by the smaller of mask IoU and boundary IoU, for any maxDets."""

    def __init__(self, truth: Any, found: Any) -> None:
        """Compare ``found`` with ``truth``, both ``pycocotools.coco.COCO``."""
        super().__init__(truth, found, "segm")

    def computeIoU(self, imgId: Any, catId: Any) -> Any:  # noqa: N802, N803  (pycocotools' names)
        """Return ``(detections, objects)`` IoUs; see ``COCOeval.computeIoU``."""
        ious = super().computeIoU(imgId, catId)
        if len(ious) == 0:
            return ious
        truth = self._gts[imgId, catId]
        # The same detections in the same order as the parent's.
        found = sorted(self._dts[imgId, catId], key=lambda each: -each["score"])[: self.params.maxDets[-1]]
        # Below the lowest threshold nothing is matched, so the smaller of the two does not matter.
        for row, column in zip(*np.nonzero(ious >= self.params.iouThrs[0]), strict=True):
            if not truth[column]["iscrowd"]:
                bands = (outline_band(mask_util.decode(each["segmentation"])) for each in (found[row], truth[column]))
                ious[row, column] = min(ious[row, column], band_iou(*bands))
        return ious


def boundary_results(masks: COCOeval) -> dict[str, float]:
    """Compute boundary AP, and the mean boundary IoU of objects that were found.

    Args:
        masks: a finished evaluation of the same masks by mask IoU.

    Returns:
        In percent, ``AP``, ``AP50``, ``AP75``, ``APs``, ``APm``, ``APl`` and ``IoU``: the mean over the objects that
        a detection matches at a mask IoU of 0.5; NaN where there are no objects.
    """
    evaluation = BoundaryEval(masks.cocoGt, masks.cocoDt)
    evaluation.params.imgIds, evaluation.params.maxDets = masks.params.imgIds, masks.params.maxDets
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        step()
    values = [float(value) * 100 if value >= 0 else float("nan") for value in evaluation.stats[: len(_METRICS)]]
    return {**dict(zip(_METRICS, values, strict=True)), "IoU": _mean_iou_of_matches(masks)}


def _mean_iou_of_matches(masks: COCOeval) -> float:
    everything = masks.params.areaRng[0]
    ious = []
    for image in masks.evalImgs:
        if image is None or image["aRng"] != everything:
            continue
        # dtMatches is (thresholds, detections), ids of objects or 0; the first threshold is 0.5.
        for found, object_id, ignored in zip(image["dtIds"], image["dtMatches"][0], image["dtIgnore"][0], strict=True):
            if object_id and not ignored:
                ious.append(band_iou(_band_of(masks.cocoDt, int(found)), _band_of(masks.cocoGt, int(object_id))))
    return float(np.mean(ious)) * 100 if ious else float("nan")


def _band_of(annotations: Any, number: int) -> Band:
    return outline_band(annotations.annToMask(annotations.anns[number]))
