"""Figures of the second stage: from the proposals to the detections."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt
from detectron2.structures import Instances
from matplotlib.figure import Figure
from torch import Tensor

from balloon_splash.inspect.model.traced import Floats, TracedPhoto, array
from balloon_splash.inspect.page.style import (
    BLUE,
    CYCLE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    draw_boxes,
    faded,
    legend,
    log_scale,
    new_figure,
    row_height,
    show_photo,
    tag,
)

_SHOWN_PROPOSALS = 100
_SHOWN_ROIS = 20
_SMALLEST_SIDE = 8.0  # pixels; the few smaller proposals are counted there


class Fate(Enum):
    """Fate of a proposal with a class."""

    LOW_SCORE = "below the score threshold"
    SUPPRESSED = "dropped by NMS"
    UNSURE = "below the confidence"
    KEPT = "gets a mask"


FATE_COLORS = {Fate.LOW_SCORE: GREY, Fate.SUPPRESSED: ORANGE, Fate.UNSURE: PURPLE, Fate.KEPT: GREEN}


@dataclass(frozen=True)
class Rois:
    """The R proposals of a photo, each with its best class.

    Attributes:
        proposals: ``(R, 4)`` boxes before refinement, XYXY in pixels of the resized photo.
        refined: ``(R, 4)`` boxes after it, for the best class, clipped to the photo.
        deltas: ``(R, 4)`` deltas of the best class: shift of the centre, and logarithm of the scaling, as the box head
            gives them, so multiplied by ``MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS``.
        scores: ``(R,)`` probability of the best class, background excluded.
        classes: ``(R,)`` the best class.
        fates: the fate of each.
    """

    proposals: Floats
    refined: Floats
    deltas: Floats
    scores: Floats
    classes: npt.NDArray[np.intp]
    fates: list[Fate]

    @classmethod
    def of(cls, photo: TracedPhoto) -> Rois:
        """Follow each proposal to its end."""
        trace = photo.trace
        scores = array(trace.roi_scores[0])[:, :-1]
        classes = scores.argmax(axis=1)
        rows = np.arange(len(scores))
        height, width = trace.image_sizes[0]
        boxes = np.clip(_of_class(trace.roi_boxes[0], classes), 0, np.array([width, height, width, height], np.float32))
        return cls(
            proposals=array(trace.proposals[0].proposal_boxes.tensor),
            refined=boxes,
            deltas=_of_class(trace.roi_deltas[0], classes),
            scores=scores[rows, classes],
            classes=classes,
            fates=_fates(photo, boxes, scores[rows, classes], classes),
        )

    def having(self, fate: Fate) -> npt.NDArray[np.intp]:
        """Return the indices of proposals with this fate, best score first."""
        chosen = np.flatnonzero([found is fate for found in self.fates])
        return chosen[self.scores[chosen].argsort(kind="stable")[::-1]]


def _of_class(values: Tensor, classes: npt.NDArray[np.intp]) -> Floats:
    """Pick from ``(R, K * 4)``, or class-agnostic ``(R, 4)``, the ``(R, 4)`` of each row's class."""
    per_class = array(values).reshape(len(classes), -1, 4)
    return per_class[np.arange(len(classes)), classes if per_class.shape[1] > 1 else 0]


def _fates(photo: TracedPhoto, boxes: Floats, scores: Floats, classes: npt.NDArray[np.intp]) -> list[Fate]:
    (found,), (confident,) = photo.trace.detections, photo.trace.confident
    detected, masked = ({(*box, k) for box, k in _keys(each)} for each in (found, confident))
    threshold = photo.subject.model.roi_heads.box_predictor.test_score_thresh
    fates = []
    for box, score, number in zip(boxes.tolist(), scores.tolist(), classes.tolist(), strict=True):
        key = (*box, number)
        if key in masked:
            fates.append(Fate.KEPT)
        elif key in detected:
            fates.append(Fate.UNSURE)
        else:
            fates.append(Fate.SUPPRESSED if score > threshold else Fate.LOW_SCORE)
    return fates


def _keys(instances: Instances) -> list[tuple[list[float], int]]:
    boxes = array(instances.pred_boxes.tensor).tolist()
    return list(zip(boxes, instances.pred_classes.tolist(), strict=True))


