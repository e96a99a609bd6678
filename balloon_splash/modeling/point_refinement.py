"""Mask head whose outlines follow the object: the standard 28x28 mask, refined point by point along its edge."""

from __future__ import annotations

from typing import Any

from detectron2.config import CfgNode
from detectron2.layers import ShapeSpec
from detectron2.modeling.poolers import ROIPooler
from detectron2.modeling.roi_heads import ROI_MASK_HEAD_REGISTRY
from detectron2.modeling.roi_heads.mask_head import MaskRCNNConvUpsampleHead
from detectron2.projects.point_rend import PointRendMaskHead
from detectron2.structures import Boxes, Instances
from torch import Tensor

from balloon_splash.errors import ConfigError


@ROI_MASK_HEAD_REGISTRY.register()
class PointRefinedMaskHead(PointRendMaskHead):
    """PointRend (Kirillov et al. 2020) on top of the standard mask head in place of its own coarse one.

    PointRend's coarse head has fully connected layers, which need more than a few photos to learn; the standard head
    is a small convolutional network. Weights of a model with the standard head fit all but ``point_head``, so that
    a trained model can be refined later. Needs ``ROI_MASK_HEAD.POOLER_TYPE: ""``, as do PointRend's heads, which get
    the whole feature maps and pool themselves.
    """

    def __init__(self, cfg: CfgNode, input_shape: ShapeSpec | dict[str, ShapeSpec]) -> None:
        """Build the head for feature maps of ``input_shape``.

        Raises:
            ConfigError: the ROI heads are to pool the features first.
        """
        if isinstance(input_shape, ShapeSpec):
            raise ConfigError(
                f"MODEL.ROI_MASK_HEAD.POOLER_TYPE is {cfg.MODEL.ROI_MASK_HEAD.POOLER_TYPE!r}; expected '' (and "
                f"POINT_HEAD_ON: True) with MODEL.ROI_MASK_HEAD.NAME: {type(self).__name__}"
            )
        super().__init__(cfg, input_shape)
        self.register_load_state_dict_pre_hook(_standard_names)

    def forward(self, features: dict[str, Tensor], instances: list[Instances]) -> Any:
        """Return losses in training, else ``instances`` with masks; as ``PointRendMaskHead``, but see below."""
        if self.training and not any(len(found) for found in instances):
            # PointRend fails where no photo of the batch shows an object. All layers take part, as DDP requires.
            nothing = sum(parameter.sum() for parameter in self.parameters()) * 0
            return {"loss_mask": nothing, "loss_mask_point": nothing}
        return super().forward(features, instances)

    def _init_roi_head(self, cfg: CfgNode, input_shape: ShapeSpec) -> None:
        self._pooled_features = cfg.MODEL.ROI_HEADS.IN_FEATURES
        self.coarse_pooler = ROIPooler(
            output_size=cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION,
            scales=tuple(self._feature_scales[name] for name in self._pooled_features),
            sampling_ratio=cfg.MODEL.ROI_MASK_HEAD.POOLER_SAMPLING_RATIO,
            pooler_type="ROIAlignV2",
        )
        self.coarse_head = _CoarseMask(cfg, input_shape)

    def _roi_pooler(self, features: dict[str, Tensor], boxes: list[Boxes]) -> Tensor:
        return self.coarse_pooler([features[name] for name in self._pooled_features], boxes)


class _CoarseMask(MaskRCNNConvUpsampleHead):
    """Layers of the standard head alone: features ``(B, C, H, W)`` to logits ``(B, num_classes, 2H, 2W)``."""

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def _standard_names(head: PointRefinedMaskHead, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Rename the layers of a standard mask head in ``state``, where it has them, to their names here."""
    for name in head.coarse_head.state_dict():
        if f"{prefix}{name}" in state:
            state[f"{prefix}coarse_head.{name}"] = state.pop(f"{prefix}{name}")
