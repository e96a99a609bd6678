"""The convolutional part in torch, in the layout and the precision that its kernels are fastest in."""

from __future__ import annotations

import torch
from torch import Tensor

from balloon_splash.inference.conv_part import ConvPart, Engine


def torch_engine(part: ConvPart, *, bf16: bool) -> Engine:
    """Run ``part`` (changed in place) with channels last and, on request, with weights and images in bfloat16.

    ``torch.compile`` is not used: docs/benchmarks.md tells what it costs and gains.
    """
    dtype = torch.bfloat16 if bf16 else torch.float32
    fast = part.to(dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(images: Tensor) -> list[Tensor]:
        return [found.float() for found in fast(images.to(dtype=dtype, memory_format=torch.channels_last))]

    return run
