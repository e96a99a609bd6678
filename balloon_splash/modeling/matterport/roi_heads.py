"""Second stage: crops instead of ROIAlign, and one class per region."""

from __future__ import annotations

from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.roi_heads.fast_rcnn import FastRCNNOutputLayers, fast_rcnn_inference
from detectron2.structures import Boxes, Instances
from torch import Tensor

from balloon_splash.modeling.matterport.boxes import InclusiveBoxTransform, clipped, half_open, inclusive
from balloon_splash.modeling.matterport.pooler import CropPooler
from balloon_splash.modeling.roi_heads import BalloonROIHeads


class MatterportOutputLayers(FastRCNNOutputLayers):
    """Box predictor that gives each region its most probable class only (``refine_detections_graph``)."""

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments."""
        transform = InclusiveBoxTransform(tuple(cfg.MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS))
        return {**super().from_config(cfg, input_shape), "box2box_transform": transform}

    def inference(
        self, predictions: tuple[Tensor, Tensor], proposals: list[Instances]
    ) -> tuple[list[Instances], list[Tensor]]:
        """See ``FastRCNNOutputLayers.inference``.

        ``proposals`` have ``windows`` ``(R, 4)``, inclusive boxes of the picture on the canvas, to which detections are
        cut. A score equal to the threshold is enough.
        """
        boxes = [
            clipped(inclusive(each.unflatten(1, (-1, 4))), found.windows[:, None]).flatten(1)
            for each, found in zip(self.predict_boxes(predictions, proposals), proposals, strict=True)
        ]
        results, kept = fast_rcnn_inference(
            boxes,
            [self._of_best_class(each) for each in self.predict_probs(predictions, proposals)],
            [found.image_size for found in proposals],
            0.0,
            self.test_nms_thresh,
            self.test_topk_per_image,
        )
        for found in results:
            found.pred_boxes = Boxes(half_open(found.pred_boxes.tensor))
        return results, kept

    def _of_best_class(self, probabilities: Tensor) -> Tensor:
        """Set probabilities ``(R, K + 1)`` to zero for all that cannot become a detection."""
        best = probabilities.argmax(1, keepdim=True)
        sure = torch.zeros_like(probabilities).scatter(1, best, probabilities.gather(1, best))
        return sure * (sure >= self.test_score_thresh)


@ROI_HEADS_REGISTRY.register()
class MatterportROIHeads(BalloonROIHeads):
    """``BalloonROIHeads`` with matterport's pooling and box predictor."""

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments."""
        args = super().from_config(cfg, input_shape)
        for name in ("box_pooler", "mask_pooler"):
            args[name] = CropPooler(args[name])
        args["box_predictor"] = MatterportOutputLayers(cfg, args["box_head"].output_shape)
        return args

    def forward(
        self,
        images: Any,
        features: dict[str, Tensor],
        proposals: list[Instances],
        targets: list[Instances] | None = None,
    ) -> tuple[list[Instances], dict[str, Tensor]]:
        """See ``StandardROIHeads.forward``; ``images`` have ``windows``, see :class:`.rcnn.MatterportRCNN`."""
        if not self.training:
            for found, window in zip(proposals, images.windows, strict=True):
                found.windows = window.expand_as(found.proposal_boxes.tensor)
        found, losses = super().forward(images, features, proposals, targets)
        return found, losses

    def _limits(self, images: Any, instances: list[Instances]) -> list[Tensor]:
        """Return the box ``(4,)`` of each picture on its canvas."""
        return [half_open(window) for window in images.windows]

    def _levels(self, proposals: list[Instances]) -> list[Tensor]:
        return [self.box_pooler.levels(found.proposal_boxes.tensor, found.image_size) for found in proposals]
