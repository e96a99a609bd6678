"""Meta-architecture, RPN, ROI heads and mask head; importing this package puts them in Detectron2's registries."""

from balloon_splash.modeling import matterport
from balloon_splash.modeling.mask_scoring import MaskScoringHead
from balloon_splash.modeling.point_refinement import PointRefinedMaskHead
from balloon_splash.modeling.rcnn import BalloonRCNN
from balloon_splash.modeling.roi_heads import BalloonROIHeads
from balloon_splash.modeling.rpn import BalloonRPN
from balloon_splash.modeling.trace import Trace

__all__ = [
    "BalloonRCNN",
    "BalloonROIHeads",
    "BalloonRPN",
    "MaskScoringHead",
    "PointRefinedMaskHead",
    "Trace",
    "matterport",
]
