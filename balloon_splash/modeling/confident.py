"""Detections that reach a score, with the scores of those that do not, so that a person can be told the best one."""

from __future__ import annotations

import torch
from detectron2.structures import Instances
from torch import Tensor


def confident(found: Instances, floor: float) -> Instances:
    """Drop detections with a score below ``floor``; :func:`left_out` gives their scores."""
    sure = found.scores >= floor
    return _beside(found[sure], torch.cat([left_out(found), found.scores[~sure].float()]))


def best_first(found: Instances) -> Instances:
    """Order detections by their scores."""
    return _beside(found[found.scores.argsort(descending=True)], left_out(found))


def left_out(found: Instances) -> Tensor:
    """Scores of the detections that :func:`confident` has dropped, ``(K,)`` float32; none for other instances."""
    scores: Tensor = getattr(found, "_left_out", found.scores[:0].float())
    return scores


def _beside(found: Instances, scores: Tensor) -> Instances:
    found._left_out = scores  # Instances takes names with an underscore as attributes of any length, not as fields
    return found
