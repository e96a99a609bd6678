"""The ROI heads look at the best proposals, and at more of them where there is more to see."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from detectron2.structures import Boxes, Instances
from torch import nn

from balloon_splash.inference.fast.proposals import cut_proposals


class Generator(nn.Module):
    """Stand-in for an ``RPN`` that returns proposals with the logits of its call, best first."""

    def __init__(self, asked: int = 1000) -> None:
        super().__init__()
        self.pre_nms_topk = self.post_nms_topk = {True: 2000, False: asked}

    def forward(self, logits: torch.Tensor) -> tuple[list[Instances], dict[str, Any]]:
        found = Instances((100, 100))
        found.proposal_boxes = Boxes(torch.rand(len(logits), 4))
        found.objectness_logits = logits
        return [found], {}


@pytest.mark.parametrize(
    ("likely", "unlikely", "kept"),
    [(5, 200, 100), (150, 100, 150), (0, 30, 30), (300, 0, 300), (0, 0, 0)],
)
def test_how_many_are_kept(likely: int, unlikely: int, kept: int) -> None:
    generator = Generator()
    cut_proposals(generator)
    logits = torch.cat([torch.linspace(9, 0.1, likely), torch.linspace(-0.1, -9, unlikely)])
    ((found,), losses) = generator(logits)
    assert losses == {}
    assert torch.equal(found.objectness_logits, logits[:kept]), "the best ones, in their order"


def test_never_more_than_the_configuration_says() -> None:
    for asked, candidates, kept in ((1000, 500, 300), (400, 400, 300), (50, 50, 50)):
        generator = Generator(asked)
        cut_proposals(generator)
        assert generator.pre_nms_topk == {True: 2000, False: candidates}
        assert generator.post_nms_topk == {True: 2000, False: kept}
