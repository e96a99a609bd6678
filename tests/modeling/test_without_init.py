"""A model that is loaded costs no random numbers, and has all that does not come from the file."""

from __future__ import annotations

import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.modeling.without_init import WithoutInit


def test_nothing_is_drawn_and_all_but_the_weights_is_there(tiny_cfg: CfgNode) -> None:
    usual = build_model(tiny_cfg)
    before = torch.get_rng_state()
    with WithoutInit():
        model = build_model(tiny_cfg)
    assert torch.equal(torch.get_rng_state(), before)
    assert {name: value.shape for name, value in model.state_dict().items()} == {
        name: value.shape for name, value in usual.state_dict().items()
    }
    for (name, found), expected in zip(model.named_buffers(), usual.buffers(), strict=True):
        assert torch.equal(found, expected), name
    model.load_state_dict(usual.state_dict())
    for (name, found), expected in zip(model.named_parameters(), usual.parameters(), strict=True):
        assert torch.equal(found, expected), name
