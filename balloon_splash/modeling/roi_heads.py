"""The second stage: Detectron2's ROI heads with a confidence floor before the mask branch, and a trace."""

from __future__ import annotations

from typing import Any

from detectron2.config import CfgNode, configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.poolers import assign_boxes_to_levels
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Instances
from torch import Tensor

from balloon_splash.modeling.trace import Trace, snapshot


@ROI_HEADS_REGISTRY.register()
class BalloonROIHeads(StandardROIHeads):
    """Box and mask heads (He et al. 2017, "Mask R-CNN"), equal to ``StandardROIHeads`` while the floor is 0.

    Stock Detectron2 computes and pastes a mask for everything above ``SCORE_THRESH_TEST`` (0.05), however few the
    caller keeps. The floor drops the rest first: greedy NMS proceeds by score, so the detections kept are the same.

    Attributes:
        confidence_floor: detections with a lower score are dropped before the mask branch; may be set at any time.
        trace: while this is a :class:`Trace`, each inference records its stages in it.
    """

    trace: Trace | None = None

    @configurable
    def __init__(self, *, confidence_floor: float = 0.0, **kwargs: Any) -> None:
        """Take the arguments of ``StandardROIHeads``, and ``confidence_floor`` in [0, 1]."""
        super().__init__(**kwargs)
        self.confidence_floor = confidence_floor

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """Map ``MODEL.BALLOON.CONFIDENCE_FLOOR`` and Detectron2's own keys to the constructor's arguments."""
        return {**super().from_config(cfg, input_shape), "confidence_floor": cfg.MODEL.BALLOON.CONFIDENCE_FLOOR}

    def _forward_box(self, features: dict[str, Tensor], proposals: list[Instances]) -> Any:
        if self.training:
            return super()._forward_box(features, proposals)
        if self.trace is None:
            detections = super()._forward_box(features, proposals)
        else:
            hook = self.box_predictor.register_forward_hook(_PredictionRecorder(self.trace, proposals))
            try:
                detections = super()._forward_box(features, proposals)
            finally:
                hook.remove()
            self.trace.proposal_levels = self._levels(proposals)
            self.trace.detections = snapshot(detections)
        if self.confidence_floor > 0:
            detections = [found[found.scores >= self.confidence_floor] for found in detections]
        if self.trace is not None:
            self.trace.confident = snapshot(detections)
        return detections

    def _forward_mask(self, features: dict[str, Tensor], instances: list[Instances]) -> Any:
        result = super()._forward_mask(features, instances)
        if self.trace is not None and not self.training and self.mask_on:
            self.trace.roi_masks = [found.pred_masks[:, 0].clone() for found in result]
        return result

    def _levels(self, proposals: list[Instances]) -> list[Tensor]:
        """Return the pyramid level from which the box pooler takes each proposal, ``(R,)`` per image."""
        pooler = self.box_pooler
        return [
            assign_boxes_to_levels(
                [found.proposal_boxes],
                pooler.min_level,
                pooler.max_level,
                pooler.canonical_box_size,
                pooler.canonical_level,
            )
            for found in proposals
        ]


class _PredictionRecorder:
    """Forward hook on the box predictor that records class probabilities, deltas and refined boxes, split by image."""

    def __init__(self, trace: Trace, proposals: list[Instances]) -> None:
        self.trace = trace
        self.proposals = proposals

    def __call__(self, predictor: Any, _: Any, predictions: tuple[Tensor, Tensor]) -> None:
        counts = [len(found) for found in self.proposals]
        self.trace.roi_deltas = list(predictions[1].split(counts))
        self.trace.roi_scores = list(predictor.predict_probs(predictions, self.proposals))
        self.trace.roi_boxes = list(predictor.predict_boxes(predictions, self.proposals))
