"""The region proposal network: Detectron2's, which can leave a trace."""

from __future__ import annotations

from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY
from detectron2.modeling.proposal_generator import RPN
from detectron2.modeling.proposal_generator.proposal_utils import find_top_rpn_proposals
from detectron2.structures import Boxes, Instances
from torch import Tensor

from balloon_splash.modeling.trace import Trace, snapshot


@PROPOSAL_GENERATOR_REGISTRY.register()
class BalloonRPN(RPN):
    """Region proposal network (Ren et al. 2015, "Faster R-CNN"), with the same weights and results as ``RPN``.

    While :attr:`trace` holds a :class:`Trace`, each call records anchors, objectness, deltas, the refined anchors
    and the candidates before and after NMS in it.
    """

    trace: Trace | None = None

    def predict_proposals(
        self,
        anchors: list[Boxes],
        pred_objectness_logits: list[Tensor],
        pred_anchor_deltas: list[Tensor],
        image_sizes: list[tuple[int, int]],
    ) -> list[Instances]:
        """Decode, clip and thin out the refined anchors; see ``RPN.predict_proposals`` for the shapes."""
        proposals = super().predict_proposals(anchors, pred_objectness_logits, pred_anchor_deltas, image_sizes)
        if self.trace is not None:
            self.trace.anchors = anchors
            self.trace.objectness_logits = pred_objectness_logits
            self.trace.anchor_deltas = pred_anchor_deltas
            self.trace.refined_anchors = self._decode_proposals(anchors, pred_anchor_deltas)
            refined = self.trace.refined_anchors
            self.trace.candidates = self.candidates(refined, pred_objectness_logits, image_sizes)
            self.trace.proposals = snapshot(proposals)
        return proposals

    def candidates(
        self, boxes: list[Tensor], logits: list[Tensor], image_sizes: list[tuple[int, int]]
    ) -> list[Instances]:
        """Return the refined anchors of each image from which the NMS chooses.

        Args:
            boxes: for each level ``(N, Hl*Wl*A, 4)``.
            logits: for each level ``(N, Hl*Wl*A)``.
            image_sizes: ``(height, width)`` of each image.
        """
        found: list[Instances] = find_top_rpn_proposals(
            boxes,
            logits,
            image_sizes,
            nms_thresh=1.0,  # no two boxes overlap by more than 1: nothing is suppressed
            pre_nms_topk=self.pre_nms_topk[self.training],
            post_nms_topk=sum(level.shape[1] for level in logits),
            min_box_size=self.min_box_size,
            training=self.training,
        )
        return found
