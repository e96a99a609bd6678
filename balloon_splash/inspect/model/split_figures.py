"""Figures about a model's detections on a whole dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from balloon_splash.inspect.model.matching import MATCH_IOU
from balloon_splash.inspect.model.split_metrics import PROPOSAL_COUNTS, Calibration, Doubles
from balloon_splash.inspect.page.style import BLUE, GREEN, GREY, HEAT, ORANGE, PURPLE, log_scale, new_figure

#: From COCO: areas of 32 x 32 and 96 x 96 pixels part small, medium and large.
_SIZES = (32, 96)


def precision_recall_figure(recalls: Doubles, curves: dict[str, dict[float, Doubles]]) -> Figure:
    """Draw one plot for boxes and one for masks, each with a curve for every IoU.

    Args:
        recalls: ``(101,)``.
        curves: name of the plot to IoU to ``(101,)`` precisions.
    """
    figure, axes = new_figure(1, len(curves), height=3.6)
    for ax, (name, by_iou) in zip(axes, curves.items(), strict=True):
        for iou, precisions in by_iou.items():
            ax.plot(recalls, precisions, label=f"IoU {iou:g}: AP {precisions.mean() * 100:.1f}")
        ax.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03), title=name)
        ax.legend(fontsize=8, loc="lower left")
    return figure


def calibration_figure(found: Calibration) -> Figure:
    """Plot scores against the share of right detections, and the number of detections per bin."""
    figure, (ax, counts) = new_figure(1, 2, height=3.4)
    ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="as often right as the score says")
    filled = found.counts > 0
    ax.plot(found.scores[filled], found.precisions[filled], "o-", color=BLUE, label="measured")
    ax.set(xlabel="score", ylabel=f"right at IoU {MATCH_IOU:g}", xlim=(0, 1), ylim=(0, 1.03))
    ax.set_title(f"expected calibration error {found.error:.3f}", fontsize=9, loc="left")
    ax.legend(fontsize=8)
    counts.bar(found.edges[:-1], found.counts, width=np.diff(found.edges), align="edge", color=BLUE, edgecolor="white")
    counts.set(xlabel="score", ylabel="detections", xlim=(0, 1))
    return figure


def confusion_figure(counts: npt.NDArray[np.int64], class_names: Sequence[str]) -> Figure:
    """Draw the confusion matrix with its numbers."""
    names = [*class_names, "background"]
    side = min(2.4 + 0.5 * len(names), 10)
    figure, (ax,) = new_figure(1, 1, width=side + 0.8, height=side)
    ax.grid(visible=False)
    ax.imshow(counts, cmap=HEAT)
    ax.set_xticks(range(len(names)), names, rotation=45, ha="right")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="found", ylabel="true")
    if len(names) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            color = "black" if count > counts.max() / 2 else "white"
            text = "–" if row == column == len(names) - 1 else str(count)
            ax.text(column, row, text, ha="center", va="center", color=color)
    return figure


def size_figure(sides: Doubles, ious: Doubles) -> Figure:
    """Plot the IoU of every object's best mask against the object's size."""
    figure, (ax,) = new_figure(1, 1, width=8, height=3.4)
    good = ious >= MATCH_IOU
    ax.plot(sides[good], ious[good], "o", color=GREEN, alpha=0.7, label=f"IoU from {MATCH_IOU:g} up")
    ax.plot(sides[~good], ious[~good], "x", color=PURPLE, label="less, or nothing found")
    for side in _SIZES:
        ax.axvline(side, color=GREY, linestyle=":", linewidth=1)
    log_scale(ax)
    ax.set(ylim=(-0.04, 1.03), ylabel="IoU of the best mask")
    ax.set_xlabel("side of a square of the object's area (pixels of the photo)")
    ax.legend(fontsize=8, loc="lower right")
    return figure


def recall_figure(recalls: dict[float, list[float]]) -> Figure:
    """Plot the recall of the proposals by their number, one curve per IoU."""
    figure, (ax,) = new_figure(1, 1, width=8, height=3.2)
    for (iou, values), color in zip(recalls.items(), (BLUE, ORANGE, PURPLE), strict=False):
        ax.plot(PROPOSAL_COUNTS, values, "o-", color=color, label=f"IoU {iou:g}")
    ax.set(xscale="log", ylim=(0, 1.03), xlabel="best proposals of each photo", ylabel="objects covered")
    ax.set_xticks(PROPOSAL_COUNTS, [str(count) for count in PROPOSAL_COUNTS])
    ax.legend(fontsize=8, loc="lower right")
    return figure
