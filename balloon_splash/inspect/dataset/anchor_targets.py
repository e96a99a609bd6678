"""Training targets of the two stages of a model: the anchors and ROIs that count as object or as background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from detectron2.config import CfgNode
from detectron2.modeling.roi_heads import ROIHeads, build_roi_heads
from detectron2.structures import Boxes, Instances, pairwise_iou
from detectron2.utils.events import EventStorage
from torch import Tensor

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.inspect.dataset.anchors import AnchorModel, Size, resized_boxes
from balloon_splash.inspect.dataset.source import objects_of

POSITIVE, NEGATIVE, IGNORED = 1, 0, -1  # labels of Detectron2's Matcher

_JITTER = 0.1  # standard deviation of a good proposal's edges, in widths and heights of the object
_JITTERED_A_BOX = 20


@dataclass(frozen=True)
class AnchorLabels:
    """Labels that the RPN gives the anchors of one photo.

    Attributes:
        anchors: ``(R, 4)`` XYXY pixels of the resized photo, all levels.
        matched: ``(R,)`` labels by IoU alone: positive, negative, or ignored, that is, between the two thresholds.
        sampled: ``(R,)`` labels of the anchors drawn for the loss; all others are ignored.
    """

    anchors: Tensor
    matched: Tensor
    sampled: Tensor


def label_anchors(model: AnchorModel, photo: DatasetDict, size: Size, *, seed: int = 0) -> AnchorLabels:
    """Label the anchors of ``photo`` resized to ``size``, by the RPN's own matcher and its own sampling."""
    targets = _targets(photo, size)
    levels = model.anchors(size)
    anchors = Boxes.cat(levels)
    _, matched = model.rpn.anchor_matcher(pairwise_iou(targets.gt_boxes, anchors))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sampled, _ = model.rpn.label_and_sample_anchors(levels, [targets])
    return AnchorLabels(anchors.tensor, matched, sampled[0])


@dataclass(frozen=True)
class RoiShares:
    """Share of positives among the ROIs that the second stage trains on, mean over photos.

    Attributes:
        untrained: the share with proposals no better than chance: anchors drawn at random.
        trained: the share with proposals like a good RPN's: each object with its edges jittered by a tenth of its
            sides, twenty times, besides anchors drawn at random.
        target: ``MODEL.ROI_HEADS.POSITIVE_FRACTION``, the most that the sampler allows.
    """

    untrained: float
    trained: float
    target: float


def positive_roi_shares(model: AnchorModel, photos: Sequence[tuple[DatasetDict, Size]], *, seed: int = 0) -> RoiShares:
    """Return the share of positive ROIs, by the model's own ROI heads, for stand-ins of bad and good proposals.

    No model is trained here, so there are no real proposals; the two stand-ins bracket what training will see.
    """
    cfg = model.cfg
    with torch.device("meta"):
        heads = build_roi_heads(cfg, model.feature_shapes)
    with torch.random.fork_rng(devices=[]), EventStorage():
        torch.manual_seed(seed)
        shares = [_positive_shares(heads, model, photo, size) for photo, size in photos]
    untrained, trained = torch.tensor(shares).mean(dim=0).tolist() if shares else (float("nan"), float("nan"))
    return RoiShares(untrained, trained, cfg.MODEL.ROI_HEADS.POSITIVE_FRACTION)


def _positive_shares(heads: ROIHeads, model: AnchorModel, photo: DatasetDict, size: Size) -> list[float]:
    targets = _targets(photo, size)
    anchors = Boxes.cat(model.anchors(size)).tensor
    count = model.cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN
    random = anchors[torch.randperm(len(anchors))[:count]]
    good = _jittered(targets.gt_boxes.tensor)
    shares = []
    for boxes in (random, torch.cat([good, random])[:count]):
        proposals = Instances(size, proposal_boxes=Boxes(boxes.clone()), objectness_logits=torch.zeros(len(boxes)))
        proposals.proposal_boxes.clip(size)
        (rois,) = heads.label_and_sample_proposals([proposals], [targets])
        foreground = (rois.gt_classes >= 0) & (rois.gt_classes < heads.num_classes)
        shares.append(float(foreground.float().mean()))
    return shares


def _jittered(boxes: Tensor) -> Tensor:
    sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
    repeated = boxes.repeat_interleave(_JITTERED_A_BOX, dim=0)
    moved = repeated + _JITTER * sides.repeat_interleave(_JITTERED_A_BOX, dim=0) * torch.randn_like(repeated)
    return torch.cat([torch.minimum(moved[:, :2], moved[:, 2:]), torch.maximum(moved[:, :2], moved[:, 2:])], dim=1)


def _targets(photo: DatasetDict, size: Size) -> Instances:
    classes = torch.tensor([obj["category_id"] for obj in objects_of(photo)], dtype=torch.int64)
    return Instances(size, gt_boxes=Boxes(resized_boxes(photo, size)), gt_classes=classes)


def iou_thresholds(cfg: CfgNode) -> tuple[float, float]:
    """Return the RPN's thresholds: below the first an anchor is negative, from the second up positive."""
    low, high = cfg.MODEL.RPN.IOU_THRESHOLDS
    return float(low), float(high)
