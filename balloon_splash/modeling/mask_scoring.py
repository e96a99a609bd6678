"""Mask head that also scores its masks."""

from __future__ import annotations

from typing import Any

import fvcore.nn.weight_init as weight_init
import torch
import torch.nn.functional as F
from detectron2.config import CfgNode, configurable
from detectron2.layers import Conv2d, ShapeSpec, cat
from detectron2.modeling.roi_heads import ROI_MASK_HEAD_REGISTRY
from detectron2.modeling.roi_heads.mask_head import MaskRCNNConvUpsampleHead
from detectron2.structures import BitMasks, Instances, PolygonMasks
from torch import Tensor, nn


class MaskIoUHead(nn.Module):
    """Branch that predicts the IoU of a mask with the truth from the ROI's features and the mask itself.

    Huang et al. 2019, "Mask Scoring R-CNN", section 3.3: the mask is max-pooled to the features' size and joins them
    as one more channel; four convolutions, the last with stride 2, then three fully connected layers.
    """

    def __init__(self, input_shape: ShapeSpec, *, num_classes: int, num_conv: int, conv_dim: int, fc_dim: int) -> None:
        """Build the branch for ROI features of ``input_shape`` (channels, height, width)."""
        super().__init__()
        channels = input_shape.channels + 1
        convs = []
        for index in range(num_conv):
            stride = 2 if index == num_conv - 1 else 1
            convs.append(Conv2d(channels, conv_dim, kernel_size=3, stride=stride, padding=1, activation=nn.ReLU()))
            channels = conv_dim
        self.convs = nn.Sequential(*convs)
        side = (input_shape.height + 1) // 2, (input_shape.width + 1) // 2
        self.fcs = nn.Sequential(
            nn.Linear(conv_dim * side[0] * side[1], fc_dim), nn.ReLU(), nn.Linear(fc_dim, fc_dim), nn.ReLU()
        )
        self.predictor = nn.Linear(fc_dim, num_classes)
        for conv in convs:
            weight_init.c2_msra_fill(conv)
        for layer in (self.fcs[0], self.fcs[2]):
            weight_init.c2_xavier_fill(layer)
        nn.init.normal_(self.predictor.weight, std=0.01)
        nn.init.zeros_(self.predictor.bias)

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Map ``(B, C, H, W)`` features and ``(B, 1, 2H, 2W)`` mask probabilities to ``(B, num_classes)`` IoUs."""
        pooled = F.max_pool2d(masks, kernel_size=2, stride=2)
        x = self.convs(torch.cat([features, pooled], dim=1))
        return self.predictor(self.fcs(x.flatten(1)))


@ROI_MASK_HEAD_REGISTRY.register()
class MaskScoringHead(MaskRCNNConvUpsampleHead):
    """Standard mask head with a branch that predicts each mask's IoU, by which the score is multiplied.

    The mask layers keep their names, so weights of the standard head load. The classification score stays in the
    results as ``class_scores``, the predicted IoU as ``mask_scores``.
    """

    @configurable
    def __init__(self, input_shape: ShapeSpec, *, iou_head: MaskIoUHead, iou_loss_weight: float, **kwargs: Any) -> None:
        """Build the head; other arguments as in ``MaskRCNNConvUpsampleHead``."""
        super().__init__(input_shape, **kwargs)
        self.iou_loss_weight = iou_loss_weight
        self.iou_head: MaskIoUHead = iou_head

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: ShapeSpec) -> dict[str, Any]:
        """Map ``MODEL.ROI_MASK_IOU_HEAD`` and Detectron2's own keys to the constructor's arguments."""
        settings = cfg.MODEL.ROI_MASK_IOU_HEAD
        iou_head = MaskIoUHead(
            input_shape,
            num_classes=cfg.MODEL.ROI_HEADS.NUM_CLASSES,
            num_conv=settings.NUM_CONV,
            conv_dim=settings.CONV_DIM,
            fc_dim=settings.FC_DIM,
        )
        return {
            **super().from_config(cfg, input_shape),
            "iou_head": iou_head,
            "iou_loss_weight": settings.LOSS_WEIGHT,
        }

    def layers(self, x: Tensor) -> Tensor:
        """Map ROI features ``(B, C, H, W)`` to mask logits ``(B, num_classes, 2H, 2W)``."""
        for name, layer in self.named_children():
            if name != "iou_head":  # a child of the parent, which is a Sequential
                x = layer(x)
        return x

    def forward(self, x: Tensor, instances: list[Instances]) -> Any:
        """Return losses in training; in inference, rescored ``instances`` with masks."""
        recorded: list[Tensor] = []
        hook = self.predictor.register_forward_hook(lambda _module, _inputs, logits: recorded.append(logits))
        try:
            result = super().forward(x, instances)
        finally:
            hook.remove()
        (logits,) = recorded
        if self.training:
            result["loss_mask_iou"] = self._loss(x, logits, instances)
        else:
            self._rescore(x, instances)
        return result

    def _loss(self, features: Tensor, logits: Tensor, instances: list[Instances]) -> Tensor:
        if len(features) == 0:
            # All of its weights get a gradient, which the other processes of a run wait for.
            return sum((weight.sum() for weight in self.iou_head.parameters()), features.new_zeros(())) * 0
        classes = cat([found.gt_classes for found in instances])
        index = torch.arange(len(classes), device=classes.device)
        probabilities = logits[index, classes if logits.shape[1] > 1 else 0].detach().sigmoid()[:, None]
        predicted = self.iou_head(features, probabilities)[index, classes]
        target = torch.cat([_mask_iou(p, found) for p, found in _per_image(probabilities[:, 0], instances)])
        # As in the paper, masks that missed the object altogether are left out.
        valid = target > 0
        loss = F.mse_loss(predicted.float()[valid], target[valid], reduction="sum") / valid.sum().clamp(min=1)
        return loss * self.iou_loss_weight

    def _rescore(self, features: Tensor, instances: list[Instances]) -> None:
        probabilities = cat([found.pred_masks for found in instances])
        predicted = self.iou_head(features, probabilities).clamp(0, 1)
        classes = cat([found.pred_classes for found in instances])
        scores = predicted[torch.arange(len(classes), device=classes.device), classes]
        for mask_scores, found in _per_image(scores, instances):
            found.class_scores = found.scores
            found.mask_scores = mask_scores
            found.scores = found.scores * mask_scores


def _per_image(values: Tensor, instances: list[Instances]) -> list[tuple[Tensor, Instances]]:
    return list(zip(values.split([len(found) for found in instances]), instances, strict=True))


def _mask_iou(probabilities: Tensor, instances: Instances) -> Tensor:
    """IoU of the binarised masks ``(B, M, M)`` with the whole true objects, including parts outside the box."""
    if len(instances) == 0:
        return probabilities.new_zeros(0)
    boxes = instances.proposal_boxes
    side = probabilities.shape[-1]
    predicted = probabilities > 0.5
    truth = instances.gt_masks.crop_and_resize(boxes.tensor, side).to(predicted.device)
    overlap = (predicted & truth).sum(dim=(1, 2)).float()
    # Parts of the object outside the box count as missed: compare with the whole area, in cells of the grid.
    cells_per_pixel = side * side / boxes.area().clamp(min=1)
    true_cells = torch.maximum(truth.sum(dim=(1, 2)), _areas(instances.gt_masks).to(overlap) * cells_per_pixel)
    union = predicted.sum(dim=(1, 2)) + true_cells - overlap
    return overlap / union.clamp(min=1)


def _areas(masks: PolygonMasks | BitMasks) -> Tensor:
    """Areas in pixels, ``(B,)``."""
    return masks.area() if isinstance(masks, PolygonMasks) else masks.tensor.sum(dim=(1, 2))
