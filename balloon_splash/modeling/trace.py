"""What one forward pass leaves behind at each stage, for the inspection and the tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from detectron2.structures import Boxes, Instances
from torch import Tensor


@dataclass
class Trace:
    """Every stage of one forward pass over a batch of N images, in the order in which the stages ran.

    Boxes are XYXY in pixels of the resized image that the network saw, except in ``results``. L counts the levels of
    the feature pyramid, A the anchors of a cell, R the proposals of an image, K the classes.

    Attributes:
        image_sizes: ``(height, width)`` of each resized image, without padding.
        images: ``(N, C, H, W)``, normalised and padded.
        features: name of each pyramid level to ``(N, C, Hl, Wl)``.
        anchors: a level each, ``(Hl*Wl*A, 4)``; the same for all images.
        objectness_logits: a level each, ``(N, Hl*Wl*A)``.
        anchor_deltas: a level each, ``(N, Hl*Wl*A, 4)``.
        refined_anchors: a level each, ``(N, Hl*Wl*A, 4)``: anchors after refinement, not clipped.
        candidates: an image each: the best refined anchors of each level, clipped, before NMS.
        proposals: an image each: what NMS left of them.
        proposal_levels: an image each, ``(R,)``: the index into ROI_HEADS.IN_FEATURES of the level that ROIAlign
            pools the proposal from.
        roi_scores: an image each, ``(R, K + 1)`` class probabilities, background last.
        roi_deltas: an image each, ``(R, K * 4)`` or ``(R, 4)`` for class-agnostic regression.
        roi_boxes: an image each, ``(R, K * 4)`` or ``(R, 4)``: proposals after refinement, not clipped.
        detections: an image each: after the score threshold and the per-class NMS.
        confident: an image each: those of them at or above the confidence floor, which the mask branch sees.
        roi_masks: an image each, ``(D, M, M)`` mask probabilities of the confident ones.
        results: an image each: the model's output, in pixels of the original image.
    """

    image_sizes: list[tuple[int, int]] = field(default_factory=list)
    images: Tensor | None = None
    features: dict[str, Tensor] = field(default_factory=dict)
    anchors: list[Boxes] = field(default_factory=list)
    objectness_logits: list[Tensor] = field(default_factory=list)
    anchor_deltas: list[Tensor] = field(default_factory=list)
    refined_anchors: list[Tensor] = field(default_factory=list)
    candidates: list[Instances] = field(default_factory=list)
    proposals: list[Instances] = field(default_factory=list)
    proposal_levels: list[Tensor] = field(default_factory=list)
    roi_scores: list[Tensor] = field(default_factory=list)
    roi_deltas: list[Tensor] = field(default_factory=list)
    roi_boxes: list[Tensor] = field(default_factory=list)
    detections: list[Instances] = field(default_factory=list)
    confident: list[Instances] = field(default_factory=list)
    roi_masks: list[Tensor] = field(default_factory=list)
    results: list[Instances] = field(default_factory=list)


def snapshot(instances: list[Instances]) -> list[Instances]:
    """Copies whose boxes later stages, which scale and clip in place, do not touch."""
    copies = []
    for per_image in instances:
        copy = Instances(per_image.image_size)
        for name, value in per_image.get_fields().items():
            copy.set(name, value.clone())
        copies.append(copy)
    return copies
