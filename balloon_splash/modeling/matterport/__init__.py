"""Twins of Detectron2's parts that compute what matterport's Mask R-CNN computes, number by number.

https://github.com/matterport/Mask_RCNN at commit 3deaec5. Boxes are half-open and in pixels, as everywhere in
Detectron2; a part that has to count as matterport does, with boxes one pixel narrower, converts them (:mod:`.boxes`).
Images are placed on a canvas (:mod:`.rcnn`); boxes inside the network are in pixels of the canvas.
"""

from balloon_splash.modeling.matterport.rcnn import MatterportRCNN
from balloon_splash.modeling.matterport.roi_heads import MatterportROIHeads
from balloon_splash.modeling.matterport.rpn import MatterportRPN
from balloon_splash.modeling.matterport.stem import build_matterport_resnet_fpn_backbone

__all__ = ["MatterportRCNN", "MatterportROIHeads", "MatterportRPN", "build_matterport_resnet_fpn_backbone"]
