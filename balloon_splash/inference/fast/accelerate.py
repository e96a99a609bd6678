"""Acceleration of a model beyond Detectron2's own computation, with results close to it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.modeling.roi_heads import StandardROIHeads
from torch import Tensor, nn

from balloon_splash.devices import has_bf16
from balloon_splash.inference.backends import Choice
from balloon_splash.inference.fast.calibration import Calibration
from balloon_splash.inference.fast.conv_part import ConvPart, Engine, fold_norms, replace_conv_part
from balloon_splash.inference.fast.padding import Ladder
from balloon_splash.inference.fast.proposals import cut_proposals
from balloon_splash.inference.fast.row_pooler import replace_poolers


@torch.no_grad()
def accelerate(model: Any, cfg: CfgNode, choice: Choice, calibration: Calibration) -> None:
    """Make a ``GeneralizedRCNN`` with an RPN run as ``choice`` says (changed in place; no longer trainable).

    Args:
        model: with its weights, in evaluation mode.
        cfg: the configuration that it was built from.
        choice: a choice that is not exact.
        calibration: photos for int8.

    Raises:
        ConfigError: the model has another structure, or there are no photos to calibrate on.
    """
    part = ConvPart(model)
    fast = copy.deepcopy(part)
    fold_norms(fast)
    # The kernels for GPUs are fast already.
    by_rows = torch.device(cfg.MODEL.DEVICE).type == "cpu" and replace_poolers(model.roi_heads)
    bf16 = choice.precision != "fp32" and has_bf16(cfg.MODEL.DEVICE)
    maps_in_bf16 = bf16 and by_rows and _only_poolers_and_fast_heads(model.roi_heads)
    engine = _engine(fast, cfg, choice, calibration, bf16_outputs=len(part.names) if maps_in_bf16 else 0)
    replace_conv_part(model, part, engine)
    cut_proposals(model.proposal_generator)
    if bf16:
        _heads_in_bfloat16(model.roi_heads)


def _only_poolers_and_fast_heads(roi_heads: Any) -> bool:
    """Return whether every consumer of the feature maps accepts bfloat16."""
    return isinstance(roi_heads, StandardROIHeads) and not roi_heads.keypoint_on


def _engine(part: ConvPart, cfg: CfgNode, choice: Choice, calibration: Calibration, *, bf16_outputs: int) -> Engine:
    if choice.backend == "torch":
        return torch_engine(part, bf16=choice.precision == "bf16")
    from balloon_splash.inference.fast.openvino_engine import OpenVinoEngine
    from balloon_splash.inference.fast.openvino_model import openvino_model

    folder, key = openvino_model(part, cfg, calibration if choice.precision == "int8" else None)
    bf16 = choice.precision != "fp32" and has_bf16("cpu")
    return OpenVinoEngine(folder, key, Ladder.from_config(cfg), bf16=bf16, bf16_outputs=bf16_outputs)


def _heads_in_bfloat16(roi_heads: Any) -> None:
    """Compute box head and mask head in bfloat16; the box predictor, whose scores decide, stays in fp32."""
    for name in ("box_head", "mask_head"):
        head = getattr(roi_heads, name, None)
        if isinstance(head, nn.ModuleList):  # one head per stage of a cascade
            setattr(roi_heads, name, nn.ModuleList(_InBfloat16(each) for each in head))
        elif isinstance(head, nn.Module):
            setattr(roi_heads, name, _InBfloat16(head))


class _InBfloat16(nn.Module):
    """Module under autocast, with the weights of its large layers cast once and for all."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                layer.to(torch.bfloat16)

    def forward(self, *inputs: Any) -> Any:
        first = inputs[0]
        device = (first if isinstance(first, Tensor) else next(iter(first.values()))).device.type
        with torch.autocast(device, dtype=torch.bfloat16):
            found = self.module(*inputs)
        return found.float() if isinstance(found, Tensor) else found


def torch_engine(part: ConvPart, *, bf16: bool) -> Engine:
    """Run ``part`` (changed in place) with channels last and, on request, with weights and images in bfloat16.

    ``torch.compile`` is not used: docs/benchmarks.md has its costs and gains.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    fast = part.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(images: Tensor) -> list[Tensor]:
        return [found.float() for found in fast(images.to(dtype=dtype, memory_format=torch.channels_last))]

    return run
