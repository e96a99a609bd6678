"""Trace of the stages of one forward pass, for the inspection and the tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from detectron2.structures import Boxes, Instances
from torch import Tensor


@dataclass
class Trace:
    """Every stage of one forward pass over a batch of N images, in the order in which the stages ran.

    Boxes are XYXY in pixels of the resized image that the network saw, except in ``results``. L counts the levels of
    the feature pyramid, A the anchors per cell, R the proposals of an image, K the classes.

    Attributes:
        image_sizes: ``(height, width)`` of each resized image, without padding.
        images: ``(N, C, H, W)``, normalised and padded.
        features: name of each pyramid level to ``(N, C, Hl, Wl)``.
        anchors: per level, ``(Hl*Wl*A, 4)``; the same for all images.
        objectness_logits: per level, ``(N, Hl*Wl*A)``.
        anchor_deltas: per level, ``(N, Hl*Wl*A, 4)``.
        refined_anchors: per level, ``(N, Hl*Wl*A, 4)``: anchors after refinement, not clipped.
        candidates: per image: the best refined anchors of each level, clipped, before NMS.
        proposals: per image: the candidates that NMS kept.
        proposal_levels: per image, ``(R,)``: the index into ROI_HEADS.IN_FEATURES of the level that ROIAlign
            pools the proposal from.
        roi_scores: per image, ``(R, K + 1)`` class probabilities, background last.
        roi_deltas: per image, ``(R, K * 4)`` or ``(R, 4)`` for class-agnostic regression.
        roi_boxes: per image, ``(R, K * 4)`` or ``(R, 4)``: proposals after refinement, not clipped.
        detections: per image: boxes after the score threshold and the per-class NMS.
        confident: per image: those at or above the confidence floor, which the mask branch sees.
        roi_masks: per image, ``(D, M, M)`` mask probabilities of the confident ones, before boxes that cut their
            objects grow.
        results: per image: the model's output, in pixels of the original image.
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
    """Copy instances, so that later stages, which scale and clip boxes in place, do not change them."""
    copies = []
    for per_image in instances:
        copy = Instances(per_image.image_size)
        for name, value in per_image.get_fields().items():
            copy.set(name, value.clone())
        copies.append(copy)
    return copies
