"""Fit of the outlines of two models on the same detections: boundary IoU of one mask head against the other's.

The first model says where the objects are; each model then gives its mask for the very same boxes, so that the mask
heads are compared and not the detectors. Objects that the first model misses do not count. The narrower the band along
the outline in which the masks are compared, the more of the measure is the outline alone.

    python -m benchmarks.edges --weights refined.pth --against standard.pth --balloon datasets/balloon
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.data import DatasetCatalog
from detectron2.structures import Boxes, Instances, pairwise_iou
from detectron2.structures.masks import polygons_to_bitmask
from pycocotools import mask as mask_util
from tabulate import tabulate
from tqdm import tqdm

from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.engine.boundary import BAND, boundary_iou
from balloon_splash.inspect.model.subject import Subject

Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """Fit of masks to the truth, one number per object, from 0 to 1.

    Attributes:
        boundary: boundary IoU ``(objects, bands)``.
        mask: mask IoU ``(objects,)``.
    """

    boundary: npt.NDArray[np.float64]
    mask: npt.NDArray[np.float64]


def compare(subjects: list[Subject], dataset: str, bands: Sequence[float], *, confidence: float = 0.5) -> list[Fit]:
    """Fit of each model's masks for the objects of a registered dataset that the first model finds.

    ``bands`` are widths, in shares of the photo's diagonal.
    """
    found: list[list[list[float]]] = [[] for _ in subjects]
    for entry in tqdm(DatasetCatalog.get(dataset), unit="photo"):
        boxes, truth = matched(subjects[0], entry, confidence)
        for subject, fits in zip(subjects, found, strict=True):
            for mask, true in zip(masks_for(subject, entry, boxes), truth, strict=True):
                union = np.count_nonzero(mask | true)
                overlap = np.count_nonzero(mask & true) / union if union else 0.0
                fits.append([overlap, *(boundary_iou(mask, true, band) for band in bands)])
    columns = [np.array(fits, np.float64).reshape(-1, 1 + len(bands)) for fits in found]
    return [Fit(boundary=each[:, 1:], mask=each[:, 0]) for each in columns]


@torch.no_grad()
def matched(subject: Subject, entry: dict[str, Any], confidence: float) -> tuple[Instances, Masks]:
    """Match the objects of a photo, each with its most confident detection with a box IoU of 0.5.

    Returns:
        An ``Instances`` in pixels of the photo with ``pred_boxes`` and ``pred_classes``, and the true masks
        ``(N, H, W)``.
    """
    (output,) = subject.model.inference([subject.read(entry)])
    detections = output["instances"].to("cpu")
    detections = detections[detections.scores >= confidence]
    true_boxes = Boxes(torch.tensor([each["bbox"] for each in entry["annotations"]]).reshape(-1, 4))
    overlaps = pairwise_iou(true_boxes, detections.pred_boxes)
    overlaps *= torch.tensor([[each["category_id"]] for each in entry["annotations"]]) == detections.pred_classes
    pairs = [(row, int(good.nonzero()[0])) for row, good in enumerate(overlaps >= 0.5) if good.any()]
    boxes = Instances((entry["height"], entry["width"]))
    kept = detections[[column for _, column in pairs]]
    boxes.pred_boxes, boxes.pred_classes = kept.pred_boxes, kept.pred_classes
    truth = [true_mask(entry["annotations"][row], entry["height"], entry["width"]) for row, _ in pairs]
    return boxes, np.array(truth, bool).reshape(-1, entry["height"], entry["width"])


def true_mask(annotation: dict[str, Any], height: int, width: int) -> Masks:
    """``(height, width)``, from polygons or run lengths."""
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, dict):
        return np.asarray(mask_util.decode(segmentation), bool)
    return np.asarray(polygons_to_bitmask([np.asarray(part) for part in segmentation], height, width), bool)


@torch.no_grad()
def masks_for(subject: Subject, entry: dict[str, Any], boxes: Instances) -> Masks:
    """The model's masks ``(N, H, W)`` for boxes in pixels of the photo."""
    if not len(boxes):
        return np.zeros((0, entry["height"], entry["width"]), bool)
    inputs = subject.read(entry)
    rows, columns = inputs["image"].shape[1:]
    given = Instances((rows, columns), pred_classes=boxes.pred_classes)
    given.pred_boxes = boxes.pred_boxes.clone()
    given.pred_boxes.scale(columns / entry["width"], rows / entry["height"])
    # The network sorts and drops by these fields; all are kept.
    given.scores = torch.ones(len(boxes))
    (output,) = subject.model.inference([inputs], detected_instances=[given])
    return np.asarray(output["instances"].pred_masks.cpu().numpy(), bool)


def main() -> None:
    """Compare two models and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", metavar="W", help="finds the objects; path, URL or name (balloon)")
    parser.add_argument("--config-file", metavar="C", help="its configuration (the one beside the weights)")
    parser.add_argument("--against", metavar="W", required=True, help="weights with another mask head")
    parser.add_argument("--against-config-file", metavar="C", help="their configuration (the one beside them)")
    parser.add_argument("--dataset", default="balloon_val", help="(%(default)s)")
    parser.add_argument("--balloon", metavar="DIR", help="where balloon_train and balloon_val are: train/ and val/")
    parser.add_argument("--confidence", type=float, default=0.5, help="lowest score of a detection (%(default)s)")
    parser.add_argument(
        "--bands",
        type=float,
        nargs="+",
        default=(BAND, 0.01, 0.005),
        metavar="SHARE",
        help="of the diagonal: %(default)s",
    )
    args = parser.parse_args()
    if args.balloon:
        register_balloon(args.balloon)
    subjects = [Subject.load(args.config_file, args.weights), Subject.load(args.against_config_file, args.against)]
    fits = compare(subjects, args.dataset, args.bands, confidence=args.confidence)
    rows = [
        [subject.name, len(fit.mask), *(f"{100 * mean:.1f}" for mean in (*fit.boundary.mean(axis=0), fit.mask.mean()))]
        for subject, fit in zip(subjects, fits, strict=True)
    ]
    gains = fits[0].boundary.mean(axis=0) / fits[1].boundary.mean(axis=0) - 1
    rows.append(["gain", "", *(f"{gain:+.1%}" for gain in gains), ""])
    headers = ["masks of", "objects", *(f"boundary IoU, {100 * band:g} %" for band in args.bands), "mask IoU"]
    print(tabulate(rows, headers=headers, disable_numparse=True))


if __name__ == "__main__":
    main()
