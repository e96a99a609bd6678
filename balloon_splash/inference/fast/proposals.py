"""Fewer proposals for the ROI heads, whose work grows with them: docs/benchmarks.md shows that AP stays."""

from __future__ import annotations

from typing import Any

from detectron2.structures import Instances
from torch import arange

from balloon_splash.modeling.matterport import MatterportRPN

CANDIDATES = 500
"""As many of each level of the pyramid are compared with each other, instead of up to 1,000."""

MOST = 300
"""As many go on, instead of up to 1,000."""

FEWEST = 100
"""Beyond these only what the RPN takes for an object rather than for background: in photos of a crowd it is much."""


def cut_proposals(generator: Any) -> None:
    """Let a proposal generator (an ``RPN``) give the best proposals only, from now on.

    One of matterport's stays as it is: it chooses among all levels together, and equal to the original.
    """
    if isinstance(generator, MatterportRPN):
        return
    before, after = generator.pre_nms_topk, generator.post_nms_topk
    generator.pre_nms_topk = {**before, False: min(before[False], CANDIDATES)}
    generator.post_nms_topk = {**after, False: min(after[False], MOST)}
    generator.register_forward_hook(_likely)


def _likely(_module: object, _inputs: object, output: tuple[list[Instances], Any]) -> tuple[list[Instances], Any]:
    proposals, losses = output
    return [_likely_of_one(found) for found in proposals], losses


def _likely_of_one(proposals: Instances) -> Instances:
    logits = proposals.objectness_logits
    return proposals[(logits > 0) | (arange(len(logits), device=logits.device) < FEWEST)]
