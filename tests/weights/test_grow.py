"""A ResNet-101 that starts from a ResNet-50 knows all that this one knows, and the new blocks learn."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_backbone
from torch import nn

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.weights.grow import RESNET_BLOCKS, grow_resnet, grown_backbone
from tests.weights.test_resolve import NARROW


def bottom_up(cfg: CfgNode, depth: int) -> nn.Module:
    other = cfg.clone()
    other.MODEL.RESNETS.DEPTH = depth
    network: nn.Module = build_backbone(other).bottom_up
    return network


def unsettled(network: nn.Module) -> nn.Module:
    """Norms with statistics, scales and shifts as a training leaves them, so that none can be left out unnoticed."""
    torch.manual_seed(1)
    for key, value in network.state_dict().items():
        if "norm" in key and value.is_floating_point():
            value.copy_(torch.rand_like(value) + (0.5 if key.endswith(("var", "weight")) else -0.5))
    return network.eval()


def largest_difference(first: nn.Module, second: nn.Module, picture: torch.Tensor) -> float:
    with torch.no_grad():
        ours, theirs = first(picture), second(picture)
    assert ours.keys() == theirs.keys()
    return max(float((ours[level] - theirs[level]).abs().max()) for level in ours)


@pytest.mark.parametrize("norm", ["FrozenBN", "BN", "GN"])
@pytest.mark.parametrize(("shallow", "deep"), [(50, 101), (50, 152), (18, 34)])
def test_the_grown_network_computes_the_same(norm: str, shallow: int, deep: int) -> None:
    wide = [*NARROW, "MODEL.RESNETS.NORM", norm]
    if norm == "GN":  # wants 32 channels
        wide += ["MODEL.RESNETS.STEM_OUT_CHANNELS", "32", "MODEL.RESNETS.WIDTH_PER_GROUP", "32"]
        wide += ["MODEL.RESNETS.RES2_OUT_CHANNELS", "32"]
    if shallow == 18:
        wide += ["MODEL.RESNETS.RES2_OUT_CHANNELS", "64"]
    cfg = load_config("balloon_R18_FPN.yaml" if shallow == 18 else "balloon_R50_FPN.yaml", wide)
    small, large = unsettled(bottom_up(cfg, shallow)), bottom_up(cfg, deep).eval()
    grown = grow_resnet(small.state_dict(), RESNET_BLOCKS[deep])
    large.load_state_dict(grown)
    assert largest_difference(small, large, torch.randn(1, 3, 64, 64)) == 0.0


def test_the_new_blocks_learn() -> None:
    cfg = load_config("balloon_R50_FPN.yaml", NARROW)
    small, large = unsettled(bottom_up(cfg, 50)), bottom_up(cfg, 101)
    large.load_state_dict(grow_resnet(small.state_dict(), RESNET_BLOCKS[101]))
    large(torch.randn(1, 3, 64, 64))["res5"].square().sum().backward()
    for block in range(6, 23):
        gradient = large.get_parameter(f"res4.{block}.conv3.weight").grad
        assert gradient is not None
        assert gradient.abs().max() > 0


def test_a_network_does_not_shrink() -> None:
    state = bottom_up(load_config("balloon_R50_FPN.yaml", NARROW), 50).state_dict()
    with pytest.raises(WeightsError, match="res2 has 3 blocks"):
        grow_resnet(state, RESNET_BLOCKS[18])


def test_the_real_resnet_50_grows_into_a_resnet_101(shared_dir: Path) -> None:
    cfg = load_config("balloon_R101_FPN.yaml", ["MODEL.DEVICE", "cpu"])
    from safetensors.torch import load_file

    grown = load_file(grown_backbone(cfg, str(shared_dir / "weights" / "R-50.pth"), 50))
    stripped = {key.removeprefix("backbone.bottom_up."): value for key, value in grown.items()}
    large, small = bottom_up(cfg, 101).eval(), bottom_up(cfg, 50).eval()
    large.load_state_dict(stripped)
    small.load_state_dict({key: stripped[key] for key in small.state_dict()})
    picture = torch.randn(1, 3, 96, 128) * 50
    assert largest_difference(small, large, picture) == 0.0
    assert small(picture)["res5"].abs().max() > 0
