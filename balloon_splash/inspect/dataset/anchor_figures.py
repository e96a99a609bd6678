"""Figures about anchors: their places, how well they cover the objects, how the RPN labels them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.inspect.dataset.anchor_targets import IGNORED, NEGATIVE, POSITIVE, iou_thresholds, label_anchors
from balloon_splash.inspect.dataset.anchors import AnchorModel, Coverage, Size, resized_boxes, training_sizes
from balloon_splash.inspect.dataset.source import read_photo
from balloon_splash.inspect.page.style import (
    BLUE,
    CYCLE,
    GREY,
    ORANGE,
    RED,
    SKY,
    YELLOW,
    draw_boxes,
    log_scale,
    new_figure,
    show_photo,
)

_MOST_BOXES = 150  # most boxes drawn of a kind that may have thousands


def center_anchors(model: AnchorModel, size: Size) -> list[Tensor]:
    """Return the anchors of the cell in the middle of each level, ``(A, 4)`` XYXY pixels of a photo of ``size``."""
    middle = torch.tensor([size[1] / 2, size[0] / 2])
    found = []
    for boxes, n_anchors in zip(model.anchors(size), model.rpn.anchor_generator.num_cell_anchors, strict=True):
        cells = boxes.tensor.reshape(-1, n_anchors, 4)
        centers = (cells[:, 0, :2] + cells[:, 0, 2:]) / 2
        found.append(cells[(centers - middle).square().sum(dim=1).argmin()])
    return found


def center_anchors_figure(model: AnchorModel, photo: DatasetDict) -> Figure:
    """Draw the anchors of each level's centre cell, and the objects, on the photo at its largest training size."""
    size = training_sizes(model.cfg, photo)[-1]
    figure, (ax,) = new_figure(width=8.5, height=min(max(3.0, 8.0 * size[0] / size[1]), 12.0))
    show_photo(ax, read_photo(photo))
    ax.images[0].set_extent((0, size[1], size[0], 0))
    draw_boxes(ax, resized_boxes(photo, size).tolist(), "white", width=2.2, dashed=True)
    handles = [Line2D([], [], color=GREY, linestyle="--", label="objects")]
    for index, boxes in enumerate(center_anchors(model, size)):
        color = CYCLE[index % len(CYCLE)]
        draw_boxes(ax, boxes.tolist(), color, width=2)
        label = f"{model.rpn.in_features[index]}, stride {model.strides[index]}"
        handles.append(Line2D([], [], color=color, label=label))
    reach = torch.cat([*center_anchors(model, size), torch.tensor([[0.0, 0.0, size[1], size[0]]])])
    (x0, y0), (x1, y1) = reach[:, :2].amin(dim=0).tolist(), reach[:, 2:].amax(dim=0).tolist()
    ax.set(xlim=(x0 - 4, x1 + 4), ylim=(y1 + 4, y0 - 4))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9, frameon=False)
    return figure


def coverage_figure(coverages: Sequence[tuple[str, Coverage]], level_names: Sequence[str]) -> Figure:
    """Plot best IoU against the object's side, for the first set of anchors; recall against required IoU, for all."""
    figure, (scatter, curve) = new_figure(1, 2, height=3.8)
    _, current = coverages[0]
    sides = np.sqrt(current.shapes.prod(axis=1))
    for level in np.unique(current.levels):
        own = current.levels == level
        color = CYCLE[level % len(CYCLE)]
        scatter.plot(sides[own], current.best_ious[own], ".", color=color, label=level_names[level])
    for threshold in (0.5, 0.7):
        scatter.axhline(threshold, color=GREY, linestyle=":")
    log_scale(scatter)
    scatter.set(ylim=(0, 1), xlabel="root of the box's area, pixels of the resized photo")
    scatter.set_ylabel("IoU with the best anchor")
    scatter.legend(fontsize=8, frameon=False, title="best anchor of", title_fontsize=8)
    thresholds = np.linspace(0.3, 1, 71)
    for (name, each), color in zip(coverages, (ORANGE, BLUE), strict=False):
        curve.plot(thresholds, [100 * each.recall(float(t)) for t in thresholds], color=color, linewidth=2, label=name)
    curve.set(xlabel="required IoU", ylabel="objects with such an anchor, %", ylim=(0, 103))
    curve.legend(fontsize=9, frameon=False)
    return figure


def labels_figure(model: AnchorModel, photos: Sequence[DatasetDict]) -> Figure:
    """Draw one row per photo: the positive, the sampled negative and the ignored anchors."""
    low, high = iou_thresholds(model.cfg)
    figure, axes = new_figure(len(photos), 3, height=2.9)
    for row, photo in enumerate(photos):
        size = training_sizes(model.cfg, photo)[-1]
        labels = label_anchors(model, photo, size)
        groups = [
            (f"{Path(photo['file_name']).stem[:12]}: positive", labels.matched == POSITIVE, YELLOW),
            ("negative, drawn for the loss", labels.sampled == NEGATIVE, RED),
            (f"ignored, IoU {low:g} to {high:g}", labels.matched == IGNORED, SKY),
        ]
        image = read_photo(photo)
        for ax, (title, chosen, color) in zip(axes[3 * row : 3 * row + 3], groups, strict=True):
            show_photo(ax, image, f"{title} ({int(chosen.sum())})")
            ax.images[0].set_extent((0, size[1], size[0], 0))
            ax.set(xlim=(0, size[1]), ylim=(size[0], 0))
            boxes = labels.anchors[chosen]
            draw_boxes(ax, boxes[:: max(1, len(boxes) // _MOST_BOXES)].tolist(), color, width=1.0)
            draw_boxes(ax, resized_boxes(photo, size).tolist(), "white", width=1.4, dashed=True)
    return figure
