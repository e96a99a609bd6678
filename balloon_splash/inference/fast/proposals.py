"""Limits on the proposals for the ROI heads, whose work grows with them: docs/benchmarks.md shows that AP stays."""

from __future__ import annotations

from typing import Any

from detectron2.structures import Instances
from torch import arange

from balloon_splash.modeling.matterport import MatterportRPN

CANDIDATES = 500
"""Candidates per level of the pyramid that enter NMS, instead of up to 1,000."""

MOST = 300
"""Proposals that NMS passes on, instead of up to 1,000."""

FEWEST = 100
"""Proposals beyond which the RPN has to favour object over background, as for many in photos of a crowd."""


def cut_proposals(generator: Any) -> None:
    """Limit a proposal generator (an ``RPN``) to the best proposals from now on.

    One of matterport's stays as it is: it chooses among all levels together, equal to the original.
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