def levels_figure(photo: TracedPhoto) -> Figure:
    """Draw the best proposals, coloured by the level that ROIAlign pools them from; plot that level by their size."""
    boxes = array(photo.trace.proposals[0].proposal_boxes.tensor)
    levels = photo.trace.proposal_levels[0].cpu().numpy()
    figure, axes = new_figure(1, 2, height=row_height(photo.resized, columns=2))
    show_photo(axes[0], faded(photo.resized), f"best {min(len(boxes), _SHOWN_PROPOSALS)} of {len(boxes)} proposals")
    sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
    bins = np.geomspace(_SMALLEST_SIDE, max(sides.max(initial=0), 2 * _SMALLEST_SIDE), 40)
    for level, (name, color) in enumerate(zip(photo.roi_levels, CYCLE, strict=False)):
        draw_boxes(axes[0], boxes[:_SHOWN_PROPOSALS][levels[:_SHOWN_PROPOSALS] == level], color, width=1)
        axes[1].hist(sides[levels == level].clip(_SMALLEST_SIDE), bins=bins.tolist(), color=color, label=name)
    legend(axes[0], list(zip(photo.roi_levels, CYCLE, strict=False)))
    log_scale(axes[1])
    axes[1].set(xlabel="side of a square of the same area (pixels of the resized photo)")
    axes[1].set_ylabel("proposals")
    axes[1].legend(title="pooled from", fontsize=8)
    return figure


def scores_figure(photo: TracedPhoto, rois: Rois) -> Figure:
    """Plot the scores of the classifier, and the deltas of the box regression for what it takes for an object."""
    figure, axes = new_figure(1, 2, height=3.2)
    threshold = photo.subject.model.roi_heads.box_predictor.test_score_thresh
    axes[0].hist(rois.scores, bins=np.linspace(0, 1, 41).tolist(), color=BLUE)
    axes[0].set(yscale="log", xlabel="probability of the best class", ylabel="proposals (log)", xlim=(0, 1))
    axes[0].axvline(threshold, color=ORANGE, label=f"score threshold {threshold:g}")
    axes[0].axvline(photo.confidence, color=PURPLE, linestyle="--", label=f"confidence {photo.confidence:g}")
    axes[0].legend(fontsize=8)
    weights = np.array(photo.subject.model.roi_heads.box_predictor.box2box_transform.weights)
    moved = rois.deltas[rois.scores > threshold] / weights
    axes[1].boxplot(list(moved.T) if len(moved) else [[]] * 4)
    axes[1].set_xticks(range(1, 5), ["dx / width", "dy / height", "log scale\nof width", "log scale\nof height"])
    axes[1].set_ylabel(f"box deltas of {len(moved)} above the threshold")
    return figure


def roi_refinement_figure(photo: TracedPhoto, rois: Rois) -> Figure:
    """Draw the proposals with the best scores before (dashed) and after (solid) the second refinement."""
    best = rois.scores.argsort()[::-1][:_SHOWN_ROIS]
    figure, axes = new_figure(1, 2, height=row_height(photo.resized, columns=2))
    for ax, title in zip(axes, ("before", "after"), strict=True):
        show_photo(ax, faded(photo.resized), f"the {len(best)} best ROIs {title} refinement")
    draw_boxes(axes[0], rois.proposals[best], BLUE, dashed=True)
    draw_boxes(axes[1], rois.refined[best], BLUE)
    return figure


def fates_figure(photo: TracedPhoto, rois: Rois) -> Figure:
    """Draw the proposals by fate: dropped, with the reason, or passed to the mask branch."""
    figure, axes = new_figure(2, 2, height=row_height(photo.resized, columns=2))
    for ax, fate in zip(axes, Fate, strict=True):
        chosen = rois.having(fate)
        shown = chosen[:_SHOWN_PROPOSALS] if fate is not Fate.LOW_SCORE else chosen[:_SHOWN_ROIS]
        more = f" (the best {len(shown)} drawn)" if len(shown) < len(chosen) else ""
        show_photo(ax, faded(photo.resized), f"{fate.value}: {len(chosen)}{more}")
        draw_boxes(ax, rois.refined[shown], FATE_COLORS[fate], width=1.5 if fate is Fate.KEPT else 1)
        if fate in (Fate.KEPT, Fate.UNSURE):
            for index in shown[:30]:
                tag(ax, rois.refined[index].tolist(), f"{rois.scores[index]:.2f}", FATE_COLORS[fate])
    return figure
