"""Stem of the ResNet with Keras' "same" padding in the pooling."""

from __future__ import annotations

import torch.nn.functional as F
from detectron2.config import CfgNode
from detectron2.layers import ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY
from detectron2.modeling.backbone.fpn import FPN, build_resnet_fpn_backbone
from detectron2.modeling.backbone.resnet import BasicStem
from torch import Tensor


class MatterportStem(BasicStem):
    """Detectron2's stem, whose pooling windows begin one cell later: an even size is padded at its end only."""

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, 3, H, W)`` to ``(N, 64, H / 4, W / 4)``, for H and W that 4 divides."""
        return F.max_pool2d(F.pad(F.relu_(self.conv1(x)), (0, 1, 0, 1)), kernel_size=3, stride=2)


@BACKBONE_REGISTRY.register()
def build_matterport_resnet_fpn_backbone(cfg: CfgNode, input_shape: ShapeSpec) -> FPN:
    """Build Detectron2's ResNet-FPN with a :class:`MatterportStem`; the other layers are already equal."""
    backbone = build_resnet_fpn_backbone(cfg, input_shape)
    resnet = backbone.bottom_up
    resnet.stem = MatterportStem(input_shape.channels, resnet.stem.out_channels, cfg.MODEL.RESNETS.NORM)
    resnet.freeze(cfg.MODEL.BACKBONE.FREEZE_AT)
    return backbone
