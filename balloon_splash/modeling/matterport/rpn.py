"""Region proposal network with one selection over all levels of the pyramid."""

from __future__ import annotations

from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.layers import ShapeSpec, cat
from detectron2.modeling import PROPOSAL_GENERATOR_REGISTRY
from detectron2.modeling.proposal_generator import RPN
from detectron2.structures import Boxes, Instances
from torch import Tensor
from torchvision.ops import nms

from balloon_splash.modeling.matterport.boxes import InclusiveBoxTransform, clipped, half_open, inclusive
from balloon_splash.modeling.rpn import BalloonRPN


class _OneSelection(RPN):
    """Selection of proposals among all levels together in evaluation; in training it is Detectron2's."""

    def predict_proposals(
        self,
        anchors: list[Boxes],
        pred_objectness_logits: list[Tensor],
        pred_anchor_deltas: list[Tensor],
        image_sizes: list[tuple[int, int]],
    ) -> list[Instances]:
        """See ``RPN.predict_proposals``; ``image_sizes`` are those of the canvas."""
        if self.training:
            return super().predict_proposals(anchors, pred_objectness_logits, pred_anchor_deltas, image_sizes)
        with torch.no_grad():
            return self.select(
                self._decode_proposals(anchors, pred_anchor_deltas),
                pred_objectness_logits,
                image_sizes,
                self.nms_thresh,
                self.post_nms_topk[False],
            )

    def select(
        self,
        boxes: list[Tensor],
        logits: list[Tensor],
        image_sizes: list[tuple[int, int]],
        nms_thresh: float,
        limit: int,
    ) -> list[Instances]:
        """Select the best refined anchors of all levels by one NMS (``ProposalLayer``).

        Args:
            boxes: for each level ``(N, Hl*Wl*A, 4)``.
            logits: for each level ``(N, Hl*Wl*A)``.
            image_sizes: ``(height, width)`` of the canvas for each image.
            nms_thresh: IoU above which the less probable box is dropped.
            limit: number of proposals per image.

        Returns:
            ``proposal_boxes`` and ``objectness_logits`` of each image, best first; boxes may be empty.
        """
        found = []
        for all_boxes, all_logits, (height, width) in zip(cat(boxes, 1), cat(logits, 1), image_sizes, strict=True):
            order = _best_first(all_logits, self.pre_nms_topk[False])
            limits = torch.stack([torch.as_tensor(edge) for edge in (0, 0, width - 1, height - 1)]).to(all_boxes)
            candidates = clipped(inclusive(all_boxes[order]), limits)
            kept = nms(candidates, all_logits[order].sigmoid(), nms_thresh)[:limit]
            result = Instances((height, width))
            result.proposal_boxes = Boxes(half_open(candidates[kept]))
            result.objectness_logits = all_logits[order[kept]]
            found.append(result)
        return found


@PROPOSAL_GENERATOR_REGISTRY.register()
class MatterportRPN(BalloonRPN, _OneSelection):
    """``BalloonRPN`` with matterport's decoding and selection."""

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments; ``PRE_NMS_TOPK_TEST`` counts all levels together."""
        transform = InclusiveBoxTransform(tuple(cfg.MODEL.RPN.BBOX_REG_WEIGHTS))
        return {**super().from_config(cfg, input_shape), "box2box_transform": transform}

    def candidates(
        self, boxes: list[Tensor], logits: list[Tensor], image_sizes: list[tuple[int, int]]
    ) -> list[Instances]:
        """Return the input of the NMS; see :meth:`BalloonRPN.candidates`."""
        return self.select(boxes, logits, image_sizes, 1.0, self.pre_nms_topk[False])


def _best_first(logits: Tensor, limit: int) -> Tensor:
    """Return indices ``(limit,)`` by probability; of equal ones, as where it saturates, the lower index first."""
    if torch.jit.is_tracing():  # type: ignore[attr-defined]  # ONNX has no stable sort, but its TopK is one
        return logits.sigmoid().topk(logits.shape[0]).indices[:limit]
    return logits.sigmoid().sort(descending=True, stable=True).indices[:limit]
