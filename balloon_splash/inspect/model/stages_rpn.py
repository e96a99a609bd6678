"""Figures of the first stage: from the photo to the proposals.

The choice of figures follows the second notebook of the reference implementation (matterport/Mask_RCNN,
``inspect_model``).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from balloon_splash.inspect.model.traced import Floats, TracedPhoto, array
from balloon_splash.inspect.page.style import (
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    HEAT,
    ORANGE,
    draw_boxes,
    faded,
    grey,
    legend,
    new_figure,
    photo_grid,
    row_height,
    show_photo,
)

#: Number of best anchors and boxes that the figures show; more hide the photo.
SHOWN = 50


def input_figure(photo: TracedPhoto) -> Figure:
    """Draw the photo as it is and as the network sees it."""
    sizes = [f"{image.shape[1]} x {image.shape[0]}" for image in (photo.image, photo.resized)]
    return photo_grid([photo.image, photo.resized], [f"photo, {sizes[0]}", f"resized, {sizes[1]}"], columns=2)


def features_figure(photo: TracedPhoto) -> Figure:
    """Draw, per pyramid level, the mean strength over all channels, and the channel that varies most."""
    levels = photo.trace.features
    figure, axes = new_figure(2, len(levels), height=row_height(photo.resized, columns=len(levels)))
    for column, (name, batch) in enumerate(levels.items()):
        feature = array(batch[0])
        channel = int(feature.std(axis=(1, 2)).argmax())
        maps = (np.abs(feature).mean(axis=0), feature[channel])
        size = f"{feature.shape[2]} x {feature.shape[1]}"
        for row, (values, title) in enumerate(zip(maps, (f"{name}: {size}", f"channel {channel}"), strict=True)):
            _heat_map(axes[row * len(levels) + column], values, title)
    return figure


def _heat_map(ax: Axes, values: Floats, title: str) -> None:
    ax.imshow(values, cmap=HEAT, interpolation="nearest")
    ax.set_title(title, fontsize=9, loc="left")
    ax.set_axis_off()


def centre_anchors(photo: TracedPhoto) -> list[Floats]:
    """Return, per level, the ``(A, 4)`` anchors of the cell in the middle of the resized photo, XYXY."""
    height, width = photo.resized.shape[:2]
    middle = np.array([width / 2, height / 2])
    chosen = []
    for anchors, count in zip(photo.trace.anchors, anchors_per_cell(photo), strict=True):
        boxes = array(anchors.tensor).reshape(-1, count, 4)
        centres = (boxes[:, 0, :2] + boxes[:, 0, 2:]) / 2
        chosen.append(boxes[np.linalg.norm(centres - middle, axis=1).argmin()])
    return chosen


def anchors_per_cell(photo: TracedPhoto) -> list[int]:
    """Return the number of anchors per cell for each level."""
    levels = zip(photo.rpn_levels, photo.trace.anchors, strict=True)
    return [len(anchors) // photo.trace.features[name][0, 0].numel() for name, anchors in levels]


def anchors_figure(photo: TracedPhoto) -> Figure:
    """Draw the anchors of one cell of each level, in the middle of the photo, and the density of the cells."""
    figure, axes = new_figure(1, 2, height=row_height(photo.resized, columns=2))
    show_photo(axes[0], faded(photo.resized), "anchors of the middle cell of each level")
    show_photo(axes[1], faded(photo.resized), "centres of all cells")
    for color, boxes in zip(CYCLE, centre_anchors(photo), strict=False):
        draw_boxes(axes[0], boxes, color)
    counts = anchors_per_cell(photo)
    for index, (color, anchors, count) in enumerate(zip(CYCLE, photo.trace.anchors, counts, strict=False)):
        boxes = array(anchors.tensor)[::count]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        axes[1].plot(*centres.T, ".", color=color, markersize=1 + 2 * index, markeredgewidth=0)
    legend(axes[0], list(zip(photo.rpn_levels, CYCLE, strict=False)))
    return figure


def objectness_maps(photo: TracedPhoto) -> list[Floats]:
    """Return, per level, ``(Hl, Wl)``: the highest objectness, as a probability, of the anchors of each cell."""
    maps = []
    levels = zip(photo.rpn_levels, photo.trace.objectness_logits, anchors_per_cell(photo), strict=True)
    for name, logits, count in levels:
        height, width = photo.trace.features[name].shape[-2:]
        maps.append(array(logits[0].sigmoid()).reshape(height, width, count).max(axis=2))
    return maps


def objectness_figure(photo: TracedPhoto) -> Figure:
    """Draw heat maps of objectness over the photo, one plot per level."""
    maps = objectness_maps(photo)
    height, width = photo.resized.shape[:2]
    columns = min(3, len(maps))
    rows = -(-(len(maps)) // columns)
    figure, axes = new_figure(rows, columns, height=row_height(photo.resized, columns=columns))
    for ax in axes[len(maps) :]:
        ax.set_axis_off()
    for ax, name, values in zip(axes, photo.rpn_levels, maps, strict=False):
        show_photo(ax, grey(photo.resized), f"{name}: highest {values.max():.2f}")
        # A map is padded like the photo: draw it at its stride, and let the axes cut off the padding.
        stride = photo.trace.images.shape[-1] / values.shape[1] if photo.trace.images is not None else 1
        extent = (0.0, values.shape[1] * stride, values.shape[0] * stride, 0.0)
        drawn = ax.imshow(values, cmap=HEAT, alpha=0.75, vmin=0, vmax=1, extent=extent, interpolation="nearest")
        ax.set(xlim=(0, width), ylim=(height, 0))
    figure.colorbar(drawn, ax=axes, label="objectness (probability)", shrink=0.7, pad=0.01)
    return figure


def best_anchors(photo: TracedPhoto, count: int) -> tuple[Floats, Floats]:
    """Return the anchors with the highest objectness of all levels, best first, and the same after refinement.

    Returns:
        Two ``(count, 4)``, XYXY, neither clipped to the photo.
    """
    trace = photo.trace
    logits = torch.cat([level[0] for level in trace.objectness_logits])
    best = logits.topk(min(count, len(logits))).indices
    anchors = torch.cat([level.tensor for level in trace.anchors])[best]
    refined = torch.cat([level[0] for level in trace.refined_anchors])[best]
    return array(anchors), array(refined)


def refinement_figure(photo: TracedPhoto) -> Figure:
    """Draw the best anchors: as they are, after refinement, and after clipping to the photo."""
    anchors, refined = best_anchors(photo, SHOWN)
    height, width = photo.resized.shape[:2]
    clipped = np.clip(refined, 0, [width, height, width, height])
    figure, axes = new_figure(1, 3, height=row_height(photo.resized, columns=3))
    for ax, boxes, title in zip(
        axes, (anchors, refined, clipped), ("anchors", "after refinement", "after clipping"), strict=True
    ):
        show_photo(ax, faded(photo.resized), title)
        draw_boxes(ax, boxes, BLUE, width=1)
        # Show the parts of boxes outside the photo, too.
        left, top = np.minimum(anchors[:, :2].min(axis=0), 0)
        right, bottom = np.maximum(anchors[:, 2:].max(axis=0), [width, height])
        ax.set(xlim=(left, right), ylim=(bottom, top))
    return figure


def surviving(photo: TracedPhoto) -> npt.NDArray[np.bool_]:
    """Return, per candidate, whether it survives NMS and the limit on the number of proposals."""
    (candidates,), (proposals,) = photo.trace.candidates, photo.trace.proposals
    # The proposals are these very candidates, so their numbers are equal to the last bit.
    kept = set(map(tuple, array(proposals.proposal_boxes.tensor).tolist()))
    boxes = array(candidates.proposal_boxes.tensor).tolist()
    return np.array([tuple(box) in kept for box in boxes], dtype=np.bool_)


def nms_figure(photo: TracedPhoto) -> Figure:
    """Draw the best candidates, those that NMS drops and those that it keeps; then the best proposals."""
    (candidates,), (proposals,) = photo.trace.candidates, photo.trace.proposals
    boxes = array(candidates.proposal_boxes.tensor)[:SHOWN]
    kept = surviving(photo)[:SHOWN]
    final = array(proposals.proposal_boxes.tensor)[:SHOWN]
    figure, axes = new_figure(1, 2, height=row_height(photo.resized, columns=2))
    show_photo(
        axes[0], faded(photo.resized), f"best {len(boxes)} candidates: {kept.sum()} stay, {(~kept).sum()} dropped"
    )
    draw_boxes(axes[0], boxes[~kept], GREY, width=0.8, dashed=True)
    draw_boxes(axes[0], boxes[kept], GREEN)
    legend(axes[0], [("stay", GREEN), ("dropped by NMS", GREY)])
    show_photo(axes[1], faded(photo.resized), f"best {len(final)} of {len(proposals)} proposals")
    draw_boxes(axes[1], final, ORANGE, width=1)
    return figure
