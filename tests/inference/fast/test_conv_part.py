"""The convolutional part can be taken out and put back, and gives what the model's own layers give."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.layers import FrozenBatchNorm2d
from detectron2.modeling import build_model
from torch import nn

from balloon_splash.errors import ConfigError
from balloon_splash.inference.fast.accelerate import torch_engine
from balloon_splash.inference.fast.conv_part import ConvPart, fold_norms, replace_conv_part
from tests.conftest import example_batch


def with_used_norms(model: nn.Module) -> nn.Module:
    """Norms as a training leaves them: with statistics that do something."""
    generator = torch.Generator().manual_seed(3)
    module: Any
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d | nn.BatchNorm2d):
            shape = module.weight.shape
            for name in ("weight", "bias", "running_mean", "running_var"):
                values = torch.rand(shape, generator=generator) / 2 + 0.75
                getattr(module, name).data.copy_(values)
    return model.eval()


@pytest.fixture(params=["BN", "FrozenBN"])
def model(request: pytest.FixtureRequest, tiny_cfg: CfgNode) -> nn.Module:
    torch.manual_seed(1)
    tiny_cfg.MODEL.RESNETS.NORM = request.param
    return with_used_norms(build_model(tiny_cfg))


@torch.no_grad()
def test_folded_norms_change_nothing_but_the_last_digits(model: Any) -> None:
    part = ConvPart(model)
    folded = copy.deepcopy(part)
    fold_norms(folded)
    assert not [each for each in folded.modules() if isinstance(each, FrozenBatchNorm2d | nn.BatchNorm2d)]
    images = torch.randn(1, 3, 96, 128)
    for found, expected in zip(folded(images), part(images), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@torch.no_grad()
def test_the_model_computes_with_the_engine_what_it_computed_without(model: Any) -> None:
    batch = example_batch()
    expected = model.inference(batch, do_postprocess=False)
    part = ConvPart(model)
    replace_conv_part(model, part, part)
    for found, right in zip(model.inference(batch, do_postprocess=False), expected, strict=True):
        assert len(found) == len(right) > 0
        assert torch.equal(found.pred_boxes.tensor, right.pred_boxes.tensor)
        assert torch.equal(found.scores, right.scores)
        assert torch.equal(found.pred_masks, right.pred_masks)


@torch.no_grad()
def test_photos_side_by_side_do_not_mix(model: Any) -> None:
    """Each thread's RPN head gets what its own backbone left."""
    part = ConvPart(model)
    meeting = threading.Barrier(2, timeout=60)

    def engine(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found: tuple[torch.Tensor, ...] = part(images)
        meeting.wait()  # both have computed before either goes on
        return found

    batch: Any = example_batch()
    batch[1]["image"] = 255 - batch[1]["image"]
    with torch.no_grad():
        expected = [model.inference([each], do_postprocess=False)[0].pred_boxes.tensor for each in batch]
    replace_conv_part(model, part, engine)
    found: list[Any] = [None, None]

    @torch.no_grad()
    def work(index: int) -> None:
        found[index] = model.inference([batch[index]], do_postprocess=False)[0].pred_boxes.tensor

    threads = [threading.Thread(target=work, args=(index,)) for index in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not torch.equal(expected[0], expected[1])
    for index in (0, 1):
        assert torch.equal(found[index], expected[index])


@torch.no_grad()
def test_channels_last_and_bf16_are_close(model: Any) -> None:
    images = torch.randn(1, 3, 96, 128)
    expected = ConvPart(model)(images)
    for bf16, tolerance in ((False, 1e-4), (True, 5e-2)):
        part = copy.deepcopy(ConvPart(model))
        fold_norms(part)
        for found, right in zip(torch_engine(part, bf16=bf16)(images), expected, strict=True):
            assert found.dtype == torch.float32
            assert (found - right).abs().max() <= tolerance * right.abs().max()


def test_a_model_of_another_structure() -> None:
    with pytest.raises(ConfigError, match="Linear has no backbone and RPN"):
        ConvPart(nn.Linear(1, 1))
