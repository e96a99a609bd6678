"""The second stage: Detectron2's ROI heads with a confidence floor, a second look at cut objects, and a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from detectron2.config import CfgNode, configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.poolers import assign_boxes_to_levels
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Boxes, Instances
from torch import Tensor

from balloon_splash.errors import ConfigError
from balloon_splash.modeling.confident import confident
from balloon_splash.modeling.cut_boxes import limits_of, trimmed, widened
from balloon_splash.modeling.trace import Trace, snapshot


@ROI_HEADS_REGISTRY.register()
class BalloonROIHeads(StandardROIHeads):
    """Box and mask heads (He et al. 2017, "Mask R-CNN"), equal to ``StandardROIHeads`` by default.

    Stock Detectron2 computes and pastes a mask for everything above ``SCORE_THRESH_TEST`` (0.05), however few the
    caller keeps. The floor drops the rest first: greedy NMS proceeds by score, so the detections kept are the same.

    A mask ends in a straight line where its box is too small. ``grow_cut_boxes`` gives such objects a second look in a
    wider box, see :meth:`redraw_cut`.

    Attributes:
        confidence_floor: detections with a lower score are dropped before the mask branch; may be set at any time.
        grow_cut_boxes: distance by which the sides of boxes that cut their objects move outwards, as a share of the
            box; 0 leaves all boxes.
        trace: while this is a :class:`Trace`, each inference records its stages in it.
    """

    trace: Trace | None = None

    @configurable
    def __init__(self, *, confidence_floor: float = 0.0, grow_cut_boxes: float = 0.0, **kwargs: Any) -> None:
        """Take the arguments of ``StandardROIHeads``, and ``confidence_floor`` and ``grow_cut_boxes`` in [0, 1].

        Raises:
            ConfigError: ``grow_cut_boxes`` is out of range.
        """
        super().__init__(**kwargs)
        if not 0 <= grow_cut_boxes <= 1:
            raise ConfigError(f"MODEL.BALLOON.GROW_CUT_BOXES {grow_cut_boxes:g}; expected a share from 0 to 1")
        self.confidence_floor = confidence_floor
        self.grow_cut_boxes = grow_cut_boxes

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """Map two keys of ``MODEL.BALLOON`` and Detectron2's own keys to the constructor's arguments."""
        return {
            **super().from_config(cfg, input_shape),
            "confidence_floor": cfg.MODEL.BALLOON.CONFIDENCE_FLOOR,
            "grow_cut_boxes": cfg.MODEL.BALLOON.GROW_CUT_BOXES,
        }

    def forward(
        self,
        images: Any,
        features: dict[str, Tensor],
        proposals: list[Instances],
        targets: list[Instances] | None = None,
    ) -> tuple[list[Instances], dict[str, Tensor]]:
        """See ``StandardROIHeads.forward``; in inference with :meth:`redraw_cut`."""
        found, losses = super().forward(images, features, proposals, targets)
        if not self.training and self.mask_on:  # Detectron2's TTA requests boxes first
            self.redraw_cut(features, found, self._limits(images, found))
        return found, losses

    def redraw_cut(self, features: dict[str, Tensor], instances: list[Instances], limits: Sequence[Tensor]) -> None:
        """Draw objects that their boxes cut once more, in wider boxes, and trim these to the masks (in place).

        Scores and classes stay.

        Args:
            features: the feature maps by name.
            instances: per image, with ``pred_boxes``, ``pred_classes``, ``scores`` and ``pred_masks``.
            limits: per image, the box ``(4,)`` of the picture.
        """
        if not self.grow_cut_boxes:
            return
        again, cut = [], []
        for found, limit in zip(instances, limits, strict=True):
            boxes = found.pred_boxes.tensor
            wider = widened(boxes, found.pred_masks[:, 0], limit, self.grow_cut_boxes)
            cut.append((wider != boxes).any(dim=1))
            again.append(Instances(found.image_size, scores=found.scores[cut[-1]]))
            again[-1].pred_classes, again[-1].pred_boxes = found.pred_classes[cut[-1]], Boxes(wider[cut[-1]])
        if not torch.jit.is_tracing() and not any(map(len, again)):  # type: ignore[attr-defined]
            return
        redrawn = super()._forward_mask(features, again)
        for found, chosen, new in zip(instances, cut, redrawn, strict=True):
            boxes, masks = found.pred_boxes.tensor, found.pred_masks.float()
            grown, drawn = trimmed(boxes[chosen], new.pred_boxes.tensor, new.pred_masks[:, 0].float())
            # In a trace, an assignment to boxes[chosen] would keep the number of those in the example if that is 1.
            found.pred_boxes = Boxes(boxes.index_put((chosen,), grown))
            found.pred_masks = masks.index_put((chosen,), drawn[:, None])

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
            detections = [confident(found, self.confidence_floor) for found in detections]
        if self.trace is not None:
            self.trace.confident = snapshot(detections)
        return detections

    def _forward_mask(self, features: dict[str, Tensor], instances: list[Instances]) -> Any:
        result = super()._forward_mask(features, instances)
        if self.trace is not None and not self.training and self.mask_on:
            self.trace.roi_masks = [found.pred_masks[:, 0].clone() for found in result]
        return result

    def _limits(self, images: Any, instances: list[Instances]) -> list[Tensor]:
        """Return the box ``(4,)`` of each picture, beyond which there is padding."""
        return [
            limits_of(size, found.pred_boxes.tensor) for size, found in zip(images.image_sizes, instances, strict=True)
        ]

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
