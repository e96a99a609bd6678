"""Detections matched with the ground truth, drawn on the photo and listed."""

from __future__ import annotations

from typing import Any

from detectron2.structures import BoxMode
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pycocotools.coco import COCO

from balloon_splash.inspect.model.matching import PhotoMatches, Reason
from balloon_splash.inspect.page.style import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    YELLOW,
    Rgb,
    faded,
    legend,
    new_figure,
    outline,
    row_height,
    show_photo,
    tag,
)

REASON_COLORS = {
    Reason.MATCH: GREEN,
    Reason.WRONG_CLASS: YELLOW,
    Reason.DUPLICATE: BLUE,
    Reason.POOR_MASK: ORANGE,
    Reason.BACKGROUND: RED,
    Reason.MISSED: PURPLE,
}


def matches_figure(image: Rgb, photo: PhotoMatches, truth: COCO, title: str) -> Figure:
    """Draw a photo with the outlines of detections and of missed objects."""
    figure, (ax,) = new_figure(1, 1, height=row_height(image, columns=1))
    draw_matches(ax, image, photo, truth, title)
    return figure


def draw_matches(ax: Axes, image: Rgb, photo: PhotoMatches, truth: COCO, title: str) -> None:
    """Outline each detection in the colour of its reason, matches with their IoU, and each missed object."""
    show_photo(ax, faded(image), title)
    for found in reversed(photo.found):  # the surest on top
        color = REASON_COLORS[found.reason]
        outline(ax, truth.annToMask(found.result), color)
        if found.reason is Reason.MATCH:  # colours identify the others: their labels would hide the photo
            tag(ax, _corners(found.result), f"IoU {found.mask_iou:.2f}", color)
    for missed in photo.missed:
        outline(ax, truth.annToMask(missed), REASON_COLORS[Reason.MISSED], style="dashed")
        tag(ax, _corners(missed), Reason.MISSED.value, REASON_COLORS[Reason.MISSED], below=True)
    present = [reason for reason in Reason if photo.count(reason)]
    if present:
        legend(ax, [(f"{photo.count(reason)} {reason.value}", REASON_COLORS[reason]) for reason in present])


def matches_rows(photo: PhotoMatches) -> list[list[object]]:
    """Return one row per detection: verdict, score, IoU of the mask, IoU of the box; then the missed objects."""
    rows: list[list[object]] = [
        [each.reason.value, float(each.result["score"]), each.mask_iou, each.box_iou] for each in photo.found
    ]
    rows += [[Reason.MISSED.value, "", "", ""] for _ in photo.missed]
    return rows


def _corners(annotation: dict[str, Any]) -> list[float]:
    corners: list[float] = BoxMode.convert(list(annotation["bbox"]), BoxMode.XYWH_ABS, BoxMode.XYXY_ABS)
    return corners
