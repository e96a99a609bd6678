"""Objects from hand-drawn boxes, which the second stage of a Mask R-CNN takes in place of proposals."""

from __future__ import annotations

from typing import Any

import torch
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Boxes, Instances
from torch import Tensor

from balloon_splash.errors import ConfigError
from balloon_splash.modeling.cut_boxes import limits_of
from balloon_splash.modeling.matterport import MatterportRCNN
from balloon_splash.modeling.roi_heads import BalloonROIHeads


@torch.no_grad()
def segment_boxes(model: Any, batched_input: dict[str, Any], boxes: Tensor) -> Instances:
    """Segment one object per box: the box refined by the box head, its mask, the likeliest class and its probability.

    Hand-drawn boxes are a little off, which the box head corrects: docs/model_decisions.md has the comparison.

    Args:
        model: a ``GeneralizedRCNN`` in evaluation mode with standard ROI heads.
        batched_input: one input of the model, as its ``forward`` takes it.
        boxes: ``(N, 4)`` XYXY in pixels of ``batched_input``'s image.

    Returns:
        ``pred_boxes``, ``scores``, ``pred_classes`` and ``pred_masks`` ``(N, 1, M, M)``, in the order of ``boxes``.

    Raises:
        ConfigError: the second stage has another structure (a cascade, or one on a single feature map).
    """
    roi_heads = model.roi_heads
    if not isinstance(roi_heads, StandardROIHeads) or isinstance(roi_heads.box_predictor, torch.nn.ModuleList):
        raise ConfigError(f"{type(roi_heads).__name__} does not take boxes; expected StandardROIHeads, or no --add-box")
    images = model.preprocess_image([batched_input])
    features = model.backbone(images.tensor)
    size = images.image_sizes[0]
    move = _place(model, batched_input, boxes).to(model.device)
    given = Boxes(boxes.to(model.device) + move)
    pooled = roi_heads.box_pooler([features[name] for name in roi_heads.box_in_features], [given])
    predictions = roi_heads.box_predictor(roi_heads.box_head(pooled))
    proposals = [Instances(size, proposal_boxes=given)]
    (likely,) = roi_heads.box_predictor.predict_probs(predictions, proposals)
    scores, classes = likely[:, :-1].max(dim=1)
    (mended,) = roi_heads.box_predictor.predict_boxes(predictions, proposals)  # (N, 4), or (N, 4K) by class
    mended = mended.view(len(boxes), -1, 4)
    best = Boxes(mended[torch.arange(len(boxes)), classes if mended.shape[1] > 1 else 0] - move)
    best.clip(batched_input["image"].shape[-2:])
    best.tensor = torch.where(best.nonempty()[:, None], best.tensor, given.tensor - move) + move
    asked = Instances(size, pred_boxes=best, scores=scores, pred_classes=classes)
    (found,) = roi_heads.forward_with_given_boxes(features, [asked])
    if isinstance(roi_heads, BalloonROIHeads):
        roi_heads.redraw_cut(features, [found], [limits_of(batched_input["image"].shape[-2:], move) + move])
    found.pred_boxes.tensor -= move
    return found


def _place(model: Any, batched_input: dict[str, Any], boxes: Tensor) -> Tensor:
    """Return how far boxes ``(4,)`` move with the image: a model of matterport's puts it in the middle of a canvas."""
    if not isinstance(model, MatterportRCNN):
        return boxes.new_zeros(4)
    top, left = model.corner(batched_input["image"])
    return boxes.new_tensor([left, top, left, top])
