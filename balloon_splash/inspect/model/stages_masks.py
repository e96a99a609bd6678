"""Figures of the mask branch, and of the splash that its masks make."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.effects import apply_effect
from balloon_splash.compositing.matte import instance_masks, matte, paste_probability
from balloon_splash.compositing.select import Selection
from balloon_splash.inspect.model.traced import TracedPhoto
from balloon_splash.inspect.page.style import (
    BLUE,
    CYCLE,
    GREEN,
    HEAT,
    ORANGE,
    new_figure,
    outline,
    photo_grid,
    row_height,
    show_photo,
    tag,
)
from balloon_splash.wording import counted

#: Probabilities at which a mask may be cut, and the colours of the outlines: 0.5 is what Detectron2 takes.
THRESHOLDS = {0.3: ORANGE, 0.5: GREEN, 0.7: BLUE}

_SHOWN_MASKS = 12
_SHOWN_PASTED = 3


def soft_masks_figure(photo: TracedPhoto) -> Figure:
    """Draw the mask head's own output for the best objects: probabilities on a small grid, square whatever the box.

    Without any object the figure shows the photo and says so; likewise :func:`pasted_figure`.
    """
    found = photo.detections[:_SHOWN_MASKS]
    if len(found) == 0:
        return results_figure(photo)
    columns = min(len(found), 6)
    figure, axes = new_figure(-(-len(found) // columns), columns, width=1.6 * columns + 0.9, height=1.9)
    for ax in axes:
        ax.set_axis_off()
    for ax, mask, score in zip(axes, found.soft_masks, found.scores, strict=False):
        drawn = ax.imshow(mask, cmap=HEAT, vmin=0, vmax=1, interpolation="nearest")
        ax.set_title(f"score {score:.2f}", fontsize=9, loc="left")
    figure.colorbar(drawn, ax=axes, label="probability", shrink=0.8, pad=0.01)
    return figure


def pasted_figure(photo: TracedPhoto) -> Figure:
    """Draw the best objects: soft mask, the same stretched over the box, and its outline at several thresholds."""
    found = photo.detections[:_SHOWN_PASTED]
    if len(found) == 0:
        return results_figure(photo)
    figure, axes = new_figure(len(found), 3, height=3.0)
    for index in range(len(found)):
        probability, (rows, columns) = paste_probability(found, index)
        soft, stretched, outlines = axes[3 * index : 3 * index + 3]
        soft.imshow(found.soft_masks[index], cmap=HEAT, vmin=0, vmax=1, interpolation="nearest")
        side = found.soft_masks.shape[1]
        soft.set_title(f"{side} x {side} probabilities", fontsize=9, loc="left")
        stretched.imshow(probability, cmap=HEAT, vmin=0, vmax=1)
        stretched.set_title(f"pasted: {probability.shape[1]} x {probability.shape[0]} pixels", fontsize=9, loc="left")
        for ax in (soft, stretched):
            ax.set_axis_off()
        show_photo(outlines, photo.image[rows, columns], "cut at 0.3, 0.5 and 0.7")
        for level, color in THRESHOLDS.items():
            outline(outlines, probability >= level, color)
    return figure


def results_figure(photo: TracedPhoto) -> Figure:
    """Draw all masks cut at 0.5, each in its own colour, with their scores."""
    found = photo.detections
    masks = instance_masks(found)
    tinted = photo.image.astype(np.float32)
    for mask, color in zip(masks, cycle(CYCLE), strict=False):
        tinted[mask] = 0.5 * tinted[mask] + 127.5 * np.array(to_rgb(color))
    figure, (ax,) = new_figure(1, 1, height=row_height(photo.image, columns=1))
    show_photo(ax, tinted.astype(np.uint8), f"{counted(len(found), 'object')} above {photo.confidence:g}")
    for mask, box, score, color in zip(masks, found.boxes, found.scores, cycle(CYCLE), strict=False):
        outline(ax, mask, color)
        tag(ax, box.tolist(), f"{score:.2f}", color)
    return figure


#: What keeps its colour in a splash unless something else is asked for.
SPLASHED = Selection(DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE)


def splash_figure(photo: TracedPhoto) -> Figure:
    """Draw the photo, its matte, and the splash with hard and with soft edges, of what a splash keeps by default."""
    kept = photo.detections[SPLASHED.indices(photo.detections)]
    hard, soft = matte(kept), matte(kept, soft=True)
    white = np.dstack([np.round(hard * 255).astype(np.uint8)] * 3)
    splashes = [apply_effect(photo.image, alpha).astype(np.uint8, copy=False) for alpha in (hard, soft)]
    pictures = [photo.image, white, *splashes]
    return photo_grid(pictures, ["photo", "matte", "splash", "splash with soft edges"], columns=2)
