"""Two models on the same photos, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from pycocotools.coco import COCO

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.inspect.model.matching import IouType, PhotoMatches, mistakes, reasons
from balloon_splash.inspect.model.traced import TracedPhoto
from balloon_splash.inspect.model.truth_figures import draw_matches
from balloon_splash.inspect.page.style import (
    GREEN,
    Rgb,
    draw_boxes,
    faded,
    new_figure,
    outline,
    row_height,
    show_photo,
    tag,
)
from balloon_splash.wording import counted


def precision_rows(
    first: Mapping[IouType, Mapping[str, float]], second: Mapping[IouType, Mapping[str, float]]
) -> list[tuple[IouType, str, float, float, float]]:
    """Return one row per metric of boxes and masks: its name, both values, and the gain of the second.

    Args:
        first, second: task to metric to percent, for each model.
    """
    return [
        (task, name, value, second[task][name], second[task][name] - value)
        for task, metrics in first.items()
        for name, value in metrics.items()
    ]


def most_different(
    first: Sequence[PhotoMatches], second: Sequence[PhotoMatches]
) -> list[tuple[PhotoMatches, PhotoMatches]]:
    """Pair the same photos of both models, those whose numbers of mistakes differ most first."""
    pairs = list(zip(first, second, strict=True))
    return sorted(pairs, key=lambda pair: -abs(_total(pair[0]) - _total(pair[1])))


def _total(photo: PhotoMatches) -> int:
    return sum(mistakes(photo).values())


def pair_figure(image: Rgb, pair: tuple[PhotoMatches, PhotoMatches], truth: COCO, names: tuple[str, str]) -> Figure:
    """Draw one photo with the detections of each model, matched with the truth."""
    figure, axes = new_figure(1, 2, height=row_height(image, columns=2))
    for ax, photo, name in zip(axes, pair, names, strict=True):
        draw_matches(ax, image, photo, truth, f"{name}: {reasons(photo)}")
    return figure


def detections_figure(first: TracedPhoto, second: TracedPhoto) -> Figure:
    """Draw one photo with the detections of each model: outlines, boxes and scores."""
    figure, axes = new_figure(1, 2, height=row_height(first.image, columns=2))
    for ax, photo in zip(axes, (first, second), strict=True):
        found = photo.detections
        show_photo(ax, faded(photo.image), f"{photo.subject.name}: {counted(len(found), 'object')}")
        draw_boxes(ax, found.boxes, GREEN, width=0.8, dashed=True)
        for box, score, mask in zip(found.boxes, found.scores, instance_masks(found), strict=True):
            outline(ax, mask, GREEN)
            tag(ax, box.tolist(), f"{score:.2f}", GREEN)
    return figure
